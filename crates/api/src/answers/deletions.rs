//! What keys of apps said they deleted, as registries recorded it.

use super::{
    AnswerError, Cursor, Part, When, legs, moment,
    moment::Moment,
    standing::{Standing, steadily},
};
use crate::{
    Finality, Headers,
    documents::{self, DELETIONS_MEAN, Deletion, Deletions, Statement, time},
};
use alloy_primitives::{Address, B256};
use devproof_contracts::{Deleted, DeletionEvent, DeletionStatement, deletion_event};
use devproof_primitives::Position;
use devproof_store::{Place, RawLog, Role, Store};

/// Transactions read at a time: each may carry a batch of thousands.
const STEP: u32 = 16;

/// Transactions that one page looks at, whether or not they say what is asked about. Anybody can make a contract of an app
/// say things that look alike.
const MAX_LOOKED_AT: usize = 1000;

/// Deletions of one statement that are told, and of one page, a statement more or less.
const MAX_DELETIONS: usize = 1000;

/// Whose deletions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionsOf {
    /// Those that the key of an app asserted, and its signers.
    App(Address),
    /// Those of the data behind a salted commitment, whichever app asserted them.
    Commitment(B256),
}

/// What was attested to the registries of a chain, a page of it, from one block or time to another, both included.
///
/// # Errors
/// [`AnswerError`]: never a partial answer, and never a page behind one that does not hold any more.
pub async fn deletions(
    store: &Store,
    headers: Option<&dyn Headers>,
    chain_id: u64,
    of: DeletionsOf,
    (from, to): (Option<When>, Option<When>),
    part: Part,
    min_finality: Finality,
) -> Result<Deletions, AnswerError> {
    steadily(store, chain_id, async |standing| {
        let last = match to {
            Some(to) => moment::resolve(store, headers, standing, to, min_finality).await?,
            None => moment::last_of(store, &standing, min_finality).await?,
        };
        let first = match from {
            Some(When::Block(number)) => Some(number),
            Some(When::Time(seconds)) => Some(from_time(store, chain_id, seconds).await?),
            Some(from) => {
                let from = moment::resolve(store, headers, standing, from, min_finality).await?;
                Some(from.block.number)
            }
            None => None,
        };
        forward(from, to, first, &last)?;
        once(store, standing, of, (first, &last), &part).await
    })
    .await
}

/// The first block that may be at or behind a time.
async fn from_time(store: &Store, chain_id: u64, seconds: u64) -> Result<u64, AnswerError> {
    let Some(before) = seconds.checked_sub(1) else { return Ok(0) };
    let last = store.last_block_at_or_before(chain_id, before).await?;
    Ok(last.map_or(0, |block| block.number.saturating_add(1)))
}

/// Refuses a span whose end was named and lies before its beginning.
fn forward(
    from: Option<When>,
    to: Option<When>,
    first: Option<u64>,
    last: &Moment,
) -> Result<(), AnswerError> {
    let backwards = match (from, to) {
        (Some(When::Time(from)), Some(When::Time(to))) => from > to,
        (Some(_), Some(_)) => first.is_some_and(|first| first > last.block.number),
        _ => false,
    };
    if !backwards {
        return Ok(());
    }
    let name = |when: Option<When>, number: u64| match when {
        Some(When::Time(seconds)) => time(seconds).to_string(),
        _ => format!("block {number}"),
    };
    let first = first.unwrap_or_default();
    Err(AnswerError::Backwards { from: name(from, first), to: name(to, last.block.number) })
}

async fn once(
    store: &Store,
    standing: Standing,
    of: DeletionsOf,
    (first, last): (Option<u64>, &Moment),
    part: &Part,
) -> Result<Deletions, AnswerError> {
    let Standing { status, head } = standing;
    let (chain_id, up_to) = (status.chain_id, last.block.number);
    let registries = store.contracts_of(chain_id, Role::DeletionRegistry).await?;
    let agrees = !registries.is_empty()
        && registries.iter().all(|it| it.history_verified_at.is_some_and(|at| at >= up_to));
    let registries: Vec<Address> = registries.iter().map(|contract| contract.address).collect();
    standing.no_gap(store, &registries, up_to).await?;
    let mut orphaned = 0;
    for registry in &registries {
        let logs = store.orphaned_logs(chain_id, *registry).await?;
        let logs = logs.iter().filter_map(|log| deletion_event(&log.topics, &log.data));
        orphaned += logs.filter(|event| concerns(event, of)).count() as u64;
    }
    let begin = first.and_then(|first| first.checked_sub(1));
    let begin = begin.map(|number| Place { number, tx_index: u64::MAX });
    let after = match part.after {
        Some(cursor) => {
            let number = cursor.must_stand(store, chain_id).await?.number;
            Some(Place { number, tx_index: cursor.told })
        }
        None => None,
    };
    let word = match of {
        DeletionsOf::App(app) => app.into_word(),
        DeletionsOf::Commitment(commitment) => commitment,
    };
    let mut page =
        Page { of: Some(of), registries: &registries, entries: Vec::new(), deletions: 0 };
    let range = (begin.max(after), up_to);
    let next = page.fill(store, chain_id, word, range, part.size()).await?;
    let (app, user_id_hash) = match of {
        DeletionsOf::App(app) => (Some(app), None),
        DeletionsOf::Commitment(commitment) => (None, Some(commitment)),
    };
    Ok(Deletions {
        means: DELETIONS_MEAN.to_owned(),
        chain_id,
        app,
        user_id_hash,
        from: first,
        block: last.document(),
        index_head: moment::block(head, &status),
        indexed_from: status.start_block,
        history: if agrees { "agrees" } else { "not_checked" }.to_owned(),
        entries: page.entries,
        orphaned,
        next: next.map(|cursor| cursor.to_string()),
        registries,
    })
}

/// Whether an event by itself is about what is asked. A batch is told by its statement, or by its entries.
fn concerns(event: &DeletionEvent, of: DeletionsOf) -> bool {
    match (event, of) {
        (DeletionEvent::Statement(it), DeletionsOf::App(app)) => it.app == app,
        (
            DeletionEvent::SignerRegistered { app: theirs, .. }
            | DeletionEvent::SignerRevoked { app: theirs, .. },
            DeletionsOf::App(app),
        ) => *theirs == app,
        (
            DeletionEvent::Statement(DeletionStatement {
                what: Deleted::One { user_id_hash, .. },
                ..
            })
            | DeletionEvent::BatchEntry { user_id_hash, .. },
            DeletionsOf::Commitment(commitment),
        ) => *user_id_hash == commitment,
        _ => false,
    }
}

/// All that was told to registries in one transaction, whose logs these are.
pub(super) fn told_in(logs: &[RawLog], registries: &[Address]) -> Vec<Deletion> {
    let mut page = Page { of: None, registries, entries: Vec::new(), deletions: 0 };
    page.take(logs);
    page.entries
}

/// A page in the making.
struct Page<'a> {
    /// What is asked; `None` for everything.
    of: Option<DeletionsOf>,
    registries: &'a [Address],
    entries: Vec<Deletion>,
    /// Deletions in them.
    deletions: usize,
}

impl Page<'_> {
    /// Reads until there is enough, in whole transactions. Gives where the next page begins, if there may be one.
    async fn fill(
        &mut self,
        store: &Store,
        chain_id: u64,
        word: B256,
        (mut after, up_to): (Option<Place>, u64),
        limit: usize,
    ) -> Result<Option<Cursor>, AnswerError> {
        let mut looked_at = 0;
        loop {
            let logs = store.logs_mentioning(chain_id, word, (after, up_to), STEP).await?;
            let said: Vec<&[RawLog]> = logs.chunk_by(|a, b| a.place() == b.place()).collect();
            for (n, of_one) in said.iter().enumerate() {
                let Some(log) = of_one.last() else { continue };
                self.take(of_one);
                looked_at += 1;
                after = Some(log.place());
                let is_last = n + 1 == said.len() && said.len() < STEP as usize;
                let full = self.entries.len() >= limit
                    || self.deletions >= MAX_DELETIONS
                    || looked_at >= MAX_LOOKED_AT;
                if full && !is_last {
                    let (block, told) = (log.block, log.tx_index);
                    let (number, hash) = (block.number, block.hash);
                    return Ok(Some(Cursor { number, hash, told, facts: 0 }));
                }
            }
            if said.len() < STEP as usize {
                return Ok(None);
            }
        }
    }

    /// Takes what was said in one transaction.
    fn take(&mut self, logs: &[RawLog]) {
        let mut open: Option<Deletion> = None;
        for log in logs.iter().filter(|log| self.registries.contains(&log.address)) {
            match deletion_event(&log.topics, &log.data) {
                Some(DeletionEvent::BatchEntry { user_id_hash, data_hash }) => {
                    let of_this = |it: &&mut Deletion| it.registry == log.address;
                    let statement =
                        open.as_mut().filter(of_this).and_then(|it| it.statement.as_mut());
                    if let Some(statement) = statement {
                        self.add(statement, user_id_hash, data_hash);
                    }
                }
                Some(DeletionEvent::HistoryExtended { app, actor, .. }) => {
                    let of_this = |it: &&mut Deletion| it.registry == log.address && it.app == app;
                    if let Some(it) = open.as_mut().filter(of_this) {
                        it.at.actor = Some(actor);
                    }
                }
                Some(event) => {
                    self.close(open.take());
                    open = self.begin(log, event);
                }
                None => {}
            }
        }
        self.close(open);
    }

    fn begin(&mut self, log: &RawLog, event: DeletionEvent) -> Option<Deletion> {
        let at = Position {
            block: log.block.number,
            log_index: log.log_index,
            timestamp: log.block.timestamp,
            transaction: log.tx_hash,
        };
        let told = |kind: &str, app, signer, statement| Deletion {
            kind: kind.to_owned(),
            at: legs::since(at, None),
            registry: log.address,
            app,
            signer,
            statement,
        };
        Some(match event {
            DeletionEvent::SignerRegistered { app, signer } => {
                told("signer_registered", app, signer, None)
            }
            DeletionEvent::SignerRevoked { app, signer, by } => {
                let mut revoked = told("signer_revoked", app, signer, None);
                revoked.at.actor = Some(by);
                revoked
            }
            DeletionEvent::Statement(it) => {
                let (kind, root, count) = match it.what {
                    Deleted::One { .. } => ("single", None, 1),
                    Deleted::Batch { count } => ("batch", None, count.saturating_to()),
                    Deleted::Root { root, count } => ("root", Some(root), count),
                };
                let mut statement = Statement {
                    id: it.id,
                    compose_hash: it.compose_hash,
                    deleted_at: time(it.deleted_at),
                    nonce: it.nonce,
                    root,
                    count,
                    deletions: Vec::new(),
                    deletions_left_out: 0,
                };
                if let Deleted::One { user_id_hash, data_hash } = it.what {
                    self.add(&mut statement, user_id_hash, data_hash);
                }
                told(kind, it.app, it.signer, Some(statement))
            }
            DeletionEvent::BatchEntry { .. } | DeletionEvent::HistoryExtended { .. } => {
                return None;
            }
        })
    }

    fn add(&self, statement: &mut Statement, user_id_hash: B256, data_hash: B256) {
        let wanted = match self.of {
            None | Some(DeletionsOf::App(_)) => true,
            Some(DeletionsOf::Commitment(commitment)) => user_id_hash == commitment,
        };
        if wanted && statement.deletions.len() < MAX_DELETIONS {
            statement.deletions.push(documents::Deleted { user_id_hash, data_hash });
        } else if wanted {
            statement.deletions_left_out += 1;
        }
    }

    /// Keeps it if it is about what was asked.
    fn close(&mut self, deletion: Option<Deletion>) {
        let Some(deletion) = deletion else { return };
        let found = deletion.statement.as_ref().map_or(0, |it| it.deletions.len());
        let wanted = match self.of {
            None => true,
            Some(DeletionsOf::App(app)) => deletion.app == app,
            Some(DeletionsOf::Commitment(_)) => found > 0,
        };
        if wanted {
            self.deletions += found;
            self.entries.push(deletion);
        }
    }
}
