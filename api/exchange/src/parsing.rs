//! Tolerant readers of single cells: what people, web pages and spreadsheets write, turned into clean values.
//!
//! Every reader answers one of three things: a value, `Ok(None)` where the cell says "unknown" (blank, `N/A`, `-99999`,
//! `1900-01-01`), or a stable code naming why the text cannot be that value. None of them panics.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, Duration, FixedOffset, NaiveDate, NaiveTime, SecondsFormat, TimeZone};

/// A value, nothing known, or the code of the fault.
pub type Read<T> = Result<Option<T>, &'static str>;

/// Blank, or a character that shows as nothing (no-break and zero-width spaces, word joiner, byte order mark).
pub fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{feff}' | '\0')
}

/// Text on one line: every run of blanks is one space, none at the ends.
pub fn line(text: &str) -> String {
    text.split(is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Text of several lines: LF ends, blanks inside a line collapsed, at most one empty line in a row.
pub fn lines(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    for piece in text.replace("\r\n", "\n").split(['\n', '\r', '\u{2028}', '\u{2029}', '\u{85}']) {
        let piece = line(piece);
        if !piece.is_empty() || out.last().is_some_and(|last| !last.is_empty()) {
            out.push(piece);
        }
    }
    while out.last().is_some_and(String::is_empty) {
        out.pop();
    }
    out.join("\n")
}

/// Several lines without the HTML in them: tags become blanks or line ends, the usual entities their characters.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let close = after
            .starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!')
            .then(|| after.split_once('>'))
            .flatten();
        rest = if let Some((tag, tail)) = close {
            let name =
                tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            out.push(if ["br", "p", "div", "li", "tr"].contains(&name.to_ascii_lowercase().as_str()) {
                '\n'
            } else {
                ' '
            });
            tail
        } else {
            out.push('<');
            after
        };
    }
    out.push_str(rest);
    for (entity, sign) in
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        out = out.replace(entity, sign);
    }
    lines(&out)
}

/// Lower case without diacritics, one `-` between words: for comparing headers and building match keys.
pub fn slug(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '’' | '`' | '.' | '\u{300}'..='\u{36f}' => {}
            '&' => out.push_str(if out.is_empty() || out.ends_with('-') { "and-" } else { "-and-" }),
            c if c.is_ascii_alphanumeric() => out.push(c.to_ascii_lowercase()),
            c if c.is_alphanumeric() => c.to_lowercase().for_each(|c| match base(c) {
                "" => out.push(c),
                letters => out.push_str(letters),
            }),
            _ if !out.is_empty() && !out.ends_with('-') => out.push('-'),
            _ => {}
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// The plain letters of an accented Latin one; empty when it is not of those.
fn base(c: char) -> &'static str {
    match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ł' | 'ĺ' | 'ļ' | 'ľ' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ţ' | 'ť' | 'ț' => "t",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        _ => "",
    }
}

/// Undoes UTF-8 that was once read as Windows-1252 (`Ã±` for `ñ`); only when the whole text turns back into valid UTF-8.
pub fn repair(text: &str) -> Cow<'_, str> {
    if !text.contains(['Ã', 'Â', 'â', 'Å', 'Ä']) {
        return Cow::Borrowed(text);
    }
    let (bytes, _, unmappable) = encoding_rs::WINDOWS_1252.encode(text);
    if unmappable {
        return Cow::Borrowed(text);
    }
    match String::from_utf8(bytes.into_owned()) {
        Ok(mended)
            if mended.chars().count() < text.chars().count()
                && !mended.chars().any(|c| ('\u{80}'..'\u{a0}').contains(&c)) =>
        {
            Cow::Owned(mended)
        }
        _ => Cow::Borrowed(text),
    }
}

/// Whether a cell only says that nothing is known (`N/A`, `NOT PROVIDED`, `VARIOUS`, `-`, `xxx`).
pub fn is_absent(text: &str) -> bool {
    let folded = slug(text);
    const SAYINGS: &[&str] = &[
        "n-a",
        "na",
        "none",
        "none-available",
        "not-available",
        "not-provided",
        "not-applicable",
        "not-listed",
        "unknown",
        "unk",
        "various",
        "various-addresses",
        "various-locations",
        "same",
        "null",
        "nil",
        "no",
        "tbd",
        "tba",
        "to-be-determined",
        "to-be-announced",
        "not-known",
        "not-specified",
        "unspecified",
    ];
    folded.is_empty()
        || SAYINGS.contains(&folded.as_str())
        || folded.chars().all(|c| c == 'x')
        || folded.chars().all(|c| c == '0' || c == '-')
}

/// A short text such as a street, a city or a name of something; placeholders are nothing.
pub fn label(text: &str) -> Read<String> {
    Ok(Some(line(text)).filter(|text| !is_absent(text)))
}

/// A calendar date with what else the cell tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The day.
    pub date: NaiveDate,
    /// The wall-clock time where one is written.
    pub time: Option<NaiveTime>,
    /// The distance from UTC where one is written.
    pub offset: Option<FixedOffset>,
}

impl Moment {
    /// The instant as RFC 3339, known only when the cell gave a time and a distance from UTC.
    pub fn instant(&self) -> Option<String> {
        let at = self.offset?.from_local_datetime(&self.date.and_time(self.time?)).single()?;
        Some(at.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

/// A date: ISO with or without a time, `Jun 30, 2025`, `11/17/2023`, `24-JUL-19`, a spreadsheet serial. See [`moment`].
pub fn date(text: &str) -> Read<NaiveDate> {
    Ok(moment(text)?.map(|moment| moment.date))
}

/// A date and, where written, its time and distance from UTC. `1900-01-01` and a spreadsheet's day zero mean unknown.
///
/// Codes: `date_without_year`, `date_incomplete`, `date_not_in_calendar`, `date_year_implausible`, `date_unreadable`.
pub fn moment(text: &str) -> Read<Moment> {
    let text = line(text);
    if is_absent(&text) {
        return Ok(None);
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(&text) {
        return accepted(Moment { date: at.date_naive(), time: Some(at.time()), offset: Some(*at.offset()) });
    }
    if let Some(serial) = text
        .split('.')
        .next()
        .filter(|whole| whole.len() == 5 && text.trim_end_matches('0').trim_end_matches('.').len() <= 5)
    {
        // A spreadsheet counts days from 1899-12-30; five digits reach from 1927 to 2173.
        if let (Ok(days), Some(zero)) = (serial.parse::<i64>(), NaiveDate::from_ymd_opt(1899, 12, 30)) {
            return zero
                .checked_add_signed(Duration::days(days))
                .map_or(Err("date_unreadable"), |date| accepted(Moment { date, time: None, offset: None }));
        }
    }
    // An ISO `T` becomes a blank; then the words with a colon, and an am/pm after them, are the time.
    let spaced: String = text
        .char_indices()
        .map(|(at, c)| {
            if c == 'T'
                && at >= 8
                && text[..at].ends_with(|c: char| c.is_ascii_digit())
                && text[at + 1..].starts_with(|c: char| c.is_ascii_digit())
            {
                ' '
            } else {
                c
            }
        })
        .collect();
    let mut days: Vec<&str> = spaced.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let meridiem = |word: &&str| matches!(word.to_ascii_lowercase().replace('.', "").as_str(), "am" | "pm");
    let start = days
        .iter()
        .position(|word| word.contains(':'))
        .or_else(|| days.iter().position(meridiem).and_then(|at| at.checked_sub(1)));
    let clock = start.map(|at| days.split_off(at).join(" ")).unwrap_or_default();
    days.retain(|word| !matches!(word.to_ascii_lowercase().as_str(), "at" | "@" | "of" | "the") && !is_weekday(word));
    let date = day_of(&days)?;
    let (clock, offset) = split_offset(&clock);
    accepted(Moment { date, time: time(clock).unwrap_or_default(), offset })
}

fn accepted(moment: Moment) -> Read<Moment> {
    let sentinel =
        [(1899, 12, 29), (1899, 12, 30), (1899, 12, 31), (1900, 1, 1), (1900, 1, 0), (9999, 12, 31), (1, 1, 1)];
    match moment.date.year() {
        _ if sentinel.contains(&(moment.date.year(), moment.date.month(), moment.date.day())) => Ok(None),
        1700..=2299 => Ok(Some(moment)),
        _ => Err("date_year_implausible"),
    }
}

fn split_offset(clock: &str) -> (&str, Option<FixedOffset>) {
    let trimmed = clock.trim_end_matches(" UTC");
    if let Some(bare) = trimmed.strip_suffix(['Z', 'z']) {
        return (bare, FixedOffset::east_opt(0));
    }
    let parsed = trimmed.rfind(['+', '-']).and_then(|at| {
        let digits: String = trimmed[at + 1..].chars().filter(char::is_ascii_digit).collect();
        let (hours, minutes) = (
            digits.get(..2)?.parse::<i32>().ok()?,
            digits.get(2..).filter(|m| !m.is_empty()).unwrap_or("0").parse::<i32>().ok()?,
        );
        let seconds = hours * 3600 + minutes * 60;
        Some((&trimmed[..at], FixedOffset::east_opt(if trimmed[at..].starts_with('-') { -seconds } else { seconds })?))
    });
    parsed.map_or((clock, None), |(bare, offset)| (bare, Some(offset)))
}

fn is_weekday(word: &str) -> bool {
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    word.len() >= 3
        && ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
            .iter()
            .any(|day| day.starts_with(&word) || (word == "thurs" && *day == "thursday"))
}

fn month_of(word: &str) -> Option<u32> {
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    let months = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let at = months
        .iter()
        .position(|month| word.len() >= 3 && (month.starts_with(&word) || (word == "sept" && *month == "september")))?;
    u32::try_from(at + 1).ok()
}

fn day_of(words: &[&str]) -> Result<NaiveDate, &'static str> {
    let parts: Vec<&str> =
        words.iter().flat_map(|word| word.split(['/', '-', '.'])).filter(|part| !part.is_empty()).collect();
    let number = |part: &str| {
        let lower = part.to_ascii_lowercase();
        let digits = ["st", "nd", "rd", "th"].iter().find_map(|end| lower.strip_suffix(end)).unwrap_or(&lower);
        digits.parse::<u32>().ok().filter(|_| digits.len() <= 4)
    };
    let year = |part: &str| {
        number(part).map(|year| {
            if part.len() > 2 {
                year
            } else if year < 70 {
                2000 + year
            } else {
                1900 + year
            }
        })
    };
    let (year, month, day) = match *parts.as_slice() {
        [whole] if whole.len() == 8 && whole.bytes().all(|b| b.is_ascii_digit()) => {
            (year(&whole[..4]), number(&whole[4..6]), number(&whole[6..]))
        }
        [whole] => {
            return Err(if number(whole).is_some_and(|n| n > 1000) { "date_incomplete" } else { "date_unreadable" });
        }
        [a, b] => {
            return Err(match (month_of(a).or(month_of(b)), number(a).or(number(b))) {
                (Some(_), Some(n)) if n <= 31 => "date_without_year",
                (Some(_), Some(_)) => "date_incomplete",
                (None, Some(_)) if number(b).is_some_and(|n| n > 31) => "date_incomplete",
                (None, Some(_)) if number(a).is_some() && number(b).is_some() => "date_without_year",
                _ => "date_unreadable",
            });
        }
        [a, b, c] => match (month_of(a), month_of(b)) {
            (Some(month), _) => (year(c), Some(month), number(b)),
            (_, Some(month)) if a.len() == 4 => (year(a), Some(month), number(c)),
            (_, Some(month)) => (year(c), Some(month), number(a)),
            _ if a.len() == 4 => (year(a), number(b), number(c)),
            _ if number(a).is_some_and(|n| n > 12) => (year(c), number(b), number(a)),
            _ => (year(c), number(a), number(b)),
        },
        _ => return Err("date_unreadable"),
    };
    let (Some(year), Some(month), Some(day)) = (year, month, day) else {
        return Err("date_unreadable");
    };
    let year = i32::try_from(year).map_err(|_| "date_unreadable")?;
    NaiveDate::from_ymd_opt(year, month, day).ok_or("date_not_in_calendar")
}

/// A time of day: `9:30am`, `9 p.m.`, `0900`, `18:00:00`, `noon`. Code: `time_unreadable`.
pub fn time(text: &str) -> Read<NaiveTime> {
    let mut text = line(text).to_ascii_lowercase().replace(['.', ' '], "");
    match text.as_str() {
        "noon" | "12noon" => return Ok(NaiveTime::from_hms_opt(12, 0, 0)),
        "midnight" => return Ok(NaiveTime::from_hms_opt(0, 0, 0)),
        _ if is_absent(&text) && !text.starts_with('0') => return Ok(None),
        _ => {}
    }
    for zone in ["utc", "est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt", "et", "ct", "mt", "pt"] {
        if let Some(bare) =
            text.strip_suffix(zone).filter(|bare| bare.ends_with(|c: char| c.is_ascii_digit() || c == 'm'))
        {
            text = bare.to_owned();
            break;
        }
    }
    let (digits, shift) = match (
        text.strip_suffix("am").or(text.strip_suffix('a')),
        text.strip_suffix("pm").or(text.strip_suffix('p')),
    ) {
        (Some(bare), _) => (bare, Some(0)),
        (_, Some(bare)) => (bare, Some(12)),
        _ => (text.as_str(), None),
    };
    let parts: Vec<&str> = match digits.split(':').collect::<Vec<_>>().as_slice() {
        [whole] if whole.is_ascii() && (3..=4).contains(&whole.len()) => {
            vec![&whole[..whole.len() - 2], &whole[whole.len() - 2..]]
        }
        [whole] if shift.is_some() => vec![whole, "0"],
        [hour, minute] => vec![hour, minute],
        [hour, minute, second] => vec![hour, minute, second.get(..2).unwrap_or(second)],
        _ => return Err("time_unreadable"),
    };
    let numbers: Option<Vec<u32>> = parts.iter().map(|part| part.parse().ok()).collect();
    let at = match numbers.as_deref() {
        Some([hour, rest @ ..]) => match (shift, hour) {
            (Some(shift), 1..=12) => Some((hour % 12 + shift, rest)),
            (None, 0..=23) => Some((*hour, rest)),
            _ => None,
        },
        _ => None,
    };
    let read = at.and_then(|(hour, rest)| {
        NaiveTime::from_hms_opt(hour, rest.first().copied().unwrap_or(0), rest.get(1).copied().unwrap_or(0))
    });
    read.map(Some).ok_or("time_unreadable")
}

/// A telephone number: E.164 where the country is clear, the bare digits of a short code or a local number otherwise.
/// An extension follows as ` x123`. `0000000000` and the like are nothing. Code: `phone_unreadable`.
pub fn phone(text: &str) -> Read<String> {
    let text = line(text).to_lowercase().replace(" or ", ";");
    let first = text
        .split([';', '/', '\u{2022}'])
        .find(|part| part.chars().any(|c| c.is_ascii_digit()))
        .unwrap_or_default()
        .trim();
    let (main, extension) = match first
        .char_indices()
        .rev()
        .find(|(_, c)| !c.is_ascii_digit() && *c != ' ' && *c != '.')
    {
        Some((at, c))
            if c == 'x' || c == '#' || first[..at + 1].ends_with("ext") || first[..at + 1].ends_with("extension") =>
        {
            (
                first[..at + 1].trim_end_matches(|c: char| c.is_alphabetic() || c == '#'),
                first[at + c.len_utf8()..].chars().filter(char::is_ascii_digit).collect::<String>(),
            )
        }
        _ => (first, String::new()),
    };
    let digits: String = main.chars().filter(char::is_ascii_digit).collect();
    let same = digits.bytes().all(|b| digits.as_bytes().first() == Some(&b));
    if digits.is_empty() || (same && digits != "111" && (digits.len() > 3 || digits.starts_with('0'))) {
        let letters = main.chars().any(char::is_alphabetic) && !is_absent(main);
        return if letters || text.chars().any(char::is_alphabetic) && !is_absent(&text) {
            Err("phone_unreadable")
        } else {
            Ok(None)
        };
    }
    let american = |digits: &str| {
        let ten = digits.strip_prefix('1').filter(|rest| rest.len() >= 10).unwrap_or(digits);
        let area = |at: usize| ten.as_bytes().get(at).is_some_and(|b| *b >= b'2');
        (ten.len() >= 10 && area(0) && area(3)).then(|| (format!("+1{}", &ten[..10]), ten[10..].to_owned()))
    };
    let started = main.trim_start_matches(['(', ' ', '"']);
    let abroad = started
        .strip_prefix('+')
        .or(started.strip_prefix("011"))
        .map(|rest| rest.chars().filter(char::is_ascii_digit).collect::<String>());
    let (number, tail) =
        if let Some(abroad) = abroad.filter(|rest| !rest.starts_with('1') && (7..=15).contains(&rest.len())) {
            (format!("+{abroad}"), String::new())
        } else if (10..=15).contains(&digits.len()) {
            american(&digits).ok_or("phone_unreadable")?
        } else if let Some(vanity) = vanity(main).and_then(|digits| american(&digits)) {
            (vanity.0, String::new())
        } else if main.chars().any(char::is_alphabetic)
            || !((digits.len() == 3 && digits.ends_with("11")) || digits.len() == 7)
        {
            return Err("phone_unreadable");
        } else {
            (digits, String::new())
        };
    let extension = if extension.is_empty() { tail } else { extension };
    Ok(Some(if extension.bytes().all(|b| b == b'0') || extension.len() > 6 {
        number
    } else {
        format!("{number} x{extension}")
    }))
}

/// `(800) 370-LEAD` as digits: letters count only after the area code, and only the first ten signs.
fn vanity(text: &str) -> Option<String> {
    let mut out = String::new();
    for c in text.chars().filter(char::is_ascii_alphanumeric) {
        out.push(match c {
            '0'..='9' => c,
            _ if out.len() < 3 => return None,
            'a'..='c' => '2',
            'd'..='f' => '3',
            'g'..='i' => '4',
            'j'..='l' => '5',
            'm'..='o' => '6',
            'p'..='s' => '7',
            't'..='v' => '8',
            _ => '9',
        });
    }
    (out.len() >= 10).then(|| out[..if out.starts_with('1') { 11.min(out.len()) } else { 10 }].to_owned())
}

/// The first mail address of a cell, its domain in lower case. Code: `email_unreadable`.
pub fn email(text: &str) -> Read<String> {
    let text = line(text);
    if is_absent(&text) {
        return Ok(None);
    }
    let candidate = text
        .split([' ', ',', ';', '<', '>', '(', ')', '"', '/', '|'])
        .find(|word| word.contains('@'))
        .ok_or("email_unreadable")?;
    let candidate = candidate.strip_prefix("mailto:").unwrap_or(candidate).trim_end_matches(['.', ':']);
    let (user, host) = candidate.split_once('@').ok_or("email_unreadable")?;
    let user_fits = !user.is_empty()
        && user.len() <= 64
        && user.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-=?^_`{|}~.".contains(c))
        && !user.starts_with('.')
        && !user.ends_with('.')
        && !user.contains("..");
    if user_fits && is_host(host) {
        Ok(Some(format!("{user}@{}", host.to_ascii_lowercase())))
    } else {
        Err("email_unreadable")
    }
}

fn is_host(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let fits = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    labels.len() >= 2
        && host.len() <= 253
        && labels.iter().all(fits)
        && labels.last().is_some_and(|top| top.len() >= 2 && top.chars().all(char::is_alphabetic))
}

/// A web address: `https://` is added where the scheme is missing. Codes: `url_is_email`, `url_unreadable`.
pub fn web(text: &str) -> Read<String> {
    let text = line(text);
    if is_absent(&text) {
        return Ok(None);
    }
    let lower = text.to_ascii_lowercase();
    let (scheme, rest) =
        ["https://", "http://", "https//", "http//", "https:/", "http:/", "https:", "http:", "https/", "http/"]
            .iter()
            .find(|start| lower.starts_with(**start))
            .map_or(("https", text.as_str()), |start| {
                (if start.starts_with("https") { "https" } else { "http" }, &text[start.len()..])
            });
    // `www. example.org` and `www:example.org` are slips of the finger; anything after the next blank is not the address.
    let rest = rest.trim_start_matches(['/', ' ']);
    let rest = rest
        .get(4..)
        .filter(|_| rest.to_ascii_lowercase().starts_with("www:") || rest.to_ascii_lowercase().starts_with("www. "))
        .map_or_else(|| rest.to_owned(), |tail| format!("www.{}", tail.trim_start()));
    let address = rest.split(is_blank).next().unwrap_or_default().trim_end_matches(['`', ',', ';', '"', '\'', '>']);
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let (host, path) = address.split_at(end);
    if host.contains('@') {
        return Err("url_is_email");
    }
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let name = name.trim_end_matches('.');
    let numeric = name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok());
    let second_word = rest.split(is_blank).nth(1).is_some_and(|word| {
        !word.is_empty()
            && !word.contains('.')
            && path.is_empty()
            && !lower.starts_with("http")
            && !lower.starts_with("www")
    });
    if !(is_host(name) || numeric)
        || port.is_some_and(|port| port.parse::<u16>().is_err())
        || second_word
        || name.contains('_')
    {
        return Err("url_unreadable");
    }
    let path: String = path
        .chars()
        .map(|c| if matches!(c, '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}') { '_' } else { c })
        .collect();
    Ok(Some(format!(
        "{scheme}://{}{}{path}",
        name.to_lowercase(),
        port.map(|port| format!(":{port}")).unwrap_or_default()
    )))
}

/// A postal code: United States ones regain lost zeros and the dash of nine digits; codes with letters stay as written.
/// Code: `postal_code_unreadable`.
pub fn postal_code(text: &str) -> Read<String> {
    let text = line(text);
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if is_absent(text) {
        return Ok(None);
    }
    if text.chars().any(char::is_alphabetic) {
        return if text.len() <= 12 && text.chars().any(|c| c.is_ascii_digit()) {
            Ok(Some(text.to_uppercase()))
        } else {
            Err("postal_code_unreadable")
        };
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        3..=5 => Ok(Some(format!("{digits:0>5}"))),
        8 | 9 => {
            let nine = format!("{digits:0>9}");
            Ok(Some(if nine.ends_with("0000") {
                nine[..5].to_owned()
            } else {
                format!("{}-{}", &nine[..5], &nine[5..])
            }))
        }
        // Five digits and the start of a cut-off suffix: the place is clear.
        6 | 7 => Ok(Some(digits[..5].to_owned())),
        _ => Err("postal_code_unreadable"),
    }
}

/// A state or province: two letters in upper case, longer names as written.
pub fn state(text: &str) -> Read<String> {
    Ok(label(text)?.map(|text| if text.len() == 2 { text.to_uppercase() } else { text }))
}

/// A country as two letters. Code: `country_unknown`.
pub fn country(text: &str) -> Read<String> {
    let folded = slug(text);
    match folded.as_str() {
        _ if is_absent(text) && folded != "na" && folded != "no" => Ok(None),
        "usa" | "united-states" | "united-states-of-america" | "america" => Ok(Some("US".to_owned())),
        "can" | "canada" => Ok(Some("CA".to_owned())),
        "mex" | "mexico" => Ok(Some("MX".to_owned())),
        "gbr" | "uk" | "united-kingdom" | "great-britain" => Ok(Some("GB".to_owned())),
        _ if folded.len() == 2 && folded.bytes().all(|b| b.is_ascii_lowercase()) => Ok(Some(folded.to_uppercase())),
        _ => Err("country_unknown"),
    }
}

/// `Saint Louis, MO` in one cell: the city.
pub fn city_of(text: &str) -> Read<String> {
    label(text.rsplit_once(',').map_or(text, |(city, _)| city).trim_matches([',', ' ']))
}

/// `Saint Louis, MO` in one cell: the state.
pub fn state_of(text: &str) -> Read<String> {
    text.rsplit_once(',').map_or(Ok(None), |(_, state_name)| state(state_name))
}

/// A whole number that counts something: blanks, thousands commas and a trailing `.0` are taken; negative codes
/// (`-1`, `-2`, `-99999`) mean missing. Code: `number_unreadable`.
pub fn count(text: &str) -> Read<u64> {
    let text: String = line(text).replace([',', ' ', '+'], "");
    let whole = text
        .split_once('.')
        .filter(|(_, part)| part.bytes().all(|b| b == b'0'))
        .map_or(text.as_str(), |(whole, _)| whole);
    match whole.parse::<i64>() {
        Ok(number) => Ok(u64::try_from(number).ok()),
        Err(_) if is_absent(&text) => Ok(None),
        Err(_) => Err("number_unreadable"),
    }
}

/// A decimal number; `-99999` means missing. Code: `number_unreadable`.
pub fn decimal(text: &str) -> Read<f64> {
    let text = line(text).replace([',', '$', ' '], "");
    match text.parse::<f64>() {
        Ok(number) => Ok(Some(number).filter(|number| number.is_finite() && *number != -99999.0)),
        Err(_) if is_absent(&text) => Ok(None),
        Err(_) => Err("number_unreadable"),
    }
}

/// Yes or no, also as `Y`/`N`, `true`/`false`, `1`/`2`, `X`. Code: `yes_no_unreadable`.
pub fn yes_no(text: &str) -> Read<bool> {
    match slug(text).as_str() {
        "yes" | "y" | "true" | "t" | "1" | "x" | "on" | "canceled" | "cancelled" => Ok(Some(true)),
        "no" | "n" | "false" | "f" | "0" | "2" | "off" | "confirmed" | "tentative" => Ok(Some(false)),
        "" | "n-a" | "na" | "unknown" => Ok(None),
        _ => Err("yes_no_unreadable"),
    }
}

/// The entries of a list cell: split at commas, semicolons, bars and line ends; brackets and quotes of a written array go.
pub fn list(text: &str) -> Vec<String> {
    let text = text.trim_matches(|c: char| is_blank(c) || matches!(c, '[' | ']' | '{' | '}'));
    let mut out: Vec<String> = Vec::new();
    for entry in text.split([',', ';', '|', '\n']) {
        let entry = line(entry.trim_matches(|c: char| is_blank(c) || c == '"'));
        if !entry.is_empty() && !out.contains(&entry) {
            out.push(entry);
        }
    }
    out
}

const LANGUAGES: &[(&str, &str)] = &[
    ("english", "en"),
    ("spanish", "es"),
    ("espanol", "es"),
    ("french", "fr"),
    ("german", "de"),
    ("italian", "it"),
    ("portuguese", "pt"),
    ("russian", "ru"),
    ("polish", "pl"),
    ("ukrainian", "uk"),
    ("chinese", "zh"),
    ("mandarin", "cmn"),
    ("cantonese", "yue"),
    ("japanese", "ja"),
    ("korean", "ko"),
    ("vietnamese", "vi"),
    ("tagalog", "tl"),
    ("filipino", "fil"),
    ("hindi", "hi"),
    ("urdu", "ur"),
    ("bengali", "bn"),
    ("punjabi", "pa"),
    ("gujarati", "gu"),
    ("tamil", "ta"),
    ("telugu", "te"),
    ("arabic", "ar"),
    ("farsi", "fa"),
    ("persian", "fa"),
    ("hebrew", "he"),
    ("yiddish", "yi"),
    ("greek", "el"),
    ("turkish", "tr"),
    ("swahili", "sw"),
    ("amharic", "am"),
    ("somali", "so"),
    ("haitian creole", "ht"),
    ("creole", "ht"),
    ("burmese", "my"),
    ("khmer", "km"),
    ("cambodian", "km"),
    ("lao", "lo"),
    ("laotian", "lo"),
    ("hmong", "hmn"),
    ("nepali", "ne"),
    ("thai", "th"),
    ("tongan", "to"),
    ("samoan", "sm"),
    ("armenian", "hy"),
    ("romanian", "ro"),
    ("serbian", "sr"),
    ("croatian", "hr"),
    ("bosnian", "bs"),
    ("hungarian", "hu"),
    ("czech", "cs"),
    ("dutch", "nl"),
    ("swedish", "sv"),
    ("yoruba", "yo"),
    ("igbo", "ig"),
    ("asl", "ase"),
    ("american sign language", "ase"),
    ("sign language", "ase"),
];

/// The languages a cell names, as BCP 47 tags. Code when it names none of the known ones: `language_unknown`.
pub fn languages(text: &str) -> Read<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    let bare = text.to_lowercase();
    if is_absent(&bare) {
        return Ok(None);
    }
    for entry in bare.split([',', ';', '/', '|', '.', '&', '(', ')', '\n']).flat_map(|entry| entry.split(" and ")) {
        let entry = &line(entry);
        let tag = LANGUAGES
            .iter()
            .find(|(name, tag)| name == entry || (tag == entry && entry.len() < 4))
            .map(|(_, tag)| *tag);
        if let Some(tag) = tag.filter(|tag| !out.iter().any(|known| known == tag)) {
            out.push(tag.to_owned());
        }
    }
    if out.is_empty() { Err("language_unknown") } else { Ok(Some(out)) }
}

/// A person as one cell names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonName {
    /// The name in reading order, generation and degrees included.
    pub name: String,
    /// An office or job written into the cell (`CCWDB Chairman`, `Mayor`).
    pub title: Option<String>,
    /// An organisation written into the cell.
    pub organization: Option<String>,
}

/// Words that make a text a job or an office rather than a name.
const JOBS: &str = "president pres vice vp evp svp ivp ceo cfo coo cno cio chair chairman chairwoman chairperson cochair director \
    directors dir manager managers mgr mngr hr owner owners gm officer administrator admin secretary secy treasurer treas attorney \
    atty counsel superintendent supt supervisor personnel agent rep representative coordinator principal dean executive exec chief \
    commissioner controller comptroller trustee steward";

/// Words that go with them, but are no job by themselves.
const BESIDE_JOBS: &str = "human resources resource general gen plant plt labor relations rel industrial employee partner business \
    operations ops oper head staff assistant asst senior sr deputy interim acting of the and for program programs development \
    education member contact department dept office services corporate regional union company administration sec h r g";

/// Offices written before a name.
const OFFICES: &str = "mayor sheriff chief judge councilman councilwoman councilmember councilor commissioner senator alderman \
    supervisor superintendent director trustee governor";

/// Words of an organisation's name, also where a job is in it (`Fire Chiefs Association`).
const BODIES: &str =
    "inc llc corp corporation company co association assn university college school schools foundation federation";

/// Words of an organisation's name where no job is in it.
const OTHER_BODIES: &str = "chamber council authority district institute center centre agency department bureau commission coalition \
    alliance partnership hospital clinic bank group society league ymca rta afl cio ibew seiu teamsters local trust network library \
    industries systems solutions partners ltd lp goodwill church county club program";

fn words(text: &str) -> Vec<String> {
    slug(text).split('-').map(str::to_owned).collect()
}

fn any_of(words: &[String], list: &str) -> bool {
    list.split_whitespace().any(|entry| words.iter().any(|word| word == entry))
}

fn is_job(text: &str) -> bool {
    any_of(&words(text), JOBS)
}

/// `Jr.`, `III`: the generation after a name.
fn is_generation(text: &str) -> bool {
    matches!(text.trim_end_matches('.').to_ascii_lowercase().as_str(), "jr" | "sr" | "ii" | "iii" | "iv" | "v")
}

/// `Ph.D.`, `LCSW-C`: a degree or an order after a name, not a second name.
fn is_degree(text: &str) -> bool {
    let bare: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let capitals = bare.chars().filter(|c| c.is_uppercase()).count();
    !text.contains(' ') && bare.len() <= 6 && (capitals >= 2 || (text.contains('.') && capitals >= 1))
}

/// Whether a text names an organisation rather than a person, an office or a field of work.
pub fn names_organization(text: &str) -> bool {
    const STARTS: &[&str] =
        &["city of ", "county of ", "town of ", "village of ", "office of ", "state of ", "bank of "];
    let words = words(text);
    let strong = any_of(&words, BODIES) || STARTS.iter().any(|start| text.to_lowercase().starts_with(start));
    words.len() > 1 && !names_office(text) && (strong || (any_of(&words, OTHER_BODIES) && !any_of(&words, JOBS)))
}

/// Whether a text names who appoints (`County Executive`, `Mayor`, `Council President`).
pub fn names_office(text: &str) -> bool {
    const LAST: &str = "executive mayor mayors president governor commissioner commissioners judge administrator manager supervisors \
        speaker legislature supervisor chair chairman";
    const WHOLE: &str = "city-council county-council council county-board board-of-supervisors board-of-county-commissioners senate house";
    let folded = slug(text);
    let last = folded.rsplit('-').next().unwrap_or_default();
    LAST.split_whitespace().any(|word| word == last) || WHOLE.split_whitespace().any(|whole| whole == folded)
}

/// A person's name with what else is written into its cell. Codes: `seat_vacant` (`TBD`, `Vacant`), `name_is_title`
/// (`HR MANAGER`), `name_unreadable`.
pub fn person(text: &str) -> Read<PersonName> {
    let text = line(text);
    let text = text.trim_matches([',', ';', '-', ' ', '*']);
    let lower = text.to_lowercase();
    if ["vacant", "vacancy", "open seat", "tbd", "tba", "to be "].iter().any(|start| lower.starts_with(start))
        || lower.ends_with(" vacant")
    {
        return Err("seat_vacant");
    }
    if is_absent(text) {
        return Ok(None);
    }
    let mut found = PersonName::default();
    let mut text = ["c/o ", "attn: ", "attn ", "attention "]
        .iter()
        .find(|start| lower.starts_with(**start))
        .map_or(text, |start| &text[start.len()..]);
    if let Some((before, inside)) = text.strip_suffix(')').and_then(|open| open.rsplit_once('(')) {
        let (job, organization) = inside
            .split_once(" of ")
            .filter(|(job, _)| is_job(job))
            .map_or((inside, None), |(job, organization)| (job, Some(organization)));
        if organization.is_some() || is_job(inside) {
            found.title = Some(line(job));
            found.organization = organization.map(line);
        } else if names_organization(inside) {
            found.organization = Some(line(inside));
        }
        text = before.trim();
    }
    if let Some((before, after)) =
        text.split_once(" - ").or_else(|| text.split_once(" – ")).filter(|(_, after)| is_job(after))
    {
        found.title = Some(line(after));
        text = before.trim();
    }
    let mut parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let mut name = parts.next().unwrap_or_default().to_owned();
    // The number of a local or an extension after the name (`JAMES FLANNELLY #376`, `TERRY SELLS X110`).
    if let Some((before, _)) = name
        .rsplit_once(' ')
        .filter(|(_, last)| last.trim_start_matches(['#', 'x', 'X']).bytes().all(|b| b.is_ascii_digit()))
    {
        name = before.to_owned();
    }
    for part in parts {
        if is_generation(part) {
            name = format!("{name} {part}");
        } else if is_degree(part) && name.contains(' ') {
            name = format!("{name}, {part}");
        } else if is_job(part) || found.title.is_some() && !names_organization(part) {
            found.title = Some(found.title.map_or_else(|| part.to_owned(), |title| format!("{title}, {part}")));
        } else if !name.contains(' ') && part.split(' ').count() <= 3 {
            name = format!("{part} {name}");
        } else if names_organization(part) {
            found.organization = Some(part.to_owned());
        } else {
            found.title = Some(part.to_owned());
        }
    }
    if let Some((office, rest)) =
        name.split_once(' ').filter(|(office, rest)| any_of(&words(office), OFFICES) && rest.contains(' '))
    {
        found.title = Some(found.title.map_or_else(|| office.to_owned(), |title| format!("{office}, {title}")));
        name = rest.to_owned();
    }
    if words(&name)
        .iter()
        .all(|word| any_of(std::slice::from_ref(word), JOBS) || any_of(std::slice::from_ref(word), BESIDE_JOBS))
    {
        return Err("name_is_title");
    }
    if !name.chars().any(char::is_alphabetic)
        || name.chars().any(|c| c.is_ascii_digit() || c == '@')
        || name.chars().count() > 120
    {
        return Err("name_unreadable");
    }
    found.name = name;
    Ok(Some(found))
}

/// A union as one cell names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnionName {
    /// The union it belongs to, as its usual letters where known (`IAM`).
    pub affiliation: Option<String>,
    /// The number of the local (`570`, `1199-C`).
    pub local: Option<String>,
    /// What else the cell says (`DISTRICT 166`).
    pub remainder: Option<String>,
}

const UNIONS: &[(&str, &str)] = &[
    ("communications workers of america", "CWA"),
    ("service employees international union", "SEIU"),
    ("united food and commercial workers", "UFCW"),
    ("united food & commercial workers", "UFCW"),
    ("international brotherhood of teamsters", "IBT"),
    ("teamsters", "IBT"),
    ("international brotherhood of electrical workers", "IBEW"),
    ("international union of operating engineers", "IUOE"),
    ("international association of machinists", "IAM"),
    ("iamaw", "IAM"),
    ("united steelworkers", "USW"),
    ("united auto workers", "UAW"),
    ("amalgamated transit union", "ATU"),
    ("american federation of teachers", "AFT"),
    ("american federation of government employees", "AFGE"),
    ("laborers international union", "LIUNA"),
    ("sheet metal workers", "SMW"),
    ("unite here", "UNITE HERE"),
];

fn is_local(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    digits > 0
        && word.len() <= 12
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '.'))
        && word.chars().filter(char::is_ascii_alphabetic).count() <= 4
}

/// Splits what a union cell says: `IAM - 570 DISTRICT 166`, `SEIU 121RN`, `IAMAW Local 2249`, `Oregon Nurses Association N/A`.
/// The affiliation is given only where letters or a well-known name say it; a lone independent union keeps its name elsewhere.
pub fn union_name(text: &str) -> UnionName {
    let text = line(text);
    let letters = |word: &str| {
        word.len() <= 12
            && word.len() >= 2
            && word.chars().all(|c| c.is_ascii_uppercase() || matches!(c, '/' | '-' | '&'))
            && word.chars().any(char::is_alphabetic)
    };
    let mut found = UnionName::default();
    let mut rest: Vec<&str>;
    let head: Vec<&str>;
    if let Some((left, right)) =
        text.split_once(" - ").or_else(|| text.strip_suffix(" -").map(|left| (left, ""))).or_else(|| {
            text.split_once('-')
                .filter(|(left, right)| letters(left) && !left.contains('-') && (is_local(right) || is_absent(right)))
        })
    {
        // `IAM - 570 DISTRICT 166`: the number leads the second half.
        head = left.split(' ').collect();
        rest = right.split(' ').collect();
        if let Some(first) = rest
            .first()
            .copied()
            .filter(|word| is_local(word) && word.starts_with(|c: char| c.is_ascii_digit() || c == 'W'))
        {
            found.local = Some(first.to_owned());
            rest.remove(0);
        }
    } else {
        let mut all: Vec<&str> = text.split(' ').collect();
        // `IUOE 150 150`: the local again, from a column of its own.
        if let Some(again) = (1..=all.len() / 2).find(|n| all[all.len() - n..] == all[all.len() - 2 * n..all.len() - n])
        {
            all.truncate(all.len() - again);
        }
        let mut cut = all.len();
        rest = Vec::new();
        if let Some(at) = all.iter().rposition(|word| word.eq_ignore_ascii_case("local")) {
            let number = all[at + 1..].iter().position(|word| is_local(word));
            found.local = number.and_then(|number| all.get(at + 1 + number)).map(|word| (*word).to_owned());
            rest = all[at + 1..]
                .iter()
                .filter(|word| {
                    Some(**word) != found.local.as_deref()
                        && !matches!(word.to_lowercase().as_str(), "union" | "no." | "no")
                })
                .copied()
                .collect();
            cut = at;
        } else if let Some(last) = all.last().copied().filter(|word| all.len() > 1 && is_local(word)) {
            let after_district = all.len() > 2
                && matches!(
                    all[all.len() - 2].to_lowercase().as_str(),
                    "district" | "council" | "lodge" | "region" | "dc"
                );
            if !after_district {
                found.local = Some(last.to_owned());
                cut = all.len() - 1;
            }
        }
        let district = all[..cut].iter().position(|word| {
            matches!(word.to_lowercase().as_str(), "district" | "dc" | "council" | "region" | "lodge" | "chapter")
                && all[0] != *word
        });
        head = all[..district.filter(|at| all[*at..cut].iter().any(|word| is_local(word))).unwrap_or(cut)].to_vec();
        rest.splice(0..0, all[head.len()..cut].iter().copied());
    }
    let remainder = rest.into_iter().filter(|word| !is_absent(word)).collect::<Vec<_>>().join(" ");
    found.remainder = Some(remainder).filter(|text| !text.is_empty());
    let head: Vec<&str> = head.into_iter().filter(|word| !is_absent(word)).collect();
    let name = head.join(" ").to_lowercase();
    found.affiliation = UNIONS
        .iter()
        .find(|(known, _)| {
            name == *known
                || name.strip_prefix(known).is_some_and(|tail| {
                    matches!(
                        tail.trim_start_matches([' ', ',']),
                        "union"
                            | "workers"
                            | "afl-cio"
                            | "of america"
                            | "and aerospace workers"
                            | "international union"
                    )
                })
        })
        .map(|(_, short)| (*short).to_owned())
        .or_else(|| {
            head.first()
                .copied()
                .filter(|word| letters(word) && (head.len() == 1 || head[1..].iter().all(|word| *word == "AFL-CIO")))
                .map(str::to_owned)
        })
        .filter(|affiliation| !matches!(affiliation.as_str(), "MULTI" | "IND" | "INDEP" | "INDEPENDENT" | "OTHER"));
    found
}

/// The kind of an institution by its sector code in the federal directory of postsecondary institutions.
pub fn institution_sector(text: &str) -> Option<&'static str> {
    match line(text).as_str() {
        "1" | "2" | "3" => Some("university"),
        "4" => Some("community_college"),
        "5" | "6" | "7" | "8" | "9" => Some("training_provider"),
        _ => None,
    }
}

/// The kind of an institution as its name or type tells: `community_college`, `university`, `k12`, `adult_education`,
/// `training_provider`. Nothing where unclear.
pub fn institution_kind(text: &str) -> Option<&'static str> {
    let folded = slug(text);
    let has = |mark: &str| folded.contains(mark);
    Some(match folded.as_str() {
        _ if has("community-college")
            || has("county-college")
            || has("technical-college")
            || has("junior-college")
            || has("public-2")
            || has("2-year-public")
            || has("2-yr-public") =>
        {
            "community_college"
        }
        _ if has("adult-ed") || has("adult-school") || has("adult-learning") => "adult_education",
        _ if has("school-district")
            || has("public-schools")
            || has("board-of-education")
            || has("high-school")
            || has("vocational-school")
            || has("vocational-technical-school")
            || has("secondary") && !has("postsecondary") =>
        {
            "k12"
        }
        _ if has("university") || has("4-y") || has("four-year") => "university",
        _ if has("private")
            || has("proprietary")
            || has("training")
            || has("institute")
            || has("academy")
            || has("apprenticeship") =>
        {
            "training_provider"
        }
        _ => return None,
    })
}

/// The kind of an organisation as its name or its seat category tells (`union`, `local_government`, `employer`, ...).
pub fn organization_kind(text: &str) -> Option<&'static str> {
    let folded = format!("-{}-", slug(text));
    let has = |mark: &str| folded.contains(&format!("-{mark}-"));
    Some(match () {
        () if names_office(text) => return None,
        () if has("labor-council") || has("labor-federation") || has("building-trades") || has("trades-council") => {
            "labor_council"
        }
        () if has("apprenticeship") || has("joint-labor-management") => "joint_labor_management",
        () if has("labor")
            || has("union")
            || has("ibew")
            || has("seiu")
            || has("teamsters")
            || has("afl-cio")
            || has("uaw")
            || has("organized-labor")
            || has("local") && folded.contains(|c: char| c.is_ascii_digit()) =>
        {
            "union"
        }
        () if has("community-college") || has("county-college") || has("technical-college") => "community_college",
        () if has("university") => "university",
        () if has("school-district") || has("public-schools") || has("k-12") || has("high-school") => "k12",
        () if has("adult-education") || has("able") => "adult_education",
        () if has("workforce-board") || has("workforce-development-board") || has("workforce-investment-board") => {
            "workforce_board"
        }
        () if has("wagner-peyser") || has("vocational-rehabilitation") || has("employment-services") => {
            "workforce_agency"
        }
        () if has("economic-development") => "economic_development",
        () if has("business")
            || has("private-sector")
            || has("employer")
            || has("industry")
            || has("inc")
            || has("llc")
            || has("corporation")
            || has("corp")
            || has("company") =>
        {
            "employer"
        }
        () if has("city-of")
            || has("county-of")
            || has("town-of")
            || has("village-of")
            || has("township")
            || folded.ends_with("-county-") =>
        {
            "local_government"
        }
        () if has("state-of") => "state_government",
        () if has("foundation") => "philanthropy",
        () if has("community-based") || has("community-based-organization") || has("cbo") => "community_based",
        () => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn day(text: &str) -> Result<Option<String>, &'static str> {
        Ok(date(text)?.map(|date| date.to_string()))
    }

    fn at(text: &str) -> Result<Option<String>, &'static str> {
        Ok(time(text)?.map(|time| time.to_string()))
    }

    fn some(text: &str) -> Result<Option<String>, &'static str> {
        Ok(Some(text.to_owned()))
    }

    #[test]
    fn dates_as_people_write_them() {
        for (cell, expected) in [
            ("2003-10-31", "2003-10-31"),
            ("2021-01-04T16:28:22", "2021-01-04"),
            ("2024-02-15T10:00:00.000", "2024-02-15"),
            ("2019-11-12T09:30:00-05:00", "2019-11-12"),
            ("Jun 30, 2025", "2025-06-30"),
            ("Feb 2, 2024", "2024-02-02"),
            ("Thursday, February 15, 2024", "2024-02-15"),
            ("11/17/2023", "2023-11-17"),
            ("7/20/2023", "2023-07-20"),
            ("1/08/2024", "2024-01-08"),
            ("12/24/15", "2015-12-24"),
            ("5/31/2012 12:00:00 AM", "2012-05-31"),
            ("24-JUL-19", "2019-07-24"),
            ("13/02/2024", "2024-02-13"),
            ("31 December 2003", "2003-12-31"),
            ("December 31st, 2003", "2003-12-31"),
            ("20031231", "2003-12-31"),
            ("2003/12/31", "2003-12-31"),
            ("37929.0", "2003-11-04"),
            ("12/11/23 - 6:30 PM", "2023-12-11"),
            ("Sept. 9, 2024 at 7 p.m.", "2024-09-09"),
        ] {
            assert_eq!(day(cell), some(expected), "{cell}");
        }
        for cell in ["", " ", "N/A", "1900-01-01", "1899-12-30", "12/31/9999", "00/00/0000"] {
            assert_eq!(day(cell), Ok(None), "{cell}");
        }
        for (cell, code) in [
            ("December 24", "date_without_year"),
            ("12/24", "date_without_year"),
            ("June 2024", "date_incomplete"),
            ("2024", "date_incomplete"),
            ("2023-02-30", "date_not_in_calendar"),
            ("0214-02-03", "date_year_implausible"),
            ("soon", "date_unreadable"),
            ("approval expiration: AL", "date_unreadable"),
            ("10:30", "date_unreadable"),
            ("1/2/3/4", "date_unreadable"),
        ] {
            assert_eq!(day(cell), Err(code), "{cell}");
        }
        let moment = |text: &str| moment(text).unwrap().unwrap();
        assert_eq!(moment("2019-11-12T09:30:00-05:00").instant().as_deref(), Some("2019-11-12T09:30:00-05:00"));
        assert_eq!(moment("2018-11-19T09:30:00").time.unwrap().to_string(), "09:30:00");
        assert_eq!(moment("2019-06-10T18:42:38.000Z").instant().as_deref(), Some("2019-06-10T18:42:38Z"));
        assert_eq!(moment("6/30/2020 1:05:00 PM").time.unwrap().to_string(), "13:05:00");
        assert_eq!(moment("2018-11-19").time, None);
    }

    #[test]
    fn times_of_day() {
        for (cell, expected) in [
            ("9:30am", "09:30:00"),
            ("0900", "09:00:00"),
            ("18:00:00", "18:00:00"),
            ("10:00 AM", "10:00:00"),
            ("12:00 AM", "00:00:00"),
            ("12:30 PM", "12:30:00"),
            ("7 p.m.", "19:00:00"),
            ("noon", "12:00:00"),
            ("9:30 am CST", "09:30:00"),
            ("0000", "00:00:00"),
        ] {
            assert_eq!(at(cell), some(expected), "{cell}");
        }
        assert_eq!(at(""), Ok(None));
        for cell in ["24:00", "13:00 PM", "25", "after lunch", "é:0"] {
            assert_eq!(at(cell), Err("time_unreadable"), "{cell}");
        }
    }

    #[test]
    fn phones() {
        for (cell, expected) in [
            ("(443) 910-2640", "+14439102640"),
            ("650 780-7525", "+16507807525"),
            ("9089652358", "+19089652358"),
            ("1-800-735-2258", "+18007352258"),
            ("650 403-4300 x4385", "+16504034300 x4385"),
            ("(410) 555-2000 ext. 12", "+14105552000 x12"),
            ("8567946943 x8950", "+18567946943 x8950"),
            ("7327671000 x0000", "+17327671000"),
            ("334387387775", "+13343873877 x75"),
            ("(800) 370-LEAD", "+18003705323"),
            ("(888) CHI-MES4", "+18882446374"),
            ("703-555-ABCD", "+17035552223"),
            ("(311)    -", "311"),
            ("(   ) 911-    ", "911"),
            ("\"+44 1234 234567\"", "+441234234567"),
            ("Admissions; (970) 542-3167; http://www.morgancc.edu", "+19705423167"),
            ("719-384-6831 or 719-384-6832", "+17193846831"),
            ("555-1212", "5551212"),
        ] {
            assert_eq!(phone(cell), some(expected), "{cell}");
        }
        for cell in ["", "0000000000", "9999999999", "(   ) -  -    ", "N/A", "000"] {
            assert_eq!(phone(cell), Ok(None), "{cell}");
        }
        for cell in ["(410) 526-985", "(F41) 396-5550", "6091111234", "(3  )    -", "401", "call us"] {
            assert_eq!(phone(cell), Err("phone_unreadable"), "{cell}");
        }
    }

    #[test]
    fn mail_addresses() {
        for (cell, expected) in [
            ("BAESND1@AOL.COM", "BAESND1@aol.com"),
            ("DACG141@aol.com.", "DACG141@aol.com"),
            ("ikaler@ccm.edu; jlouie@ccm.edu; brodgers@ccm.edu", "ikaler@ccm.edu"),
            ("hcarroll@rcbc.edu, lbobo@rcbc.edu", "hcarroll@rcbc.edu"),
            ("Info@stenotech.edu or jmelone@stenotech.edu", "Info@stenotech.edu"),
            ("info@doverbusinesscollege.org/", "info@doverbusinesscollege.org"),
            ("Ann Persona <ann@example.org>", "ann@example.org"),
        ] {
            assert_eq!(email(cell), some(expected), "{cell}");
        }
        assert_eq!(email("none"), Ok(None));
        for cell in ["ulmc@aol", "tgallagher@professionaldrivingsolutionscom", "@x.org", "a..b@x.org", "www.x.org"] {
            assert_eq!(email(cell), Err("email_unreadable"), "{cell}");
        }
    }

    #[test]
    fn web_addresses() {
        for (cell, expected) in [
            ("www.ucc.edu/noncredit", "https://www.ucc.edu/noncredit"),
            ("HTTP://mdlaw.net/harford", "http://mdlaw.net/harford"),
            ("http://www.mdmercy.com                                   `", "http://www.mdmercy.com"),
            ("www. focus411.org", "https://www.focus411.org"),
            ("www:iqdentaledu.com", "https://www.iqdentaledu.com"),
            ("http:www.meditec.com", "http://www.meditec.com"),
            ("https/www.jevshumanservices.org/program", "https://www.jevshumanservices.org/program"),
            ("www.gunforhire.com      www.njsecurityguard.com", "https://www.gunforhire.com"),
            ("www.easterncollege.edu./", "https://www.easterncollege.edu/"),
            (
                "www.southuniversity.edu/tampa#location=Tampa, FL",
                "https://www.southuniversity.edu/tampa#location=Tampa",
            ),
            ("http://example.com:8080/a?b=c", "http://example.com:8080/a?b=c"),
        ] {
            assert_eq!(web(cell), some(expected), "{cell}");
        }
        assert_eq!(web(" "), Ok(None));
        assert_eq!(web("None"), Ok(None));
        for cell in ["continuinged@pace.edu", "www.dignitynursingsolutions@gmail.com"] {
            assert_eq!(web(cell), Err("url_is_email"), "{cell}");
        }
        for cell in [
            "591 Summit Ave",
            "Vice President",
            "P.O.Box 287",
            "htpp://.fdu.edu/ce",
            "localhost",
            "javascript:alert(1)",
        ] {
            assert_eq!(web(cell), Err("url_unreadable"), "{cell}");
        }
    }

    #[test]
    fn places() {
        for (cell, expected) in [
            ("7016", "07016"),
            ("07016", "07016"),
            ("961", "00961"),
            ("191075498", "19107-5498"),
            ("35294-0110", "35294-0110"),
            ("10530.0", "10530"),
            ("630110000", "63011"),
            ("7016.0", "07016"),
            ("ABC 1234", "ABC 1234"),
            ("606014", "60601"),
        ] {
            assert_eq!(postal_code(cell), some(expected), "{cell}");
        }
        assert_eq!(postal_code("00000"), Ok(None));
        assert_eq!(postal_code("1"), Err("postal_code_unreadable"));
        assert_eq!(country("us"), some("US"));
        assert_eq!(country("United States"), some("US"));
        assert_eq!(country("NA"), some("NA"), "Namibia");
        assert_eq!(country("Ruritania"), Err("country_unknown"));
        assert_eq!(state("nj"), some("NJ"));
        assert_eq!(city_of("Kingston,st.croix, VI"), some("Kingston,st.croix"));
        assert_eq!(state_of("Saint Louis, MO"), some("MO"));
        assert_eq!(state_of(", "), Ok(None));
        assert_eq!(label("NOT PROVIDED"), Ok(None));
        assert_eq!(label("  Education\u{a0} ABLE\u{2060} "), some("Education ABLE"));
    }

    #[test]
    fn numbers() {
        assert_eq!(count(" 6"), Ok(Some(6)));
        assert_eq!(count("1,250"), Ok(Some(1250)));
        assert_eq!(count("27.0"), Ok(Some(27)));
        for cell in ["-1", "-2", "-99999", "", "N/A"] {
            assert_eq!(count(cell), Ok(None), "{cell}");
        }
        assert_eq!(count("many"), Err("number_unreadable"));
        assert_eq!(count("99999999999999999999"), Err("number_unreadable"));
        assert_eq!(decimal("-99999"), Ok(None));
        assert_eq!(decimal("0.714285714285714"), Ok(Some(0.714285714285714)));
        assert_eq!(decimal("NaN"), Ok(None));
        assert_eq!(
            (yes_no("1"), yes_no("2"), yes_no("Yes"), yes_no("f"), yes_no("")),
            (Ok(Some(true)), Ok(Some(false)), Ok(Some(true)), Ok(Some(false)), Ok(None))
        );
        assert_eq!(yes_no("maybe"), Err("yes_no_unreadable"));
    }

    #[test]
    fn people() {
        let read = |text: &str| {
            person(text).map(|found| {
                found.map(|found| (found.name, found.title.unwrap_or_default(), found.organization.unwrap_or_default()))
            })
        };
        for (cell, name, title, organization) in [
            ("Ethan Karp, CCWDB Chairman", "Ethan Karp", "CCWDB Chairman", ""),
            ("James Vaughn, III", "James Vaughn III", "", ""),
            ("Dr. Andrew Hugine, Jr.", "Dr. Andrew Hugine Jr.", "", ""),
            ("Kate Smith, M.S.", "Kate Smith, M.S.", "", ""),
            ("Joseph Stiefel, MS, EdD, DC", "Joseph Stiefel, MS, EdD, DC", "", ""),
            ("Eileen Dewey, LCSW-C", "Eileen Dewey, LCSW-C", "", ""),
            ("Wesley Lundburg,", "Wesley Lundburg", "", ""),
            ("James Reeder                       ", "James Reeder", "", ""),
            (
                "Habeebah Grimes\u{a0} (Chief Executive Officer of Positive Education Program- PEP)",
                "Habeebah Grimes",
                "Chief Executive Officer",
                "Positive Education Program- PEP",
            ),
            ("Mayor Richard Bain", "Richard Bain", "Mayor", ""),
            ("Chief Deidre Jones", "Deidre Jones", "Chief", ""),
            ("Rev. Kenneth Chalker", "Rev. Kenneth Chalker", "", ""),
            ("SMITH, JOHN", "JOHN SMITH", "", ""),
            ("C/O RONALD L TOBIA", "RONALD L TOBIA", "", ""),
            ("Dan O'Malley", "Dan O'Malley", "", ""),
            ("JAMES FLANNELLY #376", "JAMES FLANNELLY", "", ""),
            ("TERRY SELLS X110", "TERRY SELLS", "", ""),
            ("Carolyn & Larry Conway", "Carolyn & Larry Conway", "", ""),
            ("Ann Lee - Vice Chair", "Ann Lee", "Vice Chair", ""),
            ("Ann Lee, Acme Widgets Inc", "Ann Lee", "", "Acme Widgets Inc"),
        ] {
            assert_eq!(read(cell), Ok(Some((name.to_owned(), title.to_owned(), organization.to_owned()))), "{cell}");
        }
        for cell in ["TBD", "Vacant", "VACANCY", "To be appointed"] {
            assert_eq!(read(cell), Err("seat_vacant"), "{cell}");
        }
        for cell in
            ["HR MANAGER", "CEO", "PRESIDENT/OWNER", "DIR/HR", "VP G/MGR", "GENERAL MANAGER", "BUSINESS AGENT", "HR"]
        {
            assert_eq!(read(cell), Err("name_is_title"), "{cell}");
        }
        for cell in ["59806", "No one at this time 6/27/07.", "a@b.org"] {
            assert_eq!(read(cell), Err("name_unreadable"), "{cell}");
        }
        assert_eq!(read("XXX"), Ok(None));
        for cell in [
            "City of Cleveland",
            "Fire Chiefs Association",
            "Cuyahoga County Mayors and Managers Association",
            "Office of Emergency Management",
            "Greater Cleveland RTA",
        ] {
            assert!(names_organization(cell) && !names_office(cell), "{cell}");
        }
        for cell in ["County Executive", "Mayor", "Council President"] {
            assert!(names_office(cell) && !names_organization(cell), "{cell}");
        }
        for cell in [
            "Communications",
            "Labor Organization",
            "Education ABLE",
            "L-M Apprenticeship",
            "Wagner-Peyser Act",
            "Law Enforcement",
            "Township Trustee",
        ] {
            assert!(!names_office(cell) && !names_organization(cell), "{cell}");
        }
    }

    #[test]
    fn unions() {
        for (cell, affiliation, local, remainder) in [
            ("IAM - 570 DISTRICT 166", "IAM", "570", "DISTRICT 166"),
            ("FBEU - 187", "FBEU", "187", ""),
            ("AFSCME - 1199-C", "AFSCME", "1199-C", ""),
            ("BCTGM - 356G", "BCTGM", "356G", ""),
            ("IAM - DISTRICT 8", "IAM", "", "DISTRICT 8"),
            ("CJA - SOUTHERN ILLINOIS DC", "CJA", "", "SOUTHERN ILLINOIS DC"),
            ("UNITE - ", "UNITE", "", ""),
            ("IKORCC-N/A", "IKORCC", "", ""),
            ("NCSRCC-606", "NCSRCC", "606", ""),
            ("MULTI - 2", "", "2", ""),
            ("IAM District 10 66", "IAM", "66", "District 10"),
            ("UNITE HERE 7", "UNITE HERE", "7", ""),
            ("SEIU 121RN", "SEIU", "121RN", ""),
            ("USA 13058", "USA", "13058", ""),
            ("IAMAW Local 2249", "IAM", "2249", ""),
            ("CNA Local ", "CNA", "", ""),
            ("Communications Workers of America 1168", "CWA", "1168", ""),
            ("United Food & Commercial Workers Union  328", "UFCW", "328", ""),
            ("Oregon Nurses Association N/A", "", "", ""),
            ("IUOE 150 150", "IUOE", "150", ""),
            ("AFM 30-73", "AFM", "30-73", ""),
            ("IAM DISTRICT 9", "IAM", "", "DISTRICT 9"),
            ("CEMENT MASONS LOCAL 538", "", "538", ""),
        ] {
            let found = union_name(cell);
            let parts = (
                found.affiliation.unwrap_or_default(),
                found.local.unwrap_or_default(),
                found.remainder.unwrap_or_default(),
            );
            assert_eq!(parts, (affiliation.to_owned(), local.to_owned(), remainder.to_owned()), "{cell}");
        }
        for cell in ["", " ", "-", " - ", "local", "Local Local 5", "é - 5", "UNIóN INSULAR DE TRABAJADORES"] {
            union_name(cell);
        }
    }

    #[test]
    fn texts() {
        assert_eq!(repair("EspaÃ±ol"), "Español");
        assert_eq!(repair("Café Ãñ"), "Café Ãñ");
        assert_eq!(repair("SÃO PAULO"), "SÃO PAULO");
        assert_eq!(repair("10 â€“ 12"), "10 – 12");
        assert_eq!(slug("E-Rep Phone"), "e-rep-phone");
        assert_eq!(slug("Peña & Söhne, Inc."), "pena-and-sohne-inc");
        assert_eq!(lines("a  b \r\n\r\n\r\nc\u{a0}\n"), "a b\n\nc");
        assert_eq!(plain("<p>Room&nbsp;1</p>\r\n5 < 6<br>x"), "Room 1\n\n5 < 6\nx");
        assert_eq!(list("[\"a\", \"b\"]"), ["a", "b"]);
        assert_eq!(list("105, 108, 108-05"), ["105", "108", "108-05"]);
        assert_eq!(languages("Spanish, ASL."), Ok(Some(vec!["es".to_owned(), "ase".to_owned()])));
        assert_eq!(languages("Accommodations possible."), Err("language_unknown"));
        assert_eq!(institution_kind("Public 2 yr"), Some("community_college"));
        assert_eq!(institution_kind("Vineland Public Schools"), Some("k12"));
        assert_eq!(organization_kind("City of Cleveland"), Some("local_government"));
        assert_eq!(organization_kind("Labor Organization"), Some("union"));
        assert_eq!(organization_kind("County Executive"), None);
    }

    /// Every reader takes any text: here each real cell cut at each of its letters, and some nonsense.
    #[test]
    fn nothing_panics() {
        let cells = [
            "Ethan Karp, CCWDB Chairman",
            "IAM - 570 DISTRICT 166",
            "2019-11-12T09:30:00-05:00",
            "(800) 370-LEAD ext. 5",
            "Ünï,(é\u{2060}#x٣T٣:",
            "5/31/2012 12:00:00 AM",
            "https://wwẅ. é.org/ü:",
            "a@b.c;<é@é.éé>",
            "[{\"ß\"}]",
            "-",
            "T",
            "1T1",
            "x",
            "+",
            "Ã",
            "00:00am",
            "١٢٣",
            "\u{0}",
        ];
        for cell in cells {
            for (at, _) in cell.char_indices() {
                for text in [&cell[at..], &cell[..at]] {
                    let _ = (
                        moment(text),
                        time(text),
                        phone(text),
                        email(text),
                        web(text),
                        postal_code(text),
                        country(text),
                    );
                    let _ = (
                        person(text),
                        union_name(text),
                        list(text),
                        languages(text),
                        count(text),
                        decimal(text),
                        yes_no(text),
                    );
                    let _ = (
                        repair(text),
                        slug(text),
                        plain(text),
                        city_of(text),
                        state_of(text),
                        institution_kind(text),
                        organization_kind(text),
                        names_organization(text),
                    );
                }
            }
        }
    }
}
