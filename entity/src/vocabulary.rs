//! The closed lists of words. One spelling in the database and in REST (lower snake case), upper snake in GraphQL.

use sea_orm::sea_query::StringLen;

/// Declares a closed list of words, kept as text.
macro_rules! vocabulary {
    ($( $(#[$meta:meta])* $name:ident { $( $(#[$vm:meta])* $variant:ident = $text:tt ),* $(,)? } )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sea_orm::EnumIter, sea_orm::DeriveActiveEnum,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[sea_orm(rs_type = "String", db_type = "String(StringLen::None)")]
        pub enum $name {
            $( $(#[$vm])* #[sea_orm(string_value = $text)] #[serde(rename = $text)] $variant, )*
        }
        impl crate::Wire for $name {}
        impl $name {
            /// The word as written in the database and in REST.
            pub fn word(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }
        }
    )* };
}

vocabulary! {
    /// What kind of organisation it is; each kind belongs to one side of the table.
    OrganizationKind {
        /// A firm or public body in its role as employer.
        Employer = "employer",
        /// An association of employers of one industry.
        IndustryAssociation = "industry_association",
        /// A union or one of its locals.
        Union = "union",
        /// A council of unions.
        LaborCouncil = "labor_council",
        /// A body run jointly by labor and management.
        JointLaborManagement = "joint_labor_management",
        /// A public or non-profit labor agency.
        LaborAgency = "labor_agency",
        /// A workforce development board.
        WorkforceBoard = "workforce_board",
        /// An agency of the public workforce system.
        WorkforceAgency = "workforce_agency",
        /// A school or school district.
        K12 = "k12",
        /// A community or technical college.
        CommunityCollege = "community_college",
        /// A university.
        University = "university",
        /// A provider of training that is neither school nor college.
        TrainingProvider = "training_provider",
        /// A provider of adult education.
        AdultEducation = "adult_education",
        /// An economic development organisation.
        EconomicDevelopment = "economic_development",
        /// A local government.
        LocalGovernment = "local_government",
        /// A state government.
        StateGovernment = "state_government",
        /// A foundation or other funder.
        Philanthropy = "philanthropy",
        /// A community-based organisation.
        CommunityBased = "community_based",
        /// Any other.
        Other = "other",
    }

    /// A side of the table. Derived from the kind of organisation, never set.
    Side {
        /// Employers and their associations.
        Employer = "employer",
        /// Unions, labor councils, joint labor-management bodies and labor agencies.
        Labor = "labor",
        /// Education and training.
        Education = "education",
        /// The public workforce system and governments.
        Public = "public",
        /// Economic development.
        EconomicDevelopment = "economic_development",
        /// Other private stakeholders.
        Other = "other",
    }

    /// Size by number of employees: micro 1-9, small 10-49, medium 50-249, large 250-499, enterprise 500 and more.
    SizeClass {
        /// 1-9 employees.
        Micro = "micro",
        /// 10-49 employees.
        Small = "small",
        /// 50-249 employees.
        Medium = "medium",
        /// 250-499 employees.
        Large = "large",
        /// 500 employees and more.
        Enterprise = "enterprise",
    }

    /// Whether the industry of a partnership is unionised.
    Unionized {
        /// Not yet known.
        Unknown = "unknown",
        /// No unions in this industry here.
        No = "no",
        /// Some workplaces.
        Partly = "partly",
        /// Most workplaces.
        Yes = "yes",
    }

    /// Where a partnership stands in its life cycle.
    Phase {
        /// Is there a shared need at all?
        Exploring = "exploring",
        /// Bringing the partners together.
        Convening = "convening",
        /// Charting the course.
        Planning = "planning",
        /// Carrying out the plan.
        Implementing = "implementing",
        /// Keeping it up.
        Sustaining = "sustaining",
        /// Changing course on new input.
        Evolving = "evolving",
        /// Ending in order.
        WindingDown = "winding_down",
        /// Ended.
        Closed = "closed",
        /// Paused, to return where it was.
        Paused = "paused",
    }

    /// Who may know of a partnership or a meeting beyond its members.
    Publicity {
        /// Observers and members.
        Public = "public",
        /// Members only.
        Members = "members",
        /// The intermediary and the organisations that take part.
        Participants = "participants",
    }

    /// The stage of a partner at the table.
    PartnerState {
        /// Being looked at; known to the intermediary and champions only.
        Prospect = "prospect",
        /// Asked to join.
        Invited = "invited",
        /// At the table.
        Active = "active",
        /// No activity for a while.
        Dormant = "dormant",
        /// Said no.
        Declined = "declined",
        /// Left.
        Withdrawn = "withdrawn",
    }

    /// How a partner takes part at present.
    EngagementMode {
        /// Highly active on specific actions.
        Action = "action",
        /// At a higher, more strategic level.
        Strategic = "strategic",
        /// Kept informed.
        Informed = "informed",
    }

    /// The kind of union a labor voice is.
    UnionKind {
        /// A local union.
        Local = "local",
        /// A district or regional council.
        DistrictCouncil = "district_council",
        /// A national or international union.
        International = "international",
        /// A central labor body.
        LaborCouncil = "labor_council",
        /// A joint labor-management body.
        JointLaborManagement = "joint_labor_management",
        /// A labor agency.
        LaborAgency = "labor_agency",
    }

    /// What a seat is for.
    SeatRole {
        /// The one person requests and updates go to.
        PointPerson = "point_person",
        /// Stands in for the point person and takes over when they leave.
        Alternate = "alternate",
        /// A chief executive or another sponsor.
        ExecutiveSponsor = "executive_sponsor",
        /// Asked on their subject.
        SubjectExpert = "subject_expert",
        /// A leader of the union.
        UnionLeader = "union_leader",
        /// Speaks for workers.
        WorkerRepresentative = "worker_representative",
    }

    /// The stage of a seat.
    SeatState {
        /// Named, not yet confirmed by the organisation.
        Proposed = "proposed",
        /// Held.
        Live = "live",
        /// Its holder is known to leave.
        Ending = "ending",
        /// Over; access ended, authorship stays.
        Ended = "ended",
    }

    /// The level at which a person works in their organisation.
    FunctionLevel {
        /// Chief executive and board.
        Executive = "executive",
        /// Human resources.
        Hr = "hr",
        /// Operations.
        Operations = "operations",
        /// Training.
        Training = "training",
        /// Finance.
        Finance = "finance",
        /// Union leadership.
        UnionLeader = "union_leader",
        /// Elected office.
        Elected = "elected",
        /// Dean, chair, principal.
        AcademicLead = "academic_lead",
        /// Programme staff.
        ProgramStaff = "program_staff",
        /// Any other.
        Other = "other",
    }

    /// Who may see how to reach a person.
    ContactVisibility {
        /// Every member of the partnership.
        Members = "members",
        /// Their own organisation and the intermediary.
        Organization = "organization",
        /// The intermediary alone.
        Intermediary = "intermediary",
    }

    /// The stage of a handover from one seat to the next.
    HandoverState {
        /// Waiting for a successor.
        Open = "open",
        /// Taken on by the successor.
        Accepted = "accepted",
        /// Done.
        Completed = "completed",
        /// Never taken on.
        Lapsed = "lapsed",
    }

    /// The stage of an employer champion.
    ChampionState {
        /// Seen in the record of their work.
        Emerging = "emerging",
        /// Put forward.
        Nominated = "nominated",
        /// Serving, by their own word.
        Serving = "serving",
        /// No longer serving.
        SteppedDown = "stepped_down",
    }

    /// By what means a partner was reached.
    OutreachChannel {
        /// Telephone.
        Phone = "phone",
        /// Electronic mail.
        Email = "email",
        /// A visit.
        Visit = "visit",
        /// A video call.
        Video = "video",
        /// At an event.
        Event = "event",
        /// A letter.
        Letter = "letter",
        /// Any other.
        Other = "other",
    }

    /// What an outreach touch was for.
    OutreachPurpose {
        /// To bring a new partner in.
        Recruit = "recruit",
        /// To keep a partner at the table.
        Retain = "retain",
        /// To follow up on a meeting or a promise.
        FollowUp = "follow_up",
        /// To market the effort to other firms.
        Market = "market",
        /// To work with union leadership.
        UnionLeadership = "union_leadership",
    }

    /// What institutional constraint an organisation works under.
    ConstraintKind {
        /// Terms and registration dates.
        AcademicCalendar = "academic_calendar",
        /// Purchasing rules.
        Procurement = "procurement",
        /// A board has to agree.
        BoardApproval = "board_approval",
        /// Rules on who may be served with which money.
        FundingEligibility = "funding_eligibility",
        /// A service area.
        Jurisdiction = "jurisdiction",
        /// Accreditation.
        Accreditation = "accreditation",
        /// A contract, a bargaining agreement included.
        Contract = "contract",
        /// Law on personal records.
        PrivacyLaw = "privacy_law",
        /// Not enough people.
        Staffing = "staffing",
        /// Any other.
        Other = "other",
    }

    /// Whether a constraint can give.
    ConstraintForce {
        /// Cannot give.
        Hard = "hard",
        /// Can, with effort.
        Soft = "soft",
    }

    /// How far the way around a constraint is.
    WorkaroundState {
        /// None known.
        None = "none",
        /// Thought of.
        Proposed = "proposed",
        /// In use.
        InPlace = "in_place",
    }

    /// The stage of a barrier to a partner's taking part.
    BarrierState {
        /// Stands.
        Open = "open",
        /// Being worked on.
        Addressing = "addressing",
        /// Out of the way.
        Addressed = "addressed",
    }

    /// Whether a record tells what a partner hopes to gain or what stands in the way.
    InterestKind {
        /// What they hope to gain.
        Hope = "hope",
        /// What stands in the way of their taking part.
        Barrier = "barrier",
    }

    /// The kind of a meeting.
    MeetingKind {
        /// The first meeting of the effort.
        Kickoff = "kickoff",
        /// A first engagement before the kick-off.
        InitialEngagement = "initial_engagement",
        /// A meeting of the whole partnership.
        Partnership = "partnership",
        /// For executives.
        Executive = "executive",
        /// Of an action team.
        ActionTeam = "action_team",
        /// To listen to employers or workers.
        ListeningSession = "listening_session",
        /// Between two.
        OneToOne = "one_to_one",
        /// Of the public partners in support.
        SupportTeam = "support_team",
        /// Open to the public.
        PublicEvent = "public_event",
    }

    /// What a meeting does with people's time.
    MeetingMode {
        /// Work on actions.
        Action = "action",
        /// Procedure; employers are optional unless required by name.
        Process = "process",
        /// Both.
        Mixed = "mixed",
    }

    /// The stage of a meeting.
    MeetingState {
        /// Being prepared, by the intermediary or its organiser.
        Draft = "draft",
        /// Called, with an objective.
        Scheduled = "scheduled",
        /// Going on.
        InProgress = "in_progress",
        /// Over, minutes to come.
        Held = "held",
        /// Minutes circulated.
        Minuted = "minuted",
        /// Closed, with the result of its objective.
        Closed = "closed",
        /// Called off.
        Cancelled = "cancelled",
    }

    /// Whether the objective of a meeting was met.
    ObjectiveResult {
        /// It was.
        Met = "met",
        /// In part.
        Partly = "partly",
        /// It was not.
        NotMet = "not_met",
    }

    /// What an agenda item asks of those present.
    AgendaItemKind {
        /// To decide.
        Decision = "decision",
        /// To design something together.
        Design = "design",
        /// To listen.
        Listening = "listening",
        /// To be told; better sent ahead.
        Update = "update",
        /// To go through procedure.
        Process = "process",
        /// To find the effort's name.
        Naming = "naming",
        /// To look back.
        Review = "review",
    }

    /// How a seat was asked to a meeting.
    InvitedAs {
        /// Needed.
        Required = "required",
        /// Welcome.
        Optional = "optional",
        /// To listen.
        Observer = "observer",
    }

    /// An invitee's answer, by the words of RFC 5545.
    PartStat {
        /// No answer yet.
        NeedsAction = "needs_action",
        /// Will come.
        Accepted = "accepted",
        /// Will not.
        Declined = "declined",
        /// May come.
        Tentative = "tentative",
        /// Sends somebody else.
        Delegated = "delegated",
    }

    /// The stage of minutes.
    MinutesState {
        /// Being written.
        Draft = "draft",
        /// Sent to those present.
        Circulated = "circulated",
        /// Approved by attendees of at least two sides where two were there.
        Approved = "approved",
    }

    /// Where a decision was made.
    MadeIn {
        /// In a meeting.
        Meeting = "meeting",
        /// Between two.
        OneToOne = "one_to_one",
        /// In writing, apart from any meeting.
        Async = "async",
    }

    /// The stage of an action item.
    ActionItemState {
        /// Offered to its owner.
        Open = "open",
        /// Taken on by its owner.
        Accepted = "accepted",
        /// Turned down by its owner.
        Declined = "declined",
        /// Done.
        Done = "done",
        /// Given up.
        Dropped = "dropped",
    }

    /// What an entry of the resource map is.
    EntryKind {
        /// A programme people can take part in.
        Program = "program",
        /// Something partners can use: equipment, money, space, people.
        Resource = "resource",
        /// A rule that bears on the industry's workforce.
        Policy = "policy",
        /// Something made and kept, such as a curriculum on the shelf.
        Asset = "asset",
    }

    /// Whether what an entry describes is running.
    ResourceStatus {
        /// Running.
        Active = "active",
        /// Made, then put away.
        Shelved = "shelved",
        /// Not running at present.
        Inactive = "inactive",
        /// Gone.
        Defunct = "defunct",
        /// Not yet begun.
        Proposed = "proposed",
        /// Closed for a while.
        TemporarilyClosed = "temporarily_closed",
    }

    /// The stage of the entry itself.
    RecordState {
        /// Being written; known to its owner, its author and the intermediary.
        Draft = "draft",
        /// On the map.
        Listed = "listed",
        /// Confirmed by its owner or checked by the intermediary.
        Verified = "verified",
        /// Not verified for longer than policy allows.
        Stale = "stale",
        /// Taken off the map.
        Retired = "retired",
    }

    /// In what setting something was said.
    StatementSetting {
        /// In a meeting.
        Meeting = "meeting",
        /// Between two.
        OneToOne = "one_to_one",
        /// On a visit.
        Visit = "visit",
        /// In a listening session.
        ListeningSession = "listening_session",
        /// In a survey.
        Survey = "survey",
        /// In writing.
        Written = "written",
        /// Any other.
        Other = "other",
    }

    /// What the employer says of words that are put down as its own.
    Confirmation {
        /// Not asked yet, or not answered.
        Pending = "pending",
        /// It said so.
        Confirmed = "confirmed",
        /// It put the words right.
        Corrected = "corrected",
        /// It did not say so.
        Rejected = "rejected",
    }

    /// What a workforce need is about.
    NeedKind {
        /// Skills that are missing.
        SkillGap = "skill_gap",
        /// Finding people.
        Recruitment = "recruitment",
        /// Keeping people.
        Retention = "retention",
        /// Moving people up.
        Advancement = "advancement",
        /// What jobs are like.
        JobQuality = "job_quality",
        /// Places to train.
        TrainingCapacity = "training_capacity",
        /// Who will come after.
        Pipeline = "pipeline",
        /// A rule in the way.
        Regulatory = "regulatory",
        /// Transport, housing, child care and the like.
        Infrastructure = "infrastructure",
        /// Any other.
        Other = "other",
    }

    /// How far ahead something lies.
    Horizon {
        /// Within a year.
        Short = "short",
        /// One to three years.
        Medium = "medium",
        /// Beyond three years.
        Long = "long",
    }

    /// The stage of a need.
    NeedState {
        /// Observed by somebody; no employer has voiced it yet.
        Draft = "draft",
        /// Voiced by an employer.
        Voiced = "voiced",
        /// Endorsed by as many employers as policy asks.
        Shared = "shared",
        /// Shared, with a root cause that employers confirmed.
        RootCaused = "root_caused",
        /// A solution was adopted for it.
        Solving = "solving",
        /// Met, as employers say.
        Met = "met",
        /// Put aside, with a reason.
        Parked = "parked",
        /// Kept for the bargaining table by the parties of a topic.
        Routed = "routed",
    }

    /// How deep a cause lies.
    CauseLevel {
        /// What meets the eye.
        Surface = "surface",
        /// What lies beneath it.
        Contributing = "contributing",
        /// What everything above it comes from.
        Root = "root",
    }

    /// The stage of a cause.
    CauseState {
        /// Put forward.
        Proposed = "proposed",
        /// Held against evidence.
        Tested = "tested",
        /// Confirmed by employers that endorsed the need.
        Confirmed = "confirmed",
        /// Rejected by an employer that endorsed the need.
        Rejected = "rejected",
    }

    /// What somebody brings to the partnership.
    InputKind {
        /// Something to take into account.
        Input = "input",
        /// An idea.
        Idea = "idea",
        /// A question.
        Question = "question",
        /// A doubt.
        Doubt = "doubt",
        /// A claim about what was done before or is being done.
        Claim = "claim",
    }

    /// Which of the familiar objections a claim is.
    ClaimType {
        /// It was tried before and did not work.
        TriedBefore = "tried_before",
        /// It has been done for years, unnoticed.
        AlreadyDoing = "already_doing",
        /// Somebody else does it; it only needs promotion.
        ScaleExisting = "scale_existing",
    }

    /// The stage of an input.
    InputState {
        /// Waiting to be looked at.
        New = "new",
        /// Seen by the intermediary.
        Acknowledged = "acknowledged",
        /// Answered.
        Answered = "answered",
        /// A second look was opened from it.
        SecondLook = "second_look",
        /// Put aside, with a reason.
        Parked = "parked",
        /// Made into another record, which carries it on.
        Converted = "converted",
        /// Closed by whoever brought it, or by itself some days after the answer.
        Closed = "closed",
    }

    /// What an input was made into.
    ConversionKind {
        /// A need.
        Need = "need",
        /// An offer.
        Offer = "offer",
        /// An entry of the resource map.
        Resource = "resource",
        /// An agenda item.
        AgendaItem = "agenda_item",
    }

    /// What kind of matter a topic is.
    SubjectMatter {
        /// Pay.
        Pay = "pay",
        /// Hours of work.
        Hours = "hours",
        /// Benefits.
        Benefits = "benefits",
        /// Discipline.
        Discipline = "discipline",
        /// Seniority.
        Seniority = "seniority",
        /// How jobs are classified.
        JobClassification = "job_classification",
        /// How many do which work.
        StaffingRatios = "staffing_ratios",
        /// Anything else.
        Other = "other",
    }

    /// The stage of a topic.
    TopicState {
        /// Put forward.
        Proposed = "proposed",
        /// Agreed by all parties, for the same venue.
        Agreed = "agreed",
        /// Refused by a party.
        Contested = "contested",
        /// Opened again by all parties.
        Reopened = "reopened",
    }

    /// Where a topic belongs.
    TopicVenue {
        /// Not agreed.
        Undetermined = "undetermined",
        /// In the partnership.
        Partnership = "partnership",
        /// At the bargaining table.
        BargainingTable = "bargaining_table",
    }

    /// What a party of a topic consents to.
    TopicOutcome {
        /// That it belongs in the partnership.
        Partnership = "partnership",
        /// That it is kept for the bargaining table.
        BargainingTable = "bargaining_table",
        /// That it is opened again.
        Reopening = "reopening",
    }

    /// The stage of a second look.
    SecondLookState {
        /// Opened.
        Opened = "opened",
        /// Answers are being gathered.
        Gathering = "gathering",
        /// Reviewers are at it.
        Reviewing = "reviewing",
        /// Concluded with a finding.
        Concluded = "concluded",
    }

    /// Why something tried did not work. Of the attempt, never of a person.
    FailureReason {
        /// It answered another problem.
        WrongSolution = "wrong_solution",
        /// Nobody had identified the problem.
        ProblemNotIdentified = "problem_not_identified",
        /// What held then holds no more.
        ConditionsChanged = "conditions_changed",
        /// It was not carried out as meant.
        DeliveredPoorly = "delivered_poorly",
        /// The money ended.
        FundingEnded = "funding_ended",
        /// It did not fail: it is running.
        StillRunning = "still_running",
    }

    /// What a second look found.
    Finding {
        /// It solves the problem.
        Solution = "solution",
        /// It solves part of it.
        Partial = "partial",
        /// It can be made to.
        Adaptable = "adaptable",
        /// It does not.
        NotASolution = "not_a_solution",
        /// It cannot be said.
        Inconclusive = "inconclusive",
    }

    /// The stage of an offer.
    OfferState {
        /// Made.
        Made = "made",
        /// Being explored.
        Exploring = "exploring",
        /// Taken back.
        Withdrawn = "withdrawn",
    }

    /// Where a solution comes from.
    SolutionOrigin {
        /// From a need and its cause.
        NeedLed = "need_led",
        /// From something at hand that looks for a problem.
        SolutionLed = "solution_led",
    }

    /// The stage of a solution.
    SolutionState {
        /// Put forward.
        Proposed = "proposed",
        /// Being designed by employers and others together.
        Designing = "designing",
        /// Adopted by the quorum of endorsing employers.
        Adopted = "adopted",
        /// Being carried out.
        Implementing = "implementing",
        /// Carried out.
        Delivered = "delivered",
        /// Rejected by an employer that endorsed a need of it.
        Rejected = "rejected",
    }

    /// The stage of a goal.
    GoalState {
        /// Put forward.
        Proposed = "proposed",
        /// Agreed by an employer.
        Agreed = "agreed",
        /// No longer pursued.
        Retired = "retired",
    }

    /// The stage of a step of the plan.
    PlanStepState {
        /// Offered to the organisation that would lead it.
        Planned = "planned",
        /// Taken on by it.
        Accepted = "accepted",
        /// Turned down by it.
        Declined = "declined",
        /// Under way.
        Started = "started",
        /// Done.
        Done = "done",
        /// Given up, with a reason.
        Dropped = "dropped",
    }

    /// The stage of a version of the plan.
    PlanVersionState {
        /// Written, and open to approval by employers.
        Draft = "draft",
        /// The plan the partnership goes by.
        InForce = "in_force",
        /// Replaced by a later version.
        Superseded = "superseded",
    }

    /// The stage of an action team.
    ActionTeamState {
        /// Offered to the organisation that would lead it.
        Proposed = "proposed",
        /// Taken on by it.
        Active = "active",
        /// Turned down by it.
        Declined = "declined",
        /// Ended, with a reason.
        Ended = "ended",
    }

    /// A code system.
    CodeSystem {
        /// North American Industry Classification System.
        Naics = "naics",
        /// Standard Occupational Classification.
        Soc = "soc",
        /// Classification of Instructional Programs.
        Cip = "cip",
    }

    /// What a service or a person is granted over a partnership by appointment rather than by a seat.
    StaffRole {
        /// Leads the intermediary's work.
        Intermediary = "intermediary",
        /// Works for the intermediary, without policy, phase and keys.
        IntermediaryStaff = "intermediary_staff",
        /// Reads what is public to members.
        Observer = "observer",
    }

    /// By which way a change came in.
    Via {
        /// The REST interface.
        Rest = "rest",
        /// The GraphQL interface.
        Graphql = "graphql",
        /// An import.
        Import = "import",
        /// The server itself.
        System = "system",
    }

    /// The stage of an import.
    ImportState {
        /// Waiting.
        Queued = "queued",
        /// Going on.
        Running = "running",
        /// Done; see its report.
        Completed = "completed",
        /// Refused; nothing was written that is not counted. See its report.
        Failed = "failed",
        /// Undone.
        Reverted = "reverted",
    }

    /// What a refused row does to the others of an import.
    OnError {
        /// Nothing is written unless every row is taken.
        AllOrNothing = "all_or_nothing",
        /// The others are written.
        Skip = "skip",
    }

    /// What became of a row of an import.
    ImportOutcome {
        /// A record was made of it.
        Created = "created",
        /// It changed a record.
        Updated = "updated",
        /// It was refused.
        Refused = "refused",
    }

    /// Whether a webhook is told anything.
    WebhookState {
        /// It is.
        Active = "active",
        /// It is not, until it is enabled.
        Disabled = "disabled",
    }

    /// What became of a delivery.
    DeliveryState {
        /// It is to be tried, for the first time or again.
        Pending = "pending",
        /// The receiver took it.
        Delivered = "delivered",
        /// It was tried for the last time.
        Failed = "failed",
    }
}

impl OrganizationKind {
    /// The side of the table this kind belongs to.
    pub fn side(self) -> Side {
        match self {
            Self::Employer | Self::IndustryAssociation => Side::Employer,
            Self::Union | Self::LaborCouncil | Self::JointLaborManagement | Self::LaborAgency => Side::Labor,
            Self::K12 | Self::CommunityCollege | Self::University | Self::TrainingProvider | Self::AdultEducation => {
                Side::Education
            }
            Self::WorkforceBoard | Self::WorkforceAgency | Self::LocalGovernment | Self::StateGovernment => {
                Side::Public
            }
            Self::EconomicDevelopment => Side::EconomicDevelopment,
            Self::Philanthropy | Self::CommunityBased | Self::Other => Side::Other,
        }
    }
}

impl SizeClass {
    /// Small and medium companies: the first three classes. They have the least time for meetings.
    pub fn is_small_or_medium(self) -> bool {
        matches!(self, Self::Micro | Self::Small | Self::Medium)
    }
}
