//! Changes of the compose file: services, and what stands beside them.

use super::{Changes, Subject};
use crate::{
    Fields,
    services::{
        Image, Service, Services,
        yaml::{Node, Value},
    },
    words::clip,
};
use std::collections::{BTreeMap, BTreeSet};

/// Keys of a service that give it rights on the machine, or take them.
const PRIVILEGES: [&str; 16] = [
    "privileged",
    "cap_add",
    "cap_drop",
    "network_mode",
    "pid",
    "ipc",
    "uts",
    "userns_mode",
    "cgroup",
    "devices",
    "security_opt",
    "use_api_socket",
    "user",
    "group_add",
    "read_only",
    "sysctls",
];

pub(super) fn compare(changes: &mut Changes, before: &Fields, after: &Fields) {
    let texts = (before.docker_compose_file.as_deref(), after.docker_compose_file.as_deref());
    if texts.0 == texts.1 {
        return;
    }
    let (Some(left), Some(right)) = texts else {
        changes.text(Subject::Field, "docker_compose_file", texts, |_| match texts.1 {
            Some(_) => "There is a compose file now.".to_owned(),
            None => "There is no compose file any more.".to_owned(),
        });
        return;
    };
    match (Services::parse(left), Services::parse(right)) {
        (Ok(before), Ok(after)) => {
            let found = changes.0.len();
            services(changes, &before, &after);
            if changes.0.len() == found {
                changes.text(Subject::Layout, "docker_compose_file", texts, |_| {
                    "The compose file differs in white space, order or comments only.".to_owned()
                });
            }
        }
        (before, after) => {
            let which = match (before.is_err(), after.is_err()) {
                (true, true) => "neither of the two",
                (true, false) => "the one before",
                _ => "the one after",
            };
            changes.text(Subject::Unreadable, "docker_compose_file", texts, |lines| {
                let (added, removed) = lines.counts();
                let not = if which.starts_with("neither") { "can" } else { "cannot" };
                format!(
                    "The compose file changed, and {which} {not} be read: what its {added} lines added and {removed} \
                     removed mean is unknown."
                )
            });
        }
    }
}

fn services(changes: &mut Changes, before: &Services, after: &Services) {
    let named = |services: &Services| -> BTreeMap<String, Service> {
        services.services().iter().map(|it| (it.name.clone(), it.clone())).collect()
    };
    let (left, right) = (named(before), named(after));
    for name in union(left.keys(), right.keys()) {
        let short = clip(name);
        match (left.get(name), right.get(name)) {
            (Some(before), Some(after)) => service(changes, &short, before, after),
            (before, after) => {
                let text = |service: Option<&Service>| service.map(|it| it.node.flat());
                let (before, after) = (text(before), text(after));
                let runs = right.get(name).and_then(|it| it.image()).map(|(image, _)| clip(image));
                changes.value(
                    Subject::Service,
                    &format!("services.{short}"),
                    (before.as_deref(), after.as_deref()),
                    |_, after| match (after, runs) {
                        (None, _) => format!("The service {short} is gone."),
                        (Some(_), Some(image)) => {
                            format!("There is a new service {short}, which runs {image}.")
                        }
                        (Some(_), None) => format!("There is a new service {short}."),
                    },
                );
            }
        }
    }
    beside(changes, before.root(), after.root());
}

fn union<'a>(
    left: impl Iterator<Item = &'a String>,
    right: impl Iterator<Item = &'a String>,
) -> BTreeSet<&'a String> {
    left.chain(right).collect()
}

fn entries(node: &Node) -> BTreeMap<String, Node> {
    node.mapping().iter().cloned().collect()
}

/// What stands beside the services, entry by entry where it has entries.
fn beside(changes: &mut Changes, before: &Node, after: &Node) {
    let (left, right) = (entries(before), entries(after));
    for section in union(left.keys(), right.keys()).into_iter().filter(|key| *key != "services") {
        let (before, after) = (left.get(section), right.get(section));
        let mapping =
            |node: Option<&Node>| node.is_none_or(|it| matches!(it.value, Value::Mapping(_)));
        if mapping(before) && mapping(after) {
            let inside = |node: Option<&Node>| node.map(entries).unwrap_or_default();
            let (left, right) = (inside(before), inside(after));
            for name in union(left.keys(), right.keys()) {
                let place = format!("{}.{}", clip(section), clip(name));
                generic(changes, Subject::Section, &place, (left.get(name), right.get(name)));
            }
            // An empty section that comes or goes.
            if left.is_empty() && right.is_empty() {
                generic(changes, Subject::Section, &clip(section), (before, after));
            }
        } else {
            generic(changes, Subject::Section, &clip(section), (before, after));
        }
    }
}

fn generic(
    changes: &mut Changes,
    subject: Subject,
    place: &str,
    (before, after): (Option<&Node>, Option<&Node>),
) {
    let (before, after) = (before.map(canonical), after.map(canonical));
    changes.value(subject, place, (before.as_deref(), after.as_deref()), |before, after| {
        match (before, after) {
            (Some(before), Some(after)) => format!("{place} was {before} and is {after} now."),
            (None, Some(after)) => format!("{place} is new: {after}."),
            (Some(before), None) => format!("{place} is gone: it was {before}."),
            (None, None) => format!("{place} is not there."),
        }
    });
}

/// A node on one line, with the names of mappings in order: the same text only for nodes that say the same.
fn canonical(node: &Node) -> String {
    faithful(node, false)
}

fn faithful(node: &Node, nested: bool) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Scalar(text) => quoted(text, nested),
        Value::Sequence(items) => {
            let items: Vec<_> = items.iter().map(|item| faithful(item, true)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Mapping(_) => {
            let entries = entries(node);
            let entry = |(key, node): (&String, &Node)| {
                format!("{}: {}", quoted(key, true), faithful(node, true))
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A scalar, in quotes where it could be taken for something else.
fn quoted(text: &str, nested: bool) -> String {
    let alone = text.is_empty() || text == "null" || text.starts_with(['[', '{', '"']);
    let inside = nested && (text.contains(['[', ']', '{', '}', ',', '"']) || text.contains(": "));
    if alone || inside { format!("{text:?}") } else { text.to_owned() }
}

fn service(changes: &mut Changes, name: &str, before: &Service, after: &Service) {
    let (left, right) = (entries(&before.node), entries(&after.node));
    for key in union(left.keys(), right.keys()) {
        let both = (left.get(key), right.get(key));
        let place = format!("services.{name}.{}", clip(key));
        match key.as_str() {
            "image" => image(changes, name, &place, both),
            "environment" => environment(changes, name, &place, before, after),
            "volumes" => items(
                changes,
                Subject::Volume,
                name,
                &place,
                ("can read or write", "can no longer reach"),
                both,
            ),
            "ports" => items(
                changes,
                Subject::Port,
                name,
                &place,
                ("can be reached by port", "can no longer be reached by port"),
                both,
            ),
            "build" => generic(changes, Subject::Image, &place, both),
            "command" | "entrypoint" | "post_start" | "pre_stop" => {
                generic(changes, Subject::Command, &place, both)
            }
            other if PRIVILEGES.contains(&other) => {
                let lists = [both.0, both.1]
                    .into_iter()
                    .flatten()
                    .all(|it| matches!(it.value, Value::Sequence(_)));
                if lists {
                    let (has, lost) = (format!("has {other}"), format!("no longer has {other}"));
                    items(changes, Subject::Privilege, name, &place, (&has, &lost), both);
                } else {
                    generic(changes, Subject::Privilege, &place, both);
                }
            }
            _ => generic(changes, Subject::Setting, &place, both),
        }
    }
}

/// The entries of a list, whose order does not matter. One that stands twice counts twice.
fn items(
    changes: &mut Changes,
    subject: Subject,
    name: &str,
    place: &str,
    (has, lost): (&str, &str),
    (before, after): (Option<&Node>, Option<&Node>),
) {
    let counted = |node: Option<&Node>| {
        let mut counted: BTreeMap<String, usize> = BTreeMap::new();
        for item in node.map(Node::items).unwrap_or_default() {
            *counted.entry(canonical(item)).or_default() += 1;
        }
        counted
    };
    let (left, right) = (counted(before), counted(after));
    let found = changes.0.len();
    for item in union(left.keys(), right.keys()) {
        let (old, new) =
            (left.get(item).copied().unwrap_or(0), right.get(item).copied().unwrap_or(0));
        let gained = new.saturating_sub(old);
        for _ in 0..gained.max(old.saturating_sub(new)) {
            let both =
                if gained > 0 { (None, Some(item.as_str())) } else { (Some(item.as_str()), None) };
            changes.value(subject, place, both, |_, after| {
                if after.is_some() {
                    format!("{name} {has} {} now.", clip(item))
                } else {
                    format!("{name} {lost} {}.", clip(item))
                }
            });
        }
    }
    let shape = |node: Option<&Node>| node.map(canonical);
    let reordered = left == right && left.values().sum::<usize>() > 0;
    if changes.0.len() == found && !reordered && shape(before) != shape(after) {
        generic(changes, subject, place, (before, after));
    }
}

fn environment(changes: &mut Changes, name: &str, place: &str, before: &Service, after: &Service) {
    const OUTSIDE: &str = "what comes from outside";
    // Of a name that stands twice in a list the last counts, as Docker takes it.
    let values = |service: &Service| -> BTreeMap<String, String> {
        let value = |value: Option<String>| match value {
            None => OUTSIDE.to_owned(),
            Some(text) if text == OUTSIDE => format!("{text:?}"),
            Some(text) => quoted(&text, false),
        };
        service.environment().into_iter().map(|it| (it.name, value(it.value))).collect()
    };
    let (left, right) = (values(before), values(after));
    for variable in union(left.keys(), right.keys()) {
        let both =
            (left.get(variable).map(String::as_str), right.get(variable).map(String::as_str));
        let place = format!("{place}.{}", clip(variable));
        changes.value(Subject::Variable, &place, both, |before, after| {
            let variable = clip(variable);
            match (before, after) {
                (Some(before), Some(after)) => {
                    format!("{name} gets {variable} as {after} instead of {before}.")
                }
                (None, Some(after)) => format!("{name} gets {variable} as {after} now."),
                _ => format!("{name} no longer gets {variable}."),
            }
        });
    }
}

fn image(
    changes: &mut Changes,
    name: &str,
    place: &str,
    (before, after): (Option<&Node>, Option<&Node>),
) {
    let text = |node: Option<&Node>| node.map(Node::flat);
    let (before, after) = (text(before), text(after));
    changes.value(Subject::Image, place, (before.as_deref(), after.as_deref()), |_, _| {
        let image = |text: &Option<String>| text.as_deref().map(Image::new);
        let (Some(old), Some(new)) = (image(&before), image(&after)) else {
            return match &after {
                Some(text) => format!("{name} runs the image {} now.", clip(text)),
                None => format!("{name} no longer names an image."),
            };
        };
        let (old_text, new_text) = (clip(&old.reference), clip(&new.reference));
        if old.repository != new.repository {
            return format!("{name} runs another image: {new_text} instead of {old_text}.");
        }
        let repository = clip(&new.repository);
        match (&old.digest, &new.digest) {
            (Some(a), Some(b)) if a == b => format!("{name} runs the same image under another tag: {new_text} instead of {old_text}."),
            (Some(_), Some(_)) if old.tag == new.tag => format!("{name} runs another build of {repository}, under the same tag: {new_text} instead of {old_text}."),
            (Some(_), Some(_)) => format!("{name} runs another version of {repository}: {new_text} instead of {old_text}."),
            (None, Some(_)) => format!("{name} runs an image that is pinned now: {new_text} instead of {old_text}."),
            (Some(_), None) => format!("{name} runs an image that is no longer pinned: {new_text} instead of {old_text}."),
            (None, None) => format!("{name} runs whatever another tag names: {new_text} instead of {old_text}."),
        }
    });
}
