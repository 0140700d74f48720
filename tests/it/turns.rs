//! How often PostgreSQL is asked for one change, and that it is as safe as in a transaction of its own.

use roundtable_kernel::standing::Role;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};

use crate::harness::backend::{close, served};
use crate::harness::client::text;
use crate::harness::proxy::Proxy;
use crate::harness::{App, Backend, backend};

/// Refuses an event that is written in a transaction of a lesser kind.
const GUARD: &str = "CREATE FUNCTION only_serializable() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    IF current_setting('transaction_isolation') <> 'serializable' THEN RAISE EXCEPTION 'not serializable'; END IF; \
    RETURN NEW; END $$; \
    CREATE TRIGGER only_serializable BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION only_serializable()";

fn draft() -> Value {
    json!({
        "title": "A meeting", "kind": "partnership", "objective": "What we meet for",
        "startsAt": "2031-01-13T15:00:00Z", "durationMinutes": 60, "timeZone": "UTC",
    })
}

async fn constraint(app: &App) -> Value {
    let organization = &app.world.ours.organization[&Role::Union];
    let body = json!({ "organizationId": organization, "kind": "contract", "text": "0", "force": "soft" });
    app.make(&app.world.ours.lead, "/v1/constraints", body).await
}

/// The fewest turns of a few tries: now and then somebody's rights are asked for anew, or a statement is prepared.
async fn fewest(proxy: &Proxy, mut once: impl AsyncFnMut(usize)) -> u64 {
    let mut fewest = u64::MAX;
    for number in 0..8 {
        let before = proxy.turns();
        once(number).await;
        fewest = fewest.min(proxy.turns() - before);
    }
    fewest
}

/// Turns of a draft, of a change that rests on its record alone, and of one that looks at another record, too.
async fn turns(app: &App, proxy: &Proxy) -> [u64; 3] {
    let behind = served(&proxy.url, app).await;
    let lead = &app.world.ours.lead;
    let drafted = fewest(proxy, async |_| drop(behind.make(lead, "/v1/meetings", draft()).await)).await;
    let mut row = constraint(&behind).await;
    let change = async |number| {
        let answer = behind.patch(lead, &row, "/v1/constraints", json!({ "text": format!("new {number}") })).await;
        row = answer.is(200).clone();
    };
    let changed = fewest(proxy, change).await;
    let mut meeting = behind.make(lead, "/v1/meetings", draft()).await;
    let host = &app.world.ours.organization[&Role::Union];
    let change = async |number| {
        let patch = json!({ "title": format!("new {number}"), "hostOrganizationId": host });
        meeting = behind.patch(lead, &meeting, "/v1/meetings", patch).await.is(200).clone();
    };
    let looked = fewest(proxy, change).await;
    close(&behind.server.app.store).await;
    [drafted, changed, looked]
}

async fn asked_once(app: App) {
    app.server.app.store.maintenance().execute_unprepared(GUARD).await.unwrap();
    // Begins, looks at two records, changes, keeps.
    assert_eq!(turns(&app, &Proxy::start(&app.url)).await, [1, 2, 5]);
    // Behind a pooler no statement is serializable by itself, so each is begun.
    assert_eq!(turns(&app, &Proxy::pooling(&app.url)).await, [3, 4, 5]);
}

#[test]
fn what_changes_one_record_is_one_statement_and_serializable() {
    backend::run(Backend::Postgres, asked_once);
}

async fn overtaken(app: App) {
    let lead = &app.world.ours.lead;
    let row = constraint(&app).await;
    let other = app.server.app.store.maintenance().begin().await.unwrap();
    let id = text(&row["id"]);
    let first = format!("UPDATE constraint_ SET version = 2, text = 'theirs' WHERE id = '{id}'");
    assert_eq!(other.execute_unprepared(&first).await.unwrap().rows_affected(), 1);
    // Looks at the first version, and waits for the other to change it.
    let waiting = app.patch(lead, &row, "/v1/constraints", json!({ "text": "ours" }));
    let then = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        other.commit().await.unwrap();
    };
    let (answer, ()) = futures_util::future::join(waiting, then).await;
    answer.refused(412, "STALE");
    let now = app.get(lead, &format!("/v1/constraints/{id}")).await;
    assert_eq!((&now["text"], &now["version"]), (&json!("theirs"), &json!(2)));
}

#[test]
fn a_change_that_was_overtaken_is_made_on_nothing() {
    backend::run(Backend::Postgres, overtaken);
}
