//! Employer champions (practices 59 and 60).

use roundtable_entity::{ChampionState, OrganizationKind, Record, Texts, champion, partner, person};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::{affiliations, members};

/// What a champion can take on.
const DUTIES: &[&str] = &["outreach", "lead_activity", "spokesperson"];
/// Stages before serving.
const PROPOSED: &[ChampionState] = &[ChampionState::Emerging, ChampionState::Nominated];
/// Stages that can be left.
const STANDING: &[ChampionState] = &[ChampionState::Emerging, ChampionState::Nominated, ChampionState::Serving];

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<champion::Model>("champions")
        .list(Op::ListChampions)
        .get(Op::GetChampion)
        .create(Op::CreateChampion, create)
        .update(Op::UpdateChampion, update)
        .act(Op::AcceptChampion, "accept", accept)
        .act(Op::StepDownChampion, "step-down", step_down)
        .one::<partner::Model>("partner", "partner_id")
        .one::<person::Model>("person", "person_id");
}

fn duties(duties: &Texts) -> Vec<Problem> {
    let unknown = duties.0.iter().enumerate().filter(|(_, duty)| !DUTIES.contains(&duty.as_str()));
    unknown
        .map(|(at, _)| {
            let detail = format!("give one of {}", DUTIES.join(", "));
            members::problem(format!("/duties/{at}"), "unknown_value", detail)
        })
        .collect()
}

async fn create(ctx: Ctx, new: champion::NewChampion) -> Result<champion::Model> {
    let permit = ctx.permit_at(Op::CreateChampion, new.partnership_id)?;
    let at = new.partnership_id;
    let partner = members::reference::<partner::Model>(&ctx, "/partnerId", new.partner_id, at).await?;
    permit.covers(&[Some(partner.organization_id)])?;
    if partner.kind != OrganizationKind::Employer {
        return Err(Code::ChampionMustBeEmployer.into());
    }
    let person = members::reference::<person::Model>(&ctx, "/personId", new.person_id, at).await?;
    if !affiliations::works_for(&ctx, &person, partner.organization_id).await? {
        return Err(affiliations::of_another());
    }
    members::refuse(duties(&new.duties))?;
    let mut active = champion::Model::begin(ctx.new_id(), ctx.now(), new);
    active.organization_id = Set(partner.organization_id);
    active.person_name = Set(person.name);
    record::insert::<champion::Model>(&ctx, active, "champion.nominated").await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<champion::Model> {
    record::update_checked::<champion::Model>(&ctx, Op::UpdateChampion, at, &patch, |row, new, _| {
        record::from_state(row.state, STANDING, ChampionState::word)?;
        members::refuse(duties(&new.duties))
    })
    .await
}

async fn accept(ctx: Ctx, at: Target, _: Nothing) -> Result<champion::Model> {
    let row = record::target::<champion::Model>(&ctx, Op::AcceptChampion, at).await?;
    if ctx.standing()?.person_id != Some(row.person_id) {
        return Err(Error::new(Code::Forbidden, "only the person themself can agree to serve as champion"));
    }
    record::from_state(row.state, PROPOSED, ChampionState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(ChampionState::Serving);
    active.serving_since = Set(Some(ctx.today()));
    ctx.standings_change();
    record::save(&ctx, &row, active, "champion.serving").await
}

async fn step_down(ctx: Ctx, at: Target, _: Nothing) -> Result<champion::Model> {
    let row = record::target::<champion::Model>(&ctx, Op::StepDownChampion, at).await?;
    record::from_state(row.state, STANDING, ChampionState::word)?;
    end(&ctx, &row).await
}

async fn end(ctx: &Ctx, row: &champion::Model) -> Result<champion::Model> {
    let mut active = row.clone().into_active_model();
    active.state = Set(ChampionState::SteppedDown);
    ctx.standings_change();
    record::save(ctx, row, active, "champion.stepped_down").await
}

/// The champions of an employer that leaves step down with it.
pub(crate) async fn step_down_all(ctx: &Ctx, partner_id: Uuid) -> Result<()> {
    let rows = champion::Entity::find()
        .filter(champion::Column::PartnerId.eq(partner_id))
        .filter(champion::Column::State.is_in(STANDING.iter().copied()))
        .filter(champion::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    for row in rows {
        end(ctx, &row).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duties_are_of_a_closed_list() {
        let wrong = duties(&Texts(vec!["outreach".into(), "lobbying".into()]));
        let pointers: Vec<&str> = wrong.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, ["/duties/1"]);
    }
}
