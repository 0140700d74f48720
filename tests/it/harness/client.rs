//! Calls through both doors, without a socket. The expected status is part of the call.

use std::rc::Rc;

use actix_http::Request;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use futures_util::future::LocalBoxFuture;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Kind;
use roundtable_server::Server;
use serde_json::{Value, json};
use uuid::Uuid;

use super::backend::App;
use super::{sample, world};

/// The assembled server as a function from requests to responses.
pub type Door = Rc<dyn Fn(Request) -> LocalBoxFuture<'static, ServiceResponse>>;

/// Somebody who calls: a name for messages and the access token.
#[derive(Clone, Debug, Default)]
pub struct Who {
    pub name: String,
    pub account: Uuid,
    pub token: Option<String>,
}

impl Who {
    pub fn anonymous() -> Who {
        Who { name: "anonymous".into(), ..Who::default() }
    }

    pub fn with_token(name: &str, token: &str) -> Who {
        Who { name: name.into(), token: Some(token.into()), ..Who::default() }
    }
}

pub async fn door(server: &Server) -> Door {
    let server = server.clone();
    let app = actix_web::App::new().configure(move |config| server.configure(config));
    let service = Rc::new(actix_web::test::init_service(app).await);
    Rc::new(move |request| {
        let service = service.clone();
        // Between two requests over a network others have their turn.
        Box::pin(async move {
            tokio::task::yield_now().await;
            service.call(request).await.expect("the service answers")
        })
    })
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub asked: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    pub body: Value,
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, String::from_utf8_lossy(&self.bytes));
        &self.body
    }

    /// The refusal, with its status and code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> &Value {
        self.is(status);
        assert_eq!(self.body["code"], code, "{}: {}", self.asked, self.body);
        &self.body
    }

    /// The refusal of a body or parameter, naming this member with this code.
    #[track_caller]
    pub fn refuses_member(&self, pointer: &str, code: &str) {
        self.refused(400, "INVALID_INPUT");
        let named = self.body["errors"].as_array().into_iter().flatten();
        let found = named.into_iter().any(|one| one["pointer"] == pointer && one["code"] == code);
        assert!(found, "{}: {pointer} {code} is not in {}", self.asked, self.body);
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// A call under way.
pub struct Call<'a> {
    app: &'a App,
    asked: String,
    request: TestRequest,
}

impl Call<'_> {
    /// Sends this JSON, as a merge patch where that is what the method wants.
    pub fn json(self, body: Value) -> Self {
        let kind = if self.asked.contains(" PATCH ") { "application/merge-patch+json" } else { "application/json" };
        self.body(kind, body.to_string())
    }

    pub fn body(mut self, kind: &str, body: impl Into<actix_web::web::Bytes>) -> Self {
        self.request = self.request.insert_header(("content-type", kind)).set_payload(body);
        self
    }

    pub fn version(self, version: impl Into<i64>) -> Self {
        let version = version.into();
        self.header("if-match", &format!("\"{version}\""))
    }

    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.request = self.request.append_header((name, HeaderValue::from_str(value).unwrap()));
        self
    }

    pub fn sent_from(mut self, number: u8) -> Self {
        self.request = self.request.peer_addr(std::net::SocketAddr::from(([10, 0, 0, number], 4000)));
        self
    }

    pub async fn send(self) -> Answer {
        let door = self.app.door().await;
        let response = door(self.request.to_request()).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = actix_web::body::to_bytes(response.into_body()).await.unwrap_or_default().to_vec();
        Answer { asked: self.asked, status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default(), bytes }
    }

    /// Sends, and gives the body if the status is this one.
    pub async fn is(self, status: u16) -> Value {
        let answer = self.send().await;
        answer.is(status).clone()
    }
}

/// What came back from GraphQL.
#[derive(Clone, Debug)]
pub struct Graph {
    pub asked: String,
    pub status: u16,
    pub body: Value,
    pub bytes: Vec<u8>,
}

impl Graph {
    /// The data, if there are no errors.
    #[track_caller]
    pub fn ok(&self) -> &Value {
        assert!(
            self.status == 200 && self.body.get("errors").is_none(),
            "{}: {} {}",
            self.asked,
            self.status,
            String::from_utf8_lossy(&self.bytes)
        );
        &self.body["data"]
    }

    /// The code of the first error; empty without errors.
    pub fn code(&self) -> &str {
        let code = self.body["errors"][0]["extensions"]["code"].as_str();
        code.or(self.body["code"].as_str()).unwrap_or_default()
    }

    #[track_caller]
    pub fn refused(&self, code: &str) -> &Value {
        assert_eq!(self.code(), code, "{}: {}", self.asked, self.body);
        &self.body["errors"][0]["extensions"]
    }
}

impl App {
    pub(crate) async fn door(&self) -> Door {
        if let Some(door) = self.door.get() {
            return door.clone();
        }
        let door = door(&self.server).await;
        let _ = self.door.set(door.clone());
        door
    }

    /// A call to REST.
    pub fn rest(&self, who: &Who, method: &str, path: &str) -> Call<'_> {
        let mut request = TestRequest::default().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        if let Some(token) = &who.token {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        Call { app: self, asked: format!("{} {method} {path}", who.name), request }
    }

    /// Reads over REST, which has to succeed.
    pub async fn get(&self, who: &Who, path: &str) -> Value {
        self.rest(who, "GET", path).is(200).await
    }

    /// Makes a record over REST, which has to succeed.
    pub async fn make(&self, who: &Who, path: &str, body: Value) -> Value {
        self.rest(who, "POST", path).json(body).is(201).await
    }

    /// Does a named thing to a record at the version given, which has to succeed.
    pub async fn act(&self, who: &Who, record: &Value, path: &str, verb: &str, body: Value) -> Value {
        let path = format!("{path}/{}/{verb}", text(&record["id"]));
        let version = record["version"].as_i64().unwrap();
        self.rest(who, "POST", &path).version(version).json(body).is(200).await
    }

    /// Changes a record at the version given.
    pub async fn patch(&self, who: &Who, record: &Value, path: &str, body: Value) -> Answer {
        let path = format!("{path}/{}", text(&record["id"]));
        let version = record["version"].as_i64().unwrap();
        self.rest(who, "PATCH", &path).version(version).json(body).send().await
    }

    /// A call to GraphQL.
    pub async fn gql(&self, who: &Who, query: &str, variables: Value) -> Graph {
        self.gql_with(who, query, variables, &[]).await
    }

    pub async fn gql_with(&self, who: &Who, query: &str, variables: Value, headers: &[(&str, &str)]) -> Graph {
        let mut call = self.rest(who, "POST", "/graphql").json(json!({ "query": query, "variables": variables }));
        for (name, value) in headers {
            call = call.header(name, value);
        }
        let answer = call.send().await;
        Graph {
            asked: format!("{} graphql {query}", who.name),
            status: answer.status,
            body: answer.body,
            bytes: answer.bytes,
        }
    }

    /// Somebody who signs in as the person in this seat.
    pub async fn seated(&self, seat: &Value) -> Who {
        let name = format!("in seat {}", text(&seat["id"]));
        world::signed_in_as(&self.server, &name, id(&seat["personId"])).await
    }

    /// A new employer at our table, with somebody who speaks for it.
    pub async fn employer(&self, name: &str) -> (Value, Who) {
        let lead = &self.world.ours.lead;
        let organization = self.make(lead, "/v1/organizations", json!({ "name": name, "kind": "employer" })).await;
        let partner = self.make(lead, "/v1/partners", json!({ "organizationId": organization["id"] })).await;
        let partner = self.act(lead, &partner, "/v1/partners", "invite", json!({})).await;
        let partner = self.act(lead, &partner, "/v1/partners", "join", json!({})).await;
        let person = self.make(lead, "/v1/people", json!({ "name": format!("Owner of {name}") })).await;
        let seat = json!({ "partnerId": partner["id"], "personId": person["id"], "role": "point_person" });
        let seat = self.make(lead, "/v1/seats", seat).await;
        let seat = self.act(lead, &seat, "/v1/seats", "accept", json!({})).await;
        (organization, self.seated(&seat).await)
    }

    /// A token for this account, as a sign-in would give it.
    pub fn token(&self, account: Uuid, partnership: Option<Uuid>) -> String {
        self.server.app.keys.sign(account, "roundtable", partnership, None, 3600).unwrap()
    }
}

/// Asks both doors for what they have to refuse with the same status, code and words.
pub async fn refused(app: &App, who: &Who, op: Op, at: Option<&Value>, body: Value, status: u16, code: &str) -> Value {
    let table = &app.server.app.operations;
    let operation = table.get(op).unwrap();
    let id = at.map(|record| text(&record["id"]).to_owned());
    let version = at.and_then(|record| record["version"].as_i64()).unwrap_or_default();
    let mut call = app.rest(who, operation.kind.method(), &sample::path(operation, id.as_deref()));
    if operation.kind.needs_version() {
        call = call.version(version);
    }
    if operation.kind != Kind::Archive {
        call = call.json(body.clone());
    }
    let rest = call.send().await;
    rest.refused(status, code);
    let mut sent = body;
    // What is null over REST is left out over GraphQL.
    if let Some(members) = sent.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    let document = sample::document(table, operation, id.as_deref(), version, Some(&sent), false);
    let graph = app.gql(who, &document, Value::Null).await;
    assert_eq!(graph.refused(code)["status"], status, "{}", graph.asked);
    assert_eq!(graph.body["errors"][0]["message"], rest.body["detail"], "{}", graph.asked);
    rest.body
}

/// A JSON string as text.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// A JSON string as an id.
#[track_caller]
pub fn id(value: &Value) -> Uuid {
    Uuid::parse_str(text(value)).unwrap()
}
