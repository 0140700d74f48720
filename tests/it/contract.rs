//! The published documents: committed as generated, complete, and true of what the server really answers.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use roundtable_kernel::operation::Kind;
use roundtable_kernel::standing::Role;
use roundtable_server::documents;
use serde_json::{Value, json};

use crate::harness::{Who, sample};

const METHODS: [&str; 5] = ["get", "post", "patch", "delete", "put"];

fn document() -> Value {
    let all = documents::all().unwrap();
    let (_, text) = all.iter().find(|(name, _)| *name == "openapi.json").unwrap();
    serde_json::from_str(text).unwrap()
}

fn operations(document: &Value) -> Vec<(String, &str, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                found.push((path.clone(), method, operation));
            }
        }
    }
    found
}

/// Visits every value with its JSON pointer.
fn visit(value: &Value, at: &str, see: &mut impl FnMut(&str, &Value)) {
    see(at, value);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                visit(member, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), see);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                visit(item, &format!("{at}/{index}"), see);
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_str().is_none_or(|text| text.trim().is_empty())
}

fn refuse(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule} ({}):\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_committed_documents_are_the_generated_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("openapi");
    let update = std::env::var_os("UPDATE_DOCUMENTS").is_some_and(|value| value == "1");
    let differing = documents::write(&folder, !update).unwrap();
    assert!(
        update || differing.is_empty(),
        "{differing:?} under openapi/ differ from what the server does; look at the change, then run the tests with \
         UPDATE_DOCUMENTS=1"
    );
    assert_eq!(documents::all().unwrap().len(), 5);
}

#[test]
fn everything_is_described_and_named_once() {
    let document = document();
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    for tag in document["tags"].as_array().unwrap() {
        if is_empty(&tag["description"]) {
            wrong.push(format!("tag {}", tag["name"]));
        }
    }
    for (path, method, operation) in operations(&document) {
        let at = format!("{method} {path}");
        let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
        if name.is_empty() || !names.insert(name.clone()) {
            wrong.push(format!("{at}: operationId {name:?}"));
        }
        if is_empty(&operation["summary"]) || is_empty(&operation["description"]) {
            wrong.push(format!("{at}: summary and description"));
        }
        match operation["tags"].as_array().map(Vec::as_slice) {
            Some([tag]) if tag.as_str().is_some_and(|tag| tags.contains(tag)) => {}
            other => wrong.push(format!("{at}: tags {other:?}")),
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter.get("$ref").is_none() && is_empty(&parameter["description"]) {
                wrong.push(format!("{at}: parameter {}", parameter["name"]));
            }
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            if response.get("$ref").is_none() && is_empty(&response["description"]) {
                wrong.push(format!("{at}: response {status}"));
            }
        }
    }
    for kind in ["schemas", "parameters", "responses", "headers", "requestBodies"] {
        for (name, component) in document["components"][kind].as_object().into_iter().flatten() {
            let no_words = is_empty(&component["description"]);
            // An input without members says so by its name.
            if no_words && (kind != "schemas" || component.get("properties").is_none()) {
                wrong.push(format!("{kind} {name}"));
            }
            for (member, schema) in component["properties"].as_object().into_iter().flatten() {
                if kind == "schemas" && schema.get("$ref").is_none() && is_empty(&schema["description"]) {
                    wrong.push(format!("schema {name}.{member}"));
                }
            }
        }
    }
    refuse("describe it", &wrong);
    assert!(names.len() > 150);
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut dangling = Vec::new();
    let mut count = 0;
    visit(&document, "", &mut |at, value| {
        if let Some(to) = value.get("$ref").and_then(Value::as_str) {
            count += 1;
            if to.strip_prefix('#').and_then(|pointer| document.pointer(pointer)).is_none() {
                dangling.push(format!("{at}: {to}"));
            }
        }
    });
    assert!(count > 500);
    refuse("these references lead nowhere", &dangling);
}

#[test]
fn null_is_spoken_of_in_patches_only() {
    let document = document();
    let mut found = Vec::new();
    visit(&document["components"]["schemas"], "", &mut |at, value| {
        let null =
            value["type"] == "null" || value["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("null")));
        let schema = at.split('/').nth(1).unwrap_or_default();
        if null && !schema.ends_with("Patch") {
            found.push(at.to_owned());
        }
    });
    refuse("what is not there is left out", &found);
}

#[test]
fn every_schema_is_a_schema() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert!(schemas.len() > 100);
    for (name, schema) in schemas {
        assert!(jsonschema::meta::is_valid(schema), "{name} is no schema of JSON Schema 2020-12");
    }
    for path in document["paths"].as_object().unwrap().keys() {
        let declared: BTreeSet<&str> = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        let item = &document["paths"][path];
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            let parameters = item[*method]["parameters"].as_array().into_iter().flatten();
            let named: BTreeSet<&str> = parameters
                .chain(item["parameters"].as_array().into_iter().flatten())
                .map(|one| match one["$ref"].as_str() {
                    Some(to) => document.pointer(to.trim_start_matches('#')).unwrap(),
                    None => one,
                })
                .filter(|one| one["in"] == "path")
                .map(|one| one["name"].as_str().unwrap())
                .collect();
            assert_eq!(declared, named, "{method} {path}");
        }
    }
}

#[test]
fn every_code_of_a_problem_is_documented() {
    let document = document();
    let text = document.to_string();
    let page = documents::all().unwrap().into_iter().find(|(name, _)| *name == "problems.md").unwrap().1;
    for code in roundtable_kernel::error::Code::ALL {
        assert!(page.contains(&format!("`{}`", code.wire())), "{} is not in problems.md", code.wire());
        assert!(text.contains(code.wire()), "{} is not in openapi.json", code.wire());
    }
}

#[test]
fn every_body_and_answer_has_an_example_that_fits() {
    let document = document();
    let mut validators = Validators { document: document.clone(), made: HashMap::new() };
    let mut seen = 0;
    let mut wrong = Vec::new();
    visit(&document, "", &mut |at, value| {
        let Some(content) = value.get("content").and_then(Value::as_object).filter(|_| !at.contains("/schemas/"))
        else {
            return;
        };
        // What is text has no shape that an example could show.
        for (kind, content) in content.iter().filter(|(_, content)| content["schema"]["type"] != "string") {
            let named = content["examples"].as_object().into_iter().flatten().next();
            let named = named.and_then(|(_, one)| document.pointer(one["$ref"].as_str()?.trim_start_matches('#')));
            let Some(example) = named.map(|named| &named["value"]).or(content.get("example")) else {
                wrong.push(format!("{at} {kind}: no example"));
                continue;
            };
            seen += 1;
            validators.check(&content["schema"], example, &format!("the example of {at}"));
        }
    });
    refuse("give it an example", &wrong);
    assert!(seen > 400, "only {seen}");
}

/// What 3.0 has no words for, or uses in another way.
#[test]
fn the_older_document_is_one_of_3_0() {
    let all = documents::all().unwrap();
    let (_, text) = all.iter().find(|(name, _)| *name == "openapi-3.0.json").unwrap();
    let older: Value = serde_json::from_str(text).unwrap();
    assert_eq!(older["openapi"], "3.0.3");
    assert_eq!(older["paths"].as_object().unwrap().len(), document()["paths"].as_object().unwrap().len());
    let mut newer = Vec::new();
    let mut nullable = 0;
    visit(&older, "", &mut |at, value| {
        // Members of records may be called anything, and examples hold anything.
        if at.contains("/examples") || at.contains("/example/") || at.ends_with("/properties") {
            return;
        }
        nullable += usize::from(value["nullable"] == true);
        let schema = at.contains("/schema");
        let lists = value["type"].is_array() || value["type"] == "null";
        let words = ["const", "prefixItems", "contentEncoding", "patternProperties", "propertyNames", "$defs"];
        let beside = schema && value.get("$ref").is_some() && value.as_object().unwrap().len() > 1;
        let exclusive = value["exclusiveMinimum"].is_number() || value["exclusiveMaximum"].is_number();
        if (schema && (lists || exclusive || value["examples"].is_array()))
            || beside
            || words.iter().any(|word| schema && value.get(*word).is_some())
        {
            newer.push(at.to_owned());
        }
    });
    refuse("3.0 does not know this", &newer);
    assert!(nullable > 50, "only {nullable}");
}

/// The lines of a source between `region NAME` and `endregion`, as far to the left as they go.
fn region(source: &str, name: &str) -> Option<String> {
    let mut lines =
        source.lines().skip_while(|line| line.trim_start_matches(['#', '/', ' ']) != format!("region {name}"));
    lines.next()?;
    let inside: Vec<&str> = lines.take_while(|line| line.trim_start_matches(['#', '/', ' ']) != "endregion").collect();
    let filled = inside.iter().filter(|line| !line.trim().is_empty());
    let indent = filled.map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
    let lines: Vec<&str> = inside.iter().map(|line| line.get(indent..).unwrap_or_default()).collect();
    Some(lines.join("\n"))
}

/// What the page for clients shows is run by `tests/clients/run`.
#[test]
fn the_page_for_clients_shows_what_is_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/clients.md")).unwrap();
    let mut shown = 0;
    for part in page.split("<!-- ").skip(1) {
        let (mark, rest) = part.split_once(" -->").unwrap();
        let (file, name) = mark.split_once(": ").unwrap();
        let block = rest.split("```").nth(1).unwrap().split_once('\n').unwrap().1.trim_end();
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        let run = region(&source, name).unwrap_or_else(|| panic!("{file} has no region {name}"));
        assert_eq!(block, run, "docs/clients.md shows another {name} than {file} runs");
        shown += 1;
    }
    assert!(shown >= 14, "only {shown}");
}

/// Validators of the schemas of one document, made once each.
struct Validators {
    document: Value,
    made: HashMap<String, jsonschema::Validator>,
}

impl Validators {
    fn check(&mut self, schema: &Value, value: &Value, what: &str) {
        let key = schema.to_string();
        let validator = self.made.entry(key).or_insert_with(|| {
            let mut root = schema.clone();
            root["components"] = self.document["components"].clone();
            jsonschema::options().should_validate_formats(true).build(&root).unwrap()
        });
        let errors: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path().as_str())).collect();
        assert!(errors.is_empty(), "{what} does not fit the document:\n{}\n{value}", errors.join("\n"));
    }
}

fn content<'d>(document: &'d Value, operation: &'d Value, status: u16) -> Option<(&'d str, &'d Value)> {
    let response = &operation["responses"][status.to_string()];
    let response = match response["$ref"].as_str() {
        Some(to) => document.pointer(to.trim_start_matches('#')).unwrap(),
        None if response.is_null() => &operation["responses"]["default"],
        None => response,
    };
    let response = match response["$ref"].as_str() {
        Some(to) => document.pointer(to.trim_start_matches('#')).unwrap(),
        None => response,
    };
    response["content"].as_object()?.iter().next().map(|(kind, content)| (kind.as_str(), &content["schema"]))
}

cases! {
    async fn real_answers_fit_the_document(app: App) {
        let table = &app.server.app.operations;
        let document = document();
        let mut validators = Validators { document: document.clone(), made: HashMap::new() };
        let mut checked = BTreeSet::new();
        for (path, method, published) in operations(&document) {
            let name = published["operationId"].as_str().unwrap();
            let Some(operation) = table.iter().find(|one| one.op.name() == name) else { continue };
            assert_eq!((operation.path.as_str(), operation.kind.method().to_lowercase().as_str()), (path.as_str(), method));
            let who = match (operation.collection, operation.kind) {
                ("accounts", _) => app.world.operator.clone(),
                // A topic is its parties'.
                ("topics" | "topic-consents", _) => app.world.who(Role::Union).clone(),
                // A feed is known to whoever made it.
                ("calendar-feeds", _) => app.world.who(Role::Employer).clone(),
                _ => app.world.ours.lead.clone(),
            };
            let row = app.world.rows.iter().find(|row| row.collection == sample::collection(operation) && !row.theirs);
            let id = row.map(|row| row.id.to_string());
            let about_one = sample::about_one(operation);
            let place = sample::path(operation, id.as_deref().filter(|_| about_one));
            let mut answers = Vec::new();
            for caller in [who, Who::anonymous(), app.world.who(Role::Observer).clone()] {
                let writes = if sample::takes_validate_only(operation) { "?validateOnly=true" } else { "" };
                let mut call = app.rest(&caller, operation.kind.method(), &format!("{place}{writes}"));
                if operation.kind.needs_version() {
                    call = call.version(row.map_or(1, |row| row.version));
                }
                if let Some(body) = sample::body(table, operation) {
                    let schema = &published["requestBody"]["content"];
                    let (_, content) = schema.as_object().unwrap().iter().next().unwrap();
                    validators.check(&content["schema"], &body, &format!("the body of {name}"));
                    call = call.json(body);
                }
                answers.push(call.send().await);
            }
            for answer in answers {
                let Some((kind, schema)) = content(&document, published, answer.status) else {
                    panic!("{name}: {} is not in the document: {}", answer.status, answer.body);
                };
                assert_eq!(answer.header("content-type"), kind, "{name} {}", answer.status);
                let text = || Value::String(String::from_utf8_lossy(&answer.bytes).into_owned());
                let body = if kind.contains("json") { answer.body.clone() } else { text() };
                validators.check(schema, &body, &format!("the answer {} of {name}", answer.status));
                if answer.status < 300 {
                    checked.insert(operation.op);
                }
            }
        }
        let reads = table.iter().filter(|one| matches!(one.kind, Kind::List | Kind::Get | Kind::Report));
        for operation in reads {
            assert!(checked.contains(&operation.op), "{} never succeeded", operation.op.name());
        }
        assert!(checked.len() > 100, "only {}", checked.len());
    }

    async fn the_pages_and_documents_are_served(app: App) {
        let anybody = Who::anonymous();
        for (path, kind) in [
            ("/", "text/html"),
            ("/openapi.json", "application/json"),
            ("/openapi-3.0.json", "application/json"),
            ("/schema.graphql", "text/plain"),
            ("/access", "text/html"),
            ("/problems", "text/html"),
            ("/problems/NOT_YOURS", "text/html"),
            ("/graphiql", "text/html"),
            ("/healthz", "text/plain"),
            ("/readyz", "text/plain"),
        ] {
            let answer = app.rest(&anybody, "GET", path).send().await;
            let right = answer.status == 200 && answer.header("content-type").contains(kind);
            assert!(right, "{path}: {} {}", answer.status, answer.header("content-type"));
        }
        app.rest(&anybody, "GET", "/problems/NO_SUCH_CODE").send().await.is(404);
        let served = app.get(&anybody, "/openapi.json").await;
        assert_eq!(served, document());
    }
}
