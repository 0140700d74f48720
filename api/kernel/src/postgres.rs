//! Statements on PostgreSQL over connections of the thread that asks. One that another thread opened would wake that
//! thread for every answer, and one of the shared pool is asked whether it still stands each time it is given back. Both
//! would cost more than reading a record does.

use std::collections::HashMap;
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

/// How long a connection is used: PostgreSQL keeps for each what it has learned, and that grows.
const AGE: Duration = Duration::from_secs(30 * 60);

/// How long one that nobody uses is kept. Networks forget what is quiet.
const IDLE: Duration = Duration::from_secs(60);
/// How long one that was used before may say nothing before another is asked whether it is still at work.
const SILENCE: Duration = Duration::from_secs(3);

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
    /// The process of PostgreSQL at its other end. Behind a pooler that is one of many.
    process: i32,
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

    /// Gives a connection back after this answer, if it still stands.
    fn put<T>(&self, held: Held, answer: &Result<T, sqlx::Error>) {
        if !has_ended(answer) {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(Held { used: Instant::now(), ..held });
        }
    }

    fn forget(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
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
        for lane in self.lanes.lock().unwrap_or_else(PoisonError::into_inner).values() {
            lane.idle.lock().unwrap_or_else(PoisonError::into_inner).retain(Held::is_fresh);
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
        lane.put(held, &answer);
        answer.map_err(failed)
    }

    /// Begins a serializable transaction.
    pub(crate) async fn begin(&self) -> Result<Begun, DbErr> {
        let lane = self.lane();
        let place = self.place(&lane.writers).await?;
        let begin = Statement::from_string(DbBackend::Postgres, "BEGIN ISOLATION LEVEL SERIALIZABLE");
        let (held, answer) = self.first(&lane, &begin).await?;
        match answer {
            Ok(_) => Ok(Begun::over(Arc::new(Some(held).into()), lane, 0, Some(place))),
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
        let mut fresh = None;
        if let Some(mut idle) = lane.idle() {
            let answer = {
                let mut asked = pin!(ask(&mut idle.connection, statement));
                match tokio::time::timeout(SILENCE, &mut asked).await {
                    Ok(answer) => Some(answer),
                    // It takes long, which is no reason to ask again.
                    Err(_) if self.is_at_work(idle.process, &mut fresh).await? => Some(asked.await),
                    Err(_) => None,
                }
            };
            match answer {
                Some(answer) if !has_ended(&answer) => return Ok((idle, answer)),
                // Those beside it have most likely ended, or fallen silent, with it.
                _ => lane.forget(),
            }
        }
        let mut held = match fresh {
            Some(fresh) => fresh,
            None => self.open().await?,
        };
        let answer = ask(&mut held.connection, statement).await;
        Ok((held, answer))
    }

    /// Whether PostgreSQL is still at work on what this process of its was asked; else the connection that says so is kept.
    async fn is_at_work(&self, process: i32, other: &mut Option<Held>) -> Result<bool, DbErr> {
        let mut asking = self.open().await?;
        let asked = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active')";
        let found = sqlx::query_scalar(asked).bind(process).fetch_one(&mut asking.connection).await;
        let is_at_work: bool = found.map_err(failed)?;
        *other = Some(asking).filter(|_| !is_at_work);
        Ok(is_at_work)
    }

    async fn open(&self) -> Result<Held, DbErr> {
        let begun = async {
            let mut connection = PgConnection::connect_with(&self.options).await?;
            let process = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await?;
            Ok(Held { connection, process, opened: Instant::now(), used: Instant::now() })
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
    fn over(held: Kept, lane: Arc<Lane>, depth: u32, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { held, lane, depth, ended: false, _place: place }
    }

    /// Begins a transaction within this one.
    pub(crate) async fn nested(&self) -> Result<Begun, DbErr> {
        let depth = self.depth + 1;
        self.simple(&format!("SAVEPOINT within_{depth}")).await?;
        Ok(Begun::over(self.held.clone(), self.lane.clone(), depth, None))
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

    async fn end(&self, how: &'static str) -> Result<(), DbErr> {
        let mut held = self.held.lock().await.take().ok_or_else(lost)?;
        let answer = sqlx::raw_sql(how).execute(&mut held.connection).await;
        self.lane.put(held, &answer);
        answer.map(|_| ()).map_err(failed)
    }

    /// The rows of a record that a query finds.
    pub(crate) async fn rows<R: Record>(&self, select: &Select<R::Entity>) -> Result<Vec<R>, DbErr> {
        records(&self.query(&select.build(DbBackend::Postgres)).await?)
    }

    /// What a statement finds.
    pub(crate) async fn query(&self, statement: &Statement) -> Result<Vec<PgRow>, DbErr> {
        let mut place = self.held.lock().await;
        let mut held = place.take().ok_or_else(lost)?;
        let answer = ask(&mut held.connection, statement).await;
        *place = Some(held).filter(|_| !has_ended(&answer));
        answer.map_err(failed)
    }

    /// What a statement did.
    pub(crate) async fn execute(&self, statement: &Statement) -> Result<PgQueryResult, DbErr> {
        let mut place = self.held.lock().await;
        let mut held = place.take().ok_or_else(lost)?;
        let answer = query(statement).execute(&mut held.connection).await;
        *place = Some(held).filter(|_| !has_ended(&answer));
        answer.map_err(failed)
    }

    /// What statements without parameters did.
    pub(crate) async fn simple(&self, sql: &str) -> Result<PgQueryResult, DbErr> {
        let mut place = self.held.lock().await;
        let mut held = place.take().ok_or_else(lost)?;
        let answer = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut held.connection).await;
        *place = Some(held).filter(|_| !has_ended(&answer));
        answer.map_err(failed)
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
            told.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
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
