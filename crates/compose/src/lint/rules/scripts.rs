//! Scripts, which run as root outside any container, and the ways to log in that they open.

use super::{fetches, has_word, inputs::LOGINS};
use crate::{
    lint::{How, Lint, Place, Rule, Severity},
    words::{clip, list},
};

/// What opens a way to log in.
const LOGIN_COMMANDS: [&str; 6] =
    ["chpasswd", "passwd", "authorized_keys", "sshd", "dropbear", "usermod"];
/// The compose file that the guest writes out and then starts.
const COMPOSE_FILES: [&str; 4] =
    ["docker-compose.yaml", "docker-compose.yml", "compose.yaml", "compose.yml"];

pub(in crate::lint) fn all(lint: &mut Lint<'_>) {
    let document = lint.document;
    for (field, text) in document.fields().scripts() {
        script(lint, field, text);
    }
    logins(lint);
}

fn script(lint: &mut Lint<'_>, field: &'static str, text: &str) {
    let (rule, base, when) = match field {
        "init_script" => (Rule::C8, Severity::Medium, "before Docker starts"),
        "bash_script" => (Rule::C7, Severity::Low, "as the app"),
        _ => (Rule::C7, Severity::Low, "before the services start"),
    };
    let place = Place::Field(field.to_owned());
    let version = match version(text) {
        Some(version) => {
            format!(", and calls itself version {version} of Phala's, which nobody checked")
        }
        None => String::new(),
    };
    let read = lint.inputs.iter().filter(|it| it.how == How::Script && it.key == field);
    let read: Vec<_> = read.map(|it| it.variable.clone()).collect();
    let base = if read.is_empty() { base } else { base.max(Severity::Medium) };
    let and_reads = match read.len() {
        0 => String::new(),
        _ => format!(
            "; the operator decides by {} what it does",
            list(read.iter().map(String::as_str), 4)
        ),
    };
    let message = format!(
        "An operator can do anything by a {field}, which runs as root {when}{version}{and_reads}: read it."
    );
    lint.add(rule, base, &place, message, "");
    let found = fetches(text);
    if !found.is_empty() {
        let message = format!(
            "An operator who controls what {field} brings in ({}) has it run as root, and the compose hash does not cover it.",
            list(found, 4)
        );
        lint.add(rule, Severity::High, &place, message, "");
    }
    let login: Vec<_> = LOGIN_COMMANDS.into_iter().filter(|word| has_word(text, word)).collect();
    if !login.is_empty() {
        let message =
            format!("An operator may be let in by what {field} does with {}.", list(login, 4));
        lint.add(rule, Severity::High, &place, message, "");
    }
    if COMPOSE_FILES.iter().any(|name| text.contains(name)) {
        let message = format!(
            "An operator can have other services started than this file shows, since {field} touches the compose file."
        );
        lint.add(rule, Severity::High, &place, message, "");
    }
}

/// The version that a script says it has, `v0.0.19`.
fn version(text: &str) -> Option<String> {
    let line = text.lines().take(20).find(|line| {
        let line = line.to_ascii_lowercase();
        line.contains("phala") && line.contains("launch script")
    })?;
    let words =
        line.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()));
    let word = words.into_iter().find(|word| {
        let digits = word.strip_prefix('v').unwrap_or_default();
        digits.contains('.') && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
    })?;
    Some(clip(word))
}

fn logins(lint: &mut Lint<'_>) {
    let allowed: Vec<_> = LOGINS.into_iter().filter(|name| lint.allowed(name)).collect();
    for name in allowed {
        let script = lint.inputs.iter().find(|it| it.how == How::Script && it.variable == name);
        let (severity, how) = match script {
            Some(input) => (Severity::Critical, format!("{} takes it", input.key)),
            None => (
                Severity::Medium,
                "no script of this file takes it, but OS images for development do".to_owned(),
            ),
        };
        let message = format!("An operator can log in to the machine by setting {name}: {how}.");
        lint.add(Rule::C12, severity, &Place::Field("allowed_envs".to_owned()), message, "");
    }
}
