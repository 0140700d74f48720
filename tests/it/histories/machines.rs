//! The machines of direction, one table for each: who may do what to a record, from which state, and where it takes it.
//! Written from the practice and not from the server, so that the two can be held against each other.

use serde_json::{Value, json};

use super::model::{Actor, Model, Record};

/// Who may, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Intermediary,
    IntermediaryOrChampion,
    IntermediaryOrOwnEmployer,
    IntermediaryOrOwn,
    /// The intermediary and every member.
    Table,
    /// The table, and observers.
    Everybody,
    Members,
    OwnMember,
    Employers,
    IntermediaryOrEmployers,
    OwnEmployer,
}

/// How a record comes about.
pub struct Make {
    pub by: By,
    /// Setting course: the intermediary is told so.
    pub course: bool,
    /// About a record of this machine, or none.
    pub about: Option<&'static str>,
    pub body: fn(&Model, Actor, Option<&Record>) -> Value,
    pub begins: fn(Actor) -> &'static str,
    pub owners: fn(Actor) -> Vec<Actor>,
    /// Whom it names from the beginning, by the maker's own word.
    pub names: fn(Actor) -> Vec<Actor>,
}

/// A named thing done to a record.
pub struct Move {
    pub verb: &'static str,
    pub by: By,
    pub course: bool,
    pub from: &'static [&'static str],
    /// Where it takes the record; empty where it stays.
    pub to: &'static str,
    pub body: fn() -> Value,
    /// What is refused before the state is looked at, and with which code.
    pub before: fn(&Model, &Record, Actor) -> Option<&'static str>,
    /// What is refused after.
    pub after: fn(&Model, &Record, Actor) -> Option<&'static str>,
}

/// A kind of record with its states.
pub struct Machine {
    pub collection: &'static str,
    /// The member that holds the state.
    pub state: &'static str,
    /// The member that lists organisations, each named by its own word.
    pub names: Option<&'static str>,
    pub make: Make,
    pub moves: &'static [Move],
}

fn nothing() -> Value {
    json!({})
}

fn reason() -> Value {
    json!({ "reason": "Things changed." })
}

fn never(_: &Model, _: &Record, _: Actor) -> Option<&'static str> {
    None
}

const fn plain(verb: &'static str, by: By, course: bool, from: &'static [&'static str], to: &'static str) -> Move {
    Move { verb, by, course, from, to, body: nothing, before: never, after: never }
}

const fn explained(verb: &'static str, by: By, course: bool, from: &'static [&'static str], to: &'static str) -> Move {
    Move { verb, by, course, from, to, body: reason, before: never, after: never }
}

fn own(actor: Actor) -> Vec<Actor> {
    if actor.is_member() { vec![actor] } else { Vec::new() }
}

fn unendorsed(model: &Model, need: usize, actor: Actor) -> Option<&'static str> {
    (!model.endorses(need, actor)).then_some("ENDORSEMENT_REQUIRED")
}

/// A need is parked and resumed by those that endorse it, or by the one that voiced it.
fn undecided(model: &Model, record: &Record, actor: Actor) -> Option<&'static str> {
    (!model.deciders(record).contains(&actor)).then_some("ENDORSEMENT_REQUIRED")
}

/// Problem and cause come before the solution, at every moment.
fn out_of_order(model: &Model, record: &Record, _: Actor) -> Option<&'static str> {
    record.about.and_then(|need| model.out_of_order(need))
}

/// Who is named to design every solution of a history.
const DESIGNERS: [Actor; 2] = [Actor::Employer, Actor::College];

/// Every machine. A new one is one entry more.
pub const MACHINES: &[Machine] = &[
    Machine {
        collection: "employer-statements",
        state: "confirmation",
        names: Some("heardBy"),
        make: Make {
            by: By::IntermediaryOrOwnEmployer,
            course: false,
            about: None,
            body: |model, actor, _| {
                let employer = if actor.is_employer() { actor } else { Actor::Employer };
                json!({
                    "employerOrganizationId": model.house(employer), "text": "People leave.", "saidOn": "2026-01-12",
                    "setting": "visit",
                })
            },
            begins: |actor| if actor.is_employer() { "confirmed" } else { "pending" },
            owners: |actor| vec![if actor.is_employer() { actor } else { Actor::Employer }],
            names: |_| Vec::new(),
        },
        moves: &[
            plain("confirm", By::OwnEmployer, true, &["pending"], "confirmed"),
            Move {
                body: || json!({ "text": "People leave after winter." }),
                ..plain("correct", By::OwnEmployer, true, &["pending", "confirmed", "corrected"], "corrected")
            },
            plain("reject", By::OwnEmployer, true, &["pending"], "rejected"),
            Move {
                after: |_, record, actor| record.owners.contains(&actor).then_some("WRONG_STATE"),
                ..plain("hear", By::Members, false, &["confirmed", "corrected"], "")
            },
        ],
    },
    Machine {
        collection: "inputs",
        state: "state",
        names: None,
        make: Make {
            by: By::Everybody,
            course: false,
            about: None,
            body: |_, _, _| json!({ "kind": "question", "text": "When does it begin?" }),
            begins: |_| "new",
            owners: own,
            names: |_| Vec::new(),
        },
        moves: &[
            plain("acknowledge", By::Intermediary, false, &["new"], "acknowledged"),
            Move {
                body: || json!({ "answer": "In May." }),
                ..plain(
                    "answer",
                    By::Intermediary,
                    false,
                    &["new", "acknowledged", "second_look", "parked"],
                    "answered",
                )
            },
            explained("park", By::Intermediary, false, &["new", "acknowledged"], "parked"),
            plain("close", By::OwnMember, false, &["answered", "second_look", "parked"], "closed"),
            plain("reopen", By::OwnMember, false, &["answered", "parked", "closed"], "new"),
        ],
    },
    Machine {
        collection: "second-looks",
        state: "state",
        names: None,
        make: Make {
            by: By::Table,
            course: false,
            about: None,
            body: |model, _, _| {
                json!({
                    "subject": "The course of 2016", "problemAimedAt": "Too few", "problemDefinedBy": "The college",
                    "peopleServed": "Eleven", "whatHappened": "Two finished", "whyItStopped": "The money",
                    "whatDiffersNow": "Employers pay", "ownerOrganizationId": model.house(Actor::College),
                })
            },
            begins: |_| "opened",
            owners: |actor| own(actor).into_iter().chain([Actor::College]).collect(),
            names: |_| Vec::new(),
        },
        moves: &[
            plain("review", By::Members, true, &["opened", "gathering", "reviewing"], "reviewing"),
            Move {
                body: || json!({ "reply": "We would teach it on the floor." }),
                before: |_, _, actor| (actor != Actor::College).then_some("NOT_YOURS"),
                ..plain("reply", By::OwnMember, true, &["opened", "gathering", "reviewing", "concluded"], "")
            },
            Move {
                body: || json!({ "finding": "adaptable" }),
                before: |_, record, actor| (!record.reviewers.contains(&actor)).then_some("NOT_YOURS"),
                after: |_, record, _| match record.reviewers.iter().any(|one| one.is_employer()) {
                    false => Some("EMPLOYER_REVIEW_REQUIRED"),
                    true => (!record.replied).then_some("OWNER_REPLY_PENDING"),
                },
                ..plain("conclude", By::OwnMember, true, &["reviewing"], "concluded")
            },
            explained("reopen", By::Table, false, &["concluded"], "gathering"),
        ],
    },
    Machine {
        collection: "goals",
        state: "state",
        names: None,
        make: Make {
            by: By::Table,
            course: false,
            about: None,
            body: |_, _, _| json!({ "statement": "People stay", "horizon": "long" }),
            begins: |_| "proposed",
            owners: own,
            names: |_| Vec::new(),
        },
        moves: &[
            plain("agree", By::Employers, true, &["proposed"], "agreed"),
            explained("retire", By::Employers, true, &["proposed", "agreed"], "retired"),
        ],
    },
    Machine {
        collection: "plan-steps",
        state: "state",
        names: None,
        make: Make {
            by: By::IntermediaryOrChampion,
            course: false,
            about: None,
            body: |model, _, _| {
                let lead = model.house(Actor::College);
                json!({ "title": "Name mentors", "goalId": model.goal, "leadOrganizationId": lead })
            },
            begins: |_| "planned",
            owners: |_| vec![Actor::College],
            names: |_| Vec::new(),
        },
        moves: &[
            plain("accept", By::OwnMember, true, &["planned", "declined"], "accepted"),
            plain("decline", By::OwnMember, true, &["planned"], "declined"),
            Move {
                before: |_, record, _| {
                    ["planned", "declined"].contains(&record.state.as_str()).then_some("RESPONSIBILITY_NOT_ACCEPTED")
                },
                ..plain("start", By::OwnMember, true, &["accepted"], "started")
            },
            Move {
                body: || json!({ "outcome": "Nine mentors" }),
                ..plain("complete", By::OwnMember, true, &["started"], "done")
            },
            explained("drop", By::IntermediaryOrOwn, false, &["planned", "accepted", "started"], "dropped"),
        ],
    },
    Machine {
        collection: "needs",
        state: "state",
        names: None,
        make: Make {
            by: By::Table,
            course: false,
            about: None,
            body: |_, _, _| json!({ "title": "People leave", "problemStatement": "Early.", "kind": "retention" }),
            begins: |actor| if actor.is_employer() { "voiced" } else { "draft" },
            owners: own,
            names: |_| Vec::new(),
        },
        moves: &[
            plain("voice", By::Employers, true, &["draft"], "voiced"),
            Move {
                after: |model, record, actor| unendorsed(model, record.number, actor),
                ..plain("meet", By::Employers, true, &["solving"], "met")
            },
            Move {
                after: undecided,
                ..explained("park", By::Employers, true, &["voiced", "shared", "root_caused"], "")
            },
            Move { after: undecided, ..plain("resume", By::Employers, true, &["parked"], "") },
        ],
    },
    Machine {
        collection: "causes",
        state: "state",
        names: None,
        make: Make {
            by: By::Table,
            course: false,
            about: Some("needs"),
            body: |model, _, need| {
                let need = need.map(|need| need.number).unwrap_or_default();
                // The first lies at the surface, every other one is a root beneath it.
                match model.about(need, "causes").next() {
                    None => json!({ "needId": model.records[need].id, "level": "surface", "text": "Why" }),
                    Some(first) => json!({
                        "needId": model.records[need].id, "level": "root", "parentId": first.id, "text": "Why indeed",
                    }),
                }
            },
            begins: |_| "proposed",
            owners: own,
            names: |_| Vec::new(),
        },
        moves: &[
            Move {
                body: || json!({ "evidence": "Exit talks" }),
                ..plain("test", By::Table, false, &["proposed", "tested", "confirmed"], "tested")
            },
            Move {
                before: |model, record, actor| record.about.and_then(|need| unendorsed(model, need, actor)),
                after: |_, record, _| (record.count("confirmations") > 0).then_some("WRONG_STATE"),
                ..explained("reject", By::Employers, true, &["proposed", "tested"], "rejected")
            },
        ],
    },
    Machine {
        collection: "offers",
        state: "state",
        names: None,
        make: Make {
            by: By::OwnMember,
            course: true,
            about: Some("needs"),
            body: |model, actor, need| json!({ "needId": need.map(|need| &need.id), "organizationId": model.house(actor), "text": "Places" }),
            begins: |_| "made",
            owners: own,
            names: |_| Vec::new(),
        },
        moves: &[
            plain("explore", By::Intermediary, false, &["made"], "exploring"),
            plain("withdraw", By::OwnMember, true, &["made", "exploring"], "withdrawn"),
        ],
    },
    Machine {
        collection: "solutions",
        state: "state",
        names: Some("acceptedDesignerIds"),
        make: Make {
            by: By::Table,
            course: false,
            about: Some("needs"),
            body: |model, _, need| {
                json!({
                    "origin": "need_led", "title": "Mentors", "text": "One each",
                    "needIds": [need.map(|need| &need.id)], "noAlternativesReason": "Nothing else came up",
                    "designerOrganizationIds": DESIGNERS.map(|designer| model.house(designer)),
                })
            },
            begins: |_| "proposed",
            owners: |actor| own(actor).into_iter().chain(DESIGNERS).collect(),
            names: |actor| own(actor).into_iter().filter(|one| DESIGNERS.contains(one)).collect(),
        },
        moves: &[
            Move {
                after: |_, _, actor| (!DESIGNERS.contains(&actor)).then_some("NOT_YOURS"),
                ..plain("take-on", By::OwnMember, true, &["proposed", "designing"], "")
            },
            Move {
                after: |_, record, _| {
                    (!DESIGNERS.iter().all(|one| record.named.contains(one))).then_some("DESIGN_NOT_JOINT")
                },
                ..plain("design", By::IntermediaryOrOwn, false, &["proposed"], "designing")
            },
            Move {
                after: |model, record, actor| record.about.and_then(|need| unendorsed(model, need, actor)),
                ..explained("reject", By::Employers, true, &["proposed", "designing"], "rejected")
            },
            Move { after: out_of_order, ..plain("start", By::IntermediaryOrOwn, false, &["adopted"], "implementing") },
            plain("deliver", By::IntermediaryOrOwn, false, &["implementing"], "delivered"),
        ],
    },
    Machine {
        collection: "plan-versions",
        state: "state",
        names: None,
        make: Make {
            by: By::Table,
            course: false,
            about: None,
            body: |model, _, _| json!({ "summary": "Mentors on every shift", "goalIds": [model.goal], "basisInputIds": [model.input] }),
            begins: |_| "draft",
            owners: own,
            names: |_| Vec::new(),
        },
        moves: &[plain("review", By::IntermediaryOrEmployers, false, &["in_force"], "")],
    },
    Machine {
        collection: "action-teams",
        state: "state",
        names: Some("memberOrganizationIds"),
        make: Make {
            by: By::IntermediaryOrChampion,
            course: false,
            about: None,
            body: |model, _, _| {
                let lead = model.house(Actor::College);
                json!({ "name": "Mentors", "purpose": "Find them", "goalId": model.goal, "leadOrganizationId": lead })
            },
            begins: |_| "proposed",
            owners: |_| vec![Actor::College],
            names: |_| Vec::new(),
        },
        moves: &[
            plain("accept", By::OwnMember, true, &["proposed", "declined"], "active"),
            plain("decline", By::OwnMember, true, &["proposed"], "declined"),
            Move {
                after: |_, record, actor| {
                    (actor == Actor::College || record.named.contains(&actor)).then_some("ALREADY_EXISTS")
                },
                ..plain("join", By::Members, true, &["proposed", "active"], "")
            },
            Move {
                after: |_, record, actor| (!record.named.contains(&actor)).then_some("WRONG_STATE"),
                ..plain("leave", By::Members, true, &["proposed", "active"], "")
            },
            explained("end", By::IntermediaryOrOwn, false, &["proposed", "active"], "ended"),
        ],
    },
];
