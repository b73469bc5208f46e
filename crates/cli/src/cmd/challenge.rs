//! `devproof challenge`: something that a quote can be made for, and that did not exist before a block did.

use super::verify::which;
use crate::{Failure, Outcome, config::Settings, opts::ChallengeArgs, shell::Shell};
use devproof_api::{Finality, When};
use devproof_chain::Node;
use devproof_evidence::{Challenge, resolve};

/// Runs the command. The file is JSON whatever the flags say: it is read again by `devproof verify`.
///
/// # Errors
/// If no node answers, or has no such block.
pub async fn run(
    args: ChallengeArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let node = settings.nodes.connect().await?.ok_or_else(|| {
        Failure::Usage("a challenge is made for a block; name a node with --rpc-url".to_owned())
    })?;
    if let Some(chain) = settings.chain.filter(|chain| *chain != node.chain_id()) {
        let serves = node.chain_id();
        return Err(Failure::Usage(format!("the node serves chain {serves}, not {chain}")));
    }
    let challenge = challenge(&node, args.block).await?;
    shell.document(&challenge.document())?;
    Ok(Outcome::Yes)
}

/// A challenge for a block; without one for the newest that will not go any more.
///
/// # Errors
/// If the node has no such block.
pub(super) async fn challenge(node: &Node, block: Option<When>) -> Result<Challenge, Failure> {
    // A block that may still go would leave a quote without a time.
    let usual = match Finality::default_of(node.chain_id()) {
        Finality::Unsafe => When::Tag(Finality::Unsafe),
        _ => When::Tag(Finality::Safe),
    };
    let block = which(Some(block.unwrap_or(usual)))?;
    let block = resolve(node, block).await.map_err(|e| Failure::CouldNotTell(e.to_string()))?;
    let challenge = Challenge::new(node.chain_id(), block);
    challenge.map_err(|e| Failure::CouldNotTell(e.to_string()))
}
