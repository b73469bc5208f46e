//! What an index says about the boot that evidence proves.

use crate::text::shown;
use alloy_primitives::Address;
use devproof_api::{
    AnswerError, Finality, Headers, Surface, When, attested, documents::BootInfo, put_attested,
    put_untold,
};
use devproof_attestation::Policy;
use devproof_chain::Node;
use devproof_evidence::Examined;
use devproof_store::Store;

/// What an index is asked about.
#[derive(Clone, Copy, Debug)]
pub(in crate::cmd) struct Asked {
    /// EIP-155 chain id.
    pub(in crate::cmd) chain_id: u64,
    /// What the answer has to have reached where no block is named.
    pub(in crate::cmd) finality: Finality,
    /// The block that is meant.
    pub(in crate::cmd) block: Option<When>,
    /// The KMS that is meant; any if there is none.
    pub(in crate::cmd) kms: Option<Address>,
}

/// Fills in the rows about a KMS, by what the database holds: after the block that the node was asked about, else after
/// the last indexed one of the finality that is usual. Gives that block. What it cannot tell is in the rows.
pub(in crate::cmd) async fn consult(
    store: &Store,
    asked: Asked,
    node: Option<&Node>,
    examined: &mut Examined,
    policy: &Policy,
) {
    let Some(boot) = examined.verdict.boot_info.as_ref().map(BootInfo::from) else {
        return;
    };
    let Asked { chain_id, finality, block, kms } = asked;
    let by = format!("the index {}", shown(store.name()));
    let (to, least) = match (examined.to, block) {
        (Some(block), _) => (When::Hash(block.hash), Finality::Unsafe),
        (None, Some(when)) => (when, Finality::Unsafe),
        (None, None) => (When::Tag(finality), finality),
    };
    let from = examined.from.map(|block| When::Hash(block.hash));
    let headers = node.map(|node| node as &dyn Headers);
    let told = attested(store, headers, chain_id, &boot, (from, to), least).await;
    let verdict = &mut examined.verdict;
    match told {
        Ok(told) => {
            let (number, hash) = (told.to.number, told.to.hash);
            let timestamp = u64::try_from(told.to.timestamp.as_second()).unwrap_or_default();
            examined.to.get_or_insert(devproof_store::BlockRef { number, hash, timestamp });
            put_attested(verdict, policy, &told, &by, kms);
        }
        // An index of other apps is no reason to doubt this one.
        Err(AnswerError::UnknownApp { .. } | AnswerError::UnknownChain { .. }) if kms.is_none() => {
        }
        Err(error) => put_untold(verdict, policy, &error.sentence(Surface::Cli), &by),
    }
}
