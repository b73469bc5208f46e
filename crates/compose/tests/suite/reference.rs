//! The table of rules in `docs/compose.md` is what the code says. `DEVPROOF_BLESS=1` writes it anew.

use devproof_compose::lint::reference;
use std::path::Path;

const BEGIN: &str = "<!-- rules: written by a test, from the code -->\n";
const END: &str = "<!-- end of rules -->\n";

#[test]
fn the_reference_of_rules_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compose.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let current = format!("{before}{BEGIN}\n{}\n{END}{after}", reference());
    if std::env::var_os("DEVPROOF_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text == current, "docs/compose.md is stale; run the test with DEVPROOF_BLESS=1");
}
