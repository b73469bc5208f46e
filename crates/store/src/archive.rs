//! Bytes under their own SHA-256: what a verdict rests on, so that it can be repeated years later.

use crate::{
    Store,
    conn::{Arg, Tx, int},
    error::{Result, StoreError},
};
use alloy_primitives::{B256, Bytes};
use devproof_primitives::ComposeHash;

/// The most bytes that are kept under one hash: as many as a document of evidence may have.
pub const MAX_ARCHIVED: usize = 4 << 20;

/// Bytes of a row. Whoever copies a database holds a thousand rows at a time.
const PIECE: usize = 64 << 10;

impl Store {
    /// The bytes whose SHA-256 this is, if they were kept.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if what is kept is something else by now.
    pub async fn archived(&self, hash: B256) -> Result<Option<Bytes>> {
        let sql = "SELECT bytes FROM archive WHERE hash = $1 ORDER BY piece";
        let rows = self.pool.rows(sql, &[Arg::Bytes(hash.as_slice())]).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        for row in &rows {
            bytes.extend_from_slice(row.bytes(0)?);
        }
        if sha256(&bytes) != hash {
            let what = format!("what is kept under the SHA-256 {hash:#x}");
            return Err(StoreError::Corrupt { what });
        }
        Ok(Some(bytes.into()))
    }
}

/// SHA-256, which compose hashes are as well.
pub(crate) fn sha256(bytes: &[u8]) -> B256 {
    ComposeHash::of(bytes).0
}

/// Keeps bytes under their hash, and gives that. Nothing happens if they are kept already.
pub(crate) async fn keep(tx: &mut Tx, bytes: &[u8], now: u64) -> Result<B256> {
    if bytes.len() > MAX_ARCHIVED {
        return Err(StoreError::ArchiveTooLong { length: bytes.len(), most: MAX_ARCHIVED });
    }
    let hash = sha256(bytes);
    let first = [Arg::Bytes(hash.as_slice())];
    if tx.row("SELECT 1 FROM archive WHERE hash = $1 LIMIT 1", &first).await?.is_some() {
        return Ok(hash);
    }
    // Of nothing there is one piece as well: it was kept.
    let pieces: Vec<&[u8]> =
        if bytes.is_empty() { vec![bytes] } else { bytes.chunks(PIECE).collect() };
    for (place, piece) in (0..).zip(pieces) {
        tx.execute(
            "INSERT INTO archive (hash, piece, bytes, kept_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            &[
                Arg::Bytes(hash.as_slice()),
                Arg::Int(place),
                Arg::Bytes(piece),
                Arg::Int(int("time", now)?),
            ],
        )
        .await?;
    }
    Ok(hash)
}
