//! Relations between records, read in batches: one statement a relation, however many records ask.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use roundtable_entity::Record;
use serde_json::Value;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Code, Error, Result};
use crate::list;
use crate::op::Op;
use crate::schema::camel;
use crate::scope::Scoped;
use crate::seal;

/// What a relation finds, by the id it was asked with.
pub type Found = HashMap<Uuid, Value>;
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
    pub member: String,
    fetch: Fetch,
}

impl Relation {
    /// To the one record a member points to.
    pub fn one<C: Scoped>(from: &'static str, field: &'static str, member: &'static str) -> Self {
        let fetch: Fetch = Arc::new(|ctx, ids| Box::pin(fetch_one::<C>(ctx, ids)));
        Self { from, field, to: C::NAME, many: false, member: camel(member), fetch }
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
        Self { from, field, to: C::NAME, many: true, member: "id".into(), fetch }
    }

    /// Reads it for these ids, as far as the caller may know.
    pub async fn fetch(&self, ctx: Ctx, ids: Vec<Uuid>) -> Result<Found> {
        ctx.answer(|ctx| (self.fetch)(ctx, ids.clone())).await
    }

    /// What stands where nothing was found.
    pub fn nothing(&self) -> Value {
        if self.many { Value::Array(Vec::new()) } else { Value::Null }
    }
}

fn value<R: Record>(row: &R) -> Result<Value> {
    serde_json::to_value(row).map_err(Error::internal)
}

async fn fetch_one<C: Scoped>(ctx: Ctx, ids: Vec<Uuid>) -> Result<Found> {
    let Ok(permit) = ctx.permit(C::GET) else {
        return Ok(Found::new());
    };
    let mut found = Found::new();
    let mut rows = list::children::<C>(&ctx, &permit, "id", "id", &ids).await?;
    seal::show(&ctx, &permit.standing, &mut rows).await?;
    for row in rows {
        found.insert(row.id(), value(&row)?);
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
    let mut found: HashMap<Uuid, Vec<Value>> = HashMap::new();
    let mut rows = list::children::<C>(&ctx, &permit, column, order, &ids).await?;
    seal::show(&ctx, &permit.standing, &mut rows).await?;
    for row in rows {
        if let Some(id) = list::id_in(&row, column) {
            found.entry(id).or_default().push(value(&row)?);
        }
    }
    Ok(found.into_iter().map(|(id, rows)| (id, Value::Array(rows))).collect())
}

/// Most relations followed from one to the next.
const DEEPEST: usize = 4;
/// Most records that relations bring into one answer, each counted as often as it stands there.
pub const MOST_RECORDS: usize = 20_000;

/// What relations may still bring into an answer. A few relations followed in turn bring every record many times over.
#[derive(Debug)]
pub struct Budget(AtomicUsize);

/// One more than may be taken: with nothing left it is spent.
const FULL: usize = MOST_RECORDS + 1;

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicUsize::new(FULL))
    }
}

impl Budget {
    /// Takes so many records, if there are so many left. Once there are not, nothing more is given.
    pub fn take(&self, records: usize) -> Result<()> {
        let less = |left: usize| left.checked_sub(records).filter(|left| *left > 0);
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if taken.is_err() {
            self.0.store(0, Ordering::Relaxed);
        }
        let detail = || format!("relations bring at most {MOST_RECORDS} records into an answer; ask for fewer of them");
        taken.map(|_| ()).map_err(|_| Error::new(Code::QueryTooComplex, detail()))
    }

    /// Begins anew, for the next answer.
    pub fn renew(&self) {
        self.0.store(FULL, Ordering::Relaxed);
    }
}

/// How many records stand in a value.
fn records_in(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(records_in).sum(),
        Value::Object(members) => {
            usize::from(members.contains_key("id")) + members.values().map(records_in).sum::<usize>()
        }
        _ => 0,
    }
}

/// Puts the asked relations (`agendaItems,attendances.person`) into these records of type `from`, one statement each.
pub async fn expand(ctx: &Ctx, from: &str, paths: &[String], records: Vec<&mut Value>) -> Result<()> {
    expand_within(ctx, from, paths, records, &Budget::default()).await
}

async fn expand_within(
    ctx: &Ctx,
    from: &str,
    paths: &[String],
    mut records: Vec<&mut Value>,
    budget: &Budget,
) -> Result<()> {
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
        let id_of = |record: &Value| record[&relation.member].as_str().and_then(|id| Uuid::parse_str(id).ok());
        let mut ids: Vec<Uuid> = records.iter().filter_map(|record| id_of(record)).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut found = if ids.is_empty() { Found::new() } else { relation.fetch(ctx.clone(), ids).await? };
        if !rest.is_empty() {
            let next: Vec<&mut Value> = found
                .values_mut()
                .flat_map(|value| match value {
                    Value::Array(rows) => rows.iter_mut().collect::<Vec<_>>(),
                    one => vec![one],
                })
                .collect();
            Box::pin(expand_within(ctx, relation.to, &rest, next, budget)).await?;
        }
        for record in &mut records {
            let value = match id_of(record).and_then(|id| found.get(&id)) {
                Some(value) => {
                    budget.take(records_in(value))?;
                    value.clone()
                }
                None => relation.nothing(),
            };
            if let Some(members) = record.as_object_mut()
                && !value.is_null()
            {
                members.insert(relation.field.into(), value);
            }
        }
    }
    Ok(())
}
