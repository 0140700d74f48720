//! What a GraphQL document may cost, decided before anything of it is validated or run.
//!
//! Spread fragments are counted as often as they are spread, each fragment measured once, so that a document whose
//! fragments double at every step is refused in the time it takes to read it.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, FragmentDefinition, OperationType, Selection, SelectionSet};
use async_graphql::{Name, Positioned};

use crate::ctx::Limits;
use crate::error::{Code, Error, Result};

#[derive(Clone, Copy, Default)]
struct Cost {
    fields: usize,
    depth: usize,
    directives: usize,
}

struct Measure<'d> {
    fragments: &'d HashMap<Name, Positioned<FragmentDefinition>>,
    known: HashMap<&'d str, Cost>,
    open: Vec<&'d str>,
    aliases: HashMap<&'d str, usize>,
}

/// Most bytes of a document.
pub const MOST_BYTES: usize = 64 * 1024;
/// Most directives, fragments expanded.
const MOST_DIRECTIVES: usize = 100;
/// Deepest nesting of brackets, before parsing.
const MOST_NESTING: usize = 64;

fn refuse(why: String) -> Error {
    Error::new(Code::QueryTooComplex, why)
}

/// Refuses text too long or too deep to be worth parsing. Brackets in texts and comments are no brackets; otherwise they could
/// close what stays open.
pub fn check_text(text: &str) -> Result<()> {
    if text.len() > MOST_BYTES {
        return Err(refuse(format!("a document has at most {MOST_BYTES} bytes")));
    }
    let mut depth = 0usize;
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = match byte {
            b'#' => past(after, |left| matches!(left, [b'\n' | b'\r', ..])),
            b'"' => past_text(after),
            _ => after,
        };
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MOST_NESTING {
            return Err(refuse(format!("brackets nest at most {MOST_NESTING} deep")));
        }
    }
    Ok(())
}

/// What is left once this holds of it.
fn past(mut bytes: &[u8], found: impl Fn(&[u8]) -> bool) -> &[u8] {
    while !bytes.is_empty() && !found(bytes) {
        bytes = bytes.get(1..).unwrap_or_default();
    }
    bytes
}

/// What follows a text whose opening quote was read. One that does not end on its line is no text.
fn past_text(bytes: &[u8]) -> &[u8] {
    if let Some(mut block) = bytes.strip_prefix(b"\"\"") {
        loop {
            block = past(block, |left| left.starts_with(b"\"\"\"") || left.starts_with(b"\\\"\"\""));
            match block.strip_prefix(b"\\\"\"\"") {
                Some(after) => block = after,
                None => return block.get(3..).unwrap_or_default(),
            }
        }
    }
    let mut left = bytes;
    loop {
        left = match left {
            [b'"', after @ ..] | [b'\n' | b'\r', after @ ..] => return after,
            [b'\\', _, after @ ..] | [_, after @ ..] => after,
            [] => return left,
        }
    }
}

/// Refuses a document over the limits.
pub fn check(document: &ExecutableDocument, limits: &Limits) -> Result<()> {
    let mut measure =
        Measure { fragments: &document.fragments, known: HashMap::new(), open: Vec::new(), aliases: HashMap::new() };
    for (_, operation) in document.operations.iter() {
        let cost = measure.set(&operation.node.selection_set.node)?;
        if cost.fields > limits.graphql_fields {
            return Err(refuse(format!("a document selects at most {} fields", limits.graphql_fields)));
        }
        if cost.depth > limits.graphql_depth {
            return Err(refuse(format!("selections nest at most {} deep", limits.graphql_depth)));
        }
        if cost.directives + operation.node.directives.len() > MOST_DIRECTIVES {
            return Err(refuse(format!("a document carries at most {MOST_DIRECTIVES} directives")));
        }
    }
    if let Some((field, count)) = measure.aliases.iter().find(|(_, count)| **count > limits.graphql_aliases) {
        return Err(refuse(format!("{field} has {count} aliases; at most {} are taken", limits.graphql_aliases)));
    }
    Ok(())
}

impl<'d> Measure<'d> {
    fn set(&mut self, set: &'d SelectionSet) -> Result<Cost> {
        let mut total = Cost::default();
        for selection in &set.items {
            let cost = self.selection(&selection.node)?;
            total.fields = total.fields.saturating_add(cost.fields);
            total.directives = total.directives.saturating_add(cost.directives);
            total.depth = total.depth.max(cost.depth);
        }
        Ok(total)
    }

    fn selection(&mut self, selection: &'d Selection) -> Result<Cost> {
        match selection {
            Selection::Field(field) => {
                if field.node.alias.is_some() {
                    *self.aliases.entry(field.node.name.node.as_str()).or_default() += 1;
                }
                let inner = self.set(&field.node.selection_set.node)?;
                // Introspection nests by nature (`ofType`), and touches no row.
                let introspection = field.node.name.node.starts_with("__");
                Ok(Cost {
                    fields: inner.fields.saturating_add(1),
                    depth: if introspection { 1 } else { inner.depth + 1 },
                    directives: inner.directives.saturating_add(field.node.directives.len()),
                })
            }
            Selection::InlineFragment(fragment) => {
                let mut inner = self.set(&fragment.node.selection_set.node)?;
                inner.directives = inner.directives.saturating_add(fragment.node.directives.len());
                Ok(inner)
            }
            Selection::FragmentSpread(spread) => {
                let mut inner = self.fragment(spread.node.fragment_name.node.as_str())?;
                inner.directives = inner.directives.saturating_add(spread.node.directives.len());
                Ok(inner)
            }
        }
    }

    fn fragment(&mut self, name: &'d str) -> Result<Cost> {
        if let Some(cost) = self.known.get(name) {
            return Ok(*cost);
        }
        if self.open.contains(&name) {
            return Err(Error::new(Code::QueryInvalid, format!("the fragment {name} spreads itself")));
        }
        if self.open.len() >= MOST_NESTING {
            return Err(refuse(format!("fragments nest at most {MOST_NESTING} deep")));
        }
        // One that is not there is the validation's to name.
        let Some((_, fragment)) = self.fragments.iter().find(|(known, _)| known.as_str() == name) else {
            return Ok(Cost::default());
        };
        self.open.push(name);
        let cost = self.set(&fragment.node.selection_set.node)?;
        self.open.pop();
        self.known.insert(name, cost);
        Ok(cost)
    }
}

/// Kind of the operation that would run.
pub fn operation_type(document: &ExecutableDocument, name: Option<&str>) -> Option<OperationType> {
    let mut operations = document.operations.iter();
    match name {
        Some(name) => operations.find(|(known, _)| known.is_some_and(|known| known.as_str() == name)),
        None => operations.next(),
    }
    .map(|(_, operation)| operation.node.ty)
}
