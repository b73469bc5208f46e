//! What a database says of itself, and whether that follows from its facts.

use super::{Check, Kind, fold};
use crate::{IndexError, Stage};
use alloy_primitives::Address;
use devproof_contracts::{factory_event, kms_event};
use devproof_primitives::{BlockRef, KmsEvent};
use devproof_store::{Contract, Gap, RawLog, Role, StateError};
use std::collections::BTreeMap;

impl Check<'_> {
    /// The marks of the blocks.
    pub(super) async fn blocks(&mut self, checkpoint: BlockRef) -> Result<(), IndexError> {
        let mut above: Option<BlockRef> = None;
        let mut below = u64::MAX;
        loop {
            let piece = self.blocks_below(below).await?;
            let Some(lowest) = piece.last() else { break };
            below = lowest.number;
            for block in piece {
                self.found.blocks += 1;
                self.block(block, above, checkpoint);
                above = Some(block);
            }
        }
        let held = self.store.block_by_number(self.chain_id, checkpoint.number).await?;
        if held != Some(checkpoint) {
            let BlockRef { number, hash, .. } = checkpoint;
            let detail = match held {
                Some(other) => format!(
                    "the index claims to reach block {number}, {hash}, and holds {} there",
                    other.hash
                ),
                None => {
                    format!(
                        "the index claims to reach block {number}, {hash}, which it does not hold"
                    )
                }
            };
            self.found.differs(Kind::Checkpoint, Some(number), None, detail);
        }
        Ok(())
    }

    fn block(&mut self, block: BlockRef, above: Option<BlockRef>, checkpoint: BlockRef) {
        let BlockRef { number, hash, timestamp } = block;
        let mut wrong = |detail| self.found.differs(Kind::Canonical, Some(number), None, detail);
        if number > checkpoint.number {
            wrong(format!(
                "block {number}, {hash}, is marked as canonical and is above the checkpoint {}",
                checkpoint.number
            ));
        }
        if number < self.status.start_block {
            wrong(format!(
                "block {number} is held, and the index begins at {}",
                self.status.start_block
            ));
        }
        if let Some(above) = above {
            if above.number == number {
                wrong(format!(
                    "{hash} and {} are both marked as canonical at block {number}",
                    above.hash
                ));
            } else if above.timestamp < timestamp {
                wrong(format!("block {number} is later than block {} above it", above.number));
            }
        }
    }

    /// What is recorded of contracts, and the histories of apps that keep one.
    pub(super) async fn contracts(&mut self, checkpoint: BlockRef) -> Result<(), IndexError> {
        let known: BTreeMap<Address, Contract> =
            self.contracts.iter().map(|c| (c.address, c.clone())).collect();
        let count = self.contracts.len() as u64;
        let mut spoken = self.spoken(checkpoint).await?;
        for (done, contract) in self.contracts.clone().iter().enumerate() {
            self.pulse.at(Stage::Blocks { from: 0, done: done as u64, to: count });
            let logs = self.store.logs(self.chain_id, &[contract.address], u64::MAX).await?;
            self.found.logs += logs.len() as u64;
            let facts = spoken.remove(&contract.address).unwrap_or_default();
            if facts != logs.len() as u64 {
                let detail = format!(
                    "the facts hold {facts} logs of {}, and the index of who spoke finds {} of them",
                    contract.address,
                    logs.len()
                );
                self.found.differs(Kind::Contract, None, Some(contract.address), detail);
            }
            self.apps_of(contract, &logs, &known);
            self.history(contract, &logs, checkpoint).await?;
            self.naming(contract, &known).await?;
        }
        self.found.contracts = count;
        for gap in &self.gaps {
            let Gap { address, from, to } = gap;
            self.found.notes.push(format!(
                "the logs of {address} in blocks {from} to {to} have not been read yet"
            ));
        }
        Ok(())
    }

    /// How many logs of each contract there are, whatever the index of who spoke says.
    async fn spoken(&mut self, checkpoint: BlockRef) -> Result<BTreeMap<Address, u64>, IndexError> {
        let mut spoken = BTreeMap::new();
        let (mut from, end) = (0, checkpoint.number);
        while from <= end {
            let to =
                if end - from < self.page_blocks { u64::MAX } else { from + self.page_blocks - 1 };
            let logs = self.store.logs_between(self.chain_id, from, to).await?;
            for log in &logs {
                *spoken.entry(log.address).or_default() += 1;
            }
            for log in self.store.unmentioned(self.chain_id, &logs).await? {
                let (number, app) = (log.block.number, log.address);
                let detail = format!(
                    "log {} of block {number} is not found by the words that {app} says in it",
                    log.log_index
                );
                self.found.differs(Kind::Contract, Some(number), Some(app), detail);
            }
            for log in &logs {
                if !self.store.is_announced(self.chain_id, log).await? {
                    let (number, app) = (log.block.number, log.address);
                    let index = log.log_index;
                    let detail = format!(
                        "what log {index} of block {number} announces is not found by its time"
                    );
                    self.found.differs(Kind::Contract, Some(number), Some(app), detail);
                }
            }
            for block in self.store.unfound_blocks(self.chain_id, from, to).await? {
                let detail = format!("block {} is not found by its hash", block.hash);
                self.found.differs(Kind::Block, Some(block.number), None, detail);
            }
            from = to.saturating_add(1);
            if to == u64::MAX {
                break;
            }
        }
        Ok(spoken)
    }

    /// Every app that a KMS or factory names is followed.
    fn apps_of(&mut self, by: &Contract, logs: &[RawLog], known: &BTreeMap<Address, Contract>) {
        for log in logs {
            let app = match by.role {
                Role::Kms => match kms_event(&log.topics, &log.data) {
                    Some(KmsEvent::AppRegistered(app)) => app,
                    _ => continue,
                },
                Role::Factory => match factory_event(&log.topics, &log.data) {
                    Some(event) => event.app,
                    None => continue,
                },
                Role::App | Role::DeletionRegistry => continue,
            };
            let at = log.block.number;
            match known.get(&app) {
                None => self.found.differs(
                    Kind::Contract,
                    Some(at),
                    Some(app),
                    format!("{} names {app} in block {at}, and it is not followed", by.address),
                ),
                Some(app) if app.named_by.is_some() && app.found_at > at => self.found.differs(
                    Kind::Contract,
                    Some(at),
                    Some(app.address),
                    format!(
                        "{} names {} in block {at}, and it is recorded to be found at block {}",
                        by.address, app.address, app.found_at
                    ),
                ),
                Some(_) => {}
            }
        }
    }

    /// Whoever is said to have named a contract said something in that block.
    async fn naming(
        &mut self,
        contract: &Contract,
        known: &BTreeMap<Address, Contract>,
    ) -> Result<(), IndexError> {
        let Some(by) = contract.named_by else { return Ok(()) };
        let (app, at) = (contract.address, contract.found_at);
        let spoke = self.store.logs_between(self.chain_id, at, at).await?;
        if !known.contains_key(&by) || !spoke.iter().any(|log| log.address == by) {
            let detail = format!(
                "{app} is said to be named by {by} in block {at}, which says nothing there"
            );
            self.found.differs(Kind::Contract, Some(at), Some(app), detail);
        }
        Ok(())
    }

    async fn history(
        &mut self,
        contract: &Contract,
        logs: &[RawLog],
        checkpoint: BlockRef,
    ) -> Result<(), IndexError> {
        let app = contract.address;
        if let Some(verified) = contract.history_verified_at
            && verified > checkpoint.number
        {
            let detail = format!(
                "the history of {app} is recorded to be verified at block {verified}, above the checkpoint {}",
                checkpoint.number
            );
            self.found.differs(Kind::History, Some(verified), Some(app), detail);
        }
        if contract.role != Role::App || !self.is_whole(app) {
            return Ok(());
        }
        if let Err(problem) = fold(contract, logs) {
            let detail = format!("the events of {app} do not add up: {problem}");
            self.found.differs(Kind::History, None, Some(app), detail);
            return Ok(());
        }
        // Answers begin with a state that was kept: each has to be where the facts lead.
        match self.store.wrong_kept_state(contract).await {
            Ok(None) => {}
            Ok(Some(number)) => {
                let detail = format!("a state that was kept of {app} is not what its logs fold to");
                self.found.differs(Kind::State, Some(number), Some(app), detail);
            }
            Err(StateError::Store(error)) => return Err(error.into()),
            Err(StateError::Fold(problem)) => {
                let detail = format!("what was read of {app} does not add up: {problem}");
                self.found.differs(Kind::State, None, Some(app), detail);
            }
        }
        Ok(())
    }
}
