//! Lists of codes as their publishers give them: NAICS 2022, SOC 2018, CIP 2020, and which CIP goes with which SOC.

use std::collections::{BTreeMap, BTreeSet};

use roundtable_entity::{CodeSystem, Via, code};
use roundtable_kernel::codes::has_form;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Arguments;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Map, Value, json};

use crate::reading::{Row, Source};

/// A list of codes that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeList {
    /// Industries.
    Naics2022,
    /// Occupations.
    Soc2018,
    /// Programs of instruction.
    Cip2020,
    /// Which programs of instruction go with which occupations.
    SocCip,
}

/// One system's columns in a list: system, edition, headers of the code, headers of the title.
type Columns = (CodeSystem, &'static str, &'static [&'static str], &'static [&'static str]);

const NAICS: Columns = (
    CodeSystem::Naics,
    "2022",
    &["2022 NAICS US Code", "NAICS Code", "NAICS22", "NAICS", "code"],
    &["2022 NAICS US Title", "NAICS Title", "title", "description"],
);
const SOC: Columns = (
    CodeSystem::Soc,
    "2018",
    &["SOC2018Code", "SOC 2018 Code", "SOC Code", "SOC", "code"],
    &["SOC2018Title", "SOC 2018 Title", "SOC Title", "title"],
);
const CIP: Columns = (
    CodeSystem::Cip,
    "2020",
    &["CIP2020Code", "CIP 2020 Code", "CIP Code", "CIP", "code"],
    &["CIP2020Title", "CIP 2020 Title", "CIP Title", "title"],
);

/// Codes that stand for none in a crosswalk.
const NONE: &[&str] = &["99-9999", "99.9999"];

impl CodeList {
    /// Every list, with its name on the command line.
    pub const ALL: [(&str, CodeList); 4] = [
        ("naics-2022", CodeList::Naics2022),
        ("soc-2018", CodeList::Soc2018),
        ("cip-2020", CodeList::Cip2020),
        ("soc-cip", CodeList::SocCip),
    ];

    /// The list of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, list)| list)
    }

    fn columns(self) -> &'static [Columns] {
        match self {
            CodeList::Naics2022 => &[NAICS],
            CodeList::Soc2018 => &[SOC],
            CodeList::Cip2020 => &[CIP],
            CodeList::SocCip => &[SOC, CIP],
        }
    }
}

/// What became of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Codes made.
    pub created: usize,
    /// Codes changed.
    pub updated: usize,
    /// Codes found as they were.
    pub unchanged: usize,
    /// Rows not taken: line and reason.
    pub refused: Vec<(u64, String)>,
}

#[derive(Default)]
struct Entry {
    line: u64,
    title: String,
    crosswalk: BTreeSet<String>,
}

type Entries = BTreeMap<String, Entry>;

/// The codes that stand in a cell: one, or those of a sector that has several, such as `31-33`.
fn codes_in(system: CodeSystem, cell: &str) -> Option<Vec<String>> {
    let sectors = cell.trim().split_once('-').filter(|_| system == CodeSystem::Naics);
    match sectors.map(|(first, last)| (first.parse::<u8>(), last.parse::<u8>())) {
        Some((Ok(first), Ok(last))) if (11..=99).contains(&first) && first < last && last - first < 10 => {
            Some((first..=last).map(|sector| sector.to_string()).collect())
        }
        _ => in_form(system, cell).map(|code| vec![code]),
    }
}

/// A code as it stands in a cell, in the form of its system. Spreadsheets keep zeros by `="01.0000"`.
fn in_form(system: CodeSystem, cell: &str) -> Option<String> {
    let code = cell.trim().trim_start_matches('=').trim_matches('"').trim();
    let code = match (system, code.len()) {
        (CodeSystem::Cip, 6) if !code.contains('.') => format!("{}.{}", code.get(..2)?, code.get(2..)?),
        (CodeSystem::Soc, 6) if !code.contains('-') => format!("{}-{}", code.get(..2)?, code.get(2..)?),
        _ => code.to_owned(),
    };
    has_form(system, &code).then_some(code)
}

fn found(row: &Row, (system, _, codes, titles): &Columns) -> std::result::Result<(Vec<String>, String), String> {
    let cell = row.get(codes).ok_or_else(|| format!("no cell holds a {} code", system.word()))?;
    let found = codes_in(*system, cell).ok_or_else(|| format!("{cell} is no {} code", system.word()))?;
    let title = row.get(titles).map(|title| title.trim().trim_end_matches('.').to_owned()).filter(|it| !it.is_empty());
    Ok((found, title.ok_or_else(|| format!("{cell} has no title"))?))
}

/// The code above one: the longest of those there are.
fn parent(system: CodeSystem, code: &str, there: &BTreeSet<String>) -> Option<String> {
    let wider: Vec<String> = match system {
        CodeSystem::Naics => (2..code.len()).rev().filter_map(|end| code.get(..end).map(str::to_owned)).collect(),
        CodeSystem::Cip => [code.get(..5), code.get(..2)].into_iter().flatten().map(str::to_owned).collect(),
        CodeSystem::Soc => (3..7).rev().filter_map(|end| code.get(..end).map(|kept| format!("{kept:0<7}"))).collect(),
    };
    wider.into_iter().find(|above| above != code && there.contains(above))
}

/// Writes a list's codes through the operations, as the operator: new ones are made, others changed where they differ.
/// Codes that the list does not have are left alone.
pub async fn carry_out(ctx: &Ctx, list: CodeList, source: &Source, dry_run: bool) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut read: Vec<Entries> = list.columns().iter().map(|_| Entries::new()).collect();
    for row in source.tables.iter().flat_map(|table| &table.rows) {
        let parts: std::result::Result<Vec<_>, _> = list.columns().iter().map(|columns| found(row, columns)).collect();
        match parts {
            Err(why) => loaded.refused.push((row.line, why)),
            Ok(parts) if parts.iter().flat_map(|(codes, _)| codes).any(|code| NONE.contains(&code.as_str())) => {}
            Ok(parts) => {
                for (at, (codes, title)) in parts.iter().enumerate() {
                    let Some(entries) = read.get_mut(at) else { continue };
                    let others = parts.iter().enumerate().filter(|(other, _)| *other != at);
                    let others: Vec<&String> = others.flat_map(|(_, (codes, _))| codes).collect();
                    for code in codes {
                        let entry = entries.entry(code.clone()).or_default();
                        if entry.title.is_empty() {
                            (entry.line, entry.title) = (row.line, title.clone());
                        }
                        entry.crosswalk.extend(others.iter().map(|other| (*other).clone()));
                    }
                }
            }
        }
    }
    let mut ctx = ctx.by(Via::Import);
    ctx.validate_only |= dry_run;
    let read = std::sync::Arc::new(read);
    let outcome = ctx
        .write(move |ctx| {
            let (read, mut loaded) = (read.clone(), loaded.clone());
            async move {
                for ((system, vintage, ..), entries) in list.columns().iter().zip(read.iter()) {
                    place(&ctx, (*system, vintage), entries, &mut loaded).await?;
                }
                Ok(loaded)
            }
        })
        .await?;
    Ok(outcome)
}

async fn place(ctx: &Ctx, (system, vintage): (CodeSystem, &str), entries: &Entries, loaded: &mut Loaded) -> Result<()> {
    let rows = code::Entity::find()
        .filter(code::Column::System.eq(system))
        .filter(code::Column::Vintage.eq(vintage))
        .filter(code::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    let known: BTreeMap<String, code::Model> = rows.into_iter().map(|row| (row.code.clone(), row)).collect();
    let there: BTreeSet<String> = known.keys().chain(entries.keys()).cloned().collect();
    for (code, entry) in entries {
        let mut body = Map::from_iter([("title".to_owned(), json!(entry.title))]);
        body.extend(parent(system, code, &there).map(|parent| ("parent".to_owned(), json!(parent))));
        if !entry.crosswalk.is_empty() {
            body.insert("crosswalk".into(), json!(entry.crosswalk));
        }
        let (op, arguments) = match known.get(code) {
            None => {
                body.extend([
                    ("system".to_owned(), json!(system)),
                    ("vintage".to_owned(), json!(vintage)),
                    ("code".to_owned(), json!(code)),
                ]);
                (Op::CreateCode, Arguments::sending(Value::Object(body)))
            }
            Some(row) => {
                let now = serde_json::to_value(row).map_err(Error::internal)?;
                body.retain(|member, value| now.get(member.as_str()) != Some(value));
                if body.is_empty() {
                    loaded.unchanged += 1;
                    continue;
                }
                let to = Arguments { id: Some(row.id), version: Some(row.version), ..Arguments::default() };
                (Op::UpdateCode, Arguments { body: Value::Object(body), ..to })
            }
        };
        let done = ctx.attempt(|ctx| async move { ctx.app.operations.call(&ctx, op, arguments).await }).await;
        match done {
            Ok(_) if op == Op::CreateCode => loaded.created += 1,
            Ok(_) => loaded.updated += 1,
            Err(error) if error.code.status() >= 500 => return Err(error),
            Err(error) => loaded.refused.push((entry.line, format!("{code}: {}", error.detail))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_into_the_form_of_their_system() {
        for (system, cell, code) in [
            (CodeSystem::Cip, "=\"01.0000\"", Some("01.0000")),
            (CodeSystem::Cip, "511020", Some("51.1020")),
            (CodeSystem::Soc, "514041", Some("51-4041")),
            (CodeSystem::Naics, " 332710 ", Some("332710")),
            (CodeSystem::Naics, "31-33", None),
        ] {
            assert_eq!(in_form(system, cell).as_deref(), code, "{cell}");
        }
    }

    #[test]
    fn a_sector_of_several_codes_is_each_of_them() {
        let codes = |cell: &str| codes_in(CodeSystem::Naics, cell);
        assert_eq!(codes("31-33").unwrap_or_default(), ["31", "32", "33"]);
        assert_eq!(codes("332710").unwrap_or_default(), ["332710"]);
        for none in ["33-31", "1-3", "11-99", "a-b", "31-"] {
            assert_eq!(codes(none), None, "{none}");
        }
        assert_eq!(codes_in(CodeSystem::Soc, "51-4041").unwrap_or_default(), ["51-4041"]);
    }

    #[test]
    fn the_code_above_is_the_nearest_there_is() {
        let there = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<BTreeSet<_>>();
        let above = |system, code, codes: &[&str]| parent(system, code, &there(codes));
        assert_eq!(above(CodeSystem::Naics, "332710", &["33", "332", "332710"]).as_deref(), Some("332"));
        assert_eq!(above(CodeSystem::Soc, "51-4041", &["51-0000", "51-4000", "51-4040"]).as_deref(), Some("51-4040"));
        assert_eq!(above(CodeSystem::Soc, "51-4040", &["51-0000", "51-4000", "51-4040"]).as_deref(), Some("51-4000"));
        assert_eq!(above(CodeSystem::Soc, "51-0000", &["51-0000"]), None);
        assert_eq!(above(CodeSystem::Cip, "48.0501", &["48", "48.05"]).as_deref(), Some("48.05"));
    }
}
