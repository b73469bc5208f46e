//! The compose files of a product's life.

use devproof_primitives::ComposeHash;
use eyre::{OptionExt, Result, WrapErr, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The folder with recorded evidence, where it is present: `DEVPROOF_REAL_DATA`, or `../shared/data`
/// beside the repository.
#[must_use]
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("DEVPROOF_REAL_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}

/// The versions of a product: the first as it was recorded, later ones derived from it.
#[derive(Clone, Debug)]
pub struct Versions {
    first: String,
    /// Where the first one comes from, in a sentence.
    pub origin: String,
}

impl Versions {
    /// Takes the app_compose of a recorded production gateway where the evidence is present, and checks
    /// that its hash is the one in the event log recorded with its quote. Otherwise the example.
    ///
    /// # Errors
    /// If the evidence is there and does not hold what it should.
    pub fn load() -> Result<Self> {
        let Some(folder) = real_data() else { return Self::example() };
        let path = folder.join("tc2-gateway.json");
        let text = std::fs::read_to_string(&path).wrap_err("the recorded gateway")?;
        let evidence: Value = serde_json::from_str(&text)?;
        let first =
            evidence.get("app_compose").and_then(Value::as_str).ok_or_eyre("no app_compose")?;
        let hash = ComposeHash::of(first.as_bytes());
        let log = evidence.get("event_log").and_then(Value::as_str).ok_or_eyre("no event_log")?;
        let events: Vec<Value> = serde_json::from_str(log)?;
        let recorded = events
            .iter()
            .find(|e| e.get("event").and_then(Value::as_str) == Some("compose-hash"))
            .and_then(|e| e.get("event_payload"))
            .and_then(Value::as_str)
            .ok_or_eyre("the event log has no compose-hash")?;
        ensure!(
            recorded.parse::<ComposeHash>()? == hash,
            "the recorded compose file hashes to {hash}, its event log says {recorded}"
        );
        Ok(Self {
            first: first.to_owned(),
            origin: "the recorded app-compose.json of a production gateway, whose SHA-256 is the \
                     compose hash in the event log of its quote"
                .into(),
        })
    }

    /// The example, whether evidence is present or not: for what has to be the same on every machine.
    ///
    /// # Errors
    /// If it is not there.
    pub fn example() -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/app-compose.json");
        let first = std::fs::read_to_string(path).wrap_err("examples/app-compose.json")?;
        Ok(Self { first, origin: "examples/app-compose.json".into() })
    }

    /// The bytes of a version; 1 is the first.
    #[must_use]
    pub fn text(&self, version: u32) -> String {
        if version == 1 {
            return self.first.clone();
        }
        // A key that dstack ignores and hashes all the same.
        let text =
            self.first.replacen('{', &format!("{{\n  \"release\": \"1.{}.0\",", version - 1), 1);
        // Later ones also change what their operator can do.
        let (list, empty) = ("\"allowed_envs\": [", "\"allowed_envs\": []");
        let text = match version {
            4.. if text.contains(empty) => {
                text.replacen(empty, &format!("{list}\"METRICS_TOKEN\"]"), 1)
            }
            4.. => text.replacen(list, &format!("{list}\n    \"METRICS_TOKEN\","), 1),
            _ => text,
        };
        match version {
            6.. => text.replacen("\"public_logs\": true", "\"public_logs\": false", 1),
            _ => text,
        }
    }

    /// The compose hash of a version.
    #[must_use]
    pub fn hash(&self, version: u32) -> ComposeHash {
        ComposeHash::of(self.text(version).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_json_of_its_own() {
        for versions in [Versions::load().unwrap(), Versions::example().unwrap()] {
            let mut hashes: Vec<_> = (1..9).map(|n| versions.hash(n)).collect();
            for n in 1..9 {
                serde_json::from_str::<Value>(&versions.text(n)).unwrap();
            }
            hashes.dedup();
            assert_eq!(hashes.len(), 8);
        }
    }
}
