//! Values as cells of a table, and back. One form for exports and imports, so that what goes out comes in again as it was.

use serde_json::{Value, json};

/// Whether a spreadsheet would take text that begins so for a formula.
fn begins_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// Text as a cell that no spreadsheet runs: an apostrophe goes before what would be a formula.
pub fn guarded(text: &str) -> String {
    if begins_formula(text.trim_start_matches('\'')) { format!("'{text}") } else { text.to_owned() }
}

/// What [`guarded`] was given.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if begins_formula(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

/// A value as a cell. A list of plain texts has `;` between them; other lists and objects are JSON.
pub fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => guarded(text),
        Value::Array(items) => {
            let parts: Option<Vec<&str>> =
                items.iter().map(|item| item.as_str().filter(|text| is_part(text))).collect();
            guarded(&parts.map_or_else(|| value.to_string(), |parts| parts.join("; ")))
        }
        Value::Object(_) => value.to_string(),
    }
}

/// Whether a text of a list can stand between semicolons and be told apart again.
fn is_part(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains(';') && !text.starts_with(['[', '{'])
}

/// A cell as the kind of value its member has (`type` of its schema). What cannot be read as that stays text, so that
/// the check of the body names it.
pub fn read(cell: &str, kind: &str) -> Value {
    let text = unguarded(cell);
    let plain = text.trim();
    let read = match kind {
        "integer" => plain.parse::<i64>().ok().map(|number| json!(number)),
        "number" => plain.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| json!(number)),
        "boolean" => match plain {
            "true" | "TRUE" | "True" => Some(json!(true)),
            "false" | "FALSE" | "False" => Some(json!(false)),
            _ => None,
        },
        "array" if plain.starts_with('[') => serde_json::from_str(plain).ok(),
        "array" => Some(plain.split(';').map(str::trim).filter(|part| !part.is_empty()).collect()),
        "object" => serde_json::from_str(plain).ok(),
        _ => None,
    };
    read.unwrap_or_else(|| json!(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_a_formula_is_guarded_and_comes_back() {
        for text in
            ["=1+1", "+1 815", "-", "@here", "\tx", "\rx", "'=1", "''@", "'", "'quoted'", "plain", "", "a=b", "1-2"]
        {
            let cell = guarded(text);
            assert!(!begins_formula(&cell), "{text:?}");
            assert_eq!(unguarded(&cell), text, "{text:?}");
        }
        assert_eq!(guarded("=1"), "'=1");
        assert_eq!(guarded("'plain"), "'plain");
        assert_eq!(written(&json!(-5)), "-5");
    }

    #[test]
    fn lists_come_back_as_they_were() {
        for list in [
            json!([]),
            json!(["a"]),
            json!(["a", "b c"]),
            json!(["a;b", "c"]),
            json!(["", "a"]),
            json!([" a "]),
            json!(["[x]"]),
            json!(["=1+1", "b"]),
            json!(["'=1"]),
            json!(["\"q\""]),
            json!([{ "a": 1 }]),
        ] {
            assert_eq!(read(&written(&list), "array"), list, "{list}");
        }
        assert_eq!(written(&json!(["332710", "332720"])), "332710; 332720");
    }

    #[test]
    fn plain_values_come_back_as_they_were() {
        for (value, kind) in [
            (json!(7), "integer"),
            (json!(-7), "integer"),
            (json!(42.25), "number"),
            (json!(true), "boolean"),
            (json!("true"), "string"),
            (json!("007"), "string"),
            (json!("-x"), "string"),
            (json!({ "a": [1] }), "object"),
        ] {
            assert_eq!(read(&written(&value), kind), value, "{value}");
        }
        assert_eq!(read("seven", "integer"), json!("seven"));
    }
}
