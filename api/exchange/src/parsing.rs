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
    let unseen =
        matches!(c, '\0' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{feff}');
    c.is_whitespace() || unseen
}

/// Text on one line: every run of blanks is one space, none at the ends.
pub fn line(text: &str) -> String {
    let words: Vec<&str> = text.split(is_blank).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Text of several lines: LF ends, blanks inside a line collapsed, at most one empty line in a row.
pub fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in text.replace("\r\n", "\n").split(['\n', '\r', '\u{2028}', '\u{2029}', '\u{85}']) {
        let piece = line(piece);
        if !piece.is_empty() || !out.is_empty() && !out.ends_with("\n\n") {
            out.push_str(&piece);
            out.push('\n');
        }
    }
    out.trim_end_matches('\n').to_owned()
}

/// Several lines without the HTML in them: tags become blanks or line ends, the usual entities their characters.
pub fn plain(text: &str) -> String {
    const ENTITIES: &[(&str, &str)] =
        &[("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let is_tag = after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        (out, rest) = match after.split_once('>').filter(|_| is_tag) {
            Some((tag, tail)) => {
                let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next();
                let ends_line = name.is_some_and(|name| among(name, "br p div li tr"));
                (out + if ends_line { "\n" } else { " " }, tail)
            }
            None => (out + "<", after),
        };
    }
    out.push_str(rest);
    for (entity, sign) in ENTITIES {
        out = out.replace(entity, sign);
    }
    lines(&out)
}

/// Lower case without diacritics, one `-` between words: for comparing headers and building match keys.
pub fn slug(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let gap = |out: &mut String| {
        if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    };
    for c in text.chars() {
        match c {
            '\'' | '’' | '`' | '.' | '\u{300}'..='\u{36f}' => {}
            '&' => {
                gap(&mut out);
                out.push_str("and-");
            }
            c if c.is_ascii_alphanumeric() => out.push(c.to_ascii_lowercase()),
            c if c.is_alphanumeric() => c.to_lowercase().for_each(|c| match base(c) {
                "" => out.push(c),
                letters => out.push_str(letters),
            }),
            _ => gap(&mut out),
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// The plain letters of an accented Latin one; empty when it is not of those.
fn base(c: char) -> &'static str {
    const LETTERS: &[(&str, &str)] = &[
        ("a", "àáâãäåāăą"),
        ("c", "çćĉċč"),
        ("d", "ďđð"),
        ("e", "èéêëēĕėęě"),
        ("g", "ĝğġģ"),
        ("i", "ìíîïĩīĭįı"),
        ("l", "łĺļľ"),
        ("n", "ñńņň"),
        ("o", "òóôõöøōŏő"),
        ("r", "ŕŗř"),
        ("s", "śŝşšș"),
        ("t", "ţťț"),
        ("u", "ùúûüũūŭůűų"),
        ("y", "ýÿ"),
        ("z", "źżž"),
        ("ss", "ß"),
        ("ae", "æ"),
        ("oe", "œ"),
    ];
    LETTERS.iter().find(|(_, accented)| accented.contains(c)).map_or("", |(plain, _)| plain)
}

/// Undoes UTF-8 that was once read as Windows-1252 (`Ã±` for `ñ`), only where the whole text turns back into UTF-8.
pub fn repair(text: &str) -> Cow<'_, str> {
    if !text.contains(['Ã', 'Â', 'â', 'Å', 'Ä']) {
        return Cow::Borrowed(text);
    }
    let (bytes, _, unmappable) = encoding_rs::WINDOWS_1252.encode(text);
    let mended = String::from_utf8(bytes.into_owned()).ok().filter(|_| !unmappable);
    let sound = |mended: &String| mended.len() < text.len() && !mended.contains(|c| ('\u{80}'..'\u{a0}').contains(&c));
    mended.filter(sound).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Whether a word is in a list of words with blanks between them; case does not count.
fn among(word: &str, list: &str) -> bool {
    list.split_whitespace().any(|entry| entry.eq_ignore_ascii_case(word))
}

/// What follows one of these beginnings; case does not count.
fn after<'t>(text: &'t str, starts: &[&str]) -> Option<&'t str> {
    let fits = |start: &&&str| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    starts.iter().find(fits).map(|start| &text[start.len()..])
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Whether a cell only says that nothing is known (`N/A`, `NOT PROVIDED`, `VARIOUS`, `-`, `xxx`).
pub fn is_absent(text: &str) -> bool {
    const SAYINGS: &str = "n-a na none none-available not-available not-provided not-applicable not-listed unknown unk \
        various various-addresses various-locations same null nil no tbd tba to-be-determined to-be-announced not-known \
        not-specified unspecified";
    // No saying is longer, whatever stands between its words.
    if text.len() > 30 {
        return false;
    }
    let folded = slug(text);
    among(&folded, SAYINGS) || folded.chars().all(|c| c == 'x') || folded.chars().all(|c| matches!(c, '0' | '-'))
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
        let local = self.date.and_time(self.time?);
        let at = self.offset?.from_local_datetime(&local).single()?;
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
        return plausible(Moment { date: at.date_naive(), time: Some(at.time()), offset: Some(*at.offset()) });
    }
    // A spreadsheet counts days from 1899-12-30; five digits reach from 1927 to 2173.
    let serial = text.strip_suffix(".0").unwrap_or(&text);
    if let (5, Ok(days), Some(zero)) = (serial.len(), serial.parse::<u16>(), NaiveDate::from_ymd_opt(1899, 12, 30)) {
        return plausible(Moment { date: zero + Duration::days(i64::from(days)), time: None, offset: None });
    }
    // `2024-02-15T10:00`: the ISO `T` becomes a blank. Then a word with a colon begins the time, or one before `pm`.
    let split = text.split_once('T').filter(|(day, _)| day.len() >= 8 && day.ends_with(|c: char| c.is_ascii_digit()));
    let spaced = split.map_or_else(|| text.clone(), |(day, clock)| format!("{day} {clock}"));
    let mut words: Vec<&str> = spaced.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let before_meridiem =
        words.iter().position(|word| among(&word.replace('.', ""), "am pm")).and_then(|at| at.checked_sub(1));
    let start = words.iter().position(|word| word.contains(':')).or(before_meridiem);
    let clock = start.map(|at| words.split_off(at).join(" ")).unwrap_or_default();
    words.retain(|word| !among(word, "at @ of the -") && !is_weekday(word));
    let date = day_of(&words)?;
    plausible(Moment { date, time: time(&clock).unwrap_or_default(), offset: None })
}

fn plausible(moment: Moment) -> Read<Moment> {
    match (moment.date.year(), moment.date.ordinal()) {
        (1899, 363..) | (1900, 1) | (9999, 365) | (1, 1) => Ok(None),
        (1700..=2299, _) => Ok(Some(moment)),
        _ => Err("date_year_implausible"),
    }
}

fn is_weekday(word: &str) -> bool {
    let word = word.trim_end_matches('.');
    among(word, "mon tue tues wed thu thur thurs fri sat sun") || word.to_ascii_lowercase().ends_with("day")
}

fn month_of(word: &str) -> Option<u32> {
    const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec";
    let start = word.get(..3).filter(|_| word.len() <= 10)?;
    let at = MONTHS.split(' ').position(|month| month.eq_ignore_ascii_case(start))?;
    u32::try_from(at + 1).ok()
}

/// The day that words without a time and a weekday name.
fn day_of(words: &[&str]) -> Result<NaiveDate, &'static str> {
    let number = |part: &str| {
        let bare = part.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let ordinal = bare.len() == part.len() || among(&part[bare.len()..], "st nd rd th");
        bare.parse::<u32>().ok().filter(|_| ordinal && bare.len() <= 4)
    };
    let year = |part: &str| match number(part)? {
        short if part.len() > 2 => Some(short),
        short if short < 70 => Some(2000 + short),
        short => Some(1900 + short),
    };
    let parts: Vec<&str> =
        words.iter().flat_map(|word| word.split(['/', '-', '.'])).filter(|part| !part.is_empty()).collect();
    let (year, month, day) = match *parts.as_slice() {
        [whole] if whole.len() == 8 && digits(whole).len() == 8 => {
            (year(&whole[..4]), number(&whole[4..6]), number(&whole[6..]))
        }
        [one] if number(one).is_some_and(|n| n > 1000) => return Err("date_incomplete"),
        [a, b] => {
            let (month, last) = (month_of(a).or(month_of(b)).or(number(a)), number(b).or(number(a)));
            return Err(match (month, last) {
                (Some(_), Some(day)) if day <= 31 => "date_without_year",
                (Some(_), Some(_)) => "date_incomplete",
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
    let (Some(Ok(year)), Some(month), Some(day)) = (year.map(i32::try_from), month, day) else {
        return Err("date_unreadable");
    };
    NaiveDate::from_ymd_opt(year, month, day).ok_or("date_not_in_calendar")
}

/// A time of day: `9:30am`, `9 p.m.`, `0900`, `18:00:00`, `noon`. Code: `time_unreadable`.
pub fn time(text: &str) -> Read<NaiveTime> {
    const ZONES: &[&str] =
        &["utc", "est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt", "et", "ct", "mt", "pt", "z"];
    let text = line(text).to_ascii_lowercase().replace(['.', ' '], "");
    if is_absent(&text) && !text.starts_with('0') {
        return Ok(None);
    }
    let bare = ZONES.iter().find_map(|zone| text.strip_suffix(zone)).unwrap_or(&text);
    let (clock, shift) = match (bare.strip_suffix("am"), bare.strip_suffix("pm")) {
        (Some(clock), _) => (clock, Some(0)),
        (_, Some(clock)) => (clock, Some(12)),
        _ => (bare, None),
    };
    let spread = match clock {
        "noon" => "12:00".to_owned(),
        "midnight" => "0:00".to_owned(),
        // `0900` and `930`; `9` only with am or pm.
        _ if (3..=4).contains(&clock.len()) && digits(clock).len() == clock.len() => {
            format!("{}:{}", &clock[..clock.len() - 2], &clock[clock.len() - 2..])
        }
        _ if shift.is_some() && !clock.contains(':') => format!("{clock}:00"),
        _ => clock.to_owned(),
    };
    let numbers: Result<Vec<u32>, _> = spread.split(':').map(|part| part.parse::<u32>()).collect();
    let (hour, minute, second) = match numbers.as_deref() {
        Ok([hour, minute]) => (*hour, *minute, 0),
        Ok([hour, minute, second]) => (*hour, *minute, *second),
        _ => return Err("time_unreadable"),
    };
    let hour = match shift {
        Some(shift) if (1..=12).contains(&hour) => hour % 12 + shift,
        None => hour,
        Some(_) => return Err("time_unreadable"),
    };
    NaiveTime::from_hms_opt(hour, minute, second).map(Some).ok_or("time_unreadable")
}

/// A telephone number: E.164 where the country is clear, the bare digits of a short code or a local number otherwise.
/// An extension follows as ` x123`. `0000000000` and the like are nothing. Code: `phone_unreadable`.
pub fn phone(text: &str) -> Read<String> {
    let text = line(text).to_lowercase().replace(" or ", ";");
    let is_digit = |c: char| c.is_ascii_digit();
    let Some(first) = text.split([';', '/', '\u{2022}']).find(|part| part.contains(is_digit)) else {
        let says_nothing = is_absent(&text) || !text.contains(char::is_alphabetic);
        return if says_nothing { Ok(None) } else { Err("phone_unreadable") };
    };
    // What is only digits after an `x`, `#` or `ext.` at the end is the extension.
    let body = first.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
    let mark = body.trim_end_matches(['.', ':', ' ']);
    let bare = ["extension", "ext", "x", "#"].iter().find_map(|mark_of| mark.strip_suffix(mark_of));
    let (main, extension) = bare.map_or((first, String::new()), |bare| (bare, digits(&first[body.len()..])));
    let number = digits(main);
    let repeated = number.len() > 3 && number.bytes().all(|b| number.as_bytes().first() == Some(&b));
    if repeated || number.bytes().all(|b| b == b'0') {
        return if main.contains(char::is_alphabetic) { Err("phone_unreadable") } else { Ok(None) };
    }
    let start = main.trim_start_matches(['(', ' ', '"']);
    let abroad = start.strip_prefix('+').or(start.strip_prefix("011")).map(digits);
    let spelled = vanity(main);
    let is_short = (number.len() == 3 && number.ends_with("11")) || number.len() == 7;
    let (number, rest) = match abroad {
        Some(abroad) if !abroad.starts_with('1') && (7..=15).contains(&abroad.len()) => {
            (format!("+{abroad}"), String::new())
        }
        _ if (10..=15).contains(&number.len()) => american(&number).ok_or("phone_unreadable")?,
        _ if is_short && !main.contains(char::is_alphabetic) => (number, String::new()),
        _ => (spelled.and_then(|spelled| american(&spelled)).ok_or("phone_unreadable")?.0, String::new()),
    };
    let extension = if extension.is_empty() { rest } else { extension };
    let shown = extension.len() <= 6 && extension.bytes().any(|b| b != b'0');
    Ok(Some(if shown { format!("{number} x{extension}") } else { number }))
}

/// Ten digits of the North American plan as E.164, and what follows them.
fn american(digits: &str) -> Option<(String, String)> {
    let ten = digits.strip_prefix('1').filter(|rest| rest.len() >= 10).unwrap_or(digits);
    let (number, rest) = ten.split_at_checked(10)?;
    let starts_well = |at: usize| number.as_bytes().get(at).is_some_and(|b| *b >= b'2');
    (starts_well(0) && starts_well(3)).then(|| (format!("+1{number}"), rest.to_owned()))
}

/// `(800) 370-LEAD` as digits: letters count only after the area code.
fn vanity(text: &str) -> Option<String> {
    const KEYS: &[&str] = &["abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz"];
    let mut out = String::new();
    for c in text.chars().filter(char::is_ascii_alphanumeric) {
        let key = KEYS.iter().position(|key| key.contains(c)).and_then(|at| char::from_digit(at as u32 + 2, 10));
        match key {
            None => out.push(c),
            Some(_) if out.len() < 3 => return None,
            Some(digit) => out.push(digit),
        }
    }
    Some(out)
}

/// The first mail address of a cell, its domain in lower case. Code: `email_unreadable`.
pub fn email(text: &str) -> Read<String> {
    let text = line(text);
    if is_absent(&text) {
        return Ok(None);
    }
    let candidate = text.split([' ', ',', ';', '<', '>', '(', ')', '"', '/', '|']).find(|word| word.contains('@'));
    let candidate = candidate.map(|word| after(word, &["mailto:"]).unwrap_or(word).trim_end_matches(['.', ':']));
    let (user, host) = candidate.and_then(|address| address.split_once('@')).ok_or("email_unreadable")?;
    let signs = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-=?^_`{|}~.".contains(c);
    let dots = user.starts_with('.') || user.ends_with('.') || user.contains("..");
    if user.is_empty() || user.len() > 64 || dots || !user.chars().all(signs) || !is_host(host) {
        return Err("email_unreadable");
    }
    Ok(Some(format!("{user}@{}", host.to_ascii_lowercase())))
}

fn is_host(host: &str) -> bool {
    let fits = |label: &str| {
        let inner = label.chars().all(|c| c.is_alphanumeric() || c == '-');
        !label.is_empty() && label.len() <= 63 && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let top = host.rsplit('.').next().unwrap_or_default();
    let named = top.len() >= 2 && top.chars().all(char::is_alphabetic);
    named && host.contains('.') && host.len() <= 253 && host.split('.').all(fits)
}

/// A web address: `https://` is added where the scheme is missing. Codes: `url_is_email`, `url_unreadable`.
pub fn web(text: &str) -> Read<String> {
    let text = line(text);
    if is_absent(&text) {
        return Ok(None);
    }
    // Slips of the finger: `http:www.`, `https/www.`, `www. example.org`, `www:example.org`.
    let secure = after(&text, &["https:", "https/"]);
    let open = after(&text, &["http:", "http/"]);
    let rest = secure.or(open).unwrap_or(&text).trim_start_matches([':', '/', ' ']);
    let rest =
        after(rest, &["www. ", "www:"]).map_or_else(|| rest.to_owned(), |tail| format!("www.{}", tail.trim_start()));
    // Only the first word is the address; but two words without a sign of an address are none.
    let mut words = rest.split(' ');
    let address = words.next().unwrap_or_default().trim_end_matches(['`', ',', ';', '"', '\'', '>']);
    let follows = words.next().is_some_and(|word| !word.contains('.') && word.len() > 1);
    let (host, path) = address.split_at(address.find(['/', '?', '#']).unwrap_or(address.len()));
    if host.contains('@') {
        return Err("url_is_email");
    }
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let name = name.trim_end_matches('.');
    let numeric = name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok());
    let sure = secure.or(open).is_some() || after(&rest, &["www."]).is_some() || !path.is_empty();
    let wrong_port = port.is_some_and(|port| port.parse::<u16>().is_err());
    if !(is_host(name) || numeric) || wrong_port || (follows && !sure) {
        return Err("url_unreadable");
    }
    let scheme = if open.is_some() { "http" } else { "https" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let path = path.replace(['<', '>', '"', '\\', '^', '`', '{', '|', '}'], "_");
    Ok(Some(format!("{scheme}://{}{port}{path}", name.to_lowercase())))
}

/// A postal code: United States ones regain lost zeros and the dash of nine digits; codes with letters stay as written.
/// Code: `postal_code_unreadable`.
pub fn postal_code(text: &str) -> Read<String> {
    let text = line(text);
    let text = text.strip_suffix(".0").unwrap_or(&text);
    let bare = digits(text);
    match bare.len() {
        _ if is_absent(text) => Ok(None),
        1.. if text.contains(char::is_alphabetic) && text.len() <= 12 => Ok(Some(text.to_uppercase())),
        _ if text.contains(char::is_alphabetic) => Err("postal_code_unreadable"),
        3..=5 => Ok(Some(format!("{bare:0>5}"))),
        // Five digits and the start of a cut-off suffix: the place is clear.
        6 | 7 => Ok(Some(bare[..5].to_owned())),
        8 | 9 => {
            let nine = format!("{bare:0>9}");
            let (five, four) = nine.split_at(5);
            Ok(Some(if four == "0000" { five.to_owned() } else { format!("{five}-{four}") }))
        }
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
    let code = match folded.as_str() {
        "usa" | "united-states" | "united-states-of-america" | "america" => "us",
        "can" | "canada" => "ca",
        "mex" | "mexico" => "mx",
        "gbr" | "uk" | "united-kingdom" | "great-britain" => "gb",
        two if two.len() == 2 && two.bytes().all(|b| b.is_ascii_lowercase()) => two,
        _ if is_absent(text) => return Ok(None),
        _ => return Err("country_unknown"),
    };
    Ok(Some(code.to_uppercase()))
}

/// `Saint Louis, MO` in one cell: the city.
pub fn city_of(text: &str) -> Read<String> {
    let city = text.rsplit_once(',').map_or(text, |(city, _)| city);
    label(city.trim_matches([',', ' ']))
}

/// `Saint Louis, MO` in one cell: the state.
pub fn state_of(text: &str) -> Read<String> {
    text.rsplit_once(',').map_or(Ok(None), |(_, last)| state(last))
}

/// A whole number that counts something: blanks, thousands commas and a trailing `.0` are taken; negative codes
/// (`-1`, `-2`, `-99999`) mean missing. Code: `number_unreadable`.
pub fn count(text: &str) -> Read<u64> {
    let text = line(text).replace([',', ' ', '+'], "");
    let whole = text.trim_end_matches('0').strip_suffix('.').unwrap_or(&text);
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
        "yes" | "y" | "true" | "t" | "1" | "x" | "on" => Ok(Some(true)),
        "no" | "n" | "false" | "f" | "0" | "2" | "off" => Ok(Some(false)),
        "" | "n-a" | "na" | "unknown" => Ok(None),
        _ => Err("yes_no_unreadable"),
    }
}

/// The entries of a list cell: split at commas, semicolons, bars and line ends; brackets and quotes of a written array go.
pub fn list(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for entry in text.trim_matches(|c: char| is_blank(c) || "[]{}".contains(c)).split([',', ';', '|', '\n']) {
        let entry = line(entry.trim_matches(|c: char| is_blank(c) || c == '"'));
        if !entry.is_empty() && !out.contains(&entry) {
            out.push(entry);
        }
    }
    out
}

/// Names of languages with their tags; underscores stand for blanks.
const LANGUAGES: &str = "english=en spanish=es espanol=es french=fr german=de italian=it portuguese=pt russian=ru polish=pl \
    ukrainian=uk chinese=zh mandarin=cmn cantonese=yue japanese=ja korean=ko vietnamese=vi tagalog=tl filipino=fil hindi=hi \
    urdu=ur bengali=bn punjabi=pa gujarati=gu tamil=ta telugu=te arabic=ar farsi=fa persian=fa hebrew=he yiddish=yi greek=el \
    turkish=tr swahili=sw amharic=am somali=so haitian_creole=ht creole=ht burmese=my khmer=km cambodian=km lao=lo laotian=lo \
    hmong=hmn nepali=ne thai=th tongan=to samoan=sm armenian=hy romanian=ro serbian=sr croatian=hr bosnian=bs hungarian=hu \
    czech=cs dutch=nl swedish=sv yoruba=yo igbo=ig asl=ase american_sign_language=ase sign_language=ase karen=kar";

/// The languages a cell names, as BCP 47 tags. Code when it names none of the known ones: `language_unknown`.
pub fn languages(text: &str) -> Read<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    if is_absent(text) {
        return Ok(None);
    }
    let text = text.to_lowercase().replace(" and ", ",");
    for entry in text.split([',', ';', '/', '|', '.', '&', '(', ')', '\n']) {
        let entry = line(entry).replace(' ', "_");
        let known = LANGUAGES.split_whitespace().filter_map(|pair| pair.split_once('='));
        let tag = known.into_iter().find(|(name, tag)| *name == entry || *tag == entry).map(|(_, tag)| tag.to_owned());
        out.extend(tag.filter(|tag| !out.contains(tag)));
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

impl PersonName {
    fn titled(&mut self, title: &str) {
        let before = self.title.take().map(|before| before + ", ").unwrap_or_default();
        self.title = Some(before + line(title).as_str());
    }
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

fn has_word(text: &str, list: &str) -> bool {
    slug(text).split('-').any(|word| among(word, list))
}

fn is_job(text: &str) -> bool {
    has_word(text, JOBS)
}

/// `Ph.D.`, `LCSW-C`: a degree or an order after a name, not a second name.
fn is_degree(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
    let capitals = text.chars().filter(|c| c.is_uppercase()).count();
    letters <= 6 && !text.contains(' ') && (capitals > 1 || (capitals == 1 && text.contains('.')))
}

/// Whether a text names an organisation rather than a person, an office or a field of work.
pub fn names_organization(text: &str) -> bool {
    const STARTS: &[&str] =
        &["city of ", "county of ", "town of ", "village of ", "office of ", "state of ", "bank of "];
    let clear = has_word(text, BODIES) || after(text, STARTS).is_some();
    text.trim().contains(' ') && !names_office(text) && (clear || (has_word(text, OTHER_BODIES) && !is_job(text)))
}

/// Whether a text names who appoints (`County Executive`, `Mayor`, `Council President`).
pub fn names_office(text: &str) -> bool {
    const LAST: &str = "executive mayor mayors president governor commissioner commissioners judge administrator manager \
        supervisors speaker legislature supervisor chair chairman";
    const WHOLE: &str = "city-council county-council council county-board board-of-supervisors board-of-county-commissioners senate house";
    let folded = slug(text);
    among(folded.rsplit('-').next().unwrap_or_default(), LAST) || among(&folded, WHOLE)
}

/// A person's name with what else is written into its cell. Codes: `seat_vacant` (`TBD`, `Vacant`), `name_is_title`
/// (`HR MANAGER`), `name_unreadable`.
pub fn person(text: &str) -> Read<PersonName> {
    let text = line(text);
    let text = text.trim_matches([',', ';', '-', ' ', '*']);
    if after(text, &["vacant", "vacancy", "open seat", "tbd", "tba", "to be "]).is_some() {
        return Err("seat_vacant");
    }
    if is_absent(text) {
        return Ok(None);
    }
    let mut found = PersonName::default();
    let mut text = after(text, &["c/o ", "attn: ", "attn ", "attention "]).unwrap_or(text);
    // `Habeebah Grimes (Chief Executive Officer of Positive Education Program)`
    if let Some((before, inside)) = text.strip_suffix(')').and_then(|open| open.rsplit_once('(')) {
        match inside.split_once(" of ").filter(|(job, _)| is_job(job)) {
            Some((job, organization)) => {
                (found.title, found.organization) = (Some(line(job)), Some(line(organization)))
            }
            None if is_job(inside) => found.titled(inside),
            None if names_organization(inside) => found.organization = Some(line(inside)),
            None => {}
        }
        text = before.trim();
    }
    if let Some((before, after)) = text.split_once(" - ").or(text.split_once(" – ")).filter(|(_, after)| is_job(after))
    {
        found.titled(after);
        text = before.trim();
    }
    let mut parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let mut name = parts.next().unwrap_or_default().to_owned();
    // The number of a local or an extension after the name: `JAMES FLANNELLY #376`, `TERRY SELLS X110`.
    let numbered = |last: &str| last.trim_start_matches(['#', 'x', 'X']).bytes().all(|b| b.is_ascii_digit());
    if let Some((before, _)) = name.rsplit_once(' ').filter(|(_, last)| numbered(last)) {
        name = before.to_owned();
    }
    for part in parts {
        if among(part.trim_end_matches('.'), "jr sr ii iii iv v") {
            name = format!("{name} {part}");
        } else if is_degree(part) && name.contains(' ') {
            name = format!("{name}, {part}");
        } else if is_job(part) {
            found.titled(part);
        } else if names_organization(part) {
            found.organization = Some(part.to_owned());
        } else if !name.contains(' ') && part.split(' ').count() <= 3 {
            name = format!("{part} {name}");
        } else {
            found.titled(part);
        }
    }
    if let Some((office, rest)) =
        name.split_once(' ').filter(|(office, rest)| among(office, OFFICES) && rest.contains(' '))
    {
        found.title = Some(found.title.map_or_else(|| office.to_owned(), |title| format!("{office}, {title}")));
        name = rest.to_owned();
    }
    if slug(&name).split('-').all(|word| among(word, JOBS) || among(word, BESIDE_JOBS)) {
        return Err("name_is_title");
    }
    let odd = name.contains(|c: char| c.is_ascii_digit() || c == '@');
    if odd || !name.contains(char::is_alphabetic) || name.chars().count() > 120 {
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

/// Well-known unions by the names people write for them; underscores stand for blanks.
const UNIONS: &str = "communications_workers=CWA communications_workers_of_america=CWA service_employees_international=SEIU \
    united_food_and_commercial_workers=UFCW international_brotherhood_of_teamsters=IBT teamsters=IBT \
    international_brotherhood_of_electrical_workers=IBEW international_union_of_operating_engineers=IUOE iamaw=IAM \
    international_association_of_machinists=IAM international_association_of_machinists_and_aerospace_workers=IAM \
    united_steelworkers=USW united_auto_workers=UAW amalgamated_transit=ATU american_federation_of_teachers=AFT \
    american_federation_of_government_employees=AFGE laborers_international=LIUNA sheet_metal_workers=SMW unite_here=UNITE_HERE";

/// Letters that stand for no one union.
const NO_UNION: &str = "multi ind indep independent other";

/// What begins the name of a union's part above its locals.
const DIVISIONS: &str = "district dc council region lodge chapter dist dl";

fn is_local(word: &str) -> bool {
    let letters = word.chars().filter(char::is_ascii_alphabetic).count();
    let fits = word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '.'));
    fits && word.len() <= 12 && letters <= 4 && word.contains(|c: char| c.is_ascii_digit())
}

fn is_letters(word: &str) -> bool {
    let fits = word.chars().all(|c| c.is_ascii_uppercase() || matches!(c, '/' | '-' | '&'));
    fits && (2..=12).contains(&word.len()) && word.contains(char::is_alphabetic)
}

/// Splits what a union cell says: `IAM - 570 DISTRICT 166`, `SEIU 121RN`, `IAMAW Local 2249`, `Oregon Nurses Association
/// N/A`. The affiliation is given only where letters or a well-known name say it; an independent union has none.
pub fn union_name(text: &str) -> UnionName {
    let text = line(text);
    let words = |text: &str| {
        text.split(' ').filter(|word| !among(word, "n/a n/a. na none -")).map(str::to_owned).collect::<Vec<String>>()
    };
    let joined =
        || text.split_once('-').filter(|(left, right)| is_letters(left) && (is_local(right) || is_absent(right)));
    let dashed = text.split_once(" - ").or(text.strip_suffix(" -").map(|left| (left, ""))).or_else(joined);
    let (head, local, rest) = if let Some((left, right)) = dashed {
        // `IAM - 570 DISTRICT 166`: the number leads the second half.
        let mut rest = words(right);
        let leads = rest
            .first()
            .is_some_and(|word| is_local(word) && word.starts_with(|c: char| c.is_ascii_digit() || c == 'W'));
        let local = leads.then(|| rest.remove(0));
        (words(left), local, rest)
    } else {
        let mut head = words(&text);
        // `IUOE 150 150`: the local again, from a column of its own.
        let again = (1..=head.len() / 2).find(|n| head[head.len() - n..] == head[head.len() - 2 * n..head.len() - n]);
        head.truncate(head.len() - again.unwrap_or_default());
        let mut rest = match head.iter().rposition(|word| among(word, "local")) {
            Some(at) => head.split_off(at).into_iter().skip(1).filter(|word| !among(word, "union no.")).collect(),
            None => Vec::new(),
        };
        let mut local = rest.iter().position(|word| is_local(word)).map(|at| rest.remove(at));
        let numbers_division = head.iter().rev().nth(1).is_some_and(|word| among(word, DIVISIONS));
        if local.is_none() && head.len() > 1 && !numbers_division && head.last().is_some_and(|word| is_local(word)) {
            local = head.pop();
        }
        // `IAM District 10 66`: a division with a number stands between.
        let division = head.iter().skip(1).position(|word| among(word, DIVISIONS)).map(|at| at + 1);
        if let Some(at) = division.filter(|at| head[*at..].iter().any(|word| is_local(word))) {
            rest.splice(0..0, head.split_off(at));
        }
        (head, local, rest)
    };
    let name = slug(&head.join(" ")).replace('-', "_");
    let name = name.trim_end_matches("_afl_cio").trim_end_matches("_union");
    let known = UNIONS.split_whitespace().filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name);
    let lettered =
        || head.first().filter(|first| is_letters(first) && head.iter().skip(1).all(|word| word == "AFL-CIO"));
    let affiliation = known.map(|(_, letters)| letters.replace('_', " ")).or_else(|| lettered().cloned());
    UnionName {
        affiliation: affiliation.filter(|letters| !among(letters, NO_UNION)),
        local,
        remainder: Some(rest.join(" ")).filter(|rest| !rest.is_empty()),
    }
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

/// Marks of a kind: the first kind of which a text has a mark, at word boundaries.
fn kind_of(text: &str, kinds: &'static [(&'static str, &'static str)]) -> Option<&'static str> {
    let folded = format!("-{}-", slug(text));
    let has = |marks: &str| marks.split_whitespace().any(|mark| folded.contains(&format!("-{mark}-")));
    kinds.iter().find(|(_, marks)| has(marks)).map(|(kind, _)| *kind)
}

/// The kind of an institution as its name or type tells: `community_college`, `university`, `k12`, `adult_education`,
/// `training_provider`. Nothing where unclear.
pub fn institution_kind(text: &str) -> Option<&'static str> {
    const KINDS: &[(&str, &str)] = &[
        (
            "community_college",
            "community-college county-college technical-college junior-college public-2 2-year-public 2-yr-public",
        ),
        ("adult_education", "adult-education adult-ed adult-school adult-learning"),
        (
            "k12",
            "school-district public-schools board-of-education high-school vocational-school vocational-technical-school secondary-school",
        ),
        ("university", "university 4-year 4-yr four-year"),
        ("training_provider", "private proprietary training institute academy apprenticeship"),
    ];
    kind_of(text, KINDS)
}

/// The kind of an organisation as its name or its seat category tells (`union`, `local_government`, `employer`, ...).
pub fn organization_kind(text: &str) -> Option<&'static str> {
    const KINDS: &[(&str, &str)] = &[
        ("labor_council", "labor-council labor-federation building-trades trades-council"),
        ("joint_labor_management", "apprenticeship joint-labor-management"),
        ("union", "labor union unions ibew seiu teamsters afl-cio uaw"),
        ("community_college", "community-college county-college technical-college"),
        ("university", "university"),
        ("k12", "school-district public-schools k-12 high-school"),
        ("adult_education", "adult-education able"),
        ("workforce_board", "workforce-board workforce-development-board workforce-investment-board"),
        ("workforce_agency", "wagner-peyser vocational-rehabilitation employment-services"),
        ("economic_development", "economic-development"),
        ("employer", "business private-sector employer industry inc llc corporation corp company"),
        ("local_government", "city-of county-of town-of village-of township local-government"),
        ("state_government", "state-of"),
        ("philanthropy", "foundation"),
        ("community_based", "community-based cbo"),
    ];
    let numbered_local = has_word(text, "local") && text.contains(|c: char| c.is_ascii_digit());
    let kind = if numbered_local { Some("union") } else { kind_of(text, KINDS) };
    kind.filter(|_| !names_office(text))
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
                let (before, after) = cell.split_at(at);
                let spliced = ["é", "5", "\u{1f600}", " x", "+", "(", "T"].map(|sign| format!("{before}{sign}{after}"));
                for text in [after, before].into_iter().chain(spliced.iter().map(String::as_str)) {
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
