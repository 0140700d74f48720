//! What can go wrong, in one closed list, without a word of HTTP or GraphQL in the rules.

use std::fmt;

/// Declares the closed list of codes with their HTTP status, title and meaning.
macro_rules! codes {
    ($( $variant:ident = $wire:literal, $status:literal, $title:literal, $meaning:literal; )*) => {
        /// A machine-readable reason. Published, stable: a client may build on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $( #[doc = $meaning] $variant, )* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$( Code::$variant, )*];
            /// As it stands on the wire.
            pub fn wire(self) -> &'static str { match self { $( Code::$variant => $wire, )* } }
            /// Status over HTTP.
            pub fn status(self) -> u16 { match self { $( Code::$variant => $status, )* } }
            /// Short title.
            pub fn title(self) -> &'static str { match self { $( Code::$variant => $title, )* } }
            /// What it means and what to do.
            pub fn meaning(self) -> &'static str { match self { $( Code::$variant => $meaning, )* } }
            /// The code of that name.
            pub fn named(wire: &str) -> Option<Code> { Self::ALL.iter().copied().find(|code| code.wire() == wire) }
        }
    };
}

codes! {
    Unauthenticated = "UNAUTHENTICATED", 401, "Sign in first", "No valid access token came with the request. Sign in with POST /v1/sessions or POST /oauth/token.";
    SignInFailed = "SIGN_IN_FAILED", 401, "Sign-in failed", "The name and the secret do not go together, or the account may not sign in.";
    TokenReused = "TOKEN_REUSED", 401, "Token used before", "A refresh token was used a second time, so the whole session was ended. Sign in again.";
    InvitationDead = "INVITATION_DEAD", 410, "Invitation no longer good", "The invitation is unknown, used or expired. Ask for a new one.";
    SignInExpired = "SIGN_IN_EXPIRED", 410, "Sign-in no longer under way", "The sign-in was completed before, took too long, or was never begun. Begin anew.";
    IdentityNotLinked = "IDENTITY_NOT_LINKED", 403, "Nobody's identity here", "The identity signs in to no login here. Accept an invitation with it, or sign in otherwise and link it.";
    ProviderUnavailable = "PROVIDER_UNAVAILABLE", 502, "The identity provider does not answer", "The identity provider could not be reached, or did not answer as OpenID Connect asks. Try again later.";
    Forbidden = "FORBIDDEN", 403, "Not yours to do", "Your role has no part in this operation. openapi/access.md lists who has.";
    NotYours = "NOT_YOURS", 403, "Another organisation's", "Your role may do this to your own organisation's records only.";
    ScopeMissing = "SCOPE_MISSING", 403, "Scope missing", "The service account was not given the scope this operation needs.";
    ActingContextRequired = "ACTING_CONTEXT_REQUIRED", 400, "Say at which table", "You sit at several tables: name one with the header Acting-Partnership or at sign-in.";
    NotFound = "NOT_FOUND", 404, "Not found", "There is nothing here that you may know of.";
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, "Method not allowed", "The address exists, but not with this method; Allow names those that do.";
    NotAcceptable = "NOT_ACCEPTABLE", 406, "Not acceptable", "None of the media types in Accept can be served.";
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported media type", "The body has a media type this address does not take.";
    BodyTooLarge = "BODY_TOO_LARGE", 413, "Body too large", "The body is over the limit.";
    MalformedBody = "MALFORMED_BODY", 400, "Malformed body", "The body is not the JSON it says it is.";
    InvalidInput = "INVALID_INPUT", 400, "Invalid input", "One or more members are wrong; errors names each with a JSON pointer.";
    UnknownParameter = "UNKNOWN_PARAMETER", 400, "Unknown parameter", "A query parameter is not one of this operation's.";
    InvalidCursor = "INVALID_CURSOR", 400, "Invalid cursor", "The cursor is not one of ours, or belongs to another sort or filter.";
    CursorGone = "CURSOR_GONE", 410, "Too far back", "Events are kept for a time only, and what follows this cursor is partly forgotten. Read the collections anew, then follow the events from now on.";
    VersionRequired = "VERSION_REQUIRED", 428, "Version required", "A change needs the version it was made on: If-Match in REST, version in GraphQL.";
    Stale = "STALE", 412, "Changed meanwhile", "The record has another version by now. Read it again and decide anew.";
    IdempotencyMismatch = "IDEMPOTENCY_MISMATCH", 422, "Key used for something else", "The idempotency key was used with another request.";
    AlreadyExists = "ALREADY_EXISTS", 409, "Already there", "A live record with the same unique values exists.";
    InUse = "IN_USE", 409, "Still in use", "Other live records build on this one.";
    Archived = "ARCHIVED", 409, "Archived", "The record is archived; restore it first.";
    WrongState = "WRONG_STATE", 409, "Not from this state", "The record's state does not allow this; the detail names the states that do.";
    TooManyRequests = "TOO_MANY_REQUESTS", 429, "Too many requests", "Slow down; Retry-After says for how long.";
    QueryTooComplex = "QUERY_TOO_COMPLEX", 400, "Query too complex", "The GraphQL document is over a limit of depth, aliases, fields or size, or its relations bring in too many records.";
    QueryInvalid = "QUERY_INVALID", 400, "Query invalid", "The GraphQL document does not parse or does not fit the schema.";
    Unavailable = "UNAVAILABLE", 503, "For the moment not available", "The database does not answer or is too busy. Try again after Retry-After.";
    StorageFull = "STORAGE_FULL", 507, "No room left", "The database has no room to write; reading goes on. Its operator has to make room.";
    Internal = "INTERNAL", 500, "Our fault", "Something failed on our side; the log has it under the request id.";

    IntermediaryCannotSetCourse = "INTERMEDIARY_CANNOT_SET_COURSE", 403, "The intermediary does not set the course", "The intermediary facilitates and never endorses, ranks, confirms, offers or approves in a partner's place; nor does any account or import of theirs.";
    EmployerOnly = "EMPLOYER_ONLY", 403, "For employers", "Only an employer can do this, for itself.";
    ObjectiveRequired = "OBJECTIVE_REQUIRED", 422, "No meeting without an objective", "Say what will be different after the meeting before it is scheduled.";
    ObjectiveResultRequired = "OBJECTIVE_RESULT_REQUIRED", 422, "Was the objective met?", "A meeting is closed with met, partly or not_met.";
    AgendaInformationOnly = "AGENDA_INFORMATION_ONLY", 422, "Nothing to do but listen", "Every agenda item only informs. Send the information instead and spare people's time.";
    AgendaExceedsDuration = "AGENDA_EXCEEDS_DURATION", 422, "Agenda does not fit", "The time boxes of the agenda add up to more than the meeting's length.";
    AsynchronousInputRequired = "ASYNCHRONOUS_INPUT_REQUIRED", 422, "Offer another way to take part", "A decision meeting that asks for small or medium employers offers a link or a way to answer without being there.";
    EmployerTimeExceeded = "EMPLOYER_TIME_EXCEEDED", 409, "More time than the employer offered", "The meeting asks an employer for more than the hours it offered this quarter. Make it optional, shorten it, or override with a reason the employer will see.";
    ProcessTimeCap = "PROCESS_TIME_CAP", 422, "Too much procedure", "Employers are required at a meeting of process longer than policy allows.";
    PointPersonExists = "POINT_PERSON_EXISTS", 409, "There is a point person", "A partner has exactly one live point person. End that seat or give it another role first.";
    LastPointPerson = "LAST_POINT_PERSON", 409, "The only point person", "No alternate is there to take over. Name a successor, or end the seat with leaveUncovered.";
    HandoverOpen = "HANDOVER_OPEN", 409, "A handover is open", "The seat's open handover has to be completed first.";
    ChampionMustBeEmployer = "CHAMPION_MUST_BE_EMPLOYER", 422, "Champions come from employers", "Only a person of an employer can be a champion.";
    ActionNotAccepted = "ACTION_NOT_ACCEPTED", 409, "Not taken on", "The organisation has not accepted this action item.";
    StatementUnconfirmed = "STATEMENT_UNCONFIRMED", 409, "Not confirmed by its employer", "A need or a plan rests only on statements that their employers confirmed or corrected.";
    OneVoicePerOrganization = "ONE_VOICE_PER_ORGANIZATION", 409, "One voice for each organisation", "Your organisation has spoken here already. Change that, or withdraw it first.";
    EndorsementRequired = "ENDORSEMENT_REQUIRED", 409, "For employers that endorse the need", "Endorse the need first; only then is its course yours to set.";
    InputUnanswered = "INPUT_UNANSWERED", 409, "Not answered yet", "What a partner brought is answered, or closed by whoever brought it, before it is archived.";
    QuestionsUnanswered = "QUESTIONS_UNANSWERED", 409, "Questions are open", "A second look concludes once each of its questions is answered; the detail names those that are not.";
    EmployerReviewRequired = "EMPLOYER_REVIEW_REQUIRED", 409, "No employer has reviewed it", "At least one employer is among the reviewers of a second look.";
    OwnerReplyPending = "OWNER_REPLY_PENDING", 409, "The owner has not replied", "Whose it is has a right of reply. Wait for it, or until the day it is due.";
    SharedNeedThreshold = "SHARED_NEED_THRESHOLD", 409, "Not a shared need", "Fewer employers endorse the need than policy asks for; it has to be shared first.";
    RootCauseRequired = "ROOT_CAUSE_REQUIRED", 409, "First the cause", "Problem, underlying cause, right solution: each need of a solution has a root cause that employers confirmed.";
    SolutionSeeksProblem = "SOLUTION_SEEKS_PROBLEM", 409, "A solution in search of a problem", "It came before the need, and nobody but its own proposer raised that need. Find a need that others raised.";
    AlternativesRequired = "ALTERNATIVES_REQUIRED", 409, "What else was considered?", "Name at least one alternative, or say why there is none.";
    DesignNotJoint = "DESIGN_NOT_JOINT", 409, "Not designed together", "At least one employer and one organisation of another side design a solution.";
    SecondLookDue = "SECOND_LOOK_DUE", 409, "A second look is due", "What a solution builds on has been looked at again first: conclude the second look.";
    ResponsibilityNotAccepted = "RESPONSIBILITY_NOT_ACCEPTED", 409, "Not taken on", "The organisation that would lead the step has not taken it on.";
    BasisRequired = "BASIS_REQUIRED", 422, "What does it rest on?", "An amendment of the plan names the inputs, second looks or statements it rests on; the first version may rest on needs or goals.";
    ReservedForBargaining = "RESERVED_FOR_BARGAINING", 403, "Kept for the bargaining table", "The parties agreed to treat this at the bargaining table. It can be read by them, and is not taken further in the partnership until they open the topic again together.";
    JointConsentRequired = "JOINT_CONSENT_REQUIRED", 409, "Not without the others", "Every party of the topic has to consent to the same; the detail says how many have.";
    OwnerConfirmationRequired = "OWNER_CONFIRMATION_REQUIRED", 409, "Its owner was not heard", "Somebody else put the entry down in the owner's name. The owner confirms or corrects it before it is listed.";
    ImportChangedSince = "IMPORT_CHANGED_SINCE", 409, "Changed since the import", "Records were changed after the import, or others rest on them, so it is not undone; errors names each. Put those right first.";
    UnknownCode = "UNKNOWN_CODE", 422, "Unknown code", "The code is not in the code system; the detail names the nearest that is.";
    UnknownTimeZone = "UNKNOWN_TIME_ZONE", 422, "Unknown time zone", "Give a time zone of the IANA database, such as America/Chicago.";
    SlugTaken = "SLUG_TAKEN", 409, "Slug taken", "Another partnership has this slug.";
}

/// One wrong member.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// JSON pointer to the member in the body, or `/` and the name of a parameter.
    pub pointer: String,
    /// A code of its own.
    pub code: &'static str,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// A refusal or a failure.
#[derive(Debug)]
pub struct Error {
    /// The reason.
    pub code: Code,
    /// For the person who reads it: what is wrong here and the remedy.
    pub detail: String,
    /// Wrong members, when members are wrong.
    pub problems: Vec<Problem>,
    /// Seconds to wait before it is worth trying again, where that is known.
    pub retry_after: Option<u64>,
    /// What failed beneath; logged, never shown.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of every operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A refusal with a detail of its own.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), problems: Vec::new(), retry_after: None, source: None }
    }

    /// There is nothing here that the caller may know of.
    pub fn not_found() -> Self {
        Code::NotFound.into()
    }

    /// One member is wrong.
    pub fn member(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::members(vec![Problem { pointer: pointer.into(), code, detail: detail.into() }])
    }

    /// Members are wrong.
    pub fn members(problems: Vec<Problem>) -> Self {
        let detail = match problems.as_slice() {
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} members are wrong", many.len()),
        };
        Self { problems, ..Self::new(Code::InvalidInput, detail) }
    }

    /// Something beneath failed.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::from(Code::Internal) }
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::new(code, code.meaning())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code.wire(), self.detail)?;
        match &self.source {
            Some(source) => write!(out, " ({source})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Unique constraints that have a code of their own, by the columns both databases name in their message.
const UNIQUE: &[(&str, &str, Code)] = &[
    ("partnership_once", "partnership.slug", Code::SlugTaken),
    ("seat_once", "seat.partner_id", Code::PointPersonExists),
    ("feasibility_rating_once", "feasibility_rating.need_id", Code::OneVoicePerOrganization),
    ("fit_score_once", "fit_score.solution_id", Code::OneVoicePerOrganization),
    ("solution_approval_once", "solution_approval.solution_id", Code::OneVoicePerOrganization),
    ("plan_approval_once", "plan_approval.plan_version_id", Code::OneVoicePerOrganization),
    ("endorsement_once", "endorsement.need_id", Code::OneVoicePerOrganization),
    ("topic_consent_once", "topic_consent.topic_id", Code::OneVoicePerOrganization),
    ("cause_confirmation_once", "cause_confirmation.cause_id", Code::OneVoicePerOrganization),
];

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        match refusal(&error) {
            Some(told) if told.is_unique_violation() => {
                let text = told.message();
                let code = UNIQUE
                    .iter()
                    .find(|(postgres, sqlite, _)| text.contains(postgres) || text.contains(sqlite))
                    .map_or(Code::AlreadyExists, |(_, _, code)| *code);
                return code.into();
            }
            Some(told) if told.is_foreign_key_violation() => {
                return Error::new(Code::InUse, "the record points to one that is not there, or others point to it");
            }
            _ => {}
        }
        let fault = fault(&error);
        let mut mapped = Error::internal(error);
        if let Some(code) = fault {
            mapped.code = code;
            mapped.detail = code.meaning().into();
        }
        mapped
    }
}

/// What the database itself said of a failure.
pub(crate) fn refusal(error: &sea_orm::DbErr) -> Option<&dyn sqlx::error::DatabaseError> {
    use sea_orm::{DbErr, RuntimeErr};
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else { return None };
    let RuntimeErr::SqlxError(cause) = cause else { return None };
    cause.as_database_error()
}

/// What a failure of the database is to a client when nothing is wrong with the request: it does not answer, is too busy,
/// or has no room.
fn fault(error: &sea_orm::DbErr) -> Option<Code> {
    use sea_orm::{DbErr, RuntimeErr};
    if matches!(error, DbErr::ConnectionAcquire(_)) || is_retryable(error) {
        return Some(Code::Unavailable);
    }
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else { return None };
    let RuntimeErr::SqlxError(cause) = cause else { return Some(Code::Unavailable) };
    match &**cause {
        sqlx::Error::Database(told) => match told.code().unwrap_or_default().as_ref() {
            code if code.len() < 5 => sqlite_fault(code),
            "53100" => Some(Code::StorageFull),
            // Connections end or are too many; a statement, a lock or a transaction took too long; the disk fails.
            code if ["08", "57", "53", "58"].iter().any(|class| code.starts_with(class)) => Some(Code::Unavailable),
            "55P03" | "25P03" => Some(Code::Unavailable),
            _ => None,
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Some(Code::Unavailable),
        _ => None,
    }
}

/// The same for a result code of SQLite, whose low byte says the kind.
fn sqlite_fault(code: &str) -> Option<Code> {
    match code.parse::<u32>().ok()? & 0xff {
        13 => Some(Code::StorageFull),
        // It is interrupted, the disk fails, or a file cannot be opened.
        9 | 10 | 14 => Some(Code::Unavailable),
        _ => None,
    }
}

/// Whether doing the transaction again may succeed: serialisation failure, deadlock, busy.
pub fn is_retryable(error: &sea_orm::DbErr) -> bool {
    let text = error.to_string();
    ["could not serialize", "deadlock detected", "database is locked", "database table is locked"]
        .iter()
        .any(|sign| text.contains(sign))
}
