//! Rows of direction: from what employers say to solutions that fit, and what is kept for the bargaining table.

use roundtable_entity::*;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition};
use uuid::Uuid;

use super::{Scoped, none, tenant, tenant_own};
use crate::access::{Permit, Reach};
use crate::op::Op;
use crate::standing::{Role, Standing};

/// Records that observers know of from a stage on, and everybody else in reach from the beginning.
macro_rules! staged {
    ($($get:ident $module:ident [$($state:path),*] owned by $owners:expr;)*) => { $(
        impl Scoped for $module::Model {
            const GET: Op = Op::$get;
            fn rows(permit: &Permit) -> Condition {
                let rows = tenant($module::Column::PartnershipId, permit);
                match permit.reach {
                    Reach::Nothing => none(),
                    Reach::Public => rows.add($module::Column::State.is_in([$($state),*])),
                    Reach::Own | Reach::All => rows,
                }
            }
            fn partnership_id(&self) -> Uuid { self.partnership_id }
            fn owners(&self) -> Vec<Option<Uuid>> {
                let owners: fn(&Self) -> Vec<Option<Uuid>> = $owners;
                owners(self)
            }
        }
    )* };
}

staged! {
    GetSecondLook second_look [SecondLookState::Concluded]
        owned by |row| {
            listed(&row.reviewers).chain([row.opened_by_organization_id, row.owner_organization_id]).collect()
        };
    GetSolution solution [SolutionState::Adopted, SolutionState::Implementing, SolutionState::Delivered]
        owned by |row| listed(&row.designer_organization_ids).chain([row.proposed_by_organization_id]).collect();
    GetGoal goal [GoalState::Agreed]
        owned by |row| vec![row.proposed_by_organization_id];
}

impl Scoped for need::Model {
    const GET: Op = Op::GetNeed;
    fn rows(permit: &Permit) -> Condition {
        let rows = tenant(need::Column::PartnershipId, permit);
        match permit.reach {
            Reach::Nothing => none(),
            Reach::Public => rows.add(need::Column::State.is_in([
                NeedState::Shared,
                NeedState::RootCaused,
                NeedState::Solving,
                NeedState::Met,
            ])),
            Reach::Own | Reach::All => rows,
        }
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![self.raised_by_organization_id, self.voiced_by_organization_id]
    }
    fn mask(&mut self, standing: &Standing) {
        // From a sum of few one reads what each employer said (practice 8).
        if !Self::order_only(standing).is_empty() {
            self.affected = None;
            self.rank_score = None;
        }
    }
    fn order_only(standing: &Standing) -> &'static [&'static str] {
        if standing.role.is_intermediary() || standing.role.is_employer() { &[] } else { &["rank_score"] }
    }
}

/// Organisations that a list of ids names.
fn listed(ids: &Texts) -> impl Iterator<Item = Option<Uuid>> {
    ids.0.iter().map(|id| Uuid::parse_str(id).ok())
}

impl Scoped for plan_version::Model {
    const GET: Op = Op::GetPlanVersion;
    fn rows(permit: &Permit) -> Condition {
        let rows = tenant(plan_version::Column::PartnershipId, permit);
        match permit.reach {
            Reach::Nothing => none(),
            Reach::Public => rows.add(plan_version::Column::State.eq(PlanVersionState::InForce)),
            Reach::Own | Reach::All => rows,
        }
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![self.proposed_by_organization_id]
    }
    fn mask(&mut self, standing: &Standing) {
        if standing.role != Role::Observer {
            return;
        }
        // Observers know neither of what it rests on and follows, nor of goals before they are agreed.
        for basis in [
            &mut self.basis_input_ids,
            &mut self.basis_second_look_ids,
            &mut self.basis_statement_ids,
            &mut self.basis_need_ids,
        ] {
            basis.0.clear();
        }
        self.follows_id = None;
        self.goals.0.retain(|goal| goal.state == GoalState::Agreed);
        let shown: Vec<String> = self.goals.0.iter().map(|goal| goal.id.to_string()).collect();
        self.goal_ids.0.retain(|id| shown.contains(id));
    }
}

impl Scoped for plan_step::Model {
    const GET: Op = Op::GetPlanStep;
    fn rows(permit: &Permit) -> Condition {
        tenant_own(plan_step::Column::PartnershipId, plan_step::Column::LeadOrganizationId, permit)
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![Some(self.lead_organization_id), self.team_lead_organization_id]
    }
}

impl Scoped for input::Model {
    const GET: Op = Op::GetInput;
    fn rows(permit: &Permit) -> Condition {
        match permit.reach {
            Reach::All => tenant(input::Column::PartnershipId, permit),
            _ => none(),
        }
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![self.from_organization_id]
    }
    fn mask(&mut self, standing: &Standing) {
        if self.hides_author(standing) {
            self.from_organization_id = None;
            self.from_person_id = None;
        }
    }
    fn hides_author(&self, standing: &Standing) -> bool {
        // A doubt may be raised without the others knowing by whom (practice 15).
        self.masked && !standing.role.is_intermediary() && !standing.acts_for(self.from_organization_id)
    }
}

impl Scoped for employer_statement::Model {
    const GET: Op = Op::GetEmployerStatement;
    fn rows(permit: &Permit) -> Condition {
        let rows = tenant(employer_statement::Column::PartnershipId, permit);
        if permit.standing.role.is_intermediary() {
            return rows;
        }
        // Words that their employer has not owned are nobody else's to know (practice 11).
        let own = permit.standing.organization_id.unwrap_or_default();
        rows.add(
            Condition::any()
                .add(employer_statement::Column::Confirmation.is_in([Confirmation::Confirmed, Confirmation::Corrected]))
                .add(employer_statement::Column::EmployerOrganizationId.eq(own)),
        )
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![Some(self.employer_organization_id)]
    }
}

/// Whether the standing speaks for one of the parties of a topic.
fn is_party(standing: &Standing, parties: &Texts) -> bool {
    standing.role.is_member() && listed(parties).any(|party| standing.acts_for(party))
}

impl Scoped for topic::Model {
    const GET: Op = Op::GetTopic;
    fn rows(permit: &Permit) -> Condition {
        let standing = &permit.standing;
        let rows = match permit.reach {
            Reach::Nothing | Reach::Public => return none(),
            Reach::Own | Reach::All => tenant(topic::Column::PartnershipId, permit),
        };
        if standing.role.is_intermediary() {
            return rows;
        }
        let own = standing.organization_id.unwrap_or_default().to_string();
        // What the parties agreed to treat in the partnership is for all members to read (practice 79).
        rows.add(
            Condition::any()
                .add(topic::Column::Venue.eq(TopicVenue::Partnership))
                .add(topic::Column::PartyOrganizationIds.contains(own)),
        )
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        listed(&self.party_organization_ids).collect()
    }
    fn mask(&mut self, standing: &Standing) {
        if is_party(standing, &self.party_organization_ids) {
            return;
        }
        self.rationale = None;
        self.contested_reason = None;
        let held = match self.venue {
            TopicVenue::Partnership => false,
            TopicVenue::BargainingTable => true,
            TopicVenue::Undetermined => self.subject_matter != Some(SubjectMatter::Other),
        };
        if held {
            // A stub (practice 80).
            *self = Self {
                subject: None,
                text: None,
                subject_matter: None,
                need_ids: Texts::default(),
                cause_ids: Texts::default(),
                employer_statement_ids: Texts::default(),
                input_ids: Texts::default(),
                offer_ids: Texts::default(),
                second_look_ids: Texts::default(),
                solution_ids: Texts::default(),
                agenda_item_ids: Texts::default(),
                decision_ids: Texts::default(),
                action_item_ids: Texts::default(),
                minutes_ids: Texts::default(),
                proposed_by_organization_id: None,
                ..self.clone()
            };
        }
    }
}

impl Scoped for topic_consent::Model {
    const GET: Op = Op::GetTopicConsent;
    fn rows(permit: &Permit) -> Condition {
        let Some(own) = permit.standing.organization_id.filter(|_| permit.standing.role.is_member()) else {
            return none();
        };
        let topics = Query::select()
            .column(topic::Column::Id)
            .from(topic::Entity)
            .and_where(topic::Column::PartyOrganizationIds.contains(own.to_string()))
            .to_owned();
        tenant(topic_consent::Column::PartnershipId, permit).add(topic_consent::Column::TopicId.in_subquery(topics))
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![Some(self.organization_id)]
    }
}
