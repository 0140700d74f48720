//! Statements on PostgreSQL over connections of the thread that asks. One that another thread opened would wake that
//! thread for every answer, and one of the shared pool is asked whether it still stands each time it is given back. Both
//! would cost more than reading a record does.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use roundtable_entity::{Cells, Record};
use sea_orm::sea_query::{ArrayType, Value as SqlValue};
use sea_orm::{ConnAcquireErr, DbBackend, DbErr, QueryTrait, RuntimeErr, Select, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgQueryResult, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::refusal;

/// How long a connection is used: PostgreSQL keeps for each what it has learned, and that grows.
const AGE: Duration = Duration::from_secs(30 * 60);

/// How long one that nobody uses is kept. Networks forget what is quiet.
const IDLE: Duration = Duration::from_secs(60);
/// How long a connection may say nothing before another is asked whether PostgreSQL is still at work: short enough for the
/// question to be asked again before the shortest deadline of a request.
const SILENCE: Duration = Duration::from_secs(1);
/// What an answer given just then may take to come in.
const GRACE: Duration = Duration::from_millis(250);

/// The connections of each thread.
pub(crate) struct Lanes {
    options: PgConnectOptions,
    /// Most connections of a thread that read, and most that write.
    most: usize,
    acquire: Duration,
    lanes: Mutex<HashMap<ThreadId, Arc<Lane>>>,
}

/// The connections of a thread. Who writes may have to read beside it, so the places are counted apart.
struct Lane {
    idle: Mutex<Vec<Held>>,
    readers: Arc<Semaphore>,
    writers: Arc<Semaphore>,
}

/// A connection that nobody else uses.
struct Held {
    connection: PgConnection,
    opened: Instant,
    used: Instant,
}

impl Held {
    /// Whether it may be used again.
    fn is_fresh(&self) -> bool {
        self.used.elapsed() < IDLE && self.opened.elapsed() < AGE
    }
}

impl Lane {
    fn idle(&self) -> Option<Held> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().filter(Held::is_fresh)
    }

    /// Gives a connection back.
    fn put(&self, held: Held) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(Held { used: Instant::now(), ..held });
    }

    fn keep(&self, fit: impl FnMut(&Held) -> bool) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).retain(fit);
    }
}

impl Lanes {
    /// So many connections a thread that read, and as many that write, each waited for so long.
    pub(crate) fn of(options: PgConnectOptions, most: usize, acquire: Duration) -> Self {
        Self { options: options.disable_statement_logging(), most, acquire, lanes: Mutex::default() }
    }

    fn lane(&self) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let places = || Arc::new(Semaphore::new(self.most));
        let lane = || Arc::new(Lane { idle: Mutex::default(), readers: places(), writers: places() });
        lanes.entry(std::thread::current().id()).or_insert_with(lane).clone()
    }

    /// Gives up connections that nobody has used for a while.
    pub(crate) fn rest(&self) {
        self.keep(Held::is_fresh);
    }

    /// Gives up the idle connections of every thread that do not fit.
    fn keep(&self, fit: impl Fn(&Held) -> bool) {
        for lane in self.lanes.lock().unwrap_or_else(PoisonError::into_inner).values() {
            lane.keep(&fit);
        }
    }

    /// Gives up every connection: those in use when they are answered.
    pub(crate) fn forget(&self) {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The rows of a record that a query finds, outside any transaction.
    pub(crate) async fn rows<R: Record>(&self, select: &Select<R::Entity>) -> Result<Vec<R>, DbErr> {
        records(&self.query(&select.build(DbBackend::Postgres)).await?)
    }

    /// What a statement that only reads finds, outside any transaction. It may be asked twice.
    pub(crate) async fn query(&self, statement: &Statement) -> Result<Vec<PgRow>, DbErr> {
        let lane = self.lane();
        let _place = self.place(&lane.readers).await?;
        let (held, answer) = self.first(&lane, statement).await?;
        if !has_ended(&answer) {
            lane.put(held);
        }
        answer.map_err(failed)
    }

    /// Begins a serializable transaction.
    pub(crate) async fn begin(self: &Arc<Self>) -> Result<Begun, DbErr> {
        let lane = self.lane();
        let place = self.place(&lane.writers).await?;
        let begin = Statement::from_string(DbBackend::Postgres, "BEGIN ISOLATION LEVEL SERIALIZABLE");
        let (held, answer) = self.first(&lane, &begin).await?;
        match answer {
            Ok(_) => Ok(Begun::over(Arc::new(Some(held).into()), self.clone(), lane, 0, Some(place))),
            Err(error) => Err(failed(error)),
        }
    }

    async fn place(&self, places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, DbErr> {
        let late = || DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let place = tokio::time::timeout(self.acquire, places.clone().acquire_owned()).await;
        place.map_err(|_| late())?.map_err(|_| late())
    }

    /// Asks on a connection, and on a new one where the old had ended or says nothing: nothing was done on it yet.
    async fn first(
        &self,
        lane: &Lane,
        statement: &Statement,
    ) -> Result<(Held, Result<Vec<PgRow>, sqlx::Error>), DbErr> {
        let asked = Instant::now();
        let mut fresh = None;
        if let Some(mut idle) = lane.idle() {
            match self.heard(ask(&mut idle.connection, statement), &statement.sql, &mut fresh).await {
                Some(answer) if !has_ended(&answer) => return Ok((idle, answer)),
                // Those beside it have most likely ended, or fallen silent, with it, other threads' too.
                _ => self.keep(|other| other.used > asked),
            }
        }
        let mut held = match fresh {
            Some(fresh) => fresh,
            None => self.open().await?,
        };
        let answer = self.heard(ask(&mut held.connection, statement), &statement.sql, &mut None).await;
        Ok((held, answer.ok_or_else(lost)?))
    }

    /// The answer to a statement, however long PostgreSQL is at work on it; nothing once its connection has fallen silent.
    /// The one that told so is left in `fresh`.
    async fn heard<T>(
        &self,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
        sql: &str,
        fresh: &mut Option<Held>,
    ) -> Option<Result<T, sqlx::Error>> {
        let mut answer = pin!(answer);
        loop {
            if let Ok(answer) = tokio::time::timeout(SILENCE, &mut answer).await {
                return Some(answer);
            }
            // The answer may have been under way while it was asked whether there will be one.
            let asked = tokio::select! {
                biased;
                answer = &mut answer => return Some(answer),
                asked = self.is_at_work(sql, fresh) => asked,
            };
            match asked {
                // Whoever waits for a lock may wait long, and would hold two connections.
                Ok(true) => *fresh = None,
                Ok(false) => return tokio::time::timeout(GRACE, answer).await.ok(),
                // PostgreSQL answers, if only that it has no connection to spare: that says nothing of this one.
                Err(error) if refusal(&error).is_some() => *fresh = None,
                Err(_) => {
                    *fresh = None;
                    return None;
                }
            }
        }
    }

    /// Whether PostgreSQL has been at work for a while on a statement of these words, for whomever: which process of its has
    /// it cannot be known behind a pooler.
    async fn is_at_work(&self, sql: &str, fresh: &mut Option<Held>) -> Result<bool, DbErr> {
        let asking = fresh.insert(self.open().await?);
        // It keeps only so much of a statement.
        let asked = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
            AND usename = current_user AND pid <> pg_backend_pid() AND (state = 'disabled' OR state = 'active' \
            AND query <> '' AND starts_with($1, query) AND query_start < clock_timestamp() - interval '100 ms'))";
        let asked = sqlx::query_scalar(asked).bind(sql).fetch_one(&mut asking.connection);
        match tokio::time::timeout(self.acquire, asked).await {
            Ok(Ok(is_at_work)) => Ok(is_at_work),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(lost()),
        }
    }

    async fn open(&self) -> Result<Held, DbErr> {
        let begun = async {
            let connection = PgConnection::connect_with(&self.options).await?;
            Ok(Held { connection, opened: Instant::now(), used: Instant::now() })
        };
        let held = tokio::time::timeout(self.acquire, begun).await;
        let held = held.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
        held.map_err(|error: sqlx::Error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))
    }
}

/// A transaction, or one within it. When it is dropped, or a statement is, its connection is not used again, so that
/// PostgreSQL undoes the whole.
pub(crate) struct Begun {
    held: Kept,
    lanes: Arc<Lanes>,
    lane: Arc<Lane>,
    /// How many transactions it is within.
    depth: u32,
    ended: bool,
    _place: Option<OwnedSemaphorePermit>,
}

type Kept = Arc<tokio::sync::Mutex<Option<Held>>>;

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.ended
            && let Ok(mut held) = self.held.try_lock()
        {
            held.take();
        }
    }
}

impl Begun {
    fn over(held: Kept, lanes: Arc<Lanes>, lane: Arc<Lane>, depth: u32, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { held, lanes, lane, depth, ended: false, _place: place }
    }

    /// Begins a transaction within this one.
    pub(crate) async fn nested(&self) -> Result<Begun, DbErr> {
        let depth = self.depth + 1;
        self.simple(&format!("SAVEPOINT within_{depth}")).await?;
        Ok(Begun::over(self.held.clone(), self.lanes.clone(), self.lane.clone(), depth, None))
    }

    pub(crate) async fn commit(mut self) -> Result<(), DbErr> {
        match self.depth {
            0 => self.end("COMMIT").await?,
            depth => self.simple(&format!("RELEASE SAVEPOINT within_{depth}")).await.map(|_| ())?,
        }
        self.ended = true;
        Ok(())
    }

    pub(crate) async fn rollback(mut self) -> Result<(), DbErr> {
        match self.depth {
            0 => self.end("ROLLBACK").await?,
            depth => self.simple(&format!("ROLLBACK TO SAVEPOINT within_{depth}")).await.map(|_| ())?,
        }
        self.ended = true;
        Ok(())
    }

    /// Ends the whole. Where PostgreSQL refuses that, the transaction is over all the same, and its connection is as good as ever.
    async fn end(&self, how: &'static str) -> Result<(), DbErr> {
        let ended = self.asked(how, async |connection| sqlx::raw_sql(how).execute(connection).await).await;
        if let Some(held) = self.held.lock().await.take() {
            self.lane.put(held);
        }
        ended.map(|_| ())
    }

    /// Asks something of these words on the connection. One that has fallen silent is not waited for: what was done on it is
    /// undone once PostgreSQL misses it, too.
    async fn asked<T>(
        &self,
        sql: &str,
        ask: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, DbErr> {
        let mut place = self.held.lock().await;
        let mut held = place.take().ok_or_else(lost)?;
        let answer = self.lanes.heard(ask(&mut held.connection), sql, &mut None).await.ok_or_else(lost)?;
        *place = Some(held).filter(|_| !has_ended(&answer));
        answer.map_err(failed)
    }

    /// The records that a statement finds.
    pub(crate) async fn records<R: Record>(&self, statement: &Statement) -> Result<Vec<R>, DbErr> {
        records(&self.query(statement).await?)
    }

    /// What a statement finds.
    pub(crate) async fn query(&self, statement: &Statement) -> Result<Vec<PgRow>, DbErr> {
        self.asked(&statement.sql, async |connection| ask(connection, statement).await).await
    }

    /// What a statement did.
    pub(crate) async fn execute(&self, statement: &Statement) -> Result<PgQueryResult, DbErr> {
        self.asked(&statement.sql, async |connection| query(statement).execute(connection).await).await
    }

    /// What statements without parameters did.
    pub(crate) async fn simple(&self, sql: &str) -> Result<PgQueryResult, DbErr> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        self.asked(sql, async |connection| script.execute(connection).await).await
    }
}

fn query(statement: &Statement) -> sqlx::query::Query<'_, sqlx::Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or(sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.clone()), SqlxValues(values))
}

async fn ask(connection: &mut PgConnection, statement: &Statement) -> Result<Vec<PgRow>, sqlx::Error> {
    query(statement).fetch_all(connection).await
}

/// Whether nothing more can be asked on the connection this was answered on.
fn has_ended<T>(answer: &Result<T, sqlx::Error>) -> bool {
    match answer {
        // PostgreSQL stops, or ended the connection.
        Err(sqlx::Error::Database(told)) => {
            told.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08") || code == "25P03")
        }
        Ok(_) | Err(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_)) => false,
        Err(_) => true,
    }
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn lost() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("the connection of the transaction was lost".into()))
}

fn records<R: Record>(rows: &[PgRow]) -> Result<Vec<R>, DbErr> {
    rows.iter().map(|row| R::from_cells(&mut Row { row, at: 0 })).collect()
}

struct Row<'r> {
    row: &'r PgRow,
    at: usize,
}

impl Cells for Row<'_> {
    #[inline]
    fn next(&mut self, kind: ArrayType) -> Result<SqlValue, DbErr> {
        // Columns are of the kinds that the migrations made them, so each value is not held against its column's kind again.
        let (row, at) = (self.row, self.at);
        self.at += 1;
        let cell = match kind {
            ArrayType::String => row.try_get_unchecked(at).map(SqlValue::String),
            ArrayType::Uuid => row.try_get_unchecked(at).map(SqlValue::Uuid),
            ArrayType::Int => row.try_get_unchecked(at).map(SqlValue::Int),
            ArrayType::BigInt => row.try_get_unchecked(at).map(SqlValue::BigInt),
            ArrayType::Bool => row.try_get_unchecked(at).map(SqlValue::Bool),
            ArrayType::Double => row.try_get_unchecked(at).map(SqlValue::Double),
            ArrayType::ChronoDate => row.try_get_unchecked(at).map(SqlValue::ChronoDate),
            ArrayType::ChronoDateTimeUtc => row.try_get_unchecked(at).map(SqlValue::ChronoDateTimeUtc),
            other => return Err(DbErr::Type(format!("{other:?} cannot be read"))),
        };
        cell.map_err(failed)
    }
}
