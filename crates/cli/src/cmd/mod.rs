//! One file per verb.

pub mod allowed;
pub mod as_of;
pub mod at;
pub mod challenge;
pub mod compare;
pub mod completions;
pub mod compose;
pub mod db;
pub mod deletions;
pub mod diff;
pub mod doctor;
mod evidence;
pub mod family;
pub mod fsck;
pub mod history;
pub mod index;
mod input;
pub mod key;
mod keys;
pub mod man;
mod node;
pub mod notices;
pub mod notify;
pub mod observe;
pub mod openapi;
mod operations;
pub mod operator;
mod progress;
pub mod release;
pub mod schema;
pub mod serve;
pub mod sigchain;
pub mod stage;
pub(crate) mod stop;
pub mod verify;
pub mod watch;
mod words;
mod writer;

pub use stop::stop_signal;
pub use words::notice;

use crate::{
    Failure,
    config::Settings,
    schemas::{Row, own},
};
use devproof_api::words::{setting, value};
use devproof_store::Store;

/// What those print that are in one file.
pub(crate) const PRINTED: &[Row] = &[
    ("index", &[own::<index::Indexed>(), own::<index::Stopped>()]),
    ("verify", &[own::<devproof_attestation::Verdict>()]),
    ("compare", &[own::<devproof_attestation::Comparison>()]),
    ("observe", &[own::<observe::Look>()]),
    ("key new", &[own::<key::Kept>()]),
    ("key import", &[own::<key::Kept>()]),
    ("challenge", &[own::<devproof_evidence::ChallengeDocument>()]),
    ("sigchain verify", &[own::<sigchain::ChainVerdict>()]),
    ("serve", &[own::<serve::Serving>()]),
    ("fsck", &[own::<fsck::Checked>()]),
    ("db copy", &[own::<db::CopyDone>()]),
    ("db prune-evidence", &[own::<db::PruneDone>()]),
    ("doctor", &[own::<doctor::Diagnosis>()]),
    ("man", &[own::<man::Written>()]),
];

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
