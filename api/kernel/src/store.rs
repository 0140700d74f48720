//! The database and its two doors.
//!
//! Nothing outside this file begins a transaction. `read` answers; `write` runs a closure in a transaction that either
//! happens whole or not at all, and may run the closure again when the database asks for it, so the closure touches
//! nothing but what it is given.
//!
//! SQLite has one writer. Its transactions are queued and committed in groups, so that one sync to disk serves all that
//! came meanwhile: durable writes without paying a sync each. PostgreSQL transactions are serialisable.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, TransactionOptions,
};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, mpsc, oneshot, watch};
use tracing::Instrument;

use crate::bulkhead::Bulkhead;
use crate::error::{Code, Error, Result, is_retryable};
use crate::pool::{self, Pool, Transaction};
use crate::replica::Replica;
use crate::writer::Writer;

/// A transaction, shared by everything done in it.
pub type Tx = Arc<Transaction>;

/// How many writes share one commit at the most.
const GROUP: usize = 64;
/// Channel on which replicas tell each other.
pub const CHANNEL: &str = "roundtable";
/// How often a transaction is tried.
const TRIES: u32 = 12;

type Reply = Box<dyn FnOnce(Result<()>) + Send>;
/// A write, given the transaction or why there is none; says whether it is to be kept, and how to answer.
type Job = Box<dyn FnOnce(Result<Tx>) -> BoxFuture<'static, (bool, Reply)> + Send>;

/// The way to the writer of a SQLite file.
#[derive(Clone)]
struct Queue {
    jobs: mpsc::Sender<Job>,
    /// To take no more, and to close its connection when all is done.
    end: Arc<Notify>,
    /// Gone when it is closed.
    open: watch::Receiver<()>,
}

/// The database.
#[derive(Clone)]
pub struct Store {
    read: Pool,
    write: Pool,
    maintenance: DatabaseConnection,
    queue: Option<Queue>,
    replica: Option<Replica>,
    bulkhead: Option<Bulkhead>,
}

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// A read replica of a PostgreSQL database, `postgres://…`; empty for none.
    pub read_url: String,
    /// Connections that all threads share, and as many for reading records, divided among the workers.
    pub connections: u32,
    /// Threads that answer requests.
    pub workers: usize,
}

impl Store {
    /// Connects and sets what has to be set: on SQLite write-ahead log, full synchronous, foreign keys, a busy timeout.
    pub async fn connect(options: &StoreOptions) -> Result<Self> {
        if options.url.starts_with("sqlite:") {
            Self::connect_sqlite(options).await
        } else if options.url.starts_with("postgres") {
            let pool = Pool::postgres(&options.url, options.connections, options.workers).await?;
            let replica = match options.read_url.as_str() {
                "" => None,
                url => Some(Replica::connect(pool.clone(), url, options).await?),
            };
            Ok(Self {
                read: pool.clone(),
                maintenance: pool.current(),
                write: pool,
                queue: None,
                replica,
                bulkhead: Some(Bulkhead::new(options.connections, options.workers)),
            })
        } else {
            Err(Error::new(Code::Internal, "the database url starts with sqlite: or postgres://"))
        }
    }

    async fn connect_sqlite(options: &StoreOptions) -> Result<Self> {
        let path = options.url.trim_start_matches("sqlite:").trim_start_matches("//");
        let file = format!("sqlite://{path}?mode=rwc");
        let mut one = pool::common(&file, 1);
        // Upgrades and checks need it, and nothing else does.
        one.min_connections(0).connect_lazy(true).idle_timeout(pool::ACQUIRE).map_sqlx_sqlite_opts(pragmas);
        one.map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|connection, _| Box::pin(is_clean(connection))));
        let write = Pool::sqlite(one).await?;
        // First, as it makes the file where there is none.
        let queue = begin_writing(write.clone(), pragmas(file.parse().map_err(pool::unknown)?)).await?;
        let mut many = pool::common(&file, options.connections.clamp(1, 4));
        many.min_connections(1).map_sqlx_sqlite_opts(|sqlite| pragmas(sqlite).pragma("query_only", "ON"));
        many.map_sqlx_sqlite_pool_opts(|pool| pool.after_connect(|connection, _| Box::pin(stable_plans(connection))));
        let read = Pool::sqlite_inline(many).await?;
        let maintenance = write.current();
        Ok(Self { read, maintenance, write, queue: Some(queue), replica: None, bulkhead: None })
    }

    /// For answers.
    pub fn read(&self) -> &Pool {
        &self.read
    }

    /// The read replica, where there is one.
    pub fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }

    /// The connection checks run on.
    pub fn maintenance(&self) -> &DatabaseConnection {
        &self.maintenance
    }

    /// A place for an operation of this collection, where one could take every connection from the others.
    pub async fn place(&self, collection: &'static str) -> Result<Option<OwnedSemaphorePermit>> {
        match &self.bulkhead {
            Some(bulkhead) => bulkhead.enter(collection).await.map(Some),
            None => Ok(None),
        }
    }

    /// Which database it is.
    pub fn backend(&self) -> DbBackend {
        self.read.get_database_backend()
    }

    /// Runs `work` in a transaction and commits when it returns `Ok` and `keep` is set; otherwise nothing happened. It runs
    /// to its end even when whoever asked is gone.
    pub async fn write<T, F, Fut>(&self, keep: bool, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(Tx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let store = self.clone();
        to_its_end(async move { store.transact(keep, work).await }).await
    }

    /// The same for whoever cannot be gone.
    pub(crate) async fn transact<T, F, Fut>(&self, keep: bool, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(Tx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        match &self.queue {
            Some(queue) => queued(queue, keep, work).await,
            None => self.serializable(keep, work).await,
        }
    }

    /// Runs `work` in a transaction in which each statement sees all that is committed by then, alone among all replicas
    /// that ask with the same key: for what has to see every commit, not one moment of the past.
    pub async fn in_turn<T, F, Fut>(&self, key: i64, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(Tx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        self.after(format!("SELECT pg_advisory_xact_lock({key})"), false, work).await
    }

    /// Runs `work` in one transaction, alone among all that ask for it, however long it takes: for bringing the database to
    /// another version. On SQLite nobody else writes meanwhile, and who finds another at it is refused after five seconds.
    pub async fn upgrade<T, F, Fut>(&self, key: i64, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(Tx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        // A change of a table that waits for its lock holds up everybody behind it, so that wait stays short.
        let alone = format!(
            "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({key}); \
             SET LOCAL lock_timeout = '10s'"
        );
        let Some(_) = &self.queue else { return self.after(alone, true, work).await };
        let store = self.clone();
        to_its_end(async move {
            let options = TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            };
            finished(store.write.begin(options).await?, true, work).await
        })
        .await
    }

    /// Closes every connection, once what is under way is done. Nothing can be asked after it.
    pub async fn close(&self) -> Result<()> {
        if let Some(queue) = &self.queue {
            queue.end.notify_one();
            // Nothing is ever sent.
            let _ = queue.open.clone().changed().await;
        }
        if let Some(replica) = &self.replica {
            replica.connection().clone().close().await?;
        }
        self.read.clone().close().await?;
        self.write.clone().close().await?;
        Ok(())
    }

    /// Runs `work` in a transaction whose statements each see what is committed by then, on PostgreSQL once `first` is done,
    /// however long that takes if it is `patient`. On SQLite writes are alone as they are.
    async fn after<T, F, Fut>(&self, first: String, patient: bool, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(Tx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        if let Some(queue) = &self.queue {
            return queued(queue, true, work).await;
        }
        let store = self.clone();
        to_its_end(async move {
            let (first, work) = (&first, &work);
            let begun = |tx: Tx| async move {
                match patient {
                    true => tx.patient()?.execute_unprepared(first).await?,
                    false => tx.execute_unprepared(first).await?,
                };
                work(tx).await
            };
            let isolation_level = Some(IsolationLevel::ReadCommitted);
            let options = TransactionOptions { isolation_level, ..TransactionOptions::default() };
            finished(store.write.begin(options).await?, true, begun).await
        })
        .await
    }

    /// Tells the other replicas, where the database can. Who does not hear of it finds out by looking.
    pub async fn tell(&self, what: &str) {
        if self.backend() != DbBackend::Postgres {
            return;
        }
        let statement = format!("SELECT pg_notify('{CHANNEL}', '{what}')");
        if let Err(error) = self.write.execute_unprepared(&statement).await {
            tracing::warn!(%error, what, "other replicas could not be told; they will find out by themselves");
        }
    }

    async fn serializable<T, F, Fut>(&self, keep: bool, work: F) -> Result<T>
    where
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = match self.write.begin_serializable(keep).await {
                Ok(tx) => finished(tx, keep, &work).await,
                Err(error) => Err(error.into()),
            };
            match outcome {
                Err(error) if attempt < TRIES && retryable(&error) => {
                    let most = 2u64 << attempt.min(7);
                    tokio::time::sleep(Duration::from_millis(1 + random_below(most))).await;
                }
                done => return done,
            }
        }
    }
}

/// Runs `work` in a transaction and ends it.
async fn finished<T, F, Fut>(tx: Transaction, keep: bool, work: F) -> Result<T>
where
    F: Fn(Tx) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let tx = Arc::new(tx);
    let outcome = work(tx.clone()).await;
    let tx = Arc::into_inner(tx).ok_or_else(|| Error::internal("a transaction outlived its work"))?;
    match outcome {
        Ok(value) if keep => {
            tx.commit().await?;
            Ok(value)
        }
        other => {
            tx.rollback().await?;
            other
        }
    }
}

/// Does something as a whole, though whoever waits for it may go away: else a connection dropped between BEGIN and its
/// answer goes back to the pool with a transaction open, and the next request on it fails.
pub(crate) async fn to_its_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(work.in_current_span()).await.map_err(Error::internal)?
}

/// Runs `work` in a transaction within a transaction: what fails in it is undone alone.
pub async fn nested<T, F, Fut>(outer: &Tx, work: F) -> Result<T>
where
    F: FnOnce(Tx) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let inner = Arc::new(outer.nested().await?);
    let outcome = work(inner.clone()).await;
    let inner = Arc::into_inner(inner).ok_or_else(|| Error::internal("a transaction outlived its work"))?;
    if outcome.is_ok() {
        inner.commit().await?;
    } else {
        inner.rollback().await?;
    }
    outcome
}

fn pragmas(sqlite: SqliteConnectOptions) -> SqliteConnectOptions {
    sqlite
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(256)
        .pragma("cache_size", "-32768")
        .pragma("mmap_size", "268435456")
        .pragma("temp_store", "MEMORY")
}

/// Query planner stability guarantee: without it SQLite prepares a statement anew at every run because the object mapper
/// binds its LIMIT.
#[expect(unsafe_code, reason = "the setting is reached only through the C interface")]
async fn stable_plans(connection: &mut sqlx::SqliteConnection) -> Result<(), sqlx::Error> {
    let mut handle = connection.lock_handle().await?;
    // SAFETY: the handle is locked for this call, the option takes an int and an optional int pointer.
    unsafe {
        libsqlite3_sys::sqlite3_db_config(
            handle.as_raw_handle().as_ptr(),
            libsqlite3_sys::SQLITE_DBCONFIG_ENABLE_QPSG,
            1,
            std::ptr::null_mut::<std::ffi::c_int>(),
        );
    }
    Ok(())
}

/// Whether a connection that was used can be used again. SQLite undoes a transaction by itself when there is no room or the
/// disk fails; the connection is then a level deeper in transactions than the file, and the next would not be one.
async fn is_clean(connection: &mut sqlx::SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // What was asked of it before is done by the time it is locked.
        drop(connection.lock_handle().await?);
    }
    Ok(!connection.is_in_transaction())
}

fn retryable(error: &Error) -> bool {
    error.source.as_ref().and_then(|source| source.downcast_ref::<DbErr>()).is_some_and(is_retryable)
}

fn random_below(most: u64) -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes) % most.max(1),
        Err(_) => most / 2,
    }
}

async fn queued<T, F, Fut>(queue: &Queue, keep: bool, work: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(Tx) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T>> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |tx| {
        Box::pin(async move {
            let outcome = match tx {
                Ok(tx) => work(tx).await,
                Err(error) => Err(error),
            };
            let kept = keep && outcome.is_ok();
            let reply: Reply = Box::new(move |committed| {
                // Whoever asked may be gone; the write stands all the same.
                let _ = answer.send(match committed {
                    Err(error) if kept => Err(error),
                    _ => outcome,
                });
            });
            (kept, reply)
        })
    });
    let closed = || Error::new(Code::Unavailable, "the writer could not take it; try again");
    queue.jobs.send(job).await.map_err(|_| closed())?;
    answered.await.map_err(|_| closed())?
}

/// Gives the writer a thread of its own: it waits there for the disk.
async fn begin_writing(pool: Pool, options: SqliteConnectOptions) -> Result<Queue> {
    let writer = pool::opened(async || Writer::open(&options).await).await?;
    let (jobs, asked) = mpsc::channel(4096);
    let (closed, open) = watch::channel(());
    let end = Arc::new(Notify::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::internal)?;
    let groups = commit_in_groups(pool, options, writer, asked, end.clone());
    let written = move || {
        runtime.block_on(groups);
        drop(closed);
    };
    std::thread::Builder::new().name("writer".into()).spawn(written).map_err(Error::internal)?;
    Ok(Queue { jobs, end, open })
}

async fn commit_in_groups(
    pool: Pool,
    options: SqliteConnectOptions,
    writer: Writer,
    mut jobs: mpsc::Receiver<Job>,
    end: Arc<Notify>,
) {
    let writer = Arc::new(Mutex::new(writer));
    loop {
        let first = tokio::select! {
            biased;
            () = end.notified() => {
                jobs.close();
                continue;
            }
            job = jobs.recv() => match job {
                Some(job) => job,
                None => break,
            },
        };
        let mut replies = Vec::new();
        let committed = group(&pool, &writer, &mut jobs, first, &mut replies).await;
        for reply in replies {
            reply(match &committed {
                Ok(()) => Ok(()),
                Err(error) => Err(same(error)),
            });
        }
        if let Err(error) = committed {
            tracing::error!(%error, "a group of writes could not be committed");
            let mut writer = writer.lock().await;
            if let Err(error) = writer.undo().await {
                tracing::error!(%error, "nor could it be undone; the file is opened anew");
                match Writer::open(&options).await {
                    Ok(fresh) => *writer = fresh,
                    Err(error) => tracing::error!(%error, "the file could not be opened anew"),
                }
            }
        }
    }
    if let Some(writer) = Arc::into_inner(writer)
        && let Err(error) = writer.into_inner().close().await
    {
        tracing::error!(%error, "the file could not be closed in order");
    }
}

/// The same refusal, for one more.
fn same(error: &Error) -> Error {
    Error::new(error.code, error.detail.clone())
}

/// Answers a write that found no transaction.
async fn refuse(job: Job, error: &Error, replies: &mut Vec<Reply>) {
    replies.push(job(Err(same(error))).await.1);
}

async fn group(
    pool: &Pool,
    writer: &Arc<Mutex<Writer>>,
    jobs: &mut mpsc::Receiver<Job>,
    first: Job,
    replies: &mut Vec<Reply>,
) -> Result<()> {
    let tx = match pool.written(writer).await.map_err(Error::from) {
        Ok(tx) => Arc::new(tx),
        Err(error) => {
            refuse(first, &error, replies).await;
            return Err(error);
        }
    };
    let (mut next, mut before) = (Some(first), "");
    while let Some(job) = next {
        // Each is a part of its own, which ends with the beginning of the next.
        if let Err(error) = tx.simple(&format!("{before}SAVEPOINT part")).await.map_err(undone) {
            refuse(job, &error, replies).await;
            return Err(error);
        }
        let outcome = AssertUnwindSafe(job(Ok(tx.clone()))).catch_unwind().await;
        let keep = match outcome {
            Ok((keep, reply)) => {
                replies.push(reply);
                keep
            }
            // Its reply is gone with it, so whoever waits is told that the writer stopped.
            Err(_) => false,
        };
        if Arc::strong_count(&tx) > 1 {
            return Err(Error::internal("a transaction outlived its work"));
        }
        if !keep {
            tx.simple("ROLLBACK TO part").await.map_err(undone)?;
        }
        before = "RELEASE part; ";
        next = if replies.len() < GROUP { jobs.try_recv().ok() } else { None };
    }
    let tx = Arc::into_inner(tx).ok_or_else(|| Error::internal("a transaction outlived its work"))?;
    tx.commit().await.map_err(undone)
}

/// What the failure to end a part, or the whole, is to whoever waits for it.
fn undone(error: DbErr) -> Error {
    let failed = Error::from(error);
    if failed.code != Code::Internal {
        return failed;
    }
    // There is nothing to end: SQLite has undone the whole group, as it does when there is no room or the disk fails.
    let detail = "a write beside this one failed and took it along; try again";
    Error { source: failed.source, ..Error::new(Code::Unavailable, detail) }
}
