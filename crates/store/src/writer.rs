//! One writer per database and chain.
//!
//! On PostgreSQL it is an advisory lock of a session that does nothing else; on SQLite a lock on a file beside the
//! database. Either is given back by the kernel or the server when its process dies, however that happens.
//!
//! The lock is for order: two indexers would read everything twice and undo each other's reorgs. What keeps facts whole
//! even without it is the checkpoint, which moves only from where its writer saw it.

use crate::{
    Store, chains,
    conn::{Arg, Pool, Tx, int},
    error::{Result, StoreError},
    target::server_name,
    types::ChainStatus,
};
use alloy_primitives::keccak256;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Mutex, time::timeout};

/// How long the session that holds the lock may take to say that it is still there.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server forgets a writer whose machine is gone after about a minute, and not after the two hours of most kernels.
const KEEPALIVE: [(&str, &str); 3] = [
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
];

/// The right to write a chain, held as long as any clone of it lives.
#[derive(Debug, Clone)]
pub(crate) struct Writer(Arc<Held>);

#[derive(Debug)]
struct Held {
    chain_id: u64,
    lock: Lock,
    /// Once it was found to be gone, it is gone: somebody else may have written meanwhile.
    lost: AtomicBool,
}

/// What a lock is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name {
    /// Facts of this chain are written.
    Writer(u64),
    /// Letters are sent to subscribers of any chain.
    Sender,
}

impl Name {
    /// Numbers of advisory locks are shared by all programs that use the database; this one is nobody else's.
    fn key(self) -> i64 {
        let hash = match self {
            Self::Writer(chain_id) => {
                keccak256([b"devproof writer".as_slice(), &chain_id.to_be_bytes()].concat())
            }
            Self::Sender => keccak256(b"devproof sender"),
        };
        i64::from_be_bytes(std::array::from_fn(|n| hash.0.get(n).copied().unwrap_or_default()))
    }

    /// Behind the name of the database.
    fn suffix(self) -> String {
        match self {
            Self::Writer(chain_id) => format!("-writer-{chain_id}"),
            Self::Sender => "-sender".to_owned(),
        }
    }
}

/// A lock that one process holds.
#[derive(Debug)]
pub(crate) enum Lock {
    Session(Mutex<PgConnection>),
    File { file: File, path: PathBuf },
}

impl Lock {
    /// Takes it; `None` if somebody else has it.
    pub(crate) async fn take(pool: &Pool, name: &Name) -> Result<Option<Self>> {
        match pool {
            Pool::Sqlite { write, .. } => lock_file(write.path(), *name),
            Pool::Postgres(pool) => lock_session(&pool.connect_options(), *name).await,
        }
    }

    /// Whether it is still held.
    pub(crate) async fn holds(&self) -> bool {
        match self {
            Self::Session(session) => {
                let mut session = session.lock().await;
                matches!(timeout(PATIENCE, session.ping()).await, Ok(Ok(())))
            }
            Self::File { file, path } => is_at(file, path),
        }
    }
}

impl Store {
    /// Becomes the writer of a chain, unless another process is; `None` if one is. The store that is given back writes
    /// only as long as it is the writer, and goes on being it until it is dropped with all its clones.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], and what keeps the lock from being asked for.
    pub async fn try_writer(&self, chain_id: u64) -> Result<Option<Self>> {
        if self.is_read_only() {
            return Err(StoreError::ReadOnly);
        }
        let lock = Lock::take(&self.pool, &Name::Writer(chain_id)).await?;
        Ok(lock.map(|lock| {
            let held = Held { chain_id, lock, lost: AtomicBool::new(false) };
            self.clone().written_by(Writer(Arc::new(held)))
        }))
    }
}

impl Store {
    /// Whether some process is the writer of a chain now; `None` where that cannot be seen, as from a replica. Nothing is
    /// taken away from anybody: on SQLite the lock is only tried, so that a writer that begins in that very moment stands by
    /// for half a second.
    ///
    /// # Errors
    /// What keeps the lock from being looked at.
    pub async fn has_writer(&self, chain_id: u64) -> Result<Option<bool>> {
        let name = Name::Writer(chain_id);
        if let Pool::Sqlite { write, .. } = &self.pool {
            return is_locked(write.path(), name).map(Some);
        }
        if self.replica().await?.is_some() {
            return Ok(None);
        }
        // The two halves of the key, as the server shows it (pg_locks, objsubid 1: one key of 64 bits).
        let sql = "SELECT COUNT(*) FROM pg_locks
                   WHERE locktype = 'advisory' AND objsubid = 1 AND granted
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                     AND ((classid::BIGINT << 32) | objid::BIGINT) = $1";
        let row = self.pool.row(sql, &[Arg::Int(name.key())]).await?;
        Ok(row.map(|row| row.int(0)).transpose()?.map(|locks| locks > 0))
    }

    /// Where a chain stands once whatever is being written to it has ended, also what nobody waits for any more: a
    /// commit that was sent may succeed although its sender was stopped. `None` if the chain is not followed.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Busy`].
    pub async fn chain_at_rest(&self, chain_id: u64) -> Result<Option<ChainStatus>> {
        let mut tx = self.begin_write().await?;
        let status = match chains::lock(&mut tx, chain_id).await {
            Err(StoreError::UnknownChain { .. }) => None,
            status => Some(status?),
        };
        tx.commit().await?;
        Ok(status)
    }
}

impl Writer {
    /// Makes sure that the lock is still held. The transaction has the chain's row by then, and whoever takes the lock
    /// over needs that row as well: so whatever this transaction writes comes before all that the next writer writes.
    pub(crate) async fn check(&self, tx: &mut Tx) -> Result<()> {
        let Held { chain_id, lock, lost } = &*self.0;
        let chain = int("chain id", *chain_id)?;
        let row = "UPDATE chains SET start_block = start_block WHERE chain_id = $1";
        tx.execute(row, &[Arg::Int(chain)]).await?;
        if !lost.load(Ordering::Relaxed) && lock.holds().await {
            return Ok(());
        }
        lost.store(true, Ordering::Relaxed);
        Err(StoreError::WriterLost { chain_id: *chain_id })
    }
}

async fn lock_session(options: &PgConnectOptions, name: Name) -> Result<Option<Lock>> {
    let application = match name {
        Name::Writer(_) => "devproof writer",
        Name::Sender => "devproof sender",
    };
    let options = options.clone().application_name(application).options(KEEPALIVE);
    let connecting = timeout(PATIENCE, PgConnection::connect_with(&options)).await;
    let mut session = connecting.map_err(|_| StoreError::Unreachable {
        server: server_name(&options),
        why: format!("no reply in {} s", PATIENCE.as_secs()),
    })??;
    let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(name.key())
        .fetch_one(&mut session)
        .await?;
    if taken {
        return Ok(Some(Lock::Session(Mutex::new(session))));
    }
    session.close().await?;
    Ok(None)
}

/// Not the database itself: SQLite has locks of its own on that, which closing it would drop.
fn lock_file(database: &Path, lock: Name) -> Result<Option<Lock>> {
    let failed = |path: &Path, error: std::io::Error| StoreError::WriterFile {
        path: path.display().to_string(),
        why: error.to_string(),
    };
    let path = lock_path(database, lock)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| failed(&path, e))?;
    match file.try_lock() {
        Ok(()) if is_at(&file, &path) => Ok(Some(Lock::File { file, path })),
        // It was removed between the two steps: the next attempt makes another.
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(&path, error)),
    }
}

/// Whether somebody holds the lock; a file that is not there was never locked.
fn is_locked(database: &Path, lock: Name) -> Result<bool> {
    let path = lock_path(database, lock)?;
    let failed = |error: std::io::Error| StoreError::WriterFile {
        path: path.display().to_string(),
        why: error.to_string(),
    };
    match File::open(&path) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// The file beside a database that stands for one of its locks.
fn lock_path(database: &Path, lock: Name) -> Result<PathBuf> {
    // Under whatever name the database was opened, it is one file.
    let database = database.canonicalize().map_err(|e| StoreError::WriterFile {
        path: database.display().to_string(),
        why: e.to_string(),
    })?;
    let mut name = database.into_os_string();
    name.push(lock.suffix());
    Ok(PathBuf::from(name))
}

/// Whether the file that is locked is the one that others would lock.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let id = |data: std::fs::Metadata| (data.dev(), data.ino());
    match (file.metadata(), path.metadata()) {
        (Ok(ours), Ok(theirs)) => id(ours) == id(theirs),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chain_and_the_sender_have_locks_of_their_own() {
        let keys: std::collections::BTreeSet<i64> =
            (0..1_000).map(|n| Name::Writer(n).key()).chain([Name::Sender.key()]).collect();
        assert_eq!(keys.len(), 1_001);
    }
}
