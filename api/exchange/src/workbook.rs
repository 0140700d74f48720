//! Workbooks (ECMA-376, `.xlsx`): each sheet as rows of text.

use std::io::{Cursor, Read};

use calamine::{DataRef, DataType, Reader, Xlsx};
use chrono::NaiveTime;
use csv::StringRecord;

use crate::reading::Records;

/// Most columns a sheet may have.
const MOST_COLUMNS: u32 = 1_000;
/// Most bytes that all workbooks of a source unpack to, and that their cells take: one text may stand in a million cells.
const MOST_SHEETS: u64 = 128 << 20;
/// What a cell takes besides its text.
const CELL: u64 = 8;

fn charge(taken: &mut u64, bytes: u64) -> Result<(), String> {
    *taken = taken.saturating_add(bytes);
    if *taken > MOST_SHEETS { Err(format!("workbooks of more than {MOST_SHEETS} bytes")) } else { Ok(()) }
}

/// The rows of a workbook's sheets that hold any. Cells are read one after the other: a sheet may name a cell a million rows
/// down and hold nothing else.
pub(crate) fn sheets(bytes: &[u8], taken: &mut u64) -> Result<Vec<(String, Records)>, String> {
    let mut package = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    for at in 0..package.len() {
        let entry = package.by_index(at).map_err(|error| error.to_string())?;
        let unpacked = std::io::copy(&mut entry.take(MOST_SHEETS + 1), &mut std::io::sink());
        charge(taken, unpacked.map_err(|error| error.to_string())?)?;
    }
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let names = workbook.sheet_names();
    let mut sheets = Vec::with_capacity(names.len());
    for name in &names {
        let mut cells = workbook.worksheet_cells_reader(name).map_err(|error| error.to_string())?;
        let mut records = Records::new();
        while let Some(cell) = cells.next_cell().map_err(|error| error.to_string())? {
            let ((row, column), value) = (cell.get_position(), written(cell.get_value()));
            if value.is_empty() {
                continue;
            }
            if column >= MOST_COLUMNS {
                return Err(format!("row {} has more than {MOST_COLUMNS} columns", row + 1));
            }
            let line = u64::from(row) + 1;
            if records.last().is_none_or(|(last, _)| *last != line) {
                charge(taken, CELL * 16)?;
                records.push((line, StringRecord::new()));
            }
            if let Some((_, record)) = records.last_mut() {
                let before = column as usize;
                if before < record.len() {
                    return Err(format!("the cells of row {} are not in order", row + 1));
                }
                charge(taken, value.len() as u64 + CELL * (before - record.len() + 1) as u64)?;
                (record.len()..before).for_each(|_| record.push_field(""));
                record.push_field(&value);
            }
        }
        sheets.push((name.clone(), records));
    }
    sheets.retain(|(_, records)| !records.is_empty());
    Ok(sheets)
}

/// A cell as people read it.
fn written(cell: &DataRef<'_>) -> String {
    let moment = cell.as_datetime().filter(|_| cell.is_datetime());
    match (cell, moment) {
        (_, Some(moment)) if moment.time() == NaiveTime::MIN => moment.date().to_string(),
        (_, Some(moment)) => moment.format("%Y-%m-%dT%H:%M:%S").to_string(),
        (DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text), _) => text.clone(),
        (DataRef::SharedString(text), _) => (*text).to_owned(),
        (DataRef::Int(number), _) => number.to_string(),
        (DataRef::Float(number), _) => number.to_string(),
        (DataRef::Bool(yes), _) => yes.to_string(),
        (DataRef::DateTime(_) | DataRef::Error(_) | DataRef::Empty, _) => String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use super::*;
    use crate::reading::{Source, from_bytes};

    fn lines(source: &Source) -> Vec<u64> {
        source.tables[0].rows.iter().map(|row| row.line).collect()
    }

    /// A workbook of one sheet with these rows, as XML.
    fn workbook(rows: &str) -> Vec<u8> {
        use std::io::Write;
        const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        const LINK: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let parts = [
            (
                "_rels/.rels",
                format!(
                    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"{LINK}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
                ),
            ),
            (
                "xl/workbook.xml",
                format!(
                    "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{LINK}\"><sheets><sheet name=\"One\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
                ),
            ),
            (
                "xl/_rels/workbook.xml.rels",
                format!(
                    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"{LINK}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
                ),
            ),
            (
                "xl/worksheets/sheet1.xml",
                format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>"),
            ),
        ];
        let mut package = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in parts {
            package.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            package.write_all(text.as_bytes()).unwrap();
        }
        package.finish().unwrap().into_inner()
    }

    #[test]
    fn a_sheet_is_a_table() {
        let cell = |at: &str, text: &str| format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
        let head = format!("<row r=\"1\">{}{}</row>", cell("A1", "Name"), cell("C1", "Size"));
        let row = format!("<row r=\"4\">{}<c r=\"C4\"><v>12</v></c></row>", cell("A4", "Acme"));
        let source = from_bytes("firms.xlsx", &workbook(&format!("{head}{row}"))).unwrap();
        let table = &source.tables[0];
        assert_eq!((table.name.as_str(), table.headers().len(), lines(&source)), ("firm", 3, vec![4]));
        assert_eq!((table.rows[0].get(&["name"]), table.rows[0].get(&["size"])), (Some("Acme"), Some("12")));
    }

    #[test]
    fn a_sheet_takes_no_more_than_it_may() {
        let far = "<row r=\"1\"><c r=\"XFD1\"><v>1</v></c></row>".to_owned();
        let back = "<row r=\"1\"><c r=\"C1\"><v>1</v></c><c r=\"A1\"><v>1</v></c></row>".to_owned();
        // A thousand cells a row, of which one holds anything.
        let wide: String =
            (1..=20_000).map(|row| format!("<row r=\"{row}\"><c r=\"ALL{row}\"><v>1</v></c></row>")).collect();
        for rows in [far, back, wide] {
            assert_eq!(from_bytes("x.xlsx", &workbook(&rows)).unwrap_err().code, "spreadsheet_unreadable");
        }
    }
}
