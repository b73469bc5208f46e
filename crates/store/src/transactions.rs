//! Transactions on an SQLite file.
//!
//! Their statements run where they are asked for, as questions do (`readers.rs`): a page of logs is some hundred statements of
//! some microseconds each, and to hand each to another thread, with copies of what is bound and of what is found, costs more
//! than SQLite does. Between them others get their turn. What may take long is done elsewhere or waited for without holding
//! anybody up: the end of a transaction that wrote goes to the disk, and its beginning may have to wait for another writer.

use crate::{
    conn::{Arg, Row},
    error::{Result, StoreError},
    readers::{Readers, read, read_each},
};
use rusqlite::{Connection, OpenFlags};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{spawn_blocking, yield_now},
    time::{sleep, timeout},
};

/// Between two attempts at what another process has locked.
const PAUSE: Duration = Duration::from_millis(5);

/// How long statements run before others on the same thread get their turn.
const TURN: Duration = Duration::from_millis(1);

/// Statements that the connection that writes keeps prepared: each text that writes many rows comes in six lengths.
const STATEMENTS: usize = 256;

/// Bytes of a page of a new file. What is said in a block is some hundred bytes, of which more fit into a page of this size
/// with less left over.
const PAGE: i64 = 8192;

/// What the connection that writes may hold in memory, as its pragma says KiB. A page of logs touches as many
/// leaves of the indices as there are apps in it; with much less they are read and written several times, and with twice as
/// much nothing was faster.
const CACHE: i64 = -24576;

/// Pages of the write-ahead log after which it is folded into the file, 16 MiB: a leaf that is written again and again
/// meanwhile is written there once.
const WAL: i64 = 2048;

/// Where connections are that nobody uses.
pub(crate) type Idle = Arc<Mutex<Vec<Connection>>>;

/// The one connection that writes: SQLite has one writer at a time.
#[derive(Debug, Clone)]
pub(crate) struct Writing {
    path: Arc<PathBuf>,
    patience: Duration,
    idle: Idle,
    turn: Arc<Semaphore>,
}

impl Writing {
    /// The connection is made when it is needed.
    pub(crate) fn new(path: &Path, patience: Duration) -> Self {
        let turn = Arc::new(Semaphore::new(1));
        Self { path: Arc::new(path.to_owned()), patience, idle: Idle::default(), turn }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the connection, and the file if it is not there.
    pub(crate) fn create(&self) -> rusqlite::Result<()> {
        give_back(&self.idle, self.connect()?);
        Ok(())
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&*self.path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.busy_timeout(self.patience)?;
        // Says nothing to a file that there is.
        connection.pragma_update(None, "page_size", PAGE)?;
        // WAL: readers go on while a page is written. FULL rather than NORMAL: a commit that was reported must
        // survive a power cut, because orphaned facts cannot be fetched from a node a second time. It costs one
        // fsync per page.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", CACHE)?;
        connection.pragma_update(None, "wal_autocheckpoint", WAL)?;
        Ok(connection)
    }

    /// A transaction that has the write lock, for which it waits as long as there is patience.
    pub(crate) async fn begin(&self) -> Result<FileTx> {
        let begun = Instant::now();
        let turn = timeout(self.patience, Arc::clone(&self.turn).acquire_owned()).await;
        let turn = turn.map_err(|_| StoreError::Busy)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let connection = match take(&self.idle) {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let (idle, patience) = (Arc::clone(&self.idle), self.patience);
        let tx =
            FileTx { connection: Some(connection), idle, patience, turn: Some(turn), since: begun };
        loop {
            let has_begun = tx.batch("BEGIN IMMEDIATE");
            if !matches!(has_begun, Err(StoreError::Busy)) || begun.elapsed() > self.patience {
                return has_begun.map(|()| tx);
            }
            sleep(PAUSE).await;
        }
    }

    /// Closes it, after whoever writes. The last one to go folds the write-ahead log into the file.
    pub(crate) async fn close(&self) {
        let ended = self.turn.acquire().await;
        self.turn.close();
        drop(ended);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// One of them, the one that was used last.
pub(crate) fn take(idle: &Idle) -> Option<Connection> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

pub(crate) fn give_back(idle: &Idle, connection: Connection) {
    idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
}

/// A transaction; rolled back when dropped.
pub(crate) struct FileTx {
    /// `None` once it ended.
    connection: Option<Connection>,
    idle: Idle,
    patience: Duration,
    /// The turn of who writes.
    turn: Option<OwnedSemaphorePermit>,
    since: Instant,
}

impl fmt::Debug for FileTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileTx").field("writes", &self.turn.is_some()).finish_non_exhaustive()
    }
}

impl FileTx {
    /// One in which every question sees the same state.
    pub(crate) fn reading(readers: &Readers, patience: Duration) -> Result<Self> {
        let connection = readers.take()?;
        let (idle, since) = (Arc::clone(readers.idle()), Instant::now());
        let tx = Self { connection: Some(connection), idle, patience, turn: None, since };
        tx.batch("BEGIN")?;
        Ok(tx)
    }

    fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or_else(|| sqlx::Error::PoolClosed.into())
    }

    /// Runs a text without arguments; what is locked is not waited for.
    fn batch(&self, sql: &str) -> Result<()> {
        let connection = self.connection()?;
        connection.busy_timeout(Duration::ZERO)?;
        Ok(connection.execute_batch(sql)?)
    }

    /// All rows of a statement.
    pub(crate) async fn rows(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Row>> {
        self.give_turn().await;
        let begun = Instant::now();
        loop {
            let answer = read(self.connection()?, sql, args).map_err(StoreError::from);
            // Only where the first question of one that reads finds the file locked.
            let again = self.turn.is_none() && begun.elapsed() < self.patience;
            if !again || !matches!(answer, Err(StoreError::Busy)) {
                return answer;
            }
            sleep(PAUSE).await;
        }
    }

    async fn give_turn(&mut self) {
        if self.since.elapsed() > TURN {
            yield_now().await;
            self.since = Instant::now();
        }
    }

    /// All rows of a statement that is run for many arguments, one after the other.
    pub(crate) async fn each<const N: usize>(
        &mut self,
        sql: &str,
        mut all: &[[Arg<'_>; N]],
    ) -> Result<Vec<Row>> {
        let mut found = Vec::new();
        while !all.is_empty() {
            self.give_turn().await;
            let rest = all.iter().map(<[_; N]>::as_slice);
            let (connection, since) = (self.connection()?, self.since);
            let goes_on = || since.elapsed() <= TURN;
            let done = read_each(connection, sql, rest, &mut found, goes_on)?;
            all = all.get(done..).unwrap_or_default();
        }
        Ok(found)
    }

    /// Runs a statement; gives the number of rows it wrote.
    pub(crate) async fn execute(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64> {
        self.rows(sql, args).await?;
        Ok(self.connection()?.changes())
    }

    /// Ends it. One that wrote goes to the disk by another thread, and is not undone if who waits for it is gone.
    pub(crate) async fn commit(mut self) -> Result<()> {
        let Some(connection) = self.connection.take() else { return Ok(()) };
        let ending = Ending {
            connection: Some(connection),
            idle: Arc::clone(&self.idle),
            turn: self.turn.take(),
        };
        let patience = self.patience;
        if ending.turn.is_none() {
            return ending.commit(Duration::ZERO);
        }
        let done = spawn_blocking(move || ending.commit(patience)).await;
        // It is cancelled or panics only where the whole program ends.
        done.map_err(|_| sqlx::Error::WorkerCrashed)?
    }
}

impl Drop for FileTx {
    fn drop(&mut self) {
        drop(Ending {
            connection: self.connection.take(),
            idle: Arc::clone(&self.idle),
            turn: self.turn.take(),
        });
    }
}

/// A transaction on its way out: rolled back if nothing else becomes of it, its connection given back, and then its turn.
struct Ending {
    connection: Option<Connection>,
    idle: Idle,
    turn: Option<OwnedSemaphorePermit>,
}

impl Ending {
    fn commit(self, patience: Duration) -> Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        connection.busy_timeout(patience)?;
        Ok(connection.execute_batch("COMMIT")?)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let is_over =
                connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok();
            // One on which something went wrong is closed.
            if is_over {
                give_back(&self.idle, connection);
            }
        }
        self.turn = None;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn writing(folder: &Path, patience: Duration) -> Writing {
        let writing = Writing::new(&folder.join("x.db"), patience);
        writing.create().unwrap();
        let idle = take(&writing.idle).unwrap();
        idle.execute_batch("CREATE TABLE t (n INTEGER)").unwrap();
        give_back(&writing.idle, idle);
        writing
    }

    async fn count(tx: &mut FileTx) -> i64 {
        tx.rows("SELECT COUNT(*) FROM t", &[]).await.unwrap()[0].int(0).unwrap()
    }

    async fn put(tx: &mut FileTx) {
        assert_eq!(tx.execute("INSERT INTO t VALUES ($1)", &[Arg::Int(7)]).await.unwrap(), 1);
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn what_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let writing = writing(folder.path(), LONG);
        for expected in 0..3 {
            let mut tx = writing.begin().await.unwrap();
            assert_eq!(count(&mut tx).await, expected);
            put(&mut tx).await;
            drop(tx);
            let mut tx = writing.begin().await.unwrap();
            put(&mut tx).await;
            tx.commit().await.unwrap();
        }
        assert_eq!(writing.idle.lock().unwrap().len(), 1, "there is one connection");
    }

    #[tokio::test]
    async fn a_commit_that_nobody_waits_for_is_done_before_the_next_begins() {
        let folder = tempfile::tempdir().unwrap();
        let writing = writing(folder.path(), LONG);
        for expected in 1..20 {
            let mut tx = writing.begin().await.unwrap();
            put(&mut tx).await;
            // Asked for, and given up at once.
            tokio::select! {
                biased;
                done = tx.commit() => done.unwrap(),
                () = std::future::ready(()) => {}
            }
            assert_eq!(count(&mut writing.begin().await.unwrap()).await, expected);
        }
        assert_eq!(writing.idle.lock().unwrap().len(), 1, "the turn ends with the commit");
    }

    #[tokio::test]
    async fn another_writer_is_waited_for_as_long_as_there_is_patience() {
        let folder = tempfile::tempdir().unwrap();
        let writing = writing(folder.path(), LONG);
        let other = Connection::open(writing.path()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let waiting = tokio::spawn({
            let writing = writing.clone();
            async move { writing.begin().await.map(drop) }
        });
        sleep(PAUSE * 4).await;
        assert!(!waiting.is_finished());
        let hasty = Writing::new(writing.path(), Duration::ZERO);
        assert!(matches!(hasty.begin().await, Err(StoreError::Busy)));
        other.execute_batch("COMMIT").unwrap();
        waiting.await.unwrap().unwrap();
    }
}
