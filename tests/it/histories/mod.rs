//! Random histories of direction: several actors try whatever comes to mind, and after each step the server has to stand
//! where a small model stands. A history that goes wrong is cut down to the shortest one that still does.
//!
//! `ROUNDTABLE_TEST_SEED` plays the same histories again, `ROUNDTABLE_TEST_LONG=1` plays many and long ones.

mod machines;
mod model;
mod topics;

use std::collections::{BTreeMap, BTreeSet};

use machines::MACHINES;
use model::{Actor, Command, Model, Record, Said};
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use roundtable_kernel::error::Code;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};

use crate::harness::chance::{self, Chance};
use crate::harness::client::text;
use crate::harness::{Answer, App, Who};

/// One choice of a history: what to try, among what there is; and how, such as on an old version.
type Choice = (u16, u8);

/// What all histories of a case share.
struct Stage<'a> {
    app: &'a App,
    who: BTreeMap<Actor, Who>,
    empty: Model,
}

impl<'a> Stage<'a> {
    async fn set(app: &'a App) -> Stage<'a> {
        let (ours, lead) = (&app.world.ours, &app.world.ours.lead);
        for (key, value) in [
            ("shared_need_min_employers", "3"),
            ("root_confirm_min", "2"),
            ("adoption_quorum", "1"),
            ("plan_quorum", "0.5"),
        ] {
            let setting = json!({ "key": key, "value": value, "reason": "as the model has it" });
            app.make(lead, "/v1/policy-settings", setting).await;
        }
        let mut who = BTreeMap::new();
        let mut houses = BTreeMap::new();
        for (actor, role) in [
            (Actor::Lead, Role::Intermediary),
            (Actor::Staff, Role::IntermediaryStaff),
            (Actor::Employer, Role::Employer),
            (Actor::Champion, Role::Champion),
            (Actor::Union, Role::Union),
            (Actor::College, Role::Institution),
            (Actor::Observer, Role::Observer),
        ] {
            who.insert(actor, app.world.who(role).clone());
            if let Some(house) = ours.organization.get(&role) {
                houses.insert(actor, house.to_string());
            }
        }
        who.insert(Actor::Service, app.world.service.clone());
        for (actor, name) in [(Actor::Third, "Third Works"), (Actor::Fourth, "Fourth Works")] {
            let (house, speaks) = app.employer(name).await;
            who.insert(actor, speaks);
            houses.insert(actor, text(&house["id"]).to_owned());
        }
        let goal = app.make(lead, "/v1/goals", json!({ "statement": "People stay", "horizon": "long" })).await;
        let input = app.make(lead, "/v1/inputs", json!({ "kind": "idea", "text": "Mentors" })).await;
        let empty = Model {
            records: Vec::new(),
            voices: Vec::new(),
            houses,
            goal: text(&goal["id"]).to_owned(),
            input: text(&input["id"]).to_owned(),
            plan_in_force: None,
            voices_wanted: 3,
            confirmations_wanted: 2,
            plan_approvals_wanted: 2,
        };
        Stage { app, who, empty }
    }

    /// The record as the intermediary sees it by now.
    async fn now(&self, collection: &str, id: &str) -> Value {
        self.app.get(&self.who[&Actor::Lead], &format!("/v1/{collection}/{id}")).await
    }

    async fn tried(&self, model: &Model, actor: Actor, command: &Command, is_stale: bool) -> Answer {
        let who = &self.who[&actor];
        let version = |record: &Value| record["version"].as_i64().unwrap() + i64::from(is_stale) * 1000;
        match command {
            Command::Make { machine, about } => {
                let machine = &MACHINES[*machine];
                let body = (machine.make.body)(model, actor, about.map(|need| &model.records[need]));
                self.app.rest(who, "POST", &format!("/v1/{}", machine.collection)).json(body).send().await
            }
            Command::Move { record, step } => {
                let record = &model.records[*record];
                let (machine, step) = (record.machine(), &record.machine().moves[*step]);
                let now = self.now(machine.collection, &record.id).await;
                let path = format!("/v1/{}/{}/{}", machine.collection, record.id, step.verb);
                self.app.rest(who, "POST", &path).version(version(&now)).json((step.body)()).send().await
            }
            Command::Say { said, on, importance } => {
                // Whoever has no organisation tries to speak for another's.
                let house = if actor.is_member() { actor } else { Actor::Employer };
                let (_, member) = said.of();
                let mut body = json!({ "organizationId": model.house(house) });
                body[member] = json!(model.records[*on].id);
                if *said == Said::Endorsement {
                    body["importance"] = json!(importance);
                    body["affectedCount"] = json!(importance * 7);
                }
                self.app.rest(who, "POST", &format!("/v1/{}", said.collection())).json(body).send().await
            }
            Command::Weigh { voice, importance } => {
                let voice = &model.voices[*voice];
                let now = self.now(voice.said.collection(), &voice.id).await;
                let path = format!("/v1/{}/{}", voice.said.collection(), voice.id);
                let body = json!({ "importance": importance, "affectedCount": importance * 7 });
                self.app.rest(who, "PATCH", &path).version(version(&now)).json(body).send().await
            }
            Command::TakeBack { voice } => {
                let voice = &model.voices[*voice];
                let now = self.now(voice.said.collection(), &voice.id).await;
                let path = format!("/v1/{}/{}/withdraw", voice.said.collection(), voice.id);
                self.app.rest(who, "POST", &path).version(version(&now)).json(json!({})).send().await
            }
        }
    }

    /// Whether a record stands where the model has it.
    fn compared(model: &Model, record: &Record, shown: &Value) -> Result<(), String> {
        for (name, should) in record.members() {
            if shown[name] != should {
                return Err(format!("{name} is {} and should be {should} on {shown}", shown[name]));
            }
        }
        if let Some(member) = record.machine().names {
            let named: BTreeSet<&str> =
                shown[member].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let should: BTreeSet<&str> = record.named.iter().map(|one| model.house(*one)).collect();
            if named != should {
                return Err(format!("{member} is {named:?} and should be {should:?} on {shown}"));
            }
        }
        Ok(())
    }

    /// Plays a history; says where it leaves the model, if it does.
    async fn played(&self, choices: &[Choice], done: &mut BTreeSet<String>) -> Result<(), String> {
        let mut model = self.empty.clone();
        let mut told = Vec::new();
        for choice in choices {
            let (actor, command, is_stale) = chosen(&model, *choice);
            told.push(format!("{actor:?} {}", described(&model, &command)));
            let wrong = |what: String| Err(format!("{}\n  {what}", told.join("\n  ")));
            let mut refused = model.refuses(actor, &command);
            let is_late = !matches!(command, Command::Make { .. } | Command::Say { .. }) && is_stale;
            let by_role = ["INTERMEDIARY_CANNOT_SET_COURSE", "EMPLOYER_ONLY", "FORBIDDEN", "NOT_FOUND"];
            if is_late && refused.is_none_or(|code| !by_role.contains(&code)) && !is_not_theirs(&model, actor, &command)
            {
                refused = Some("STALE");
            }
            let answer = self.tried(&model, actor, &command, is_late).await;
            let should = match refused {
                Some(code) => (Code::named(code).map_or(0, Code::status), code),
                None => (if matches!(command, Command::Make { .. } | Command::Say { .. }) { 201 } else { 200 }, ""),
            };
            if (answer.status, answer.code()) != should {
                return wrong(format!("answered {} {} and should be {should:?}", answer.status, answer.body));
            }
            done.insert(format!("{} {}", kind(&model, &command), should.1));
            if refused.is_some() {
                continue;
            }
            let touched = touched(&model, &command);
            model.apply(actor, &command, answer.body["id"].as_str().unwrap_or_default().to_owned());
            let touched = touched.unwrap_or(model.records.len() - 1);
            if let Err(what) = self.follows(&model, touched).await {
                return wrong(what);
            }
        }
        let wrong = |what: String| Err(format!("{}\n  at the end {what}", told.join("\n  ")));
        match self.lists(&model).await {
            Ok(()) => Ok(()),
            Err(what) => wrong(what),
        }
    }

    /// Compares a record and what hangs together with it.
    async fn follows(&self, model: &Model, touched: usize) -> Result<(), String> {
        let mut records = vec![touched];
        if let Some(need) = model.records[touched].about {
            records.push(need);
        }
        let need = model.records[touched].about.unwrap_or(touched);
        records.extend(model.about(need, "causes").map(|cause| cause.number).filter(|cause| *cause != touched));
        for number in records {
            let record = &model.records[number];
            Self::compared(model, record, &self.now(record.machine().collection, &record.id).await)?;
        }
        Ok(())
    }

    /// Compares what lists show of everything the history made, and the order of needs.
    async fn lists(&self, model: &Model) -> Result<(), String> {
        for machine in MACHINES {
            let made: Vec<&Record> =
                model.records.iter().filter(|one| one.machine().collection == machine.collection).collect();
            if made.is_empty() {
                continue;
            }
            let ids: Vec<&str> = made.iter().map(|one| one.id.as_str()).collect();
            let sort = if machine.collection == "needs" { "&sort=-rankScore" } else { "" };
            let path = format!("/v1/{}?first=200&total=true&id={}{sort}", machine.collection, ids.join(","));
            let page = self.app.get(&self.who[&Actor::Lead], &path).await;
            if page["totalCount"] != ids.len() {
                return Err(format!("{path} counts {}", page["totalCount"]));
            }
            let items = page["items"].as_array().unwrap();
            for record in &made {
                let shown = items.iter().find(|item| item["id"] == record.id.as_str());
                Self::compared(model, record, shown.unwrap_or(&Value::Null))?;
            }
            let ranks: Vec<i64> = items.iter().filter_map(|item| item["rankScore"].as_i64()).collect();
            if !ranks.is_sorted_by(|higher, lower| higher >= lower) {
                return Err(format!("needs are out of order: {ranks:?}"));
            }
        }
        Ok(())
    }
}

/// Whether a record or voice is within somebody's role and another's own.
fn is_not_theirs(model: &Model, actor: Actor, command: &Command) -> bool {
    use machines::By;
    match command {
        Command::Move { record, step } => {
            let record = &model.records[*record];
            let by = record.machine().moves[*step].by;
            let own =
                matches!(by, By::OwnMember | By::OwnEmployer) || (by == By::IntermediaryOrOwn && actor.is_member());
            own && !record.owners.contains(&actor)
        }
        Command::Weigh { voice, .. } | Command::TakeBack { voice } => model.voices[*voice].by != actor,
        Command::Make { .. } | Command::Say { .. } => false,
    }
}

/// The record a command is about; none where it makes one.
fn touched(model: &Model, command: &Command) -> Option<usize> {
    match command {
        Command::Make { .. } => None,
        Command::Move { record, .. } => Some(*record),
        Command::Say { on, .. } => Some(*on),
        Command::Weigh { voice, .. } | Command::TakeBack { voice } => Some(model.voices[*voice].on),
    }
}

fn kind(model: &Model, command: &Command) -> String {
    match command {
        Command::Make { machine, .. } => format!("{} make", MACHINES[*machine].collection),
        Command::Move { record, step } => {
            let machine = model.records[*record].machine();
            format!("{} {}", machine.collection, machine.moves[*step].verb)
        }
        Command::Say { said, .. } => format!("{} make", said.collection()),
        Command::Weigh { .. } => "endorsements change".into(),
        Command::TakeBack { voice } => format!("{} withdraw", model.voices[*voice].said.collection()),
    }
}

fn described(model: &Model, command: &Command) -> String {
    let about = touched(model, command).map(|number| format!(" on {number} ({})", model.records[number].state));
    format!("{}{}", kind(model, command), about.unwrap_or_default())
}

/// Whether a command moves what employers chart together, rather than a record on its own.
fn charts(model: &Model, command: &Command) -> bool {
    let together = |collection: &str| ["needs", "causes", "solutions"].contains(&collection);
    match command {
        Command::Make { machine, .. } => together(MACHINES[*machine].collection),
        Command::Move { record, .. } => together(model.records[*record].machine().collection),
        _ => true,
    }
}

/// What a choice comes to: three times of four something the model takes, and more often what charts the course.
fn chosen(model: &Model, (pick, how): Choice) -> (Actor, Command, bool) {
    let (sensible, charting, is_stale) = (how % 4 != 0, how % 16 < 11, how >= 240);
    let mut possible: Vec<(Actor, Command)> = Vec::new();
    for command in model.commands() {
        possible.extend(Actor::ALL.map(|actor| (actor, command.clone())));
    }
    let wanted = |(actor, command): &&(Actor, Command)| {
        charts(model, command) == charting && (!sensible || model.refuses(*actor, command).is_none())
    };
    let fitting: Vec<&(Actor, Command)> = possible.iter().filter(wanted).collect();
    let (actor, command) = match fitting.len() {
        0 => &possible[usize::from(pick) % possible.len()],
        some => fitting[usize::from(pick) % some],
    };
    (*actor, command.clone(), is_stale)
}

async fn histories_go_as_the_model_says(app: App) {
    let (histories, steps) = if chance::long() { (400, 80) } else { (14, 45) };
    let seed = chance::seed();
    let mut bytes = [0; 32];
    let mut chance = Chance::from(seed);
    for part in bytes.chunks_mut(8) {
        part.copy_from_slice(&chance.next().to_le_bytes());
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let stage = Stage::set(&app).await;
    let strategy = vec(proptest::prelude::any::<Choice>(), steps / 2..=steps);
    let mut done = BTreeSet::new();
    for number in 0..histories {
        let mut tree = strategy.new_tree(&mut runner).unwrap();
        let Err(mut wrong) = stage.played(&tree.current(), &mut done).await else { continue };
        let mut tries = 0;
        while tries < 200 && tree.simplify() {
            tries += 1;
            while let Ok(()) = stage.played(&tree.current(), &mut done).await {
                tries += 1;
                if tries > 200 || !tree.complicate() {
                    break;
                }
            }
            if let Err(shorter) = stage.played(&tree.current(), &mut done).await {
                wrong = shorter;
            }
        }
        panic!("history {number} from seed {seed}, cut down in {tries} tries:\n  {wrong}");
    }
    // Histories that try next to nothing would show next to nothing.
    let succeeded = done.iter().filter(|one| one.ends_with(' ')).count();
    assert!(succeeded > 20 && done.len() > 60, "only {succeeded} of {} from seed {seed}: {done:?}", done.len());
}

cases! {
    /// Whatever is tried, by whom and in which order.
    async fn every_history_of_direction_goes_as_the_model_says(app: App) {
        histories_go_as_the_model_says(app).await;
    }
}
