//! Questions to an SQLite file.
//!
//! Most are answered where they are asked. What a question of ours costs SQLite is some ten microseconds out of memory; to
//! hand it to another thread and be woken for its rows costs several times that.
//! A question that takes longer than [`SHORT`], or finds the file locked, is stopped and asked again on a thread that may
//! wait, so that no long one holds up the others.

use crate::{
    conn::{Arg, Row},
    error::{Result, StoreError},
    transactions::{FileTx, Idle, give_back, take},
};
use rusqlite::{
    Connection, Error, ErrorCode, OpenFlags, StatementStatus,
    types::{ToSqlOutput, Value, ValueRef},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// Steps of SQLite's machine that are taken where a question is asked: about a millisecond, some hundred rows.
const SHORT: std::ffi::c_int = 20_000;

/// Long questions at a time.
const LONG: usize = 8;

/// Statements that a connection keeps prepared: more than there are texts of questions that are asked often.
const STATEMENTS: usize = 128;

/// No statement has as many arguments.
const MOST_ARGS: usize = 1024;

/// What each connection may hold of the file in memory, as its pragma says KiB. There are as many as threads that ask.
const CACHE: &str = "-8192";

/// Connections that only read, the one that was used last first: its memory is the warmest.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    path: Arc<PathBuf>,
    patience: Duration,
    idle: Idle,
    long: Arc<Semaphore>,
}

impl Readers {
    /// Connections are made when they are needed.
    pub(crate) fn new(path: &Path, patience: Duration) -> Self {
        Self {
            path: Arc::new(path.to_owned()),
            patience,
            idle: Arc::default(),
            long: Arc::new(Semaphore::new(LONG)),
        }
    }

    /// A transaction in which every question sees the same state.
    pub(crate) fn begin(&self) -> Result<FileTx> {
        FileTx::reading(self, self.patience)
    }

    /// Where connections are given back.
    pub(crate) const fn idle(&self) -> &Idle {
        &self.idle
    }

    /// A connection that nobody uses.
    pub(crate) fn take(&self) -> rusqlite::Result<Connection> {
        take(&self.idle).map_or_else(|| self.connect(), Ok)
    }

    /// All rows of one question.
    pub(crate) async fn rows(&self, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Row>> {
        if self.long.is_closed() {
            return Err(sqlx::Error::PoolClosed.into());
        }
        match self.with(|connection| short(connection, sql, args)) {
            Err(e) if is_long(&e) => {}
            answer => return answer.map_err(StoreError::from),
        }
        let one = Arc::clone(&self.long).acquire_owned().await;
        let one = one.map_err(|_| sqlx::Error::PoolClosed)?;
        let (readers, sql) = (self.clone(), sql.to_owned());
        let args = args.iter().map(owned).collect::<Vec<_>>();
        let answer = tokio::task::spawn_blocking(move || {
            let _one = one;
            readers.with(|connection| {
                connection.busy_timeout(readers.patience)?;
                read(connection, &sql, &args)
            })
        });
        // It is cancelled or panics only where the whole program ends.
        answer.await.map_err(|_| sqlx::Error::WorkerCrashed)?.map_err(StoreError::from)
    }

    /// One on which something went wrong is closed.
    fn with<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let connection = self.take()?;
        let answer = ask(&connection);
        if answer.as_ref().err().is_none_or(is_long) {
            give_back(&self.idle, connection);
        }
        answer
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&*self.path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "cache_size", CACHE)?;
        Ok(connection)
    }

    /// Closes every connection, after the long questions that are being answered.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(LONG).unwrap_or(u32::MAX);
        let ended = self.long.acquire_many(all).await;
        self.long.close();
        drop(ended);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Asks without waiting for anything, for a while.
fn short(connection: &Connection, sql: &str, args: &[Arg<'_>]) -> rusqlite::Result<Vec<Row>> {
    connection.busy_timeout(Duration::ZERO)?;
    connection.progress_handler(SHORT, Some(|| true))?;
    let answer = read(connection, sql, args);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    answer
}

/// A question to be asked again on a thread that may wait.
fn is_long(error: &Error) -> bool {
    let busy =
        [ErrorCode::OperationInterrupted, ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked];
    error.sqlite_error_code().is_some_and(|code| busy.contains(&code))
}

/// All rows of a statement.
pub(crate) fn read<A: rusqlite::ToSql>(
    connection: &Connection,
    sql: &str,
    args: &[A],
) -> rusqlite::Result<Vec<Row>> {
    let mut found = Vec::new();
    read_each(connection, sql, [args], &mut found, || true)?;
    Ok(found)
}

/// After how many of them it is looked whether a statement goes on.
const LOOK_EVERY: usize = 16;

/// All rows of a statement that is run for each of `all`, one after the other, until it does not go on, every sixteenth time; gives
/// how many were.
pub(crate) fn read_each<'a, A: rusqlite::ToSql + 'a>(
    connection: &Connection,
    sql: &str,
    all: impl IntoIterator<Item = &'a [A]>,
    found: &mut Vec<Row>,
    goes_on: impl Fn() -> bool,
) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare_cached(sql)?;
    // What it took when it was asked before counts as well.
    statement.reset_status(StatementStatus::VmStep);
    let (count, columns) = (statement.parameter_count(), statement.column_count());
    let places = places(sql);
    if places.len() != count {
        return Err(Error::InvalidParameterCount(places.len(), count));
    }
    let mut done = 0;
    for args in all {
        for (index, place) in places.iter().enumerate() {
            let arg = args.get(*place).ok_or(Error::InvalidParameterCount(args.len(), count))?;
            statement.raw_bind_parameter(index + 1, arg)?;
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get(column));
            found.push(Row::Sqlite(values.collect::<rusqlite::Result<_>>()?));
        }
        done += 1;
        // To look at the clock costs some hundredths of what a row does.
        if done % LOOK_EVERY == 0 && !goes_on() {
            break;
        }
    }
    Ok(done)
}

/// To SQLite `$2` is a name like any other, and gets its number where it first stands: the arguments in that order. They are
/// read from the text, for SQLite walks through all names to tell one. Nothing else in our texts has a dollar sign.
fn places(sql: &str) -> Vec<usize> {
    let (mut places, mut seen) = (Vec::new(), Vec::new());
    for behind in sql.split('$').skip(1) {
        let digits = behind.bytes().take_while(u8::is_ascii_digit);
        let number = digits.fold(0_usize, |n, digit| {
            n.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
        });
        let Some(place) = number.checked_sub(1).filter(|place| *place < MOST_ARGS) else {
            continue;
        };
        if seen.len() <= place {
            seen.resize(place + 1, false);
        }
        if let Some(seen @ false) = seen.get_mut(place) {
            *seen = true;
            places.push(place);
        }
    }
    places
}

impl rusqlite::ToSql for Arg<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Arg::Int(value) => ValueRef::Integer(value),
            Arg::MaybeInt(value) => value.map_or(ValueRef::Null, ValueRef::Integer),
            Arg::Bytes(value) => ValueRef::Blob(value),
            Arg::MaybeBytes(value) => value.map_or(ValueRef::Null, ValueRef::Blob),
            Arg::Text(value) => ValueRef::Text(value.as_bytes()),
            Arg::MaybeText(value) => value.map_or(ValueRef::Null, |v| ValueRef::Text(v.as_bytes())),
        }))
    }
}

/// For a thread that outlives who asks.
fn owned(arg: &Arg<'_>) -> Value {
    match *arg {
        Arg::Int(value) => value.into(),
        Arg::MaybeInt(value) => value.into(),
        Arg::Bytes(value) => value.to_vec().into(),
        Arg::MaybeBytes(value) => value.map(<[u8]>::to_vec).into(),
        Arg::Text(value) => value.to_owned().into(),
        Arg::MaybeText(value) => value.map(str::to_owned).into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    /// Readers of a file with one table, and a connection that writes.
    fn readers(folder: &Path) -> (Readers, Connection) {
        let path = folder.join("x.db");
        let writer = Connection::open(&path).unwrap();
        writer.execute_batch("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (7)").unwrap();
        (Readers::new(&path, Duration::from_secs(60)), writer)
    }

    const COUNT: &str = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $1) SELECT SUM(n) FROM c";

    async fn count(readers: &Readers, to: i64) -> i64 {
        readers.rows(COUNT, &[Arg::Int(to)]).await.unwrap()[0].int(0).unwrap()
    }

    #[tokio::test]
    async fn a_long_question_is_answered_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let (readers, _writer) = readers(folder.path());
        let to = 300_000;
        let asked = readers.with(|connection| short(connection, COUNT, &[Arg::Int(to)]));
        assert!(is_long(&asked.err().unwrap()), "it is not answered where it is asked");
        assert_eq!(count(&readers, to).await, to * (to + 1) / 2);
        assert_eq!(readers.idle.lock().unwrap().len(), 1, "it is not the connection's fault");
    }

    #[tokio::test]
    async fn short_questions_do_not_add_up_to_a_long_one() {
        let folder = tempfile::tempdir().unwrap();
        let (readers, _writer) = readers(folder.path());
        for _ in 0..200 {
            let asked = readers.with(|connection| short(connection, COUNT, &[Arg::Int(100)]));
            assert_eq!(asked.unwrap()[0].int(0).unwrap(), 5050);
        }
    }

    #[tokio::test]
    async fn who_finds_the_file_locked_waits_and_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let (readers, writer) = readers(folder.path());
        writer.execute_batch("BEGIN EXCLUSIVE; UPDATE t SET n = 8").unwrap();
        let asked = {
            let readers = readers.clone();
            tokio::spawn(async move { readers.rows("SELECT n FROM t", &[]).await })
        };
        // On the one thread that there is for tasks.
        while readers.long.available_permits() == LONG && !asked.is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(!asked.is_finished(), "{:?}", asked.await.unwrap().err());
        writer.execute_batch("COMMIT").unwrap();
        assert_eq!(asked.await.unwrap().unwrap()[0].int(0).unwrap(), 8);
    }

    #[tokio::test]
    async fn arguments_go_where_their_numbers_say() {
        let folder = tempfile::tempdir().unwrap();
        let (readers, _writer) = readers(folder.path());
        let args = [Arg::Int(1), Arg::Text("two"), Arg::Bytes(&[3]), Arg::MaybeInt(None)];
        let rows = readers.rows("SELECT $3, $1, $4, $2, $1", &args).await.unwrap();
        let row = rows.first().unwrap();
        assert_eq!((row.bytes(0).unwrap(), row.int(1).unwrap()), (&[3][..], 1));
        assert_eq!((row.maybe_int(2).unwrap(), row.text(3).unwrap()), (None, "two"));
        assert_eq!(row.int(4).unwrap(), 1);
        for (column, read) in [(1, row.text(1).is_err()), (2, row.int(2).is_err())] {
            assert!(read, "column {column} is something else");
        }
        let fewer = readers.rows("SELECT $2", &args[..1]).await;
        assert!(matches!(fewer, Err(StoreError::File(_))));
    }

    #[tokio::test]
    async fn nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (readers, _writer) = readers(folder.path());
        let asked = readers.rows("UPDATE t SET n = 9 RETURNING n", &[]).await;
        assert!(matches!(asked, Err(StoreError::ReadOnly)), "{:?}", asked.err());
    }
}
