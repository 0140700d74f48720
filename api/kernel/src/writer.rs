//! The one connection that writes to a SQLite file. It belongs to a thread of its own, and statements that find or change
//! records run right there: handing one to the driver's thread and its values back costs several times what most of them
//! take. All others go through the driver, on the same connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use roundtable_entity::Record;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use sea_orm::{DbErr, RuntimeErr, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteQueryResult, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};
use tokio::sync::Mutex;

use crate::sqlite::{PREPARED, changes, records, told};

/// See the module.
pub(crate) struct Writer {
    /// Reaches through the handle that the driver owns, and is gone before it.
    here: Connection,
    driver: SqliteConnection,
    /// Whether the driver's thread may be at work.
    handed: bool,
    /// The outermost transaction within that was left before its end, to be undone; 0 for none.
    left: Arc<AtomicU32>,
}

impl Writer {
    #[expect(unsafe_code, reason = "two libraries share one connection only through the C interface")]
    pub(crate) async fn open(options: &SqliteConnectOptions) -> Result<Self, DbErr> {
        let mut driver = options.clone().disable_statement_logging().connect().await.map_err(failed)?;
        let handle = driver.lock_handle().await.map_err(failed)?.as_raw_handle();
        // SAFETY: the handle stands as long as `driver`, which is dropped after what is made of it here. The driver's thread
        // touches it only while it has something to do, and all that is done by `here` waits for the end of that (see
        // `settle`); nobody leaves the writer to others, or drops it, before its statement is answered.
        let here = unsafe { Connection::from_handle(handle.as_ptr()) }.map_err(told)?;
        // As for the readers: plans do not depend on what is bound.
        here.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(told)?;
        here.set_prepared_statement_cache_capacity(PREPARED);
        Ok(Self { here, driver, handed: false, left: Arc::default() })
    }

    /// The connection, once the driver's thread has done what was asked of it.
    async fn settle(&mut self) -> Result<&Connection, DbErr> {
        if self.handed {
            drop(self.driver.lock_handle().await.map_err(failed)?);
            self.handed = false;
        }
        match self.left.swap(0, Ordering::Relaxed) {
            0 => {}
            depth => self.here.execute_batch(&undo(depth)).map_err(told)?,
        }
        Ok(&self.here)
    }

    async fn hand(&mut self) -> Result<&mut SqliteConnection, DbErr> {
        if self.left.load(Ordering::Relaxed) > 0 {
            self.settle().await?;
        }
        self.handed = true;
        Ok(&mut self.driver)
    }

    /// Begins a transaction that nobody else can write beside.
    pub(crate) async fn begin(&mut self) -> Result<(), DbErr> {
        self.undo().await?;
        self.here.execute_batch("BEGIN IMMEDIATE").map_err(told)
    }

    /// Closes the file, once the driver's thread has.
    pub(crate) async fn close(self) -> Result<(), DbErr> {
        let Self { here, driver, .. } = self;
        drop(here);
        driver.close().await.map_err(failed)
    }

    /// Undoes what was begun and not ended, if anything was. SQLite does so by itself when there is no room or the disk fails.
    pub(crate) async fn undo(&mut self) -> Result<(), DbErr> {
        self.left.store(0, Ordering::Relaxed);
        let here = self.settle().await?;
        if here.is_autocommit() { Ok(()) } else { here.execute_batch("ROLLBACK").map_err(told) }
    }
}

/// The transaction of the writer, or one within it. One that is left before its end is undone: one within before the next
/// statement, the whole by the writer.
pub(crate) struct Written {
    writer: Arc<Mutex<Writer>>,
    left: Arc<AtomicU32>,
    /// How many transactions it is within.
    depth: u32,
    ended: bool,
}

impl Drop for Written {
    fn drop(&mut self) {
        if !self.ended && self.depth > 0 {
            let outermost = |left: u32| Some(if left == 0 { self.depth } else { left.min(self.depth) });
            // It always finds one.
            let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, outermost);
        }
    }
}

impl Written {
    /// The transaction that the writer has begun.
    pub(crate) async fn over(writer: Arc<Mutex<Writer>>) -> Self {
        let left = writer.lock().await.left.clone();
        Self { writer, left, depth: 0, ended: false }
    }

    pub(crate) async fn nested(&self) -> Result<Self, DbErr> {
        let depth = self.depth + 1;
        self.simple(&format!("SAVEPOINT within_{depth}")).await?;
        Ok(Self { writer: self.writer.clone(), left: self.left.clone(), depth, ended: false })
    }

    pub(crate) async fn commit(mut self) -> Result<(), DbErr> {
        match self.depth {
            0 => self.simple("COMMIT").await?,
            depth => self.simple(&format!("RELEASE within_{depth}")).await?,
        }
        self.ended = true;
        Ok(())
    }

    pub(crate) async fn rollback(mut self) -> Result<(), DbErr> {
        match self.depth {
            0 => self.simple("ROLLBACK").await?,
            depth => self.simple(&undo(depth)).await?,
        }
        self.ended = true;
        Ok(())
    }

    /// Statements without parameters or rows.
    pub(crate) async fn simple(&self, sql: &str) -> Result<(), DbErr> {
        self.writer.lock().await.settle().await?.execute_batch(sql).map_err(told)
    }

    /// The records that a statement finds.
    pub(crate) async fn records<R: Record>(&self, statement: &Statement) -> Result<Vec<R>, DbErr> {
        records(self.writer.lock().await.settle().await?, statement).map_err(told)
    }

    /// How many rows a statement changed.
    pub(crate) async fn changes(&self, statement: &Statement) -> Result<u64, DbErr> {
        changes(self.writer.lock().await.settle().await?, statement).map_err(told)
    }

    /// What a statement finds, in the driver's form.
    pub(crate) async fn query(&self, statement: &Statement) -> Result<Vec<SqliteRow>, DbErr> {
        query(statement).fetch_all(self.writer.lock().await.hand().await?).await.map_err(failed)
    }

    /// What a statement did, in the driver's form.
    pub(crate) async fn execute(&self, statement: &Statement) -> Result<SqliteQueryResult, DbErr> {
        query(statement).execute(self.writer.lock().await.hand().await?).await.map_err(failed)
    }

    /// What statements without parameters did, in the driver's form.
    pub(crate) async fn script(&self, sql: &str) -> Result<SqliteQueryResult, DbErr> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        script.execute(self.writer.lock().await.hand().await?).await.map_err(failed)
    }
}

fn undo(depth: u32) -> String {
    format!("ROLLBACK TO within_{depth}; RELEASE within_{depth}")
}

fn query(statement: &Statement) -> sqlx::query::Query<'_, sqlx::Sqlite, SqlxValues> {
    let values = statement.values.clone().unwrap_or(sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.clone()), SqlxValues(values))
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
