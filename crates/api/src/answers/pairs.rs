//! A state as a set of pairs, setting and value, so that two can be compared; and which entries of a history move a pair.

use crate::documents::Entry;
use alloy_primitives::{Address, B256, U256, keccak256};
use devproof_primitives::{Kms, Policy, Setting};
use devproof_store::Contract;
use std::collections::BTreeSet;

/// A setting and a value that is in force. A setting that is no list is in at most one pair.
pub(super) type Pair = (&'static str, B256);

/// Settings that have many values at a time; the last four are those of a KMS.
const LISTS: [&str; 7] = [
    "compose_hash",
    "device",
    "os_image",
    "freeze",
    "registered_app",
    "aggregated_mr",
    "kms_device",
];

/// What an app's policy says. Before an app is born there is no code behind its contract either.
pub(super) fn of(contract: &Contract, policy: &Policy, born: bool) -> BTreeSet<Pair> {
    let flag = |on: bool| B256::with_last_byte(u8::from(on));
    let mut pairs = BTreeSet::new();
    let mut put = |setting: &'static str, value: Option<B256>| {
        pairs.extend(value.map(|value| (setting, value)));
    };
    for hash in policy.compose_hashes.keys() {
        put(Setting::ComposeHash.name(), Some(*hash));
    }
    for device in policy.devices.keys() {
        put(Setting::Device.name(), Some(*device));
    }
    for image in policy.os_images.iter().flat_map(|list| list.keys()) {
        put(Setting::OsImage.name(), Some(*image));
    }
    for setting in &policy.frozen {
        put(Setting::Freeze.name(), Some(B256::with_last_byte(*setting as u8)));
    }
    put(Setting::AnyOsImage.name(), policy.os_images.is_none().then(|| flag(true)));
    put(Setting::AnyDevice.name(), policy.allow_any_device.map(flag));
    put(Setting::TcbRequirement.name(), policy.require_tcb_up_to_date.map(flag));
    put(Setting::NoticePeriod.name(), policy.notice_period.map(|s| U256::from(s).into()));
    put(Setting::Owner.name(), policy.owner.map(|owner| owner.into_word()));
    put(Setting::PendingOwner.name(), policy.pending_owner.map(|owner| owner.into_word()));
    put(Setting::Guardian.name(), policy.guardian.map(|guardian| guardian.into_word()));
    let found = contract.implementation.filter(|_| born);
    let implementation = policy.implementation.or(found);
    put("implementation", implementation.map(|code| code.into_word()));
    put("upgrades_disabled", policy.upgrades_disabled.then(|| flag(true)));
    pairs
}

/// What a KMS says, as far as it concerns an app. Text and keys are there by their hash, as in the entries.
pub(super) fn of_kms(
    contract: &Contract,
    kms: &Kms,
    app: Address,
    controller: Option<Address>,
) -> BTreeSet<Pair> {
    let mut pairs = BTreeSet::new();
    pairs.extend(kms.registered.get(&app).map(|app| ("registered_app", app.into_word())));
    pairs.extend(kms.os_images.iter().map(|image| ("os_image", *image)));
    pairs.extend(kms.aggregated_mrs.iter().map(|mr| ("aggregated_mr", *mr)));
    pairs.extend(kms.devices.iter().map(|device| ("kms_device", *device)));
    pairs.extend(kms.k256_root.as_ref().map(|root| ("kms_info", keccak256(root))));
    pairs.extend(kms.gateway_app_id.as_ref().map(|id| ("gateway_app_id", keccak256(id))));
    let addresses = [
        ("implementation", kms.implementation.or(contract.implementation)),
        ("owner", kms.owner),
        ("pending_owner", kms.pending_owner),
        ("app_implementation", kms.app_implementation),
        ("controller", controller),
    ];
    pairs.extend(
        addresses.iter().filter_map(|(name, address)| Some((*name, address.as_ref()?.into_word()))),
    );
    pairs
}

/// What a difference is about: a value of a list, or a setting whatever its value.
pub(super) fn key(setting: &str, value: B256) -> (&str, Option<B256>) {
    (setting, LISTS.contains(&setting).then_some(value))
}

/// What is in force of that.
pub(super) fn value_of(
    pairs: &BTreeSet<Pair>,
    setting: &str,
    listed: Option<B256>,
) -> Option<B256> {
    let of = |(name, value): &&Pair| *name == setting && listed.is_none_or(|it| it == *value);
    pairs.iter().find(of).map(|(_, value)| *value)
}

/// Whether an entry moves that. Some move more than they name.
pub(super) fn moves(entry: &Entry, setting: &str, listed: Option<B256>) -> bool {
    let named = entry.setting == setting && listed.is_none_or(|it| it == entry.value);
    let also = match setting {
        "os_image" => entry.setting == "any_os_image",
        "any_os_image" => entry.setting == "os_image" && entry.action == "set",
        // Also where the owner is who it was.
        "pending_owner" if entry.setting == "owner" => return true,
        _ => false,
    };
    entry.effective && (named || also)
}

/// Whether an entry freezes a setting, so that what was announced for it dies.
pub(super) fn freezes(entry: &Entry, kind: &str) -> bool {
    let number = U256::from_be_bytes(entry.value.0).saturating_to();
    entry.setting == Setting::Freeze.name()
        && Setting::from_number(number).is_ok_and(|frozen| frozen.name() == kind)
}
