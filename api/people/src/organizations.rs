//! Organisations in the directory.

use roundtable_entity::{
    CodeSystem, Record, bargaining_unit, constraint, external_id, location, mission_statement, name_key, organization,
    partner, person,
};
use roundtable_kernel::codes::check_codes;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::{members, partners};

/// Most steps from an organisation up to the one at the top.
const HIGHEST: usize = 32;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<organization::Model>("organizations")
        .list(Op::ListOrganizations)
        .get(Op::GetOrganization)
        .create(Op::CreateOrganization, create)
        .update(Op::UpdateOrganization, update)
        .archive_checked(Op::ArchiveOrganization, not_at_the_table)
        .restore(Op::RestoreOrganization)
        .one::<organization::Model>("parent", "parent_id")
        .many::<location::Model>("locations", Op::ListLocations, "organization_id", "name")
        .many::<person::Model>("people", Op::ListPeople, "organization_id", "name_key")
        .many::<mission_statement::Model>("missionStatements", Op::ListMissionStatements, "organization_id", "edition")
        .many::<bargaining_unit::Model>(
            "bargainingUnitsAsEmployer",
            Op::ListBargainingUnits,
            "employer_organization_id",
            "created_at",
        )
        .many::<bargaining_unit::Model>(
            "bargainingUnitsAsUnion",
            Op::ListBargainingUnits,
            "union_organization_id",
            "created_at",
        )
        .many::<constraint::Model>("constraints", Op::ListConstraints, "organization_id", "created_at")
        .many::<external_id::Model>("externalIds", Op::ListExternalIds, "record_id", "scheme");
}

fn problems(new: &organization::NewOrganization) -> impl Iterator<Item = Problem> {
    members::name(&new.name).into_iter().chain(members::email(new.email.as_deref())).chain(members::naics(&new.naics))
}

async fn create(ctx: Ctx, new: organization::NewOrganization) -> Result<organization::Model> {
    let permit = ctx.permit_at(Op::CreateOrganization, new.partnership_id)?;
    permit.covers(&[])?;
    members::refuse(problems(&new))?;
    check_codes(&ctx, "naics", CodeSystem::Naics, &new.naics).await?;
    if let Some(parent) = new.parent_id {
        members::reference::<organization::Model>(&ctx, "/parentId", parent, new.partnership_id).await?;
    }
    let derived = (new.kind.side(), name_key(&new.name));
    let mut active = organization::Model::begin(ctx.new_id(), ctx.now(), new);
    (active.side, active.name_key) = (Set(derived.0), Set(derived.1));
    record::insert::<organization::Model>(&ctx, active, "organization.created").await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<organization::Model> {
    let (row, new) = members::proposed::<organization::Model>(&ctx, Op::UpdateOrganization, at, &patch).await?;
    members::refuse(problems(&new))?;
    if new.naics != row.naics {
        check_codes(&ctx, "naics", CodeSystem::Naics, &new.naics).await?;
    }
    if new.kind != row.kind && !ctx.standing()?.role.is_intermediary() {
        return Err(Error::new(
            Code::Forbidden,
            "the kind decides the role at the table; ask the intermediary to change it",
        ));
    }
    if let Some(parent) = new.parent_id.filter(|parent| row.parent_id != Some(*parent)) {
        may_be_part_of(&ctx, &row, parent).await?;
    }
    let mut active = row.clone().into_active_model();
    active.side.set_if_not_equals(new.kind.side());
    active.name_key.set_if_not_equals(name_key(&new.name));
    organization::Model::edit(&mut active, new);
    let saved = record::save(&ctx, &row, active, "organization.updated").await?;
    if saved.name != row.name || saved.kind != row.kind {
        carry_to_partners(&ctx, &saved).await?;
    }
    Ok(saved)
}

/// Refuses a parent that is not there or is part of this organisation itself.
async fn may_be_part_of(ctx: &Ctx, row: &organization::Model, parent: Uuid) -> Result<()> {
    let mut next = Some(members::reference::<organization::Model>(ctx, "/parentId", parent, row.partnership_id).await?);
    for _ in 0..HIGHEST {
        let Some(above) = next else { return Ok(()) };
        if above.id == row.id {
            break;
        }
        next = match above.parent_id {
            Some(id) => organization::Entity::find_by_id(id).one(&ctx.read()).await?,
            None => None,
        };
    }
    Err(Error::member("/parentId", "cycle", "an organisation is not part of itself"))
}

async fn carry_to_partners(ctx: &Ctx, organization: &organization::Model) -> Result<()> {
    let rows =
        partner::Entity::find().filter(partner::Column::OrganizationId.eq(organization.id)).all(&ctx.read()).await?;
    for row in rows {
        let mut active = row.clone().into_active_model();
        partners::name_after(&mut active, organization);
        record::save(ctx, &row, active, "partner.updated").await?;
    }
    ctx.standings_change();
    Ok(())
}

async fn not_at_the_table(ctx: Ctx, row: organization::Model) -> Result<()> {
    let partners = partner::Entity::find()
        .filter(partner::Column::OrganizationId.eq(row.id))
        .filter(partner::Column::ArchivedAt.is_null())
        .count(&ctx.read())
        .await?;
    if partners == 0 {
        Ok(())
    } else {
        Err(Error::new(Code::InUse, "the organisation is a partner; archive the partner first"))
    }
}
