//! How far a streaming replica is behind its primary.

use crate::{Store, conn::Pool, error::Result};

/// What a PostgreSQL server that replays another's log says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Milliseconds since the primary made the last change that is visible here. While the primary works this is the
    /// lag, and an upper bound of it while it rests; `None` if nothing was replayed since the server started.
    pub lag_ms: Option<u64>,
    /// Whether it is connected to its primary. If not, nothing new will become visible.
    pub receiving: bool,
    /// How far the primary's log has arrived.
    pub received: Option<String>,
    /// How far of that is visible.
    pub replayed: Option<String>,
}

impl Store {
    /// How far this database is behind the one it follows; `None` if it follows none.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn replica(&self) -> Result<Option<Replica>> {
        let Pool::Postgres(_) = self.pool else { return Ok(None) };
        // Whether there is a receiver may be asked by every user; what it does, only by some.
        let sql = "SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END::BIGINT,
                 (EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::BIGINT,
                 (SELECT COUNT(*) FROM pg_stat_wal_receiver WHERE pid IS NOT NULL),
                 COALESCE(pg_last_wal_receive_lsn()::TEXT, ''),
                 COALESCE(pg_last_wal_replay_lsn()::TEXT, '')";
        let Some(row) = self.pool.row(sql, &[]).await? else { return Ok(None) };
        if row.int(0)? == 0 {
            return Ok(None);
        }
        let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Ok(Some(Replica {
            // Two clocks: one that is ahead of the other makes no change come from the future.
            lag_ms: row.maybe_int(1)?.map(|ms| u64::try_from(ms).unwrap_or_default()),
            receiving: row.int(2)? > 0,
            received: said(row.text(3)?),
            replayed: said(row.text(4)?),
        }))
    }
}
