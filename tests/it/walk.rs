//! Walking a list page by page finds what is there: nothing left out, nothing twice, by any sort and while others write.

use std::cell::Cell;
use std::collections::BTreeMap;

use roundtable_kernel::access::{Reach, rule};
use roundtable_kernel::graphql::field_name;
use roundtable_kernel::operation::{Kind, Operation};
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};

use crate::harness::client::text;
use crate::harness::{App, Who};

/// Which door a walk goes through.
#[derive(Clone, Copy, Debug)]
enum Door {
    Rest,
    Graphql,
}

const DOORS: [Door; 2] = [Door::Rest, Door::Graphql];

/// One page: ids, and the cursor to go on with.
async fn page(
    app: &App,
    who: &Who,
    door: Door,
    list: &Operation,
    sort: &str,
    first: usize,
    after: Option<&str>,
) -> (Vec<String>, Option<String>) {
    let (rows, info) = match door {
        Door::Rest => {
            let after = after.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
            let page = app.get(who, &format!("{}?first={first}&sort={sort}{after}", list.path)).await;
            (page["items"].clone(), page["pageInfo"].clone())
        }
        Door::Graphql => {
            let after = after.map(|cursor| format!(", after: \"{cursor}\"")).unwrap_or_default();
            let query = format!(
                "{{ it: {}(first: {first}, sort: \"{sort}\"{after}) {{ nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}",
                field_name(list)
            );
            let page = app.gql(who, &query, json!({})).await.ok()["it"].clone();
            (page["nodes"].clone(), page["pageInfo"].clone())
        }
    };
    let ids = rows.as_array().unwrap().iter().map(|row| text(&row["id"]).to_owned()).collect();
    (ids, (info["hasNextPage"] == true).then(|| text(&info["endCursor"]).to_owned()))
}

async fn walk(app: &App, who: &Who, door: Door, list: &Operation, sort: &str, first: usize) -> Vec<String> {
    let mut walked = Vec::new();
    let mut cursor = None;
    loop {
        let (ids, next) = page(app, who, door, list, sort, first, cursor.as_deref()).await;
        walked.extend(ids);
        assert!(walked.len() < 5000, "{} by {sort} does not end", list.path);
        cursor = next;
        if cursor.is_none() {
            return walked;
        }
    }
}

fn sorts(list: &Operation) -> Vec<String> {
    // The feed has one order, and tests of its own.
    let Some(sort) = list.parameters.iter().find(|parameter| parameter.name == "sort") else { return Vec::new() };
    sort.schema["enum"].as_array().unwrap().iter().map(|word| text(word).to_owned()).collect()
}

/// A small generator of numbers, so that a failure can be repeated from its seed.
struct Chance(Cell<u64>);

impl Chance {
    fn below(&self, most: u64) -> u64 {
        self.0.set(self.0.get().wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
        (self.0.get() >> 33) % most
    }
}

/// Makes, renames and archives people of its own until the walks are done. Their names fall between the others'.
async fn meddle(app: &App, who: &Who, chance: &Chance, done: &Cell<bool>) -> usize {
    let mut own: Vec<Value> = Vec::new();
    let mut writes = 0;
    while !done.get() {
        let name = format!("Person {:02}", chance.below(30));
        match (chance.below(3), own.is_empty()) {
            (0, _) | (_, true) => own.push(app.make(who, "/v1/people", json!({ "name": name })).await),
            (1, _) => {
                let last = own.pop().unwrap();
                let changed = app.patch(who, &last, "/v1/people", json!({ "name": name, "pronouns": "they" })).await;
                own.push(changed.is(200).clone());
            }
            _ => {
                let at = usize::try_from(chance.below(own.len() as u64)).unwrap();
                let gone = own.swap_remove(at);
                let path = format!("/v1/people/{}", text(&gone["id"]));
                app.rest(who, "DELETE", &path).version(gone["version"].as_i64().unwrap()).is(200).await;
            }
        }
        writes += 1;
    }
    writes
}

cases! {
    async fn every_list_by_every_sort_is_walked_as_it_is_read_at_once(app: App) {
        let lead = &app.world.ours.lead;
        let table = app.server.app.operations.clone();
        let mut walks = 0;
        for list in table.iter().filter(|operation| operation.kind == Kind::List) {
            let who = match (list.collection, rule(list.op).reach(Role::Intermediary)) {
                ("accounts", _) => &app.world.operator,
                // What the intermediary has no part in.
                (_, Reach::Nothing) => app.world.who(Role::Union),
                _ => lead,
            };
            for sort in sorts(list) {
                for door in DOORS {
                    let (at_once, more) = page(&app, who, door, list, &sort, 200, None).await;
                    assert!(more.is_none(), "{} has more than a page", list.path);
                    let walked = walk(&app, who, door, list, &sort, 1).await;
                    assert_eq!(walked, at_once, "{} by {sort} at {door:?}", list.path);
                    walks += usize::from(!walked.is_empty());
                }
            }
        }
        assert!(walks > 400, "only {walks} lists had rows");
    }

    async fn what_is_there_throughout_is_found_once_while_others_write(app: App) {
        let lead = &app.world.ours.lead;
        // Many of one name, so that pages break among equals.
        for number in 0..40 {
            app.make(lead, "/v1/people", json!({ "name": format!("Person {:02}", number % 20) })).await;
        }
        let table = app.server.app.operations.clone();
        let list = table.iter().find(|operation| operation.path == "/v1/people" && operation.kind == Kind::List).unwrap();
        let throughout = walk(&app, lead, Door::Rest, list, "id", 200).await;
        let chance = Chance(Cell::new(20_261_122));
        let done = Cell::new(false);
        let walks = async {
            for sort in sorts(list) {
                for door in DOORS {
                    let size = 1 + usize::try_from(chance.below(7)).unwrap();
                    let walked = walk(&app, lead, door, list, &sort, size).await;
                    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
                    for id in &walked {
                        *times.entry(id).or_default() += 1;
                    }
                    for id in &throughout {
                        let found = times.get(id.as_str()).copied().unwrap_or_default();
                        assert_eq!(found, 1, "{id} was found {found} times by {sort}, {size} a page, at {door:?}");
                    }
                }
            }
            done.set(true);
        };
        let meddlers = futures_util::future::join_all((0..3).map(|_| meddle(&app, lead, &chance, &done)));
        let (_, writes) = futures_util::future::join(walks, meddlers).await;
        let writes: usize = writes.iter().sum();
        assert!(writes > 40, "only {writes} writes in between");
    }
}
