//! What can be done to an app, and the call that does it.

use alloy::{
    primitives::{Address, B256, Bytes},
    sol_types::SolCall,
};
use devproof_contracts::{
    Code,
    bindings::{
        AppAuth,
        factory::{AppAuthFactory, IAppAuth},
    },
    stock::{DstackApp, DstackKms},
};
pub use devproof_primitives::{Setting, Source};
use schemars::JsonSchema;
use serde::Serialize;

/// Something to do to an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Announce a widening.
    Propose {
        /// Of which setting.
        setting: Setting,
        /// Which value.
        value: B256,
        /// What its owner says of the source, for compose hashes.
        source: Option<Source>,
    },
    /// Put into force what was announced.
    Activate {
        /// Of which setting.
        setting: Setting,
        /// Which value.
        value: B256,
    },
    /// Withdraw what was announced.
    Cancel {
        /// Of which setting.
        setting: Setting,
        /// Which value.
        value: B256,
    },
    /// Accept a value no longer.
    Remove {
        /// Of which setting.
        setting: Setting,
        /// Which value.
        value: B256,
    },
    /// Require an up-to-date TCB.
    RequireTcb,
    /// Accept only these OS images, where there is no list yet.
    PinOsImages(Vec<B256>),
    /// Lengthen the notice, in seconds.
    IncreaseNotice(u32),
    /// Name a guardian where there is none.
    NameGuardian(Address),
    /// Offer the ownership to somebody; the zero address takes an offer back.
    OfferOwnership(Address),
    /// Accept an ownership that was offered.
    AcceptOwnership,
    /// Make the app known to a KMS.
    Register {
        /// The KMS contract.
        kms: Address,
    },
    /// Deploy an AppAuth through a factory.
    Deploy {
        /// The factory.
        factory: Address,
        /// What it is born with.
        born: Box<Born>,
        /// Makes two apps of the same settings different.
        salt: B256,
        /// The KMS contract to register it with; zero for none.
        kms: Address,
    },
}

/// What an app is born with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Born {
    /// Who may propose, cancel and narrow.
    pub owner: Address,
    /// Who may cancel and remove besides; zero for nobody.
    pub guardian: Address,
    /// Seconds between an announcement and when it may come into force.
    pub notice_seconds: u32,
    /// Whether any device may run it.
    pub allow_any_device: bool,
    /// Whether the TCB has to be up to date.
    pub require_tcb_up_to_date: bool,
    /// The first versions.
    pub compose_hashes: Vec<B256>,
    /// The devices.
    pub devices: Vec<B256>,
    /// The OS images; none for whatever the KMS admits.
    pub os_images: Vec<B256>,
}

impl Born {
    /// As the factory wants it.
    #[must_use]
    pub fn settings(&self) -> IAppAuth::Settings {
        IAppAuth::Settings {
            owner: self.owner,
            guardian: self.guardian,
            noticePeriod: self.notice_seconds,
            allowAnyDevice: self.allow_any_device,
            requireTcbUpToDate: self.require_tcb_up_to_date,
            composeHashes: self.compose_hashes.clone(),
            devices: self.devices.clone(),
            osImages: self.os_images.clone(),
        }
    }
}

/// A call, and what it says in words a person can compare with what a wallet shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// The contract.
    pub target: Address,
    /// Ether that goes along, in wei: always none.
    pub value: u64,
    /// The data.
    #[schemars(with = "String")]
    pub data: Bytes,
    /// The function, as Solidity writes it.
    pub function: &'static str,
    /// Its arguments, in order.
    pub arguments: Vec<Argument>,
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub value: String,
}

fn call<C: SolCall>(target: Address, call: &C, arguments: &[(&'static str, String)]) -> Call {
    let argument = |(name, value): &(&'static str, String)| Argument { name, value: value.clone() };
    Call {
        target,
        value: 0,
        data: call.abi_encode().into(),
        function: C::SIGNATURE,
        arguments: arguments.iter().map(argument).collect(),
    }
}

fn list(hashes: &[B256]) -> String {
    let hashes: Vec<_> = hashes.iter().map(|hash| format!("{hash:#x}")).collect();
    format!("[{}]", hashes.join(", "))
}

impl Action {
    /// The name of it in documents.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Propose { .. } => "propose",
            Self::Activate { .. } => "activate",
            Self::Cancel { .. } => "cancel",
            Self::Remove { .. } => "remove",
            Self::RequireTcb => "require_tcb",
            Self::PinOsImages(_) => "pin_os_images",
            Self::IncreaseNotice(_) => "increase_notice",
            Self::NameGuardian(_) => "name_guardian",
            Self::OfferOwnership(_) => "offer_ownership",
            Self::AcceptOwnership => "accept_ownership",
            Self::Register { .. } => "register",
            Self::Deploy { .. } => "deploy",
        }
    }

    /// The setting and the value that it is about, where it is about one.
    #[must_use]
    pub const fn subject(&self) -> Option<(Setting, B256)> {
        match self {
            Self::Propose { setting, value, .. }
            | Self::Activate { setting, value }
            | Self::Cancel { setting, value }
            | Self::Remove { setting, value } => Some((*setting, *value)),
            _ => None,
        }
    }

    /// The call that does it to an app. Stock contracts have other functions for what they can do at all.
    #[must_use]
    pub fn call(&self, app: Address, code: Code) -> Call {
        let kind = |setting: Setting| ("kind", format!("{} ({})", setting as u8, setting.name()));
        let word = |name, value: B256| (name, format!("{value:#x}"));
        let who = |name, address: Address| (name, address.to_string());
        match self {
            Self::Propose { setting: Setting::ComposeHash, value, source: Some(source) } => call(
                app,
                &AppAuth::proposeComposeHash_0Call {
                    composeHash: *value,
                    sourceDigest: source.digest,
                    uri: source.uri.clone(),
                },
                &[
                    word("composeHash", *value),
                    word("sourceDigest", source.digest),
                    ("uri", source.uri.clone()),
                ],
            ),
            Self::Propose { setting: Setting::ComposeHash, value, source: None } => {
                let proposed = AppAuth::proposeComposeHash_1Call { composeHash: *value };
                call(app, &proposed, &[word("composeHash", *value)])
            }
            Self::Propose { setting, value, .. } => {
                let proposed = AppAuth::proposeCall { kind: *setting as u8, value: *value };
                call(app, &proposed, &[kind(*setting), word("value", *value)])
            }
            Self::Activate { setting: Setting::ComposeHash, value } => {
                let activated = AppAuth::activateComposeHashCall { composeHash: *value };
                call(app, &activated, &[word("composeHash", *value)])
            }
            Self::Activate { setting, value } => {
                let activated = AppAuth::activateCall { kind: *setting as u8, value: *value };
                call(app, &activated, &[kind(*setting), word("value", *value)])
            }
            Self::Cancel { setting: Setting::ComposeHash, value } => {
                let cancelled = AppAuth::cancelComposeHashCall { composeHash: *value };
                call(app, &cancelled, &[word("composeHash", *value)])
            }
            Self::Cancel { setting, value } => {
                let cancelled = AppAuth::cancelCall { kind: *setting as u8, value: *value };
                call(app, &cancelled, &[kind(*setting), word("value", *value)])
            }
            Self::Remove { setting: Setting::ComposeHash, value } => {
                // The same function in every generation.
                let removed = DstackApp::removeComposeHashCall { composeHash: *value };
                call(app, &removed, &[word("composeHash", *value)])
            }
            Self::Remove { setting: Setting::Device, value } => {
                let removed = DstackApp::removeDeviceCall { deviceId: *value };
                call(app, &removed, &[word("deviceId", *value)])
            }
            Self::Remove { setting: Setting::AnyDevice, .. } if !code.keeps_history() => {
                let set = DstackApp::setAllowAnyDeviceCall { allowAny: false };
                call(app, &set, &[("allowAny", "false".to_owned())])
            }
            Self::Remove { setting, value } => {
                let removed = AppAuth::removeCall { kind: *setting as u8, value: *value };
                call(app, &removed, &[kind(*setting), word("value", *value)])
            }
            Self::RequireTcb => {
                let set = AppAuth::setRequireTcbUpToDateCall { requireUpToDate: true };
                call(app, &set, &[("requireUpToDate", "true".to_owned())])
            }
            Self::PinOsImages(images) => {
                let pinned = AppAuth::pinOsImagesCall { osImageHashes: images.clone() };
                call(app, &pinned, &[("osImageHashes", list(images))])
            }
            Self::IncreaseNotice(seconds) => {
                let increased = AppAuth::increaseNoticePeriodCall { seconds_: *seconds };
                call(app, &increased, &[("seconds", seconds.to_string())])
            }
            Self::NameGuardian(guardian) => {
                let named = AppAuth::setGuardianCall { guardian_: *guardian };
                call(app, &named, &[who("guardian", *guardian)])
            }
            Self::OfferOwnership(to) => {
                let offered = AppAuth::transferOwnershipCall { newOwner: *to };
                call(app, &offered, &[who("newOwner", *to)])
            }
            Self::AcceptOwnership => call(app, &AppAuth::acceptOwnershipCall {}, &[]),
            Self::Register { kms } => {
                call(*kms, &DstackKms::registerAppCall { appId: app }, &[who("appId", app)])
            }
            Self::Deploy { factory, born, salt, kms } => {
                let settings = born.settings();
                let deployed = AppAuthFactory::deployCall { settings, salt: *salt, kms: *kms };
                call(
                    *factory,
                    &deployed,
                    &[
                        who("settings.owner", born.owner),
                        who("settings.guardian", born.guardian),
                        ("settings.noticePeriod", born.notice_seconds.to_string()),
                        ("settings.allowAnyDevice", born.allow_any_device.to_string()),
                        ("settings.requireTcbUpToDate", born.require_tcb_up_to_date.to_string()),
                        ("settings.composeHashes", list(&born.compose_hashes)),
                        ("settings.devices", list(&born.devices)),
                        ("settings.osImages", list(&born.os_images)),
                        word("salt", *salt),
                        who("kms", *kms),
                    ],
                )
            }
        }
    }
}
