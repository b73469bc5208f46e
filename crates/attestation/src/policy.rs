//! What a verdict demands. [`Policy::default`] is strict; a TOML file says otherwise, entry by entry.

use crate::{CheckId, KeyProviderKind, limits, quote::Register};
use alloy_primitives::B256;
use dcap_qvl::TcbStatus as Dcap;
use serde::{Deserialize, Deserializer, de::Error};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Status of a platform's trusted computing base in Intel's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "Intel's words; docs/attestation.md says what they mean")]
pub enum TcbStatus {
    UpToDate,
    SwHardeningNeeded,
    ConfigurationNeeded,
    ConfigurationAndSwHardeningNeeded,
    OutOfDate,
    OutOfDateConfigurationNeeded,
    TdRelaunchAdvised,
    TdRelaunchAdvisedConfigurationNeeded,
    Revoked,
}

impl TcbStatus {
    const ALL: [(Self, &'static str); 9] = [
        (Self::UpToDate, "UpToDate"),
        (Self::SwHardeningNeeded, "SWHardeningNeeded"),
        (Self::ConfigurationNeeded, "ConfigurationNeeded"),
        (Self::ConfigurationAndSwHardeningNeeded, "ConfigurationAndSWHardeningNeeded"),
        (Self::OutOfDate, "OutOfDate"),
        (Self::OutOfDateConfigurationNeeded, "OutOfDateConfigurationNeeded"),
        (Self::TdRelaunchAdvised, "TDRelaunchAdvised"),
        (Self::TdRelaunchAdvisedConfigurationNeeded, "TDRelaunchAdvisedConfigurationNeeded"),
        (Self::Revoked, "Revoked"),
    ];

    /// Whether an update that closes a hole is missing.
    #[must_use]
    pub const fn is_out_of_date(self) -> bool {
        matches!(self, Self::OutOfDate | Self::OutOfDateConfigurationNeeded)
    }
}

impl fmt::Display for TcbStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(s, _)| s == self).map_or("", |(_, name)| name))
    }
}

impl FromStr for TcbStatus {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text);
        found.map(|(status, _)| *status).ok_or_else(|| {
            PolicyError(format!(
                "{text:?} is no TCB status; those that Intel gives are UpToDate, ..."
            ))
        })
    }
}

impl From<Dcap> for TcbStatus {
    fn from(status: Dcap) -> Self {
        match status {
            Dcap::UpToDate => Self::UpToDate,
            Dcap::SWHardeningNeeded => Self::SwHardeningNeeded,
            Dcap::ConfigurationNeeded => Self::ConfigurationNeeded,
            Dcap::ConfigurationAndSWHardeningNeeded => Self::ConfigurationAndSwHardeningNeeded,
            Dcap::OutOfDate => Self::OutOfDate,
            Dcap::OutOfDateConfigurationNeeded => Self::OutOfDateConfigurationNeeded,
            Dcap::TDRelaunchAdvised => Self::TdRelaunchAdvised,
            Dcap::TDRelaunchAdvisedConfigurationNeeded => {
                Self::TdRelaunchAdvisedConfigurationNeeded
            }
            Dcap::Revoked => Self::Revoked,
        }
    }
}

/// A policy file that makes no sense, in a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(String);

/// For how long a status that is out of date is still accepted, counted from the date of the level that is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// For so many days.
    Days(u32),
    /// For ever.
    Unlimited,
}

impl Grace {
    /// Whether a level of a date (Unix seconds) is still accepted.
    pub(crate) fn covers(self, date: u64, now: u64) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Days(days) => date.saturating_add(u64::from(days) * 86_400) >= now,
        }
    }
}

/// The measurements of an operating system's image on a machine of a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurements {
    /// The firmware.
    pub mrtd: Register,
    /// Its configuration, and that of the virtual machine.
    pub rtmr0: Register,
    /// The kernel.
    pub rtmr1: Register,
    /// Its command line and initrd, which name the root file system's hash.
    pub rtmr2: Register,
    /// The hash under which the image is published and allowed, if it is known.
    pub os_image_hash: Option<B256>,
    /// What people call it.
    pub name: Option<String>,
}

/// What a verdict demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Accepted statuses, and for how long where they are out of date. [`TcbStatus::Revoked`] never is.
    pub tcb: BTreeMap<TcbStatus, Grace>,
    /// Advisories that are not accepted, whatever the status.
    pub rejected_advisories: Vec<String>,
    /// The smallest number of Intel's evaluation that is accepted.
    pub minimum_evaluation: Option<u32>,
    /// Whether packages may be added to the platform.
    pub allow_dynamic_platform: bool,
    /// Whether Intel's registration service may keep the platform's root keys.
    pub allow_cached_keys: bool,
    /// Whether two threads may share a core.
    pub allow_smt: bool,
    /// Hashes of accepted images of the operating system; empty means that nothing was said.
    pub os_images: Vec<B256>,
    /// Measurements of accepted images.
    pub measurements: Vec<Measurements>,
    /// Accepted key providers; empty means that nothing was said.
    pub key_providers: Vec<KeyProviderKind>,
    /// Versions of a KMS that are known to make their keys themselves.
    pub kms_versions: Vec<B256>,
    /// Rows that must pass.
    pub required: Vec<CheckId>,
    /// Rows that must pass where there is something to check.
    pub if_checked: Vec<CheckId>,
    /// How many backends must agree on a row that backends check.
    pub minimum_backends: usize,
}

impl Default for Policy {
    /// Up to date, nothing out of the ordinary, and an operating system that is known. The three flags of platforms are
    /// allowed and shown: every host of dstack seen so far has all of them.
    fn default() -> Self {
        let required = [
            CheckId::Hardware,
            CheckId::Collateral,
            CheckId::Tcb,
            CheckId::TdAttributes,
            CheckId::Platform,
            CheckId::EventLog,
            CheckId::OsImage,
            CheckId::AppId,
            CheckId::ComposeHash,
        ];
        Self {
            tcb: BTreeMap::from([(TcbStatus::UpToDate, Grace::Unlimited)]),
            rejected_advisories: Vec::new(),
            minimum_evaluation: None,
            allow_dynamic_platform: true,
            allow_cached_keys: true,
            allow_smt: true,
            os_images: Vec::new(),
            measurements: Vec::new(),
            key_providers: Vec::new(),
            kms_versions: Vec::new(),
            if_checked: CheckId::ALL.into_iter().filter(|id| !required.contains(id)).collect(),
            required: required.to_vec(),
            minimum_backends: 1,
        }
    }
}

impl Policy {
    /// Reads a policy file. What it does not say stays as in [`Policy::default`], except that a file with `required`
    /// and without `if-checked` requires those rows and no others.
    ///
    /// # Errors
    /// If it is too long, no TOML, or says what makes no sense; also for a key that is not known, since a misspelt one
    /// would otherwise pass unseen.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        if text.len() > limits::POLICY {
            return Err(PolicyError(format!("a policy has at most {} bytes", limits::POLICY)));
        }
        let file: File = toml::from_str(text)
            .map_err(|e| PolicyError(e.to_string().trim_end().replace('\n', "; ")))?;
        let mut policy = Self::default();
        if let Some(statuses) = file.tcb.accept {
            policy.tcb = statuses
                .into_iter()
                .map(|name| match name.parse()? {
                    TcbStatus::Revoked => {
                        Err(PolicyError("a TCB that was revoked cannot be accepted".to_owned()))
                    }
                    status => Ok((status, Grace::Days(file.tcb.grace_days.unwrap_or(0)))),
                })
                .collect::<Result<_, _>>()?;
        }
        let platform = file.platform;
        let or = |said: Option<bool>, default| said.unwrap_or(default);
        policy.allow_dynamic_platform = or(platform.allow_dynamic, policy.allow_dynamic_platform);
        policy.allow_cached_keys = or(platform.allow_cached_keys, policy.allow_cached_keys);
        policy.allow_smt = or(platform.allow_smt, policy.allow_smt);
        policy.rejected_advisories = file.tcb.reject_advisories;
        policy.minimum_evaluation = file.tcb.minimum_evaluation;
        policy.os_images = file.os.images;
        policy.measurements = file.os.measurements.into_iter().map(Into::into).collect();
        policy.kms_versions = file.kms.versions;
        policy.key_providers = kinds(&file.key_providers)?;
        if let Some(rows) = file.required {
            policy.required = rows;
            policy.if_checked.clear();
        }
        if let Some(rows) = file.if_checked {
            policy.if_checked = rows;
        }
        policy.minimum_backends = file.minimum_backends.unwrap_or(policy.minimum_backends);
        if policy.minimum_backends == 0 {
            return Err(PolicyError("minimum-backends is at least 1".to_owned()));
        }
        Ok(policy)
    }

    /// Whether a status counts, its age aside.
    pub(crate) fn grace(&self, status: TcbStatus) -> Option<Grace> {
        self.tcb.get(&status).copied().filter(|_| status != TcbStatus::Revoked)
    }
}

fn kinds(names: &[String]) -> Result<Vec<KeyProviderKind>, PolicyError> {
    let kind = |name: &String| {
        KeyProviderKind::from_name(name).ok_or_else(|| {
            PolicyError(format!("{name:?} is no key provider: kms, local-sgx, tpm or none"))
        })
    };
    names.iter().map(kind).collect()
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    tcb: Tcb,
    #[serde(default)]
    platform: Platform,
    #[serde(default)]
    os: Os,
    #[serde(default)]
    kms: Kms,
    #[serde(default)]
    key_providers: Vec<String>,
    required: Option<Vec<CheckId>>,
    if_checked: Option<Vec<CheckId>>,
    minimum_backends: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Tcb {
    accept: Option<Vec<String>>,
    grace_days: Option<u32>,
    reject_advisories: Vec<String>,
    minimum_evaluation: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Platform {
    allow_dynamic: Option<bool>,
    allow_cached_keys: Option<bool>,
    allow_smt: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Os {
    #[serde(deserialize_with = "hashes")]
    images: Vec<B256>,
    measurements: Vec<MeasurementsEntry>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Kms {
    #[serde(deserialize_with = "hashes")]
    versions: Vec<B256>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MeasurementsEntry {
    #[serde(deserialize_with = "parsed")]
    mrtd: Register,
    #[serde(deserialize_with = "parsed")]
    rtmr0: Register,
    #[serde(deserialize_with = "parsed")]
    rtmr1: Register,
    #[serde(deserialize_with = "parsed")]
    rtmr2: Register,
    #[serde(default, deserialize_with = "maybe_hash")]
    os_image_hash: Option<B256>,
    name: Option<String>,
}

impl From<MeasurementsEntry> for Measurements {
    fn from(entry: MeasurementsEntry) -> Self {
        let MeasurementsEntry { mrtd, rtmr0, rtmr1, rtmr2, os_image_hash, name } = entry;
        Self { mrtd, rtmr0, rtmr1, rtmr2, os_image_hash, name }
    }
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(d: D) -> Result<T, D::Error> {
    String::deserialize(d)?.parse().map_err(D::Error::custom)
}

fn maybe_hash<'de, D: Deserializer<'de>>(d: D) -> Result<Option<B256>, D::Error> {
    parsed(d).map(Some)
}

fn hashes<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<B256>, D::Error> {
    let texts = Vec::<String>::deserialize(d)?;
    texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}
