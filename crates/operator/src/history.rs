//! What is announced of an app, from its whole history, which its contract confirms.

use crate::{AppView, OperatorError, Setting};
use alloy::primitives::{Address, B256};
use devproof_chain::Node;
use devproof_contracts::{Code, app_event, bindings::AppAuth};
use devproof_primitives::{
    BlockRef, Policy, Position, ProposalState, Rules, Source, Step, source_commitment,
};
use std::collections::HashMap;

/// Something announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Of which setting.
    pub setting: Setting,
    /// Which value.
    pub value: B256,
    /// Who announced it.
    pub by: Option<Address>,
    /// When, Unix seconds.
    pub announced_at: u64,
    /// When it may be activated.
    pub ripe_at: u64,
    /// When it is dead.
    pub expires_at: u64,
    /// Where it stands in the next block.
    pub state: ProposalState,
    /// What its owner says of the source: text from the chain.
    pub source: Option<Source>,
}

/// The most changes of an app that are read. Each costs its owner a transaction; a node can make up any number.
const MAX_CHANGES: usize = 100_000;

/// Something that happened to an app, and the block it happened in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// What, where and when.
    pub step: Step,
    /// The hash of the block, as the node says.
    pub block_hash: B256,
    /// What its owner said of the source of a version, where this is the entry that commits to it: the version, and that.
    pub source: Option<(B256, Source)>,
}

/// The whole history of an app up to a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// What it folds to.
    pub policy: Policy,
    /// Every change, in the order of the logs.
    pub steps: Vec<Happened>,
    /// The block from which logs were read: that of the first one, or one before it.
    pub from: u64,
    /// Every block that has a log of the contract, whatever that says, in their order.
    pub blocks: Vec<BlockRef>,
    /// Whether the contract confirms it: it keeps a root, and this folds to it. Otherwise it is what events said.
    pub proved: bool,
}

/// Reads the history of an app up to block `to`, and has the contract confirm it where its code keeps a root. `from` is
/// where its first log is said to be; that is believed only of contracts that keep a root, since nothing can be left out there.
///
/// # Errors
/// [`OperatorError::History`] if the logs do not add up, or the node keeps no old state to find the first of them; or what
/// the node says.
pub async fn history(
    node: &Node,
    app: Address,
    code: Code,
    from: Option<u64>,
    to: BlockRef,
) -> Result<History, OperatorError> {
    let proved = code.keeps_history();
    let from = match from.filter(|from| proved && *from <= to.number) {
        Some(from) => from,
        None => birth(node, app, to.number).await?,
    };
    let logs = node.logs(&[app], from..=to.number).await?;
    if logs.len() > MAX_CHANGES {
        return Err(OperatorError::History(format!(
            "the node gives more than {MAX_CHANGES} logs of {app}: ask another node, or use `devproof index`"
        )));
    }
    let rules =
        if proved { Rules::AppAuth { chain_id: node.chain_id(), app } } else { Rules::AsEmitted };
    let mut policy = Policy::new(rules);
    let (mut steps, mut times, mut blocks) = (Vec::new(), HashMap::new(), Vec::new());
    for log in logs {
        let timestamp = match (log.block_timestamp, times.get(&log.block_number)) {
            (Some(time), _) => time,
            (None, Some(time)) => *time,
            (None, None) => {
                let block = node.block(log.block_number).await?;
                let time = block.map(|block| block.timestamp).unwrap_or_default();
                times.insert(log.block_number, time);
                time
            }
        };
        blocks.push(BlockRef { number: log.block_number, hash: log.block_hash, timestamp });
        let Some(event) = app_event(&log.topics, &log.data) else { continue };
        let (block, log_index, transaction) =
            (log.block_number, log.log_index, log.transaction_hash);
        let at = Position { block, log_index, timestamp, transaction };
        let step = policy.apply(at, &event).map_err(|error| {
            OperatorError::History(format!(
                "the node's logs of {app} do not add up ({error}): ask another node"
            ))
        })?;
        steps.extend(step.map(|step| Happened {
            source: claim(&policy, &step),
            step,
            block_hash: log.block_hash,
        }));
    }
    if proved {
        let root = node.call(app, &AppAuth::historyRootCall {}, Some(to.number)).await?;
        if policy.history_root() != Some(root) {
            return Err(OperatorError::History(format!(
                "the node left out part of the history of {app}: ask another node, or run `devproof index`"
            )));
        }
    }
    blocks.dedup();
    Ok(History { policy, steps, from, blocks, proved })
}

/// The claim about a source that an entry commits to.
fn claim(policy: &Policy, step: &Step) -> Option<(B256, Source)> {
    if step.change.setting != Setting::Source {
        return None;
    }
    policy.proposals.values().find_map(|it| {
        let source = it.source.as_ref()?;
        let commitment = source_commitment(it.value, source.digest, &source.uri);
        (commitment == step.change.value).then(|| (it.value, source.clone()))
    })
}

/// Everything that is announced of an AppAuth and the policy it folds to, from all of its logs. The contract keeps a hash of its
/// history: if that is not the hash of what the node gave, there is no answer.
///
/// # Errors
/// [`OperatorError::History`] if the logs are not all there, or the node keeps no old state to find the first of them; or
/// what the node says.
pub async fn proved_history(
    node: &Node,
    app: &AppView,
) -> Result<(Policy, Vec<Pending>), OperatorError> {
    // A root is asked for whatever the code: of one that keeps none there is no answer.
    let code = if app.has_notice() { app.code } else { Code::AppAuth };
    let History { policy, .. } = history(node, app.address, code, None, app.block).await?;
    let pending = policy.proposals.values().map(|it| Pending {
        setting: it.setting,
        value: it.value,
        by: it.actor,
        announced_at: it.proposed.timestamp,
        ripe_at: it.ripe_at,
        expires_at: it.expires_at,
        state: it.state_at(app.next_time),
        source: it.source.clone(),
    });
    let mut pending: Vec<_> = pending.collect();
    pending.sort_by_key(|it| (it.ripe_at, it.setting, it.value));
    Ok((policy, pending))
}

/// The block in which a contract appeared that is there after block `head`.
pub(crate) async fn birth(node: &Node, app: Address, head: u64) -> Result<u64, OperatorError> {
    let (mut without, mut with) = (0, head);
    while without < with {
        let middle = without + (with - without) / 2;
        let code = node.code(app, middle).await.map_err(|error| {
            OperatorError::History(format!(
                "the node cannot say when {app} was deployed ({error}): name one that keeps old state, or run `devproof index`"
            ))
        })?;
        if code.is_empty() {
            without = middle + 1;
        } else {
            with = middle;
        }
    }
    Ok(with)
}
