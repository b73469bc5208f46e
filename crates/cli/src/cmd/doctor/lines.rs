//! What was found, line by line.

use crate::text::shown;
use schemars::JsonSchema;
use serde::Serialize;

/// The longest sentence of a line, in characters: nodes and servers have their say in some.
const MOST: usize = 600;

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Result {
    /// It is as it should be.
    Pass,
    /// It is worth knowing, and nothing is wrong with it.
    Note,
    /// Nobody can tell.
    CouldNotTell,
    /// It is not as it should be.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its name, which stays: `rpc.tags`.
    pub id: &'static str,
    /// Which of several it is about: an endpoint, an address, a chain; `null` if there is only one.
    pub about: Option<String>,
    /// How it ends.
    pub result: Result,
    /// What was found, in a sentence.
    pub message: String,
    /// What to do, in a sentence; `null` where there is nothing to do.
    pub advice: Option<String>,
}

/// A setting that holds, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// Its name, as in the file and as a flag.
    pub name: String,
    /// What it says. Secrets are not shown, and of URLs only where they lead.
    pub value: String,
    /// `flag`, `environment` or `file`.
    pub from: &'static str,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// `fail` if a line fails, else `could_not_tell` if one is, else `pass`.
    pub result: Result,
    /// What was looked at, in order.
    pub checks: Vec<Line>,
    /// What somebody set.
    pub settings: Vec<Setting>,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<Line>);

impl Lines {
    fn add(
        &mut self,
        result: Result,
        id: &'static str,
        about: Option<&str>,
        message: &str,
        advice: &str,
    ) {
        let clip = |text: &str| -> String { shown(text).chars().take(MOST).collect() };
        let about = about.map(clip);
        let advice = Some(clip(advice)).filter(|advice| !advice.is_empty());
        self.0.push(Line { id, about, result, message: clip(message), advice });
    }

    pub(super) fn pass(&mut self, id: &'static str, about: Option<&str>, message: &str) {
        self.add(Result::Pass, id, about, message, "");
    }

    pub(super) fn note(
        &mut self,
        id: &'static str,
        about: Option<&str>,
        message: &str,
        advice: &str,
    ) {
        self.add(Result::Note, id, about, message, advice);
    }

    pub(super) fn fail(
        &mut self,
        id: &'static str,
        about: Option<&str>,
        message: &str,
        advice: &str,
    ) {
        self.add(Result::Fail, id, about, message, advice);
    }

    pub(super) fn unknown(
        &mut self,
        id: &'static str,
        about: Option<&str>,
        message: &str,
        advice: &str,
    ) {
        self.add(Result::CouldNotTell, id, about, message, advice);
    }

    pub(super) fn diagnosis(self, settings: Vec<Setting>) -> Diagnosis {
        let worst = self.0.iter().map(|line| line.result).max().unwrap_or(Result::Pass);
        let result = if worst == Result::Note { Result::Pass } else { worst };
        Diagnosis { result, checks: self.0, settings }
    }
}

impl Diagnosis {
    /// In words.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        if !self.settings.is_empty() {
            text.push_str("Settings:\n");
        }
        for Setting { name, value, from } in &self.settings {
            text.push_str(&format!("  {name} = {value} ({from})\n"));
        }
        text.push_str("Checks:\n");
        for line in &self.checks {
            let result = match line.result {
                Result::Pass => "ok",
                Result::Note => "note",
                Result::Fail => "FAILS",
                Result::CouldNotTell => "could not tell",
            };
            let about = line.about.as_ref().map(|about| format!("{about}: ")).unwrap_or_default();
            text.push_str(&format!("  {result}: {about}{}. ({})\n", line.message, line.id));
            if let Some(advice) = &line.advice {
                text.push_str(&format!("    To do: {advice}.\n"));
            }
        }
        let count = |result| self.checks.iter().filter(|line| line.result == result).count();
        let (wrong, unknown) = (count(Result::Fail), count(Result::CouldNotTell));
        text.push_str(&match (wrong, unknown) {
            (0, 0) => "Nothing is wrong.\n".to_owned(),
            (wrong, 0) => format!("Wrong: {wrong}.\n"),
            (0, unknown) => {
                format!("Nothing is known to be wrong; could not be told: {unknown}.\n")
            }
            (wrong, unknown) => format!("Wrong: {wrong}; could not be told: {unknown}.\n"),
        });
        text
    }
}
