//! The tree of arguments as a whole: its examples, its reference, its completions, its manual pages.

use crate::run::{command, devproof};
use clap::{ArgMatches, Command, CommandFactory};
use devproof_cli::opts::Opts;
use std::{fs, path::Path};
use tempfile::TempDir;

/// Every verb with its names, in the order of the tree: those with verbs below them as well.
fn verbs(tree: &Command) -> Vec<(Vec<String>, &Command)> {
    let mut found = Vec::new();
    let below = tree.get_subcommands().filter(|it| it.get_name() != "help");
    for verb in below {
        found.push((vec![verb.get_name().to_owned()], verb));
        for (names, deeper) in verbs(verb) {
            found.push(([vec![verb.get_name().to_owned()], names].concat(), deeper));
        }
    }
    found
}

fn tree() -> Command {
    let mut tree = Opts::command().term_width(0);
    tree.build();
    tree
}

fn after(command: &Command) -> String {
    command.get_after_help().map(ToString::to_string).unwrap_or_default()
}

/// The lines of a help text that run devproof.
fn examples(command: &Command) -> Vec<String> {
    let after = after(command).replace("\\\n", " ");
    after
        .lines()
        .filter(|it| it.starts_with("  devproof "))
        .map(|it| it.trim().to_owned())
        .collect()
}

/// The words of a line, as a shell would hand them over; what a command in `$(..)` would say is a hash. Ends where the
/// output goes elsewhere.
fn words(line: &str) -> Vec<String> {
    let hash = format!("0x{}", "5a".repeat(32));
    let mut line = line.to_owned();
    while let Some((before, rest)) = line.split_once("$(") {
        let (_, rest) = rest.split_once(')').unwrap();
        line = format!("{before}{hash}{rest}");
    }
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    let end = words.iter().position(|word| [">", "|", "&&", ";"].contains(&word.as_str()));
    words.truncate(end.unwrap_or(words.len()));
    words
}

fn names_of(matches: &ArgMatches) -> Vec<String> {
    match matches.subcommand() {
        Some((name, below)) => [vec![name.to_owned()], names_of(below)].concat(),
        None => Vec::new(),
    }
}

#[test]
fn every_example_is_one_that_is_understood() {
    let tree = tree();
    let root = (Vec::new(), &tree);
    let mut seen = 0;
    for (names, verb) in verbs(&tree).into_iter().chain([root]) {
        let mut own = 0;
        for line in examples(verb) {
            let matches = Opts::command()
                .try_get_matches_from(words(&line))
                .unwrap_or_else(|error| panic!("in the help of {names:?}: {line}\n{error}"));
            let shown = names_of(&matches);
            own += usize::from(shown == names);
            seen += 1;
        }
        let is_leaf = verb.get_subcommands().next().is_none();
        assert!(own > 0 || !is_leaf, "devproof {} has no example", names.join(" "));
    }
    assert!(seen > 60, "{seen}");
}

/// The words of every verb that does something.
pub(crate) fn leaves() -> Vec<String> {
    let tree = tree();
    let leaves =
        verbs(&tree).into_iter().filter(|(_, verb)| verb.get_subcommands().next().is_none());
    leaves.map(|(names, _)| names.join(" ")).collect()
}

/// The first example of every verb that does something, as words.
pub(crate) fn first_examples() -> Vec<Vec<String>> {
    let tree = tree();
    let leaves =
        verbs(&tree).into_iter().filter(|(_, verb)| verb.get_subcommands().next().is_none());
    leaves.filter_map(|(_, verb)| examples(verb).first().map(|line| words(line))).collect()
}

#[test]
fn the_help_of_the_program_shows_every_group_of_verbs() {
    let shown: Vec<Vec<String>> = examples(&tree()).iter().map(|line| words(line)).collect();
    for verb in ["propose", "activate", "status", "app", "notify", "challenge", "doctor"] {
        assert!(shown.iter().any(|line| line[1] == verb), "{verb}");
    }
}

#[test]
fn words_are_split_as_by_a_shell() {
    let hash = format!("0x{}", "5a".repeat(32));
    let split = words("devproof a --b=\"c d\" '' $(x | y) | z > f");
    assert_eq!(split, ["devproof", "a", "--b=c d", "", &hash]);
}

/// Text as it stands in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn arguments(command: &Command, is_ours: impl Fn(&clap::Arg) -> bool) -> String {
    let mut rows = String::new();
    for arg in command.get_arguments().filter(|arg| is_ours(arg) && !arg.is_hide_set()) {
        let value = if arg.get_action().takes_values() {
            let names = arg.get_value_names().unwrap_or_default();
            names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" ")
        } else {
            String::new()
        };
        let long = arg.get_long().map(|long| format!("--{long}"));
        let short = arg.get_short().map(|short| format!("-{short}"));
        let flags: Vec<String> = short.into_iter().chain(long).collect();
        let name = match (flags.is_empty(), value.is_empty()) {
            (true, _) => value,
            (false, true) => flags.join(", "),
            (false, false) => format!("{} {value}", flags.join(", ")),
        };
        let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let possible: Vec<_> =
            arg.get_possible_values().iter().map(|it| format!("`{}`", it.get_name())).collect();
        if arg.get_action().takes_values() && !possible.is_empty() {
            help.push_str(&format!(" One of {}.", possible.join(", ")));
        }
        let defaults: Vec<_> =
            arg.get_default_values().iter().map(|it| it.to_string_lossy()).collect();
        if arg.get_action().takes_values() && !defaults.is_empty() {
            help.push_str(&format!(" Default: `{}`.", defaults.join(",")));
        }
        let variable = arg.get_env().map(|env| format!("`{}`", env.to_string_lossy()));
        rows.push_str(&format!(
            "| `{}` | {} | {} |\n",
            cell(&name),
            cell(&help),
            variable.unwrap_or_default()
        ));
    }
    if rows.is_empty() {
        return rows;
    }
    format!("| argument | | environment |\n|---|---|---|\n{rows}\n")
}

/// What stands behind a help text, with its examples as code.
fn epilogue(command: &Command) -> String {
    let (mut text, mut in_code) = (String::new(), false);
    for line in after(command).lines() {
        let is_code = line.starts_with("  ");
        match (in_code, is_code) {
            (false, true) => text.push_str("\n```sh\n"),
            (true, false) => text.push_str("```\n"),
            _ => {}
        }
        in_code = is_code;
        text.push_str(line.trim());
        text.push('\n');
    }
    if in_code {
        text.push_str("```\n");
    }
    text
}

/// The reference, as it is committed.
fn reference() -> String {
    let mut tree = tree();
    let is_global = |arg: &clap::Arg| arg.is_global_set();
    let is_ours = |arg: &clap::Arg| !["help", "version"].contains(&arg.get_id().as_str());
    let mut text = String::from(
        "# The command line\n\nEvery verb, out of the same tree as `devproof --help`. Written by `make reference`; a test holds it to the code.\n\n",
    );
    text.push_str(&format!("{}\n\n{}\n", tree.get_about().unwrap_or_default(), epilogue(&tree)));
    text.push_str("Secrets of who signs are read from `DEVPROOF_PASSWORD`, `DEVPROOF_PRIVATE_KEY` and `DEVPROOF_MNEMONIC`, which are no options. ");
    text.push_str("`NO_COLOR` takes the colours away; there are none outside of a terminal.\n\n");
    text.push_str("## Options of every verb\n\n");
    text.push_str(&arguments(&tree, |arg| is_global(arg) && is_ours(arg)));
    tree = tree.disable_help_subcommand(true);
    for (names, verb) in verbs(&tree) {
        let level = "#".repeat(names.len() + 1);
        text.push_str(&format!(
            "{level} `devproof {}`\n\n{}\n\n",
            names.join(" "),
            verb.get_about().unwrap_or_default()
        ));
        let usage = verb.clone().render_usage().to_string();
        text.push_str(&format!("```\n{}\n```\n\n", usage.trim_start_matches("Usage: ")));
        text.push_str(&arguments(verb, |arg| !is_global(arg) && is_ours(arg)));
        text.push_str(&format!("{}\n", epilogue(verb)));
    }
    format!("{}\n", text.trim_end())
}

#[test]
fn the_committed_reference_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let made = reference();
    if std::env::var_os("DEVPROOF_BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "docs/cli.md is not what the code makes; `make reference` writes it anew"
    );
}

/// Asks a real bash what it would complete.
fn completed(line: &[&str]) -> Vec<String> {
    let dir = TempDir::new().unwrap();
    let script = devproof(&["completions", "bash"]);
    assert_eq!((script.code, script.err.as_str()), (0, ""));
    fs::write(dir.path().join("devproof.bash"), &script.out).unwrap();
    let words = line.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let ask = format!(
        "set -eu; source ./devproof.bash; complete -p devproof >/dev/null
         COMP_WORDS=({words}); COMP_CWORD={}; COMP_LINE='{}'; COMP_POINT=${{#COMP_LINE}}
         _devproof devproof '{}' '{}' || true
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        line.len() - 1,
        line.join(" "),
        line[line.len() - 1],
        line[line.len() - 2],
    );
    let mut bash = std::process::Command::new("bash");
    let output = bash.args(["--norc", "-c", &ask]).current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

#[test]
fn a_bash_completes_verbs_and_options() {
    assert_eq!(completed(&["devproof", "doc"]), ["doctor"]);
    assert_eq!(completed(&["devproof", "app", "tc"]), ["tcb"]);
    let options = completed(&["devproof", "app", "devices", "--remove"]);
    assert_eq!(options, ["--remove", "--remove-any"]);
    assert!(completed(&["devproof", ""]).len() > 20);
}

#[test]
fn every_shell_gets_a_script_that_knows_the_verbs() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = devproof(&["completions", shell]);
        assert_eq!((script.code, script.err.as_str()), (0, ""), "{shell}");
        for word in ["doctor", "propose", "replace-by"] {
            assert!(script.out.contains(word), "{shell} {word}");
        }
    }
    assert_eq!(devproof(&["completions", "tcsh"]).code, 64);
}

#[test]
fn manual_pages_are_accepted_by_groff() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("man/man1");
    let told = devproof(&["man", "--json", "--out", out.to_str().unwrap()]);
    assert_eq!(told.code, 0, "{told:?}");
    let document: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    let pages: Vec<&str> =
        document["pages"].as_array().unwrap().iter().filter_map(|it| it.as_str()).collect();
    let tree = tree();
    assert_eq!(pages.len(), verbs(&tree).len() + 1, "a page for each verb, and one for all");
    for page in ["devproof.1", "devproof-doctor.1", "devproof-app-devices.1"] {
        assert!(pages.contains(&page), "{pages:?}");
    }
    let mut groff = std::process::Command::new("groff");
    // Hashes are longer than lines, and cannot be broken.
    groff
        .args(["-K", "utf8", "-ww", "-Wbreak", "-man", "-Tutf8", "-z"])
        .args(pages.iter().map(|page| out.join(page)));
    match groff.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && said.is_empty(), "{said}");
        }
        Err(error) => {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
            eprintln!("skipped: there is no groff here, so nobody read the pages");
            assert!(std::env::var_os("DEVPROOF_REQUIRE_GROFF").is_none(), "groff is required");
        }
    }
    let text = fs::read_to_string(out.join("devproof-doctor.1")).unwrap();
    assert!(text.contains("DEVPROOF_KEYSTORE") && text.contains("devproof doctor"), "{text}");
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = devproof(&["man", "--out", file.join("x").to_str().unwrap()]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.err.contains("name another --out"), "{refused:?}");
}

#[test]
fn a_configuration_that_makes_no_sense_is_not_in_the_way_of_completions() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("devproof.toml"), "nothing = 1\n").unwrap();
    let output = command().current_dir(dir.path()).args(["completions", "bash"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}
