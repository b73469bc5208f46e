//! Help as a person reads and copies it.
//!
//! clap breaks lines that are longer than the terminal wherever there is a space: an example that was broken so is no command any
//! more when it is copied, and text that was broken in the source is broken twice.

use clap::Command;

/// The longest line of an example, in characters: clap's own limit for a line is 100.
const WIDTH: usize = 98;

/// A command, and all that are in it, with what is said of their options and stands below them laid out: paragraphs in one line each,
/// for clap to break, and long examples broken as a shell takes them.
#[must_use]
pub(crate) fn laid_out(command: Command) -> Command {
    let text = command.get_after_help().map(ToString::to_string);
    let command = match text {
        Some(text) => command.after_help(text_laid_out(&text)),
        None => command,
    };
    let command = command.mut_args(|option| match option.get_help() {
        Some(help) => {
            let help = text_laid_out(&help.to_string());
            option.help(help)
        }
        None => option,
    });
    command.mut_subcommands(laid_out)
}

/// The text with what is one command in one line.
fn joined(text: &str) -> String {
    let mut joined = String::new();
    for line in text.lines() {
        let (line, goes_on) = line.strip_suffix(" \\").map_or((line, false), |line| (line, true));
        let is_more = joined.ends_with(' ');
        joined.push_str(if is_more { line.trim_start() } else { line });
        joined.push(if goes_on { ' ' } else { '\n' });
    }
    joined
}

fn text_laid_out(text: &str) -> String {
    let text = joined(text);
    let mut lines: Vec<String> = Vec::new();
    // Whether the next line goes on with the last one.
    let mut flows = false;
    for line in text.lines() {
        if line.is_empty() || line.starts_with(' ') {
            flows = false;
            lines.push(if line.starts_with(' ') { example(line) } else { String::new() });
            continue;
        }
        match lines.last_mut() {
            Some(last) if flows => {
                last.push(' ');
                last.push_str(line);
            }
            _ => lines.push(line.to_owned()),
        }
        flows = !line.ends_with(':');
    }
    lines.join("\n")
}

/// An example in lines that are short enough, each but the last with a backslash at its end.
fn example(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    let mut text = " ".repeat(indent);
    let mut length = indent;
    for (n, word) in words(line.trim()).into_iter().enumerate() {
        let long = word.chars().count();
        // The backslash has a place too.
        if n > 0 && length + 1 + long + 2 > WIDTH {
            // Some addresses need the whole line.
            length = if indent + 4 + long + 2 > WIDTH { indent } else { indent + 4 };
            text.push_str(" \\\n");
            text.push_str(&" ".repeat(length));
        } else if n > 0 {
            text.push(' ');
            length += 1;
        }
        text.push_str(word);
        length += long;
    }
    text
}

/// The words of a command, with what is in quotation marks in one.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut begin, mut quote) = (Vec::new(), 0, None);
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, ' ') => {
                words.push(line.get(begin..at).unwrap_or_default());
                begin = at + 1;
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    words.push(line.get(begin..).unwrap_or_default());
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opts::Opts;
    use clap::CommandFactory;

    fn all(command: &Command) -> Vec<Command> {
        let inner = command.get_subcommands().flat_map(all);
        std::iter::once(command.clone()).chain(inner).collect()
    }

    fn examples(text: &str) -> Vec<String> {
        text.lines()
            .filter(|line| line.starts_with("  "))
            .map(|line| line.trim().to_owned())
            .collect()
    }

    /// What a shell makes of it when it is copied out of the help is what was meant.
    #[test]
    fn every_example_can_be_copied() {
        let mut told = 0;
        for command in all(&Opts::command()) {
            let Some(meant) = command.get_after_help().map(ToString::to_string) else { continue };
            let mut shown = laid_out(command).term_width(100);
            let help = shown.render_long_help().to_string();
            let (_, below) = help.split_once("\nExamples:\n").unwrap_or_default();
            assert_eq!(examples(&joined(below)), examples(&joined(&meant)), "{}", shown.get_name());
            assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
            told += examples(below).len();
        }
        assert!(told > 100, "only {told} examples were looked at");
    }

    /// Only clap breaks what is said of an option.
    #[test]
    fn what_is_said_of_an_option_is_broken_once() {
        let mut told = 0;
        for command in all(&laid_out(Opts::command())) {
            for option in command.get_arguments() {
                let help = option.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.contains('\n'), "{} {}: {help}", command.get_name(), option.get_id());
                told += usize::from(help.len() > 100);
            }
        }
        assert!(told > 20, "only {told} were long");
    }

    #[test]
    fn paragraphs_flow_and_lists_do_not() {
        let text = "Examples:\n  devproof at 'a  b' --json\n\nOne\ntwo.\n\nThree:\nfour";
        let expected = "Examples:\n  devproof at 'a  b' --json\n\nOne two.\n\nThree:\nfour";
        assert_eq!(text_laid_out(text), expected);
        let long = format!("  devproof at '{}' --json {}", "a b".repeat(20), "x".repeat(40));
        let (first, second) =
            (format!("  devproof at '{}' --json \\", "a b".repeat(20)), "x".repeat(40));
        assert_eq!(text_laid_out(&long), format!("{first}\n      {second}"));
    }
}
