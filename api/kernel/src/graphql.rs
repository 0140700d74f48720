//! The GraphQL door, made from the table of operations: the same names, filters, shapes and refusals as REST.
//!
//! Lists are Relay connections, relations are read in batches, mutations carry the name of their operation. What the
//! schema says is derived from the published schemas, so the two documents cannot drift apart.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputObject, InputValue, Interface, InterfaceField, Object,
    ResolverContext, Scalar, Schema, SchemaBuilder, SchemaError, Subscription, TypeRef,
};
use async_graphql::{ErrorExtensions, Name, QueryPathSegment, Value as GqlValue};
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Code, Error};
use crate::list;
use crate::node::{Member, Node};
use crate::op::Op;
use crate::operation::{Arguments, FormOf, Kind, Operation, Operations};
use crate::relation::Relation;
use crate::schema::referred;
use crate::session::{Loaded, LoadedValue, Session};
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

/// Extension under which the place of an error travels.
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

/// The same, with the place in the answer. The library leaves it out of what a resolver returns, so it travels among the
/// extensions; `graphql_http` puts it where it belongs.
fn failed_at(context: &ResolverContext<'_>, error: &Error, request_id: &str) -> async_graphql::Error {
    let mut path = Vec::new();
    let mut next = context.ctx.path_node.as_ref();
    while let Some(node) = next {
        path.push(match node.segment {
            QueryPathSegment::Index(index) => GqlValue::from(index as u64),
            QueryPathSegment::Name(name) => GqlValue::from(name),
        });
        next = node.parent;
    }
    path.reverse();
    failed(error, request_id).extend_with(|_, extensions| extensions.set(PLACE, GqlValue::List(path)))
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

    /// A stored value as GraphQL shows it.
    fn show(&self, value: Value) -> Option<GqlValue> {
        Some(match (self, value) {
            (_, Value::Null) => return None,
            (Shape::Word(_), Value::String(word)) => GqlValue::Enum(Name::new(word.to_uppercase())),
            (Shape::List(of), Value::Array(items)) => {
                GqlValue::List(items.into_iter().filter_map(|item| of.show(item)).collect())
            }
            (_, Value::String(text)) => GqlValue::String(text),
            (_, Value::Bool(yes)) => GqlValue::Boolean(yes),
            (_, Value::Number(number)) => GqlValue::Number(number),
            (_, other) => GqlValue::from_json(other).unwrap_or_default(),
        })
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
    let mut query = Object::new("Query").description("What can be read.");
    let mut mutation = Object::new("Mutation").description("What can be done. Each carries the name of its operation.");
    for operation in operations.iter() {
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
    builder = types(builder, operations);
    builder.disable_suggestions().finish()
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
fn types(mut builder: SchemaBuilder, operations: &Arc<Operations>) -> SchemaBuilder {
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
            builder = builder.register(object(operations, name, schema, records.contains(name.as_str())));
        }
    }
    for operation in operations.iter() {
        if let Some(item) = &operation.item {
            builder = connection(builder, item);
        }
    }
    let mut names: Vec<&&str> = operations.interfaces.keys().collect();
    names.sort();
    for name in names {
        builder = interface(builder, operations, name);
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

fn object(operations: &Arc<Operations>, name: &str, schema: &Value, record: bool) -> Object {
    let mut object = Object::new(name).description(text(schema, "description"));
    if record {
        object = object.implement("Node");
    }
    for field in members(operations, name, schema) {
        object = object.field(field);
    }
    for (index, relation) in operations.relations.iter().enumerate().filter(|(_, one)| one.from == name) {
        object = object.field(relation_field(operations, index, relation));
    }
    object
}

fn members(operations: &Arc<Operations>, of: &str, schema: &Value) -> Vec<Field> {
    let required = required(schema);
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(member, schema)| {
            let shape = match (member.as_str(), shape(operations, schema)) {
                ("id", Shape::Plain(_)) => Shape::Plain(TypeRef::ID),
                (_, shape) => shape,
            };
            let kind = shape.typed(required.contains(member.as_str()));
            let of_record = operations.member(member);
            let field = Field::new(member, kind, move |ctx| member_value(ctx, &of_record, &shape))
                .description(text(schema, "description"));
            match operations.deprecations.member(of, member) {
                Some(end) => field.deprecation(Some(&end.reason())),
                None => field,
            }
        })
        .collect()
}

fn member_value<'a>(ctx: ResolverContext<'a>, member: &Member, shape: &Shape) -> FieldFuture<'a> {
    let Some(node) = ctx.parent_value.downcast_ref::<Node>() else {
        return FieldFuture::from_value(None);
    };
    match (shape, node.member(member)) {
        (_, Err(error)) => FieldFuture::new(async move {
            Err::<Option<FieldValue<'a>>, _>(failed_at(&ctx, &error, &ctx.ctx.data::<Session>()?.ctx.request_id))
        }),
        (Shape::Record, Ok(value @ Value::Object(_))) => {
            let kind = node.member(&Member { name: "recordType".into(), column: "record_type" }).unwrap_or_default();
            FieldFuture::new(async move {
                let operations = &ctx.ctx.data::<Session>()?.ctx.app.operations;
                let reader = kind.as_str().and_then(|kind| operations.readers.get(kind));
                let name = reader.map(|reader| reader.name).unwrap_or_default();
                let node = Node::of(value);
                let form = operations.interfaces.get(name).map_or(name, |form_of| form_of(&node.kind()));
                Ok(Some(FieldValue::owned_any(node).with_type(form)))
            })
        }
        (Shape::Nested(_), Ok(value @ Value::Object(_))) => {
            FieldFuture::new(async move { Ok(Some(FieldValue::owned_any(Node::of(value)))) })
        }
        (Shape::List(of), Ok(Value::Array(items))) if matches!(**of, Shape::Nested(_)) => {
            let nodes = items.into_iter().map(|item| FieldValue::owned_any(Node::of(item)));
            let nodes: Vec<FieldValue<'a>> = nodes.collect();
            FieldFuture::new(async move { Ok(Some(FieldValue::list(nodes))) })
        }
        (_, Ok(value)) => FieldFuture::from_value(shape.show(value)),
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

fn relation_field(operations: &Arc<Operations>, index: usize, relation: &Relation) -> Field {
    let member = relation.member.clone();
    let (to, many) = (relation.to, relation.many);
    let narrowing = operations.interfaces.get(to).copied();
    Field::new(relation.field, target_type(relation), move |ctx| {
        let id = ctx.parent_value.downcast_ref::<Node>().and_then(|node| node.id_in(&member));
        FieldFuture::new(async move {
            let session = ctx.ctx.data::<Session>()?;
            session.budget.take(0).map_err(|error| failed_at(&ctx, &error, &session.ctx.request_id))?;
            let loaded = match id {
                Some(id) => session
                    .loader
                    .load_one((index, id))
                    .await
                    .map_err(|error| failed_at(&ctx, &error, &session.ctx.request_id))?,
                None => None,
            };
            let brought = match &loaded {
                Some(LoadedValue(Loaded::Many(nodes))) => nodes.len(),
                loaded => usize::from(loaded.is_some()),
            };
            session.budget.take(brought).map_err(|error| failed_at(&ctx, &error, &session.ctx.request_id))?;
            Ok(match loaded {
                Some(LoadedValue(Loaded::One(node))) => Some(narrowed(node, narrowing)),
                Some(LoadedValue(Loaded::Many(nodes))) => {
                    Some(FieldValue::list(nodes.into_iter().map(|node| narrowed(node, narrowing))))
                }
                None if many => Some(FieldValue::list(Vec::<FieldValue>::new())),
                None => None,
            })
        })
    })
    .description(relation_description(relation))
}

fn narrowed<'a>(node: Node, narrowing: Option<FormOf>) -> FieldValue<'a> {
    let kind = narrowing.map(|form_of| form_of(&node.kind()));
    let value = FieldValue::owned_any(node);
    match kind {
        Some(kind) => value.with_type(kind),
        None => value,
    }
}

/// An interface with the members all its forms share, and the form for the kinds that have none of their own.
fn interface(mut builder: SchemaBuilder, operations: &Arc<Operations>, name: &str) -> SchemaBuilder {
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
        let kind = match member.as_str() {
            "id" => TypeRef::named_nn(TypeRef::ID),
            member => shape(operations, schema).typed(required.contains(member)),
        };
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
        let mut object = Object::new(form).description(text(schema, "description")).implement("Node").implement(name);
        for field in members(operations, form, schema) {
            object = object.field(field);
        }
        let mut seen = BTreeSet::new();
        for (index, relation) in
            operations.relations.iter().enumerate().filter(|(_, one)| one.from == form || one.from == name)
        {
            if seen.insert(relation.field) {
                object = object.field(relation_field(operations, index, relation));
            }
        }
        builder = builder.register(object);
    }
    builder
}

fn connection(builder: SchemaBuilder, item: &str) -> SchemaBuilder {
    let edge = Object::new(format!("{item}Edge"))
        .description("A row and its cursor.")
        .field(
            Field::new("cursor", TypeRef::named_nn(TypeRef::STRING), |ctx| {
                let cursor = ctx.parent_value.downcast_ref::<Edge>().map(|edge| GqlValue::from(edge.cursor.clone()));
                FieldFuture::from_value(cursor)
            })
            .description("Cursor of the row."),
        )
        .field(
            Field::new("node", TypeRef::named_nn(item), |ctx| {
                let edge = ctx.parent_value.downcast_ref::<Edge>().cloned();
                FieldFuture::new(async move { Ok(edge.map(|edge| narrowed(edge.node, edge.narrowing))) })
            })
            .description("The row."),
        );
    let connection = Object::new(format!("{item}Connection"))
        .description("One page of a list (Relay connection).")
        .field(
            Field::new("edges", TypeRef::named_nn_list_nn(format!("{item}Edge")), |ctx| {
                let edges = ctx.parent_value.downcast_ref::<Rows>().map(|rows| rows.edges.clone()).unwrap_or_default();
                FieldFuture::new(
                    async move { Ok(Some(FieldValue::list(edges.into_iter().map(FieldValue::owned_any)))) },
                )
            })
            .description("Rows with their cursors."),
        )
        .field(
            Field::new("nodes", TypeRef::named_nn_list_nn(item), |ctx| {
                let edges = ctx.parent_value.downcast_ref::<Rows>().map(|rows| rows.edges.clone()).unwrap_or_default();
                FieldFuture::new(async move {
                    Ok(Some(FieldValue::list(edges.into_iter().map(|edge| narrowed(edge.node, edge.narrowing)))))
                })
            })
            .description("Rows."),
        )
        .field(
            Field::new("pageInfo", TypeRef::named_nn("PageInfo"), |ctx| {
                let info = ctx.parent_value.downcast_ref::<Rows>().map(|rows| rows.page_info.clone());
                FieldFuture::new(async move { Ok(info.map(FieldValue::owned_any)) })
            })
            .description("Where the page stands."),
        )
        .field(
            Field::new("totalCount", TypeRef::named(TypeRef::INT), |ctx| {
                let total = ctx.parent_value.downcast_ref::<Rows>().and_then(|rows| rows.total);
                FieldFuture::from_value(total.map(GqlValue::from))
            })
            .description("Rows on all pages; counted only when selected."),
        );
    builder.register(edge).register(connection)
}

#[derive(Clone)]
struct Edge {
    cursor: String,
    node: Node,
    narrowing: Option<FormOf>,
}

struct Rows {
    edges: Vec<Edge>,
    page_info: Node,
    total: Option<u64>,
}

fn root_field(operations: &Arc<Operations>, operation: &Operation) -> Field {
    let kind = match &operation.item {
        Some(item) => TypeRef::named_nn(format!("{item}Connection")),
        None if operation.kind == Kind::Get => TypeRef::named(&operation.answer),
        None => TypeRef::named_nn(&operation.answer),
    };
    let table = operations.clone();
    let this = operation.clone();
    let mut field = Field::new(field_name(operation), kind, move |ctx| {
        let (table, this) = (table.clone(), this.clone());
        FieldFuture::new(async move { resolve(ctx, &table, &this).await })
    })
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

async fn resolve<'a>(
    context: ResolverContext<'a>,
    operations: &Arc<Operations>,
    operation: &Operation,
) -> async_graphql::Result<Option<FieldValue<'a>>> {
    let session = context.ctx.data::<Session>()?;
    let mut ctx = session.ctx.clone();
    let arguments = match arguments(&context, operations, operation) {
        Ok(arguments) => arguments,
        Err(error) => return Err(failed_at(&context, &error, &ctx.request_id)),
    };
    ctx.validate_only = context.args.get("validateOnly").is_some_and(|value| value.boolean().unwrap_or(false));
    let answered = operations.call(&ctx, operation.op, arguments).await;
    let answered = match answered {
        // What is not there is null where it was asked for by id.
        Err(error) if error.code == Code::NotFound && operation.kind == Kind::Get => return Ok(None),
        other => other.map_err(|error| failed_at(&context, &error, &ctx.request_id))?,
    };
    let shown = answered.shown;
    let narrowing = operation.item.as_ref().unwrap_or(&operation.answer);
    let narrowing = operations.interfaces.get(narrowing.as_str()).copied();
    let page =
        shown.page().map(|(page_info, total)| (serde_json::to_value(page_info), total, shown.cursors().to_vec()));
    let nodes = shown.into_nodes().map_err(|error| failed_at(&context, &error, &ctx.request_id))?;
    let Some((page_info, total, cursors)) = page else {
        return Ok(nodes.into_iter().next().map(|node| narrowed(node, narrowing)));
    };
    // Cursors are there when they are selected.
    let cursors = cursors.into_iter().chain(std::iter::repeat_with(String::new));
    let edges = nodes.into_iter().zip(cursors).map(|(node, cursor)| Edge { cursor, node, narrowing }).collect();
    Ok(Some(FieldValue::owned_any(Rows { edges, page_info: Node::of(page_info?), total })))
}

/// A body with nothing in it is not asked for.
fn has_members(operations: &Operations, body: &str) -> bool {
    operations.schemas.named.get(body).is_some_and(|schema| schema.get("properties").is_some())
}

pub(crate) fn arguments(
    context: &ResolverContext<'_>,
    operations: &Operations,
    operation: &Operation,
) -> Result<Arguments, Error> {
    let mut out = Arguments::default();
    if operation.kind.has_id() || operation.path.contains("{id}") {
        let id = context.args.get("id").and_then(|id| id.string().ok().map(str::to_owned)).unwrap_or_default();
        out.id = Some(Uuid::parse_str(&id).map_err(|_| Error::not_found())?);
    }
    if let Some(version) = context.args.get("version") {
        let version = version.i64().ok().and_then(|version| i32::try_from(version).ok());
        out.version = Some(version.ok_or(Code::Stale)?);
    }
    for parameter in &operation.parameters {
        let Some(given) = context.args.get(&parameter.name) else {
            continue;
        };
        if given.is_null() {
            continue;
        }
        let one = shape(operations, &parameter.schema);
        let shape = if parameter.many { Shape::List(Box::new(one)) } else { one };
        let value = shape.take(operations, given.as_value());
        let values = match &value {
            Value::Array(values) => values.iter().collect(),
            one => vec![one],
        };
        for value in values {
            crate::rest::check_parameter(operations, parameter, value)?;
        }
        out.parameters.insert(parameter.name.clone(), value);
    }
    if operation.item.is_some() {
        let selected = context.ctx.look_ahead();
        if selected.field("totalCount").exists() {
            out.parameters.insert("total".into(), json!(true));
        }
        if selected.field("edges").field("cursor").exists() {
            out.parameters.insert(list::CURSORS.into(), json!(true));
        }
    }
    if let Some(body) = &operation.body {
        out.body = match context.args.get("input") {
            Some(input) => Shape::Nested(body.clone()).take(operations, input.as_value()),
            None => Value::Null,
        };
    }
    if let Some(key) = context.args.get("idempotencyKey") {
        out.idempotency_key = key.string().ok().map(str::to_owned);
    }
    Ok(out)
}

fn node_field() -> Field {
    Field::new("node", TypeRef::named("Node"), |context| {
        FieldFuture::new(async move {
            let session = context.ctx.data::<Session>()?;
            let id = context.args.get("id").and_then(|id| id.string().ok().map(str::to_owned)).unwrap_or_default();
            let Ok(id) = Uuid::parse_str(&id) else { return Ok(None) };
            find_node(&session.ctx, id).await.map_err(|error| failed_at(&context, &error, &session.ctx.request_id))
        })
    })
    .argument(InputValue::new("id", TypeRef::named_nn(TypeRef::ID)).description("Identifier of any record."))
    .description("Any record by its id.")
}

async fn find_node<'a>(ctx: &Ctx, id: Uuid) -> Result<Option<FieldValue<'a>>, Error> {
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
    let Some(node) = answered.shown.into_nodes()?.pop() else { return Ok(None) };
    let kind = operations.interfaces.get(collection.name).map_or(collection.name, |form_of| form_of(&node.kind()));
    Ok(Some(FieldValue::owned_any(node).with_type(kind)))
}
