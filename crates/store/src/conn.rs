//! The thin layer over two databases. Query texts above it are the same for both; whatever must differ is here or
//! in `open`. sqlx's own `Any` driver is not used: it converts silently where the two disagree.

use crate::{
    bulk::pieces,
    error::{Result, StoreError},
    readers::Readers,
    transactions::{FileTx, Writing},
};
use alloy_primitives::{Address, B256};
use rusqlite::types::Value;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row as _, SqlSafeStr, Transaction};

/// Connections to one of the two.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    /// Many that read, and one that writes: SQLite has one writer at a time, and that one is given memory.
    Sqlite {
        read: Readers,
        write: Writing,
    },
    Postgres(PgPool),
}

/// A transaction; rolled back when dropped.
#[derive(Debug)]
pub(crate) enum Tx {
    Sqlite(FileTx),
    Postgres(Transaction<'static, Postgres>),
}

/// A row of a result.
pub(crate) enum Row {
    Sqlite(Box<[Value]>),
    Postgres(sqlx::postgres::PgRow),
}

/// The only types there are in the schema.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arg<'a> {
    Int(i64),
    MaybeInt(Option<i64>),
    Bytes(&'a [u8]),
    MaybeBytes(Option<&'a [u8]>),
    Text(&'a str),
    MaybeText(Option<&'a str>),
}

/// A column of a row, whoever read it: `Some` of its value, as what the schema says it is; `None` where it is null.
macro_rules! column {
    ($row:expr, $column:expr, $kind:ident => $read:expr) => {
        match $row {
            Row::Postgres(row) => Ok(row.try_get($column)?),
            Row::Sqlite(values) => match values.get($column) {
                Some(Value::Null) => Ok(None),
                Some(Value::$kind(value)) => Ok(Some($read(value))),
                _ => Err(unexpected($column)),
            },
        }
    };
}

macro_rules! bound {
    ($sql:expr, $args:expr) => {{
        let mut query = sqlx::query::<Postgres>($sql);
        for arg in $args {
            query = match *arg {
                Arg::Int(value) => query.bind(value),
                Arg::MaybeInt(value) => query.bind(value),
                Arg::Bytes(value) => query.bind(value),
                Arg::MaybeBytes(value) => query.bind(value),
                Arg::Text(value) => query.bind(value),
                Arg::MaybeText(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Pool {
    /// A transaction that means to write. SQLite takes its write lock at once, so that waiting for another writer
    /// happens here, under the busy timeout, and never as a failure half way.
    pub(crate) async fn begin_write(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin().await?),
            Self::Postgres(pool) => begin(pool, "BEGIN").await?,
        })
    }

    /// A transaction in which every read sees the same state.
    pub(crate) async fn begin_read(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { read, .. } => Tx::Sqlite(read.begin()?),
            Self::Postgres(pool) => {
                begin(pool, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?
            }
        })
    }

    /// All rows of one query outside any transaction.
    pub(crate) async fn rows(&self, sql: impl SqlSafeStr, args: &[Arg<'_>]) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Sqlite { read, .. } => read.rows(sql.into_sql_str().as_str(), args).await?,
            Self::Postgres(pool) => wrap(bound!(sql, args).fetch_all(pool).await?, Row::Postgres),
        })
    }

    pub(crate) async fn row(&self, sql: impl SqlSafeStr, args: &[Arg<'_>]) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                // The last one to go folds the write-ahead log into the file.
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction on a server. It is begun also when nobody waits for it any more, and then rolled back: sqlx 0.9.0 does not
/// know of one that was left before `BEGIN` was answered, and gives its connection to whoever comes next
/// (<https://github.com/transact-rs/sqlx/issues/4393>). They would be answered as of the moment in which it began, for as
/// long as the connection lives, or not at all once anything in it failed.
async fn begin(pool: &PgPool, how: &'static str) -> Result<Tx> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(how).await }).await;
    Ok(Tx::Postgres(begun.map_err(|_| sqlx::Error::WorkerCrashed)??))
}

impl Tx {
    pub(crate) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>> {
        Ok(match self {
            Self::Sqlite(tx) => tx.rows(sql.into_sql_str().as_str(), args).await?,
            Self::Postgres(tx) => {
                wrap(bound!(sql, args).fetch_all(&mut **tx).await?, Row::Postgres)
            }
        })
    }

    pub(crate) async fn row(
        &mut self,
        sql: impl SqlSafeStr,
        args: &[Arg<'_>],
    ) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Runs a statement; gives the number of rows it wrote.
    pub(crate) async fn execute(&mut self, sql: impl SqlSafeStr, args: &[Arg<'_>]) -> Result<u64> {
        Ok(match self {
            Self::Sqlite(tx) => tx.execute(sql.into_sql_str().as_str(), args).await?,
            Self::Postgres(tx) => bound!(sql, args).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Runs a statement for many keys or rows of values, and gives what it finds, in no order. `text` writes it for so many
    /// of them. A server gets as many at once as the statement may have; for SQLite, which has none to wait for, one
    /// after the other is quickest: nothing of a statement is to be undone if the last of its rows fails.
    pub(crate) async fn each<const N: usize>(
        &mut self,
        text: impl Fn(usize) -> AssertSqlSafe<String>,
        all: &[[Arg<'_>; N]],
    ) -> Result<Vec<Row>> {
        if let Self::Sqlite(tx) = self {
            return tx.each(&text(1).0, all).await;
        }
        let mut found = Vec::new();
        for piece in pieces(all) {
            found.extend(self.rows(text(piece.len()), piece.as_flattened()).await?);
        }
        Ok(found)
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

fn wrap<R>(rows: Vec<R>, kind: impl Fn(R) -> Row) -> Vec<Row> {
    rows.into_iter().map(kind).collect()
}

impl Row {
    pub(crate) fn int(&self, column: usize) -> Result<i64> {
        self.maybe_int(column)?.ok_or_else(|| unexpected(column))
    }

    pub(crate) fn maybe_int(&self, column: usize) -> Result<Option<i64>> {
        column!(self, column, Integer => |value: &i64| *value)
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<&[u8]> {
        self.maybe_bytes(column)?.ok_or_else(|| unexpected(column))
    }

    pub(crate) fn maybe_bytes(&self, column: usize) -> Result<Option<&[u8]>> {
        column!(self, column, Blob => Vec::as_slice)
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str> {
        self.maybe_text(column)?.ok_or_else(|| unexpected(column))
    }

    pub(crate) fn maybe_text(&self, column: usize) -> Result<Option<&str>> {
        column!(self, column, Text => String::as_str)
    }

    /// A number that is never negative.
    pub(crate) fn number(&self, column: usize) -> Result<u64> {
        unsigned(self.int(column)?)
    }

    pub(crate) fn maybe_number(&self, column: usize) -> Result<Option<u64>> {
        self.maybe_int(column)?.map(unsigned).transpose()
    }

    pub(crate) fn hash(&self, column: usize) -> Result<B256> {
        hash(self.bytes(column)?)
    }

    pub(crate) fn maybe_hash(&self, column: usize) -> Result<Option<B256>> {
        self.maybe_bytes(column)?.map(hash).transpose()
    }

    pub(crate) fn address(&self, column: usize) -> Result<Address> {
        address(self.bytes(column)?)
    }

    pub(crate) fn maybe_address(&self, column: usize) -> Result<Option<Address>> {
        self.maybe_bytes(column)?.map(address).transpose()
    }
}

fn unexpected(column: usize) -> StoreError {
    StoreError::Corrupt { what: format!("something else in column {column} than the schema says") }
}

fn unsigned(value: i64) -> Result<u64> {
    u64::try_from(value)
        .map_err(|_| StoreError::Corrupt { what: format!("the negative number {value}") })
}

fn hash(bytes: &[u8]) -> Result<B256> {
    B256::try_from(bytes)
        .map_err(|_| StoreError::Corrupt { what: format!("a hash of {} bytes", bytes.len()) })
}

fn address(bytes: &[u8]) -> Result<Address> {
    Address::try_from(bytes)
        .map_err(|_| StoreError::Corrupt { what: format!("an address of {} bytes", bytes.len()) })
}

/// For writing: a number that does not fit is an error.
pub(crate) fn int(what: &'static str, value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| StoreError::OutOfRange {
        what,
        value,
        largest: i64::MAX as u64,
    })
}

/// For bounds of a question: nothing stored is above the largest number, so cutting there changes no answer.
pub(crate) fn bound(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
