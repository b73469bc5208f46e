//! The MessagePack encoding of dstack's newer binary attestation (dstack, `dstack-attest/src/v1.rs`).

use super::binary::{Attestation, Fault};
use crate::{event_log::RawEvent, limits};
use alloy_primitives::hex;

/// A value, as far as an attestation has any.
#[derive(Clone, Debug)]
enum Value<'a> {
    Number(u64),
    Text(&'a str),
    Octets(&'a [u8]),
    Array(Vec<Self>),
    Map(Vec<(&'a str, Self)>),
    /// Nothing, truth values, negative and floating numbers: an attestation has none that matter.
    Other,
}

struct Reader<'a> {
    rest: &'a [u8],
    values: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Fault> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    /// A big-endian number of `n` bytes, at most 8.
    fn number(&mut self, n: usize) -> Result<u64, Fault> {
        Ok(self.take(n)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn length(&mut self, n: usize) -> Result<usize, Fault> {
        usize::try_from(self.number(n)?).map_err(|_| Fault::TooLong)
    }

    fn text(&mut self, length: usize) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.take(length)?).map_err(|_| Fault::NotUtf8)
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, Fault> {
        self.values += 1;
        if self.values > limits::VALUES || depth > limits::DEPTH {
            return Err(Fault::TooLong);
        }
        let tag = self.take(1)?.first().copied().unwrap_or_default();
        Ok(match tag {
            0x00..=0x7f => Value::Number(tag.into()),
            0x80..=0x8f => self.map((tag & 15).into(), depth)?,
            0x90..=0x9f => self.array((tag & 15).into(), depth)?,
            0xa0..=0xbf => Value::Text(self.text((tag & 31).into())?),
            0xc4..=0xc6 => {
                let length = self.length(1 << (tag - 0xc4))?;
                Value::Octets(self.take(length)?)
            }
            0xcc..=0xcf => Value::Number(self.number(1 << (tag - 0xcc))?),
            0xd9..=0xdb => {
                let length = self.length(1 << (tag - 0xd9))?;
                Value::Text(self.text(length)?)
            }
            0xdc | 0xdd => {
                let length = self.length(2 << (tag - 0xdc))?;
                self.array(length, depth)?
            }
            0xde | 0xdf => {
                let length = self.length(2 << (tag - 0xde))?;
                self.map(length, depth)?
            }
            0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Value::Other,
            0xca | 0xd2 => self.take(4).map(|_| Value::Other)?,
            0xcb | 0xd3 => self.take(8).map(|_| Value::Other)?,
            0xd0 => self.take(1).map(|_| Value::Other)?,
            0xd1 => self.take(2).map(|_| Value::Other)?,
            // Extensions, and the one tag that is none.
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return Err(Fault::UnknownValue),
        })
    }

    fn array(&mut self, length: usize, depth: usize) -> Result<Value<'a>, Fault> {
        // Each value takes a byte at least, so this reserves no more than is there.
        let mut array = Vec::with_capacity(length.min(self.rest.len()).min(limits::EVENTS));
        for _ in 0..length {
            array.push(self.value(depth + 1)?);
        }
        Ok(Value::Array(array))
    }

    fn map(&mut self, length: usize, depth: usize) -> Result<Value<'a>, Fault> {
        let mut map: Vec<(&str, Value<'_>)> = Vec::new();
        for _ in 0..length {
            let Value::Text(key) = self.value(depth + 1)? else { return Err(Fault::UnknownValue) };
            if map.iter().any(|(other, _)| *other == key) {
                return Err(Fault::Duplicate);
            }
            // Keys are compared with each other: no map of an attestation has more than a dozen.
            if map.len() > 64 {
                return Err(Fault::TooLong);
            }
            map.push((key, self.value(depth + 1)?));
        }
        Ok(Value::Map(map))
    }
}

impl<'a> Value<'a> {
    fn get(&self, key: &'static str) -> Result<&Self, Fault> {
        let Self::Map(map) = self else { return Err(Fault::Missing(key)) };
        map.iter().find(|(k, _)| *k == key).map(|(_, v)| v).ok_or(Fault::Missing(key))
    }

    fn text(&self, key: &'static str) -> Result<&'a str, Fault> {
        match self.get(key)? {
            Self::Text(text) => Ok(text),
            _ => Err(Fault::Missing(key)),
        }
    }

    fn number(&self, key: &'static str) -> Result<u32, Fault> {
        match self.get(key)? {
            Self::Number(n) => u32::try_from(*n).map_err(|_| Fault::Missing(key)),
            _ => Err(Fault::Missing(key)),
        }
    }

    fn array(&self, key: &'static str) -> Result<&[Self], Fault> {
        match self.get(key)? {
            Self::Array(array) => Ok(array),
            _ => Err(Fault::Missing(key)),
        }
    }

    /// Octets, which some encoders write as an array of numbers.
    fn octets(&self, key: &'static str) -> Result<Vec<u8>, Fault> {
        match self.get(key)? {
            Self::Octets(octets) => Ok(octets.to_vec()),
            Self::Array(array) => array
                .iter()
                .map(|value| match value {
                    Self::Number(n) => u8::try_from(*n).map_err(|_| Fault::Missing(key)),
                    _ => Err(Fault::Missing(key)),
                })
                .collect(),
            _ => Err(Fault::Missing(key)),
        }
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Attestation, Fault> {
    let mut reader = Reader { rest: bytes, values: 0 };
    let root = reader.value(0)?;
    if !reader.rest.is_empty() {
        return Err(Fault::Trailing);
    }
    if root.number("version")? != 1 {
        return Err(Fault::UnknownVersion);
    }
    let platform = root.get("platform")?;
    let kind = platform.text("kind")?;
    if kind != "tdx" {
        return Err(Fault::Platform(kind.to_owned()));
    }
    let platform = platform.get("data")?;
    let stack = root.get("stack")?.get("data")?;
    let mut events = Vec::new();
    for event in platform.array("event_log")? {
        events.push(RawEvent {
            imr: event.number("imr")?,
            event_type: event.number("event_type")?,
            digest: event.octets("digest").map(hex::encode).unwrap_or_default(),
            event: event.text("event")?.to_owned(),
            event_payload: hex::encode(event.octets("event_payload")?),
            version: event.number("version").ok(),
            preimage: event.octets("preimage").ok().map(hex::encode),
        });
    }
    let mut runtime = Vec::new();
    for event in stack.array("runtime_events")? {
        runtime.push((event.text("event")?.to_owned(), event.octets("payload")?));
    }
    Ok(Attestation {
        quote: platform.octets("quote")?,
        events,
        runtime,
        report_data: stack.octets("report_data")?,
        config: stack.text("config")?.to_owned(),
    })
}
