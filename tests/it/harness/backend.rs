//! A fresh database for each case, copied from one that was migrated and filled once.
//!
//! On SQLite the template is a file, on PostgreSQL a template database of the private cluster. Cases share nothing, so
//! they run side by side.

use std::cell::OnceCell;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use roundtable_kernel::store::Store;
use roundtable_server::Server;
use roundtable_server::settings::Settings;
use tempfile::TempDir;

use super::client::Door;
use super::postgres::Cluster;
use super::world::{self, World};

/// The databases Roundtable runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A server over a database of its own.
pub struct App {
    pub server: Server,
    pub backend: Backend,
    pub world: &'static World,
    /// Address of the database.
    pub url: String,
    pub(super) door: OnceCell<Door>,
}

impl App {
    /// Another server over the same database.
    pub fn over(server: Server, like: &App) -> App {
        App { server, backend: like.backend, world: like.world, url: like.url.clone(), door: OnceCell::new() }
    }
}

/// Another database with the same rows, and a server over each. Nothing is connected to the first while it is copied.
pub async fn doubled(app: App, number: usize) -> (App, App) {
    close(&app.server.app.store).await;
    let copy = copied(&app.url, number);
    let first = served(&app.url, &app).await;
    let second = served(&copy, &app).await;
    (first, second)
}

/// A server over a database of these rows.
pub async fn served(url: &str, like: &App) -> App {
    let store = roundtable_server::connect(&settings(url)).await.unwrap();
    let server = roundtable_server::assemble(store, &settings(url)).await.unwrap();
    App { server, backend: like.backend, world: like.world, url: url.into(), door: OnceCell::new() }
}

/// Ends a server that a case began over a copy.
pub async fn ended(app: App) {
    close(&app.server.app.store).await;
    if app.backend == Backend::Postgres {
        let (_, database) = app.url.rsplit_once('/').unwrap();
        let cluster = Cluster::shared().as_ref().unwrap();
        cluster.psql("postgres", &format!("DROP DATABASE {database} WITH (FORCE)")).unwrap();
    }
}

fn copied(url: &str, number: usize) -> String {
    if let Some(file) = url.strip_prefix("sqlite:") {
        let copy = format!("{file}-{number}");
        std::fs::copy(file, &copy).unwrap();
        let log = format!("{file}-wal");
        if Path::new(&log).exists() {
            std::fs::copy(log, format!("{copy}-wal")).unwrap();
        }
        return format!("sqlite:{copy}");
    }
    let (_, database) = url.rsplit_once('/').unwrap();
    let (cluster, copy) = (Cluster::shared().as_ref().unwrap(), format!("{database}_{number}"));
    let _one_at_a_time = COPYING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    cluster.psql("postgres", &end).unwrap();
    cluster.psql("postgres", &format!("CREATE DATABASE {copy} TEMPLATE {database}")).unwrap();
    cluster.url(&copy)
}

struct Template {
    world: World,
    /// The file on SQLite, the name of the database on PostgreSQL.
    place: String,
    _folder: Option<TempDir>,
}

static SQLITE: OnceLock<Option<Template>> = OnceLock::new();
static POSTGRES: OnceLock<Option<Template>> = OnceLock::new();
static COUNTER: AtomicU32 = AtomicU32::new(0);
/// A template cannot be copied while it is being copied.
static COPYING: Mutex<()> = Mutex::new(());

pub fn settings(url: &str) -> Settings {
    Settings { database_url: url.into(), database_connections: 6, ..Settings::default() }
}

/// Runs a future to its end in an actix system of its own, on a thread of its own: `run` may be inside another.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(16 << 20).spawn_scoped(scope, work);
        match thread.unwrap().join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

async fn fill(url: &str) -> World {
    let settings = settings(url);
    let store = roundtable_server::connect(&settings).await.unwrap();
    roundtable_server::migrate(&store).await.unwrap();
    let server = roundtable_server::assemble(store.clone(), &settings).await.unwrap();
    let backend = if url.starts_with("sqlite:") { Backend::Sqlite } else { Backend::Postgres };
    let world = world::build(&server, backend).await;
    close(&store).await;
    world
}

pub async fn close(store: &Store) {
    store.close().await.unwrap();
}

/// Migrates and fills the database at this address.
pub fn made(url: String) -> World {
    apart(move || actix_web::rt::System::new().block_on(fill(&url)))
}

/// The template, made by the first who asks. When that fails it has said why; the others do not try again.
fn kept(once: &'static OnceLock<Option<Template>>, make: impl FnOnce() -> Template) -> &'static Template {
    let mut panic = None;
    let template = once.get_or_init(|| match std::panic::catch_unwind(std::panic::AssertUnwindSafe(make)) {
        Ok(template) => Some(template),
        Err(why) => {
            panic = Some(why);
            None
        }
    });
    if let Some(why) = panic {
        std::panic::resume_unwind(why);
    }
    template.as_ref().expect("the template was made; the first case to ask for it says what failed")
}

/// The owner's process id follows it, so that a folder tells whose it is.
const TEMPLATE_PREFIX: &str = "roundtable-test-template-";

/// Removes what earlier runs left behind: a template lasts as long as its process, which has no last moment to remove
/// it in.
fn sweep() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(TEMPLATE_PREFIX)?.split('-').next());
        let is_gone = |owner: &str| Path::new("/proc/self").exists() && !Path::new("/proc").join(owner).exists();
        if owner.is_some_and(is_gone) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn sqlite_template() -> &'static Template {
    kept(&SQLITE, || {
        sweep();
        let prefix = format!("{TEMPLATE_PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir().unwrap();
        let file = folder.path().join("template.db");
        let world = made(format!("sqlite:{}", file.display()));
        Template { world, place: file.display().to_string(), _folder: Some(folder) }
    })
}

fn postgres_template(cluster: &'static Cluster) -> &'static Template {
    kept(&POSTGRES, || {
        let name = format!("roundtable_template_{}", std::process::id());
        cluster.psql("postgres", &format!("CREATE DATABASE {name}")).unwrap();
        let world = made(cluster.url(&name));
        // A connection that is not quite gone would keep the template from being copied.
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        cluster.psql("postgres", &end).unwrap();
        Template { world, place: name, _folder: None }
    })
}

/// The cluster, or why there is none. Where tests are the gate, a missing half is a failure and not a remark.
pub fn cluster(case: &str) -> Option<&'static Cluster> {
    match Cluster::shared() {
        Ok(cluster) => Some(cluster),
        Err(why) if std::env::var_os("CI").is_some_and(|value| value == "true") => {
            panic!("{case} did not run on PostgreSQL: {why}")
        }
        Err(why) => {
            static TOLD: std::sync::Once = std::sync::Once::new();
            TOLD.call_once(|| {
                use std::io::Write;
                // Past the capture of the test runner: nobody may take half a run for a whole one.
                let _ = writeln!(
                    std::io::stderr(),
                    "\n*** NOT RUN ON POSTGRESQL: every case passed on SQLite only.\n*** {why}\n*** Install the \
                     package postgresql, or set ROUNDTABLE_TEST_POSTGRES_URL to a server where databases may be made.\n"
                );
            });
            None
        }
    }
}

/// Runs one case on one database.
pub fn run<F, Fut>(backend: Backend, case: F)
where
    F: FnOnce(App) -> Fut + Send,
    Fut: Future<Output = ()>,
{
    let name = std::any::type_name::<F>();
    match backend {
        Backend::Sqlite => {
            let template = sqlite_template();
            let folder = tempfile::Builder::new().prefix("roundtable-test-").tempdir().unwrap();
            let file = folder.path().join("case.db");
            std::fs::copy(&template.place, &file).unwrap();
            let log = PathBuf::from(format!("{}-wal", template.place));
            if log.exists() {
                std::fs::copy(&log, folder.path().join("case.db-wal")).unwrap();
            }
            play(backend, format!("sqlite:{}", file.display()), &template.world, case);
        }
        Backend::Postgres => {
            let Some(cluster) = cluster(name) else { return };
            let template = postgres_template(cluster);
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let database = format!("roundtable_case_{}_{number}", std::process::id());
            {
                let _one_at_a_time = COPYING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let copy = format!("CREATE DATABASE {database} TEMPLATE {}", template.place);
                cluster.psql("postgres", &copy).unwrap();
            }
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                play(backend, cluster.url(&database), &template.world, case);
            }));
            let dropped = cluster.psql("postgres", &format!("DROP DATABASE {database} WITH (FORCE)"));
            if let Err(panic) = outcome {
                std::panic::resume_unwind(panic);
            }
            dropped.unwrap();
        }
    }
}

fn play<F, Fut>(backend: Backend, url: String, world: &'static World, case: F)
where
    F: FnOnce(App) -> Fut + Send,
    Fut: Future<Output = ()>,
{
    // Futures of unoptimised builds are large.
    apart(move || {
        actix_web::rt::System::new().block_on(async move {
            let store = roundtable_server::connect(&settings(&url)).await.unwrap();
            let server = roundtable_server::assemble(store.clone(), &settings(&url)).await.unwrap();
            let app = App { server, backend, world, url, door: OnceCell::new() };
            case(app).await;
            close(&store).await;
        });
    });
}
