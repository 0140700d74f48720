//! A private, throw-away PostgreSQL cluster, so that tests run on PostgreSQL without any set-up.
//!
//! Invariant: nothing outlives the test process. The server runs below a watchdog shell that reads from a pipe
//! whose other end only this process holds. The pipe ends with the process, however that ends (return, panic,
//! interrupt, SIGKILL); the watchdog then stops the server and deletes the directory. Should the watchdog be killed
//! as well, the next start sweeps what is left.
//!
//! The cluster is fit for nothing worth keeping: writes are not flushed to disk, and every local user may connect.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Folder with the server's programs, for when the ones found without it are not wanted.
const PROGRAMS_VARIABLE: &str = "ROUNDTABLE_TEST_PG_BIN";
/// Address of a running server to use in place of a private one.
const SERVER_VARIABLE: &str = "ROUNDTABLE_TEST_POSTGRES_URL";
/// Debian and its kin keep the programs in a folder per version below this one, off the search path.
const VERSIONED_PROGRAMS: &str = "/usr/lib/postgresql";
/// The owner's process id and a counter follow it, so a directory tells from its first moment whose it is.
const DIRECTORY_PREFIX: &str = "roundtable-test-pg-";
const START_LIMIT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// Somebody else may take the free port before the server binds it.
const START_ATTEMPTS: u32 = 3;

/// Speed over safety: the cluster is deleted, never recovered. The connections are for many tests side by side.
const SETTINGS: &[&str] = &[
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=300",
    "shared_buffers=128MB",
    "listen_addresses=127.0.0.1",
];

/// As production is: what a server of this size would be given.
const DURABLE: &[&str] =
    &["max_connections=200", "shared_buffers=512MB", "max_wal_size=4GB", "listen_addresses=127.0.0.1"];

/// For servers that are copied and lost but whose machine stays up: what they acknowledge is written, and not flushed.
const REPLICATED: &[&str] = &["fsync=off", "max_connections=200", "shared_buffers=128MB", "listen_addresses=127.0.0.1"];

/// Arguments: the directory, then the server's command line. Standard input is the pipe from the test process.
///
/// The pipe moves to descriptor 3 because a shell gives background commands /dev/null as standard input. The file
/// `ended` tells the starting process without delay that the server gave up; the directory, with the log, stays
/// until the pipe ends.
const WATCHDOG: &str = r#"
exec 3<&0 </dev/null
directory=$1
shift
"$@" 3<&- &
server=$!
{ read -r _ <&3; [ -e "$directory/ended" ] || kill -QUIT "$server"; } &
wait "$server"
: > "$directory/ended"
wait
rm -rf "$directory"
"#;

/// A PostgreSQL server for tests: a private one that ends with this process, or the one that
/// `ROUNDTABLE_TEST_POSTGRES_URL` names.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    psql: PathBuf,
}

#[derive(Debug)]
enum Server {
    /// Fields are dropped in this order: the server ends before its directory goes.
    Private {
        port: u16,
        _watchdog: Watchdog,
        directory: Directory,
    },
    External {
        url: String,
    },
}

impl Cluster {
    /// The one cluster of this test process, started by the first call. A failure is kept as well: every caller is
    /// told the same, and none waits for a second try.
    pub fn shared() -> &'static Result<Cluster, String> {
        static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
        SHARED.get_or_init(Cluster::start)
    }

    /// Makes a cluster in the directory for temporary files and waits until it accepts connections. With
    /// `ROUNDTABLE_TEST_POSTGRES_URL` set it takes that server instead, and neither starts nor asks anything.
    ///
    /// # Errors
    ///
    /// What failed, what the failing program printed, and the remedy.
    pub fn start() -> Result<Cluster, String> {
        if let Some(url) = variable(SERVER_VARIABLE) {
            return Cluster::external(url);
        }
        let programs = find_programs()?;
        sweep();
        let mut attempt = 1;
        loop {
            match Cluster::private(&programs, SETTINGS) {
                Err(failure) if attempt < START_ATTEMPTS && failure.contains("Address already in use") => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    /// A private cluster that writes as production does: nothing is acknowledged before it is on disk.
    ///
    /// # Errors
    ///
    /// As with [`Cluster::start`].
    pub fn durable() -> Result<Cluster, String> {
        sweep();
        Cluster::private(&find_programs()?, DURABLE)
    }

    /// A private cluster that can have standbys.
    ///
    /// # Errors
    ///
    /// As with [`Cluster::start`].
    pub fn replicated() -> Result<Cluster, String> {
        sweep();
        Cluster::private(&find_programs()?, REPLICATED)
    }

    /// The process id of the server's first process, and the folder of its programs; `None` for a server of others.
    pub fn process(&self) -> Option<(u32, PathBuf)> {
        let Server::Private { directory, .. } = &self.server else { return None };
        let file = fs::read_to_string(directory.cluster().join("postmaster.pid")).ok()?;
        Some((file.lines().next()?.trim().parse().ok()?, find_programs().ok()?))
    }

    /// The address of a database of this cluster, as a client takes it. The database need not exist.
    pub fn url(&self, database: &str) -> String {
        match &self.server {
            Server::Private { port, .. } => format!("postgres://postgres@127.0.0.1:{port}/{database}"),
            Server::External { url } => with_database(url, database),
        }
    }

    /// Runs SQL in a database with the psql program: statement by statement, each committed on its own, up to the
    /// first that fails. So `CREATE DATABASE` may stand beside others; results are not returned.
    ///
    /// # Errors
    ///
    /// What psql printed, or why it could not be run.
    pub fn psql(&self, database: &str, sql: &str) -> Result<(), String> {
        let mut command = match self.server {
            Server::Private { .. } => private_command(&self.psql),
            Server::External { .. } => Command::new(&self.psql),
        };
        command
            .args("-X -q -w -v ON_ERROR_STOP=1 -f - -d".split(' '))
            .arg(self.url(database))
            .env("PGCLIENTENCODING", "UTF8")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| {
            format!("cannot run {}: {error}; install the postgresql-client package", self.psql.display())
        })?;
        let input = child.stdin.take();
        let output = thread::scope(|scope| {
            // Beside the reading, or both sides could wait on a full pipe. A psql that stops early takes no more
            // input; its exit status says why, so the failed write says nothing new.
            scope.spawn(move || input.map(|mut pipe| pipe.write_all(sql.as_bytes())));
            child.wait_with_output()
        });
        let output = output.map_err(|error| format!("lost psql while it ran: {error}"))?;
        succeeded(&output, &format!("psql in database {database}"))
    }

    /// A standby of this private server: a copy of all it holds that replays what it writes.
    ///
    /// # Errors
    ///
    /// As with [`Cluster::start`], and when there is no private server.
    pub fn standby(&self) -> Result<Cluster, String> {
        let Server::Private { port, .. } = &self.server else {
            return Err("only a private server is given a standby".into());
        };
        let (programs, directory) = (find_programs()?, Directory::create()?);
        let mut copy = private_command(&client(&programs, "pg_basebackup"));
        copy.args("-R -X stream -c fast --no-sync -w -h 127.0.0.1 -U postgres -p".split(' ')).arg(port.to_string());
        copy.arg("-D").arg(directory.cluster());
        directory.own(&mut copy);
        let output = copy.output().map_err(|error| format!("cannot run pg_basebackup: {error}"))?;
        succeeded(&output, "pg_basebackup")?;
        let port = free_port()?;
        let mut watchdog = serve(&programs, &directory, port, REPLICATED)?;
        wait_until_ready(&programs, &directory, port, &mut watchdog)?;
        Ok(Cluster {
            server: Server::Private { port, _watchdog: watchdog, directory },
            psql: client(&programs, "psql"),
        })
    }

    /// Waits until this holds in a database; `condition` is SQL.
    ///
    /// # Errors
    ///
    /// When it never does.
    pub fn until(&self, database: &str, condition: &str) -> Result<(), String> {
        let began = Instant::now();
        let ask = format!("DO $$ BEGIN IF NOT ({condition}) THEN RAISE EXCEPTION 'not yet'; END IF; END $$");
        while let Err(error) = self.psql(database, &ask) {
            if began.elapsed() > START_LIMIT {
                return Err(format!("it never held that {condition}: {error}"));
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Ends a private server at once, as a crash does; what it acknowledged is in its log.
    ///
    /// # Errors
    ///
    /// When there is no private server, or it does not end.
    pub fn crash(&self) -> Result<(), String> {
        let (pid, _) = self.process().ok_or("only a private server can be crashed")?;
        let killed = Command::new("kill").args(["-QUIT", &pid.to_string()]).status();
        if !killed.is_ok_and(|status| status.success()) {
            return Err(format!("cannot end process {pid}"));
        }
        let began = Instant::now();
        // One that was started again is a child of this process, and stays as a name only until it is waited for.
        let lives = || {
            fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| !stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')))
        };
        while lives() {
            if began.elapsed() > START_LIMIT {
                return Err(format!("process {pid} does not end"));
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Starts a crashed server again, at the same port; it ends when the returned value is dropped.
    ///
    /// # Errors
    ///
    /// What failed, and the end of the server's log.
    pub fn revive(&self) -> Result<Revived, String> {
        let Server::Private { port, directory, .. } = &self.server else {
            return Err("only a private server can be started again".into());
        };
        let programs = find_programs()?;
        let mut command = private_command(&programs.join("postgres"));
        command.arg("-D").arg(directory.cluster()).args(DURABLE.iter().flat_map(|setting| ["-c", setting]));
        command.args(["-p", &port.to_string(), "-k"]).arg(&directory.path);
        let log = File::options().append(true).open(directory.log()).map_err(|error| error.to_string())?;
        command.stdout(Stdio::null()).stderr(log);
        directory.own(&mut command);
        let revived = Revived(command.spawn().map_err(|error| format!("cannot start postgres: {error}"))?);
        let began = Instant::now();
        while self.psql("postgres", "SELECT 1").is_err() {
            if began.elapsed() > START_LIMIT {
                return Err(format!("the server did not come back:\n{}", directory.end_of_log()));
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(revived)
    }

    fn external(url: OsString) -> Result<Cluster, String> {
        let url = url.into_string().map_err(|_| format!("{SERVER_VARIABLE} is not UTF-8"))?;
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(format!("{SERVER_VARIABLE} must look like postgres://user@host:5432/database"));
        }
        let psql = find_programs().map_or_else(|_| PathBuf::from("psql"), |programs| client(&programs, "psql"));
        Ok(Cluster { server: Server::External { url }, psql })
    }

    fn private(programs: &Path, settings: &[&str]) -> Result<Cluster, String> {
        let directory = Directory::create()?;
        initialise(programs, &directory)?;
        let port = free_port()?;
        let mut watchdog = serve(programs, &directory, port, settings)?;
        wait_until_ready(programs, &directory, port, &mut watchdog)?;
        Ok(Cluster { server: Server::Private { port, _watchdog: watchdog, directory }, psql: client(programs, "psql") })
    }
}

/// A server started again after a crash.
pub struct Revived(Child);

impl Drop for Revived {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-QUIT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// The shell that ends the server. Dropping it closes the pipe and waits until the server is gone.
#[derive(Debug)]
struct Watchdog(Child);

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // A failed wait leaves nothing to do: the watchdog finishes without this process.
        let _ = self.0.wait();
    }
}

/// The cluster's directory and, when this process is root, the user that the server runs as: PostgreSQL refuses root.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    user: Option<(u32, u32)>,
}

impl Directory {
    fn create() -> Result<Directory, String> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let parent = env::temp_dir();
        let refused = |path: &Path, error| {
            format!("cannot prepare {}: {error}; set TMPDIR to a directory open to every user", path.display())
        };
        let path = loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("{DIRECTORY_PREFIX}{}-{count}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => break path,
                // Left by a dead process that had the same id.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(refused(&path, error)),
            }
        };
        let mut directory = Directory { path, user: None };
        // A new directory belongs to the user this process acts as; the standard library has no other way to ask.
        let owner = fs::metadata(&directory.path).map_err(|error| refused(&directory.path, error))?.uid();
        if owner == 0 {
            let (user, group) = unprivileged_user()?;
            chown(&directory.path, Some(user), Some(group)).map_err(|error| refused(&directory.path, error))?;
            directory.user = Some((user, group));
        }
        Ok(directory)
    }

    /// Runs the command as the user that owns the directory.
    fn own(&self, command: &mut Command) {
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
    }

    fn cluster(&self) -> PathBuf {
        self.path.join("cluster")
    }

    fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }

    fn end_of_log(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let start = lines.len().saturating_sub(20);
        lines.into_iter().skip(start).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Usually the watchdog has deleted it; what cannot be deleted now is swept by a later start.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn initialise(programs: &Path, directory: &Directory) -> Result<(), String> {
    let mut command = private_command(&programs.join("initdb"));
    command.args("-A trust --no-sync --locale=C -E UTF8 -U postgres -D".split(' ')).arg(directory.cluster());
    directory.own(&mut command);
    let output = command.output().map_err(|error| {
        format!("cannot run {}/initdb: {error}; reinstall the postgresql package", programs.display())
    })?;
    succeeded(&output, "initdb")
        .map_err(|failure| format!("{failure}\nIf a directory was refused, set TMPDIR to one open to every user"))
}

fn serve(programs: &Path, directory: &Directory, port: u16, settings: &[&str]) -> Result<Watchdog, String> {
    let log = directory.log();
    let refused = |error| format!("cannot write {}: {error}; make room in the directory", log.display());
    let output = File::create(&log).map_err(refused)?;
    let errors = output.try_clone().map_err(refused)?;
    let mut command = private_command(Path::new("sh"));
    command.args(["-c", WATCHDOG, "roundtable-test-watchdog"]).arg(&directory.path);
    command.arg(programs.join("postgres")).arg("-D").arg(directory.cluster());
    command.args(settings.iter().flat_map(|setting| ["-c", setting]));
    command.args(["-p", &port.to_string(), "-k"]).arg(&directory.path);
    // An interrupt from the terminal goes to the whole group of the test run; the watchdog must live on to clean up.
    // Nor may it hold the run's own output, for whose end others may wait.
    command.process_group(0).stdin(Stdio::piped()).stdout(output).stderr(errors);
    directory.own(&mut command);
    command.spawn().map(Watchdog).map_err(|error| format!("cannot run sh: {error}; put it on the search path"))
}

/// Asks by the socket in the cluster's own directory: at the port another server might answer.
fn wait_until_ready(programs: &Path, directory: &Directory, port: u16, watchdog: &mut Watchdog) -> Result<(), String> {
    let began = Instant::now();
    let ended = directory.path.join("ended");
    let pg_isready = client(programs, "pg_isready");
    loop {
        let mut command = private_command(&pg_isready);
        command.args(["-q", "-U", "postgres", "-p", &port.to_string(), "-h"]).arg(&directory.path);
        let status = command.status().map_err(|error| {
            format!("cannot run {}: {error}; install the postgresql-client package", pg_isready.display())
        })?;
        if status.success() {
            return Ok(());
        }
        if ended.exists() || !matches!(watchdog.0.try_wait(), Ok(None)) {
            return Err(format!("PostgreSQL gave up at its start; its log says why:\n{}", directory.end_of_log()));
        }
        if began.elapsed() > START_LIMIT {
            return Err(format!(
                "PostgreSQL was not ready after {} s; lighten the machine's load, or see its log:\n{}",
                START_LIMIT.as_secs(),
                directory.end_of_log()
            ));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Deletes the directories of test processes that are gone. A server that still runs in one, its watchdog killed,
/// notices the loss within a minute and ends by itself.
fn sweep() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(DIRECTORY_PREFIX))
            .and_then(|rest| rest.split('-').next())
            .and_then(|owner| owner.parse().ok());
        if owner.is_some_and(|owner| !runs(owner)) {
            // Another user's directory is that user's to sweep.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn runs(process: u32) -> bool {
    if Path::new("/proc/self").exists() {
        return Path::new("/proc").join(process.to_string()).exists();
    }
    let question = format!("kill -0 {process}");
    let answer = Command::new("sh").args(["-c", &question]).stderr(Stdio::null()).status();
    // When in doubt it runs, and its directory stays.
    answer.map_or(true, |status| status.success())
}

/// The folder with the server's programs: the one named by the environment and no other, else the first that has them.
fn find_programs() -> Result<PathBuf, String> {
    let folders = match variable(PROGRAMS_VARIABLE) {
        Some(folder) => vec![PathBuf::from(folder)],
        None => likely_folders(),
    };
    let has_server = |folder: &&PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    folders.iter().find(has_server).cloned().ok_or_else(|| {
        format!(
            "no PostgreSQL server programs found: install the postgresql package, or set {PROGRAMS_VARIABLE} to the \
             folder that holds initdb, or {SERVER_VARIABLE} to the address of a running server"
        )
    })
}

fn likely_folders() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(VERSIONED_PROGRAMS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    let newest_first = versions.into_iter().rev().map(|(_, folder)| folder);
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let search_path = env::var_os("PATH").unwrap_or_default();
    configured.into_iter().chain(newest_first).chain(env::split_paths(&search_path)).collect()
}

/// A client program beside the server's, else the one on the search path: some systems keep them apart.
fn client(programs: &Path, name: &str) -> PathBuf {
    let beside = programs.join(name);
    if beside.is_file() { beside } else { PathBuf::from(name) }
}

/// A command for the private cluster: nothing that the caller's environment says of PostgreSQL reaches it, its
/// messages are in English, and its working directory is one that every user may enter.
fn private_command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").stdin(Stdio::null()).env("LC_ALL", "C");
    for (name, _) in env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
    command
}

fn succeeded(output: &Output, what: &str) -> Result<(), String> {
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{what} failed ({}):\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end()))
}

fn free_port() -> Result<u16, String> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port on 127.0.0.1: {error}; enable the loopback interface"))
}

/// The user and group ids of `postgres`, which the server's package makes, else of `nobody`, from the file itself:
/// slim systems have no program to ask or to change users with.
fn unprivileged_user() -> Result<(u32, u32), String> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids_of = |wanted: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next()? == wanted;
            let user = fields.nth(1)?.parse().ok()?;
            let group = fields.next()?.parse().ok()?;
            found.then_some((user, group))
        })
    };
    ids_of("postgres").or_else(|| ids_of("nobody")).ok_or_else(|| {
        "PostgreSQL refuses to run as root and /etc/passwd has neither postgres nor nobody: add the user postgres, or \
         run the tests as another user"
            .to_owned()
    })
}

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The same server, user and parameters, another database.
fn with_database(url: &str, database: &str) -> String {
    let (address, parameters) = match url.split_once('?') {
        Some((address, parameters)) => (address, format!("?{parameters}")),
        None => (url, String::new()),
    };
    let server = match address.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.split('/').next().unwrap_or_default()),
        None => address.to_owned(),
    };
    format!("{server}/{database}{parameters}")
}
