//! Who works where.

use chrono::NaiveDate;
use roundtable_entity::{Record, affiliation, organization, person};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::members;

/// The last day of an affiliation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AffiliationEnd {
    /// The last day; not in the future.
    pub(crate) ends_on: NaiveDate,
    /// Why it ended.
    #[schema(max_length = 1000)]
    pub(crate) reason: Option<String>,
}

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<affiliation::Model>("affiliations")
        .list(Op::ListAffiliations)
        .get(Op::GetAffiliation)
        .create(Op::CreateAffiliation, create)
        .update_plainly(Op::UpdateAffiliation)
        .archive_checked(Op::ArchiveAffiliation, leave_out)
        .act(Op::EndAffiliation, "end", end)
        .one::<person::Model>("person", "person_id")
        .one::<organization::Model>("organization", "organization_id");
}

async fn create(ctx: Ctx, new: affiliation::NewAffiliation) -> Result<affiliation::Model> {
    let permit = ctx.permit_at(Op::CreateAffiliation, new.partnership_id)?;
    members::reference::<organization::Model>(&ctx, "/organizationId", new.organization_id, new.partnership_id).await?;
    permit.covers(&[Some(new.organization_id)])?;
    let person = members::reference::<person::Model>(&ctx, "/personId", new.person_id, new.partnership_id).await?;
    if person.organization_id.is_some() {
        // Otherwise an organisation could make another's people its own, and read and change them.
        permit.covers(&[person.organization_id])?;
    }
    let active = affiliation::Model::begin(ctx.new_id(), ctx.now(), new);
    let row = record::insert::<affiliation::Model>(&ctx, active, "affiliation.created").await?;
    settle(&ctx, row.person_id, None).await?;
    Ok(row)
}

async fn end(ctx: Ctx, at: Target, body: AffiliationEnd) -> Result<affiliation::Model> {
    let row = record::target::<affiliation::Model>(&ctx, Op::EndAffiliation, at).await?;
    if row.ends_on.is_some() {
        return Err(Error::new(Code::WrongState, "the affiliation has ended already"));
    }
    members::refuse(members::not_future("/endsOn", body.ends_on, ctx.today()).into_iter().chain(members::in_order(
        row.starts_on,
        "/endsOn",
        Some(body.ends_on),
    )))?;
    let mut active = row.clone().into_active_model();
    active.ends_on = Set(Some(body.ends_on));
    active.ends_reason = Set(body.reason);
    let saved = record::save(&ctx, &row, active, "affiliation.ended").await?;
    settle(&ctx, saved.person_id, None).await?;
    Ok(saved)
}

async fn leave_out(ctx: Ctx, row: affiliation::Model) -> Result<()> {
    settle(&ctx, row.person_id, Some(row.id)).await
}

/// The affiliations of a person that have not ended.
async fn live(ctx: &Ctx, person_id: Uuid) -> Result<Vec<affiliation::Model>> {
    let rows = affiliation::Entity::find()
        .filter(affiliation::Column::PersonId.eq(person_id))
        .filter(affiliation::Column::EndsOn.is_null())
        .filter(affiliation::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    Ok(rows)
}

/// Where somebody works at present: the affiliation that began last, and of those the one entered last.
fn newest(rows: &[affiliation::Model]) -> Option<Uuid> {
    let newest = rows.iter().max_by_key(|row| (row.starts_on, row.id));
    newest.map(|row| row.organization_id)
}

/// Keeps with the person where they work, leaving out an affiliation that is about to go.
async fn settle(ctx: &Ctx, person_id: Uuid, but: Option<Uuid>) -> Result<()> {
    let mut rows = live(ctx, person_id).await?;
    rows.retain(|row| Some(row.id) != but);
    let Some(person) = person::Entity::find_by_id(person_id).one(&ctx.read()).await? else {
        return Ok(());
    };
    let mut active = person.clone().into_active_model();
    active.organization_id = Set(newest(&rows));
    record::save(ctx, &person, active, "person.updated").await?;
    ctx.standings_change();
    Ok(())
}

/// Whether a person works for this organisation.
pub(crate) async fn works_for(ctx: &Ctx, person: &person::Model, organization_id: Uuid) -> Result<bool> {
    if person.organization_id == Some(organization_id) {
        return Ok(true);
    }
    let rows = live(ctx, person.id).await?;
    Ok(rows.iter().any(|row| row.organization_id == organization_id))
}

/// Refuses a person who does not work for the partner's organisation.
pub(crate) fn of_another() -> Error {
    Error::member(
        "/personId",
        "other_organization",
        "the person does not work for the partner's organisation; enter the affiliation first",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use roundtable_entity::FunctionLevel;

    fn affiliation(id: u128, organization: u128, day: Option<u32>) -> affiliation::Model {
        let at = chrono::DateTime::UNIX_EPOCH;
        affiliation::Model {
            id: Uuid::from_u128(id),
            partnership_id: Uuid::nil(),
            person_id: Uuid::nil(),
            organization_id: Uuid::from_u128(organization),
            starts_on: day.and_then(|day| NaiveDate::from_ymd_opt(2026, 3, day)),
            title: None,
            function_level: FunctionLevel::Other,
            ends_on: None,
            ends_reason: None,
            version: 1,
            created_at: at,
            updated_at: at,
            archived_at: None,
        }
    }

    #[test]
    fn the_affiliation_that_began_last_says_where_somebody_works() {
        assert_eq!(newest(&[]), None);
        let rows = [affiliation(1, 10, Some(9)), affiliation(2, 20, Some(2)), affiliation(3, 30, None)];
        assert_eq!(newest(&rows), Some(Uuid::from_u128(10)));
        let undated = [affiliation(1, 10, None), affiliation(2, 20, None)];
        assert_eq!(newest(&undated), Some(Uuid::from_u128(20)));
    }
}
