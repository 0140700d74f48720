//! What kind of partner has which members.

use roundtable_entity::{OrganizationKind, Record, Side, Use, partner};
use roundtable_kernel::error::{Error, Problem};
use roundtable_kernel::schema::camel;
use sea_orm::ActiveEnum;
use serde_json::Value;

use crate::members;

/// A narrower form of a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Employer,
    Union,
    Institution,
}

impl Form {
    /// The form a partner of this kind has; kinds that are none of them have no members of their own.
    pub(super) fn of(kind: OrganizationKind) -> Option<Form> {
        match (kind, kind.side()) {
            (OrganizationKind::Employer, _) => Some(Form::Employer),
            (_, Side::Labor) => Some(Form::Union),
            (_, Side::Education) => Some(Form::Institution),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Form::Employer => "Employer",
            Form::Union => "Union",
            Form::Institution => "Institution",
        }
    }

    /// How the members of this form are marked.
    pub(super) fn members(self) -> Use {
        match self {
            Form::Employer => Use::employer,
            Form::Union => Use::union,
            Form::Institution => Use::institution,
        }
    }

    fn marked(uses: &[Use]) -> Option<Form> {
        let forms = [Form::Employer, Form::Union, Form::Institution];
        forms.into_iter().find(|form| uses.contains(&form.members()))
    }
}

/// The narrower form of a partner of the kind with this word.
pub(super) fn interface(kind: &str) -> &'static str {
    let kind = OrganizationKind::try_from_value(&kind.to_owned()).ok();
    kind.and_then(Form::of).map_or("OtherPartner", Form::name)
}

/// Members of a body that a partner of this kind does not have, unless they are empty.
pub(super) fn foreign_members(kind: OrganizationKind, body: &Value) -> Vec<Problem> {
    let own = Form::of(kind);
    let holds = |name: &str| match body.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    partner::Model::FIELDS
        .iter()
        .filter_map(|field| Some((camel(field.name), Form::marked(field.uses)?)))
        .filter(|(name, form)| own != Some(*form) && holds(name))
        .map(|(name, form)| {
            let detail =
                format!("a partner of the kind {} has no {name}; that is for the form {}", kind.word(), form.name());
            members::problem(format!("/{name}"), "not_for_this_kind", detail)
        })
        .collect()
}

pub(super) fn wrong_kind(form: Form, kind: OrganizationKind) -> Error {
    Error::member(
        "/organizationId",
        "wrong_kind",
        format!("the organisation is of the kind {}, which is no {}", kind.word(), form.name()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_has_its_form() {
        use OrganizationKind as Kind;
        assert_eq!(Form::of(Kind::Employer), Some(Form::Employer));
        assert_eq!(Form::of(Kind::IndustryAssociation), None);
        for labor in [Kind::Union, Kind::LaborCouncil, Kind::JointLaborManagement, Kind::LaborAgency] {
            assert_eq!(Form::of(labor), Some(Form::Union));
        }
        assert_eq!(Form::of(Kind::AdultEducation), Some(Form::Institution));
        assert_eq!(Form::of(Kind::WorkforceBoard), None);
    }

    #[test]
    fn a_shown_partner_says_its_form() {
        assert_eq!(interface("labor_agency"), "Union");
        assert_eq!(interface("k12"), "Institution");
        assert_eq!(interface("philanthropy"), "OtherPartner");
        assert_eq!(interface(""), "OtherPartner");
    }

    #[test]
    fn members_of_another_kind_are_named_unless_empty() {
        let body = json!({ "local": "IBEW 12", "naics": [], "headcount": null, "offerings": ["welding"] });
        let pointers = |kind| {
            let problems = foreign_members(kind, &body);
            problems.into_iter().map(|problem| problem.pointer).collect::<Vec<String>>()
        };
        assert_eq!(pointers(OrganizationKind::Union), ["/offerings"]);
        assert_eq!(pointers(OrganizationKind::University), ["/local"]);
        assert_eq!(pointers(OrganizationKind::Other), ["/local", "/offerings"]);
    }
}
