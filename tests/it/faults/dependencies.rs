//! What the server depends on beside its database answers never, slowly or wrongly: the mail server, receivers of webhooks,
//! identity providers. Nobody at the table notices, and what is to be sent waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use roundtable_entity::mail;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{lead, quantile, report};
use crate::harness::chance::rounds;
use crate::harness::client::text;
use crate::harness::live::within;
use crate::harness::process::{Line, Process};
use crate::harness::receiver::Receiver;
use crate::harness::{Who, chance};

/// What a machine that is busy with other cases may take besides.
const BUSY: Duration = Duration::from_secs(6);

/// How a server answers that should not.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Never,
    Slowly,
    Wrongly,
}

/// One that takes connections and answers in this manner; counts them.
async fn bad(manner: Manner) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(answer(stream, manner));
        }
    });
    (port, count)
}

async fn answer(mut stream: TcpStream, manner: Manner) {
    let mut read = [0; 1024];
    match manner {
        Manner::Never => while stream.read(&mut read).await.is_ok_and(|read| read > 0) {},
        Manner::Slowly => {
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".iter().chain(std::iter::repeat(&b'x')) {
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
        Manner::Wrongly => {
            // Whether it is heard does not matter.
            let _ = stream.write_all(b"\x00\xff<html>no\r\n\r\n").await;
        }
    }
}

/// Reads and writes at the table until it is over; returns how long each took.
async fn working(process: &Process, lead: &Who, name: &str, over: &AtomicBool) -> Vec<Duration> {
    let mut line = Line::open(process.address).await.unwrap();
    let (mut times, mut number) = (Vec::new(), 0);
    while !over.load(Ordering::Relaxed) {
        number += 1;
        let asked = Instant::now();
        let body = json!({ "name": format!("{name} {number}"), "kind": "employer" });
        let wrote = line.ask(lead, "POST", "/v1/organizations", "", Some(&body)).await.unwrap();
        assert_eq!(wrote.status, 201, "{}", wrote.body);
        let read = line.ask(lead, "GET", "/v1/organizations?first=5", "", None).await.unwrap();
        assert_eq!(read.status, 200, "{}", read.body);
        times.push(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    times
}

/// Somebody signs in at a provider that does not do its part.
async fn signs_in(process: &Process, provider: &str) {
    let (asked, since) = (json!({ "provider": provider }), Instant::now());
    let mut line = Line::open(process.address).await.unwrap();
    let refused = line.ask(&Who::anonymous(), "POST", "/v1/sign-ins/oidc", "", Some(&asked)).await.unwrap();
    assert_eq!(text(&refused.body["code"]), "PROVIDER_UNAVAILABLE", "{provider}: {}", refused.body);
    assert!(since.elapsed() < Duration::from_secs(10) + BUSY, "{provider}: refused after {:?}", since.elapsed());
}

cases! {
    async fn what_others_do_not_answer_keeps_nobody_at_the_table(app: App) {
        let lead = lead(&app);
        let posts = [Manner::Never, Manner::Slowly, Manner::Wrongly];
        for post in &posts[..rounds(1, 3)] {
            let (port, mails) = bad(*post).await;
            let (mut providers, mut hooks, mut tried) = (Vec::new(), Vec::new(), Vec::new());
            for manner in [Manner::Never, Manner::Slowly, Manner::Wrongly] {
                let issuer = format!("http://127.0.0.1:{}", bad(manner).await.0);
                let name = format!("{manner:?}").to_lowercase();
                providers.push(json!({ "name": name, "issuer": issuer, "client_id": "roundtable" }));
                let (hook, count) = bad(manner).await;
                hooks.push(format!("http://127.0.0.1:{hook}/events"));
                tried.push(count);
            }
            let gone = Arc::new(AtomicBool::new(true));
            let told = gone.clone();
            // It never answers at first; then it does.
            let receiver = Receiver::start(move |_| if told.load(Ordering::Relaxed) { 1 } else { 200 }).await;
            hooks.push(receiver.url.clone());
            let more = json!({
                "mail_server": format!("smtp://127.0.0.1:{port}"), "mail_from": "Roundtable <table@example.org>",
                "webhook_allow_networks": "127.0.0.0/8", "webhook_timeout_seconds": 1,
                "webhook_retry_seconds": "0,0,0,0,0,0,0,0,0", "identity_providers": providers,
            });
            let process = Process::start_with(&app.url, more, None);
            let mut line = Line::open(process.address).await.unwrap();
            for url in hooks {
                let asked = json!({ "url": url, "kinds": ["organization"] });
                let made = line.ask(&lead, "POST", "/v1/webhooks", "", Some(&asked)).await.unwrap();
                assert_eq!(made.status, 201, "{}", made.body);
            }
            let email = format!("{post:?}@example.org").to_lowercase();
            let asked = json!({ "email": email, "staffRole": "observer" });
            let invited = line.ask(&lead, "POST", "/v1/invitations", "", Some(&asked)).await.unwrap();
            assert_eq!(invited.status, 201, "{}", invited.body);
            let over = AtomicBool::new(false);
            let begun = async {
                let providers = ["never", "slowly", "wrongly"].map(|name| signs_in(&process, name));
                futures_util::future::join_all(providers).await;
                if chance::long() {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                within(10, "mail and webhooks were tried", async || {
                    tried.iter().chain([&mails]).all(|count| count.load(Ordering::Relaxed) > 0)
                })
                .await;
                over.store(true, Ordering::Relaxed);
            };
            let (mut times, ()) =
                futures_util::future::join(working(&process, &lead, &format!("{post:?}"), &over), begun).await;
            let p99 = quantile(&mut times, 0.99);
            assert!(p99 < BUSY, "{p99:?} for a write and a read");
            let waiting = mail::Entity::find()
                .filter(mail::Column::Recipient.eq(email))
                .filter(mail::Column::SentAt.is_null())
                .filter(mail::Column::FailedAt.is_null())
                .count(app.server.app.store.read())
                .await
                .unwrap();
            assert_eq!(waiting, 1, "the invitation waits to be mailed");
            // A receiver that was away is told once it answers.
            gone.store(false, Ordering::Relaxed);
            within(20, "whoever answers again is told", async || !receiver.taken().is_empty()).await;
            report(&format!(
                "F24: {:?}, mail {post:?}, three receivers and three identity providers that do not do their part: p99 of a \
                 write and a read {p99:?}", app.backend
            ));
            process.kill();
        }
    }
}
