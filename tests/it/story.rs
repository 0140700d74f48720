//! The whole of it, from what is said at the kick-off to a step under way, and back.

use std::collections::{BTreeMap, BTreeSet};

use roundtable_kernel::op::Op;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};

use crate::harness::client::text;
use crate::harness::{App, Backend, Who, sample, wire};

/// Does an operation through GraphQL, which has to succeed, on the record as it stands by now.
async fn done(app: &App, who: &Who, op: Op, at: Option<&Value>, body: Value) -> Value {
    let table = &app.server.app.operations;
    let operation = table.get(op).unwrap();
    let id = at.map(|record| text(&record["id"]).to_owned());
    let version = match &id {
        Some(id) => {
            let field = operation.answer.chars().next().unwrap().to_lowercase().to_string() + &operation.answer[1..];
            let query = format!("{{ it: {field}(id: \"{id}\") {{ version }} }}");
            app.gql(who, &query, Value::Null).await.ok()["it"]["version"].as_i64().unwrap()
        }
        None => 0,
    };
    let document = sample::document(table, operation, id.as_deref(), version, Some(&body), false);
    app.gql(who, &document, Value::Null).await.ok()["it"].clone()
}

/// What a story leaves behind.
struct Told {
    need: Value,
    step: Value,
    solution: Value,
}

/// A statement becomes a need, the need gets its root cause, the cause its solution, and the solution its first step.
async fn told(app: &App) -> Told {
    let ours = &app.world.ours;
    let lead = &ours.lead;
    let (employer, champion) = (app.world.who(Role::Employer), app.world.who(Role::Champion));
    let (college, union) = (app.world.who(Role::Institution), app.world.who(Role::Union));
    let house = |role: Role| json!(ours.organization[&role]);
    let said = json!({
        "employerOrganizationId": house(Role::Employer), "text": "We lose people after the first winter.",
        "saidOn": "2026-01-12", "setting": "meeting",
    });
    let said = done(app, lead, Op::CreateEmployerStatement, None, said).await;
    done(app, employer, Op::ConfirmEmployerStatement, Some(&said), json!({})).await;
    done(app, college, Op::HearEmployerStatement, Some(&said), json!({})).await;
    let need = json!({
        "title": "People leave in the first year", "problemStatement": "Half of those we hire.", "kind": "retention",
        "sourceStatementIds": [said["id"]],
    });
    let need = done(app, employer, Op::CreateNeed, None, need).await;
    for (role, who, importance) in [(Role::Employer, employer, 5), (Role::Champion, champion, 4)] {
        let voice = json!({ "needId": need["id"], "organizationId": house(role), "importance": importance });
        done(app, who, Op::CreateEndorsement, None, voice).await;
    }
    let doubt = json!({ "kind": "doubt", "text": "Will anybody stay for that?", "needId": need["id"], "masked": true });
    let doubt = done(app, union, Op::CreateInput, None, doubt).await;
    done(app, lead, Op::AnswerInput, Some(&doubt), json!({ "answer": "Those who had a mentor did." })).await;
    let surface = json!({ "needId": need["id"], "level": "surface", "text": "The second shift" });
    let surface = done(app, college, Op::CreateCause, None, surface).await;
    let root = json!({ "needId": need["id"], "parentId": surface["id"], "level": "root", "text": "Nobody shows them" });
    let root = done(app, college, Op::CreateCause, None, root).await;
    done(app, lead, Op::TestCause, Some(&root), json!({ "evidence": "Eleven exit talks." })).await;
    for (role, who) in [(Role::Employer, employer), (Role::Champion, champion)] {
        let word = json!({ "causeId": root["id"], "organizationId": house(role) });
        done(app, who, Op::CreateCauseConfirmation, None, word).await;
    }
    let claim = json!({
        "kind": "claim", "claimType": "tried_before", "text": "We had mentors in 2016.", "attemptedYear": 2016,
        "needId": need["id"],
    });
    let claim = done(app, employer, Op::CreateInput, None, claim).await;
    // The claim opened it.
    let look = json!({ "id": claim["secondLookId"] });
    let answers = json!({
        "problemAimedAt": "Too few applicants", "problemDefinedBy": "The college", "peopleServed": "Eleven adults",
        "whatHappened": "Two finished", "whyItStopped": "The money ended", "whatDiffersNow": "Employers pay the hours",
    });
    done(app, lead, Op::UpdateSecondLook, Some(&look), answers).await;
    done(app, employer, Op::ReviewSecondLook, Some(&look), json!({})).await;
    done(app, employer, Op::ConcludeSecondLook, Some(&look), json!({ "finding": "adaptable" })).await;
    let offer = json!({ "causeId": root["id"], "organizationId": house(Role::Institution), "text": "Twelve places" });
    let offer = done(app, college, Op::CreateOffer, None, offer).await;
    done(app, lead, Op::ExploreOffer, Some(&offer), json!({})).await;
    let plan = json!({
        "origin": "need_led", "title": "Mentors for the first year", "text": "Each newcomer has one on the floor.",
        "needIds": [need["id"]], "causeIds": [root["id"]], "secondLookIds": [look["id"]],
        "designerOrganizationIds": [house(Role::Employer), house(Role::Institution)],
        "alternativesConsidered": ["A bonus after six months"],
    });
    let solution = done(app, college, Op::CreateSolution, None, plan).await;
    done(app, employer, Op::TakeOnSolution, Some(&solution), json!({})).await;
    done(app, college, Op::DesignSolution, Some(&solution), json!({})).await;
    for (role, who, score) in [(Role::Employer, employer, 5), (Role::Champion, champion, 4)] {
        let fit = json!({
            "solutionId": solution["id"], "needId": need["id"], "organizationId": house(role), "score": score,
        });
        done(app, who, Op::CreateFitScore, None, fit).await;
    }
    let word = json!({ "solutionId": solution["id"], "organizationId": house(Role::Employer) });
    done(app, employer, Op::CreateSolutionApproval, None, word).await;
    let goal = json!({ "statement": "People who start with us stay", "horizon": "long" });
    let goal = done(app, lead, Op::CreateGoal, None, goal).await;
    done(app, employer, Op::AgreeGoal, Some(&goal), json!({})).await;
    let step = json!({
        "title": "Name the mentors", "goalId": goal["id"], "solutionId": solution["id"],
        "leadOrganizationId": house(Role::Institution),
    });
    let step = done(app, lead, Op::CreatePlanStep, None, step).await;
    done(app, college, Op::AcceptPlanStep, Some(&step), json!({})).await;
    let step = done(app, college, Op::StartPlanStep, Some(&step), json!({})).await;
    let solution = done(app, lead, Op::StartSolution, Some(&solution), json!({})).await;
    Told { need, step, solution }
}

/// What can be reached from a record along the links of a trace, or against them.
fn reached(trace: &Value, from: &Value, against: bool) -> BTreeSet<String> {
    let (start, end) = if against { ("to", "from") } else { ("from", "to") };
    let mut found = BTreeSet::from([text(from).to_owned()]);
    loop {
        let before = found.len();
        for link in trace["links"].as_array().unwrap() {
            if found.contains(text(&link[start])) {
                found.insert(text(&link[end]).to_owned());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn node<'t>(trace: &'t Value, kind: &str) -> &'t Value {
    let mut nodes = trace["nodes"].as_array().unwrap().iter();
    nodes.find(|node| node["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {trace}"))
}

cases! {
    /// Practices 11, 15, 24, 29 and 30: told through GraphQL, read back over REST.
    async fn from_what_an_employer_said_to_a_step_under_way_and_back(app: App) {
        let told = told(&app).await;
        assert_eq!((&told.step["state"], &told.solution["state"]), (&json!("STARTED"), &json!("IMPLEMENTING")));
        let path = format!("/v1/needs/{}/trace", text(&told.need["id"]));
        let trace = app.get(&app.world.ours.lead, &path).await;
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        for node in trace["nodes"].as_array().unwrap() {
            *counted.entry(text(&node["kind"])).or_default() += 1;
        }
        let expected = [
            ("Cause", 2), ("EmployerStatement", 1), ("Goal", 1), ("Input", 2), ("Need", 1), ("Offer", 1), ("PlanStep", 1),
            ("SecondLook", 1), ("Solution", 1),
        ];
        assert_eq!(counted.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(node(&trace, "Need")["state"], "solving");
        assert_eq!(node(&trace, "PlanStep")["state"], "started");
        assert_eq!(node(&trace, "EmployerStatement")["state"], "confirmed");
        // Forward, from what was said to the goal it serves; backward, from the step to the words it began with.
        let forward = reached(&trace, &node(&trace, "EmployerStatement")["id"], false);
        for kind in ["Need", "Solution", "PlanStep", "Goal"] {
            assert!(forward.contains(text(&node(&trace, kind)["id"])), "{kind} is not reached: {trace}");
        }
        let backward = reached(&trace, &told.step["id"], true);
        let known: BTreeSet<String> =
            trace["nodes"].as_array().unwrap().iter().map(|node| text(&node["id"]).to_owned()).collect();
        let goal = text(&node(&trace, "Goal")["id"]);
        let beyond: Vec<&String> = known.difference(&backward).filter(|id| *id != goal).collect();
        assert!(beyond.is_empty(), "{beyond:?} led to the step and are not found from it: {trace}");
        // And onward on the same record.
        let need = app.get(&app.world.ours.lead, &format!("/v1/needs/{}", text(&told.need["id"]))).await;
        assert_eq!((&need["state"], &need["endorsements"]), (&json!("solving"), &json!(2)));
        let outcome = json!({ "outcome": "Nine mentors" });
        done(&app, app.world.who(Role::Institution), Op::CompletePlanStep, Some(&told.step), outcome).await;
        let delivered = done(&app, &app.world.ours.lead, Op::DeliverSolution, Some(&told.solution), json!({})).await;
        assert_eq!(delivered["state"], "DELIVERED");
        let met = done(&app, app.world.who(Role::Employer), Op::MeetNeed, Some(&told.need), json!({})).await;
        assert_eq!(met["state"], "MET");
    }

    /// Practice 29: the cost of a trace does not grow with what hangs on the need.
    async fn a_trace_takes_as_many_statements_for_fifty_records_as_for_one(app: App) {
        let (lead, college) = (&app.world.ours.lead, app.world.who(Role::Institution));
        let need = json!({ "title": "Alone", "problemStatement": "For now.", "kind": "other" });
        let need = app.make(app.world.who(Role::Employer), "/v1/needs", need).await;
        let path = format!("/v1/needs/{}/trace", text(&need["id"]));
        let mut took = Vec::new();
        let mut size = 1;
        for wanted in [1, 10, 50] {
            while size < wanted {
                let body = match size % 3 {
                    0 => ("/v1/offers", json!({
                        "needId": need["id"], "organizationId": app.world.ours.organization[&Role::Institution],
                        "text": "Places",
                    })),
                    1 => ("/v1/causes", json!({ "needId": need["id"], "level": "surface", "text": "Why" })),
                    _ => ("/v1/inputs", json!({ "needId": need["id"], "kind": "question", "text": "When?" })),
                };
                app.make(college, body.0, body.1).await;
                size += 1;
            }
            let trace = app.get(lead, &path).await;
            assert_eq!(trace["nodes"].as_array().unwrap().len(), wanted);
            if let Some(listened) = wire::listened(&app).await {
                let least = listened.least(|| async { drop(listened.app.get(lead, &path).await) }).await;
                took.push(least);
            }
        }
        if app.backend == Backend::Postgres {
            assert!(took.iter().all(|count| *count == took[0] && (1..=12).contains(count)), "{took:?}");
        }
    }

    /// Practice 5.
    async fn the_intermediary_reaches_out_and_invites_until_a_firm_joins(app: App) {
        let lead = &app.world.ours.lead;
        let firm = app.make(lead, "/v1/organizations", json!({ "name": "Hesitant Works", "kind": "employer" })).await;
        let prospect = app.make(lead, "/v1/partners", json!({ "organizationId": firm["id"] })).await;
        assert_eq!(prospect["state"], "prospect");
        let touch = json!({
            "organizationId": firm["id"], "channel": "visit", "purpose": "recruit", "touchedOn": "2026-01-09",
            "result": "They want to see a meeting first.", "nextOn": "2026-02-01",
        });
        let touch = app.make(lead, "/v1/outreach-touches", touch).await;
        app.rest(app.world.who(Role::Union), "GET", &format!("/v1/outreach-touches/{}", text(&touch["id"]))).send().await
            .refused(404, "NOT_FOUND");
        let invited = app.act(lead, &prospect, "/v1/partners", "invite", json!({})).await;
        let joined = app.act(lead, &invited, "/v1/partners", "join", json!({})).await;
        assert_eq!((&invited["state"], &joined["state"]), (&json!("invited"), &json!("active")));
    }

    /// Practice 6.
    async fn the_intermediary_calls_meetings_and_answers_what_partners_bring(app: App) {
        let (lead, union) = (&app.world.ours.lead, app.world.who(Role::Union));
        let meeting = json!({
            "title": "What the union asks", "kind": "partnership", "mode": "action", "objective": "Answer its question",
            "startsAt": "2027-02-09T15:00:00Z", "durationMinutes": 60, "timeZone": "America/Chicago",
        });
        app.rest(union, "POST", "/v1/meetings").json(meeting.clone()).send().await.refused(403, "FORBIDDEN");
        let meeting = app.make(lead, "/v1/meetings", meeting).await;
        let question = json!({ "kind": "question", "text": "Who pays the mentors?" });
        let question = app.make(union, "/v1/inputs", question).await;
        let item = json!({ "meetingId": meeting["id"], "title": "Who pays", "kind": "listening", "minutes": 30 });
        app.make(lead, "/v1/agenda-items", item).await;
        let called = app.act(lead, &meeting, "/v1/meetings", "schedule", json!({})).await;
        assert_eq!(called["state"], "scheduled");
        app.get(union, &format!("/v1/meetings/{}", text(&meeting["id"]))).await;
        let answered = app.act(lead, &question, "/v1/inputs", "answer", json!({ "answer": "Each employer its own." })).await;
        assert_eq!((&answered["state"], answered.get("answeredOn").is_some()), (&json!("answered"), true));
    }

    /// Practice 18.
    async fn a_curriculum_on_the_shelf_is_on_the_map_with_its_reason(app: App) {
        let college = app.world.who(Role::Institution);
        let shelved = json!({
            "entryKind": "asset", "name": "Tooling curriculum of 2016", "status": "shelved",
            "ownerOrganizationId": app.world.ours.organization[&Role::Institution], "developedOn": "2016-03-01",
            "lastUsedOn": "2018-06-30", "shelvedReason": "The teacher retired",
        });
        let entry = app.make(college, "/v1/resources", shelved).await;
        app.act(college, &entry, "/v1/resources", "publish", json!({})).await;
        let union = app.world.who(Role::Union);
        let path = "/v1/resources?entryKind=asset&status=shelved&developedOnBefore=2017-01-01&q=tooling&total=true";
        let found = app.get(union, path).await;
        assert_eq!((&found["totalCount"], &found["items"][0]["shelvedReason"]), (&json!(1), &json!("The teacher retired")));
        let again = app.get(union, &format!("/v1/resources?lastUsedOnFrom=2019-01-01&id={}", text(&entry["id"]))).await;
        assert_eq!(again["items"], json!([]));
    }

    /// Practices 19 and 20: what did not work is named without blame, and can be looked at once more.
    async fn a_second_look_finds_that_the_solution_was_the_wrong_one(app: App) {
        let (lead, employer) = (&app.world.ours.lead, app.world.who(Role::Employer));
        let look = json!({
            "subject": "The evening course of 2016", "problemAimedAt": "Too few applicants",
            "problemDefinedBy": "The college", "peopleServed": "Eleven adults", "whatHappened": "Two finished",
            "whyItStopped": "The money ended", "whatDiffersNow": "Employers pay the hours",
        });
        let look = app.make(lead, "/v1/second-looks", look).await;
        let look = app.act(employer, &look, "/v1/second-looks", "review", json!({})).await;
        let path = format!("/v1/second-looks/{}/conclude", text(&look["id"]));
        let unexplained = app.rest(employer, "POST", &path).version(look["version"].as_i64().unwrap());
        let unexplained = unexplained.json(json!({ "finding": "not_a_solution" })).send().await;
        unexplained.refuses_member("/failureReason", "required");
        let found = json!({ "finding": "not_a_solution", "failureReason": "wrong_solution" });
        let found = app.act(employer, &look, "/v1/second-looks", "conclude", found).await;
        assert_eq!((&found["state"], &found["failureReason"]), (&json!("concluded"), &json!("wrong_solution")));
        let why = json!({ "reason": "The shops changed since." });
        let again = app.act(lead, &found, "/v1/second-looks", "reopen", why).await;
        assert_eq!((&again["state"], again.get("failureReason").is_some()), (&json!("gathering"), false));
    }
}
