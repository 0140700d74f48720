//! Why somebody may or may not do what can be done to a record.
//!
//! Nothing is decided here. Each operation is tried as `validateOnly` would try it, with the smallest body its schema takes,
//! and undone; what it is refused with is the reason. So a rule is written once, where it is kept.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{Reach, rule};
use crate::ctx::Ctx;
use crate::error::{Code, Error, Result};
use crate::example;
use crate::op::Op;
use crate::operation::{Arguments, Collection, Kind, Operation, Operations};
use crate::standing::{Role, Standing};

/// Which record.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct AccessQuestion {
    /// The collection, as it stands in addresses: `meetings`.
    collection: String,
    #[schema(ignore)]
    id: Uuid,
}

/// What you may do to a record, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordAccess {
    /// The collection.
    collection: String,
    /// The record.
    id: Uuid,
    /// Its version: what is said here holds for this one.
    version: i32,
    /// The role you act in.
    role: String,
    /// Every operation about one record of this collection.
    #[schema(max_items = 200)]
    operations: Vec<OperationAccess>,
}

/// Whether you may do one thing to a record, and why.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationAccess {
    /// The operation, by its operation id.
    operation: String,
    /// Whether it would be done now. Where `needsBody` is true: as far as it can be said before the body is known.
    allowed: bool,
    /// `GRANTED`, or the code it would be refused with: of your role, scopes or organisation, of the record's state, or of
    /// a rule of the practice.
    because: String,
    /// The same in words.
    detail: String,
    /// What would have to be otherwise; absent when nothing has to.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// How far your role reaches with it: `all`, `own`, `public` or `nothing`.
    reach: String,
    /// Roles that have a part in it.
    #[schema(max_items = 12)]
    roles: Vec<String>,
    /// Whether it takes a body, which is checked when it is sent.
    needs_body: bool,
}

/// Stands where a refusal has its code.
const GRANTED: &str = "GRANTED";

/// Adds `GET /v1/{collection}/{id}/access`. It comes last, since it speaks of all collections.
pub fn register(table: &mut Operations) {
    table.report::<AccessQuestion, RecordAccess, _, _>(Op::GetAccess, "access", "{collection}/{id}/access", explain);
    let paths: Vec<&str> = table.collections.iter().map(|collection| collection.path).collect();
    table.limit_to(Op::GetAccess, "collection", &paths);
}

async fn explain(mut ctx: Ctx, question: AccessQuestion) -> Result<RecordAccess> {
    let operations = ctx.app.operations.clone();
    let collection = operations.collections.iter().find(|one| one.path == question.collection);
    let collection = collection.ok_or_else(Error::not_found)?.clone();
    operations.admitted(&ctx, collection.get, Arguments::of(question.id))?.run().await?;
    // It is tried as a change is, and counts as one.
    ctx.count(true)?;
    ctx.validate_only = true;
    ctx.write(move |ctx| try_all(ctx, collection.clone(), question.id)).await
}

async fn try_all(ctx: Ctx, collection: Collection, id: Uuid) -> Result<RecordAccess> {
    let operations = ctx.app.operations.clone();
    let record = operations.admitted(&ctx, collection.get, Arguments::of(id))?.run().await?;
    let version = record.version.ok_or_else(|| Error::internal("a record has no version"))?;
    let standing = ctx.standing()?.clone();
    let about_one = format!("/v1/{}/{{id}}", collection.path);
    let mut told = Vec::new();
    for operation in operations.iter().filter(|one| one.path.starts_with(&about_one)) {
        let refused = refusal(&ctx, &operations, operation, id, version).await?;
        told.push(say(&operations, operation, &standing, refused));
    }
    let (collection, role) = (collection.path.into(), standing.role.word().into());
    Ok(RecordAccess { collection, id, version, role, operations: told })
}

/// What the operation would be refused with now.
async fn refusal(
    ctx: &Ctx,
    table: &Operations,
    operation: &Operation,
    id: Uuid,
    version: i32,
) -> Result<Option<Error>> {
    let body = match (&operation.body, operation.kind) {
        (None, _) | (_, Kind::Update) => serde_json::json!({}),
        (Some(name), _) => example::least(&table.schemas.named, name),
    };
    let arguments = Arguments { id: Some(id), version: Some(version), body, ..Arguments::default() };
    let mut granted = false;
    let outcome: Result<()> = ctx
        .attempt(|ctx| {
            let granted = &mut granted;
            async move {
                let admitted = table.admitted(&ctx, operation.op, arguments)?;
                // What does its own writing cannot be undone.
                if operation.kind != Kind::Submit {
                    admitted.run().await?;
                }
                *granted = true;
                // Undone like everything that is refused.
                Err(Code::Stale.into())
            }
        })
        .await;
    match outcome {
        Err(error) if error.code.status() >= 500 => Err(error),
        Err(error) if !granted && !is_of_the_body(table, operation, &error) => Ok(Some(error)),
        _ => Ok(None),
    }
}

/// Whether it is refused for what stands in the body or the parameters, which are not the caller's here.
fn is_of_the_body(table: &Operations, operation: &Operation, error: &Error) -> bool {
    match error.code.status() {
        400 => operation.body.is_some() || operation.kind == Kind::Report,
        422 => table.needs_body(operation),
        _ => false,
    }
}

fn say(table: &Operations, operation: &Operation, standing: &Standing, refused: Option<Error>) -> OperationAccess {
    let rule = rule(operation.op);
    let roles = Role::ALL.into_iter().filter(|role| rule.signed_in || rule.reach(*role) != Reach::Nothing);
    let roles: Vec<String> = roles.map(|role| role.word().to_owned()).collect();
    let reach = rule.reach(standing.role);
    let detail = match (&refused, reach) {
        (Some(error), _) => error.detail.clone(),
        (None, Reach::Own) => format!("the role {} may, for its own organisation", standing.role.word()),
        (None, Reach::Public) => format!("the role {} may, of what is public", standing.role.word()),
        (None, _) => format!("the role {} may", standing.role.word()),
    };
    OperationAccess {
        operation: operation.op.name(),
        allowed: refused.is_none(),
        because: refused.as_ref().map_or(GRANTED, |error| error.code.wire()).into(),
        remedy: refused.as_ref().map(|error| remedy(error, &roles, table, operation)),
        detail,
        reach: reach.word().into(),
        roles,
        needs_body: table.needs_body(operation),
    }
}

fn remedy(error: &Error, roles: &[String], table: &Operations, operation: &Operation) -> String {
    let why = rule(operation.op).because;
    match error.code {
        Code::Forbidden | Code::EmployerOnly | Code::IntermediaryCannotSetCourse => {
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            format!("Ask somebody with one of the roles {}{why}.", roles.join(", "))
        }
        Code::NotYours => "Ask the organisation whose it is.".into(),
        Code::ScopeMissing => format!("Have the service account given the scope {}.", table.scope(operation.op)),
        code => code.meaning().into(),
    }
}
