//! Meetings and series as events of a calendar.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use chrono_tz::Tz;
use roundtable_entity::{
    InvitedAs, MeetingState, PartStat, Publicity, attendance, meeting, meeting_series, organization, partnership,
    person,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::list;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;
use roundtable_kernel::scope::Scoped;
use roundtable_kernel::seal;
use roundtable_momentum::clock;
use roundtable_momentum::recurrence::{Occurrence, Recurrence};
use sea_orm::EntityTrait;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::lines::Writer;
use crate::zones;

/// What made the calendar.
const PRODUCT: &str = "-//Roundtable//Roundtable//EN";
/// How often calendar programs are asked to look again.
const REFRESH: &str = "PT1H";
/// Most occurrences of a series that are looked at.
const LOOKED_AT: u16 = 3000;

pub(crate) fn register(table: &mut Operations) {
    table.text::<MeetingQuestion, _, _>(
        Op::GetMeetingCalendar,
        "meetings",
        "meetings/{id}/calendar",
        "text/calendar",
        meeting_calendar,
    );
}

/// Which meeting.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct MeetingQuestion {
    #[schema(ignore)]
    id: Uuid,
}

async fn meeting_calendar(ctx: Ctx, question: MeetingQuestion) -> Result<String> {
    let meeting = record::get::<meeting::Model>(&ctx, Op::GetMeetingCalendar, question.id).await?;
    let partnership = partnership::Entity::find_by_id(meeting.partnership_id).one(&ctx.read()).await?;
    let partnership = partnership.ok_or_else(Error::not_found)?;
    calendar(&ctx, &partnership, vec![meeting], &[]).await
}

/// What else is shown of meetings, as far as the caller may know of it.
struct Around<'a> {
    partnership: &'a partnership::Model,
    attendances: HashMap<Uuid, Vec<attendance::Model>>,
    people: HashMap<Uuid, person::Model>,
    organizations: HashMap<Uuid, organization::Model>,
    public_url: &'a str,
}

async fn seen<R: Scoped>(ctx: &Ctx, op: Op, column: &str, ids: &[Uuid]) -> Result<Vec<R>> {
    let Ok(permit) = ctx.permit(op) else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    for some in ids.chunks(500) {
        rows.extend(list::children::<R>(ctx, &permit, column, "id", some).await?);
    }
    seal::show(ctx, &permit.standing, &mut rows).await?;
    Ok(rows)
}

async fn around<'a>(ctx: &'a Ctx, of: &'a partnership::Model, meetings: &[meeting::Model]) -> Result<Around<'a>> {
    let ids: Vec<Uuid> = meetings.iter().map(|meeting| meeting.id).collect();
    let mut attendances: HashMap<Uuid, Vec<attendance::Model>> = HashMap::new();
    let mut asked: Vec<Uuid> = Vec::new();
    for row in seen::<attendance::Model>(ctx, Op::ListAttendances, "meeting_id", &ids).await? {
        asked.push(row.person_id);
        attendances.entry(row.meeting_id).or_default().push(row);
    }
    asked.sort_unstable();
    asked.dedup();
    let people = seen::<person::Model>(ctx, Op::ListPeople, "id", &asked).await?;
    let mut hosts: Vec<Uuid> = meetings.iter().filter_map(|meeting| meeting.host_organization_id).collect();
    hosts.extend(of.intermediary_organization_id);
    hosts.sort_unstable();
    hosts.dedup();
    let organizations = seen::<organization::Model>(ctx, Op::ListOrganizations, "id", &hosts).await?;
    Ok(Around {
        partnership: of,
        attendances,
        people: people.into_iter().map(|row| (row.id, row)).collect(),
        organizations: organizations.into_iter().map(|row| (row.id, row)).collect(),
        public_url: &ctx.app.public_url,
    })
}

/// A calendar of these meetings and of what is to come of these series, as the caller may see them.
pub(crate) async fn calendar(
    ctx: &Ctx,
    partnership: &partnership::Model,
    mut meetings: Vec<meeting::Model>,
    series: &[meeting_series::Model],
) -> Result<String> {
    meetings.sort_by_key(|meeting| (meeting.starts_at, meeting.id));
    let around = around(ctx, partnership, &meetings).await?;
    let mut to_come = Vec::new();
    for one in series {
        to_come.extend(ToCome::of(one));
    }
    let mut writer = Writer::default();
    head(&mut writer, None);
    let name = partnership.name.as_ref().unwrap_or(&partnership.working_title);
    writer.text("NAME", name);
    writer.text("X-WR-CALNAME", name);
    writer.text("X-WR-TIMEZONE", &partnership.time_zone);
    writer.with("REFRESH-INTERVAL", &[("VALUE", "DURATION")], REFRESH);
    writer.plain("X-PUBLISHED-TTL", REFRESH);
    let mut zones: BTreeMap<&'static str, (Tz, i32, i32)> = BTreeMap::new();
    let mut used = |zone: Tz, year: i32| {
        let (_, from, to) = zones.entry(zone.name()).or_insert((zone, year, year));
        (*from, *to) = ((*from).min(year), (*to).max(year));
    };
    for meeting in &meetings {
        used(clock::zone(&meeting.time_zone)?, meeting.starts_at.year());
    }
    for one in &to_come {
        used(one.zone, one.starts.year());
        used(one.zone, ctx.now().year());
    }
    for (zone, from, to) in zones.into_values().filter(|(zone, ..)| !is_utc(*zone)) {
        zones::write(&mut writer, zone, from, to);
    }
    for meeting in &meetings {
        let called_off = meeting.state == MeetingState::Cancelled || meeting.archived_at.is_some();
        let url = format!("{}/v1/meetings/{}", around.public_url, meeting.id);
        event(&mut writer, meeting, &around.organizer(meeting), &around.attendees(meeting), Some(&url), called_off)?;
    }
    for one in &to_come {
        one.write(&mut writer);
    }
    writer.end("VCALENDAR");
    Ok(writer.finish())
}

fn is_utc(zone: Tz) -> bool {
    matches!(zone, Tz::UTC | Tz::Etc__UTC)
}

fn utc(moment: DateTime<Utc>) -> String {
    moment.format("%Y%m%dT%H%M%SZ").to_string()
}

fn local(writer: &mut Writer, name: &str, shown: NaiveDateTime, zone: Tz) {
    if is_utc(zone) {
        writer.plain(name, &utc(shown.and_utc()));
    } else {
        writer.with(name, &[("TZID", zone.name())], &shown.format("%Y%m%dT%H%M%S").to_string());
    }
}

/// Begins a calendar; with a method it is a message.
pub(crate) fn head(writer: &mut Writer, method: Option<&str>) {
    writer.begin("VCALENDAR");
    writer.plain("VERSION", "2.0");
    writer.text("PRODID", PRODUCT);
    writer.plain("CALSCALE", "GREGORIAN");
    if let Some(method) = method {
        writer.plain("METHOD", method);
    }
}

/// The time zone of one meeting.
pub(crate) fn zone_of(writer: &mut Writer, meeting: &meeting::Model) -> Result<()> {
    let zone = clock::zone(&meeting.time_zone)?;
    if !is_utc(zone) {
        zones::write(writer, zone, meeting.starts_at.year(), meeting.ends_at.year());
    }
    Ok(())
}

/// Who calls a meeting.
pub(crate) struct Organizer {
    pub name: String,
    pub address: String,
}

/// Somebody asked to a meeting.
pub(crate) struct Attendee {
    name: String,
    role: &'static str,
    answer: &'static str,
    address: String,
}

/// Somebody asked, under this name and address.
pub(crate) fn attendee(asked: &attendance::Model, name: &str, address: String) -> Attendee {
    let role = match asked.invited_as {
        Some(InvitedAs::Optional) => "OPT-PARTICIPANT",
        Some(InvitedAs::Observer) => "NON-PARTICIPANT",
        Some(InvitedAs::Required) | None => "REQ-PARTICIPANT",
    };
    let answer = match asked.part_stat {
        PartStat::NeedsAction => "NEEDS-ACTION",
        PartStat::Accepted => "ACCEPTED",
        PartStat::Declined => "DECLINED",
        PartStat::Tentative => "TENTATIVE",
        PartStat::Delegated => "DELEGATED",
    };
    Attendee { name: name.to_owned(), role, answer, address }
}

/// Writes a meeting.
pub(crate) fn event(
    writer: &mut Writer,
    meeting: &meeting::Model,
    organizer: &Organizer,
    attendees: &[Attendee],
    url: Option<&str>,
    called_off: bool,
) -> Result<()> {
    let zone = clock::zone(&meeting.time_zone)?;
    writer.begin("VEVENT");
    writer.text("UID", meeting.uid.as_deref().unwrap_or_default());
    writer.plain("DTSTAMP", &utc(meeting.updated_at));
    writer.plain("CREATED", &utc(meeting.created_at));
    writer.plain("LAST-MODIFIED", &utc(meeting.updated_at));
    // Archiving is no change of the meeting, but a calendar has to take it for one.
    writer.plain("SEQUENCE", &(meeting.sequence + i32::from(meeting.archived_at.is_some())).to_string());
    local(writer, "DTSTART", meeting.starts_at.with_timezone(&zone).naive_local(), zone);
    local(writer, "DTEND", meeting.ends_at.with_timezone(&zone).naive_local(), zone);
    writer.text("SUMMARY", &meeting.title);
    writer.text("DESCRIPTION", &description(meeting));
    if let Some(place) = &meeting.place {
        writer.text("LOCATION", place);
    }
    if let Some(url) = &meeting.url {
        let parameters = [("VALUE", "URI"), ("FEATURE", "AUDIO,VIDEO"), ("LABEL", "Join")];
        writer.with("CONFERENCE", &parameters, url);
    }
    if let Some(url) = url {
        writer.plain("URL", url);
    }
    writer.plain(
        "STATUS",
        match meeting.state {
            _ if called_off => "CANCELLED",
            MeetingState::Draft => "TENTATIVE",
            _ => "CONFIRMED",
        },
    );
    writer.plain("TRANSP", if called_off { "TRANSPARENT" } else { "OPAQUE" });
    writer.plain(
        "CLASS",
        match meeting.publicity {
            Publicity::Public => "PUBLIC",
            Publicity::Members => "PRIVATE",
            Publicity::Participants => "CONFIDENTIAL",
        },
    );
    writer.text("CATEGORIES", &meeting.kind.word().replace('_', " "));
    writer.with("ORGANIZER", &[("CN", &organizer.name)], &organizer.address);
    for one in attendees {
        let parameters = [("CN", one.name.as_str()), ("ROLE", one.role), ("PARTSTAT", one.answer)];
        writer.with("ATTENDEE", &parameters, &one.address);
    }
    // What no property of the standard holds, so that a calendar read again is the same meeting.
    writer.text("X-ROUNDTABLE-KIND", meeting.kind.word());
    writer.text("X-ROUNDTABLE-MODE", meeting.mode.word());
    let kept = [
        ("X-ROUNDTABLE-OBJECTIVE", &meeting.objective),
        ("X-ROUNDTABLE-ASYNCHRONOUS-INPUT", &meeting.asynchronous_input),
        ("X-ROUNDTABLE-LOGISTICS", &meeting.logistics),
    ];
    for (name, value) in kept {
        if let Some(value) = value {
            writer.text(name, value);
        }
    }
    writer.end("VEVENT");
    Ok(())
}

fn description(meeting: &meeting::Model) -> String {
    let parts = [
        ("Cancelled: ", &meeting.cancelled_reason),
        ("Objective: ", &meeting.objective),
        ("Join: ", &meeting.url),
        ("Take part without being there: ", &meeting.asynchronous_input),
        ("", &meeting.logistics),
    ];
    let lines: Vec<String> =
        parts.iter().filter_map(|(label, text)| text.as_ref().map(|text| format!("{label}{text}"))).collect();
    lines.join("\n")
}

fn address(email: Option<&String>, id: Uuid) -> String {
    match email.filter(|email| email.contains('@')) {
        Some(email) => format!("mailto:{email}"),
        None => format!("urn:uuid:{id}"),
    }
}

impl Around<'_> {
    fn organizer(&self, meeting: &meeting::Model) -> Organizer {
        let of = self.partnership;
        let host = meeting.host_organization_id.or(of.intermediary_organization_id);
        match host.and_then(|id| self.organizations.get(&id)) {
            Some(host) => Organizer { name: host.name.clone(), address: address(host.email.as_ref(), host.id) },
            None => {
                Organizer { name: of.name.as_ref().unwrap_or(&of.working_title).clone(), address: address(None, of.id) }
            }
        }
    }

    fn attendees(&self, meeting: &meeting::Model) -> Vec<Attendee> {
        let asked = self.attendances.get(&meeting.id).into_iter().flatten();
        asked
            .filter_map(|asked| {
                let person = self.people.get(&asked.person_id)?;
                Some(attendee(asked, &person.name, address(person.email.as_ref(), person.id)))
            })
            .collect()
    }
}

/// Occurrences of a series of which no meeting was made yet.
struct ToCome<'a> {
    series: &'a meeting_series::Model,
    zone: Tz,
    starts: NaiveDateTime,
    left_out: Vec<NaiveDateTime>,
}

impl<'a> ToCome<'a> {
    /// `None` when every occurrence has its meeting, or the rule holds no more.
    fn of(series: &'a meeting_series::Model) -> Option<Self> {
        let recurrence = Recurrence::read(&series.rrule, &series.starts_local, &series.time_zone).ok()?;
        let occurrences = recurrence.first(LOOKED_AT);
        let excluded = |shown: NaiveDateTime| series.excluded.0.contains(&shown.format("%Y-%m-%dT%H:%M").to_string());
        let (left_out, ahead): (Vec<&Occurrence>, Vec<&Occurrence>) = occurrences
            .iter()
            .partition(|one| series.generated_until.is_some_and(|until| one.at < until) || excluded(one.shown));
        (!ahead.is_empty()).then_some(())?;
        let starts = occurrences.first()?.shown;
        Some(Self { series, zone: recurrence.zone(), starts, left_out: left_out.iter().map(|one| one.shown).collect() })
    }

    fn write(&self, writer: &mut Writer) {
        let series = self.series;
        writer.begin("VEVENT");
        writer.text("UID", &format!("{}@roundtable", series.id));
        writer.plain("DTSTAMP", &utc(series.updated_at));
        writer.plain("LAST-MODIFIED", &utc(series.updated_at));
        writer.plain("SEQUENCE", &(series.version - 1).to_string());
        local(writer, "DTSTART", self.starts, self.zone);
        writer.plain("DURATION", &format!("PT{}M", series.duration_minutes));
        writer.plain("RRULE", &series.rrule);
        for shown in &self.left_out {
            local(writer, "EXDATE", *shown, self.zone);
        }
        writer.text("SUMMARY", &series.title);
        writer.plain("STATUS", "TENTATIVE");
        writer.plain("TRANSP", "TRANSPARENT");
        writer.plain("CLASS", "PRIVATE");
        writer.text("CATEGORIES", &series.kind.word().replace('_', " "));
        writer.text("X-ROUNDTABLE-KIND", series.kind.word());
        writer.text("X-ROUNDTABLE-MODE", series.mode.word());
        writer.plain("X-ROUNDTABLE-RECORD", "meeting_series");
        writer.end("VEVENT");
    }
}
