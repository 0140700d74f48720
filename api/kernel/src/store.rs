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
use roundtable_entity::Record;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, QueryTrait, Select, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument;

use crate::error::{Code, Error, Result, is_retryable};
use crate::sqlite::Readers;

/// A transaction, shared by everything done in it.
pub type Tx = Arc<DatabaseTransaction>;

/// How many writes share one commit at the most.
const GROUP: usize = 64;
/// Channel on which replicas tell each other.
pub const CHANNEL: &str = "roundtable";
/// How often a transaction is tried.
const TRIES: u32 = 12;

type Reply = Box<dyn FnOnce(Result<()>) + Send>;
type Job = Box<dyn FnOnce(Tx) -> BoxFuture<'static, (bool, Reply)> + Send>;

/// The database.
#[derive(Clone)]
pub struct Store {
    read: DatabaseConnection,
    write: DatabaseConnection,
    queue: Option<mpsc::Sender<Job>>,
    readers: Option<Arc<Readers>>,
}

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// Connections for reading (and for writing on PostgreSQL).
    pub connections: u32,
}

impl Store {
    /// Connects and sets what has to be set: on SQLite write-ahead log, full synchronous, foreign keys, a busy timeout.
    pub async fn connect(options: &StoreOptions) -> Result<Self> {
        if options.url.starts_with("sqlite:") {
            Self::connect_sqlite(options).await
        } else if options.url.starts_with("postgres") {
            let mut pool = common(&options.url, options.connections);
            pool.map_sqlx_postgres_opts(|postgres| {
                // The tables fit in memory more often than not, and no request may hold a connection for ever.
                postgres.options([
                    ("random_page_cost", "1.1"),
                    ("statement_timeout", "60000"),
                    ("lock_timeout", "10000"),
                ])
            });
            let connection = Database::connect(pool).await?;
            Ok(Self { read: connection.clone(), write: connection, queue: None, readers: None })
        } else {
            Err(Error::new(Code::Internal, "the database url starts with sqlite: or postgres://"))
        }
    }

    async fn connect_sqlite(options: &StoreOptions) -> Result<Self> {
        let path = options.url.trim_start_matches("sqlite:").trim_start_matches("//");
        let file = format!("sqlite://{path}?mode=rwc");
        let mut one = common(&file, 1);
        one.map_sqlx_sqlite_opts(pragmas);
        let write = Database::connect(one).await?;
        let mut many = common(&file, options.connections.clamp(1, 4));
        many.map_sqlx_sqlite_opts(|sqlite| pragmas(sqlite).pragma("query_only", "ON"));
        many.map_sqlx_sqlite_pool_opts(|pool| pool.after_connect(|connection, _| Box::pin(stable_plans(connection))));
        let read = Database::connect(many).await?;
        let (queue, jobs) = mpsc::channel(4096);
        tokio::spawn(commit_in_groups(write.clone(), jobs));
        let readers = Some(Readers::of(file_of(&file)?));
        Ok(Self { read, write, queue: Some(queue), readers })
    }

    /// For answers.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// Rows of a record, outside any transaction.
    pub(crate) async fn rows<R: Record>(&self, select: Select<R::Entity>) -> Result<Vec<R>> {
        match &self.readers {
            Some(readers) => readers.rows(select.build(DbBackend::Sqlite)).await,
            None => Ok(select.all(&self.read).await?),
        }
    }

    /// The connection migrations and checks run on.
    pub fn maintenance(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Which database it is.
    pub fn backend(&self) -> DbBackend {
        self.read.get_database_backend()
    }

    /// Runs `work` in a transaction and commits when it returns `Ok` and `keep` is set; otherwise nothing happened.
    ///
    /// It runs to its end even when whoever asked is gone: a connection dropped between BEGIN and its answer would go back
    /// to the pool with a transaction open, and the next request on it would fail.
    pub async fn write<T, F, Fut>(&self, keep: bool, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(Tx) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        match &self.queue {
            Some(queue) => queued(queue, keep, work).await,
            None => {
                let store = self.clone();
                to_its_end(async move { store.serializable(keep, work).await }).await
            }
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
        if let Some(queue) = &self.queue {
            return queued(queue, true, work).await;
        }
        let store = self.clone();
        let key = format!("SELECT pg_advisory_xact_lock({key})");
        to_its_end(async move {
            let (key, work) = (&key, &work);
            let in_turn = |tx: Tx| async move {
                tx.execute_unprepared(key).await?;
                work(tx).await
            };
            store.attempt(IsolationLevel::ReadCommitted, true, &in_turn).await
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
            let outcome = self.attempt(IsolationLevel::Serializable, keep, &work).await;
            match outcome {
                Err(error) if attempt < TRIES && retryable(&error) => {
                    let most = 2u64 << attempt.min(7);
                    tokio::time::sleep(Duration::from_millis(1 + random_below(most))).await;
                }
                done => return done,
            }
        }
    }

    async fn attempt<T, F, Fut>(&self, isolation: IsolationLevel, keep: bool, work: &F) -> Result<T>
    where
        F: Fn(Tx) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let tx = Arc::new(self.write.begin_with_config(Some(isolation), None).await?);
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
}

async fn to_its_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(work.in_current_span()).await.map_err(Error::internal)?
}

/// Runs `work` in a transaction within a transaction: what fails in it is undone alone.
pub async fn nested<T, F, Fut>(outer: &Tx, work: F) -> Result<T>
where
    F: FnOnce(Tx) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let inner = Arc::new(outer.begin().await?);
    let outcome = work(inner.clone()).await;
    let inner = Arc::into_inner(inner).ok_or_else(|| Error::internal("a transaction outlived its work"))?;
    if outcome.is_ok() {
        inner.commit().await?;
    } else {
        inner.rollback().await?;
    }
    outcome
}

fn common(url: &str, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.to_owned());
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(3))
        .test_before_acquire(false)
        .sqlx_logging(false);
    options
}

/// The file that an address of SQLite names.
fn file_of(url: &str) -> Result<std::path::PathBuf> {
    let options: sqlx::sqlite::SqliteConnectOptions = url.parse().map_err(Error::internal)?;
    Ok(options.get_filename().to_owned())
}

fn pragmas(sqlite: sqlx::sqlite::SqliteConnectOptions) -> sqlx::sqlite::SqliteConnectOptions {
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

async fn queued<T, F, Fut>(queue: &mpsc::Sender<Job>, keep: bool, work: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(Tx) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T>> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |tx| {
        Box::pin(async move {
            let outcome = work(tx).await;
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
    queue.send(job).await.map_err(|_| closed())?;
    answered.await.map_err(|_| closed())?
}

async fn commit_in_groups(connection: DatabaseConnection, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.recv().await {
        let mut replies = Vec::new();
        let committed = group(&connection, &mut jobs, first, &mut replies).await;
        for reply in replies {
            reply(match &committed {
                Ok(()) => Ok(()),
                Err(error) => Err(Error::new(error.code, error.detail.clone())),
            });
        }
        if let Err(error) = committed {
            tracing::error!(%error, "a group of writes could not be committed");
        }
    }
}

async fn group(
    connection: &DatabaseConnection,
    jobs: &mut mpsc::Receiver<Job>,
    first: Job,
    replies: &mut Vec<Reply>,
) -> Result<()> {
    let immediate = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let outer = connection.begin_with_options(immediate).await?;
    let mut next = Some(first);
    while let Some(job) = next {
        let inner = Arc::new(outer.begin().await?);
        let outcome = AssertUnwindSafe(job(inner.clone())).catch_unwind().await;
        let inner = Arc::into_inner(inner).ok_or_else(|| Error::internal("a transaction outlived its work"))?;
        match outcome {
            Ok((keep, reply)) => {
                if keep {
                    inner.commit().await?;
                } else {
                    inner.rollback().await?;
                }
                replies.push(reply);
            }
            // Its reply is gone with it, so whoever waits is told that the writer stopped.
            Err(_) => inner.rollback().await?,
        }
        next = if replies.len() < GROUP { jobs.try_recv().ok() } else { None };
    }
    outer.commit().await?;
    Ok(())
}
