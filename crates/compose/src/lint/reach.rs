//! Which variables reach the app, and how.

use super::Place;
use crate::{
    Fields,
    services::{Service, Services, Variable, variables, yaml::Node},
};
use std::collections::BTreeSet;

/// How a variable gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The compose file puts the value somewhere, under this key of a service or of the file.
    Interpolated,
    /// A service, config or secret takes it under its own name.
    Inherited,
    /// A service reads a file with all values.
    EnvFile,
    /// A script names it.
    Script,
}

/// A way of a variable into the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    /// The variable.
    pub(super) variable: String,
    /// What the app calls it: the name inside the container where there is one.
    pub(super) target: String,
    /// The key under which it stands: `environment`, `image`, `command`, ...
    pub(super) key: String,
    /// The text that it stands in.
    pub(super) value: String,
    /// What stands there without a value.
    pub(super) default: Option<String>,
    /// How it gets in.
    pub(super) how: How,
    /// Whether the operator sets it: it is in `allowed_envs`.
    pub(super) controlled: bool,
    place: Place,
}

impl Input {
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }
}

/// How many names of an env file are told for each service: all, unless somebody wants to drown us.
const MAX_ENV_FILE: usize = 200;

/// How many ways in are followed; real files have dozens.
const MAX_INPUTS: usize = 10_000;

/// The ways in, and whether there were more than are followed.
pub(super) fn inputs(fields: &Fields, services: Option<&Services>) -> (Vec<Input>, bool) {
    let mut reach = Reach { allowed: &fields.allowed_envs, inputs: Vec::new(), more: false };
    for (script, text) in fields.scripts() {
        reach.script(script, text);
    }
    if let Some(services) = services {
        for service in services.services() {
            reach.service(service);
        }
        // Extensions act only where they are merged into something, and there they are seen.
        let beside = |key: &str| key != "services" && !key.starts_with("x-");
        for (key, node) in services.root().mapping().iter().filter(|(key, _)| beside(key)) {
            reach.elsewhere(key, node);
        }
    }
    (reach.inputs, reach.more)
}

struct Reach<'a> {
    allowed: &'a BTreeSet<String>,
    inputs: Vec<Input>,
    more: bool,
}

impl Reach<'_> {
    fn push(&mut self, input: Input) {
        if self.inputs.len() < MAX_INPUTS {
            self.inputs.push(input);
        } else {
            self.more = true;
        }
    }

    fn script(&mut self, script: &'static str, text: &str) {
        // Any mention counts: a shell has too many ways to read a variable.
        let words: BTreeSet<&str> =
            text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
        for name in self.allowed.iter().filter(|name| words.contains(name.as_str())) {
            self.push(Input {
                variable: name.clone(),
                target: name.clone(),
                key: script.to_owned(),
                value: String::new(),
                default: None,
                how: How::Script,
                controlled: true,
                place: Place::Field(script.to_owned()),
            });
        }
    }

    fn service(&mut self, service: &Service) {
        for entry in service.environment() {
            let place = Place::service(&service.name, "environment", entry.line);
            match &entry.value {
                Some(value) => self.text("environment", Some(&entry.name), value, &place),
                None => self.taken(&entry.name, "environment", How::Inherited, &place),
            }
        }
        for (key, node) in service.node.mapping().iter().filter(|(key, _)| key != "environment") {
            for (text, line) in node.scalars() {
                self.text(key, None, text, &Place::service(&service.name, key, line));
            }
        }
        if let Some(node) = service.node.get("env_file").filter(|node| !node.scalars().is_empty()) {
            let place = Place::service(&service.name, "env_file", node.line);
            for name in self.allowed.iter().take(MAX_ENV_FILE) {
                self.taken(name, "env_file", How::EnvFile, &place);
            }
        }
    }

    /// What stands beside the services: configs, secrets, volumes, networks.
    fn elsewhere(&mut self, key: &str, node: &Node) {
        for (text, line) in node.scalars() {
            self.text(key, None, text, &Place::Inside(key.to_owned(), line));
        }
        if matches!(key, "configs" | "secrets") {
            for (_, node) in node.mapping() {
                if let Some(name) = node.get("environment").and_then(Node::text) {
                    let place = Place::Inside(format!("{key}.environment"), node.line);
                    self.taken(name, key, How::Inherited, &place);
                }
            }
        }
    }

    fn taken(&mut self, name: &str, key: &str, how: How, place: &Place) {
        self.push(Input {
            variable: name.to_owned(),
            target: name.to_owned(),
            key: key.to_owned(),
            value: String::new(),
            default: None,
            how,
            controlled: self.allowed.contains(name),
            place: place.clone(),
        });
    }

    fn text(&mut self, key: &str, target: Option<&str>, value: &str, place: &Place) {
        for Variable { name, default } in variables(value) {
            self.push(Input {
                controlled: self.allowed.contains(&name),
                target: target.unwrap_or(&name).to_owned(),
                variable: name,
                key: key.to_owned(),
                value: crate::words::clip(value),
                default,
                how: How::Interpolated,
                place: place.clone(),
            });
        }
    }
}
