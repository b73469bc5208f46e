//! JSON as it is written: order, repeated names, numbers digit by digit, and the line of each entry.
//!
//! serde_json does the parsing, so that what is refused here is what dstack's guest refuses as well. Its own
//! `Value` would forget everything that this module is for.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// How deep values may be nested. dstack's own fields need four levels; serde_json stops at 128.
pub const MAX_DEPTH: usize = 64;

/// A value, with nothing lost that a serialiser could make something of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it is written.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object in the order of the file; a name may occur twice.
    Object(Vec<(String, Self)>),
}

/// An entry of the outermost object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: Json,
    /// The line of the file on which the value begins, from 1.
    pub line: usize,
}

/// Why a text is no JSON that can be worked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text breaks the grammar.
    #[error("it is no JSON ({0})")]
    Syntax(String),
    /// Values are nested deeper than [`MAX_DEPTH`].
    #[error("its values are nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The outermost value is no object.
    #[error("it is JSON, but no object")]
    NotAnObject,
}

impl Json {
    /// Reads a value of any kind.
    ///
    /// # Errors
    /// See [`JsonError`].
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let raw: &RawValue = read(text)?;
        Self::from_raw(raw.get(), MAX_DEPTH)
    }

    /// `raw` is grammatical already; each level is read again, which [`MAX_DEPTH`] bounds.
    fn from_raw(raw: &str, depth: usize) -> Result<Self, JsonError> {
        let deeper = depth.checked_sub(1).ok_or(JsonError::TooDeep);
        Ok(match raw.as_bytes().first() {
            Some(b'{') => {
                let (depth, members) = (deeper?, read::<Members<'_>>(raw)?.0);
                let member =
                    |(key, raw): (String, &RawValue)| Ok((key, Self::from_raw(raw.get(), depth)?));
                Self::Object(members.into_iter().map(member).collect::<Result<_, _>>()?)
            }
            Some(b'[') => {
                let (depth, items) = (deeper?, read::<Vec<&RawValue>>(raw)?);
                let item = |raw: &RawValue| Self::from_raw(raw.get(), depth);
                Self::Array(items.into_iter().map(item).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Self::String(read(raw)?),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            _ => Self::Number(raw.to_owned()),
        })
    }

    /// The text, if it is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The last value under a name, if it is an object: what jq and JavaScript take.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// What kind of value it is, in a word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// A value on one line, as people read it: names without quotes where they need none.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(digits) => f.write_str(digits),
            Self::String(text) => f.write_str(text),
            Self::Array(items) => {
                f.write_str("[")?;
                for (n, item) in items.iter().enumerate() {
                    f.write_str(if n == 0 { "" } else { ", " })?;
                    item.fmt(f)?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (n, (key, value)) in members.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if n == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Reads the entries of the outermost object.
pub(crate) fn entries(text: &str) -> Result<Vec<Entry>, JsonError> {
    let whole: &RawValue = read(text)?;
    if !whole.get().starts_with('{') {
        return Err(JsonError::NotAnObject);
    }
    let members = read::<Members<'_>>(text)?.0;
    let (mut line, mut counted) = (1, 0);
    let mut entries = Vec::with_capacity(members.len());
    for (key, raw) in members {
        // The value is a slice of the text, so where it lies is where it stands.
        let start = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let between = text.as_bytes().get(counted..start).unwrap_or_default();
        line += between.iter().filter(|byte| **byte == b'\n').count();
        counted = start;
        entries.push(Entry { key, value: Json::from_raw(raw.get(), MAX_DEPTH - 1)?, line });
    }
    Ok(entries)
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JsonError> {
    serde_json::from_str(text).map_err(|error| JsonError::Syntax(error.to_string()))
}

/// The members of an object, in order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(InOrder).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn order_repetition_digits_and_lines_are_kept() {
        let entries = entries("{\"b\": 1.50,\n\n\"a\":\n[2e3],\"b\":null}").unwrap();
        let told: Vec<_> =
            entries.iter().map(|e| (e.key.as_str(), e.value.to_string(), e.line)).collect();
        assert_eq!(
            told,
            [("b", "1.50".into(), 1), ("a", "[2e3]".into(), 4), ("b", "null".into(), 4)]
        );
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(Json::parse(&nested(MAX_DEPTH + 1)), Err(JsonError::TooDeep));
        let object = format!("{{\"a\":{}}}", nested(MAX_DEPTH));
        assert_eq!(self::entries(&object), Err(JsonError::TooDeep));
        // However deep: 200,000 levels would overflow the stack if they were followed.
        assert!(Json::parse(&nested(200_000)).is_err());
    }

    #[test]
    fn what_is_no_object_is_told_apart_from_what_is_no_json() {
        assert_eq!(entries("[1]"), Err(JsonError::NotAnObject));
        assert!(matches!(entries("{\"a\":1"), Err(JsonError::Syntax(_))));
        assert!(matches!(entries("{\"a\":\"\\ud800\"}"), Err(JsonError::Syntax(_))));
        assert!(matches!(entries("{} {}"), Err(JsonError::Syntax(_))));
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_reads(text in r#"[\[\]{}:,"a0-9.e\\u \-+truefalsn]{0,40}"#) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            let ours = Json::parse(&text);
            // A number out of the range of a double is a number here all the same.
            if theirs.is_ok() {
                prop_assert!(ours.is_ok(), "{text:?}: {ours:?}");
            }
        }
    }
}
