//! JSON as other languages write it.

use super::numbers;
use crate::json::Json;
use std::cmp::Ordering;

/// Where there is white space.
#[derive(Clone, Copy)]
pub(super) enum Layout {
    /// Nowhere.
    Compact,
    /// After commas and colons.
    Spaced,
    /// Each entry on a line of its own, so far to the right.
    Indented(usize),
}

/// What is escaped besides quotes, backslashes and control characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Nothing.
    None,
    /// Everything but ASCII.
    Ascii,
    /// `<`, `>`, `&`, U+2028 and U+2029, as Go does it.
    Html,
}

/// Who writes the numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// JavaScript: every number is a double.
    JavaScript,
    /// Python: integers stay what they are.
    Python,
    /// Go, by way of an untyped value: every number is a double.
    Go,
}

/// Orders the names of every object in a value.
pub(super) fn sort(value: &mut Json, order: &impl Fn(&str, &str) -> Ordering) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| sort(item, order)),
        Json::Object(members) => {
            members.sort_by(|(a, _), (b, _)| order(a, b));
            members.iter_mut().for_each(|(_, value)| sort(value, order));
        }
        _ => {}
    }
}

/// JavaScript lists names that are array indexes first, in the order of their numbers, however an object was
/// filled; and takes one name for something else altogether.
pub(super) fn array_indexes_first(value: &mut Json) -> Result<(), String> {
    match value {
        Json::Array(items) => items.iter_mut().try_for_each(array_indexes_first),
        Json::Object(members) => {
            if members.iter().any(|(key, _)| key == "__proto__") {
                return Err("JavaScript takes the name __proto__ for something else.".to_owned());
            }
            let index = |key: &str| {
                let number: u32 = key.parse().ok()?;
                (number.to_string() == key && number != u32::MAX).then_some(number)
            };
            members.sort_by_key(|(key, _)| index(key).map_or(u64::MAX, u64::from));
            members.iter_mut().try_for_each(|(_, value)| array_indexes_first(value))
        }
        _ => Ok(()),
    }
}

/// Writes a value.
pub(super) fn write(
    value: &Json,
    layout: Layout,
    escapes: Escapes,
    style: Style,
) -> Result<String, String> {
    let mut out = String::new();
    Writer { layout, escapes, style, out: &mut out }.value(value, 0)?;
    Ok(out)
}

struct Writer<'a> {
    layout: Layout,
    escapes: Escapes,
    style: Style,
    out: &'a mut String,
}

impl Writer<'_> {
    fn value(&mut self, value: &Json, depth: usize) -> Result<(), String> {
        match value {
            Json::Null => self.out.push_str("null"),
            Json::Bool(true) => self.out.push_str("true"),
            Json::Bool(false) => self.out.push_str("false"),
            Json::Number(digits) => self.out.push_str(&numbers::written(digits, self.style)?),
            Json::String(text) => self.string(text),
            Json::Array(items) => {
                self.out.push('[');
                for (n, item) in items.iter().enumerate() {
                    self.before(n, depth + 1);
                    self.value(item, depth + 1)?;
                }
                self.end(items.len(), depth);
                self.out.push(']');
            }
            Json::Object(members) => {
                self.out.push('{');
                for (n, (key, value)) in members.iter().enumerate() {
                    self.before(n, depth + 1);
                    self.string(key);
                    let compact = matches!(self.layout, Layout::Compact);
                    self.out.push_str(if compact { ":" } else { ": " });
                    self.value(value, depth + 1)?;
                }
                self.end(members.len(), depth);
                self.out.push('}');
            }
        }
        Ok(())
    }

    fn before(&mut self, n: usize, depth: usize) {
        match self.layout {
            Layout::Compact if n > 0 => self.out.push(','),
            Layout::Spaced if n > 0 => self.out.push_str(", "),
            Layout::Compact | Layout::Spaced => {}
            Layout::Indented(_) => {
                self.out.push_str(if n > 0 { "," } else { "" });
                self.line(depth);
            }
        }
    }

    fn end(&mut self, length: usize, depth: usize) {
        if matches!(self.layout, Layout::Indented(_)) && length > 0 {
            self.line(depth);
        }
    }

    fn line(&mut self, depth: usize) {
        if let Layout::Indented(width) = self.layout {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', width * depth));
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            let go = self.escapes == Escapes::Html;
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                c if c < ' ' => self.unit(c as u16),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if go => self.unit(c as u16),
                c if self.escapes == Escapes::Ascii && c > '~' => {
                    c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| self.unit(*unit));
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn unit(&mut self, unit: u16) {
        self.out.push_str(&format!("\\u{unit:04x}"));
    }
}
