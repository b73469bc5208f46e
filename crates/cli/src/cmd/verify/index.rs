//! What an index says about the boot that evidence proves.

use crate::{Failure, cmd, config::Settings, opts::VerifyArgs, text::shown};
use devproof_api::{
    AnswerError, Finality, Headers, Surface, When, attested, documents::BootInfo, put_attested,
    put_untold,
};
use devproof_attestation::Policy;
use devproof_chain::Node;
use devproof_evidence::Examined;
use devproof_store::Store;

/// Fills in the rows about a KMS, by what the database holds: after the block that the node was asked about, else after
/// the last indexed one of the finality that is usual.
///
/// # Errors
/// If there is no database where one was named. What it cannot tell is in the rows.
pub(super) async fn consult(
    args: &VerifyArgs,
    settings: &Settings,
    node: Option<&Node>,
    examined: &mut Examined,
    policy: &Policy,
) -> Result<(), Failure> {
    let Some(boot) = examined.verdict.boot_info.as_ref().map(BootInfo::from) else {
        return Ok(());
    };
    let store = Store::open_read_only(&settings.database).await?;
    let by = format!("the index {}", shown(store.name()));
    let chain_id = match node {
        Some(node) => node.chain_id(),
        None => cmd::chain(settings, &store).await?,
    };
    let finality = settings.finality(None, chain_id);
    let (to, least) = match (examined.to, args.block) {
        (Some(block), _) => (When::Hash(block.hash), Finality::Unsafe),
        (None, Some(when)) => (when, Finality::Unsafe),
        (None, None) => (When::Tag(finality), finality),
    };
    let from = examined.from.map(|block| When::Hash(block.hash));
    let headers = node.map(|node| node as &dyn Headers);
    let told = attested(&store, headers, chain_id, &boot, (from, to), least).await;
    let verdict = &mut examined.verdict;
    match told {
        Ok(told) => put_attested(verdict, policy, &told, &by, args.kms),
        // An index of other apps is no reason to doubt this one.
        Err(AnswerError::UnknownApp { .. } | AnswerError::UnknownChain { .. })
            if args.kms.is_none() => {}
        Err(error) => put_untold(verdict, policy, &error.sentence(Surface::Cli), &by),
    }
    store.close().await;
    Ok(())
}
