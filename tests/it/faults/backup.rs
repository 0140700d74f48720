//! Backups made while others write: each is restored and holds all that was acknowledged before it was begun, and nothing
//! by halves.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use roundtable_kernel::error::Code;
use roundtable_server::settings::Settings;
use roundtable_server::{backup, check_version, connect, doctor, version};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use tempfile::TempDir;

use super::report;
use crate::harness::backend::{self, Backend, settings};
use crate::harness::chance::rounds;
use crate::harness::client::text;
use crate::harness::{App, chance};

/// Where something else than the case's database may be made.
struct Place {
    folder: TempDir,
    made: AtomicUsize,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap(), made: AtomicUsize::new(0) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Settings for a database that is not there yet, or is empty.
    async fn nowhere(&self, like: &App) -> Settings {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        if like.backend == Backend::Sqlite {
            return settings(&format!("sqlite:{}", self.file(&format!("restored-{number}.db")).display()));
        }
        let (server, database) = like.url.rsplit_once('/').unwrap();
        let name = format!("{database}_restored_{number}");
        psql(format!("CREATE DATABASE {name}")).await;
        settings(&format!("{server}/{name}"))
    }

    /// What stands in the folder.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// On another thread: the writers have transactions open on this one.
async fn psql(sql: String) {
    let asked = move || backend::cluster("backups").unwrap().psql("postgres", &sql).unwrap();
    tokio::task::spawn_blocking(asked).await.unwrap();
}

async fn gone(settings: &Settings) {
    if let Some((_, database)) = settings.database_url.strip_prefix("postgres").and_then(|url| url.rsplit_once('/')) {
        psql(format!("DROP DATABASE {database} WITH (FORCE)")).await;
    }
}

async fn counted(settings: &Settings, sql: &str) -> i64 {
    let store = connect(settings).await.unwrap();
    let row = store.read().query_one_raw(Statement::from_string(store.backend(), sql)).await.unwrap().unwrap();
    let count = row.try_get_by_index(0).unwrap();
    backend::close(&store).await;
    count
}

/// Opens a restored database as a server does, and looks whether these people are in it, each with its event.
async fn holds(settings: &Settings, before: &[String]) {
    let store = connect(settings).await.unwrap();
    check_version(&store).await.unwrap();
    for finding in doctor::examine(&store, settings).await {
        // The tests' own cluster does not flush to disk.
        let lasting =
            ["fsync", "full_page_writes", "synchronous_commit"].iter().any(|name| finding.found.contains(name));
        assert!(finding.well || lasting, "{}", finding.found);
    }
    let list = |sql: &'static str| Statement::from_string(store.backend(), sql);
    let rows = store.read().query_all_raw(list("SELECT id FROM person WHERE name LIKE 'Kept %'")).await.unwrap();
    let mut people: Vec<String> =
        rows.iter().map(|row| row.try_get::<uuid::Uuid>("", "id").unwrap().to_string()).collect();
    let told = "SELECT record_id FROM event WHERE record_type = 'person' AND record_version = 1 AND record_id IN \
                (SELECT id FROM person WHERE name LIKE 'Kept %')";
    let rows = store.read().query_all_raw(list(told)).await.unwrap();
    let mut told: Vec<String> =
        rows.iter().map(|row| row.try_get::<uuid::Uuid>("", "record_id").unwrap().to_string()).collect();
    people.sort();
    told.sort();
    assert_eq!(people, told, "each with the event that tells of it");
    for id in before {
        assert!(people.binary_search(id).is_ok(), "{id} was acknowledged before the backup was begun");
    }
    backend::close(&store).await;
}

cases! {
    async fn backups_under_writes_are_restored_whole(app: App) {
        let (place, from) = (Place::new(), settings(&app.url));
        let (over, written) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        let writer = async |writer: usize| {
            for number in 0.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let body = json!({ "name": format!("Kept {writer} {number}") });
                let made = app.make(&app.world.ours.lead, "/v1/people", body).await;
                written.lock().unwrap().push(text(&made["id"]).to_owned());
                // Without a pause what is restored grows until one takes minutes.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let backups = async {
            for round in 0..rounds(2, 100) {
                tokio::time::sleep(Duration::from_millis(if chance::long() { 1000 } else { 150 })).await;
                let before = written.lock().unwrap().clone();
                let file = place.file(&format!("backup-{round}"));
                let made = backup::back_up(&from, &file).await.unwrap();
                assert!(made.bytes > 10_000 && made.behind == 0, "{made}");
                let to = place.nowhere(&app).await;
                backup::restore(&to, &file).await.unwrap();
                holds(&to, &before).await;
                gone(&to).await;
                std::fs::remove_file(file).unwrap();
            }
            over.store(true, Ordering::Relaxed);
        };
        futures_util::future::join3(backups, writer(1), writer(2)).await;
        let written = written.into_inner().unwrap().len();
        assert!(written > 5, "hardly anything was written");
        report(&format!("F17: {:?}, {} backups under {written} writes", app.backend, rounds(2, 100)));
        let left: Vec<String> = place.names().into_iter().filter(|name| !name.starts_with("restored-")).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    async fn nothing_that_is_there_is_overwritten(app: App) {
        let (place, from) = (Place::new(), settings(&app.url));
        let file = place.file("mine");
        std::fs::write(&file, "what I wrote").unwrap();
        let refused = backup::back_up(&from, &file).await.unwrap_err();
        assert!(refused.detail.contains("is there already"), "{}", refused.detail);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "what I wrote");
        assert_eq!(place.names(), ["mine"]);
        // Nor is a database by a restore.
        let good = place.file("good");
        backup::back_up(&from, &good).await.unwrap();
        let people = counted(&from, "SELECT count(*) FROM person").await;
        let refused = backup::restore(&from, &good).await.unwrap_err();
        assert!(refused.detail.contains("already"), "{}", refused.detail);
        assert_eq!(counted(&from, "SELECT count(*) FROM person").await, people);
    }

    async fn what_is_no_good_backup_is_not_restored(app: App) {
        let (place, from) = (Place::new(), settings(&app.url));
        let good = place.file("good");
        backup::back_up(&from, &good).await.unwrap();
        let bytes = std::fs::read(&good).unwrap();
        let half = place.file("half");
        std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
        let nothing = place.file("nothing");
        std::fs::write(&nothing, "").unwrap();
        for bad in [half, nothing, place.file("absent")] {
            let to = place.nowhere(&app).await;
            let refused = backup::restore(&to, &bad).await.unwrap_err();
            assert_eq!(refused.code, Code::InvalidInput, "{refused}");
            let made = to.database_file().map_or(0, |file| i64::from(file.exists()));
            let tables = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
            let made = if app.backend == Backend::Sqlite { made } else { counted(&to, tables).await };
            assert_eq!(made, 0, "nothing was made of {}", bad.display());
            gone(&to).await;
        }
    }
}

fn unversioned(file: &Path) -> Vec<String> {
    let folder = std::fs::read_dir(file.parent().unwrap()).unwrap();
    let begins = format!("{}.before-", file.file_name().unwrap().to_str().unwrap());
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(&begins)).collect()
}

#[test]
fn a_file_is_copied_before_it_is_brought_to_another_version() {
    use roundtable_migration::{Migrator, MigratorTrait};
    let place = Place::new();
    let file = place.file("upgraded.db");
    let mut settings = settings(&format!("sqlite:{}", file.display()));
    actix_web::rt::System::new().block_on(async {
        let store = connect(&settings).await.unwrap();
        assert_eq!(version::migrate_keeping(&store, &settings).await.unwrap(), None, "of nothing there is no copy");
        Migrator::down(store.maintenance(), Some(1)).await.unwrap();
        let copy = version::migrate_keeping(&store, &settings).await.unwrap().unwrap();
        assert_eq!(version::migrate_keeping(&store, &settings).await.unwrap(), None, "nor where nothing is to be done");
        let kept = super::super::harness::backend::settings(&format!("sqlite:{}", copy.display()));
        let before = connect(&kept).await.unwrap();
        assert_eq!(version::History::read(before.read()).await.unwrap().pending.len(), 1, "as it was before");
        backend::close(&before).await;
        // The way back.
        backend::close(&store).await;
        for name in ["upgraded.db", "upgraded.db-wal", "upgraded.db-shm"] {
            let _ = std::fs::remove_file(place.file(name));
        }
        assert_eq!(backup::restore(&settings, &copy).await.unwrap().behind, 1);
        let store = connect(&settings).await.unwrap();
        assert_eq!(
            unversioned(&file).iter().filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm")).count(),
            1
        );
        settings.backup_before_migrating = false;
        assert_eq!(version::migrate_keeping(&store, &settings).await.unwrap(), None);
        check_version(&store).await.unwrap();
        backend::close(&store).await;
    });
}
