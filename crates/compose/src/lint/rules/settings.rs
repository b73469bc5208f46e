//! The switches of `app-compose.json` itself.

use crate::{
    KeyProvider, Problem,
    json::Json,
    lint::{Context, Lint, Place, Rule, Severity},
    words::{clip, list},
};

fn field(name: &str) -> Place {
    Place::Field(name.to_owned())
}

/// Whether it is the document that was meant, and whether all of it can be read.
pub(in crate::lint) fn document(lint: &mut Lint<'_>, context: &Context) {
    let (document, whole) = (lint.document, field("app-compose.json"));
    if let Some(claimed) = context.claimed_hash.filter(|claimed| *claimed != document.hash()) {
        let message = format!(
            "An operator can show one file and run another: this one hashes to {}, and {claimed} was claimed.",
            document.hash()
        );
        lint.add(Rule::C19, Severity::Critical, &whole, message, "");
    }
    if let Some(image) = context.os_image.as_deref().filter(|image| is_dev(image)) {
        let message = format!(
            "An operator can log in to the machine, since it says that it runs {}.",
            clip(image)
        );
        lint.add(Rule::C16, Severity::Critical, &whole, message, "");
    }
    for problem in document.problems() {
        problem_found(lint, problem);
    }
    let unknown: Vec<_> = document.unknown().map(|entry| entry.key.clone()).collect();
    for name in unknown {
        let message = format!(
            "An operator can have a newer guest do by {} what guests of today ignore.",
            clip(&name)
        );
        lint.add(Rule::C18, Severity::Medium, &Place::Field(name), message, "");
    }
    let fields = document.fields();
    if let Some(Err(error)) = &lint.services {
        let message = format!(
            "An operator can hide anything in the compose file, which could not be read: {error}; everything else about it is unknown."
        );
        lint.add(Rule::C21, Severity::High, &field("docker_compose_file"), message, "");
    } else if lint.services.is_none() && fields.runner.as_deref() != Some("bash") {
        let message =
            "There is no compose file to read; what this app would run is unknown.".to_owned();
        let fix = "Set `docker_compose_file`, or `runner` to bash.";
        lint.add(Rule::C21, Severity::High, &field("docker_compose_file"), message, fix);
    }
}

fn is_dev(image: &str) -> bool {
    image.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case("dev"))
}

fn problem_found(lint: &mut Lint<'_>, problem: &Problem) {
    match problem {
        Problem::WrongKind { field: name, expected, found } => {
            let message = format!(
                "An operator can have readers differ over {name}: dstack expects {expected}, and there is {found}."
            );
            lint.add(Rule::C22, Severity::Medium, &field(name), message, "");
        }
        Problem::Repeated { field: name } => {
            let message = format!(
                "An operator can show auditors one {name} and give the machine another, since the name stands more than once."
            );
            lint.add(Rule::C22, Severity::High, &field(name), message, "");
        }
        Problem::UnknownMember { field: name } => {
            let message = format!(
                "An operator can have a newer guest do by {} what guests of today ignore.",
                clip(name)
            );
            lint.add(Rule::C18, Severity::Low, &field(name), message, "");
        }
    }
}

pub(in crate::lint) fn fields(lint: &mut Lint<'_>) {
    versions(lint);
    visibility(lint);
    keys(lint);
    launch_token(lint);
    gpu(lint);
}

fn versions(lint: &mut Lint<'_>) {
    let document = lint.document;
    let fields = document.fields();
    let written = document.entries().iter().rev().find(|entry| entry.key == "manifest_version");
    let number = written.and_then(|entry| match &entry.value {
        Json::Number(digits) => Some(digits.clone()),
        _ => None,
    });
    if let Some(digits) = number.filter(|digits| !matches!(digits.as_str(), "1" | "2")) {
        let message = format!(
            "Guests refuse manifest_version {} as a number, and other readers may take it.",
            clip(&digits)
        );
        lint.add(
            Rule::C22,
            Severity::Medium,
            &field("manifest_version"),
            message,
            "Write versions from 3 on as a string.",
        );
    }
    if fields.requirements.is_some()
        && matches!(fields.manifest_version.as_deref(), Some("1" | "2"))
    {
        let message =
            "An operator can run an older guest that ignores the requirements of this file."
                .to_owned();
        let fix = "Set `manifest_version` to \"3\", which such guests refuse.";
        lint.add(Rule::C22, Severity::Medium, &field("requirements"), message, fix);
    }
    match fields.runner.as_deref() {
        Some("docker-compose" | "nerdctl-compose" | "bash") => {}
        Some(other) => {
            let message =
                format!("What the runner {} makes of this file is not known.", clip(other));
            let fix = "Set `runner` to docker-compose, nerdctl-compose or bash.";
            lint.add(Rule::C22, Severity::Medium, &field("runner"), message, fix);
        }
        None => {
            let message =
                "Which runner a guest takes without `runner` depends on the guest.".to_owned();
            lint.add(
                Rule::C22,
                Severity::Medium,
                &field("runner"),
                message,
                "Set `runner` to docker-compose, nerdctl-compose or bash.",
            );
        }
    }
}

fn visibility(lint: &mut Lint<'_>) {
    let fields = lint.document.fields();
    let (tcbinfo, logs) = (fields.public_tcbinfo, fields.public_logs);
    let (secure_time, no_instance_id) = (fields.secure_time, fields.no_instance_id);
    if !tcbinfo {
        let message = "An operator can keep everybody from auditing the app, since its page shows no measurements.";
        lint.add(
            Rule::C13,
            Severity::Medium,
            &field("public_tcbinfo"),
            message.to_owned(),
            "Set `public_tcbinfo` to true.",
        );
    }
    if logs {
        let message = "Anybody can read what the app logs, about its users as well.";
        lint.add(
            Rule::C13,
            Severity::Low,
            &field("public_logs"),
            message.to_owned(),
            "Set `public_logs` to false.",
        );
    }
    if !secure_time {
        let message = "An operator can set the clock of the app through the host, and with it what has expired.";
        lint.add(
            Rule::C14,
            Severity::Medium,
            &field("secure_time"),
            message.to_owned(),
            "Set `secure_time` to true.",
        );
    }
    if no_instance_id {
        let message = "Instances share one id, so that the chain cannot tell how many there are.";
        lint.add(
            Rule::C14,
            Severity::Note,
            &field("no_instance_id"),
            message.to_owned(),
            "Set `no_instance_id` to false.",
        );
    }
}

fn keys(lint: &mut Lint<'_>) {
    let fields = lint.document.fields();
    let (provider, pinned) = (fields.key_provider, fields.key_provider_id.is_some());
    let (severity, message, at) = match provider {
        KeyProvider::Kms if pinned => return,
        KeyProvider::Kms => (
            Severity::Medium,
            "An operator can start the same file with a key service of their own, because none is pinned.",
            "key_provider_id",
        ),
        KeyProvider::Local => (
            Severity::Medium,
            "An operator can tie the data to one machine: keys come from an enclave there, and no contract is asked before they are given.",
            "key_provider",
        ),
        KeyProvider::Tpm => (
            Severity::Medium,
            "An operator can tie the data to one machine: keys come from its TPM, and no contract is asked before they are given.",
            "key_provider",
        ),
        KeyProvider::None => (
            Severity::Note,
            "Keys are drawn anew at each boot, and no contract is asked before the app starts.",
            "key_provider",
        ),
    };
    lint.add(Rule::C15, severity, &field(at), message.to_owned(), "");
}

fn launch_token(lint: &mut Lint<'_>) {
    let fields = lint.document.fields();
    if fields.allowed_envs.is_empty() || fields.authenticates_values() {
        return;
    }
    let names = list(fields.allowed_envs.iter().map(String::as_str), 4);
    let message = format!(
        "An operator, or whoever controls the host, can put other values in place of {names}, because no launch token is asked for."
    );
    lint.add(Rule::C24, Severity::Medium, &field("allowed_envs"), message, "");
}

fn gpu(lint: &mut Lint<'_>) {
    let policy = lint.document.fields().requirements.as_ref().and_then(|it| it.get("gpu_policy"));
    let on = |name: &str, bad: bool| policy.and_then(|it| it.get(name)) == Some(&Json::Bool(bad));
    let open: Vec<_> = ["allow_devtools", "allow_debug", "allow_insecure_boot"]
        .into_iter()
        .filter(|name| on(name, true))
        .chain(on("attest_gpu", false).then_some("attest_gpu"))
        .collect();
    if !open.is_empty() {
        let message = format!(
            "An operator can read the memory of the GPU, since the policy says {}.",
            list(open, 4)
        );
        lint.add(Rule::C25, Severity::High, &field("requirements.gpu_policy"), message, "");
    }
}
