//! Lists as files: every page of a list, one after the other, as CSV (RFC 4180) or JSON Lines. The same operation, access
//! row, filters and sorts as the list itself.

use futures_util::Stream;
use futures_util::stream::try_unfold;
use serde_json::{Map, Value, json};

use actix_web::web::Bytes;

use crate::cell;
use crate::ctx::Ctx;
use crate::error::{Code, Error, Result};
use crate::list;
use crate::operation::{Arguments, Kind, Operation};

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values (RFC 4180), with a line of headers.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 2] = [Format::Csv, Format::JsonLines];

    /// Ending of file names and addresses.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::JsonLines => "jsonl",
        }
    }

    /// Media type, without parameters.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv",
            Format::JsonLines => "application/x-ndjson",
        }
    }

    /// As it stands in `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::JsonLines => "application/x-ndjson",
        }
    }
}

/// The address of a list as a file.
pub fn address(list: &Operation, format: Format) -> String {
    format!("{}.{}", list.path, format.ending())
}

/// A list operation as a file: its address has an ending, and it has no pages.
pub fn as_file(list: &Operation, format: Format) -> Operation {
    let mut file = list.clone();
    file.path = address(list, format);
    file.parameters.retain(|parameter| !matches!(parameter.name.as_str(), "first" | "after" | "total"));
    file
}

/// The columns of a list: the members of its record, in the order of the schema.
pub fn columns(ctx: &Ctx, list: &Operation) -> Result<Vec<String>> {
    let schema = list.item.as_ref().and_then(|item| ctx.app.operations.schemas.named.get(item));
    let members = schema.and_then(|schema| schema["properties"].as_object());
    let members =
        members.filter(|_| list.kind == Kind::List).ok_or_else(|| Error::internal("a file is made of a list"))?;
    Ok(members.keys().cloned().collect())
}

struct Reading {
    ctx: Ctx,
    list: Operation,
    format: Format,
    columns: Vec<String>,
    parameters: Map<String, Value>,
    /// Rows read and not yet given out.
    rows: Vec<Value>,
    begun: bool,
    more: bool,
}

impl Reading {
    async fn turn(&mut self) -> Result<()> {
        if self.begun && !self.ctx.is_still_standing().await? {
            return Err(Code::Forbidden.into());
        }
        let arguments = Arguments { parameters: self.parameters.clone(), ..Arguments::default() };
        let mut page = self.ctx.app.operations.call(&self.ctx, self.list.op, arguments).await?.shown.value()?;
        let next = Some(page["pageInfo"]["endCursor"].take()).filter(|_| page["pageInfo"]["hasNextPage"] == true);
        self.more = next.is_some();
        self.parameters.extend(next.map(|cursor| ("after".to_owned(), cursor)));
        self.rows = match page["items"].take() {
            Value::Array(rows) => rows,
            _ => return Err(Error::internal("a page has no items")),
        };
        Ok(())
    }

    fn written(&mut self) -> Result<Vec<u8>> {
        let rows = std::mem::take(&mut self.rows);
        let headers = (self.format == Format::Csv && !self.begun).then_some(self.columns.as_slice());
        self.begun = true;
        match self.format {
            Format::Csv => csv(headers, &self.columns, &rows),
            Format::JsonLines => {
                let mut out = Vec::new();
                for row in &rows {
                    serde_json::to_writer(&mut out, row).map_err(Error::internal)?;
                    out.push(b'\n');
                }
                Ok(out)
            }
        }
    }
}

fn csv(headers: Option<&[String]>, columns: &[String], rows: &[Value]) -> Result<Vec<u8>> {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    if let Some(headers) = headers {
        out.write_record(headers).map_err(Error::internal)?;
    }
    for row in rows {
        let cells = columns.iter().map(|column| cell::written(&row[column.as_str()]));
        out.write_record(cells).map_err(Error::internal)?;
    }
    out.into_inner().map_err(|error| Error::internal(error.to_string()))
}

/// Reads the first page, so that a refusal is answered as one, and gives the whole list piece by piece. One page is held
/// at a time.
pub async fn stream(
    ctx: &Ctx,
    list: &Operation,
    format: Format,
    mut parameters: Map<String, Value>,
) -> Result<impl Stream<Item = Result<Bytes>> + use<>> {
    parameters.insert("first".into(), json!(list::MOST));
    let mut reading = Reading {
        ctx: ctx.clone(),
        list: list.clone(),
        format,
        columns: columns(ctx, list)?,
        parameters,
        rows: Vec::new(),
        begun: false,
        more: false,
    };
    reading.turn().await?;
    Ok(try_unfold(Some(reading), |reading| async {
        let Some(mut reading) = reading else { return Ok(None) };
        let piece = Bytes::from(reading.written()?);
        if !reading.more {
            return Ok(Some((piece, None)));
        }
        reading.turn().await?;
        Ok(Some((piece, Some(reading))))
    }))
}
