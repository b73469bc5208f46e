//! What to look out for in an `app-compose.json`, by what an operator could do with it.
//!
//! A variable is only as bad as its way into the app: it counts as the operator's where it is in `allowed_envs` *and* something
//! takes it: the compose file interpolates it, a service inherits it or reads an env file, or a script names it.

mod catalogue;
mod meaning;
mod reach;
mod rules;

pub use catalogue::{RULES, Rule, RuleInfo, reference};

use reach::{How, Input};

use crate::{
    AppCompose,
    services::{Services, yaml::YamlError},
    words::clip,
};
use devproof_primitives::ComposeHash;
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::HashMap, fmt, rc::Rc};

/// The most findings of one document. Whoever writes more has something to hide among them; the gravest are kept.
pub const MAX_FINDINGS: usize = 500;

/// How much an operator can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing; it is worth knowing.
    Note,
    /// Little, or only together with something else.
    Low,
    /// Something that users should know of.
    Medium,
    /// Change what runs or what it sees, with some effort or help.
    High,
    /// What the TEE is there to prevent.
    Critical,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The rule; ids are stable.
    pub rule: Rule,
    /// How much an operator can do.
    pub severity: Severity,
    /// The field, or the place in the compose file with its line there.
    #[serde(rename = "where")]
    pub place: String,
    /// The line of `app-compose.json`, from 1.
    pub line: usize,
    /// What an operator could do with it, in one sentence.
    pub message: String,
    /// How to mend it, in one sentence.
    pub fix: String,
}

/// What lint found in a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The hash of the bytes that were looked at.
    pub compose_hash: ComposeHash,
    /// The gravest first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The gravest finding.
    #[must_use]
    pub fn gravest(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Whether part of the document could not be read, so that the absence of findings says nothing.
    #[must_use]
    pub fn unreadable(&self) -> bool {
        self.findings.iter().any(|finding| finding.rule == Rule::C21)
    }
}

/// What is said about a document elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The hash that it is said to have.
    pub claimed_hash: Option<ComposeHash>,
    /// The name of the OS image that it is said to run on, `dstack-0.5.4`.
    pub os_image: Option<String>,
}

/// Looks at a document.
#[must_use]
pub fn lint(document: &AppCompose, context: &Context) -> Report {
    let text = document.fields().docker_compose_file.as_deref();
    let services = text.map(|text| Services::parse(text).map(Rc::new));
    let readable = services.as_ref().and_then(|it| it.as_deref().ok());
    let (inputs, more) = reach::inputs(document.fields(), readable);
    let lines = document.entries().iter().map(|entry| (entry.key.as_str(), entry.line)).collect();
    let mut lint = Lint { document, lines, services, inputs, findings: Vec::new() };
    if more {
        let place = Place::Field("docker_compose_file".to_owned());
        let message =
            "It uses more variables than are followed, and what the others do is unknown.";
        lint.add(Rule::C21, Severity::High, &place, message.to_owned(), "Use fewer variables.");
    }
    rules::settings::document(&mut lint, context);
    rules::settings::fields(&mut lint);
    rules::inputs::starters(&mut lint);
    rules::inputs::variables(&mut lint);
    rules::inputs::secrets_in_the_file(&mut lint);
    rules::scripts::all(&mut lint);
    rules::images::all(&mut lint);
    rules::privileges::all(&mut lint);
    Report { compose_hash: document.hash(), findings: lint.finish() }
}

/// A document that is being looked at.
struct Lint<'a> {
    document: &'a AppCompose,
    /// Where entries stand: there may be as many findings as entries.
    lines: HashMap<&'a str, usize>,
    /// `None` where there is no compose file.
    services: Option<Result<Rc<Services>, YamlError>>,
    inputs: Vec<Input>,
    findings: Vec<Finding>,
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// In a field of the document.
    Field(String),
    /// In the compose file: the path and the line there.
    Inside(String, usize),
}

impl Place {
    fn service(name: &str, key: &str, line: usize) -> Self {
        Self::Inside(format!("services.{}.{key}", clip(name)), line)
    }
}

impl Lint<'_> {
    /// Adds a finding; an empty `fix` is that of the rule.
    fn add(&mut self, rule: Rule, severity: Severity, place: &Place, message: String, fix: &str) {
        let (place, line) = match place {
            Place::Field(name) => {
                let outermost = name.split(['.', '[']).next().unwrap_or_default();
                (clip(name), self.line(outermost))
            }
            Place::Inside(path, line) => (
                format!("{path} (line {line} of docker_compose_file)"),
                self.line("docker_compose_file"),
            ),
        };
        let fix = if fix.is_empty() { rule.info().fix } else { fix }.to_owned();
        self.findings.push(Finding { rule, severity, place, line, message, fix });
    }

    fn line(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(1)
    }

    /// The services, where they could be read; shared, because rules add findings while they look.
    fn readable(&self) -> Option<Rc<Services>> {
        self.services.as_ref()?.as_ref().ok().cloned()
    }

    /// Whether the operator sets a variable after the hash is taken.
    fn allowed(&self, name: &str) -> bool {
        self.document.fields().allowed_envs.contains(name)
    }

    fn finish(self) -> Vec<Finding> {
        let mut findings = self.findings;
        // Stable, so that findings of a rule stay in the order of the file.
        findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.rule.cmp(&b.rule)));
        findings.dedup();
        let more = findings.len().saturating_sub(MAX_FINDINGS);
        if let Some(severity) = findings.get(MAX_FINDINGS).map(|finding| finding.severity) {
            findings.truncate(MAX_FINDINGS);
            findings.push(Finding {
                rule: Rule::C21,
                severity,
                place: "app-compose.json".to_owned(),
                line: 1,
                message: format!("{more} more findings are not shown, none graver than this."),
                fix: "Split the app, or mend what is shown first.".to_owned(),
            });
        }
        findings
    }
}

#[cfg(test)]
mod tests;
