//! Opening a database: find it, check whose it is, bring its schema up to date.

use crate::{
    carried::Luggage,
    conn::{Pool, Tx},
    error::{Result, StoreError, is_busy},
    known::Remembered,
    readers::Readers,
    target::{Target, server_name},
    transactions::Writing,
    writer::Writer,
};
use rusqlite::ErrorCode;
use sqlx::{
    Connection as _, PgConnection, SqliteConnection,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::SqliteConnectOptions,
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::sleep;

static SQLITE: Migrator = sqlx::migrate!("../../indexer-migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../indexer-migrations/postgres");

/// How long to wait for a server, and on SQLite for another writer. Our own longest transaction is a page, well
/// below a second; ten cover a slow disk without making a person think that the program hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two attempts where SQLite does not wait by itself.
const PAUSE: Duration = Duration::from_millis(20);

/// Connections of one process to a server.
const CONNECTIONS: u32 = 8;

/// The database, opened. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: Pool,
    read_only: bool,
    name: Arc<str>,
    /// What is to be held while anything is written.
    writer: Option<Writer>,
    pub(crate) remembered: Remembered,
    pub(crate) luggage: Luggage,
}

impl Store {
    /// Opens a database for writing, creates the file if it is an SQLite path, and migrates the schema.
    ///
    /// `url` is a path, `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/NAME`.
    ///
    /// # Errors
    /// One sentence each for a name that makes no sense, a missing directory, a file that is no database or not ours,
    /// a schema newer than this program, a server that does not answer or refuses.
    pub async fn open(url: &str) -> Result<Self> {
        let begun = Instant::now();
        loop {
            // SQLite does not wait for a lock where waiting could be for ever, as when two processes turn the
            // same new file to write-ahead logging. The one that lost finds the work done a moment later.
            match Self::open_once(url).await {
                Err(StoreError::Busy) if begun.elapsed() < PATIENCE => sleep(PAUSE).await,
                done => return done,
            }
        }
    }

    async fn open_once(url: &str) -> Result<Self> {
        let store = Self::connect(url, false).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Opens an existing database for reading. Neither migrates nor creates a database; writes fail with
    /// [`StoreError::ReadOnly`]. On SQLite the two files of the write-ahead log may appear next to the database, so
    /// that readers need write permission on its directory unless a writer has it open.
    ///
    /// # Errors
    /// As [`Store::open`]; also a file that is missing and a schema older than this program.
    pub async fn open_read_only(url: &str) -> Result<Self> {
        let store = Self::connect(url, true).await?;
        match store.schema().await? {
            None => Err(StoreError::Foreign { database: store.name.to_string() }),
            Some(found) if found < store.known() => Err(StoreError::SchemaOlder {
                database: store.name.to_string(),
                found,
                known: store.known(),
            }),
            Some(_) => Ok(store),
        }
    }

    /// Closes every connection and waits for it. Without this, SQLite leaves its write-ahead log to the next opener,
    /// which loses nothing.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The database in words, without a password; for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) async fn begin_write(&self) -> Result<Tx> {
        if self.read_only {
            return Err(StoreError::ReadOnly);
        }
        let mut tx = self.pool.begin_write().await?;
        if let Some(writer) = &self.writer {
            writer.check(&mut tx).await?;
        }
        Ok(tx)
    }

    pub(crate) const fn is_read_only(&self) -> bool {
        self.read_only
    }

    pub(crate) fn written_by(self, writer: Writer) -> Self {
        Self { writer: Some(writer), ..self }
    }

    async fn connect(url: &str, read_only: bool) -> Result<Self> {
        let (pool, name) = match Target::parse(url)? {
            Target::File(path) => (sqlite(&path, read_only)?, path.display().to_string().into()),
            Target::Server(options) => {
                (postgres(&options, read_only).await?, server_name(&options).into())
            }
        };
        let (remembered, luggage) = (Remembered::default(), Luggage::default());
        Ok(Self { pool, read_only, name, writer: None, remembered, luggage })
    }

    fn known(&self) -> i64 {
        let migrator = match self.pool {
            Pool::Sqlite { .. } => &SQLITE,
            Pool::Postgres(_) => &POSTGRES,
        };
        migrator.iter().map(|migration| migration.version).max().unwrap_or_default()
    }

    async fn migrate(&self) -> Result<()> {
        let before = self.schema().await?;
        if before == Some(self.known()) {
            return Ok(());
        }
        let done = match &self.pool {
            Pool::Sqlite { write, .. } => {
                let options =
                    SqliteConnectOptions::new().filename(write.path()).busy_timeout(PATIENCE);
                let mut connection = SqliteConnection::connect_with(&options).await?;
                let done = SQLITE.run(&mut connection).await;
                connection.close().await?;
                done
            }
            Pool::Postgres(pool) => POSTGRES.run(pool).await,
        };
        match done {
            Ok(()) => Ok(()),
            Err(MigrateError::VersionMissing(found)) => Err(StoreError::SchemaNewer {
                database: self.name.to_string(),
                found,
                known: self.known(),
            }),
            // Two processes may have opened a new file at once; the loser finds the work done.
            Err(_) if matches!(self.schema().await, Ok(Some(found)) if found == self.known()) => {
                Ok(())
            }
            // Or half done: the other one is between two files.
            Err(_) if matches!(self.schema().await, Ok(now) if now > before) => {
                Err(StoreError::Busy)
            }
            Err(MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _)) if is_busy(&e) => {
                Err(StoreError::Busy)
            }
            Err(source) => Err(StoreError::Migration { database: self.name.to_string(), source }),
        }
    }

    /// The schema version; `None` for a database with nothing in it.
    async fn schema(&self) -> Result<Option<i64>> {
        // The catalogues are the one thing that the two databases share no words for.
        let tables = match &self.pool {
            Pool::Sqlite { .. } => {
                "SELECT COUNT(*), COUNT(CASE WHEN name = '_sqlx_migrations' THEN 1 END)
                 FROM sqlite_master WHERE type = 'table'"
            }
            Pool::Postgres(_) => {
                "SELECT COUNT(*), COUNT(CASE WHEN tablename = '_sqlx_migrations' THEN 1 END)
                 FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
            }
        };
        let Some(row) = self.pool.row(tables, &[]).await.map_err(|e| self.explain(e))? else {
            return Ok(None);
        };
        match (row.int(0)?, row.int(1)?) {
            (0, _) => return Ok(None),
            (_, 0) => return Err(StoreError::Foreign { database: self.name.to_string() }),
            _ => {}
        }
        let newest = self.pool.row("SELECT MAX(version) FROM _sqlx_migrations", &[]).await?;
        let found = newest.map(|row| row.maybe_int(0)).transpose()?.flatten();
        match found {
            Some(found) if found > self.known() => Err(StoreError::SchemaNewer {
                database: self.name.to_string(),
                found,
                known: self.known(),
            }),
            found => Ok(found),
        }
    }

    fn explain(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::File(e) if e.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                StoreError::NotADatabase { path: self.name.to_string() }
            }
            other => other,
        }
    }
}

fn sqlite(path: &Path, read_only: bool) -> Result<Pool> {
    let shown = path.display().to_string();
    if path.is_dir() {
        return Err(StoreError::BadUrl { given: shown, why: "it is a directory".to_owned() });
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.is_dir() => {
            return Err(StoreError::MissingDirectory { directory: parent.display().to_string() });
        }
        _ if read_only && !path.exists() => return Err(StoreError::MissingFile { path: shown }),
        _ => {}
    }
    let (read, write) = (Readers::new(path, PATIENCE), Writing::new(path, PATIENCE));
    if !read_only {
        write.create().map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => StoreError::NotADatabase { path: shown },
            _ => error.into(),
        })?;
    }
    Ok(Pool::Sqlite { read, write })
}

async fn postgres(options: &PgConnectOptions, read_only: bool) -> Result<Pool> {
    let server = server_name(options);
    let options = options.clone().application_name("devproof");
    let options = if read_only {
        options.options([("default_transaction_read_only", "on")])
    } else {
        options
    };
    // The pool would hide the reason behind its own timeout, so the first connection is made outside of it.
    match tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => connection.close().await?,
        Ok(Err(sqlx::Error::Database(e))) => {
            return Err(StoreError::Refused { server, why: e.message().to_owned() });
        }
        Ok(Err(error)) => return Err(StoreError::Unreachable { server, why: error.to_string() }),
        Err(_) => {
            return Err(StoreError::Unreachable {
                server,
                why: format!("no reply in {} s", PATIENCE.as_secs()),
            });
        }
    }
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
    Ok(Pool::Postgres(pool.connect_lazy_with(options)))
}
