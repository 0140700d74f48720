//! Content lines of iCalendar (RFC 5545, section 3.1, and RFC 6868 for parameters), written and read.

use std::fmt::Write as _;

/// Most octets of a line, its end not counted.
const MOST: usize = 75;
/// Deepest nesting of components that is read.
const DEEPEST: usize = 8;

/// Writes content lines: folded, with CRLF at their ends.
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
}

impl Writer {
    /// Begins a component.
    pub fn begin(&mut self, component: &str) {
        self.fold(&format!("BEGIN:{component}"));
    }

    /// Ends a component.
    pub fn end(&mut self, component: &str) {
        self.fold(&format!("END:{component}"));
    }

    /// A property whose value is no text: a moment, an address, a number, a rule.
    pub fn plain(&mut self, name: &str, value: &str) {
        self.with(name, &[], value);
    }

    /// A property whose value is text.
    pub fn text(&mut self, name: &str, value: &str) {
        self.with(name, &[], &escaped(value));
    }

    /// A property with parameters; its value stands as it is, apart from control characters, which are left out.
    pub fn with(&mut self, name: &str, parameters: &[(&str, &str)], value: &str) {
        let mut line = name.to_owned();
        for (parameter, value) in parameters {
            let _ = write!(line, ";{parameter}={}", quoted(value));
        }
        line.push(':');
        line.extend(value.chars().filter(|letter| !letter.is_control() || *letter == '\t'));
        self.fold(&line);
    }

    /// Everything written.
    pub fn finish(self) -> String {
        self.text
    }

    fn fold(&mut self, line: &str) {
        let mut octets = 0;
        for letter in line.chars() {
            if octets + letter.len_utf8() > MOST {
                self.text.push_str("\r\n ");
                octets = 1;
            }
            self.text.push(letter);
            octets += letter.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}

/// Text as a value.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.replace("\r\n", "\n").chars() {
        match letter {
            '\\' | ';' | ',' => out.extend(['\\', letter]),
            '\n' | '\r' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
    out
}

/// A value as the text it stands for.
pub fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            other => out.push(other),
        }
    }
    out
}

/// The value of a parameter, in quotes where it needs them.
fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    for letter in value.chars() {
        match letter {
            '^' => out.push_str("^^"),
            '"' => out.push_str("^'"),
            '\n' => out.push_str("^n"),
            other if other.is_control() => {}
            other => out.push(other),
        }
    }
    if out.contains([':', ';', ',']) { format!("\"{out}\"") } else { out }
}

fn unquoted(value: &str) -> String {
    let value = value.trim().trim_matches('"');
    let mut out = String::with_capacity(value.len());
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        let meant = match (letter, letters.peek()) {
            ('^', Some('^')) => '^',
            ('^', Some('\'')) => '"',
            ('^', Some('n')) => '\n',
            _ => {
                out.push(letter);
                continue;
            }
        };
        letters.next();
        out.push(meant);
    }
    out
}

/// A property as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The line of the file it begins on.
    pub line: u64,
    /// Name, in upper case.
    pub name: String,
    /// Parameters, their names in upper case.
    pub parameters: Vec<(String, String)>,
    /// The value, as it stands.
    pub value: String,
}

impl Property {
    /// The parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A component as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// The line of the file it begins on.
    pub line: u64,
    /// Name, in upper case.
    pub name: String,
    /// Its properties.
    pub properties: Vec<Property>,
    /// Components within it.
    pub parts: Vec<Component>,
}

impl Component {
    /// The first property of that name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// Its value as text; `None` where it is blank or not there.
    pub fn text(&self, name: &str) -> Option<String> {
        let text = unescaped(&self.property(name)?.value);
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Every property of that name.
    pub fn every<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Property> {
        self.properties.iter().filter(move |property| property.name == name)
    }
}

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line of the file.
    pub line: u64,
    /// What is wrong with it.
    pub detail: String,
}

/// Reads a file, with line ends of either kind: its outermost components, and the lines that could not be read. A
/// component that is not ended ends with the file.
pub fn read(text: &str) -> (Vec<Component>, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut open = vec![Component::default()];
    for (line, unfolded) in unfolded(text) {
        let property = match property(line, &unfolded) {
            Ok(property) => property,
            Err(detail) => {
                faults.push(Fault { line, detail });
                continue;
            }
        };
        let named = property.value.trim().to_ascii_uppercase();
        match property.name.as_str() {
            "BEGIN" if open.len() > DEEPEST => faults.push(Fault { line, detail: "is nested too deep".into() }),
            "BEGIN" => open.push(Component { line, name: named, ..Component::default() }),
            "END" => match open.iter().rposition(|one| one.name == named).filter(|place| *place > 0) {
                Some(place) => close(&mut open, place),
                None => faults.push(Fault { line, detail: format!("ends {named}, which did not begin") }),
            },
            _ => {
                if let Some(inner) = open.last_mut() {
                    inner.properties.push(property);
                }
            }
        }
    }
    close(&mut open, 1);
    (open.pop().unwrap_or_default().parts, faults)
}

/// Ends the open components down to this place.
fn close(open: &mut Vec<Component>, place: usize) {
    while open.len() > place {
        let ended = open.pop().unwrap_or_default();
        if let Some(outer) = open.last_mut() {
            outer.parts.push(ended);
        }
    }
}

fn unfolded(text: &str) -> Vec<(u64, String)> {
    let mut lines: Vec<(u64, String)> = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, before))) => before.push_str(rest),
            _ if line.trim().is_empty() => {}
            _ => lines.push((number, line.to_owned())),
        }
    }
    lines
}

fn property(line: u64, text: &str) -> Result<Property, String> {
    let (mut quotes, mut ends) = (false, Vec::new());
    let mut value = None;
    for (place, letter) in text.char_indices() {
        match letter {
            '"' => quotes = !quotes,
            ';' if !quotes => ends.push(place),
            ':' if !quotes => {
                value = Some(place);
                break;
            }
            _ => {}
        }
    }
    // A quote that is never closed hides the colon: then the first one counts.
    let value = value.or_else(|| text.find(':')).ok_or("has no colon between a name and a value")?;
    ends.retain(|end| *end < value);
    let mut pieces = Vec::new();
    let mut from = 0;
    for end in ends.into_iter().chain([value]) {
        pieces.push(text.get(from..end).unwrap_or_default());
        from = end + 1;
    }
    let name = pieces.first().map(|name| name.trim().to_ascii_uppercase()).unwrap_or_default();
    if name.is_empty()
        || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'))
    {
        let shown: String = name.chars().take(40).collect();
        return Err(format!("{shown:?} is no name of a property"));
    }
    let parameters = pieces
        .iter()
        .skip(1)
        .filter_map(|piece| piece.split_once('='))
        .map(|(name, value)| (name.trim().to_ascii_uppercase(), unquoted(value)))
        .collect();
    let value = text.get(value + 1..).unwrap_or_default().to_owned();
    Ok(Property { line, name, parameters, value })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]
mod tests {
    use super::*;

    fn written(name: &str, parameters: &[(&str, &str)], text: &str) -> String {
        let mut writer = Writer::default();
        writer.begin("X");
        writer.with(name, parameters, &escaped(text));
        writer.end("X");
        writer.finish()
    }

    #[test]
    fn lines_are_folded_at_75_octets_between_letters_and_read_back() {
        let odd = ["é".repeat(200), "a\\b;c,d\ne\"f:g".into(), "😀,".repeat(60), String::new(), " x ".into()];
        for text in &odd {
            let out = written("SUMMARY", &[("CN", "Ann \"the ^ plant\"; a:b\nc")], text);
            for line in out.split_terminator("\r\n") {
                assert!(line.len() <= MOST, "{line}");
            }
            let (components, faults) = read(&out);
            assert!(faults.is_empty(), "{faults:?}");
            let property = components[0].property("SUMMARY").unwrap();
            assert_eq!(&unescaped(&property.value), text);
            assert_eq!(property.parameter("CN").unwrap(), "Ann \"the ^ plant\"; a:b\nc");
        }
    }

    #[test]
    fn no_value_breaks_out_of_its_line() {
        let out = written("SUMMARY", &[("CN", "x\r\nEND:X")], "y\r\nATTENDEE:mailto:z@example.org\u{0}\u{b}");
        let (components, faults) = read(&out);
        assert!(faults.is_empty() && components.len() == 1 && components[0].properties.len() == 1, "{out}");
    }

    #[test]
    fn broken_lines_are_named_and_the_rest_is_read() {
        let (components, faults) =
            read("BEGIN:VCALENDAR\nnothing here\nX-A;B=\"c:d\nEND:VEVENT\n  folded\nBEGIN:VEVENT\nUID:1\n");
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(components[0].parts[0].text("UID").unwrap(), "1");
        assert!(read(&"BEGIN:A\n".repeat(5000)).1.len() > 4000);
        for noise in ["", ":", ";:", "\u{feff}", "\n \n", "A;=:\nB;\"", "BEGIN\nEND:"] {
            read(noise);
        }
    }
}
