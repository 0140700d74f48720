//! Losing or doubling: writers at the same moment, damaged rows, libraries with known faults.

use std::path::Path;

use roundtable_kernel::operation::Kind;
use roundtable_kernel::schema::referred;
use roundtable_kernel::standing::Role;
use roundtable_server::doctor;
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::backend::settings;
use crate::harness::chance::rounds;
use crate::harness::client::text;
use crate::harness::live::{live, within};
use crate::harness::receiver::Receiver;
use crate::harness::{App, Backend, Who};

/// `ownerOrganizationId` as the column is called.
fn snake(camel: &str) -> String {
    let mut out = String::new();
    for letter in camel.chars() {
        if letter.is_uppercase() {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// Writes into a row what cannot be read.
async fn damage(app: &App, table: &str, column: &str, id: Uuid) {
    let update = Query::update()
        .table(Alias::new(table))
        .value(Alias::new(column), "garbage")
        .and_where(Expr::col(Alias::new("id")).eq(id))
        .to_owned();
    app.server
        .app
        .store
        .write(true, move |tx| {
            let update = update.clone();
            async move {
                tx.execute(&update).await?;
                Ok(())
            }
        })
        .await
        .unwrap();
}

/// A column of this record that can hold what it should not: a moment on SQLite, which keeps it as text; on PostgreSQL a word
/// of a closed list that no row rule goes by.
fn column(app: &App, schema: &Value) -> Option<String> {
    if app.backend == Backend::Sqlite {
        return Some("created_at".into());
    }
    let named = &app.server.app.operations.schemas.named;
    let words = |schema: &Value| referred(schema).is_some_and(|name| named[name].get("enum").is_some());
    let members = schema["properties"].as_object()?.iter();
    let free = |name: &str| !matches!(name, "state" | "visibility" | "status" | "role" | "kind" | "entryKind");
    members.filter(|(name, member)| free(name) && words(member)).map(|(name, _)| snake(name)).next()
}

cases! {
    async fn sixty_four_writers_meet_no_busy_database(app: App) {
        let lead = &app.world.ours.lead;
        for round in 0..rounds(3, 100) {
            let write = |number: usize| {
                let body = json!({ "name": format!("Writer {round} {number}") });
                app.rest(lead, "POST", "/v1/people").json(body).send()
            };
            let answers = futures_util::future::join_all((0..64).map(write)).await;
            for answer in &answers {
                answer.is(201);
            }
        }
    }

    /// In each table one row is damaged. Every list is answered without it, says so, and holds all others.
    async fn a_damaged_row_hides_no_other(app: App) {
        let table = app.server.app.operations.clone();
        let mut damaged: Vec<(&str, Uuid)> = Vec::new();
        for collection in table.collections.iter().filter(|one| one.narrows.is_none()) {
            let Some(list) = table.iter().find(|one| one.kind == Kind::List && one.collection == collection.path) else { continue };
            let Some(column) = column(&app, &table.schemas.named[collection.name]) else { continue };
            let who = [&app.world.ours.lead, &app.world.operator].into_iter();
            let mut seen: Vec<(&Who, Vec<Value>)> = Vec::new();
            for who in who {
                let page = app.rest(who, "GET", &format!("{}?first=200", list.path)).send().await;
                let rows = page.body["items"].as_array().cloned().unwrap_or_default();
                if rows.len() > 1 {
                    seen.push((who, rows));
                }
            }
            let Some((who, rows)) = seen.into_iter().next() else { continue };
            // Who asks is read with every request; that login stays whole.
            let is_own = |row: &&Value| row["id"] == json!(who.account) || row["accountId"] == json!(who.account) || row["id"] == json!(app.world.ours.id);
            let Some(victim) = rows.iter().rfind(|row| !is_own(row)) else { continue };
            let victim = crate::harness::client::id(&victim["id"]);
            damage(&app, collection.table, &column, victim).await;
            let page = app.get(who, &format!("{}?first=200&total=true", list.path)).await;
            assert_eq!(page["pageInfo"]["unreadable"], json!([victim]), "{}: {column}", collection.path);
            assert_eq!(page["items"].as_array().unwrap().len(), rows.len() - 1, "{}", collection.path);
            // A page of one goes past it.
            let (mut walked, mut after) = (0, String::new());
            loop {
                let page = app.get(who, &format!("{}?first=1{after}", list.path)).await;
                walked += page["items"].as_array().unwrap().len();
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
                after = format!("&after={}", text(&page["pageInfo"]["endCursor"]));
            }
            assert_eq!(walked, rows.len() - 1, "{}", collection.path);
            app.rest(who, "GET", &format!("{}.csv", list.path)).send().await.is(200);
            let field = roundtable_kernel::graphql::field_name(list);
            let query = format!("{{ {field}(first: 200) {{ edges {{ cursor node {{ id }} }} pageInfo {{ unreadable }} }} }}");
            let graph = app.gql(who, &query, Value::Null).await.ok()[&field].clone();
            assert_eq!((graph["edges"].as_array().unwrap().len(), &graph["pageInfo"]["unreadable"]), (rows.len() - 1, &json!([victim])));
            // It is told as what it is to whoever asks for it alone.
            app.rest(who, "GET", &format!("{}/{victim}", list.path)).send().await.refused(500, "INTERNAL");
            damaged.push((collection.table, victim));
        }
        let least = if app.backend == Backend::Sqlite { 40 } else { 8 };
        assert!(damaged.len() >= least, "only {}", damaged.len());
        // The feed goes on, and the operator is told of every one.
        app.get(&app.world.ours.lead, "/v1/events?first=200").await;
        let findings = doctor::examine(&app.server.app.store, &settings(&app.url)).await;
        for (table, id) in &damaged {
            let named = findings.iter().filter(|one| !one.well && one.found.contains(&id.to_string())).count();
            assert_eq!(named, 1, "{table} {id}");
        }
    }

    async fn a_damaged_webhook_keeps_no_other_from_being_told(app: App) {
        let live = live(&app).await;
        let lead = &app.world.ours.lead;
        let receiver = Receiver::start(|_| 200).await;
        let mut hooks = Vec::new();
        for _ in 0..3 {
            let body = json!({ "url": receiver.url, "kinds": ["location.created"] });
            hooks.push(live.app.make(lead, "/v1/webhooks", body).await);
        }
        damage(&app, "webhook", "kinds", crate::harness::client::id(&hooks[1]["id"])).await;
        let place = json!({ "organizationId": app.world.ours.organization[&Role::Employer], "name": "Plant 2" });
        live.app.make(lead, "/v1/locations", place).await;
        within(10, "the others are told", async || receiver.received().len() == 2).await;
        let listed = app.get(lead, "/v1/webhooks?first=200").await;
        assert_eq!(listed["pageInfo"]["unreadable"], json!([hooks[1]["id"]]));
        live.stop().await;
    }
}

/// Advisories that were met while looking at systems of this kind, by the first version without the fault.
const MENDED: &[(&str, &str, &str)] = &[
    ("actix-http", "3.13.3", "keep-alive clients broke at a graceful stop"),
    ("actix-web", "4.14.1", "keep-alive clients broke at a graceful stop"),
    ("jsonwebtoken", "10.3.0", "exp and nbf of a wrong type were not checked"),
    ("sqlx-core", "0.8.1", "a length overflowed in the wire protocol"),
    ("async-graphql", "7.0.10", "directives overloaded a field"),
    ("tokio-tungstenite", "0.20.1", "the handshake took headers without end"),
    ("lettre", "0.10.0", "a dot at the start of a line ended a mail"),
    ("h2", "0.4.5", "CONTINUATION floods"),
    ("regex", "1.5.5", "patterns of a client took exponential time"),
    ("rustls", "0.23.18", "a handshake could be made to panic"),
    ("time", "0.3.47", "the stack ran out while a date was read"),
    ("hyper", "0.14.10", "requests could be smuggled"),
    ("zip", "2.3.0", "entries left their folder"),
    ("tokio", "1.38.2", "a broadcast channel was cloned unsoundly"),
];

#[test]
fn libraries_are_newer_than_their_known_faults() {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock")).unwrap();
    let number =
        |version: &str| -> Vec<u64> { version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect() };
    let mut met = 0;
    for (name, mended, what) in MENDED {
        for (at, _) in lock.match_indices(&format!("name = \"{name}\"\nversion = \"")) {
            let version =
                lock[at..].lines().nth(1).unwrap().trim_start_matches("version = ").trim_matches('"').to_owned();
            assert!(number(&version) >= number(mended), "{name} {version}: {what}, until {mended}");
            met += 1;
        }
    }
    assert!(met >= 8, "only {met} of them are in use");
    // What is not in the tree cannot fail in it.
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")).unwrap();
    let actix = manifest.lines().find(|line| line.starts_with("actix-web =")).unwrap();
    assert!(actix.contains("default-features = false") && !actix.contains("http2"), "{actix}");
}
