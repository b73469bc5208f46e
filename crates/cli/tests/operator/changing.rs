//! Every step that sends a transaction: all that it says, before and after, and that a second time sends nothing.

use crate::{
    bench::{Said, same, without_hashes},
    steps::{HASHES, STEPS, Step, Table},
};
use clap::CommandFactory as _;
use devproof_cli::opts::Opts;
use serde_json::Value;
use std::collections::BTreeSet;

/// The fields of what such a step answers, all of which are always there.
const FIELDS: [&str; 17] = [
    "action",
    "app",
    "call",
    "chainId",
    "checks",
    "code",
    "cost",
    "expiresAt",
    "from",
    "outcome",
    "reason",
    "ripeAt",
    "safe",
    "setting",
    "simulatedOn",
    "transaction",
    "value",
];

/// A run as somebody at a terminal sees it; what went to standard error behind a `!`.
pub(crate) fn transcript(args: &[&str], said: &Said) -> String {
    let err: String = said.err.lines().map(|line| format!("! {line}\n")).collect();
    format!("$ devproof {} -> {}\n{}{err}\n", args.join(" "), said.code, said.out)
}

/// The names of the fields of an object.
pub(crate) fn fields(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn is_a_report(said: &Said, outcome: &str) -> Value {
    let document = said.json();
    let found: BTreeSet<_> = fields(&document).into_iter().collect();
    assert_eq!(found, FIELDS.into(), "{document:#}");
    assert_eq!(document["outcome"], outcome, "{document:#}");
    let call: BTreeSet<_> = fields(&document["call"]).into_iter().collect();
    assert_eq!(call, ["arguments", "data", "function", "target", "value"].into());
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_told_in_full_and_done_once() {
    let table = Table::new().await;
    for step in &STEPS {
        let Step { words, args, .. } = step;
        let back = table.prepare(step).await;
        let (sent, head) = table.state(step).await;
        let shown = table.run(step, &["--dry-run", "--json"]);
        assert_eq!(shown.code, 0, "{words}: {shown:?}");
        let document = is_a_report(&shown, "shown");
        assert!(document["cost"]["most"].is_string() && document["transaction"].is_null());
        assert_eq!(table.state(step).await, (sent, head), "{words}: nothing is sent");

        let mut told = String::new();
        let done = table.run(step, &["--yes"]);
        assert_eq!(done.code, 0, "{words}: {done:?}");
        let args = [args, &["--yes"][..]].concat();
        told.push_str(&transcript(&args, &done));
        let (sent_then, head) = table.state(step).await;
        assert_eq!(sent_then, sent + 1, "{words}: one transaction");

        let again = table.run(step, &["--yes"]);
        assert_eq!((again.code, again.err.as_str()), (0, ""), "{words}: {again:?}");
        assert!(again.out.starts_with(&table.again(step)), "{words}: {again:?}");
        assert!(again.out.ends_with(" Nothing was sent.\n"), "{words}: {again:?}");
        told.push_str(&transcript(&args, &again));
        // Nor is anybody asked about what is done.
        let document = is_a_report(&table.run(step, &["--json"]), "already");
        assert!(document["cost"].is_null() && document["transaction"].is_null(), "{document:#}");
        assert_eq!(table.state(step).await, (sent + 1, head), "{words}: nothing is sent twice");
        same(words, &without_hashes(&told, &HASHES));
        table.revert(back).await;
    }
}

/// The verbs that ask before they send.
fn verbs(tree: &clap::Command, above: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for verb in tree.get_subcommands() {
        let names = [above, &[verb.get_name().to_owned()]].concat();
        found.extend(verbs(verb, &names));
        if verb.get_arguments().any(|arg| arg.get_id() == "yes") {
            found.push(names);
        }
    }
    found
}

#[test]
fn no_verb_that_sends_is_without_a_step() {
    let with: BTreeSet<_> = STEPS.iter().map(|step| step.verb().join(" ")).collect();
    let sends = verbs(&Opts::command(), &[]);
    assert!(sends.len() > 10, "{sends:?}");
    let sends: BTreeSet<_> = sends.iter().map(|names| names.join(" ")).collect();
    assert_eq!(with, sends);
}
