//! What a meeting has to keep, as functions over rows already read: no database, no clock.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use roundtable_entity::meeting::NewMeeting;
use roundtable_entity::{
    AgendaItemKind, ConstraintForce, EngagementMode, FunctionLevel, InvitedAs, Listed, MeetingMode, OrganizationKind,
    Side, SizeClass, Texts, agenda_item, attendance, constraint, meeting, partner,
};
use roundtable_kernel::error::{Code, Error, Problem, Result};
use uuid::Uuid;

/// A seat asked to a meeting, with its partner.
#[derive(Clone, Debug)]
pub struct Guest {
    /// How the seat is asked.
    pub attendance: attendance::Model,
    /// Whose seat it is.
    pub partner: partner::Model,
}

impl Guest {
    fn is_asked_as(&self, invited_as: InvitedAs) -> bool {
        self.attendance.invited_as == Some(invited_as)
    }

    fn is_required_employer(&self) -> bool {
        is_employer(&self.partner) && self.is_asked_as(InvitedAs::Required)
    }

    fn is_small_or_medium_employer(&self) -> bool {
        is_employer(&self.partner) && is_small_or_medium(&self.partner) && !self.is_asked_as(InvitedAs::Observer)
    }
}

/// Whether the partner is an employer.
pub fn is_employer(partner: &partner::Model) -> bool {
    partner.kind == OrganizationKind::Employer
}

fn is_small_or_medium(partner: &partner::Model) -> bool {
    partner.size_class.is_some_and(SizeClass::is_small_or_medium)
}

/// Never meet only to meet: there is an objective (practice 37).
pub fn objective_is_given(meeting: &meeting::Model) -> Result<()> {
    match meeting.objective.as_deref().map(str::trim) {
        Some(objective) if !objective.is_empty() => Ok(()),
        _ => Err(Code::ObjectiveRequired.into()),
    }
}

/// An agenda asks for something other than to be listened to (practice 37). An empty one may yet be written.
pub fn agenda_asks_something(items: &[agenda_item::Model]) -> Result<()> {
    if !items.is_empty() && items.iter().all(|item| item.kind == AgendaItemKind::Update) {
        return Err(Code::AgendaInformationOnly.into());
    }
    Ok(())
}

/// The time boxes fit the meeting (practice 62).
pub fn agenda_fits(items: &[agenda_item::Model], meeting: &meeting::Model) -> Result<()> {
    let minutes: i64 = items.iter().map(|item| i64::from(item.minutes)).sum();
    if minutes <= meeting.duration_minutes.into() {
        return Ok(());
    }
    Err(Error::new(
        Code::AgendaExceedsDuration,
        format!(
            "the agenda takes {minutes} minutes, the meeting {}; shorten an item, or make the meeting longer",
            meeting.duration_minutes
        ),
    ))
}

/// Small and medium employers can take part in a decision without being there (practice 63).
pub fn asynchronous_input_is_offered(
    meeting: &meeting::Model,
    items: &[agenda_item::Model],
    guests: &[Guest],
) -> Result<()> {
    let offered = meeting.url.is_some() || meeting.asynchronous_input.is_some();
    let decides = items.iter().any(|item| item.kind == AgendaItemKind::Decision);
    if !offered && decides && guests.iter().any(Guest::is_small_or_medium_employer) {
        return Err(Code::AsynchronousInputRequired.into());
    }
    Ok(())
}

/// Employers are not required at long meetings of process (practice 64).
pub fn process_is_short(meeting: &meeting::Model, guests: &[Guest], cap_minutes: i64) -> Result<()> {
    let long = meeting.mode == MeetingMode::Process && i64::from(meeting.duration_minutes) > cap_minutes;
    if long && guests.iter().any(Guest::is_required_employer) {
        return Err(Error::new(
            Code::ProcessTimeCap,
            format!(
                "employers are required at a meeting of process of {} minutes, policy allows {cap_minutes}; make it \
                 shorter, or ask employers as optional",
                meeting.duration_minutes
            ),
        ));
    }
    Ok(())
}

/// Minutes the meeting asks of each employer it requires: its length and the preparation, seat by seat (practice 39).
pub fn minutes_asked(meeting: &meeting::Model, guests: &[Guest]) -> BTreeMap<Uuid, i64> {
    let mut asked = BTreeMap::new();
    for guest in guests.iter().filter(|guest| guest.is_required_employer()) {
        let preparation = guest.attendance.preparation_minutes.unwrap_or(meeting.preparation_minutes);
        *asked.entry(guest.partner.id).or_default() += i64::from(meeting.duration_minutes) + i64::from(preparation);
    }
    asked
}

/// Hours a quarter taken as offered by an employer that has not said.
#[derive(Clone, Copy, Debug)]
pub struct DefaultHours {
    /// By a small or medium company.
    pub small_or_medium: i64,
    /// By any other.
    pub other: i64,
}

/// Minutes an employer offers in a quarter (practice 38).
pub fn minutes_offered(partner: &partner::Model, default: DefaultHours) -> i64 {
    let by_size = if is_small_or_medium(partner) { default.small_or_medium } else { default.other };
    partner.hours_offered.map_or(by_size, i64::from).saturating_mul(60)
}

/// What an employer offers and what has been asked of it already in the quarter of a meeting.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    /// The employer.
    pub partner: &'a partner::Model,
    /// Minutes offered.
    pub offered: i64,
    /// Minutes required by other meetings.
    pub required: i64,
    /// Minutes this meeting asks.
    pub asked: i64,
    /// Minutes over the offer that were reasoned for this meeting before.
    pub granted: i64,
}

impl Offer<'_> {
    /// Minutes over the offer for which there is no reason yet; `None` when there are none.
    pub fn over(&self) -> Option<i64> {
        let over = self.required.saturating_add(self.asked).saturating_sub(self.offered);
        (over > self.granted.max(0)).then_some(over)
    }
}

/// The refusal that names the employers asked for more than they offered. How much they offered is theirs to tell.
pub fn employer_time_exceeded<'a>(partners: impl IntoIterator<Item = &'a partner::Model>) -> Error {
    let problems: Vec<Problem> = partners
        .into_iter()
        .map(|partner| Problem {
            pointer: "/timeOverrides".into(),
            code: "employer_time_exceeded",
            detail: format!("{} (partner {}) would give more time than it offered", partner.name, partner.id),
        })
        .collect();
    let names: Vec<&str> = problems.iter().map(|problem| problem.detail.as_str()).collect();
    let detail = format!(
        "{}; make it optional, shorten the meeting, or give a reason when scheduling, which the employer will see",
        names.join("; ")
    );
    Error { problems, ..Error::new(Code::EmployerTimeExceeded, detail) }
}

/// How a seat is asked unless said otherwise: employers as optional where procedure is gone through (practice 64).
pub fn asked_by_default(meeting: &meeting::Model, partner: &partner::Model) -> InvitedAs {
    if meeting.mode == MeetingMode::Process && is_employer(partner) { InvitedAs::Optional } else { InvitedAs::Required }
}

/// What to consider before asking this seat: an audience it is not of (practice 56), hard constraints of that day.
pub fn warnings(
    meeting: &meeting::Model,
    level: FunctionLevel,
    mode: Option<EngagementMode>,
    constraints: &[constraint::Model],
    day: NaiveDate,
) -> Texts {
    let audience = meant_for(&meeting.audience_levels, Some(level)) && meant_for(&meeting.audience_modes, mode);
    let mismatch = (!audience).then(|| "audience_mismatch".to_owned());
    let binding = constraints
        .iter()
        .filter(|one| one.force == ConstraintForce::Hard)
        .filter(|one| one.starts_on.is_none_or(|first| first <= day) && one.ends_on.is_none_or(|last| day <= last))
        .map(|one| format!("constraint:{}", one.text));
    Texts(mismatch.into_iter().chain(binding).collect())
}

/// Whether calendars have to be told: the meeting is at another time or place, or of another length.
pub fn moved(before: &NewMeeting, after: &NewMeeting) -> bool {
    (before.starts_at, before.duration_minutes) != (after.starts_at, after.duration_minutes)
        || before.time_zone != after.time_zone
        || before.place != after.place
        || before.url != after.url
}

/// Whether the meeting takes other time of those asked than before.
pub fn takes_other_time(before: &NewMeeting, after: &NewMeeting) -> bool {
    (before.starts_at, before.duration_minutes, before.preparation_minutes)
        != (after.starts_at, after.duration_minutes, after.preparation_minutes)
}

/// Whether anything changed that a meeting is called under.
pub fn asks_otherwise(before: &NewMeeting, after: &NewMeeting) -> bool {
    moved(before, after)
        || takes_other_time(before, after)
        || before.objective != after.objective
        || before.mode != after.mode
        || before.asynchronous_input != after.asynchronous_input
}

/// Whether minutes are approved: by attendees of two sides, or of the one side that was there.
pub fn are_minutes_approved(there: &[Side], approving: &[Side]) -> bool {
    let distinct = |sides: &[Side]| sides.iter().collect::<BTreeSet<_>>().len();
    distinct(approving) >= distinct(there).clamp(1, 2)
}

/// Minutes a meeting ran over. It cannot end earlier than it began.
pub fn overrun_minutes(meeting: &meeting::Model, ended_at: roundtable_entity::Timestamp) -> i32 {
    let minutes = (ended_at - meeting.ends_at).num_minutes();
    let bounded = minutes.clamp(-i64::from(meeting.duration_minutes), i32::MAX.into());
    i32::try_from(bounded).unwrap_or_default()
}

/// Whether a list of whom something is meant for names this one. An empty list means everybody.
fn meant_for<T: PartialEq>(whom: &Listed<T>, one: Option<T>) -> bool {
    whom.0.is_empty() || one.is_some_and(|one| whom.0.contains(&one))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]
mod tests {
    use roundtable_entity::Record;
    use sea_orm::TryIntoModel;
    use serde_json::{Value, json};

    use super::*;

    fn row<R: Record>(new: Value) -> R
    where
        R::Active: TryIntoModel<R>,
    {
        let new = serde_json::from_value(new).unwrap();
        R::begin(Uuid::now_v7(), moment("2026-01-01T00:00:00Z"), new).try_into_model().unwrap()
    }

    fn moment(text: &str) -> roundtable_entity::Timestamp {
        text.parse().unwrap()
    }

    fn meeting(minutes: i32, mode: &str) -> meeting::Model {
        row(json!({
            "partnershipId": Uuid::nil(), "title": "Kick-off", "kind": "kickoff", "mode": mode,
            "startsAt": "2026-09-08T14:00:00Z", "durationMinutes": minutes, "timeZone": "America/Chicago",
        }))
    }

    fn item(kind: &str, minutes: i32) -> agenda_item::Model {
        row(json!({ "meetingId": Uuid::nil(), "title": "Item", "kind": kind, "minutes": minutes }))
    }

    fn partner(kind: OrganizationKind, size: Option<&str>) -> partner::Model {
        let mut new = json!({ "partnershipId": Uuid::nil(), "organizationId": Uuid::nil() });
        if let Some(size) = size {
            new["sizeClass"] = json!(size);
        }
        partner::Model { kind, name: "Acme".into(), ..row(new) }
    }

    fn guest(invited_as: &str, partner: partner::Model) -> Guest {
        let asked = json!({ "meetingId": Uuid::nil(), "seatId": Uuid::nil(), "invitedAs": invited_as });
        Guest { attendance: row(asked), partner }
    }

    fn small(invited_as: &str) -> Guest {
        guest(invited_as, partner(OrganizationKind::Employer, Some("small")))
    }

    fn constraint(force: &str, from: &str, to: &str) -> constraint::Model {
        row(json!({
            "partnershipId": Uuid::nil(), "organizationId": Uuid::nil(), "kind": "academic_calendar",
            "text": "Finals", "force": force, "startsOn": from, "endsOn": to,
        }))
    }

    #[test]
    fn a_meeting_has_an_objective() {
        let mut meeting = meeting(60, "action");
        assert_eq!(objective_is_given(&meeting).unwrap_err().code, Code::ObjectiveRequired);
        meeting.objective = Some("  ".into());
        assert_eq!(objective_is_given(&meeting).unwrap_err().code, Code::ObjectiveRequired);
        meeting.objective = Some("A name for the effort".into());
        assert!(objective_is_given(&meeting).is_ok());
    }

    #[test]
    fn an_agenda_of_information_only_is_refused() {
        assert!(agenda_asks_something(&[]).is_ok());
        assert!(agenda_asks_something(&[item("update", 5), item("design", 5)]).is_ok());
        let error = agenda_asks_something(&[item("update", 5), item("update", 5)]).unwrap_err();
        assert_eq!(error.code, Code::AgendaInformationOnly);
    }

    #[test]
    fn the_agenda_fits_to_the_minute() {
        let meeting = meeting(60, "action");
        assert!(agenda_fits(&[item("design", 30), item("decision", 30)], &meeting).is_ok());
        let error = agenda_fits(&[item("design", 30), item("decision", 31)], &meeting).unwrap_err();
        assert_eq!(error.code, Code::AgendaExceedsDuration);
    }

    #[test]
    fn small_employers_can_decide_from_afar() {
        let mut meeting = meeting(60, "action");
        let decision = [item("decision", 30)];
        let refused = |meeting: &meeting::Model, items: &[agenda_item::Model], guests: &[Guest]| {
            asynchronous_input_is_offered(meeting, items, guests).is_err()
        };
        assert!(refused(&meeting, &decision, &[small("required")]));
        assert!(refused(&meeting, &decision, &[small("optional")]));
        assert!(!refused(&meeting, &decision, &[small("observer")]));
        assert!(!refused(&meeting, &[item("design", 30)], &[small("required")]));
        let large = guest("required", partner(OrganizationKind::Employer, Some("large")));
        let union = guest("required", partner(OrganizationKind::Union, None));
        assert!(!refused(&meeting, &decision, &[large, union]));
        meeting.asynchronous_input = Some("Answer by mail".into());
        assert!(!refused(&meeting, &decision, &[small("required")]));
    }

    #[test]
    fn long_process_does_not_require_employers() {
        assert!(process_is_short(&meeting(60, "process"), &[small("required")], 60).is_ok());
        assert!(process_is_short(&meeting(90, "process"), &[small("optional")], 60).is_ok());
        assert!(process_is_short(&meeting(90, "action"), &[small("required")], 60).is_ok());
        let error = process_is_short(&meeting(61, "process"), &[small("required")], 60).unwrap_err();
        assert_eq!(error.code, Code::ProcessTimeCap);
    }

    #[test]
    fn time_is_counted_seat_by_seat_with_preparation() {
        let mut meeting = meeting(60, "action");
        meeting.preparation_minutes = 20;
        let first = small("required");
        let mut second = guest("required", first.partner.clone());
        second.attendance.preparation_minutes = Some(0);
        let union = guest("required", partner(OrganizationKind::Union, None));
        let asked = minutes_asked(&meeting, &[first.clone(), second, small("optional"), union]);
        assert_eq!(asked.into_iter().collect::<Vec<_>>(), [(first.partner.id, 140)]);
    }

    #[test]
    fn an_offer_is_the_employers_own_or_by_its_size() {
        let default = DefaultHours { small_or_medium: 6, other: 12 };
        let mut employer = partner(OrganizationKind::Employer, Some("medium"));
        assert_eq!(minutes_offered(&employer, default), 360);
        employer.size_class = None;
        assert_eq!(minutes_offered(&employer, default), 720);
        employer.hours_offered = Some(0);
        assert_eq!(minutes_offered(&employer, default), 0);
    }

    #[test]
    fn time_over_the_offer_needs_a_reason_for_as_much() {
        let employer = partner(OrganizationKind::Employer, None);
        let offer = |asked, granted| Offer { partner: &employer, offered: 120, required: 60, asked, granted }.over();
        assert_eq!(offer(60, 0), None);
        assert_eq!(offer(61, 0), Some(1));
        assert_eq!(offer(90, 30), None);
        assert_eq!(offer(91, 30), Some(31));
        let error = employer_time_exceeded([&employer]);
        assert_eq!((error.code, error.problems.len()), (Code::EmployerTimeExceeded, 1));
        assert!(!error.detail.contains("120"));
    }

    #[test]
    fn employers_are_optional_where_procedure_is_gone_through() {
        let employer = partner(OrganizationKind::Employer, None);
        let board = partner(OrganizationKind::WorkforceBoard, None);
        assert_eq!(asked_by_default(&meeting(60, "process"), &employer), InvitedAs::Optional);
        assert_eq!(asked_by_default(&meeting(60, "process"), &board), InvitedAs::Required);
        assert_eq!(asked_by_default(&meeting(60, "mixed"), &employer), InvitedAs::Required);
    }

    #[test]
    fn warnings_name_the_audience_and_hard_constraints_of_the_day() {
        let mut meeting = meeting(60, "action");
        let day: NaiveDate = "2026-12-15".parse().unwrap();
        let of = |meeting: &meeting::Model, constraints: &[constraint::Model]| {
            warnings(meeting, FunctionLevel::Hr, None, constraints, day).0
        };
        assert!(of(&meeting, &[]).is_empty());
        meeting.audience_levels = Listed(vec![FunctionLevel::Executive]);
        assert_eq!(of(&meeting, &[]), ["audience_mismatch"]);
        meeting.audience_levels = Listed(vec![FunctionLevel::Hr]);
        assert!(of(&meeting, &[]).is_empty());
        meeting.audience_modes = Listed(vec![EngagementMode::Strategic]);
        assert_eq!(of(&meeting, &[]), ["audience_mismatch"]);
        meeting.audience_modes = Listed::default();
        let constraints = [
            constraint("hard", "2026-12-15", "2026-12-15"),
            constraint("soft", "2026-12-01", "2026-12-31"),
            constraint("hard", "2026-12-16", "2026-12-31"),
        ];
        assert_eq!(of(&meeting, &constraints), ["constraint:Finals"]);
    }

    #[test]
    fn calendars_are_told_of_time_and_place_only() {
        let before = meeting(60, "action").editable();
        let renamed = NewMeeting { title: "Kick-off!".into(), ..before.clone() };
        assert!(!moved(&before, &renamed) && !asks_otherwise(&before, &renamed));
        let another = NewMeeting { objective: Some("Another".into()), ..before.clone() };
        assert!(!moved(&before, &another) && asks_otherwise(&before, &another));
        let elsewhere = NewMeeting { place: Some("Room 2".into()), ..before.clone() };
        assert!(moved(&before, &elsewhere) && !takes_other_time(&before, &elsewhere));
        let longer = NewMeeting { duration_minutes: 90, ..before.clone() };
        assert!(moved(&before, &longer) && takes_other_time(&before, &longer));
    }

    #[test]
    fn minutes_need_two_sides_where_two_were_there() {
        use Side::{Education, Employer, Labor};
        assert!(!are_minutes_approved(&[Employer, Labor], &[Employer, Employer]));
        assert!(are_minutes_approved(&[Employer, Labor, Education], &[Employer, Education]));
        assert!(are_minutes_approved(&[Employer, Employer], &[Employer]));
        assert!(!are_minutes_approved(&[], &[]));
    }

    #[test]
    fn overrun_is_counted_from_the_planned_end() {
        let mut meeting = meeting(60, "action");
        meeting.ends_at = moment("2026-09-08T15:00:00Z");
        assert_eq!(overrun_minutes(&meeting, moment("2026-09-08T15:12:00Z")), 12);
        assert_eq!(overrun_minutes(&meeting, moment("2026-09-08T14:50:00Z")), -10);
        assert_eq!(overrun_minutes(&meeting, moment("2026-01-01T00:00:00Z")), -60);
    }
}
