//! What holds for every verb, whatever it does: the first example of each is run in an empty folder, where no node
//! answers, as it is, quietly, loudly and as a document.

use crate::{run::command, tree::first_examples};
use std::{
    io::Read,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A verb that is not done by then goes on until it is told to stop, as a service does.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Debug)]
struct Ran {
    /// `None` if it was still running.
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(words: &[String], options: &[&str], variables: &[(&str, &str)]) -> Ran {
    let dir = TempDir::new().unwrap();
    let mut command = command();
    // Nothing outside of this machine is asked, and nothing on it.
    let near = |word: &String| {
        word.replace("127.0.0.1:8080", "127.0.0.1:0").replace("127.0.0.1:8545", "127.0.0.1:1")
    };
    let near = |word: &String| match near(word).split_once("https://") {
        Some((before, rest)) => {
            let path = rest.split_once('/').map_or("", |(_, path)| path);
            format!("{before}https://127.0.0.1:1/{path}")
        }
        None => near(word),
    };
    command.current_dir(dir.path()).env("HOME", dir.path()).env_remove("NO_COLOR");
    command.args(words[1..].iter().map(near)).args(options).envs(variables.iter().copied());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let out = thread::spawn(move || read(&mut out));
    let err = thread::spawn(move || read(&mut err));
    let code = end(&mut child);
    let (out, err) = (out.join().unwrap(), err.join().unwrap());
    crate::held::hold(command.get_args(), &out);
    Ran { code, out, err }
}

fn read(from: &mut impl Read) -> String {
    let mut text = Vec::new();
    from.read_to_end(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn end(child: &mut Child) -> Option<i32> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code().unwrap());
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

#[test]
fn every_verb_is_quiet_when_told_so_and_never_coloured_outside_of_a_terminal() {
    let examples = first_examples();
    assert!(examples.len() > 40, "{}", examples.len());
    for words in examples {
        let line = words.join(" ");
        let plain = run(&words, &[], &[]);
        let codes = [0, 1, 2, 64];
        assert!(plain.code.is_none_or(|code| codes.contains(&code)), "{line}: {plain:?}");
        let loud = run(&words, &["-vv"], &[]);
        let colourless = run(&words, &[], &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]);
        let document = if words.iter().any(|word| word == "--json") {
            None
        } else {
            Some(run(&words, &["--json"], &[]))
        };
        for ran in [&plain, &loud, &colourless].into_iter().chain(&document) {
            assert_eq!(ran.code, plain.code, "{line}: {ran:?}");
            assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{line}: {ran:?}");
        }
        let quiet = run(&words, &["--quiet"], &[]);
        assert_eq!((quiet.code, quiet.out.as_str()), (plain.code, ""), "{line}: {quiet:?}");
        let is_needed = |line: &str| line.starts_with("error: ") || line.starts_with("warning: ");
        assert!(quiet.err.lines().all(is_needed), "{line}: {quiet:?}");
        if plain.code == Some(2) || plain.code == Some(64) {
            assert!(
                !plain.err.is_empty() || !plain.out.is_empty(),
                "{line}: it says why: {plain:?}"
            );
        }
    }
}
