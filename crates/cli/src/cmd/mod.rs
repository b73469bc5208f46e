//! One file per verb.

pub mod allowed;
pub mod as_of;
pub mod at;
pub mod db;
pub mod deletions;
pub mod diff;
pub mod family;
pub mod fsck;
pub mod history;
pub mod index;
mod input;
mod node;
mod operations;
mod progress;
pub mod serve;
pub mod sigchain;
mod stop;
pub mod verify;
mod words;
mod writer;

pub use stop::stop_signal;
pub use words::notice;

use crate::{Failure, config::Settings};
use devproof_store::Store;

/// The chain to ask about: the one that was named, or the only one there is.
async fn chain(settings: &Settings, store: &Store) -> Result<u64, Failure> {
    if let Some(chain) = settings.chain {
        return Ok(chain);
    }
    let chains: Vec<_> = store.chains().await?.iter().map(|c| c.chain_id.to_string()).collect();
    match chains.as_slice() {
        [one] => {
            one.parse().map_err(|_| Failure::CouldNotTell("the chain id is no number".to_owned()))
        }
        [] => Err(Failure::CouldNotTell(format!(
            "{} holds no chain yet; run `devproof index`",
            store.name()
        ))),
        many => Err(Failure::Usage(format!(
            "{} holds the chains {}; name one with --chain",
            store.name(),
            many.join(", ")
        ))),
    }
}

/// What the proposal, removal or entry is about, in words.
fn setting(name: &str) -> String {
    match name {
        "compose_hash" => "version".to_owned(),
        "tcb_requirement" => "TCB requirement".to_owned(),
        "os_image" => "OS image".to_owned(),
        "any_os_image" => "any OS image".to_owned(),
        "kms_info" => "root keys".to_owned(),
        "kms_device" => "device of its instances".to_owned(),
        "aggregated_mr" => "measurement of its instances".to_owned(),
        "gateway_app_id" => "gateway".to_owned(),
        "registered_app" => "app".to_owned(),
        other => other.replace('_', " "),
    }
}

/// A value of a setting, as people read it.
fn value(setting: &str, value: alloy_primitives::B256) -> String {
    use crate::text::{short, short_address, span};
    use alloy_primitives::{Address, U256};
    let number = U256::from_be_bytes(value.0);
    match setting {
        "any_device" | "tcb_requirement" | "any_os_image" | "upgrades_disabled" => {
            if number.is_zero() { "no" } else { "yes" }.to_owned()
        }
        "notice_period" => span(number.saturating_to()),
        "guardian" | "owner" | "pending_owner" | "implementation" | "app_implementation"
        | "controller" | "registered_app" => {
            if number.is_zero() {
                "none".to_owned()
            } else {
                short_address(Address::from_word(value))
            }
        }
        "freeze" => devproof_primitives::Setting::from_number(number.saturating_to())
            .map_or_else(|_| short(value), |frozen| self::setting(frozen.name())),
        _ => short(value),
    }
}
