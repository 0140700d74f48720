//! Rows that can be read. A row that was damaged, or written by something else than this program, is left out and named:
//! it must not take the rows beside it with it.

use roundtable_entity::Record;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Code, Error, Result};

/// How often what was found unreadable is left out of the question before that is given up.
const ROUNDS: usize = 8;
/// Rows of a table that are looked at together.
const PART: u64 = 500;

/// Rows, and the ids of those among them that cannot be read.
pub struct Readable<R> {
    /// The rows, in the order asked for.
    pub rows: Vec<R>,
    /// Ids of rows that were left out.
    pub unreadable: Vec<Uuid>,
}

/// The rows of a query. In the place of those that cannot be read, the next ones come.
pub async fn rows<R: Record>(ctx: &Ctx, query: Select<R::Entity>) -> Result<Readable<R>> {
    match ctx.rows::<R>(&query).await {
        Ok(rows) => Ok(Readable { rows, unreadable: Vec::new() }),
        Err(failed) if failed.code != Code::Internal => Err(failed),
        Err(_) => rows_at(&ctx.read(), query).await,
    }
}

/// The same, read there.
pub async fn rows_at<R: Record>(connection: &impl ConnectionTrait, query: Select<R::Entity>) -> Result<Readable<R>> {
    let mut failed = match query.clone().all(connection).await {
        Ok(rows) => return Ok(Readable { rows, unreadable: Vec::new() }),
        Err(failed) => failed,
    };
    let mut asked = query.clone();
    let mut unreadable: Vec<Uuid> = Vec::new();
    for _ in 0..ROUNDS {
        unreadable.extend(among::<R>(connection, asked, failed).await?);
        asked = query.clone().filter(id::<R>()?.is_not_in(unreadable.iter().copied()));
        failed = match asked.clone().all(connection).await {
            Ok(rows) => return Ok(Readable { rows, unreadable }),
            Err(failed) => failed,
        };
    }
    Err(Error::internal(format!("more rows of {} cannot be read than are worth leaving out", R::TABLE)))
}

/// Those of a query's rows that cannot be read, where that is why it failed.
async fn among<R: Record>(
    connection: &impl ConnectionTrait,
    query: Select<R::Entity>,
    failed: DbErr,
) -> Result<Vec<Uuid>> {
    let failed = Error::from(failed);
    if failed.code != Code::Internal {
        return Err(failed);
    }
    // Where the database itself refused, it refuses this as well.
    let Ok(ids) = query.select_only().column(id::<R>()?).into_tuple::<Uuid>().all(connection).await else {
        return Err(failed);
    };
    let mut found = Vec::new();
    for one in ids {
        if let Err(error) = R::select().filter(id::<R>()?.eq(one)).one(connection).await {
            tracing::error!(table = R::TABLE, id = %one, %error, "a row cannot be read; it is left out");
            found.push(one);
        }
    }
    if found.is_empty() { Err(failed) } else { Ok(found) }
}

/// Every row of a table that cannot be read, with the reason.
pub async fn faults<R: Record>(connection: &impl ConnectionTrait) -> Result<Vec<(Uuid, String)>> {
    let id = id::<R>()?;
    let mut found = Vec::new();
    let mut last = Uuid::nil();
    loop {
        let part = R::select().filter(id.gt(last)).order_by_asc(id).limit(PART);
        let ids: Vec<Uuid> = part.clone().select_only().column(id).into_tuple().all(connection).await?;
        let Some(end) = ids.last() else { return Ok(found) };
        if *end <= last {
            // Asked on, a damaged index would go round for ever.
            return Err(Error::new(Code::Internal, "its rows do not come in the order of their ids"));
        }
        last = *end;
        if part.all(connection).await.is_ok() {
            continue;
        }
        for one in ids {
            if let Err(error) = R::select().filter(id.eq(one)).one(connection).await {
                found.push((one, error.to_string()));
            }
        }
    }
}

fn id<R: Record>() -> Result<<R::Entity as EntityTrait>::Column> {
    R::column("id").ok_or_else(|| Error::internal("a record has no id column"))
}
