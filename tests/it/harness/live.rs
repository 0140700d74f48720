//! A server that listens, for what needs a connection: streams, sockets, webhooks.

use std::net::SocketAddr;
use std::time::Duration;

use roundtable_server::settings::Settings;
use roundtable_server::{Server, serve};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::backend::{App, settings};

/// A listening server and what it answers with.
pub struct Live {
    pub app: App,
    pub address: SocketAddr,
    running: JoinHandle<()>,
}

/// Settings for a server of a test: quick, and allowed to reach this machine.
pub fn quick(url: &str) -> Settings {
    Settings {
        bind: "127.0.0.1:0".into(),
        public_url: "http://127.0.0.1:8080".into(),
        workers: 1,
        connection_init_seconds: 1,
        webhook_allow_networks: "127.0.0.0/8".into(),
        webhook_retry_seconds: "0,0,0,0,0,0,0,0,0".into(),
        shutdown_seconds: 5,
        ..settings(url)
    }
}

/// One more server over the database of a case, listening.
pub async fn live(like: &App) -> Live {
    live_with(like, quick(&like.url)).await
}

pub async fn live_with(like: &App, settings: Settings) -> Live {
    let server = server(like, &settings).await;
    let (tell, told) = oneshot::channel();
    let listening = server.clone();
    let running = actix_web::rt::spawn(async move {
        let tell = |address| tell.send(address).expect("somebody waits for the address");
        serve::listen(listening, &settings, tell).await.expect("it listens");
    });
    Live { app: App::over(server, like), address: told.await.expect("an address"), running }
}

/// A server over the database of a case: over its own connection on SQLite, which has one writer, and over one more on
/// PostgreSQL.
pub async fn server(like: &App, settings: &Settings) -> Server {
    let store = match like.backend {
        super::Backend::Sqlite => like.server.app.store.clone(),
        super::Backend::Postgres => roundtable_server::connect(settings).await.unwrap(),
    };
    roundtable_server::assemble(store, settings).await.unwrap()
}

impl Live {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Stops it as a signal would.
    pub async fn stop(self) {
        self.app.server.app.hub.stop();
        self.running.await.unwrap();
    }
}

/// Waits until it holds, or says that it never did. A machine that is busy with other cases is given six times as long.
pub async fn within(seconds: u64, what: &'static str, mut holds: impl AsyncFnMut() -> bool) {
    let began = std::time::Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(6 * seconds), "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub type Socket = WebSocketStream<TcpStream>;

/// A WebSocket of GraphQL, from a page of this origin; the status where it is refused.
pub async fn socket(live: &Live, origin: Option<&str>) -> Result<Socket, u16> {
    let mut request = format!("ws://{}/graphql", live.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    let stream = TcpStream::connect(live.address).await.unwrap();
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, response)) => {
            assert_eq!(response.headers()["sec-websocket-protocol"], "graphql-transport-ws");
            Ok(socket)
        }
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}
