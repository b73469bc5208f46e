//! The one who writes letters to subscribers and sends them.
//!
//! One process at a time: it holds a lock that the kernel or the server gives back when it dies. Should a lock be lost without
//! its holder knowing, the number of the takeover keeps it from writing: every transaction here begins with it.

use crate::{
    Store,
    conn::{Arg, Tx, bound, int},
    deliveries::{Delivery, columns, delivery},
    error::{Result, StoreError},
    writer::{Lock, Name},
};
use alloy_primitives::{Address, B256};
use std::sync::Arc;

/// The right to send, held as long as any clone of it lives.
#[derive(Debug, Clone)]
pub struct Sender {
    store: Store,
    lock: Arc<Lock>,
    generation: i64,
}

/// A letter that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// What a receiver tells it by.
    pub id: String,
    /// What the alert is told apart by.
    pub alert: String,
    /// How often it was told and taken back before.
    pub round: u64,
    /// What it is about.
    pub kind: String,
    /// In one line.
    pub title: String,
    /// The app.
    pub app: Option<Address>,
    /// The block that said it.
    pub block: Option<(u64, B256)>,
    /// Whether it is heard again at every look.
    pub recurs: bool,
    /// Byte for byte what is to be sent.
    pub body: Vec<u8>,
}

/// A step of a subscription: letters, and where it stands behind them.
#[derive(Clone, Debug, Default)]
pub struct Filling {
    /// Its id.
    pub subscription: String,
    /// Where it stood.
    pub from: Option<String>,
    /// Where it stands now.
    pub place: Option<String>,
    /// Up to which block time was told what time alone does, Unix seconds; never goes back.
    pub heard_until: u64,
    /// What is new.
    pub letters: Vec<Letter>,
    /// Letters about blocks that are gone. Those that are not acknowledged are not sent any more.
    pub taken_back: Vec<String>,
    /// The time, Unix milliseconds.
    pub now: u64,
}

impl Store {
    /// Becomes the sender, unless another process is; `None` if one is.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], and what keeps the lock from being asked for.
    pub async fn try_sender(&self) -> Result<Option<Sender>> {
        if self.is_read_only() {
            return Err(StoreError::ReadOnly);
        }
        let Some(lock) = Lock::take(&self.pool, &Name::Sender).await? else { return Ok(None) };
        let mut tx = self.begin_write().await?;
        let sql = "INSERT INTO senders (id, generation) VALUES (1, 1)
             ON CONFLICT (id) DO UPDATE SET generation = senders.generation + 1 RETURNING generation";
        let row = tx.row(sql, &[]).await?;
        let generation = row.map_or(Err(StoreError::SenderLost), |row| row.int(0))?;
        tx.commit().await?;
        Ok(Some(Sender { store: self.clone(), lock: Arc::new(lock), generation }))
    }
}

impl Sender {
    /// The database, for reading.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Whether the lock is still held.
    pub async fn holds(&self) -> bool {
        self.lock.holds().await
    }

    async fn begin(&self) -> Result<Tx> {
        let mut tx = self.store.begin_write().await?;
        let sql = "UPDATE senders SET generation = generation WHERE id = 1 AND generation = $1";
        if tx.execute(sql, &[Arg::Int(self.generation)]).await? == 0 {
            return Err(StoreError::SenderLost);
        }
        Ok(tx)
    }

    /// Writes letters and moves the place of their subscription, all or nothing. A letter that is there already stays as it
    /// is. `false` if nothing was done, because the subscription stands elsewhere, is not active or gone.
    ///
    /// # Errors
    /// [`StoreError::SenderLost`].
    pub async fn fill(&self, step: &Filling) -> Result<bool> {
        let mut tx = self.begin().await?;
        let now = int("time", step.now)?;
        for letter in &step.letters {
            let (number, hash) = letter.block.unzip();
            let number = number.map(|number| int("block number", number)).transpose()?;
            tx.execute(
                "INSERT INTO deliveries (id, subscription, alert, round, kind, title, app, number, block_hash, is_taken_back,
                     recurs, body, state, attempts, made_at, next_try)
                 SELECT $1, id, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, 'due', 0, $12, $12
                 FROM subscriptions WHERE id = $2 ON CONFLICT DO NOTHING",
                &[
                    Arg::Text(&letter.id),
                    Arg::Text(&step.subscription),
                    Arg::Text(&letter.alert),
                    Arg::Int(int("round", letter.round)?),
                    Arg::Text(&letter.kind),
                    Arg::Text(&letter.title),
                    Arg::MaybeBytes(letter.app.as_ref().map(|app| app.as_slice())),
                    Arg::MaybeInt(number),
                    Arg::MaybeBytes(hash.as_ref().map(|hash| hash.as_slice())),
                    Arg::Int(i64::from(letter.recurs)),
                    Arg::Bytes(&letter.body),
                    Arg::Int(now),
                ],
            )
            .await?;
        }
        for id in &step.taken_back {
            let sql = "UPDATE deliveries SET is_taken_back = 1,
                     settled_at = CASE WHEN state = 'due' THEN $2 ELSE settled_at END,
                     state = CASE WHEN state IN ('due', 'dead') THEN 'withdrawn' ELSE state END
                 WHERE id = $1";
            tx.execute(sql, &[Arg::Text(id), Arg::Int(now)]).await?;
        }
        let sql = "UPDATE subscriptions SET place = $3, heard_until = CASE WHEN heard_until > $4 THEN heard_until ELSE $4 END
             WHERE id = $1 AND is_active = 1 AND place IS NOT DISTINCT FROM $2";
        let moved = tx
            .execute(
                sql,
                &[
                    Arg::Text(&step.subscription),
                    Arg::MaybeText(step.from.as_deref()),
                    Arg::MaybeText(step.place.as_deref()),
                    Arg::Int(int("time", step.heard_until)?),
                ],
            )
            .await?;
        if moved == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The active subscriptions to which a letter is due at a time, Unix milliseconds.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn due(&self, now: u64) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT d.subscription FROM deliveries d JOIN subscriptions s ON s.id = d.subscription
             WHERE d.state = 'due' AND d.next_try <= $1 AND s.is_active = 1 ORDER BY 1";
        let rows = self.store.pool.rows(sql, &[Arg::Int(bound(now))]).await?;
        rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
    }

    /// Takes letters to a subscription for sending, the one that is due longest first. An attempt is counted before it is made,
    /// and whoever takes over does not send them before `until`, when this attempt has ended for certain; both in Unix
    /// milliseconds.
    ///
    /// # Errors
    /// [`StoreError::SenderLost`].
    pub async fn claim(
        &self,
        subscription: &str,
        now: u64,
        until: u64,
        most: u64,
    ) -> Result<Vec<Delivery>> {
        let mut tx = self.begin().await?;
        let sql = concat!(
            columns!(),
            " WHERE subscription = $1 AND state = 'due' AND next_try <= $2 ORDER BY next_try, made_at, id LIMIT $3"
        );
        let args = [Arg::Text(subscription), Arg::Int(bound(now)), Arg::Int(bound(most))];
        let mut claimed: Vec<Delivery> =
            tx.rows(sql, &args).await?.iter().map(delivery).collect::<Result<_>>()?;
        let until = int("time", until)?;
        for letter in &mut claimed {
            let sql = "UPDATE deliveries SET attempts = attempts + 1, next_try = $2 WHERE id = $1";
            tx.execute(sql, &[Arg::Text(&letter.id), Arg::Int(until)]).await?;
            letter.attempts += 1;
        }
        tx.commit().await?;
        Ok(claimed)
    }

    /// The receiver has it: it is never sent again.
    ///
    /// # Errors
    /// [`StoreError::SenderLost`].
    pub async fn acknowledged(&self, id: &str, now: u64) -> Result<()> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE deliveries SET state = 'acknowledged', settled_at = $2, last_error = NULL
             WHERE id = $1 AND state = 'due'";
        tx.execute(sql, &[Arg::Text(id), Arg::Int(int("time", now)?)]).await?;
        tx.commit().await
    }

    /// An attempt failed. It is sent again at `next_try`, or never: then it is dead. Unix milliseconds.
    ///
    /// # Errors
    /// [`StoreError::SenderLost`].
    pub async fn failed(
        &self,
        id: &str,
        error: &str,
        next_try: Option<u64>,
        now: u64,
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        settle(&mut tx, id, error, next_try, now).await?;
        tx.commit().await
    }

    /// The endpoint said that it is gone: the letter is dead and nothing more is sent there until somebody says so.
    ///
    /// # Errors
    /// [`StoreError::SenderLost`].
    pub async fn gone(&self, letter: &Delivery, why: &str, now: u64) -> Result<()> {
        let mut tx = self.begin().await?;
        settle(&mut tx, &letter.id, why, None, now).await?;
        let sql = "UPDATE subscriptions SET is_active = 0, why = $2 WHERE id = $1";
        tx.execute(sql, &[Arg::Text(&letter.subscription), Arg::Text(why)]).await?;
        tx.commit().await
    }

    /// Forgets what was settled before a time, Unix milliseconds: of letters that are acknowledged or withdrawn what was sent,
    /// and those about blocks up to `number`, which is final, altogether. What is heard again at every look keeps its row.
    ///
    /// # Errors
    /// [`StoreError::SenderLost`].
    pub async fn prune(&self, subscription: &str, before: u64, number: u64) -> Result<u64> {
        let mut tx = self.begin().await?;
        let args = [Arg::Text(subscription), Arg::Int(bound(before)), Arg::Int(bound(number))];
        let gone = tx
            .execute(
                "DELETE FROM deliveries WHERE subscription = $1 AND state IN ('acknowledged', 'withdrawn')
                     AND settled_at < $2 AND recurs = 0 AND (number IS NULL OR number <= $3)",
                &args,
            )
            .await?;
        let emptied = tx
            .execute(
                "UPDATE deliveries SET body = $3 WHERE subscription = $1
                     AND state IN ('acknowledged', 'withdrawn') AND settled_at < $2 AND LENGTH(body) > 0",
                &[args[0], args[1], Arg::Bytes(&[])],
            )
            .await?;
        tx.commit().await?;
        Ok(gone + emptied)
    }
}

async fn settle(tx: &mut Tx, id: &str, error: &str, next_try: Option<u64>, now: u64) -> Result<()> {
    let sql = "UPDATE deliveries SET last_error = $2, state = $3, next_try = COALESCE($4, next_try), settled_at = $5
         WHERE id = $1 AND state = 'due'";
    let now = int("time", now)?;
    let args = [
        Arg::Text(id),
        Arg::Text(error),
        Arg::Text(if next_try.is_some() { "due" } else { "dead" }),
        Arg::MaybeInt(next_try.map(bound)),
        Arg::MaybeInt(next_try.is_none().then_some(now)),
    ];
    tx.execute(sql, &args).await?;
    Ok(())
}
