//! Which version a database is at, and bringing it to this one: whole or not at all, by one process at a time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::store::Store;
use roundtable_migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::backup;
use crate::settings::Settings;

/// Key of the turn in which databases are brought to another version.
const TURN: i64 = 7_402_002;
/// How long another process may hold a SQLite file.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a database has been through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Its migrations, oldest first.
    pub applied: Vec<String>,
    /// Those that this version of the program has beyond.
    pub pending: Vec<String>,
}

impl History {
    /// Reads it, and changes nothing. Refused when the database has been through what this program does not know.
    pub async fn read(db: &impl ConnectionTrait) -> Result<Self> {
        let applied = applied(db).await?;
        let known: Vec<String> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
        let unknown: Vec<&str> = applied.iter().filter(|name| !known.contains(name)).map(String::as_str).collect();
        if !unknown.is_empty() {
            let detail = format!(
                "a newer version of the program brought the database to {}; run that version, or restore a backup from \
                 before",
                unknown.join(", ")
            );
            return Err(Error::new(Code::Unavailable, detail));
        }
        let pending = known.into_iter().filter(|name| !applied.contains(name)).collect();
        Ok(Self { applied, pending })
    }
}

/// Names of the migrations a database has been through. The mapper's own question makes its table where there is none.
async fn applied(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let backend = db.get_database_backend();
    let ask = |question: &'static str| db.query_all_raw(Statement::from_string(backend, question));
    let there = match backend {
        DbBackend::Postgres => "SELECT 1 WHERE to_regclass('seaql_migrations') IS NOT NULL",
        _ => "SELECT 1 FROM sqlite_master WHERE name = 'seaql_migrations'",
    };
    if ask(there).await?.is_empty() {
        return Ok(Vec::new());
    }
    let rows = ask("SELECT version FROM seaql_migrations ORDER BY version").await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

/// Whether the database is at this version: neither behind nor ahead.
pub async fn check_version(store: &Store) -> Result<()> {
    let history = History::read(store.read()).await?;
    match history.pending.len() {
        0 => Ok(()),
        behind => Err(Error::new(
            Code::Unavailable,
            format!("the database is {behind} migrations behind; run `roundtable migrate`"),
        )),
    }
}

/// Brings the database to this version.
pub async fn migrate(store: &Store) -> Result<()> {
    upgrade(store, None).await.map(drop)
}

/// Brings the database to this version. A SQLite file that holds something is copied beside itself first, unless the
/// settings say otherwise; where to is returned.
pub async fn migrate_keeping(store: &Store, settings: &Settings) -> Result<Option<PathBuf>> {
    let file = settings.database_file().filter(|_| settings.backup_before_migrating);
    upgrade(store, file.map(Path::to_owned)).await
}

async fn upgrade(store: &Store, file: Option<PathBuf>) -> Result<Option<PathBuf>> {
    let began = Instant::now();
    loop {
        // Before anything is touched: one that is ahead is left as it is, and one at this version is not waited for.
        if History::read(store.read()).await?.pending.is_empty() {
            return Ok(None);
        }
        let file = file.clone();
        let done = store.upgrade(TURN, move |tx| {
            let file = file.clone();
            async move {
                let history = History::read(&*tx).await?;
                let copy = match &file {
                    Some(file) if !history.applied.is_empty() && !history.pending.is_empty() => {
                        Some(copy_beside(file).await?)
                    }
                    _ => None,
                };
                Migrator::up(tx.patient()?, None).await?;
                Ok(copy)
            }
        });
        match done.await {
            // Another process has the file; PostgreSQL waits for its turn by itself.
            Err(error)
                if store.backend() == DbBackend::Sqlite
                    && error.code == Code::Unavailable
                    && began.elapsed() < PATIENCE =>
            {
                tracing::info!("another process holds the database; waiting for it");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            done => return done,
        }
    }
}

/// Copies the file while nobody writes to it.
async fn copy_beside(file: &Path) -> Result<PathBuf> {
    let now = chrono::Utc::now().format("%Y%m%dT%H%M%S%3fZ");
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".before-{now}"));
    let copy = file.with_file_name(name);
    backup::copy_sqlite(file, &copy).await.map_err(|mut error| {
        error.detail = format!(
            "the database was left as it is, since it could not be copied first: {}; backup_before_migrating = false \
             goes without",
            error.detail
        );
        error
    })?;
    tracing::info!(copy = %copy.display(), "the database was copied before it is brought to this version");
    Ok(copy)
}
