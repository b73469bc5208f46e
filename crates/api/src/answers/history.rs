//! Every change of an app's policy, page by page.

use super::{
    AnswerError, Cursor, Part, Scope, facts, legs, moment, orphans,
    standing::{Standing, steadily},
    timeline, verified,
};
use crate::{Finality, documents::History};
use alloy_primitives::Address;
use devproof_contracts::Code;
use devproof_store::{AppState, LogSteps, Store};
use facts::{Happening, What};
use std::ops::ControlFlow;

/// A page of the changes of an app's policy, up to the last indexed block of the finality asked for.
///
/// # Errors
/// [`AnswerError`]: never a partial answer, and never a page behind one that does not hold any more.
pub async fn history(
    store: &Store,
    chain_id: u64,
    app: Address,
    page: Part,
    min_finality: Finality,
) -> Result<History, AnswerError> {
    steadily(store, chain_id, async |standing| {
        history_once(store, standing, app, &page, min_finality).await
    })
    .await
}

async fn history_once(
    store: &Store,
    standing: Standing,
    app: Address,
    page: &Part,
    min_finality: Finality,
) -> Result<History, AnswerError> {
    let scope = Scope::open(store, standing, app).await?;
    let Scope { status, contract, head, .. } = &scope;
    let (chain_id, address) = (contract.chain_id, contract.address);
    let moment = moment::last_of(store, &standing, min_finality).await?;
    let up_to = moment.block.number;
    scope.no_gap(store, &[address], up_to).await?;

    let mut taking = Taking::new(page);
    let start = begin(store, &scope, page.after).await?;
    // Nothing that says anything came before: what comes first is what the app was born with.
    let from_birth = start.0.policy == AppState::new(contract).policy;
    let walked = facts::walk(store, contract, start, up_to, |line| taking.take(line)).await?;
    let state = if taking.more { store.app_state(contract, up_to).await? } else { walked };
    let not_final_enough = count(store, &scope, up_to).await?;
    if state.logs == 0 && not_final_enough == 0 {
        scope.has_spoken(store, head.number).await?;
    }

    let readings = store.readings(chain_id, address, up_to).await?;
    let findings = facts::Findings::of(&readings);
    let speaks = contract.code() != Code::TimelockAppAuth;
    let born_in = taking.first.filter(|_| speaks && from_birth);
    let birth = findings.birth.and_then(|(block, exactly)| exactly.then_some(block));
    let next = match taking.end().filter(|_| taking.more) {
        None => None,
        Some((block, told)) => {
            let facts = facts_up_to(store, &scope, block.number).await?;
            let cursor = Cursor { number: block.number, hash: block.hash, told, facts };
            Some(cursor.to_string())
        }
    };
    Ok(History {
        chain_id,
        app: scope.app,
        contract: address,
        block: moment.document(),
        index_head: moment::block(*head, status),
        indexed_from: status.start_block,
        completeness: verified::completeness(store, &scope, &moment).await?,
        code: legs::code(contract, &state.policy, &findings),
        entries: timeline::entries(taking.lines, status, born_in, birth),
        next,
        not_final_enough,
        proposals: legs::proposals(&state.policy, moment.now()),
        orphaned: orphans::of(store, contract, head.number).await?,
    })
}

/// The lines of a page, out of all behind the block before its cursor.
struct Taking {
    limit: usize,
    after: Option<Cursor>,
    lines: Vec<Happening>,
    /// Transaction of the first line that a log told.
    first: Option<alloy_primitives::B256>,
    /// Lines of the cursor's block that were told before.
    skipped: u64,
    more: bool,
}

impl Taking {
    fn new(page: &Part) -> Self {
        let (limit, after) = (page.size(), page.after);
        Self { limit, after, lines: Vec::new(), first: None, skipped: 0, more: false }
    }

    fn take(&mut self, line: Happening) -> ControlFlow<()> {
        if self.first.is_none() && !matches!(line.what, What::Read { .. }) {
            self.first = Some(line.what.at().transaction);
        }
        let told = |after: Cursor| line.block.number == after.number && self.skipped < after.told;
        if self.after.is_some_and(told) {
            self.skipped += 1;
        } else if self.lines.len() == self.limit {
            self.more = true;
            return ControlFlow::Break(());
        } else {
            self.lines.push(line);
        }
        ControlFlow::Continue(())
    }

    /// The block of the last line, and how many lines of it were told by now.
    fn end(&self) -> Option<(devproof_primitives::BlockRef, u64)> {
        let block = self.lines.last()?.block;
        let here = self.lines.iter().rev().take_while(|line| line.block == block).count() as u64;
        let before = self.after.filter(|after| after.number == block.number);
        Some((block, here + before.map_or(0, |after| after.told)))
    }
}

/// The app as it was before the block of the cursor, if the cursor still stands.
async fn begin(
    store: &Store,
    scope: &Scope,
    after: Option<Cursor>,
) -> Result<facts::Start, AnswerError> {
    let contract = &scope.contract;
    let Some(cursor) = after else { return Ok(facts::beginning(contract)) };
    let block = cursor.must_stand(store, contract.chain_id).await?;
    if facts_up_to(store, scope, block.number).await? != cursor.facts {
        return Err(AnswerError::CursorStale { number: block.number });
    }
    match block.number.checked_sub(1) {
        None => Ok(facts::beginning(contract)),
        Some(before) => Ok((store.app_state(contract, before).await?, Some(before))),
    }
}

/// How many facts the lines up to and including a block draw on.
async fn facts_up_to(store: &Store, scope: &Scope, block: u64) -> Result<u64, AnswerError> {
    let contract = &scope.contract;
    let readings = store.readings(contract.chain_id, contract.address, block).await?;
    Ok(store.app_state(contract, block).await?.logs + readings.len() as u64)
}

/// How many logs of the app the index holds above a block.
async fn count(store: &Store, scope: &Scope, above: u64) -> Result<u64, AnswerError> {
    let mut steps = LogSteps::new(&scope.contract, Some(above), scope.head.number);
    let mut logs = 0;
    while let Some(some) = steps.next(store).await? {
        logs += some.len() as u64;
    }
    Ok(logs)
}
