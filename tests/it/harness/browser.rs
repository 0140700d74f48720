//! Chromium, told what to do over its debugging protocol, for what only a browser can show.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::client::text;
use super::live::Socket;

const PROGRAMS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
/// What it prints before the address it is told things at.
const TOLD_AT: &str = "DevTools listening on ws://";

/// A browser with one page.
pub struct Browser {
    child: Child,
    socket: Socket,
    session: Value,
    asked: u64,
    told: Vec<Value>,
    _profile: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    /// Starts it, sending these headers with everything it asks for; where it is missing, says so.
    pub async fn start(headers: Value) -> Option<Browser> {
        let profile = tempfile::tempdir().unwrap();
        let begun = PROGRAMS.iter().find_map(|program| {
            Command::new(program)
                .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
                .args(["--no-first-run", "--disable-background-networking", "--remote-debugging-port=0"])
                // Nothing beyond this machine is asked.
                .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
                .arg(format!("--user-data-dir={}", profile.path().display()))
                .arg("about:blank")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .ok()
        });
        let told_at = begun.and_then(|mut child| {
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
            let told_at = lines.find_map(|line| line.strip_prefix(TOLD_AT).map(str::to_owned))?;
            // Read to its end, or what it still prints would fail.
            std::thread::spawn(move || lines.count());
            Some((child, told_at))
        });
        let Some((child, told_at)) = told_at else {
            let _ = writeln!(std::io::stderr(), "\n*** NOT RUN: there is no Chromium that starts, to show pages in.");
            return None;
        };
        let stream = TcpStream::connect(told_at.split('/').next().unwrap()).await.unwrap();
        let (socket, _) = tokio_tungstenite::client_async(format!("ws://{told_at}"), stream).await.unwrap();
        let mut browser =
            Browser { child, socket, session: Value::Null, asked: 0, told: Vec::new(), _profile: profile };
        let page = browser.ask("Target.createTarget", json!({ "url": "about:blank" })).await;
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        browser.session = browser.ask("Target.attachToTarget", attach).await["sessionId"].take();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({})).await;
        }
        browser.ask("Network.setExtraHTTPHeaders", json!({ "headers": headers })).await;
        Some(browser)
    }

    async fn send(&mut self, method: &str, parameters: Value) -> u64 {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": parameters });
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        self.socket.send(Message::text(message.to_string())).await.unwrap();
        self.asked
    }

    /// What comes next. A dialog is noted and closed, as nothing goes on beneath it.
    async fn next(&mut self) -> Value {
        let message = tokio::time::timeout(Duration::from_secs(60), self.socket.next()).await;
        let message = message.expect("the browser goes on").expect("the browser runs").unwrap();
        let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        if message["method"] == "Page.javascriptDialogOpening" {
            self.send("Page.handleJavaScriptDialog", json!({ "accept": true })).await;
        }
        if message.get("method").is_some() {
            self.told.push(message.clone());
        }
        message
    }

    async fn ask(&mut self, method: &str, parameters: Value) -> Value {
        let asked = self.send(method, parameters).await;
        loop {
            let mut message = self.next().await;
            if message["id"] == asked {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].take();
            }
        }
    }

    /// Opens an address, and waits until the page is there; what is not shown but kept as a file makes none.
    pub async fn open(&mut self, url: &str) {
        self.told.clear();
        let opened = self.ask("Page.navigate", json!({ "url": url })).await;
        if opened["errorText"].is_null() {
            while !self.told.iter().any(|message| message["method"] == "Page.loadEventFired") {
                self.next().await;
            }
        }
    }

    /// What an expression is on the page.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.ask("Runtime.evaluate", asked).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until an expression holds on the page.
    pub async fn until(&mut self, expression: &str) {
        for _ in 0..600 {
            if self.evaluate(expression).await == true {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let shown = self.evaluate("document.body.innerText").await;
        panic!("never on the page: {expression}; it shows {shown}");
    }

    /// What was run that should not be, or refused by the page's policy, since the page was opened: dialogs, exceptions and
    /// what the browser warns of, but for files that are not there.
    pub async fn complaints(&mut self) -> Vec<String> {
        // What is under way has been told once this is answered.
        self.evaluate("new Promise((done) => setTimeout(done, 50))").await;
        let complaint = |message: &Value| {
            let told = &message["params"];
            match text(&message["method"]) {
                "Page.javascriptDialogOpening" => Some(format!("a dialog: {}", told["message"])),
                "Runtime.exceptionThrown" => Some(told["exceptionDetails"].to_string()),
                "Log.entryAdded" if told["entry"]["source"] != "network" && told["entry"]["level"] != "verbose" => {
                    Some(told["entry"]["text"].to_string())
                }
                _ => None,
            }
        };
        self.told.iter().filter_map(complaint).collect()
    }
}
