//! Every code that a rule of the practice refuses with is provoked through both doors, and the intermediary is told at
//! each of them that it does not set the course.

use std::collections::BTreeSet;

use roundtable_entity::Via;
use roundtable_kernel::access::{Reach, rule};
use roundtable_kernel::error::Code;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Arguments;
use roundtable_kernel::standing::Role;
use serde_json::json;

use crate::harness::client::text;
use crate::harness::{cases, refused, sample};

/// Codes of the doors, of sign-in and of records as such. Every other code is a rule of the practice.
const OF_THE_DOORS: &[Code] = &[
    Code::Unauthenticated,
    Code::SignInFailed,
    Code::TokenReused,
    Code::InvitationDead,
    Code::ScopeMissing,
    Code::ActingContextRequired,
    Code::MethodNotAllowed,
    Code::NotAcceptable,
    Code::UnsupportedMediaType,
    Code::BodyTooLarge,
    Code::MalformedBody,
    Code::InvalidInput,
    Code::UnknownParameter,
    Code::InvalidCursor,
    Code::VersionRequired,
    Code::Stale,
    Code::IdempotencyMismatch,
    Code::Archived,
    Code::TooManyRequests,
    Code::QueryTooComplex,
    Code::QueryInvalid,
    Code::Unavailable,
    Code::StorageFull,
    Code::Internal,
    Code::SignInExpired,
    Code::IdentityNotLinked,
    Code::ProviderUnavailable,
    Code::CursorGone,
    Code::ImportChangedSince,
];

/// What sets the course: whoever facilitates has no part in it (practices 4 and 8). Written down apart from the access
/// table, so that a row that loses its word is noticed.
const COURSE: &[Op] = &[
    Op::OfferHours,
    Op::AcceptChampion,
    Op::CreateMissionStatement,
    Op::AnswerAttendance,
    Op::ApproveMinutes,
    Op::AcceptActionItem,
    Op::DeclineActionItem,
    Op::CompleteActionItem,
    Op::ConfirmEmployerStatement,
    Op::CorrectEmployerStatement,
    Op::RejectEmployerStatement,
    Op::VoiceNeed,
    Op::MeetNeed,
    Op::ParkNeed,
    Op::ResumeNeed,
    Op::CreateEndorsement,
    Op::UpdateEndorsement,
    Op::WithdrawEndorsement,
    Op::RejectCause,
    Op::CreateCauseConfirmation,
    Op::WithdrawCauseConfirmation,
    Op::ReviewSecondLook,
    Op::ReplySecondLook,
    Op::ConcludeSecondLook,
    Op::CreateOffer,
    Op::UpdateOffer,
    Op::WithdrawOffer,
    Op::RejectSolution,
    Op::CreateFitScore,
    Op::UpdateFitScore,
    Op::CreateSolutionApproval,
    Op::WithdrawSolutionApproval,
    Op::AgreeGoal,
    Op::RetireGoal,
    Op::AcceptPlanStep,
    Op::DeclinePlanStep,
    Op::StartPlanStep,
    Op::CompletePlanStep,
];

/// Codes that cases ask both doors for.
fn provoked() -> BTreeSet<String> {
    let all = cases::functions();
    // What hands a code on to `refused` asks both doors too.
    let hands_on = |one: &&cases::Function| {
        !one.is_case && cases::calls(&one.body, "refused").iter().any(|call| call.trim_end().ends_with("code"))
    };
    let mut asking: Vec<&str> = all.iter().filter(hands_on).map(|one| one.name.as_str()).collect();
    asking.push("refused");
    let mut codes = BTreeSet::new();
    for case in all.iter().filter(|one| one.is_case) {
        for call in asking.iter().flat_map(|name| cases::calls(&case.body, name)) {
            let words = call.split('"').skip(1).step_by(2);
            codes.extend(words.filter(|word| Code::named(word).is_some()).map(str::to_owned));
        }
    }
    codes
}

#[test]
fn every_code_of_a_rule_is_provoked_through_both_doors() {
    let provoked = provoked();
    let rules = || Code::ALL.iter().filter(|code| !OF_THE_DOORS.contains(code)).map(|code| code.wire());
    let missing: Vec<&str> = rules().filter(|code| !provoked.contains(*code)).collect();
    assert!(missing.is_empty(), "no case asks both doors for {missing:?}; see `refused` in the harness");
    assert!(rules().count() > 30);
}

#[test]
fn what_sets_the_course_is_marked_so_in_the_access_table() {
    let marked: BTreeSet<Op> = Op::ALL.iter().copied().filter(|op| rule(*op).course).collect();
    let unmarked: Vec<&Op> = COURSE.iter().filter(|op| !marked.contains(op)).collect();
    assert!(unmarked.is_empty(), "{unmarked:?} set the course and are not marked");
    for op in &marked {
        for role in [Role::Intermediary, Role::IntermediaryStaff, Role::Operator] {
            assert_eq!(rule(*op).reach(role), Reach::Nothing, "{op:?} {role:?}");
        }
    }
}

cases! {
    /// Practice 4: whoever acts for the intermediary, and through whichever door, is told the same.
    async fn no_account_of_the_intermediary_sets_the_course_through_any_door(app: App) {
        let table = &app.server.app.operations;
        let callers = [&app.world.ours.lead, app.world.who(Role::IntermediaryStaff), &app.world.service];
        let mut tried = 0;
        for operation in table.iter().filter(|one| rule(one.op).course || COURSE.contains(&one.op)) {
            let row = app.world.rows.iter().find(|row| !row.theirs && row.collection == operation.collection);
            let at = row.map(|row| json!({ "id": row.id, "version": row.version }));
            let body = sample::body(table, operation).unwrap_or_else(|| json!({}));
            for who in callers {
                let at = at.as_ref().filter(|_| operation.kind.has_id());
                refused(&app, who, operation.op, at, body.clone(), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
                tried += 1;
            }
        }
        assert!(tried >= 3 * COURSE.len(), "{tried}");
    }

    /// Practice 4: nor does what an import writes, which acts for the intermediary.
    async fn no_import_for_the_intermediary_sets_the_course(app: App) {
        let table = &app.server.app.operations;
        let ctx = roundtable_server::serve::own_ctx(&app.server.app, app.world.ours.id, Via::Import);
        for operation in table.iter().filter(|one| rule(one.op).course || COURSE.contains(&one.op)) {
            let row = app.world.rows.iter().find(|row| !row.theirs && row.collection == operation.collection);
            let row = row.filter(|_| operation.kind.has_id());
            let arguments = Arguments {
                id: row.map(|row| row.id),
                version: row.map(|row| i32::try_from(row.version).unwrap()),
                body: sample::body(table, operation).unwrap_or_default(),
                ..Arguments::default()
            };
            match table.call(&ctx, operation.op, arguments).await {
                Err(error) => assert_eq!(error.code, Code::IntermediaryCannotSetCourse, "{:?}: {error}", operation.op),
                Ok(_) => panic!("an import does {:?}", operation.op),
            }
        }
    }

    async fn a_seat_is_not_left_while_what_it_took_over_is_half_done(app: App) {
        let (lead, ours) = (&app.world.ours.lead, &app.world.ours);
        let college = app.world.who(Role::Institution);
        let partner = ours.partner[&Role::Institution];
        let mut successors = Vec::new();
        for name in ["First successor", "Second successor"] {
            let person = app.make(lead, "/v1/people", json!({ "name": name })).await;
            let seat = json!({ "partnerId": partner, "personId": person["id"], "role": "alternate" });
            let seat = app.make(lead, "/v1/seats", seat).await;
            successors.push(app.act(lead, &seat, "/v1/seats", "accept", json!({})).await);
        }
        let leaving = app.get(lead, &format!("/v1/seats/{}", ours.seat[&Role::Institution])).await;
        let open = json!({
            "ownerOrganizationId": ours.organization[&Role::Institution], "title": "Send the curriculum",
            "seatId": leaving["id"],
        });
        app.make(lead, "/v1/action-items", open).await;
        // Whoever leaves is still signed in for as long as it takes to hand over.
        let handed = app.rest(college, "POST", &format!("/v1/seats/{}/end", text(&leaving["id"])));
        handed.version(leaving["version"].as_i64().unwrap()).json(json!({ "reason": "retired" })).is(200).await;
        let path = format!("/v1/handovers?fromSeatId={}", text(&leaving["id"]));
        let handover = app.get(lead, &path).await["items"][0].clone();
        let successor = successors.iter().find(|seat| seat["id"] == handover["toSeatId"]).unwrap();
        let who = app.seated(successor).await;
        app.act(&who, &handover, "/v1/handovers", "accept", json!({})).await;
        let seat = app.get(lead, &format!("/v1/seats/{}", text(&successor["id"]))).await;
        refused(&app, lead, Op::EndSeat, Some(&seat), json!({ "reason": "moved" }), 409, "HANDOVER_OPEN").await;
        let handover = app.get(lead, &path).await["items"][0].clone();
        app.act(&who, &handover, "/v1/handovers", "complete", json!({})).await;
        app.act(lead, &seat, "/v1/seats", "end", json!({ "reason": "moved" })).await;
    }

    async fn what_nobody_may_do_is_refused_by_its_role_and_not_by_its_record(app: App) {
        let union = app.world.who(Role::Union);
        let body = json!({ "key": "champion_min", "value": "3", "reason": "we would like more" });
        refused(&app, union, Op::CreatePolicySetting, None, body, 403, "FORBIDDEN").await;
        refused(&app, union, Op::VerifyResource, Some(&json!({ "id": app.world.ours.draft_resource, "version": 1 })),
            json!({}), 404, "NOT_FOUND").await;
    }
}
