//! Requests of any size and shape. What is over a limit is refused by its code, costs little memory, and hurts nobody else.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{lead, report};
use crate::harness::chance;
use crate::harness::process::{Line, Process};

/// What a request may cost in memory while it is refused: some of it lies in buffers that are kept for the next one.
const GROWTH: u64 = 64 << 20;

/// Sends these bytes while it listens for the answer; returns the status.
async fn send(address: SocketAddr, head: String, pieces: impl Iterator<Item = Vec<u8>>) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.split();
    let sending = async {
        // A server that has refused takes no more.
        if to.write_all(head.as_bytes()).await.is_ok() {
            for piece in pieces {
                if to.write_all(&piece).await.is_err() {
                    break;
                }
            }
        }
        std::future::pending::<()>().await;
    };
    let mut read = Vec::new();
    let hearing = async {
        loop {
            let text = String::from_utf8_lossy(&read);
            if let Some((line, _)) = text.split_once("\r\n") {
                return line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
            }
            if from.read_buf(&mut read).await.unwrap_or_default() == 0 {
                return 0;
            }
        }
    };
    let answered = async {
        tokio::select! {
            status = hearing => status,
            () = sending => 0,
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answered).await.expect("it is answered")
}

cases! {
    async fn what_is_too_large_is_refused_and_costs_little(app: App) {
        let process = Process::start(&app.url);
        let lead = lead(&app);
        let head = |path: &str, more: &str| {
            let token = lead.token.as_deref().unwrap();
            format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: \
                 application/json\r\n{more}\r\n"
            )
        };
        let sized = |path: &str, bytes: usize| head(path, &format!("Content-Length: {bytes}\r\n"));
        let megabytes = |many: usize| (0..many).map(|_| vec![b' '; 1 << 20]);
        let at = process.address;
        let mut line = Line::open(at).await.unwrap();
        // What is made at the first request of each kind is no growth.
        let small = json!({ "query": "{ me { name } }" });
        assert_eq!(line.ask(&lead, "POST", "/graphql", "", Some(&small)).await.unwrap().status, 200);
        assert_eq!(send(at, sized("/v1/people", 1 << 20), megabytes(1)).await, 400);
        let before = process.memory();
        let mut most = 0;
        for many in if chance::long() { vec![2, 10, 100, 100, 100] } else { vec![2, 10, 100] } {
            for path in ["/v1/people", "/graphql"] {
                let status = send(at, sized(path, many << 20), megabytes(many)).await;
                assert_eq!(status, 413, "{many} MB to {path}");
            }
            let chunked = head("/v1/people", "Transfer-Encoding: chunked\r\n");
            let chunks = megabytes(many).map(|piece| [b"100000\r\n".as_slice(), &piece, b"\r\n"].concat());
            assert_eq!(send(at, chunked, chunks).await, 413, "{many} MB in chunks");
            most = most.max(process.memory().saturating_sub(before));
        }
        assert!(most < GROWTH, "{most} bytes more for bodies that were refused");
        let deep = "[".repeat(100_000);
        let wide = format!("{{\"name\": [{}1]}}", "1,".repeat(500_000));
        let objects = format!("{{\"name\": \"x\"{}}}", (0..60_000).map(|n| format!(",\"m{n}\":1")).collect::<String>());
        let query = format!("{{\"query\": \"{}\"}}", "{me".repeat(100_000));
        let braces = format!("{{\"query\": \"query {}\"}}", "{ me ".repeat(10_000));
        for (path, body) in [
            ("/v1/people", &deep), ("/v1/people", &wide), ("/v1/people", &objects), ("/graphql", &deep),
            ("/graphql", &query), ("/graphql", &braces), ("/v1/sessions", &wide),
        ] {
            let status = send(at, sized(path, body.len()), [body.clone().into_bytes()].into_iter()).await;
            // GraphQL answers what it could not execute with 200 unless its own media type is asked for.
            let right = status == 400 || (path == "/graphql" && status == 200);
            assert!(right, "{} bytes to {path}: {status}", body.len());
        }
        let million = format!("[{}1]", "1,".repeat(1_000_000));
        assert_eq!(send(at, sized("/v1/people", million.len()), [million.into_bytes()].into_iter()).await, 413);
        let headers: String = (0..5000).map(|number| format!("X-{number}: 1\r\n")).collect();
        assert_eq!(send(at, head("/v1/people", &headers), std::iter::empty()).await, 431);
        let long = format!("X-Long: {}\r\n", "x".repeat(1 << 20));
        assert_eq!(send(at, head("/v1/people", &long), std::iter::empty()).await, 431);
        let address = format!("/v1/people?q={}", "x".repeat(100_000));
        let status = send(at, head(&address, "Content-Length: 0\r\n"), std::iter::empty()).await;
        assert!(matches!(status, 400 | 405 | 414 | 431), "{status}");
        let shapes = process.memory().saturating_sub(before);
        assert!(shapes < 2 * GROWTH, "{shapes} bytes more for shapes that were refused");
        assert_eq!(line.ask(&lead, "GET", "/v1/me", "", None).await.unwrap().status, 200, "it lives");
        report(&format!(
            "F8: {:?}, bodies of up to 100 MB refused within {} MB, and {} MB in the end",
            app.backend, most >> 20, shapes >> 20
        ));
    }
}
