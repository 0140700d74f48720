//! Statements on PostgreSQL over connections of the thread that asks. One that another thread opened would wake that
//! thread for every answer, and one of the shared pool is asked whether it still stands each time it is given back. Both
//! would cost more than reading a record does.
//!
//! Each turn to PostgreSQL and back costs more than most statements, so a transaction is begun only once it needs more
//! than one: what changes one record, and has read at most that record at the version it changes, is one statement.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
/// How long a connection that was heard is taken to stand, for what may not be asked twice.
const SURE: Duration = Duration::from_secs(1);
/// Whether each statement is serializable by itself, as this connection asked for. A pooler in between may not have passed it on.
const ALONE: &str = "SELECT setting = 'serializable' AND source = 'client' FROM pg_settings \
    WHERE name = 'default_transaction_isolation'";

/// The connections of each thread.
pub(crate) struct Lanes {
    reading: PgConnectOptions,
    writing: PgConnectOptions,
    /// Most connections of a thread that read, and most that write.
    most: usize,
    acquire: Duration,
    answered: Arc<Answered>,
    pooled: Arc<AtomicBool>,
    lanes: Mutex<HashMap<ThreadId, Arc<Lane>>>,
}

/// When PostgreSQL answered last.
pub(crate) struct Answered {
    began: Instant,
    /// Milliseconds from the beginning.
    at: AtomicU64,
}

impl Default for Answered {
    fn default() -> Self {
        Self { began: Instant::now(), at: AtomicU64::new(0) }
    }
}

impl Answered {
    /// It answers now.
    pub(crate) fn now(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.at.store(now, Ordering::Relaxed);
    }

    /// How long ago it was.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.at.load(Ordering::Relaxed)))
    }
}

/// The connections of a thread. Who writes may have to read beside it, so they are counted apart.
struct Lane {
    readers: Arc<Side>,
    writers: Arc<Side>,
}

/// Those that read, or those that write.
struct Side {
    options: PgConnectOptions,
    writes: bool,
    /// Of both sides.
    idle: Arc<Mutex<Vec<Held>>>,
    places: Arc<Semaphore>,
    /// Whether a pooler makes connections of both sides the same, so that they may serve each other.
    pooled: Arc<AtomicBool>,
}

/// A connection that nobody else uses.
struct Held {
    connection: PgConnection,
    /// Whether a statement that changes something is serializable without a transaction around it.
    alone: bool,
    opened: Instant,
    /// When something was answered on it last.
    used: Instant,
}

impl Held {
    /// Whether it may be used again.
    fn is_fresh(&self) -> bool {
        self.used.elapsed() < IDLE && self.opened.elapsed() < AGE
    }

    /// Whether it was heard just before.
    fn is_sure(&self) -> bool {
        self.used.elapsed() < SURE
    }
}

impl Side {
    fn idle(&self) -> Option<Held> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |held: &Held| held.alone == self.writes || self.pooled.load(Ordering::Relaxed);
        idle.iter().rposition(fits).map(|at| idle.remove(at)).filter(Held::is_fresh)
    }

    /// Gives a connection back.
    fn put(&self, held: Held) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(held);
    }

    fn keep(&self, fit: impl FnMut(&Held) -> bool) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).retain(fit);
    }
}

impl Lanes {
    /// So many connections a thread that read, and as many that write, each waited for so long. Each answer is noted.
    pub(crate) fn of(options: PgConnectOptions, most: usize, acquire: Duration, answered: Arc<Answered>) -> Self {
        let reading = options.disable_statement_logging();
        let writing = reading.clone().options([("default_transaction_isolation", "serializable")]);
        Self { reading, writing, most, acquire, answered, pooled: Arc::default(), lanes: Mutex::default() }
    }

    fn lane(&self) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = || {
            let idle = Arc::<Mutex<Vec<Held>>>::default();
            let side = |options: &PgConnectOptions, writes| {
                let (options, idle, pooled) = (options.clone(), idle.clone(), self.pooled.clone());
                Arc::new(Side { options, writes, idle, places: Arc::new(Semaphore::new(self.most)), pooled })
            };
            Arc::new(Lane { readers: side(&self.reading, false), writers: side(&self.writing, true) })
        };
        lanes.entry(std::thread::current().id()).or_insert_with(lane).clone()
    }

    /// Gives up connections that nobody has used for a while.
    pub(crate) fn rest(&self) {
        self.keep(Held::is_fresh);
    }

    /// Gives up the idle connections of every thread that do not fit.
    fn keep(&self, fit: impl Fn(&Held) -> bool) {
        for lane in self.lanes.lock().unwrap_or_else(PoisonError::into_inner).values() {
            // Both sides have the same.
            lane.readers.keep(&fit);
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
        let side = self.lane().readers.clone();
        let _place = self.place(&side.places).await?;
        self.read(&side, statement).await
    }

    /// The same where there is a connection to ask on at once.
    async fn query_at_once(&self, statement: &Statement) -> Option<Result<Vec<PgRow>, DbErr>> {
        let side = self.lane().readers.clone();
        let _place = side.places.try_acquire().ok()?;
        Some(self.read(&side, statement).await)
    }

    async fn read(&self, side: &Side, statement: &Statement) -> Result<Vec<PgRow>, DbErr> {
        let (held, answer) = self.first(side, None, statement).await?;
        if !has_ended(&answer) {
            side.put(held);
        }
        answer.map_err(failed)
    }

    /// A serializable transaction, begun once it needs to be: at once if it is not to be kept, so that what PostgreSQL
    /// would refuse is refused.
    pub(crate) async fn begin(self: &Arc<Self>, keep: bool) -> Result<Begun, DbErr> {
        let side = self.lane().writers.clone();
        let place = self.place(&side.places).await?;
        let at = Arc::new(At::Before(Before::default()).into());
        let begun = Begun { at, lanes: self.clone(), side, depth: 0, ended: false, _place: Some(place) };
        if !keep {
            begun.begin(&mut *begun.at.lock().await).await?;
        }
        Ok(begun)
    }

    async fn place(&self, places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, DbErr> {
        let late = || DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let place = tokio::time::timeout(self.acquire, places.clone().acquire_owned()).await;
        place.map_err(|_| late())?.map_err(|_| late())
    }

    /// Asks on a connection, this one or an idle one, and on a new one where the old had ended or says nothing: nothing was
    /// done on it yet.
    async fn first(
        &self,
        side: &Side,
        held: Option<Held>,
        statement: &Statement,
    ) -> Result<(Held, Result<Vec<PgRow>, sqlx::Error>), DbErr> {
        let asked = Instant::now();
        let mut fresh = None;
        if let Some(mut idle) = held.or_else(|| side.idle()) {
            match self.heard(side, ask(&mut idle.connection, statement), &statement.sql, &mut fresh).await {
                Some(answer) if !has_ended(&answer) => {
                    idle.used = Instant::now();
                    return Ok((idle, answer));
                }
                // Those beside it have most likely ended, or fallen silent, with it, other threads' too.
                _ => self.keep(|other| other.used > asked),
            }
        }
        let mut held = match fresh {
            Some(fresh) => fresh,
            None => self.open(side).await?,
        };
        let answer = self.heard(side, ask(&mut held.connection, statement), &statement.sql, &mut None).await;
        Ok((held, answer.ok_or_else(lost)?))
    }

    /// The answer to a statement, however long PostgreSQL is at work on it; nothing once its connection has fallen silent.
    /// The one that told so is left in `fresh`.
    async fn heard<T>(
        &self,
        side: &Side,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
        sql: &str,
        fresh: &mut Option<Held>,
    ) -> Option<Result<T, sqlx::Error>> {
        let mut answer = pin!(async {
            let answer = answer.await;
            self.answered.now();
            answer
        });
        loop {
            if let Ok(answer) = tokio::time::timeout(SILENCE, &mut answer).await {
                return Some(answer);
            }
            // The answer may have been under way while it was asked whether there will be one.
            let asked = tokio::select! {
                biased;
                answer = &mut answer => return Some(answer),
                asked = self.is_at_work(side, sql, fresh) => asked,
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
    async fn is_at_work(&self, side: &Side, sql: &str, fresh: &mut Option<Held>) -> Result<bool, DbErr> {
        let asking = fresh.insert(self.open(side).await?);
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

    async fn open(&self, side: &Side) -> Result<Held, DbErr> {
        let begun = async {
            let mut connection = PgConnection::connect_with(&side.options).await?;
            let alone = side.writes && sqlx::query_scalar(ALONE).fetch_one(&mut connection).await?;
            if side.writes {
                self.pooled.store(!alone, Ordering::Relaxed);
            }
            Ok(Held { connection, alone, opened: Instant::now(), used: Instant::now() })
        };
        let held = tokio::time::timeout(self.acquire, begun).await;
        let held = held.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
        held.map_err(|error: sqlx::Error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))
    }
}

/// A transaction, or one within it. When it is dropped, or a statement is, its connection is not used again, so that
/// PostgreSQL undoes the whole.
pub(crate) struct Begun {
    at: Arc<tokio::sync::Mutex<At>>,
    lanes: Arc<Lanes>,
    side: Arc<Side>,
    /// How many transactions it is within.
    depth: u32,
    ended: bool,
    _place: Option<OwnedSemaphorePermit>,
}

/// How far a transaction has come.
enum At {
    Before(Before),
    /// It is begun, on this connection.
    Within(Held),
    /// It has ended, or its connection is lost.
    Over,
}

/// What there is of a transaction that PostgreSQL was not asked to begin.
#[derive(Default)]
struct Before {
    held: Option<Held>,
    looked: Option<(Statement, Vec<PgRow>)>,
    /// A change that is kept back: it may be all there will be.
    change: Option<Statement>,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.ended
            && let Ok(mut at) = self.at.try_lock()
        {
            *at = At::Over;
        }
    }
}

impl Begun {
    /// Begins a transaction within this one.
    pub(crate) async fn nested(&self) -> Result<Begun, DbErr> {
        let depth = self.depth + 1;
        self.simple(&format!("SAVEPOINT within_{depth}")).await?;
        let (at, lanes, side) = (self.at.clone(), self.lanes.clone(), self.side.clone());
        Ok(Begun { at, lanes, side, depth, ended: false, _place: None })
    }

    pub(crate) async fn commit(mut self) -> Result<(), DbErr> {
        match self.depth {
            0 => self.keep(&mut *self.at.lock().await).await?,
            depth => self.simple(&format!("RELEASE SAVEPOINT within_{depth}")).await.map(|_| ())?,
        }
        self.ended = true;
        Ok(())
    }

    pub(crate) async fn rollback(mut self) -> Result<(), DbErr> {
        match self.depth {
            0 => self.undo(&mut *self.at.lock().await).await?,
            depth => self.simple(&format!("ROLLBACK TO SAVEPOINT within_{depth}")).await.map(|_| ())?,
        }
        self.ended = true;
        Ok(())
    }

    /// Keeps the whole: a change that was kept back is all of it, and needs no transaction around it.
    async fn keep(&self, at: &mut At) -> Result<(), DbErr> {
        if let At::Before(before) = at {
            let Some(change) = before.change.clone() else { return self.undo(at).await };
            let held = self.standing(before.held.take()).await?;
            if held.alone {
                *at = At::Within(held);
                let made = self.change(at, &change, overtaken).await;
                self.leave(at);
                return made;
            }
            before.held = Some(held);
        }
        self.begin(at).await?;
        self.end(at, "COMMIT").await
    }

    /// A connection that is known to stand, if a change may be asked on it alone: that cannot be asked twice.
    async fn standing(&self, held: Option<Held>) -> Result<Held, DbErr> {
        let Some(held) = held.or_else(|| self.side.idle()) else { return self.lanes.open(&self.side).await };
        if !held.alone || held.is_sure() {
            return Ok(held);
        }
        let (held, answer) = self.lanes.first(&self.side, Some(held), &statement("SELECT 1")).await?;
        answer.map_err(failed)?;
        Ok(held)
    }

    async fn undo(&self, at: &mut At) -> Result<(), DbErr> {
        match at {
            At::Within(_) => self.end(at, "ROLLBACK").await,
            // Where the connection is lost PostgreSQL undoes it.
            At::Before(_) | At::Over => {
                self.leave(at);
                Ok(())
            }
        }
    }

    /// Ends what is begun. Where PostgreSQL refuses that, the transaction is over all the same, and its connection is as good as ever.
    async fn end(&self, at: &mut At, how: &'static str) -> Result<(), DbErr> {
        let ended = self.on(at, how, async |connection| sqlx::raw_sql(how).execute(connection).await).await;
        self.leave(at);
        ended.map(|_| ())
    }

    /// Gives the connection back.
    fn leave(&self, at: &mut At) {
        match std::mem::replace(at, At::Over) {
            At::Within(held) | At::Before(Before { held: Some(held), .. }) => self.side.put(held),
            At::Before(_) | At::Over => {}
        }
    }

    /// Begins the transaction if it was not: what was looked at has to be the same still, and what was kept back is done.
    async fn begin(&self, at: &mut At) -> Result<(), DbErr> {
        let At::Before(before) = at else { return Ok(()) };
        let Before { held, looked, change } = std::mem::take(before);
        *at = At::Over;
        let begin = statement("BEGIN ISOLATION LEVEL SERIALIZABLE");
        let (held, answer) = self.lanes.first(&self.side, held, &begin).await?;
        answer.map_err(failed)?;
        *at = At::Within(held);
        let done = async {
            if let Some((statement, rows)) = &looked
                && !alike(&self.found(at, statement).await?, rows)
            {
                return Err(overtaken());
            }
            match &change {
                Some(change) => self.change(at, change, overtaken).await,
                None => Ok(()),
            }
        };
        let done = done.await;
        if done.is_err() {
            // Nobody goes on without it.
            *at = At::Over;
        }
        done
    }

    /// Asks something of these words on the connection of what is begun. One that has fallen silent is not waited for: what was
    /// done on it is undone once PostgreSQL misses it, too.
    async fn on<T>(
        &self,
        at: &mut At,
        sql: &str,
        ask: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, DbErr> {
        let At::Within(mut held) = std::mem::replace(at, At::Over) else { return Err(lost()) };
        let asked = ask(&mut held.connection);
        let answer = self.lanes.heard(&self.side, asked, sql, &mut None).await.ok_or_else(lost)?;
        if !has_ended(&answer) {
            held.used = Instant::now();
            *at = At::Within(held);
        }
        answer.map_err(failed)
    }

    async fn found(&self, at: &mut At, statement: &Statement) -> Result<Vec<PgRow>, DbErr> {
        self.on(at, &statement.sql, async |connection| ask(connection, statement).await).await
    }

    async fn done(&self, at: &mut At, statement: &Statement) -> Result<PgQueryResult, DbErr> {
        self.on(at, &statement.sql, async |connection| query(statement).execute(connection).await).await
    }

    /// Changes one row; where there is none to change it is told so.
    async fn change(&self, at: &mut At, statement: &Statement, none: fn() -> DbErr) -> Result<(), DbErr> {
        match self.done(at, statement).await?.rows_affected() {
            1 => Ok(()),
            _ => Err(none()),
        }
    }

    /// The records that a statement finds, to be changed at the version they have now. The transaction is not begun for it.
    pub(crate) async fn look<R: Record>(&self, statement: &Statement) -> Result<Vec<R>, DbErr> {
        let mut at = self.at.lock().await;
        if let At::Before(before @ Before { looked: None, change: None, .. }) = &mut *at {
            let held = match self.side.idle() {
                Some(held) => held,
                None => self.lanes.open(&self.side).await?,
            };
            if held.alone {
                // What reads beside it costs PostgreSQL less.
                let beside = if held.is_sure() { self.lanes.query_at_once(statement).await } else { None };
                let rows = if let Some(rows) = beside {
                    before.held = Some(held);
                    rows?
                } else {
                    let (held, answer) = self.lanes.first(&self.side, Some(held), statement).await?;
                    if !has_ended(&answer) {
                        before.held = Some(held);
                    }
                    answer.map_err(failed)?
                };
                let found = records(&rows);
                before.looked = Some((statement.clone(), rows));
                return found;
            }
            before.held = Some(held);
        }
        self.begin(&mut at).await?;
        records(&self.found(&mut at, statement).await?)
    }

    /// Changes one row, now or when the transaction needs to have begun. What was looked at is looked at again, unless the
    /// statement changes that row, and only at the version it had.
    pub(crate) async fn change_one(&self, statement: Statement, at_version: bool) -> Result<(), DbErr> {
        let mut at = self.at.lock().await;
        match &mut *at {
            At::Before(before) if before.change.is_none() && (at_version || before.looked.is_none()) => {
                before.change = Some(statement);
                Ok(())
            }
            at => {
                self.begin(at).await?;
                // All that it rests on was read within the transaction.
                self.change(at, &statement, || DbErr::RecordNotUpdated).await
            }
        }
    }

    /// The records that a statement finds.
    pub(crate) async fn records<R: Record>(&self, statement: &Statement) -> Result<Vec<R>, DbErr> {
        records(&self.query(statement).await?)
    }

    /// What a statement finds.
    pub(crate) async fn query(&self, statement: &Statement) -> Result<Vec<PgRow>, DbErr> {
        let mut at = self.at.lock().await;
        self.begin(&mut at).await?;
        self.found(&mut at, statement).await
    }

    /// What a statement did.
    pub(crate) async fn execute(&self, statement: &Statement) -> Result<PgQueryResult, DbErr> {
        let mut at = self.at.lock().await;
        self.begin(&mut at).await?;
        self.done(&mut at, statement).await
    }

    /// What statements without parameters did.
    pub(crate) async fn simple(&self, sql: &str) -> Result<PgQueryResult, DbErr> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let mut at = self.at.lock().await;
        self.begin(&mut at).await?;
        self.on(&mut at, sql, async |connection| script.execute(connection).await).await
    }
}

fn statement(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
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

/// Another changed first what this was to change; to be tried again.
fn overtaken() -> DbErr {
    DbErr::Custom("could not serialize: what was to be changed has changed".into())
}

/// Whether two answers to one statement are the same.
fn alike(one: &[PgRow], other: &[PgRow]) -> bool {
    let cells = |rows: &[PgRow]| -> Result<Vec<Option<Vec<u8>>>, sqlx::Error> {
        let places = rows.iter().flat_map(|row| (0..row.len()).map(move |at| row.try_get_raw(at)));
        places.map(|cell| Ok(cell?.as_bytes().ok().map(<[u8]>::to_vec))).collect()
    };
    matches!((cells(one), cells(other)), (Ok(one), Ok(other)) if one == other)
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
