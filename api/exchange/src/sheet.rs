//! A file that has the members of one collection: CSV with a line of headers, or JSON Lines. Rows are found once and read
//! one by one, so that a large file is held as its text and no more.

use roundtable_kernel::cell;
use roundtable_kernel::error::{Error, Problem, Result};
use serde_json::{Map, Value};

use crate::shape::{EXTERNAL_ID, Shape};

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Csv,
    JsonLines,
}

impl Form {
    pub(crate) fn named(kind: &str) -> Option<Self> {
        match kind {
            "csv" => Some(Form::Csv),
            "jsonl" => Some(Form::JsonLines),
            _ => None,
        }
    }
}

/// Where a row stands.
#[derive(Clone, Copy, Debug)]
struct Span {
    line: i32,
    start: usize,
    end: usize,
}

/// A file, checked as far as it can be without its rows' rules.
#[derive(Debug)]
pub(crate) struct Sheet {
    text: String,
    form: Form,
    delimiter: u8,
    headers: Vec<String>,
    spans: Vec<Span>,
}

fn wrong(code: &'static str, detail: impl Into<String>) -> Error {
    Error::member("/content", code, detail)
}

impl Sheet {
    /// Finds headers and rows. A file that cannot be what it is said to be is refused, with the reason.
    pub(crate) fn open(text: String, form: Form, shape: &Shape) -> Result<Self> {
        if text.contains('\0') {
            return Err(wrong("not_text", "the file holds bytes that are no text"));
        }
        match form {
            Form::Csv => Self::csv(text, shape),
            Form::JsonLines => Ok(Self::json_lines(text)),
        }
    }

    fn json_lines(text: String) -> Self {
        let mut spans = Vec::new();
        let mut start = 0;
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            if !line.trim().is_empty() {
                spans.push(Span { line: number, start, end: start + line.len() });
            }
            start += line.len();
        }
        Self { text, form: Form::JsonLines, delimiter: b',', headers: Vec::new(), spans }
    }

    fn csv(text: String, shape: &Shape) -> Result<Self> {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let members = |delimiter: &u8| {
            first.split(char::from(*delimiter)).filter(|name| shape.knows(name.trim().trim_matches('"'))).count()
        };
        let delimiter = [b'|', b'\t', b';', b','].into_iter().max_by_key(members).unwrap_or(b',');
        let mut spans = spans(&text, delimiter)?;
        if spans.is_empty() {
            return Err(wrong("no_headers", "the file is empty; its first line names the members"));
        }
        let header = spans.remove(0);
        let mut sheet = Self { text, form: Form::Csv, delimiter, headers: Vec::new(), spans };
        sheet.headers = sheet.cells(header)?.iter().map(|name| cell::unguarded(name).trim().to_owned()).collect();
        sheet.check_headers(shape)?;
        Ok(sheet)
    }

    fn check_headers(&self, shape: &Shape) -> Result<()> {
        let mut problems = Vec::new();
        for (number, name) in (1..).zip(&self.headers) {
            let twice = self.headers.iter().filter(|other| *other == name).count() > 1;
            let (code, detail) = match name.as_str() {
                "" => ("no_name", format!("column {number} has no name; name a member or take the column out")),
                name if twice => ("repeated", format!("two columns are called {name}")),
                name if !shape.knows(name) => ("unknown_member", format!("column {number}: {}", shape.unknown(name))),
                _ => continue,
            };
            problems.push(Problem { pointer: "/content".into(), code, detail });
        }
        problems.truncate(100);
        if problems.is_empty() { Ok(()) } else { Err(Error::members(problems)) }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether the file has this column. JSON Lines may have any in any row.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.form == Form::JsonLines || self.headers.iter().any(|header| header == name)
    }

    /// The line where a row starts.
    pub(crate) fn line(&self, row: usize) -> i32 {
        self.spans.get(row).map_or(0, |span| span.line)
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    fn cells(&self, span: Span) -> Result<Vec<String>> {
        let record = reader(self.slice(span), self.delimiter).into_records().next();
        let record = record.transpose().map_err(|error| wrong("not_csv", error.to_string()))?.unwrap_or_default();
        Ok(record.iter().map(str::to_owned).collect())
    }

    /// A row as members. `null` empties a member.
    pub(crate) fn row(&self, row: usize, shape: &Shape, clear_empty: bool) -> Result<Map<String, Value>> {
        let span = *self.spans.get(row).ok_or_else(|| Error::internal("a row beyond the end of the file"))?;
        match self.form {
            Form::Csv => self.csv_row(span, shape, clear_empty),
            Form::JsonLines => json_row(self.slice(span), shape),
        }
    }

    fn csv_row(&self, span: Span, shape: &Shape, clear_empty: bool) -> Result<Map<String, Value>> {
        let cells = self.cells(span)?;
        if cells.len() != self.headers.len() {
            let detail = format!("the row has {} cells, the headers are {}", cells.len(), self.headers.len());
            return Err(Error::member("", "wrong_length", detail));
        }
        let mut members = Map::new();
        for (name, cell) in self.headers.iter().zip(&cells) {
            if !cell.is_empty() {
                members.insert(name.clone(), cell::read(cell, shape.kind(name)));
            } else if clear_empty {
                members.insert(name.clone(), Value::Null);
            }
        }
        Ok(members)
    }
}

fn json_row(line: &str, shape: &Shape) -> Result<Map<String, Value>> {
    let value: Value = serde_json::from_str(line.trim())
        .map_err(|error| Error::member("", "not_json", format!("the line is not JSON: {error}")))?;
    let Value::Object(members) = value else {
        return Err(Error::member("", "not_an_object", "a line is one JSON object"));
    };
    let unknown: Vec<Problem> = members
        .keys()
        .filter(|name| !shape.knows(name))
        .map(|name| Problem { pointer: format!("/{name}"), code: "unknown_member", detail: shape.unknown(name) })
        .collect();
    if members.get(EXTERNAL_ID).is_some_and(|id| !id.is_string()) {
        return Err(Error::member(format!("/{EXTERNAL_ID}"), "wrong_type", "give `{scheme}:{value}`"));
    }
    if unknown.is_empty() { Ok(members) } else { Err(Error::members(unknown)) }
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(text.as_bytes())
}

/// Where each record of a CSV text stands, with the line it starts on.
fn spans(text: &str, delimiter: u8) -> Result<Vec<Span>> {
    let mut reader = reader(text, delimiter);
    let mut record = csv::ByteRecord::new();
    let mut spans: Vec<Span> = Vec::new();
    let (mut seen, mut line) = (0, 1);
    while reader.read_byte_record(&mut record).map_err(|error| wrong("not_csv", error.to_string()))? {
        let at = record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX));
        let rest = text.get(at..).unwrap_or_default();
        // A record begins after the blank lines before it.
        let start = at + rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        let end = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX).min(text.len());
        line += text.get(seen..start).unwrap_or_default().matches('\n').count();
        seen = start;
        spans.push(Span { line: i32::try_from(line).unwrap_or(i32::MAX), start, end });
    }
    if let Some(last) = spans.last()
        && text.get(last.start..last.end).unwrap_or_default().matches('"').count() % 2 == 1
    {
        return Err(wrong(
            "open_quote",
            format!("a quote that opens in the row of line {} is never closed", last.line),
        ));
    }
    Ok(spans)
}
