//! Rules by which meetings recur, read on the wall clock of their place.

use chrono::{Days, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use roundtable_entity::Timestamp;
use roundtable_kernel::error::{Error, Result};
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};

use crate::clock;

/// Most meetings made at once.
const MOST: usize = 200;
/// Occurrences looked at to find them.
const LOOKED_AT: u16 = 300;

/// One occurrence of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// What the wall clock is meant to show.
    pub shown: NaiveDateTime,
    /// When it does.
    pub at: Timestamp,
}

/// A rule, its first wall-clock time and its time zone.
#[derive(Clone, Debug)]
pub struct Recurrence {
    // The wall clock is kept as if it were UTC, so that no change of daylight saving moves an occurrence.
    set: RRuleSet,
    zone: Tz,
}

impl Recurrence {
    /// Reads a rule, and refuses one that is wrong, recurs within the day, or never comes about.
    pub fn read(rule: &str, starts_local: &str, time_zone: &str) -> Result<Self> {
        let zone = clock::zone(time_zone)?;
        let start = shown("/startsLocal", starts_local)?;
        let set = parsed(rule, zone)?.build(floating(start)).map_err(wrong)?;
        if set.clone().all(1).dates.is_empty() {
            return Err(Error::member("/rrule", "never", "the rule has no occurrence"));
        }
        Ok(Self { set, zone })
    }

    /// Occurrences from one moment up to another, in order. Refuses more than [`MOST`].
    pub fn between(&self, from: Option<Timestamp>, before: Timestamp) -> Result<Vec<Occurrence>> {
        let shown = |moment: Timestamp| moment.with_timezone(&self.zone).naive_local();
        let mut set = self.set.clone().before(floating(shown(before)));
        if let Some(from) = from.map(shown) {
            // What a gap of the wall clock moves later is shown earlier than it comes about.
            set = set.after(floating(from.checked_sub_days(Days::new(2)).unwrap_or(from)));
        }
        let found = set.all(LOOKED_AT);
        let looked_at_all = found.dates.len() < usize::from(LOOKED_AT);
        let occurrences: Vec<Occurrence> = found
            .dates
            .into_iter()
            .map(|date| Occurrence { shown: date.naive_utc(), at: clock::moment(date.naive_utc(), self.zone) })
            .filter(|one| from.is_none_or(|from| one.at >= from) && one.at < before)
            .collect();
        if looked_at_all && occurrences.len() <= MOST {
            return Ok(occurrences);
        }
        Err(Error::member(
            "/until",
            "too_many",
            format!("at most {MOST} meetings are made at once; give an earlier day"),
        ))
    }

    /// The first occurrences by the wall clock, at most so many.
    pub fn first(&self, most: u16) -> Vec<Occurrence> {
        let found = self.set.clone().all(most).dates.into_iter().map(|date| date.naive_utc());
        found.map(|shown| Occurrence { shown, at: clock::moment(shown, self.zone) }).collect()
    }

    /// The time zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }
}

/// A wall-clock time as members write it.
pub fn shown(pointer: &str, text: &str) -> Result<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M")
        .map_err(|_| Error::member(pointer, "wrong_form", "is not a time of the calendar, such as 2026-09-08T09:00"))
}

fn floating(shown: NaiveDateTime) -> chrono::DateTime<rrule::Tz> {
    shown.and_utc().with_timezone(&rrule::Tz::UTC)
}

fn wrong(error: impl std::fmt::Display) -> Error {
    Error::member("/rrule", "wrong_form", format!("is not a recurrence rule of RFC 5545: {error}"))
}

fn parsed(rule: &str, zone: Tz) -> Result<RRule<Unvalidated>> {
    if rule.contains(|letter: char| !(letter.is_ascii_alphanumeric() || "=;,+-".contains(letter))) {
        return Err(wrong("give it without RRULE: and on one line"));
    }
    let parsed: RRule<Unvalidated> = rule.parse().map_err(wrong)?;
    if matches!(parsed.get_freq(), Frequency::Hourly | Frequency::Minutely | Frequency::Secondly) {
        return Err(Error::member("/rrule", "too_often", "meetings recur daily at most"));
    }
    if parsed.get_interval() == 0 {
        return Err(wrong("INTERVAL is 1 or more"));
    }
    let Some(until) = parsed.get_until().copied() else {
        return Ok(parsed);
    };
    let shown = if until.timezone().is_local() {
        until.naive_local()
    } else {
        until.with_timezone(&Utc).with_timezone(&zone).naive_local()
    };
    let whole_day = if ends_on_a_day(rule) { TimeDelta::days(1) - TimeDelta::seconds(1) } else { TimeDelta::zero() };
    let last = shown.checked_add_signed(whole_day).unwrap_or(shown);
    Ok(parsed.until(floating(last)))
}

/// Whether `UNTIL` is a day, which is then part of it.
fn ends_on_a_day(rule: &str) -> bool {
    rule.split(';').filter_map(|part| part.strip_prefix("UNTIL=")).any(|until| until.len() == "20261231".len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn places(rule: &str, start: &str, from: Option<&str>, before: &str) -> Vec<String> {
        let recurrence = Recurrence::read(rule, start, "America/Chicago").unwrap();
        recurrence
            .between(from.map(moment), moment(before))
            .unwrap()
            .into_iter()
            .map(|one| clock::at_place(one.at, recurrence.zone()))
            .collect()
    }

    fn problem(rule: &str) -> &'static str {
        Recurrence::read(rule, "2026-01-13T09:00", "America/Chicago").unwrap_err().problems[0].code
    }

    #[test]
    fn the_wall_clock_stays_the_same_across_daylight_saving() {
        let found = places("FREQ=MONTHLY;BYDAY=2TU", "2026-02-10T09:00", None, "2026-04-30T00:00:00Z");
        assert_eq!(found, ["2026-02-10T09:00-06:00", "2026-03-10T09:00-05:00", "2026-04-14T09:00-05:00"]);
    }

    #[test]
    fn a_time_left_out_moves_to_the_first_that_exists_and_back() {
        let found = places("FREQ=DAILY", "2026-03-07T02:30", None, "2026-03-10T00:00:00Z");
        assert_eq!(found, ["2026-03-07T02:30-06:00", "2026-03-08T03:00-05:00", "2026-03-09T02:30-05:00"]);
    }

    #[test]
    fn what_was_made_is_not_made_again() {
        let found = places("FREQ=WEEKLY", "2026-10-19T09:00", Some("2026-10-27T05:00:00Z"), "2026-11-10T06:00:00Z");
        assert_eq!(found, ["2026-11-02T09:00-06:00", "2026-11-09T09:00-06:00"]);
    }

    #[test]
    fn a_day_as_the_end_is_part_of_it() {
        let found = places("FREQ=DAILY;UNTIL=20260107", "2026-01-06T09:00", None, "2026-02-01T00:00:00Z");
        assert_eq!(found.len(), 2);
        let found = places("FREQ=DAILY;UNTIL=20260107T140000Z", "2026-01-06T09:00", None, "2026-02-01T00:00:00Z");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn more_than_the_most_are_refused() {
        let daily = Recurrence::read("FREQ=DAILY", "2026-01-01T09:00", "UTC").unwrap();
        assert!(daily.between(None, moment("2026-07-01T00:00:00Z")).is_ok());
        let error = daily.between(None, moment("2026-08-01T00:00:00Z")).unwrap_err();
        assert_eq!(error.problems[0].code, "too_many");
    }

    #[test]
    fn wrong_rules_are_refused() {
        assert_eq!(problem("FREQ=SOMETIMES"), "wrong_form");
        assert_eq!(problem("RRULE:FREQ=DAILY"), "wrong_form");
        assert_eq!(problem("FREQ=DAILY;INTERVAL=0"), "wrong_form");
        assert_eq!(problem("FREQ=HOURLY"), "too_often");
        assert_eq!(problem("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "never");
        assert_eq!(problem("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), "never");
        assert_eq!(problem("FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6"), "never");
        let zone = Recurrence::read("FREQ=DAILY", "2026-01-13T09:00", "Nowhere").unwrap_err();
        assert_eq!(zone.code, roundtable_kernel::error::Code::UnknownTimeZone);
        let time = Recurrence::read("FREQ=DAILY", "2026-02-31T09:00", "UTC").unwrap_err();
        assert_eq!(time.problems[0].pointer, "/startsLocal");
    }
}
