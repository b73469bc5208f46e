//! Changes of the fields of `app-compose.json`: switches, names of variables, scripts.

use super::{Changes, Subject};
use crate::{AppCompose, KeyProvider, json::Json};
use std::collections::{BTreeMap, BTreeSet};

/// Fields that are compared by what is in them.
const ELSEWHERE: [&str; 5] =
    ["docker_compose_file", "allowed_envs", "pre_launch_script", "init_script", "bash_script"];

pub(super) fn compare(changes: &mut Changes, before: &AppCompose, after: &AppCompose) {
    let (left, right) = (values(before), values(after));
    let names: BTreeSet<&str> = left.keys().chain(right.keys()).copied().collect();
    for name in names {
        let both = (left.get(name), right.get(name));
        // A field of another kind than expected has nothing in it to compare, and so is compared as it stands.
        let odd = |it: Option<&Value>| it.is_some_and(|it| it.odd);
        if ELSEWHERE.contains(&name) && !odd(both.0) && !odd(both.1) {
            continue;
        }
        let (said_before, said_after) =
            (both.0.map(|it| it.said.as_str()), both.1.map(|it| it.said.as_str()));
        changes.value(
            Subject::Field,
            &crate::words::clip(name),
            (said_before, said_after),
            |before, after| sentence(name, before, after),
        );
    }
    keys(changes, before, after);
    envs(changes, before, after);
    scripts(changes, before, after);
}

/// What a field says, the same for two that say the same.
struct Value {
    said: String,
    odd: bool,
}

fn values(document: &AppCompose) -> BTreeMap<&str, Value> {
    let mut values: BTreeMap<&str, Value> = BTreeMap::new();
    for entry in document.entries() {
        let said = faithful(&entry.value, false);
        let expected = match entry.key.as_str() {
            "allowed_envs" => strings(&entry.value),
            "init_script" => strings(&entry.value) || entry.value.as_str().is_some(),
            _ => entry.value.as_str().is_some(),
        } || entry.value == Json::Null;
        match values.get_mut(entry.key.as_str()) {
            None => {
                values.insert(&entry.key, Value { said, odd: !expected });
            }
            // A name that stands twice: readers differ in which they take, so all of it counts.
            Some(value) => {
                value.said.push_str(" and again ");
                value.said.push_str(&said);
                value.odd = true;
            }
        }
    }
    values
}

fn strings(value: &Json) -> bool {
    matches!(value, Json::Array(items) if items.iter().all(|item| item.as_str().is_some()))
}

/// A value on one line, with names in order: the same text only for values that are the same.
fn faithful(value: &Json, nested: bool) -> String {
    match value {
        Json::String(text) => {
            let like_another = matches!(text.as_str(), "" | "true" | "false" | "null")
                || text.starts_with(|c: char| {
                    matches!(c, '[' | '{' | '"' | '-') || c.is_ascii_digit()
                });
            if nested || like_another { format!("{text:?}") } else { text.clone() }
        }
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| faithful(item, true)).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(members) => {
            let member =
                |(key, value): &(String, Json)| format!("{key:?}: {}", faithful(value, true));
            let mut members: Vec<_> = members.iter().map(member).collect();
            members.sort();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

/// What a switch is where it is absent, and what it means to be on and off.
fn switch(name: &str) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match name {
        "public_logs" => (
            "false",
            "Everybody can read the logs of the containers now.",
            "The logs of the containers are no longer public.",
        ),
        "public_sysinfo" => (
            "false",
            "Everybody can read figures of the machine now.",
            "Figures of the machine are no longer public.",
        ),
        "public_tcbinfo" => (
            "true",
            "Measurements and compose file are public now.",
            "Measurements and compose file are hidden now: nobody can audit the app any more.",
        ),
        "secure_time" => (
            "true",
            "The clock is set from an authenticated source now.",
            "The host can set the clock of the app now.",
        ),
        "no_instance_id" => {
            ("false", "All instances share one id now.", "Each instance has an id of its own now.")
        }
        _ => return None,
    })
}

fn sentence(name: &str, before: Option<&str>, after: Option<&str>) -> String {
    if let Some((default, on, off)) = switch(name) {
        let (was, is) = (before.unwrap_or(default), after.unwrap_or(default));
        match is {
            _ if was == is => {
                return format!(
                    "{name} changes nothing: {default} is what it is where it is left out."
                );
            }
            "true" => return on.to_owned(),
            "false" => return off.to_owned(),
            _ => {}
        }
    }
    let name = crate::words::clip(name);
    match (before, after) {
        (Some(before), Some(after)) => format!("{name} was {before} and is {after} now."),
        (None, Some(after)) => format!("{name} is new: {after}."),
        (Some(before), None) => format!("{name} is gone: it was {before}."),
        (None, None) => format!("{name} is not there."),
    }
}

/// Where keys come from, which several fields decide together.
fn keys(changes: &mut Changes, before: &AppCompose, after: &AppCompose) {
    let source = |document: &AppCompose| match document.fields().key_provider {
        KeyProvider::None => "nowhere: they are drawn anew at each boot",
        KeyProvider::Kms => "a key service",
        KeyProvider::Local => "an enclave on the same machine",
        KeyProvider::Tpm => "the TPM of the machine",
    };
    let both = (Some(source(before)), Some(source(after)));
    changes.value(Subject::Field, "keys", both, |before, after| {
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        format!("Keys come from {after} now. Before, they came from {before}.")
    });
}

fn envs(changes: &mut Changes, before: &AppCompose, after: &AppCompose) {
    let (left, right) = (&before.fields().allowed_envs, &after.fields().allowed_envs);
    for name in left.symmetric_difference(right) {
        let present = |set: &BTreeSet<String>| set.contains(name).then_some(name.as_str());
        changes.value(Subject::AllowedEnv, "allowed_envs", (present(left), present(right)), |_, after| {
            let short = crate::words::clip(name);
            if after.is_some() {
                format!("The operator can set {short} now, and change it without another compose hash.")
            } else {
                format!("The operator can no longer set {short}.")
            }
        });
    }
}

fn count(lines: usize) -> String {
    format!("{lines} line{}", if lines == 1 { "" } else { "s" })
}

fn scripts(changes: &mut Changes, before: &AppCompose, after: &AppCompose) {
    let (left, right) = (before.fields(), after.fields());
    let init = |scripts: &[String]| (!scripts.is_empty()).then(|| scripts.join("\n"));
    let (init_left, init_right) = (init(&left.init_script), init(&right.init_script));
    let mut parts = [
        (
            "pre_launch_script",
            left.pre_launch_script.as_deref(),
            right.pre_launch_script.as_deref(),
        ),
        ("bash_script", left.bash_script.as_deref(), right.bash_script.as_deref()),
        ("init_script", init_left.as_deref(), init_right.as_deref()),
    ];
    // Two lists may be the same when put together and be other scripts all the same.
    let split = format!("{} scripts", right.init_script.len());
    if init_left == init_right && left.init_script != right.init_script {
        parts[2] = ("init_script", Some("cut in another way"), Some(&split));
    }
    for (name, before, after) in parts {
        changes.text(Subject::Script, name, (before, after), |lines| {
            let (added, removed) = lines.counts();
            match (before, after) {
                (None, _) => format!("There is a script now, {name}, which runs as root outside any container: {}.", count(added)),
(_, None) => format!("The script {name} is gone: {}.", count(removed)),
                _ => format!("The {name}, which runs as root outside any container, changed: {} added, {removed} removed.", count(added)),
            }
        });
    }
}
