//! Every operation there is, by name. The REST operation id and the GraphQL field are its camel case.

/// Declares the operations with their summaries.
macro_rules! operations {
    ($( $(#[doc = $summary:literal])* $variant:ident, )*) => {
        /// One operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Op { $( $(#[doc = $summary])* $variant, )* }

        impl Op {
            /// Every operation.
            pub const ALL: &'static [Op] = &[$( Op::$variant, )*];
            /// Its name as declared, for example `ListMeetings`.
            pub fn title(self) -> &'static str { match self { $( Op::$variant => stringify!($variant), )* } }
            /// One sentence for whoever calls it.
            pub fn summary(self) -> &'static str { match self { $( Op::$variant => concat!($($summary,)*).trim_ascii(), )* } }
        }
    };
}

impl Op {
    /// Operation id in OpenAPI and field in GraphQL, for example `listMeetings`.
    pub fn name(self) -> String {
        let title = self.title();
        let (first, rest) = title.split_at(1);
        first.to_lowercase() + rest
    }
}

operations! {
    /// List partnerships.
    ListPartnerships,
    /// Read a partnership.
    GetPartnership,
    /// Open a partnership.
    CreatePartnership,
    /// Change members of a partnership (merge patch).
    UpdatePartnership,
    /// Archive a partnership; its unique values become free.
    ArchivePartnership,
    /// List policy settings.
    ListPolicySettings,
    /// Read a policy setting.
    GetPolicySetting,
    /// Set a policy key from now on; earlier values stay as history.
    CreatePolicySetting,
    /// List organisations.
    ListOrganizations,
    /// Read an organisation.
    GetOrganization,
    /// Create an organisation.
    CreateOrganization,
    /// Change members of an organisation (merge patch).
    UpdateOrganization,
    /// Archive an organisation; its unique values become free.
    ArchiveOrganization,
    /// Restore an archived organisation.
    RestoreOrganization,
    /// List locations.
    ListLocations,
    /// Read a location.
    GetLocation,
    /// Create a location.
    CreateLocation,
    /// Change members of a location (merge patch).
    UpdateLocation,
    /// Archive a location; its unique values become free.
    ArchiveLocation,
    /// List people.
    ListPeople,
    /// Read a person.
    GetPerson,
    /// Create a person.
    CreatePerson,
    /// Change members of a person (merge patch).
    UpdatePerson,
    /// Archive a person; its unique values become free.
    ArchivePerson,
    /// Restore an archived person.
    RestorePerson,
    /// List affiliations.
    ListAffiliations,
    /// Read an affiliation.
    GetAffiliation,
    /// Create an affiliation.
    CreateAffiliation,
    /// Change members of an affiliation (merge patch).
    UpdateAffiliation,
    /// Archive an affiliation; its unique values become free.
    ArchiveAffiliation,
    /// End an affiliation on a day; it stays as history.
    EndAffiliation,
    /// List external ids.
    ListExternalIds,
    /// Read an external id.
    GetExternalId,
    /// Create an external id.
    CreateExternalId,
    /// Archive an external id; its unique values become free.
    ArchiveExternalId,
    /// List partners.
    ListPartners,
    /// Read a partner.
    GetPartner,
    /// Bring an organisation to the table as a prospect.
    CreatePartner,
    /// Change members of a partner (merge patch).
    UpdatePartner,
    /// Archive a partner; its unique values become free.
    ArchivePartner,
    /// Restore an archived partner.
    RestorePartner,
    /// Invite a prospect to the table.
    InvitePartner,
    /// Join the table: the invited organisation says yes.
    JoinPartner,
    /// Decline the invitation to the table.
    DeclinePartner,
    /// Leave the table, or take a partner off it with a reason.
    WithdrawPartner,
    /// Mark a partner without activity as dormant.
    RestPartner,
    /// Bring a dormant partner back.
    ReactivatePartner,
    /// Say how the partner takes part from a day on; earlier modes stay as history.
    EngagePartner,
    /// Say how many hours a quarter the organisation offers. Only the organisation itself can.
    OfferHours,
    /// List employers.
    ListEmployers,
    /// Read an employer.
    GetEmployer,
    /// Create an employer.
    CreateEmployer,
    /// Change members of an employer (merge patch).
    UpdateEmployer,
    /// List unions.
    ListUnions,
    /// Read a union.
    GetUnion,
    /// Create a union.
    CreateUnion,
    /// Change members of a union (merge patch).
    UpdateUnion,
    /// List institutions.
    ListInstitutions,
    /// Read an institution.
    GetInstitution,
    /// Create an institution.
    CreateInstitution,
    /// Change members of an institution (merge patch).
    UpdateInstitution,
    /// List engagements.
    ListEngagements,
    /// Read an engagement.
    GetEngagement,
    /// List seats.
    ListSeats,
    /// Read a seat.
    GetSeat,
    /// Propose a person for a partner's seat.
    CreateSeat,
    /// Change members of a seat (merge patch).
    UpdateSeat,
    /// Confirm that the person holds the seat: it becomes live.
    AcceptSeat,
    /// Say that the person is still the right one.
    ConfirmSeat,
    /// End a seat: an alternate takes over, open items go into a handover, the leaver's access ends.
    EndSeat,
    /// List handovers.
    ListHandovers,
    /// Read a handover.
    GetHandover,
    /// Change members of a handover (merge patch).
    UpdateHandover,
    /// Take on a handover with the seat that follows.
    AcceptHandover,
    /// Complete a handover.
    CompleteHandover,
    /// List champions.
    ListChampions,
    /// Read a champion.
    GetChampion,
    /// Nominate a person of an employer as champion.
    CreateChampion,
    /// Change members of a champion (merge patch).
    UpdateChampion,
    /// Agree to serve as champion; the person's own word.
    AcceptChampion,
    /// Step down as champion.
    StepDownChampion,
    /// List outreach touches.
    ListOutreachTouches,
    /// Read an outreach touch.
    GetOutreachTouch,
    /// Create an outreach touch.
    CreateOutreachTouch,
    /// Change members of an outreach touch (merge patch).
    UpdateOutreachTouch,
    /// Archive an outreach touch; its unique values become free.
    ArchiveOutreachTouch,
    /// List interests.
    ListInterests,
    /// Read an interest.
    GetInterest,
    /// Create an interest.
    CreateInterest,
    /// Change members of an interest (merge patch).
    UpdateInterest,
    /// Archive an interest; its unique values become free.
    ArchiveInterest,
    /// List constraints.
    ListConstraints,
    /// Read a constraint.
    GetConstraint,
    /// Create a constraint.
    CreateConstraint,
    /// Change members of a constraint (merge patch).
    UpdateConstraint,
    /// Archive a constraint; its unique values become free.
    ArchiveConstraint,
    /// List mission statements.
    ListMissionStatements,
    /// Read a mission statement.
    GetMissionStatement,
    /// Record a new wording of an organisation's mission; earlier ones stay.
    CreateMissionStatement,
    /// List bargaining units.
    ListBargainingUnits,
    /// Read a bargaining unit.
    GetBargainingUnit,
    /// Create a bargaining unit.
    CreateBargainingUnit,
    /// Change members of a bargaining unit (merge patch).
    UpdateBargainingUnit,
    /// Archive a bargaining unit; its unique values become free.
    ArchiveBargainingUnit,
    /// List meeting series.
    ListMeetingSeriesList,
    /// Read a meeting series.
    GetMeetingSeries,
    /// Create a meeting series.
    CreateMeetingSeries,
    /// Change members of a meeting series (merge patch).
    UpdateMeetingSeries,
    /// Archive a meeting series; its unique values become free.
    ArchiveMeetingSeries,
    /// Make the meetings of a series up to a day, as drafts, at the same local time across daylight saving.
    GenerateMeetings,
    /// List meetings.
    ListMeetings,
    /// Read a meeting.
    GetMeeting,
    /// Draft a meeting.
    CreateMeeting,
    /// Change members of a meeting (merge patch).
    UpdateMeeting,
    /// Archive a meeting; its unique values become free.
    ArchiveMeeting,
    /// Call a meeting: it needs an objective, an agenda that fits, and respect for employers' time.
    ScheduleMeeting,
    /// Begin a scheduled meeting.
    StartMeeting,
    /// End a meeting and record when it really ended.
    HoldMeeting,
    /// Close a meeting with the result of its objective.
    CloseMeeting,
    /// Call a meeting off; it stays readable as cancelled.
    CancelMeeting,
    /// Carry unfinished agenda and action items over to a later meeting.
    CarryOverMeeting,
    /// List agenda items.
    ListAgendaItems,
    /// Read an agenda item.
    GetAgendaItem,
    /// Create an agenda item.
    CreateAgendaItem,
    /// Change members of an agenda item (merge patch).
    UpdateAgendaItem,
    /// Archive an agenda item; its unique values become free.
    ArchiveAgendaItem,
    /// List attendances.
    ListAttendances,
    /// Read an attendance.
    GetAttendance,
    /// Ask a seat to a meeting.
    CreateAttendance,
    /// Change members of an attendance (merge patch).
    UpdateAttendance,
    /// Archive an attendance; its unique values become free.
    ArchiveAttendance,
    /// Answer an invitation to a meeting, for your own seat.
    AnswerAttendance,
    /// Record whether a seat came and for how long.
    RecordAttendance,
    /// List minutes.
    ListMinutesList,
    /// Read minutes.
    GetMinutes,
    /// Create minutes.
    CreateMinutes,
    /// Change members of minutes (merge patch).
    UpdateMinutes,
    /// Send the minutes to those who were there.
    CirculateMinutes,
    /// Approve the minutes for your organisation.
    ApproveMinutes,
    /// List decisions.
    ListDecisions,
    /// Read a decision.
    GetDecision,
    /// Create a decision.
    CreateDecision,
    /// Change members of a decision (merge patch).
    UpdateDecision,
    /// Archive a decision; its unique values become free.
    ArchiveDecision,
    /// List action items.
    ListActionItems,
    /// Read an action item.
    GetActionItem,
    /// Offer an action item to an organisation.
    CreateActionItem,
    /// Change members of an action item (merge patch).
    UpdateActionItem,
    /// Take on an action item.
    AcceptActionItem,
    /// Decline an action item.
    DeclineActionItem,
    /// Report an accepted action item done.
    CompleteActionItem,
    /// Give an action item up, with a reason.
    DropActionItem,
    /// List time overrides.
    ListTimeOverrides,
    /// Read a time override.
    GetTimeOverride,
    /// List entries of the resource map.
    ListResources,
    /// Read an entry of the resource map.
    GetResource,
    /// Create an entry of the resource map.
    CreateResource,
    /// Change members of an entry of the resource map (merge patch).
    UpdateResource,
    /// Archive an entry of the resource map; its unique values become free.
    ArchiveResource,
    /// Restore an archived entry of the resource map.
    RestoreResource,
    /// Put a draft entry on the map.
    PublishResource,
    /// Confirm that the entry is right; the owner's right, or the intermediary's check.
    VerifyResource,
    /// Take an entry off the map, with a reason.
    RetireResource,
    /// List what became of entries of the resource map: changes of status and stage.
    ListResourceStatusChanges,
    /// Read a change of status or stage.
    GetResourceStatusChange,
    /// List employer statements.
    ListEmployerStatements,
    /// Read an employer statement.
    GetEmployerStatement,
    /// Put down what an employer said; put down by that employer itself, it is confirmed at once.
    CreateEmployerStatement,
    /// Change members of an employer statement that its employer has not answered yet (merge patch).
    UpdateEmployerStatement,
    /// Archive an employer statement that its employer has not confirmed.
    ArchiveEmployerStatement,
    /// Confirm that your organisation said so.
    ConfirmEmployerStatement,
    /// Put right what your organisation said; the first wording stays readable.
    CorrectEmployerStatement,
    /// Say that your organisation did not say so.
    RejectEmployerStatement,
    /// Mark an employer statement heard, for your organisation.
    HearEmployerStatement,
    /// List needs.
    ListNeeds,
    /// Read a need.
    GetNeed,
    /// Raise a need. Raised by an employer it is voiced at once, by others it waits for an employer to voice it.
    CreateNeed,
    /// Change members of a need that nobody endorses yet (merge patch).
    UpdateNeed,
    /// Archive a need that no employer has voiced.
    ArchiveNeed,
    /// Voice a need that somebody observed.
    VoiceNeed,
    /// Say that a need is met; for an employer that endorses it.
    MeetNeed,
    /// Put a need aside with a reason; for the employer that raised or voiced it.
    ParkNeed,
    /// Take a parked need up again.
    ResumeNeed,
    /// List endorsements.
    ListEndorsements,
    /// Read an endorsement.
    GetEndorsement,
    /// Endorse a need for your organisation; one voice each.
    CreateEndorsement,
    /// Change members of an endorsement (merge patch).
    UpdateEndorsement,
    /// Withdraw an endorsement; a need may no longer be shared then.
    WithdrawEndorsement,
    /// List feasibility ratings.
    ListFeasibilityRatings,
    /// Read a feasibility rating.
    GetFeasibilityRating,
    /// Rate how feasible it is to meet a need; advice that never changes the order.
    CreateFeasibilityRating,
    /// Change members of a feasibility rating (merge patch).
    UpdateFeasibilityRating,
    /// List causes.
    ListCauses,
    /// Read a cause.
    GetCause,
    /// Put a cause of a need forward.
    CreateCause,
    /// Change members of a cause that no employer has confirmed (merge patch).
    UpdateCause,
    /// Archive a cause that was only put forward.
    ArchiveCause,
    /// Add evidence to a cause: from then on it is tested.
    TestCause,
    /// Reject a cause; for an employer that endorses the need.
    RejectCause,
    /// List confirmations of causes.
    ListCauseConfirmations,
    /// Read a confirmation of a cause.
    GetCauseConfirmation,
    /// Confirm a tested cause; for an employer that endorses the need.
    CreateCauseConfirmation,
    /// Withdraw the confirmation of a cause.
    WithdrawCauseConfirmation,
    /// List inputs, ideas, questions, doubts and claims.
    ListInputs,
    /// Read an input.
    GetInput,
    /// Bring an input, idea, question, doubt or claim; it is answered by its day.
    CreateInput,
    /// Change members of an input that nobody looked at yet (merge patch).
    UpdateInput,
    /// Archive an answered or closed input.
    ArchiveInput,
    /// Say that an input was seen.
    AcknowledgeInput,
    /// Answer an input.
    AnswerInput,
    /// Put an input aside with a reason; it stays open.
    ParkInput,
    /// Close an input, for whoever brought it.
    CloseInput,
    /// Open an input again, for whoever brought it; it is to be answered anew.
    ReopenInput,
    /// List second looks.
    ListSecondLooks,
    /// Read a second look.
    GetSecondLook,
    /// Open a second look at an entry of the map, a past attempt or a claim.
    CreateSecondLook,
    /// Change members of a second look, the answers to its questions above all (merge patch).
    UpdateSecondLook,
    /// Join the reviewers of a second look, for your organisation.
    ReviewSecondLook,
    /// Reply as the owner of what is looked at.
    ReplySecondLook,
    /// Conclude a second look with a finding, as one of its reviewers.
    ConcludeSecondLook,
    /// Open a concluded second look again, with a reason.
    ReopenSecondLook,
    /// List offers.
    ListOffers,
    /// Read an offer.
    GetOffer,
    /// Offer something against a need or a cause, for your organisation.
    CreateOffer,
    /// Change members of an offer (merge patch).
    UpdateOffer,
    /// Take up an offer to explore it.
    ExploreOffer,
    /// Take an offer back.
    WithdrawOffer,
    /// List solutions.
    ListSolutions,
    /// Read a solution.
    GetSolution,
    /// Put a solution forward.
    CreateSolution,
    /// Change members of a solution that no employer has approved yet (merge patch).
    UpdateSolution,
    /// Take on the design of a solution, as one of its designers.
    TakeOnSolution,
    /// Begin the joint design of a solution.
    DesignSolution,
    /// Reject a solution; for an employer that endorses a need of it.
    RejectSolution,
    /// Begin to carry out an adopted solution.
    StartSolution,
    /// Say that a solution was carried out.
    DeliverSolution,
    /// List fit scores.
    ListFitScores,
    /// Read a fit score.
    GetFitScore,
    /// Score how well a solution fits a need, for your organisation.
    CreateFitScore,
    /// Change members of a fit score (merge patch).
    UpdateFitScore,
    /// List approvals of solutions.
    ListSolutionApprovals,
    /// Read an approval of a solution.
    GetSolutionApproval,
    /// Approve a solution for your organisation; the quorum of endorsing employers adopts it.
    CreateSolutionApproval,
    /// Withdraw an approval while the solution is not adopted.
    WithdrawSolutionApproval,
    /// List goals.
    ListGoals,
    /// Read a goal.
    GetGoal,
    /// Put a goal forward.
    CreateGoal,
    /// Change members of a goal that is not agreed yet (merge patch).
    UpdateGoal,
    /// Agree to a goal, as an employer.
    AgreeGoal,
    /// Give a goal up, as an employer, with a reason.
    RetireGoal,
    /// List steps of the plan.
    ListPlanSteps,
    /// Read a step of the plan.
    GetPlanStep,
    /// Offer a step of the plan to the organisation that would lead it.
    CreatePlanStep,
    /// Change members of a step of the plan (merge patch).
    UpdatePlanStep,
    /// Take on a step of the plan, as its lead.
    AcceptPlanStep,
    /// Turn down a step of the plan.
    DeclinePlanStep,
    /// Begin an accepted step.
    StartPlanStep,
    /// Report a step done, with what came of it.
    CompletePlanStep,
    /// Give a step up, with a reason.
    DropPlanStep,
    /// List versions of the plan.
    ListPlanVersions,
    /// Read a version of the plan.
    GetPlanVersion,
    /// Write a version of the plan, with what it rests on.
    CreatePlanVersion,
    /// Change members of a draft that no employer has approved yet (merge patch).
    UpdatePlanVersion,
    /// Archive a draft of the plan.
    ArchivePlanVersion,
    /// Say that the plan in force was reviewed and stands.
    ReviewPlanVersion,
    /// List approvals of versions of the plan.
    ListPlanApprovals,
    /// Read an approval of a version of the plan.
    GetPlanApproval,
    /// Approve a version of the plan for your organisation; the quorum of employers at the table brings it into force.
    CreatePlanApproval,
    /// Withdraw an approval while the version is a draft.
    WithdrawPlanApproval,
    /// List action teams.
    ListActionTeams,
    /// Read an action team.
    GetActionTeam,
    /// Offer an action team to the organisation that would lead it.
    CreateActionTeam,
    /// Change members of an action team (merge patch).
    UpdateActionTeam,
    /// Take on an action team, as its lead.
    AcceptActionTeam,
    /// Turn down an action team.
    DeclineActionTeam,
    /// Join an action team with your organisation.
    JoinActionTeam,
    /// Leave an action team with your organisation.
    LeaveActionTeam,
    /// End an action team, with a reason.
    EndActionTeam,
    /// What one version of the plan changes against another: steps, goals and what it rests on.
    GetPlanVersionDiff,
    /// The direction score of a partnership, with what pulls it down and what is tied to no goal.
    GetDirection,
    /// Who sits at the table, side by side, and which sides are missing.
    GetComposition,
    /// What facilitation is owed at a partnership, the most overdue first.
    GetPartnershipWorkQueue,
    /// List your calendar feeds.
    ListCalendarFeeds,
    /// Read a calendar feed of yours.
    GetCalendarFeed,
    /// Make a secret address for a calendar program. It is shown once.
    CreateCalendarFeed,
    /// Change members of a calendar feed (merge patch).
    UpdateCalendarFeed,
    /// Revoke a calendar feed: its address is dead at once.
    ArchiveCalendarFeed,
    /// Give a calendar feed a new address; the old one is dead at once.
    RotateCalendarFeed,
    /// A meeting as a calendar file (RFC 5545).
    GetMeetingCalendar,
    /// List codes.
    ListCodes,
    /// Read a code.
    GetCode,
    /// Create a code.
    CreateCode,
    /// Change members of a code (merge patch).
    UpdateCode,
    /// Retire a code: records that have it keep it, no other gets it.
    RetireCode,
    /// List staff appointments.
    ListStaffAppointments,
    /// Read a staff appointment.
    GetStaffAppointment,
    /// Create a staff appointment.
    CreateStaffAppointment,
    /// Archive a staff appointment; its unique values become free.
    ArchiveStaffAppointment,
    /// What happened, in order, as far as you may read the records it happened to.
    ListEvents,
    /// List webhooks.
    ListWebhooks,
    /// Read a webhook.
    GetWebhook,
    /// Name an address that is told of events. Its secret is shown once.
    CreateWebhook,
    /// Change members of a webhook (merge patch).
    UpdateWebhook,
    /// Archive a webhook; nothing more is sent.
    ArchiveWebhook,
    /// Send to a disabled webhook again.
    EnableWebhook,
    /// Send nothing to a webhook until it is enabled.
    DisableWebhook,
    /// Give a webhook a new secret. For a day requests are signed with the one before as well.
    RenewWebhookSecret,
    /// Send a webhook a test.
    TestWebhook,
    /// Send a webhook again what happened since a moment.
    ReplayWebhook,
    /// List deliveries to webhooks.
    ListWebhookDeliveries,
    /// Read a delivery to a webhook.
    GetWebhookDelivery,
    /// Send a delivery again, now.
    RetryWebhookDelivery,
    /// List attempts of deliveries.
    ListWebhookAttempts,
    /// Read an attempt of a delivery.
    GetWebhookAttempt,
    /// List service accounts.
    ListServiceAccounts,
    /// Read a service account.
    GetServiceAccount,
    /// Make an account for a system. The secret is shown once.
    CreateServiceAccount,
    /// Change members of a service account (merge patch).
    UpdateServiceAccount,
    /// Archive a service account; its unique values become free.
    ArchiveServiceAccount,
    /// Give a service account a new secret; the old one is dead at once.
    RenewSecret,
    /// List invitations.
    ListInvitations,
    /// Read an invitation.
    GetInvitation,
    /// Invite somebody to make a login. The token is shown once.
    CreateInvitation,
    /// Archive an invitation; its unique values become free.
    ArchiveInvitation,
    /// List imports.
    ListImportJobs,
    /// Read an import.
    GetImportJob,
    /// Import a file into a partnership. The report names every refused row.
    CreateImportJob,
    /// Undo an import: archive what it made and bring back what it changed, unless that has changed since.
    RevertImportJob,
    /// Make or change an organisation by an external id: what is sent becomes the whole of what can be changed.
    UpsertOrganization,
    /// Make or change a person by an external id: what is sent becomes the whole of what can be changed.
    UpsertPerson,
    /// Make or change a location by an external id: what is sent becomes the whole of what can be changed.
    UpsertLocation,
    /// Make or change a partner by an external id: what is sent becomes the whole of what can be changed.
    UpsertPartner,
    /// Make or change a resource by an external id: what is sent becomes the whole of what can be changed.
    UpsertResource,
    /// Make or change a meeting by an external id: what is sent becomes the whole of what can be changed.
    UpsertMeeting,
    /// List what became of the rows of imports.
    ListImportRows,
    /// Read what became of a row of an import.
    GetImportRow,
    /// List accounts.
    ListAccounts,
    /// Read an account.
    GetAccount,
    /// Suspend an account: every session of it is dead at once.
    SuspendAccount,
    /// Let a suspended account sign in again.
    ReinstateAccount,
    /// Who you are, for whom you act, and what you may do.
    GetMe,
    /// Sign in with e-mail address and password.
    CreateSession,
    /// Exchange a refresh token for new tokens; using one twice ends the session.
    RefreshSession,
    /// End the session a refresh token belongs to.
    EndSession,
    /// Accept an invitation and set a password.
    AcceptInvitation,
    /// Change your password; every other session ends.
    ChangePassword,
    /// Who is covered: point person and alternate, partner by partner.
    GetCoverage,
    /// Employer time required against offered, for a quarter.
    GetTimeLedger,
    /// The policy keys with their bounds and the values in force.
    ListPolicyKeys,
    /// The report of an import: what was created, updated, unchanged and refused, row by row.
    GetImportReport,
    /// List topics.
    ListTopics,
    /// Read a topic; for the intermediary a stub while it is held to its parties.
    GetTopic,
    /// Propose a topic: what it is about and whose matter it is.
    CreateTopic,
    /// Change members of a topic (merge patch), while no consent to it stands.
    UpdateTopic,
    /// Archive a topic that was proposed by mistake, while no consent to it stands.
    ArchiveTopic,
    /// Refuse a topic as a party; consents to it are taken back.
    ContestTopic,
    /// Agree where a topic belongs: all parties have to consent to the same. At the bargaining table it is sealed.
    AgreeTopic,
    /// Open an agreed or contested topic again: all parties have to consent to it.
    ReopenTopic,
    /// List consents of parties to topics.
    ListTopicConsents,
    /// Read a consent of a party to a topic.
    GetTopicConsent,
    /// Consent to where a topic belongs, or to opening it again, for your organisation.
    CreateTopicConsent,
    /// Take a consent back, before it has taken effect.
    WithdrawTopicConsent,
    /// Make an input into a need, an offer, an entry of the resource map or an agenda item that carries it on.
    ConvertInput,
    /// Confirm, as its owner, an entry that somebody else put down in your name.
    ConfirmResource,
    /// Your sessions that have not ended.
    ListSessions,
    /// End a session of yours, on whichever device it is.
    RevokeSession,
    /// The identity providers somebody can sign in at.
    ListIdentityProviders,
    /// Begin to sign in at an identity provider, to accept an invitation there, or to link an identity to your login.
    StartProviderSignIn,
    /// Complete a sign-in at an identity provider with what it sent the browser back with.
    CompleteProviderSignIn,
    /// The identities that sign in to your login.
    ListLinkedIdentities,
    /// Take an identity off your login.
    UnlinkIdentity,
    /// List provisioned logins.
    ListProvisionedLogins,
    /// Read a provisioned login.
    GetProvisionedLogin,
    /// Make a login that another system keeps, with its person in the directory.
    CreateProvisionedLogin,
    /// Change members of a provisioned login (merge patch).
    UpdateProvisionedLogin,
    /// Let a provisioned login sign in no more: its sessions end.
    DeactivateProvisionedLogin,
    /// Let a provisioned login sign in again.
    ActivateProvisionedLogin,
    /// Archive a provisioned login; it signs in no more, and its unique values become free.
    ArchiveProvisionedLogin,
    /// What hangs on a need: statements, causes, offers, second looks, solutions, steps and goals, with their links.
    GetNeedTrace,
    /// What you may do to a record of any collection, and why.
    GetAccess,
}
