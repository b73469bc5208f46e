//! The SCALE encoding of dstack's first binary attestation (dstack, `dstack-attest/src/attestation.rs`, `V0`).

use super::binary::{Attestation, Fault};
use crate::{event_log::RawEvent, limits};
use alloy_primitives::hex;

/// A reader that never asks for more than is there.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Fault> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Fault::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    fn word(&mut self) -> Result<u32, Fault> {
        let bytes = self.take(4)?.try_into().map_err(|_| Fault::Truncated)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// A compact number: the low two bits say how many bytes there are. The largest form is for numbers that no
    /// length here can be.
    fn length(&mut self) -> Result<usize, Fault> {
        let first = self.byte()?;
        let more = match first & 3 {
            0 => 0,
            1 => 1,
            2 => 3,
            _ => return Err(Fault::TooLong),
        };
        let mut bytes = [first, 0, 0, 0];
        let rest = self.take(more)?;
        bytes.iter_mut().skip(1).zip(rest).for_each(|(to, from)| *to = *from);
        usize::try_from(u32::from_le_bytes(bytes) >> 2).map_err(|_| Fault::TooLong)
    }

    fn octets(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<String, Fault> {
        String::from_utf8(self.octets()?.to_vec()).map_err(|_| Fault::NotUtf8)
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Attestation, Fault> {
    let mut reader = Reader(bytes);
    if reader.byte()? != 0 {
        return Err(Fault::UnknownVersion);
    }
    match reader.byte()? {
        0 => {}
        1 => return Err(Fault::Platform("gcp-tdx".to_owned())),
        2 => return Err(Fault::Platform("nitro-enclave".to_owned())),
        3 => return Err(Fault::Platform("sev-snp".to_owned())),
        4 => return Err(Fault::Platform("aws-nitro-tpm".to_owned())),
        other => return Err(Fault::Platform(format!("number {other}"))),
    }
    let quote = reader.octets()?.to_vec();
    let mut events = Vec::new();
    for _ in 0..count(&mut reader)? {
        events.push(RawEvent {
            imr: reader.word()?,
            event_type: reader.word()?,
            digest: hex::encode(reader.octets()?),
            event: reader.text()?,
            event_payload: hex::encode(reader.octets()?),
            version: None,
            preimage: None,
        });
    }
    let mut runtime = Vec::new();
    for _ in 0..count(&mut reader)? {
        runtime.push((reader.text()?, reader.octets()?.to_vec()));
    }
    let report_data = reader.take(64)?.to_vec();
    let config = reader.text()?;
    if !reader.0.is_empty() {
        return Err(Fault::Trailing);
    }
    Ok(Attestation { quote, events, runtime, report_data, config })
}

fn count(reader: &mut Reader<'_>) -> Result<usize, Fault> {
    let count = reader.length()?;
    if count > limits::EVENTS { Err(Fault::TooLong) } else { Ok(count) }
}
