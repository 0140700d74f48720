//! Rules about the source itself.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn sources(below: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(below) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target" && name != ".git") {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// Every source file below these folders: its path from the root, and its text.
fn texts(folders: &[&str]) -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    for folder in folders {
        sources(&root.join(folder), &mut found);
    }
    found.sort();
    assert!(found.len() > 20, "only {} files below {folders:?}", found.len());
    found
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&root).unwrap().display().to_string(), text)
        })
        .collect()
}

const PRODUCT: &[&str] = &["api", "entity", "migration"];

fn lines_with<'t>(text: &'t str, holds: impl Fn(&str) -> bool + 't) -> impl Iterator<Item = (usize, &'t str)> {
    text.lines().enumerate().filter(move |(_, line)| holds(line)).map(|(number, line)| (number + 1, line.trim()))
}

fn refuse(rule: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn nothing_but_the_store_begins_a_transaction() {
    let mut found = Vec::new();
    for (path, text) in texts(PRODUCT) {
        if path.ends_with("kernel/src/store.rs") || path.ends_with("kernel/src/pool.rs") {
            continue;
        }
        let begins = |line: &str| {
            [".begin()", ".begin_with_config(", ".transaction(", "TransactionTrait"]
                .iter()
                .any(|sign| line.contains(sign))
        };
        found.extend(lines_with(&text, begins).map(|(line, text)| format!("{path}:{line}: {text}")));
    }
    refuse("write through Ctx::write", found);
}

#[test]
fn nothing_is_left_unfinished() {
    let signs = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!("), concat!("FIX", "ME")];
    let mut found = Vec::new();
    for (path, text) in texts(&["api", "entity", "migration", "tests"]) {
        let unfinished = |line: &str| signs.iter().any(|sign| line.contains(sign));
        found.extend(lines_with(&text, unfinished).map(|(line, text)| format!("{path}:{line}: {text}")));
    }
    refuse("finish it or leave it out", found);
}

/// Files over the limit, with the most lines they may have. The list only shrinks.
const LONG: &[(&str, usize)] = &[
    ("api/exchange/src/mapping.rs", 1750),
    ("api/exchange/src/parsing.rs", 1300),
    ("api/exchange/src/reading.rs", 950),
];
const MOST_LINES: usize = 800;

#[test]
fn no_file_is_longer_than_can_be_read() {
    let mut found = Vec::new();
    let texts = texts(&["api"]);
    for (path, text) in &texts {
        let most = LONG.iter().find(|(name, _)| name == path).map_or(MOST_LINES, |(_, most)| *most);
        let lines = text.lines().count();
        if lines > most {
            found.push(format!("{path} has {lines} lines, at most {most}"));
        }
    }
    for (name, _) in LONG {
        let lines = texts.iter().find(|(path, _)| path == name).map_or(0, |(_, text)| text.lines().count());
        if lines <= MOST_LINES {
            found.push(format!("{name} has {lines} lines and needs no exemption"));
        }
    }
    refuse("split it where its parts have names", found);
}

#[test]
fn names_say_what_a_thing_is() {
    let banned = ["manager", "helper", "utils"];
    let mut found = Vec::new();
    for (path, text) in texts(PRODUCT) {
        let declares = |line: &str| {
            let line = line.trim_start();
            let declared = ["fn ", "struct ", "enum ", "trait ", "mod ", "type ", "const ", "static ", "let "]
                .iter()
                .find_map(|word| line.split_once(word))
                .map(|(_, name)| name.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next());
            declared.flatten().is_some_and(|name| {
                let name = name.to_lowercase();
                !line.starts_with("//") && !line.contains('"') && banned.iter().any(|word| name.contains(word))
            })
        };
        found.extend(lines_with(&text, declares).map(|(line, text)| format!("{path}:{line}: {text}")));
        let file = path.rsplit('/').next().unwrap_or_default();
        if banned.iter().any(|word| file.contains(word)) {
            found.push(path);
        }
    }
    refuse("name it after what it does", found);
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let signs = [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("../sha", "red")];
    let mut found = Vec::new();
    for (path, text) in texts(&["api", "entity", "migration", "tests"]) {
        let machine = |line: &str| signs.iter().any(|sign| line.contains(sign));
        found.extend(lines_with(&text, machine).map(|(line, text)| format!("{path}:{line}: {text}")));
    }
    refuse("take it from configuration", found);
}

#[test]
fn the_guides_name_only_files_that_exist() {
    let root = root();
    for guide in ["docs/adding-a-resource.md", "docs/architecture.md", "docs/testing.md", "docs/api-design.md"] {
        let Ok(text) = std::fs::read_to_string(root.join(guide)) else { continue };
        let mut found = Vec::new();
        for (number, named) in text.split('`').enumerate() {
            let is_path = number % 2 == 1
                && ["api/", "entity/", "migration/", "tests/", "docs/", "openapi/"].iter().any(|top| named.starts_with(top))
                && !named.contains(['<', '>', '{', '}', '*', ' ', '…', '\n'])
                // What the reader of the guide is to write.
                && !named.contains("room");
            if is_path && !root.join(named.trim_end_matches('/')).exists() {
                found.push(format!("{guide}: {named}"));
            }
        }
        refuse("guides follow the code", found);
    }
}
