//! How the state of an app is come by: from a kept state, or the beginning, over what was said and read since.

use crate::{
    RawLog, Reading, Store,
    error::StoreError,
    folds::Since,
    read::LogSteps,
    states::{self, AppState, StateError},
    types::Contract,
};
use std::{iter::Peekable, vec::IntoIter};

/// The way from a kept state, or the beginning, to a block.
pub(crate) struct Folding<'a> {
    store: &'a Store,
    pub(crate) state: AppState,
    readings: Peekable<IntoIter<Reading>>,
    logs: Peekable<IntoIter<RawLog>>,
    rest: Option<LogSteps>,
}

impl<'a> Folding<'a> {
    pub(crate) async fn begin(
        store: &'a Store,
        contract: &'a Contract,
        version: Option<u32>,
        up_to: u64,
    ) -> Result<Self, StoreError> {
        let since = store.since_kept(contract, version, up_to).await?;
        Self::from(store, contract, since, up_to)
    }

    pub(crate) fn from(
        store: &'a Store,
        contract: &'a Contract,
        mut since: Since,
        up_to: u64,
    ) -> Result<Self, StoreError> {
        // What was read before is in the kept state.
        let after = since.kept.as_ref().map(|kept| kept.number);
        since.readings.retain(|reading| after.is_none_or(|after| reading.block.number > after));
        let state = match since.kept {
            None => AppState::new(contract),
            Some(kept) => states::read(contract, &kept)?,
        };
        let (readings, logs) = (since.readings.into_iter(), since.logs.into_iter());
        let rest = since.last.map(|last| LogSteps::new(contract, Some(last), up_to));
        Ok(Self { store, state, readings: readings.peekable(), logs: logs.peekable(), rest })
    }

    /// Goes on with these logs, which come next.
    pub(crate) fn hear(&mut self, logs: Vec<RawLog>) {
        self.logs = logs.into_iter().peekable();
    }

    /// The next block in which there is a log; `None` after the last.
    pub(crate) async fn next_block(&mut self) -> Result<Option<u64>, StoreError> {
        while self.logs.peek().is_none()
            && let Some(rest) = &mut self.rest
        {
            match rest.next(self.store).await? {
                Some(logs) => self.logs = logs.into_iter().peekable(),
                None => self.rest = None,
            }
        }
        Ok(self.logs.peek().map(|log| log.block.number))
    }

    /// Folds what there is of blocks up to and including `number`.
    pub(crate) async fn advance(&mut self, number: u64) -> Result<(), StateError> {
        while let Some(next) = self.next_block().await?.filter(|next| *next <= number) {
            // What was read after a block comes before the logs of the next.
            self.take(|reading| reading.block.number < next)?;
            while let Some(log) = self.logs.next_if(|log| log.block.number == next) {
                self.state.apply(&log)?;
            }
        }
        self.take(|reading| reading.block.number <= number)
    }

    fn take(&mut self, due: impl Fn(&Reading) -> bool) -> Result<(), StateError> {
        while let Some(reading) = self.readings.next_if(&due) {
            self.state.take(&reading)?;
        }
        Ok(())
    }
}
