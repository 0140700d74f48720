//! Histories of topics: two parties, an employer that is none, and the intermediary try whatever comes to mind, and after
//! each step the topic, its need and who knows of them have to stand where a small model has them.

use roundtable_kernel::standing::Role;
use serde_json::{Value, json};

use crate::harness::chance::{self, Chance};
use crate::harness::client::text;
use crate::harness::{Answer, App, Who};

const PARTIES: [Role; 2] = [Role::Employer, Role::Union];
const ACTORS: [Role; 4] = [Role::Employer, Role::Union, Role::Champion, Role::Intermediary];

/// A consent that stands, by the place of its party.
#[derive(Clone, Debug)]
struct Consent {
    id: String,
    to: &'static str,
}

/// What is expected to be the case.
#[derive(Debug)]
struct Model {
    state: &'static str,
    venue: &'static str,
    consents: [Option<Consent>; 2],
}

impl Model {
    fn is_open(&self) -> bool {
        matches!(self.state, "proposed" | "reopened")
    }

    fn is_sealed(&self) -> bool {
        self.venue == "bargaining_table"
    }

    /// Members learn of it once it was agreed that it belongs in the partnership.
    fn is_published(&self) -> bool {
        self.venue == "partnership"
    }

    fn joint(&self) -> Option<&'static str> {
        match &self.consents {
            [Some(one), Some(other)] if one.to == other.to => Some(one.to),
            _ => None,
        }
    }
}

/// What is tried.
#[derive(Clone, Copy, Debug)]
enum Try {
    Consent(&'static str),
    Withdraw,
    Contest,
    Agree,
    Reopen,
}

struct Stage<'a> {
    app: &'a App,
    topic: String,
    need: String,
}

impl Stage<'_> {
    fn who(&self, role: Role) -> &Who {
        self.app.world.who(role)
    }

    async fn now(&self) -> Value {
        self.app.get(self.who(Role::Union), &format!("/v1/topics/{}", self.topic)).await
    }

    async fn tried(&self, model: &Model, actor: Role, what: Try) -> Option<Answer> {
        let who = self.who(actor);
        let (verb, body) = match what {
            Try::Consent(to) => {
                let speaks_for = if actor == Role::Intermediary { Role::Employer } else { actor };
                let house = self.app.world.ours.organization[&speaks_for];
                let body = json!({ "topicId": self.topic, "organizationId": house, "consentsTo": to });
                return Some(self.app.rest(who, "POST", "/v1/topic-consents").json(body).send().await);
            }
            Try::Withdraw => {
                let own = PARTIES.iter().position(|party| *party == actor)?;
                let consent = model.consents[own].as_ref()?;
                let path = format!("/v1/topic-consents/{}", consent.id);
                let version = self.app.get(who, &path).await["version"].as_i64().unwrap();
                let call = self.app.rest(who, "POST", &format!("{path}/withdraw")).version(version);
                return Some(call.json(json!({})).send().await);
            }
            Try::Contest => ("contest", json!({ "reason": "Not as it is put." })),
            Try::Agree => ("agree", json!({})),
            Try::Reopen => ("reopen", json!({})),
        };
        let version = self.now().await["version"].as_i64().unwrap();
        let call = self.app.rest(who, "POST", &format!("/v1/topics/{}/{verb}", self.topic)).version(version);
        Some(call.json(body).send().await)
    }

    /// The code that refuses it, or nothing where it is done.
    fn expected(&self, model: &Model, actor: Role, what: Try) -> Option<&'static str> {
        let Some(own) = PARTIES.iter().position(|party| *party == actor) else {
            return Some(match (actor, what) {
                (Role::Intermediary, _) => "INTERMEDIARY_CANNOT_SET_COURSE",
                _ if model.is_published() => "NOT_YOURS",
                (_, Try::Consent(_)) => "INVALID_INPUT",
                _ => "NOT_FOUND",
            });
        };
        match what {
            Try::Consent(to) if (to == "reopening") == model.is_open() => Some("WRONG_STATE"),
            Try::Consent(_) => model.consents[own].is_some().then_some("ONE_VOICE_PER_ORGANIZATION"),
            Try::Withdraw => None,
            Try::Contest => (!model.is_open()).then_some("WRONG_STATE"),
            Try::Agree if !model.is_open() => Some("WRONG_STATE"),
            Try::Reopen if model.is_open() => Some("WRONG_STATE"),
            Try::Agree | Try::Reopen => model.joint().is_none().then_some("JOINT_CONSENT_REQUIRED"),
        }
    }

    async fn stands_where(&self, model: &Model, history: &str) {
        let now = self.now().await;
        assert_eq!((&now["state"], &now["venue"]), (&json!(model.state), &json!(model.venue)), "{history}");
        let need = format!("/v1/needs/{}", self.need);
        let seen = self.app.get(self.who(Role::Employer), &need).await;
        assert_eq!(seen["state"], if model.is_sealed() { "routed" } else { "voiced" }, "{history}");
        let status = async |role: Role, path: &str| self.app.rest(self.who(role), "GET", path).send().await.status;
        let known = if model.is_sealed() { 404 } else { 200 };
        assert_eq!(status(Role::Intermediary, &need).await, known, "{history}");
        assert_eq!(status(Role::Champion, &need).await, known, "{history}");
        let topic = format!("/v1/topics/{}", self.topic);
        let published = if model.is_published() { 200 } else { 404 };
        assert_eq!(status(Role::Champion, &topic).await, published, "{history}");
        let stub = self.app.get(self.who(Role::Intermediary), &topic).await;
        assert_eq!(stub.get("text").is_some(), model.is_published(), "{history}: {stub}");
    }
}

fn done(model: &mut Model, actor: Role, what: Try, answer: &Answer) {
    let own = PARTIES.iter().position(|party| *party == actor).unwrap();
    match what {
        Try::Consent(to) => model.consents[own] = Some(Consent { id: text(&answer.body["id"]).to_owned(), to }),
        Try::Withdraw => model.consents[own] = None,
        Try::Contest => {
            model.state = "contested";
            model.consents = [None, None];
        }
        Try::Agree => {
            model.venue = model.joint().unwrap();
            model.state = "agreed";
            model.consents = [None, None];
        }
        Try::Reopen => {
            (model.state, model.venue) = ("reopened", "undetermined");
            model.consents = [None, None];
        }
    }
}

async fn begun(app: &App) -> Stage<'_> {
    let employer = app.world.who(Role::Employer);
    let need = json!({ "title": "Shift premiums", "problemStatement": "Nobody stays on nights.", "kind": "retention" });
    let need = app.make(employer, "/v1/needs", need).await;
    let topic = json!({
        "subject": "Premiums", "text": "What a night is worth.", "subjectMatter": "pay", "needIds": [need["id"]],
        "partyOrganizationIds": PARTIES.map(|role| app.world.ours.organization[&role]),
    });
    let topic = app.make(employer, "/v1/topics", topic).await;
    Stage { app, topic: text(&topic["id"]).to_owned(), need: text(&need["id"]).to_owned() }
}

cases! {
    async fn topics_go_where_their_parties_take_them_together_and_nowhere_else(app: App) {
        let seed = chance::seed();
        let (histories, steps) = if chance::long() { (40, 120) } else { (3, 40) };
        let mut chance = Chance::from(seed);
        let mut reached = std::collections::BTreeSet::new();
        for _ in 0..histories {
            let stage = begun(&app).await;
            let mut model = Model { state: "proposed", venue: "undetermined", consents: [None, None] };
            let mut history = format!("seed {seed}:");
            for _ in 0..steps {
                // Parties act more often than others, or little would come of it.
                let actor = if chance.one_in(5) { *chance.pick(&ACTORS[2..]) } else { *chance.pick(&PARTIES) };
                let what = match chance.below(9) {
                    0 => Try::Consent("partnership"),
                    1 | 2 => Try::Consent("bargaining_table"),
                    3 | 4 => Try::Consent("reopening"),
                    5 => Try::Withdraw,
                    6 if chance.one_in(2) => Try::Contest,
                    7 => Try::Reopen,
                    _ => Try::Agree,
                };
                let Some(answer) = stage.tried(&model, actor, what).await else { continue };
                history += &format!(" {}:{what:?}", actor.word());
                match stage.expected(&model, actor, what) {
                    Some(code) => assert_eq!(answer.code(), code, "{history}\n{model:?}\n{}", answer.body),
                    None => {
                        assert!(matches!(answer.status, 200 | 201), "{history}\n{model:?}\n{}", answer.body);
                        done(&mut model, actor, what, &answer);
                        reached.insert((model.state, model.venue));
                        stage.stands_where(&model, &history).await;
                    }
                }
            }
        }
        assert!(reached.len() >= 3, "only {reached:?} was reached from seed {seed}");
    }
}
