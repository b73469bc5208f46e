//! Everything that happens on a chain, in its order, so that whoever listens can go on where he stopped.

use super::{
    AnswerError, Part, Scope, Surface,
    deletions::told_in,
    facts, moment,
    moment::Moment,
    standing::{Standing, steadily},
    timeline,
};
use crate::{
    Finality,
    documents::{Change, Changes, Entry, NotTold},
    parse,
};
use alloy_primitives::{Address, B256};
use devproof_contracts::{Code, kms_event};
use devproof_primitives::{BlockRef, KmsEvent};
use devproof_store::{ChainStatus, Contract, RawLog, Role, SPOKEN_STEP, SpokenBlock, Store};
use facts::What;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::ControlFlow,
    str::FromStr,
};

/// Changes in a page.
const MAX_CHANGES: usize = 1000;

/// Blocks that a page looks at.
const MAX_BLOCKS: usize = 8 * SPOKEN_STEP;

/// Where somebody stopped listening: behind so many changes of a block. The block is one in which something happened, for
/// those are kept for ever, also when they are reorged out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChangePlace {
    /// Number of the block; 0 with a zero hash is the beginning.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// How many changes of it were told.
    pub told: u64,
    /// A block at or before it that was final then: if the block is reorged out, everything behind this one is told again.
    pub anchor: u64,
}

impl fmt::Display for ChangePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:#x}-{}-{}", self.number, self.hash, self.told, self.anchor)
    }
}

impl FromStr for ChangePlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // It is written as a cursor is.
        let place: super::Cursor = text.parse()?;
        let super::Cursor { number, hash, told, facts: anchor } = place;
        if anchor > number {
            return Err(format!("a place is given as it was told, not {}", parse::quote(text)));
        }
        Ok(Self { number, hash, told, anchor })
    }
}

/// Whom changes are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ChangesOf {
    /// Only this app, and what KMS contracts did to all; `None` for everything.
    pub app: Option<Address>,
}

/// What happened behind a place, oldest first, up to the last indexed block of the finality asked for. Without a place from
/// the first indexed block on. What was only read by call is not told: it did not happen then. Facts that come late, as when an app is followed from now on, are not told to who is past them.
///
/// # Errors
/// [`AnswerError`]. What concerns only one app is in the answer instead.
pub async fn changes(
    store: &Store,
    chain_id: u64,
    of: ChangesOf,
    page: Part<ChangePlace>,
    min_finality: Finality,
    surface: Surface,
) -> Result<Changes, AnswerError> {
    let told = changes_placed(store, chain_id, of, page, min_finality, surface).await?;
    Ok(told.changes)
}

/// A page of changes, and for each the place behind it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The page.
    pub changes: Changes,
    /// As many as there are changes.
    pub places: Vec<ChangePlace>,
}

/// As [`changes`], with the place behind each.
///
/// # Errors
/// As [`changes`].
pub async fn changes_placed(
    store: &Store,
    chain_id: u64,
    of: ChangesOf,
    page: Part<ChangePlace>,
    min_finality: Finality,
    surface: Surface,
) -> Result<Told, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let mut telling = Telling::open(store, standing, &moment, of, surface).await?;
        telling.after(page).await?;
        Ok(Told { changes: telling.answer, places: telling.places })
    })
    .await
}

/// The newest changes, newest first, at most `limit`. `next` is the place behind all of them: what comes from now on.
///
/// # Errors
/// As [`changes`].
pub async fn latest(
    store: &Store,
    chain_id: u64,
    of: ChangesOf,
    limit: usize,
    min_finality: Finality,
    surface: Surface,
) -> Result<Changes, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let moment = moment::last_of(store, &standing, min_finality).await?;
        let mut telling = Telling::open(store, standing, &moment, of, surface).await?;
        telling.newest(limit).await?;
        Ok(telling.answer)
    })
    .await
}

/// What key services did that is about an app or about all of theirs, in the order of the blocks: the last `most`, however long ago.
///
/// # Errors
/// [`AnswerError`]: never a partial answer.
pub async fn of_key_services(
    store: &Store,
    chain_id: u64,
    app: Address,
    most: usize,
    min_finality: Finality,
) -> Result<Vec<Change>, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let up_to = moment::last_of(store, &standing, min_finality).await?.block.number;
        let known = standing.known(store).await?;
        let services = || known.of(Role::Kms);
        let needed: Vec<Address> = services().map(|contract| contract.address).collect();
        standing.no_gap(store, &needed, up_to).await?;
        let mut logs = Vec::new();
        for contract in services() {
            let then = store.kms_then(&standing.status, contract, app, up_to).await?;
            logs.extend(then.logs.into_iter().map(|log| (contract.address, log)));
        }
        logs.sort_by_key(|(_, log)| (log.block.number, log.log_index));
        let told = logs.iter().filter_map(|(it, log)| of_kms(&standing.status, *it, log));
        let mut told: Vec<Change> = told.collect();
        told.drain(..told.len().saturating_sub(most));
        Ok(told)
    })
    .await
}

/// What a log of a key service tells.
fn of_kms(status: &ChainStatus, contract: Address, log: &RawLog) -> Option<Change> {
    let event = kms_event(&log.topics, &log.data)?;
    let (action, setting, value) = event.in_words();
    let app = match event {
        KmsEvent::AppRegistered(app) | KmsEvent::AppDeployed { app, .. } => Some(app),
        _ => None,
    };
    let entry = Entry {
        action: action.to_owned(),
        setting: setting.to_owned(),
        value,
        ..timeline::set(log.block, status, log.tx_hash, log.log_index)
    };
    let role = Role::Kms.as_str().to_owned();
    Some(Change { role, contract, app, entry: Some(entry), deletion: None })
}

/// A page in the making.
struct Telling<'a> {
    store: &'a Store,
    standing: Standing,
    moment: &'a Moment,
    of: ChangesOf,
    surface: Surface,
    registries: Vec<Address>,
    answer: Changes,
    places: Vec<ChangePlace>,
}

impl<'a> Telling<'a> {
    async fn open(
        store: &'a Store,
        standing: Standing,
        moment: &'a Moment,
        of: ChangesOf,
        surface: Surface,
    ) -> Result<Self, AnswerError> {
        let Standing { status, head } = standing;
        let registries = store.contracts_of(status.chain_id, Role::DeletionRegistry).await?;
        let answer = Changes {
            chain_id: status.chain_id,
            block: moment.document(),
            index_head: moment::block(head, &status),
            told_again_from: None,
            changes: Vec::new(),
            not_told: Vec::new(),
            next: None,
        };
        let registries = registries.iter().map(|contract| contract.address).collect();
        Ok(Self { store, standing, moment, of, surface, registries, answer, places: Vec::new() })
    }

    async fn after(&mut self, page: Part<ChangePlace>) -> Result<(), AnswerError> {
        let limit = page.size().min(MAX_CHANGES);
        let chain_id = self.standing.status.chain_id;
        let begin = match page.after {
            Some(place) => Some(self.place_that_holds(place).await?),
            None => None,
        };
        let mut place = begin;
        // Changes of its own block that were told are skipped.
        let mut after = begin.and_then(|place| place.number.checked_sub(1));
        let (up_to, mut looked_at) = (self.moment.block.number, 0);
        loop {
            let blocks = self.store.spoken_after(chain_id, after, up_to).await?;
            let is_last = blocks.len() < SPOKEN_STEP;
            for spoken in &blocks {
                let block = spoken.block;
                let told = begin.filter(|it| it.number == block.number).map_or(0, |it| it.told);
                let skip = usize::try_from(told).unwrap_or(usize::MAX);
                let all = self.of_block(spoken).await?;
                let count = all.len() as u64;
                let room = limit - self.answer.changes.len();
                let cut = all.len().saturating_sub(skip) > room;
                for (n, change) in all.into_iter().enumerate().skip(skip).take(room) {
                    if self.wanted(&change) {
                        self.answer.changes.push(change);
                        self.places.push(self.place(block, n as u64 + 1));
                    }
                }
                let told = if cut { told + room as u64 } else { count };
                place = Some(self.place(block, told));
                after = Some(block.number);
                looked_at += 1;
                if cut || self.answer.changes.len() == limit || looked_at == MAX_BLOCKS {
                    self.answer.next = place.map(|place| place.to_string());
                    return Ok(());
                }
            }
            if is_last {
                self.answer.next = place.map(|place| place.to_string());
                return Ok(());
            }
        }
    }

    async fn newest(&mut self, limit: usize) -> Result<(), AnswerError> {
        let limit = limit.clamp(1, MAX_CHANGES);
        let chain_id = self.standing.status.chain_id;
        let (mut below, mut looked_at) = (self.moment.block.number.saturating_add(1), 0);
        while self.answer.changes.len() < limit && looked_at < MAX_BLOCKS {
            let blocks = self.store.spoken_before(chain_id, below).await?;
            for spoken in &blocks {
                let mut all = self.of_block(spoken).await?;
                if self.answer.next.is_none() {
                    let place = self.place(spoken.block, all.len() as u64);
                    self.answer.next = Some(place.to_string());
                }
                all.reverse();
                all.retain(|change| self.wanted(change));
                self.answer.changes.extend(all);
                below = spoken.block.number;
                looked_at += 1;
                if self.answer.changes.len() >= limit {
                    break;
                }
            }
            if blocks.len() < SPOKEN_STEP {
                break;
            }
        }
        self.answer.changes.truncate(limit);
        Ok(())
    }

    fn wanted(&self, change: &Change) -> bool {
        match (self.of.app, change.app) {
            (Some(asked), Some(app)) => asked == app || asked == change.contract,
            // What a KMS did to all is about this app as well.
            _ => true,
        }
    }

    fn place(&self, block: BlockRef, told: u64) -> ChangePlace {
        let status = &self.standing.status;
        let finalized = status.tags.and_then(|tags| tags.finalized);
        let anchor = finalized.unwrap_or(status.start_block.saturating_sub(1)).min(block.number);
        ChangePlace { number: block.number, hash: block.hash, told, anchor }
    }

    /// The place itself if its block is still on the chain, else the one from which everything is told again.
    async fn place_that_holds(&mut self, place: ChangePlace) -> Result<ChangePlace, AnswerError> {
        let held = self.store.block_by_hash(self.standing.status.chain_id, place.hash).await?;
        if held.is_some_and(|(block, canonical)| canonical && block.number == place.number) {
            return Ok(place);
        }
        let anchor = place.anchor;
        self.answer.told_again_from = Some(anchor.saturating_add(1));
        // All of the block before it was told.
        Ok(ChangePlace { number: anchor, hash: B256::ZERO, told: u64::MAX, anchor })
    }

    /// What happened in a block, in the order of its logs.
    async fn of_block(&mut self, spoken: &SpokenBlock) -> Result<Vec<Change>, AnswerError> {
        let SpokenBlock { block, logs } = spoken;
        let mut found: BTreeMap<(u64, usize), Change> = BTreeMap::new();
        let mut add = |index: Option<u64>, change| {
            let place = (index.unwrap_or(u64::MAX), found.len());
            found.insert(place, change);
        };
        let speakers: BTreeSet<Address> = logs.iter().map(|log| log.address).collect();
        for address in speakers {
            let contract = self.store.contract(self.standing.status.chain_id, address).await?;
            let Some(contract) = contract else { continue };
            let theirs = logs.iter().filter(|log| log.address == address);
            match contract.role {
                Role::App => {
                    for change in self.of_app(contract, *block).await? {
                        add(change.entry.as_ref().and_then(|it| it.log_index), change);
                    }
                }
                Role::Kms => {
                    for log in theirs {
                        if let Some(change) = of_kms(&self.standing.status, address, log) {
                            add(Some(log.log_index), change);
                        }
                    }
                }
                Role::DeletionRegistry | Role::Factory => {}
            }
        }
        for of_one in logs.chunk_by(|a, b| a.tx_index == b.tx_index) {
            for deletion in told_in(of_one, &self.registries) {
                let change = Change {
                    role: Role::DeletionRegistry.as_str().to_owned(),
                    contract: deletion.registry,
                    app: Some(deletion.app),
                    entry: None,
                    deletion: Some(deletion),
                };
                let index = change.deletion.as_ref().and_then(|it| it.at.log_index);
                add(index, change);
            }
        }
        Ok(found.into_values().collect())
    }

    async fn of_app(
        &mut self,
        contract: Contract,
        block: BlockRef,
    ) -> Result<Vec<Change>, AnswerError> {
        let address = contract.address;
        match self.lines(contract, block).await {
            Ok(changes) => Ok(changes),
            Err(error @ AnswerError::Store(_)) => Err(error),
            Err(error) => {
                let not_told = &mut self.answer.not_told;
                if !not_told.iter().any(|it| it.app == address) {
                    not_told.push(NotTold { app: address, reason: error.sentence(self.surface) });
                }
                Ok(Vec::new())
            }
        }
    }

    /// What the lines of one app's history say of a block.
    async fn lines(&self, contract: Contract, block: BlockRef) -> Result<Vec<Change>, AnswerError> {
        let (store, status) = (self.store, &self.standing.status);
        let scope = Scope::of(store, self.standing, contract).await?;
        let contract = &scope.contract;
        let before = block.number.checked_sub(1);
        if let Some(before) = before {
            // What came before may not be known yet; what an event did is told by what was before it.
            scope.no_gap(store, &[contract.address], before).await?;
        }
        let start = match before {
            None => facts::beginning(contract),
            Some(before) => (store.app_state(contract, before).await?, Some(before)),
        };
        let newborn = start.0.logs == 0 && contract.code() != Code::TimelockAppAuth;
        let mut lines = Vec::new();
        facts::walk(store, contract, start, block.number, |line| {
            // What was read by call did not happen in the block.
            if !matches!(line.what, What::Read { .. }) {
                lines.push(line);
            }
            ControlFlow::Continue(())
        })
        .await?;
        let born_in = lines.first().filter(|_| newborn).map(|line| line.what.at().transaction);
        let entries = timeline::entries(lines, status, born_in, None);
        let role = Role::App.as_str();
        let change = |entry| Change {
            role: role.to_owned(),
            contract: contract.address,
            app: Some(scope.app),
            entry: Some(entry),
            deletion: None,
        };
        Ok(entries.into_iter().map(change).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_and_nothing_else_does() {
        let place = ChangePlace { number: 7, hash: B256::repeat_byte(1), told: 2, anchor: 6 };
        assert_eq!(place.to_string().parse(), Ok(place));
        let beyond = ChangePlace { anchor: 8, ..place };
        assert!(beyond.to_string().parse::<ChangePlace>().is_err());
        assert!("7".parse::<ChangePlace>().is_err());
    }
}
