//! The GraphQL door, made from the table of operations: the same names, filters, shapes and refusals as REST.
//!
//! Lists are Relay connections, relations are read in batches, mutations carry the name of their operation. What the
//! schema says is derived from the published schemas, so the two documents cannot drift apart. `execution.rs` runs what is
//! asked; the fields of the schema pass on what it made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputObject, InputValue, Interface, InterfaceField, Object,
    ResolverContext, Scalar, Schema, SchemaBuilder, SchemaError, Subscription, TypeRef,
};
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::parser::types::OperationType;
use async_graphql::{ErrorExtensions, PathSegment, Response, Value as GqlValue};
use sea_orm::ConnectionTrait;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Code, Error};
use crate::execution::{Execution, FieldOf, Graph, NODE, TYPE, TypeOf, put_name};
use crate::node::Node;
use crate::op::Op;
use crate::operation::{Arguments, Kind, Operation, Operations};
use crate::relation::Relation;
use crate::schema::referred;
use crate::selection::{Said, Selected};
use crate::session::Session;
use crate::subscription;

/// Field of the query root for an operation: `listMeetings` is `meetings`, `getMeeting` is `meeting`.
pub fn field_name(operation: &Operation) -> String {
    let title = operation.op.title();
    let rest = match operation.kind {
        Kind::List => title.strip_prefix("List"),
        Kind::Get | Kind::Report => title.strip_prefix("Get").or(title.strip_prefix("List")),
        _ => None,
    };
    let name = rest.unwrap_or(title);
    let (first, rest) = name.split_at(1);
    first.to_lowercase() + rest
}

/// Extension under which the place of an error travels: the library leaves it out of what a resolver returns.
pub(crate) const PLACE: &str = "place";

pub(crate) fn failed(error: &Error, request_id: &str) -> async_graphql::Error {
    let mut out = async_graphql::Error::new(error.detail.clone());
    if error.code.status() >= 500 {
        tracing::error!(%error, request_id, "an operation failed");
    }
    out = out.extend_with(|_, extensions| {
        extensions.set("code", error.code.wire());
        extensions.set("status", i32::from(error.code.status()));
        extensions.set("requestId", request_id);
        if let Some(seconds) = error.retry_after {
            extensions.set("retryAfter", seconds);
        }
        if !error.problems.is_empty()
            && let Ok(problems) = serde_json::to_value(&error.problems)
            && let Ok(problems) = GqlValue::from_json(problems)
        {
            extensions.set("errors", problems);
        }
    });
    out
}

/// How a member of a schema is shown.
#[derive(Clone)]
pub(crate) enum Shape {
    Plain(&'static str),
    Word(String),
    Nested(String),
    List(Box<Shape>),
    /// Any record, named by the member `recordType` beside it.
    Record,
}

pub(crate) fn shape(schemas: &Operations, schema: &Value) -> Shape {
    if let Some(name) = referred(schema) {
        let target = schemas.schemas.named.get(name);
        return match target {
            Some(target) if target.get("enum").is_some() => Shape::Word(name.into()),
            Some(target) if target["type"] == "array" => shape(schemas, target),
            Some(target) if target.get("properties").is_some() => Shape::Nested(name.into()),
            _ => Shape::Plain("JSON"),
        };
    }
    // Nullable inputs keep their one real branch.
    if let Some(branches) = schema["oneOf"].as_array()
        && let Some(branch) = branches.iter().find(|branch| branch["type"] != "null")
    {
        return shape(schemas, branch);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default(),
        kind => kind.as_str().unwrap_or_default(),
    };
    match (kind, schema["format"].as_str()) {
        ("string", Some("uuid")) => Shape::Plain(TypeRef::ID),
        ("string", Some("date-time")) => Shape::Plain("DateTime"),
        ("string", Some("date")) => Shape::Plain("Date"),
        ("string", _) => Shape::Plain(TypeRef::STRING),
        ("integer", _) => Shape::Plain(TypeRef::INT),
        ("number", _) => Shape::Plain(TypeRef::FLOAT),
        ("object", Some("record")) => Shape::Record,
        ("boolean", _) => Shape::Plain(TypeRef::BOOLEAN),
        ("array", _) => Shape::List(Box::new(shape(schemas, &schema["items"]))),
        _ => Shape::Plain("JSON"),
    }
}

impl Shape {
    fn named(&self) -> TypeRef {
        match self {
            Shape::Plain(name) => TypeRef::named(*name),
            Shape::Record => TypeRef::named("Node"),
            Shape::Word(name) | Shape::Nested(name) => TypeRef::named(name),
            Shape::List(of) => TypeRef::List(Box::new(TypeRef::NonNull(Box::new(of.named())))),
        }
    }

    pub(crate) fn typed(&self, required: bool) -> TypeRef {
        if required { TypeRef::NonNull(Box::new(self.named())) } else { self.named() }
    }

    /// Name of the type it leads to.
    pub(crate) fn name(&self) -> &str {
        match self {
            Shape::Nested(name) | Shape::Word(name) => name,
            _ => "",
        }
    }

    /// Whether it leads to objects, of which something is selected in turn.
    pub(crate) fn leads_on(&self) -> bool {
        match self {
            Shape::Nested(_) | Shape::Record => true,
            Shape::List(of) => of.leads_on(),
            Shape::Plain(_) | Shape::Word(_) => false,
        }
    }

    /// Makes words of what REST shows, as JSON, those of GraphQL.
    pub(crate) fn put_words(&self, json: &mut [u8]) {
        match self {
            Shape::Word(_) if json.starts_with(b"\"") => json.make_ascii_uppercase(),
            Shape::List(of) if matches!(**of, Shape::Word(_)) && json.starts_with(b"[") => json.make_ascii_uppercase(),
            _ => {}
        }
    }

    /// A sent value as REST would have sent it.
    fn take(&self, operations: &Operations, value: &GqlValue) -> Value {
        match (self, value) {
            (Shape::Word(_), GqlValue::Enum(word)) => json!(word.to_lowercase()),
            (Shape::Word(_), GqlValue::String(word)) => json!(word.to_lowercase()),
            (Shape::List(of), GqlValue::List(items)) => items.iter().map(|item| of.take(operations, item)).collect(),
            // A single value stands for a list of one.
            (Shape::List(of), one) if !matches!(one, GqlValue::Null) => json!([of.take(operations, one)]),
            (Shape::Nested(name), GqlValue::Object(members)) => {
                let properties = operations.schemas.named.get(name).map(|schema| &schema["properties"]);
                let mut out = Map::new();
                for (member, value) in members {
                    let inner = properties.map_or(Shape::Plain("JSON"), |all| shape(operations, &all[member.as_str()]));
                    out.insert(member.to_string(), inner.take(operations, value));
                }
                Value::Object(out)
            }
            (_, other) => other.clone().into_json().unwrap_or_default(),
        }
    }
}

fn text<'a>(schema: &'a Value, member: &str) -> &'a str {
    schema[member].as_str().unwrap_or_default()
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Makes the schema.
pub fn schema(operations: &Arc<Operations>) -> Result<Schema, SchemaError> {
    let mut graph = Graph::default();
    let mut query = Object::new("Query").description("What can be read.");
    let mut mutation = Object::new("Mutation").description("What can be done. Each carries the name of its operation.");
    for operation in operations.iter() {
        graph.roots.insert(field_name(operation), operation.op);
        if operation.kind.writes() {
            mutation = mutation.field(root_field(operations, operation));
        } else {
            query = query.field(root_field(operations, operation));
        }
    }
    query = query.field(node_field());
    let mut subscription = Subscription::new("Subscription").description("What can be followed.");
    if let Some(operation) = operations.get(Op::ListEvents) {
        subscription = subscription.field(subscription::followed(operations, operation));
    }
    let mut builder = Schema::build("Query", Some("Mutation"), Some("Subscription"));
    builder = builder.register(query).register(mutation).register(subscription);
    builder = scalars(builder);
    builder = builder.register(
        Interface::new("Node")
            .description("Anything with an id.")
            .field(InterfaceField::new("id", TypeRef::named_nn(TypeRef::ID)).description("Identifier.")),
    );
    builder = types(builder, operations, &mut graph);
    builder.data(graph).extension(Directly).disable_suggestions().finish()
}

fn scalars(builder: SchemaBuilder) -> SchemaBuilder {
    builder
        .register(
            Scalar::new("DateTime")
                .description("A moment, RFC 3339 in UTC.")
                .specified_by_url("https://scalars.graphql.org/andimarek/date-time"),
        )
        .register(
            Scalar::new("Date")
                .description("A day, YYYY-MM-DD.")
                .specified_by_url("https://scalars.graphql.org/andimarek/local-date"),
        )
}

/// The types of every schema that is reached by an operation.
fn types(mut builder: SchemaBuilder, operations: &Arc<Operations>, graph: &mut Graph) -> SchemaBuilder {
    let inputs: BTreeSet<&String> = operations.iter().filter_map(|operation| operation.body.as_ref()).collect();
    let mut input_names = BTreeSet::new();
    for name in inputs {
        reach(operations, name, &mut input_names);
    }
    let records: BTreeSet<&str> = operations.collections.iter().map(|one| one.name).collect();
    let mut output_names = BTreeSet::new();
    for operation in operations.iter() {
        reach(operations, operation.item.as_ref().unwrap_or(&operation.answer), &mut output_names);
    }
    output_names.insert("PageInfo".into());
    for (name, schema) in &operations.schemas.named {
        if let Some(words) = schema["enum"].as_array() {
            let mut kind = Enum::new(name).description(text(schema, "description"));
            for word in words.iter().filter_map(Value::as_str) {
                kind = kind.item(EnumItem::new(word.to_uppercase()));
            }
            if input_names.contains(name) || output_names.contains(name) {
                builder = builder.register(kind);
            }
            continue;
        }
        if schema.get("properties").is_none() {
            continue;
        }
        if input_names.contains(name) {
            builder = builder.register(input_object(operations, name, schema));
        }
        if output_names.contains(name) && !operations.interfaces.contains_key(name.as_str()) {
            let interfaces = if records.contains(name.as_str()) { vec!["Node".to_owned()] } else { Vec::new() };
            builder = builder.register(object(operations, name, schema, interfaces, &[name], graph));
        }
    }
    for operation in operations.iter() {
        if let Some(item) = &operation.item {
            builder = connection(builder, operations, item);
        }
    }
    let mut names: Vec<&&str> = operations.interfaces.keys().collect();
    names.sort();
    for name in names {
        builder = interface(builder, operations, name, graph);
    }
    builder
}

fn reach(operations: &Operations, name: &str, names: &mut BTreeSet<String>) {
    if !names.insert(name.into()) {
        return;
    }
    let Some(schema) = operations.schemas.named.get(name) else {
        return;
    };
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(name) = referred(value) {
                    reach(operations, name, names);
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

fn input_object(operations: &Operations, name: &str, schema: &Value) -> InputObject {
    let mut object = InputObject::new(name).description(text(schema, "description"));
    let required = required(schema);
    for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
        let kind = shape(operations, schema).typed(required.contains(member.as_str()));
        let mut value = InputValue::new(member, kind).description(text(schema, "description"));
        if let Some(end) = operations.deprecations.member(name, member) {
            value = value.deprecation(Some(&end.reason()));
        }
        object = object.field(value);
    }
    object
}

/// A type with the members of its schema and the relations that begin at one of these.
fn object(
    operations: &Operations,
    name: &str,
    schema: &Value,
    interfaces: Vec<String>,
    from: &[&str],
    graph: &mut Graph,
) -> Object {
    let mut object = Object::new(name).description(text(schema, "description"));
    for interface in &interfaces {
        object = object.implement(interface);
    }
    let mut of = TypeOf { fields: Default::default(), interfaces };
    let names = required(schema);
    for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
        let required = names.contains(member.as_str());
        let shape = member_shape(operations, member, schema);
        let field = made_field(member, shape.typed(required), matches!(shape, Shape::Record));
        let mut field = field.description(text(schema, "description"));
        if let Some(end) = operations.deprecations.member(name, member) {
            field = field.deprecation(Some(&end.reason()));
        }
        object = object.field(field);
        of.fields.insert(member.clone(), FieldOf::Member { member: operations.member(member), shape, required });
    }
    for (index, relation) in operations.relations.iter().enumerate().filter(|(_, one)| from.contains(&one.from)) {
        if !of.fields.contains_key(relation.field) {
            of.fields.insert(relation.field.into(), FieldOf::Relation(index));
            let to_interface = operations.interfaces.contains_key(relation.to);
            let field = made_field(relation.field, target_type(relation), to_interface);
            object = object.field(field.description(relation_description(relation)));
        }
    }
    graph.types.insert(name.into(), of);
    object
}

fn member_shape(operations: &Operations, member: &str, schema: &Value) -> Shape {
    match (member, shape(operations, schema)) {
        ("id", Shape::Plain(_)) => Shape::Plain(TypeRef::ID),
        (_, shape) => shape,
    }
}

fn target_type(relation: &Relation) -> TypeRef {
    if relation.many { TypeRef::named_nn_list_nn(relation.to) } else { TypeRef::named(relation.to) }
}

fn relation_description(relation: &Relation) -> String {
    if relation.many {
        format!("The {} of this record that you may know of.", crate::schema::camel(relation.field))
    } else {
        format!("The record `{}` points to, if you may know of it.", relation.member.name)
    }
}

/// An interface with the members all its forms share, and the form for the kinds that have none of their own.
fn interface(mut builder: SchemaBuilder, operations: &Arc<Operations>, name: &str, graph: &mut Graph) -> SchemaBuilder {
    let Some(base) = operations.schemas.named.get(name) else {
        return builder;
    };
    let forms: Vec<&Value> = operations
        .collections
        .iter()
        .filter(|one| one.narrows == Some(name))
        .filter_map(|one| operations.schemas.named.get(one.name))
        .collect();
    let mut shared = base.clone();
    if let Some(properties) = shared["properties"].as_object_mut() {
        properties.retain(|member, _| forms.iter().all(|form| form["properties"].get(member).is_some()));
    }
    let required = required(base);
    let mut face = Interface::new(name).description(text(base, "description")).implement("Node");
    for (member, schema) in shared["properties"].as_object().into_iter().flatten() {
        let kind = member_shape(operations, member, schema).typed(required.contains(member.as_str()));
        face = face.field(InterfaceField::new(member, kind).description(text(schema, "description")));
    }
    for relation in operations.relations.iter().filter(|one| one.from == name) {
        face = face.field(
            InterfaceField::new(relation.field, target_type(relation)).description(relation_description(relation)),
        );
    }
    builder = builder.register(face);
    let narrow: Vec<&str> =
        operations.collections.iter().filter(|one| one.narrows == Some(name)).map(|one| one.name).collect();
    let other = format!("Other{name}");
    for form in narrow.iter().copied().chain([other.as_str()]) {
        let schema = operations.schemas.named.get(form).unwrap_or(&shared);
        let interfaces = vec!["Node".to_owned(), name.to_owned()];
        builder = builder.register(object(operations, form, schema, interfaces, &[form, name], graph));
    }
    builder
}

fn connection(builder: SchemaBuilder, operations: &Operations, item: &str) -> SchemaBuilder {
    let of_item = operations.interfaces.contains_key(item);
    let field = |name: &str, kind: TypeRef, what: &str| {
        made_field(name, kind, of_item && matches!(name, "node" | "nodes")).description(what)
    };
    let edge = Object::new(format!("{item}Edge"))
        .description("A row and its cursor.")
        .field(field("cursor", TypeRef::named_nn(TypeRef::STRING), "Cursor of the row."))
        .field(field("node", TypeRef::named_nn(item), "The row."));
    let connection = Object::new(format!("{item}Connection"))
        .description("One page of a list (Relay connection).")
        .field(field("edges", TypeRef::named_nn_list_nn(format!("{item}Edge")), "Rows with their cursors."))
        .field(field("nodes", TypeRef::named_nn_list_nn(item), "Rows."))
        .field(field("pageInfo", TypeRef::named_nn("PageInfo"), "Where the page stands."))
        .field(field("totalCount", TypeRef::named(TypeRef::INT), "Rows on all pages; counted only when selected."));
    builder.register(edge).register(connection)
}

fn root_field(operations: &Arc<Operations>, operation: &Operation) -> Field {
    let kind = match &operation.item {
        Some(item) => TypeRef::named_nn(format!("{item}Connection")),
        None if operation.kind == Kind::Get => TypeRef::named(&operation.answer),
        None => TypeRef::named_nn(&operation.answer),
    };
    let to_interface = operation.item.is_none() && operations.interfaces.contains_key(operation.answer.as_str());
    let mut field =
        Field::new(field_name(operation), kind, move |context| FieldFuture::new(answered(context, to_interface)))
            .description(operation.op.summary());
    if let Some(end) = operations.deprecations.operation(operation.op) {
        field = field.deprecation(Some(&end.reason()));
    }
    if operation.kind.has_id() || operation.path.contains("{id}") {
        field = field.argument(InputValue::new("id", TypeRef::named_nn(TypeRef::ID)).description("The record."));
    }
    if operation.kind.needs_version() {
        let version = InputValue::new("version", TypeRef::named_nn(TypeRef::INT));
        field = field.argument(version.description("The version the change is made on."));
    }
    if operation.kind == Kind::Upsert {
        let version = InputValue::new("version", TypeRef::named(TypeRef::INT));
        field = field.argument(version.description("Change the record at this version only."));
    }
    for parameter in operation.parameters.iter().filter(|parameter| parameter.name != "total") {
        let one = shape(operations, &parameter.schema);
        let shape = if parameter.many { Shape::List(Box::new(one)) } else { one };
        field = field.argument(
            InputValue::new(&parameter.name, shape.typed(operation.in_path(parameter)))
                .description(&parameter.description),
        );
    }
    if let Some(body) = operation.body.as_ref().filter(|body| has_members(operations, body)) {
        let kind = if operations.needs_body(operation) { TypeRef::named_nn(body) } else { TypeRef::named(body) };
        field = field.argument(InputValue::new("input", kind).description("What is sent."));
    }
    if operation.kind.repeatable() {
        field = field
            .argument(
                InputValue::new("idempotencyKey", TypeRef::named(TypeRef::STRING))
                    .description("Repeating the mutation with the same key has one effect and gives the first answer."),
            )
            .argument(
                InputValue::new("validateOnly", TypeRef::named(TypeRef::BOOLEAN))
                    .description("Check everything and keep nothing."),
            );
    }
    field
}

/// A body with nothing in it is not asked for.
fn has_members(operations: &Operations, body: &str) -> bool {
    operations.schemas.named.get(body).is_some_and(|schema| schema.get("properties").is_some())
}

/// The id that is given.
pub(crate) fn id(given: &BTreeMap<&str, GqlValue>) -> Result<Uuid, Error> {
    let id = match given.get("id") {
        Some(GqlValue::String(id)) => Uuid::parse_str(id).ok(),
        _ => None,
    };
    id.ok_or_else(Error::not_found)
}

/// What an operation is given.
pub(crate) fn arguments(
    given: &BTreeMap<&str, GqlValue>,
    operations: &Operations,
    operation: &Operation,
) -> Result<Arguments, Error> {
    let mut out = Arguments::default();
    if operation.kind.has_id() || operation.path.contains("{id}") {
        out.id = Some(id(given)?);
    }
    match given.get("version") {
        Some(GqlValue::Number(version)) => {
            let version = version.as_i64().and_then(|version| i32::try_from(version).ok());
            out.version = Some(version.ok_or(Code::Stale)?);
        }
        None | Some(GqlValue::Null) => {}
        Some(_) => return Err(Code::Stale.into()),
    }
    for parameter in &operation.parameters {
        let Some(value) = given.get(parameter.name.as_str()).filter(|value| !matches!(value, GqlValue::Null)) else {
            continue;
        };
        let one = shape(operations, &parameter.schema);
        let shape = if parameter.many { Shape::List(Box::new(one)) } else { one };
        let value = shape.take(operations, value);
        let values = match &value {
            Value::Array(values) => values.iter().collect(),
            one => vec![one],
        };
        for value in values {
            crate::rest::check_parameter(operations, parameter, value)?;
        }
        out.parameters.insert(parameter.name.clone(), value);
    }
    if let Some(body) = &operation.body {
        out.body = match given.get("input") {
            Some(input) => Shape::Nested(body.clone()).take(operations, input),
            None => Value::Null,
        };
    }
    if let Some(GqlValue::String(key)) = given.get("idempotencyKey") {
        out.idempotency_key = Some(key.clone());
    }
    Ok(out)
}

fn node_field() -> Field {
    Field::new(NODE, TypeRef::named("Node"), |context| FieldFuture::new(answered(context, true)))
        .argument(InputValue::new("id", TypeRef::named_nn(TypeRef::ID)).description("Identifier of any record."))
        .description("Any record by its id.")
}

/// Runs whole operations in the place of the library, but for those that ask for the schema as well.
struct Directly;

impl ExtensionFactory for Directly {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Directly)
    }
}

#[async_trait::async_trait]
impl Extension for Directly {
    async fn execute(&self, context: &ExtensionContext<'_>, name: Option<&str>, next: NextExecute<'_>) -> Response {
        let asked = context.data_opt::<Session>().and_then(|session| Some((session, session.operation(name)?)));
        let (Some((session, operation)), Some(graph)) = (asked, context.data_opt::<Graph>()) else {
            return next.run(context, name).await;
        };
        // The library asks this for each event of one.
        if operation.node.ty == OperationType::Subscription {
            return next.run(context, name).await;
        }
        let said = Said { fragments: &session.document.fragments, variables: &session.variables };
        let execution = Execution::new(&session.ctx, graph, said, &session.budget);
        let fields = match execution.fields(&[&operation.node.selection_set.node]) {
            Ok(fields) => fields,
            Err(error) => {
                let error = failed(&error, &session.ctx.request_id).into_server_error(operation.pos);
                return Response::from_errors(vec![error]);
            }
        };
        let of_library = |field: &Selected<'_>| matches!(field.name(), "__schema" | "__type");
        if fields.iter().any(of_library) {
            return next.run(context, name).await;
        }
        whole(&execution, &fields, operation.node.ty, &session.ctx.request_id).await
    }
}

/// The answer to all fields of the root. Its `data` is bytes of JSON.
async fn whole<'d>(
    execution: &Execution<'d>,
    fields: &[Selected<'d>],
    kind: OperationType,
    request_id: &str,
) -> Response {
    let root = if kind == OperationType::Query { "Query" } else { "Mutation" };
    let answer = async |field: &Selected<'d>| match field.name() {
        "__typename" => Ok(format!("\"{root}\"").into_bytes()),
        _ => execution.root(field).await,
    };
    let mut answers = Vec::with_capacity(fields.len());
    if kind == OperationType::Query {
        answers = futures_util::future::join_all(fields.iter().map(answer)).await;
    } else {
        for field in fields {
            execution.forget();
            answers.push(answer(field).await);
        }
    }
    let mut out = vec![b'{'];
    let mut errors = Vec::new();
    for (field, answer) in fields.iter().zip(answers) {
        put_name(field.key, &mut out);
        match answer {
            Ok(json) => out.extend(json),
            Err(error) => {
                out.extend(b"null");
                let mut told = failed(&error, request_id).into_server_error(field.field.pos);
                told.path = vec![PathSegment::Field(field.key.into())];
                errors.push(told);
            }
        }
    }
    out.push(b'}');
    let mut response = Response::new(GqlValue::Binary(out.into()));
    response.errors = errors;
    response
}

/// A field of the root for the library, which is asked where the schema is asked for beside it.
async fn answered<'a>(
    context: ResolverContext<'a>,
    to_interface: bool,
) -> async_graphql::Result<Option<FieldValue<'a>>> {
    let session = context.ctx.data::<Session>()?;
    let field = context.ctx.item;
    let asked =
        Selected { key: field.node.response_key().node.as_str(), field, sets: vec![&field.node.selection_set.node] };
    let answer = execution(&context)?.root(&asked).await.and_then(|json| made(&json, to_interface));
    answer.map_err(|error| {
        failed(&error, &session.ctx.request_id).extend_with(|_, extensions| {
            extensions.set(PLACE, GqlValue::List(vec![GqlValue::from(asked.key)]));
        })
    })
}

/// An execution for the library.
pub(crate) fn execution<'a>(context: &ResolverContext<'a>) -> async_graphql::Result<Execution<'a>> {
    let (session, graph) = (context.ctx.data::<Session>()?, context.ctx.data::<Graph>()?);
    let said = said(context);
    Ok(Execution::new(&session.ctx, graph, said, &session.budget).telling())
}

pub(crate) fn said<'a>(context: &ResolverContext<'a>) -> Said<'a> {
    let asked = context.ctx.query_env;
    Said { fragments: &asked.fragments, variables: &asked.variables }
}

/// What was made, for the library to take its fields from. The library wants to be told the type where a field leads to an
/// interface, and there alone.
pub(crate) fn made<'a>(json: &[u8], to_interface: bool) -> Result<Option<FieldValue<'a>>, Error> {
    Ok(passed(serde_json::from_slice(json).map_err(Error::internal)?, to_interface))
}

fn passed<'a>(value: GqlValue, to_interface: bool) -> Option<FieldValue<'a>> {
    match value {
        GqlValue::Null => None,
        GqlValue::List(items) if to_interface => {
            let items = items.into_iter().map(|item| passed(item, true).unwrap_or(FieldValue::NULL));
            Some(FieldValue::list(items))
        }
        GqlValue::Object(members) if to_interface => {
            let form = members.get(TYPE).and_then(|form| String::deserialize(form.clone()).ok()).unwrap_or_default();
            Some(FieldValue::value(GqlValue::Object(members)).with_type(form))
        }
        plain => Some(FieldValue::value(plain)),
    }
}

/// A field that takes its value from what was made.
fn made_field(name: &str, kind: TypeRef, to_interface: bool) -> Field {
    Field::new(name, kind, move |context| {
        let key = context.ctx.item.node.response_key().node.as_str();
        FieldFuture::Value(match context.parent_value.as_value() {
            Some(GqlValue::Object(members)) => members.get(key).and_then(|value| passed(value.clone(), to_interface)),
            _ => None,
        })
    })
}

/// Any record by its id, and the record it is.
pub(crate) async fn find_node(ctx: &Ctx, id: Uuid) -> Result<Option<(Node, &'static str)>, Error> {
    ctx.principal().map(|_| ()).or_else(|error| ctx.standing().map(|_| ()).map_err(|_| error))?;
    let operations = &ctx.app.operations;
    let mut statement = String::new();
    let mut values = Vec::new();
    let collections: Vec<_> = operations.collections.iter().filter(|one| one.narrows.is_none()).collect();
    let backend = ctx.app.store.backend();
    for (index, collection) in collections.iter().enumerate() {
        if index > 0 {
            statement += " UNION ALL ";
        }
        let mark = if backend == sea_orm::DbBackend::Postgres { format!("${}", index + 1) } else { "?".into() };
        statement += &format!("SELECT {index} AS found FROM {} WHERE id = {mark}", collection.table);
        values.push(id.into());
    }
    let found = ctx.read().query_one_raw(sea_orm::Statement::from_sql_and_values(backend, statement, values)).await?;
    let Some(row) = found else { return Ok(None) };
    let index: i32 = row.try_get("", "found")?;
    let Some(collection) = usize::try_from(index).ok().and_then(|index| collections.get(index)) else {
        return Ok(None);
    };
    let arguments = Arguments::of(id);
    let answered = match operations.call(ctx, collection.get, arguments).await {
        Ok(answered) => answered,
        Err(error) if matches!(error.code.status(), 403 | 404) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(answered.shown.into_nodes()?.pop().map(|node| (node, collection.name)))
}
