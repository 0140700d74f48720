//! Reading records on SQLite where the request is: a statement takes less time than handing it to another thread and its
//! values back one by one. One that turns out long is begun again on a thread of its own, so that no worker waits for it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat};
use roundtable_entity::{Cells, Record};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags};
use sea_orm::sea_query::{ArrayType, Value as SqlValue};
use sea_orm::{DbBackend, DbErr, QueryTrait, RuntimeErr, Select, Statement};
use sqlx::error::{DatabaseError, ErrorKind};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::error::{Code, Error, Result};
use crate::pool::{ACQUIRE, STATEMENT};

/// How long a statement may hold up a worker.
const AT_ONCE: Duration = Duration::from_millis(10);
/// Connections kept when nobody uses them.
const KEPT: usize = 64;
/// How long a lock is waited for, off the worker.
const BUSY: Duration = Duration::from_secs(5);
/// Statements that take longer than that, at the same time.
const SLOW: usize = 4;
/// After how long others have their turn before the request goes on.
const TURN: Duration = Duration::from_millis(1);
/// After how many steps of its machine a statement looks at the clock: some tens of microseconds.
const STEPS: i32 = 2000;
/// Statements kept prepared by each connection.
pub(crate) const PREPARED: usize = 256;

/// Connections that read, as many as were ever needed at once.
pub(crate) struct Inline {
    file: PathBuf,
    idle: Mutex<Vec<Reader>>,
    /// Places for statements that take longer.
    slow: Arc<Semaphore>,
    began: Instant,
}

struct Reader {
    connection: Connection,
    /// When the statement under way is to stop, in microseconds since the readers began.
    until: Arc<AtomicU64>,
}

impl Inline {
    pub(crate) fn of(file: PathBuf) -> Arc<Self> {
        Arc::new(Self { file, idle: Mutex::default(), slow: Arc::new(Semaphore::new(SLOW)), began: Instant::now() })
    }

    /// Closes the connections that nobody uses.
    pub(crate) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The rows a query finds.
    pub(crate) async fn rows<R: Record>(self: &Arc<Self>, select: &Select<R::Entity>) -> Result<Vec<R>> {
        let (statement, began) = (select.build(DbBackend::Sqlite), Instant::now());
        let answer = self.run(&statement, AT_ONCE);
        if began.elapsed() > TURN {
            tokio::task::yield_now().await;
        }
        let rows = match answer {
            Err(error) if takes_time(&error) => {
                let busy = || Error::new(Code::Unavailable, "too many slow questions at the moment; try again");
                let place = tokio::time::timeout(ACQUIRE, self.slow.clone().acquire_owned()).await;
                let place = place.map_err(|_| busy())?.map_err(|_| busy())?;
                let inline = self.clone();
                // The place is kept until the statement ends, which it does after whoever asked has gone.
                let patiently = tokio::task::spawn_blocking(move || {
                    let _place = place;
                    inline.run(&statement, STATEMENT)
                });
                patiently.await.map_err(Error::internal)?.map_err(told)
            }
            done => done.map_err(told),
        };
        Ok(rows?)
    }

    fn run<R: Record>(&self, statement: &Statement, most: Duration) -> rusqlite::Result<Vec<R>> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let reader = match idle {
            Some(reader) => reader,
            None => self.open()?,
        };
        let until = (self.began.elapsed() + most).as_micros() as u64;
        reader.until.store(until, Ordering::Relaxed);
        // A worker does not wait for a lock.
        reader.connection.busy_timeout(if most > AT_ONCE { BUSY } else { Duration::ZERO })?;
        let rows = records(&reader.connection, statement);
        if let Ok(mut idle) = self.idle.lock()
            && idle.len() < KEPT
        {
            idle.push(reader);
        }
        rows
    }

    fn open(&self) -> rusqlite::Result<Reader> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.execute_batch("PRAGMA mmap_size = 268435456; PRAGMA temp_store = MEMORY; PRAGMA query_only = ON")?;
        // Plans do not depend on what is bound, so a statement is prepared once (see `store::stable_plans`).
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        let (until, began) = (Arc::new(AtomicU64::new(0)), self.began);
        let limit = until.clone();
        let is_late = move || {
            let until = limit.load(Ordering::Relaxed);
            began.elapsed().as_micros() as u64 > until
        };
        connection.progress_handler(STEPS, Some(is_late))?;
        Ok(Reader { connection, until })
    }
}

/// The records that a statement finds.
pub(crate) fn records<R: Record>(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<R>> {
    let mut prepared = prepared(connection, statement)?;
    let mut found = prepared.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut cells = Row { row, at: 0 };
        let row = R::from_cells(&mut cells).map_err(|error| unfit(cells.at, error))?;
        rows.push(row);
    }
    Ok(rows)
}

/// How many rows a statement changed.
pub(crate) fn changes(connection: &Connection, statement: &Statement) -> rusqlite::Result<u64> {
    Ok(prepared(connection, statement)?.raw_execute()? as u64)
}

fn prepared<'c>(connection: &'c Connection, statement: &Statement) -> rusqlite::Result<CachedStatement<'c>> {
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    for (at, value) in statement.values.iter().flat_map(|values| values.0.iter()).enumerate() {
        prepared.raw_bind_parameter(at + 1, bound(value)?)?;
    }
    Ok(prepared)
}

fn unfit(at: usize, error: DbErr) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Null, Box::new(error))
}

/// Whether a statement was broken off, or would have had to wait.
fn takes_time(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// A failure in the form the driver gives it, so that it is judged alike.
pub(crate) fn told(error: rusqlite::Error) -> DbErr {
    match error {
        rusqlite::Error::SqliteFailure(cause, message) => {
            let message = message.unwrap_or_else(|| cause.to_string());
            let told = sqlx::Error::Database(Box::new(Told { code: cause.extended_code, message }));
            DbErr::Query(RuntimeErr::SqlxError(told.into()))
        }
        other => DbErr::Custom(other.to_string()),
    }
}

/// What SQLite says of a failure.
#[derive(Debug)]
struct Told {
    /// Extended result code.
    code: i32,
    message: String,
}

impl std::fmt::Display for Told {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "(code: {}) {}", self.code, self.message)
    }
}

impl std::error::Error for Told {}

impl DatabaseError for Told {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.to_string().into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        use rusqlite::ffi::{SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
        match self.code {
            SQLITE_CONSTRAINT_UNIQUE | SQLITE_CONSTRAINT_PRIMARYKEY => ErrorKind::UniqueViolation,
            SQLITE_CONSTRAINT_FOREIGNKEY => ErrorKind::ForeignKeyViolation,
            _ => ErrorKind::Other,
        }
    }
}

/// A parameter in the form the object mapper stores it in.
fn bound(value: &SqlValue) -> rusqlite::Result<ToSqlOutput<'_>> {
    let owned = |value: Option<Owned>| ToSqlOutput::Owned(value.unwrap_or(Owned::Null));
    Ok(match value {
        SqlValue::String(Some(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        SqlValue::String(None) => owned(None),
        SqlValue::Uuid(id) => owned(id.map(|id| Owned::Blob(id.as_bytes().to_vec()))),
        SqlValue::Bool(yes) => owned(yes.map(|yes| Owned::Integer(yes.into()))),
        SqlValue::Int(number) => owned(number.map(|number| Owned::Integer(number.into()))),
        SqlValue::BigInt(number) => owned(number.map(Owned::Integer)),
        SqlValue::BigUnsigned(number) => {
            let number = number.map(i64::try_from).transpose();
            owned(number.map_err(|error| unfit(0, DbErr::Type(error.to_string())))?.map(Owned::Integer))
        }
        SqlValue::Double(number) => owned(number.map(Owned::Real)),
        SqlValue::ChronoDate(day) => owned(day.map(|day| Owned::Text(day.to_string()))),
        SqlValue::ChronoDateTimeUtc(at) => {
            owned(at.map(|at| Owned::Text(at.to_rfc3339_opts(SecondsFormat::AutoSi, false))))
        }
        other => return Err(unfit(0, DbErr::Type(format!("{other:?} cannot be bound")))),
    })
}

struct Row<'r, 's> {
    row: &'r rusqlite::Row<'s>,
    at: usize,
}

impl Cells for Row<'_, '_> {
    #[inline]
    fn next(&mut self, kind: ArrayType) -> Result<SqlValue, DbErr> {
        let cell = self.row.get_ref(self.at).map_err(|error| DbErr::Type(error.to_string()))?;
        self.at += 1;
        read(&kind, cell)
            .ok_or_else(|| DbErr::Type(format!("column {} holds no {kind:?}: {:?}", self.at, cell.data_type())))
    }
}

/// A stored cell as a value of this kind.
#[inline]
fn read(kind: &ArrayType, cell: ValueRef<'_>) -> Option<SqlValue> {
    let text = || cell.as_str().ok();
    let whole = || cell.as_i64().ok();
    let some = cell != ValueRef::Null;
    Some(match kind {
        ArrayType::String => SqlValue::String(if some { Some(text()?.to_owned()) } else { None }),
        ArrayType::Uuid => SqlValue::Uuid(if some { Some(Uuid::from_slice(cell.as_blob().ok()?).ok()?) } else { None }),
        ArrayType::Int => SqlValue::Int(if some { Some(whole()?.try_into().ok()?) } else { None }),
        ArrayType::BigInt => SqlValue::BigInt(if some { Some(whole()?) } else { None }),
        ArrayType::Bool => SqlValue::Bool(if some { Some(whole()? != 0) } else { None }),
        ArrayType::Double => match cell {
            ValueRef::Null => SqlValue::Double(None),
            ValueRef::Real(number) => SqlValue::Double(Some(number)),
            _ => SqlValue::Double(Some(whole()? as f64)),
        },
        ArrayType::ChronoDate => SqlValue::ChronoDate(if some { Some(text()?.parse().ok()?) } else { None }),
        ArrayType::ChronoDateTimeUtc => {
            let at = |text: &str| {
                DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()).or_else(|| text.parse().ok())
            };
            SqlValue::ChronoDateTimeUtc(if some { Some(at(text()?)?) } else { None })
        }
        _ => return None,
    })
}
