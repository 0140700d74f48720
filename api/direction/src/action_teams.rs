//! Action teams: tied to a goal, led by an organisation that took them on (practices 6, 7, 52 and 61).

use roundtable_entity::action_team::{self, NewActionTeam};
use roundtable_entity::{ActionTeamState, Record, SeatState, goal, organization, plan_step, seat};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::goals;
use crate::members::{self, MaybeReasoned, Reasoned};

/// Stages in which there is a team to work with.
pub(crate) const LIVE: &[ActionTeamState] = &[ActionTeamState::Proposed, ActionTeamState::Active];

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<action_team::Model>("action-teams")
        .list(Op::ListActionTeams)
        .get(Op::GetActionTeam)
        .create(Op::CreateActionTeam, create)
        .update(Op::UpdateActionTeam, update)
        .act(Op::AcceptActionTeam, "accept", accept)
        .act(Op::DeclineActionTeam, "decline", decline)
        .act(Op::JoinActionTeam, "join", join)
        .act(Op::LeaveActionTeam, "leave", leave)
        .act(Op::EndActionTeam, "end", end)
        .one::<goal::Model>("goal", "goal_id")
        .one::<organization::Model>("lead", "lead_organization_id")
        .many::<plan_step::Model>("steps", Op::ListPlanSteps, "action_team_id", "created_at");
    table.flag(
        Op::ListActionTeams,
        "unconnected",
        "Teams that work towards no living goal that leads to a long-term one, or with `false` those that do.",
        |standing| goals::unconnected(action_team::Column::GoalId, standing),
    );
}

async fn check(ctx: &Ctx, new: &NewActionTeam) -> Result<()> {
    let goal = record::reference::<goal::Model>(ctx, "/goalId", new.goal_id).await?;
    goals::leads_far(ctx, &goal).await?;
    record::reference::<organization::Model>(ctx, "/leadOrganizationId", new.lead_organization_id).await?;
    let Some(id) = new.lead_seat_id else { return Ok(()) };
    let seat = record::reference::<seat::Model>(ctx, "/leadSeatId", id).await?;
    if seat.organization_id != new.lead_organization_id {
        return Err(Error::member("/leadSeatId", "not_the_leads", "that seat is another organisation's"));
    }
    if seat.state == SeatState::Ended {
        return Err(Error::member("/leadSeatId", "ended", "that seat has ended; name its successor"));
    }
    Ok(())
}

async fn create(ctx: Ctx, new: NewActionTeam) -> Result<action_team::Model> {
    ctx.permit_at(Op::CreateActionTeam, new.partnership_id)?;
    check(&ctx, &new).await?;
    let active = action_team::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<action_team::Model>(&ctx, active, "action_team.proposed").await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<action_team::Model> {
    record::check_patch::<action_team::Model>(&patch)?;
    let row = record::target::<action_team::Model>(&ctx, Op::UpdateActionTeam, at).await?;
    let open = [ActionTeamState::Proposed, ActionTeamState::Declined, ActionTeamState::Active];
    record::from_state(row.state, &open, ActionTeamState::word)?;
    let new = record::merged(&row, &patch)?;
    let mut active = row.clone().into_active_model();
    if new.lead_organization_id != row.lead_organization_id {
        if row.state == ActionTeamState::Active {
            return Err(Error::new(Code::WrongState, "its lead took the team on; end it and offer another"));
        }
        active.state = Set(ActionTeamState::Proposed);
        active.reason = Set(None);
    }
    check(&ctx, &new).await?;
    action_team::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "action_team.updated").await
}

async fn accept(ctx: Ctx, at: Target, _: Nothing) -> Result<action_team::Model> {
    let row = record::target::<action_team::Model>(&ctx, Op::AcceptActionTeam, at).await?;
    record::from_state(row.state, &[ActionTeamState::Proposed, ActionTeamState::Declined], ActionTeamState::word)?;
    let mut members = row.member_organization_ids.clone();
    members.0.retain(|id| *id != row.lead_organization_id.to_string());
    let mut active = row.clone().into_active_model();
    active.state = Set(ActionTeamState::Active);
    active.accepted_on = Set(Some(ctx.today()));
    active.member_organization_ids = Set(members);
    active.reason = Set(None);
    let row = record::save(&ctx, &row, active, "action_team.active").await?;
    led_by(&ctx, row.id, Some(row.lead_organization_id)).await?;
    Ok(row)
}

async fn decline(ctx: Ctx, at: Target, why: MaybeReasoned) -> Result<action_team::Model> {
    let row = record::target::<action_team::Model>(&ctx, Op::DeclineActionTeam, at).await?;
    record::from_state(row.state, &[ActionTeamState::Proposed], ActionTeamState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(ActionTeamState::Declined);
    active.reason = Set(why.reason);
    record::save(&ctx, &row, active, "action_team.declined").await
}

async fn join(ctx: Ctx, at: Target, _: Nothing) -> Result<action_team::Model> {
    let row = record::target::<action_team::Model>(&ctx, Op::JoinActionTeam, at).await?;
    record::from_state(row.state, LIVE, ActionTeamState::word)?;
    let own = members::speaker(&ctx)?.ok_or(Code::Forbidden)?;
    let mut members = row.member_organization_ids.clone();
    if own == row.lead_organization_id || members.0.contains(&own.to_string()) {
        return Err(Error::new(Code::AlreadyExists, "your organisation is of this team"));
    }
    members.0.push(own.to_string());
    let mut active = row.clone().into_active_model();
    active.member_organization_ids = Set(members);
    record::save(&ctx, &row, active, "action_team.joined").await
}

async fn leave(ctx: Ctx, at: Target, _: Nothing) -> Result<action_team::Model> {
    let row = record::target::<action_team::Model>(&ctx, Op::LeaveActionTeam, at).await?;
    record::from_state(row.state, LIVE, ActionTeamState::word)?;
    let own = members::speaker(&ctx)?.ok_or(Code::Forbidden)?;
    let mut members = row.member_organization_ids.clone();
    if !members.0.contains(&own.to_string()) {
        let detail = "your organisation did not join this team; its lead ends it";
        return Err(Error::new(Code::WrongState, detail));
    }
    members.0.retain(|id| *id != own.to_string());
    let mut active = row.clone().into_active_model();
    active.member_organization_ids = Set(members);
    record::save(&ctx, &row, active, "action_team.left").await
}

async fn end(ctx: Ctx, at: Target, why: Reasoned) -> Result<action_team::Model> {
    let row = record::target::<action_team::Model>(&ctx, Op::EndActionTeam, at).await?;
    record::from_state(row.state, LIVE, ActionTeamState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(ActionTeamState::Ended);
    active.ended_on = Set(Some(ctx.today()));
    active.reason = Set(Some(why.reason));
    let row = record::save(&ctx, &row, active, "action_team.ended").await?;
    led_by(&ctx, row.id, None).await?;
    Ok(row)
}

/// Says on the steps of a team who leads it by now.
async fn led_by(ctx: &Ctx, team_id: Uuid, lead: Option<Uuid>) -> Result<()> {
    let steps = plan_step::Entity::find().filter(plan_step::Column::ActionTeamId.eq(team_id)).all(&ctx.read()).await?;
    for step in steps {
        let mut active = step.clone().into_active_model();
        active.team_lead_organization_id = Set(lead);
        record::save(ctx, &step, active, "plan_step.updated").await?;
    }
    Ok(())
}
