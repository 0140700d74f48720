//! Clients that are slow or say nothing, on purpose or not. They are closed in time, and whoever asks is served.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{lead, quantile, report};
use crate::harness::Who;
use crate::harness::chance::rounds;
use crate::harness::live::within;
use crate::harness::process::{Line, Process};

/// Seconds that a head and a body may take to come in.
const RECEIVE: u64 = 2;
/// What a machine that is busy with other cases may take besides.
const BUSY: Duration = Duration::from_secs(15);

/// How a slow client is slow.
#[derive(Clone, Copy)]
enum Pace {
    /// It says nothing.
    Mute,
    /// The head comes in byte by byte.
    Head,
    /// The body does.
    Body,
}

/// Connects and is slow until the server ends it; returns how long that took.
async fn slow(address: SocketAddr, pace: Pace) -> Duration {
    let began = Instant::now();
    let Ok(mut stream) = TcpStream::connect(address).await else { return began.elapsed() };
    let (mut from, mut to) = stream.split();
    let head = "POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: \
                100000\r\n\r\n";
    let talking = async {
        match pace {
            Pace::Mute => std::future::pending().await,
            Pace::Head => {}
            Pace::Body => to.write_all(head.as_bytes()).await.unwrap_or_default(),
        }
        let bytes = head.bytes().take(head.len() - 4).chain(std::iter::repeat(b'x'));
        for byte in bytes {
            if to.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        std::future::pending::<()>().await;
    };
    let ended = async {
        let mut read = [0; 4096];
        while from.read(&mut read).await.is_ok_and(|read| read > 0) {}
    };
    tokio::select! {
        () = talking => {}
        () = ended => {}
    }
    began.elapsed()
}

/// Asks as people do, until it is over; returns how long each answer took.
async fn normal(process: &Process, lead: &Who, over: &AtomicBool) -> Vec<Duration> {
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let mut line = Line::open(process.address).await.unwrap();
        let read = line.ask(lead, "GET", "/v1/meetings?first=5", "", None).await.unwrap();
        assert_eq!(read.status, 200, "{}", read.body);
        times.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    times
}

cases! {
    async fn slow_and_silent_clients_are_closed_and_the_others_served(app: App) {
        let lead = lead(&app);
        let process = Process::start_with(&app.url, json!({ "receive_seconds": RECEIVE }), None);
        let over = AtomicBool::new(false);
        let count = rounds(150, 1800);
        let mut ended = Vec::new();
        let crowd = async {
            let before = process.descriptors();
            for _ in 0..rounds(1, 6) {
                let paces = [Pace::Mute, Pace::Head, Pace::Body];
                let all = (0..count).map(|number| slow(process.address, paces[number % paces.len()]));
                ended.extend(futures_util::future::join_all(all).await);
            }
            // Five seconds are for what was sent to be taken.
            tokio::time::sleep(Duration::from_secs(1)).await;
            over.store(true, Ordering::Relaxed);
            before
        };
        let (before, mut times) = futures_util::future::join(crowd, normal(&process, &lead, &over)).await;
        let longest = *ended.iter().max().unwrap();
        assert!(longest < Duration::from_secs(RECEIVE + 6) + BUSY, "one stayed for {longest:?}");
        let left = process.descriptors().saturating_sub(before);
        assert!(left < 30, "{left} sockets are left over");
        let p99 = quantile(&mut times, 0.99);
        assert!(p99 < BUSY, "{p99:?} for whoever asks");
        report(&format!(
            "F9: {:?}, {} slow and silent clients, each ended within {longest:?} where {RECEIVE} s are allowed; p99 of the \
             others {p99:?} over {} requests", app.backend, ended.len(), times.len()
        ));
    }

    async fn a_storm_of_connections_keeps_nobody_from_being_served(app: App) {
        let lead = lead(&app);
        let process = Process::start(&app.url);
        let over = AtomicBool::new(false);
        let storm = async {
            let (before, began) = (process.descriptors(), Instant::now());
            let opened = AtomicUsize::new(0);
            let one = async |number: usize| {
                while began.elapsed() < Duration::from_secs(rounds(2, 10) as u64) {
                    let Ok(mut stream) = TcpStream::connect(process.address).await else { continue };
                    opened.fetch_add(1, Ordering::Relaxed);
                    // Some go at once, some in the middle of a request.
                    if number.is_multiple_of(2) {
                        let _ = stream.write_all(b"GET /v1/meetings HTTP/1.1\r\nHost: loc").await;
                    }
                }
            };
            futures_util::future::join_all((0..50).map(one)).await;
            let took = began.elapsed();
            tokio::time::sleep(Duration::from_secs(1)).await;
            over.store(true, Ordering::Relaxed);
            (before, opened.into_inner(), took)
        };
        let ((before, opened, took), mut times) =
            futures_util::future::join(storm, normal(&process, &lead, &over)).await;
        within(10, "their sockets are closed", async || process.descriptors() < before + 30).await;
        let p99 = quantile(&mut times, 0.99);
        assert!(p99 < BUSY, "{p99:?} for whoever asks");
        report(&format!(
            "F9: {:?}, {opened} connections in {took:?}; p99 of the others {p99:?} over {} requests", app.backend, times.len()
        ));
    }

    async fn a_server_that_runs_out_of_sockets_takes_new_ones_again(app: App) {
        let lead = lead(&app);
        let process = Process::start_with(&app.url, json!({ "receive_seconds": RECEIVE }), Some(256));
        let mut kept = Line::open(process.address).await.unwrap();
        assert_eq!(kept.ask(&lead, "GET", "/v1/me", "", None).await.unwrap().status, 200);
        for _ in 0..rounds(1, 20) {
            let silent = (0..400).map(|_| slow(process.address, Pace::Mute));
            let asking = async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                let asked = Instant::now();
                // Whoever is connected is served meanwhile, whoever is not as soon as there is a socket.
                let meanwhile = kept.ask(&lead, "GET", "/v1/me", "", None).await.unwrap();
                assert!(matches!(meanwhile.status, 200 | 503), "{}", meanwhile.body);
                let mut line = Line::open(process.address).await.unwrap();
                let late = line.ask(&lead, "GET", "/v1/me", "", None).await.unwrap();
                assert!(matches!(late.status, 200 | 503), "{}", late.body);
                asked.elapsed()
            };
            let (_, took) = futures_util::future::join(futures_util::future::join_all(silent), asking).await;
            assert!(took < Duration::from_secs(2 * RECEIVE) + BUSY, "{took:?}");
            assert_eq!(kept.ask(&lead, "GET", "/v1/me", "", None).await.unwrap().status, 200);
        }
    }
}
