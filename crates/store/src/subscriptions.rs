//! Who wants to be told. No facts of a chain: in no digest, and copied only if somebody asks for it.

use crate::{
    Store,
    conn::{Arg, Row, int},
    error::{Result, StoreError},
};
use alloy_primitives::Address;
use std::fmt;

/// The most subscriptions of a database: each is looked after whenever there is something new.
pub const MAX_SUBSCRIPTIONS: u64 = 1_000;

/// Somebody who wants to be told. What channels, kinds and secrets mean, the crate that sends says.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// What it is called by.
    pub id: String,
    /// EIP-155 chain id; the chain is in the database.
    pub chain_id: u64,
    /// What its owner calls it; may be empty.
    pub name: String,
    /// The apps it is about; none for everything.
    pub apps: Vec<Address>,
    /// The kinds of alerts it is about; none for all.
    pub kinds: Vec<String>,
    /// The finality that what is told has to have.
    pub finality: String,
    /// How long before something becomes possible it is told of, in seconds.
    pub soon: u64,
    /// The way letters go.
    pub channel: String,
    /// Where to, without anything that has to stay secret.
    pub target: String,
    /// What the channel needs and nobody may see.
    pub secret: String,
    /// Behind which change everything is still to be told; `None` for the beginning.
    pub place: Option<String>,
    /// The block time up to which was told what time alone does, Unix seconds.
    pub heard_until: u64,
    /// When it was made, Unix milliseconds.
    pub created_at: u64,
    /// Whether letters are written and sent. What happens meanwhile is told when it is active again.
    pub is_active: bool,
    /// Why it is not active.
    pub why: Option<String>,
}

/// Without the secret, since this ends up in logs.
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .field("chain_id", &self.chain_id)
            .field("channel", &self.channel)
            .field("target", &self.target)
            .field("place", &self.place)
            .field("is_active", &self.is_active)
            .finish_non_exhaustive()
    }
}

macro_rules! columns {
    () => {
        "SELECT id, chain_id, name, apps, kinds, finality, soon, channel, target, secret, place, heard_until,
     created_at, is_active, why FROM subscriptions"
    };
}

impl Store {
    /// Takes a subscription up.
    ///
    /// # Errors
    /// [`StoreError::TooManySubscriptions`], [`StoreError::UnknownChain`].
    pub async fn add_subscription(&self, new: &Subscription) -> Result<()> {
        let mut tx = self.begin_write().await?;
        let chain = int("chain id", new.chain_id)?;
        let sql = "SELECT (SELECT COUNT(*) FROM subscriptions), (SELECT COUNT(*) FROM chains WHERE chain_id = $1)";
        let row = tx.row(sql, &[Arg::Int(chain)]).await?;
        let Some(row) = row else {
            return Err(StoreError::UnknownChain { chain_id: new.chain_id });
        };
        let (held, known) = (row.number(0)?, row.int(1)?);
        if known == 0 {
            return Err(StoreError::UnknownChain { chain_id: new.chain_id });
        }
        if held >= MAX_SUBSCRIPTIONS {
            return Err(StoreError::TooManySubscriptions { most: MAX_SUBSCRIPTIONS });
        }
        let apps: Vec<u8> = new.apps.iter().flat_map(|app| app.0.0).collect();
        tx.execute(
            "INSERT INTO subscriptions (id, chain_id, name, apps, kinds, finality, soon, channel, target, secret, place,
                 heard_until, created_at, is_active, why)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            &[
                Arg::Text(&new.id),
                Arg::Int(chain),
                Arg::Text(&new.name),
                Arg::Bytes(&apps),
                Arg::Text(&new.kinds.join(" ")),
                Arg::Text(&new.finality),
                Arg::Int(int("time", new.soon)?),
                Arg::Text(&new.channel),
                Arg::Text(&new.target),
                Arg::Text(&new.secret),
                Arg::MaybeText(new.place.as_deref()),
                Arg::Int(int("time", new.heard_until)?),
                Arg::Int(int("time", new.created_at)?),
                Arg::Int(i64::from(new.is_active)),
                Arg::MaybeText(new.why.as_deref()),
            ],
        )
        .await?;
        tx.commit().await
    }

    /// All subscriptions, the oldest first.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>> {
        let sql = concat!(columns!(), " ORDER BY created_at, id");
        self.pool.rows(sql, &[]).await?.iter().map(subscription).collect()
    }

    /// One by its id.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn subscription(&self, id: &str) -> Result<Option<Subscription>> {
        let sql = concat!(columns!(), " WHERE id = $1");
        let row = self.pool.row(sql, &[Arg::Text(id)]).await?;
        row.as_ref().map(subscription).transpose()
    }

    /// Forgets a subscription with everything that was on its way to it; says whether there was one.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn remove_subscription(&self, id: &str) -> Result<bool> {
        let mut tx = self.begin_write().await?;
        tx.execute("DELETE FROM deliveries WHERE subscription = $1", &[Arg::Text(id)]).await?;
        let gone = tx.execute("DELETE FROM subscriptions WHERE id = $1", &[Arg::Text(id)]).await?;
        tx.commit().await?;
        Ok(gone > 0)
    }

    /// Makes a subscription active again, and lets every dead letter to it have all its attempts anew; how many those were,
    /// `None` if there is no such subscription.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn retry_subscription(&self, id: &str) -> Result<Option<u64>> {
        let mut tx = self.begin_write().await?;
        let sql = "UPDATE subscriptions SET is_active = 1, why = NULL WHERE id = $1";
        if tx.execute(sql, &[Arg::Text(id)]).await? == 0 {
            return Ok(None);
        }
        let sql =
            "UPDATE deliveries SET state = 'due', attempts = 0, next_try = 0, settled_at = NULL
             WHERE subscription = $1 AND state = 'dead'";
        let again = tx.execute(sql, &[Arg::Text(id)]).await?;
        tx.commit().await?;
        Ok(Some(again))
    }
}

fn subscription(row: &Row) -> Result<Subscription> {
    let apps = row.bytes(3)?.chunks(20).map(|bytes| {
        Address::try_from(bytes)
            .map_err(|_| StoreError::Corrupt { what: "an address that is cut short".to_owned() })
    });
    Ok(Subscription {
        id: row.text(0)?.to_owned(),
        chain_id: row.number(1)?,
        name: row.text(2)?.to_owned(),
        apps: apps.collect::<Result<_>>()?,
        kinds: row.text(4)?.split_whitespace().map(str::to_owned).collect(),
        finality: row.text(5)?.to_owned(),
        soon: row.number(6)?,
        channel: row.text(7)?.to_owned(),
        target: row.text(8)?.to_owned(),
        secret: row.text(9)?.to_owned(),
        place: row.maybe_text(10)?.map(str::to_owned),
        heard_until: row.number(11)?,
        created_at: row.number(12)?,
        is_active: row.int(13)? == 1,
        why: row.maybe_text(14)?.map(str::to_owned),
    })
}
