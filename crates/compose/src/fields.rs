//! The fields of `app-compose.json` that dstack knows: `AppCompose` of its `dstack-types`, and
//! `pre_launch_script`, which only a shell script of its guest reads.

use crate::{
    json::{Entry, Json},
    words::clip,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// The names of the outermost object that some dstack guest acts upon.
pub const KNOWN_FIELDS: [&str; 29] = [
    "manifest_version",
    "name",
    "features",
    "runner",
    "snapshotter",
    "docker_compose_file",
    "docker_config",
    "init_script",
    "pre_launch_script",
    "bash_script",
    "public_logs",
    "public_sysinfo",
    "public_tcbinfo",
    "kms_enabled",
    "gateway_enabled",
    "tproxy_enabled",
    "local_key_provider_enabled",
    "key_provider",
    "key_provider_id",
    "allowed_envs",
    "no_instance_id",
    "secure_time",
    "storage_fs",
    "swap_size",
    "event_log_version",
    "port_policy",
    "requirements",
    "verity_volumes",
    "launch_token_hash",
];

/// The names that may stand inside a field that is an object.
const KNOWN_MEMBERS: [(&str, &[&str]); 3] = [
    ("docker_config", &["registry", "username", "token_key"]),
    ("port_policy", &["ports", "restrict_mode"]),
    (
        "requirements",
        &[
            "os_version",
            "platforms",
            "tdx_measure_acpi_tables",
            "launch_token_hash",
            "gpu_policy",
            "health_check",
        ],
    ),
];

/// How many repeated names are told.
const MAX_REPEATED: usize = 100;

/// Where the keys of the disk and of the app come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyProvider {
    /// Nowhere: they are drawn anew at each boot.
    None,
    /// A key management service.
    Kms,
    /// An enclave on the same machine.
    Local,
    /// A TPM.
    Tpm,
}

/// What dstack makes of the file. Absent switches have dstack's defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fields {
    /// `1`, `2` or a later version; as written, without quotes.
    pub manifest_version: Option<String>,
    /// What the operator calls the app.
    pub name: Option<String>,
    /// Old switches: `kms`, `tproxy-net`.
    pub features: Vec<String>,
    /// `docker-compose`, `nerdctl-compose` or `bash`.
    pub runner: Option<String>,
    /// The snapshotter of containerd.
    pub snapshotter: Option<String>,
    /// The compose file of Docker, as text.
    pub docker_compose_file: Option<String>,
    /// The registry to log in to; guests since about 0.5.5 ignore it.
    #[serde(skip)]
    pub docker_config: Option<Json>,
    /// Scripts that run as root before Docker starts.
    pub init_script: Vec<String>,
    /// A script that is sourced before the services start.
    pub pre_launch_script: Option<String>,
    /// What runner `bash` runs.
    pub bash_script: Option<String>,
    /// Everybody may read the logs of the containers.
    pub public_logs: bool,
    /// Everybody may read figures of the machine.
    pub public_sysinfo: bool,
    /// Everybody may read measurements and this file.
    pub public_tcbinfo: bool,
    /// Traffic comes through dstack's gateway.
    pub gateway_enabled: bool,
    /// Where keys come from, by `key_provider` or the switches that came before it.
    pub key_provider: KeyProvider,
    /// The public key of the provider that is accepted, hex; empty counts as absent.
    pub key_provider_id: Option<String>,
    /// Names of variables whose values the operator sets after the hash is taken.
    pub allowed_envs: BTreeSet<String>,
    /// All instances are the same one.
    pub no_instance_id: bool,
    /// The clock is set from an authenticated source before anything starts.
    pub secure_time: bool,
    /// The file system of the data disk.
    pub storage_fs: Option<String>,
    /// Swap, as written.
    pub swap_size: Option<String>,
    /// The format of the event log, 1 or 2.
    pub event_log_version: Option<String>,
    /// Which ports may be reached.
    #[serde(skip)]
    pub port_policy: Option<Json>,
    /// What the app demands of the machine under it.
    #[serde(skip)]
    pub requirements: Option<Json>,
    /// Read-only volumes that are checked block by block.
    #[serde(skip)]
    pub verity_volumes: Vec<Json>,
    /// SHA-256 that a launch token must have, hex, as older files have it: no guest reads it by itself.
    pub launch_token_hash: Option<String>,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Problem {
    /// A field is of another kind than dstack expects.
    WrongKind {
        /// The field.
        field: String,
        /// What dstack expects.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A name stands more than once in the same object.
    Repeated {
        /// The name, with that of the object before a dot.
        field: String,
    },
    /// A member of a known field that dstack does not know.
    UnknownMember {
        /// Field and member, with a dot between.
        field: String,
    },
}

impl Fields {
    /// Whether some guest acts upon a field of this name.
    #[must_use]
    pub fn knows(name: &str) -> bool {
        KNOWN_FIELDS.contains(&name)
    }

    /// Every script, with the name of its field. They run as root, outside any container.
    pub fn scripts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let said = |text: &&String| !text.trim().is_empty();
        let init = self.init_script.iter().filter(said).map(|text| ("init_script", text.as_str()));
        let pre_launch =
            self.pre_launch_script.iter().map(|text| ("pre_launch_script", text.as_str()));
        let bash = self.bash_script.iter().map(|text| ("bash_script", text.as_str()));
        init.chain(pre_launch).chain(bash)
    }

    /// Whether values of variables are accepted only with a launch token. Guests see to it by `requirements`; in older
    /// files only a script can, so that a hash that no script reads protects nothing.
    #[must_use]
    pub fn authenticates_values(&self) -> bool {
        let script = || self.scripts().any(|(_, text)| text.contains("launch_token_hash"));
        let demanded =
            self.requirement("launch_token_hash").is_some_and(|it| !it.trim().is_empty());
        demanded || (self.launch_token_hash.is_some() && script())
    }

    /// A demand on the machine, as written.
    #[must_use]
    pub fn requirement(&self, name: &str) -> Option<String> {
        let value = self.requirements.as_ref()?.get(name)?;
        (*value != Json::Null).then(|| value.to_string())
    }

    pub(crate) fn read(entries: &[Entry]) -> (Self, Vec<Problem>) {
        let mut reader = Reader { entries, problems: Vec::new() };
        reader.repeated();
        reader.members();
        let features = reader.list("features");
        let old = |name: &str| features.iter().any(|feature| feature == name);
        let kms = reader.switch("kms_enabled", false) || old("kms");
        let local = reader.switch("local_key_provider_enabled", false);
        let gateway = [
            reader.switch("gateway_enabled", false),
            reader.switch("tproxy_enabled", false),
            old("tproxy-net"),
        ];
        let key_provider = match reader.text("key_provider").as_deref() {
            Some("kms") => KeyProvider::Kms,
            Some("local") => KeyProvider::Local,
            Some("tpm") => KeyProvider::Tpm,
            Some("none") => KeyProvider::None,
            Some(_) => {
                reader.wrong("key_provider", "none, kms, local or tpm", "another word");
                KeyProvider::None
            }
            None if kms => KeyProvider::Kms,
            None if local => KeyProvider::Local,
            None => KeyProvider::None,
        };
        let requirements = reader.object("requirements");
        let not_empty = |text: &String| !text.trim().is_empty();
        let fields = Self {
            manifest_version: reader.number_or_text("manifest_version"),
            name: reader.text("name"),
            runner: reader.text("runner"),
            snapshotter: reader.text("snapshotter"),
            docker_compose_file: reader.text("docker_compose_file"),
            docker_config: reader.object("docker_config"),
            init_script: reader.one_or_many("init_script"),
            pre_launch_script: reader.text("pre_launch_script").filter(not_empty),
            bash_script: reader.text("bash_script").filter(not_empty),
            public_logs: reader.switch("public_logs", false),
            public_sysinfo: reader.switch("public_sysinfo", false),
            public_tcbinfo: reader.switch("public_tcbinfo", true),
            gateway_enabled: gateway.contains(&true),
            key_provider,
            key_provider_id: reader.text("key_provider_id").filter(not_empty),
            allowed_envs: reader.list("allowed_envs").into_iter().collect(),
            no_instance_id: reader.switch("no_instance_id", false),
            secure_time: reader.switch("secure_time", true),
            storage_fs: reader.text("storage_fs"),
            swap_size: reader.number_or_text("swap_size"),
            event_log_version: reader.number_or_text("event_log_version"),
            port_policy: reader.object("port_policy"),
            requirements,
            verity_volumes: match reader.value("verity_volumes") {
                Some(Json::Array(items)) => items.clone(),
                _ => Vec::new(),
            },
            launch_token_hash: reader.text("launch_token_hash").filter(not_empty),
            features,
        };
        (fields, reader.problems)
    }
}

struct Reader<'a> {
    entries: &'a [Entry],
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// The last one of the name, as jq takes it; `null` is absent.
    fn value(&self, name: &str) -> Option<&'a Json> {
        let entry = self.entries.iter().rev().find(|entry| entry.key == name)?;
        (entry.value != Json::Null).then_some(&entry.value)
    }

    fn wrong(&mut self, field: &str, expected: &'static str, found: &'static str) {
        self.problems.push(Problem::WrongKind { field: field.to_owned(), expected, found });
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Json::String(text) => Some(text.clone()),
            other => {
                self.wrong(name, "a string", other.kind());
                None
            }
        }
    }

    fn switch(&mut self, name: &str, default: bool) -> bool {
        // Not `value`: a guest takes `null` for text that is absent, and refuses it for a switch.
        match self.entries.iter().rev().find(|entry| entry.key == name).map(|entry| &entry.value) {
            None => default,
            Some(Json::Bool(value)) => *value,
            Some(other) => {
                self.wrong(name, "true or false", other.kind());
                default
            }
        }
    }

    fn number_or_text(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Json::String(text) | Json::Number(text) => Some(text.clone()),
            other => {
                self.wrong(name, "a number or a string", other.kind());
                None
            }
        }
    }

    fn list(&mut self, name: &str) -> Vec<String> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Json::Array(items) = value else {
            self.wrong(name, "a list of strings", value.kind());
            return Vec::new();
        };
        if let Some(other) = items.iter().find(|item| item.as_str().is_none()) {
            self.wrong(name, "a list of strings", other.kind());
        }
        items.iter().filter_map(Json::as_str).map(str::to_owned).collect()
    }

    fn one_or_many(&mut self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Json::String(text)) => vec![text.clone()],
            _ => self.list(name),
        }
    }

    fn object(&mut self, name: &str) -> Option<Json> {
        match self.value(name)? {
            object @ Json::Object(_) => Some(object.clone()),
            other => {
                self.wrong(name, "an object", other.kind());
                None
            }
        }
    }

    fn repeated(&mut self) {
        let mut repeated = BTreeSet::new();
        twice(self.entries.iter().map(|entry| entry.key.as_str()), &[], &mut repeated);
        for entry in self.entries {
            repeated_inside(&entry.value, &mut vec![&entry.key], &mut repeated);
        }
        self.problems.extend(repeated.into_iter().map(|field| Problem::Repeated { field }));
    }

    fn members(&mut self) {
        for (name, known) in KNOWN_MEMBERS {
            let Some(Json::Object(members)) = self.value(name) else { continue };
            for (member, _) in members.iter().filter(|(m, _)| !known.contains(&m.as_str())) {
                let field = format!("{name}.{member}");
                self.problems.push(Problem::UnknownMember { field });
            }
        }
    }
}

fn repeated_inside<'a>(value: &'a Json, path: &mut Vec<&'a str>, repeated: &mut BTreeSet<String>) {
    match value {
        Json::Array(items) => {
            items.iter().for_each(|item| repeated_inside(item, path, repeated));
        }
        Json::Object(members) => {
            twice(members.iter().map(|(key, _)| key.as_str()), path, repeated);
            for (key, value) in members {
                path.push(key);
                repeated_inside(value, path, repeated);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Paths are put together only where something is repeated, clipped, and not without end: whoever wrote
/// the file chose names and their number.
fn twice<'a>(keys: impl Iterator<Item = &'a str>, path: &[&str], repeated: &mut BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    for key in keys {
        if !seen.insert(key) && repeated.len() < MAX_REPEATED {
            let names = path.iter().copied().chain([key]).map(clip);
            repeated.insert(names.collect::<Vec<_>>().join("."));
        }
    }
}
