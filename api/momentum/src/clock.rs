//! Moments, wall clocks and quarters.

use chrono::{Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, SubsecRound, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use roundtable_entity::Timestamp;
use roundtable_kernel::error::{Code, Error, Result};

/// The longest gap any wall clock has made: the day Samoa left out in 2011, and some.
const LONGEST_GAP_MINUTES: i64 = 48 * 60;

/// The time zone of that name.
pub fn zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| {
        Error::new(
            Code::UnknownTimeZone,
            format!("{name} is not a time zone of the IANA database; one is America/Chicago"),
        )
    })
}

/// What the wall clock shows then, with the offset from UTC.
pub fn at_place(moment: Timestamp, zone: Tz) -> String {
    moment.with_timezone(&zone).format("%Y-%m-%dT%H:%M%:z").to_string()
}

/// The day it is there.
pub fn day_at_place(moment: Timestamp, zone: Tz) -> NaiveDate {
    moment.with_timezone(&zone).date_naive()
}

/// When the wall clock shows this: the earlier moment when it does so twice, the first later time that exists when it
/// never does.
pub fn moment(shown: NaiveDateTime, zone: Tz) -> Timestamp {
    (0..=LONGEST_GAP_MINUTES)
        .filter_map(|minutes| shown.checked_add_signed(TimeDelta::minutes(minutes)))
        .find_map(|shown| match zone.from_local_datetime(&shown) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.with_timezone(&Utc)),
            LocalResult::None => None,
        })
        .unwrap_or_else(|| shown.and_utc())
}

/// When the day after this one begins there.
pub fn end_of_day(day: NaiveDate, zone: Tz) -> Option<Timestamp> {
    let midnight = day.checked_add_days(Days::new(1))?.and_hms_opt(0, 0, 0)?;
    Some(moment(midnight, zone))
}

/// When something that begins then and lasts so long is over.
pub fn ends_at(starts_at: Timestamp, minutes: i32) -> Result<Timestamp> {
    starts_at
        .checked_add_signed(TimeDelta::minutes(minutes.into()))
        .filter(|end| (1..=9999).contains(&starts_at.year()) && end.year() <= 9999)
        .ok_or_else(|| Error::member("/startsAt", "too_large", "is out of the range of the calendar"))
}

/// As precise as moments are kept.
pub fn kept(moment: Timestamp) -> Timestamp {
    moment.trunc_subsecs(6)
}

/// A calendar quarter, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarter {
    year: i32,
    number: u32,
}

impl Quarter {
    /// The quarter a day is in.
    pub fn of(day: NaiveDate) -> Self {
        Self { year: day.year(), number: day.month0() / 3 + 1 }
    }

    /// The quarter written like this: `2026-Q4`.
    pub fn named(text: &str) -> Option<Self> {
        let (year, number) = text.split_once("-Q")?;
        let quarter =
            Self { year: year.parse().ok()?, number: number.parse().ok().filter(|number| (1..=4).contains(number))? };
        (quarter.to_string() == text).then_some(quarter)
    }

    /// Its first moment and the first one after it.
    pub fn bounds(self) -> Result<(Timestamp, Timestamp)> {
        let next = match self.number {
            4 => Self { year: self.year + 1, number: 1 },
            number => Self { number: number + 1, ..self },
        };
        Ok((self.begins()?, next.begins()?))
    }

    fn begins(self) -> Result<Timestamp> {
        Utc.with_ymd_and_hms(self.year, self.number * 3 - 2, 1, 0, 0, 0)
            .single()
            .ok_or_else(|| Error::member("/quarter", "wrong_form", "is out of the range of the calendar"))
    }
}

impl std::fmt::Display for Quarter {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:04}-Q{}", self.year, self.number)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]
mod tests {
    use super::*;

    fn shown(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap()
    }

    #[test]
    fn a_time_left_out_in_spring_is_the_first_that_exists() {
        let chicago = zone("America/Chicago").unwrap();
        let at = moment(shown("2026-03-08T02:30"), chicago);
        assert_eq!(at_place(at, chicago), "2026-03-08T03:00-05:00");
    }

    #[test]
    fn a_time_shown_twice_in_autumn_is_the_earlier() {
        let chicago = zone("America/Chicago").unwrap();
        let at = moment(shown("2026-11-01T01:30"), chicago);
        assert_eq!(at_place(at, chicago), "2026-11-01T01:30-05:00");
    }

    #[test]
    fn a_day_left_out_does_not_stop_the_clock() {
        let apia = zone("Pacific/Apia").unwrap();
        let at = moment(shown("2011-12-30T10:00"), apia);
        assert_eq!(at_place(at, apia), "2011-12-31T00:00+14:00");
    }

    #[test]
    fn an_unknown_zone_is_refused_by_its_code() {
        assert_eq!(zone("Chicago").unwrap_err().code, Code::UnknownTimeZone);
    }

    #[test]
    fn quarters_are_read_as_they_are_written() {
        let quarter = Quarter::named("2026-Q4").unwrap();
        assert_eq!(quarter.to_string(), "2026-Q4");
        let (from, before) = quarter.bounds().unwrap();
        assert_eq!(from.to_rfc3339(), "2026-10-01T00:00:00+00:00");
        assert_eq!(before.to_rfc3339(), "2027-01-01T00:00:00+00:00");
        assert_eq!(Quarter::of(from.date_naive()), quarter);
        assert_eq!(Quarter::named("2026-Q5"), None);
        assert_eq!(Quarter::named("26-Q1"), None);
    }
}
