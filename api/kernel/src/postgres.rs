//! Reading records on PostgreSQL over connections of the thread that asks. One that another thread opened would wake that
//! thread for every answer, and one of the shared pool is asked whether it still stands after every statement. For
//! records, which are read by one statement outside any transaction, both would cost more than the statement.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use roundtable_entity::{Cells, Record};
use sea_orm::sea_query::{ArrayType, Value as SqlValue};
use sea_orm::{ConnAcquireErr, DbBackend, DbErr, QueryTrait, RuntimeErr, Select, Statement};
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Row as _};
use tokio::sync::Semaphore;

/// The connections of each thread.
pub(crate) struct Lanes {
    options: PgConnectOptions,
    /// Most connections of a thread.
    most: usize,
    acquire: Duration,
    lanes: Mutex<HashMap<ThreadId, Arc<Lane>>>,
}

/// The connections of a thread.
struct Lane {
    idle: Mutex<Vec<PgConnection>>,
    places: Semaphore,
}

impl Lane {
    fn idle(&self) -> Option<PgConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, connection: PgConnection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    fn forget(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Lanes {
    /// So many connections a thread, each waited for so long.
    pub(crate) fn of(options: PgConnectOptions, most: usize, acquire: Duration) -> Self {
        Self { options, most, acquire, lanes: Mutex::default() }
    }

    fn lane(&self) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = || Arc::new(Lane { idle: Mutex::default(), places: Semaphore::new(self.most) });
        lanes.entry(std::thread::current().id()).or_insert_with(lane).clone()
    }

    /// Gives up every connection: those in use when they are answered.
    pub(crate) fn forget(&self) {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The rows a query finds.
    pub(crate) async fn rows<R: Record>(&self, select: Select<R::Entity>) -> Result<Vec<R>, DbErr> {
        let statement = select.build(DbBackend::Postgres);
        let lane = self.lane();
        let late = |_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let _place = tokio::time::timeout(self.acquire, lane.places.acquire()).await.map_err(late)?;
        let (mut connection, was_idle) = match lane.idle() {
            Some(idle) => (idle, true),
            None => (self.connect().await?, false),
        };
        let mut answer = ask(&mut connection, &statement).await;
        if was_idle && matches!(&answer, Err(error) if has_ended(error)) {
            // Those beside it have most likely ended with it, and nothing was changed by asking.
            lane.forget();
            connection = self.connect().await?;
            answer = ask(&mut connection, &statement).await;
        }
        if !matches!(&answer, Err(error) if has_ended(error)) {
            lane.put(connection);
        }
        answer.map_err(failed)?.iter().map(|row| R::from_cells(&mut Row { row, at: 0 })).collect()
    }

    async fn connect(&self) -> Result<PgConnection, DbErr> {
        let connected = tokio::time::timeout(self.acquire, PgConnection::connect_with(&self.options)).await;
        let connected = connected.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
        connected.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))
    }
}

async fn ask(connection: &mut PgConnection, statement: &Statement) -> Result<Vec<PgRow>, sqlx::Error> {
    let values = SqlxValues(statement.values.clone().unwrap_or(sea_orm::Values(Vec::new())));
    sqlx::query_with(AssertSqlSafe(statement.sql.clone()), values).fetch_all(connection).await
}

/// Whether nothing more can be asked on the connection this was answered on.
fn has_ended(error: &sqlx::Error) -> bool {
    match error {
        // PostgreSQL stops, or ended the connection (class 57, but a statement that took too long).
        sqlx::Error::Database(told) => {
            told.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => false,
        _ => true,
    }
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

struct Row<'r> {
    row: &'r PgRow,
    at: usize,
}

impl Cells for Row<'_> {
    fn next(&mut self, kind: ArrayType) -> Result<SqlValue, DbErr> {
        let (row, at) = (self.row, self.at);
        self.at += 1;
        let cell = match kind {
            ArrayType::String => row.try_get(at).map(|text| SqlValue::String(text)),
            ArrayType::Uuid => row.try_get(at).map(SqlValue::Uuid),
            ArrayType::Int => row.try_get(at).map(SqlValue::Int),
            ArrayType::BigInt => row.try_get(at).map(SqlValue::BigInt),
            ArrayType::Bool => row.try_get(at).map(SqlValue::Bool),
            ArrayType::Double => row.try_get(at).map(SqlValue::Double),
            ArrayType::ChronoDate => row.try_get(at).map(SqlValue::ChronoDate),
            ArrayType::ChronoDateTimeUtc => row.try_get(at).map(SqlValue::ChronoDateTimeUtc),
            other => return Err(DbErr::Type(format!("{other:?} cannot be read"))),
        };
        cell.map_err(failed)
    }
}
