//! People of the organisations at or around the table.

use roundtable_entity::{Record, SeatState, affiliation, champion, name_key, organization, person, seat};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};
use serde_json::Value;

use crate::members;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<person::Model>("people")
        .list(Op::ListPeople)
        .get(Op::GetPerson)
        .create(Op::CreatePerson, create)
        .update(Op::UpdatePerson, update)
        .archive_checked(Op::ArchivePerson, holds_no_seat)
        .restore(Op::RestorePerson)
        .one::<organization::Model>("organization", "organization_id")
        .many::<affiliation::Model>("affiliations", Op::ListAffiliations, "person_id", "created_at")
        .many::<seat::Model>("seats", Op::ListSeats, "person_id", "created_at");
}

fn problems(new: &person::NewPerson) -> impl Iterator<Item = Problem> {
    members::name(&new.name).into_iter().chain(members::email(new.email.as_deref()))
}

async fn create(ctx: Ctx, new: person::NewPerson) -> Result<person::Model> {
    let permit = ctx.permit_at(Op::CreatePerson, new.partnership_id)?;
    permit.covers(&[])?;
    members::refuse(problems(&new))?;
    let key = name_key(&new.name);
    let mut active = person::Model::begin(ctx.new_id(), ctx.now(), new);
    active.name_key = Set(key);
    record::insert::<person::Model>(&ctx, active, "person.created").await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<person::Model> {
    let (row, new) = members::proposed::<person::Model>(&ctx, Op::UpdatePerson, at, &patch).await?;
    members::refuse(problems(&new))?;
    let mut active = row.clone().into_active_model();
    active.name_key.set_if_not_equals(name_key(&new.name));
    person::Model::edit(&mut active, new);
    let saved = record::save(&ctx, &row, active, "person.updated").await?;
    if saved.name != row.name {
        carry_name(&ctx, &saved).await?;
    }
    Ok(saved)
}

/// Seats and champions show the name of their person.
async fn carry_name(ctx: &Ctx, person: &person::Model) -> Result<()> {
    let seats = seat::Entity::find().filter(seat::Column::PersonId.eq(person.id)).all(&ctx.read()).await?;
    for row in seats {
        let mut active = row.clone().into_active_model();
        active.person_name = Set(person.name.clone());
        record::save(ctx, &row, active, "seat.updated").await?;
    }
    let champions = champion::Entity::find().filter(champion::Column::PersonId.eq(person.id)).all(&ctx.read()).await?;
    for row in champions {
        let mut active = row.clone().into_active_model();
        active.person_name = Set(person.name.clone());
        record::save(ctx, &row, active, "champion.updated").await?;
    }
    Ok(())
}

async fn holds_no_seat(ctx: Ctx, row: person::Model) -> Result<()> {
    let seats = seat::Entity::find()
        .filter(seat::Column::PersonId.eq(row.id))
        .filter(seat::Column::State.ne(SeatState::Ended))
        .filter(seat::Column::ArchivedAt.is_null())
        .count(&ctx.read())
        .await?;
    if seats == 0 {
        Ok(())
    } else {
        Err(Error::new(Code::InUse, "the person holds a seat or is proposed for one; end it first"))
    }
}
