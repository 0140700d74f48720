//! Connections to the database, and how long they are waited for.
//!
//! PostgreSQL is reached over a network, and a network can fall silent: nothing comes back, and nothing says that nothing
//! will. So each statement has a deadline here besides the one that PostgreSQL keeps. And where nothing is answered any
//! more on connections that stand, while a new one is answered, they are replaced. What waits on them would otherwise keep
//! its place in the pool until TCP gives up, a quarter of an hour later.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use roundtable_entity::Record;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, RuntimeErr, Select, Statement, TransactionOptions, TransactionTrait,
};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::Mutex;

use crate::error;
use crate::postgres::{Answered, Begun, Lanes};
use crate::sqlite::Inline;
use crate::writer::{Writer, Written};

/// How long somebody waits for a connection.
pub const ACQUIRE: Duration = Duration::from_secs(3);
/// The longest statement; it is ended then.
pub(crate) const STATEMENT: Duration = Duration::from_secs(60);
/// The longest wait for a lock that another holds.
const LOCK: Duration = Duration::from_secs(5);
/// How long nothing is asked in a transaction before it is undone: whoever asked is gone, or cannot be heard.
const GONE: Duration = Duration::from_secs(10);
/// How long after a file that was locked is opened again.
const AGAIN: Duration = Duration::from_millis(20);
/// What the way there and back may take besides.
const WAY: Duration = Duration::from_secs(2);
/// How long nothing is answered before it is looked at.
const SILENCE: Duration = Duration::from_secs(1);
/// How often silence is looked for.
const LOOK: Duration = Duration::from_millis(250);
/// How long a pool has to answer when it was silent.
const PROBE: Duration = Duration::from_millis(500);
/// How long a new connection has to answer.
const REACH: Duration = Duration::from_secs(1);
/// How often connections are looked for that nobody uses; the least time between two pools, too: statements that are only
/// slow end on the old one meanwhile.
const REST: Duration = Duration::from_secs(10);

/// Connections to the database.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
    /// How long a statement is waited for; SQLite runs within the process and is waited for.
    deadline: Option<Duration>,
}

/// How is read without the pool, outside transactions: records on SQLite, everything on PostgreSQL.
enum Direct {
    Sqlite(Arc<Inline>),
    Postgres(Arc<Lanes>),
}

struct Shared {
    current: RwLock<DatabaseConnection>,
    direct: Option<Direct>,
    backend: DbBackend,
    under_way: AtomicUsize,
    /// When something was answered last, or asked after a rest.
    answered: Arc<Answered>,
}

impl Pool {
    /// SQLite, as the options say.
    pub(crate) async fn sqlite(options: ConnectOptions) -> Result<Self, DbErr> {
        let connection = opened(async || Database::connect(options.clone()).await).await?;
        Ok(Self::over(connection, None, Arc::default()))
    }

    /// The same, and records are read on the threads that ask.
    pub(crate) async fn sqlite_inline(options: ConnectOptions) -> Result<Self, DbErr> {
        let file: SqliteConnectOptions = options.get_url().parse().map_err(unknown)?;
        let inline = Direct::Sqlite(Inline::of(file.get_filename().to_owned()));
        let connection = opened(async || Database::connect(options.clone()).await).await?;
        Ok(Self::over(connection, Some(inline), Arc::default()))
    }

    /// PostgreSQL at this address, with so many connections.
    pub(crate) async fn postgres(url: &str, connections: u32, workers: usize) -> Result<Self, DbErr> {
        let reach = address(url)?;
        let options = postgres(url, connections);
        let pool = Self::reached(options, url, share(connections, workers), ACQUIRE).await?;
        tokio::spawn(watch(Arc::downgrade(&pool.shared), url.to_owned(), connections, reach));
        Ok(pool)
    }

    /// A read replica at this address, connected to when it is first needed.
    pub(crate) async fn replica(url: &str, connections: u32, workers: usize, acquire: Duration) -> Result<Self, DbErr> {
        let mut options = postgres(url, connections);
        options.connect_lazy(true).acquire_timeout(acquire);
        Self::reached(options, url, share(connections, workers), acquire).await
    }

    async fn reached(options: ConnectOptions, url: &str, share: usize, acquire: Duration) -> Result<Self, DbErr> {
        let answered = Arc::<Answered>::default();
        let lanes = Lanes::of(limited(address(url)?), share, acquire, answered.clone());
        let connection = Database::connect(options).await?;
        let pool = Self::over(connection, Some(Direct::Postgres(Arc::new(lanes))), answered);
        tokio::spawn(rest(Arc::downgrade(&pool.shared)));
        Ok(pool)
    }

    /// The rows of a record that a query finds.
    pub(crate) async fn rows<R: Record>(&self, select: &Select<R::Entity>) -> error::Result<Vec<R>> {
        match &self.shared.direct {
            Some(Direct::Sqlite(inline)) => inline.rows(select).await,
            Some(Direct::Postgres(lanes)) => Ok(self.within(lanes.rows(select)).await?),
            None => Ok(select.clone().all(self).await?),
        }
    }

    fn over(connection: DatabaseConnection, direct: Option<Direct>, answered: Arc<Answered>) -> Self {
        let backend = connection.get_database_backend();
        let current = RwLock::new(connection);
        let shared = Shared { current, direct, backend, under_way: AtomicUsize::new(0), answered };
        Self { shared: Arc::new(shared), deadline: (backend == DbBackend::Postgres).then_some(STATEMENT + WAY) }
    }

    /// The connections of now, past every deadline.
    pub(crate) fn current(&self) -> DatabaseConnection {
        self.shared.current()
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self, options: TransactionOptions) -> Result<Transaction, DbErr> {
        let connection = self.shared.current();
        let inner = Inner::Pooled(self.pooled(connection.begin_with_options(options)).await?);
        Ok(Transaction { inner, pool: self.clone() })
    }

    /// Begins a serializable transaction, which may be one to be kept.
    pub(crate) async fn begin_serializable(&self, keep: bool) -> Result<Transaction, DbErr> {
        match &self.shared.direct {
            Some(Direct::Postgres(lanes)) => {
                let inner = Inner::Begun(self.within(lanes.begin(keep)).await?);
                Ok(Transaction { inner, pool: self.clone() })
            }
            _ => self.begin(TransactionOptions::default()).await,
        }
    }

    /// Begins a transaction on the connection that writes to this file.
    pub(crate) async fn written(&self, writer: &Arc<Mutex<Writer>>) -> Result<Transaction, DbErr> {
        writer.lock().await.begin().await?;
        Ok(Transaction { inner: Inner::Written(Written::over(writer.clone()).await), pool: self.clone() })
    }

    /// What is asked on connections of the pool.
    async fn pooled<T>(&self, asked: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, DbErr> {
        let answer = self.within(asked).await;
        // Who was given no connection has heard nothing.
        if !matches!(answer, Err(DbErr::ConnectionAcquire(_) | DbErr::Conn(_))) {
            self.shared.answered.now();
        }
        answer
    }

    /// What may ask, or not, on connections of the thread.
    async fn within<T>(&self, asked: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, DbErr> {
        let Some(deadline) = self.deadline else { return asked.await };
        let _under_way = UnderWay::begin(&self.shared);
        let answer = tokio::time::timeout(deadline, asked).await;
        answer.unwrap_or_else(|_| {
            let silent = format!("the database said nothing for {} s", deadline.as_secs());
            Err(DbErr::Conn(RuntimeErr::Internal(silent)))
        })
    }

    /// Closes every connection.
    pub(crate) async fn close(self) -> Result<(), DbErr> {
        match &self.shared.direct {
            Some(Direct::Postgres(lanes)) => lanes.forget(),
            Some(Direct::Sqlite(inline)) => inline.close(),
            None => {}
        }
        self.shared.current().close().await
    }
}

/// A transaction.
pub struct Transaction {
    inner: Inner,
    pool: Pool,
}

enum Inner {
    /// On a connection of the pool.
    Pooled(DatabaseTransaction),
    /// On a connection of the thread that began it.
    Begun(Begun),
    /// On the connection that writes to a SQLite file.
    Written(Written),
}

impl Transaction {
    /// The records that a statement finds, as this transaction sees them. It asks for every column, in order.
    pub(crate) async fn records<R: Record>(&self, statement: &Statement) -> error::Result<Vec<R>> {
        Ok(match &self.inner {
            Inner::Pooled(tx) => {
                let rows = self.pool.pooled(tx.query_all_raw(statement.clone())).await?;
                rows.iter().map(|row| R::from_query_result(row, "")).collect::<Result<_, _>>()?
            }
            Inner::Begun(tx) => self.pool.within(tx.records(statement)).await?,
            Inner::Written(tx) => tx.records(statement).await?,
        })
    }

    /// The same, to be changed at the version they have now: each change of one is to say at which version it is made. So the
    /// transaction need not be begun for it.
    pub(crate) async fn look<R: Record>(&self, statement: &Statement) -> error::Result<Vec<R>> {
        match &self.inner {
            Inner::Begun(tx) => Ok(self.pool.within(tx.look(statement)).await?),
            Inner::Pooled(_) | Inner::Written(_) => self.records(statement).await,
        }
    }

    /// Changes one row, `at_version` if only while it has the version that was looked at, and fails when there is none to
    /// change. Where nothing else is asked in the transaction it is done as that ends.
    pub(crate) async fn change_one(&self, statement: Statement, at_version: bool) -> error::Result<()> {
        match &self.inner {
            Inner::Begun(tx) => Ok(self.pool.within(tx.change_one(statement, at_version)).await?),
            Inner::Pooled(_) | Inner::Written(_) => match self.changes(&statement).await? {
                1 => Ok(()),
                _ => Err(error::Error::internal(DbErr::RecordNotUpdated)),
            },
        }
    }

    /// How many rows a statement changed.
    pub(crate) async fn changes(&self, statement: &Statement) -> error::Result<u64> {
        Ok(match &self.inner {
            Inner::Pooled(tx) => self.pool.pooled(tx.execute_raw(statement.clone())).await?.rows_affected(),
            Inner::Begun(tx) => self.pool.within(tx.execute(statement)).await?.rows_affected(),
            Inner::Written(tx) => tx.changes(statement).await?,
        })
    }

    /// Statements without parameters, of which nothing is to be known but that they went well.
    pub(crate) async fn simple(&self, sql: &str) -> Result<(), DbErr> {
        match &self.inner {
            Inner::Written(tx) => tx.simple(sql).await,
            _ => self.execute_unprepared(sql).await.map(|_| ()),
        }
    }

    /// Begins a transaction within this one.
    pub(crate) async fn nested(&self) -> Result<Transaction, DbErr> {
        let inner = match &self.inner {
            Inner::Pooled(tx) => Inner::Pooled(self.pool.pooled(tx.begin()).await?),
            Inner::Begun(tx) => Inner::Begun(self.pool.within(tx.nested()).await?),
            Inner::Written(tx) => Inner::Written(tx.nested().await?),
        };
        Ok(Self { inner, pool: self.pool.clone() })
    }

    /// The same, past every deadline: for bringing the database to another version.
    pub fn patient(&self) -> Result<&DatabaseTransaction, DbErr> {
        match &self.inner {
            Inner::Pooled(tx) => Ok(tx),
            _ => Err(DbErr::Custom("this transaction has deadlines".into())),
        }
    }

    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self.inner {
            Inner::Pooled(tx) => self.pool.pooled(tx.commit()).await,
            Inner::Begun(tx) => self.pool.within(tx.commit()).await,
            Inner::Written(tx) => tx.commit().await,
        }
    }

    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self.inner {
            Inner::Pooled(tx) => self.pool.pooled(tx.rollback()).await,
            Inner::Begun(tx) => self.pool.within(tx.rollback()).await,
            Inner::Written(tx) => tx.rollback().await,
        }
    }
}

/// Where answers are read: in a transaction when there is one.
pub enum Reading<'at> {
    /// Whatever connection is free.
    Pool(&'at Pool),
    /// That of the transaction.
    Transaction(&'at Transaction),
}

#[async_trait::async_trait]
impl ConnectionTrait for Pool {
    fn get_database_backend(&self) -> DbBackend {
        self.shared.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let connection = self.shared.current();
        self.pooled(connection.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let connection = self.shared.current();
        self.pooled(connection.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if let Some(Direct::Postgres(lanes)) = &self.shared.direct {
            return Ok(self.within(lanes.query(&statement)).await?.into_iter().next().map(Into::into));
        }
        let connection = self.shared.current();
        self.pooled(connection.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if let Some(Direct::Postgres(lanes)) = &self.shared.direct {
            return Ok(self.within(lanes.query(&statement)).await?.into_iter().map(Into::into).collect());
        }
        let connection = self.shared.current();
        self.pooled(connection.query_all_raw(statement)).await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.shared.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.inner {
            Inner::Pooled(tx) => self.pool.pooled(tx.execute_raw(statement)).await,
            Inner::Begun(tx) => self.pool.within(tx.execute(&statement)).await.map(Into::into),
            Inner::Written(tx) => tx.execute(&statement).await.map(Into::into),
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.inner {
            Inner::Pooled(tx) => self.pool.pooled(tx.execute_unprepared(sql)).await,
            Inner::Begun(tx) => self.pool.within(tx.simple(sql)).await.map(Into::into),
            Inner::Written(tx) => tx.script(sql).await.map(Into::into),
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.inner {
            Inner::Pooled(tx) => self.pool.pooled(tx.query_one_raw(statement)).await,
            Inner::Begun(tx) => Ok(self.pool.within(tx.query(&statement)).await?.into_iter().next().map(Into::into)),
            Inner::Written(tx) => Ok(tx.query(&statement).await?.into_iter().next().map(Into::into)),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.inner {
            Inner::Pooled(tx) => self.pool.pooled(tx.query_all_raw(statement)).await,
            Inner::Begun(tx) => Ok(self.pool.within(tx.query(&statement)).await?.into_iter().map(Into::into).collect()),
            Inner::Written(tx) => Ok(tx.query(&statement).await?.into_iter().map(Into::into).collect()),
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Reading<'_> {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Reading::Pool(pool) => pool.get_database_backend(),
            Reading::Transaction(tx) => tx.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Reading::Pool(pool) => pool.execute_raw(statement).await,
            Reading::Transaction(tx) => tx.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Reading::Pool(pool) => pool.execute_unprepared(sql).await,
            Reading::Transaction(tx) => tx.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Reading::Pool(pool) => pool.query_one_raw(statement).await,
            Reading::Transaction(tx) => tx.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Reading::Pool(pool) => pool.query_all_raw(statement).await,
            Reading::Transaction(tx) => tx.query_all_raw(statement).await,
        }
    }
}

impl Shared {
    fn current(&self) -> DatabaseConnection {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether something is waited for and nothing was answered for a while.
    fn is_silent(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) > 0 && self.answered.elapsed() >= SILENCE
    }

    fn replace(&self, fresh: DatabaseConnection) -> DatabaseConnection {
        self.answered.now();
        std::mem::replace(&mut *self.current.write().unwrap_or_else(PoisonError::into_inner), fresh)
    }
}

/// A statement under way, until it is answered or given up.
struct UnderWay<'s>(&'s Shared);

impl<'s> UnderWay<'s> {
    fn begin(shared: &'s Shared) -> Self {
        if shared.under_way.fetch_add(1, Ordering::Relaxed) == 0 {
            shared.answered.now();
        }
        Self(shared)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Opens a SQLite file. Where several programs open a new one at once, each makes it a file with a write-ahead log, and SQLite
/// refuses all but one at once instead of waiting.
pub(crate) async fn opened<T>(open: impl AsyncFn() -> Result<T, DbErr>) -> Result<T, DbErr> {
    let began = Instant::now();
    loop {
        match open().await {
            Err(error) if error::is_retryable(&error) && began.elapsed() < LOCK => tokio::time::sleep(AGAIN).await,
            opened => return opened,
        }
    }
}

/// What both databases are connected to with.
pub(crate) fn common(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.to_owned());
    options.max_connections(connections).acquire_timeout(ACQUIRE).test_before_acquire(false).sqlx_logging(false);
    options
}

fn postgres(url: &str, connections: u32) -> ConnectOptions {
    let mut options = common(url, connections);
    // None is kept open for its own sake: opening one at a silent address would hold a place in the pool for minutes.
    options.min_connections(0);
    options.map_sqlx_postgres_opts(limited);
    options
}

/// A worker's share of so many connections: two at the least where there are two, so that a slow one leaves one.
pub(crate) fn share(connections: u32, workers: usize) -> usize {
    let connections = usize::try_from(connections).unwrap_or(1).max(1);
    connections.div_ceil(workers.max(1)).max(connections.min(2))
}

pub(crate) fn unknown(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

fn address(url: &str) -> Result<PgConnectOptions, DbErr> {
    url.parse().map_err(unknown)
}

fn limited(postgres: PgConnectOptions) -> PgConnectOptions {
    let milliseconds = |time: Duration| time.as_millis().to_string();
    postgres.options([
        // The tables fit in memory more often than not.
        ("random_page_cost", "1.1".to_owned()),
        // No request may hold a connection for ever.
        ("statement_timeout", milliseconds(STATEMENT)),
        ("lock_timeout", milliseconds(LOCK)),
        // Nor may one that is gone hold its locks for long.
        ("idle_in_transaction_session_timeout", milliseconds(GONE)),
        ("client_connection_check_interval", milliseconds(WAY)),
    ])
}

/// Closes connections of threads that nobody uses any more. Ends with the pool.
async fn rest(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(REST).await;
        match shared.upgrade() {
            Some(shared) => match &shared.direct {
                Some(Direct::Postgres(lanes)) => lanes.rest(),
                _ => return,
            },
            None => return,
        }
    }
}

/// Replaces the connections when nothing is answered on them and a new one is. Ends with the pool.
async fn watch(shared: Weak<Shared>, url: String, connections: u32, reach: PgConnectOptions) {
    let mut replaced: Option<Instant> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(shared) = shared.upgrade() else { return };
        if !shared.is_silent() {
            continue;
        }
        let probed = shared.current();
        if matches!(tokio::time::timeout(PROBE, probed.execute_unprepared("SELECT 1")).await, Ok(Ok(_))) {
            shared.answered.now();
            continue;
        }
        if replaced.is_some_and(|at| at.elapsed() < REST) || !is_reached(&reach).await {
            continue;
        }
        let mut fresh = postgres(&url, connections);
        fresh.connect_lazy(true);
        match Database::connect(fresh).await {
            Ok(fresh) => {
                tracing::warn!("nothing was answered on the connections to the database; they were replaced");
                tokio::spawn(retire(shared.replace(fresh)));
                if let Some(Direct::Postgres(lanes)) = &shared.direct {
                    lanes.forget();
                }
                replaced = Some(Instant::now());
            }
            Err(error) => tracing::warn!(%error, "the connections to the database could not be replaced"),
        }
    }
}

async fn is_reached(reach: &PgConnectOptions) -> bool {
    let asked = async { PgConnection::connect_with(reach).await?.close().await };
    matches!(tokio::time::timeout(REACH, asked).await, Ok(Ok(())))
}

/// Ends connections: those in use when their use ends.
async fn retire(old: DatabaseConnection) {
    let pool = old.get_postgres_connection_pool();
    while let Some(idle) = pool.try_acquire() {
        drop(idle.detach());
    }
    pool.close().await;
}
