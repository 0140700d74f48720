//! Relations between records, read in batches: one statement a relation, however many records ask.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::list;
use crate::node::{Member, Row};
use crate::op::Op;
use crate::schema::camel;
use crate::scope::Scoped;
use crate::seal;

/// What a relation finds, by the id it was asked with.
pub type Found = HashMap<Uuid, Vec<Box<dyn Row>>>;
type Fetch = Arc<dyn Fn(Ctx, Vec<Uuid>) -> BoxFuture<'static, Result<Found>> + Send + Sync>;

/// A relation.
#[derive(Clone)]
pub struct Relation {
    /// Record it starts from.
    pub from: &'static str,
    /// Name.
    pub field: &'static str,
    /// Record it leads to.
    pub to: &'static str,
    /// Whether it leads to many.
    pub many: bool,
    /// Member of the starting record that holds the id to ask with.
    pub member: Member,
    fetch: Fetch,
}

impl Relation {
    /// To the one record a member points to.
    pub fn one<C: Scoped>(from: &'static str, field: &'static str, member: &'static str) -> Self {
        let fetch: Fetch = Arc::new(|ctx, ids| Box::pin(fetch_one::<C>(ctx, ids)));
        Self { from, field, to: C::NAME, many: false, member: Member { name: camel(member), column: member }, fetch }
    }

    /// To the records whose `column` points here.
    pub fn many<C: Scoped>(
        from: &'static str,
        field: &'static str,
        op: Op,
        column: &'static str,
        order: &'static str,
    ) -> Self {
        let fetch: Fetch = Arc::new(move |ctx, ids| Box::pin(fetch_many::<C>(ctx, ids, op, column, order)));
        Self { from, field, to: C::NAME, many: true, member: Member { name: "id".into(), column: "id" }, fetch }
    }

    /// Reads it for these ids, as far as the caller may know.
    pub async fn fetch(&self, ctx: Ctx, ids: Vec<Uuid>) -> Result<Found> {
        (self.fetch)(ctx, ids).await
    }
}

async fn fetch_one<C: Scoped>(ctx: Ctx, ids: Vec<Uuid>) -> Result<Found> {
    let Ok(permit) = ctx.permit(C::GET) else {
        return Ok(Found::new());
    };
    let mut found = Found::new();
    let mut rows = list::children::<C>(&ctx, &permit, "id", "id", &ids).await?;
    seal::show(&ctx, &permit.standing, &mut rows).await?;
    for row in rows {
        found.insert(row.id(), vec![Box::new(row) as Box<dyn Row>]);
    }
    Ok(found)
}

async fn fetch_many<C: Scoped>(
    ctx: Ctx,
    ids: Vec<Uuid>,
    op: Op,
    column: &'static str,
    order: &'static str,
) -> Result<Found> {
    let Ok(permit) = ctx.permit(op) else {
        return Ok(Found::new());
    };
    let mut found = Found::new();
    let mut rows = list::children::<C>(&ctx, &permit, column, order, &ids).await?;
    seal::show(&ctx, &permit.standing, &mut rows).await?;
    for row in rows {
        if let Some(id) = list::id_in(&row, column) {
            found.entry(id).or_default().push(Box::new(row));
        }
    }
    Ok(found)
}

/// Most relations followed from one to the next.
const DEEPEST: usize = 4;

/// These records of type `from` as JSON, with the asked relations (`agendaItems,attendances.person`) in them, one
/// statement each.
pub async fn expanded(ctx: &Ctx, from: &str, paths: &[String], rows: &[&dyn Row]) -> Result<Vec<Vec<u8>>> {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for path in paths {
        let (head, rest) = path.split_once('.').map_or((path.as_str(), None), |(head, rest)| (head, Some(rest)));
        if path.split('.').count() > DEEPEST {
            return Err(Error::member("/expand", "too_deep", format!("follow at most {DEEPEST} relations")));
        }
        let rest = rest.map(str::to_owned);
        match groups.iter_mut().find(|(name, _)| *name == head) {
            Some((_, paths)) => paths.extend(rest),
            None => groups.push((head, rest.into_iter().collect())),
        }
    }
    let mut written = rows.iter().map(|row| row.json()).collect::<Result<Vec<_>>>()?;
    for (head, rest) in groups {
        let relations = &ctx.app.operations.relations;
        let Some(relation) = relations.iter().find(|one| one.from == from && one.field == head) else {
            let names: Vec<&str> = relations.iter().filter(|one| one.from == from).map(|one| one.field).collect();
            let detail = match names.as_slice() {
                [] => format!("{from} has no relations"),
                names => format!("{from} has the relations {}", names.join(", ")),
            };
            return Err(Error::member("/expand", "unknown_relation", detail));
        };
        let asked: Vec<Option<Uuid>> = rows.iter().map(|row| row.id_in(relation.member.column)).collect();
        let mut ids: Vec<Uuid> = asked.iter().copied().flatten().collect();
        ids.sort_unstable();
        ids.dedup();
        let found = if ids.is_empty() { Found::new() } else { relation.fetch(ctx.clone(), ids).await? };
        let found = members(ctx, relation, &rest, found).await?;
        for (record, id) in written.iter_mut().zip(asked) {
            match id.and_then(|id| found.get(&id)) {
                Some(value) => add_member(record, relation.field, value),
                None if relation.many => add_member(record, relation.field, b"[]"),
                None => {}
            }
        }
    }
    Ok(written)
}

/// What a relation found as the members it makes, with what is to follow from there.
async fn members(ctx: &Ctx, relation: &Relation, rest: &[String], found: Found) -> Result<HashMap<Uuid, Vec<u8>>> {
    let rows: Vec<&dyn Row> = found.values().flatten().map(|row| &**row).collect();
    let mut written = Box::pin(expanded(ctx, relation.to, rest, &rows)).await?.into_iter();
    let members = found.iter().map(|(id, rows)| {
        let mut rows = written.by_ref().take(rows.len());
        let member = match relation.many {
            true => [b"[".as_slice(), &rows.collect::<Vec<_>>().join(b",".as_slice()), b"]"].concat(),
            false => rows.next().unwrap_or_default(),
        };
        (*id, member)
    });
    Ok(members.collect())
}

/// Adds a member to an object of JSON, which is never empty: every record has its id.
fn add_member(object: &mut Vec<u8>, name: &str, value: &[u8]) {
    object.pop();
    object.extend_from_slice(b",\"");
    object.extend_from_slice(name.as_bytes());
    object.extend_from_slice(b"\":");
    object.extend_from_slice(value);
    object.push(b'}');
}
