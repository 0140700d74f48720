//! How the records are read that events tell of: in batches, by the rules of the operation that reads one.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sea_orm::{ColumnTrait, DatabaseConnection, QueryFilter, Value as SqlValue};
use serde_json::Value;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::op::Op;
use crate::readable;
use crate::schema::camel;
use crate::scope::Scoped;
use crate::seal;
use crate::standing::Standing;

/// Members of which is asked whether the caller may see them, by record.
pub type Changed = HashMap<Uuid, BTreeSet<String>>;
type Read = Arc<dyn Fn(Ctx, Changed) -> BoxFuture<'static, Result<HashMap<Uuid, Known>>> + Send + Sync>;
type Faults = Arc<dyn Fn(DatabaseConnection) -> BoxFuture<'static, Result<Vec<(Uuid, String)>>> + Send + Sync>;

/// A record the caller may know of.
#[derive(Clone, Debug)]
pub struct Known {
    /// As a read shows it.
    pub value: Value,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether who wrote it is not for the caller to know.
    pub hides_author: bool,
    /// Those of the changed members that the caller may not see.
    pub hidden: BTreeSet<String>,
}

/// See the module.
#[derive(Clone)]
pub struct Reader {
    /// The operation whose rules hold.
    pub get: Op,
    /// Name of the record on the wire.
    pub name: &'static str,
    read: Read,
    faults: Faults,
}

impl Reader {
    /// For this record.
    pub fn of<R: Scoped>(name: &'static str) -> Self {
        Self {
            get: R::GET,
            name,
            read: Arc::new(|ctx, changed| Box::pin(read::<R>(ctx, changed))),
            faults: Arc::new(|database| Box::pin(async move { readable::faults::<R>(&database).await })),
        }
    }

    /// Every row of the table that cannot be read, with the reason: what an operator is told.
    pub async fn faults(&self, database: &DatabaseConnection) -> Result<Vec<(Uuid, String)>> {
        (self.faults)(database.clone()).await
    }

    /// Those of the records that the caller may know of.
    pub async fn read(&self, ctx: &Ctx, changed: Changed) -> Result<HashMap<Uuid, Known>> {
        (self.read)(ctx.clone(), changed).await
    }
}

async fn read<R: Scoped>(ctx: Ctx, changed: Changed) -> Result<HashMap<Uuid, Known>> {
    let Ok(permit) = ctx.permit(R::GET) else {
        return Ok(HashMap::new());
    };
    let id = R::column("id").ok_or_else(|| Error::internal("a record has no id column"))?;
    let query = R::select().filter(id.is_in(changed.keys().copied())).filter(R::rows(&permit));
    let mut rows = readable::rows::<R>(&ctx, query).await?.rows;
    let nothing = BTreeSet::new();
    let of = |row: &R| hidden(row, &permit.standing, changed.get(&row.id()).unwrap_or(&nothing));
    let hidden = rows.iter().map(of).collect::<Result<Vec<_>>>()?;
    seal::show(&ctx, &permit.standing, &mut rows).await?;
    let mut known = HashMap::with_capacity(rows.len());
    for (row, hidden) in rows.iter().zip(hidden) {
        let found = Known {
            value: shown(row)?,
            archived: row.archived_at().is_some(),
            hides_author: row.hides_author(&permit.standing),
            hidden,
        };
        known.insert(row.id(), found);
    }
    Ok(known)
}

fn shown<R: Scoped>(row: &R) -> Result<Value> {
    serde_json::to_value(row).map_err(Error::internal)
}

/// Which of these members this standing may not see: those that are shown otherwise once the row is masked. A member
/// that is empty by now is given something to hide first, or its emptying would be told.
fn hidden<R: Scoped>(row: &R, standing: &Standing, changed: &BTreeSet<String>) -> Result<BTreeSet<String>> {
    if changed.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut row = row.clone();
    for field in R::FIELDS.iter().filter(|field| field.optional && changed.contains(&camel(field.name))) {
        if let Some(column) = R::column(field.name)
            && let Some(something) = something(&row.get(column))
        {
            // A word of a closed list does not take any text and stays empty; no mask hides one.
            let _ = row.try_set(column, something);
        }
    }
    let whole = shown(&row)?;
    row.mask(standing);
    let masked = shown(&row)?;
    Ok(changed.iter().filter(|member| whole[member.as_str()] != masked[member.as_str()]).cloned().collect())
}

/// A value of the same type where there is none.
fn something(value: &SqlValue) -> Option<SqlValue> {
    Some(match value {
        SqlValue::String(None) => "something".into(),
        SqlValue::Uuid(None) => Uuid::max().into(),
        SqlValue::Int(None) => 1i32.into(),
        SqlValue::BigInt(None) => 1i64.into(),
        SqlValue::Bool(None) => true.into(),
        SqlValue::Double(None) => 1f64.into(),
        SqlValue::ChronoDate(None) => chrono::NaiveDate::default().into(),
        SqlValue::ChronoDateTimeUtc(None) => chrono::DateTime::<chrono::Utc>::default().into(),
        _ => return None,
    })
}
