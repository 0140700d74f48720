//! Second looks at what exists or was tried: six questions, the owner's reply, a finding (practices 16, 17, 20 and 28).

use roundtable_entity::{
    FailureReason, Finding, OrganizationKind, Record, SecondLookState, Texts, input, need, organization, resource,
    second_look,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::members::{self, Reasoned};
use crate::{inputs, links};

/// What the owner says.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OwnerReply {
    /// The reply.
    #[schema(min_length = 1, max_length = 8000)]
    reply: String,
}

/// What reviewers found.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Conclusion {
    /// The finding.
    finding: Finding,
    /// Why it did not work; required when it is not a solution.
    failure_reason: Option<FailureReason>,
}

/// Stages before the finding.
pub(crate) const OPEN: &[SecondLookState] =
    &[SecondLookState::Opened, SecondLookState::Gathering, SecondLookState::Reviewing];

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<second_look::Model>("second-looks")
        .list(Op::ListSecondLooks)
        .get(Op::GetSecondLook)
        .create(Op::CreateSecondLook, create)
        .update(Op::UpdateSecondLook, update)
        .act(Op::ReviewSecondLook, "review", review)
        .act(Op::ReplySecondLook, "reply", reply)
        .act(Op::ConcludeSecondLook, "conclude", conclude)
        .act(Op::ReopenSecondLook, "reopen", reopen)
        .one::<resource::Model>("resource", "resource_id")
        .one::<input::Model>("input", "input_id")
        .one::<organization::Model>("owner", "owner_organization_id");
}

/// The questions that are not answered yet, by their members.
fn unanswered(row: &second_look::Model) -> Vec<&'static str> {
    [
        ("problemAimedAt", &row.problem_aimed_at),
        ("problemDefinedBy", &row.problem_defined_by),
        ("peopleServed", &row.people_served),
        ("whatHappened", &row.what_happened),
        ("whyItStopped", &row.why_it_stopped),
        ("whatDiffersNow", &row.what_differs_now),
    ]
    .into_iter()
    .filter(|(_, answer)| answer.as_deref().is_none_or(|answer| answer.trim().is_empty()))
    .map(|(question, _)| question)
    .collect()
}

/// Checks what a second look points to, and returns its needs.
async fn check(ctx: &Ctx, new: &second_look::NewSecondLook) -> Result<Vec<Uuid>> {
    let needs = members::references::<need::Model>(ctx, "/needIds", &new.need_ids).await?;
    if let Some(id) = new.owner_organization_id {
        record::reference::<organization::Model>(ctx, "/ownerOrganizationId", id).await?;
    }
    Ok(needs.iter().map(|need| need.id).collect())
}

/// Opens one from a claim that was just made.
pub(crate) async fn open(
    ctx: &Ctx,
    claim: &input::Model,
    resource_id: Option<Uuid>,
    subject: String,
) -> Result<second_look::Model> {
    let entry = match resource_id {
        Some(id) => resource::Entity::find_by_id(id).one(&ctx.read()).await?,
        None => None,
    };
    let new = second_look::NewSecondLook {
        partnership_id: claim.partnership_id,
        resource_id,
        input_id: Some(claim.id),
        subject,
        owner_organization_id: entry.and_then(|entry| entry.owner_organization_id),
        need_ids: Texts(claim.need_id.iter().map(Uuid::to_string).collect()),
        problem_aimed_at: None,
        problem_defined_by: None,
        people_served: None,
        what_happened: claim.claimed_result.clone(),
        why_it_stopped: None,
        what_differs_now: None,
        review_on: None,
    };
    insert(ctx, ctx.new_id(), new, claim.need_id.as_slice()).await
}

async fn insert(ctx: &Ctx, id: Uuid, new: second_look::NewSecondLook, needs: &[Uuid]) -> Result<second_look::Model> {
    let reply_by = inputs::answer_day(ctx, new.partnership_id).await?;
    let owned = new.owner_organization_id.is_some();
    let mut active = second_look::Model::begin(id, ctx.now(), new);
    active.owner_reply_due_on = Set(owned.then_some(reply_by));
    active.opened_by_organization_id = Set(members::speaker(ctx)?);
    let row = record::insert::<second_look::Model>(ctx, active, "second_look.opened").await?;
    links::of_second_look(ctx, row.id, needs).await?;
    Ok(row)
}

async fn create(ctx: Ctx, mut new: second_look::NewSecondLook) -> Result<second_look::Model> {
    ctx.permit_at(Op::CreateSecondLook, new.partnership_id)?;
    if let Some(id) = new.resource_id {
        let entry = record::reference::<resource::Model>(&ctx, "/resourceId", id).await?;
        new.owner_organization_id = new.owner_organization_id.or(entry.owner_organization_id);
    }
    let needs = check(&ctx, &new).await?;
    let id = ctx.new_id();
    if let Some(input_id) = new.input_id {
        inputs::take_up(&ctx, input_id, id).await?;
    }
    insert(&ctx, id, new, &needs).await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<second_look::Model> {
    record::check_patch::<second_look::Model>(&patch)?;
    let row = record::target::<second_look::Model>(&ctx, Op::UpdateSecondLook, at).await?;
    record::from_state(row.state, OPEN, SecondLookState::word)?;
    let new = record::merged(&row, &patch)?;
    links::of_second_look(&ctx, row.id, &check(&ctx, &new).await?).await?;
    let mut active = row.clone().into_active_model();
    if new.owner_organization_id != row.owner_organization_id {
        // Whoever it turns out to belong to has the same days to reply.
        active.owner_reply = Set(None);
        active.owner_reply_due_on = Set(match new.owner_organization_id {
            Some(_) => Some(inputs::answer_day(&ctx, row.partnership_id).await?),
            None => None,
        });
    }
    if row.state == SecondLookState::Opened {
        active.state = Set(SecondLookState::Gathering);
    }
    second_look::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "second_look.updated").await
}

async fn review(ctx: Ctx, at: Target, _: Nothing) -> Result<second_look::Model> {
    let row = record::target::<second_look::Model>(&ctx, Op::ReviewSecondLook, at).await?;
    record::from_state(row.state, OPEN, SecondLookState::word)?;
    let own = members::speaker(&ctx)?.ok_or(Code::Forbidden)?.to_string();
    let mut reviewers = row.reviewers.clone();
    if !reviewers.0.contains(&own) {
        reviewers.0.push(own);
    }
    let mut active = row.clone().into_active_model();
    active.reviewers = Set(reviewers);
    active.state = Set(SecondLookState::Reviewing);
    record::save(&ctx, &row, active, "second_look.reviewing").await
}

async fn reply(ctx: Ctx, at: Target, body: OwnerReply) -> Result<second_look::Model> {
    let row = record::target::<second_look::Model>(&ctx, Op::ReplySecondLook, at).await?;
    if !ctx.standing()?.acts_for(row.owner_organization_id) {
        return Err(Error::new(Code::NotYours, "the reply is the owner's right"));
    }
    let mut active = row.clone().into_active_model();
    active.owner_reply = Set(Some(body.reply));
    record::save(&ctx, &row, active, "second_look.replied").await
}

async fn has_an_employer(ctx: &Ctx, reviewers: &Texts) -> Result<bool> {
    let employers = organization::Entity::find()
        .filter(organization::Column::Id.is_in(members::ids("/reviewers", reviewers)?))
        .filter(organization::Column::Kind.eq(OrganizationKind::Employer))
        .count(&ctx.read())
        .await?;
    Ok(employers > 0)
}

async fn conclude(ctx: Ctx, at: Target, body: Conclusion) -> Result<second_look::Model> {
    let row = record::target::<second_look::Model>(&ctx, Op::ConcludeSecondLook, at).await?;
    let own = members::speaker(&ctx)?.map(|own| own.to_string()).unwrap_or_default();
    if !row.reviewers.0.contains(&own) {
        return Err(Error::new(Code::NotYours, "a second look is concluded by its reviewers"));
    }
    record::from_state(row.state, &[SecondLookState::Reviewing], SecondLookState::word)?;
    if body.finding == Finding::NotASolution && body.failure_reason.is_none() {
        return Err(Error::member("/failureReason", "required", "say why it is not a solution"));
    }
    let open = unanswered(&row);
    if !open.is_empty() {
        return Err(Error::new(Code::QuestionsUnanswered, format!("still open: {}", open.join(", "))));
    }
    if !has_an_employer(&ctx, &row.reviewers).await? {
        return Err(Code::EmployerReviewRequired.into());
    }
    let silent = row.owner_organization_id.is_some() && row.owner_reply.is_none();
    if silent && row.owner_reply_due_on.is_some_and(|due| ctx.today() <= due) {
        return Err(Code::OwnerReplyPending.into());
    }
    let mut active = row.clone().into_active_model();
    active.state = Set(SecondLookState::Concluded);
    active.finding = Set(Some(body.finding));
    active.failure_reason = Set(body.failure_reason);
    active.owner_silent = Set(silent);
    active.concluded_on = Set(Some(ctx.today()));
    record::save(&ctx, &row, active, "second_look.concluded").await
}

async fn reopen(ctx: Ctx, at: Target, why: Reasoned) -> Result<second_look::Model> {
    let row = record::target::<second_look::Model>(&ctx, Op::ReopenSecondLook, at).await?;
    record::from_state(row.state, &[SecondLookState::Concluded], SecondLookState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(SecondLookState::Gathering);
    active.finding = Set(None);
    active.failure_reason = Set(None);
    active.concluded_on = Set(None);
    active.reopened_reason = Set(Some(why.reason));
    record::save(&ctx, &row, active, "second_look.reopened").await
}
