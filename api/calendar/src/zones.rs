//! Time zones as calendars write them: VTIMEZONE from the time zone database, and the other way what other programs'
//! names and rules mean in it.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::{OffsetComponents, OffsetName, TZ_VARIANTS, Tz};

use crate::lines::{Component, Writer};
use crate::windows::WINDOWS;

/// Years after the last one asked for that are looked at to tell whether a zone changes by a rule.
const AHEAD: i32 = 6;

/// A change of the offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    /// What the wall clock shows just before.
    shown: NaiveDateTime,
    /// Seconds east of UTC before it.
    before: i32,
    /// Seconds east of UTC from it on.
    after: i32,
    summer: bool,
    name: Option<String>,
}

fn offset(zone: Tz, at: DateTime<Utc>) -> i32 {
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

fn change(zone: Tz, at: DateTime<Utc>, before: i32) -> Change {
    let offset = zone.offset_from_utc_datetime(&at.naive_utc());
    Change {
        shown: at.naive_utc() + TimeDelta::seconds(before.into()),
        before,
        after: offset.fix().local_minus_utc(),
        summer: !offset.dst_offset().is_zero(),
        name: offset.abbreviation().map(str::to_owned),
    }
}

fn new_year(year: i32) -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN).and_utc()
}

/// Changes of a zone in these years, found day by day and then to the second.
fn changes(zone: Tz, from: i32, to: i32) -> Vec<Change> {
    let mut found = Vec::new();
    let (mut at, end) = (new_year(from), new_year(to + 1));
    while at < end {
        let next = at + Days::new(1);
        let before = offset(zone, at);
        if offset(zone, next) != before {
            let (mut low, mut high) = (at.timestamp(), next.timestamp());
            while high - low > 1 {
                let middle = low.midpoint(high);
                let moment = DateTime::from_timestamp(middle, 0).unwrap_or(at);
                if offset(zone, moment) == before { low = middle } else { high = middle }
            }
            let high = DateTime::from_timestamp(high, 0).unwrap_or(next);
            found.push(change(zone, high, before));
        }
        at = next;
    }
    found
}

fn shown_offset(seconds: i32) -> String {
    let (sign, seconds) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    let rest = if seconds % 60 == 0 { String::new() } else { format!("{:02}", seconds % 60) };
    format!("{sign}{:02}{:02}{rest}", seconds / 3600, seconds / 60 % 60)
}

fn observance(writer: &mut Writer, change: &Change, rule: Option<&str>) {
    let kind = if change.summer { "DAYLIGHT" } else { "STANDARD" };
    writer.begin(kind);
    writer.plain("DTSTART", &change.shown.format("%Y%m%dT%H%M%S").to_string());
    writer.plain("TZOFFSETFROM", &shown_offset(change.before));
    writer.plain("TZOFFSETTO", &shown_offset(change.after));
    if let Some(name) = &change.name {
        writer.text("TZNAME", name);
    }
    if let Some(rule) = rule {
        writer.plain("RRULE", rule);
    }
    writer.end(kind);
}

/// The weekday of the month: which one from the beginning, and whether it is the last.
fn place(day: NaiveDate) -> (u32, bool) {
    let last = day.checked_add_days(Days::new(7)).is_none_or(|next| next.month() != day.month());
    (day.day0() / 7 + 1, last)
}

/// The rule by which changes recur every year, where they do.
fn yearly(changes: &[Change]) -> Option<String> {
    let first = changes.first()?;
    let alike = |one: &Change| {
        (one.shown.month(), one.shown.weekday(), one.shown.time(), one.before, one.after)
            == (first.shown.month(), first.shown.weekday(), first.shown.time(), first.before, first.after)
    };
    if !changes.iter().all(alike) {
        return None;
    }
    let places: Vec<(u32, bool)> = changes.iter().map(|one| place(one.shown.date())).collect();
    let nth = match places.first() {
        _ if places.iter().all(|(_, last)| *last) => "-1".to_owned(),
        Some((nth, _)) if places.iter().all(|(other, _)| other == nth) => nth.to_string(),
        _ => return None,
    };
    let day = match first.shown.weekday() {
        Weekday::Mon => "MO",
        Weekday::Tue => "TU",
        Weekday::Wed => "WE",
        Weekday::Thu => "TH",
        Weekday::Fri => "FR",
        Weekday::Sat => "SA",
        Weekday::Sun => "SU",
    };
    Some(format!("FREQ=YEARLY;BYMONTH={};BYDAY={nth}{day}", first.shown.month()))
}

/// Writes the zone for these years: each change by itself, and after them the rule by which they recur, or each change
/// of some years more where there is no rule.
pub fn write(writer: &mut Writer, zone: Tz, from: i32, to: i32) {
    let begins = new_year(from);
    let mut first = change(zone, begins, offset(zone, begins));
    first.shown = begins.naive_utc();
    let ahead = changes(zone, to + 1, to + AHEAD);
    let halves: Vec<Vec<Change>> = [true, false]
        .into_iter()
        .map(|summer| ahead.iter().filter(|one| one.summer == summer).cloned().collect())
        .collect();
    let rules: Option<Vec<(&Change, String)>> = halves
        .iter()
        .filter(|half| !half.is_empty())
        .map(|half| {
            let each_year = i32::try_from(half.len()).is_ok_and(|count| count == AHEAD);
            half.first().zip(yearly(half).filter(|_| each_year))
        })
        .collect();
    writer.begin("VTIMEZONE");
    writer.text("TZID", zone.name());
    writer.text("X-LIC-LOCATION", zone.name());
    observance(writer, &first, None);
    for change in changes(zone, from, to) {
        observance(writer, &change, None);
    }
    match rules {
        Some(rules) => rules.iter().for_each(|(change, rule)| observance(writer, change, Some(rule))),
        None => ahead.iter().for_each(|change| observance(writer, change, None)),
    }
    writer.end("VTIMEZONE");
}

fn in_database(name: &str) -> Option<Tz> {
    TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name)).copied()
}

/// The zone that a name means: of the database, of Windows, or with either inside it.
pub fn named(name: &str) -> Option<Tz> {
    let name = name.trim().trim_matches('"').trim();
    if name.is_empty() {
        return None;
    }
    if let Some(zone) = in_database(name) {
        return Some(zone);
    }
    let windows = |name: &str| {
        WINDOWS.iter().find(|(windows, _)| windows.eq_ignore_ascii_case(name)).and_then(|(_, zone)| zone.parse().ok())
    };
    if let Some(zone) = windows(name) {
        return Some(zone);
    }
    // Some write a path that ends in the name: /freeassociation.sourceforge.net/Tzfile/Europe/Berlin.
    let mut rest = name;
    while let Some((_, after)) = rest.split_once('/') {
        rest = after;
        if rest.contains('/')
            && let Some(zone) = in_database(rest)
        {
            return Some(zone);
        }
    }
    // Others what a list of choices shows: (UTC-05:00) Eastern Time (US & Canada); Amsterdam, Berlin, Paris.
    let label = match name.split_once(')') {
        Some((offset, label)) if offset.starts_with('(') => label.trim(),
        _ => name,
    };
    let plain = label.split('(').next().unwrap_or_default().trim();
    if let Some(zone) = windows(&plain.replace(" Time", " Standard Time")).filter(|_| plain.ends_with(" Time")) {
        return Some(zone);
    }
    if label.len() == name.len() && !label.contains(',') {
        return None;
    }
    label.split(',').map(|city| city.trim().replace(' ', "_")).find_map(|city| {
        TZ_VARIANTS
            .iter()
            .find(|zone| zone.name().rsplit_once('/').is_some_and(|(_, last)| last.eq_ignore_ascii_case(&city)))
            .copied()
    })
}

/// The zone that a VTIMEZONE means: by where it says it is, else the first well-known one whose clocks change alike in
/// this year.
pub fn described(component: &Component, year: i32) -> Option<Tz> {
    let says = ["X-LIC-LOCATION", "TZURL", "X-EM-DISPLAYNAME"];
    if let Some(zone) = says.iter().find_map(|name| named(&component.text(name)?)) {
        return Some(zone);
    }
    let mut told: Vec<(NaiveDateTime, i32, i32)> = Vec::new();
    let mut fixed = None;
    for part in &component.parts {
        let before = read_offset(&part.text("TZOFFSETFROM")?)?;
        let after = read_offset(&part.text("TZOFFSETTO")?)?;
        fixed = Some(after);
        if before != after {
            told.push((onset(part, year)?, before, after));
        }
    }
    told.sort_unstable();
    let known = WINDOWS.iter().filter_map(|(_, zone)| zone.parse::<Tz>().ok());
    let mut alike = known.filter(|zone| {
        let found: Vec<_> =
            changes(*zone, year, year).into_iter().map(|one| (one.shown, one.before, one.after)).collect();
        if told.is_empty() { found.is_empty() && Some(offset(*zone, new_year(year))) == fixed } else { found == told }
    });
    alike.next()
}

fn read_offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("-", digits) => (-1, digits),
        ("+", digits) => (1, digits),
        _ => return None,
    };
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i32>().ok();
    let seconds = number(4..6).unwrap_or_default();
    Some(sign * (number(0..2)? * 3600 + number(2..4)? * 60 + seconds))
}

/// When a part of a VTIMEZONE begins in this year, by the wall clock.
fn onset(part: &Component, year: i32) -> Option<NaiveDateTime> {
    let starts = part.text("DTSTART")?;
    let starts = NaiveDateTime::parse_from_str(&starts, "%Y%m%dT%H%M%S").ok()?;
    // Midnight is written by some as its last second.
    let starts = if starts.second() == 59 { starts + TimeDelta::seconds(1) } else { starts };
    let Some(rule) = part.text("RRULE") else { return (starts.year() == year).then_some(starts) };
    let of =
        |name: &str| rule.split(';').find_map(|piece| piece.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
    let month: u32 = of("BYMONTH")?.parse().ok()?;
    let by_day = of("BYDAY")?;
    let (nth, day) = by_day.split_at_checked(by_day.len().checked_sub(2)?)?;
    let day: Weekday = match day {
        "MO" => Weekday::Mon,
        "TU" => Weekday::Tue,
        "WE" => Weekday::Wed,
        "TH" => Weekday::Thu,
        "FR" => Weekday::Fri,
        "SA" => Weekday::Sat,
        "SU" => Weekday::Sun,
        _ => return None,
    };
    let date = match nth.parse::<i32>().ok()? {
        nth @ 1..=5 => NaiveDate::from_weekday_of_month_opt(year, month, day, u8::try_from(nth).ok()?)?,
        -1 => (4..=5).rev().find_map(|nth| NaiveDate::from_weekday_of_month_opt(year, month, day, nth))?,
        _ => return None,
    };
    Some(date.and_time(starts.time()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]
mod tests {
    use super::*;
    use crate::lines;

    fn written(zone: &str, from: i32, to: i32) -> String {
        let mut writer = Writer::default();
        write(&mut writer, zone.parse().unwrap(), from, to);
        writer.finish()
    }

    #[test]
    fn a_zone_is_written_change_by_change_and_then_by_its_rule() {
        let text = written("America/Chicago", 2026, 2026);
        assert!(
            text.contains("DTSTART:20260308T020000\r\nTZOFFSETFROM:-0600\r\nTZOFFSETTO:-0500\r\nTZNAME:CDT"),
            "{text}"
        );
        assert!(
            text.contains("DTSTART:20261101T020000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0600\r\nTZNAME:CST"),
            "{text}"
        );
        assert!(text.contains("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU"), "{text}");
        assert!(written("Europe/Berlin", 2026, 2026).contains("RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"));
        assert_eq!(written("Asia/Kolkata", 2026, 2030).matches("BEGIN:STANDARD").count(), 1);
        // Morocco's clocks follow the moon: no rule, each change by itself.
        let moon = written("Africa/Casablanca", 2026, 2026);
        assert!(!moon.contains("RRULE") && moon.matches("DTSTART").count() > 10, "{moon}");
    }

    #[test]
    fn what_was_written_is_recognised_by_its_rules_alone() {
        for zone in ["America/Chicago", "Europe/Berlin", "Asia/Kolkata", "America/Phoenix", "Australia/Sydney"] {
            let text = written(zone, 2026, 2026).replace("X-LIC-LOCATION", "X-OTHER");
            let (components, _) = lines::read(&text);
            let mut found = components[0].clone();
            // The first one says how it was before.
            found.parts.retain(|part| part.property("RRULE").is_some() || components[0].parts.len() == 1);
            let found = described(&found, 2026).unwrap();
            assert_eq!(changes(found, 2026, 2026), changes(zone.parse().unwrap(), 2026, 2026), "{zone} {found}");
        }
    }

    #[test]
    fn names_of_other_programs_are_known() {
        for (name, zone) in [
            ("europe/berlin", "Europe/Berlin"),
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("\"Central Standard Time\"", "America/Chicago"),
            ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
            ("(UTC-05:00) Eastern Time (US and Canada)", "America/New_York"),
            ("/freeassociation.sourceforge.net/Tzfile/Europe/Paris", "Europe/Paris"),
            ("Amsterdam, Belgrade, Berlin, Brussels", "Europe/Amsterdam"),
            ("(UTC+01:00) Amsterdam, Berlin, Bern, Rom", "Europe/Amsterdam"),
        ] {
            assert_eq!(named(name).map(|zone| zone.name()), Some(zone), "{name}");
        }
        for name in ["", "Europe/Germany", "tzone://Microsoft/Custom", "Customized Time Zone", " 1", "Berlin"] {
            assert_eq!(named(name), None, "{name}");
        }
    }
}
