//! Interrupted at every question that a step asks at the terminal: nothing is sent.

use crate::{
    keys::imported_as,
    steps::{Step, Table, one_of_each_verb},
    terminal::Terminal,
};
use std::{collections::BTreeMap, path::PathBuf, process::Command};

const PASSWORD: &str = "pass word";
const PASSWORD_ASKED: &str = "Password of ";
const ASKED: &str = "Sign and send this? [y/N]";

/// What somebody does instead of saying yes.
#[derive(Clone, Copy, Debug)]
enum Does {
    Types(&'static str),
    Kills,
}

const END_OF_INPUT: Does = Does::Types("\u{4}");
const INTERRUPT: Does = Does::Types("\u{3}");

/// At which question what is done, how that ends, and what is said of it.
const QUESTIONS: [(&str, Does, i32, &str); 8] = [
    (ASKED, END_OF_INPUT, 1, "Refused: the answer was not yes. Nothing was sent."),
    (ASKED, Does::Types("n\n"), 1, "Refused: the answer was not yes. Nothing was sent."),
    (ASKED, INTERRUPT, 130, ""),
    (ASKED, Does::Kills, 137, ""),
    (PASSWORD_ASKED, END_OF_INPUT, 2, "error: the password could not be read"),
    (PASSWORD_ASKED, Does::Types("n\n"), 64, "error: the password does not open the keystore"),
    (PASSWORD_ASKED, INTERRUPT, 130, ""),
    (PASSWORD_ASKED, Does::Kills, 137, ""),
];

/// A step whose key is in a keystore, with a password that somebody has to type.
fn with_keystore(table: &Table, step: &Step, keystore: &PathBuf) -> Command {
    let mut command = table.command(step, &[]);
    command.env_remove("DEVPROOF_PRIVATE_KEY").arg("--keystore").arg(keystore);
    command
}

/// `opens` says whether the keystore is opened as well, which takes its time.
async fn at_each_question(table: &Table, step: &Step, keystore: &PathBuf, opens: bool) {
    let questions = QUESTIONS.into_iter().filter(|(.., code, _)| opens || *code != 64);
    let back = table.prepare(step).await;
    let before = table.state(step).await;
    // None of them changes anything, so that all may go at a time.
    let begin = |(n, (question, ..)): (usize, (&str, Does, i32, &str))| {
        let command = match question {
            ASKED => table.command(step, &[]),
            _ => with_keystore(table, step, keystore),
        };
        Terminal::start(&command, &format!("run-{n}"))
    };
    let running: Vec<_> = questions.clone().enumerate().map(begin).collect();
    for ((question, does, code, says), mut terminal) in questions.zip(running) {
        if question == PASSWORD_ASKED {
            terminal.until_hidden(question);
        } else {
            terminal.until(question);
        }
        match does {
            Does::Types(keys) => terminal.types(keys),
            Does::Kills => terminal.kill(),
        }
        let (ended, text) = terminal.end();
        let at = format!("{} at {question:?}, {does:?}: {text}", step.words);
        assert_eq!(ended, code, "{at}");
        assert!(text.contains(says), "{at}");
        assert!(!text.contains("is on its way"), "{at}");
        // The terminal is as it was, unless there was no time to see to that.
        if !matches!((question, does), (PASSWORD_ASKED, Does::Kills)) {
            let (_, modes) = text.rsplit_once("speed ").unwrap();
            for mode in ["echo", "icanon", "isig"] {
                assert!(modes.split_whitespace().any(|it| it == mode), "{mode}: {at}");
            }
        }
        assert_eq!(table.state(step).await, before, "something was sent: {at}");
    }
    let begin = |name: &str| {
        if !opens {
            return Terminal::start(&table.command(step, &[]), name);
        }
        let mut terminal = Terminal::start(&with_keystore(table, step, keystore), name);
        terminal.until_hidden(PASSWORD_ASKED);
        terminal.types(&format!("{PASSWORD}\n"));
        terminal
    };
    if opens {
        let mut terminal = begin("behind");
        terminal.until(ASKED);
        terminal.types("\u{3}");
        let (ended, text) = terminal.end();
        assert_eq!(ended, 130, "{}: behind the password: {text}", step.words);
        assert_eq!(table.state(step).await, before, "{}: {text}", step.words);
    }
    // The next run, with all questions answered.
    let mut terminal = begin("run");
    terminal.until(ASKED);
    assert_eq!(table.state(step).await, before, "{}: before it is asked", step.words);
    terminal.types("y\n");
    let (ended, text) = terminal.end();
    assert_eq!(ended, 0, "{}: {text}", step.words);
    assert!(!text.contains(PASSWORD), "the password is not shown: {text}");
    assert_eq!(table.state(step).await.0, before.0 + 1, "{}: {text}", step.words);
    table.revert(back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_each_question_to_somebody_at_a_terminal() {
    let table = Table::new().await;
    let mut keystores = BTreeMap::new();
    for step in one_of_each_verb() {
        let made = || {
            let name = format!("account-{}", step.account);
            imported_as(&table.world, step.account, &name, PASSWORD)
        };
        let opens = !keystores.contains_key(&step.account);
        let keystore: &PathBuf = keystores.entry(step.account).or_insert_with(made);
        at_each_question(&table, step, keystore, opens).await;
    }
}
