//! The access table, cell by cell, through both doors: every operation, as everybody, on a record in each relation to
//! them. What to expect is computed from the table and from what the world says of the record.

use std::collections::BTreeSet;

use roundtable_kernel::access::{Reach, permit, rule};
use roundtable_kernel::graphql::field_name;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Kind, Operation, Operations};
use roundtable_kernel::standing::{Role, Standing};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::world::{Row, World};
use crate::harness::{App, Who, sample};

/// How a caller stands to the record asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    /// The operation is about no record.
    None,
    Own,
    Other,
    OtherPartnership,
    Random,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// 401.
    Unknown,
    /// 403 with this code.
    Refused(&'static str),
    /// 404, null where GraphQL reads.
    Absent,
    /// A body that points to what is not there, or not the caller's: told apart by nothing.
    NotPointedTo,
    /// Whatever the record's own rules say, but none of the above.
    Allowed,
}

/// A code the table refuses a role with.
fn refusal(op: Op, role: Role) -> &'static str {
    let standing = Standing { role, ..Standing::operator() };
    match permit(op, &standing) {
        Err(error) => error.code.wire(),
        Ok(_) => panic!("{op:?} is permitted to {role:?}"),
    }
}

/// The operation that reads records of a collection.
fn reader(table: &Operations, collection: &str) -> Op {
    let found = table.collections.iter().find(|one| one.path == collection);
    found.unwrap_or_else(|| panic!("{collection} has no reader")).get
}

/// Whose a record is, as far as this operation is concerned.
fn owners(op: Op, row: &Row) -> Vec<Role> {
    use Op::*;
    match op {
        UpdateAgendaItem | ArchiveAgendaItem | UpdateAttendance | ArchiveAttendance | RecordAttendance
        | UpdateMinutes | CirculateMinutes | UpdateDecision | UpdateOutreachTouch => {
            row.organizer.into_iter().collect()
        }
        ApproveMinutes => row.there.clone(),
        _ => row.owners.clone(),
    }
}

fn is_visible(table: &Operations, role: Role, row: &Row) -> bool {
    if row.theirs && role != Role::Operator && row.collection != "codes" {
        return false;
    }
    let owned = row.owners.contains(&role) && !row.theirs;
    // Known to whose they are and to nobody else, the intermediary included.
    if row.collection.starts_with("webhook") {
        return owned || (role == Role::Intermediary && row.owners.is_empty());
    }
    match rule(reader(table, row.collection)).reach(role) {
        Reach::Nothing => false,
        Reach::Public => row.public,
        Reach::Own => owned,
        Reach::All => !row.hidden || owned || role.is_intermediary(),
    }
}

fn expected(
    table: &Operations,
    operation: &Operation,
    role: Option<Role>,
    row: Option<&Row>,
    random: bool,
) -> Expected {
    // What may be done to a record is told to whoever may read it.
    let rule = rule(if operation.op == Op::GetAccess { Op::GetOrganization } else { operation.op });
    let Some(role) = role else {
        return if rule.open { Expected::Allowed } else { Expected::Unknown };
    };
    if rule.open || rule.signed_in {
        return Expected::Allowed;
    }
    let reach = rule.reach(role);
    if reach == Reach::Nothing {
        return Expected::Refused(refusal(operation.op, role));
    }
    if random {
        return Expected::Absent;
    }
    let Some(row) = row else { return Expected::Allowed };
    if !is_visible(table, role, row) {
        return Expected::Absent;
    }
    let within = reach == Reach::All || owners(operation.op, row).contains(&role);
    if operation.kind.writes() && !within {
        return Expected::Refused("NOT_YOURS");
    }
    // Whoever may renew any account's secret still holds none of another organisation's, nor gives anybody its voice.
    let speaks = [Op::RenewSecret, Op::UpdateProvisionedLogin, Op::ActivateProvisionedLogin];
    if speaks.contains(&operation.op) && !row.owners.contains(&role) {
        let code = if role.is_intermediary() { "INTERMEDIARY_CANNOT_SET_COURSE" } else { "NOT_YOURS" };
        return Expected::Refused(code);
    }
    Expected::Allowed
}

/// A record in this relation to the role, if the world has one.
fn pick<'w>(world: &'w World, operation: &Operation, role: Role, relation: Relation) -> Option<&'w Row> {
    let mut rows = world.rows.iter().filter(|row| row.collection == sample::collection(operation));
    let owned = |row: &Row| owners(operation.op, row).contains(&role);
    match relation {
        Relation::Own => rows.find(|row| !row.theirs && (owned(row) || !role.is_member())),
        Relation::Other if role.is_member() => rows.find(|row| !row.theirs && !owned(row) && !row.hidden),
        Relation::OtherPartnership => rows.find(|row| row.theirs),
        _ => None,
    }
}

fn callers(world: &World) -> Vec<(Option<Role>, Who)> {
    let mut callers: Vec<(Option<Role>, Who)> = vec![(None, Who::anonymous())];
    callers.extend(Role::ALL.map(|role| (Some(role), world.who(role).clone())));
    // A system of the intermediary's is bound like the intermediary.
    callers.push((Some(Role::Intermediary), world.service.clone()));
    callers
}

/// Everything to try: who, on which record, with what to expect.
struct Cell<'w> {
    operation: &'w Operation,
    role: Option<Role>,
    who: Who,
    relation: Relation,
    id: Option<Uuid>,
    version: i64,
    expected: Expected,
    /// The organisation a creation is for.
    organization: Option<Uuid>,
}

/// The member of a body that says whose it is.
fn owner_member(body: &Value) -> Option<&'static str> {
    let members = ["organizationId", "employerOrganizationId"];
    members.into_iter().find(|member| body["properties"].get(member).is_some())
}

/// Whether a creation says for which organisation it is, and only the own one is within reach.
fn creates_for_own(table: &Operations, operation: &Operation, role: Role) -> bool {
    let body = operation.body.as_ref().map(|name| &table.schemas.named[name.as_str()]);
    operation.kind == Kind::Create
        && rule(operation.op).reach(role) == Reach::Own
        && body.is_some_and(|body| owner_member(body).is_some())
        // That one follows the person.
        && !matches!(operation.op, Op::CreateInvitation | Op::CreateBargainingUnit)
}

fn cells(app: &App) -> Vec<Cell<'_>> {
    let table = &app.server.app.operations;
    let mut cells = Vec::new();
    for (role, who) in callers(app.world) {
        for operation in table.iter() {
            let cell = |relation, row: Option<&Row>, random: Option<Uuid>| Cell {
                operation,
                role,
                who: who.clone(),
                relation,
                id: row.map(|row| row.id).or(random),
                version: row.map_or(1, |row| row.version),
                expected: expected(table, operation, role, row, random.is_some()),
                organization: None,
            };
            if let Some(role) = role.filter(|role| creates_for_own(table, operation, *role)) {
                let other = if role == Role::Union { Role::Employer } else { Role::Union };
                let (ours, theirs) = (&app.world.ours.organization, &app.world.theirs.organization);
                for (relation, organization, expected) in [
                    (Relation::Own, ours[&role], Expected::Allowed),
                    (Relation::Other, ours[&other], Expected::Refused("NOT_YOURS")),
                    (Relation::Random, Uuid::now_v7(), Expected::NotPointedTo),
                    (Relation::OtherPartnership, theirs[&Role::Union], Expected::NotPointedTo),
                ] {
                    cells.push(Cell { organization: Some(organization), expected, ..cell(relation, None, None) });
                }
            } else if !sample::about_one(operation) {
                cells.push(cell(Relation::None, None, None));
            }
            if !sample::about_one(operation) {
                continue;
            }
            cells.push(cell(Relation::Random, None, Some(Uuid::now_v7())));
            let stands_as = role.unwrap_or(Role::Observer);
            for relation in [Relation::Own, Relation::Other, Relation::OtherPartnership] {
                if let Some(row) = pick(app.world, operation, stands_as, relation) {
                    cells.push(cell(relation, Some(row), None));
                }
            }
        }
    }
    cells
}

fn describe(cell: &Cell<'_>) -> String {
    let role = cell.role.map_or("anonymous", Role::word);
    format!("{} as {role} ({}) on {:?}: {:?}", cell.operation.op.name(), cell.who.name, cell.relation, cell.expected)
}

/// What an answer of either door amounts to.
#[derive(Debug)]
struct Outcome {
    status: u16,
    code: String,
    shown: String,
}

fn judge(cell: &Cell<'_>, outcome: &Outcome) -> Result<(), String> {
    let (status, code) = (outcome.status, outcome.code.as_str());
    let right = match cell.expected {
        Expected::Unknown => status == 401 && code == "UNAUTHENTICATED",
        Expected::Refused(expected) => status == 403 && code == expected,
        Expected::Absent => status == 404 && code == "NOT_FOUND",
        Expected::NotPointedTo => matches!(code, "INVALID_INPUT" | "NOT_YOURS"),
        // What a minimal body is refused for is the business of other tests, as long as it is no failure.
        Expected::Allowed if cell.operation.op == Op::CreateSession || cell.operation.op == Op::ChangePassword => {
            // A system has no password to change.
            matches!(code, "SIGN_IN_FAILED" | "TOO_MANY_REQUESTS") || cell.who.name == "service"
        }
        Expected::Allowed if rule(cell.operation.op).open => status < 500,
        // What the smallest body names is nobody's, and a system has none of its own.
        Expected::Allowed if matches!(cell.operation.op, Op::RevokeSession | Op::UnlinkIdentity) => {
            code == if cell.who.name == "service" { "FORBIDDEN" } else { "NOT_FOUND" }
        }
        // Agreeing to serve is the person's own word, whatever the organisation.
        Expected::Allowed if cell.operation.op == Op::AcceptChampion => status < 500 && status != 404 && status != 401,
        Expected::Allowed => status < 500 && !matches!(status, 401 | 403 | 404),
    };
    if right { Ok(()) } else { Err(format!("{}\n    was {outcome:?}", describe(cell))) }
}

fn body(table: &Operations, cell: &Cell<'_>) -> Option<Value> {
    let mut body = sample::body(table, cell.operation)?;
    if let Some(organization) = cell.organization {
        let name = cell.operation.body.as_ref()?;
        let member = owner_member(&table.schemas.named[name.as_str()])?;
        body[member] = json!(organization);
    }
    Some(body)
}

async fn through_rest(app: &App, cell: &Cell<'_>, request_id: &str) -> Outcome {
    let table = &app.server.app.operations;
    let id = cell.id.map(|id| id.to_string());
    let mut path = sample::path(cell.operation, id.as_deref());
    if sample::takes_validate_only(cell.operation) {
        path += "?validateOnly=true";
    }
    let mut call = app.rest(&cell.who, cell.operation.kind.method(), &path).header("request-id", request_id);
    if cell.operation.kind.needs_version() {
        call = call.version(cell.version);
    }
    if let Some(body) = body(table, cell) {
        call = call.json(body);
    }
    let answer = call.send().await;
    Outcome {
        status: answer.status,
        code: answer.code().into(),
        shown: format!("{:?} {}", sorted_headers(&answer), String::from_utf8_lossy(&answer.bytes)),
    }
}

fn sorted_headers(answer: &crate::harness::Answer) -> Vec<String> {
    let mut headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.sort();
    headers
}

async fn through_graphql(app: &App, cell: &Cell<'_>, request_id: &str) -> Outcome {
    let table = &app.server.app.operations;
    let id = cell.id.map(|id| id.to_string());
    let body = body(table, cell);
    let document = sample::document(table, cell.operation, id.as_deref(), cell.version, body.as_ref(), true);
    let answer = app.gql_with(&cell.who, &document, Value::Null, &[("request-id", request_id)]).await;
    let error = &answer.body["errors"][0]["extensions"];
    let mut status = error["status"].as_u64().map_or(answer.status, |status| u16::try_from(status).unwrap());
    let mut code = answer.code().to_owned();
    assert_ne!(code, "QUERY_INVALID", "{}: {}", answer.asked, answer.body);
    if cell.operation.kind == Kind::Get && answer.body["data"]["it"].is_null() && code.is_empty() {
        (status, code) = (404, "NOT_FOUND".into());
    }
    Outcome { status, code, shown: String::from_utf8_lossy(&answer.bytes).into_owned() }
}

#[derive(Clone, Copy)]
enum Door {
    Rest,
    Graphql,
}

async fn goes_through(app: &App, door: Door) {
    let cells = cells(app);
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let mut counted = [0usize; 4];
    let mut random: Option<(Op, Option<Role>, String)> = None;
    for (number, cell) in cells.iter().enumerate() {
        // One id for a cell and the random one before it: what is not known is answered byte by byte the same.
        let request_id = format!("cell-of-the-access-table-{}", cell.operation.op.name());
        let outcome = match door {
            Door::Rest => through_rest(app, cell, &request_id).await,
            Door::Graphql => through_graphql(app, cell, &request_id).await,
        };
        if let Err(text) = judge(cell, &outcome) {
            wrong.push(text);
        }
        match cell.relation {
            Relation::Random => random = Some((cell.operation.op, cell.role, outcome.shown.clone())),
            Relation::OtherPartnership if matches!(cell.expected, Expected::Absent | Expected::NotPointedTo) => {
                let (op, role, shown) = random.as_ref().expect("a random id goes first");
                assert!(*op == cell.operation.op && *role == cell.role, "cell {number}");
                if *shown != outcome.shown {
                    wrong.push(format!(
                        "{}\n    differs from a random id: {shown}\n    {}",
                        describe(cell),
                        outcome.shown
                    ));
                }
            }
            _ => {}
        }
        counted[match cell.expected {
            Expected::Unknown => 0,
            Expected::Refused(_) => 1,
            Expected::Absent | Expected::NotPointedTo => 2,
            Expected::Allowed => 3,
        }] += 1;
        seen.insert(cell.operation.op);
    }
    assert_eq!(seen.len(), Op::ALL.len(), "every operation was tried");
    let about_one = app.server.app.operations.iter().filter(|one| sample::about_one(one)).count();
    // Fourteen callers; of what is about one record at least three relations each, where somebody has an own.
    assert!(cells.len() > 14 * (Op::ALL.len() + about_one), "only {} cells", cells.len());
    assert!(counted.iter().all(|count| *count > 150), "too little of one outcome: {counted:?}");
    assert!(wrong.is_empty(), "{} of {} cells are wrong:\n{}", wrong.len(), cells.len(), wrong.join("\n"));
}

cases! {
    async fn every_cell_of_the_table_holds_through_rest(app: App) {
        goes_through(&app, Door::Rest).await;
    }

    async fn every_cell_of_the_table_holds_through_graphql(app: App) {
        goes_through(&app, Door::Graphql).await;
    }

    async fn every_record_has_a_row_of_the_other_partnership(app: App) {
        let table = &app.server.app.operations;
        for collection in &table.collections {
            let installation = matches!(collection.path, "codes" | "accounts");
            let rows = || app.world.rows.iter().filter(|row| row.collection == collection.path);
            assert!(rows().any(|row| !row.theirs), "{} has no row of ours", collection.path);
            assert!(installation || rows().any(|row| row.theirs), "{} has no row of theirs", collection.path);
        }
    }
}

#[test]
fn both_documents_name_exactly_the_operations() {
    let table = roundtable_server::operations();
    let declared: BTreeSet<String> = Op::ALL.iter().map(|op| op.name()).collect();
    let registered: BTreeSet<String> = table.iter().map(|one| one.op.name()).collect();
    assert_eq!(declared, registered, "every operation is registered");

    let document = roundtable_kernel::openapi::document(&table);
    let document = serde_json::to_value(&document).unwrap();
    let mut published = BTreeSet::new();
    for methods in document["paths"].as_object().unwrap().values() {
        for (method, operation) in methods.as_object().unwrap() {
            if ["get", "post", "patch", "delete", "put"].contains(&method.as_str()) {
                published.insert(operation["operationId"].as_str().unwrap().to_owned());
            }
        }
    }
    let missing: Vec<_> = declared.difference(&published).collect();
    assert!(missing.is_empty(), "not in the OpenAPI document: {missing:?}");
    // A list stands there as files too.
    let lists = table.iter().filter(|one| one.kind == Kind::List).map(|one| one.op.name());
    let files: BTreeSet<String> = lists.flat_map(|name| [format!("{name}Csv"), format!("{name}Jsonl")]).collect();
    assert!(files.is_subset(&published));
    // The feed as it happens is the feed, without an end.
    published.remove("streamEvents");
    let beyond: Vec<_> = published.iter().filter(|name| !declared.contains(*name) && !files.contains(*name)).collect();
    assert!(beyond.is_empty(), "in the OpenAPI document and no operation: {beyond:?}");

    let schema = roundtable_server::documents::graphql_schema().unwrap();
    let roots = "{ __schema { queryType { fields { name } } mutationType { fields { name } } } }";
    let roots = actix_web::rt::System::new().block_on(schema.execute(roots));
    let roots = roots.data.into_json().unwrap();
    let fields: BTreeSet<String> = ["queryType", "mutationType"]
        .iter()
        .flat_map(|root| roots["__schema"][root]["fields"].as_array().unwrap())
        .map(|field| field["name"].as_str().unwrap().to_owned())
        .collect();
    let wanted: BTreeSet<String> = table.iter().map(field_name).chain(["node".to_owned()]).collect();
    assert_eq!(fields, wanted);
}
