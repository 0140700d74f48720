//! The published files, generated from what the server really does. Committed under `openapi/`, compared by the tests.

use std::path::Path;
use std::sync::Arc;

use async_graphql::dynamic::Schema;
use roundtable_kernel::access;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::{openapi, openapi30};
use serde_json::Value;

/// The GraphQL schema.
pub fn graphql_schema() -> Result<Schema> {
    crate::build_schema(&Arc::new(crate::operations()))
}

/// Name and text of every published file.
pub fn all() -> Result<Vec<(&'static str, String)>> {
    let document = openapi::document(&crate::operations());
    Ok(vec![
        ("openapi.json", printed(&document)?),
        ("openapi-3.0.json", printed(&openapi30::lowered(&document))?),
        ("schema.graphql", graphql_schema()?.sdl()),
        ("access.md", access::printed()),
        ("problems.md", problems()),
    ])
}

/// A document as it is published.
pub(crate) fn printed(document: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(document).map_err(Error::internal)? + "\n")
}

/// Every problem code with its status and meaning.
fn problems() -> String {
    let mut page = String::from(
        "# Problem codes\n\nThe same in `code` of a REST problem and in `extensions.code` of a GraphQL error.\n\n\
         | code | status | meaning |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        page += &format!("| `{}` | {} | {} |\n", code.wire(), code.status(), code.meaning());
    }
    page
}

/// Writes the files, or says which differ.
pub fn write(folder: &Path, only_compare: bool) -> Result<Vec<&'static str>> {
    let mut differing = Vec::new();
    for (name, text) in all()? {
        let path = folder.join(name);
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        if before == text {
            continue;
        }
        differing.push(name);
        if !only_compare {
            std::fs::create_dir_all(folder).map_err(Error::internal)?;
            std::fs::write(&path, text).map_err(Error::internal)?;
        }
    }
    Ok(differing)
}
