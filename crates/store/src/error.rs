//! One error type. Each sentence says what to do about it.

use alloy_primitives::{Address, B256};
use rusqlite::ErrorCode;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The name of the database makes no sense.
    #[error(
        "`{given}` does not name a database ({why}); use a file path, sqlite://PATH or postgres://USER@HOST/NAME"
    )]
    BadUrl {
        /// What was given, without a password.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// The directory of the database file is not there.
    #[error(
        "there is no directory {directory} to hold the database; create it or name another path"
    )]
    MissingDirectory {
        /// The directory.
        directory: String,
    },
    /// A read-only open of a file that is not there.
    #[error("there is no database at {path}; run `devproof index` first or name another path")]
    MissingFile {
        /// The file.
        path: String,
    },
    /// The file holds something else.
    #[error("{path} is not an SQLite database; name another path (the file was left as it is)")]
    NotADatabase {
        /// The file.
        path: String,
    },
    /// A database with tables of some other program, or none at all where there should be ours.
    #[error("{database} is not a devproof database; name another one (nothing in it was changed)")]
    Foreign {
        /// The database.
        database: String,
    },
    /// Made by a newer release.
    #[error(
        "{database} has schema {found}, and this devproof knows schemas up to {known}; upgrade devproof or name \
         another database"
    )]
    SchemaNewer {
        /// The database.
        database: String,
        /// Its schema version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// Opened for reading, but made by an older release.
    #[error(
        "{database} has schema {found}, and this devproof reads schema {known}; run this version of `devproof index` \
         on it once to migrate it"
    )]
    SchemaOlder {
        /// The database.
        database: String,
        /// Its schema version.
        found: i64,
        /// The version this program reads.
        known: i64,
    },
    /// A migration could not be applied, or differs from the one that was.
    #[error(
        "the schema of {database} could not be brought up to date: {source}; restore a backup or name another database"
    )]
    Migration {
        /// The database.
        database: String,
        /// What sqlx says.
        source: sqlx::migrate::MigrateError,
    },
    /// No server answers.
    #[error(
        "no PostgreSQL server answers at {server} ({why}); start it, or check host and port in the database URL"
    )]
    Unreachable {
        /// Host and port.
        server: String,
        /// What the connection said.
        why: String,
    },
    /// The server answers, but not to us.
    #[error(
        "{server} refuses the connection ({why}); check user, password and database name, or create the database"
    )]
    Refused {
        /// Host, port and database.
        server: String,
        /// What the server said.
        why: String,
    },
    /// A write on a store opened for reading.
    #[error("this store was opened for reading only; open it for writing to change it")]
    ReadOnly,
    /// Another writer holds the database.
    #[error(
        "another process is writing to the database and did not finish in time; stop it or try again"
    )]
    Busy,
    /// A copy into a database that holds something.
    #[error("{database} holds something already; name one that is not there yet, or is empty")]
    NotEmpty {
        /// The database.
        database: String,
    },
    /// A copy between two databases that do not have the same tables.
    #[error(
        "the two databases do not have the same tables; bring the one to be read up to date by running this version of \
         `devproof index` on it once"
    )]
    SchemasDiffer,
    /// What was written is not what was read.
    #[error(
        "the copied table {table} does not read as the original does; nothing was kept of the copy. Try again, and check \
         both disks if it happens again"
    )]
    CopyDiffers {
        /// The table.
        table: String,
    },
    /// The lock of the writer is not held any more.
    #[error(
        "this process is not the writer of chain {chain_id} any more: what held its lock is gone, and another may \
         write now; nothing of its own was written since. Stand by, or start it again"
    )]
    WriterLost {
        /// The chain.
        chain_id: u64,
    },
    /// The file that says who writes cannot be used.
    #[error(
        "{path}, whose lock says who writes, cannot be used ({why}); make it writable for this user"
    )]
    WriterFile {
        /// The file.
        path: String,
        /// What the system said.
        why: String,
    },
    /// Somebody else sends to subscribers.
    #[error(
        "this process is not the sender any more: another one took over, and nothing of its own was written since. Stand by, \
         or start it again"
    )]
    SenderLost,
    /// What is to be kept is longer than anything that is.
    #[error(
        "{length} bytes are to be kept under one hash, and {most} are the most; nothing honest is as long"
    )]
    ArchiveTooLong {
        /// How many.
        length: usize,
        /// How many may be.
        most: usize,
    },
    /// Nobody more may subscribe.
    #[error(
        "there are {most} subscriptions, and not more are allowed; remove one that nobody needs"
    )]
    TooManySubscriptions {
        /// The most.
        most: u64,
    },
    /// A chain nobody has asked to follow.
    #[error(
        "chain {chain_id} is not in this database; add it to the configuration and run `devproof index`"
    )]
    UnknownChain {
        /// The chain.
        chain_id: u64,
    },
    /// The chain was indexed from a later block than the one asked for.
    #[error(
        "chain {chain_id} was indexed from block {stored}, so blocks {asked} to {stored} would be missing; keep \
         start block {stored} or index into a fresh database"
    )]
    StartBlock {
        /// The chain.
        chain_id: u64,
        /// Where indexing began.
        stored: u64,
        /// Where it is now asked to begin.
        asked: u64,
    },
    /// The page follows another checkpoint than the stored one: another writer, or a reorg in between.
    #[error(
        "the page for chain {chain_id} follows {} but the store stands at {}; read the checkpoint again and fetch \
         from there",
        name(.expected), name(.stored)
    )]
    Conflict {
        /// The chain.
        chain_id: u64,
        /// The checkpoint that the page follows.
        expected: Option<B256>,
        /// The checkpoint in the store.
        stored: Option<B256>,
    },
    /// The page contradicts a canonical block.
    #[error(
        "block {number} of chain {chain_id} is {stored} in the store and {given} in the page; rewind below it first"
    )]
    Fork {
        /// The chain.
        chain_id: u64,
        /// The height.
        number: u64,
        /// The canonical block there.
        stored: B256,
        /// The block in the page.
        given: B256,
    },
    /// The same key with other content: a node that contradicts itself.
    #[error(
        "{what} of block {block} on chain {chain_id} is already stored with other content; the stored one is kept: \
         check the RPC endpoint, one of its two answers is wrong"
    )]
    FactConflict {
        /// The chain.
        chain_id: u64,
        /// Hash of the block.
        block: B256,
        /// Which part of it.
        what: String,
    },
    /// A log of a contract that nobody named.
    #[error(
        "{address} on chain {chain_id} is not a known contract; store the contract before or together with its logs"
    )]
    UnknownContract {
        /// The chain.
        chain_id: u64,
        /// The emitter.
        address: Address,
    },
    /// A page, backfill or rewind that contradicts itself.
    #[error(
        "the page for chain {chain_id} makes no sense: {why}; this is an error in the caller or in the node's reply"
    )]
    InvalidPage {
        /// The chain.
        chain_id: u64,
        /// What is wrong.
        why: String,
    },
    /// A number that there is no room for.
    #[error("{what} {value} is too large to be stored; the largest is {largest}")]
    OutOfRange {
        /// What the number is.
        what: &'static str,
        /// The number.
        value: u64,
        /// The largest that could be.
        largest: u64,
    },
    /// Something in the database cannot have been written by us.
    #[error(
        "the database holds {what}, which devproof never writes; restore a backup or index again into a fresh one"
    )]
    Corrupt {
        /// What was found.
        what: String,
    },
    /// Anything else that the database says.
    #[error(
        "the database failed: {0}; see its message, and retry if it is about space or connections"
    )]
    Database(#[source] sqlx::Error),
    /// The same of an SQLite file.
    #[error("the database file failed: {0}; see its message, and retry if it is about space")]
    File(#[source] rusqlite::Error),
}

/// `Result` with [`StoreError`].
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

fn name(hash: &Option<B256>) -> String {
    hash.map_or_else(|| "no checkpoint".to_owned(), |hash| format!("block {hash}"))
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_busy(&error) {
            return Self::Busy;
        }
        match error.as_database_error().and_then(|e| e.code()).as_deref() {
            // SQLSTATE 25006 and SQLITE_READONLY: the connection, not the caller, was opened for reading.
            Some("8" | "25006") => Self::ReadOnly,
            _ => Self::Database(error),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            _ => Self::File(error),
        }
    }
}

/// SQLITE_BUSY and its extended codes: the busy timeout has passed, or waiting could have been for ever.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|e| e.code());
    matches!(code.as_deref(), Some("5" | "261" | "517"))
}
