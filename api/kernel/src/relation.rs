//! Relations between records, read in batches: one statement a relation, however many records ask.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Code, Error, Result};
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
        ctx.answer(|ctx| (self.fetch)(ctx, ids.clone())).await
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

/// Writes these records of type `from` as JSON, commas between them, with the asked relations (`agendaItems,attendances.person`)
/// in them, one statement each.
pub async fn expanded(ctx: &Ctx, from: &str, paths: &[String], rows: &[&dyn Row], out: &mut Vec<u8>) -> Result<()> {
    let branches = branches(ctx, from, paths, rows).await?;
    write_all(rows.iter().copied(), &branches, &Budget::default(), out)
}

/// What a relation found from all records of one level, and what was followed from there.
struct Branch<'r> {
    relation: &'r Relation,
    found: Found,
    further: Vec<Branch<'r>>,
}

async fn branches<'r>(ctx: &'r Ctx, from: &str, paths: &[String], rows: &[&dyn Row]) -> Result<Vec<Branch<'r>>> {
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
    let mut branches = Vec::with_capacity(groups.len());
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
        let mut ids: Vec<Uuid> = rows.iter().filter_map(|row| row.id_in(relation.member.column)).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = if ids.is_empty() { Found::new() } else { relation.fetch(ctx.clone(), ids).await? };
        let next: Vec<&dyn Row> = found.values().flatten().map(|row| &**row).collect();
        // As many are not written even once.
        Budget::default().take(next.len())?;
        let further = Box::pin(self::branches(ctx, relation.to, &rest, &next)).await?;
        branches.push(Branch { relation, found, further });
    }
    Ok(branches)
}

fn write_all<'r>(
    rows: impl Iterator<Item = &'r dyn Row>,
    branches: &[Branch<'_>],
    budget: &Budget,
    out: &mut Vec<u8>,
) -> Result<()> {
    for (number, row) in rows.enumerate() {
        if number > 0 {
            out.push(b',');
        }
        row.append(out)?;
        for branch in branches {
            branch.add(row, budget, out)?;
        }
    }
    Ok(())
}

impl Branch<'_> {
    /// Adds what was found from this record to its object, which is never empty: every record has its id.
    fn add(&self, from: &dyn Row, budget: &Budget, out: &mut Vec<u8>) -> Result<()> {
        let found = from.id_in(self.relation.member.column).and_then(|id| self.found.get(&id));
        let rows = found.map_or(&[][..], Vec::as_slice);
        if rows.is_empty() && !self.relation.many {
            return Ok(());
        }
        budget.take(rows.len())?;
        out.pop();
        out.extend_from_slice(b",\"");
        out.extend_from_slice(self.relation.field.as_bytes());
        out.extend_from_slice(b"\":");
        let rows = rows.iter().map(|row| &**row);
        if self.relation.many {
            out.push(b'[');
            write_all(rows, &self.further, budget, out)?;
            out.push(b']');
        } else {
            write_all(rows.take(1), &self.further, budget, out)?;
        }
        out.push(b'}');
        Ok(())
    }
}
