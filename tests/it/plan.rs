//! The plan and what gives a partnership its direction: versions that employers bring into force, teams that take their
//! work on, actions tied to goals. Refusals are asked for at both doors.

use chrono::{Days, TimeDelta, Utc};
use roundtable_entity::event;
use roundtable_kernel::op::Op;
use roundtable_kernel::standing::Role;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::direction::{
    act, adopted, approval, champion, confirm, designed, employer, endorse, house, input, need, now, plan, said,
    shared_need, tested_root,
};
use crate::harness::client::text;
use crate::harness::{App, Who, refused};

/// All employers at the table have to approve.
async fn everybody_decides(app: &App) {
    let setting = json!({ "key": "plan_quorum", "value": "1", "reason": "we decide together" });
    app.make(&app.world.ours.lead, "/v1/policy-settings", setting).await;
}

/// The plan that is in force.
async fn plan_in_force(app: &App) -> Value {
    let found = app.get(&app.world.ours.lead, "/v1/plan-versions?state=in_force&total=true").await;
    assert_eq!(found["totalCount"], 1, "{found}");
    found["items"][0].clone()
}

async fn goal(app: &App, horizon: &str) -> Value {
    app.make(&app.world.ours.lead, "/v1/goals", json!({ "statement": "People stay", "horizon": horizon })).await
}

async fn step(app: &App, goal: &Value, lead: Role) -> Value {
    let step = json!({ "title": "Name mentors", "goalId": goal["id"], "leadOrganizationId": house(app, lead) });
    app.make(&app.world.ours.lead, "/v1/plan-steps", step).await
}

async fn team(app: &App, goal: &Value, lead: Role) -> Value {
    let team = json!({
        "name": "Mentors", "purpose": "Find them", "goalId": goal["id"], "leadOrganizationId": house(app, lead),
    });
    app.make(&app.world.ours.lead, "/v1/action-teams", team).await
}

/// A draft that holds these steps and rests on an input.
async fn draft(app: &App, who: &Who, steps: &[&Value]) -> Value {
    let idea = input(app, app.world.who(Role::Union), "idea", json!({})).await;
    let steps: Vec<&Value> = steps.iter().map(|step| &step["id"]).collect();
    let body = json!({ "summary": "Mentors on every shift", "stepIds": steps, "basisInputIds": [idea["id"]] });
    app.make(who, "/v1/plan-versions", body).await
}

fn word_for(app: &App, role: Role, version: &Value) -> Value {
    json!({ "planVersionId": version["id"], "organizationId": house(app, role) })
}

async fn approve(app: &App, role: Role, version: &Value) -> Value {
    app.make(app.world.who(role), "/v1/plan-approvals", word_for(app, role, version)).await
}

async fn told(app: &App, kind: &str) -> u64 {
    event::Entity::find().filter(event::Column::Kind.eq(kind)).count(app.server.app.store.read()).await.unwrap()
}

async fn sweep(app: &App) {
    roundtable_server::serve::sweep(&app.server.app).await.unwrap();
}

fn path_of(collection: &str, record: &Value, rest: &str) -> String {
    format!("/v1/{collection}/{}{rest}", text(&record["id"]))
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| text(&one["id"])).collect()
}

fn partnership(app: &App, rest: &str) -> String {
    format!("/v1/partnerships/{}/{rest}", app.world.ours.id)
}

async fn partner_of(app: &App, role: Role) -> Value {
    let organization = app.world.ours.organization[&role];
    let found = app.get(&app.world.ours.lead, &format!("/v1/partners?organizationId={organization}")).await;
    found["items"][0].clone()
}

cases! {
    /// Practices 4 and 8.
    async fn employers_bring_a_plan_into_force_each_with_one_voice_and_the_intermediary_has_none(app: App) {
        everybody_decides(&app).await;
        let before = plan_in_force(&app).await;
        let version = draft(&app, app.world.who(Role::Institution), &[]).await;
        assert_eq!((&version["state"], &version["followsId"]), (&json!("draft"), &before["id"]));
        let (op, word) = (Op::CreatePlanApproval, word_for(&app, Role::Employer, &version));
        for who in [&app.world.ours.lead, &app.world.service, app.world.who(Role::IntermediaryStaff)] {
            refused(&app, who, op, None, word.clone(), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        }
        refused(&app, app.world.who(Role::Union), op, None, word.clone(), 403, "EMPLOYER_ONLY").await;
        refused(&app, champion(&app), op, None, word.clone(), 403, "NOT_YOURS").await;
        app.make(employer(&app), "/v1/plan-approvals", word.clone()).await;
        refused(&app, employer(&app), op, None, word, 409, "ONE_VOICE_PER_ORGANIZATION").await;
        let half = now(&app, "plan-versions", &version).await;
        assert_eq!((&half["state"], &half["approvals"], &half["approvalsNeeded"]), (&json!("draft"), &json!(1), &json!(2)));
        let observer = app.world.who(Role::Observer);
        app.rest(observer, "GET", &path_of("plan-versions", &version, "")).is(404).await;
        app.get(observer, &path_of("plan-versions", &before, "")).await;
        approve(&app, Role::Champion, &version).await;
        assert_eq!(plan_in_force(&app).await["id"], version["id"]);
        assert_eq!(now(&app, "plan-versions", &before).await["state"], "superseded");
        app.rest(observer, "GET", &path_of("plan-versions", &before, "")).is(404).await;
        let seen = app.get(observer, &path_of("plan-versions", &version, "")).await;
        assert_eq!((&seen["basisInputIds"], seen.get("followsId")), (&json!([]), None));
        assert_eq!(told(&app, "plan_version.in_force").await, 3, "one in each partnership of the world, and this");
    }

    /// Practice 8: approvals can be taken back while the version is a draft, and what employers approve is not reworded.
    async fn an_approval_is_taken_back_before_the_plan_is_in_force_and_holds_its_words(app: App) {
        everybody_decides(&app).await;
        let lead = &app.world.ours.lead;
        let version = draft(&app, lead, &[]).await;
        let given = approve(&app, Role::Employer, &version).await;
        let approved = now(&app, "plan-versions", &version).await;
        let patch = json!({ "summary": "Something else" });
        refused(&app, lead, Op::UpdatePlanVersion, Some(&approved), patch.clone(), 409, "WRONG_STATE").await;
        refused(&app, lead, Op::ArchivePlanVersion, Some(&approved), Value::Null, 409, "WRONG_STATE").await;
        app.act(employer(&app), &given, "/v1/plan-approvals", "withdraw", json!({})).await;
        let open = now(&app, "plan-versions", &version).await;
        assert_eq!(open["approvals"], 0);
        app.patch(lead, &open, "/v1/plan-versions", patch).await.is(200);
        refused(&app, app.world.who(Role::Union), Op::UpdatePlanVersion, Some(&open), json!({ "summary": "x" }), 403, "NOT_YOURS").await;
    }

    /// Practice 41: the plan evolves from new input, and says from which.
    async fn an_amendment_rests_on_inputs_second_looks_or_statements(app: App) {
        let lead = &app.world.ours.lead;
        let (goal, need) = (goal(&app, "long").await, need(&app, employer(&app)).await);
        let bare = json!({ "summary": "As we like it", "goalIds": [goal["id"]], "basisNeedIds": [need["id"]] });
        refused(&app, lead, Op::CreatePlanVersion, None, bare.clone(), 422, "BASIS_REQUIRED").await;
        let statement = app.make(lead, "/v1/employer-statements", said(&app)).await;
        let mut body = bare;
        body["basisStatementIds"] = json!([statement["id"]]);
        refused(&app, lead, Op::CreatePlanVersion, None, body.clone(), 409, "STATEMENT_UNCONFIRMED").await;
        // To others an unconfirmed statement is not there.
        let unknown = app.rest(app.world.who(Role::Union), "POST", "/v1/plan-versions").json(body.clone()).send().await;
        unknown.refuses_member("/basisStatementIds/0", "not_found");
        act(&app, employer(&app), "employer-statements", &statement, "confirm", json!({})).await;
        let version = app.make(app.world.who(Role::Union), "/v1/plan-versions", body).await;
        assert_eq!(ids(&version["goals"]), [text(&goal["id"])]);
        refused(&app, lead, Op::UpdatePlanVersion, Some(&version), json!({ "basisStatementIds": [] }), 422, "BASIS_REQUIRED").await;
    }

    /// Practice 41: old versions stay readable, and what changed between two can be told.
    async fn a_version_stays_as_it_was_and_the_difference_is_told_member_by_member(app: App) {
        let lead = &app.world.ours.lead;
        let goal = goal(&app, "long").await;
        let (kept, gone, came) = (
            step(&app, &goal, Role::Institution).await,
            step(&app, &goal, Role::Union).await,
            step(&app, &goal, Role::Employer).await,
        );
        let first = draft(&app, lead, &[&kept, &gone]).await;
        approve(&app, Role::Employer, &first).await;
        let due = Utc::now().date_naive() + Days::new(30);
        let change = json!({ "title": "Name two mentors", "dueOn": due });
        app.patch(lead, &kept, "/v1/plan-steps", change).await.is(200);
        let second = draft(&app, lead, &[&kept, &came]).await;
        assert_eq!(now(&app, "plan-versions", &first).await["steps"], first["steps"]);
        let diff = app.get(lead, &path_of("plan-versions", &second, "/diff")).await;
        assert_eq!((&diff["against"], &diff["number"]), (&first["id"], &second["number"]));
        assert_eq!(ids(&diff["stepsAdded"]), [text(&came["id"])]);
        assert_eq!(ids(&diff["stepsRemoved"]), [text(&gone["id"])]);
        let members = json!([
            { "member": "title", "was": "Name mentors", "became": "Name two mentors" },
            { "member": "dueOn", "became": due },
        ]);
        assert_eq!(diff["stepsChanged"], json!([{ "id": kept["id"], "members": members }]));
        assert_eq!(diff["basisAdded"], json!([{ "id": second["basisInputIds"][0], "kind": "Input" }]));
        let query = format!(
            "{{ planVersionDiff(id: {}, against: {}) {{ stepsAdded {{ id title state }} stepsChanged {{ id }} \
             goalsAdded {{ id }} basisAdded {{ id kind }} }} }}",
            second["id"], first["id"]
        );
        let graph = app.gql(lead, &query, Value::Null).await.ok()["planVersionDiff"].clone();
        assert_eq!(ids(&graph["stepsAdded"]), [text(&came["id"])]);
        assert_eq!((&graph["basisAdded"], &graph["goalsAdded"]), (&diff["basisAdded"], &json!([])));
        // Observers know of the version in force only, and not of what it rests on.
        let observer = app.world.who(Role::Observer);
        app.rest(observer, "GET", &path_of("plan-versions", &second, "/diff")).is(404).await;
        let alone = app.get(observer, &path_of("plan-versions", &first, "/diff")).await;
        assert_eq!((alone.get("against"), &alone["basisAdded"], &alone["goalsAdded"]), (None, &json!([]), &json!([])));
        let hidden = path_of("plan-versions", &first, &format!("/diff?against={}", text(&second["id"])));
        app.rest(observer, "GET", &hidden).send().await.refuses_member("/against", "not_found");
    }

    /// Practice 41: whoever wrote from an older plan would undo what the newer one changed.
    async fn a_draft_that_follows_a_plan_since_replaced_is_written_anew_before_it_is_approved(app: App) {
        let lead = &app.world.ours.lead;
        let (older, newer) = (draft(&app, lead, &[]).await, draft(&app, lead, &[]).await);
        approve(&app, Role::Employer, &newer).await;
        let word = word_for(&app, Role::Employer, &older);
        refused(&app, employer(&app), Op::CreatePlanApproval, None, word, 409, "WRONG_STATE").await;
        let again = app.patch(lead, &older, "/v1/plan-versions", json!({ "summary": "With both" })).await;
        assert_eq!(again.is(200)["followsId"], newer["id"]);
        approve(&app, Role::Employer, &older).await;
        assert_eq!(plan_in_force(&app).await["id"], older["id"]);
    }

    /// However many are approved at once, one plan is in force.
    async fn of_drafts_approved_at_once_one_comes_into_force(app: App) {
        let mut drafts = Vec::new();
        for _ in 0..6 {
            drafts.push(draft(&app, &app.world.ours.lead, &[]).await);
        }
        let send = |version: &Value| {
            app.rest(employer(&app), "POST", "/v1/plan-approvals").json(word_for(&app, Role::Employer, version)).send()
        };
        let answers = futures_util::future::join_all(drafts.iter().map(send)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert!(matches!(answer.code(), "WRONG_STATE" | "ALREADY_EXISTS" | "UNAVAILABLE"), "{}", answer.body);
        }
        assert!(ids(&json!(drafts)).contains(&text(&plan_in_force(&app).await["id"])));
    }

    /// Practice 8: a voice counts as long as its employer is at the table, and so does the quorum.
    async fn an_employer_that_rests_is_no_longer_waited_for(app: App) {
        everybody_decides(&app).await;
        let version = draft(&app, &app.world.ours.lead, &[]).await;
        approve(&app, Role::Employer, &version).await;
        assert_eq!(now(&app, "plan-versions", &version).await["state"], "draft");
        let partner = partner_of(&app, Role::Champion).await;
        act(&app, &app.world.ours.lead, "partners", &partner, "rest", json!({})).await;
        assert_eq!(plan_in_force(&app).await["id"], version["id"]);
    }

    /// Practice 41: the plan starts at once (`PLAN_NOT_STARTED`).
    async fn a_plan_of_which_no_step_starts_in_time_is_told_of_once(app: App) {
        let goal = goal(&app, "long").await;
        let step = step(&app, &goal, Role::Institution).await;
        let version = draft(&app, &app.world.ours.lead, &[&step]).await;
        approve(&app, Role::Employer, &version).await;
        sweep(&app).await;
        assert_eq!(now(&app, "plan-versions", &version).await["notStarted"], false);
        app.server.app.clock.advance(TimeDelta::days(31));
        let before = told(&app, "plan_version.not_started").await;
        sweep(&app).await;
        sweep(&app).await;
        // The other partnership's plan did not start either.
        assert_eq!(told(&app, "plan_version.not_started").await, before + 2);
        let late = app.get(app.world.who(Role::Union), "/v1/plan-versions?notStarted=true").await;
        assert_eq!(ids(&late["items"]), [text(&version["id"])]);
        let college = app.world.who(Role::Institution);
        act(&app, college, "plan-steps", &step, "accept", json!({})).await;
        act(&app, college, "plan-steps", &step, "start", json!({})).await;
        let started = now(&app, "plan-versions", &version).await;
        assert_eq!((&started["notStarted"], started.get("startedOn").is_some()), (&json!(false), true));
        sweep(&app).await;
        assert_eq!(now(&app, "plan-versions", &version).await["version"], started["version"]);
    }

    /// Practices 7, 52 and 61.
    async fn a_team_is_taken_on_by_its_lead_and_joined_by_each_organisation_itself(app: App) {
        let lead = &app.world.ours.lead;
        let near = goal(&app, "short").await;
        let body = json!({ "name": "M", "purpose": "P", "goalId": near["id"], "leadOrganizationId": house(&app, Role::Union) });
        app.rest(lead, "POST", "/v1/action-teams").json(body).send().await.refuses_member("/goalId", "unconnected");
        let goal = goal(&app, "long").await;
        let team = team(&app, &goal, Role::Union).await;
        let (union, college) = (app.world.who(Role::Union), app.world.who(Role::Institution));
        refused(&app, lead, Op::AcceptActionTeam, Some(&team), json!({}), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, college, Op::AcceptActionTeam, Some(&team), json!({}), 403, "NOT_YOURS").await;
        refused(&app, lead, Op::JoinActionTeam, Some(&team), json!({}), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        let other = json!({ "leadOrganizationId": house(&app, Role::Champion) });
        let team = act(&app, union, "action-teams", &team, "accept", json!({})).await;
        refused(&app, lead, Op::UpdateActionTeam, Some(&team), other, 409, "WRONG_STATE").await;
        let team = act(&app, college, "action-teams", &team, "join", json!({})).await;
        assert_eq!(team["memberOrganizationIds"], json!([house(&app, Role::Institution)]));
        refused(&app, college, Op::JoinActionTeam, Some(&team), json!({}), 409, "ALREADY_EXISTS").await;
        refused(&app, union, Op::LeaveActionTeam, Some(&team), json!({}), 409, "WRONG_STATE").await;
        let team = act(&app, college, "action-teams", &team, "leave", json!({})).await;
        assert_eq!(team["memberOrganizationIds"], json!([]));
    }

    /// Practice 61: leads of a team have rights on its steps, whatever their side, and on no others.
    async fn a_teams_lead_works_on_its_steps_and_takes_none_of_them_on(app: App) {
        let lead = &app.world.ours.lead;
        let (union, college) = (app.world.who(Role::Union), app.world.who(Role::Institution));
        let goal = goal(&app, "long").await;
        let (team, elsewhere) = (team(&app, &goal, Role::Union).await, step(&app, &goal, Role::Institution).await);
        let own = step(&app, &goal, Role::Institution).await;
        let own = app.patch(lead, &own, "/v1/plan-steps", json!({ "actionTeamId": team["id"] })).await.is(200).clone();
        let change = json!({ "title": "Name three mentors" });
        // Offered is not taken on.
        refused(&app, union, Op::UpdatePlanStep, Some(&own), change.clone(), 403, "NOT_YOURS").await;
        act(&app, union, "action-teams", &team, "accept", json!({})).await;
        let own = now(&app, "plan-steps", &own).await;
        assert_eq!(own["teamLeadOrganizationId"], house(&app, Role::Union));
        app.patch(union, &own, "/v1/plan-steps", change.clone()).await.is(200);
        refused(&app, union, Op::UpdatePlanStep, Some(&elsewhere), change.clone(), 403, "NOT_YOURS").await;
        let own = now(&app, "plan-steps", &own).await;
        for op in [Op::AcceptPlanStep, Op::DeclinePlanStep] {
            refused(&app, union, op, Some(&own), json!({}), 403, "NOT_YOURS").await;
        }
        refused(&app, union, Op::DropPlanStep, Some(&own), json!({ "reason": "Not now." }), 403, "NOT_YOURS").await;
        refused(&app, union, Op::StartPlanStep, Some(&own), json!({}), 409, "RESPONSIBILITY_NOT_ACCEPTED").await;
        act(&app, college, "plan-steps", &own, "accept", json!({})).await;
        act(&app, union, "plan-steps", &own, "start", json!({})).await;
        let why = json!({ "reason": "Its work is done." });
        act(&app, union, "action-teams", &team, "end", why).await;
        let own = now(&app, "plan-steps", &own).await;
        let again = app.patch(college, &own, "/v1/plan-steps", json!({ "title": "Name them" })).await;
        let own = again.is(200).clone();
        refused(&app, union, Op::CompletePlanStep, Some(&own), json!({ "outcome": "Three named" }), 403, "NOT_YOURS").await;
        act(&app, college, "plan-steps", &own, "complete", json!({ "outcome": "Three named" })).await;
    }

    /// Practices 2 and 7.
    async fn what_serves_no_living_goal_is_listed_as_unconnected(app: App) {
        let lead = &app.world.ours.lead;
        let far = goal(&app, "long").await;
        let near = json!({ "statement": "Mentors named", "horizon": "short", "parentGoalId": far["id"] });
        let near = app.make(lead, "/v1/goals", near).await;
        let (step, team) = (step(&app, &near, Role::Institution).await, team(&app, &near, Role::Union).await);
        let item = json!({ "ownerOrganizationId": house(&app, Role::Union), "title": "Ask around", "goalId": near["id"] });
        let item = app.make(lead, "/v1/action-items", item).await;
        let made = [("plan-steps", &step), ("action-teams", &team), ("action-items", &item)];
        let listed = |collection: &str, record: &Value, unconnected: bool| {
            path_of(collection, &json!({ "id": "" }), "").trim_end_matches('/').to_owned()
                + &format!("?id={}&unconnected={unconnected}&total=true", text(&record["id"]))
        };
        for (collection, record) in made {
            assert_eq!(app.get(lead, &listed(collection, record, true)).await["totalCount"], 0, "{collection}");
            assert_eq!(app.get(lead, &listed(collection, record, false)).await["totalCount"], 1, "{collection}");
        }
        let before = app.get(lead, &partnership(&app, "direction")).await;
        // The goal it leads to is given up, so it leads nowhere.
        act(&app, employer(&app), "goals", &far, "retire", json!({ "reason": "Another way" })).await;
        for (collection, record) in made {
            assert_eq!(app.get(lead, &listed(collection, record, true)).await["totalCount"], 1, "{collection}");
            assert_eq!(app.get(lead, &listed(collection, record, false)).await["totalCount"], 0, "{collection}");
        }
        let query = format!("{{ planSteps(unconnected: true, id: [{}]) {{ totalCount }} }}", step["id"]);
        assert_eq!(app.gql(lead, &query, Value::Null).await.ok()["planSteps"]["totalCount"], 1);
        let after = app.get(lead, &partnership(&app, "direction")).await;
        let count = |direction: &Value| direction["unconnected"]["count"].as_i64().unwrap();
        assert_eq!(count(&after), count(&before) + 3);
        let named = ids(&after["unconnected"]["records"]);
        assert!(made.iter().all(|(_, record)| named.contains(&text(&record["id"]))), "{after}");
        assert!(ids(&after["stepsTiedToGoal"]["pulledDownBy"]).contains(&text(&step["id"])));
        let next = json!({ "title": "Next", "goalId": near["id"], "leadOrganizationId": house(&app, Role::Union) });
        app.rest(lead, "POST", "/v1/plan-steps").json(next).send().await.refuses_member("/goalId", "unconnected");
        // To observers a goal that nobody agreed to is not there.
        let agreed = goal(&app, "long").await;
        let other = self::step(&app, &agreed, Role::Union).await;
        let observer = app.world.who(Role::Observer);
        assert_eq!(app.get(observer, &listed("plan-steps", &other, true)).await["totalCount"], 1);
        act(&app, employer(&app), "goals", &agreed, "agree", json!({})).await;
        assert_eq!(app.get(observer, &listed("plan-steps", &other, true)).await["totalCount"], 0);
    }

    /// Practice 1.
    async fn the_direction_score_is_the_mean_of_its_parts_and_names_what_pulls_it_down(app: App) {
        let lead = &app.world.ours.lead;
        let shared = shared_need(&app).await;
        let asked = input(&app, app.world.who(Role::Union), "question", json!({})).await;
        let direction = app.get(lead, &partnership(&app, "direction")).await;
        assert_eq!(direction["status"], "set");
        assert!(ids(&direction["needsWithRoot"]["pulledDownBy"]).contains(&text(&shared["id"])));
        assert_eq!(direction["planReviewed"]["value"], 100);
        assert!(direction.get("inputsOnTime").is_none(), "nothing is due yet: {direction}");
        app.server.app.clock.advance(TimeDelta::days(91));
        let late = app.get(lead, &partnership(&app, "direction")).await;
        assert_eq!((&late["planReviewed"]["value"], &late["inputsOnTime"]["value"]), (&json!(0), &json!(0)));
        assert!(ids(&late["inputsOnTime"]["pulledDownBy"]).contains(&text(&asked["id"])));
        let parts = ["needsWithRoot", "stepsTiedToGoal", "planReviewed", "inputsOnTime"];
        let sum: i64 = parts.iter().map(|part| late[*part]["value"].as_i64().unwrap()).sum();
        assert_eq!(late["score"], sum / 4);
        // Everybody at the table reads the same, and observers what they may know.
        for role in [Role::Employer, Role::Union, Role::Institution, Role::OtherPartner] {
            let seen = app.get(app.world.who(role), &partnership(&app, "direction")).await;
            assert_eq!(seen["score"], late["score"], "{role:?}");
        }
        let outside = app.get(app.world.who(Role::Observer), &partnership(&app, "direction")).await;
        assert!(outside.get("inputsOnTime").is_none(), "{outside}");
        let query = format!("{{ direction(id: \"{}\") {{ score status planReviewed {{ value of reached }} }} }}", app.world.ours.id);
        assert_eq!(app.gql(lead, &query, Value::Null).await.ok()["direction"]["score"], late["score"]);
        let current = plan_in_force(&app).await;
        act(&app, lead, "plan-versions", &current, "review", json!({})).await;
        assert_eq!(app.get(lead, &partnership(&app, "direction")).await["planReviewed"]["value"], 100);
        // An answer that came late stays late.
        act(&app, lead, "inputs", &asked, "answer", json!({ "answer": "Yes." })).await;
        let answered = app.get(lead, &partnership(&app, "direction")).await;
        assert!(ids(&answered["inputsOnTime"]["pulledDownBy"]).contains(&text(&asked["id"])));
    }

    /// Practice 2.
    async fn a_partnership_without_a_goal_has_no_direction(app: App) {
        let lead = &app.world.ours.lead;
        let goals = app.get(lead, "/v1/goals").await;
        for goal in goals["items"].as_array().unwrap() {
            act(&app, employer(&app), "goals", goal, "retire", json!({ "reason": "Given up" })).await;
        }
        let direction = app.get(lead, &partnership(&app, "direction")).await;
        assert_eq!((&direction["status"], direction.get("score")), (&json!("missing"), None));
    }

    /// Practice 14.
    async fn composition_counts_the_sides_and_names_those_that_are_missing(app: App) {
        let lead = &app.world.ours.lead;
        let table = app.get(lead, &partnership(&app, "composition")).await;
        let side = |table: &Value, word: &str| -> Value {
            table["sides"].as_array().unwrap().iter().find(|side| side["side"] == word).unwrap().clone()
        };
        assert_eq!(side(&table, "employer")["active"], 2);
        assert_eq!(side(&table, "labor")["active"], 2);
        assert_eq!(side(&table, "labor")["kinds"].as_array().unwrap().len(), 2);
        let outnumbered = json!({ "kind": "employers_outnumbered", "side": "employer" });
        assert_eq!(table["gaps"], json!([outnumbered]));
        assert_eq!(table["planIsCurrent"], true);
        for role in [Role::Union, Role::LaborAgency] {
            let partner = partner_of(&app, role).await;
            act(&app, lead, "partners", &partner, "rest", json!({})).await;
        }
        let table = app.get(employer(&app), &partnership(&app, "composition")).await;
        assert_eq!((&side(&table, "labor")["active"], &side(&table, "labor")["dormant"]), (&json!(0), &json!(2)));
        assert_eq!(table["gaps"], json!([{ "kind": "labor_seat_empty", "side": "labor" }, outnumbered]));
        let query = format!("{{ composition(id: \"{}\") {{ gaps {{ kind side }} }} }}", app.world.ours.id);
        let graph = app.gql(lead, &query, Value::Null).await;
        assert_eq!(graph.ok()["composition"]["gaps"][0], json!({ "kind": "LABOR_SEAT_EMPTY", "side": "LABOR" }));
    }

    /// Practice 13: nobody designs by being named.
    async fn a_designer_counts_once_it_took_the_design_on(app: App) {
        let need = need(&app, employer(&app)).await;
        let college = app.world.who(Role::Institution);
        let solution = app.make(college, "/v1/solutions", plan(&app, &need)).await;
        assert_eq!(solution["acceptedDesignerIds"], json!([house(&app, Role::Institution)]));
        refused(&app, college, Op::DesignSolution, Some(&solution), json!({}), 409, "DESIGN_NOT_JOINT").await;
        let op = Op::TakeOnSolution;
        refused(&app, &app.world.ours.lead, op, Some(&solution), json!({}), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, champion(&app), op, Some(&solution), json!({}), 403, "NOT_YOURS").await;
        act(&app, employer(&app), "solutions", &solution, "take-on", json!({})).await;
        let designing = act(&app, college, "solutions", &solution, "design", json!({})).await;
        assert_eq!(designing["state"], "designing");
        let without = json!({ "designerOrganizationIds": [house(&app, Role::Institution)] });
        let left = app.patch(college, &designing, "/v1/solutions", without).await.is(200).clone();
        assert_eq!(left["acceptedDesignerIds"], json!([house(&app, Role::Institution)]));
    }

    /// Practice 24: problem, cause, solution, at every moment.
    async fn a_need_that_loses_its_root_cause_is_solved_no_longer(app: App) {
        let shared = shared_need(&app).await;
        let root = tested_root(&app, &shared).await;
        confirm(&app, Role::Employer, &root).await;
        let word = confirm(&app, Role::Champion, &root).await;
        let solution = designed(&app, plan(&app, &shared)).await;
        app.make(employer(&app), "/v1/solution-approvals", approval(&app, Role::Employer, &solution)).await;
        assert_eq!(now(&app, "needs", &shared).await["state"], "solving");
        app.act(champion(&app), &word, "/v1/cause-confirmations", "withdraw", json!({})).await;
        assert_eq!(now(&app, "needs", &shared).await["state"], "shared");
        let solution = now(&app, "solutions", &solution).await;
        let lead = &app.world.ours.lead;
        refused(&app, lead, Op::StartSolution, Some(&solution), json!({}), 409, "ROOT_CAUSE_REQUIRED").await;
        confirm(&app, Role::Champion, &root).await;
        assert_eq!(now(&app, "needs", &shared).await["state"], "solving");
        act(&app, lead, "solutions", &solution, "start", json!({})).await;
    }

    /// Practice 8: a need is put aside by most of those that endorse it, each with one voice.
    async fn a_need_is_parked_and_resumed_by_more_than_half_of_the_employers_that_endorse_it(app: App) {
        let need = shared_need(&app).await;
        let why = json!({ "reason": "Another matter comes first." });
        for _ in 0..2 {
            let asked = act(&app, employer(&app), "needs", &need, "park", why.clone()).await;
            assert_eq!((&asked["state"], &asked["parkVoices"]), (&json!("shared"), &json!(1)));
        }
        let parked = act(&app, champion(&app), "needs", &need, "park", why).await;
        assert_eq!((&parked["state"], &parked["parkVoices"]), (&json!("parked"), &json!(0)));
        let asked = act(&app, champion(&app), "needs", &need, "resume", json!({})).await;
        assert_eq!((&asked["state"], &asked["parkVoices"]), (&json!("parked"), &json!(1)));
        refused(&app, app.world.who(Role::Union), Op::ResumeNeed, Some(&asked), json!({}), 403, "EMPLOYER_ONLY").await;
        let resumed = act(&app, employer(&app), "needs", &need, "resume", json!({})).await;
        assert_eq!(resumed["state"], "shared");
        // Whoever no longer endorses is not counted.
        let alone = self::need(&app, employer(&app)).await;
        endorse(&app, Role::Champion, &alone, 3).await;
        let alone = now(&app, "needs", &alone).await;
        refused(&app, employer(&app), Op::ParkNeed, Some(&alone), json!({ "reason": "Later." }), 409, "ENDORSEMENT_REQUIRED").await;
    }

    /// Practice 29: from the need to the plan that holds its steps.
    async fn a_trace_leads_to_the_plan_in_force_and_its_teams(app: App) {
        let lead = &app.world.ours.lead;
        let (need, solution) = adopted(&app).await;
        let goal = goal(&app, "long").await;
        let team = team(&app, &goal, Role::Union).await;
        let step = json!({
            "title": "Name the mentors", "goalId": goal["id"], "solutionId": solution["id"], "actionTeamId": team["id"],
            "leadOrganizationId": house(&app, Role::Institution),
        });
        let unconnected = format!("/v1/solutions?unconnected=true&id={}&total=true", text(&solution["id"]));
        assert_eq!(app.get(lead, &unconnected).await["totalCount"], 1);
        let step = app.make(lead, "/v1/plan-steps", step).await;
        assert_eq!(app.get(lead, &unconnected).await["totalCount"], 0);
        let version = draft(&app, lead, &[&step]).await;
        let version = app.patch(lead, &version, "/v1/plan-versions", json!({ "basisNeedIds": [need["id"]] })).await.is(200).clone();
        approve(&app, Role::Employer, &version).await;
        let path = format!("/v1/needs/{}/trace", text(&need["id"]));
        let trace = app.get(app.world.who(Role::Union), &path).await;
        let outside = app.get(app.world.who(Role::Observer), &path).await;
        let cited = |trace: &Value| trace["links"].as_array().unwrap().iter().any(|link| link["relation"] == "cited_by");
        assert!(cited(&trace) && !cited(&outside), "what a plan rests on is not for observers: {outside}");
        let links = trace["links"].as_array().unwrap();
        for (from, to, relation) in [(&step, &version, "held_by"), (&team, &step, "works_on"), (&step, &goal, "serves")] {
            assert!(links.contains(&json!({ "from": from["id"], "to": to["id"], "relation": relation })), "{relation}: {trace}");
        }
    }
}
