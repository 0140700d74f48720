//! The cases as they stand in the sources, for suites that ask what is tested.

use std::path::{Path, PathBuf};

/// A function of the tests, or a list they go by.
#[derive(Clone, Debug)]
pub struct Function {
    /// Module it stands in.
    pub module: String,
    pub name: String,
    /// The comment over it, in one line.
    pub doc: String,
    pub body: String,
    /// Whether it runs as a test.
    pub is_case: bool,
}

fn files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// Every function of the tests. It ends where a brace closes at its own depth, as rustfmt leaves it.
pub fn functions() -> Vec<Function> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("it");
    let mut paths = Vec::new();
    files(&root, &mut paths);
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let module = path.strip_prefix(&root).unwrap().with_extension("").display().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        found.extend(of(&module.replace('/', "::").replace("::mod", ""), &text));
    }
    found
}

fn of(module: &str, text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut doc = Vec::new();
    let mut is_test = false;
    for (at, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        if let Some(words) = trimmed.strip_prefix("///") {
            doc.push(words.trim());
            continue;
        }
        if trimmed.starts_with("#[") {
            is_test |= trimmed.starts_with("#[test]");
            continue;
        }
        if let Some(name) = declared(trimmed) {
            let depth = line.len() - trimmed.len();
            let closes = ["}", "];"].map(|close| format!("{}{close}", " ".repeat(depth)));
            let alone = |end: usize| end == at && line.ends_with(['}', ';']);
            let end = (at..lines.len()).find(|end| closes.iter().any(|close| lines[*end] == close) || alone(*end));
            found.push(Function {
                module: module.into(),
                name: name.into(),
                doc: doc.join(" "),
                body: lines[at..=end.unwrap_or(at)].join("\n"),
                is_case: (is_test && name.contains('_'))
                    || (depth == 4 && trimmed.starts_with("async fn ") && line.contains("(app: App) {")),
            });
        }
        doc.clear();
        is_test = false;
    }
    found
}

fn declared(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ").or(line.strip_prefix("const "))?.split(['(', '<', ':', ' ']).next()
}

/// What stands between the brackets of each call of a function of this name; not of a method.
pub fn calls<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(&format!("{name}(")) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '.'))
            || text[..at].ends_with("fn ")
        {
            continue;
        }
        let inside = &text[at + name.len() + 1..];
        let mut open = 1;
        let end = inside.char_indices().find(|(_, letter)| {
            open += match letter {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            open == 0
        });
        found.push(&inside[..end.map_or(inside.len(), |(end, _)| end)]);
    }
    found
}

/// A function's body, followed by those of the functions beside it that it calls and of the lists it names.
pub fn expanded(all: &[Function], function: &Function) -> String {
    let mut text = function.body.clone();
    let mut taken = vec![function.name.as_str()];
    let beside: Vec<&Function> = all.iter().filter(|one| one.module == function.module && !one.is_case).collect();
    loop {
        let named = |one: &Function| match one.name.starts_with(char::is_uppercase) {
            true => text.contains(&one.name),
            false => !calls(&text, &one.name).is_empty(),
        };
        let next = beside.iter().find(|one| !taken.contains(&one.name.as_str()) && named(one));
        let Some(next) = next else { return text };
        taken.push(&next.name);
        text += "\n";
        text += &next.body;
    }
}
