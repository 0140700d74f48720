//! Databases that hold something, brought to this version: nothing of it changes, also when the process is killed on the
//! way or two do it at once; and what a newer version made is left alone.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::time::{Duration, Instant};

use roundtable_kernel::store::Store;
use roundtable_migration::{Migrator, MigratorTrait};
use roundtable_server::version::{self, History};
use roundtable_server::{check_version, connect, migrate};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tempfile::TempDir;

use crate::harness::backend::{Backend, close, cluster, settings};
use crate::harness::chance::rounds;
use crate::harness::chance::{self, Chance};
use crate::harness::process::Process;

/// A database of its own, at an earlier version.
struct Base {
    backend: Backend,
    folder: TempDir,
}

impl Base {
    fn new(backend: Backend) -> Option<Base> {
        if backend == Backend::Postgres {
            cluster("upgrades")?;
        }
        Some(Base { backend, folder: tempfile::Builder::new().prefix("roundtable-upgrade-").tempdir().unwrap() })
    }

    /// A name nobody else has: the folder's, which is random.
    fn name(&self, what: &str) -> String {
        let folder = self.folder.path().file_name().unwrap().to_str().unwrap();
        format!("{}_{what}", folder.replace(['-', '.'], "_").to_lowercase())
    }

    /// An empty database.
    fn empty(&self, what: &str) -> String {
        match self.backend {
            Backend::Sqlite => format!("sqlite:{}", self.folder.path().join(what).display()),
            Backend::Postgres => {
                let (cluster, name) = (cluster("upgrades").unwrap(), self.name(what));
                cluster.psql("postgres", &format!("CREATE DATABASE {name}")).unwrap();
                cluster.url(&name)
            }
        }
    }

    /// A copy of one nobody is connected to.
    fn copy(&self, url: &str, what: &str) -> String {
        match url.strip_prefix("sqlite:") {
            Some(file) => {
                let copy = self.folder.path().join(what);
                std::fs::copy(file, &copy).unwrap();
                format!("sqlite:{}", copy.display())
            }
            None => {
                let (cluster, name) = (cluster("upgrades").unwrap(), self.name(what));
                let (_, from) = url.rsplit_once('/').unwrap();
                cluster.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {from}")).unwrap();
                cluster.url(&name)
            }
        }
    }

    fn drop(&self, url: &str) {
        if let Some(file) = url.strip_prefix("sqlite:") {
            for beside in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{file}{beside}"));
            }
            return;
        }
        let (_, name) = url.rsplit_once('/').unwrap();
        let cluster = cluster("upgrades").unwrap();
        cluster.psql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
    }
}

async fn ask(db: &DatabaseConnection, sql: &str) -> Vec<sea_orm::QueryResult> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    rows.unwrap_or_else(|error| panic!("{error}: {sql}"))
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    kind: String,
    optional: bool,
    to: Option<String>,
}

/// The tables that are there and what may be written into them. Numbers that the database gives by itself are left out.
async fn tables(db: &DatabaseConnection) -> BTreeMap<String, Vec<Column>> {
    let columns = match db.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT c.table_name::text AS table_name, c.column_name::text AS name, c.data_type::text AS kind, \
             c.is_nullable = 'YES' AS optional, (SELECT f.relname::text FROM pg_constraint k \
             JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid \
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.conkey[1] \
             WHERE k.contype = 'f' AND t.relname = c.table_name AND a.attname = c.column_name LIMIT 1) AS points \
             FROM information_schema.columns c WHERE c.table_schema = 'public' AND c.table_name <> 'seaql_migrations' \
             AND c.is_generated = 'NEVER' AND c.is_identity = 'NO' AND coalesce(c.column_default, '') NOT LIKE 'nextval%' \
             ORDER BY c.table_name, c.ordinal_position"
        }
        _ => {
            "SELECT t.name AS table_name, c.name AS name, lower(c.type) AS kind, c.\"notnull\" = 0 AS optional, \
             (SELECT f.\"table\" FROM pragma_foreign_key_list(t.name) f WHERE f.\"from\" = c.name) AS points \
             FROM pragma_table_list t, pragma_table_info(t.name) c WHERE t.schema = 'main' AND t.type = 'table' \
             AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'seaql_migrations' AND NOT (c.pk = 1 AND c.type = 'INTEGER') \
             ORDER BY t.name, c.cid"
        }
    };
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for row in ask(db, columns).await {
        let column = Column {
            name: row.try_get("", "name").unwrap(),
            kind: row.try_get("", "kind").unwrap(),
            optional: row.try_get("", "optional").unwrap(),
            to: row.try_get("", "points").unwrap(),
        };
        tables.entry(row.try_get("", "table_name").unwrap()).or_default().push(column);
    }
    // What full-text search keeps is its own affair.
    tables.retain(|name, _| !name.contains("_search"));
    tables
}

/// The id of a row by its number; the same in every table, so that row 7 points to rows 7.
fn id(number: usize) -> String {
    format!("01890000-0000-7000-8000-{number:012x}")
}

fn value(column: &Column, number: usize, table: &str) -> String {
    // A table that points to itself, and every other row where nothing has to be.
    if column.optional && (column.to.as_deref() == Some(table) || number % 2 == 1) {
        return "NULL".into();
    }
    match column.kind.as_str() {
        "uuid" => format!("'{}'", id(number)),
        // As the server writes them.
        "uuid_text" => format!("x'{}'", id(number).replace('-', "")),
        "integer" | "bigint" => number.to_string(),
        "boolean" => ["true", "false"][number % 2].into(),
        "double precision" | "double" => format!("{number}.25"),
        "date" | "date_text" => format!("'2026-{:02}-{:02}'", 1 + number % 12, 1 + number % 28),
        kind if kind.starts_with("timestamp") => format!("'2026-01-02T03:04:{:02}.000005+00:00'", number % 60),
        "text" if column.name.ends_with("_ids") => format!("'[\"{}\"]'", id(number)),
        "text" => format!("'{} {number} naïve ❄'", column.name),
        kind => panic!("{table}.{}: nothing is known of {kind}", column.name),
    }
}

/// Writes so many rows into every table.
async fn fill(db: &DatabaseConnection, rows: usize) {
    let tables = tables(db).await;
    let mut done: Vec<&String> = Vec::new();
    while done.len() < tables.len() {
        let before = done.len();
        for (table, columns) in &tables {
            let ready = |column: &Column| column.to.as_ref().is_none_or(|to| to == table || done.contains(&to));
            if done.contains(&table) || !columns.iter().all(ready) {
                continue;
            }
            let names: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
            for from in (0..rows).step_by(100) {
                let values: Vec<String> = (from..rows.min(from + 100))
                    .map(|number| {
                        let row: Vec<String> = columns.iter().map(|column| value(column, number, table)).collect();
                        format!("({})", row.join(", "))
                    })
                    .collect();
                let insert = format!("INSERT INTO \"{table}\" ({}) VALUES {}", names.join(", "), values.join(", "));
                db.execute_unprepared(&insert).await.unwrap_or_else(|error| panic!("{table}: {error}"));
            }
            done.push(table);
        }
        assert!(done.len() > before, "these tables point to each other in a circle");
    }
}

type Sums = BTreeMap<String, (usize, u64)>;

/// How many rows each of these tables holds, and a sum over what stands in these columns.
async fn sums(db: &DatabaseConnection, of: &BTreeMap<String, Vec<Column>>) -> Sums {
    let mut sums = Sums::new();
    for (table, columns) in of {
        let cell = |column: &Column| match column.kind.as_str() {
            "uuid_text" => format!("coalesce(typeof(\"{0}\") || hex(\"{0}\"), '∅')", column.name),
            _ => format!("coalesce(CAST(\"{}\" AS text), '∅')", column.name),
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let rows = ask(db, &format!("SELECT {} AS cells FROM \"{table}\"", cells.join(" || '|' || "))).await;
        let mut cells: Vec<String> = rows.iter().map(|row| row.try_get("", "cells").unwrap()).collect();
        cells.sort();
        let mut sum = DefaultHasher::new();
        cells.hash(&mut sum);
        sums.insert(table.clone(), (cells.len(), sum.finish()));
    }
    sums
}

async fn stored(url: &str) -> Store {
    connect(&settings(url)).await.unwrap()
}

/// A database after so many migrations, full, and what is in it.
async fn earlier(base: &Base, steps: usize, rows: usize) -> (String, BTreeMap<String, Vec<Column>>, Sums) {
    let url = base.empty(&format!("earlier_{steps}"));
    let store = stored(&url).await;
    Migrator::up(store.maintenance(), u32::try_from(steps).ok()).await.unwrap();
    fill(store.maintenance(), rows).await;
    let there = tables(store.maintenance()).await;
    let sums = sums(store.maintenance(), &there).await;
    close(&store).await;
    (url, there, sums)
}

fn on_both(play: impl AsyncFn(Base)) {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if let Some(base) = Base::new(backend) {
            actix_web::rt::System::new().block_on(play(base));
        }
    }
}

#[test]
fn a_full_database_of_any_earlier_version_keeps_all_it_holds() {
    on_both(async |base| {
        for steps in 1..=Migrator::migrations().len() {
            let (url, there, before) = earlier(&base, steps, rounds(20, 2000)).await;
            assert!(before.values().all(|(rows, _)| *rows >= rounds(20, 2000)), "{before:?}");
            let store = stored(&url).await;
            let began = Instant::now();
            migrate(&store).await.unwrap();
            if chance::long() {
                let rows: usize = before.values().map(|(rows, _)| rows).sum();
                println!("{:?}: {rows} rows from version {steps} in {:?}", base.backend, began.elapsed());
            }
            check_version(&store).await.unwrap();
            assert_eq!(sums(store.maintenance(), &there).await, before, "from version {steps}");
            if steps < 3 {
                let links = ask(store.maintenance(), "SELECT count(*) AS links FROM solution_need").await;
                let links: i64 = links[0].try_get("", "links").unwrap();
                let named = if steps < 2 { 0 } else { before["solution"].0 };
                assert_eq!(usize::try_from(links).unwrap(), named, "what was named in a list is linked");
            }
            if base.backend == Backend::Sqlite {
                let text = ask(store.maintenance(), "SELECT 1 FROM event WHERE typeof(id) = 'text'").await;
                assert!(text.is_empty(), "an event has an id that cannot be read");
            }
            close(&store).await;
            base.drop(&url);
        }
    });
}

#[test]
fn a_migration_that_is_killed_stands_whole_or_not_at_all() {
    on_both(async |base| {
        let mut chance = Chance::from(chance::seed());
        let all = Migrator::migrations().len();
        let (url, there, before) = earlier(&base, 1, rounds(50, 500)).await;
        let (mut stopped, mut longest) = (0, Duration::from_millis(50));
        for round in 0..rounds(5, 200) {
            let copy = base.copy(&url, "killed");
            let mut process = Process::migrating(&copy);
            let began = Instant::now();
            std::thread::sleep(longest.mul_f64(f64::from(u32::try_from(chance.below(1000)).unwrap()) / 1000.0));
            let ended = process.ended(Duration::from_millis(1));
            process.kill();
            let store = stored(&copy).await;
            let history = History::read(store.read()).await.unwrap();
            let pending = history.pending.len();
            assert!(pending == 0 || pending == all - 1, "round {round}: half-way, {pending} of {all} are pending");
            assert!(pending == 0 || !ended, "round {round}: it ended well and did nothing");
            stopped += usize::from(pending > 0);
            assert_eq!(sums(store.maintenance(), &there).await, before, "round {round}");
            close(&store).await;
            // Started again, it goes on by itself.
            let mut again = Process::migrating(&copy);
            assert!(again.ended(Duration::from_secs(120)), "round {round}: it does not complete");
            longest = longest.max(began.elapsed().min(Duration::from_secs(2)) / 2);
            let store = stored(&copy).await;
            check_version(&store).await.unwrap();
            assert_eq!(sums(store.maintenance(), &there).await, before, "round {round}");
            close(&store).await;
            base.drop(&copy);
        }
        assert!(stopped > 0, "no migration was killed on its way");
        base.drop(&url);
    });
}

#[test]
fn of_two_that_migrate_at_once_one_does_and_one_waits() {
    on_both(async |base| {
        for round in 0..rounds(2, 50) {
            // In turn one that is empty and one that holds something.
            let (url, held) = match round % 2 {
                0 => (base.empty("both"), None),
                _ => {
                    let (url, there, before) = earlier(&base, 1, 20).await;
                    (url, Some((there, before)))
                }
            };
            let mut both = std::thread::scope(|scope| {
                let started = [(); 2].map(|()| scope.spawn(|| Process::migrating(&url)));
                started.map(|one| one.join().unwrap())
            });
            for one in &mut both {
                assert!(one.ended(Duration::from_secs(120)), "round {round}: one of them did not end well");
            }
            let store = stored(&url).await;
            check_version(&store).await.unwrap();
            if let Some((there, before)) = held {
                assert_eq!(sums(store.maintenance(), &there).await, before, "round {round}");
            }
            close(&store).await;
            if let Some(file) = url.strip_prefix("sqlite:") {
                let file = Path::new(file);
                let copies = std::fs::read_dir(file.parent().unwrap()).unwrap().flatten();
                let begins = format!("{}.before-", file.file_name().unwrap().to_str().unwrap());
                let copies: Vec<_> =
                    copies.filter(|one| one.file_name().to_str().unwrap().starts_with(&begins)).collect();
                assert_eq!(copies.len(), round % 2, "who waits copies nothing");
                copies.iter().for_each(|copy| std::fs::remove_file(copy.path()).unwrap());
            }
            base.drop(&url);
        }
    });
}

#[test]
fn of_many_that_open_a_new_file_at_once_none_is_turned_away() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..rounds(20, 500) {
        let url = format!("sqlite:{}", folder.path().join(format!("{round}.db")).display());
        let opening = || {
            actix_web::rt::System::new().block_on(async {
                let store = stored(&url).await;
                close(&store).await;
            });
        };
        std::thread::scope(|scope| (0..6).for_each(|_| drop(scope.spawn(opening))));
    }
}

#[test]
fn what_a_newer_version_made_is_left_alone() {
    on_both(async |base| {
        let url = base.empty("newer");
        let store = stored(&url).await;
        migrate(&store).await.unwrap();
        // One behind as well, so that there would be something to do.
        Migrator::down(store.maintenance(), Some(1)).await.unwrap();
        let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20991231_000001_later', 0)";
        store.maintenance().execute_unprepared(newer).await.unwrap();
        let before: Vec<String> = tables(store.maintenance()).await.into_keys().collect();
        let with_copy = version::migrate_keeping(&store, &settings(&url)).await.map(drop);
        for refused in [check_version(&store).await, migrate(&store).await, with_copy] {
            let refused = refused.unwrap_err();
            assert!(refused.detail.contains("a newer version") && refused.detail.contains("m20991231"), "{refused}");
        }
        assert_eq!(tables(store.maintenance()).await.into_keys().collect::<Vec<_>>(), before);
        close(&store).await;
        // A process of that version ends badly, and says so.
        assert!(!Process::migrating(&url).ended(Duration::from_secs(30)));
        base.drop(&url);
        // Nor is an empty database touched by who only looks.
        let url = base.empty("looked_at");
        let store = stored(&url).await;
        assert!(check_version(&store).await.unwrap_err().detail.contains("migrations behind"));
        assert!(tables(store.maintenance()).await.is_empty());
        let own = match base.backend {
            Backend::Sqlite => "SELECT name FROM sqlite_master",
            Backend::Postgres => "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        };
        assert!(ask(store.maintenance(), own).await.is_empty());
        close(&store).await;
        base.drop(&url);
    });
}
