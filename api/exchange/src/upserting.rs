//! Records made or changed by the identifier another system knows them by.

use std::sync::Arc;

use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Arguments, Operations, Upsert, Upserted};
use serde_json::Value;
use uuid::Uuid;

use crate::placing::{ByMember, Key, Placer};
use crate::shape::Shape;

pub(crate) fn register(table: &mut Operations) {
    for (op, collection) in [
        (Op::UpsertOrganization, "organizations"),
        (Op::UpsertPerson, "people"),
        (Op::UpsertLocation, "locations"),
        (Op::UpsertPartner, "partners"),
        (Op::UpsertResource, "resources"),
        (Op::UpsertMeeting, "meetings"),
    ] {
        table.upsert(op, collection, move |ctx, asked| upsert(ctx, op, collection, asked));
    }
}

async fn upsert(ctx: Ctx, op: Op, collection: &'static str, asked: Upsert) -> Result<Upserted> {
    let named = asked.body.get("partnershipId").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
    let partnership_id = named.unwrap_or(ctx.standing()?.partnership_id);
    ctx.permit_at(op, partnership_id)?;
    let shape = Arc::new(Shape::of(&ctx.app.operations, collection)?);
    let placer = Placer {
        shape: shape.clone(),
        key: Key::External,
        scheme: None,
        partnership_id,
        known: Arc::default(),
        made: ByMember::new(),
    };
    let found = placer.named(&ctx, &asked.scheme, &asked.value, Some(shape.record_type)).await?;
    let mut members = asked.body;
    members.shift_remove("partnershipId");
    let id = match found {
        Some(_) if asked.create_only => {
            return Err(Error::new(Code::Stale, "there is a record with this external id already"));
        }
        Some(id) => {
            let now = ctx.app.operations.call(&ctx, shape.get, Arguments::of(id)).await?.version;
            if asked.version.is_some_and(|version| Some(version) != now) {
                let detail = format!("the record is at version {}; read it again", now.unwrap_or_default());
                return Err(Error::new(Code::Stale, detail));
            }
            // What is sent is the whole: what it leaves out is emptied.
            for (name, _) in shape.members.iter().filter(|(_, member)| member.on_update) {
                members.entry(name.as_str()).or_insert(Value::Null);
            }
            placer.change(&ctx, id, &members, None).await?;
            id
        }
        None if asked.version.is_some() => {
            return Err(Error::new(Code::Stale, "there is no record with this external id; send it without a version"));
        }
        None => {
            let touched = placer.make(&ctx, &members, Some((asked.scheme, asked.value))).await?;
            touched.first().map(|one| one.id).ok_or_else(|| Error::internal("an upsert made nothing"))?
        }
    };
    let answered = ctx.app.operations.call(&ctx, shape.get, Arguments::of(id)).await?;
    Ok(Upserted { answered, created: found.is_none() })
}
