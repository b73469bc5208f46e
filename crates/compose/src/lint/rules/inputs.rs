//! Variables: what the operator can set, what stands there otherwise, and secrets in the file itself.

use crate::{
    lint::{
        How, Input, Lint, Place, Rule, Severity,
        meaning::{Meaning, Secret, meaning},
    },
    services::variables as variables_of,
    words::clip,
};
use std::collections::BTreeSet;

/// Names that Phala's scripts and images for development turn into a way to log in.
pub(super) const LOGINS: [&str; 3] =
    ["DSTACK_AUTHORIZED_KEYS", "DSTACK_ROOT_PASSWORD", "DSTACK_ROOT_PUBLIC_KEY"];

/// Names that decide by themselves what the guest starts: its start script is run with every allowed variable, and takes these
/// as paths of the files that it works with, as do the shell and Docker's client.
const STARTERS: [&str; 10] = [
    "APP_COMPOSE_FILE",
    "COMPOSE_FILE",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "PATH",
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "BASH_ENV",
];
/// Likewise, but they only choose among what the file has.
const CHOOSERS: [&str; 4] =
    ["COMPOSE_PROFILES", "COMPOSE_ENV_FILES", "NERDCTL_TOML", "NERDCTL_NAMESPACE"];
/// The variable that the guest sets from the configuration of the host.
const HOST_SETS: &str = "PCCS_URL";

/// Variables that need no place in the compose file to act.
pub(in crate::lint) fn starters(lint: &mut Lint<'_>) {
    let names = STARTERS.map(|name| (name, Severity::Critical)).into_iter();
    for (name, severity) in names.chain(CHOOSERS.map(|name| (name, Severity::High))) {
        if lint.allowed(name) {
            let message = format!(
                "An operator can change what the guest starts by setting {name}, which its start script takes whether or not \
                 this file names it."
            );
            let fix = "Take the name out of `allowed_envs`.";
            lint.add(Rule::C4, severity, &Place::Field("allowed_envs".to_owned()), message, fix);
        }
    }
}

pub(in crate::lint) fn variables(lint: &mut Lint<'_>) {
    let inputs = std::mem::take(&mut lint.inputs);
    let (mut told, mut unset) = (BTreeSet::new(), BTreeSet::new());
    for input in &inputs {
        default(lint, input);
        if !input.controlled {
            if unset.insert(&input.variable) {
                nobody_sets(lint, input);
            }
            continue;
        }
        // A login is C12, an image C2; and a name says the same wherever it stands in a service.
        let elsewhere = input.key == "image" || LOGINS.contains(&input.variable.as_str());
        if !elsewhere && told.insert((&input.variable, &input.target, &input.key)) {
            operator_sets(lint, input);
        }
    }
    lint.inputs = inputs;
}

fn meaning_of(input: &Input) -> Option<Meaning> {
    // The graver of what both sides call it: FOO=${SIGNING_KEY} is a key, and so is SIGNING_KEY=${FOO}.
    let both = [meaning(&input.target, &input.value), meaning(&input.variable, &input.value)];
    both.into_iter().flatten().min()
}

fn operator_sets(lint: &mut Lint<'_>, input: &Input) {
    let (name, way) = (clip(&input.variable), way(input));
    let run = matches!(input.key.as_str(), "command" | "entrypoint" | "post_start" | "pre_stop");
    let (rule, severity, message) = match meaning_of(input) {
        Some(Meaning::Code) => (
            Rule::C4,
            Severity::Critical,
            format!("An operator can choose the code that runs by setting {name}{way}."),
        ),
        Some(Meaning::Chain) => (
            Rule::C17,
            Severity::High,
            format!("An operator can show the app a chain of their own by setting {name}{way}."),
        ),
        Some(Meaning::Secret(secret)) => {
            let (severity, can) = match secret {
                Secret::Signing => {
                    (Severity::Critical, "sign in the name of the app outside the TEE")
                }
                Secret::Encryption => {
                    (Severity::High, "decrypt or forge outside the TEE what it protects")
                }
                Secret::Admin => (Severity::High, "act as an administrator of the running app"),
                Secret::Credential => (
                    Severity::Medium,
                    "use the same account beside the app, or change it for another",
                ),
                Secret::Report => (Severity::Low, "read the reports that it opens"),
            };
            (
                Rule::C5,
                severity,
                format!("An operator who supplies {name}{way} knows it, and can {can}."),
            )
        }
        Some(Meaning::Data) => (
            Rule::C3,
            Severity::Critical,
            format!(
                "An operator can have data or credentials sent to a server of their own by setting {name}{way}."
            ),
        ),
        Some(Meaning::Address) => (
            Rule::C3,
            Severity::Medium,
            format!(
                "An operator can have the app talk to another server by setting {name}{way}; see what it sends there."
            ),
        ),
        None if run => (
            Rule::C4,
            Severity::High,
            format!("An operator can change the command that runs by setting {name}{way}."),
        ),
        None => return,
    };
    lint.add(rule, severity, input.place(), message, "");
}

fn way(input: &Input) -> String {
    match input.how {
        How::EnvFile => " (by way of env_file, as every allowed name)".to_owned(),
        How::Script => format!(" ({} reads it)", input.key),
        How::Inherited | How::Interpolated if input.target != input.variable => {
            format!(" (the app knows it as {})", clip(&input.target))
        }
        How::Inherited | How::Interpolated => String::new(),
    }
}

/// C6 for `${NAME:-default}`. An empty default is none.
fn default(lint: &mut Lint<'_>, input: &Input) {
    let Some(default) = input.default.as_deref().filter(|text| !text.is_empty()) else { return };
    let (name, default) = (clip(&input.variable), clip(default));
    if let Some(Meaning::Secret(secret)) = meaning_of(input) {
        let (severity, can) = known_secret(secret);
        let message = format!(
            "Anybody can {can}, because {name} is {default} unless somebody sets it, and this file is public."
        );
        lint.add(Rule::C6, severity, input.place(), message, "");
    } else if input.controlled {
        let message =
            format!("An operator can replace {default} by another value of {name}, or leave it.");
        let fix = "Write the value into the compose file where it need not be set.";
        lint.add(Rule::C6, Severity::Note, input.place(), message, fix);
    }
}

const fn known_secret(secret: Secret) -> (Severity, &'static str) {
    match secret {
        Secret::Signing => (Severity::Critical, "sign in the name of the app"),
        Secret::Encryption => (Severity::Critical, "decrypt or forge what the secret protects"),
        Secret::Admin => (Severity::High, "act as an administrator"),
        Secret::Credential => (Severity::High, "open what the secret protects"),
        Secret::Report => (Severity::Low, "read the reports that the secret opens"),
    }
}

fn nobody_sets(lint: &mut Lint<'_>, input: &Input) {
    if input.variable == HOST_SETS {
        let message = format!(
            "Whoever controls the host sets {HOST_SETS}, by the configuration of the machine, and can have the app ask a server of \
             their own for collateral."
        );
        return lint.add(Rule::C3, Severity::Medium, input.place(), message, "");
    }
    // A script may export a name that is not allowed, so this is only a note.
    let stands = match input.default.as_deref().filter(|text| !text.is_empty()) {
        Some(default) => format!("it is always {}", clip(default)),
        None => "it is always empty".to_owned(),
    };
    let message = format!(
        "Nobody can set {}, which is not in allowed_envs: {stands}, unless a script of this file exports it.",
        clip(&input.variable)
    );
    lint.add(Rule::C20, Severity::Note, input.place(), message, "");
}

/// C6 for a secret that is simply written down.
pub(in crate::lint) fn secrets_in_the_file(lint: &mut Lint<'_>) {
    let Some(services) = lint.readable() else { return };
    for service in services.services() {
        for entry in service.environment() {
            let Some(value) = entry.value.as_deref().map(str::trim) else { continue };
            let harmless = matches!(value, "" | "true" | "false") || value.starts_with('/');
            if harmless || !variables_of(value).is_empty() {
                continue;
            }
            if let Some(Meaning::Secret(secret)) = meaning(&entry.name, "") {
                let (severity, can) = known_secret(secret);
                let message = format!(
                    "Anybody can {can}, because {} stands in this file, which is public.",
                    clip(&entry.name)
                );
                let place = Place::service(&service.name, "environment", entry.line);
                lint.add(Rule::C6, severity, &place, message, "");
            }
        }
    }
}
