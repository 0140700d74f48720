//! Bargaining units: the workers of an employer for whom a union speaks.

use roundtable_entity::{OrganizationKind, Record, Side, bargaining_unit, organization};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;

use crate::members;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<bargaining_unit::Model>("bargaining-units")
        .list(Op::ListBargainingUnits)
        .get(Op::GetBargainingUnit)
        .create(Op::CreateBargainingUnit, create)
        .update_plainly(Op::UpdateBargainingUnit)
        .archive(Op::ArchiveBargainingUnit)
        .one::<organization::Model>("employer", "employer_organization_id")
        .one::<organization::Model>("union", "union_organization_id");
}

async fn create(ctx: Ctx, new: bargaining_unit::NewBargainingUnit) -> Result<bargaining_unit::Model> {
    let permit = ctx.permit_at(Op::CreateBargainingUnit, new.partnership_id)?;
    let (at, employer, union) = (new.partnership_id, new.employer_organization_id, new.union_organization_id);
    let employer = members::reference::<organization::Model>(&ctx, "/employerOrganizationId", employer, at).await?;
    let union = members::reference::<organization::Model>(&ctx, "/unionOrganizationId", union, at).await?;
    permit.covers(&[Some(union.id)])?;
    members::refuse(problems(employer.kind, union.kind))?;
    let active = bargaining_unit::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<bargaining_unit::Model>(&ctx, active, "bargaining_unit.created").await
}

fn problems(employer: OrganizationKind, union: OrganizationKind) -> Vec<Problem> {
    let wrong = |pointer, detail| members::problem(pointer, "wrong_kind", detail);
    let no_employer = employer != OrganizationKind::Employer;
    let no_union = union.side() != Side::Labor;
    let employer = no_employer.then(|| wrong("/employerOrganizationId", "the organisation is no employer"));
    let union = no_union.then(|| wrong("/unionOrganizationId", "the organisation is no union or other labor voice"));
    employer.into_iter().chain(union).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_between_an_employer_and_a_labor_voice() {
        use OrganizationKind as Kind;
        assert!(problems(Kind::Employer, Kind::Union).is_empty());
        assert!(problems(Kind::Employer, Kind::LaborCouncil).is_empty());
        assert_eq!(problems(Kind::IndustryAssociation, Kind::Employer).len(), 2);
    }
}
