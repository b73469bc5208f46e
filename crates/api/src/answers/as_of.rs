//! What was recorded at some time about a block, and what was learnt about it since.

use super::{
    AnswerError, Scope, When, facts, legs, observed,
    standing::{Standing, steadily},
};
use crate::{
    Finality,
    documents::{AsOf, Asked, Block, Later, time},
};
use alloy_primitives::{Address, B256};
use devproof_primitives::BlockRef;
use devproof_store::{AppState, Contract, Entry, RawLog, Reading, RefutedLog, Store, Tags};
use jiff::Timestamp;
use std::collections::HashSet;

/// The most changes that one answer names.
const MAX_LATER: usize = 1000;

/// What the index held, at the end of the second `recorded` by its own clock, about what an app was allowed to run after a
/// block or at a time: from the facts that were held and believed then, on the branch that was canonical then.
///
/// # Errors
/// [`AnswerError`]: never a partial answer. A hash cannot be asked about: it names its branch already.
pub async fn as_of(
    store: &Store,
    chain_id: u64,
    app: Address,
    when: When,
    recorded: u64,
) -> Result<AsOf, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let scope = Scope::open(store, standing, app).await?;
        let until = recorded.saturating_mul(1000).saturating_add(999);
        let nothing = || AnswerError::NotRecorded { chain_id, asked: time(recorded) };
        let entry = store.entry_at(chain_id, until).await?.ok_or_else(nothing)?;
        let head = entry.head.ok_or_else(nothing)?;
        let (number, seconds) = asked(when, &entry, head, standing)?;
        let block = store.block_as_of(chain_id, entry.number, (number, seconds)).await?;
        let before =
            || AnswerError::BeforeStart { asked: number, start: standing.status.start_block };
        let block = block.filter(|b| b.number >= standing.status.start_block).ok_or_else(before)?;
        told(store, &scope, recorded, (&entry, head), (block, seconds)).await
    })
    .await
}

/// The highest number and time that are asked about.
fn asked(
    when: When,
    entry: &Entry,
    head: BlockRef,
    standing: Standing,
) -> Result<(u64, Option<u64>), AnswerError> {
    match when {
        When::Block(number) if number > head.number => Err(AnswerError::BeyondHead {
            asked: number,
            head: head.number,
            time: time(head.timestamp),
        }),
        When::Block(number) if number < standing.status.start_block => {
            Err(AnswerError::BeforeStart { asked: number, start: standing.status.start_block })
        }
        When::Block(number) => Ok((number, None)),
        When::Time(seconds) if seconds > head.timestamp => Err(AnswerError::TimeBeyondHead {
            asked: time(seconds),
            head: head.number,
            time: time(head.timestamp),
        }),
        When::Time(seconds) => Ok((head.number, Some(seconds))),
        When::Tag(tag) => {
            let reaches = tag.reaches(Some(&tags(entry, head)));
            let number = reaches.ok_or_else(|| AnswerError::NotFinal {
                what: format!("what was indexed then, up to block {},", head.number),
                is: Finality::Unsafe,
                asked: tag,
            })?;
            Ok((number.min(head.number), None))
        }
        When::Hash(hash) => Err(AnswerError::AsOfHash { hash }),
    }
}

/// The node's tags as they were known then.
const fn tags(entry: &Entry, head: BlockRef) -> Tags {
    Tags { head, safe: entry.safe, finalized: entry.finalized, polled_at: entry.recorded_at / 1000 }
}

async fn told(
    store: &Store,
    scope: &Scope,
    recorded: u64,
    (entry, head): (&Entry, BlockRef),
    (block, seconds): (BlockRef, Option<u64>),
) -> Result<AsOf, AnswerError> {
    let contract = &scope.contract;
    let up_to = block.number;
    let logs = store.logs_as_of(contract, entry.number, up_to).await?;
    let readings = store.readings_as_of(contract, entry.number, up_to).await?;
    let state = fold(contract, &logs, &readings)?;
    let findings = facts::Findings::of(&readings);
    let (since, since_left_out) = since(store, contract, entry, &logs, up_to).await?;
    let until = seconds.unwrap_or(block.timestamp).min(recorded);
    let (observed, observed_left_out) =
        observed::as_of(store, contract.chain_id, scope.app, until, recorded).await?;
    let tags = tags(entry, head);
    let document = |block: BlockRef| Block {
        number: block.number,
        hash: block.hash,
        timestamp: time(block.timestamp),
        finality: Finality::of(block.number, Some(&tags)),
    };
    Ok(AsOf {
        chain_id: contract.chain_id,
        app: scope.app,
        contract: contract.address,
        as_of: time(recorded),
        recorded_at: moment(entry.recorded_at),
        index_head: document(head),
        asked: seconds.map(|t| Asked { time: time(t) }),
        block: document(block),
        born: state.logs > 0 || findings.birth.is_some(),
        code: legs::code(contract, &state.policy, &findings),
        authorised: legs::authorised(&state.policy),
        proposals: legs::proposals(&state.policy, seconds.unwrap_or(block.timestamp)),
        policy: legs::policy(&state.policy),
        read_by_call: legs::read_by_call(&state.read, &findings),
        observed,
        observed_left_out,
        since,
        since_left_out,
        not_recorded: ["completeness", "kms"].map(str::to_owned).to_vec(),
    })
}

/// What was read after a block comes before the logs of the next.
fn fold(
    contract: &Contract,
    logs: &[RawLog],
    readings: &[Reading],
) -> Result<AppState, AnswerError> {
    let mut state = AppState::new(contract);
    let mut readings = readings.iter().peekable();
    for log in logs {
        while let Some(reading) = readings.next_if(|r| r.block.number < log.block.number) {
            state.take(reading)?;
        }
        state.apply(log)?;
    }
    for reading in readings {
        state.take(reading)?;
    }
    Ok(state)
}

/// Which logs went and which came, and how many more there are than are named.
async fn since(
    store: &Store,
    contract: &Contract,
    entry: &Entry,
    then: &[RawLog],
    up_to: u64,
) -> Result<(Vec<Later>, u64), AnswerError> {
    let chain_id = contract.chain_id;
    let now = store.logs(chain_id, &[contract.address], up_to).await?;
    let keys = |logs: &[RawLog]| -> HashSet<(B256, u64)> { logs.iter().map(key).collect() };
    let (held_then, held_now) = (keys(then), keys(&now));
    let refuted: Vec<RefutedLog> = store.refuted_logs(chain_id, contract.address).await?;
    let refuted: HashSet<(B256, u64)> = refuted.iter().map(|it| key(&it.log)).collect();
    let gone = then.iter().filter(|log| !held_now.contains(&key(log))).map(|log| (log, true));
    let came = now.iter().filter(|log| !held_then.contains(&key(log))).map(|log| (log, false));
    let all: Vec<(&RawLog, bool)> = gone.chain(came).collect();
    let mut later = Vec::new();
    for (log, is_gone) in all.iter().take(MAX_LATER) {
        let with = if *is_gone {
            store.went(log, chain_id, entry.number).await?
        } else {
            store.came(log, chain_id).await?
        };
        let at = match with {
            Some(with) => store.entry_time(chain_id, with).await?,
            None => None,
        };
        let what = match is_gone {
            true if refuted.contains(&key(log)) => "refuted",
            true => "reorganised_away",
            false => "came",
        };
        later.push(Later {
            what: what.to_owned(),
            // Whoever moved it meanwhile makes the question be asked again.
            recorded_at: moment(at.ok_or(AnswerError::Moving)?),
            block: log.block.number,
            hash: log.block.hash,
            transaction: log.tx_hash,
            log_index: log.log_index,
        });
    }
    Ok((later, all.len().saturating_sub(MAX_LATER) as u64))
}

const fn key(log: &RawLog) -> (B256, u64) {
    (log.block.hash, log.log_index)
}

/// A time in milliseconds.
fn moment(ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}
