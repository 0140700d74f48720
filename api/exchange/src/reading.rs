//! From a path or bytes to named tables: directories, packages (`.zip`), delimited text and JSON, in whatever encoding,
//! delimiter and shape they come. Nothing here knows what a column means.

use std::collections::HashMap;
use std::fmt;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use csv::StringRecord;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use serde_json::{Map, Value};

use crate::parsing::{is_blank, repair, slug};

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
        names.iter().any(|name| self.header.places.contains_key(&folded(name)))
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
            let places = self.header.places.get(&folded(name))?;
            places.iter().find_map(|at| self.cells.get(*at).filter(|cell| !cell.is_empty()))
        })
    }

    /// The filled cells with their headers, in order.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &str)> {
        self.header.names.iter().map(String::as_str).zip(self.cells.iter()).filter(|(_, cell)| !cell.is_empty())
    }
}

/// Reads a file, a directory (with its subdirectories) or a `.zip` package.
pub fn open(path: &Path) -> Result<Source, ReadProblem> {
    let shown = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let found = std::fs::metadata(path).map_err(|error| problem(&shown, 0, "file_not_found", error.to_string()))?;
    if !found.is_dir() {
        return from_bytes(&shown, &load(path, &shown, found.len())?);
    }
    let mut paths = Vec::new();
    walk(path, 0, &mut paths).map_err(|error| problem(&shown, 0, "directory_unreadable", error.to_string()))?;
    if paths.len() > MOST_FILES {
        return Err(problem(&shown, 0, "too_many_files", format!("more than {MOST_FILES} files")));
    }
    paths.sort();
    let mut gathering = Gathering::default();
    let mut budget = MOST_BYTES;
    for found in &paths {
        let name = found.strip_prefix(path).unwrap_or(found).to_string_lossy().replace('\\', "/");
        if !is_wanted(&name) {
            continue;
        }
        match load(found, &name, budget) {
            Ok(bytes) => {
                budget = budget.saturating_sub(bytes.len() as u64);
                gathering.take(&name, &bytes);
            }
            Err(fault) => gathering.source.problems.push(fault),
        }
    }
    gathering.finish(&shown)
}

/// Reads one file, or a package, that is already in memory; `name` tells its kind where the content does not.
pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Source, ReadProblem> {
    let mut gathering = Gathering::default();
    if bytes.starts_with(b"PK\x03\x04") && !is_spreadsheet(name) {
        let broken = |error: zip::result::ZipError| problem(name, 0, "package_unreadable", error.to_string());
        let mut package = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
        if package.len() > MOST_FILES {
            return Err(problem(name, 0, "too_many_files", format!("more than {MOST_FILES} files")));
        }
        let mut budget = MOST_BYTES;
        for at in 0..package.len() {
            let entry = package.by_index(at).map_err(broken)?;
            let inner = entry.name().map_or_else(|_| format!("entry {at}"), |name| name.into_owned());
            if entry.is_dir() || !is_wanted(&inner) {
                continue;
            }
            let mut content = Vec::new();
            let taken = entry.take(budget + 1).read_to_end(&mut content);
            if content.len() as u64 > budget {
                return Err(problem(name, 0, "package_too_large", format!("more than {MOST_BYTES} bytes unpacked")));
            }
            budget -= content.len() as u64;
            match taken {
                Ok(_) => gathering.take(&inner, &content),
                Err(error) => {
                    gathering.source.problems.push(problem(&inner, 0, "package_unreadable", error.to_string()))
                }
            }
        }
    } else {
        gathering.take(name, bytes);
    }
    gathering.finish(name)
}

fn load(path: &Path, shown: &str, expected: u64) -> Result<Vec<u8>, ReadProblem> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected.min(MOST_BYTES)).unwrap_or_default().min(64 << 20));
    let opened = std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    match opened {
        Ok(_) if bytes.len() as u64 > MOST_BYTES => {
            Err(problem(shown, 0, "file_too_large", format!("more than {MOST_BYTES} bytes")))
        }
        Ok(_) => Ok(bytes),
        Err(error) => Err(problem(shown, 0, "file_unreadable", error.to_string())),
    }
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
    Path::new(name).extension().map(|end| end.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn is_spreadsheet(name: &str) -> bool {
    matches!(extension(name).as_str(), "xlsx" | "xlsm" | "xls" | "ods")
}

/// Inside a directory or package only files of a known kind are read; notes, pictures and hidden files are passed over.
fn is_wanted(name: &str) -> bool {
    let hidden = name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
    !hidden
        && (is_spreadsheet(name)
            || matches!(extension(name).as_str(), "csv" | "tsv" | "tab" | "psv" | "txt" | "json" | "jsonl" | "ndjson"))
}

/// The name of a table: `Services_Full-2021.csv` is `service`.
fn table_name(text: &str) -> String {
    let stem = text.rsplit('/').next().unwrap_or_default();
    let stem = ["csv", "json", "jsonl", "ndjson", "txt", "tsv", "tab", "psv"]
        .iter()
        .find_map(|end| stem.strip_suffix(end)?.strip_suffix('.'))
        .unwrap_or(stem);
    // `bargainingUnits` is two words.
    let mut spaced = String::with_capacity(stem.len() + 4);
    for c in stem.chars() {
        if c.is_uppercase() && spaced.ends_with(|last: char| last.is_lowercase()) {
            spaced.push(' ');
        }
        spaced.push(c);
    }
    let words = slug(&spaced);
    let kept = words.split('-').filter(|word| {
        !matches!(*word, "full" | "list" | "export" | "hsds" | "table") && !word.bytes().all(|b| b.is_ascii_digit())
    });
    kept.map(singular).collect::<Vec<_>>().join("_")
}

fn singular(word: &str) -> String {
    match word {
        "people" => "person".to_owned(),
        "series" | "status" => word.to_owned(),
        _ if word.ends_with("ies") && word.len() > 4 => format!("{}y", &word[..word.len() - 3]),
        _ if word.ends_with("sses") || word.ends_with("ches") => word[..word.len() - 2].to_owned(),
        _ if word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") && word.len() > 2 => {
            word[..word.len() - 1].to_owned()
        }
        _ => word.to_owned(),
    }
}

/// The tables of a human services directory: nested JSON under these names becomes rows of its own.
const NESTED: &[&str] = &[
    "organization",
    "location",
    "service",
    "program",
    "service_at_location",
    "address",
    "phone",
    "contact",
    "language",
    "attribute",
    "taxonomy",
    "taxonomy_term",
    "schedule",
    "funding",
    "required_document",
    "service_area",
    "cost_option",
    "accessibility",
    "organization_identifier",
    "metadata",
    "capacity",
    "unit",
    "eligibility",
    "service_taxonomy",
    "physical_address",
    "postal_address",
    "additional_website",
    "additional_url",
];

/// Which of those tables an object of an unnamed file belongs to, by the members only such objects have.
fn shape(object: &Map<String, Value>) -> Option<&'static str> {
    let has = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
    match () {
        () if has(&["service_id", "service"]) && has(&["location_id", "location"]) => Some("service_at_location"),
        () if has(&["tax_status", "legal_status", "year_incorporated", "organization_identifiers"]) => {
            Some("organization")
        }
        () if has(&[
            "application_process",
            "eligibility_description",
            "fees_description",
            "interpretation_services",
            "service_at_locations",
            "wait_time",
        ]) =>
        {
            Some("service")
        }
        () if has(&["addresses", "location_type"]) => Some("location"),
        () if has(&["term_uri", "taxonomy_detail"]) => Some("taxonomy_term"),
        () => None,
    }
}

#[derive(Default)]
struct Gathering {
    source: Source,
    /// What a package descriptor calls its files.
    titles: HashMap<String, String>,
}

impl Gathering {
    fn finish(mut self, shown: &str) -> Result<Source, ReadProblem> {
        for table in &mut self.source.tables {
            if let Some(title) = self.titles.get(&table.file) {
                table.name.clone_from(title);
            }
        }
        match self.source.tables.is_empty() {
            true if self.source.problems.is_empty() => Err(problem(shown, 0, "nothing_to_read", "no table was found")),
            true => Err(self.source.problems.swap_remove(0)),
            false => Ok(self.source),
        }
    }

    fn take(&mut self, file: &str, bytes: &[u8]) {
        if is_spreadsheet(file) || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
            let detail = "spreadsheets are not read; save the sheet as CSV";
            return self.source.problems.push(problem(file, 0, "spreadsheet_not_read", detail));
        }
        let (text, encoding) = decode(bytes);
        let controls = text.chars().take(4_096).filter(|c| c.is_control() && !c.is_whitespace()).count();
        if controls > 64 || bytes.starts_with(b"%PDF") {
            return self.source.problems.push(problem(file, 0, "file_not_text", "the content is not text"));
        }
        let start = text.trim_start_matches(is_blank);
        if start.starts_with(['{', '[']) || matches!(extension(file).as_str(), "json" | "jsonl" | "ndjson") {
            match serde_json::from_str::<Value>(start) {
                Ok(value) => return self.json(file, &text, encoding, &value),
                Err(error) => {
                    let lined = matches!(extension(file).as_str(), "jsonl" | "ndjson")
                        || start.lines().take(2).all(|line| serde_json::from_str::<Value>(line).is_ok());
                    if lined {
                        return self.json_lines(file, &text, encoding);
                    }
                    if extension(file) == "json"
                        || start.starts_with(['{', '[']) && start.contains('"') && delimiter(&text).1 < 2
                    {
                        let skipped = text[..text.len() - start.len()].matches('\n').count();
                        let at = (error.line() + skipped) as u64;
                        return self.source.problems.push(problem(file, at, "json_broken", error.to_string()));
                    }
                }
            }
        }
        self.delimited(file, &text, encoding);
    }

    fn delimited(&mut self, file: &str, text: &str, encoding: &'static str) {
        let (delimiter, width) = delimiter(text);
        let mut records = split(text, delimiter);
        // The header is the first row that fills about as many cells as the widest of the first rows do.
        let filled =
            |record: &StringRecord| record.iter().filter(|cell| !cell.trim_matches(is_blank).is_empty()).count();
        let widest =
            records.iter().take(20).map(|(_, record)| filled(record)).max().unwrap_or_default().min(width.max(1));
        let Some(top) = records
            .iter()
            .take(20)
            .position(|(_, record)| filled(record) * 2 > widest || widest < 3 && filled(record) > 0)
        else {
            return self.source.problems.push(problem(file, 0, "file_empty", "no row holds anything"));
        };
        let header = Header::of(records[top].1.iter().map(|cell| clean(cell).into_owned()));
        let mut rows = Vec::with_capacity(records.len() - top);
        for (line, record) in records.drain(top + 1..) {
            let mut cells = StringRecord::with_capacity(record.as_slice().len(), record.len());
            record.iter().for_each(|cell| cells.push_field(&clean(cell)));
            let blank = cells.as_slice().is_empty();
            let repeated = cells.iter().eq(header.names.iter().map(String::as_str));
            if cells.iter().skip(header.names.len()).any(|cell| !cell.is_empty()) {
                self.source.problems.push(problem(
                    file,
                    line,
                    "row_too_long",
                    format!("{} cells under {} headers", cells.len(), header.names.len()),
                ));
            }
            if !blank && !repeated {
                rows.push(Row { file: file.to_owned(), line, cells, header: Arc::clone(&header) });
            }
        }
        self.source.tables.push(Table { name: table_name(file), file: file.to_owned(), encoding, rows, header });
    }

    fn json(&mut self, file: &str, text: &str, encoding: &'static str, value: &Value) {
        if table_name(file) == "datapackage" {
            for entry in value["resources"].as_array().into_iter().flatten() {
                if let (Some(path), Some(name)) = (entry["path"].as_str(), entry["name"].as_str()) {
                    let folder = file.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
                    self.titles.insert(format!("{folder}{}", path.trim_start_matches("./")), table_name(name));
                }
            }
            return;
        }
        let mut forest = Forest { file, lines: openings(text), ..Forest::default() };
        forest.top(&table_name(file), value);
        self.source.tables.extend(forest.into_tables(encoding));
    }

    fn json_lines(&mut self, file: &str, text: &str, encoding: &'static str) {
        let mut forest = Forest { file, ..Forest::default() };
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_matches(is_blank).is_empty()) {
            forest.fixed = at as u64 + 1;
            match serde_json::from_str::<Value>(line.trim_matches(is_blank)) {
                Ok(value) => forest.top(&table_name(file), &value),
                Err(error) => self.source.problems.push(problem(file, forest.fixed, "json_broken", error.to_string())),
            }
        }
        self.source.tables.extend(forest.into_tables(encoding));
    }
}

/// Text and the encoding it was in: by its byte order mark; UTF-8 where valid; UTF-16 where every other byte is zero;
/// line by line where UTF-8 and Windows-1252 are mixed; the detector's guess, Windows-1252 by default, otherwise.
fn decode(bytes: &[u8]) -> (String, &'static str) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return (encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned(), encoding.name());
    }
    let sample = &bytes[..bytes.len().min(4_096)];
    let zeros = |odd: usize| sample.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count() * 5;
    let (even, odd, half) = (zeros(0), zeros(1), sample.len() / 2);
    let text = if half > 1 && odd > half * 2 && even < half {
        (UTF_16LE.decode_without_bom_handling(bytes).0.into_owned(), UTF_16LE.name())
    } else if half > 1 && even > half * 2 && odd < half {
        (UTF_16BE.decode_without_bom_handling(bytes).0.into_owned(), UTF_16BE.name())
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        (text.to_owned(), UTF_8.name())
    } else {
        let foreign = || bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.is_ascii());
        let (valid, all) = foreign()
            .fold((0, 0), |(valid, all), line| (valid + usize::from(std::str::from_utf8(line).is_ok()), all + 1));
        if valid * 2 > all {
            let mixed = bytes.split_inclusive(|byte| *byte == b'\n').map(|line| {
                std::str::from_utf8(line).map_or_else(|_| WINDOWS_1252.decode_without_bom_handling(line).0, Into::into)
            });
            (mixed.collect(), "UTF-8 with windows-1252")
        } else {
            let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
            detector.feed(bytes, true);
            let guess = detector.guess(None, chardetng::Utf8Detection::Deny);
            (guess.decode_without_bom_handling(bytes).0.into_owned(), guess.name())
        }
    };
    // Old Macintosh line ends.
    if text.0.contains('\r') && !text.0.contains('\n') { (text.0.replace('\r', "\n"), text.1) } else { text }
}

fn reader(text: &str, delimiter: u8, quoting: bool) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .quoting(quoting)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes())
}

/// The delimiter whose first rows agree best on a number of cells, and that number.
fn delimiter(text: &str) -> (u8, usize) {
    let mut end = text.len().min(64 << 10);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut best = ((0, 0), b',');
    for candidate in [b',', b'\t', b';', b'|'] {
        let mut widths: Vec<usize> =
            reader(&text[..end], candidate, true).records().flatten().take(40).map(|record| record.len()).collect();
        if end < text.len() && widths.len() > 1 && widths.len() < 40 {
            widths.pop();
        }
        let agreed = widths
            .iter()
            .filter(|width| **width > 1)
            .map(|width| (widths.iter().filter(|other| *other == width).count(), *width))
            .max()
            .unwrap_or_default();
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
fn clean(cell: &str) -> std::borrow::Cow<'_, str> {
    let mut cell = cell.trim_matches(is_blank);
    let mut doubled = false;
    while let Some(inner) = cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        if inner.replace("\"\"", "").contains('"') {
            break;
        }
        doubled |= inner.contains('"');
        cell = inner.trim_matches(is_blank);
        if doubled {
            break;
        }
    }
    if doubled || cell.contains('\0') {
        return repair(&cell.replace("\"\"", "\"").replace('\0', "")).into_owned().into();
    }
    repair(cell)
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

impl Grown {
    fn place(&mut self, column: &str) -> usize {
        if let Some(at) = self.places.get(column) {
            return *at;
        }
        self.columns.push(column.to_owned());
        self.places.insert(column.to_owned(), self.columns.len() - 1);
        self.columns.len() - 1
    }
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
        let rows = |value: &Value| value.as_array().is_some_and(|list| list.iter().any(Value::is_object));
        match value {
            Value::Array(list) => {
                for value in list {
                    match value {
                        Value::Object(object) => drop(self.row(&self.name_of(name, object), object, None)),
                        other => self.pass(other),
                    }
                }
            }
            Value::Object(object) => {
                let lists = object.values().filter(|value| rows(value)).count();
                let record = object.contains_key("id") || object.contains_key("name") || shape(object).is_some();
                let scalars = object.values().filter(|value| !value.is_array() && !value.is_object()).count();
                if !record && lists > 0 && (lists == 1 || scalars == 0) {
                    self.enter();
                    for (key, value) in object {
                        match rows(value) {
                            true if lists == 1 && !NESTED.contains(&table_name(key).as_str()) => self.top(name, value),
                            true => self.top(&table_name(key), value),
                            false => self.pass(value),
                        }
                    }
                } else if let (false, 1, Some((_, inner))) =
                    (record, object.len(), object.iter().next().filter(|(_, inner)| inner.is_object()))
                {
                    self.enter();
                    self.top(name, inner);
                } else {
                    self.row(&self.name_of(name, object), object, None);
                }
            }
            _ => {}
        }
    }

    /// What a row belongs to: the name of its file or list; the name of its folder; else what its members look like.
    fn name_of(&self, name: &str, object: &Map<String, Value>) -> String {
        let folder = self.file.rsplit('/').nth(1).map(table_name).unwrap_or_default();
        if NESTED.contains(&name) {
            name.to_owned()
        } else if NESTED.contains(&folder.as_str()) {
            folder
        } else {
            shape(object).map_or_else(|| name.to_owned(), str::to_owned)
        }
    }

    /// Adds an object as a row of `table`, its nested lists as rows of their own, and gives its identifier.
    fn row(&mut self, table: &str, object: &Map<String, Value>, parent: Option<(&str, &str)>) -> Option<String> {
        let line = self.enter();
        let id = object.get("id").and_then(scalar);
        let mut cells: Vec<(String, String)> = Vec::new();
        if let Some((column, id)) = parent.filter(|(column, _)| !object.contains_key(*column)) {
            cells.push((column.to_owned(), id.to_owned()));
        }
        // The row keeps its place before its children.
        let at = self.tables.iter().position(|grown| grown.name == table).unwrap_or_else(|| {
            self.tables.push(Grown { name: table.to_owned(), ..Grown::default() });
            self.tables.len() - 1
        });
        let place = self.tables[at].rows.len();
        self.tables[at].rows.push((line, Vec::new()));
        self.members("", object, (table, id.as_deref()), &mut cells);
        let grown = &mut self.tables[at];
        let cells = cells.into_iter().map(|(column, cell)| (grown.place(&column), cell)).collect();
        grown.rows[place].1 = cells;
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
            let nested = path.is_empty() && NESTED.contains(&child.as_str());
            match value {
                Value::Object(inner) if nested && inner.contains_key("id") => {
                    if let Some(id) = self.row(&child, inner, None) {
                        cells.push((format!("{child}_id"), id));
                    }
                }
                Value::Object(inner) => {
                    self.enter();
                    self.members(&column, inner, owner, cells);
                }
                Value::Array(list) if nested && owner.1.is_some() && list.iter().any(Value::is_object) => {
                    let link = format!("{}_id", owner.0);
                    for inner in list {
                        match inner {
                            Value::Object(inner) => {
                                drop(self.row(&child, inner, owner.1.map(|id| (link.as_str(), id))))
                            }
                            other => self.pass(other),
                        }
                    }
                }
                Value::Array(list) => {
                    let plain: Vec<String> = list.iter().filter_map(scalar).collect();
                    if !plain.is_empty() {
                        cells.push((column.clone(), plain.join("; ")));
                    }
                    for (nth, inner) in list.iter().enumerate() {
                        match inner {
                            Value::Object(inner) => {
                                self.enter();
                                let column = if nth == 0 { column.clone() } else { format!("{column}.{}", nth + 1) };
                                self.members(&column, inner, owner, cells);
                            }
                            other => self.pass(other),
                        }
                    }
                }
                other => cells.extend(scalar(other).map(|text| (column, text))),
            }
        }
    }

    fn into_tables(self, encoding: &'static str) -> Vec<Table> {
        let file = self.file.to_owned();
        let tables = self.tables.into_iter().map(|grown| {
            let header = Header::of(grown.columns.into_iter());
            let rows = grown.rows.into_iter().map(|(line, cells)| {
                let mut texts = vec![""; header.names.len()];
                cells.iter().for_each(|(at, cell)| {
                    if let Some(text) = texts.get_mut(*at) {
                        *text = cell;
                    }
                });
                let cells = texts.iter().map(|text| clean(text)).collect::<Vec<_>>();
                Row {
                    file: file.clone(),
                    line,
                    cells: StringRecord::from_iter(cells.iter().map(AsRef::as_ref).collect::<Vec<&str>>()),
                    header: Arc::clone(&header),
                }
            });
            Table { name: grown.name, file: file.clone(), encoding, rows: rows.collect(), header: Arc::clone(&header) }
        });
        tables.collect()
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
