//! Which file holds all that a verb says: none is without, and no file is without a verb.

use crate::tree::leaves;
use std::{collections::BTreeSet, fs, path::Path};

/// What a verb has.
enum Has {
    /// These files, in folders named `words`.
    Words(&'static [&'static str]),
    /// None, and why that is so.
    None(&'static str),
}
use Has::{None as Nothing, Words};

/// Each verb. Where the same is told of a chain that a node serves, the file begins with `story_`.
const VERBS: [(&str, Has); 59] = [
    ("index", Words(&["verb_index.txt"])),
    (
        "at",
        Words(&[
            "at.txt",
            "as_of.txt",
            "as_of_and_since.txt",
            "story_at.txt",
            "story_at_birth.txt",
            "story_at_of_stock.txt",
            "story_at_one_version.txt",
        ]),
    ),
    ("history", Words(&["history.txt", "story_history.txt", "story_history_of_stock.txt"])),
    ("allowed", Words(&["allowed.txt", "allowed_in_doubt.txt", "story_allowed.txt"])),
    ("diff", Words(&["diff.txt", "diff_of_a_stock_app.txt", "story_diff.txt"])),
    ("family", Words(&["family.txt", "story_family.txt"])),
    ("compose hash", Words(&["compose_hash.txt"])),
    (
        "compose show",
        Words(&["compose_show.txt", "compose_show_mended.txt", "compose_show_self_report.txt"]),
    ),
    (
        "compose lint",
        Words(&["compose_lint.txt", "compose_lint_mended.txt", "compose_lint_github.txt"]),
    ),
    ("compose diff", Words(&["compose_diff.txt"])),
    ("compose predict", Words(&["compose_predict.txt"])),
    ("deletions", Words(&["deletions.txt", "story_deletions.txt"])),
    ("verify", Words(&["verify.txt"])),
    ("compare", Words(&["compare.txt"])),
    ("observe", Words(&["observe.txt"])),
    ("observed", Words(&["observed.txt"])),
    ("stage", Words(&["stage.txt"])),
    ("challenge", Words(&["verb_challenge.txt"])),
    ("sigchain verify", Words(&["sigchain_verify.txt"])),
    ("notices", Words(&["story_notices.txt"])),
    ("watch", Words(&["verb_watch.txt"])),
    ("notify add", Words(&["notify_help.txt", "notify_add_help.txt", "notify_add.txt"])),
    ("notify list", Words(&["notify_list.txt"])),
    ("notify show", Words(&["notify_show.txt"])),
    ("notify test", Words(&["verb_notify_test.txt"])),
    ("notify remove", Words(&["verb_notify_remove.txt"])),
    ("notify retry", Words(&["verb_notify_retry.txt"])),
    ("notify run", Words(&["verb_notify_run.txt"])),
    ("app deploy", Words(&["deploy.txt", "step_deploy.txt"])),
    ("app register", Words(&["step_register.txt"])),
    ("app show", Words(&["show.txt", "story_show.txt"])),
    ("app transfer", Words(&["step_transfer.txt", "step_transfer_accept.txt"])),
    (
        "app guardian",
        Words(&["step_guardian_name.txt", "step_guardian_replace.txt", "step_guardian_remove.txt"]),
    ),
    (
        "app devices",
        Words(&[
            "step_devices_add.txt",
            "step_devices_add_any.txt",
            "step_devices_remove.txt",
            "step_devices_remove_any.txt",
        ]),
    ),
    (
        "app images",
        Words(&[
            "images.txt",
            "step_images_pin.txt",
            "step_images_add.txt",
            "step_images_add_any.txt",
            "step_images_remove.txt",
        ]),
    ),
    ("app notice", Words(&["notice.txt", "step_notice_longer.txt", "step_notice_shorter.txt"])),
    ("app tcb", Words(&["tcb.txt", "step_tcb_require.txt", "step_tcb_drop.txt"])),
    ("app freeze", Words(&["step_freeze.txt"])),
    ("key new", Words(&["key_new.txt"])),
    ("key import", Words(&["key_import.txt"])),
    (
        "contract verify",
        Words(&["contract.txt", "story_contract.txt", "story_contract_of_stock.txt"]),
    ),
    (
        "propose",
        Words(&["step_propose.txt", "preflight.txt", "release.txt", "safe.txt", "calldata.txt"]),
    ),
    ("activate", Words(&["step_activate.txt", "release.txt"])),
    ("cancel", Words(&["step_cancel.txt", "release.txt"])),
    ("remove", Words(&["step_remove.txt", "release.txt"])),
    ("status", Words(&["story_status.txt", "story_status_of_stock.txt", "release.txt"])),
    ("release init", Words(&["play.txt"])),
    ("release check", Words(&["play.txt"])),
    ("release publish", Words(&["play.txt"])),
    ("release verify", Words(&["play.txt"])),
    ("openapi", Nothing("docs/openapi.json is all that it prints, and is compared with it")),
    ("schema", Nothing("docs/schemas.json is all that it prints, and is compared with it")),
    (
        "serve",
        Nothing(
            "it says where it listens and then answers others; each page and document has tests of its own",
        ),
    ),
    ("fsck", Words(&["story_fsck.txt"])),
    ("db copy", Words(&["verb_db_copy.txt"])),
    ("db prune-evidence", Words(&["verb_db_prune_evidence.txt"])),
    ("doctor", Words(&["doctor.txt", "doctor_first.txt", "doctor_postgres.txt"])),
    ("completions", Nothing("what a shell makes of its script is asked of a shell")),
    ("man", Nothing("it prints the names of the pages; groff reads the pages")),
];

fn tests() -> Vec<std::path::PathBuf> {
    let (mut found, mut folders) =
        (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => found.push(path),
            }
        }
    }
    found
}

#[test]
fn every_verb_has_its_words_or_a_reason_why_not() {
    let with: Vec<_> = VERBS.iter().map(|(verb, _)| (*verb).to_owned()).collect();
    assert_eq!(with, leaves(), "each verb once, in the order of the help");
    let reasons: Vec<_> = VERBS
        .iter()
        .filter_map(|(_, has)| match has {
            Nothing(why) => Some(why),
            Words(_) => None,
        })
        .collect();
    assert!(reasons.len() <= 5, "few verbs have a reason: {reasons:?}");
    assert!(reasons.iter().all(|why| why.len() > 20));
}

#[test]
fn every_file_of_words_belongs_to_a_verb_and_is_compared() {
    let all = tests();
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let in_words = |path: &&std::path::PathBuf| path.parent().unwrap().ends_with("words");
    let files: Vec<_> = all.iter().filter(in_words).map(name).collect();
    let found: BTreeSet<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(found.len(), files.len(), "a name stands for one file");
    let mut named = BTreeSet::new();
    for (verb, has) in &VERBS {
        let Words(words) = has else { continue };
        assert!(!words.is_empty(), "{verb} has nothing, and no reason");
        named.extend(words.iter().copied());
    }
    assert_eq!(named, found);
    // Named by a test besides the table, which compares it.
    let is_test = |path: &&std::path::PathBuf| {
        path.extension().is_some_and(|it| it == "rs") && !path.ends_with("suite/snapshots.rs")
    };
    let text: String =
        all.iter().filter(is_test).map(|path| fs::read_to_string(path).unwrap()).collect();
    for file in found {
        assert!(text.contains(&format!("\"{file}\"")), "no test compares {file}");
    }
}
