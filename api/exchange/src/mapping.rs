//! What the columns of each kind of file mean, declared in static tables and interpreted by one function.
//!
//! A `Sheet` is a kind of table; its `Target`s are the records one row gives; a target's members, match keys and
//! references each say which column synonyms feed them and which reader cleans them. Nothing is coded per file.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::parsing::{self, Read, line, slug};
use crate::reading::{Row, Source, Table};

/// A kind of file that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImportKind {
    /// A directory of human services (HSDS 1.x to 3.x, tabular or JSON).
    Hsds,
    /// Notices of bargaining, first contracts and work stoppages: employers, unions and their units.
    BargainingNotices,
    /// Rosters and meeting lists of boards.
    Board,
    /// Lists of training providers, colleges and universities, and of their programs.
    Providers,
    /// A table whose headers are the wire members of one collection, named by the file.
    Csv,
    /// Calendars (RFC 5545).
    Ics,
}

impl ImportKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Hsds, Self::BargainingNotices, Self::Board, Self::Providers, Self::Csv, Self::Ics];

    /// The name of the kind on the command line and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hsds => "hsds",
            Self::BargainingNotices => "bargaining-notices",
            Self::Board => "board",
            Self::Providers => "providers",
            Self::Csv => "csv",
            Self::Ics => "ics",
        }
    }

    fn sheets(self) -> &'static [Sheet] {
        match self {
            Self::Hsds => HSDS,
            Self::BargainingNotices => NOTICES,
            Self::Board => BOARDS,
            Self::Providers => PROVIDERS,
            Self::Csv | Self::Ics => &[],
        }
    }
}

impl FromStr for ImportKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            format!("unknown kind `{text}`; one of hsds, bargaining-notices, board, providers, csv, ics")
        })
    }
}

/// What identifies a record over runs and files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ExternalKey {
    /// Who gave the value (`ipeds-unitid`, `f7-employer`).
    pub scheme: String,
    /// The value.
    pub value: String,
}

impl ExternalKey {
    fn new(scheme: impl Into<String>, value: impl Into<String>) -> Self {
        Self { scheme: scheme.into(), value: value.into() }
    }
}

/// A record to create or update.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// The kind of record (`organization`, `resource`, ...).
    pub record: &'static str,
    /// Its match key.
    pub key: ExternalKey,
    /// Its members as they go over the wire.
    pub members: Map<String, Value>,
    /// What the row says beyond the record's members, for the writer to use or to leave.
    pub facts: Map<String, Value>,
    /// Members that point at other records: member, kind of record, match key.
    pub refs: Vec<(&'static str, &'static str, ExternalKey)>,
    /// Identifiers the row gives besides the match key.
    pub identifiers: Vec<ExternalKey>,
    /// The file of the row that decided the content.
    pub file: String,
    /// The line of that row.
    pub line: u64,
}

/// A row or a cell that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The file.
    pub file: String,
    /// The physical line where the row starts; 0 for a whole file.
    pub line: u64,
    /// The member the cell would have fed; empty for a whole row or file.
    pub member: String,
    /// A stable code.
    pub code: &'static str,
    /// What was found.
    pub detail: String,
}

impl Refused {
    pub(crate) fn new(file: &str, line: u64, (member, code, detail): Fault) -> Self {
        Self { file: file.to_owned(), line, member: member.to_owned(), code, detail }
    }
}

/// A member, the code of what is wrong with its cell, and the cell.
type Fault = (&'static str, &'static str, String);

/// Where the rows of one table went. The parts add up to `rows`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Accounted {
    /// The file.
    pub file: String,
    /// The table in it.
    pub table: String,
    /// All rows that hold anything.
    pub rows: usize,
    /// Rows that gave at least one record, or changed one another row gave.
    pub planned: usize,
    /// Rows that said nothing other rows had not said.
    pub duplicates: usize,
    /// Rows refused.
    pub refused: usize,
    /// Rows of tables that are read as parts of other records (addresses, phones).
    pub joined: usize,
    /// Rows of tables this kind of import does not take.
    pub ignored: usize,
}

/// What an import would do.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Plan {
    /// The records, those referred to before those that refer.
    pub planned: Vec<Planned>,
    /// Rows and files not taken.
    pub refused: Vec<Refused>,
    /// Cells left out, and rows that contradict each other.
    pub warnings: Vec<Refused>,
    /// Where every row went, per table.
    pub accounted: Vec<Accounted>,
}

/// Column names that mean the same, with ` | ` between them; compared without case, blanks and punctuation.
type Names = &'static str;

fn each(names: &str) -> impl Iterator<Item = &str> {
    names.split('|').map(str::trim).filter(|name| !name.is_empty())
}

fn pick<'r>(row: &'r Row, names: &str) -> Option<&'r str> {
    each(names).find_map(|name| row.get(&[name]))
}

fn has(table: &Table, names: &str) -> bool {
    each(names).any(|name| table.has(&[name]))
}

/// How a cell's text becomes a wire value.
#[derive(Clone, Copy)]
struct Reader {
    name: &'static str,
    read: fn(&str) -> Read<Value>,
}

/// Where a text comes from.
#[derive(Clone, Copy)]
enum Feed {
    /// The first filled column of these.
    Cells(Names),
    /// Several columns, joined by the second; the first must be filled.
    Parts(&'static [Names], &'static str),
    /// All filled columns, one per line.
    Every(Names),
    /// Columns (as in `Parts`) of the first row these links lead to.
    Via(&'static [&'static Link], &'static [Names], &'static str),
    /// The column of all rows these links lead to, one per line.
    ViaEvery(&'static [&'static Link], Names),
    /// The same for every row.
    Fixed(&'static str),
}
use Feed::{Cells, Every, Fixed, Parts, Via, ViaEvery};

/// From a row to rows of other tables: those whose `theirs` holds what this row has under `ours`.
struct Link {
    name: &'static str,
    tables: Names,
    theirs: Names,
    ours: Names,
    /// Rows with one of these words in one of these columns come first.
    first: (Names, Names),
    /// Rows with one of these words there do not count.
    never: (Names, Names),
    /// Only rows with one of these words there count.
    only: (Names, Names),
}

/// A member of the record, or a fact beside it. One that is named twice takes the first feed that gives a value.
struct Member {
    name: &'static str,
    feed: Feed,
    reader: Reader,
    must: bool,
    fact: bool,
}

/// A piece of a match key.
enum Part {
    /// The cell as it is.
    Id(Feed),
    /// What the reader makes of it, folded; must be there.
    Word(Feed, Reader),
    /// The same, but may be missing.
    Maybe(Feed, Reader),
    /// The key of another target of the row.
    Of(&'static str),
}
use Part::{Id, Maybe, Of, Word};

/// A match key: its scheme and pieces. The values of a local one are short numbers its publisher gave, unique only in
/// one list: its scheme is prefixed with where the list is at home.
struct KeyRule {
    scheme: &'static str,
    local: bool,
    parts: &'static [Part],
}

/// A member that points at another record.
struct Ref {
    member: &'static str,
    record: &'static str,
    to: To,
    must: bool,
}

enum To {
    /// What another target of the same row gives.
    Same(&'static str),
    /// The record with this local identifier.
    Key(&'static str, Feed),
}
use To::{Key, Same};

/// A record that a row gives. A row without an essential one is refused; others are left out silently.
struct Target {
    /// What other targets of the row call it.
    alias: &'static str,
    record: &'static str,
    essential: bool,
    /// The first rule whose pieces are there makes the match key.
    keys: &'static [KeyRule],
    members: &'static [Member],
    refs: &'static [Ref],
    /// Schemes and columns of further identifiers.
    also: &'static [(&'static str, Feed)],
}

/// A kind of table.
struct Sheet {
    title: &'static str,
    /// The names such a table goes by; empty where the columns alone tell.
    tables: Names,
    /// Each group must have a column in a table whose name does not tell.
    columns: &'static [Names],
    /// None of these may be a column.
    without: Names,
    targets: &'static [Target],
}

#[rustfmt::skip]
macro_rules! from {
    ($name:expr, $feed:expr, $reader:expr) => { Member { name: $name, feed: $feed, reader: $reader, must: false, fact: false } };
}
#[rustfmt::skip]
macro_rules! must {
    ($name:expr, $feed:expr, $reader:expr) => { Member { name: $name, feed: $feed, reader: $reader, must: true, fact: false } };
}
#[rustfmt::skip]
macro_rules! fact {
    ($name:expr, $feed:expr, $reader:expr) => { fact!($name, $feed, $reader, OPTIONAL) };
    ($name:expr, $feed:expr, $reader:expr, $must:expr) => { Member { name: $name, feed: $feed, reader: $reader, must: $must, fact: true } };
}
#[rustfmt::skip]
macro_rules! cell {
    ($name:expr, $names:expr, $reader:expr) => { from!($name, Cells($names), $reader) };
}
#[rustfmt::skip]
macro_rules! fixed {
    ($name:expr, $value:expr) => { from!($name, Fixed($value), ONE_LINE) };
}
#[rustfmt::skip]
macro_rules! key {
    ($scheme:expr, $parts:expr) => { KeyRule { scheme: $scheme, local: false, parts: &$parts } };
}
#[rustfmt::skip]
macro_rules! local {
    ($scheme:expr, $parts:expr) => { KeyRule { scheme: $scheme, local: true, parts: &$parts } };
}
#[rustfmt::skip]
macro_rules! same {
    ($member:expr, $record:expr, $alias:expr) => { Ref { member: $member, record: $record, to: Same($alias), must: true } };
}
#[rustfmt::skip]
macro_rules! points {
    ($member:expr, $record:expr, $scheme:expr, $feed:expr, $must:expr) => { Ref { member: $member, record: $record, to: Key($scheme, $feed), must: $must } };
}
#[rustfmt::skip]
macro_rules! none_or {
    () => { &[] };
    ($some:expr) => { &$some };
}
/// Alias, kind of record, whether essential, match keys, members; then references and further identifiers.
#[rustfmt::skip]
macro_rules! target {
    ($alias:expr, $record:expr, $essential:expr, $keys:expr, $members:expr $(, refs $refs:expr)? $(, also $also:expr)?) => {
        Target { alias: $alias, record: $record, essential: $essential, keys: &$keys, members: &$members, refs: none_or!($($refs)?), also: none_or!($($also)?) }
    };
}

const ESSENTIAL: bool = true;
const OPTIONAL: bool = false;

fn wire<T: Into<Value>>(read: Read<T>) -> Read<Value> {
    Ok(read?.map(Into::into))
}

fn kept(text: String) -> Read<Value> {
    Ok(Some(Value::String(text)).filter(|value| value != ""))
}

fn parsed_person(text: &str, part: fn(parsing::PersonName) -> Option<String>) -> Read<Value> {
    wire(Ok(parsing::person(text)?.and_then(part)))
}

/// The same, where a fault of the name is reported by the name itself.
fn beside_person(text: &str, part: fn(parsing::PersonName) -> Option<String>) -> Read<Value> {
    parsed_person(text, part).or(Ok(None))
}

fn ranged(text: &str, most: f64, code: &'static str) -> Read<Value> {
    match parsing::decimal(text)? {
        Some(degrees) if degrees.abs() > most => Err(code),
        degrees => Ok(degrees.filter(|degrees| *degrees != 0.0).map(Value::from)),
    }
}

fn union_label(text: &str) -> Read<Value> {
    let union = parsing::union_name(text);
    match (union.affiliation, union.local) {
        (Some(affiliation), Some(local)) => kept(format!("{affiliation} Local {local}")),
        _ => wire(parsing::label(text.trim_end_matches([' ', '-']))),
    }
}

fn union_kind(text: &str) -> Read<Value> {
    let union = parsing::union_name(text);
    let folded = format!("-{}-", slug(text));
    let council = ["dc", "district", "council", "region", "regional", "rc", "jb"]
        .iter()
        .any(|mark| folded.contains(&format!("-{mark}-")));
    match union.local {
        Some(_) => kept("local".to_owned()),
        None => Ok(council.then(|| "district_council".into())),
    }
}

fn status(text: &str) -> Read<Value> {
    let word = match slug(text).as_str() {
        "active" | "open" | "current" | "approved" | "published" => "active",
        "inactive" | "closed" | "suspended" | "paused" | "on-hold" => "inactive",
        "temporarily-closed" => "temporarily_closed",
        "defunct" | "discontinued" | "ended" | "retired" => "defunct",
        "proposed" | "planned" | "pending" | "coming-soon" => "proposed",
        _ => return Err("status_unknown"),
    };
    kept(word.to_owned())
}

fn zone(text: &str) -> Read<Value> {
    let name = match text.to_uppercase().as_str() {
        "EST" | "EDT" | "ET" | "EASTERN" => "America/New_York",
        "CST" | "CDT" | "CT" | "CENTRAL" => "America/Chicago",
        "MST" | "MDT" | "MT" | "MOUNTAIN" => "America/Denver",
        "PST" | "PDT" | "PT" | "PACIFIC" => "America/Los_Angeles",
        _ => text,
    };
    name.parse::<chrono_tz::Tz>().map_or(Err("time_zone_unknown"), |zone| kept(zone.name().to_owned()))
}

fn cancelled(text: &str) -> Read<Value> {
    let said = text.lines().any(|line| line.to_lowercase().contains("cancel") || line.eq_ignore_ascii_case("true"));
    Ok(said.then_some(Value::Bool(true)))
}

/// Codes of two to six digits; a spreadsheet's `62.0` is 62.
fn naics(text: &str) -> Read<Value> {
    let codes: Vec<String> = parsing::list(text).iter().map(|code| code.trim_end_matches(".0").to_owned()).collect();
    let fits = |code: &String| (2..=6).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
    if codes.iter().all(fits) { some_list(codes) } else { Err("naics_unreadable") }
}

/// Codes as `NN.NNNN`, also from `511020` and from numbers that lost their zeros (`1.0102`).
fn cip(text: &str) -> Read<Value> {
    let codes = parsing::list(text).into_iter().map(|code| {
        let digits = match code.split_once('.') {
            Some((series, rest)) => format!("{series:0>2}{rest:0<4}"),
            None => format!("{code:0>6}"),
        };
        let fits = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| format!("{}.{}", &digits[..2], &digits[2..]))
    });
    codes.collect::<Option<Vec<_>>>().map_or(Err("cip_unreadable"), some_list)
}

fn some_list(entries: Vec<String>) -> Read<Value> {
    Ok(Some(entries).filter(|entries| !entries.is_empty()).map(Into::into))
}

/// The files of a meeting; "Not available" is none.
fn files(text: &str) -> Read<Value> {
    some_list(parsing::list(text).into_iter().filter(|file| !parsing::is_absent(file)).collect())
}

/// A place to meet: not a bare number, nor what a calendar marks between `--em--` signs.
fn place_to_meet(text: &str) -> Read<Value> {
    let text = text.split("--em--").next().unwrap_or_default();
    wire(parsing::label(text).map(|text| text.filter(|text| text.chars().any(char::is_alphabetic))))
}

fn is_board_role(title: &str) -> bool {
    ["chair", "treasurer", "secretary", "vice"].iter().any(|role| title.to_lowercase().contains(role))
}

fn chosen(text: &str, keep: fn(&str) -> bool) -> Read<Value> {
    wire(parsing::label(text).map(|text| text.filter(|text| keep(text))))
}

impl Reader {
    const fn new(name: &'static str, read: fn(&str) -> Read<Value>) -> Self {
        Self { name, read }
    }
}

#[rustfmt::skip]
mod readers {
    use super::*;

    pub const ONE_LINE: Reader = Reader::new("one line", |text| kept(line(text)));
    pub const LINES: Reader = Reader::new("text", |text| kept(parsing::lines(text)));
    pub const PLAIN: Reader = Reader::new("text without HTML", |text| kept(parsing::plain(text)));
    pub const LABEL: Reader = Reader::new("name", |text| wire(parsing::label(text)));
    pub const PLACE: Reader = Reader::new("place to meet", place_to_meet);
    pub const DATE: Reader = Reader::new("date", |text| Ok(parsing::date(text)?.map(|date| date.to_string().into())));
    pub const CLOCK: Reader = Reader::new("time of day", |text| Ok(parsing::time(text)?.map(|time| time.to_string().into())));
    pub const CLOCK_OF: Reader = Reader::new("time of a date-time", |text| Ok(parsing::moment(text)?.and_then(|moment| moment.time).map(|time| time.to_string().into())));
    pub const INSTANT: Reader = Reader::new("instant", |text| Ok(parsing::moment(text)?.and_then(|moment| moment.instant()).map(Into::into)));
    pub const ZONE: Reader = Reader::new("time zone", zone);
    pub const PHONE: Reader = Reader::new("phone", |text| wire(parsing::phone(text)));
    pub const EMAIL: Reader = Reader::new("mail address", |text| wire(parsing::email(text)));
    pub const WEB: Reader = Reader::new("web address", |text| wire(parsing::web(text)));
    pub const POSTAL: Reader = Reader::new("postal code", |text| wire(parsing::postal_code(text)));
    pub const STATE: Reader = Reader::new("state", |text| wire(parsing::state(text)));
    pub const STATE_OF: Reader = Reader::new("state after the comma", |text| wire(parsing::state_of(text)));
    pub const CITY_OF: Reader = Reader::new("city before the comma", |text| wire(parsing::city_of(text)));
    pub const COUNTRY: Reader = Reader::new("country", |text| wire(parsing::country(text)));
    pub const LATITUDE: Reader = Reader::new("latitude", |text| ranged(text, 90.0, "latitude_out_of_range"));
    pub const LONGITUDE: Reader = Reader::new("longitude", |text| ranged(text, 180.0, "longitude_out_of_range"));
    pub const SIZE: Reader = Reader::new("number of people, 0 is unknown", |text| wire(parsing::count(text).map(|size| size.filter(|size| *size > 0))));
    pub const LIST: Reader = Reader::new("list", |text| some_list(parsing::list(text)));
    pub const FILES: Reader = Reader::new("list of files", files);
    pub const LANGUAGES: Reader = Reader::new("language tags", |text| wire(parsing::languages(text)));
    pub const KNOWN_LANGUAGES: Reader = Reader::new("language tags", |text| wire(parsing::languages(text).or(Ok(None))));
    pub const NO_LANGUAGE: Reader = Reader::new("text that names no known language", |text| if parsing::languages(text).is_err() { kept(line(text)) } else { Ok(None) });
    pub const STATUS: Reader = Reader::new("status", status);
    pub const CANCELLED: Reader = Reader::new("says cancelled", cancelled);
    pub const NAICS: Reader = Reader::new("NAICS codes", naics);
    pub const CIP: Reader = Reader::new("CIP codes", cip);
    pub const PERSON: Reader = Reader::new("person", |text| parsed_person(text, |person| Some(person.name)));
    pub const TITLE_OF: Reader = Reader::new("title within the name", |text| beside_person(text, |person| person.title));
    pub const ORGANIZATION_OF: Reader = Reader::new("organisation within the name", |text| beside_person(text, |person| person.organization));
    pub const UNION_LABEL: Reader = Reader::new("union", union_label);
    pub const UNION_KIND: Reader = Reader::new("kind of union", union_kind);
    pub const AFFILIATION: Reader = Reader::new("union's affiliation", |text| wire(Ok(parsing::union_name(text).affiliation)));
    pub const LOCAL: Reader = Reader::new("union's local", |text| wire(Ok(parsing::union_name(text).local)));
    pub const DISTRICT: Reader = Reader::new("rest of a union's name", |text| wire(Ok(parsing::union_name(text).remainder)));
    pub const SECTOR: Reader = Reader::new("sector code of the federal directory", |text| wire(Ok(parsing::institution_sector(text))));
    pub const INSTITUTION: Reader = Reader::new("kind of institution", |text| wire(Ok(parsing::institution_kind(text))));
    pub const KIND: Reader = Reader::new("kind of organisation", |text| wire(Ok(parsing::organization_kind(text))));
    pub const APPOINTER: Reader = Reader::new("an office that appoints", |text| chosen(text, parsing::names_office));
    pub const REPRESENTED: Reader = Reader::new("not an office", |text| chosen(text, |text| !parsing::names_office(text)));
    pub const BOARD_ROLE_OF: Reader = Reader::new("board role within the name", |text| beside_person(text, |person| person.title.filter(|title| is_board_role(title))));
    pub const BODY: Reader = Reader::new("an organisation", |text| chosen(text, parsing::names_organization));
}
use readers::*;

const NO: (Names, Names) = ("", "");
const KIND_OF_PHONE: Names = "number_type | type | phone_type";
const VOICE: (Names, Names) = (KIND_OF_PHONE, "voice | hotline");
const NOT_VOICE: (Names, Names) = (KIND_OF_PHONE, "fax | tty | tdd | sms | pager | textphone | video");
const PHYSICAL: (Names, Names) = ("address_type | type", "physical");

const fn link(name: &'static str, tables: Names, theirs: Names, ours: Names) -> Link {
    Link { name, tables, theirs, ours, first: PHYSICAL, never: NO, only: NO }
}

const fn term(name: &'static str) -> Link {
    link(name, "taxonomy_term | taxonomy", "id", "taxonomy_term_id | taxonomy_id")
}

const fn phone_of(name: &'static str, theirs: Names) -> Link {
    Link { name, tables: "phone", theirs, ours: "id", first: VOICE, never: NOT_VOICE, only: NO }
}

#[rustfmt::skip]
mod links {
    use super::{Link, link, phone_of, term};

    pub static ADDRESS: Link = link("its address", "address | physical_address", "location_id", "id");
    pub static PHONE_OF_ORGANIZATION: Link = phone_of("its phones", "organization_id");
    pub static PHONE_OF_LOCATION: Link = phone_of("the location's phones", "location_id");
    pub static PHONE_OF_SERVICE: Link = phone_of("the service's phones", "service_id");
    pub static PHONE_OF_CONTACT: Link = phone_of("the contact's phones", "contact_id");
    pub static LANGUAGE_OF_SERVICE: Link = link("the service's languages", "language | service_language", "service_id", "id");
    pub static LANGUAGE_OF_LOCATION: Link = link("the location's languages", "language", "location_id", "id");
    pub static ACCESS: Link = link("its accessibility", "accessibility | accessibility_for_disability", "location_id", "id");
    pub static ELIGIBILITY: Link = link("its eligibility", "eligibility", "service_id", "id");
    pub static CLASSED: Link = link("its classification", "service_taxonomy | attribute", "service_id | link_id", "id");
    pub static TERM: Link = Link { never: ("taxonomy", "naics | soc | cip"), ..term("the term") };
    pub static INDUSTRY: Link = Link { only: ("taxonomy", "naics"), ..term("the industry") };
    pub static OCCUPATION: Link = Link { only: ("taxonomy", "soc"), ..term("the occupation") };
    pub static FIELD: Link = Link { only: ("taxonomy", "cip"), ..term("the field of study") };
    pub static GIVEN_AT: Link = link("where it is given", "service_at_location", "service_id", "id");
    pub static GIVEN_HERE: Link = link("what is given there", "service_at_location", "location_id", "id");
    pub static GIVING: Link = link("the service at its location", "service_at_location", "id", "service_at_location_id");
    pub static LOCATION: Link = link("the location", "location", "id", "location_id");
    pub static SERVICE: Link = link("the service", "service", "id", "service_id");
    pub static PROGRAM: Link = link("the program", "program", "id", "program_id");
    pub static NUMBERED: Link = link("its identifiers", "organization_identifier", "organization_id", "id");
}
use links::*;

const NUMBER: &[Names] = &["number | phone_number | phone", "extension | ext"];
const OWNER: Names = "organization_id";

macro_rules! owned {
    ($feed:expr, $must:expr) => {
        owned!("organizationId", $feed, $must)
    };
    ($member:expr, $feed:expr, $must:expr) => {
        points!($member, "organization", "hsds-organization", $feed, $must)
    };
}

#[rustfmt::skip]
const HSDS: &[Sheet] = &[
    Sheet { title: "Organizations", tables: "organization", columns: &["name", "tax_status | legal_status | year_incorporated | date_incorporated | tax_id"], without: "", targets: &[
        target!("organization", "organization", ESSENTIAL, [
            local!("hsds-organization", [Id(Cells("id"))]),
            key!("hsds-organization-name", [Word(Cells("name"), LABEL)]),
        ], [
            must!("name", Cells("name | organization_name"), LABEL),
            cell!("alternateName", "alternate_name", LABEL),
            cell!("description", "description", PLAIN),
            cell!("email", "email", EMAIL),
            cell!("website", "website | url", WEB),
            from!("phone", Via(&[&PHONE_OF_ORGANIZATION], NUMBER, " x"), PHONE),
            cell!("legalStatus", "legal_status", ONE_LINE),
            fact!("taxStatus", Cells("tax_status"), ONE_LINE),
        ], also [("tax-id", Cells("tax_id | ein")), ("hsds-identifier", Via(&[&NUMBERED], &["identifier"], ""))]),
    ] },
    Sheet { title: "Locations", tables: "location", columns: &["latitude", "organization_id"], without: "", targets: &[
        target!("location", "location", ESSENTIAL, [
            local!("hsds-location", [Id(Cells("id"))]),
            key!("hsds-location-name", [Word(Cells("name"), LABEL), Maybe(Cells(OWNER), ONE_LINE)]),
        ], [
            must!("name", Cells("name | location_name | alternate_name"), LABEL),
            must!("name", Via(&[&ADDRESS], &["address_1 | street_address | city"], ""), LABEL),
            cell!("description", "description | short_desc", PLAIN),
            cell!("transportation", "transportation", LINES),
            cell!("latitude", "latitude | lat", LATITUDE),
            cell!("longitude", "longitude | lon | lng", LONGITUDE),
            from!("address", Via(&[&ADDRESS], &["address_1 | street_address | address", "address_2"], ", "), LABEL),
            from!("address", Parts(&["address_1 | street_address", "address_2"], ", "), LABEL),
            from!("city", Via(&[&ADDRESS], &["city"], ""), LABEL),
            cell!("city", "city", LABEL),
            from!("stateProvince", Via(&[&ADDRESS], &["state_province | state | region"], ""), STATE),
            cell!("stateProvince", "state_province | state", STATE),
            from!("postalCode", Via(&[&ADDRESS], &["postal_code | zip | zipcode"], ""), POSTAL),
            cell!("postalCode", "postal_code | zip", POSTAL),
            from!("country", Via(&[&ADDRESS], &["country"], ""), COUNTRY),
            from!("phone", Via(&[&PHONE_OF_LOCATION], NUMBER, " x"), PHONE),
            fact!("alternateName", Cells("alternate_name"), LABEL),
            fact!("email", Cells("email"), EMAIL),
            fact!("website", Cells("website | url"), WEB),
            fact!("accessibility", Cells("accessibility"), LINES),
            fact!("accessibility", ViaEvery(&[&ACCESS], "description | accessibility | details"), LINES),
            fact!("languages", Cells("languages"), KNOWN_LANGUAGES),
            fact!("languages", ViaEvery(&[&LANGUAGE_OF_LOCATION], "name | language | code"), LANGUAGES),
        ], refs [owned!(Cells(OWNER), ESSENTIAL), owned!(Via(&[&GIVEN_HERE, &SERVICE], &[OWNER], ""), ESSENTIAL)]),
    ] },
    Sheet { title: "Services", tables: "service", columns: &["name", "application_process | eligibility | eligibility_description | interpretation_services | wait_time"], without: "", targets: &[
        target!("service", "resource", ESSENTIAL, [
            local!("hsds-service", [Id(Cells("id"))]),
            key!("hsds-service-name", [Word(Cells("name"), LABEL), Maybe(Cells(OWNER), ONE_LINE)]),
        ], [
            fixed!("entryKind", "program"),
            must!("name", Cells("name | service_name"), LABEL),
            cell!("alternateName", "alternate_name", LABEL),
            cell!("description", "description | short_desc", PLAIN),
            cell!("url", "url | website", WEB),
            cell!("email", "email", EMAIL),
            from!("phone", Via(&[&PHONE_OF_SERVICE], NUMBER, " x"), PHONE),
            cell!("status", "status", STATUS),
            cell!("fees", "fees_description | fees | fee", LINES),
            cell!("eligibility", "eligibility_description | eligibility", LINES),
            from!("eligibility", ViaEvery(&[&ELIGIBILITY], "eligibility"), LINES),
            cell!("applicationProcess", "application_process | how_to_apply", LINES),
            cell!("waitTime", "wait_time", LINES),
            cell!("accreditations", "accreditations", LINES),
            fact!("licenses", Cells("licenses"), LINES),
            fact!("interpretationServices", Cells("interpretation_services"), LINES),
            fact!("interpretationServices", Cells("languages"), NO_LANGUAGE),
            cell!("languages", "languages", KNOWN_LANGUAGES),
            from!("languages", ViaEvery(&[&LANGUAGE_OF_SERVICE], "name | language | code"), LANGUAGES),
            cell!("keywords", "keywords | tags", LIST),
            from!("keywords", ViaEvery(&[&CLASSED, &TERM], "name | term"), LIST),
            from!("naics", ViaEvery(&[&CLASSED, &INDUSTRY], "code"), NAICS),
            from!("soc", ViaEvery(&[&CLASSED, &OCCUPATION], "code"), LIST),
            from!("cip", ViaEvery(&[&CLASSED, &FIELD], "code"), CIP),
            fact!("taxonomyCodes", Cells("taxonomy_ids | taxonomy_codes"), LIST),
            fact!("taxonomyCodes", ViaEvery(&[&CLASSED, &TERM], "code | id"), LIST),
            fact!("taxonomyCodes", ViaEvery(&[&CLASSED], "taxonomy_term_id | taxonomy_id"), LIST),
        ], refs [
            owned!("ownerOrganizationId", Cells(OWNER), OPTIONAL),
            owned!("ownerOrganizationId", Via(&[&LOCATION], &[OWNER], ""), OPTIONAL),
            owned!("ownerOrganizationId", Via(&[&GIVEN_AT, &LOCATION], &[OWNER], ""), OPTIONAL),
            owned!("ownerOrganizationId", Via(&[&PROGRAM], &[OWNER], ""), OPTIONAL),
            points!("locationId", "location", "hsds-location", Cells("location_id"), OPTIONAL),
            points!("locationId", "location", "hsds-location", Via(&[&GIVEN_AT], &["location_id"], ""), OPTIONAL),
        ]),
    ] },
    Sheet { title: "Programs", tables: "program", columns: &[], without: "", targets: &[
        target!("program", "resource", ESSENTIAL, [local!("hsds-program", [Id(Cells("id"))])], [
            fixed!("entryKind", "program"),
            must!("name", Cells("name"), LABEL),
            cell!("alternateName", "alternate_name", LABEL),
            cell!("description", "description", PLAIN),
        ], refs [owned!("ownerOrganizationId", Cells(OWNER), OPTIONAL)]),
    ] },
    Sheet { title: "Contacts", tables: "contact", columns: &[], without: "", targets: &[
        target!("person", "person", ESSENTIAL, [
            local!("hsds-contact", [Id(Cells("id"))]),
            key!("hsds-contact-name", [Word(Cells("name"), PERSON), Maybe(Cells(OWNER), ONE_LINE)]),
        ], [
            must!("name", Cells("name"), PERSON),
            fact!("title", Cells("title"), LABEL),
            cell!("email", "email", EMAIL),
            from!("phone", Via(&[&PHONE_OF_CONTACT], NUMBER, " x"), PHONE),
        ]),
        target!("affiliation", "affiliation", OPTIONAL, [key!("hsds-contact", [Of("person")])], [cell!("title", "title", LABEL), fact!("department", Cells("department"), LABEL)], refs [
                same!("personId", "person", "person"),
                owned!(Cells(OWNER), ESSENTIAL),
                owned!(Via(&[&LOCATION], &[OWNER], ""), ESSENTIAL),
                owned!(Via(&[&SERVICE], &[OWNER], ""), ESSENTIAL),
                owned!(Via(&[&SERVICE, &LOCATION], &[OWNER], ""), ESSENTIAL),
                owned!(Via(&[&GIVING, &SERVICE], &[OWNER], ""), ESSENTIAL),
            ]),
    ] },
];

#[rustfmt::skip]
mod notices {
    use super::{Feed, Feed::Parts, Names};

    pub const EMPLOYER: Names = "employer | employer name | name of employer | company | company name";
    pub const EMPLOYER_CITY: Names = "e city | employer city | company city";
    pub const CITY_STATE: Names = "city state | location | city and state";
    pub const EMPLOYER_CONTACT: Names = "e representative | employer representative | employer rep | employer contact | full name employer primary contact contact | employer primary contact";
    pub const EMPLOYER_TITLE: Names = "e rep title | employer rep title | employer representative title | employer contact title";
    pub const EMPLOYER_PHONE: Names = "e rep phone | employer rep phone | employer representative phone | employer phone | employer contact phone";
    pub const EMPLOYER_EMAIL: Names = "e rep email | employer rep email | employer representative email | employer email";
    pub const UNION: Names = "union name and local number | union name | union | union name local number | labor organization | name of union | union organization";
    pub const UNION_AND_LOCAL: Feed = Parts(&[UNION, "union local | local number | local | union local number"], " ");
    pub const UNION_CITY: Names = "u city | union city";
    pub const UNION_STATE: Names = "u state | union state";
    pub const UNION_CONTACT: Names = "u representative | union representative | union rep | union contact | full name union primary contact contact | union primary contact";
    pub const UNION_TITLE: Names = "u rep title | union rep title | union representative title | union contact title";
    pub const UNION_PHONE: Names = "u rep phone | union rep phone | union representative phone | union phone | union contact phone";
    pub const UNION_EMAIL: Names = "u rep email | union rep email | union representative email | union email";
    pub const PLACE_CITY: Names = "a city | affected location city | affected city | location city";
    pub const PLACE_STATE: Names = "a state | affected location state | affected state | location state";
    pub const PLACE_POSTAL: Names = "a zip | affected location zip | affected zip | location zip";
}

#[rustfmt::skip]
const NOTICES: &[Sheet] = {
    use notices::*;
    &[Sheet { title: "Notices of bargaining, first contracts, work stoppages", tables: "", columns: &[EMPLOYER, UNION], without: "", targets: &[
        target!("employer", "organization", ESSENTIAL, [
            key!("f7-employer", [Word(Cells(EMPLOYER), LABEL), Word(Cells(EMPLOYER_CITY), LABEL)]),
            key!("f7-employer", [Word(Cells(EMPLOYER), LABEL), Word(Cells(CITY_STATE), CITY_OF)]),
            key!("f7-employer", [Word(Cells(EMPLOYER), LABEL), Maybe(Cells(PLACE_CITY), LABEL)]),
        ], [
            must!("name", Cells(EMPLOYER), LABEL),
            fixed!("kind", "employer"),
            from!("address", Parts(&["e street | employer street | employer address | employer street 1", "e street 2 | employer street 2 | employer address 2"], ", "), LABEL),
            cell!("city", EMPLOYER_CITY, LABEL),
            cell!("city", CITY_STATE, CITY_OF),
            cell!("stateProvince", "e state | employer state", STATE),
            cell!("stateProvince", CITY_STATE, STATE_OF),
            cell!("postalCode", "e zip | employer zip | employer zip code", POSTAL),
            fact!("industry", Cells("industry | industry code | industry description"), LABEL),
            cell!("naics", "naics | naics code", NAICS),
        ]),
        target!("union", "organization", OPTIONAL, [
            key!("f7-union", [Word(UNION_AND_LOCAL, AFFILIATION), Word(UNION_AND_LOCAL, LOCAL), Maybe(Cells(UNION_STATE), STATE)]),
            key!("f7-union", [Word(UNION_AND_LOCAL, UNION_LABEL), Maybe(Cells(UNION_CITY), LABEL), Maybe(Cells(UNION_STATE), STATE)]),
        ], [
            must!("name", UNION_AND_LOCAL, UNION_LABEL),
            fixed!("kind", "union"),
            from!("address", Parts(&["u street | union street | union address | union street 1", "u street 2 | union street 2 | union address 2"], ", "), LABEL),
            cell!("city", UNION_CITY, LABEL),
            cell!("stateProvince", UNION_STATE, STATE),
            cell!("postalCode", "u zip | union zip | union zip code", POSTAL),
        ]),
        target!("employerPartner", "partner", OPTIONAL, [key!("f7-partner", [Of("employer")])], [fact!("kind", Fixed("employer"), ONE_LINE), cell!("naics", "naics | naics code", NAICS)], refs [same!("organizationId", "organization", "employer")]),
        target!("unionPartner", "partner", OPTIONAL, [key!("f7-partner", [Of("union")])], [
            fact!("kind", Fixed("union"), ONE_LINE),
            from!("unionAffiliation", UNION_AND_LOCAL, AFFILIATION),
            from!("local", UNION_AND_LOCAL, LOCAL),
            from!("unionKind", UNION_AND_LOCAL, UNION_KIND),
            fact!("district", UNION_AND_LOCAL, DISTRICT),
        ], refs [same!("organizationId", "organization", "union")]),
        target!("employerContact", "person", OPTIONAL, [key!("f7-person", [Word(Cells(EMPLOYER_CONTACT), PERSON), Of("employer")])], [
            must!("name", Cells(EMPLOYER_CONTACT), PERSON),
            fact!("title", Cells(EMPLOYER_TITLE), LABEL),
            cell!("email", EMPLOYER_EMAIL, EMAIL),
            cell!("phone", EMPLOYER_PHONE, PHONE),
        ]),
        target!("employerAffiliation", "affiliation", OPTIONAL, [key!("f7-person", [Of("employerContact")])], [cell!("title", EMPLOYER_TITLE, LABEL)], refs [same!("personId", "person", "employerContact"), same!("organizationId", "organization", "employer")]),
        target!("unionContact", "person", OPTIONAL, [key!("f7-person", [Word(Cells(UNION_CONTACT), PERSON), Of("union")])], [
            must!("name", Cells(UNION_CONTACT), PERSON),
            fact!("title", Cells(UNION_TITLE), LABEL),
            cell!("email", UNION_EMAIL, EMAIL),
            cell!("phone", UNION_PHONE, PHONE),
        ]),
        target!("unionAffiliation", "affiliation", OPTIONAL, [key!("f7-person", [Of("unionContact")])], [cell!("title", UNION_TITLE, LABEL)], refs [same!("personId", "person", "unionContact"), same!("organizationId", "organization", "union")]),
        target!("unit", "bargainingUnit", OPTIONAL, [key!("f7-unit", [Of("employer"), Of("union"), Maybe(Cells(PLACE_CITY), LABEL), Maybe(Cells(PLACE_POSTAL), POSTAL)])], [
            from!("description", Parts(&[PLACE_CITY, PLACE_STATE], ", "), LABEL),
            cell!("size", "bargaining unit size | bu | bu size | unit size | bargaining unit", SIZE),
            cell!("establishmentSize", "establishment size | est size", SIZE),
            cell!("expiresOn", "expiration date | contract expiration date | contract expiration | expires on | expires", DATE),
            cell!("noticedOn", "notice date | received date | date received | date of notice | notice received | initiated date | date submitted", DATE),
        ], refs [same!("employerOrganizationId", "organization", "employer"), same!("unionOrganizationId", "organization", "union")]),
    ] }]
};

#[rustfmt::skip]
mod boards {
    use super::{Feed, Feed::{Cells, Parts}, Names};

    pub const BOARD: Names = "board | board name | board or commission | board commission | commission | committee | body | authority | public body | event body name | organizer display name | agency name | agency | name label";
    pub const MEMBER: Feed = Cells("member name | board member | member | appointee | appointee name | incumbent | full name | name | contact name");
    pub const MEMBER_PARTS: Feed = Parts(&["first name | firstname | given name", "last name | lastname | surname | family name"], " ");
    pub const ANY_MEMBER: Names = "member name | board member | member | appointee | appointee name | incumbent | full name | name | contact name | last name | lastname | surname | family name";
    pub const TERM_ENDS: Names = "term ends | term end | term ends on | term end date | term expires | term expires on | term expiration | term expiration date | term expiry | expiration date | expiration of term | expires | end of term | current term ends | current term expires | appointment end date | end date";
    pub const TERM_STARTS: Names = "term starts | term start | term starts on | term start date | term begins | appointment date | date appointed | appointed on | appointed | original appointment date | start date";
    pub const APPOINTED_BY: Names = "appointed by | appointing authority | appointer | appointing body | nominated by | appointed by whom";
    /// One column for who appoints and for what the seat stands.
    pub const APPOINTED_FOR: Names = "appointed by representation | appointed by representing | representation appointed by | appointment";
    pub const STANDS_FOR: Names = "representation | representing | represents | category | sector | seat category | membership category | membership type | constituency | representation category";
    pub const EMPLOYED_BY: Names = "organization | organization name | organization represented | company | company name | employer | affiliation | agency | business | business name | institution";
    pub const ROLE: Names = "role | board role | position | board position | seat | seat type | office | officer | leadership role";
    pub const TITLE: Names = "title | job title | professional title | occupation | member title";
    pub const ANY_OF_A_SEAT: Names = "term ends | term end | term ends on | term end date | term expires | term expires on | term expiration | term expiration date | expiration date | expires | end date | term | term start | term start date | appointment date | date appointed | appointed by | appointing authority | appointed by representation | appointed by representing | representation | representing | represents | category | sector | role | board role | position | seat | organization | organization name | company | employer | affiliation | title | job title";
    pub const NOT_A_MEETING: Names = "term ends | term end | term ends on | term end date | term expires | term expires on | term expiration | term expiration date | appointed by | appointed by representation | appointing authority | appointment date | date appointed | last name";
    pub const DAY: Names = "meeting date | date | start | start date time | start datetime | event date | starts on | meeting start | date time | datetime | start date | starts at | start time";
    pub const CLOCK_TIME: Names = "meeting time | start time | time | event time";
    pub const SUBJECT: Names = "title | meeting title | event title | summary | meeting name | event name | subject | meeting | event | name | name label | body | event body name";
}

#[rustfmt::skip]
const BOARDS: &[Sheet] = {
    use boards::*;
    &[
        Sheet { title: "Meetings", tables: "", columns: &[DAY, SUBJECT], without: NOT_A_MEETING, targets: &[
            target!("meeting", "meeting", ESSENTIAL, [
                key!("meeting-uid", [Id(Cells("i cal uid | uid | i calendar url | meeting id | datalayer id | event guid")), Word(Cells(DAY), DATE)]),
                key!("board-meeting", [Maybe(Cells(BOARD), LABEL), Word(Cells(DAY), DATE), Maybe(Cells(CLOCK_TIME), CLOCK), Word(Cells(SUBJECT), LABEL)]),
            ], [
                must!("title", Cells(SUBJECT), LABEL),
                fact!("startsOn", Cells(DAY), DATE, ESSENTIAL),
                fact!("startTime", Cells(CLOCK_TIME), CLOCK),
                fact!("startTime", Cells(DAY), CLOCK_OF),
                cell!("startsAt", DAY, INSTANT),
                fact!("endTime", Cells("end time"), CLOCK),
                fact!("endTime", Cells("end | end date time | ends at | end time"), CLOCK_OF),
                fact!("endsAt", Cells("end date time | end | ends at"), INSTANT),
                cell!("timeZone", "start time zone | time zone | start event time zone", ZONE),
                fact!("board", Cells(BOARD), LABEL),
                cell!("place", "location | meeting location | place | venue name | venue slug | venue | location name | physical list location name | event location", PLACE),
                cell!("place", "location address | address | physical list street line one", PLACE),
                fact!("description", Cells("description | event details | event description | purpose | notes | comment"), PLAIN),
                cell!("url", "url | link | html link | meeting details url | event path | event url", WEB),
                fact!("cancelled", Every("status | meeting status | event status | canceled | cancelled | canceled event | is cancelled | meeting location | location | title | summary | event title"), CANCELLED),
                fact!("files", Every("files | documents | attachments | files path | files 2 path | files 3 path | documents url | documents 2 url | attachments url | agenda url | accessible agenda url | agenda packet url | minutes url | accessible minutes url | video url | agenda | minutes | packet"), FILES),
            ]),
        ] },
        Sheet { title: "Rosters", tables: "", columns: &[ANY_MEMBER, ANY_OF_A_SEAT], without: "", targets: &[
            target!("person", "person", ESSENTIAL, [
                key!("board-person", [Word(MEMBER, PERSON), Maybe(Cells(BOARD), LABEL)]),
                key!("board-person", [Word(MEMBER_PARTS, PERSON), Maybe(Cells(BOARD), LABEL)]),
            ], [
                must!("name", MEMBER, PERSON),
                must!("name", MEMBER_PARTS, PERSON),
                fact!("title", Cells(TITLE), LABEL),
                fact!("title", MEMBER, TITLE_OF),
                cell!("email", "email | e mail | email address | member email", EMAIL),
                cell!("phone", "phone | phone number | telephone | member phone", PHONE),
            ]),
            target!("organization", "organization", OPTIONAL, [
                key!("board-organization", [Word(Cells(EMPLOYED_BY), LABEL)]),
                key!("board-organization", [Word(MEMBER, ORGANIZATION_OF)]),
                key!("board-organization", [Word(Cells(STANDS_FOR), BODY)]),
                key!("board-organization", [Word(Cells(APPOINTED_FOR), BODY)]),
            ], [
                must!("name", Cells(EMPLOYED_BY), LABEL),
                must!("name", MEMBER, ORGANIZATION_OF),
                must!("name", Cells(STANDS_FOR), BODY),
                must!("name", Cells(APPOINTED_FOR), BODY),
                cell!("kind", STANDS_FOR, KIND),
                cell!("kind", EMPLOYED_BY, KIND),
                cell!("kind", APPOINTED_FOR, KIND),
            ]),
            target!("partner", "partner", OPTIONAL, [key!("board-partner", [Of("organization")])], [fact!("kind", Cells(STANDS_FOR), KIND), fact!("kind", Cells(EMPLOYED_BY), KIND), fact!("kind", Cells(APPOINTED_FOR), KIND)], refs [same!("organizationId", "organization", "organization")]),
            target!("affiliation", "affiliation", OPTIONAL, [key!("board-person", [Of("person"), Of("organization")])], [cell!("title", TITLE, LABEL), from!("title", MEMBER, TITLE_OF)], refs [same!("personId", "person", "person"), same!("organizationId", "organization", "organization")]),
            target!("seat", "seat", ESSENTIAL, [key!("board-seat", [Of("person")])], [
                cell!("appointedBy", APPOINTED_FOR, LABEL),
                cell!("appointedBy", APPOINTED_BY, LABEL),
                cell!("appointedBy", STANDS_FOR, LABEL),
                cell!("expectedEndOn", TERM_ENDS, DATE),
                fact!("startsOn", Cells(TERM_STARTS), DATE),
                fact!("board", Cells(BOARD), LABEL),
                fact!("role", Cells(ROLE), LABEL),
                fact!("role", MEMBER, BOARD_ROLE_OF),
                fact!("appointer", Cells(APPOINTED_BY), LABEL),
                fact!("appointer", Cells(APPOINTED_FOR), APPOINTER),
                fact!("representation", Cells(STANDS_FOR), LABEL),
                fact!("representation", Cells(APPOINTED_FOR), REPRESENTED),
            ], refs [same!("personId", "person", "person"), Ref { must: false, ..same!("partnerId", "partner", "partner") }]),
        ] },
    ]
};

#[rustfmt::skip]
mod providers {
    use super::{Feed, Feed::{Cells, Parts}, KeyRule, LABEL, Names, Part::{Id, Maybe, Word}, STATE};

    pub const PROVIDER: Names = "provider name | training provider name | training provider | eligible training provider | name of provider | provider | institution name | instnm | institution | school name | school | college name | organization name | organization | agency name | company name";
    pub const NAMED: Names = "provider name | training provider name | training provider | eligible training provider | name of provider | provider | institution name | instnm | institution | school name | school | college name | organization name | organization | agency name | company name | name";
    pub const NUMBER: Names = "provider id | training provider id | provider number | etp id | provider ref | institution id | school id | provider code | provider uuid";
    pub const UNITID: Names = "unitid | ipeds id | ipeds unitid";
    pub const CITY: Names = "provider city | city | physical city | location city | institution city | provider addresses city | campus city";
    pub const STATE_NAME: Names = "provider state | state | stabbr | state code | physical state | provider addresses state code | institution state | state province";
    pub const ZIP: Names = "provider zip | zip | zip code | postal code | physical zip | provider zip code | provider addresses zip code | institution zip";
    pub const STREET: Names = "provider address | street 1 | street | address | address 1 | addr | street address | physical address | provider street | provider addresses address 1 | provider address 1 | address line 1";
    pub const TELEPHONE: Feed = Parts(&["phone | provider phone | phone number | telephone | gentele | main phone | contact phone | provider addresses phone | provider phone number", "phone extension | extension | ext | phone ext"], " x");
    pub const OWN_WEB: Names = "provider website | provider url | provider web site | school website | institution website | provider addresses website | webaddr";
    pub const ANY_WEB: Names = "website | web site | url | web address | web page | home page";
    pub const ANY_PLACE: Names = "provider city | city | physical city | provider addresses city | zip | zip code | postal code | address | street 1 | street address | state | stabbr | phone | telephone | website | provider website | webaddr | provider address | provider phone";
    pub const CONTACT: Feed = Cells("contact name | contact person | provider contact | provider contact name | primary contact | chfnm | provider addresses contact | chief administrator");
    pub const CONTACT_PARTS: Feed = Parts(&["contact first name | first name", "contact last name | last name"], " ");
    pub const CONTACT_TITLE: Names = "contact title | chftitle | contact job title | provider contact title";
    pub const PROGRAM: Names = "program name | training program name | program title | name of program | training program | program | course name | course title | program of study name";
    pub const PROGRAM_NUMBER: KeyRule = local!("etpl-program", [Id(Cells("program id | training program id | course id | program uuid | program number | id"))]);
    pub const BY_UNITID: KeyRule = key!("ipeds-unitid", [Id(Cells(UNITID))]);
    pub const BY_NUMBER: KeyRule = local!("etpl-provider", [Id(Cells(NUMBER))]);
    pub const BY_NAME: KeyRule = key!("provider-name", [Word(Cells(NAMED), LABEL), Maybe(Cells(CITY), LABEL), Maybe(Cells(STATE_NAME), STATE)]);
}

/// A provider. In a list of programs plain headers such as `website` speak of the program.
#[rustfmt::skip]
macro_rules! provider {
    ($keys:expr $(, $more:expr)*) => {
        target!("provider", "organization", ESSENTIAL, $keys, [
            must!("name", Cells(NAMED), LABEL),
            cell!("alternateName", "alternate name | ialias | alias | doing business as | dba", LABEL),
            cell!("kind", "sector", SECTOR),
            cell!("kind", "provider type name | provider type | institution type | type of entity | entity type | type of provider | school type", INSTITUTION),
            cell!("kind", NAMED, INSTITUTION),
            fixed!("kind", "training_provider"),
            from!("address", Parts(&[STREET, "street 2 | address 2 | provider address 2 | address line 2 | provider addresses address 2"], ", "), LABEL),
            cell!("city", CITY, LABEL),
            cell!("stateProvince", STATE_NAME, STATE),
            cell!("postalCode", ZIP, POSTAL),
            fact!("county", Cells("county | countynm | county name | provider county"), LABEL),
            fact!("latitude", Cells("latitude | lat | provider addresses latitude"), LATITUDE),
            fact!("longitude", Cells("longitude | longitud | lon | lng | provider addresses longitude"), LONGITUDE),
            from!("phone", TELEPHONE, PHONE),
            cell!("email", "email | e mail | email address | provider email | contact email | provider addresses email", EMAIL),
            cell!("website", OWN_WEB, WEB),
            $($more),*
        ], also [("opeid", Cells("opeid | ope id")), ("ein", Cells("ein | fein | tax id")), ("duns", Cells("duns")), ("ipeds-unitid", Cells(UNITID))])
    };
}

#[rustfmt::skip]
const PROVIDERS: &[Sheet] = {
    use providers::*;
    const PARTNER: Target = target!("partner", "partner", OPTIONAL, [key!("provider-partner", [Of("provider")])], [
        fact!("kind", Fixed("institution"), ONE_LINE),
        cell!("accreditation", "accreditation | accrediting agency | accredited by | nongovapproval", LABEL),
        fact!("listingStatus", Cells("status name | approval status | provider status | etp status"), LABEL),
    ], refs [same!("organizationId", "organization", "provider")]);
    const PERSON_THERE: Target = target!("contact", "person", OPTIONAL, [key!("provider-contact", [Word(CONTACT_PARTS, PERSON), Of("provider")]), key!("provider-contact", [Word(CONTACT, PERSON), Of("provider")])], [
        must!("name", CONTACT_PARTS, PERSON),
        must!("name", CONTACT, PERSON),
        fact!("title", Cells(CONTACT_TITLE), LABEL),
        cell!("email", "contact email | contact e mail", EMAIL),
        cell!("phone", "contact phone | contact phone number", PHONE),
    ]);
    const AFFILIATED: Target = target!("affiliation", "affiliation", OPTIONAL, [key!("provider-contact", [Of("contact")])], [cell!("title", CONTACT_TITLE, LABEL)], refs [same!("personId", "person", "contact"), same!("organizationId", "organization", "provider")]);
    const ABOUT_PROGRAM: [Member; 6] = [
        fixed!("entryKind", "program"),
        must!("name", Cells(PROGRAM), LABEL),
        cell!("description", "program description | training program description | course description | description", PLAIN),
        cell!("url", "program url | program website | course url | program web site | website | url", WEB),
        cell!("eligibility", "prerequisites | prerequisite skills | program prerequisites | entrance requirements", LINES),
        cell!("cip", "cip code text | cip code | cip | program cip code | cip codes", CIP),
    ];
    &[
        Sheet { title: "Programs with their providers", tables: "", columns: &[PROVIDER, PROGRAM], without: "", targets: &[
            provider!([BY_UNITID, BY_NUMBER, BY_NAME]),
            PARTNER,
            PERSON_THERE,
            AFFILIATED,
            target!("program", "resource", OPTIONAL, [PROGRAM_NUMBER, key!("program-name", [Of("provider"), Word(Cells(PROGRAM), LABEL)])], ABOUT_PROGRAM, refs [same!("ownerOrganizationId", "organization", "provider")]),
        ] },
        Sheet { title: "Programs alone", tables: "", columns: &[PROGRAM], without: "", targets: &[
            target!("program", "resource", ESSENTIAL, [PROGRAM_NUMBER, key!("program-name", [Word(Cells(PROGRAM), LABEL)])], ABOUT_PROGRAM, refs [points!("ownerOrganizationId", "organization", "etpl-provider", Cells(NUMBER), OPTIONAL)]),
        ] },
        Sheet { title: "Providers", tables: "", columns: &[NAMED, ANY_PLACE], without: "", targets: &[
            provider!([BY_UNITID, BY_NUMBER, local!("etpl-provider", [Id(Cells("id"))]), BY_NAME], cell!("website", ANY_WEB, WEB)),
            PARTNER,
            PERSON_THERE,
            AFFILIATED,
        ] },
    ]
};

/// The collections a plain table can be of, by the record a row gives.
#[rustfmt::skip]
const COLLECTIONS: &[&str] = &[
    "organization", "person", "affiliation", "partner", "employer", "union", "institution", "bargainingUnit", "location",
    "resource", "seat", "outreachTouch", "meetingSeries", "meeting",
];

/// Columns of a plain table that point at another row by its match key: column, member, record.
#[rustfmt::skip]
const POINTERS: &[(&str, &str, &str)] = &[
    ("organizationKey", "organizationId", "organization"), ("ownerOrganizationKey", "ownerOrganizationId", "organization"),
    ("employerOrganizationKey", "employerOrganizationId", "organization"), ("unionOrganizationKey", "unionOrganizationId", "organization"),
    ("partnerKey", "partnerId", "partner"), ("personKey", "personId", "person"), ("locationKey", "locationId", "location"),
    ("seatKey", "seatId", "seat"), ("meetingKey", "meetingId", "meeting"),
];

/// Records in the order in which they refer to each other.
#[rustfmt::skip]
const ORDER: &[&str] = &[
    "organization", "partner", "employer", "union", "institution", "person", "affiliation", "location", "resource",
    "bargainingUnit", "seat", "meetingSeries", "meeting",
];

/// Longer match keys are cut and told apart by a digest.
const LONGEST_KEY: usize = 300;

/// Works out what an import of `source` as `kind` would do. Nothing is written; the same source gives the same plan.
pub fn plan(kind: ImportKind, source: &Source) -> Plan {
    if kind == ImportKind::Ics {
        return crate::ics::plan(source);
    }
    let sheets = kind.sheets();
    let links = links_of(sheets);
    let mut planner = Planner { home: home(kind, source), ..Planner::default() };
    planner.indexes.extend(links.iter().map(|link| (link.name, index(source, link))));
    let mut unknown: BTreeMap<&str, Vec<&Table>> = BTreeMap::new();
    for table in &source.tables {
        let mut account = Accounted { file: table.file.clone(), table: table.name.clone(), ..Accounted::default() };
        account.rows = table.rows.len();
        let sheet = sheets.iter().find(|sheet| sheet.fits(table));
        let collection = COLLECTIONS.iter().find(|record| record.to_lowercase() == table.name.replace('_', ""));
        let collection = collection.filter(|_| kind == ImportKind::Csv);
        if sheet.is_some() || collection.is_some() {
            for row in &table.rows {
                let planned = sheet.map(|sheet| planner.row(sheet, row));
                match planned.or_else(|| collection.map(|record| planner.plain(record, row))) {
                    Some(Fate::Planned) => account.planned += 1,
                    Some(Fate::Duplicate) => account.duplicates += 1,
                    Some(Fate::Refused) | None => account.refused += 1,
                }
            }
        } else if links.iter().any(|link| names_table(link.tables, table)) {
            account.joined = account.rows;
        } else {
            account.ignored = account.rows;
            unknown.entry(&table.name).or_default().push(table);
        }
        planner.plan.accounted.push(account);
    }
    let Planner { mut plan, places, .. } = planner;
    for fault in &source.problems {
        let list = if fault.code == "row_too_long" { &mut plan.warnings } else { &mut plan.refused };
        list.push(Refused::new(&fault.file, fault.line, ("", fault.code, fault.detail.clone())));
    }
    for calendar in &source.calendars {
        let detail = "a calendar; import it as ics".to_owned();
        plan.refused.push(Refused::new(&calendar.file, 0, ("", "table_not_taken", detail)));
    }
    // Beside tables that were taken, one that was not is worth a word; alone, it is the whole import refused.
    let taken = plan.accounted.iter().any(|account| account.ignored + account.joined < account.rows);
    for (name, tables) in unknown {
        let rows: usize = tables.iter().map(|table| table.rows.len()).sum();
        let headers: String = tables[0].headers().join(", ").chars().take(160).collect();
        let detail = format!("table `{name}`, {rows} rows in {} files, headers {headers}", tables.len());
        let list = if taken { &mut plan.warnings } else { &mut plan.refused };
        list.push(Refused::new(&tables[0].file, 0, ("", "table_not_taken", detail)));
    }
    // A tax number that several branches share identifies none of them.
    let mut holders: HashMap<(&str, ExternalKey), usize> = HashMap::new();
    for planned in &plan.planned {
        for (member, record, key) in &planned.refs {
            if !places.contains_key(&(*record, key.clone())) {
                let detail = format!("{record} {}:{}", key.scheme, key.value);
                let fault = (*member, "reference_not_in_files", detail);
                plan.warnings.push(Refused::new(&planned.file, planned.line, fault));
            }
        }
        for identifier in &planned.identifiers {
            *holders.entry((planned.record, identifier.clone())).or_default() += 1;
        }
    }
    for planned in &mut plan.planned {
        let record = planned.record;
        planned.identifiers.retain(|identifier| holders.get(&(record, identifier.clone())) == Some(&1));
    }
    let rank = |record: &str| ORDER.iter().position(|other| *other == record).unwrap_or(ORDER.len());
    plan.planned.sort_by_key(|planned| rank(planned.record));
    plan
}

fn names_table(names: &str, table: &Table) -> bool {
    each(names).any(|name| name == table.name)
}

impl Sheet {
    fn fits(&self, table: &Table) -> bool {
        let known = HSDS.iter().any(|sheet| sheet.tables == table.name);
        let shaped =
            !self.columns.is_empty() && self.columns.iter().all(|group| has(table, group)) && !has(table, self.without);
        self.tables == table.name || (shaped && (self.tables.is_empty() || !known))
    }

    /// Every place a text is read from.
    fn feeds(&self) -> impl Iterator<Item = &'static Feed> + use<> {
        let targets = self.targets;
        targets.iter().flat_map(|target| {
            let parts = target.keys.iter().flat_map(|rule| rule.parts).filter_map(|part| match part {
                Id(feed) | Word(feed, _) | Maybe(feed, _) => Some(feed),
                Of(_) => None,
            });
            let refs = target.refs.iter().filter_map(|reference| match &reference.to {
                Key(_, feed) => Some(feed),
                Same(_) => None,
            });
            target
                .members
                .iter()
                .map(|member| &member.feed)
                .chain(parts)
                .chain(refs)
                .chain(target.also.iter().map(|(_, feed)| feed))
        })
    }
}

fn links_of(sheets: &'static [Sheet]) -> Vec<&'static Link> {
    let paths = sheets.iter().flat_map(Sheet::feeds).filter_map(|feed| match feed {
        Via(path, ..) | ViaEvery(path, _) => Some(*path),
        _ => None,
    });
    let mut links: Vec<&'static Link> = paths.flatten().copied().collect();
    links.sort_by_key(|link| link.name);
    links.dedup_by_key(|link| link.name);
    links
}

type Index<'a> = HashMap<&'a str, Vec<&'a Row>>;

fn index<'a>(source: &'a Source, link: &Link) -> Index<'a> {
    let mut index = Index::new();
    // Nested JSON repeats a phone with each service of its organization: once is enough.
    let mut seen = HashSet::new();
    let tables = source.tables.iter().filter(|table| names_table(link.tables, table));
    for row in tables.flat_map(|table| &table.rows) {
        let own = row.get(&["id"]).unwrap_or_else(|| row.content());
        for id in each(link.theirs).filter_map(|column| row.get(&[column])) {
            if seen.insert((id, own)) {
                index.entry(id).or_default().push(row);
            }
        }
    }
    index
}

/// Where a list is at home, by the most frequent state (and city): what keeps the short numbers of two publishers apart.
fn home(kind: ImportKind, source: &Source) -> Option<String> {
    let (states, cities) = match kind {
        ImportKind::Hsds => ("state_province | state | region", "city"),
        ImportKind::Providers => (providers::STATE_NAME, ""),
        _ => return None,
    };
    let mut votes: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for row in source.tables.iter().filter(|table| has(table, states)).flat_map(|table| &table.rows) {
        let city = pick(row, cities).map(slug).unwrap_or_default();
        let state = pick(row, states).map(slug).unwrap_or_default();
        *votes.entry(state).or_default().entry(city).or_default() += 1;
    }
    votes.remove("");
    let (state, cities) = votes.into_iter().rev().max_by_key(|(_, cities)| cities.values().sum::<usize>())?;
    let (city, _) = cities.into_iter().rev().max_by_key(|(_, count)| *count)?;
    Some(if city.is_empty() { state } else { format!("{state}-{city}") })
}

#[derive(Default)]
struct Planner<'a> {
    home: Option<String>,
    indexes: HashMap<&'static str, Index<'a>>,
    plan: Plan,
    places: HashMap<(&'static str, ExternalKey), usize>,
    contradicted: HashSet<(usize, String)>,
}

/// The keys of what a row gave so far, by alias.
type Made = HashMap<&'static str, ExternalKey>;

/// Whether an identifier can be unique only in its list.
fn is_short(id: &str) -> bool {
    id.len() < 16
}

enum Fate {
    Planned,
    Duplicate,
    Refused,
}

impl<'a> Planner<'a> {
    /// The rows that links lead to from a row.
    fn follow(&self, links: &[&'static Link], row: &'a Row) -> Vec<&'a Row> {
        let mut rows = vec![row];
        for link in links {
            let next = rows
                .iter()
                .filter_map(|row| self.indexes.get(link.name)?.get(pick(row, link.ours)?))
                .flatten()
                .copied();
            let says = |row: &Row, (columns, words): (Names, Names)| {
                pick(row, columns).is_some_and(|cell| each(words).any(|word| cell.eq_ignore_ascii_case(word)))
            };
            rows = next.filter(|row| !says(row, link.never) && (link.only == NO || says(row, link.only))).collect();
            rows.sort_by_key(|row| !says(row, link.first));
        }
        rows
    }

    fn text(&self, feed: &Feed, row: &'a Row) -> Option<String> {
        let parts = |row: &Row, parts: &[Names], between: &str| {
            let (first, rest) = parts.split_first()?;
            let start = pick(row, first)?.to_owned();
            let rest = rest.iter().filter_map(|names| pick(row, names));
            Some(rest.fold(start, |text, part| text + between + part))
        };
        let mut texts: Vec<&str> = match *feed {
            Cells(names) => return pick(row, names).map(str::to_owned),
            Fixed(text) => return Some(text.to_owned()),
            Parts(groups, between) => return parts(row, groups, between),
            Via(links, groups, between) => {
                let rows = self.follow(links, row);
                return rows.into_iter().find_map(|row| parts(row, groups, between));
            }
            Every(names) => each(names).filter_map(|name| row.get(&[name])).collect(),
            ViaEvery(links, names) => {
                let rows = self.follow(links, row);
                rows.into_iter().filter_map(|row| pick(row, names)).collect()
            }
        };
        let mut seen = HashSet::new();
        texts.retain(|text| seen.insert(*text));
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// A key; a local one is told apart by where its list is at home, one too long by a digest of what is cut off.
    fn named(&self, scheme: &str, local: bool, value: String) -> ExternalKey {
        let home = self.home.as_ref().filter(|_| local);
        let scheme = home.map_or_else(|| scheme.to_owned(), |home| format!("{home}-{scheme}"));
        if value.chars().count() <= LONGEST_KEY {
            return ExternalKey { scheme, value };
        }
        let digest = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, value.as_bytes());
        let start: String = value.chars().take(LONGEST_KEY - 40).collect();
        ExternalKey::new(scheme, format!("{start}~{digest}"))
    }

    fn identifier(&self, feed: &Feed, row: &'a Row) -> Option<String> {
        let text = line(&self.text(feed, row)?);
        let missing = matches!(text.as_str(), "" | "0" | "-1" | "-2" | "-3" | "-99999");
        (!missing).then_some(text)
    }

    fn key(&self, rules: &[KeyRule], row: &'a Row, made: &Made) -> Option<ExternalKey> {
        let word = |feed, reader: &Reader| match (reader.read)(&self.text(feed, row)?) {
            Ok(Some(Value::String(text))) => Some(slug(&text)).filter(|text| !text.is_empty()),
            _ => None,
        };
        let at_home = |key: &ExternalKey| self.home.as_ref().is_some_and(|home| key.scheme.starts_with(home.as_str()));
        rules.iter().find_map(|rule| {
            let mut local = false;
            let parts = rule.parts.iter().map(|part| match part {
                Id(feed) => {
                    let id = self.identifier(feed, row)?;
                    local |= rule.local && is_short(&id);
                    Some(id)
                }
                Word(feed, reader) => word(feed, reader),
                Maybe(feed, reader) => Some(word(feed, reader).unwrap_or_default()),
                Of(alias) => {
                    let key = made.get(alias)?;
                    local |= at_home(key);
                    Some(key.value.clone())
                }
            });
            let value = parts.collect::<Option<Vec<_>>>()?.join("|");
            Some(self.named(rule.scheme, local, value))
        })
    }

    /// What one target of a row gives, with the faults of the cells left out; or the fault that prevents it.
    fn build(&self, target: &Target, row: &'a Row, made: &Made) -> Result<(Planned, Vec<Fault>), Option<Fault>> {
        let missing = |member| target.essential.then(|| (member, "required_missing", String::new()));
        let (mut members, mut facts) = (Map::new(), Map::new());
        let mut faults: Vec<Fault> = Vec::new();
        for member in target.members {
            let into = if member.fact { &mut facts } else { &mut members };
            if into.contains_key(member.name) {
                continue;
            }
            let Some(text) = self.text(&member.feed, row) else {
                continue;
            };
            match (member.reader.read)(&text) {
                Ok(value) => into.extend(value.map(|value| (member.name.to_owned(), value))),
                Err(code) => faults.push((member.name, code, line(&text).chars().take(80).collect())),
            }
        }
        let given = |name: &str| members.contains_key(name) || facts.contains_key(name);
        faults.retain(|(name, ..)| !given(name));
        if let Some(member) = target.members.iter().find(|member| member.must && !given(member.name)) {
            let fault = faults.into_iter().find(|(name, ..)| *name == member.name);
            return Err(fault.or_else(|| missing(member.name)));
        }
        let mut refs: Vec<(&'static str, &'static str, ExternalKey)> = Vec::new();
        for reference in target.refs {
            let found = match &reference.to {
                _ if refs.iter().any(|(member, ..)| *member == reference.member) => None,
                Same(alias) => made.get(alias).cloned(),
                Key(scheme, feed) => self.identifier(feed, row).map(|id| self.named(scheme, is_short(&id), id)),
            };
            refs.extend(found.map(|key| (reference.member, reference.record, key)));
        }
        let led = |reference: &Ref| refs.iter().any(|(member, ..)| *member == reference.member);
        if let Some(reference) = target.refs.iter().find(|reference| reference.must && !led(reference)) {
            return Err(missing(reference.member));
        }
        let key = self.key(target.keys, row, made).ok_or_else(|| missing("id"))?;
        let also = target
            .also
            .iter()
            .filter_map(|(scheme, feed)| Some(ExternalKey::new(*scheme, self.identifier(feed, row)?)));
        let identifiers = also.filter(|other| *other != key && !parsing::is_absent(&other.value)).collect();
        let (file, line) = (row.file.clone(), row.line);
        Ok((Planned { record: target.record, key, members, facts, refs, identifiers, file, line }, faults))
    }

    fn row(&mut self, sheet: &Sheet, row: &'a Row) -> Fate {
        let mut made = Made::new();
        let mut found = Vec::new();
        let mut notes = Vec::new();
        for target in sheet.targets {
            match self.build(target, row, &made) {
                Ok((planned, faults)) => {
                    notes.extend(faults);
                    made.insert(target.alias, planned.key.clone());
                    found.push(planned);
                }
                Err(fault) if target.essential => {
                    let fault = fault.unwrap_or(("", "required_missing", String::new()));
                    self.plan.refused.push(Refused::new(&row.file, row.line, fault));
                    return Fate::Refused;
                }
                Err(fault) => notes.extend(fault),
            }
        }
        self.plan.warnings.extend(notes.into_iter().map(|fault| Refused::new(&row.file, row.line, fault)));
        let mut fate = Fate::Duplicate;
        for planned in found {
            if self.add(planned) {
                fate = Fate::Planned;
            }
        }
        fate
    }

    /// Adds a record, or merges it into the one with its key: the last content wins, and a contradiction is noted.
    /// Tells whether anything is new.
    fn add(&mut self, new: Planned) -> bool {
        let place = (new.record, new.key.clone());
        let at = *self.places.entry(place).or_insert(self.plan.planned.len());
        let Some(old) = self.plan.planned.get_mut(at) else {
            self.plan.planned.push(new);
            return true;
        };
        let mut changed = false;
        let mut contradictions: Vec<(String, String)> = Vec::new();
        for (name, value) in new.facts {
            changed |= old.facts.insert(name, value.clone()) != Some(value);
        }
        for (name, value) in new.members {
            if old.members.get(&name) == Some(&value) {
                continue;
            }
            changed = true;
            if let Some(known) = old.members.insert(name.clone(), value.clone()) {
                contradictions.push((name, format!("{known} at {}:{}, then {value}", old.file, old.line)));
            }
        }
        for (member, record, key) in new.refs {
            let known = old.refs.iter().position(|(name, ..)| *name == member).map(|at| old.refs.remove(at));
            if let Some((_, _, known)) = known.as_ref().filter(|(_, _, known)| *known != key) {
                let detail = format!("{} at {}:{}, then {}", known.value, old.file, old.line, key.value);
                contradictions.push((member.to_owned(), detail));
            }
            changed |= known.is_none_or(|(_, _, known)| known != key);
            old.refs.push((member, record, key));
        }
        for identifier in new.identifiers {
            if !old.identifiers.contains(&identifier) {
                old.identifiers.push(identifier);
                changed = true;
            }
        }
        if changed {
            (old.file, old.line) = (new.file, new.line);
        }
        let (file, line) = (old.file.clone(), old.line);
        for (member, detail) in contradictions {
            if self.contradicted.insert((at, member.clone())) {
                let (file, detail) = (file.clone(), detail.chars().take(200).collect());
                self.plan.warnings.push(Refused { file, line, member, code: "same_key_differs", detail });
            }
        }
        changed
    }

    /// A row whose headers are wire members: taken as it is, texts as texts; the operations know the types.
    fn plain(&mut self, record: &'static str, row: &'a Row) -> Fate {
        const OF_THE_KEY: [&str; 7] =
            ["id", "key", "matchKey", "externalId", "externalKey", "externalScheme", "scheme"];
        let (mut members, mut refs) = (Map::new(), Vec::new());
        for (header, cell) in row.cells() {
            let member = camel(header);
            if let Some((_, member, record)) = POINTERS.iter().find(|(column, ..)| *column == member) {
                refs.push((*member, *record, ExternalKey::new(format!("csv-{record}"), cell)));
            } else if !member.is_empty() && !OF_THE_KEY.contains(&member.as_str()) {
                place(&mut members, &member, cell);
            }
        }
        if members.is_empty() {
            let fault = ("", "required_missing", "no member is filled".to_owned());
            self.plan.refused.push(Refused::new(&row.file, row.line, fault));
            return Fate::Refused;
        }
        let scheme = pick(row, "external scheme | scheme").map_or_else(|| format!("csv-{record}"), str::to_owned);
        let natural = pick(row, "email | slug | name | title").map(slug).filter(|text| !text.is_empty());
        let given = pick(row, "external id | external key | match key | key");
        let key = match (given, row.get(&["id"]), natural) {
            (Some(value), ..) => ExternalKey::new(scheme, value),
            (_, Some(id), _) if id.len() == 36 && id.matches('-').count() == 4 => {
                ExternalKey::new("id", id.to_lowercase())
            }
            (_, Some(id), _) => ExternalKey::new(scheme, id),
            (_, _, Some(natural)) => ExternalKey::new(scheme + "-name", natural),
            _ => self.named(
                &(scheme + "-row"),
                false,
                slug(&row.cells().map(|(_, cell)| cell).collect::<Vec<_>>().join(" ")),
            ),
        };
        let (file, line) = (row.file.clone(), row.line);
        let (facts, identifiers) = (Map::new(), Vec::new());
        let fresh = self.add(Planned { record, key, members, facts, refs, identifiers, file, line });
        if fresh { Fate::Planned } else { Fate::Duplicate }
    }
}

/// `alternate_name`, `Alternate Name` and `alternateName` are one member; dots stay.
fn camel(header: &str) -> String {
    let part = |part: &str| {
        let words: Vec<&str> = part.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let shouted = !part.chars().any(char::is_lowercase);
        let word = |(nth, word): (usize, &&str)| {
            let rest = |text: &str| if shouted { text.to_lowercase() } else { text.to_owned() };
            let mut letters = word.chars();
            let first = letters
                .next()
                .map(|c| if nth == 0 { c.to_lowercase().to_string() } else { c.to_uppercase().to_string() })
                .unwrap_or_default();
            first + &rest(letters.as_str())
        };
        words.iter().enumerate().map(word).collect::<String>()
    };
    header.split('.').map(part).collect::<Vec<_>>().join(".")
}

/// Puts a text under a dotted member.
fn place(members: &mut Map<String, Value>, path: &str, text: &str) {
    match path.split_once('.') {
        None => drop(members.insert(path.to_owned(), Value::String(text.to_owned()))),
        Some((first, rest)) => {
            if let Value::Object(inner) = members.entry(first.to_owned()).or_insert_with(|| Value::Object(Map::new())) {
                place(inner, rest, text);
            }
        }
    }
}

/// The mapping of a kind as Markdown, for the documentation.
pub fn describe(kind: ImportKind) -> String {
    let mut out = format!("## `{}`\n", kind.as_str());
    if kind == ImportKind::Ics {
        out += "\nEvents are meetings, or meeting series where they recur without an end.\n";
    }
    if kind == ImportKind::Csv {
        let records = COLLECTIONS.join("`, `");
        let pointers: Vec<String> =
            POINTERS.iter().map(|(column, member, _)| format!("`{column}` gives `{member}`")).collect();
        out += &format!(
            "\nThe file is named after the collection, singular or plural, in any spelling: `{records}`. Headers are wire \
             members (`alternateName`, `alternate_name` and `Alternate Name` are one; dots nest). The match key is the column \
             `externalId` (with `externalScheme`), else `id`, else the mail address, slug, name or title. Other rows are \
             pointed at by their key: {}.\n",
            pointers.join(", ")
        );
    }
    for sheet in kind.sheets() {
        let named = (!sheet.tables.is_empty()).then(|| format!("by its name `{}`", sheet.tables));
        let groups: Vec<String> = sheet.columns.iter().map(|names| quoted(names, 5)).collect();
        let shaped = (!groups.is_empty()).then(|| format!("by columns such as {}", groups.join("; and ")));
        let known: Vec<String> = named.into_iter().chain(shaped).collect();
        out += &format!("\n### {}\n\nKnown {}.\n\n", sheet.title, known.join(", or "));
        out += "| record | member | columns | read as |\n|---|---|---|---|\n";
        for target in sheet.targets {
            let mut row = |member: &str, from: &str, read: &str| {
                out += &format!("| {} | {member} | {from} | {read} |\n", target.record)
            };
            for member in target.members {
                let name = if member.fact { format!("fact {}", member.name) } else { format!("`{}`", member.name) };
                let must = if member.must { " (required)" } else { "" };
                row(&format!("{name}{must}"), &shown(&member.feed), member.reader.name);
            }
            for reference in target.refs {
                let from = match &reference.to {
                    Same(alias) => format!("the row's {alias}"),
                    Key(scheme, feed) => format!("`{scheme}`: {}", shown(feed)),
                };
                row(&format!("`{}`", reference.member), &from, &format!("reference to {}", reference.record));
            }
            for rule in target.keys {
                let parts = rule.parts.iter().map(|part| match part {
                    Id(feed) | Word(feed, _) | Maybe(feed, _) => shown(feed),
                    Of(alias) => format!("the row's {alias}"),
                });
                let local = if rule.local { ", short ones prefixed with the list's place" } else { "" };
                row("match key", &parts.collect::<Vec<_>>().join(" + "), &format!("`{}`{local}", rule.scheme));
            }
        }
    }
    out
}

fn quoted(names: &str, most: usize) -> String {
    let names: Vec<String> = each(names).take(most).map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn shown(feed: &Feed) -> String {
    let names = |names: &str| quoted(names, usize::MAX);
    let groups = |groups: &[Names]| groups.iter().map(|group| names(group)).collect::<Vec<_>>().join(" + ");
    let path = |links: &[&Link]| links.iter().map(|link| link.name).collect::<Vec<_>>().join(", ");
    match feed {
        Cells(cells) => names(cells),
        Every(cells) => format!("all of {}", names(cells)),
        Parts(parts, _) => groups(parts),
        Via(links, parts, _) => format!("{}: {}", path(links), groups(parts)),
        ViaEvery(links, cells) => format!("{}, all: {}", path(links), names(cells)),
        Fixed(text) => format!("always `{text}`"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::reading::from_bytes;

    fn planned(kind: ImportKind, name: &str, text: &str) -> Plan {
        let plan = plan(kind, &from_bytes(name, text.as_bytes()).unwrap());
        for account in &plan.accounted {
            let parts = account.planned + account.duplicates + account.refused + account.joined + account.ignored;
            assert_eq!(account.rows, parts, "{account:?}");
        }
        plan
    }

    fn of<'p>(plan: &'p Plan, record: &str) -> Vec<&'p Planned> {
        plan.planned.iter().filter(|planned| planned.record == record).collect()
    }

    fn codes(entries: &[Refused]) -> Vec<(u64, &str, &str)> {
        entries.iter().map(|entry| (entry.line, entry.member.as_str(), entry.code)).collect()
    }

    fn text<'p>(planned: &'p Planned, member: &str) -> &'p str {
        planned.members.get(member).or_else(|| planned.facts.get(member)).and_then(Value::as_str).unwrap_or_default()
    }

    fn points(planned: &Planned, member: &str) -> String {
        planned
            .refs
            .iter()
            .find(|(name, ..)| *name == member)
            .map(|(_, _, key)| format!("{}:{}", key.scheme, key.value))
            .unwrap_or_default()
    }

    #[test]
    fn notices_of_another_year() {
        let header = "Notice Date\tInitiated Date\tEmployer\tEmployer Street\tEmployer City\tEmployer State\tEmployer ZIP\tEmployer Rep\tEmployer Rep Phone\tEmployer Rep Title\tEmployer Rep Email\tUnion Name & Local Number\tUnion City\tUnion State\tUnion Rep\tUnion Rep Title\tAffected Location City\tExpiration Date\tNAICS\tBargaining Unit Size";
        let rows = "42278.0\t\tAcme & Sons, Inc.\t1 Main St\tDayton\tOH\t45402.0\tPat Doe\t9375551212\tHR Director\tpat@acme.example\tUAW - 1040\tDayton\tOH\tSam Roe\tPresident\tDayton\t42369.0\t336\t1,250\n\
            10/1/2015\t\t\t\t\t\t\t\t\t\t\tUAW - 1040\t\t\t\t\t\t\t\t\n\
            10/2/2015\t\tBolt Co\t\tTroy\tOH\t\tOWNER\tnone\t\t\t\t\t\t\t\t\t\t\t\n\
            10/1/2015\t\tACME and SONS INC\t1 Main St\tDAYTON\tOH\t45402\tPat Doe\t9375551212\tHR Director\tpat@acme.example\tUAW - 1040\tDayton\tOH\tSam Roe\tPresident\tDayton\tsoon\t336\t0";
        let plan = planned(ImportKind::BargainingNotices, "FY-2016.txt", &format!("{header}\n{rows}\n"));
        let organizations = of(&plan, "organization");
        assert_eq!(
            organizations.iter().map(|found| found.key.value.as_str()).collect::<Vec<_>>(),
            ["acme-and-sons-inc|dayton", "uaw|1040|oh", "bolt-co|troy"]
        );
        assert_eq!((text(organizations[0], "postalCode"), text(organizations[1], "name")), ("45402", "UAW Local 1040"));
        let unit = &of(&plan, "bargainingUnit")[0];
        assert_eq!(
            (text(unit, "noticedOn"), text(unit, "expiresOn"), &unit.members["size"]),
            ("2015-10-01", "2015-12-31", &Value::from(1250))
        );
        assert_eq!(
            (points(unit, "employerOrganizationId"), points(unit, "unionOrganizationId")),
            ("f7-employer:acme-and-sons-inc|dayton".to_owned(), "f7-union:uaw|1040|oh".to_owned())
        );
        assert_eq!((of(&plan, "person").len(), of(&plan, "affiliation").len(), of(&plan, "partner").len()), (2, 2, 3));
        assert_eq!(codes(&plan.refused), [(3, "name", "required_missing")]);
        assert_eq!(
            codes(&plan.warnings),
            [
                (4, "name", "name_is_title"),
                (5, "expiresOn", "date_unreadable"),
                (5, "name", "same_key_differs"),
                (5, "city", "same_key_differs")
            ]
        );
    }

    #[test]
    fn providers_of_other_states() {
        let list = |state: &str| {
            format!(
                "List of providers,,,,,\nProvider ID,Provider Name,Provider Address,City,State,Zip Code,Phone Number,Web Site,Contact Name,Provider Type\n7,Lone Star College,5 Elm,Austin,{state},78701,(512) 555-0100,lonestar.example,Ann Lee,Public 2-Year\n8,,,,,,,,,\n"
            )
        };
        let texas = planned(ImportKind::Providers, "etp.csv", &list("TX"));
        let college = of(&texas, "organization")[0];
        assert_eq!((college.key.scheme.as_str(), college.key.value.as_str()), ("tx-etpl-provider", "7"));
        assert_eq!(
            (text(college, "kind"), text(college, "phone"), text(college, "website")),
            ("community_college", "+15125550100", "https://lonestar.example")
        );
        assert_eq!(codes(&texas.refused), [(4, "name", "required_missing")]);
        let ohio = planned(ImportKind::Providers, "etp.csv", &list("OH"));
        for (one, other) in texas.planned.iter().zip(&ohio.planned) {
            assert_ne!(one.key, other.key, "short numbers of two states are two keys, also in {}", one.record);
        }
        let programs = "Institution,Program Name,CIP Code,Program URL,City\nTech Institute,Welding,48.0508,tech.example/w,Reno\nTech Institute,Nursing,513801,,Reno\n";
        let plan = planned(ImportKind::Providers, "programs.csv", programs);
        assert_eq!((of(&plan, "organization").len(), of(&plan, "resource").len()), (1, 2));
        let nursing = of(&plan, "resource")[1];
        assert_eq!(
            (nursing.members["cip"][0].as_str(), points(nursing, "ownerOrganizationId").as_str()),
            (Some("51.3801"), "provider-name:tech-institute|reno|")
        );
    }

    #[test]
    fn rosters_and_meetings_of_other_boards() {
        let roster = "First Name;Last Name;Title;Organization;Category;Term Expires;Email\nAnn;Lee;CEO;Acme Inc.;Business;6/30/2026;ann@acme.example\nBo;Ray;Business Agent;IBEW Local 9;Labor;;\nVacant;;;;Labor;;\n;;;;Business;;\n";
        let plan = planned(ImportKind::Board, "members.csv", roster);
        assert_eq!(
            of(&plan, "organization")
                .iter()
                .map(|found| (text(found, "name"), text(found, "kind")))
                .collect::<Vec<_>>(),
            [("Acme Inc.", "employer"), ("IBEW Local 9", "union")]
        );
        let seat = of(&plan, "seat")[0];
        assert_eq!(
            (text(seat, "expectedEndOn"), text(seat, "representation"), points(seat, "partnerId").as_str()),
            ("2026-06-30", "Business", "board-partner:acme-inc")
        );
        assert_eq!(codes(&plan.refused), [(4, "name", "seat_vacant"), (5, "name", "required_missing")]);
        let feed = r#"{"facets": [{"name": "status", "values": [{"value": "Cancelled"}]}], "data": [{"meetingId": "m1", "body": "Finance", "status": "Cancelled",
            "date": "2023-10-12T15:00:00+00:00", "location": {"name": "N/A", "address": "City Hall"}, "files": [{"path": "a.pdf"}, {"path": "b.pdf"}]}]}"#;
        let plan = planned(ImportKind::Board, "feed.json", feed);
        let meeting = of(&plan, "meeting")[0];
        assert_eq!(
            (meeting.key.value.as_str(), text(meeting, "title"), text(meeting, "startsAt"), text(meeting, "place")),
            ("m1|2023-10-12", "Finance", "2023-10-12T15:00:00Z", "City Hall")
        );
        assert_eq!(meeting.facts["files"], serde_json::json!(["a.pdf", "b.pdf"]));
        let meetings = "Meeting Date,Start Time,Meeting Name,Location,Status\n\"May 5, 2026\",9:30 a.m.,Board Meeting,Room 1,Cancelled\nMay 5,9:30 a.m.,Retreat,,\n";
        let plan = planned(ImportKind::Board, "calendar.csv", meetings);
        let meeting = of(&plan, "meeting")[0];
        assert_eq!(
            (text(meeting, "startsOn"), text(meeting, "startTime"), &meeting.facts["cancelled"]),
            ("2026-05-05", "09:30:00", &Value::Bool(true))
        );
        assert_eq!(codes(&plan.refused), [(3, "startsOn", "date_without_year")]);
    }

    #[test]
    fn directories_in_tables_and_in_json() {
        let tables = r#"{"organizations": [{"id": "1", "name": "Org", "tax_id": "12-345"}], "locations": [{"id": "2", "organization_id": "1", "name": "Here", "latitude": "95"}],
            "services": [{"id": "3", "organization_id": "1", "name": "Food", "status": "active", "languages": "Spanish; Accommodations possible"}, {"id": "4", "name": " "}],
            "services_at_location": [{"id": "5", "service_id": "3", "location_id": "2"}], "physical_addresses": [{"id": "6", "location_id": "2", "address_1": "1 Main", "address_2": "Suite 2", "city": "Erie", "state_province": "PA", "country": "us"}],
            "phones": [{"id": "7", "location_id": "2", "number": "814 555 0199", "type": "fax"}, {"id": "8", "location_id": "2", "number": "814 555 0100", "type": "voice", "extension": "5"}],
            "contacts": [{"id": "9", "service_id": "3", "name": "Ann Lee", "title": "Director"}], "service_taxonomy": [{"id": "10", "service_id": "3", "taxonomy_id": "11"}], "taxonomy": [{"id": "11", "name": "Food"}]}"#;
        let plan = planned(ImportKind::Hsds, "package.json", tables);
        let place = of(&plan, "location")[0];
        assert_eq!(
            (place.key.scheme.as_str(), text(place, "address"), text(place, "country"), text(place, "phone")),
            ("pa-erie-hsds-location", "1 Main, Suite 2", "US", "+18145550100 x5")
        );
        let service = of(&plan, "resource")[0];
        assert_eq!(
            (points(service, "ownerOrganizationId"), points(service, "locationId")),
            ("pa-erie-hsds-organization:1".to_owned(), "pa-erie-hsds-location:2".to_owned())
        );
        assert_eq!(
            (service.members["languages"][0].as_str(), service.members["keywords"][0].as_str()),
            (Some("es"), Some("Food"))
        );
        assert_eq!(points(of(&plan, "affiliation")[0], "organizationId"), "pa-erie-hsds-organization:1");
        assert_eq!(of(&plan, "organization")[0].identifiers[0].scheme, "tax-id");
        assert_eq!(
            (codes(&plan.refused), codes(&plan.warnings)),
            (vec![(2, "name", "required_missing")], vec![(1, "latitude", "latitude_out_of_range")])
        );
        assert_eq!(
            plan.planned.iter().map(|found| found.record).collect::<Vec<_>>(),
            ["organization", "person", "affiliation", "location", "resource"]
        );
    }

    #[test]
    fn plain_tables_of_wire_members() {
        let plan = planned(
            ImportKind::Csv,
            "bargaining_units.csv",
            "externalId,employer_organization_key,Size,region.fips,note\nu1,acme,12,39113,\nu1,acme,13,39113,\n,,,,x\n",
        );
        let unit = of(&plan, "bargainingUnit")[0];
        assert_eq!(
            (
                unit.key.scheme.as_str(),
                unit.key.value.as_str(),
                text(unit, "size"),
                unit.members["region"]["fips"].as_str()
            ),
            ("csv-bargainingUnit", "u1", "13", Some("39113"))
        );
        assert_eq!(points(unit, "employerOrganizationId"), "csv-organization:acme");
        assert_eq!(
            codes(&plan.warnings),
            [(3, "size", "same_key_differs"), (3, "employerOrganizationId", "reference_not_in_files")]
        );
        let unknown = planned(ImportKind::Csv, "constituents.csv", "Symbol,Security\nMMM,3M\n");
        assert_eq!((unknown.planned.len(), codes(&unknown.refused)), (0, vec![(0, "", "table_not_taken")]));
    }

    #[test]
    fn long_keys_stay_apart_and_descriptions_name_every_member() {
        let title = "x".repeat(400);
        let plan = planned(ImportKind::Board, "m.csv", &format!("Date,Title\n1/2/2026,{title}a\n1/2/2026,{title}b\n"));
        assert_eq!(plan.planned.len(), 2);
        assert!(plan.planned.iter().all(|found| found.key.value.chars().count() <= LONGEST_KEY));
        for kind in ImportKind::ALL {
            let told = |text: &str| describe(kind).contains(text);
            assert!(told("`organization") || told("| organization |") || told("are meetings"), "{kind:?}");
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("else".parse::<ImportKind>().is_err());
    }
}
