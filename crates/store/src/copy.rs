//! Everything in one database into another one, of the same kind or the other.
//!
//! Rows are copied as they are, table by table, so that what is orphaned, superseded or derived comes along, whatever
//! tables there are. The target is written in one transaction: it holds all or nothing.

use crate::{
    Store,
    conn::{Arg, Pool, Row, Tx},
    error::{Result, StoreError},
};
use alloy_primitives::{B256, Keccak256};
use sqlx::AssertSqlSafe;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// Rows read at a time.
const PAGE: usize = 1_024;
/// Rows written in one statement.
const PIECE: usize = 32;
/// The tables that are not ours to copy.
const MIGRATIONS: &str = "_sqlx_migrations";

/// The tables about subscribers: no facts, and secrets in them.
const PRIVATE: [&str; 3] = ["subscriptions", "deliveries", "senders"];

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copied {
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// Subscriptions that were left where they are.
    pub left_out: u64,
}

/// Whether subscriptions come along, with what is on its way to them. Of two databases that know them both send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribers {
    /// They stay.
    LeaveOut,
    /// They come along, and their secrets.
    TakeAlong,
}

impl Store {
    /// Copies everything to a database in which there is nothing but the schema; all or nothing. Both may be used
    /// meanwhile: what is copied is the state at the beginning. Before the target is committed it is read back, and
    /// every table must be what was read from here, row by row. `progress` is told the table and its rows so far. What is
    /// known of subscribers comes along only if `subscribers` says so.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`], [`StoreError::ReadOnly`], [`StoreError::SchemasDiffer`], [`StoreError::CopyDiffers`].
    pub async fn copy_to(
        &self,
        to: &Self,
        subscribers: Subscribers,
        progress: &mut (dyn FnMut(&str, u64) + Send),
    ) -> Result<Copied> {
        let mut target = to.begin_write().await?;
        let mut source = self.pool.begin_read().await?;
        let tables = tables(&self.pool, &mut source).await?;
        let theirs = self::tables(&to.pool, &mut target).await?;
        if shapes(&tables) != shapes(&theirs) {
            return Err(StoreError::SchemasDiffer);
        }
        for table in &theirs {
            let any = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT 1) AS t", table.name);
            let row = target.row(AssertSqlSafe(any), &[]).await?;
            if row.map_or(Ok(0), |row| row.int(0))? > 0 {
                return Err(StoreError::NotEmpty { database: to.name().to_owned() });
            }
        }
        let mut copied = Copied::default();
        for table in &tables {
            if subscribers == Subscribers::LeaveOut && PRIVATE.contains(&table.name.as_str()) {
                if table.name == "subscriptions" {
                    let row = source.row("SELECT COUNT(*) FROM subscriptions", &[]).await?;
                    copied.left_out = row.map_or(Ok(0), |row| row.number(0))?;
                }
                continue;
            }
            let mut rows = 0;
            let mut read = Hasher::default();
            let mut pages = Pages::new(table, is_postgres(&self.pool));
            while let Some(page) = pages.next(&mut source).await? {
                for piece in page.chunks(PIECE) {
                    piece.iter().for_each(|row| read.row(row));
                    write(&mut target, table, piece).await?;
                }
                rows += page.len() as u64;
                progress(&table.name, rows);
            }
            let mut written = Hasher::default();
            let mut pages = Pages::new(table, is_postgres(&to.pool));
            while let Some(page) = pages.next(&mut target).await? {
                page.iter().for_each(|row| written.row(row));
            }
            if read.finish() != written.finish() {
                return Err(StoreError::CopyDiffers { table: table.name.clone() });
            }
            copied.rows.insert(table.name.clone(), rows);
        }
        if is_postgres(&to.pool) {
            go_on_counting(&mut target).await?;
        }
        source.commit().await?;
        target.commit().await?;
        Ok(copied)
    }
}

const fn is_postgres(pool: &Pool) -> bool {
    matches!(pool, Pool::Postgres(_))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Bytes,
    Text,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Int(Option<i64>),
    Bytes(Option<Vec<u8>>),
    Text(Option<String>),
}

impl Value {
    fn of(row: &Row, column: usize, kind: Kind) -> Result<Self> {
        Ok(match kind {
            Kind::Int => Self::Int(row.maybe_int(column)?),
            Kind::Bytes => Self::Bytes(row.maybe_bytes(column)?.map(<[u8]>::to_vec)),
            Kind::Text => Self::Text(row.maybe_text(column)?.map(str::to_owned)),
        })
    }

    fn arg(&self) -> Arg<'_> {
        match self {
            Self::Int(value) => Arg::MaybeInt(*value),
            Self::Bytes(value) => Arg::MaybeBytes(value.as_deref()),
            Self::Text(value) => Arg::MaybeText(value.as_deref()),
        }
    }
}

#[derive(Debug)]
struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
    /// Places of the columns of its key, in the order of the key.
    key: Vec<usize>,
    needs: BTreeSet<String>,
}

/// What has to be the same in both databases.
fn shapes(tables: &[Table]) -> BTreeMap<&str, &[(String, Kind)]> {
    tables.iter().map(|table| (table.name.as_str(), table.columns.as_slice())).collect()
}

/// Our tables, each after those it refers to. What is read here is what our own migrations named.
async fn tables(pool: &Pool, tx: &mut Tx) -> Result<Vec<Table>> {
    let postgres = is_postgres(pool);
    let names = if postgres {
        "SELECT tablename::TEXT FROM pg_catalog.pg_tables WHERE schemaname = current_schema() ORDER BY 1"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
    };
    let columns = if postgres {
        "SELECT a.attname::TEXT, format_type(a.atttypid, NULL), COALESCE(array_position(i.indkey::INT2[], a.attnum) + 1, 0)::BIGINT
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace
         LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
         WHERE n.nspname = current_schema() AND c.relname = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attname"
    } else {
        "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY name"
    };
    let needs = if postgres {
        "SELECT DISTINCT f.relname::TEXT FROM pg_constraint r JOIN pg_class c ON c.oid = r.conrelid
         JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class f ON f.oid = r.confrelid
         WHERE r.contype = 'f' AND n.nspname = current_schema() AND c.relname = $1"
    } else {
        "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1)"
    };
    let mut found = Vec::new();
    for row in tx.rows(names, &[]).await? {
        let name = row.text(0)?.to_owned();
        if name == MIGRATIONS {
            continue;
        }
        let mut table =
            Table { name, columns: Vec::new(), key: Vec::new(), needs: BTreeSet::new() };
        let mut key = Vec::new();
        for (place, row) in tx.rows(columns, &[Arg::Text(&table.name)]).await?.iter().enumerate() {
            let kind = match row.text(1)?.to_uppercase().as_str() {
                "INTEGER" | "BIGINT" | "SMALLINT" => Kind::Int,
                "BLOB" | "BYTEA" => Kind::Bytes,
                "TEXT" => Kind::Text,
                other => {
                    let what = format!("the type {other} in the table {}", table.name);
                    return Err(StoreError::Corrupt { what });
                }
            };
            table.columns.push((row.text(0)?.to_owned(), kind));
            if row.int(2)? > 0 {
                key.push((row.int(2)?, place));
            }
        }
        key.sort_unstable();
        table.key = key.into_iter().map(|(_, place)| place).collect();
        if table.key.is_empty() {
            let what = format!("the table {}, which has no key", table.name);
            return Err(StoreError::Corrupt { what });
        }
        for row in tx.rows(needs, &[Arg::Text(&table.name)]).await? {
            table.needs.insert(row.text(0)?.to_owned());
        }
        table.needs.remove(&table.name);
        found.push(table);
    }
    Ok(sorted(found))
}

fn sorted(mut rest: Vec<Table>) -> Vec<Table> {
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut sorted = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let next = rest.iter().position(|table| table.needs.is_subset(&done));
        // Tables in a ring could be written in no order; there are none.
        let table = rest.remove(next.unwrap_or_default());
        done.insert(table.name.clone());
        sorted.push(table);
    }
    sorted
}

/// The rows of a table, in the order of its key.
struct Pages<'a> {
    table: &'a Table,
    first: String,
    next: String,
    after: Option<Vec<Value>>,
    done: bool,
}

impl<'a> Pages<'a> {
    fn new(table: &'a Table, postgres: bool) -> Self {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|(name, kind)| match kind {
                // Whatever room they take there.
                Kind::Int if postgres => format!("{name}::BIGINT"),
                _ => name.clone(),
            })
            .collect();
        let key: Vec<String> = table
            .key
            .iter()
            .filter_map(|place| table.columns.get(*place))
            .map(|(name, kind)| match kind {
                // By bytes, as SQLite does, and not as people sort words somewhere.
                Kind::Text if postgres => format!("{name} COLLATE \"C\""),
                _ => name.clone(),
            })
            .collect();
        let (columns, key) = (columns.join(", "), key.join(", "));
        let places: Vec<String> = (1..=table.key.len()).map(|n| format!("${n}")).collect();
        let places = places.join(", ");
        let select = format!("SELECT {columns} FROM {}", table.name);
        Self {
            first: format!("{select} ORDER BY {key} LIMIT {PAGE}"),
            next: format!("{select} WHERE ({key}) > ({places}) ORDER BY {key} LIMIT {PAGE}"),
            table,
            after: None,
            done: false,
        }
    }

    async fn next(&mut self, tx: &mut Tx) -> Result<Option<Vec<Vec<Value>>>> {
        if self.done {
            return Ok(None);
        }
        let (sql, args) = match &self.after {
            None => (&self.first, Vec::new()),
            Some(after) => (&self.next, after.iter().map(Value::arg).collect()),
        };
        let mut page = Vec::new();
        for row in tx.rows(AssertSqlSafe(sql.clone()), &args).await? {
            let values = self.table.columns.iter().enumerate();
            let values: Result<Vec<Value>> =
                values.map(|(column, (_, kind))| Value::of(&row, column, *kind)).collect();
            page.push(values?);
        }
        self.done = page.len() < PAGE;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(self.table.key.iter().filter_map(|n| last.get(*n)).cloned().collect());
        Ok(Some(page))
    }
}

async fn write(tx: &mut Tx, table: &Table, rows: &[Vec<Value>]) -> Result<()> {
    let columns: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
    let mut sql = format!("INSERT INTO {} ({}) VALUES ", table.name, columns.join(", "));
    for row in 0..rows.len() {
        let first = row * columns.len() + 1;
        let places: Vec<String> = (first..first + columns.len()).map(|n| format!("${n}")).collect();
        // Writing to a string cannot fail.
        let _ = write!(sql, "{}({})", if row == 0 { "" } else { ", " }, places.join(", "));
    }
    let args: Vec<Arg<'_>> = rows.iter().flatten().map(Value::arg).collect();
    tx.execute(AssertSqlSafe(sql), &args).await?;
    Ok(())
}

/// PostgreSQL gives new rows numbers from counters of its own, which know nothing of rows that came with theirs.
async fn go_on_counting(tx: &mut Tx) -> Result<()> {
    let columns = "SELECT table_name::TEXT, column_name::TEXT FROM information_schema.columns
         WHERE table_schema = current_schema() AND is_identity = 'YES'";
    for row in tx.rows(columns, &[]).await? {
        let (table, column) = (row.text(0)?, row.text(1)?);
        let sql = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), MAX({column})) FROM {table} HAVING COUNT(*) > 0"
        );
        tx.rows(AssertSqlSafe(sql), &[]).await?;
    }
    Ok(())
}

/// A hash over rows.
#[derive(Default)]
struct Hasher(Keccak256);

impl Hasher {
    fn row(&mut self, row: &[Value]) {
        for value in row {
            match value {
                Value::Int(None) | Value::Bytes(None) | Value::Text(None) => self.0.update([0]),
                Value::Int(Some(number)) => {
                    self.0.update([1]);
                    self.0.update(number.to_be_bytes());
                }
                Value::Bytes(Some(bytes)) => self.bytes(2, bytes),
                Value::Text(Some(text)) => self.bytes(3, text.as_bytes()),
            }
        }
    }

    fn bytes(&mut self, tag: u8, bytes: &[u8]) {
        self.0.update([tag]);
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> B256 {
        self.0.finalize()
    }
}
