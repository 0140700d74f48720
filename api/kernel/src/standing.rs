//! Who asks: roles, standings, callers.

use std::sync::Arc;

use roundtable_entity::OrganizationKind;
use uuid::Uuid;

/// The role in which somebody acts at a partnership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the installation; does not read what partnerships work on.
    Operator,
    /// Leads the intermediary's work: convenes, facilitates, never sets the course.
    Intermediary,
    /// Works for the intermediary, without policy, phase and keys.
    IntermediaryStaff,
    /// An employer's person.
    Employer,
    /// An employer's person who serves as champion.
    Champion,
    /// A union's, labor council's or joint labor-management body's person.
    Union,
    /// A labor agency's person.
    LaborAgency,
    /// An education or training institution's person.
    Institution,
    /// A workforce board's or agency's person.
    WorkforceBoard,
    /// An economic development organisation's person.
    EconomicDevelopment,
    /// Any other partner's person.
    OtherPartner,
    /// Reads what is public to observers.
    Observer,
}

impl Role {
    /// Every role, in the order of the printed matrix.
    pub const ALL: [Role; 12] = [
        Role::Operator,
        Role::Intermediary,
        Role::IntermediaryStaff,
        Role::Employer,
        Role::Champion,
        Role::Union,
        Role::LaborAgency,
        Role::Institution,
        Role::WorkforceBoard,
        Role::EconomicDevelopment,
        Role::OtherPartner,
        Role::Observer,
    ];

    /// As written on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Intermediary => "intermediary",
            Role::IntermediaryStaff => "intermediary_staff",
            Role::Employer => "employer",
            Role::Champion => "champion",
            Role::Union => "union",
            Role::LaborAgency => "labor_agency",
            Role::Institution => "institution",
            Role::WorkforceBoard => "workforce_board",
            Role::EconomicDevelopment => "economic_development",
            Role::OtherPartner => "other_partner",
            Role::Observer => "observer",
        }
    }

    /// The role of that name.
    pub fn named(word: &str) -> Option<Role> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// The role a seat of an organisation of this kind brings.
    pub fn of_kind(kind: OrganizationKind) -> Role {
        use OrganizationKind as Kind;
        match kind {
            Kind::Employer => Role::Employer,
            Kind::Union | Kind::LaborCouncil | Kind::JointLaborManagement => Role::Union,
            Kind::LaborAgency => Role::LaborAgency,
            Kind::K12 | Kind::CommunityCollege | Kind::University | Kind::TrainingProvider | Kind::AdultEducation => {
                Role::Institution
            }
            Kind::WorkforceBoard | Kind::WorkforceAgency => Role::WorkforceBoard,
            Kind::EconomicDevelopment => Role::EconomicDevelopment,
            Kind::IndustryAssociation
            | Kind::LocalGovernment
            | Kind::StateGovernment
            | Kind::Philanthropy
            | Kind::CommunityBased
            | Kind::Other => Role::OtherPartner,
        }
    }

    /// The intermediary's lead or staff.
    pub fn is_intermediary(self) -> bool {
        matches!(self, Role::Intermediary | Role::IntermediaryStaff)
    }

    /// An employer's person, champion or not.
    pub fn is_employer(self) -> bool {
        matches!(self, Role::Employer | Role::Champion)
    }

    /// Somebody who sits at the table for a partner.
    pub fn is_member(self) -> bool {
        !matches!(self, Role::Operator | Role::Observer) && !self.is_intermediary()
    }
}

/// What somebody is at one partnership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The partnership. Nil for the operator, who stands beside all of them.
    pub partnership_id: Uuid,
    /// The role.
    pub role: Role,
    /// The organisation acted for.
    pub organization_id: Option<Uuid>,
    /// The partner, for people with a seat.
    pub partner_id: Option<Uuid>,
    /// The person, for people with a seat.
    pub person_id: Option<Uuid>,
    /// The seat, for people with one.
    pub seat_id: Option<Uuid>,
    /// The account, of a person or a system. What belongs to a login and to nobody else is its own.
    pub account_id: Option<Uuid>,
}

impl Standing {
    /// The operator's standing.
    pub fn operator() -> Self {
        Self {
            partnership_id: Uuid::nil(),
            role: Role::Operator,
            organization_id: None,
            partner_id: None,
            person_id: None,
            seat_id: None,
            account_id: None,
        }
    }

    /// The standing in which the server itself acts at a partnership: the intermediary's, never more.
    pub fn intermediary(partnership_id: Uuid) -> Self {
        Self { partnership_id, role: Role::Intermediary, ..Self::operator() }
    }

    /// Whether it acts for this organisation, or is this account.
    pub fn acts_for(&self, owner: Option<Uuid>) -> bool {
        owner.is_some() && (self.organization_id == owner || self.account_id == owner)
    }
}

/// Who signed in, and everything they are.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The account, of a person or a system.
    pub account_id: Uuid,
    /// Name to greet them by.
    pub name: String,
    /// Whether it is a system's.
    pub service: bool,
    /// Scopes of a system; empty means all its role may do.
    pub scopes: Vec<String>,
    /// What they are, table by table.
    pub standings: Vec<Standing>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Nobody we know.
    Anonymous,
    /// Somebody signed in, acting at one table or none.
    Account {
        /// Who.
        principal: Arc<Principal>,
        /// As what; `None` when they sit nowhere or have not said where.
        acting: Option<Standing>,
    },
    /// The server itself, for example at an import from the command line; acts as the intermediary, never as more.
    System(Standing),
}

impl Caller {
    /// The standing acted in.
    pub fn standing(&self) -> Option<&Standing> {
        match self {
            Caller::Anonymous => None,
            Caller::Account { acting, .. } => acting.as_ref(),
            Caller::System(standing) => Some(standing),
        }
    }

    /// The account.
    pub fn account_id(&self) -> Option<Uuid> {
        match self {
            Caller::Account { principal, .. } => Some(principal.account_id),
            _ => None,
        }
    }
}
