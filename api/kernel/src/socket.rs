//! GraphQL over WebSocket: the protocol `graphql-transport-ws`.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{AggregatedMessage, CloseCode, CloseReason, Session as Socket};
use async_graphql::Response;
use async_graphql::dynamic::Schema;
use futures_util::StreamExt;
use roundtable_entity::Via;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::ctx::App;
use crate::error::{Code, Error, Result};
use crate::graphql_http::{self, Prepared};
use crate::http;
use crate::stream::{Gone, HEARTBEAT, Presence};

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take nothing.
const SLOW: Duration = Duration::from_secs(10);
/// Longest id of an operation.
const LONGEST_ID: usize = 200;

/// What a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    ConnectionInit {
        #[serde(default)]
        payload: Option<Value>,
    },
    Ping {
        #[serde(default)]
        #[expect(dead_code, reason = "part of the protocol, and of no meaning here")]
        payload: Option<Value>,
    },
    Pong {
        #[serde(default)]
        #[expect(dead_code, reason = "part of the protocol, and of no meaning here")]
        payload: Option<Value>,
    },
    Subscribe {
        id: String,
        payload: Value,
    },
    Complete {
        id: String,
    },
}

/// Whether the request asks for a WebSocket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Refuses pages of other sites: a browser says where a script comes from, and lets it open sockets to anywhere.
fn check_origin(app: &App, headers: &HeaderMap) -> Result<()> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let own = app.public_url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    if origin == own || app.origins.iter().any(|known| known == "*" || known == origin) {
        return Ok(());
    }
    Err(Error::new(Code::Forbidden, "this origin may not open sockets here; name it in cors_origins"))
}

/// Opens a socket.
pub fn open(app: &Arc<App>, schema: &Schema, request: &HttpRequest, payload: Payload) -> Result<HttpResponse> {
    check_origin(app, request.headers())?;
    let asked = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    if !asked.flat_map(|value| value.split(',')).any(|one| one.trim() == PROTOCOL) {
        return Err(Error::new(Code::MalformedBody, format!("ask for the sub-protocol {PROTOCOL}")));
    }
    let opened = actix_ws::handle_with_protocols(request, payload, &[PROTOCOL]);
    let (response, socket, messages) =
        opened.map_err(|error| Error::new(Code::MalformedBody, format!("this is no WebSocket handshake: {error}")))?;
    let most = app.limits.body_bytes;
    let messages = messages.max_frame_size(most).aggregate_continuations().max_continuation_size(most);
    let (out, to_send) = mpsc::channel(16);
    let conversation = Conversation {
        app: app.clone(),
        schema: schema.clone(),
        socket,
        headers: request.headers().clone(),
        request_id: http::request_id(request),
        presence: None,
        running: HashMap::new(),
        out,
        heard: Instant::now(),
    };
    actix_web::rt::spawn(conversation.hold(messages, to_send));
    Ok(response)
}

/// Why a conversation ends: the code of the protocol and a word on it.
struct Close(u16, String);

impl Close {
    fn new(code: u16, why: impl Into<String>) -> Self {
        Self(code, why.into())
    }

    fn of(error: &Error) -> Self {
        match error.code {
            Code::Unauthenticated => Self::new(4401, "Unauthorized"),
            Code::TooManyRequests => Self::new(1013, error.detail.clone()),
            code if code.status() >= 500 => Self::new(1011, code.title()),
            _ => Self::new(4403, "Forbidden"),
        }
    }
}

struct Conversation {
    app: Arc<App>,
    schema: Schema,
    socket: Socket,
    headers: HeaderMap,
    request_id: Arc<str>,
    presence: Option<Arc<Presence>>,
    running: HashMap<String, JoinHandle<()>>,
    out: mpsc::Sender<Sent>,
    heard: Instant,
}

/// What an operation sends.
enum Sent {
    Next(String, Box<Response>),
    Complete(String),
}

type Ended = std::result::Result<(), Close>;

impl Conversation {
    async fn hold(mut self, mut messages: actix_ws::AggregatedMessageStream, mut to_send: mpsc::Receiver<Sent>) {
        let Close(code, why) = self.converse(&mut messages, &mut to_send).await;
        for (_, task) in self.running.drain() {
            task.abort();
        }
        // A reason has at most 123 bytes.
        let why: String = why.chars().take(100).collect();
        let reason = CloseReason { code: CloseCode::Other(code), description: Some(why) };
        // Whoever does not take the word of farewell has gone already.
        let _ = tokio::time::timeout(SLOW, self.socket.close(Some(reason))).await;
    }

    async fn converse(
        &mut self,
        messages: &mut actix_ws::AggregatedMessageStream,
        to_send: &mut mpsc::Receiver<Sent>,
    ) -> Close {
        let begun = Instant::now();
        let mut beat = tokio::time::interval(HEARTBEAT);
        let mut stopping = self.app.hub.stopping();
        // Kept from message to message: somebody who is never silent is looked at all the same.
        let mut gone = self.gone(begun);
        let mut came = false;
        loop {
            if self.presence.is_some() && !came {
                (gone, came) = (self.gone(begun), true);
            }
            let step = tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => Err(Close::new(1001, "the server stops")),
                gone = &mut gone => Err(match (gone, &self.presence) {
                    (_, None) => Close::new(4408, "Connection initialisation timeout"),
                    (Gone::Stopping, _) => Close::new(1001, "the server stops"),
                    (Gone::Refused(error), _) => Close::of(&error),
                }),
                message = messages.recv() => match message {
                    Some(Ok(message)) => self.hear(message).await,
                    Some(Err(_)) => Err(Close::new(1009, "a message is too long or broken")),
                    None => Err(Close::new(1000, "")),
                },
                Some(sent) = to_send.recv() => self.send(sent).await,
                _ = beat.tick() => self.beat().await,
            };
            if let Err(close) = step {
                return close;
            }
        }
    }

    /// Ends when whoever is there is no longer who they were, or when nobody came in time.
    fn gone(&self, begun: Instant) -> Pin<Box<dyn Future<Output = Gone>>> {
        let Some(presence) = self.presence.clone() else {
            let left = self.app.limits.connection_init.saturating_sub(begun.elapsed());
            return Box::pin(async move {
                tokio::time::sleep(left).await;
                Gone::Refused(Code::TooManyRequests.into())
            });
        };
        let standings = self.app.hub.standings();
        Box::pin(async move {
            match presence.is_the_same().await {
                Err(error) if error.code.status() < 500 => Gone::Refused(error),
                _ => presence.gone_since(standings).await,
            }
        })
    }

    async fn beat(&mut self) -> Ended {
        if self.heard.elapsed() > HEARTBEAT * 3 {
            return Err(Close::new(1001, "nothing was heard for too long"));
        }
        self.socket.ping(b"").await.map_err(|_| Close::new(1000, ""))
    }

    async fn hear(&mut self, message: AggregatedMessage) -> Ended {
        self.heard = Instant::now();
        let text = match message {
            AggregatedMessage::Text(text) => text,
            AggregatedMessage::Ping(bytes) => {
                return self.socket.pong(&bytes).await.map_err(|_| Close::new(1000, ""));
            }
            AggregatedMessage::Pong(_) => return Ok(()),
            AggregatedMessage::Binary(_) => return Err(Close::new(4400, "send text")),
            AggregatedMessage::Close(_) => return Err(Close::new(1000, "")),
        };
        let said: Said =
            serde_json::from_str(&text).map_err(|error| Close::new(4400, format!("Invalid message: {error}")))?;
        match said {
            Said::ConnectionInit { payload } => self.begin(payload.unwrap_or_default()).await,
            Said::Ping { .. } => self.tell(&json!({ "type": "pong" })).await,
            Said::Pong { .. } => Ok(()),
            Said::Subscribe { id, payload } => self.subscribe(id, payload).await,
            Said::Complete { id } => {
                if let Some(task) = self.running.remove(&id) {
                    task.abort();
                }
                Ok(())
            }
        }
    }

    /// The token comes in the payload, or in the header of the handshake where the client can set one.
    async fn begin(&mut self, payload: Value) -> Ended {
        if self.presence.is_some() {
            return Err(Close::new(4429, "Too many initialisation requests"));
        }
        let member = |name: &str| {
            let members = payload.as_object().into_iter().flatten();
            let found = members.into_iter().find(|(member, _)| member.eq_ignore_ascii_case(name));
            let header = || self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            found.and_then(|(_, value)| value.as_str().map(str::to_owned)).or_else(header)
        };
        let authorization = member("authorization").unwrap_or_default();
        let token = http::bearer(&authorization).ok_or_else(|| Close::new(4403, "Forbidden"))?;
        let at =
            member(http::ACTING).map(|asked| http::table(&asked)).transpose().map_err(|error| Close::of(&error))?;
        let arrived = Presence::arrive(&self.app, token, at, Via::Graphql, self.request_id.clone()).await;
        let presence = arrived.map_err(|error| match error.code {
            Code::Unauthenticated => Close::new(4403, "Forbidden"),
            _ => Close::of(&error),
        })?;
        self.presence = Some(Arc::new(presence));
        self.tell(&json!({ "type": "connection_ack" })).await
    }

    async fn subscribe(&mut self, id: String, payload: Value) -> Ended {
        let Some(presence) = self.presence.clone() else {
            return Err(Close::new(4401, "Unauthorized"));
        };
        if id.is_empty() || id.len() > LONGEST_ID {
            return Err(Close::new(4400, format!("an id has 1 to {LONGEST_ID} bytes")));
        }
        if self.running.contains_key(&id) {
            return Err(Close::new(4409, format!("Subscriber for {id} already exists")));
        }
        let most = self.app.limits.subscriptions_per_socket;
        let prepared = match presence.is_the_same().await {
            Err(error) if error.code.status() < 500 => return Err(Close::of(&error)),
            Err(error) => Err(error),
            Ok(()) if self.running.len() < most => graphql_http::prepare(&presence.ctx, payload),
            Ok(()) => Err(Error::new(Code::TooManyRequests, format!("a socket carries at most {most} subscriptions"))),
        };
        let prepared = match prepared {
            Ok(Prepared::Request(request, _)) => request.data(presence.clone()),
            Ok(Prepared::Refused(response)) => return self.refuse(&id, json!(response.errors)).await,
            Err(error) => {
                let error = json!([{ "message": error.detail, "extensions": { "code": error.code.wire() } }]);
                return self.refuse(&id, error).await;
            }
        };
        let (schema, out, name) = (self.schema.clone(), self.out.clone(), id.clone());
        let request_id = presence.ctx.clone();
        let task = actix_web::rt::spawn(async move {
            let mut answers = schema.execute_stream(prepared);
            while let Some(mut answer) = answers.next().await {
                graphql_http::finish(&mut answer, &request_id);
                if out.send(Sent::Next(name.clone(), Box::new(answer))).await.is_err() {
                    return;
                }
            }
            // The conversation may be over; then nobody waits for this.
            let _ = out.send(Sent::Complete(name)).await;
        });
        self.running.insert(id, task);
        Ok(())
    }

    async fn refuse(&mut self, id: &str, errors: Value) -> Ended {
        self.tell(&json!({ "id": id, "type": "error", "payload": errors })).await
    }

    async fn send(&mut self, sent: Sent) -> Ended {
        match sent {
            Sent::Next(id, answer) if self.running.contains_key(&id) => {
                // A document that fits no schema is refused as a whole.
                if answer.errors.iter().any(|error| error.path.is_empty()) && answer.data == Default::default() {
                    if let Some(task) = self.running.remove(&id) {
                        task.abort();
                    }
                    return self.refuse(&id, json!(answer.errors)).await;
                }
                self.tell(&json!({ "id": id, "type": "next", "payload": answer })).await
            }
            Sent::Complete(id) if self.running.remove(&id).is_some() => {
                self.tell(&json!({ "id": id, "type": "complete" })).await
            }
            // The client has completed it meanwhile.
            _ => Ok(()),
        }
    }

    async fn tell(&mut self, message: &Value) -> Ended {
        match tokio::time::timeout(SLOW, self.socket.text(message.to_string())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Close::new(1000, "")),
            Err(_) => Err(Close::new(1013, "too slow; connect again and read on from the last cursor")),
        }
    }
}
