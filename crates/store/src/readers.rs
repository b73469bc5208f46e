//! Connections to an SQLite file that read, kept at hand.

use crate::error::Result;
use sqlx::{Connection as _, SqliteConnection, SqlitePool};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Readers in one process. SQLite reads in a thread per connection, so more than a few cores' worth gains nothing.
const READERS: usize = 8;

/// A pool hands out a connection and asks it whether it still lives when it comes back, before anybody else may have it:
/// with a file, whose connections cannot die, that is most of what a question costs, and goes through all connections in
/// turn, each with a cache of its own. Here the connection that was used last is used next. One on which something went
/// wrong, or whose question was given up, is closed. The pool makes them, and keeps those of transactions. They are
/// detached from it, since one that is still the pool's cannot be dropped where no runtime is.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    pool: SqlitePool,
    idle: Arc<Mutex<Vec<SqliteConnection>>>,
    free: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(pool: SqlitePool) -> Self {
        Self { pool, idle: Arc::default(), free: Arc::new(Semaphore::new(READERS)) }
    }

    pub(crate) const fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Asks one of the connections, when one is free.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<T>,
    ) -> Result<T> {
        let _one = self.free.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.pool.acquire().await?.detach(),
        };
        let answer = question(&mut connection).await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }

    /// Closes every connection and waits for it.
    pub(crate) async fn close(&self) {
        self.free.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in idle {
            // One that does not close well is gone as well.
            let _ = connection.close().await;
        }
        self.pool.close().await;
    }
}
