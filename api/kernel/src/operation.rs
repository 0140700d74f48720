//! The table of operations: every one with its address, its parameters, its shapes and its function. REST, GraphQL and
//! the published documents are made from it, so neither door can have what the other lacks.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use roundtable_entity::{Use, idempotency_key};
use sea_orm::{ActiveModelTrait, ActiveValue, Condition, EntityTrait};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Reach, rule};
use crate::collection::CollectionOf;
use crate::ctx::Ctx;
use crate::deprecation::{Deprecation, Deprecations};
use crate::error::{Code, Error, Result};
use crate::list::{Narrow, PageInfo};
use crate::node::Member;
use crate::op::Op;
use crate::reader::Reader;
use crate::record::{self, Target};
use crate::relation::Relation;
use crate::schema::{Schemas, camel};
use crate::scope::Scoped;
use crate::seal;
use crate::shown::{New, One, Shown};
use crate::standing::Standing;
use crate::token::fingerprint;

/// What an operation does, as far as the doors need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads a page.
    List,
    /// Reads one.
    Get,
    /// Makes one.
    Create,
    /// Changes members of one.
    Update,
    /// Makes or changes the one that another system knows by an identifier.
    Upsert,
    /// Archives one (`DELETE`).
    Archive,
    /// Moves one to another state, or does another named thing to it.
    Act,
    /// Answers a question.
    Report,
    /// Takes a body and answers; does its own writing.
    Submit,
}

impl Kind {
    /// Whether it changes something.
    pub fn writes(self) -> bool {
        !matches!(self, Kind::List | Kind::Get | Kind::Report)
    }
    /// Whether it can be repeated with an idempotency key, and tried with `validateOnly`. What does its own writing cannot:
    /// it signs in, or imports, and says itself how it is tried and repeated.
    pub fn repeatable(self) -> bool {
        self.writes() && self != Kind::Submit
    }
    /// Whether it needs the version it is made on.
    pub fn needs_version(self) -> bool {
        matches!(self, Kind::Update | Kind::Archive | Kind::Act)
    }
    /// Whether it is about one record.
    pub fn has_id(self) -> bool {
        matches!(self, Kind::Get | Kind::Update | Kind::Archive | Kind::Act)
    }
    /// Method over HTTP.
    pub fn method(self) -> &'static str {
        match self {
            Kind::List | Kind::Get | Kind::Report => "GET",
            Kind::Update => "PATCH",
            Kind::Upsert => "PUT",
            Kind::Archive => "DELETE",
            Kind::Create | Kind::Act | Kind::Submit => "POST",
        }
    }
    /// Status of a success over HTTP.
    pub fn status(self) -> u16 {
        if self == Kind::Create { 201 } else { 200 }
    }
}

/// A parameter of a query.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Name, the same in REST and GraphQL.
    pub name: String,
    /// Schema of one value.
    pub schema: Value,
    /// Whether several values may be given (separated by commas in REST).
    pub many: bool,
    /// What it does.
    pub description: String,
}

/// What a caller sends, the same whichever door it came by.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// The record.
    pub id: Option<Uuid>,
    /// The version the change is made on.
    pub version: Option<i32>,
    /// Parameters, checked and typed.
    pub parameters: Map<String, Value>,
    /// The body.
    pub body: Value,
    /// The idempotency key.
    pub idempotency_key: Option<String>,
}

impl Arguments {
    /// To read the record with this id.
    pub fn of(id: Uuid) -> Self {
        Self { id: Some(id), ..Self::default() }
    }

    /// To send this body.
    pub fn sending(body: Value) -> Self {
        Self { body, ..Self::default() }
    }

    pub(crate) fn target(&self) -> Result<Target> {
        Ok(Target { id: self.id.ok_or_else(Error::not_found)?, version: self.version.ok_or(Code::VersionRequired)? })
    }
}

/// What is asked of an upsert.
#[derive(Clone, Debug)]
pub struct Upsert {
    /// Scheme of the external id.
    pub scheme: String,
    /// The external id.
    pub value: String,
    /// The version the change is made on, if it is to be made on that only.
    pub version: Option<i32>,
    /// Refuse when the record is there.
    pub create_only: bool,
    /// The record, in the shape of a creation.
    pub body: Map<String, Value>,
}

/// What became of an upsert.
pub struct Upserted {
    /// The record.
    pub answered: Answered,
    /// Whether it was made.
    pub created: bool,
}

/// Text that REST sends as it is and GraphQL as its one member.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Text {
    /// The text.
    pub text: String,
}

/// An answer.
pub struct Answered {
    /// What is shown.
    pub shown: Box<dyn Shown>,
    /// Version of the record shown.
    pub version: Option<i32>,
    /// Id of the record shown.
    pub id: Option<Uuid>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    value: Value,
    version: Option<i32>,
    id: Option<Uuid>,
}

/// An answer kept for a key is not given again once the record was sealed from whoever asks.
async fn refuse_sealed_since(ctx: &Ctx, id: Option<Uuid>) -> Result<()> {
    match (id, ctx.caller.standing()) {
        (Some(id), Some(standing)) if seal::hidden(ctx, standing).await?.contains(&id) => Err(Error::not_found()),
        _ => Ok(()),
    }
}

/// What follows from an event in another area: the view of its transaction, and the record it tells of.
type After = Arc<dyn Fn(Ctx, Uuid) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// What the server does by itself at a partnership: the view it acts with, and the partnership.
type Tend = Arc<dyn Fn(Ctx, Uuid) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// The narrower form of the kind with this word.
pub type FormOf = fn(&str) -> &'static str;

/// The rows that a yes-or-no parameter of a list means, as far as whoever asks may know.
type Flag = fn(&Standing) -> Condition;

pub(crate) type Run = Arc<dyn Fn(Ctx, Arguments) -> BoxFuture<'static, Result<Answered>> + Send + Sync>;

/// One operation of the table.
#[derive(Clone)]
pub struct Operation {
    /// Which.
    pub op: Op,
    /// What it does.
    pub kind: Kind,
    /// Address, for example `/v1/meetings/{id}/schedule`.
    pub path: String,
    /// Collection it belongs to, for example `meetings`.
    pub collection: &'static str,
    /// Query parameters.
    pub parameters: Vec<Parameter>,
    /// Name of the schema of the body.
    pub body: Option<String>,
    /// Whether the body carries a file.
    pub large: bool,
    /// Name of the schema of the answer: the record, the page, or the report.
    pub answer: String,
    /// Media type REST answers in.
    pub media: &'static str,
    /// Name of the record's schema, for lists.
    pub item: Option<String>,
    pub(crate) run: Run,
}

impl Operation {
    /// Whether a parameter stands in the address, so that it cannot be left out.
    pub fn in_path(&self, parameter: &Parameter) -> bool {
        self.path.contains(&format!("{{{}}}", parameter.name))
    }
}

/// A collection.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Path segment, for example `meetings`.
    pub path: &'static str,
    /// Record, for example `Meeting`.
    pub name: &'static str,
    /// What a record of it is.
    pub description: String,
    /// The record it is a narrower form of, for example `Partner` for `Employer`.
    pub narrows: Option<&'static str>,
    /// Table, to find by id alone.
    pub table: &'static str,
    /// The operation that reads one.
    pub get: Op,
}

/// Every operation, collection, relation and schema.
#[derive(Default)]
pub struct Operations {
    operations: BTreeMap<Op, Operation>,
    /// Collections in order of registration.
    pub collections: Vec<Collection>,
    /// Relations between records.
    pub relations: Vec<Relation>,
    /// Schemas.
    pub schemas: Schemas,
    /// What is to end.
    pub deprecations: Deprecations,
    /// Members that are shown once, by the schema they stand in: answers kept for a key do not hold them.
    once: HashMap<String, Vec<String>>,
    after: Vec<(&'static str, After)>,
    tend: Vec<(Op, Tend)>,
    flags: Vec<(Op, &'static str, Flag)>,
    /// How the records are read that events tell of, by the name events give them.
    pub readers: BTreeMap<&'static str, Reader>,
    /// Records that are interfaces, with the narrower form that a row of each kind has.
    pub interfaces: HashMap<&'static str, FormOf>,
    /// Columns by the name of their member.
    columns: HashMap<String, &'static str>,
}

/// An operation that may be done, with what it is given.
pub(crate) struct Admitted<'t> {
    run: &'t Run,
    ctx: Ctx,
    arguments: Arguments,
}

impl Admitted<'_> {
    /// Does it, in the transaction that is there.
    pub(crate) async fn run(self) -> Result<Answered> {
        (self.run)(self.ctx, self.arguments).await
    }
}

/// A body with nothing in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl Operations {
    /// The operation.
    pub fn get(&self, op: Op) -> Option<&Operation> {
        self.operations.get(&op)
    }

    /// A member by its name on the wire.
    pub(crate) fn member(&self, name: &str) -> Member {
        Member { name: name.into(), column: self.columns.get(name).copied().unwrap_or_default() }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }

    /// Says that an operation is to end, at both doors and in the documents.
    pub fn deprecate(&mut self, op: Op, end: Deprecation) {
        self.deprecations.add_operation(op, end);
    }

    /// Says that a member of a schema is to end, at both doors and in the documents.
    pub fn deprecate_member(&mut self, schema: &'static str, member: &'static str, end: Deprecation) {
        self.deprecations.add_member(schema, member, end);
    }

    /// Says what follows from an event, in its transaction. So an area learns of another without knowing it.
    pub fn after<F, Fut>(&mut self, kind: &'static str, follow: F)
    where
        F: Fn(Ctx, Uuid) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.after.push((kind, Arc::new(move |ctx, record_id| Box::pin(follow(ctx, record_id)))));
    }

    /// Does what follows from an event.
    pub(crate) async fn follow(&self, ctx: &Ctx, kind: &str, record_id: Uuid) -> Result<()> {
        for (_, after) in self.after.iter().filter(|(known, _)| *known == kind) {
            after(ctx.clone(), record_id).await?;
        }
        Ok(())
    }

    /// Says what the server does by itself at each partnership every few minutes, as the operation that a person would
    /// do it by. Several replicas may do it at once, so it looks for what is due and writes in a transaction.
    pub fn tend<F, Fut>(&mut self, op: Op, work: F)
    where
        F: Fn(Ctx, Uuid) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.tend.push((op, Arc::new(move |ctx, partnership_id| Box::pin(work(ctx, partnership_id)))));
    }

    /// Gives a list a parameter that is yes or no and means rows by more than one of their members. So an area adds to the
    /// list of another; the list is registered first.
    pub fn flag(&mut self, list: Op, name: &'static str, description: &str, rows: Flag) {
        if let Some(operation) = self.operations.get_mut(&list) {
            operation.parameters.push(Parameter {
                name: name.into(),
                schema: json!({ "type": "boolean" }),
                many: false,
                description: description.into(),
            });
            self.flags.push((list, name, rows));
        }
    }

    /// Says which words a parameter takes, where they are known only when all else is registered.
    pub(crate) fn limit_to(&mut self, op: Op, parameter: &str, words: &[&str]) {
        let operation = self.operations.get_mut(&op);
        if let Some(one) = operation.and_then(|it| it.parameters.iter_mut().find(|one| one.name == parameter)) {
            one.schema["enum"] = json!(words);
        }
    }

    /// The rows that the flags among these parameters ask for.
    pub(crate) fn flagged(&self, list: Op, parameters: &Map<String, Value>, standing: &Standing) -> Condition {
        let mut asked = Condition::all();
        for (_, name, rows) in self.flags.iter().filter(|(op, ..)| *op == list) {
            match parameters.get(*name).and_then(Value::as_bool) {
                Some(true) => asked = asked.add(rows(standing)),
                Some(false) => asked = asked.add(rows(standing).not()),
                None => {}
            }
        }
        asked
    }

    /// Does at this partnership what the server does by itself. What fails is told and does not keep the rest.
    pub async fn tend_to(&self, ctx: &Ctx, partnership_id: Uuid) {
        for (op, work) in &self.tend {
            if let Err(error) = work(ctx.for_operation(*op), partnership_id).await {
                tracing::warn!(%error, operation = op.name(), "not done by itself; it will be tried again");
            }
        }
    }

    /// The scope a service account needs for it, for example `meetings:write`.
    pub fn scope(&self, op: Op) -> String {
        let Some(operation) = self.operations.get(&op) else { return String::new() };
        format!("{}:{}", operation.collection, if operation.kind.writes() { "write" } else { "read" })
    }

    /// Whether it cannot be done without a body.
    pub fn needs_body(&self, operation: &Operation) -> bool {
        let schema = operation.body.as_ref().and_then(|name| self.schemas.named.get(name));
        let members =
            schema.and_then(|schema| schema["required"].as_array()).is_some_and(|members| !members.is_empty());
        operation.body.is_some() && (operation.kind != Kind::Act || members)
    }

    /// Does it: asks the access table, checks the arguments, runs it in a transaction when it writes, keeps the answer
    /// when an idempotency key came with it.
    pub async fn call(&self, ctx: &Ctx, op: Op, arguments: Arguments) -> Result<Answered> {
        let operation = self.operations.get(&op).ok_or_else(Error::not_found)?;
        ctx.count(operation.kind.writes())?;
        let Admitted { run, ctx, arguments } = self.admitted(ctx, op, arguments)?;
        // Who is in a transaction has a connection; a file takes as long as it takes.
        let shared = !ctx.writes() && !operation.large;
        let _place = if shared { ctx.app.store.place(operation.collection).await? } else { None };
        match operation.kind {
            kind if kind.repeatable() => self.change(operation, &ctx, arguments).await,
            kind if !kind.writes() => ctx.answer(|ctx| run(ctx, arguments.clone())).await,
            _ => run(ctx, arguments).await,
        }
    }

    /// What may be done as far as the access table and the schema of its body go.
    pub(crate) fn admitted(&self, ctx: &Ctx, op: Op, arguments: Arguments) -> Result<Admitted<'_>> {
        let operation = self.operations.get(&op).ok_or_else(Error::not_found)?;
        let ctx = ctx.for_operation(op);
        let rule = rule(op);
        if rule.signed_in {
            ctx.principal()?;
        } else if !rule.open {
            ctx.permit(op)?;
        }
        if operation.kind.needs_version() && arguments.version.is_none() {
            return Err(Code::VersionRequired.into());
        }
        let arguments = self.prepared(operation, &ctx, arguments)?;
        Ok(Admitted { run: &operation.run, ctx, arguments })
    }

    fn prepared(&self, operation: &Operation, ctx: &Ctx, mut arguments: Arguments) -> Result<Arguments> {
        let Some(name) = &operation.body else {
            return Ok(arguments);
        };
        if arguments.body.is_null() && operation.kind == Kind::Act {
            arguments.body = json!({});
        }
        if matches!(operation.kind, Kind::Create | Kind::Upsert)
            && let Value::Object(members) = &mut arguments.body
        {
            members.retain(|_, value| !value.is_null());
            let takes_partnership =
                self.schemas.named.get(name).is_some_and(|schema| schema["properties"].get("partnershipId").is_some());
            if takes_partnership
                && !members.contains_key("partnershipId")
                && let Some(Standing { partnership_id, .. }) =
                    ctx.caller.standing().filter(|at| !at.partnership_id.is_nil())
            {
                members.insert("partnershipId".into(), json!(partnership_id));
            }
        }
        crate::schema::wash(&mut arguments.body, "")?;
        self.schemas.check(name, &arguments.body)?;
        Ok(arguments)
    }

    async fn change(&self, operation: &Operation, ctx: &Ctx, arguments: Arguments) -> Result<Answered> {
        let run = operation.run.clone();
        let Some(key) = &arguments.idempotency_key else {
            return ctx.write(move |ctx| (run)(ctx, arguments.clone())).await;
        };
        if key.is_empty() || key.len() > 255 {
            return Err(Error::member("/Idempotency-Key", "wrong_form", "a key has 1 to 255 characters"));
        }
        let who = ctx.caller.account_id().unwrap_or_default();
        let key_hash = fingerprint(&format!("{who}|{}|{key}", operation.op.name()));
        let asked = json!([arguments.id, arguments.version, arguments.body, ctx.validate_only]);
        let request_hash = fingerprint(&asked.to_string());
        let once = self.once.get(&operation.answer).cloned().unwrap_or_default();
        ctx.write(move |ctx| {
            let (run, arguments, once) = (run.clone(), arguments.clone(), once.clone());
            let (key_hash, request_hash) = (key_hash.clone(), request_hash.clone());
            async move {
                if let Some(row) = idempotency_key::Entity::find_by_id(key_hash.clone()).one(&ctx.read()).await? {
                    if row.request_hash != request_hash {
                        return Err(Code::IdempotencyMismatch.into());
                    }
                    let kept: Kept = serde_json::from_str(&row.answer).map_err(Error::internal)?;
                    refuse_sealed_since(&ctx, kept.id).await?;
                    return Ok(Answered { shown: Box::new(One(kept.value)), version: kept.version, id: kept.id });
                }
                let answered = run(ctx.clone(), arguments).await?;
                let mut value = answered.shown.value()?;
                if let Value::Object(members) = &mut value {
                    members.retain(|name, _| !once.contains(name));
                }
                let kept = Kept { value, version: answered.version, id: answered.id };
                let row = idempotency_key::ActiveModel {
                    key_hash: ActiveValue::Set(key_hash),
                    request_hash: ActiveValue::Set(request_hash),
                    answer: ActiveValue::Set(serde_json::to_string(&kept).map_err(Error::internal)?),
                    created_at: ActiveValue::Set(ctx.now()),
                };
                row.insert(&ctx.read()).await?;
                Ok(answered)
            }
        })
        .await
    }

    pub(crate) fn add(&mut self, operation: Operation) {
        self.operations.insert(operation.op, operation);
    }

    /// Starts a collection.
    pub fn collection<R: Scoped>(&mut self, path: &'static str) -> CollectionOf<'_, R> {
        self.schemas.add::<R>();
        self.schemas.add::<R::New>();
        self.schemas.add::<PageInfo>();
        let always = ["id", "version", "created_at", "updated_at", "archived_at"];
        let columns = R::FIELDS.iter().map(|field| field.name).chain(always);
        self.columns.extend(columns.map(|column| (camel(column), column)));
        let once = R::FIELDS.iter().filter(|field| field.uses.contains(&Use::once));
        self.once.insert(R::NAME.into(), once.map(|field| camel(field.name)).collect());
        let new = R::New::name().to_string();
        self.schemas.require_present::<R>();
        // The table acted at is filled in, so nobody has to say it who sits at one only.
        if let Some(required) =
            self.schemas.named.get_mut(&new).and_then(|new| new.get_mut("required")).and_then(Value::as_array_mut)
        {
            required.retain(|member| member != "partnershipId");
        }
        self.schemas.add_patch::<R>(&format!("{}Patch", R::NAME), &new, |_| false);
        CollectionOf { table: self, path, name: R::NAME, new, narrow: None, keep: None, row: std::marker::PhantomData }
    }

    /// Starts a narrower form of a collection, such as employers of partners.
    pub fn narrowed<R: Scoped>(
        &mut self,
        path: &'static str,
        name: &'static str,
        keep: Use,
        narrow: Narrow,
        description: &str,
    ) -> CollectionOf<'_, R> {
        let new = format!("New{name}");
        self.schemas.add_narrowed::<R>(name, R::NAME, keep, description);
        self.schemas.add_narrowed::<R>(&new, &R::New::name(), keep, description);
        self.schemas.add_patch::<R>(&format!("{name}Patch"), &new, |uses| crate::schema::foreign(uses, keep));
        CollectionOf {
            table: self,
            path,
            name,
            new,
            narrow: Some(narrow),
            keep: Some(keep),
            row: std::marker::PhantomData,
        }
    }

    /// An operation that answers a question put in parameters: `GET /v1/{path}`.
    pub fn report<Q, O, F, Fut>(&mut self, op: Op, collection: &'static str, path: &str, run: F)
    where
        Q: DeserializeOwned + ToSchema,
        O: Serialize + ToSchema + Send + 'static,
        F: Fn(Ctx, Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        let question = self.schemas.add::<Q>();
        let parameters = self.schemas.named.get(&question).map(parameters_of).unwrap_or_default();
        self.schemas.named.shift_remove(&question);
        let answer = self.schemas.add::<O>();
        let run = Arc::new(run);
        self.add(Operation {
            op,
            kind: Kind::Report,
            path: format!("/v1/{path}"),
            collection,
            parameters,
            body: None,
            large: false,
            answer,
            media: "application/json",
            item: None,
            run: Arc::new(move |ctx, arguments| {
                let run = run.clone();
                Box::pin(async move {
                    let mut parameters = arguments.parameters;
                    if let Some(id) = arguments.id {
                        parameters.insert("id".into(), json!(id));
                    }
                    let question = record::decode::<Q>(Value::Object(parameters))?;
                    Ok(Answered { shown: Box::new(One(run(ctx, question).await?)), version: None, id: None })
                })
            }),
        });
    }

    /// Makes or changes the record of a collection that another system knows by an identifier:
    /// `PUT /v1/{collection}/by-external-id/{scheme}/{value}`. It takes what a creation takes.
    pub fn upsert<F, Fut>(&mut self, op: Op, collection: &'static str, run: F)
    where
        F: Fn(Ctx, Upsert) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Upserted>> + Send + 'static,
    {
        let create = self.operations.values().find(|one| one.collection == collection && one.kind == Kind::Create);
        let Some((body, answer)) = create.map(|create| (create.body.clone(), create.answer.clone())) else {
            return;
        };
        let parameter = |name: &str, schema: Value, description: &str| Parameter {
            name: name.into(),
            schema,
            many: false,
            description: description.into(),
        };
        let run = Arc::new(run);
        self.add(Operation {
            op,
            kind: Kind::Upsert,
            path: format!("/v1/{collection}/by-external-id/{{scheme}}/{{value}}"),
            collection,
            parameters: vec![
                parameter(
                    "scheme",
                    json!({ "type": "string", "minLength": 1, "maxLength": 100 }),
                    "Scheme of the external id.",
                ),
                parameter("value", json!({ "type": "string", "minLength": 1, "maxLength": 300 }), "The external id."),
                parameter("createOnly", json!({ "type": "boolean" }), "Refuse when the record is there already."),
            ],
            body,
            large: false,
            answer,
            media: "application/json",
            item: None,
            run: Arc::new(move |ctx, arguments| {
                let run = run.clone();
                Box::pin(async move {
                    let text = |name: &str| {
                        let given = arguments.parameters.get(name).and_then(Value::as_str).map(str::to_owned);
                        given.ok_or_else(|| Error::member(format!("/{name}"), "required", "give it"))
                    };
                    let asked = Upsert {
                        scheme: text("scheme")?,
                        value: text("value")?,
                        version: arguments.version,
                        create_only: arguments.parameters.get("createOnly") == Some(&json!(true)),
                        body: arguments.body.as_object().cloned().unwrap_or_default(),
                    };
                    let Upserted { mut answered, created } = run(ctx, asked).await?;
                    if created {
                        answered.shown = Box::new(New(answered.shown));
                    }
                    Ok(answered)
                })
            }),
        });
    }

    /// The same, answering with text of a media type of its own: `GET /v1/{path}`.
    pub fn text<Q, F, Fut>(&mut self, op: Op, collection: &'static str, path: &str, media: &'static str, run: F)
    where
        Q: DeserializeOwned + ToSchema + Send + 'static,
        F: Fn(Ctx, Q) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String>> + Send + 'static,
    {
        let run = Arc::new(run);
        self.report::<Q, Text, _, _>(op, collection, path, move |ctx, question| {
            let run = run.clone();
            async move { run(ctx, question).await.map(|text| Text { text }) }
        });
        if let Some(operation) = self.operations.get_mut(&op) {
            operation.media = media;
        }
    }

    /// The same, with a body of up to the limit of imports.
    pub fn submit_large<B, O, F, Fut>(&mut self, op: Op, collection: &'static str, path: &str, run: F)
    where
        B: DeserializeOwned + ToSchema,
        O: Serialize + ToSchema + Send + 'static,
        F: Fn(Ctx, B) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        self.submit(op, collection, path, run);
        if let Some(operation) = self.operations.get_mut(&op) {
            operation.large = true;
        }
    }

    /// An operation that takes a body and does its own writing: `POST /v1/{path}`.
    pub fn submit<B, O, F, Fut>(&mut self, op: Op, collection: &'static str, path: &str, run: F)
    where
        B: DeserializeOwned + ToSchema,
        O: Serialize + ToSchema + Send + 'static,
        F: Fn(Ctx, B) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        let body = self.schemas.add::<B>();
        let answer = self.schemas.add::<O>();
        let run = Arc::new(run);
        self.add(Operation {
            op,
            kind: Kind::Submit,
            path: format!("/v1/{path}"),
            collection,
            parameters: Vec::new(),
            body: Some(body),
            large: false,
            answer,
            media: "application/json",
            item: None,
            run: Arc::new(move |ctx, arguments| {
                let run = run.clone();
                Box::pin(async move {
                    let body = record::decode::<B>(arguments.body)?;
                    Ok(Answered { shown: Box::new(One(run(ctx, body).await?)), version: None, id: None })
                })
            }),
        });
    }

    /// Lists for the caller what they may do: operation and reach.
    pub fn permitted(&self, standing: &Standing, scopes: &[String]) -> Vec<(String, Reach)> {
        self.operations
            .keys()
            .filter(|op| scopes.is_empty() || scopes.contains(&self.scope(**op)))
            .map(|op| (op.name(), rule(*op).reach(standing.role)))
            .filter(|(_, reach)| *reach != Reach::Nothing)
            .collect()
    }
}

fn parameters_of(question: &Value) -> Vec<Parameter> {
    let properties = question["properties"].as_object();
    properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            let description = schema.as_object_mut().and_then(|members| members.shift_remove("description"));
            Parameter {
                name: name.clone(),
                schema,
                many: false,
                description: description.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default(),
            }
        })
        .collect()
}
