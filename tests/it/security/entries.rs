//! What is thrown at each parser of the product, as one function from bytes. The cases of `parsers.rs` run them over seeds
//! that were changed at random; the targets of `tests/fuzz` run the same ones for as long as they are let.
//!
//! Each says what has to hold of whatever comes in, beyond that nothing panics.

use std::sync::OnceLock;

use async_graphql::parser::parse_query;
use roundtable_calendar::lines;
use roundtable_events::address;
use roundtable_exchange::mapping::{self, ImportKind};
use roundtable_exchange::{parsing, reading, rows_of};
use roundtable_kernel::ctx::Limits;
use roundtable_kernel::operation::{Kind, Operation, Operations};
use roundtable_kernel::token::Keys;
use roundtable_kernel::{cell, guard, http, list, rest};
use serde_json::{Map, json};

fn table() -> &'static Operations {
    static TABLE: OnceLock<Operations> = OnceLock::new();
    TABLE.get_or_init(roundtable_server::operations)
}

fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

/// One of the lists, as the first byte chooses, and the rest.
fn chosen(data: &[u8]) -> Option<(&'static Operation, &[u8])> {
    let (first, rest) = data.split_first()?;
    let lists: Vec<&Operation> = table().iter().filter(|one| one.kind == Kind::List).collect();
    Some((lists[usize::from(*first) % lists.len()], rest))
}

fn sheet(data: &[u8], kind: &str) {
    let Some((list, rest)) = chosen(data) else { return };
    if let Ok(rows) = rows_of(table(), list.collection, kind, text(rest)) {
        // Nothing is a row that has no place in the file.
        assert!(rows.len() <= rest.len() + 1);
    }
}

/// A collection as CSV.
pub fn csv(data: &[u8]) {
    sheet(data, "csv");
    let cell = text(data);
    assert_eq!(cell::unguarded(&cell::guarded(&cell)), cell);
    assert!(!cell::guarded(&cell).starts_with(['=', '+', '-', '@', '\t', '\r']));
}

/// A collection as JSON Lines.
pub fn json_lines(data: &[u8]) {
    sheet(data, "jsonl");
}

/// A file of others, of whatever kind its name says.
pub fn package(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let name = ["package.zip", "organizations.csv", "services.json", "calendar.ics", "list.txt", "board.tsv"]
        [usize::from(*first) % 6];
    let Ok(source) = reading::from_bytes(name, rest) else { return };
    let kinds = [
        ImportKind::Hsds,
        ImportKind::BargainingNotices,
        ImportKind::Board,
        ImportKind::Providers,
        ImportKind::Csv,
        ImportKind::Ics,
    ];
    let plan = mapping::plan(kinds[usize::from(*first / 6) % kinds.len()], &source);
    let rows: usize = source.tables.iter().map(|table| table.rows.len()).sum();
    assert!(plan.refused.len() <= (rows + source.calendars.len() + 1) * 50 + rest.len());
}

/// A calendar.
pub fn calendar(data: &[u8]) {
    let file = text(data);
    let (components, _) = lines::read(&file);
    for component in &components {
        let _ = component.text("SUMMARY");
    }
    if let Ok(source) = reading::from_bytes("calendar.ics", data) {
        mapping::plan(ImportKind::Ics, &source);
    }
    // What is written as text is read as that text.
    let line = file.replace(['\r', '\0'], "");
    assert_eq!(lines::unescaped(&lines::escaped(&line)), line);
}

/// The cursor of a list.
pub fn cursor(data: &[u8]) {
    let given = text(data);
    if list::read_cursor(&given, "AAAAAAAA").is_ok() {
        assert!(list::read_cursor(&given, "BBBBBBBB").is_err(), "it goes with one list");
    }
}

/// The query string of a list.
pub fn filter(data: &[u8]) {
    let Some((list, rest)) = chosen(data) else { return };
    let mut parameters = Map::new();
    if rest::query(table(), list, &text(rest), &mut false, &mut parameters).is_ok() {
        for name in parameters.keys() {
            assert!(list.parameters.iter().any(|known| known.name == *name), "{name} is no parameter of {}", list.path);
        }
    }
}

/// A filter of SCIM.
pub fn directory_filter(data: &[u8]) {
    let user = json!({ "userName": "ana", "active": true, "emails": [{ "value": "ana@example.org", "type": "work" }], "name": { "formatted": "Ana" } });
    let filter = text(data);
    if let Some(fits) = roundtable_scim::fits(&filter, &user) {
        assert_eq!(roundtable_scim::fits(&format!("not ({filter})"), &user).unwrap_or(!fits), !fits, "{filter}");
    }
}

/// The words of a search.
pub fn search(data: &[u8]) {
    for word in list::words(&text(data)) {
        assert!(!word.is_empty() && word.chars().count() <= 64);
        assert!(!word.contains(['\'', '"', '\\', '&', '|', '!', ':', '*', '(', ')', '<', '>', '\0', ' ']), "{word:?}");
    }
}

/// An `Authorization` header; no key signed any of it.
pub fn token(keys: &Keys, data: &[u8]) {
    let given = text(data);
    let token = http::bearer(&given).unwrap_or(&given);
    assert!(keys.verify(token).is_err(), "{token}");
}

/// A GraphQL document.
pub fn document(data: &[u8]) {
    let given = text(data);
    if guard::check_text(&given).is_err() {
        return;
    }
    if let Ok(document) = parse_query(&given) {
        let _ = guard::check(&document, &Limits::default());
        let _ = guard::operation_type(&document, Some("a"));
    }
}

/// An address for webhooks.
pub fn webhook(data: &[u8]) {
    if let Ok(url) = address::check(&text(data), &[]) {
        assert_eq!(url.scheme(), "https");
        assert!(address::number(&url).is_none_or(|number| address::is_open(number, &[])), "{url}");
    }
}

/// A cell of a file of others, read as each kind of value there is.
pub fn value(data: &[u8]) {
    let cell = text(data);
    let _ = (
        parsing::date(&cell),
        parsing::moment(&cell),
        parsing::time(&cell),
        parsing::phone(&cell),
        parsing::email(&cell),
    );
    let _ = (
        parsing::web(&cell),
        parsing::postal_code(&cell),
        parsing::state(&cell),
        parsing::country(&cell),
        parsing::count(&cell),
    );
    let _ = (
        parsing::decimal(&cell),
        parsing::yes_no(&cell),
        parsing::list(&cell),
        parsing::languages(&cell),
        parsing::person(&cell),
    );
    let _ = (
        parsing::union_name(&cell),
        parsing::plain(&cell),
        parsing::slug(&cell),
        parsing::repair(&cell),
        parsing::organization_kind(&cell),
    );
    for kind in ["string", "integer", "number", "boolean", "array", "object"] {
        cell::read(&cell, kind);
    }
}
