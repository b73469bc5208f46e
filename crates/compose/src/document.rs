//! An `app-compose.json`: the exact bytes, and what they say.

use crate::{
    fields::{Fields, Problem},
    json::{self, Entry, Json, JsonError},
};
use devproof_primitives::ComposeHash;

/// The largest file that is read, in bytes. dstack's host refuses to boot anything near it.
pub const MAX_BYTES: usize = 1 << 20;

/// Why bytes are no `app-compose.json`. A sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// There are more than [`MAX_BYTES`].
    #[error("an app-compose.json has at most {MAX_BYTES} bytes, this has {0}")]
    TooLarge(usize),
    /// The bytes are not UTF-8.
    #[error("an app-compose.json is UTF-8 text, and byte {0} of this is not")]
    NotUtf8(usize),
    /// There is a byte order mark, at which dstack's own parser stops.
    #[error("it begins with a byte order mark, which no JSON parser of dstack accepts")]
    ByteOrderMark,
    /// It is the compose file of Docker, whose hash means nothing to dstack.
    #[error(
        "this looks like a docker-compose file; the compose hash is that of app-compose.json, which \
         holds that file as a string"
    )]
    DockerCompose,
    /// It is not a JSON object.
    #[error("this cannot be read as app-compose.json: {0}")]
    Json(#[from] JsonError),
}

/// An `app-compose.json`, with its bytes: the hash is always that of what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppCompose {
    text: String,
    hash: ComposeHash,
    entries: Vec<Entry>,
    fields: Fields,
    problems: Vec<Problem>,
}

impl AppCompose {
    /// Reads the bytes of a file. Fields of the wrong kind do not make it fail: they are
    /// [`problems`](Self::problems), and the field counts as absent.
    ///
    /// # Errors
    /// See [`DocumentError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        if bytes.len() > MAX_BYTES {
            return Err(DocumentError::TooLarge(bytes.len()));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| DocumentError::NotUtf8(error.valid_up_to()))?;
        if text.starts_with('\u{feff}') {
            return Err(DocumentError::ByteOrderMark);
        }
        let entries = json::entries(text).map_err(|error| {
            let services = text.lines().any(|line| line.trim_end() == "services:");
            if services { DocumentError::DockerCompose } else { error.into() }
        })?;
        let (fields, problems) = Fields::read(&entries);
        let hash = ComposeHash::of(bytes);
        Ok(Self { text: text.to_owned(), hash, entries, fields, problems })
    }

    /// SHA-256 of the bytes that were read.
    #[must_use]
    pub const fn hash(&self) -> ComposeHash {
        self.hash
    }

    /// The file, byte by byte.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What dstack knows of it.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Fields that dstack would refuse, or readers would read differently.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Every entry of the outermost object, known or not, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries that dstack ignores, and hashes all the same.
    pub fn unknown(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !Fields::knows(&entry.key))
    }

    /// The whole as a value, for predictions.
    #[must_use]
    pub fn object(&self) -> Json {
        Json::Object(self.entries.iter().map(|e| (e.key.clone(), e.value.clone())).collect())
    }

    /// The file as people read it: one entry a line, and texts of several lines (the compose file, scripts)
    /// unfolded beneath their name. For showing and comparing; its hash means nothing.
    #[must_use]
    pub fn readable(&self) -> String {
        let mut text = String::new();
        for Entry { key, value, .. } in &self.entries {
            let lists = match value {
                Json::Array(items) if !items.is_empty() => items.as_slice(),
                _ => std::slice::from_ref(value),
            };
            let long = |it: &Json| it.as_str().is_some_and(|text| text.contains('\n'));
            if lists.len() == 1 && !lists.iter().any(long) {
                text.push_str(&format!("{key}: {value}\n"));
                continue;
            }
            text.push_str(&format!("{key}:\n"));
            for item in lists {
                for line in item.to_string().lines() {
                    text.push_str(&format!("  {line}\n"));
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_app_compose_are_refused_with_the_reason() {
        let refused = |bytes: &[u8]| AppCompose::parse(bytes).unwrap_err();
        assert_eq!(refused(&vec![b' '; MAX_BYTES + 1]), DocumentError::TooLarge(MAX_BYTES + 1));
        assert_eq!(refused(b"{\"a\":\xff}"), DocumentError::NotUtf8(5));
        assert_eq!(refused("\u{feff}{}".as_bytes()), DocumentError::ByteOrderMark);
        assert_eq!(refused(b"services:\n  a:\n    image: b\n"), DocumentError::DockerCompose);
        assert_eq!(refused(b"[]"), DocumentError::Json(JsonError::NotAnObject));
        assert!(matches!(refused(b""), DocumentError::Json(JsonError::Syntax(_))));
    }

    #[test]
    fn the_hash_is_that_of_the_bytes_and_unknown_entries_are_kept() {
        let bytes = b"{\"release\": \"1.2\", \"name\": \"a\"}\n";
        let document = AppCompose::parse(bytes).unwrap();
        assert_eq!(document.hash(), ComposeHash::of(bytes));
        assert_eq!(document.unknown().map(|e| e.key.as_str()).collect::<Vec<_>>(), ["release"]);
    }

    #[test]
    fn long_texts_are_unfolded() {
        let bytes = br#"{"name":"a","init_script":["x","y\nz"],"allowed_envs":["A"],"docker_compose_file":"b:\n  c\n"}"#;
        let document = AppCompose::parse(bytes).unwrap();
        assert_eq!(
            document.readable(),
            "name: a\ninit_script:\n  x\n  y\n  z\nallowed_envs: [A]\ndocker_compose_file:\n  b:\n    c\n"
        );
    }
}
