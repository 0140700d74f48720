//! From a path or bytes to named tables: directories, packages (`.zip`), delimited text and JSON, in whatever encoding,
//! delimiter and shape they come. Nothing here knows what a column means.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use encoding_rs::UTF_8;
use serde_json::{Map, Value};

use crate::encoding::decode;
use crate::parsing::{is_blank, repair, slug};
use crate::workbook;

/// The most bytes one file may unpack to, and all files of a source together.
pub const MOST_BYTES: u64 = 512 << 20;
/// The most files one directory or package may hold.
pub const MOST_FILES: usize = 5_000;

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadProblem {
    /// The file, as the source names it.
    pub file: String,
    /// The physical line at fault; 0 where the whole file is meant.
    pub line: u64,
    /// A stable code.
    pub code: &'static str,
    /// What was found, for people.
    pub detail: String,
}

impl fmt::Display for ReadProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.file, self.detail, self.code)
    }
}

impl std::error::Error for ReadProblem {}

fn problem(file: &str, line: u64, code: &'static str, detail: impl Into<String>) -> ReadProblem {
    ReadProblem { file: file.to_owned(), line, code, detail: detail.into() }
}

/// Everything one path holds.
#[derive(Debug, Default)]
pub struct Source {
    /// The tables, in the order of their file names.
    pub tables: Vec<Table>,
    /// The files, or lines of files, that could not be read while others could.
    pub problems: Vec<ReadProblem>,
    /// Calendars (RFC 5545).
    pub calendars: Vec<Calendar>,
}

/// A calendar as it was read.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    /// The file.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// Rows with one header.
#[derive(Debug)]
pub struct Table {
    /// What the table is called: its file's stem or its JSON key, in lower case, singular, words joined by `_`.
    pub name: String,
    /// The file it came from.
    pub file: String,
    /// The encoding the file was read in.
    pub encoding: &'static str,
    /// The rows that hold anything.
    pub rows: Vec<Row>,
    header: Arc<Header>,
}

impl Table {
    /// The headers as written, in order.
    pub fn headers(&self) -> &[String] {
        &self.header.names
    }

    /// Whether one of these names is a column here.
    pub fn has(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.header.places(name).is_some())
    }
}

#[derive(Debug, Default)]
struct Header {
    names: Vec<String>,
    places: HashMap<String, Vec<usize>>,
}

impl Header {
    fn of(names: impl Iterator<Item = String>) -> Arc<Self> {
        let mut header = Self::default();
        for (at, name) in names.enumerate() {
            header.places.entry(folded(&name)).or_default().push(at);
            header.names.push(name);
        }
        header.places.remove("");
        Arc::new(header)
    }

    /// Where a column is. Asked for every cell of every row, so that the usual name is folded without allocating.
    fn places(&self, name: &str) -> Option<&Vec<usize>> {
        let mut buffer = [0_u8; 96];
        if !name.is_ascii() || name.len() > buffer.len() || name.contains('&') {
            return self.places.get(&folded(name));
        }
        let mut end = 0;
        for (place, byte) in buffer.iter_mut().zip(name.bytes().filter(u8::is_ascii_alphanumeric)) {
            *place = byte.to_ascii_lowercase();
            end += 1;
        }
        self.places.get(std::str::from_utf8(&buffer[..end]).ok()?)
    }
}

/// A header without case, diacritics, punctuation and blanks: `E-Rep Phone`, `e_rep_phone` and `eRepPhone` are one.
fn folded(name: &str) -> String {
    let mut name = slug(name);
    name.retain(|c| c != '-');
    name
}

/// One row of a table.
#[derive(Debug, Clone)]
pub struct Row {
    /// The file it came from.
    pub file: String,
    /// The physical line where it starts, counted from 1.
    pub line: u64,
    cells: StringRecord,
    header: Arc<Header>,
}

impl Row {
    /// The first filled cell under one of these headers, trimmed. Headers are compared without case, punctuation,
    /// blanks and diacritics; of headers that occur twice the first filled one counts.
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            let places = self.header.places(name)?;
            places.iter().find_map(|at| self.cells.get(*at).filter(|cell| !cell.is_empty()))
        })
    }

    /// All cells in one text, to tell equal rows.
    pub fn content(&self) -> &str {
        self.cells.as_slice()
    }

    /// The filled cells with their headers, in order.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &str)> {
        self.header.names.iter().map(String::as_str).zip(self.cells.iter()).filter(|(_, cell)| !cell.is_empty())
    }
}

/// Reads a file, a directory (with its subdirectories) or a `.zip` package.
pub fn open(path: &Path) -> Result<Source, ReadProblem> {
    let shown = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let found = std::fs::metadata(path).map_err(|error| problem(&shown, 0, "file_not_found", error.to_string()))?;
    if !found.is_dir() {
        return from_bytes(&shown, &load(path, &shown, MOST_BYTES)?);
    }
    let mut paths = Vec::new();
    walk(path, 0, &mut paths).map_err(|error| problem(&shown, 0, "directory_unreadable", error.to_string()))?;
    paths.sort();
    let mut gathering = Gathering::default();
    let mut budget = MOST_BYTES;
    for (nth, found) in paths.iter().enumerate() {
        let name = found.strip_prefix(path).unwrap_or(found).to_string_lossy().replace('\\', "/");
        if nth >= MOST_FILES {
            return Err(problem(&shown, 0, "too_many_files", format!("more than {MOST_FILES} files")));
        }
        if is_wanted(&name) {
            let bytes = load(found, &name, budget)?;
            budget = budget.saturating_sub(bytes.len() as u64);
            gathering.take(&name, &bytes);
        }
    }
    gathering.finish(&shown)
}

/// Reads one file, or a package, that is already in memory; `name` tells its kind where the content does not.
pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Source, ReadProblem> {
    let mut gathering = Gathering::default();
    if !bytes.starts_with(b"PK\x03\x04") || is_spreadsheet(name) {
        gathering.take(name, bytes);
        return gathering.finish(name);
    }
    let broken = |error: &dyn fmt::Display| problem(name, 0, "package_unreadable", error.to_string());
    let mut package = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    if package.len() > MOST_FILES {
        return Err(problem(name, 0, "too_many_files", format!("more than {MOST_FILES} files")));
    }
    let mut budget = MOST_BYTES;
    for at in 0..package.len() {
        let entry = package.by_index(at).map_err(|error| broken(&error))?;
        let inner = entry.name().map_err(|error| broken(&error))?.into_owned();
        if !entry.is_dir() && is_wanted(&inner) {
            let mut content = Vec::new();
            let taken = entry.take(budget + 1).read_to_end(&mut content).map_err(|error| broken(&error))? as u64;
            budget = budget.checked_sub(taken).ok_or_else(|| too_large(name))?;
            gathering.take(&inner, &content);
        }
    }
    gathering.finish(name)
}

fn too_large(file: &str) -> ReadProblem {
    problem(file, 0, "file_too_large", format!("more than {MOST_BYTES} bytes"))
}

fn load(path: &Path, shown: &str, budget: u64) -> Result<Vec<u8>, ReadProblem> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(path).and_then(|file| file.take(budget + 1).read_to_end(&mut bytes));
    opened.map_err(|error| problem(shown, 0, "file_unreadable", error.to_string()))?;
    if bytes.len() as u64 > budget { Err(too_large(shown)) } else { Ok(bytes) }
}

fn walk(directory: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < 8 && paths.len() <= MOST_FILES {
            walk(&entry.path(), depth + 1, paths)?;
        } else if kind.is_file() || (kind.is_symlink() && entry.path().is_file()) {
            paths.push(entry.path());
        }
    }
    Ok(())
}

fn extension(name: &str) -> String {
    let end = Path::new(name).extension().unwrap_or_default();
    end.to_string_lossy().to_lowercase()
}

fn is_spreadsheet(name: &str) -> bool {
    is_workbook(name) || matches!(extension(name).as_str(), "xls" | "ods")
}

/// A spreadsheet of the kind that is read (ECMA-376).
fn is_workbook(name: &str) -> bool {
    matches!(extension(name).as_str(), "xlsx" | "xlsm")
}

fn is_json(name: &str) -> bool {
    matches!(extension(name).as_str(), "json" | "jsonl" | "ndjson")
}

/// Inside a directory or package only files of a known kind are read; notes, pictures and hidden files are passed over.
fn is_wanted(name: &str) -> bool {
    let hidden = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
    let delimited = matches!(extension(name).as_str(), "csv" | "tsv" | "tab" | "psv" | "txt" | "ics");
    !hidden && (delimited || is_json(name) || is_spreadsheet(name))
}

/// The name of a table: `Services_Full-2021.csv` is `service`.
fn table_name(text: &str) -> String {
    let file = text.rsplit('/').next().unwrap_or_default();
    let stem = if is_wanted(file) { file.rsplit_once('.').map_or(file, |(stem, _)| stem) } else { file };
    // `bargainingUnits` is two words.
    let mut spaced = String::with_capacity(stem.len() + 4);
    for c in stem.chars() {
        if c.is_uppercase() && spaced.ends_with(char::is_lowercase) {
            spaced.push(' ');
        }
        spaced.push(c);
    }
    let telling = |word: &&str| {
        !matches!(*word, "full" | "list" | "export" | "hsds") && !word.bytes().all(|b| b.is_ascii_digit())
    };
    let words: Vec<String> = slug(&spaced).split('-').filter(telling).map(singular).collect();
    words.join("_")
}

fn singular(word: &str) -> String {
    let cut = |end: &str| word.strip_suffix(end).filter(|stem| stem.len() > 1).map(str::to_owned);
    match word {
        "people" => "person".to_owned(),
        "series" => word.to_owned(),
        _ if word.ends_with("ss") || word.ends_with("us") => word.to_owned(),
        _ => cut("ies")
            .map(|stem| stem + "y")
            .or_else(|| cut("sses").map(|stem| stem + "ss"))
            .or_else(|| cut("s"))
            .unwrap_or(word.to_owned()),
    }
}

/// The tables of a human services directory: nested JSON under these names becomes rows of its own.
const NESTED: &str = "organization location service program service_at_location address phone contact language attribute \
    taxonomy taxonomy_term schedule funding required_document service_area cost_option accessibility organization_identifier \
    metadata capacity unit eligibility service_taxonomy physical_address postal_address additional_website additional_url";

fn is_nested(name: &str) -> bool {
    NESTED.split_whitespace().any(|nested| nested == name)
}

/// Which of those tables an object of an unnamed file belongs to, by the members only such objects have.
fn shape(object: &Map<String, Value>) -> Option<&'static str> {
    const SHAPES: &[(&str, &str)] = &[
        ("organization", "tax_status legal_status year_incorporated organization_identifiers"),
        ("service", "application_process eligibility_description fees_description interpretation_services wait_time"),
        ("location", "addresses location_type"),
        ("taxonomy_term", "term_uri taxonomy_detail"),
    ];
    let has = |names: &str| names.split(' ').any(|name| object.contains_key(name));
    if has("service_id service") && has("location_id location") {
        return Some("service_at_location");
    }
    SHAPES.iter().find(|(_, names)| has(names)).map(|(table, _)| *table)
}

/// Rows with the lines they begin on.
pub(crate) type Records = Vec<(u64, StringRecord)>;

#[derive(Default)]
struct Gathering {
    source: Source,
    /// What a package descriptor calls its files.
    titles: HashMap<String, String>,
    /// Bytes that the workbooks before took.
    sheets: u64,
}

impl Gathering {
    fn finish(mut self, shown: &str) -> Result<Source, ReadProblem> {
        for table in &mut self.source.tables {
            if let Some(title) = self.titles.get(&table.file) {
                table.name.clone_from(title);
            }
        }
        match self.source.tables.is_empty() && self.source.calendars.is_empty() {
            true if self.source.problems.is_empty() => Err(problem(shown, 0, "nothing_to_read", "no table was found")),
            true => Err(self.source.problems.swap_remove(0)),
            false => Ok(self.source),
        }
    }

    fn fault(&mut self, file: &str, line: u64, code: &'static str, detail: impl Into<String>) {
        self.source.problems.push(problem(file, line, code, detail));
    }

    fn take(&mut self, file: &str, bytes: &[u8]) {
        if is_workbook(file) {
            return match workbook::sheets(bytes, &mut self.sheets) {
                // A sheet is called after its file where it is the only one.
                Ok(sheets) => {
                    let only = sheets.len() == 1;
                    for (name, records) in sheets {
                        self.sheet(file, if only { file } else { &name }, records);
                    }
                }
                Err(detail) => self.fault(file, 0, "spreadsheet_unreadable", detail),
            };
        }
        if is_spreadsheet(file) || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
            let detail = "spreadsheets of this kind are not read; save it as .xlsx or CSV";
            return self.fault(file, 0, "spreadsheet_not_read", detail);
        }
        let (text, encoding) = decode(bytes);
        let controls = text.chars().take(4_096).filter(|c| c.is_control() && !c.is_whitespace());
        if controls.count() > 64 || bytes.starts_with(b"%PDF") {
            return self.fault(file, 0, "file_not_text", "the content is not text");
        }
        let start = text.trim_start_matches(is_blank);
        if extension(file) == "ics" || start.starts_with("BEGIN:VCALENDAR") {
            return self.source.calendars.push(Calendar { file: file.to_owned(), text });
        }
        if start.starts_with(['{', '[']) || is_json(file) {
            let error = match serde_json::from_str::<Value>(start) {
                Ok(value) => return self.json(file, &text, encoding, &value),
                Err(error) => error,
            };
            let lined = start.lines().take(2).all(|line| serde_json::from_str::<Value>(line).is_ok());
            if lined || matches!(extension(file).as_str(), "jsonl" | "ndjson") {
                return self.json_lines(file, &text, encoding);
            }
            if is_json(file) || delimiter(&text).1 < 2 {
                let skipped = text[..text.len() - start.len()].matches('\n').count();
                return self.fault(file, (error.line() + skipped) as u64, "json_broken", error.to_string());
            }
        }
        self.delimited(file, &text, encoding);
    }

    fn delimited(&mut self, file: &str, text: &str, encoding: &'static str) {
        let (delimiter, width) = delimiter(text);
        self.rows(file, &table_name(file), encoding, split(text, delimiter), width);
    }

    fn sheet(&mut self, file: &str, name: &str, records: Records) {
        let width = records.iter().take(20).map(|(_, record)| record.len()).max().unwrap_or_default();
        self.rows(file, &table_name(name), UTF_8.name(), records, width);
    }

    fn rows(&mut self, file: &str, name: &str, encoding: &'static str, mut records: Records, width: usize) {
        // The header is the first row that fills about as many cells as the widest of the first rows do.
        let filled: Vec<usize> = records
            .iter()
            .take(20)
            .map(|(_, record)| record.iter().filter(|cell| !clean(cell).is_empty()).count())
            .collect();
        let widest = filled.iter().copied().max().unwrap_or_default().min(width.max(1));
        let Some(top) = filled.iter().position(|count| *count > 0 && (count * 2 > widest || widest < 3)) else {
            return self.fault(file, 0, "file_empty", "no row holds anything");
        };
        let header = Header::of(records[top].1.iter().map(|cell| clean(cell).into_owned()));
        let mut rows = Vec::with_capacity(records.len() - top);
        for (line, record) in records.drain(top + 1..) {
            let mut cells = StringRecord::with_capacity(record.as_slice().len(), record.len());
            record.iter().for_each(|cell| cells.push_field(&clean(cell)));
            let repeated = cells.iter().eq(header.names.iter().map(String::as_str));
            if cells.iter().skip(header.names.len()).any(|cell| !cell.is_empty()) {
                let detail = format!("{} cells under {} headers", cells.len(), header.names.len());
                self.fault(file, line, "row_too_long", detail);
            }
            if !cells.as_slice().is_empty() && !repeated {
                rows.push(Row { file: file.to_owned(), line, cells, header: Arc::clone(&header) });
            }
        }
        self.source.tables.push(Table { name: name.to_owned(), file: file.to_owned(), encoding, rows, header });
    }

    fn json(&mut self, file: &str, text: &str, encoding: &'static str, value: &Value) {
        if table_name(file) == "datapackage" {
            let folder = file.rfind('/').map_or("", |at| &file[..=at]);
            for entry in value["resources"].as_array().into_iter().flatten() {
                if let (Some(path), Some(name)) = (entry["path"].as_str(), entry["name"].as_str()) {
                    let path = format!("{folder}{}", path.trim_start_matches("./"));
                    self.titles.insert(path, table_name(name));
                }
            }
            return;
        }
        let mut forest = Forest { file, lines: openings(text), ..Forest::default() };
        forest.top(&table_name(file), value);
        self.source.tables.extend(forest.into_tables(encoding));
    }

    fn json_lines(&mut self, file: &str, text: &str, encoding: &'static str) {
        let name = table_name(file);
        let mut forest = Forest { file, ..Forest::default() };
        for (at, line) in text.lines().enumerate() {
            forest.fixed = at as u64 + 1;
            match serde_json::from_str::<Value>(line.trim_matches(is_blank)) {
                _ if line.trim_matches(is_blank).is_empty() => {}
                Ok(Value::Object(object)) => drop(forest.row(&forest.name_of(&name, &object), &object, None)),
                Ok(value) => forest.top(&name, &value),
                Err(error) => self.fault(file, forest.fixed, "json_broken", error.to_string()),
            }
        }
        self.source.tables.extend(forest.into_tables(encoding));
    }
}

fn reader(text: &str, delimiter: u8, quoting: bool) -> csv::Reader<&[u8]> {
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(delimiter).quoting(quoting).flexible(true).has_headers(false);
    builder.from_reader(text.as_bytes())
}

/// The delimiter whose first rows agree best on a number of cells, and that number.
fn delimiter(text: &str) -> (u8, usize) {
    let end = text.floor_char_boundary(64 << 10);
    let mut best = ((0, 0), b',');
    for candidate in [b',', b'\t', b';', b'|'] {
        let mut reader = reader(&text[..end], candidate, true);
        let mut widths: Vec<usize> = reader.records().flatten().take(40).map(|record| record.len()).collect();
        if end < text.len() && widths.len() > 1 && widths.len() < 40 {
            widths.pop();
        }
        let agreeing = |width: usize| (widths.iter().filter(|other| **other == width).count(), width);
        let agreed = widths.iter().filter(|width| **width > 1).map(|width| agreeing(*width)).max().unwrap_or_default();
        if agreed > best.0 {
            best = (agreed, candidate);
        }
    }
    (best.1, best.0.1)
}

/// The records with the line each starts at. A quote that is never closed would swallow the rest of the file: from
/// there on quotes are read as plain signs.
fn split(text: &str, delimiter: u8) -> Vec<(u64, StringRecord)> {
    let mut records = Vec::new();
    let (mut base, mut quoting) = (0, true);
    let (mut seen, mut line) = (0, 1);
    loop {
        let mut reader = reader(&text[base..], delimiter, quoting);
        let mut record = StringRecord::new();
        let mut last = base;
        while let Ok(true) = reader.read_record(&mut record) {
            let at = base + record.position().map_or(0, |position| position.byte() as usize);
            last = at + text[at..].len() - text[at..].trim_start_matches(['\r', '\n']).len();
            line += text[seen..last].bytes().filter(|byte| *byte == b'\n').count() as u64;
            seen = last;
            records.push((line, record.clone()));
        }
        let tail = &text[last..];
        if quoting && tail.matches('"').count() % 2 == 1 && tail.trim_end().contains('\n') {
            records.pop();
            (base, quoting) = (last, false);
        } else {
            return records;
        }
    }
}

/// A cell without outer blanks, without quotes that wrap the whole of it, and with accents encoded twice mended.
fn clean(cell: &str) -> Cow<'_, str> {
    let mut cell = cell.trim_matches(is_blank);
    while let Some(inner) = cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        if inner.contains('"') {
            let unescaped = inner.replace("\"\"", "\u{1}");
            if unescaped.contains('"') {
                break;
            }
            return repair(unescaped.replace('\u{1}', "\"").trim_matches(is_blank)).into_owned().into();
        }
        cell = inner.trim_matches(is_blank);
    }
    if cell.contains('\0') { repair(&cell.replace('\0', "")).into_owned().into() } else { repair(cell) }
}

/// The line of every `{` outside strings, in order: the same order in which the parsed objects are visited.
fn openings(text: &str) -> Vec<u64> {
    let (mut lines, mut line, mut inside, mut escaped) = (Vec::new(), 1, false, false);
    for byte in text.bytes() {
        match byte {
            b'\n' => line += 1,
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'{' if !inside => lines.push(line),
            _ => {}
        }
    }
    lines
}

/// Growing tables out of nested objects.
#[derive(Default)]
struct Forest<'a> {
    file: &'a str,
    lines: Vec<u64>,
    next: usize,
    fixed: u64,
    tables: Vec<Grown>,
}

/// A table that does not know all its columns yet.
#[derive(Default)]
struct Grown {
    name: String,
    columns: Vec<String>,
    places: HashMap<String, usize>,
    rows: Vec<(u64, Vec<(usize, String)>)>,
}

fn holds_objects(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().any(Value::is_object))
}

impl Forest<'_> {
    fn enter(&mut self) -> u64 {
        let line = self.lines.get(self.next).copied().unwrap_or(self.fixed);
        self.next += 1;
        line
    }

    /// Passes over a value that gives no row, keeping count of its objects.
    fn pass(&mut self, value: &Value) {
        match value {
            Value::Object(object) => {
                self.enter();
                object.values().for_each(|value| self.pass(value));
            }
            Value::Array(list) => list.iter().for_each(|value| self.pass(value)),
            _ => {}
        }
    }

    /// The outermost value: a list of objects, an object around such lists, or one object that is a row itself.
    fn top(&mut self, name: &str, value: &Value) {
        let object = match value {
            Value::Array(list) => {
                return self.all(list, |forest, object| drop(forest.row(&forest.name_of(name, object), object, None)));
            }
            Value::Object(object) => object,
            _ => return,
        };
        let lists = object.values().filter(|value| holds_objects(value)).count();
        let scalars = object.values().filter(|value| scalar(value).is_some()).count();
        let record = object.contains_key("id") || object.contains_key("name") || shape(object).is_some();
        let wraps_one = object.len() == 1 && object.values().all(Value::is_object);
        if record || !(wraps_one || lists == 1 || (lists > 0 && scalars == 0)) {
            self.row(&self.name_of(name, object), object, None);
            return;
        }
        self.enter();
        for (key, value) in object {
            let inner = table_name(key);
            let named = lists > 1 || is_nested(&inner);
            match value {
                value if wraps_one || holds_objects(value) => self.top(if named { &inner } else { name }, value),
                value => self.pass(value),
            }
        }
    }

    /// Every object of a list, in order; what is no object is passed over.
    fn all(&mut self, list: &[Value], mut each: impl FnMut(&mut Self, &Map<String, Value>)) {
        for value in list {
            match value {
                Value::Object(object) => each(self, object),
                other => self.pass(other),
            }
        }
    }

    /// What a row belongs to: the name of its file or list; the name of its folder; else what its members look like.
    fn name_of(&self, name: &str, object: &Map<String, Value>) -> String {
        let folder = self.file.rsplit('/').nth(1).map(table_name).filter(|folder| is_nested(folder));
        match shape(object) {
            _ if is_nested(name) => name.to_owned(),
            shape => folder.or(shape.map(str::to_owned)).unwrap_or(name.to_owned()),
        }
    }

    /// Adds an object as a row of `table`, its nested lists as rows of their own, and gives its identifier.
    fn row(&mut self, table: &str, object: &Map<String, Value>, parent: Option<(&str, &str)>) -> Option<String> {
        let line = self.enter();
        let id = object.get("id").and_then(scalar);
        let at = self.tables.iter().position(|grown| grown.name == table).unwrap_or(self.tables.len());
        if at == self.tables.len() {
            self.tables.push(Grown { name: table.to_owned(), ..Grown::default() });
        }
        // The row takes its place before its children take theirs.
        let place = self.tables[at].rows.len();
        self.tables[at].rows.push((line, Vec::new()));
        let parent = parent.filter(|(column, _)| !object.contains_key(*column));
        let mut cells: Vec<(String, String)> =
            parent.into_iter().map(|(column, id)| (column.to_owned(), id.to_owned())).collect();
        self.members("", object, (table, id.as_deref()), &mut cells);
        let Grown { columns, places, rows, .. } = &mut self.tables[at];
        for (column, cell) in cells {
            let at = *places.entry(column).or_insert_with_key(|column| {
                columns.push(column.clone());
                columns.len() - 1
            });
            rows[place].1.push((at, cell));
        }
        id
    }

    fn members(
        &mut self,
        path: &str,
        object: &Map<String, Value>,
        owner: (&str, Option<&str>),
        cells: &mut Vec<(String, String)>,
    ) {
        for (key, value) in object {
            let column = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let child = table_name(key);
            let nested = path.is_empty() && is_nested(&child);
            match (value, owner.1) {
                (Value::Object(inner), _) if nested && inner.contains_key("id") => {
                    let id = self.row(&child, inner, None);
                    cells.extend(id.map(|id| (format!("{child}_id"), id)));
                }
                (Value::Object(inner), _) => {
                    self.enter();
                    self.members(&column, inner, owner, cells);
                }
                (Value::Array(list), Some(id)) if nested && holds_objects(value) => {
                    let link = format!("{}_id", owner.0);
                    self.all(list, |forest, inner| drop(forest.row(&child, inner, Some((&link, id)))));
                }
                (Value::Array(list), _) => {
                    let plain: Vec<String> = list.iter().filter_map(scalar).collect();
                    if !plain.is_empty() {
                        cells.push((column.clone(), plain.join("; ")));
                    }
                    // The first object gives `key.member`, the second `key.2.member`.
                    let mut nth = 0;
                    self.all(list, |forest, inner| {
                        nth += 1;
                        forest.enter();
                        let column = if nth == 1 { column.clone() } else { format!("{column}.{nth}") };
                        forest.members(&column, inner, owner, cells);
                    });
                }
                (other, _) => cells.extend(scalar(other).map(|text| (column, text))),
            }
        }
    }

    fn into_tables(self, encoding: &'static str) -> impl Iterator<Item = Table> {
        let file = self.file.to_owned();
        self.tables.into_iter().map(move |grown| {
            let header = Header::of(grown.columns.into_iter());
            let row = |(line, cells): (u64, Vec<(usize, String)>)| {
                let mut texts = vec![Cow::Borrowed(""); header.names.len()];
                for (at, cell) in &cells {
                    texts.get_mut(*at).into_iter().for_each(|text| *text = clean(cell));
                }
                let mut record = StringRecord::new();
                texts.iter().for_each(|text| record.push_field(text));
                Row { file: file.clone(), line, cells: record, header: Arc::clone(&header) }
            };
            let rows = grown.rows.into_iter().map(row).collect();
            Table { name: grown.name, file: file.clone(), encoding, rows, header: Arc::clone(&header) }
        })
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(name: &str, bytes: &[u8]) -> Source {
        from_bytes(name, bytes).unwrap()
    }

    fn lines(source: &Source) -> Vec<u64> {
        source.tables[0].rows.iter().map(|row| row.line).collect()
    }

    #[test]
    fn columns_are_found_whatever_their_spelling() {
        let source =
            read("x.csv", "\u{feff}E-Rep Phone,Años, Full Name (Contact),name,NAME\r\n1,2,3,,5\r\n".as_bytes());
        let row = &source.tables[0].rows[0];
        assert_eq!(row.get(&["absent", "e_rep_phone"]), Some("1"));
        assert_eq!(row.get(&["anos"]), Some("2"));
        assert_eq!(row.get(&["full name contact"]), Some("3"));
        assert_eq!(row.get(&["Name"]), Some("5"), "the first filled of two equal headers");
        assert_eq!(row.get(&["nothing"]), None);
    }

    #[test]
    fn encodings() {
        let text = "name,city\nPeña – São,Zürich\n";
        let wide = |order: fn(u16) -> [u8; 2], mark: bool| {
            let units = text.encode_utf16();
            mark.then_some(0xfeff).into_iter().chain(units).flat_map(order).collect::<Vec<u8>>()
        };
        let (narrow, _, _) = encoding_rs::WINDOWS_1252.encode(text);
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), "UTF-8"),
            (["\u{feff}".as_bytes(), text.as_bytes()].concat(), "UTF-8"),
            (wide(u16::to_le_bytes, true), "UTF-16LE"),
            (wide(u16::to_be_bytes, true), "UTF-16BE"),
            (wide(u16::to_le_bytes, false), "UTF-16LE"),
            (wide(u16::to_be_bytes, false), "UTF-16BE"),
            (narrow.to_vec(), "windows-1252"),
        ] {
            let source = read("x.csv", &bytes);
            assert_eq!(source.tables[0].encoding, encoding);
            assert_eq!(source.tables[0].rows[0].get(&["name"]), Some("Peña – São"), "{encoding}");
        }
        let mixed = [text.as_bytes(), "é,ü\nà,ñ\n".as_bytes(), b"Jos\xe9,x\n"].concat();
        let source = read("x.csv", &mixed);
        assert_eq!(
            (source.tables[0].rows[0].get(&["city"]), source.tables[0].rows[3].get(&["name"])),
            (Some("Zürich"), Some("José"))
        );
        let source =
            read("x.csv", "a,b\n\"\"\"DBA, Inc\"\"\",EspaÃ±ol\n\"a \"\"b\"\" c\",\" x \u{a0}\u{2060}\"\n".as_bytes());
        let cells =
            |row: usize| source.tables[0].rows[row].cells().map(|(_, cell)| cell.to_owned()).collect::<Vec<_>>();
        assert_eq!(cells(0), ["DBA, Inc", "Español"]);
        assert_eq!(cells(1), ["a \"b\" c", "x"]);
    }

    #[test]
    fn delimiters_and_ragged_rows() {
        for text in [
            "name;note\nA;one, two\nB;three, four, five\n",
            "name\tnote\nA\tone, two\nB\tthree, four, five\n",
            "name|note\nA|one, two\nB|three, four, five\n",
        ] {
            let source = read("x.txt", text.as_bytes());
            assert_eq!(source.tables[0].rows[1].get(&["note"]), Some("three, four, five"), "{text}");
        }
        let source = read("x.csv", b"a,b\n1\n1,2,3\n1,2,\n,,\n\n  , \na,b\n4,5\n");
        assert_eq!(lines(&source), [2, 3, 4, 9], "blank rows and a repeated header are passed over");
        assert_eq!(
            source.problems.iter().map(|problem| (problem.line, problem.code)).collect::<Vec<_>>(),
            [(3, "row_too_long")]
        );
        assert_eq!(read("x.csv", b"text\nA\nB, with a comma\n").tables[0].rows.len(), 2);
    }

    #[test]
    fn lines_are_physical() {
        let source = read("x.csv", b"a,b\r\n\r\n\"1\r\n\r\n2\",x\r\n3,\"4\r\n5\"\r\n6,7");
        assert_eq!(lines(&source), [3, 6, 8]);
        assert_eq!(source.tables[0].rows[0].get(&["a"]), Some("1\r\n\r\n2"));
        assert_eq!(lines(&read("x.csv", b"a,b\r1,2\r3,4\r")), [2, 3], "old Macintosh line ends");
        let unclosed = read("x.csv", b"a,b\n1,2\n3,\"4\n5,6\n7,8\n");
        assert_eq!(lines(&unclosed), [2, 3, 4, 5], "a quote never closed costs one row only");
    }

    #[test]
    fn titles_above_the_header_are_passed_over() {
        let source = read("x.csv", b"F-7 Notices,,,\nas of 2016,,,\n,,,\nNotice Date,Employer,Union,Size\n1,2,3,4\n");
        assert_eq!(source.tables[0].headers()[1], "Employer");
        assert_eq!(lines(&source), [5]);
    }

    #[test]
    fn json_becomes_tables() {
        let list = read("meetings.json", b"[\n {\"Name\": {\"label\": \"Board\", \"url\": \"u\"}, \"ok\": true,\n  \"n\": 1.5},\n {\"Name\": \"Other\", \"tags\": [\"a\", \"b\"], \"x\": null}\n]");
        assert_eq!((list.tables[0].name.as_str(), lines(&list)), ("meeting", vec![2, 4]));
        assert_eq!(list.tables[0].rows[0].get(&["name label"]), Some("Board"));
        assert_eq!(
            (list.tables[0].rows[0].get(&["ok"]), list.tables[0].rows[0].get(&["n"])),
            (Some("true"), Some("1.5"))
        );
        assert_eq!(
            (list.tables[0].rows[1].get(&["name"]), list.tables[0].rows[1].get(&["tags"])),
            (Some("Other"), Some("a; b"))
        );
        let paged =
            read("a.json", b"{\"total\": 2, \"first\": {\"x\": {}}, \"contents\": [\n{\"id\": 1},\n{\"id\": 2}]}");
        assert_eq!(lines(&paged), [2, 3]);
        let lined = read("a.jsonl", b"{\"id\": 1}\n\n{broken\n{\"id\": 3}\n");
        assert_eq!((lines(&lined), lined.problems[0].line, lined.problems[0].code), (vec![1, 4], 3, "json_broken"));
        let tabular = read(
            "t.json",
            b"{\"organizations.csv\": [{\"id\": \"o\"}], \"phones.csv\": [{\"id\": \"p\"}, {\"id\": \"q\"}]}",
        );
        assert_eq!(
            tabular.tables.iter().map(|table| (table.name.as_str(), table.rows.len())).collect::<Vec<_>>(),
            [("organization", 1), ("phone", 2)]
        );
    }

    #[test]
    fn nested_directories_become_linked_tables() {
        let text = br#"{"id": "o1", "name": "Org", "legal_status": "x", "services": [
            {"id": "s1", "name": "S", "phones": [{"number": "1"}],
             "service_at_locations": [{"id": "a1", "location": {"id": "l1", "name": "L", "addresses": [{"city": "C"}]}}]},
            {"id": "s2", "name": "T"}], "locations": [{"name": "no id", "addresses": [{"city": "D"}]}]}"#;
        let source = read("export.json", text);
        let table = |name: &str| source.tables.iter().find(|table| table.name == name).unwrap();
        assert_eq!(table("organization").rows.len(), 1);
        assert_eq!(
            table("service").rows.iter().map(|row| (row.line, row.get(&["organization_id"]))).collect::<Vec<_>>(),
            [(2, Some("o1")), (4, Some("o1"))]
        );
        assert_eq!(table("phone").rows[0].get(&["service_id"]), Some("s1"));
        let place = &table("service_at_location").rows[0];
        assert_eq!((place.get(&["service_id"]), place.get(&["location_id"])), (Some("s1"), Some("l1")));
        assert_eq!(table("address").rows[0].get(&["location_id"]), Some("l1"));
        assert_eq!(
            table("location").rows[1].get(&["addresses.city"]),
            Some("D"),
            "without an identifier the parts stay in the row"
        );
    }

    #[test]
    fn packages() {
        use std::io::Write;
        let mut package = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for (name, content) in [
            ("hsds/datapackage.json", "{\"resources\": [{\"name\": \"organization\", \"path\": \"table1.csv\"}]}"),
            ("hsds/table1.csv", "id,name\n1,A\n"),
            ("hsds/readme.md", "# no"),
            ("__MACOSX/table1.csv", "x"),
        ] {
            package.start_file(name, options).unwrap();
            package.write_all(content.as_bytes()).unwrap();
        }
        let bytes = package.finish().unwrap().into_inner();
        let source = read("p.zip", &bytes);
        assert_eq!(
            source.tables.iter().map(|table| (table.name.as_str(), table.file.as_str())).collect::<Vec<_>>(),
            [("organization", "hsds/table1.csv")]
        );
        assert_eq!(from_bytes("p.zip", &bytes[..60]).unwrap_err().code, "package_unreadable");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (name, bytes, code) in [
            ("x.csv", &b""[..], "file_empty"),
            ("x.csv", b"\n \n,,\n", "file_empty"),
            ("x.json", b"{\"a\": \n[1,", "json_broken"),
            ("x.json", b"[]", "nothing_to_read"),
            ("x.json", b"12", "nothing_to_read"),
            ("x.xlsx", b"PK\x03\x04", "spreadsheet_unreadable"),
            ("x.ods", b"PK\x03\x04", "spreadsheet_not_read"),
            ("x.bin", &[1; 500], "file_not_text"),
            ("x.csv", b"%PDF-1.4 \x00", "file_not_text"),
        ] {
            assert_eq!(from_bytes(name, bytes).unwrap_err().code, code, "{name}");
        }
        assert_eq!(from_bytes("x.json", "[".repeat(100_000).as_bytes()).unwrap_err().code, "json_broken");
        assert_eq!(open(Path::new("/no/such/file")).unwrap_err().code, "file_not_found");
    }

    /// Any beginning, and any single byte changed, of a file of each shape is read or refused, never a panic.
    #[test]
    fn nothing_panics() {
        let csv = "name,\"no\"\"te\"\r\n\"Peña\nx\",\"\"\"y\"\"\"\r\n;|\t\u{2060},Ã±".as_bytes();
        let json = r#"{"contents": [{"id": "é", "phones": [{"number": "\"1\"", "languages": [{}]}, 5], "location": {"id": 1}}]}"#.as_bytes();
        for (name, bytes) in [("x.csv", csv), ("x.json", json), ("x.jsonl", json)] {
            for at in 0..bytes.len() {
                let _ = from_bytes(name, &bytes[..at]);
                for byte in [0, b'"', b'\n', b'{', b'[', 0xff, 0xc3] {
                    let mut changed = bytes.to_vec();
                    changed[at] = byte;
                    let _ = from_bytes(name, &changed);
                }
            }
        }
    }
}
