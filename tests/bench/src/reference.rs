//! The reference: the product's framework, a verified token, one prepared statement, and nothing else. Not a product: it
//! has no access rule, no versions in its reads, no problem codes, no metrics.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

/// Binds to a free port, says which, and serves.
macro_rules! listen {
    ($server:expr) => {{
        let server = $server.bind("127.0.0.1:0").unwrap();
        println!("{}", server.addrs()[0]);
        server.run().await.unwrap();
    }};
}

const SECRET: &[u8] = b"measured, not trusted";

#[derive(Serialize, Deserialize)]
struct Claims {
    partnership: Uuid,
    exp: u64,
}

/// A token for this partnership.
pub fn token(partnership: Uuid) -> String {
    let claims = Claims { partnership, exp: 4_000_000_000 };
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

/// The partnership the caller may see.
fn caller(request: &HttpRequest) -> Option<Uuid> {
    let bearer = request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let key = DecodingKey::from_secret(SECRET);
    let claims = jsonwebtoken::decode::<Claims>(bearer, &key, &Validation::new(Algorithm::HS256)).ok()?;
    Some(claims.claims.partnership)
}

/// Members of a partner on the wire, in order.
const PARTNER: &[&str] = &[
    "id",
    "partnership_id",
    "organization_id",
    "contribution",
    "size_class",
    "naics",
    "headcount",
    "union_kind",
    "union_affiliation",
    "local",
    "leadership",
    "membership",
    "offerings",
    "accreditation",
    "name",
    "kind",
    "side",
    "state",
    "engagement_mode",
    "hours_offered",
    "joined_on",
    "left_on",
    "live_seats",
    "version",
    "created_at",
    "updated_at",
];
const RESOURCE: &[&str] = &[
    "id",
    "partnership_id",
    "entry_kind",
    "name",
    "alternate_name",
    "description",
    "status",
    "owner_organization_id",
    "location_id",
    "url",
    "email",
    "phone",
    "eligibility",
    "application_process",
    "fees",
    "wait_time",
    "accreditations",
    "languages",
    "keywords",
    "naics",
    "soc",
    "cip",
    "ctdl_id",
    "developed_on",
    "last_used_on",
    "shelved_reason",
    "record_state",
    "discovered_on",
    "verified_on",
    "status_since",
    "version",
    "created_at",
    "updated_at",
    "name_key",
];
const NUMBERS: &[&str] = &["headcount", "membership", "hours_offered", "live_seats", "version"];

/// What one row says, as the members of an object.
struct Row(Vec<(&'static str, Cell)>);

enum Cell {
    Nothing,
    Number(i64),
    Text(String),
}

impl Serialize for Row {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = to.serialize_map(None)?;
        for (name, cell) in &self.0 {
            match cell {
                Cell::Nothing => {}
                Cell::Number(number) => map.serialize_entry(name, number)?,
                Cell::Text(text) => map.serialize_entry(name, text)?,
            }
        }
        map.end()
    }
}

fn json(body: &impl Serialize) -> HttpResponse {
    written(serde_json::to_vec(body).unwrap())
}

fn written(body: impl actix_web::body::MessageBody + 'static) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(body)
}

#[derive(Deserialize)]
struct After {
    name: String,
    id: Uuid,
}

#[derive(Deserialize)]
struct Words {
    q: String,
}

#[derive(Deserialize)]
struct Meeting {
    title: String,
    objective: String,
}

#[derive(Deserialize)]
struct Change {
    version: i32,
    contribution: String,
}

const EVENT: &str = "partnership_id, kind, record_type, record_id, record_version, changed_fields, operation, actor_id, \
                     actor_role, via, request_id, happened_at";

/// Serves until it is told to stop.
pub async fn serve(url: &str) {
    match url.strip_prefix("sqlite:") {
        Some(file) => sqlite(file).await,
        None => postgres(url).await,
    }
}

// SQLite: a connection a worker for reading, one for writing.

fn open(file: &str) -> Connection {
    let connection = Connection::open(file).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=268435456; PRAGMA cache_size=-32768; \
             PRAGMA temp_store=MEMORY; PRAGMA busy_timeout=5000",
        )
        .unwrap();
    connection.set_prepared_statement_cache_capacity(64);
    connection
}

fn cells(row: &rusqlite::Row<'_>, columns: &[&'static str]) -> Row {
    let cell = |at: usize| match row.get_ref(at).unwrap() {
        rusqlite::types::ValueRef::Null => Cell::Nothing,
        rusqlite::types::ValueRef::Integer(number) => Cell::Number(number),
        rusqlite::types::ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
        rusqlite::types::ValueRef::Blob(bytes) => Cell::Text(Uuid::from_slice(bytes).unwrap().to_string()),
        other => panic!("{other:?}"),
    };
    Row(columns.iter().enumerate().map(|(at, name)| (*name, cell(at))).collect())
}

type Reader = Rc<Connection>;
type Writer = std::sync::Arc<std::sync::Mutex<Connection>>;

async fn sqlite(file: &str) {
    let writer: Writer = std::sync::Arc::new(std::sync::Mutex::new(open(file)));
    let file = file.to_owned();
    let server = HttpServer::new(move || {
        let reader: Reader = Rc::new(open(&file));
        App::new()
            .app_data(web::Data::new(reader))
            .app_data(web::Data::from(writer.clone()))
            .route("/w1/{id}", web::get().to(sqlite_w1))
            .route("/w2", web::get().to(sqlite_w2))
            .route("/w3", web::get().to(sqlite_w3))
            .route("/w4", web::get().to(sqlite_w4))
            .route("/w5", web::post().to(sqlite_w5))
            .route("/w6/{id}", web::patch().to(sqlite_w6))
            .route("/w7", web::get().to(sqlite_w7))
    });
    listen!(server);
}

fn wire(row: &[&'static str]) -> String {
    row.join(", ")
}

async fn sqlite_w1(request: HttpRequest, id: web::Path<Uuid>, db: web::Data<Reader>) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let sql = format!("SELECT {} FROM partner WHERE id = ?1 AND partnership_id = ?2", wire(PARTNER));
    let mut statement = db.prepare_cached(&sql).unwrap();
    let row = statement.query_row(params![*id, partnership], |row| Ok(cells(row, PARTNER))).optional().unwrap();
    row.map_or_else(|| HttpResponse::NotFound().finish(), |row| json(&row))
}

fn sqlite_rows(
    db: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    columns: &[&'static str],
) -> HttpResponse {
    let mut statement = db.prepare_cached(sql).unwrap();
    let rows: Vec<Row> =
        statement.query_map(parameters, |row| Ok(cells(row, columns))).unwrap().map(Result::unwrap).collect();
    json(&rows)
}

async fn sqlite_w2(request: HttpRequest, db: web::Data<Reader>) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let sql = format!(
        "SELECT {} FROM partner WHERE partnership_id = ?1 AND kind = 'employer' AND archived_at IS NULL ORDER BY \
         name_key, id LIMIT 50",
        wire(PARTNER)
    );
    sqlite_rows(&db, &sql, params![partnership], PARTNER)
}

async fn sqlite_w3(request: HttpRequest, db: web::Data<Reader>) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let mut statement = db.prepare_cached(SQLITE_W3).unwrap();
    let text: String = statement.query_row(params![partnership], |row| row.get(0)).unwrap();
    written(text)
}

async fn sqlite_w4(request: HttpRequest, words: web::Query<Words>, db: web::Data<Reader>) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let columns: Vec<String> = RESOURCE.iter().map(|name| format!("resource.{name}")).collect();
    let sql = format!(
        "SELECT {} FROM resource_search JOIN resource ON resource.row_key = resource_search.rowid WHERE \
         resource_search MATCH ?1 AND resource.partnership_id = ?2 AND resource.archived_at IS NULL ORDER BY \
         bm25(resource_search) LIMIT 20",
        columns.join(", ")
    );
    sqlite_rows(&db, &sql, params![words.q, partnership], RESOURCE)
}

async fn sqlite_w7(request: HttpRequest, after: web::Query<After>, db: web::Data<Reader>) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let sql = format!(
        "SELECT {} FROM resource WHERE partnership_id = ?1 AND archived_at IS NULL AND (name_key, id) > (?2, ?3) ORDER \
         BY name_key, id LIMIT 50",
        wire(RESOURCE)
    );
    sqlite_rows(&db, &sql, params![partnership, after.name, after.id], RESOURCE)
}

async fn sqlite_w5(
    request: HttpRequest,
    meeting: web::Json<Meeting>,
    db: web::Data<std::sync::Mutex<Connection>>,
) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let id = &Uuid::now_v7();
    let db = db.lock().unwrap();
    let tx = db.unchecked_transaction().unwrap();
    tx.prepare_cached(&insert_meeting("hex(?1)", |at| format!("?{at}")))
        .unwrap()
        .execute(params![*id, partnership, meeting.title, meeting.objective, NOW])
        .unwrap();
    tx.prepare_cached(&insert_event(|at| format!("?{at}")))
        .unwrap()
        .execute(params![partnership, *id, 1, NOW])
        .unwrap();
    tx.commit().unwrap();
    json(&serde_json::json!({ "id": id, "title": meeting.title }))
}

async fn sqlite_w6(
    request: HttpRequest,
    id: web::Path<Uuid>,
    change: web::Json<Change>,
    db: web::Data<std::sync::Mutex<Connection>>,
) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let db = db.lock().unwrap();
    let tx = db.unchecked_transaction().unwrap();
    let changed = tx
        .prepare_cached(
            "UPDATE partner SET contribution = ?1, version = version + 1, updated_at = ?5 WHERE id = ?2 AND partnership_id \
             = ?3 AND version = ?4",
        )
        .unwrap()
        .execute(params![change.contribution, *id, partnership, change.version, NOW])
        .unwrap();
    tx.prepare_cached(&insert_event(|at| format!("?{at}")))
        .unwrap()
        .execute(params![partnership, *id, change.version + 1, NOW])
        .unwrap();
    tx.commit().unwrap();
    if changed == 0 {
        HttpResponse::PreconditionFailed().finish()
    } else {
        json(&serde_json::json!({ "version": change.version + 1 }))
    }
}

const NOW: &str = "2026-11-22 12:00:00.000000+00:00";

fn insert_meeting(uid: &str, at: impl Fn(usize) -> String) -> String {
    format!(
        "INSERT INTO meeting (id, partnership_id, title, objective, kind, mode, starts_at, ends_at, starts_local, \
         duration_minutes, time_zone, preparation_minutes, audience_levels, audience_modes, publicity, state, uid, sequence, \
         version, created_at, updated_at) VALUES ({}, {}, {}, {}, 'partnership', 'action', {now}, {now}, '', 60, 'UTC', 0, '[]', \
         '[]', 'members', 'draft', {uid}, 0, 1, {now}, {now})",
        at(1),
        at(2),
        at(3),
        at(4),
        now = at(5)
    )
}

fn insert_event(at: impl Fn(usize) -> String) -> String {
    format!(
        "INSERT INTO event ({EVENT}) VALUES ({}, 'changed', 'record', {}, {}, '[]', 'change', NULL, '', 'rest', '', {})",
        at(1),
        at(2),
        at(3),
        at(4)
    )
}

const SQLITE_W3: &str = "SELECT json_group_array(json_object('id', hex(meeting.id), 'title', title, 'objective', objective, \
    'startsAt', starts_at, 'place', place, 'kind', kind, 'mode', mode, 'state', state, 'version', version, 'agendaItems', json((SELECT \
    json_group_array(json_object('id', hex(id), 'title', title, 'kind', kind, 'minutes', minutes, 'position', position)) FROM (SELECT * FROM \
    agenda_item WHERE meeting_id = meeting.id AND archived_at IS NULL ORDER BY position, id))), 'attendances', json((SELECT \
    json_group_array(json_object('id', hex(attendance.id), 'seatId', hex(seat_id), 'invitedAs', invited_as, 'partStat', part_stat, 'person', \
    json_object('id', hex(person.id), 'name', person.name))) FROM attendance JOIN person ON person.id = attendance.person_id WHERE \
    meeting_id = meeting.id AND attendance.archived_at IS NULL)))) FROM (SELECT * FROM meeting WHERE partnership_id = ?1 AND \
    archived_at IS NULL ORDER BY starts_at, id LIMIT 20) AS meeting";

const POSTGRES_W3: &str = "SELECT coalesce(json_agg(json_build_object('id', meeting.id, 'title', title, 'objective', objective, \
    'startsAt', starts_at, 'place', place, 'kind', kind, 'mode', mode, 'state', state, 'version', version, 'agendaItems', (SELECT \
    json_agg(json_build_object('id', id, 'title', title, 'kind', kind, 'minutes', minutes, 'position', position) ORDER BY position, id) \
    FROM agenda_item WHERE meeting_id = meeting.id AND archived_at IS NULL), 'attendances', (SELECT \
    json_agg(json_build_object('id', attendance.id, 'seatId', seat_id, 'invitedAs', invited_as, 'partStat', part_stat, 'person', \
    json_build_object('id', person.id, 'name', person.name))) FROM attendance JOIN person ON person.id = attendance.person_id WHERE \
    meeting_id = meeting.id AND attendance.archived_at IS NULL))), '[]')::text FROM (SELECT * FROM meeting WHERE partnership_id = $1 AND \
    archived_at IS NULL ORDER BY starts_at, id LIMIT 20) AS meeting";

// PostgreSQL: connections a worker, each with its statements prepared.

struct Prepared {
    client: Client,
    w1: Statement,
    w2: Statement,
    w3: Statement,
    w4: Statement,
    w7: Statement,
}

struct Clients {
    clients: Vec<Rc<Prepared>>,
    turn: RefCell<usize>,
}

impl Clients {
    fn next(&self) -> Rc<Prepared> {
        let mut turn = self.turn.borrow_mut();
        *turn = (*turn + 1) % self.clients.len();
        self.clients[*turn].clone()
    }
}

async fn prepare(url: &str) -> Prepared {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    actix_web::rt::spawn(async move { connection.await.unwrap() });
    client.batch_execute("SET random_page_cost = 1.1").await.unwrap();
    let typed = |columns: &[&str], table: &str| {
        let text = |name: &&str| {
            if NUMBERS.contains(name) { format!("{table}.{name}::bigint") } else { format!("{table}.{name}::text") }
        };
        columns.iter().map(text).collect::<Vec<_>>().join(", ")
    };
    let (partner, resource) = (typed(PARTNER, "partner"), typed(RESOURCE, "resource"));
    let w1 = format!("SELECT {partner} FROM partner WHERE id = $1 AND partnership_id = $2");
    let w2 = format!(
        "SELECT {partner} FROM partner WHERE partnership_id = $1 AND kind = 'employer' AND archived_at IS NULL ORDER BY \
         name_key, id LIMIT 50"
    );
    let w4 = format!(
        "SELECT {resource} FROM resource, plainto_tsquery('english', $1) AS asked WHERE search @@ asked AND partnership_id \
         = $2 AND archived_at IS NULL ORDER BY ts_rank(search, asked) DESC, id LIMIT 20"
    );
    let w7 = format!(
        "SELECT {resource} FROM resource WHERE partnership_id = $1 AND archived_at IS NULL AND (name_key, id) > ($2, $3) \
         ORDER BY name_key, id LIMIT 50"
    );
    Prepared {
        w1: client.prepare(&w1).await.unwrap(),
        w2: client.prepare(&w2).await.unwrap(),
        w3: client.prepare(POSTGRES_W3).await.unwrap(),
        w4: client.prepare(&w4).await.unwrap(),
        w7: client.prepare(&w7).await.unwrap(),
        client,
    }
}

fn answers(row: &tokio_postgres::Row, columns: &[&'static str]) -> Row {
    let cell = |at: usize, name: &&str| {
        if NUMBERS.contains(name) {
            row.get::<_, Option<i64>>(at).map_or(Cell::Nothing, Cell::Number)
        } else {
            row.get::<_, Option<String>>(at).map_or(Cell::Nothing, Cell::Text)
        }
    };
    Row(columns.iter().enumerate().map(|(at, name)| (*name, cell(at, name))).collect())
}

async fn postgres(url: &str) {
    let url = url.to_owned();
    let server = HttpServer::new(move || {
        let url = url.clone();
        App::new()
            .data_factory(move || {
                let url = url.clone();
                async move {
                    let mut clients = Vec::new();
                    for _ in 0..4 {
                        clients.push(Rc::new(prepare(&url).await));
                    }
                    Ok::<_, ()>(Clients { clients, turn: RefCell::new(0) })
                }
            })
            .route("/w1/{id}", web::get().to(postgres_w1))
            .route("/w2", web::get().to(postgres_w2))
            .route("/w3", web::get().to(postgres_w3))
            .route("/w4", web::get().to(postgres_w4))
            .route("/w7", web::get().to(postgres_w7))
    });
    listen!(server);
}

async fn postgres_w1(request: HttpRequest, id: web::Path<Uuid>, db: web::Data<Clients>) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let db = db.next();
    let row = db.client.query_opt(&db.w1, &[&*id, &partnership]).await.unwrap();
    row.map_or_else(|| HttpResponse::NotFound().finish(), |row| json(&answers(&row, PARTNER)))
}

async fn postgres_w2(request: HttpRequest, db: web::Data<Clients>) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let db = db.next();
    let rows = db.client.query(&db.w2, &[&partnership]).await.unwrap();
    json(&rows.iter().map(|row| answers(row, PARTNER)).collect::<Vec<_>>())
}

async fn postgres_w3(request: HttpRequest, db: web::Data<Clients>) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let db = db.next();
    let text: String = db.client.query_one(&db.w3, &[&partnership]).await.unwrap().get(0);
    written(text)
}

async fn postgres_w4(request: HttpRequest, words: web::Query<Words>, db: web::Data<Clients>) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let db = db.next();
    let rows = db.client.query(&db.w4, &[&words.q, &partnership]).await.unwrap();
    json(&rows.iter().map(|row| answers(row, RESOURCE)).collect::<Vec<_>>())
}

async fn postgres_w7(request: HttpRequest, after: web::Query<After>, db: web::Data<Clients>) -> HttpResponse {
    let Some(partnership) = caller(&request) else { return HttpResponse::Unauthorized().finish() };
    let db = db.next();
    let rows = db.client.query(&db.w7, &[&partnership, &after.name, &after.id]).await.unwrap();
    json(&rows.iter().map(|row| answers(row, RESOURCE)).collect::<Vec<_>>())
}

/// What pgbench runs for W5 and W6: the same rows in one transaction.
pub fn pgbench(partnership: Uuid, partners: &[Uuid]) -> [(&'static str, String); 2] {
    let now = "now()".to_owned();
    let at = move |id: &'static str, version: &'static str| {
        let now = now.clone();
        move |place: usize| match place {
            1 => format!("'{partnership}'"),
            2 => id.to_owned(),
            3 => version.to_owned(),
            _ => now.clone(),
        }
    };
    let meeting = insert_meeting("gen_random_uuid()::text", |place| match place {
        1 => "gen_random_uuid()".into(),
        2 => format!("'{partnership}'"),
        3 => "'A meeting'".into(),
        4 => "'What we meet for'".into(),
        _ => "now()".into(),
    });
    let list = partners.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
    [
        ("W5", format!("BEGIN;\n{meeting};\n{};\nCOMMIT;\n", insert_event(at("gen_random_uuid()", "1")))),
        (
            "W6",
            format!(
                "\\set n random(1, {})\nBEGIN;\nUPDATE partner SET contribution = 'changed', version = version + 1, updated_at \
                 = now() WHERE id = (ARRAY[{list}]::uuid[])[:n] AND partnership_id = '{partnership}';\n{};\nCOMMIT;\n",
                partners.len(),
                insert_event(at("gen_random_uuid()", "2"))
            ),
        ),
    ]
}
