//! Needs: voiced by employers, shared among them, ranked by them alone (practices 8 and 9).

use roundtable_entity::{
    CodeSystem, NeedState, Record, Texts, cause, endorsement, feasibility_rating, need, organization,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use roundtable_scan::codes::check_codes;
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;
use serde_json::Value;
use uuid::Uuid;

use crate::members::{self, Reasoned};
use crate::{course, statements};

/// Stages in which employers endorse a need and look for its causes.
pub(crate) const OPEN: &[NeedState] =
    &[NeedState::Voiced, NeedState::Shared, NeedState::RootCaused, NeedState::Solving];

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<need::Model>("needs")
        .list(Op::ListNeeds)
        .get(Op::GetNeed)
        .create(Op::CreateNeed, create)
        .update(Op::UpdateNeed, update)
        .archive_checked(Op::ArchiveNeed, unvoiced)
        .act(Op::VoiceNeed, "voice", voice)
        .act(Op::MeetNeed, "meet", meet)
        .act(Op::ParkNeed, "park", park)
        .act(Op::ResumeNeed, "resume", resume)
        .one::<organization::Model>("raisedBy", "raised_by_organization_id")
        .one::<organization::Model>("voicedBy", "voiced_by_organization_id")
        .many::<endorsement::Model>("endorsedBy", Op::ListEndorsements, "need_id", "created_at")
        .many::<feasibility_rating::Model>("feasibility", Op::ListFeasibilityRatings, "need_id", "created_at")
        .many::<cause::Model>("causes", Op::ListCauses, "need_id", "depth");
}

async fn check(ctx: &Ctx, new: &need::NewNeed) -> Result<()> {
    check_codes(ctx, "socs", CodeSystem::Soc, &new.socs).await?;
    statements::stood_by(ctx, "/sourceStatementIds", &new.source_statement_ids).await
}

async fn create(ctx: Ctx, new: need::NewNeed) -> Result<need::Model> {
    let permit = ctx.permit_at(Op::CreateNeed, new.partnership_id)?;
    check(&ctx, &new).await?;
    let speaker = members::speaker(&ctx)?;
    let mut active = need::Model::begin(ctx.new_id(), ctx.now(), new);
    active.raised_by_organization_id = Set(speaker);
    if !permit.standing.role.is_employer() {
        return record::insert::<need::Model>(&ctx, active, "need.observed").await;
    }
    active.voiced_by_organization_id = Set(speaker);
    active.state = Set(NeedState::Voiced);
    record::insert::<need::Model>(&ctx, active, "need.voiced").await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<need::Model> {
    record::check_patch::<need::Model>(&patch)?;
    let row = record::target::<need::Model>(&ctx, Op::UpdateNeed, at).await?;
    record::from_state(row.state, &[NeedState::Draft, NeedState::Voiced], NeedState::word)?;
    if row.state == NeedState::Voiced && ctx.standing()?.role.is_intermediary() {
        return Err(Error::new(Code::IntermediaryCannotSetCourse, "an employer voiced this need in its own words"));
    }
    if row.endorsements > 0 {
        return Err(Error::new(Code::WrongState, "employers endorse the need as it is worded"));
    }
    let new = record::merged(&row, &patch)?;
    check(&ctx, &new).await?;
    let mut active = row.clone().into_active_model();
    need::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "need.updated").await
}

async fn unvoiced(_: Ctx, row: need::Model) -> Result<()> {
    record::from_state(row.state, &[NeedState::Draft], NeedState::word)
}

async fn voice(ctx: Ctx, at: Target, _: Nothing) -> Result<need::Model> {
    let row = record::target::<need::Model>(&ctx, Op::VoiceNeed, at).await?;
    record::from_state(row.state, &[NeedState::Draft], NeedState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(NeedState::Voiced);
    active.voiced_by_organization_id = Set(members::speaker(&ctx)?);
    record::save(&ctx, &row, active, "need.voiced").await
}

async fn meet(ctx: Ctx, at: Target, _: Nothing) -> Result<need::Model> {
    let row = record::target::<need::Model>(&ctx, Op::MeetNeed, at).await?;
    record::from_state(row.state, &[NeedState::Solving], NeedState::word)?;
    course::endorses(&ctx, &row).await?;
    let mut active = row.clone().into_active_model();
    active.state = Set(NeedState::Met);
    active.met_on = Set(Some(ctx.today()));
    record::save(&ctx, &row, active, "need.met").await
}

/// Adds the caller's voice to those that ask to park a need, or to resume it. One voice for each organisation, and more than
/// half of those that decide carry it.
async fn ask(ctx: &Ctx, row: &need::Model) -> Result<(Texts, bool)> {
    let deciders = course::deciders(ctx, row).await?;
    let own = members::speaker(ctx)?.filter(|own| deciders.contains(own)).ok_or(Code::EndorsementRequired)?;
    let mut asking = members::ids("", &row.park_organization_ids)?;
    asking.retain(|id| deciders.contains(id) && *id != own);
    asking.push(own);
    let carried = asking.len() * 2 > deciders.len();
    Ok((Texts(asking.iter().map(Uuid::to_string).collect()), carried))
}

async fn park(ctx: Ctx, at: Target, why: Reasoned) -> Result<need::Model> {
    let row = record::target::<need::Model>(&ctx, Op::ParkNeed, at).await?;
    let from = [NeedState::Voiced, NeedState::Shared, NeedState::RootCaused];
    record::from_state(row.state, &from, NeedState::word)?;
    let (asking, carried) = ask(&ctx, &row).await?;
    let mut active = row.clone().into_active_model();
    if !carried {
        active.park_voices = Set(course::number(asking.0.len()));
        active.park_organization_ids = Set(asking);
        return record::save(&ctx, &row, active, "need.parking_asked").await;
    }
    active.state = Set(NeedState::Parked);
    active.parked_reason = Set(Some(why.reason));
    active.park_voices = Set(0);
    active.park_organization_ids = Set(Texts::default());
    record::save(&ctx, &row, active, "need.parked").await
}

async fn resume(ctx: Ctx, at: Target, _: Nothing) -> Result<need::Model> {
    let row = record::target::<need::Model>(&ctx, Op::ResumeNeed, at).await?;
    record::from_state(row.state, &[NeedState::Parked], NeedState::word)?;
    let (asking, carried) = ask(&ctx, &row).await?;
    let mut active = row.clone().into_active_model();
    if !carried {
        active.park_voices = Set(course::number(asking.0.len()));
        active.park_organization_ids = Set(asking);
        return record::save(&ctx, &row, active, "need.resuming_asked").await;
    }
    active.state = Set(NeedState::Voiced);
    active.parked_reason = Set(None);
    active.park_voices = Set(0);
    active.park_organization_ids = Set(Texts::default());
    record::save(&ctx, &row, active, "need.resumed").await?;
    course::follow(&ctx, row.id).await
}
