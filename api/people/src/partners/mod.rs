//! Partners: organisations at the table, and their narrower forms.

mod engagement;
mod kinds;
mod stages;

use roundtable_entity::{
    CodeSystem, OrganizationKind, Record, Side, Texts, champion, engagement as engagements, handover, name_key,
    organization, partner, seat,
};
use roundtable_kernel::codes::check_codes;
use roundtable_kernel::collection::CollectionOf;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Problem, Result};
use roundtable_kernel::list::Narrow;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::ColumnTrait;
use sea_orm::sea_query::IntoCondition;
use serde_json::Value;

use crate::members;
use kinds::Form;

type Collection<'t> = CollectionOf<'t, partner::Model>;

/// The operations of a narrower form: list, get, create, update.
type Four = [Op; 4];

pub(crate) fn register(table: &mut Operations) {
    let partners = table
        .collection::<partner::Model>("partners")
        .list(Op::ListPartners)
        .get(Op::GetPartner)
        .create(Op::CreatePartner, |ctx, new| create(ctx, Op::CreatePartner, new, None))
        .update(Op::UpdatePartner, |ctx, at, patch| update(ctx, Op::UpdatePartner, at, patch))
        .archive_checked(Op::ArchivePartner, holds_no_seat)
        .restore(Op::RestorePartner);
    related(engagement::add(stages::add(partners)));
    table.interfaces.insert("Partner", kinds::interface);
    engagement::register(table);
    narrowed(
        table,
        ("employers", Form::Employer),
        || partner::Column::Kind.eq(OrganizationKind::Employer).into_condition(),
        "A partner that is an employer: a firm or public body of the industry.",
        [Op::ListEmployers, Op::GetEmployer, Op::CreateEmployer, Op::UpdateEmployer],
    );
    narrowed(
        table,
        ("unions", Form::Union),
        || partner::Column::Side.eq(Side::Labor).into_condition(),
        "A partner that speaks for workers: a union, a labor council, a joint labor-management body or a labor agency \
         (practice 72).",
        [Op::ListUnions, Op::GetUnion, Op::CreateUnion, Op::UpdateUnion],
    );
    narrowed(
        table,
        ("institutions", Form::Institution),
        || partner::Column::Side.eq(Side::Education).into_condition(),
        "A partner that educates or trains: a school, a college, a university, a training provider or a provider of \
         adult education.",
        [Op::ListInstitutions, Op::GetInstitution, Op::CreateInstitution, Op::UpdateInstitution],
    );
}

fn narrowed(table: &mut Operations, of: (&'static str, Form), narrow: Narrow, about: &str, ops: Four) {
    let (path, form) = of;
    let [list, get, make, change] = ops;
    let collection = table
        .narrowed::<partner::Model>(path, form.name(), form.members(), narrow, about)
        .list(list)
        .get(get)
        .create(make, move |ctx, new| create(ctx, make, new, Some(form)))
        .update(change, move |ctx, at, patch| update(ctx, change, at, patch));
    related(collection);
}

fn related(collection: Collection<'_>) {
    collection
        .one::<organization::Model>("organization", "organization_id")
        .many::<seat::Model>("seats", Op::ListSeats, "partner_id", "created_at")
        .many::<engagements::Model>("engagements", Op::ListEngagements, "partner_id", "starts_on")
        .many::<champion::Model>("champions", Op::ListChampions, "partner_id", "created_at")
        .many::<handover::Model>("handovers", Op::ListHandovers, "partner_id", "created_at");
}

/// What a partner shows of its organisation.
pub(crate) fn name_after(active: &mut partner::ActiveModel, organization: &organization::Model) {
    active.name = Set(organization.name.clone());
    active.name_key = Set(name_key(&organization.name));
    active.kind = Set(organization.kind);
    active.side = Set(organization.side);
}

fn problems(kind: OrganizationKind, body: &Value, naics: Option<&Texts>) -> Vec<Problem> {
    let mut problems = kinds::foreign_members(kind, body);
    problems.extend(naics.into_iter().flat_map(members::naics));
    problems
}

async fn create(ctx: Ctx, op: Op, new: partner::NewPartner, form: Option<Form>) -> Result<partner::Model> {
    let permit = ctx.permit_at(op, new.partnership_id)?;
    permit.covers(&[])?;
    let organization =
        members::reference::<organization::Model>(&ctx, "/organizationId", new.organization_id, new.partnership_id)
            .await?;
    if let Some(form) = form.filter(|form| Form::of(organization.kind) != Some(*form)) {
        return Err(kinds::wrong_kind(form, organization.kind));
    }
    let body = serde_json::to_value(&new).map_err(Error::internal)?;
    members::refuse(problems(organization.kind, &body, new.naics.as_ref()))?;
    if let Some(naics) = &new.naics {
        check_codes(&ctx, "naics", CodeSystem::Naics, naics).await?;
    }
    let mut active = partner::Model::begin(ctx.new_id(), ctx.now(), new);
    name_after(&mut active, &organization);
    active.proposed_by = Set(ctx.caller.account_id());
    record::insert::<partner::Model>(&ctx, active, "partner.proposed").await
}

async fn update(ctx: Ctx, op: Op, at: Target, patch: Value) -> Result<partner::Model> {
    if let Some(naics) = patch.get("naics").filter(|naics| !naics.is_null()) {
        check_codes(&ctx, "naics", CodeSystem::Naics, &record::decode(naics.clone())?).await?;
    }
    record::update_checked::<partner::Model>(&ctx, op, at, &patch, |row, new, _| {
        members::refuse(problems(row.kind, &patch, new.naics.as_ref()))
    })
    .await
}

async fn holds_no_seat(_: Ctx, row: partner::Model) -> Result<()> {
    if row.live_seats == 0 {
        Ok(())
    } else {
        Err(Error::new(Code::InUse, "the partner has live seats; withdraw it first"))
    }
}
