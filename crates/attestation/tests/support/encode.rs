//! Binary attestations as dstack encodes them.

use super::{log::Log, machine::Machine, pki::Pki};
use serde_json::Value;

fn bytes_of(event: &Value, field: &str) -> Vec<u8> {
    alloy_primitives::hex::decode(event[field].as_str().unwrap()).unwrap()
}

fn runtime(log: &Log) -> impl Iterator<Item = &Value> {
    log.events.iter().filter(|event| event["imr"] == 3)
}

fn compact(n: usize) -> Vec<u8> {
    match n {
        0..=63 => vec![(n << 2) as u8],
        64..=16_383 => ((n << 2 | 1) as u16).to_le_bytes().to_vec(),
        _ => ((n << 2 | 2) as u32).to_le_bytes().to_vec(),
    }
}

fn octets(bytes: &[u8]) -> Vec<u8> {
    [compact(bytes.len()), bytes.to_vec()].concat()
}

/// The first encoding, SCALE.
pub fn scale(machine: &Machine, pki: &Pki) -> Vec<u8> {
    let mut out = vec![0, 0];
    out.extend(octets(&pki.quote(&machine.body())));
    out.extend(compact(machine.log.events.len()));
    for event in &machine.log.events {
        out.extend((event["imr"].as_u64().unwrap() as u32).to_le_bytes());
        out.extend((event["event_type"].as_u64().unwrap() as u32).to_le_bytes());
        out.extend(octets(&bytes_of(event, "digest")));
        out.extend(octets(event["event"].as_str().unwrap().as_bytes()));
        out.extend(octets(&bytes_of(event, "event_payload")));
    }
    out.extend(compact(runtime(&machine.log).count()));
    for event in runtime(&machine.log) {
        out.extend(octets(event["event"].as_str().unwrap().as_bytes()));
        out.extend(octets(&bytes_of(event, "event_payload")));
    }
    out.extend(machine.report_data);
    out.extend(octets(machine.vm_config.as_deref().unwrap_or_default().as_bytes()));
    out
}

fn text(text: &str) -> Vec<u8> {
    let head = match text.len() {
        n @ 0..=31 => vec![0xa0 | n as u8],
        n @ 32..=255 => vec![0xd9, n as u8],
        n => vec![0xda, (n >> 8) as u8, n as u8],
    };
    [head, text.as_bytes().to_vec()].concat()
}

fn number(n: u64) -> Vec<u8> {
    match n {
        0..=127 => vec![n as u8],
        128..=255 => vec![0xcc, n as u8],
        _ => [vec![0xce], (n as u32).to_be_bytes().to_vec()].concat(),
    }
}

/// Octets as an array of numbers, which is how the quote is written.
fn numbers(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0xdc, (bytes.len() >> 8) as u8, bytes.len() as u8];
    out.extend(bytes.iter().flat_map(|byte| number((*byte).into())));
    out
}

fn bin(bytes: &[u8]) -> Vec<u8> {
    [vec![0xc5, (bytes.len() >> 8) as u8, bytes.len() as u8], bytes.to_vec()].concat()
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![0x80 | entries.len() as u8];
    for (key, value) in entries {
        out.extend(text(key));
        out.extend(value);
    }
    out
}

fn array(items: Vec<Vec<u8>>) -> Vec<u8> {
    let mut out = vec![0xdc, (items.len() >> 8) as u8, items.len() as u8];
    out.extend(items.concat());
    out
}

/// The newer encoding, MessagePack.
pub fn msgpack(machine: &Machine, pki: &Pki, platform: &str) -> Vec<u8> {
    let events = machine.log.events.iter().map(|event| {
        map(&[
            ("imr", number(event["imr"].as_u64().unwrap())),
            ("event_type", number(event["event_type"].as_u64().unwrap())),
            ("digest", bin(&bytes_of(event, "digest"))),
            ("event", text(event["event"].as_str().unwrap())),
            ("event_payload", bin(&bytes_of(event, "event_payload"))),
        ])
    });
    let runtime = runtime(&machine.log).map(|event| {
        map(&[
            ("event", text(event["event"].as_str().unwrap())),
            ("payload", bin(&bytes_of(event, "event_payload"))),
        ])
    });
    let data = map(&[
        ("quote", numbers(&pki.quote(&machine.body()))),
        ("event_log", array(events.collect())),
    ]);
    let stack = map(&[
        ("report_data", numbers(&machine.report_data)),
        ("runtime_events", array(runtime.collect())),
        ("config", text(machine.vm_config.as_deref().unwrap_or_default())),
    ]);
    map(&[
        ("version", number(1)),
        ("platform", map(&[("kind", text(platform)), ("data", data)])),
        ("stack", map(&[("kind", text("dstack")), ("data", stack)])),
    ])
}
