//! The access table: for every operation, how far each role reaches. The one place where it is written; both doors, the
//! OpenAPI document, `openapi/access.md`, `GET /v1/me` and the tests read it.
//!
//! An operation without a row does not compile: the match in [`rule`] has no wildcard. What a reach means for a row of a
//! table is said in `scope.rs`.

use std::marker::PhantomData;

use crate::error::{Code, Error, Result};
use crate::op::Op;
use crate::standing::{Role, Standing};

/// How far a role reaches with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Not at all.
    Nothing,
    /// What is public to observers.
    Public,
    /// The rows of the own organisation.
    Own,
    /// Every row of the partnership that the role may know of.
    All,
}

impl Reach {
    /// As it stands on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Reach::Nothing => "nothing",
            Reach::Public => "public",
            Reach::Own => "own",
            Reach::All => "all",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    reach: [Reach; 12],
    /// Anybody may, signed in or not.
    pub open: bool,
    /// Anybody signed in may.
    pub signed_in: bool,
    /// Setting course: the intermediary, and whatever acts for it, is told so in as many words.
    pub course: bool,
    /// Why the row is as it is, where it may surprise.
    pub because: &'static str,
}

use Reach::{All, Own, Public};

const fn row() -> Rule {
    Rule { reach: [Reach::Nothing; 12], open: false, signed_in: false, course: false, because: "" }
}

impl Rule {
    const fn set(mut self, role: Role, reach: Reach) -> Self {
        self.reach[role as usize] = reach;
        self
    }
    const fn operator(self) -> Self {
        self.set(Role::Operator, All)
    }
    const fn lead(self, reach: Reach) -> Self {
        self.set(Role::Intermediary, reach)
    }
    const fn intermediary(self, reach: Reach) -> Self {
        self.set(Role::Intermediary, reach).set(Role::IntermediaryStaff, reach)
    }
    const fn employers(self, reach: Reach) -> Self {
        self.set(Role::Employer, reach).set(Role::Champion, reach)
    }
    const fn champions(self, reach: Reach) -> Self {
        self.set(Role::Champion, reach)
    }
    const fn labor(self, reach: Reach) -> Self {
        self.set(Role::Union, reach).set(Role::LaborAgency, reach)
    }
    const fn unions(self, reach: Reach) -> Self {
        self.set(Role::Union, reach)
    }
    const fn institutions(self, reach: Reach) -> Self {
        self.set(Role::Institution, reach)
    }
    const fn members(self, reach: Reach) -> Self {
        self.employers(reach)
            .labor(reach)
            .institutions(reach)
            .set(Role::WorkforceBoard, reach)
            .set(Role::EconomicDevelopment, reach)
            .set(Role::OtherPartner, reach)
    }
    const fn observers(self, reach: Reach) -> Self {
        self.set(Role::Observer, reach)
    }
    const fn open(mut self) -> Self {
        self.open = true;
        self
    }
    const fn signed_in(mut self) -> Self {
        self.signed_in = true;
        self
    }
    const fn course(mut self) -> Self {
        self.course = true;
        self
    }
    const fn because(mut self, reason: &'static str) -> Self {
        self.because = reason;
        self
    }

    /// How far this role reaches.
    pub fn reach(&self, role: Role) -> Reach {
        self.reach[role as usize]
    }
}

/// The table.
pub const fn rule(op: Op) -> Rule {
    use Op::*;
    match op {
        ListPartnerships | GetPartnership => row().operator().intermediary(All).members(All).observers(All),
        CreatePartnership | ArchivePartnership => row().operator().because("the tenant boundary is the operator's"),
        UpdatePartnership => row().lead(All),
        ListPolicySettings | GetPolicySetting | ListPolicyKeys => row().intermediary(All).members(All),
        CreatePolicySetting => row().lead(All).because("staff do not set policy"),

        ListOrganizations | GetOrganization => row().operator().intermediary(All).members(All).observers(All),
        CreateOrganization => row().intermediary(All).champions(All).because("champions bring prospects"),
        UpdateOrganization => row().intermediary(All).members(Own),
        ArchiveOrganization | RestoreOrganization => row().intermediary(All),
        ListLocations | GetLocation => row().intermediary(All).members(All).observers(All),
        CreateLocation | UpdateLocation | ArchiveLocation => row().intermediary(All).members(Own),

        ListPeople | GetPerson => row().operator().intermediary(All).members(All),
        CreatePerson => row().intermediary(All).members(All),
        UpdatePerson => row().intermediary(All).members(Own),
        ArchivePerson | RestorePerson => row().intermediary(All),
        ListAffiliations | GetAffiliation => row().operator().intermediary(All).members(All),
        CreateAffiliation | UpdateAffiliation | EndAffiliation => row().intermediary(All).members(Own),
        ArchiveAffiliation => row().intermediary(All),
        ListExternalIds | GetExternalId => row().intermediary(All).members(All),
        CreateExternalId | ArchiveExternalId => row().intermediary(All),

        ListPartners | GetPartner | ListEmployers | GetEmployer | ListUnions | GetUnion | ListInstitutions
        | GetInstitution => row()
            .operator()
            .intermediary(All)
            .members(All)
            .because("prospects are known to the intermediary and champions only"),
        CreatePartner | CreateEmployer | CreateUnion | CreateInstitution => {
            row().intermediary(All).champions(All).because("champions market the effort to other firms (practice 60)")
        }
        UpdatePartner | UpdateEmployer | UpdateUnion | UpdateInstitution => row().intermediary(All).members(Own),
        ArchivePartner | RestorePartner => row().intermediary(All),
        InvitePartner => row().intermediary(All).champions(All),
        JoinPartner | DeclinePartner => row()
            .members(Own)
            .intermediary(All)
            .because("an invited organisation that has no login yet is entered by the intermediary on its word"),
        WithdrawPartner => row().intermediary(All).members(Own),
        RestPartner | ReactivatePartner => row().intermediary(All),
        EngagePartner => row().intermediary(All).members(Own),
        OfferHours => row().employers(Own).course().because("an employer's time is its own to offer (practice 38)"),
        ListEngagements | GetEngagement => row().intermediary(All).members(All),

        ListSeats | GetSeat | GetCoverage => row().operator().intermediary(All).members(All),
        CreateSeat | UpdateSeat => row().intermediary(All).members(Own),
        AcceptSeat | ConfirmSeat => {
            row().members(Own).intermediary(All).because("the intermediary acts where a partner is uncovered")
        }
        EndSeat => row().intermediary(All).members(Own),
        ListHandovers | GetHandover => row().intermediary(All).members(Own),
        UpdateHandover | AcceptHandover | CompleteHandover => row().members(Own),
        ListChampions | GetChampion => row().intermediary(All).members(All),
        CreateChampion => row().intermediary(All).employers(Own),
        UpdateChampion => row().intermediary(All).employers(Own),
        AcceptChampion => row().employers(Own).course().because("serving is the employer's word (practice 59)"),
        StepDownChampion => row().intermediary(All).employers(Own),
        ListOutreachTouches | GetOutreachTouch => row().intermediary(All).members(Own),
        CreateOutreachTouch => row().intermediary(All).champions(All),
        UpdateOutreachTouch => row().intermediary(All).champions(Own),
        ArchiveOutreachTouch => row().intermediary(All),

        ListInterests | GetInterest | CreateInterest => row()
            .intermediary(All)
            .members(Own)
            .because("hopes and barriers stay with their owner and the intermediary"),
        UpdateInterest | ArchiveInterest => row().members(Own).intermediary(All),
        ListConstraints | GetConstraint | CreateConstraint | UpdateConstraint | ArchiveConstraint => {
            row().intermediary(All).members(Own)
        }
        ListMissionStatements | GetMissionStatement => row().intermediary(All).members(All).observers(All),
        CreateMissionStatement => {
            row().members(Own).course().because("a mission is stated by whose it is (practice 71)")
        }
        ListBargainingUnits | GetBargainingUnit => row()
            .intermediary(All)
            .employers(Own)
            .labor(All)
            .because("an employer sees its own units; labor sees those of the region"),
        CreateBargainingUnit | UpdateBargainingUnit | ArchiveBargainingUnit => row().intermediary(All).labor(Own),

        ListMeetingSeriesList | GetMeetingSeries => row().intermediary(All).members(All),
        CreateMeetingSeries | UpdateMeetingSeries | ArchiveMeetingSeries | GenerateMeetings => row().intermediary(All),
        ListMeetings | GetMeeting => row().intermediary(All).members(All).observers(Public),
        CreateMeeting => row().intermediary(All).champions(All).because("champions lead activities (practice 61)"),
        UpdateMeeting | ScheduleMeeting | StartMeeting | HoldMeeting | CloseMeeting | CancelMeeting
        | CarryOverMeeting => row().intermediary(All).champions(Own),
        ArchiveMeeting => row().intermediary(All),
        ListAgendaItems | GetAgendaItem => row().intermediary(All).members(All).observers(Public),
        CreateAgendaItem => row().intermediary(All).members(All).because("any member may propose an item for a draft"),
        UpdateAgendaItem | ArchiveAgendaItem => row().intermediary(All).champions(Own),
        ListAttendances | GetAttendance => row().intermediary(All).members(All),
        CreateAttendance | UpdateAttendance | ArchiveAttendance | RecordAttendance => {
            row().intermediary(All).champions(Own)
        }
        AnswerAttendance => row().members(Own).course().because("nobody answers for another organisation's seat"),
        ListMinutesList | GetMinutes => row().intermediary(All).members(All).observers(Public),
        CreateMinutes | UpdateMinutes | CirculateMinutes => row().intermediary(All).champions(Own),
        ApproveMinutes => row().members(Own).course().because("minutes are approved by those who were there"),
        ListDecisions | GetDecision => row().intermediary(All).members(All).observers(Public),
        CreateDecision | UpdateDecision => row().intermediary(All).champions(Own),
        ArchiveDecision => row().intermediary(All),
        ListActionItems | GetActionItem => row().intermediary(All).members(All),
        CreateActionItem => row().intermediary(All).members(All),
        UpdateActionItem | DropActionItem => row().intermediary(All).members(Own),
        AcceptActionItem | DeclineActionItem | CompleteActionItem => {
            row().members(Own).course().because("work is taken on by its owner, never assigned (practice 52)")
        }
        ListTimeOverrides | GetTimeOverride => row().intermediary(All).employers(Own),
        GetTimeLedger => row().intermediary(All).employers(Own),

        ListResources | GetResource => row().intermediary(All).members(All).observers(Public),
        CreateResource => row().intermediary(All).members(All),
        UpdateResource | PublishResource | VerifyResource | RetireResource => row().intermediary(All).members(Own),
        ArchiveResource | RestoreResource => row().intermediary(All),
        ListResourceStatusChanges | GetResourceStatusChange => row().intermediary(All).members(All).observers(Public),
        ListCalendarFeeds | GetCalendarFeed | CreateCalendarFeed | UpdateCalendarFeed | ArchiveCalendarFeed
        | RotateCalendarFeed => {
            row().intermediary(Own).members(Own).observers(Own).because("a feed belongs to a login and to nobody else")
        }
        GetMeetingCalendar => row().intermediary(All).members(All).observers(Public),
        ListCodes | GetCode => row().operator().intermediary(All).members(All).observers(All),
        CreateCode | UpdateCode | RetireCode => row().operator(),

        ListEmployerStatements | GetEmployerStatement => row().intermediary(All).members(All).because(
            "until its employer confirmed it, a statement is known to that employer and the intermediary only",
        ),
        CreateEmployerStatement | UpdateEmployerStatement => row().intermediary(All).employers(Own),
        ArchiveEmployerStatement => row().intermediary(All),
        ConfirmEmployerStatement | CorrectEmployerStatement | RejectEmployerStatement => {
            row().employers(Own).course().because("an employer's words are its own (practice 11)")
        }
        HearEmployerStatement => {
            row().members(All).because("partners listen; the intermediary was there (practice 11)")
        }
        ListNeeds | GetNeed => row()
            .intermediary(All)
            .members(All)
            .observers(Public)
            .because("observers know of needs from when they are shared"),
        CreateNeed => row().intermediary(All).members(All).because("only an employer voices what others observe"),
        UpdateNeed | ArchiveNeed => row().intermediary(All).members(Own),
        VoiceNeed => row().employers(All).course().because("employers chart the course (practice 8)"),
        MeetNeed => row().employers(All).course().because("employers say when a need is met"),
        ParkNeed | ResumeNeed => row().employers(All).course().because("employers chart the course (practice 8)"),
        ListEndorsements | GetEndorsement => {
            row().intermediary(All).employers(All).because("all others see how many, on the need")
        }
        CreateEndorsement | UpdateEndorsement | WithdrawEndorsement => {
            row().employers(Own).course().because("one voice for each employer, its own (practice 8)")
        }
        ListFeasibilityRatings | GetFeasibilityRating | CreateFeasibilityRating => {
            row().intermediary(All).members(All).because("advice from every side; it never changes the order")
        }
        UpdateFeasibilityRating => row().members(Own),
        ListCauses | GetCause | CreateCause | TestCause => row().intermediary(All).members(All),
        UpdateCause | ArchiveCause => row().intermediary(All).members(Own),
        RejectCause => row().employers(All).course().because("employers confirm and reject causes (practice 27)"),
        ListCauseConfirmations | GetCauseConfirmation => {
            row().intermediary(All).employers(All).because("all others see how many, on the cause")
        }
        CreateCauseConfirmation | WithdrawCauseConfirmation => {
            row().employers(Own).course().because("causes are confirmed by employers that endorsed (practice 27)")
        }

        ListInputs | GetInput => row()
            .intermediary(All)
            .members(All)
            .because("who is behind a masked doubt is known to its own and the intermediary"),
        CreateInput => row().intermediary(All).members(All).observers(All),
        UpdateInput | CloseInput | ReopenInput => row().members(Own),
        ArchiveInput => row().intermediary(All).members(Own),
        AcknowledgeInput | AnswerInput | ParkInput => {
            row().intermediary(All).because("what partners bring is the intermediary's to answer (practice 15)")
        }
        ListSecondLooks | GetSecondLook => row()
            .intermediary(All)
            .members(All)
            .observers(Public)
            .because("observers know of second looks once they are concluded"),
        CreateSecondLook | ReopenSecondLook => row().intermediary(All).members(All),
        UpdateSecondLook => row().intermediary(All).members(Own),
        ReviewSecondLook => row().members(All).course().because("partners review, at least one of them an employer"),
        ReplySecondLook => row().members(Own).course().because("the reply is the owner's right (practice 20)"),
        ConcludeSecondLook => row().members(Own).course().because("reviewers conclude (practice 28)"),
        ListOffers | GetOffer => row().intermediary(All).members(All),
        CreateOffer | UpdateOffer | WithdrawOffer => {
            row().members(Own).course().because("an offer is made by whose it is (practice 12)")
        }
        ExploreOffer => row().intermediary(All),
        ListSolutions | GetSolution => row()
            .intermediary(All)
            .members(All)
            .observers(Public)
            .because("observers know of solutions once they are adopted"),
        CreateSolution => row().intermediary(All).members(All),
        UpdateSolution | DesignSolution | StartSolution | DeliverSolution => row().intermediary(All).members(Own),
        RejectSolution => row().employers(All).course().because("employers adopt and reject (practice 8)"),
        ListFitScores | GetFitScore | ListSolutionApprovals | GetSolutionApproval => {
            row().intermediary(All).employers(All).because("all others see how many, on the solution")
        }
        CreateFitScore | UpdateFitScore | CreateSolutionApproval | WithdrawSolutionApproval => {
            row().employers(Own).course().because("employers say what fits and adopt it (practices 3 and 8)")
        }
        ListGoals | GetGoal => {
            row().intermediary(All).members(All).observers(Public).because("observers know of agreed goals")
        }
        CreateGoal => row().intermediary(All).members(All),
        UpdateGoal => row().intermediary(All).members(Own),
        AgreeGoal | RetireGoal => row().employers(All).course().because("employers chart the course (practice 8)"),
        ListPlanSteps | GetPlanStep => row().intermediary(All).members(All).observers(All),
        CreatePlanStep => row().intermediary(All).champions(All).because("champions lead activities (practice 61)"),
        UpdatePlanStep | DropPlanStep => row().intermediary(All).members(Own),
        AcceptPlanStep | DeclinePlanStep | StartPlanStep | CompletePlanStep => {
            row().members(Own).course().because("a step is taken on by its lead, never assigned (practice 52)")
        }
        ListPlanVersions | GetPlanVersion | GetPlanVersionDiff => {
            row().intermediary(All).members(All).observers(Public).because("observers know of the version in force")
        }
        CreatePlanVersion => row().intermediary(All).members(All),
        UpdatePlanVersion | ArchivePlanVersion => row().intermediary(All).members(Own),
        ReviewPlanVersion => row().intermediary(All).employers(All),
        ListPlanApprovals | GetPlanApproval => {
            row().intermediary(All).employers(All).because("all others see how many, on the version")
        }
        CreatePlanApproval | WithdrawPlanApproval => {
            row().employers(Own).course().because("employers chart the course (practice 8)")
        }
        ListActionTeams | GetActionTeam => row().intermediary(All).members(All).observers(All),
        CreateActionTeam => row().intermediary(All).champions(All).because("champions lead activities (practice 61)"),
        UpdateActionTeam | EndActionTeam => row().intermediary(All).members(Own),
        AcceptActionTeam | DeclineActionTeam => {
            row().members(Own).course().because("a team is taken on by its lead, never imposed (practice 52)")
        }
        JoinActionTeam | LeaveActionTeam => {
            row().members(All).course().because("an organisation joins and leaves by itself")
        }
        TakeOnSolution => row().members(Own).course().because("a designer takes the design on itself (practice 13)"),
        GetDirection => {
            row().intermediary(All).members(All).observers(Public).because("computed from what the reader may see")
        }
        GetComposition => row().intermediary(All).members(All),
        GetPartnershipWorkQueue => {
            row().intermediary(All).because("what facilitation is owed is the intermediary's to settle (practice 25)")
        }
        ListTopics | GetTopic => row().intermediary(All).members(All).because(
            "while it is held to its parties, the intermediary sees a stub and other members nothing (practice 80)",
        ),
        CreateTopic => row()
            .intermediary(All)
            .employers(All)
            .labor(All)
            .because("an employer or union that proposes a topic is one of its parties"),
        UpdateTopic | ArchiveTopic | ContestTopic | AgreeTopic | ReopenTopic | CreateTopicConsent
        | WithdrawTopicConsent => {
            row().employers(Own).unions(Own).course().because("where a topic belongs is for its parties (practice 80)")
        }
        ListTopicConsents | GetTopicConsent => {
            row().employers(All).unions(All).because("consents are known to the parties of the topic")
        }
        ConvertInput => row().intermediary(All).members(Own),
        ConfirmResource => row().members(Own).course().because("the owner confirms or corrects (practice 22)"),
        GetNeedTrace => row().intermediary(All).members(All).observers(Public).because("only what the reader may see"),

        ListStaffAppointments | GetStaffAppointment | CreateStaffAppointment | ArchiveStaffAppointment => {
            row().operator().lead(All)
        }
        ListServiceAccounts
        | GetServiceAccount
        | CreateServiceAccount
        | UpdateServiceAccount
        | ArchiveServiceAccount
        | RenewSecret => row().operator().lead(All).members(Own),
        ListEvents => row()
            .operator()
            .intermediary(All)
            .members(All)
            .observers(All)
            .because("each event as far as its record may be read"),
        ListWebhooks
        | GetWebhook
        | CreateWebhook
        | UpdateWebhook
        | ArchiveWebhook
        | EnableWebhook
        | DisableWebhook
        | RenewWebhookSecret
        | TestWebhook
        | ReplayWebhook
        | ListWebhookDeliveries
        | GetWebhookDelivery
        | RetryWebhookDelivery
        | ListWebhookAttempts
        | GetWebhookAttempt => {
            row().lead(All).members(Own).because("a webhook is known to whose it is, and carries what they may read")
        }
        ListInvitations | GetInvitation | CreateInvitation | ArchiveInvitation => {
            row().operator().intermediary(All).members(Own)
        }
        ListImportJobs | GetImportJob | GetImportReport | CreateImportJob | RevertImportJob | ListImportRows
        | GetImportRow => row().intermediary(All),
        UpsertOrganization | UpsertPerson | UpsertLocation | UpsertPartner | UpsertResource | UpsertMeeting => {
            row().intermediary(All).because("external ids are the intermediary's to give")
        }
        ListAccounts | GetAccount | SuspendAccount | ReinstateAccount => row().operator(),

        ListProvisionedLogins
        | GetProvisionedLogin
        | CreateProvisionedLogin
        | UpdateProvisionedLogin
        | DeactivateProvisionedLogin
        | ActivateProvisionedLogin
        | ArchiveProvisionedLogin => {
            row().lead(All).members(Own).because("each organisation keeps the logins of its own people")
        }
        ListSessions | RevokeSession | ListLinkedIdentities | UnlinkIdentity => row().signed_in(),
        ListIdentityProviders | StartProviderSignIn | CompleteProviderSignIn => row().open(),

        GetMe | ChangePassword => row().signed_in(),
        GetAccess => row().signed_in().because("told to whoever may read the record"),
        CreateSession | RefreshSession | EndSession | AcceptInvitation => row().open(),
    }
}

/// Leave to do an operation, as somebody, that far. Only [`permit`] makes one, and no row is read or written without.
#[derive(Clone, Debug)]
pub struct Permit {
    /// The operation.
    pub op: Op,
    /// As what.
    pub standing: Standing,
    /// How far.
    pub reach: Reach,
    _sealed: PhantomData<()>,
}

impl Permit {
    /// Whether a row of these owners is within reach: any for `All`, the own organisation's for `Own`.
    pub fn covers(&self, owners: &[Option<uuid::Uuid>]) -> Result<()> {
        match self.reach {
            All => Ok(()),
            Own if owners.iter().any(|owner| self.standing.acts_for(*owner)) => Ok(()),
            Own => Err(Code::NotYours.into()),
            Public | Reach::Nothing => Err(Code::Forbidden.into()),
        }
    }
}

/// Asks the table. Refuses with the code that says most without telling what the caller may not know.
pub fn permit(op: Op, standing: &Standing) -> Result<Permit> {
    let rule = rule(op);
    let reach = rule.reach(standing.role);
    if reach == Reach::Nothing {
        return Err(if rule.course && standing.role.is_intermediary() {
            Code::IntermediaryCannotSetCourse.into()
        } else if rule.course
            && rule.reach(Role::Employer) != Reach::Nothing
            && rule.reach(Role::Union) == Reach::Nothing
        {
            Code::EmployerOnly.into()
        } else {
            Error::new(Code::Forbidden, format!("{} is not for the role {}", op.name(), standing.role.word()))
        });
    }
    Ok(Permit { op, standing: standing.clone(), reach, _sealed: PhantomData })
}

/// The whole table as a page people can read.
pub fn printed() -> String {
    let mut page = String::from(
        "# Who may do what\n\nGenerated from the access table. `all` means every row the role may know of, `own` the own \
         organisation's, `public` what observers may see. An empty cell means no.\n\n| operation |",
    );
    for role in Role::ALL {
        page += &format!(" {} |", role.word().replace('_', " "));
    }
    page += " why |\n|---|";
    page += &"---|".repeat(Role::ALL.len() + 1);
    page.push('\n');
    for op in Op::ALL {
        let rule = rule(*op);
        page += &format!("| `{}` |", op.name());
        for role in Role::ALL {
            page += match (rule.open, rule.signed_in, rule.reach(role)) {
                (true, ..) | (_, true, _) | (.., All) => " all |",
                (.., Own) => " own |",
                (.., Public) => " public |",
                (.., Reach::Nothing) => "  |",
            };
        }
        let why = match (rule.open, rule.signed_in, rule.course) {
            (true, ..) => "without signing in",
            (_, true, _) => "anybody signed in",
            (.., true) => "the intermediary cannot: ",
            _ => "",
        };
        page += &format!(" {why}{} |\n", rule.because);
    }
    page
}
