//! What tools would write for the same object, and so which compose hash they would announce.
//!
//! Only ever a guess: the compose hash is that of the bytes on the machine, whoever wrote them. It answers "where does this
//! hash come from", and finds the tool that re-serialised a file on the way. Which tool writes what was read from
//! `get-compose-hash.ts`, `get_compose_hash.py`, `compose_hash.go` and `vmm-cli.py` of dstack.

mod go;
mod numbers;
mod write;

use crate::{AppCompose, json::Json};
use devproof_primitives::ComposeHash;
use schemars::JsonSchema;
use serde::Serialize;
use write::{Escapes, Layout, Style, write};

/// A tool that writes or hashes `app-compose.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// The bytes as they are: dstack's guest, KMS and host, and `sha256sum`.
    Bytes,
    /// The bytes without line ends after the last brace, which editors and `echo` add.
    BytesTrimmed,
    /// `vmm-cli.py compose`: `json.dumps(indent=4, ensure_ascii=False)`.
    VmmCli,
    /// `getComposeHash` of the JavaScript SDK: names sorted by UTF-16 units, compact. Phala Cloud writes the same form.
    JavaScript,
    /// Likewise with `normalize`: without the script of the other runner, and without an empty `pre_launch_script`.
    JavaScriptNormalized,
    /// `get_compose_hash` of the Python SDK: names sorted by code points, compact, `null` left out.
    Python,
    /// Likewise with `normalize`.
    PythonNormalized,
    /// `GetComposeHash` of the Go SDK: only what it knows, `<`, `>` and `&` escaped.
    Go,
    /// Likewise with `normalize`.
    GoNormalized,
    /// `json.dumps` of Python with its defaults.
    JsonDumps,
    /// `JSON.stringify` with two spaces; `jq .` gives the same for the names and numbers that occur.
    StringifyIndented,
    /// `JSON.stringify` without spaces, and likewise `jq -c .`.
    Stringify,
}

/// What a tool would make of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Prediction {
    /// The tool.
    pub tool: Tool,
    /// The hash; `None` where the tool would refuse the object, or what it writes cannot be told.
    pub compose_hash: Option<ComposeHash>,
    /// Why not, or what is worth knowing, in a sentence.
    pub note: Option<String>,
}

impl Tool {
    /// Every tool, in the order in which a match should be looked for.
    pub const ALL: [Self; 12] = [
        Self::Bytes,
        Self::BytesTrimmed,
        Self::VmmCli,
        Self::JavaScript,
        Self::Python,
        Self::Go,
        Self::JavaScriptNormalized,
        Self::PythonNormalized,
        Self::GoNormalized,
        Self::JsonDumps,
        Self::StringifyIndented,
        Self::Stringify,
    ];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "the bytes of the file",
            Self::BytesTrimmed => "the bytes without line ends at the end",
            Self::VmmCli => "vmm-cli.py compose",
            Self::JavaScript => "JavaScript SDK",
            Self::JavaScriptNormalized => "JavaScript SDK, normalize",
            Self::Python => "Python SDK",
            Self::PythonNormalized => "Python SDK, normalize",
            Self::Go => "Go SDK",
            Self::GoNormalized => "Go SDK, normalize",
            Self::JsonDumps => "json.dumps of Python",
            Self::StringifyIndented => "JSON.stringify or jq, indented",
            Self::Stringify => "JSON.stringify or jq -c",
        }
    }

    const fn normalizes(self) -> bool {
        matches!(self, Self::JavaScriptNormalized | Self::PythonNormalized | Self::GoNormalized)
    }

    /// What the tool would write.
    ///
    /// # Errors
    /// Why that cannot be told, as a sentence.
    pub fn serialise(self, document: &AppCompose) -> Result<String, String> {
        let text = document.text();
        match self {
            Self::Bytes => return Ok(text.to_owned()),
            Self::BytesTrimmed => return Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
            _ => {}
        }
        let mut object = once_each(document.object());
        if self.normalizes() {
            normalize(&mut object);
        }
        let (layout, escapes, style) = match self {
            Self::VmmCli => (Layout::Indented(4), Escapes::None, Style::Python),
            Self::Python | Self::PythonNormalized => {
                without_nulls(&mut object)?;
                write::sort(&mut object, &|a, b| a.cmp(b));
                (Layout::Compact, Escapes::None, Style::Python)
            }
            Self::Go | Self::GoNormalized => {
                object = go::known(&object)?;
                write::sort(&mut object, &|a, b| a.cmp(b));
                (Layout::Compact, Escapes::Html, Style::Go)
            }
            Self::JsonDumps => (Layout::Spaced, Escapes::Ascii, Style::Python),
            Self::StringifyIndented => {
                write::array_indexes_first(&mut object)?;
                (Layout::Indented(2), Escapes::None, Style::JavaScript)
            }
            Self::Stringify => {
                write::array_indexes_first(&mut object)?;
                (Layout::Compact, Escapes::None, Style::JavaScript)
            }
            _ => {
                write::sort(&mut object, &|a, b| a.encode_utf16().cmp(b.encode_utf16()));
                write::array_indexes_first(&mut object)?;
                (Layout::Compact, Escapes::None, Style::JavaScript)
            }
        };
        write(&object, layout, escapes, style)
    }
}

/// What every tool would make of a document.
#[must_use]
pub fn predict(document: &AppCompose) -> Vec<Prediction> {
    let prediction = |tool: Tool| match tool.serialise(document) {
        Ok(text) => {
            let compose_hash = Some(ComposeHash::of(text.as_bytes()));
            Prediction { tool, compose_hash, note: note(tool, document) }
        }
        Err(why) => Prediction { tool, compose_hash: None, note: Some(why) },
    };
    Tool::ALL.into_iter().map(prediction).collect()
}

/// The tools that would give a hash.
#[must_use]
pub fn matching(predictions: &[Prediction], hash: ComposeHash) -> Vec<Tool> {
    let same = predictions.iter().filter(|it| it.compose_hash == Some(hash));
    same.map(|it| it.tool).collect()
}

fn note(tool: Tool, document: &AppCompose) -> Option<String> {
    match tool {
        Tool::Go | Tool::GoNormalized => {
            let lost = go::lost(&document.object());
            (!lost.is_empty()).then(|| {
                let names = crate::words::list(lost.iter().map(String::as_str), 4);
                format!("It leaves out {names}, which it does not know.")
            })
        }
        _ => None,
    }
}

/// Of a name that stands twice, the last value in the place of the first: so parse JavaScript and Python.
fn once_each(value: Json) -> Json {
    match value {
        Json::Array(items) => Json::Array(items.into_iter().map(once_each).collect()),
        Json::Object(members) => {
            let mut places = std::collections::HashMap::new();
            let mut kept: Vec<(String, Json)> = Vec::with_capacity(members.len());
            for (key, value) in members {
                let value = once_each(value);
                match places.get(&key).and_then(|at: &usize| kept.get_mut(*at)) {
                    Some((_, before)) => *before = value,
                    None => {
                        places.insert(key.clone(), kept.len());
                        kept.push((key, value));
                    }
                }
            }
            Json::Object(kept)
        }
        other => other,
    }
}

fn normalize(object: &mut Json) {
    let runner = object.get("runner").and_then(Json::as_str).map(str::to_owned);
    let other = match runner.as_deref() {
        Some("bash") => Some("docker_compose_file"),
        Some("docker-compose" | "nerdctl-compose") => Some("bash_script"),
        _ => None,
    };
    if let Json::Object(members) = object {
        members.retain(|(key, value)| {
            let empty = match value {
                Json::String(text) => text.is_empty(),
                Json::Null | Json::Bool(false) => true,
                Json::Number(digits) => digits.parse() == Ok(0.0),
                _ => false,
            };
            Some(key.as_str()) != other && !(key == "pre_launch_script" && empty)
        });
    }
}

/// The Python SDK leaves out what is `None` at the top, and in the two objects that it has classes for.
fn without_nulls(object: &mut Json) -> Result<(), String> {
    let Json::Object(members) = object else { return Ok(()) };
    if !members.iter().any(|(key, value)| key == "runner" && *value != Json::Null) {
        return Err("The Python SDK refuses an object without a runner.".to_owned());
    }
    if members.iter().any(|(key, _)| key.starts_with('_') || key == "self") {
        return Err("The Python SDK loses names that begin with an underscore.".to_owned());
    }
    members.retain(|(_, value)| *value != Json::Null);
    for (key, value) in members {
        match value {
            Json::Object(inner) if key == "docker_config" || key == "requirements" => {
                let own = match key.as_str() {
                    "docker_config" => &["registry", "username", "token_key"][..],
                    _ => &[
                        "os_version",
                        "platforms",
                        "tdx_measure_acpi_tables",
                        "launch_token_hash",
                        "gpu_policy",
                    ],
                };
                inner.retain(|(name, it)| *it != Json::Null || !own.contains(&name.as_str()));
            }
            // `runner` is made a string whatever it is.
            Json::String(_) => {}
            _ if key == "runner" => {
                return Err("The Python SDK rewrites a runner that is no string.".to_owned());
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
