//! What stands behind compose hashes: the bytes of `app-compose.json`, as somebody handed them in.

use crate::{
    Store,
    conn::{Arg, int},
    error::Result,
    types::Role,
    words::key,
};
use alloy_primitives::{B256, Bytes};
use devproof_primitives::ComposeHash;

impl Store {
    /// Keeps the bytes of an `app-compose.json` under their own SHA-256, and gives that. What is kept is never changed.
    /// Whether anybody asks for the hash, and how long the bytes may be, is for the caller to say. `received_at` is Unix time
    /// by our own clock, in seconds.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`](crate::StoreError::ReadOnly).
    pub async fn keep_compose(&self, bytes: &[u8], received_at: u64) -> Result<ComposeHash> {
        let hash = ComposeHash::of(bytes);
        let mut tx = self.begin_write().await?;
        tx.execute(
            "INSERT INTO composes (hash, bytes, received_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            &[
                Arg::Bytes(hash.0.as_slice()),
                Arg::Bytes(bytes),
                Arg::Int(int("time", received_at)?),
            ],
        )
        .await?;
        tx.commit().await?;
        Ok(hash)
    }

    /// The bytes whose SHA-256 this is, if anybody handed them in.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn compose(&self, hash: ComposeHash) -> Result<Option<Bytes>> {
        let sql = "SELECT bytes FROM composes WHERE hash = $1";
        let row = self.pool.row(sql, &[Arg::Bytes(hash.0.as_slice())]).await?;
        row.map(|row| row.bytes(0).map(Bytes::copy_from_slice)).transpose()
    }

    /// Whether an app of any chain may have allowed or announced this hash: what nobody said cannot make the database grow.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn is_compose_hash_said(&self, hash: B256) -> Result<bool> {
        let sql = "SELECT 1 FROM mentions m JOIN contracts c ON c.id = m.contract_id
             WHERE m.word = $1 AND c.role = $2
             UNION ALL SELECT 1 FROM chains n CROSS JOIN mentions_new m JOIN contracts c ON c.id = m.contract_id
             WHERE m.chain_id = n.chain_id AND m.word = $1 AND c.role = $2
             UNION ALL SELECT 1 FROM readings WHERE subject = $3 AND length(subject) > 0 LIMIT 1";
        let args =
            [Arg::Int(key(&hash)), Arg::Text(Role::App.as_str()), Arg::Bytes(hash.as_slice())];
        Ok(self.pool.row(sql, &args).await?.is_some())
    }
}
