//! What containers may do to the machine around them, and what is not in the file at all.

use crate::{
    lint::{Lint, Place, Rule, Severity},
    services::{
        Service, is_yes, variables, without_values,
        yaml::{Node, Value},
    },
    words::clip,
};

/// Capabilities that are as good as root on the machine.
const GRAVE: [&str; 9] = [
    "ALL",
    "SYS_ADMIN",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "DAC_READ_SEARCH",
    "BPF",
    "SYS_BOOT",
    "MKNOD",
];
/// Paths with everything else beneath them, or what other containers are made of.
const SYSTEM: [&str; 13] = [
    "/etc",
    "/root",
    "/dstack",
    "/proc",
    "/sys",
    "/dev",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/usr",
    "/bin",
    "/boot",
    "/lib",
    "/run",
];
/// Sockets that dstack is there to give to containers.
const DSTACK: [&str; 4] =
    ["/var/run/dstack.sock", "/run/dstack.sock", "/var/run/tappd.sock", "/run/tappd.sock"];
const RUNTIMES: [&str; 4] = ["docker.sock", "containerd.sock", "podman.sock", "crio.sock"];

pub(in crate::lint) fn all(lint: &mut Lint<'_>) {
    let Some(services) = lint.readable() else { return };
    for service in services.services() {
        rights(lint, service);
        for mount in service.mounts() {
            if let Some(source) = &mount.source {
                path(lint, &Place::service(&service.name, "volumes", mount.line), source);
            }
        }
        if let Some(node) = service.node.get("extends").filter(|node| node.get("file").is_some()) {
            elsewhere(lint, &Place::service(&service.name, "extends", node.line));
        }
    }
    if let Some(node) = services.root().get("include") {
        elsewhere(lint, &Place::Inside("include".to_owned(), node.line));
    }
    for section in ["volumes", "configs", "secrets"] {
        for (name, node) in services.root().get(section).map(Node::mapping).unwrap_or_default() {
            beside(lint, section, name, node);
        }
    }
}

fn rights(lint: &mut Lint<'_>, service: &Service) {
    let name = clip(&service.name);
    let mut told = |key: &str, line: usize, severity: Severity, what: String| {
        let message = format!("An operator who gets code into {name} {what}.");
        lint.add(Rule::C9, severity, &Place::service(&service.name, key, line), message, "");
    };
    let root = "has the whole machine, and every other service with it";
    for key in ["privileged", "use_api_socket"] {
        for (text, line) in service.texts(key) {
            // A variable may be anything.
            if is_yes(text.trim()) || !variables(&text).is_empty() {
                told(key, line, Severity::High, format!("{root}, because of {key}"));
            }
        }
    }
    for (text, line) in service.texts("cap_add") {
        let capability = text.trim().to_ascii_uppercase();
        let capability = capability.strip_prefix("CAP_").unwrap_or(&capability);
        if GRAVE.contains(&capability) || !variables(&text).is_empty() {
            told(
                "cap_add",
                line,
                Severity::High,
                format!("{root}, because of {}", clip(capability)),
            );
        } else {
            told(
                "cap_add",
                line,
                Severity::Medium,
                format!("can use {} on the machine", clip(capability)),
            );
        }
    }
    for key in ["network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup"] {
        for (_, line) in service.texts(key).iter().filter(|(text, _)| text.trim() == "host") {
            let what = format!(
                "sees and reaches what other services keep to the machine, because of {key} host"
            );
            told(key, *line, Severity::Medium, what);
        }
    }
    for (text, line) in service.texts("devices") {
        told("devices", line, Severity::Medium, format!("can use the device {}", clip(&text)));
    }
    for (text, line) in service.texts("security_opt") {
        if text.contains("unconfined")
            || text.contains("label:disable")
            || text.contains("label=disable")
        {
            told(
                "security_opt",
                line,
                Severity::Medium,
                format!("is held by nothing, because of {}", clip(&text)),
            );
        }
    }
}

fn path(lint: &mut Lint<'_>, place: &Place, source: &str) {
    let theirs = variables(source).iter().any(|variable| lint.allowed(&variable.name));
    let resolved = without_values(source);
    let trimmed = resolved.trim_end_matches('/');
    let within = |root: &str| {
        trimmed == root || trimmed.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
    };
    let is_path = resolved.starts_with(['/', '.', '~']);
    let (severity, message) = if theirs {
        (
            Severity::High,
            format!(
                "An operator can give the container any path of the machine by the variable in {}.",
                clip(source)
            ),
        )
    } else if DSTACK.contains(&trimmed) || !is_path {
        return;
    } else if RUNTIMES.iter().any(|socket| trimmed.ends_with(socket)) {
        (
            Severity::High,
            format!(
                "An operator who gets code into this container can start any other image by {}, under the same compose hash.",
                clip(trimmed)
            ),
        )
    } else if trimmed.is_empty() || SYSTEM.iter().any(|root| within(root)) || trimmed.contains("..")
    {
        let shown = if trimmed.is_empty() { "/" } else { trimmed };
        (
            Severity::High,
            format!(
                "An operator who gets code into this container can change the machine under it, or read its keys, by {}.",
                clip(shown)
            ),
        )
    } else {
        (
            Severity::Medium,
            format!(
                "An operator can have the container read what something else left in {} on the machine, which the compose hash does not cover.",
                clip(trimmed)
            ),
        )
    };
    let fix = if severity == Severity::Medium {
        "Use a named volume, or put the content into the image."
    } else {
        ""
    };
    lint.add(Rule::C9, severity, place, message, fix);
}

fn beside(lint: &mut Lint<'_>, section: &str, name: &str, node: &Node) {
    let place = |line: usize| Place::Inside(format!("{section}.{}", clip(name)), line);
    if let Some(device) = node.get("driver_opts").and_then(|it| it.get("device")) {
        path(lint, &place(device.line), device.text().unwrap_or_default());
    }
    if section == "volumes" {
        return;
    }
    let external = node.get("external").is_some_and(|it| match &it.value {
        Value::Scalar(text) => is_yes(text),
        other => *other != Value::Null,
    });
    if external || node.get("file").is_some() {
        let message = format!(
            "An operator can change {} of {section} without another compose hash, because its content is not in this file.",
            clip(name)
        );
        lint.add(
            Rule::C23,
            Severity::Medium,
            &place(node.line),
            message,
            "Write the content into the compose file.",
        );
    }
}

fn elsewhere(lint: &mut Lint<'_>, place: &Place) {
    let message = "An operator can change what is taken from another file here, and the compose hash stays the same.";
    lint.add(Rule::C23, Severity::High, place, message.to_owned(), "");
}
