//! What the platform says that it will run.

use super::{Check, Verdict};
use alloy::primitives::{Address, B256};
use devproof_compose::{
    AppCompose, ComposeHash,
    predict::{matching, predict},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The largest answer that is read, in bytes: that of a file, and as much around it.
pub const MAX_RESPONSE: usize = 2 * devproof_compose::MAX_BYTES;
/// How deep answers are looked into.
const MAX_DEPTH: usize = 8;

/// What the platform says of one instance: its answer to provisioning, to preparing an update, or its compose file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    /// Where it was read, for sentences.
    pub name: String,
    /// The compose hash that it names.
    pub compose_hash: Option<ComposeHash>,
    /// The file that it shows, byte by byte.
    pub file: Option<Vec<u8>>,
    /// The app that it is about.
    pub app_id: Option<Address>,
    /// The device that it will run on.
    pub device_id: Option<B256>,
    /// The OS image that it will run on.
    pub os_image: Option<B256>,
}

impl Platform {
    /// Reads an answer that was saved: JSON that names a `compose_hash` somewhere, or an `app-compose.json`, as the compose
    /// file endpoint gives it. The hash of a file is that of these very bytes.
    ///
    /// # Errors
    /// A sentence without a full stop, if there is nothing of that in it, or it contradicts itself.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_RESPONSE {
            return Err(format!("{name} has more than {MAX_RESPONSE} bytes"));
        }
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|_| format!("{name} is no JSON: save the platform's answer as it came"))?;
        let name = name.to_owned();
        let has = |field| value.get(field).is_some();
        if has("manifest_version")
            && (has("docker_compose_file") || has("bash_script") || has("runner"))
        {
            return Ok(Self { name, file: Some(bytes.to_vec()), ..Self::default() });
        }
        let one = |names: &[&str]| -> Result<Option<String>, String> {
            let mut found = BTreeSet::new();
            collect(&value, names, MAX_DEPTH, &mut found);
            let mut found = found.into_iter();
            match (found.next(), found.next()) {
                (Some(a), Some(b)) => Err(format!(
                    "{name} names more than one {} ({} and {}): save one answer in one file",
                    names.first().copied().unwrap_or_default(),
                    clip(&a),
                    clip(&b)
                )),
                (one, _) => Ok(one),
            }
        };
        let hash = one(&["compose_hash", "composeHash"])?;
        let file =
            one(&["app_compose", "appCompose", "compose_file_text"])?.map(String::into_bytes);
        let compose_hash = match hash {
            Some(hash) => Some(hash.trim_start_matches("0x").parse().map_err(|_| {
                format!("{name} names the compose hash {}, which is none", clip(&hash))
            })?),
            None => None,
        };
        if compose_hash.is_none() && file.is_none() {
            return Err(format!(
                "{name} names no compose_hash and is no app-compose.json: save the answer to provisioning, or to the prepared \
                 update, or the compose file itself"
            ));
        }
        let app_id =
            one(&["app_id", "appId"])?.and_then(|id| id.trim_start_matches("0x").parse().ok());
        let word = |names: &[&str]| -> Result<Option<B256>, String> {
            Ok(one(names)?.and_then(|word| word.trim_start_matches("0x").parse().ok()))
        };
        let device_id = word(&["device_id", "deviceId"])?;
        let os_image = word(&["os_image_hash", "osImageHash"])?;
        Ok(Self { compose_hash, file, app_id, device_id, os_image, name })
    }
}

/// Collects the texts under these names, also where a list of `{"field": .., "value": ..}` names them.
fn collect(value: &Value, names: &[&str], depth: usize, found: &mut BTreeSet<String>) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Object(object) => {
            let text = |name: &str| object.get(name).and_then(Value::as_str);
            if let (Some(field), Some(value)) =
                (text("field").or_else(|| text("name")), text("value"))
                && names.contains(&field)
            {
                found.insert(value.to_owned());
            }
            for (name, inner) in object {
                match inner {
                    Value::String(text) if names.contains(&name.as_str()) => {
                        found.insert(text.clone());
                    }
                    inner => collect(inner, names, depth - 1, found),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, names, depth - 1, found);
            }
        }
        _ => {}
    }
}

fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Compares what the platform says it will run, of each instance, with what is to be announced. `document` is the local file, where
/// there is one.
#[must_use]
pub fn platforms(
    platforms: &[Platform],
    app: Address,
    hash: ComposeHash,
    document: Option<&AppCompose>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    if platforms.is_empty() {
        checks.push(Check::new(
            "platform",
            Verdict::Warn,
            "Nobody compared this with what the platform will run: save its answer and name it with --platform.",
        ));
    }
    let mut same = !platforms.is_empty();
    for platform in platforms {
        let name = &platform.name;
        let shown = platform.file.as_deref().map(ComposeHash::of);
        for (what, theirs) in [("names", platform.compose_hash), ("shows a file with", shown)] {
            let Some(theirs) = theirs else { continue };
            if theirs == hash {
                checks.push(Check::new(
                    "platform",
                    Verdict::Pass,
                    format!("{name} {what} the very hash that is to be announced."),
                ));
            } else {
                same = false;
                let message = format!(
                    "{name} {what} the hash {theirs}, and to be announced is {hash}: {}",
                    why(theirs, document)
                );
                checks.push(Check::new("platform", Verdict::Fail, message));
            }
        }
        if let Some(theirs) = platform.app_id.filter(|theirs| *theirs != app) {
            let message = format!("{name} is about the app {theirs}, not {app}.");
            checks.push(Check::new("app_id", Verdict::Fail, message));
        }
    }
    checks.extend(document.map(|document| script(document, same)));
    checks
}

/// What may have made the difference.
fn why(theirs: ComposeHash, document: Option<&AppCompose>) -> String {
    let written = document.map(|document| matching(&predict(document), theirs)).unwrap_or_default();
    match written.first() {
        Some(tool) => format!(
            "it hashes the same content as {} writes it, so announce that hash, with the file that has these bytes.",
            tool.name()
        ),
        None => "the app would not boot after the notice. Fetch the platform's own file, look at the difference with \
                 `devproof compose diff`, and announce what will run."
            .to_owned(),
    }
}

/// The platform puts in a script of its own where there is none, and changes it now and then.
fn script(document: &AppCompose, same: bool) -> Check {
    let id = "pre_launch_script";
    match (&document.fields().pre_launch_script, same) {
        (Some(script), _) if !script.trim().is_empty() => Check::new(
            id,
            Verdict::Pass,
            "The pre-launch script is in the file: keep giving this very one to the platform.",
        ),
        (_, true) => Check::new(
            id,
            Verdict::Pass,
            "There is no pre-launch script, and the platform put none in: keep telling it so (`--no-pre-launch-script`).",
        ),
        _ => Check::new(
            id,
            Verdict::Fail,
            "There is no pre-launch script in the file, and a platform that puts in its own changes it during the notice, and the hash \
             with it: pin one (`--pre-launch-script`), or keep it out (`--no-pre-launch-script`) and show the platform's answer \
             with --platform.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn every_form_of_answer_is_read() {
        let forms = [
            format!(r#"{{"compose_hash":"{HASH}","app_id":null}}"#),
            format!(r#"{{"error_code":465,"details":{{"composeHash":"0x{HASH}"}}}}"#),
            format!(
                r#"{{"details":[{{"field":"compose_hash","value":"{HASH}"}},{{"field":"x","value":1}}]}}"#
            ),
        ];
        for form in forms {
            let read = Platform::read("p", form.as_bytes()).unwrap();
            assert_eq!(read.compose_hash, Some(HASH.parse().unwrap()), "{form}");
        }
        let file = r#"{ "manifest_version": 2, "docker_compose_file": "services: {}" }"#;
        let read = Platform::read("p", file.as_bytes()).unwrap();
        assert_eq!(read.file.as_deref(), Some(file.as_bytes()));
    }

    #[test]
    fn an_answer_that_says_nothing_or_two_things_is_refused() {
        for (form, why) in [
            ("{}", "names no compose_hash"),
            ("no", "is no JSON"),
            (r#"{"compose_hash":"zz"}"#, "which is none"),
            (r#"{"a":{"compose_hash":"1"},"b":{"compose_hash":"2"}}"#, "more than one"),
        ] {
            let error = Platform::read("p", form.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    /// The platform serves the file with other spaces: its content is the same, its hash is not.
    #[test]
    fn the_same_content_in_other_bytes_is_not_the_same() {
        let local = r#"{"docker_compose_file":"services: {}","manifest_version":2}"#;
        let theirs = r#"{ "docker_compose_file": "services: {}", "manifest_version": 2 }"#;
        let document = AppCompose::parse(local.as_bytes()).unwrap();
        let read = |text: &str| [Platform::read("p", text.as_bytes()).unwrap()];
        let app = Address::repeat_byte(1);
        let verdicts = |platform: &[Platform]| -> Vec<_> {
            let checks = platforms(platform, app, document.hash(), Some(&document));
            checks.into_iter().map(|it| (it.id, it.result)).collect()
        };
        assert_eq!(
            verdicts(&read(local)),
            [("platform", Verdict::Pass), ("pre_launch_script", Verdict::Pass)]
        );
        assert_eq!(
            verdicts(&read(theirs)),
            [("platform", Verdict::Fail), ("pre_launch_script", Verdict::Fail)]
        );
    }
}
