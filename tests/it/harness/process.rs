//! The server as a process of its own, which can be killed, and clients over real connections.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use roundtable_server::settings::Settings;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Who;

/// Tells this program, started again, that it is to be a server: its settings as JSON.
const VARIABLE: &str = "ROUNDTABLE_TEST_SERVE";
/// Tells it to bring the database at this address to this version, as `roundtable migrate` does.
const MIGRATE: &str = "ROUNDTABLE_TEST_MIGRATE";
/// Tells it what to log.
const LOG_VARIABLE: &str = "ROUNDTABLE_TEST_LOG";
/// The server, as a test.
const SERVER: &str = "harness::process::serves_when_it_was_started_to";
/// What the server's line begins with that says where it listens.
const LISTENING: &str = "listening ";

/// The server itself. It looks like a test because that is the only way into a program of tests; it does nothing unless it
/// was started as a server.
#[test]
fn serves_when_it_was_started_to() {
    let Ok(settings) = std::env::var(VARIABLE) else { return };
    actix_web::rt::System::new().block_on(async move {
        if let Ok(filter) = std::env::var(LOG_VARIABLE) {
            let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap();
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
        }
        let settings: Settings = serde_json::from_str(&settings).unwrap();
        let store = roundtable_server::connect(&settings).await.unwrap();
        let server = roundtable_server::assemble(store.clone(), &settings).await.unwrap();
        let told = |address: SocketAddr| {
            println!("\n{LISTENING}{address}");
            let _ = std::io::stdout().flush();
        };
        roundtable_server::serve::listen(server, &settings, told).await.unwrap();
        roundtable_server::close(&store).await;
    });
}

/// Migrates. Like the server, it does nothing unless it was started to.
#[test]
fn migrates_when_it_was_started_to() {
    let Ok(url) = std::env::var(MIGRATE) else { return };
    actix_web::rt::System::new().block_on(async move {
        let settings = super::backend::settings(&url);
        let store = roundtable_server::connect(&settings).await.unwrap();
        println!("\n{LISTENING}127.0.0.1:1");
        let _ = std::io::stdout().flush();
        roundtable_server::version::migrate_keeping(&store, &settings).await.unwrap();
    });
}

fn settings(url: &str, more: Value) -> String {
    let mut settings = json!({
        "database_url": url, "database_connections": 6, "bind": "127.0.0.1:0", "workers": 2, "shutdown_seconds": 10,
        "public_url": Settings::default().public_url(), "webhook_allow_networks": "127.0.0.0/8",
        "webhook_retry_seconds": "0,0,0,0,0,0,0,0,0",
    });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings.to_string()
}

/// Becomes what it is given to run.
fn shell() -> String {
    "exec \"$@\"".into()
}

/// A server that runs. It is killed with this value.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Starts one over this database and waits until it listens.
    pub fn start(url: &str) -> Process {
        Process::start_with(url, json!({}), None)
    }

    /// The same, with these settings besides, and with no more open files than that.
    pub fn start_with(url: &str, more: Value, files: Option<u32>) -> Process {
        let shell = files.map_or_else(shell, |files| format!("ulimit -n {files}; {}", shell()));
        Self::begin(SERVER, VARIABLE, &settings(url, more), &shell, None)
    }

    /// The same, with these settings besides, and with what it logs by this filter written to a file.
    pub fn start_logging(url: &str, more: Value, filter: &str, to: &Path) -> Process {
        Self::begin(SERVER, VARIABLE, &settings(url, more), &shell(), Some((filter, to)))
    }

    /// Starts one that brings this database to this version and ends, and waits until it has connected.
    pub fn migrating(url: &str) -> Process {
        Self::begin("harness::process::migrates_when_it_was_started_to", MIGRATE, url, &shell(), None)
    }

    fn begin(entry: &str, variable: &str, value: &str, shell: &str, log: Option<(&str, &Path)>) -> Process {
        let mut child = Command::new("sh")
            .args(["-c", shell, "sh"])
            .arg(std::env::current_exe().unwrap())
            .args([entry, "--exact", "--nocapture"])
            .env(variable, value)
            .envs(log.map(|(filter, _)| (LOG_VARIABLE, filter)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.map_or_else(Stdio::null, |(_, to)| fs::File::create(to).unwrap().into()))
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix(LISTENING)?.parse().ok()).expect("the server listens");
        // Read to its end, or what it still prints would fail.
        std::thread::spawn(move || lines.count());
        Process { child, address }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of memory that are its own.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// How many files and sockets it has open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    /// Ends it without warning.
    pub fn kill(mut self) {
        self.kill_now();
    }

    /// Ends it without warning; another may take its place.
    pub fn kill_now(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as an operator or a supervisor does.
    pub fn ask_to_stop(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Waits for its end and says whether it was a good one.
    pub fn ended(&mut self, within: Duration) -> bool {
        let began = Instant::now();
        while began.elapsed() < within {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that is kept until the server says that it closes it.
pub struct Line {
    stream: TcpStream,
    address: SocketAddr,
    closing: bool,
}

/// What came back over a connection.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Whether the server will close the connection.
    pub closing: bool,
    pub headers: String,
    /// What came, and what it is where it is JSON.
    pub text: String,
    pub body: Value,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

fn ended() -> std::io::Error {
    std::io::Error::from(std::io::ErrorKind::UnexpectedEof)
}

impl Line {
    pub async fn open(address: SocketAddr) -> std::io::Result<Line> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Line { stream, address, closing: false })
    }

    /// Sends a request and waits for the answer. An error says that it is not known whether the request had an effect.
    pub async fn ask(
        &mut self,
        who: &Who,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<&Value>,
    ) -> std::io::Result<Reply> {
        if self.closing {
            *self = Line::open(self.address).await?;
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let token = who.token.as_deref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{token}{headers}Content-Type: {kind}\r\nContent-Length: \
             {}\r\n\r\n{body}",
            body.len()
        );
        tokio::time::timeout(Duration::from_secs(60), self.exchange(request.as_bytes()))
            .await
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
    }

    async fn exchange(&mut self, request: &[u8]) -> std::io::Result<Reply> {
        self.stream.write_all(request).await?;
        let mut read = Vec::new();
        let head = loop {
            if self.stream.read_buf(&mut read).await? == 0 {
                return Err(ended());
            }
            if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let headers = String::from_utf8_lossy(&read[..head]).into_owned();
        let mut reply = Reply {
            status: headers.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default(),
            closing: false,
            headers,
            text: String::new(),
            body: Value::Null,
        };
        reply.closing = reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let length: usize = reply.header("content-length").and_then(|value| value.parse().ok()).unwrap_or_default();
        while read.len() < head + length {
            if self.stream.read_buf(&mut read).await? == 0 {
                return Err(ended());
            }
        }
        reply.text = String::from_utf8_lossy(&read[head..head + length]).into_owned();
        self.closing = reply.closing;
        reply.body = serde_json::from_slice(&read[head..head + length]).unwrap_or_default();
        Ok(reply)
    }
}
