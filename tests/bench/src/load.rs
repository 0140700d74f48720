//! Clients: connections kept alive, each sending its next request when the last is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Makes the next request of a connection from what the last was answered: its number, how many before it, the answer.
pub type Next = Arc<dyn Fn(usize, usize, &Answer) -> Vec<u8> + Send + Sync>;

/// An answer, as far as measuring needs it.
#[derive(Default, Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Entity tag.
    pub tag: String,
    /// Body.
    pub body: Vec<u8>,
}

/// What came of a round.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Answers a second.
    pub rate: f64,
    /// Answers.
    pub answers: u64,
    /// Half were faster, microseconds.
    pub p50: u32,
    /// All but one in a hundred were faster, microseconds.
    pub p99: u32,
}

/// Asks for so long over so many connections. Any answer that is no success stops the measurement.
pub async fn round(address: SocketAddr, connections: usize, time: Duration, next: Next) -> Round {
    let began = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|number| {
            let next = next.clone();
            tokio::spawn(async move {
                let mut line = Line::open(address).await;
                let (mut took, mut answer, mut sent) = (Vec::with_capacity(4096), Answer::default(), 0);
                while began.elapsed() < time {
                    let request = next(number, sent, &answer);
                    let at = Instant::now();
                    answer = line.ask(&request).await;
                    took.push(u32::try_from(at.elapsed().as_micros()).unwrap_or(u32::MAX));
                    assert!(
                        (200..300).contains(&answer.status)
                            && !answer.body.windows(9).take(400).any(|part| part == b"\"errors\":"),
                        "{}: {}\n{}",
                        answer.status,
                        String::from_utf8_lossy(&request),
                        String::from_utf8_lossy(&answer.body)
                    );
                    sent += 1;
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    let elapsed = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |part: f64| took.get((took.len() as f64 * part) as usize).copied().unwrap_or_default();
    Round { rate: took.len() as f64 / elapsed, answers: took.len() as u64, p50: at(0.5), p99: at(0.99) }
}

/// One connection.
pub struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::with_capacity(1 << 17) }
    }

    /// Sends a request and waits for its answer. Answers tell their length.
    pub async fn ask(&mut self, request: &[u8]) -> Answer {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        let head = loop {
            let had = self.buffer.len();
            assert!(self.stream.read_buf(&mut self.buffer).await.unwrap() > 0, "the server hung up");
            let from = had.saturating_sub(3);
            if let Some(at) = self.buffer[from..].windows(4).position(|four| four == b"\r\n\r\n") {
                break from + at + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).into_owned();
        let header = |name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
        let length: usize = header("content-length").and_then(|value| value.parse().ok()).expect("a length");
        while self.buffer.len() < head + length {
            assert!(self.stream.read_buf(&mut self.buffer).await.unwrap() > 0, "the server hung up");
        }
        Answer { status, tag: header("etag").unwrap_or_default(), body: self.buffer[head..head + length].to_vec() }
    }
}

/// A request over HTTP/1.1 with a bearer token.
pub fn request(method: &str, path: &str, token: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n{headers}{length}\r\n{body}")
        .into_bytes()
}
