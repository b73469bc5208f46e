//! What is announced of an app, from its whole history, which its contract confirms.

use crate::{AppView, OperatorError, Setting};
use alloy::primitives::{Address, B256};
use devproof_chain::Node;
use devproof_contracts::{app_event, bindings::AppAuth};
use devproof_primitives::{Policy, Position, ProposalState, Rules, Source};
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
    let birth = birth(node, app.address, app.block.number).await?;
    let logs = node.logs(&[app.address], birth..=app.block.number).await?;
    let mut policy = Policy::new(Rules::AppAuth { chain_id: node.chain_id(), app: app.address });
    let mut times = HashMap::new();
    for log in logs {
        let Some(event) = app_event(&log.topics, &log.data) else { continue };
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
        let (block, log_index, transaction) =
            (log.block_number, log.log_index, log.transaction_hash);
        let at = Position { block, log_index, timestamp, transaction };
        policy.apply(at, &event).map_err(|error| {
            OperatorError::History(format!(
                "the node's logs of {} do not add up ({error}): ask another node",
                app.address
            ))
        })?;
    }
    let root = node.call(app.address, &AppAuth::historyRootCall {}, Some(app.block.number)).await?;
    if policy.history_root() != Some(root) {
        return Err(OperatorError::History(format!(
            "the node left out part of the history of {}: ask another node, or run `devproof index`",
            app.address
        )));
    }
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
