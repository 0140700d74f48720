//! Two worlds, equal but for what a reader may not know of: whatever that reader asks, both answer the same, byte by
//! byte.
//!
//! A secret is one function in [`SECRETS`]: it makes what the secret is about in the first world, and says in SQL what is
//! otherwise in the second. The second is a copy of the first, so ids and times are the same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures_util::future::{LocalBoxFuture, join};
use roundtable_kernel::access::{Reach, rule};
use roundtable_kernel::graphql::field_name;
use roundtable_kernel::operation::{Kind, Operation};
use roundtable_kernel::standing::Role;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::backend::{doubled, ended};
use crate::harness::chance::{self, Chance};
use crate::harness::client::text;
use crate::harness::{App, Who, sample};

/// Makes what a secret is about, and returns what makes the other world of this one.
type Make = for<'a> fn(&'a App) -> LocalBoxFuture<'a, Vec<String>>;

/// Something that is kept from some.
struct Secret {
    name: &'static str,
    /// Who may not know of it.
    from: &'static [Role],
    make: Make,
}

const SECRETS: &[Secret] = &[
    Secret {
        name: "who is behind a masked doubt",
        from: &[
            Role::Employer,
            Role::Champion,
            Role::Institution,
            Role::WorkforceBoard,
            Role::EconomicDevelopment,
            Role::OtherPartner,
            Role::Observer,
        ],
        make: |app| Box::pin(masked_doubts(app)),
    },
    Secret {
        name: "which employer endorses a need, and how much it matters to it",
        from: &[
            Role::Union,
            Role::LaborAgency,
            Role::Institution,
            Role::WorkforceBoard,
            Role::EconomicDevelopment,
            Role::OtherPartner,
            Role::Observer,
        ],
        make: |app| Box::pin(endorsements(app)),
    },
    Secret {
        name: "what is kept for the bargaining table",
        from: &[Role::Intermediary, Role::IntermediaryStaff, Role::Champion, Role::Institution, Role::Observer],
        make: |app| Box::pin(sealed(app)),
    },
];

/// Doubts of the union that in the other world are of the labor agency.
async fn masked_doubts(app: &App) -> Vec<String> {
    let ours = &app.world.ours;
    let mut otherwise = Vec::new();
    for number in 0..4 {
        let doubt = json!({
            "kind": "doubt", "masked": true, "subject": format!("Doubt {number}"), "text": "Will it last this time?",
        });
        let doubt = app.make(app.world.who(Role::Union), "/v1/inputs", doubt).await;
        if number > 1 {
            app.act(&ours.lead, &doubt, "/v1/inputs", "answer", json!({ "answer": "We shall see." })).await;
        }
        otherwise.push(format!(
            "UPDATE input SET from_organization_id = {}, from_person_id = {} WHERE id = {}",
            key(app, &json!(ours.organization[&Role::LaborAgency])),
            key(app, &json!(ours.person[&Role::LaborAgency])),
            key(app, &doubt["id"]),
        ));
    }
    otherwise
}

/// Needs that one employer endorses; in the other world it is another one, and it matters less to it. Their order is
/// everybody's to know, so it stays.
async fn endorsements(app: &App) -> Vec<String> {
    let ours = &app.world.ours;
    let mut otherwise = Vec::new();
    for (title, importance, less) in [("Gaps in skills", 5, 4), ("Nobody applies", 3, 2)] {
        let college = app.world.who(Role::Institution);
        let need = json!({ "title": title, "problemStatement": "Since last year.", "kind": "skill_gap" });
        let need = app.make(college, "/v1/needs", need).await;
        let need = app.act(app.world.who(Role::Employer), &need, "/v1/needs", "voice", json!({})).await;
        let voice = json!({
            "needId": need["id"], "organizationId": ours.organization[&Role::Employer], "importance": importance,
            "affectedCount": importance * 10,
        });
        let voice = app.make(app.world.who(Role::Employer), "/v1/endorsements", voice).await;
        otherwise.push(format!(
            "UPDATE endorsement SET organization_id = {}, by_seat_id = {}, importance = {less}, affected_count = {} WHERE \
             id = {}",
            key(app, &json!(ours.organization[&Role::Champion])),
            key(app, &json!(ours.seat[&Role::Champion])),
            less * 10,
            key(app, &voice["id"]),
        ));
        otherwise.push(format!(
            "UPDATE need SET rank_score = {}, affected = {} WHERE id = {}",
            less * 1000 + 1,
            less * 10,
            key(app, &need["id"]),
        ));
    }
    otherwise
}

/// A need that an employer and the union keep for the bargaining table; in the other world it is another matter.
async fn sealed(app: &App) -> Vec<String> {
    let ours = &app.world.ours;
    let (employer, union) = (app.world.who(Role::Employer), app.world.who(Role::Union));
    let need = json!({ "title": "Night shifts", "problemStatement": "Nobody wants them.", "kind": "retention" });
    let need = app.make(employer, "/v1/needs", need).await;
    let parties = [Role::Employer, Role::Union];
    let topic = json!({
        "subject": "Night shifts", "text": "What a night is worth.", "subjectMatter": "pay", "needIds": [need["id"]],
        "partyOrganizationIds": parties.map(|role| ours.organization[&role]),
    });
    let topic = app.make(employer, "/v1/topics", topic).await;
    for role in parties {
        let consent = json!({
            "topicId": topic["id"], "organizationId": ours.organization[&role], "consentsTo": "bargaining_table",
        });
        app.make(app.world.who(role), "/v1/topic-consents", consent).await;
    }
    let topic = app.get(union, &format!("/v1/topics/{}", text(&topic["id"]))).await;
    let topic = app.act(union, &topic, "/v1/topics", "agree", json!({})).await;
    vec![
        format!(
            "UPDATE need SET title = 'Weekends', problem_statement = 'Who works them.' WHERE id = {}",
            key(app, &need["id"])
        ),
        format!(
            "UPDATE topic SET subject = 'Weekends', text = 'What a Sunday is worth.', subject_matter = 'hours' WHERE id = {}",
            key(app, &topic["id"])
        ),
    ]
}

/// An id as this database writes it.
fn key(app: &App, id: &Value) -> String {
    match app.backend {
        crate::harness::Backend::Sqlite => format!("X'{}'", text(id).replace('-', "")),
        crate::harness::Backend::Postgres => format!("'{}'", text(id)),
    }
}

/// A request, the same for both worlds.
#[derive(Clone, Debug)]
struct Request {
    method: &'static str,
    path: String,
    version: Option<i64>,
    body: Option<Value>,
}

impl Request {
    fn get(path: String) -> Request {
        Request { method: "GET", path, version: None, body: None }
    }

    fn graphql(query: &str) -> Request {
        let body = Some(json!({ "query": query }));
        Request { method: "POST", path: "/graphql".into(), version: None, body }
    }
}

/// What came back, as far as it has to be the same: what is new in it is blanked.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    status: u16,
    headers: Vec<String>,
    body: String,
}

async fn asked(app: &App, who: &Who, request: &Request, began: DateTime<Utc>) -> (Shown, Value) {
    let mut call = app.rest(who, request.method, &request.path).header("request-id", "one-and-the-same");
    if let Some(body) = &request.body {
        call = call.json(body.clone());
    }
    if let Some(version) = request.version {
        call = call.version(version);
    }
    let answer = call.send().await;
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| blanked(&format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())), began))
        .collect();
    headers.sort();
    let body = blanked(&String::from_utf8_lossy(&answer.bytes), began);
    (Shown { status: answer.status, headers, body }, answer.body)
}

/// What secrets begin with.
const SECRET: [&str; 4] = ["rtc_", "rts_", "rti_", "whsec_"];

/// Without the ids, secrets and times that came about since the beginning, which no copy can share.
fn blanked(text: &str, began: DateTime<Utc>) -> String {
    let mut text = text.to_owned();
    for begins in SECRET {
        while let Some(at) = text.find(begins) {
            let ends = text[at..].find('"').map_or(text.len(), |length| at + length);
            text.replace_range(at..ends, "(new)");
        }
    }
    let is_new = |word: &str| {
        let made = Uuid::parse_str(word).ok().and_then(|id| id.get_timestamp()).map(|made| made.to_unix().0);
        let at = DateTime::parse_from_rfc3339(word).map(|time| time.timestamp()).ok();
        let at = at.or(made.and_then(|made| i64::try_from(made).ok()));
        at.is_some_and(|at| at >= began.timestamp())
    };
    let mut blanked = String::with_capacity(text.len());
    for word in text.split_inclusive(['"', '/', ' ', '\\']) {
        let bare = word.trim_end_matches(['"', '/', ' ', '\\']);
        if is_new(bare) {
            blanked.push_str("(new)");
            blanked.push_str(&word[bare.len()..]);
        } else {
            blanked.push_str(word);
        }
    }
    blanked
}

/// Makes up requests of every kind there is, more often about direction than about the rest.
struct Curious<'a> {
    app: &'a App,
    chance: Chance,
    ids: Vec<(String, Uuid)>,
    near: Vec<&'a Operation>,
    all: Vec<&'a Operation>,
}

/// Collections that hold a secret, or lie beside one.
const NEAR: [&str; 9] = [
    "inputs",
    "needs",
    "endorsements",
    "causes",
    "second-looks",
    "solutions",
    "feasibility-ratings",
    "partners",
    "topics",
];

impl<'a> Curious<'a> {
    fn new(app: &'a App, chance: Chance, ids: Vec<(String, Uuid)>) -> Curious<'a> {
        let all: Vec<&Operation> = app
            .server
            .app
            .operations
            .iter()
            // Cursors of the feed are sealed anew each time; it has tests of its own.
            .filter(|one| one.kind != Kind::Submit && !matches!(one.collection, "import-jobs" | "events"))
            .collect();
        let near = all.iter().copied().filter(|one| NEAR.contains(&one.collection)).collect();
        Curious { app, chance, ids, near, all }
    }

    fn id(&mut self, collection: &str) -> Uuid {
        let of: Vec<Uuid> = self.ids.iter().filter(|(path, _)| path == collection).map(|(_, id)| *id).collect();
        match self.chance.below(12) {
            0 => Uuid::from_u64_pair(0x0198_c000_0000_7000, 0x8000_0000_0000_0000 | self.chance.next() >> 2),
            1 => self.chance.pick(&self.ids).1,
            _ if of.is_empty() => self.chance.pick(&self.ids).1,
            _ => *self.chance.pick(&of),
        }
    }

    fn operation(&mut self, of: impl Fn(&Operation) -> bool) -> &'a Operation {
        let from = if self.chance.one_in(3) { &self.all } else { &self.near };
        let fitting: Vec<&Operation> = from.iter().copied().filter(|one| of(one)).collect();
        fitting[self.chance.below(fitting.len())]
    }

    fn request(&mut self) -> Request {
        match self.chance.below(20) {
            0..=7 => self.list(),
            8..=10 => self.read(),
            11 | 12 => self.report(),
            13..=15 => self.nested(),
            16 => {
                let id = self.id("inputs");
                Request::graphql(&format!("{{ node(id: \"{id}\") {{ __typename id }} }}"))
            }
            17 => self.mistaken(),
            _ => self.tried(),
        }
    }

    /// A value that a parameter may have.
    fn value(&mut self, schema: &Value) -> String {
        if let Some(words) = schema["enum"].as_array() {
            return text(self.chance.pick(words)).to_owned();
        }
        match (schema["type"].as_str(), schema["format"].as_str()) {
            (Some("boolean"), _) => ["true", "false"][self.chance.below(2)].into(),
            (Some("integer"), _) => [0, 1, 2, 3, 5, 2001, 4500][self.chance.below(7)].to_string(),
            (_, Some("date")) => "2026-11-22".into(),
            (_, Some("date-time")) => "2026-11-22T12:00:00Z".into(),
            (_, Some("uuid")) => {
                let among = ["organizations", "people", "needs", "inputs", "seats"];
                let among = among[self.chance.below(5)];
                self.id(among).to_string()
            }
            _ => "ours".into(),
        }
    }

    fn relations(&mut self, from: &str) -> Option<String> {
        let relations = &self.app.server.app.operations.relations;
        let fitting: Vec<&str> = relations.iter().filter(|one| one.from == from).map(|one| one.field).collect();
        (!fitting.is_empty()).then(|| {
            let first = *self.chance.pick(&fitting);
            let second = *self.chance.pick(&fitting);
            if first == second { first.to_owned() } else { format!("{first},{second}") }
        })
    }

    fn list(&mut self) -> Request {
        let operation = self.operation(|one| one.kind == Kind::List);
        let mut asked: BTreeMap<String, String> = BTreeMap::new();
        for parameter in &operation.parameters {
            let wanted = match parameter.name.as_str() {
                "sort" => self.chance.one_in(2),
                "total" => self.chance.one_in(2),
                "first" => {
                    asked.insert("first".into(), (1 + self.chance.below(4)).to_string());
                    false
                }
                "q" => {
                    if self.chance.one_in(5) {
                        let word =
                            *self.chance.pick(&["last", "doubt", "leave", "house", "mentors", "skills", "union"]);
                        asked.insert("q".into(), word.into());
                    }
                    false
                }
                "after" | "expand" => false,
                "id" if self.chance.one_in(12) => {
                    let id = self.id(operation.collection);
                    asked.insert("id".into(), id.to_string());
                    false
                }
                "id" => false,
                _ => self.chance.one_in(10),
            };
            if wanted {
                let value = self.value(&parameter.schema);
                asked.insert(parameter.name.clone(), value);
            }
        }
        if self.chance.one_in(3)
            && let Some(relations) = operation.item.as_deref().and_then(|item| self.relations(item))
        {
            asked.insert("expand".into(), relations);
        }
        let asked: Vec<String> = asked.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Request::get(format!("{}?{}", operation.path, asked.join("&")))
    }

    fn read(&mut self) -> Request {
        let operation = self.operation(|one| one.kind == Kind::Get);
        let id = self.id(operation.collection).to_string();
        let expand = if self.chance.one_in(2) { self.relations(&operation.answer) } else { None };
        let expand = expand.map_or(String::new(), |fields| format!("?expand={fields}"));
        Request::get(format!("{}{expand}", sample::path(operation, Some(&id))))
    }

    fn report(&mut self) -> Request {
        if self.chance.one_in(2) {
            return Request::get(format!("/v1/needs/{}/trace", self.id("needs")));
        }
        if self.chance.one_in(4) {
            let read = self.operation(|one| one.kind == Kind::Get).collection;
            return Request::get(format!("/v1/{read}/{}/access", self.id(read)));
        }
        let operation = self.operation(|one| one.kind == Kind::Report);
        let id = self.id(operation.collection).to_string();
        Request::get(sample::path(operation, Some(&id)))
    }

    /// A page with what its rows are related to, over GraphQL.
    fn nested(&mut self) -> Request {
        let table = &self.app.server.app.operations;
        let operation = self.operation(|one| one.kind == Kind::List);
        let item = operation.item.as_deref().unwrap_or_default();
        let mut members: Vec<String> = match table.interfaces.contains_key(item) {
            true => vec!["id version".into()],
            false => sample::plain_members(table, &table.schemas.named[item]).into_iter().map(str::to_owned).collect(),
        };
        let relations: Vec<&str> = table.relations.iter().filter(|one| one.from == item).map(|one| one.field).collect();
        if !relations.is_empty() {
            let field = self.chance.pick(&relations);
            members.push(format!("{field} {{ id version }}"));
        }
        let sorts = operation.parameters.iter().find(|one| one.name == "sort");
        let sort = sorts.and_then(|sorts| sorts.schema["enum"].as_array()).map(|words| self.chance.pick(words).clone());
        let sort = sort.map_or(String::new(), |word| format!(", sort: {word}"));
        let first = 1 + self.chance.below(6);
        Request::graphql(&format!(
            "{{ it: {}(first: {first}{sort}) {{ totalCount pageInfo {{ endCursor hasNextPage }} nodes {{ {} }} }} }}",
            field_name(operation),
            members.join(" ")
        ))
    }

    /// Something that is refused.
    fn mistaken(&mut self) -> Request {
        let operation = self.operation(|one| one.kind == Kind::List);
        let wrong = [
            "fromOrganizationId=0198c000-0000-7000-8000-000000000000",
            "rankScore=5001",
            "rankScoreFrom=1",
            "importanceFrom=3",
            "sort=importance",
            "sort=fromOrganizationId",
            "after=W10",
            "first=0",
            "expand=nobody",
        ];
        Request::get(format!("{}?{}", operation.path, self.chance.pick(&wrong)))
    }

    /// A change that is only tried.
    fn tried(&mut self) -> Request {
        let table = &self.app.server.app.operations;
        let operation = self.operation(sample::takes_validate_only);
        let id = self.id(operation.collection).to_string();
        let mut body = sample::body(table, operation);
        for (name, value) in body.as_mut().and_then(Value::as_object_mut).into_iter().flatten() {
            let collection = match name.as_str() {
                "needId" => "needs",
                "causeId" => "causes",
                "solutionId" => "solutions",
                "organizationId" | "employerOrganizationId" | "leadOrganizationId" => "organizations",
                _ => continue,
            };
            *value = json!(self.id(collection));
        }
        let version = operation.kind.needs_version().then(|| 1 + i64::try_from(self.chance.below(4)).unwrap());
        if operation.kind == Kind::Archive {
            body = None;
        }
        let path = format!("{}?validateOnly=true", sample::path(operation, Some(&id)));
        Request { method: operation.kind.method(), path, version, body }
    }
}

/// Every id of the partnership that the intermediary or the union knows of, by collection.
async fn known(app: &App) -> Vec<(String, Uuid)> {
    let mut ids = BTreeSet::new();
    for operation in app.server.app.operations.iter().filter(|one| one.kind == Kind::List) {
        if matches!(operation.collection, "accounts" | "import-jobs" | "events") {
            continue;
        }
        for role in [Role::Intermediary, Role::Union] {
            if rule(operation.op).reach(role) == Reach::Nothing {
                continue;
            }
            let page = app.get(app.world.who(role), &format!("{}?first=200", operation.path)).await;
            for item in page["items"].as_array().unwrap() {
                ids.insert((operation.collection.to_owned(), crate::harness::client::id(&item["id"])));
            }
        }
    }
    ids.into_iter().collect()
}

/// Asks both worlds the same as this reader, and returns how many requests were answered with something.
async fn sees_no_difference(one: &App, other: &App, role: Role, seed: u64, requests: usize) -> usize {
    let who = one.world.who(role);
    let mut curious = Curious::new(one, Chance::from(seed ^ role as u64), known(one).await);
    let began = Utc::now();
    let (mut answered, mut next) = (0, None);
    for number in 0..requests {
        let request = next.take().unwrap_or_else(|| curious.request());
        let both = join(asked(one, who, &request, began), asked(other, who, &request, began));
        let ((first, body), (second, _)) = both.await;
        assert!(
            first == second,
            "request {number} as {} from seed {seed} tells the worlds apart: {} {} {:?}\n  {first:?}\n  {second:?}",
            role.word(),
            request.method,
            request.path,
            request.body,
        );
        answered += usize::from(first.status == 200);
        // On to the next page, with the cursor of this one.
        if let Some(cursor) = body["pageInfo"]["endCursor"].as_str()
            && body["pageInfo"]["hasNextPage"] == true
            && request.path.starts_with("/v1/")
        {
            let path = request.path.split("&after=").next().unwrap_or_default().to_owned();
            next = Some(Request { path: format!("{path}&after={cursor}"), ..request });
        }
    }
    answered
}

/// Makes the worlds for everybody from whom the same is kept, and lets each of them ask.
async fn worlds_are_told_apart_by_nobody(app: App) {
    let mut otherwise = Vec::new();
    for secret in SECRETS {
        otherwise.push((secret.make)(&app).await);
    }
    let mut readers: BTreeMap<Vec<usize>, Vec<Role>> = BTreeMap::new();
    for role in Role::ALL {
        let kept: Vec<usize> = (0..SECRETS.len()).filter(|at| SECRETS[*at].from.contains(&role)).collect();
        if !kept.is_empty() {
            readers.entry(kept).or_default().push(role);
        }
    }
    let (seed, requests) = (chance::seed(), if chance::long() { 10_000 } else { 1_000 });
    let mut one = app;
    for (number, (kept, roles)) in readers.into_iter().enumerate() {
        let (first, other) = doubled(one, number).await;
        for statement in kept.iter().flat_map(|at| &otherwise[*at]) {
            let done = other.server.app.store.maintenance().execute_unprepared(statement).await.unwrap();
            assert_eq!(done.rows_affected(), 1, "{statement}");
        }
        can_be_told_apart(&first, &other).await;
        for role in roles {
            let names: Vec<&str> = kept.iter().map(|at| SECRETS[*at].name).collect();
            let answered = sees_no_difference(&first, &other, role, seed, requests).await;
            assert!(answered > requests / 5, "{role:?} about {names:?}: only {answered} of {requests} answered");
        }
        ended(other).await;
        one = first;
    }
    ended_first(one).await;
}

/// What the case itself was given ends with it; only its server was begun anew.
async fn ended_first(app: App) {
    app.server.app.store.close().await.unwrap();
}

/// The worlds differ at all: whoever may know sees it.
async fn can_be_told_apart(one: &App, other: &App) {
    let mut seen = BTreeSet::new();
    for app in [one, other] {
        let mut answers = String::new();
        for (role, path) in
            [(Role::Intermediary, "inputs"), (Role::Intermediary, "endorsements"), (Role::Union, "topics")]
        {
            answers += &app.get(app.world.who(role), &format!("/v1/{path}?first=200")).await.to_string();
        }
        seen.insert(answers);
    }
    assert_eq!(seen.len(), 2, "the worlds are the same");
}

cases! {
    /// Practices 15 and 80: nor by anything else that is kept from somebody, such as who endorses a need.
    async fn nobody_learns_what_is_kept_from_them_by_any_answer(app: App) {
        worlds_are_told_apart_by_nobody(app).await;
    }
}
