//! Event logs as a guest writes them.

use serde_json::{Value, json};
use sha2::{Digest, Sha384};

pub const RUNTIME: u32 = 0x0800_0001;

/// An event log, and the registers it adds up to.
#[derive(Clone, Debug)]
pub struct Log {
    pub events: Vec<Value>,
    pub rtmr: [[u8; 48]; 4],
}

impl Default for Log {
    fn default() -> Self {
        Self { events: vec![], rtmr: [[0; 48]; 4] }
    }
}

impl Log {
    /// An event of the firmware.
    pub fn firmware(&mut self, imr: usize, event_type: u32, digest: [u8; 48]) -> &mut Self {
        self.extend(imr, digest);
        self.events.push(
            json!({"imr": imr, "event_type": event_type, "digest": hex(&digest), "event": "",
            "event_payload": "00"}),
        );
        self
    }

    /// An event of the guest with a V1 digest.
    pub fn runtime(&mut self, name: &str, payload: &[u8]) -> &mut Self {
        let digest = v1(name, payload);
        self.extend(3, digest);
        self.events
            .push(json!({"imr": 3, "event_type": RUNTIME, "digest": hex(&digest), "event": name,
            "event_payload": hex(payload)}));
        self
    }

    /// An event of the guest with a V2 digest.
    pub fn runtime_v2(&mut self, name: &str, payload: &[u8]) -> &mut Self {
        let preimage = format!(
            r#"{{"name":{},"payload":"{}","type":134217729}}"#,
            serde_json::to_string(name).unwrap(),
            hex(payload)
        );
        let digest: [u8; 48] = Sha384::digest(&preimage).into();
        self.extend(3, digest);
        self.events
            .push(json!({"imr": 3, "event_type": RUNTIME, "digest": hex(&digest), "event": name,
            "event_payload": hex(payload), "version": 2, "preimage": hex(preimage.as_bytes())}));
        self
    }

    fn extend(&mut self, imr: usize, digest: [u8; 48]) {
        self.rtmr[imr] = Sha384::digest([self.rtmr[imr], digest].concat()).into();
    }

    pub fn json(&self) -> String {
        serde_json::to_string(&self.events).unwrap()
    }
}

pub fn v1(name: &str, payload: &[u8]) -> [u8; 48] {
    let kind = RUNTIME.to_le_bytes();
    Sha384::digest([&kind[..], b":", name.as_bytes(), b":", payload].concat()).into()
}

pub fn hex(bytes: &[u8]) -> String {
    alloy_primitives::hex::encode(bytes)
}
