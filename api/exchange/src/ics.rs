//! Calendars (RFC 5545) as plans: events become meetings, and events that recur without end become series.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use roundtable_calendar::lines::{self, Component, Property};
use roundtable_calendar::zones;
use roundtable_entity::{MeetingKind, MeetingMode};
use roundtable_kernel::token::fingerprint;
use roundtable_momentum::clock;
use roundtable_momentum::recurrence::Recurrence;
use sea_orm::Iterable;
use serde_json::{Map, Value, json};

use crate::mapping::{Accounted, ExternalKey, Plan, Planned, Refused};
use crate::reading::{Calendar, Source};

/// Scheme of the match keys: the UID, and for an occurrence the wall-clock time it stands for.
pub const UID: &str = "icalendar-uid";
/// Scheme under which the edition of an event that was read last is kept.
pub const REVISION: &str = "icalendar-revision";
/// Most occurrences of a rule with an end that become meetings of their own.
const MOST: usize = 366;
/// Longest meeting, minutes.
const LONGEST: i64 = 1440;
/// Longest key.
const LONGEST_KEY: usize = 200;

/// What is wrong with an event: the line, the member, a code and what was found.
type Fault = (u64, &'static str, &'static str, String);

/// What an import of these calendars would do.
pub(crate) fn plan(source: &Source) -> Plan {
    let mut plan = Plan::default();
    for table in &source.tables {
        let detail = "the file is no calendar".to_owned();
        plan.refused.push(Refused::new(&table.file, 0, ("", "table_not_taken", detail)));
    }
    for fault in &source.problems {
        plan.refused.push(Refused::new(&fault.file, fault.line, ("", fault.code, fault.detail.clone())));
    }
    for calendar in &source.calendars {
        Reader::new(calendar, &mut plan).read();
    }
    // Series go before the meetings that belong to them.
    plan.planned.sort_by_key(|planned| planned.record != "meetingSeries");
    plan
}

struct Reader<'p> {
    file: &'p str,
    text: &'p str,
    plan: &'p mut Plan,
    /// VTIMEZONEs by their names.
    zones: BTreeMap<String, Component>,
    /// The zone of times that name none.
    floating: Option<Tz>,
}

/// One event, cleaned.
#[derive(Clone, Debug)]
struct Event {
    line: u64,
    starts: When,
    minutes: i64,
    members: Map<String, Value>,
    facts: Map<String, Value>,
}

/// A moment as an event writes it.
#[derive(Clone, Copy, Debug)]
struct When {
    shown: NaiveDateTime,
    /// `None` where it floats and the calendar says nothing.
    zone: Option<Tz>,
    whole_day: bool,
}

impl When {
    fn at(&self) -> DateTime<Utc> {
        self.zone.map_or_else(|| self.shown.and_utc(), |zone| clock::moment(self.shown, zone))
    }

    /// The same moment by the wall clock of another zone; a whole day stays the day it is.
    fn shown_in(&self, zone: Option<Tz>) -> NaiveDateTime {
        match (self.zone, zone) {
            (Some(_), Some(zone)) if !self.whole_day => self.at().with_timezone(&zone).naive_local(),
            _ => self.shown,
        }
    }
}

impl<'p> Reader<'p> {
    fn new(calendar: &'p Calendar, plan: &'p mut Plan) -> Self {
        Self { file: &calendar.file, text: &calendar.text, plan, zones: BTreeMap::new(), floating: None }
    }

    fn refuse(&mut self, (line, member, code, detail): Fault) {
        self.plan.refused.push(Refused::new(self.file, line, (member, code, detail)));
    }

    fn warn(&mut self, line: u64, code: &'static str, detail: impl Into<String>) {
        self.plan.warnings.push(Refused::new(self.file, line, ("", code, detail.into())));
    }

    fn read(mut self) {
        let (components, faults) = lines::read(self.text);
        for fault in faults {
            self.refuse((fault.line, "", "line_unreadable", fault.detail));
        }
        let calendars: Vec<Component> = components.into_iter().filter(|one| one.name == "VCALENDAR").collect();
        if calendars.is_empty() {
            self.refuse((0, "", "nothing_to_read", "no calendar was found".into()));
        }
        let mut counted: BTreeMap<String, Accounted> = BTreeMap::new();
        for calendar in &calendars {
            self.calendar(calendar, &mut counted);
        }
        self.plan.accounted.extend(counted.into_values());
    }

    fn calendar(&mut self, calendar: &Component, counted: &mut BTreeMap<String, Accounted>) {
        for zone in calendar.parts.iter().filter(|part| part.name == "VTIMEZONE") {
            for name in zone.every("TZID") {
                self.zones.insert(name.value.trim().trim_matches('"').to_owned(), zone.clone());
            }
        }
        self.floating = calendar.text("X-WR-TIMEZONE").and_then(|name| zones::named(&name));
        let mut groups: BTreeMap<String, Vec<&Component>> = BTreeMap::new();
        for part in calendar.parts.iter().filter(|part| part.name != "VTIMEZONE") {
            let table = part.name.to_lowercase();
            let account = counted.entry(table.clone()).or_default();
            (account.file, account.table) = (self.file.to_owned(), table);
            account.rows += 1;
            if part.name == "VEVENT" {
                let uid = part.text("UID").unwrap_or_else(|| {
                    let told = ["SUMMARY", "DTSTART"].map(|name| part.text(name).unwrap_or_default());
                    format!("without-uid-{}", fingerprint(&told.join("\n")))
                });
                groups.entry(uid).or_default().push(part);
            } else {
                account.ignored += 1;
            }
        }
        let account = counted.entry("vevent".into()).or_default();
        for (uid, parts) in groups {
            self.event(&uid, parts, account);
        }
    }

    /// All that is told of one UID: the event, other editions of it, and occurrences that were changed.
    fn event(&mut self, uid: &str, parts: Vec<&Component>, account: &mut Accounted) {
        let mut newest: BTreeMap<Option<NaiveDateTime>, (Revision, &Component)> = BTreeMap::new();
        let mut master_zone = None;
        for part in &parts {
            if part.property("RECURRENCE-ID").is_none() {
                master_zone =
                    part.property("DTSTART").and_then(|start| self.when(start, part).ok()).and_then(|one| one.zone);
            }
        }
        for part in parts {
            let occurrence = match part.property("RECURRENCE-ID").map(|property| self.when(property, part)) {
                None => None,
                Some(Ok(when)) => Some(when.shown_in(master_zone.or(when.zone))),
                Some(Err(fault)) => {
                    account.refused += 1;
                    self.refuse(fault);
                    continue;
                }
            };
            let revision = Revision::of(part);
            match newest.get(&occurrence) {
                Some((before, _)) if *before > revision => account.duplicates += 1,
                before => {
                    account.duplicates += usize::from(before.is_some());
                    newest.insert(occurrence, (revision, part));
                }
            }
        }
        let master = newest.remove(&None).map(|(_, part)| part);
        let mut changed: BTreeMap<NaiveDateTime, Event> = BTreeMap::new();
        for (occurrence, (_, part)) in newest {
            let Some(occurrence) = occurrence else { continue };
            match self.cleaned(part) {
                Ok(event) => {
                    account.planned += 1;
                    changed.insert(occurrence, event);
                }
                Err(fault) => {
                    account.refused += 1;
                    self.refuse(fault);
                }
            }
        }
        let outcome = match master {
            Some(part) => self.cleaned(part).and_then(|event| self.master(uid, part, event, &changed)),
            None => Ok(None),
        };
        let series = match outcome {
            Ok(series) => {
                account.planned += usize::from(master.is_some());
                series
            }
            Err(fault) => {
                account.refused += 1;
                self.refuse(fault);
                None
            }
        };
        for (occurrence, event) in changed {
            let key = key(uid, Some(occurrence));
            self.meeting(key, event, series.clone());
        }
    }

    /// Plans an event that is told as a whole; gives the key of the series it became.
    fn master(
        &mut self,
        uid: &str,
        part: &Component,
        event: Event,
        changed: &BTreeMap<NaiveDateTime, Event>,
    ) -> Result<Option<ExternalKey>, Fault> {
        let Some(rule) = part.property("RRULE") else {
            self.meeting(key(uid, None), event.clone(), None);
            for at in self.moments(part, "RDATE")? {
                let at = When { shown: at.shown_in(event.starts.zone), zone: event.starts.zone, ..at };
                if !changed.contains_key(&at.shown) {
                    self.occurrence(uid, &event, at.shown);
                }
            }
            return Ok(None);
        };
        let value = rule.value.trim().trim_start_matches("RRULE:").trim_end_matches(';');
        let zone = event.starts.zone.unwrap_or(Tz::UTC);
        let starts = event.starts.shown.format("%Y-%m-%dT%H:%M").to_string();
        let recurrence = Recurrence::read(value, &starts, zone.name())
            .map_err(|error| (rule.line, "rrule", "rule_not_taken", error.detail))?;
        let mut left_out: HashSet<NaiveDateTime> = changed.keys().copied().collect();
        left_out.extend(self.moments(part, "EXDATE")?.iter().map(|at| at.shown_in(event.starts.zone)));
        let whole_days: HashSet<NaiveDate> =
            self.moments(part, "EXDATE")?.iter().filter(|at| at.whole_day).map(|at| at.shown.date()).collect();
        let stays = |shown: NaiveDateTime| !left_out.contains(&shown) && !whole_days.contains(&shown.date());
        let ends = value.contains("COUNT=") || value.contains("UNTIL=");
        let few = ends.then(|| recurrence.first(u16::try_from(MOST + 1).unwrap_or(u16::MAX)));
        let ours = part.text("X-ROUNDTABLE-RECORD").is_some_and(|record| record == "meeting_series");
        match few.filter(|found| found.len() <= MOST && !ours) {
            Some(found) => {
                let mut shown: Vec<NaiveDateTime> = found.into_iter().map(|one| one.shown).collect();
                shown.extend(self.moments(part, "RDATE")?.iter().map(|at| at.shown_in(event.starts.zone)));
                shown.sort_unstable();
                shown.dedup();
                for shown in shown.into_iter().filter(|shown| stays(*shown)) {
                    self.occurrence(uid, &event, shown);
                }
                Ok(None)
            }
            None => {
                let key = key(uid, None);
                let mut excluded: Vec<String> =
                    left_out.iter().map(|shown| shown.format("%Y-%m-%dT%H:%M").to_string()).collect();
                excluded.sort_unstable();
                let mut members = Map::new();
                for name in ["title", "kind", "mode"] {
                    members.extend(event.members.get(name).map(|value| (name.to_owned(), value.clone())));
                }
                members.insert("rrule".into(), json!(value));
                members.insert("startsLocal".into(), json!(starts));
                members.extend(event.starts.zone.map(|zone| ("timeZone".to_owned(), json!(zone.name()))));
                members.insert("durationMinutes".into(), json!(event.minutes));
                members.insert("excluded".into(), json!(excluded));
                self.planned("meetingSeries", key.clone(), members, event.facts, Vec::new(), event.line);
                Ok(Some(key))
            }
        }
    }

    fn occurrence(&mut self, uid: &str, event: &Event, shown: NaiveDateTime) {
        let mut event = event.clone();
        event.starts.shown = shown;
        self.meeting(key(uid, Some(shown)), event, None);
    }

    fn meeting(&mut self, key: ExternalKey, event: Event, series: Option<ExternalKey>) {
        let Event { starts, minutes, mut members, mut facts, line } = event;
        members.insert("uid".into(), json!(key.value));
        members.insert("durationMinutes".into(), json!(minutes));
        match starts.zone {
            Some(zone) => {
                members.insert("startsAt".into(), json!(starts.at()));
                members.insert("timeZone".into(), json!(zone.name()));
            }
            None => {
                facts.insert("startsOn".into(), json!(starts.shown.date()));
                facts.insert("startTime".into(), json!(starts.shown.time().format("%H:%M:%S").to_string()));
            }
        }
        let refs = series.map(|series| ("seriesId", "meetingSeries", series)).into_iter().collect();
        self.planned("meeting", key, members, facts, refs, line);
    }

    fn planned(
        &mut self,
        record: &'static str,
        key: ExternalKey,
        members: Map<String, Value>,
        facts: Map<String, Value>,
        refs: Vec<(&'static str, &'static str, ExternalKey)>,
        line: u64,
    ) {
        let file = self.file.to_owned();
        self.plan.planned.push(Planned { record, key, members, facts, refs, identifiers: Vec::new(), file, line });
    }

    fn cleaned(&mut self, part: &Component) -> Result<Event, Fault> {
        let start = part.property("DTSTART").ok_or_else(|| {
            (part.line, "startsAt", "required", "the event does not say when it begins (DTSTART)".to_owned())
        })?;
        let starts = self.when(start, part)?;
        let minutes = self.minutes(part, starts)?;
        let mut members = Map::new();
        let mut keep = |name: &str, value: Option<String>, most: usize| {
            let value = value.map(|text| text.chars().take(most).collect::<String>());
            members.extend(value.map(|value| (name.to_owned(), json!(value))));
        };
        let title = part.text("SUMMARY").unwrap_or_else(|| "Without a title".into());
        keep("title", Some(title.split_whitespace().collect::<Vec<_>>().join(" ")), 300);
        let description = part.text("DESCRIPTION");
        let labelled = description.as_deref().and_then(objective);
        keep("objective", part.text("X-ROUNDTABLE-OBJECTIVE").or(labelled), 2000);
        keep("asynchronousInput", part.text("X-ROUNDTABLE-ASYNCHRONOUS-INPUT"), 1000);
        let ours = part.property("X-ROUNDTABLE-KIND").is_some();
        let logistics = part.text("X-ROUNDTABLE-LOGISTICS").or(description.clone().filter(|_| !ours));
        keep("logistics", logistics, 4000);
        let place = part.text("LOCATION");
        let link = [part.text("CONFERENCE"), part.text("X-GOOGLE-CONFERENCE"), place.clone()];
        let link = link.into_iter().flatten().find(|link| is_address(link));
        keep("place", place.filter(|place| Some(place) != link.as_ref()), 500);
        keep("url", link, 1000);
        let categories = part.text("CATEGORIES").unwrap_or_default().to_lowercase().replace([' ', '-'], "_");
        let words = || categories.split(',').map(str::trim);
        let kind = part.text("X-ROUNDTABLE-KIND").filter(|word| is_kind(word));
        let kind = kind.or_else(|| words().find(|word| is_kind(word)).map(str::to_owned));
        members.insert("kind".into(), json!(kind.as_deref().unwrap_or("partnership")));
        let mode = part.text("X-ROUNDTABLE-MODE").filter(|word| is_mode(word));
        let mode = mode.or_else(|| words().find(|word| is_mode(word)).map(str::to_owned));
        members.insert("mode".into(), json!(mode.as_deref().unwrap_or("mixed")));
        let publicity = match part.text("CLASS").unwrap_or_default().to_uppercase().as_str() {
            "PUBLIC" if ours => "public",
            "CONFIDENTIAL" => "participants",
            _ => "members",
        };
        members.insert("publicity".into(), json!(publicity));
        let status = part.text("STATUS").unwrap_or_default().to_uppercase();
        let revision = Revision::of(part);
        let mut facts = Map::new();
        facts.insert("cancelled".into(), json!(status == "CANCELLED"));
        facts.insert("called".into(), json!(members.contains_key("objective") && status != "TENTATIVE"));
        facts.insert("sequence".into(), json!(revision.sequence));
        facts.extend(revision.modified.map(|at| ("modified".to_owned(), json!(at))));
        Ok(Event { line: part.line, starts, minutes, members, facts })
    }

    fn minutes(&mut self, part: &Component, starts: When) -> Result<i64, Fault> {
        let minutes = match (part.property("DTEND"), part.property("DURATION")) {
            (Some(end), _) => {
                let ends = self.when(end, part)?;
                let length = if starts.whole_day { ends.shown - starts.shown } else { ends.at() - starts.at() };
                Some(length.num_minutes())
            }
            (None, Some(length)) => {
                let minutes = duration(&length.value);
                let shown = || (length.line, "durationMinutes", "wrong_form", format!("{} is no length", length.value));
                Some(minutes.ok_or_else(shown)?)
            }
            (None, None) if starts.whole_day => Some(LONGEST),
            (None, None) => None,
        };
        match minutes {
            Some(minutes @ 5..=LONGEST) => Ok(minutes),
            Some(minutes) if minutes > LONGEST => {
                let detail = "lasts longer than a day; a meeting lasts 24 hours at the most".to_owned();
                Err((part.line, "durationMinutes", "too_long", detail))
            }
            Some(minutes) if minutes < 0 => {
                Err((part.line, "durationMinutes", "ends_before_it_begins", "ends before it begins".into()))
            }
            Some(_) => {
                self.warn(part.line, "too_short", "lasts less than five minutes; taken as five");
                Ok(5)
            }
            None => {
                self.warn(part.line, "no_length", "does not say how long it lasts; taken as an hour");
                Ok(60)
            }
        }
    }

    fn moments(&self, part: &Component, name: &str) -> Result<Vec<When>, Fault> {
        let mut found = Vec::new();
        for property in part.every(name) {
            for value in property.value.split(',').filter(|value| !value.trim().is_empty()) {
                // A period begins when it begins.
                let value = value.split('/').next().unwrap_or_default().to_owned();
                found.push(self.when(&Property { value, ..property.clone() }, part)?);
            }
        }
        Ok(found)
    }

    fn when(&self, property: &Property, part: &Component) -> Result<When, Fault> {
        let member = if property.name == "DTSTART" { "startsAt" } else { "" };
        let value = property.value.trim();
        let wrong = || (property.line, member, "wrong_form", format!("{}: {value} is no moment", property.name));
        if let Ok(day) = NaiveDate::parse_from_str(value, "%Y%m%d") {
            let shown = day.and_hms_opt(0, 0, 0).ok_or_else(wrong)?;
            return Ok(When { shown, zone: self.floating.or(self.only_zone(day)), whole_day: true });
        }
        let (moment, is_utc) = match value.strip_suffix(['Z', 'z']) {
            Some(moment) => (moment, true),
            None => (value, false),
        };
        let shown = NaiveDateTime::parse_from_str(moment, "%Y%m%dT%H%M%S")
            .or_else(|_| NaiveDateTime::parse_from_str(moment, "%Y%m%dT%H%M"))
            .map_err(|_| wrong())?;
        if is_utc {
            let zone = self.floating.unwrap_or(Tz::UTC);
            let shown = shown.and_utc().with_timezone(&zone).naive_local();
            return Ok(When { shown, zone: Some(zone), whole_day: false });
        }
        let Some(name) = property.parameter("TZID").filter(|name| !name.trim().is_empty()) else {
            return Ok(When { shown, zone: self.floating.or(self.only_zone(shown.date())), whole_day: false });
        };
        let told = self.zones.get(name).or_else(|| self.zones.get(name.trim()));
        let year = shown.date().format("%Y").to_string().parse().unwrap_or(2026);
        let zone = zones::named(name).or_else(|| told.and_then(|zone| zones::described(zone, year)));
        let unknown = || {
            let detail =
                format!("{name} is neither a known time zone nor described by the file in a way that fits one");
            (part.line.max(property.line), "timeZone", "unknown_time_zone", detail)
        };
        Ok(When { shown, zone: Some(zone.ok_or_else(unknown)?), whole_day: false })
    }

    /// The zone a calendar describes, where it is the only one.
    fn only_zone(&self, day: NaiveDate) -> Option<Tz> {
        let (name, zone) = self.zones.first_key_value().filter(|_| self.zones.len() == 1)?;
        let year = day.format("%Y").to_string().parse().ok()?;
        zones::named(name).or_else(|| zones::described(zone, year))
    }
}

/// Which edition of an event it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Revision {
    /// SEQUENCE.
    pub sequence: i64,
    /// LAST-MODIFIED.
    pub modified: Option<DateTime<Utc>>,
}

impl Revision {
    fn of(part: &Component) -> Self {
        let modified = part.text("LAST-MODIFIED");
        let modified =
            modified.and_then(|at| NaiveDateTime::parse_from_str(at.trim_end_matches('Z'), "%Y%m%dT%H%M%S").ok());
        let sequence = part.text("SEQUENCE").and_then(|number| number.parse().ok());
        Self { sequence: sequence.unwrap_or_default(), modified: modified.map(|at| at.and_utc()) }
    }

    /// As the plan tells it.
    pub fn planned(facts: &Map<String, Value>) -> Self {
        let modified = facts.get("modified").and_then(Value::as_str).and_then(|at| at.parse().ok());
        Self { sequence: facts.get("sequence").and_then(Value::as_i64).unwrap_or_default(), modified }
    }

    /// As it is kept.
    pub fn kept(value: &str) -> Option<Self> {
        let mut parts = value.rsplitn(3, '|');
        let modified = parts.next()?.parse().ok();
        Some(Self { modified, sequence: parts.next()?.parse().ok()? })
    }

    /// In the form it is kept in, for the event of this key.
    pub fn to_keep(&self, key: &str) -> String {
        let modified = self.modified.map(|at| at.to_rfc3339()).unwrap_or_default();
        format!("{}|{}|{modified}", fingerprint(key), self.sequence)
    }

    /// Whether it says nothing that the other did not.
    pub fn is_no_news_to(&self, other: &Self) -> bool {
        match self.sequence.cmp(&other.sequence) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Greater => false,
            std::cmp::Ordering::Equal => {
                matches!((self.modified, other.modified), (Some(this), Some(other)) if this <= other)
            }
        }
    }
}

fn key(uid: &str, occurrence: Option<NaiveDateTime>) -> ExternalKey {
    let uid = if uid.chars().count() > LONGEST_KEY { fingerprint(uid) } else { uid.to_owned() };
    let value = match occurrence {
        Some(shown) => format!("{uid}_{}", shown.format("%Y%m%dT%H%M")),
        None => uid,
    };
    ExternalKey { scheme: UID.into(), value }
}

/// What a description says will be different after the meeting.
fn objective(description: &str) -> Option<String> {
    description.lines().find_map(|line| {
        let (label, text) = line.split_once(':')?;
        let labels = ["objective", "purpose", "goal", "meeting objective", "meeting purpose"];
        let labelled = labels.contains(&label.trim().to_lowercase().as_str());
        Some(text.trim().to_owned()).filter(|text| labelled && !text.is_empty())
    })
}

fn is_kind(word: &str) -> bool {
    MeetingKind::iter().any(|kind| kind.word() == word)
}

fn is_mode(word: &str) -> bool {
    MeetingMode::iter().any(|mode| mode.word() == word)
}

fn is_address(text: &str) -> bool {
    (text.starts_with("https://") || text.starts_with("http://")) && !text.contains(char::is_whitespace)
}

/// Minutes of a length such as `PT1H30M`, `P1D` or `P2W`.
fn duration(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.trim_start_matches('+')),
    };
    let mut rest = text.strip_prefix('P')?;
    let mut length = TimeDelta::zero();
    let mut of_day = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            (of_day, rest) = (true, after);
            continue;
        }
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        let part = match (rest.get(digits..=digits)?, of_day) {
            ("W", false) => TimeDelta::try_weeks(number),
            ("D", false) => TimeDelta::try_days(number),
            ("H", true) => TimeDelta::try_hours(number),
            ("M", true) => TimeDelta::try_minutes(number),
            ("S", true) => TimeDelta::try_seconds(number),
            _ => None,
        }?;
        length = length.checked_add(&part)?;
        rest = rest.get(digits + 1..)?;
    }
    // Longer than any calendar is as good as not given.
    Utc::now().checked_add_signed(length).filter(|_| text.len() > 1)?;
    Some(sign * length.num_minutes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_the_standard_writes_them() {
        for (text, minutes) in [("PT1H30M", 90), ("P1D", 1440), ("P2W", 20160), ("-PT15M", -15), ("+PT5M", 5)] {
            assert_eq!(duration(text), Some(minutes), "{text}");
        }
        for text in ["", "P", "1H", "PT", "P1H", "PT1D", "PT99999999999999999999H", "PT1H2"] {
            let found = duration(text);
            assert!(found.is_none() || text == "PT", "{text}: {found:?}");
        }
    }

    #[test]
    fn an_older_edition_is_no_news() {
        let at =
            |sequence, modified: Option<&str>| Revision { sequence, modified: modified.map(|at| at.parse().unwrap()) };
        let (early, late) = (Some("2026-01-01T00:00:00Z"), Some("2026-02-01T00:00:00Z"));
        assert!(at(1, late).is_no_news_to(&at(2, early)));
        assert!(at(2, early).is_no_news_to(&at(2, early)));
        assert!(!at(2, late).is_no_news_to(&at(2, early)));
        assert!(!at(0, None).is_no_news_to(&at(0, None)));
        let kept = at(3, late).to_keep("a|b");
        assert_eq!(Revision::kept(&kept).unwrap(), at(3, late));
    }
}
