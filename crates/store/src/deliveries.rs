//! Letters to subscribers, as people look at them. What moves them is in `sender`.

use crate::{
    Store,
    conn::{Arg, Row, bound, int},
    error::{Result, StoreError},
};
use alloy_primitives::{Address, B256, Bytes};
use std::{collections::BTreeMap, str::FromStr};

/// How far a letter has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeliveryState {
    /// To be sent, or sent again.
    Due,
    /// The receiver said that it has it.
    Acknowledged,
    /// No attempt is left; somebody has to look.
    Dead,
    /// What it tells was in a block that is gone, so it is not sent any more.
    Withdrawn,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Due, Self::Acknowledged, Self::Dead, Self::Withdrawn];

    /// The word for it, also in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Acknowledged => "acknowledged",
            Self::Dead => "dead",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl FromStr for DeliveryState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or_else(|| {
            "a letter is due, acknowledged, dead or withdrawn, as in --state dead".to_owned()
        })
    }
}

/// A letter to a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What a receiver can tell it by: the same at every attempt.
    pub id: String,
    /// To which subscription.
    pub subscription: String,
    /// What the alert is about.
    pub kind: String,
    /// The alert in one line.
    pub title: String,
    /// Byte for byte what is sent; empty once it was acknowledged and is old.
    pub body: Bytes,
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was sent, counting attempts that nobody saw the end of.
    pub attempts: u64,
    /// When it was written, Unix milliseconds.
    pub made_at: u64,
    /// When it is sent next if it is due, Unix milliseconds.
    pub next_try: u64,
    /// When it stopped being due, Unix milliseconds.
    pub settled_at: Option<u64>,
    /// What went wrong at the last attempt.
    pub last_error: Option<String>,
}

/// How many letters there are in each state.
pub type DeliveryCounts = BTreeMap<DeliveryState, u64>;

/// What a subscriber was told of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldAlert {
    /// The letter.
    pub delivery: String,
    /// What the alert is told apart by.
    pub alert: String,
    /// How often it had been told and taken back before.
    pub round: u64,
    /// What it is about.
    pub kind: String,
    /// In one line.
    pub title: String,
    /// The app.
    pub app: Option<Address>,
    /// The block that said it.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// Every column of a letter, in the order that [`delivery`] reads.
macro_rules! columns {
    () => {
        "SELECT id, subscription, kind, title, body, state, attempts, made_at, next_try, settled_at, last_error FROM deliveries"
    };
}
pub(crate) use columns;

impl Store {
    /// Letters to a subscription, or to all, in a state: the last `limit`, newest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn deliveries(
        &self,
        subscription: Option<&str>,
        state: DeliveryState,
        limit: u64,
    ) -> Result<Vec<Delivery>> {
        let (state, limit) = (Arg::Text(state.name()), Arg::Int(bound(limit)));
        let rows = match subscription {
            Some(id) => {
                let sql = concat!(
                    columns!(),
                    " WHERE subscription = $1 AND state = $2 ORDER BY made_at DESC, id LIMIT $3"
                );
                self.pool.rows(sql, &[Arg::Text(id), state, limit]).await?
            }
            None => {
                let sql =
                    concat!(columns!(), " WHERE state = $1 ORDER BY made_at DESC, id LIMIT $2");
                self.pool.rows(sql, &[state, limit]).await?
            }
        };
        rows.iter().map(delivery).collect()
    }

    /// One letter.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>> {
        let row = self.pool.row(concat!(columns!(), " WHERE id = $1"), &[Arg::Text(id)]).await?;
        row.as_ref().map(delivery).transpose()
    }

    /// How many letters to a subscription there are in each state.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn delivery_counts(&self, subscription: &str) -> Result<DeliveryCounts> {
        let sql = "SELECT state, COUNT(*) FROM deliveries WHERE subscription = $1 GROUP BY state";
        let rows = self.pool.rows(sql, &[Arg::Text(subscription)]).await?;
        rows.iter().map(|row| Ok((state(row, 0)?, row.number(1)?))).collect()
    }

    /// How many letters nobody has read: those that are due and since when the oldest of them is, Unix milliseconds; and those
    /// that are dead.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn unread_letters(&self) -> Result<(u64, Option<u64>, u64)> {
        let sql =
            "SELECT state, COUNT(*), MIN(made_at) FROM deliveries WHERE state IN ('due', 'dead')
             GROUP BY state";
        let mut found = (0, None, 0);
        for row in self.pool.rows(sql, &[]).await? {
            match state(&row, 0)? {
                DeliveryState::Due => (found.0, found.1) = (row.number(1)?, row.maybe_number(2)?),
                _ => found.2 = row.number(1)?,
            }
        }
        Ok(found)
    }

    /// How many letters to a subscription are due or dead: nobody has read them.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn unread(&self, subscription: &str) -> Result<u64> {
        let sql =
            "SELECT COUNT(*) FROM deliveries WHERE subscription = $1 AND state IN ('due', 'dead')";
        self.pool.row(sql, &[Arg::Text(subscription)]).await?.map_or(Ok(0), |row| row.number(0))
    }

    /// Lets a dead letter have all its attempts anew; says whether it was one. What was acknowledged is never sent again.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn retry_delivery(&self, id: &str) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        let sql =
            "UPDATE deliveries SET state = 'due', attempts = 0, next_try = 0, settled_at = NULL
             WHERE id = $1 AND state = 'dead'";
        let again = tx.execute(sql, &[Arg::Text(id)]).await?;
        tx.commit().await?;
        Ok(again > 0)
    }

    /// Whether a subscriber was told of an alert: the last round in which that was so, and whether it was taken back since.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn told(&self, subscription: &str, alert: &str) -> Result<Option<(u64, bool)>> {
        let sql =
            "SELECT round, is_taken_back FROM deliveries WHERE subscription = $1 AND alert = $2
             ORDER BY round DESC LIMIT 1";
        let row = self.pool.row(sql, &[Arg::Text(subscription), Arg::Text(alert)]).await?;
        row.map(|row| Ok((row.number(0)?, row.int(1)? == 1))).transpose()
    }

    /// What a subscriber was told of blocks from this height on and was not taken back, by height.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn told_from(&self, subscription: &str, number: u64) -> Result<Vec<ToldAlert>> {
        let sql = "SELECT id, alert, round, kind, title, app, number, block_hash FROM deliveries
             WHERE subscription = $1 AND number >= $2 AND is_taken_back = 0 ORDER BY number, id";
        let args = [Arg::Text(subscription), Arg::Int(int("block number", number)?)];
        let told = |row: &Row| {
            Ok(ToldAlert {
                delivery: row.text(0)?.to_owned(),
                alert: row.text(1)?.to_owned(),
                round: row.number(2)?,
                kind: row.text(3)?.to_owned(),
                title: row.text(4)?.to_owned(),
                app: row.maybe_address(5)?,
                number: row.number(6)?,
                hash: row.hash(7)?,
            })
        };
        self.pool.rows(sql, &args).await?.iter().map(told).collect()
    }
}

fn state(row: &Row, column: usize) -> Result<DeliveryState> {
    let text = row.text(column)?;
    text.parse().map_err(|_| StoreError::Corrupt { what: format!("a letter that is {text}") })
}

pub(crate) fn delivery(row: &Row) -> Result<Delivery> {
    Ok(Delivery {
        id: row.text(0)?.to_owned(),
        subscription: row.text(1)?.to_owned(),
        kind: row.text(2)?.to_owned(),
        title: row.text(3)?.to_owned(),
        body: Bytes::copy_from_slice(row.bytes(4)?),
        state: state(row, 5)?,
        attempts: row.number(6)?,
        made_at: row.number(7)?,
        next_try: row.number(8)?,
        settled_at: row.maybe_number(9)?,
        last_error: row.maybe_text(10)?.map(str::to_owned),
    })
}
