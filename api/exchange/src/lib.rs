//! Exchange with the files other systems keep: read, mapped by declaration, written through the operations.

use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::operation::Operations;
use serde_json::{Map, Value};

pub mod code_lists;
mod encoding;
mod events;
pub mod ics;
pub mod jobs;
pub mod mapping;
pub mod parsing;
mod placing;
pub mod reading;
mod reverting;
pub mod running;
mod shape;
mod sheet;
mod upserting;
mod workbook;
pub mod writing;

/// Reads the text of a whole collection (`csv` or `jsonl`) and writes nothing: each row as members, or why it is none.
pub fn rows_of(
    table: &Operations,
    collection: &str,
    kind: &str,
    text: String,
) -> Result<Vec<Result<Map<String, Value>>>> {
    let shape = shape::Shape::of(table, collection)?;
    let form = sheet::Form::named(kind).ok_or_else(|| Error::member("/kind", "unknown_value", "give csv or jsonl"))?;
    let sheet = sheet::Sheet::open(text, form, &shape)?;
    Ok((0..sheet.len()).map(|row| sheet.row(row, &shape, false)).collect())
}

/// Adds this area's operations to the table.
pub fn register(table: &mut Operations) {
    jobs::register(table);
    upserting::register(table);
}
