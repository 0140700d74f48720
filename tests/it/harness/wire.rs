//! Counts the statements a server sends to PostgreSQL, by listening in between. The product has no hook for it and
//! needs none.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{App, Backend};

/// The number by which a client asks for encryption, in place of the version of the protocol.
const ENCRYPTION: [u8; 4] = 80_877_103_u32.to_be_bytes();

/// Statements executed so far on connections through it.
#[derive(Clone, Default)]
pub struct Statements(Arc<AtomicUsize>);

impl Statements {
    pub fn so_far(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A server over the case's database, with the listener in between. SQLite runs within the process, where nobody can listen
/// in; the statements are the same.
pub async fn listened(app: &App) -> Option<Listened> {
    if app.backend == Backend::Sqlite {
        return None;
    }
    let (url, statements) = between(&app.url).await;
    let settings = super::backend::settings(&url);
    let store = roundtable_server::connect(&settings).await.unwrap();
    let server = roundtable_server::assemble(store, &settings).await.unwrap();
    Some(Listened { app: App::over(server, app), statements })
}

/// A server whose statements are counted.
pub struct Listened {
    pub app: App,
    statements: Statements,
}

impl Listened {
    /// The fewest statements that asking took, of six times: who asks is read again once a second, and the first time
    /// prepares.
    pub async fn least<F: Future<Output = ()>>(&self, ask: impl Fn() -> F) -> usize {
        let mut least = usize::MAX;
        for _ in 0..6 {
            let before = self.statements.so_far();
            ask().await;
            least = least.min(self.statements.so_far() - before);
        }
        least
    }
}

/// A server's address with the listener in between.
async fn between(url: &str) -> (String, Statements) {
    let (front, rest) = url.split_once('@').unwrap();
    let (server, database) = rest.split_once('/').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (statements, server) = (Statements::default(), server.to_owned());
    let counted = statements.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if let Ok(server) = TcpStream::connect(&server).await {
                tokio::spawn(pass_on(client, server, counted.clone()));
            }
        }
    });
    (format!("{front}@127.0.0.1:{port}/{database}"), statements)
}

async fn pass_on(client: TcpStream, server: TcpStream, statements: Statements) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    // The first message has no type; every other has one byte of type and four of length, which counts itself.
    let mut begun = false;
    loop {
        let mut head = vec![0; if begun { 5 } else { 4 }];
        if from_client.read_exact(&mut head).await.is_err() {
            return;
        }
        let length = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap());
        let mut body = vec![0; length as usize - 4];
        if from_client.read_exact(&mut body).await.is_err() {
            return;
        }
        // `E` executes a prepared statement, `Q` is a statement as text.
        if begun && matches!(head[0], b'E' | b'Q') {
            statements.0.fetch_add(1, Ordering::SeqCst);
        }
        // Before it begins, a client may ask for encryption, which a server on the same machine declines.
        begun = begun || body.get(..4) != Some(&ENCRYPTION);
        if to_server.write_all(&head).await.is_err() || to_server.write_all(&body).await.is_err() {
            return;
        }
    }
}
