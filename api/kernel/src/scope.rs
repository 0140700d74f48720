//! Which rows a standing may know of: the row half of the access rule, record by record.
//!
//! A row outside does not exist for the caller: not in lists, counts, sorts, cursors, searches or nested fields, and by
//! id it is answered like a random one.

use roundtable_entity::*;
use sea_orm::sea_query::{Expr, ExprTrait, IntoCondition, Query};
use sea_orm::{ColumnTrait, Condition};
use uuid::Uuid;

use crate::access::{Permit, Reach};
use crate::op::Op;
use crate::seal;
use crate::standing::{Role, Standing};

mod direction;

/// A record with its row rule.
pub trait Scoped: Record {
    /// The operation that reads one: what cannot be read by it does not exist for the caller.
    const GET: Op;
    /// Rows this permit may know of.
    fn rows(permit: &Permit) -> Condition;
    /// The partnership; nil for what belongs to the installation.
    fn partnership_id(&self) -> Uuid;
    /// Organisations whose own it is.
    fn owners(&self) -> Vec<Option<Uuid>> {
        Vec::new()
    }
    /// Empties members this standing may not see on this row.
    fn mask(&mut self, _standing: &Standing) {}
    /// Columns this standing sees on no row, and may sort by all the same: the order is everybody's to know. Cursors do
    /// not hold them.
    fn order_only(_standing: &Standing) -> &'static [&'static str] {
        &[]
    }
    /// Whether who wrote this row is not for this standing to know, its role included.
    fn hides_author(&self, _standing: &Standing) -> bool {
        false
    }
}

fn every() -> Condition {
    Condition::all()
}

fn none() -> Condition {
    Condition::all().add(Expr::val(1).eq(0))
}

/// Rows of the partnership that are not sealed from the standing; every partnership's for the operator.
fn tenant<C: ColumnTrait>(column: C, permit: &Permit) -> Condition {
    match permit.standing.role {
        Role::Operator => every(),
        _ => column
            .eq(permit.standing.partnership_id)
            .into_condition()
            .add_option(seal::unsealed(column, &permit.standing)),
    }
}

/// Rows of the partnership, cut to the own organisation's where the reach is `Own`.
fn tenant_own<C: ColumnTrait>(tenant_column: C, owner: C, permit: &Permit) -> Condition {
    let rows = tenant(tenant_column, permit);
    match (permit.reach, permit.standing.organization_id) {
        (Reach::All, _) => rows,
        (Reach::Own, Some(organization)) => rows.add(owner.eq(organization)),
        _ => none(),
    }
}

/// Records of a partnership that belong to one organisation and that everybody in reach may know of.
macro_rules! owned {
    ($($get:ident $module:ident . $owner:ident : $column:ident),* $(,)?) => { $(
        impl Scoped for $module::Model {
            const GET: Op = Op::$get;
            fn rows(permit: &Permit) -> Condition {
                tenant_own($module::Column::PartnershipId, $module::Column::$column, permit)
            }
            fn partnership_id(&self) -> Uuid { self.partnership_id }
            fn owners(&self) -> Vec<Option<Uuid>> { vec![self.$owner.into()] }
        }
    )* };
}

owned! {
    GetLocation location.organization_id: OrganizationId,
    GetAffiliation affiliation.organization_id: OrganizationId,
    GetEngagement engagement.organization_id: OrganizationId,
    GetSeat seat.organization_id: OrganizationId,
    GetHandover handover.organization_id: OrganizationId,
    GetInterest interest.organization_id: OrganizationId,
    GetConstraint constraint.organization_id: OrganizationId,
    GetMissionStatement mission_statement.organization_id: OrganizationId,
    GetTimeOverride time_override.organization_id: OrganizationId,
    GetServiceAccount service_account.organization_id: OrganizationId,
    GetInvitation invitation.organization_id: OrganizationId,
    GetStaffAppointment staff_appointment.organization_id: OrganizationId,
    GetEndorsement endorsement.organization_id: OrganizationId,
    GetFeasibilityRating feasibility_rating.organization_id: OrganizationId,
    GetCause cause.proposed_by_organization_id: ProposedByOrganizationId,
    GetCauseConfirmation cause_confirmation.organization_id: OrganizationId,
    GetOffer offer.organization_id: OrganizationId,
    GetFitScore fit_score.organization_id: OrganizationId,
    GetSolutionApproval solution_approval.organization_id: OrganizationId,
    GetPlanApproval plan_approval.organization_id: OrganizationId,
    GetActionTeam action_team.lead_organization_id: LeadOrganizationId,
    GetProvisionedLogin provisioned_login.organization_id: OrganizationId,
}

/// Records of a partnership that belong to nobody in particular.
macro_rules! shared {
    ($($get:ident $module:ident),* $(,)?) => { $(
        impl Scoped for $module::Model {
            const GET: Op = Op::$get;
            fn rows(permit: &Permit) -> Condition {
                match permit.reach {
                    Reach::All => tenant($module::Column::PartnershipId, permit),
                    _ => none(),
                }
            }
            fn partnership_id(&self) -> Uuid { self.partnership_id }
        }
    )* };
}

shared! {
    GetPolicySetting policy_setting,
    GetMeetingSeries meeting_series,
    GetImportJob import_job,
    GetImportRow import_row,
    GetExternalId external_id,
}

impl Scoped for partnership::Model {
    const GET: Op = Op::GetPartnership;
    fn rows(permit: &Permit) -> Condition {
        tenant(partnership::Column::Id, permit)
    }
    fn partnership_id(&self) -> Uuid {
        self.id
    }
}

impl Scoped for organization::Model {
    const GET: Op = Op::GetOrganization;
    fn rows(permit: &Permit) -> Condition {
        tenant_own(organization::Column::PartnershipId, organization::Column::Id, permit)
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![Some(self.id)]
    }
}

impl Scoped for person::Model {
    const GET: Op = Op::GetPerson;
    fn rows(permit: &Permit) -> Condition {
        tenant_own(person::Column::PartnershipId, person::Column::OrganizationId, permit)
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![self.organization_id]
    }
    fn mask(&mut self, standing: &Standing) {
        let shown = match self.contact_visibility {
            ContactVisibility::Members => !matches!(standing.role, Role::Observer),
            ContactVisibility::Organization => {
                standing.role.is_intermediary() || standing.acts_for(self.organization_id)
            }
            ContactVisibility::Intermediary => standing.role.is_intermediary(),
        };
        if !shown && standing.person_id != Some(self.id) {
            self.email = None;
            self.phone = None;
        }
    }
}

impl Scoped for partner::Model {
    const GET: Op = Op::GetPartner;
    fn rows(permit: &Permit) -> Condition {
        let standing = &permit.standing;
        let rows = match permit.reach {
            Reach::Nothing | Reach::Public => return none(),
            _ => tenant(partner::Column::PartnershipId, permit),
        };
        // Whom the intermediary and champions court is nobody else's to know (practice 60).
        if standing.role.is_intermediary() || matches!(standing.role, Role::Champion | Role::Operator) {
            return rows;
        }
        rows.add(
            Condition::any()
                .add(partner::Column::State.is_in([
                    PartnerState::Active,
                    PartnerState::Dormant,
                    PartnerState::Withdrawn,
                ]))
                .add(partner::Column::OrganizationId.eq(standing.organization_id.unwrap_or_default())),
        )
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![Some(self.organization_id)]
    }
    fn mask(&mut self, standing: &Standing) {
        if !standing.role.is_intermediary() && !standing.acts_for(Some(self.organization_id)) {
            self.hours_offered = None;
        }
    }
}

impl Scoped for champion::Model {
    const GET: Op = Op::GetChampion;
    fn rows(permit: &Permit) -> Condition {
        let standing = &permit.standing;
        let rows = match permit.reach {
            Reach::Nothing | Reach::Public => return none(),
            _ => tenant(champion::Column::PartnershipId, permit),
        };
        if standing.role.is_intermediary() {
            return rows;
        }
        // Who is only thought of stays between the employer and the intermediary.
        rows.add(
            Condition::any()
                .add(champion::Column::State.is_in([ChampionState::Serving, ChampionState::SteppedDown]))
                .add(champion::Column::OrganizationId.eq(standing.organization_id.unwrap_or_default())),
        )
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![Some(self.organization_id)]
    }
}

impl Scoped for outreach_touch::Model {
    const GET: Op = Op::GetOutreachTouch;
    fn rows(permit: &Permit) -> Condition {
        let rows = tenant(outreach_touch::Column::PartnershipId, permit);
        match (permit.reach, permit.standing.organization_id) {
            (Reach::All, _) => rows,
            (Reach::Own, Some(own)) => rows.add(
                Condition::any()
                    .add(outreach_touch::Column::OrganizationId.eq(own))
                    .add(outreach_touch::Column::ByOrganizationId.eq(own)),
            ),
            _ => none(),
        }
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        // Whoever was reached reads it; whoever reached them writes it.
        vec![self.by_organization_id]
    }
}

impl Scoped for bargaining_unit::Model {
    const GET: Op = Op::GetBargainingUnit;
    fn rows(permit: &Permit) -> Condition {
        let rows = tenant(bargaining_unit::Column::PartnershipId, permit);
        match (permit.reach, permit.standing.organization_id) {
            (Reach::All, _) => rows,
            (Reach::Own, Some(own)) => rows.add(
                Condition::any()
                    .add(bargaining_unit::Column::EmployerOrganizationId.eq(own))
                    .add(bargaining_unit::Column::UnionOrganizationId.eq(own)),
            ),
            _ => none(),
        }
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![Some(self.employer_organization_id), Some(self.union_organization_id)]
    }
}

/// Meetings a standing may know of: drafts only to the intermediary and whoever drafts them, public ones to observers,
/// those for participants to the organisations asked.
fn meetings(permit: &Permit) -> Condition {
    let standing = &permit.standing;
    let rows = tenant(meeting::Column::PartnershipId, permit);
    match permit.reach {
        Reach::Nothing => none(),
        Reach::Public => rows
            .add(meeting::Column::State.ne(MeetingState::Draft))
            .add(meeting::Column::Publicity.eq(Publicity::Public)),
        _ if standing.role.is_intermediary() => rows,
        Reach::All | Reach::Own => {
            let own = standing.organization_id.unwrap_or_default();
            let asked = Query::select()
                .column(attendance::Column::MeetingId)
                .from(attendance::Entity)
                .and_where(attendance::Column::OrganizationId.eq(own))
                .and_where(attendance::Column::ArchivedAt.is_null())
                .to_owned();
            rows.add(
                Condition::any()
                    .add(meeting::Column::OrganizerOrganizationId.eq(own))
                    .add(
                        Condition::all()
                            .add(meeting::Column::State.ne(MeetingState::Draft))
                            .add(meeting::Column::Publicity.ne(Publicity::Participants)),
                    )
                    .add(
                        Condition::all()
                            .add(meeting::Column::State.ne(MeetingState::Draft))
                            .add(meeting::Column::Id.in_subquery(asked)),
                    ),
            )
        }
    }
}

impl Scoped for meeting::Model {
    const GET: Op = Op::GetMeeting;
    fn rows(permit: &Permit) -> Condition {
        meetings(permit)
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![self.organizer_organization_id]
    }
}

/// Rows of a meeting: known to whoever may know of the meeting.
fn part<C: ColumnTrait>(tenant_column: C, meeting: C, permit: &Permit) -> Condition {
    if permit.reach == Reach::Nothing {
        return none();
    }
    let rows = tenant(tenant_column, permit);
    if permit.standing.role.is_intermediary() {
        return rows;
    }
    let known =
        Query::select().column(meeting::Column::Id).from(meeting::Entity).cond_where(meetings(permit)).to_owned();
    rows.add(Condition::any().add(meeting.is_null()).add(meeting.in_subquery(known)))
}

macro_rules! meeting_part {
    ($($get:ident $module:ident),* $(,)?) => { $(
        impl Scoped for $module::Model {
            const GET: Op = Op::$get;
            fn rows(permit: &Permit) -> Condition {
                part($module::Column::PartnershipId, $module::Column::MeetingId, permit)
            }
            fn partnership_id(&self) -> Uuid { self.partnership_id }
        }
    )* };
}

meeting_part! { GetAgendaItem agenda_item, GetDecision decision }

impl Scoped for attendance::Model {
    const GET: Op = Op::GetAttendance;
    fn rows(permit: &Permit) -> Condition {
        part(attendance::Column::PartnershipId, attendance::Column::MeetingId, permit)
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![Some(self.organization_id)]
    }
    fn mask(&mut self, standing: &Standing) {
        // A constraint is its organisation's and the intermediary's to know.
        if !standing.role.is_intermediary() && !standing.acts_for(Some(self.organization_id)) {
            self.warnings.0.retain(|warning| !warning.starts_with("constraint:"));
        }
    }
}

impl Scoped for minutes::Model {
    const GET: Op = Op::GetMinutes;
    fn rows(permit: &Permit) -> Condition {
        let rows = part(minutes::Column::PartnershipId, minutes::Column::MeetingId, permit);
        let standing = &permit.standing;
        if standing.role.is_intermediary() {
            return rows;
        }
        // Until they are circulated, minutes are known to who writes them.
        let own = standing.organization_id.unwrap_or_default();
        let organized = Query::select()
            .column(meeting::Column::Id)
            .from(meeting::Entity)
            .and_where(meeting::Column::OrganizerOrganizationId.eq(own))
            .to_owned();
        rows.add(
            Condition::any()
                .add(minutes::Column::State.ne(MinutesState::Draft))
                .add(minutes::Column::MeetingId.in_subquery(organized)),
        )
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
}

impl Scoped for action_item::Model {
    const GET: Op = Op::GetActionItem;
    fn rows(permit: &Permit) -> Condition {
        if permit.reach == Reach::Nothing {
            return none();
        }
        // Its owner knows of an item even from a meeting it was not asked to.
        let own = permit.standing.organization_id.unwrap_or_default();
        tenant(action_item::Column::PartnershipId, permit).add(
            Condition::any()
                .add(part(action_item::Column::PartnershipId, action_item::Column::MeetingId, permit))
                .add(action_item::Column::OwnerOrganizationId.eq(own)),
        )
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![Some(self.owner_organization_id)]
    }
}

impl Scoped for resource::Model {
    const GET: Op = Op::GetResource;
    fn rows(permit: &Permit) -> Condition {
        let standing = &permit.standing;
        let rows = tenant(resource::Column::PartnershipId, permit);
        if standing.role.is_intermediary() && permit.reach == Reach::All {
            return rows;
        }
        let on_the_map =
            resource::Column::RecordState.is_in([RecordState::Listed, RecordState::Verified, RecordState::Stale]);
        match permit.reach {
            Reach::Nothing => none(),
            Reach::Public => rows.add(on_the_map),
            Reach::All | Reach::Own => {
                let own = standing.organization_id.unwrap_or_default();
                rows.add(
                    Condition::any()
                        .add(on_the_map)
                        .add(resource::Column::OwnerOrganizationId.eq(own))
                        .add(resource::Column::DiscoveredByOrganizationId.eq(own)),
                )
            }
        }
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        // Until it is listed, whoever discovered it writes it; from then on it is its owner's.
        match self.record_state {
            RecordState::Draft => vec![self.owner_organization_id, self.discovered_by_organization_id],
            _ => vec![self.owner_organization_id],
        }
    }
}

impl Scoped for resource_status_change::Model {
    const GET: Op = Op::GetResourceStatusChange;
    fn rows(permit: &Permit) -> Condition {
        let known = Query::select()
            .column(resource::Column::Id)
            .from(resource::Entity)
            .cond_where(resource::Model::rows(permit))
            .to_owned();
        resource_status_change::Column::ResourceId.in_subquery(known).into_condition()
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
}

impl Scoped for calendar_feed::Model {
    const GET: Op = Op::GetCalendarFeed;
    fn rows(permit: &Permit) -> Condition {
        match (permit.reach, permit.standing.account_id) {
            (Reach::Own, Some(account)) => {
                tenant(calendar_feed::Column::PartnershipId, permit).add(calendar_feed::Column::AccountId.eq(account))
            }
            _ => none(),
        }
    }
    fn partnership_id(&self) -> Uuid {
        self.partnership_id
    }
    fn owners(&self) -> Vec<Option<Uuid>> {
        vec![Some(self.account_id)]
    }
}

/// Records of the installation.
macro_rules! installation {
    ($($get:ident $module:ident),*) => { $(
        impl Scoped for $module::Model {
            const GET: Op = Op::$get;
            fn rows(permit: &Permit) -> Condition {
                match permit.reach { Reach::All => every(), _ => none() }
            }
            fn partnership_id(&self) -> Uuid { Uuid::nil() }
        }
    )* };
}

installation! { GetCode code, GetAccount account }

/// Records of webhooks: known to whose they are, the intermediary's own to the intermediary.
macro_rules! webhooks {
    ($($get:ident $module:ident { $($mask:item)? })*) => { $(
        impl Scoped for $module::Model {
            const GET: Op = Op::$get;
            fn rows(permit: &Permit) -> Condition {
                let rows = tenant($module::Column::PartnershipId, permit);
                match (permit.reach, permit.standing.organization_id) {
                    (Reach::All, _) => rows.add($module::Column::OrganizationId.is_null()),
                    (Reach::Own, Some(own)) => rows.add($module::Column::OrganizationId.eq(own)),
                    _ => none(),
                }
            }
            fn partnership_id(&self) -> Uuid { self.partnership_id }
            fn owners(&self) -> Vec<Option<Uuid>> { vec![self.organization_id] }
            $($mask)?
        }
    )* };
}

webhooks! {
    GetWebhook webhook {}
    GetWebhookDelivery webhook_delivery {
        fn mask(&mut self, standing: &Standing) {
            // The body was cut to one role; a colleague in another may know less.
            if standing.role.word() != self.role {
                self.payload = None;
            }
        }
    }
    GetWebhookAttempt webhook_attempt {}
}
