//! `roundtable backup` and `roundtable restore`: a whole database as one file, and back.
//!
//! A backup is made beside running servers and while they write. It is read back before it gets its name, it never takes
//! the place of a file that is there, and what was cut off leaves none.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use roundtable_kernel::error::{Code, Error, Result};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, SqlxSqliteConnector, Statement};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempPath;

use crate::settings::Settings;
use crate::version::History;

/// What a backup holds.
#[derive(Clone, Debug)]
pub struct Backup {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Rows of each table, where they were counted.
    pub rows: Vec<(String, i64)>,
    /// How many migrations this program has beyond it.
    pub behind: usize,
}

impl fmt::Display for Backup {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {} bytes", self.file.display(), self.bytes)?;
        if !self.rows.is_empty() {
            let rows: i64 = self.rows.iter().map(|(_, rows)| rows).sum();
            write!(out, ", {rows} rows in {} tables", self.rows.len())?;
        }
        Ok(())
    }
}

/// Copies the database into this file.
pub async fn back_up(settings: &Settings, file: &Path) -> Result<Backup> {
    match (settings.database_file(), settings.direct_url()) {
        (Some(database), _) => copy_sqlite(database, file).await,
        (None, Some(url)) => dump(url, file).await,
        (None, None) => Err(wrong("database_url names no database")),
    }
}

/// Makes the database from a backup. Refused where there is one already.
pub async fn restore(settings: &Settings, file: &Path) -> Result<Backup> {
    match (settings.database_file(), settings.direct_url()) {
        (Some(database), _) => put_back(file, database).await,
        (None, Some(url)) => load(url, file).await,
        (None, None) => Err(wrong("database_url names no database")),
    }
}

fn wrong(detail: impl Into<String>) -> Error {
    Error::new(Code::InvalidInput, detail)
}

fn failed(what: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Error {
    let what = what.to_string();
    move |error| match error.kind() {
        ErrorKind::AlreadyExists => wrong(format!("{what} is there already; name another, or move it away")),
        ErrorKind::StorageFull => Error::new(Code::StorageFull, format!("there is no room for {what}")),
        _ => Error { source: Some(Box::new(error)), ..wrong(format!("{what} could not be written")) },
    }
}

/// A file without a name of its own yet, in the folder where it is to stand.
fn begun(file: &Path) -> Result<TempPath> {
    if file.try_exists().unwrap_or(true) {
        return Err(failed(file.display())(ErrorKind::AlreadyExists.into()));
    }
    let made = tempfile::Builder::new().prefix(".roundtable-").tempfile_in(folder(file));
    Ok(made.map_err(failed(file.display()))?.into_temp_path())
}

/// Gives a file its name, once it is on disk whole.
fn finished(made: TempPath, file: &Path) -> Result<u64> {
    let written = || {
        let opened = std::fs::File::open(&made)?;
        opened.sync_all()?;
        Ok(opened.metadata()?.len())
    };
    let bytes = written().map_err(failed(file.display()))?;
    made.persist_noclobber(file).map_err(|error| failed(file.display())(error.error))?;
    let named = std::fs::File::open(folder(file)).and_then(|folder| folder.sync_all());
    named.map_err(failed(file.display()))?;
    Ok(bytes)
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

async fn opened(file: &Path) -> Result<DatabaseConnection> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).busy_timeout(Duration::from_secs(30));
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
    let pool = pool.map_err(|error| Error {
        source: Some(Box::new(error)),
        ..wrong(format!("{} cannot be opened as a SQLite database", file.display()))
    })?;
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}

/// Copies a SQLite database as it is at one moment; its writers go on.
pub(crate) async fn copy_sqlite(database: &Path, file: &Path) -> Result<Backup> {
    let made = begun(file)?;
    let into = made.to_str().ok_or_else(|| wrong("the name of the file is not UTF-8"))?;
    let source = opened(database).await?;
    let copy = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [into.into()]);
    let copied = source.execute_raw(copy).await;
    source.close().await?;
    copied.map_err(|error| {
        let mut error = Error::from(error);
        if error.code == Code::Internal {
            error.detail = format!("{} cannot be copied; `roundtable doctor` says what is wrong", database.display());
        }
        error
    })?;
    let (rows, behind) = examined(&made).await?;
    Ok(Backup { bytes: finished(made, file)?, file: file.to_owned(), rows, behind })
}

/// Puts a SQLite backup where the database is to be.
async fn put_back(file: &Path, database: &Path) -> Result<Backup> {
    for beside in ["", "-wal", "-shm"] {
        let mut there = database.as_os_str().to_owned();
        there.push(beside);
        if Path::new(&there).try_exists().unwrap_or(true) {
            let there = there.display();
            return Err(wrong(format!("{there} is there already; stop the server and move it away first")));
        }
    }
    let (rows, behind) = examined(file).await?;
    let made = begun(database)?;
    std::fs::copy(file, &made).map_err(failed(database.display()))?;
    Ok(Backup { bytes: finished(made, database)?, file: database.to_owned(), rows, behind })
}

/// Reads a SQLite file from end to end: whether it is whole and ours, what it holds, and how far behind it is.
async fn examined(file: &Path) -> Result<(Vec<(String, i64)>, usize)> {
    let db = opened(file).await?;
    let examined = examine(&db).await;
    db.close().await?;
    examined
        .map_err(|error| Error { detail: format!("{} is no good backup: {}", file.display(), error.detail), ..error })
}

async fn examine(db: &DatabaseConnection) -> Result<(Vec<(String, i64)>, usize)> {
    let ask = async |question: String| db.query_all_raw(Statement::from_string(DbBackend::Sqlite, question)).await;
    let damaged = |error| Error { source: Some(Box::new(error)), ..wrong("the file is damaged") };
    let found = ask("PRAGMA integrity_check(3)".into()).await.map_err(damaged)?;
    let found: Vec<String> = found.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
    if found != ["ok"] {
        return Err(wrong(format!("the file is damaged: {}", found.join("; "))));
    }
    if let Some(row) = ask("PRAGMA foreign_key_check".into()).await?.first() {
        let table: String = row.try_get_by_index(0)?;
        return Err(wrong(format!("a row of {table} points to one that is not there")));
    }
    let history = History::read(db).await?;
    if history.applied.is_empty() {
        return Err(wrong("it holds no database of Roundtable"));
    }
    let tables = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' \
                  ORDER BY name";
    let mut rows = Vec::new();
    for table in ask(tables.into()).await? {
        let table: String = table.try_get_by_index(0)?;
        let count = ask(format!("SELECT count(*) FROM \"{table}\"")).await?;
        let count = count.first().map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
        rows.push((table, count));
    }
    Ok((rows, history.pending.len()))
}

/// Dumps a PostgreSQL database as it is at one moment, in pg_dump's own format.
async fn dump(url: &str, file: &Path) -> Result<Backup> {
    let made = begun(file)?;
    let behind = connected(url, async |db| Ok(History::read(db).await?.pending.len())).await?;
    let mut pg_dump = postgres("pg_dump", url)?;
    pg_dump.arg("--format=custom").arg("--file").arg(&made);
    ran(pg_dump).await?;
    // Reads and unpacks all of it.
    let mut pg_restore = Command::new("pg_restore");
    pg_restore.arg("--file=/dev/null").arg(&*made);
    ran(pg_restore).await?;
    Ok(Backup { bytes: finished(made, file)?, file: file.to_owned(), rows: Vec::new(), behind })
}

/// Loads a dump into an empty PostgreSQL database, whole or not at all.
async fn load(url: &str, file: &Path) -> Result<Backup> {
    let tables = "SELECT 1 FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace LIMIT 1";
    let held = connected(url, async |db| {
        Ok(db.query_one_raw(Statement::from_string(DbBackend::Postgres, tables)).await?.is_some())
    });
    if held.await? {
        return Err(wrong("the database holds tables already; make an empty one and name it in database_url"));
    }
    let mut pg_restore = postgres("pg_restore", url)?;
    pg_restore.args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]).arg(file);
    ran(pg_restore).await?;
    let behind = connected(url, async |db| Ok(History::read(db).await?.pending.len())).await?;
    let bytes = std::fs::metadata(file).map_err(failed(file.display()))?.len();
    Ok(Backup { bytes, file: file.to_owned(), rows: Vec::new(), behind })
}

async fn connected<T>(url: &str, ask: impl AsyncFnOnce(&DatabaseConnection) -> Result<T>) -> Result<T> {
    let mut options = sea_orm::ConnectOptions::new(url.to_owned());
    options.max_connections(1).sqlx_logging(false);
    let db = sea_orm::Database::connect(options).await?;
    let answer = ask(&db).await;
    db.close().await?;
    answer
}

/// A program of PostgreSQL that works on this database. The password is not among its arguments, where every user of the
/// machine could read it.
fn postgres(program: &str, url: &str) -> Result<Command> {
    let mut url = url::Url::parse(url).map_err(|error| wrong(format!("the address of the database: {error}")))?;
    let mut command = Command::new(program);
    if let Some(password) = url.password() {
        let password = percent_encoding::percent_decode_str(password).decode_utf8_lossy().into_owned();
        command.env("PGPASSWORD", password);
    }
    // Only what a client of PostgreSQL knows; a parameter of our own driver would be refused.
    let known: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(name, _)| name != "statement-cache-capacity").collect();
    url.query_pairs_mut().clear().extend_pairs(known);
    url.set_password(None).map_err(|()| wrong("the address of the database holds no host"))?;
    command.arg("--no-password").arg("--dbname").arg(url.as_str().trim_end_matches('?'));
    Ok(command)
}

async fn ran(mut command: Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = tokio::task::spawn_blocking(move || command.output()).await.map_err(Error::internal)?;
    let Output { status, stderr, .. } = output.map_err(|error| match error.kind() {
        ErrorKind::NotFound => wrong(format!(
            "{name} was not found: install the client programs of PostgreSQL (postgresql-client), or run {name} where the \
             database is"
        )),
        _ => Error::internal(error),
    })?;
    if status.success() {
        return Ok(());
    }
    Err(wrong(format!("{name} failed: {}", String::from_utf8_lossy(&stderr).trim())))
}
