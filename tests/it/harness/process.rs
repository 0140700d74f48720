//! The server as a process of its own, which can be killed, and clients over real connections.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use roundtable_server::settings::Settings;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Who;

/// Tells this program, started again, that it is to be a server: settings as JSON.
const VARIABLE: &str = "ROUNDTABLE_TEST_SERVE";
/// Tells it what to log.
const LOG_VARIABLE: &str = "ROUNDTABLE_TEST_LOG";
/// What the server's line begins with that says where it listens.
const LISTENING: &str = "listening ";

/// The server itself. It looks like a test because that is the only way into a program of tests; it does nothing unless it
/// was started as a server.
#[test]
fn serves_when_it_was_started_to() {
    let Ok(url) = std::env::var(VARIABLE) else { return };
    actix_web::rt::System::new().block_on(async move {
        if let Ok(filter) = std::env::var(LOG_VARIABLE) {
            let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap();
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
        }
        let mut settings = super::backend::settings(&url);
        settings.bind = "127.0.0.1:0".into();
        settings.workers = 2;
        settings.shutdown_seconds = 10;
        settings.public_url = Settings::default().public_url();
        let store = roundtable_server::connect(&settings).await.unwrap();
        let server = roundtable_server::assemble(store, &settings).await.unwrap();
        let told = |address: SocketAddr| {
            println!("\n{LISTENING}{address}");
            let _ = std::io::stdout().flush();
        };
        roundtable_server::serve::listen(server, &settings, told).await.unwrap();
    });
}

/// A server that runs. It is killed with this value.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Starts one over this database and waits until it listens.
    pub fn start(url: &str) -> Process {
        Process::started(url, Stdio::null(), None)
    }

    /// The same, with what it logs by this filter written to a file.
    pub fn start_logging(url: &str, filter: &str, to: &std::path::Path) -> Process {
        Process::started(url, std::fs::File::create(to).unwrap().into(), Some(filter))
    }

    fn started(url: &str, log: Stdio, filter: Option<&str>) -> Process {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["harness::process::serves_when_it_was_started_to", "--exact", "--nocapture"])
            .env(VARIABLE, url)
            .envs(filter.map(|filter| (LOG_VARIABLE, filter)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix(LISTENING)?.parse().ok()).expect("the server listens");
        // Read to its end, or what it still prints would fail.
        std::thread::spawn(move || lines.count());
        Process { child, address }
    }

    /// Ends it without warning.
    pub fn kill(mut self) {
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

/// A connection that is kept.
pub struct Line {
    stream: TcpStream,
}

/// What came back over a connection.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Whether the server will close the connection.
    pub closing: bool,
    pub headers: String,
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
        Ok(Line { stream })
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
            body: Value::Null,
        };
        reply.closing = reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let length: usize = reply.header("content-length").and_then(|value| value.parse().ok()).unwrap_or_default();
        while read.len() < head + length {
            if self.stream.read_buf(&mut read).await? == 0 {
                return Err(ended());
            }
        }
        reply.body = serde_json::from_slice(&read[head..head + length]).unwrap_or_default();
        Ok(reply)
    }
}
