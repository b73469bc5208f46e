//! What a KMS contract would say to a boot, asked of a node: after one block, or over the whole time in which a quote can
//! have been made.
//!
//! Contracts are called on the state after exactly the block in question, by its hash. Between two blocks they are called
//! after each one in which the KMS or the app said anything: the state of the contracts that are known changes in no
//! other way.

use alloy_primitives::{Address, Bytes};
use alloy_sol_types::SolEvent;
use devproof_attestation::{BootInfo, KmsKeys};
use devproof_chain::{ChainError, Heads, Node, NodeLog};
use devproof_contracts::{
    kms_event,
    stock::{AppBootInfo, DstackKms, LegacyKmsAuth},
};
use devproof_primitives::{BlockRef, KmsEvent};
use std::collections::BTreeSet;

/// Blocks between two ends that are looked at one by one.
const MAX_BLOCKS: usize = 256;

/// Which block is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The newest: what a KMS itself reads.
    Latest,
    /// The newest that the node calls safe.
    Safe,
    /// The newest that it calls finalized.
    Finalized,
    /// That of the chain with this number.
    Number(u64),
    /// The one with this hash, if it is on the chain.
    Hash(alloy_primitives::B256),
}

/// Why it could not be told, in a sentence without a full stop.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The node could not be asked, or makes no sense.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// There is no such block.
    #[error("the node knows no such block")]
    UnknownBlock,
    /// The block is on a branch that is gone.
    #[error("block {number} with this hash is not on the chain: it was reorganised away")]
    Orphaned {
        /// Its number.
        number: u64,
    },
    /// The ends are the wrong way round.
    #[error("block {from} lies behind block {to}, after which was asked")]
    Backwards {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// More happened in between than is looked at.
    #[error(
        "between blocks {from} and {to} the contracts said something in more than {MAX_BLOCKS} blocks"
    )]
    TooMuch {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
}

/// What a contract said to a boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// After this block.
    pub block: BlockRef,
    /// Yes or no.
    pub allowed: bool,
    /// Why not, in its words: text from a chain.
    pub reason: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorisation {
    /// Whether the KMS knows the app, after the last block.
    pub registered: bool,
    /// Whether it admits the image of the operating system, after the last block.
    pub os_image_allowed: bool,
    /// What it says to the boot: after the last block at the end, before that after the first, and after each in between
    /// in which the contracts said anything. Never empty.
    pub said: Vec<Said>,
    /// Whether this is about the whole time between two blocks.
    pub throughout: bool,
}

impl Authorisation {
    /// What the KMS says after the last block.
    #[must_use]
    pub fn last(&self) -> Option<&Said> {
        self.said.last()
    }
}

/// The block that is meant, if it is on the chain.
///
/// # Errors
/// [`AskError`].
pub async fn resolve(node: &Node, which: Which) -> Result<BlockRef, AskError> {
    let by_tag = async |tag: fn(Heads) -> Option<BlockRef>| {
        tag(node.heads().await?).ok_or(AskError::UnknownBlock)
    };
    match which {
        Which::Latest => by_tag(|heads| Some(heads.latest)).await,
        Which::Safe => by_tag(|heads| heads.safe).await,
        Which::Finalized => by_tag(|heads| heads.finalized).await,
        Which::Number(number) => node.block(number).await?.ok_or(AskError::UnknownBlock),
        Which::Hash(hash) => {
            let block = node.block_by_hash(hash).await?.ok_or(AskError::UnknownBlock)?;
            canonical(node, block).await?;
            Ok(block)
        }
    }
}

/// Makes sure that a block is on the chain: nodes know blocks of branches that are gone as well.
async fn canonical(node: &Node, block: BlockRef) -> Result<(), AskError> {
    let there = node.block(block.number).await?;
    if there.is_some_and(|there| there.hash == block.hash) {
        Ok(())
    } else {
        Err(AskError::Orphaned { number: block.number })
    }
}

/// The keys of a KMS, as its contract gives them after a block. Those that it does not have are left out.
///
/// # Errors
/// What the node says; also if the contract is none of a KMS.
pub async fn kms_info(node: &Node, kms: Address, block: BlockRef) -> Result<KmsInfo, AskError> {
    let info = node.call_after(kms, &DstackKms::kmsInfoCall {}, block).await?;
    let some = |bytes: Bytes| Some(bytes).filter(|bytes| !bytes.is_empty());
    Ok(KmsInfo {
        keys: KmsKeys { ca: some(info.caPubkey), k256: some(info.k256Pubkey) },
        quote: some(info.quote),
        event_log: some(info.eventlog),
    })
}

/// What a KMS contract says about the KMS (`kmsInfo()`). Whoever owns the contract wrote it there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KmsInfo {
    /// Its root keys.
    pub keys: KmsKeys,
    /// What is shown as the KMS's own quote.
    pub quote: Option<Bytes>,
    /// The event log of that, JSON.
    pub event_log: Option<Bytes>,
}

/// What the KMS says to a boot after block `to`, and if there is a `from`, all the time since that one.
///
/// # Errors
/// [`AskError`]. A contract that reverts has said no, which is no error.
pub async fn authorisation(
    node: &Node,
    kms: Address,
    boot: &BootInfo,
    from: Option<BlockRef>,
    to: BlockRef,
) -> Result<Authorisation, AskError> {
    let (registered, controller) = registration(node, kms, boot.app_id, to).await?;
    let image = DstackKms::allowedOsImagesCall { osImageHash: boot.os_image_hash };
    let os_image_allowed = node.call_after(kms, &image, to).await?;
    let mut said = Vec::new();
    if let Some(from) = from {
        if from.number > to.number {
            return Err(AskError::Backwards { from: from.number, to: to.number });
        }
        if from.number < to.number {
            said.push(ask(node, kms, boot, from).await?);
        }
        let contracts = [kms, boot.app_id, controller];
        for block in eventful(node, &contracts, boot.app_id, from, to).await? {
            said.push(ask(node, kms, boot, block).await?);
        }
    }
    said.push(ask(node, kms, boot, to).await?);
    // The chain may have moved while it was read.
    for end in from.into_iter().chain([to]) {
        canonical(node, end).await?;
    }
    Ok(Authorisation { registered, os_image_allowed, said, throughout: from.is_some() })
}

async fn ask(
    node: &Node,
    kms: Address,
    boot: &BootInfo,
    block: BlockRef,
) -> Result<Said, AskError> {
    let boot_info = AppBootInfo {
        appId: boot.app_id,
        composeHash: boot.compose_hash,
        instanceId: boot.instance_id,
        deviceId: boot.device_id,
        mrAggregated: boot.mr_aggregated,
        mrSystem: boot.mr_system,
        osImageHash: boot.os_image_hash,
        tcbStatus: boot.tcb_status.clone(),
        advisoryIds: boot.advisory_ids.clone(),
    };
    match node.call_after(kms, &DstackKms::isAppAllowedCall { bootInfo: boot_info }, block).await {
        Ok(answer) => {
            // Text of whoever wrote the contract.
            let reason = answer.reason.chars().take(200).collect();
            Ok(Said { block, allowed: answer.isAllowed, reason })
        }
        // The KMS calls the app's contract without a net: one that reverts is one that refuses the boot.
        Err(ChainError::Reverted { reason, .. }) => {
            let reason = format!("the contract reverts: {reason}").chars().take(200).collect();
            Ok(Said { block, allowed: false, reason })
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the KMS knows an app, and the contract that decides about it.
async fn registration(
    node: &Node,
    kms: Address,
    app: Address,
    block: BlockRef,
) -> Result<(bool, Address), AskError> {
    let call = DstackKms::registeredAppsCall { appId: app };
    match node.call_after(kms, &call, block).await {
        Ok(registered) => Ok((registered, app)),
        // The generation before: an app's id is given by the KMS, and is no contract.
        Err(ChainError::Reverted { .. } | ChainError::Undecodable { .. }) => {
            let told = node.call_after(kms, &LegacyKmsAuth::appsCall { appId: app }, block).await?;
            Ok((told.isRegistered, told.controller))
        }
        Err(error) => Err(error.into()),
    }
}

/// The blocks behind `from` and before `to` in which the contracts said something that may be about the app.
async fn eventful(
    node: &Node,
    contracts: &[Address; 3],
    app: Address,
    from: BlockRef,
    to: BlockRef,
) -> Result<Vec<BlockRef>, AskError> {
    if to.number <= from.number.saturating_add(1) {
        return Ok(Vec::new());
    }
    let logs = node.logs(contracts, from.number + 1..=to.number - 1).await?;
    let others = |event: KmsEvent| match event {
        KmsEvent::AppRegistered(other) | KmsEvent::AppDeployed { app: other, .. } => other != app,
        _ => false,
    };
    let of_others = |log: &NodeLog| {
        // Newer contracts say everything a second time, in general words, beside what is read here.
        let twice = log.topics.first() == Some(&DstackKms::PolicyChanged::SIGNATURE_HASH);
        let others = || kms_event(&log.topics, &log.data).is_some_and(others);
        log.address == contracts[0] && (twice || others())
    };
    let blocks: BTreeSet<_> = logs
        .iter()
        .filter(|log| !of_others(log))
        .map(|log| (log.block_number, log.block_hash))
        .collect();
    if blocks.len() > MAX_BLOCKS {
        return Err(AskError::TooMuch { from: from.number, to: to.number });
    }
    let mut found = Vec::with_capacity(blocks.len());
    for (number, hash) in blocks {
        let block = node.block(number).await?.filter(|block| block.hash == hash);
        found.push(block.ok_or(AskError::Orphaned { number })?);
    }
    Ok(found)
}
