//! What should come of a history: a small model of direction, without a database and without the server's code.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::machines::{By, MACHINES, Machine, Move};

/// Somebody in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    Lead,
    Staff,
    /// A system of the intermediary's.
    Service,
    Employer,
    Champion,
    Third,
    Fourth,
    Union,
    College,
    Observer,
}

impl Actor {
    pub const ALL: [Actor; 10] = [
        Actor::Lead,
        Actor::Staff,
        Actor::Service,
        Actor::Employer,
        Actor::Champion,
        Actor::Third,
        Actor::Fourth,
        Actor::Union,
        Actor::College,
        Actor::Observer,
    ];

    fn is_intermediary(self) -> bool {
        matches!(self, Actor::Lead | Actor::Staff | Actor::Service)
    }

    pub fn is_employer(self) -> bool {
        matches!(self, Actor::Employer | Actor::Champion | Actor::Third | Actor::Fourth)
    }

    pub fn is_member(self) -> bool {
        !self.is_intermediary() && self != Actor::Observer
    }
}

/// How far somebody reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Nothing,
    Own,
    All,
}

fn reach(by: By, actor: Actor) -> Reach {
    let (intermediary, employer, member) = (actor.is_intermediary(), actor.is_employer(), actor.is_member());
    let (all, own) = match by {
        By::Intermediary => (intermediary, false),
        By::IntermediaryOrChampion => (intermediary || actor == Actor::Champion, false),
        By::IntermediaryOrOwnEmployer => (intermediary, employer),
        By::IntermediaryOrOwn => (intermediary, member),
        By::Table => (intermediary || member, false),
        By::Everybody => (true, false),
        By::Members => (member, false),
        By::OwnMember => (false, member),
        By::Employers => (employer, false),
        By::IntermediaryOrEmployers => (intermediary || employer, false),
        By::OwnEmployer => (false, employer),
    };
    match (all, own) {
        (true, _) => Reach::All,
        (_, true) => Reach::Own,
        _ => Reach::Nothing,
    }
}

/// The code somebody without any reach is refused with.
fn refusal(by: By, course: bool, actor: Actor) -> &'static str {
    if course && actor.is_intermediary() {
        "INTERMEDIARY_CANNOT_SET_COURSE"
    } else if course && matches!(by, By::Employers | By::OwnEmployer) {
        "EMPLOYER_ONLY"
    } else {
        "FORBIDDEN"
    }
}

/// A record of a history.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its place among the records of the history.
    pub number: usize,
    pub machine: usize,
    pub id: String,
    pub state: String,
    pub owners: BTreeSet<Actor>,
    /// The need it is about.
    pub about: Option<usize>,
    /// How deep a cause lies.
    pub depth: usize,
    pub reviewers: BTreeSet<Actor>,
    pub replied: bool,
    /// Organisations that the record names by their own word, such as those that heard a statement.
    pub named: BTreeSet<Actor>,
    /// Employers that ask to park a need, or to resume it.
    asking: BTreeSet<Actor>,
    /// The version of the plan that was in force when this one was written.
    follows: Option<usize>,
    /// Numbers that follow from what was said.
    counts: BTreeMap<&'static str, i64>,
}

impl Record {
    pub fn machine(&self) -> &'static Machine {
        &MACHINES[self.machine]
    }

    pub fn count(&self, name: &str) -> i64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// The members that readers see, as they should stand.
    pub fn members(&self) -> BTreeMap<&'static str, Value> {
        let mut members = BTreeMap::from([(self.machine().state, json!(self.state))]);
        members.extend(self.counts.iter().map(|(name, count)| (*name, json!(count))));
        if self.machine().collection == "needs" {
            members.insert("surfaceOnly", json!(self.count("deep") == 0));
            members.remove("deep");
        }
        members
    }
}

/// What employers say in one voice each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    Endorsement,
    Confirmation,
    Approval,
    PlanApproval,
}

impl Said {
    pub const ALL: [Said; 4] = [Said::Endorsement, Said::Confirmation, Said::Approval, Said::PlanApproval];

    pub fn collection(self) -> &'static str {
        match self {
            Said::Endorsement => "endorsements",
            Said::Confirmation => "cause-confirmations",
            Said::Approval => "solution-approvals",
            Said::PlanApproval => "plan-approvals",
        }
    }

    /// What it is said of, and the member that names it.
    pub fn of(self) -> (&'static str, &'static str) {
        match self {
            Said::Endorsement => ("needs", "needId"),
            Said::Confirmation => ("causes", "causeId"),
            Said::Approval => ("solutions", "solutionId"),
            Said::PlanApproval => ("plan-versions", "planVersionId"),
        }
    }
}

/// One voice.
#[derive(Clone, Debug)]
pub struct Voice {
    pub said: Said,
    pub on: usize,
    pub by: Actor,
    pub importance: i64,
    pub stands: bool,
    pub id: String,
}

/// Something somebody tries.
#[derive(Clone, Debug)]
pub enum Command {
    Make { machine: usize, about: Option<usize> },
    Move { record: usize, step: usize },
    Say { said: Said, on: usize, importance: i64 },
    Weigh { voice: usize, importance: i64 },
    TakeBack { voice: usize },
}

/// Everything a history has brought about.
#[derive(Clone, Debug)]
pub struct Model {
    pub records: Vec<Record>,
    pub voices: Vec<Voice>,
    pub houses: BTreeMap<Actor, String>,
    /// A long-term goal for steps to serve.
    pub goal: String,
    /// An input for versions of the plan to rest on.
    pub input: String,
    /// The version of the history that is in force; none while it is one from before.
    pub plan_in_force: Option<usize>,
    pub voices_wanted: usize,
    pub confirmations_wanted: usize,
    pub plan_approvals_wanted: usize,
}

/// Most records of a machine in one history.
const MOST: usize = 2;

impl Model {
    pub fn house(&self, actor: Actor) -> &str {
        self.houses.get(&actor).map_or("", String::as_str)
    }

    /// Records of a machine that are about a need.
    pub fn about(&self, need: usize, collection: &'static str) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |one| one.about == Some(need) && one.machine().collection == collection)
    }

    fn standing(&self, said: Said, on: usize) -> impl Iterator<Item = &Voice> {
        self.voices.iter().filter(move |one| one.said == said && one.on == on && one.stands)
    }

    pub fn endorses(&self, need: usize, actor: Actor) -> bool {
        self.standing(Said::Endorsement, need).any(|voice| voice.by == actor)
    }

    /// Who decides whether a need is parked: those that endorse it or, while nobody does, the one that voiced it.
    pub fn deciders(&self, need: &Record) -> BTreeSet<Actor> {
        let endorsing: BTreeSet<Actor> = self.standing(Said::Endorsement, need.number).map(|voice| voice.by).collect();
        if !endorsing.is_empty() {
            return endorsing;
        }
        need.owners.iter().copied().filter(|one| one.is_employer()).collect()
    }

    /// The code for a need that is not shared, or whose root cause is not confirmed.
    pub fn out_of_order(&self, need: usize) -> Option<&'static str> {
        match self.records[need].state.as_str() {
            "draft" | "voiced" | "parked" => Some("SHARED_NEED_THRESHOLD"),
            "shared" => Some("ROOT_CAUSE_REQUIRED"),
            _ => None,
        }
    }

    /// Everything that can be tried by now.
    pub fn commands(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        for (machine, one) in MACHINES.iter().enumerate() {
            let of = |collection: &'static str| {
                self.records.iter().filter(move |row| row.machine().collection == collection)
            };
            match one.make.about {
                None if of(one.collection).count() < MOST => commands.push(Command::Make { machine, about: None }),
                None => {}
                Some(about) => {
                    let open = of(about).filter(|row| self.about(row.number, one.collection).count() < MOST);
                    commands.extend(open.map(|row| Command::Make { machine, about: Some(row.number) }));
                }
            }
        }
        for record in &self.records {
            let moves = 0..record.machine().moves.len();
            commands.extend(moves.map(|step| Command::Move { record: record.number, step }));
            for said in Said::ALL.into_iter().filter(|said| said.of().0 == record.machine().collection) {
                let importance = 1 + i64::try_from(record.number % 5).unwrap();
                commands.push(Command::Say { said, on: record.number, importance });
            }
        }
        for (voice, one) in self.voices.iter().enumerate() {
            commands.push(Command::TakeBack { voice });
            if one.said == Said::Endorsement {
                commands.push(Command::Weigh { voice, importance: 1 + one.importance % 5 });
            }
        }
        commands
    }

    /// The code this is refused with, or none.
    pub fn refuses(&self, actor: Actor, command: &Command) -> Option<&'static str> {
        match command {
            Command::Make { machine, about } => self.refuses_making(actor, &MACHINES[*machine], *about),
            Command::Move { record, step } => {
                let record = &self.records[*record];
                self.refuses_moving(actor, record, &record.machine().moves[*step])
            }
            Command::Say { said, on, .. } => self.refuses_saying(actor, *said, &self.records[*on]),
            Command::Weigh { voice, .. } | Command::TakeBack { voice } => {
                let voice = &self.voices[*voice];
                if reach(By::OwnEmployer, actor) == Reach::Nothing {
                    return Some(refusal(By::OwnEmployer, true, actor));
                }
                if voice.by != actor {
                    return Some("NOT_YOURS");
                }
                let taken_up = match voice.said {
                    Said::Approval => self.records[voice.on].state != "designing",
                    Said::PlanApproval => self.records[voice.on].state != "draft",
                    Said::Endorsement | Said::Confirmation => false,
                };
                (!voice.stands || taken_up).then_some("WRONG_STATE")
            }
        }
    }

    fn refuses_making(&self, actor: Actor, machine: &Machine, about: Option<usize>) -> Option<&'static str> {
        if reach(machine.make.by, actor) == Reach::Nothing {
            return Some(refusal(machine.make.by, machine.make.course, actor));
        }
        let need = about.map(|need| self.records[need].state.as_str());
        let closed = machine.collection == "causes" && matches!(need, Some("met" | "parked"));
        closed.then_some("WRONG_STATE")
    }

    /// Whether a record is somebody's to know of.
    fn is_known(&self, record: &Record, actor: Actor) -> bool {
        let unowned =
            record.machine().state == "confirmation" && ["pending", "rejected"].contains(&record.state.as_str());
        !unowned || actor.is_intermediary() || record.owners.contains(&actor)
    }

    fn refuses_moving(&self, actor: Actor, record: &Record, step: &Move) -> Option<&'static str> {
        match reach(step.by, actor) {
            Reach::Nothing => return Some(refusal(step.by, step.course, actor)),
            _ if !self.is_known(record, actor) => return Some("NOT_FOUND"),
            Reach::Own if !record.owners.contains(&actor) => return Some("NOT_YOURS"),
            _ => {}
        }
        if let Some(code) = (step.before)(self, record, actor) {
            return Some(code);
        }
        if !step.from.contains(&record.state.as_str()) {
            return Some("WRONG_STATE");
        }
        (step.after)(self, record, actor)
    }

    fn refuses_saying(&self, actor: Actor, said: Said, on: &Record) -> Option<&'static str> {
        if !actor.is_employer() {
            return Some(refusal(By::OwnEmployer, true, actor));
        }
        let need = &self.records[on.about.unwrap_or(on.number)];
        let is_open = ["voiced", "shared", "root_caused", "solving"].contains(&need.state.as_str());
        let refused = match said {
            Said::PlanApproval => (on.state != "draft" || on.follows != self.plan_in_force).then_some("WRONG_STATE"),
            Said::Endorsement => (!is_open).then_some("WRONG_STATE"),
            _ if !self.endorses(need.number, actor) => Some("ENDORSEMENT_REQUIRED"),
            Said::Confirmation => {
                let is_tested = ["tested", "confirmed"].contains(&on.state.as_str());
                (!is_open || !is_tested).then_some("WRONG_STATE")
            }
            Said::Approval if on.state != "designing" => Some("WRONG_STATE"),
            Said::Approval => self.out_of_order(need.number),
        };
        refused
            .or(self.standing(said, on.number).any(|voice| voice.by == actor).then_some("ONE_VOICE_PER_ORGANIZATION"))
    }

    /// What follows from something that was done. `id` is the one that the server gave to what is new.
    pub fn apply(&mut self, actor: Actor, command: &Command, id: String) {
        match command {
            Command::Make { machine, about } => self.make(actor, *machine, *about, id),
            Command::Move { record, step } => self.step(actor, *record, *step),
            Command::Say { said, on, importance } => {
                let voice = Voice { said: *said, on: *on, by: actor, importance: *importance, stands: true, id };
                self.voices.push(voice);
                self.heard(*said, *on, true);
            }
            Command::Weigh { voice, importance } => {
                self.voices[*voice].importance = *importance;
                self.follow(self.voices[*voice].on);
            }
            Command::TakeBack { voice } => {
                self.voices[*voice].stands = false;
                self.heard(self.voices[*voice].said, self.voices[*voice].on, false);
            }
        }
    }

    fn make(&mut self, actor: Actor, machine: usize, about: Option<usize>, id: String) {
        let made = &MACHINES[machine];
        let depth = match about {
            Some(need) if made.collection == "causes" => 1 + self.about(need, "causes").count().min(1),
            _ => 0,
        };
        let counts: &[&'static str] = match made.collection {
            "needs" => &["endorsements", "rankScore", "affected", "confirmedRoots", "parkVoices", "deep"],
            "causes" => &["confirmations"],
            "solutions" | "plan-versions" => &["approvals", "approvalsNeeded"],
            _ => &[],
        };
        self.records.push(Record {
            number: self.records.len(),
            machine,
            id,
            state: (made.make.begins)(actor).into(),
            owners: (made.make.owners)(actor).into_iter().collect(),
            about,
            depth,
            reviewers: BTreeSet::new(),
            replied: false,
            named: (made.make.names)(actor).into_iter().collect(),
            asking: BTreeSet::new(),
            follows: self.plan_in_force,
            counts: counts.iter().map(|name| (*name, 0)).collect(),
        });
        if let (Some(need), "causes") = (about, made.collection) {
            self.follow(need);
        }
    }

    fn step(&mut self, actor: Actor, number: usize, step: usize) {
        let record = &mut self.records[number];
        let (collection, step) = (record.machine().collection, &record.machine().moves[step]);
        // More evidence does not unsettle what is confirmed.
        let stays = step.to.is_empty() || (step.verb == "test" && record.state == "confirmed");
        if !stays {
            record.state = step.to.into();
        }
        match (collection, step.verb) {
            ("employer-statements", "hear") | ("solutions", "take-on") | ("action-teams", "join") => {
                record.named.insert(actor);
            }
            ("action-teams", "leave") => drop(record.named.remove(&actor)),
            ("employer-statements", "correct") => record.named.clear(),
            ("second-looks", "review") => {
                record.reviewers.insert(actor);
                record.owners.insert(actor);
            }
            ("second-looks", "reply") => record.replied = true,
            ("needs", "voice") => drop(record.owners.insert(actor)),
            ("needs", "park") => drop(self.asked(actor, number, "parked")),
            ("needs", "resume") => {
                let resumed = self.asked(actor, number, "voiced");
                if resumed {
                    self.follow(number);
                }
            }
            ("causes", "reject") => {
                let need = record.about.unwrap_or_default();
                self.follow(need);
            }
            _ => {}
        }
    }

    /// Adds a voice to those that ask to park a need or to resume it; more than half of those that decide carry it.
    fn asked(&mut self, actor: Actor, need: usize, to: &str) -> bool {
        let deciders = self.deciders(&self.records[need]);
        let record = &mut self.records[need];
        record.asking.retain(|one| deciders.contains(one));
        record.asking.insert(actor);
        let carried = record.asking.len() * 2 > deciders.len();
        if carried {
            record.asking.clear();
            record.state = to.into();
        }
        record.counts.insert("parkVoices", i64::try_from(record.asking.len()).unwrap());
        carried
    }

    /// Counts the approvals of a version of the plan anew, and brings it into force when they are enough.
    fn count_plan(&mut self, on: usize) {
        let approving = self.standing(Said::PlanApproval, on).count();
        let wanted = self.plan_approvals_wanted;
        let version = &mut self.records[on];
        version.counts.insert("approvals", i64::try_from(approving).unwrap());
        version.counts.insert("approvalsNeeded", i64::try_from(wanted).unwrap());
        if approving >= wanted {
            version.state = "in_force".into();
            if let Some(before) = self.plan_in_force.replace(on) {
                self.records[before].state = "superseded".into();
            }
        }
    }

    /// What follows from a voice that was raised or taken back.
    fn heard(&mut self, said: Said, on: usize, raised: bool) {
        match said {
            Said::Endorsement | Said::Confirmation => return self.follow(self.records[on].about.unwrap_or(on)),
            Said::PlanApproval => return self.count_plan(on),
            Said::Approval => {}
        }
        let need = self.records[on].about.unwrap_or_default();
        let endorsing = self.standing(Said::Endorsement, need).count();
        let approving = self.standing(said, on).filter(|voice| self.endorses(need, voice.by)).count();
        // Everybody who endorses has to approve here.
        let needed = endorsing.max(1);
        let solution = &mut self.records[on];
        solution.counts.insert("approvals", i64::try_from(approving).unwrap());
        solution.counts.insert("approvalsNeeded", i64::try_from(needed).unwrap());
        if raised && approving >= needed {
            solution.state = "adopted".into();
            self.follow(need);
        }
    }

    /// Counts anew what hangs on the voices for a need.
    fn follow(&mut self, need: usize) {
        let voices: Vec<(Actor, i64)> =
            self.standing(Said::Endorsement, need).map(|voice| (voice.by, voice.importance)).collect();
        let causes: Vec<usize> = self.about(need, "causes").map(|cause| cause.number).collect();
        let (mut roots, mut deep) = (0, 0);
        for cause in causes {
            let confirming = self.standing(Said::Confirmation, cause);
            let confirming = confirming.filter(|voice| voices.iter().any(|(by, _)| *by == voice.by)).count();
            let wanted = self.confirmations_wanted;
            let cause = &mut self.records[cause];
            cause.counts.insert("confirmations", i64::try_from(confirming).unwrap());
            if !["proposed", "rejected"].contains(&cause.state.as_str()) {
                cause.state = if confirming >= wanted { "confirmed" } else { "tested" }.into();
            }
            roots += i64::from(cause.state == "confirmed" && cause.depth > 1);
            deep += i64::from(cause.state != "rejected" && cause.depth > 1);
        }
        let wanted = self.voices_wanted;
        let adopted = ["adopted", "implementing", "delivered"];
        let is_solved = self.about(need, "solutions").any(|one| adopted.contains(&one.state.as_str()));
        let record = &mut self.records[need];
        let asking = record.asking.iter().filter(|one| voices.iter().any(|(by, _)| by == *one)).count();
        record.counts.insert("parkVoices", i64::try_from(asking).unwrap());
        record.counts.insert("endorsements", i64::try_from(voices.len()).unwrap());
        record.counts.insert("affected", voices.iter().map(|(_, importance)| importance * 7).sum());
        record.counts.insert("rankScore", voices.iter().map(|(_, importance)| importance * 1000 + 1).sum());
        record.counts.insert("confirmedRoots", roots);
        record.counts.insert("deep", deep);
        if !["draft", "met", "parked"].contains(&record.state.as_str()) {
            record.state = match (voices.len() >= wanted, roots > 0, is_solved) {
                (false, ..) => "voiced",
                (true, false, _) => "shared",
                (true, true, false) => "root_caused",
                (true, true, true) => "solving",
            }
            .into();
        }
    }
}
