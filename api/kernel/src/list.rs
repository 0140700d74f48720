//! Lists: filters, sorts, keyset cursors, full-text search. One way for every collection and both doors.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use roundtable_entity::{Field, Record, Use};
use sea_orm::sea_query::extension::postgres::PgFunc;
use sea_orm::sea_query::{Expr, ExprTrait, Func, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Value as SqlValue,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::access::Permit;
use crate::ctx::Ctx;
use crate::error::{Code, Error, Result};
use crate::readable::{self, Readable};
use crate::schema::camel;
use crate::scope::Scoped;
use crate::standing::Role;

/// Most rows of a page.
pub const MOST: u64 = 200;
/// Rows of a page unless said otherwise.
pub const DEFAULT: u64 = 50;

/// Parameter under which GraphQL asks for the cursor of each row.
pub(crate) const CURSORS: &str = "cursors";

/// One page of a list.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<R> {
    /// The rows.
    pub items: Vec<R>,
    /// Where the page stands.
    pub page_info: PageInfo,
    /// Rows on all pages, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_count: Option<u64>,
    /// Cursor of each row, when GraphQL asked for them.
    #[serde(skip)]
    pub cursors: Vec<String>,
}

/// Where a page stands in its list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageInfo {
    /// Whether more rows follow.
    pub has_next_page: bool,
    /// Whether rows went before.
    pub has_previous_page: bool,
    /// Cursor of the first row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_cursor: Option<String>,
    /// Cursor of the last row; send it as `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_cursor: Option<String>,
    /// Rows that belong here and could not be read, because what is stored of them is damaged. They are left out; whoever
    /// runs the server finds them in its log and by `roundtable doctor`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 1608)]
    pub unreadable: Vec<Uuid>,
}

impl<R> Page<R> {
    /// A page of what was found: one row more than asked for where another page follows.
    fn of(
        found: Readable<R>,
        first: u64,
        has_previous_page: bool,
        parameters: &Map<String, Value>,
        cursor: impl Fn(&R) -> Result<String>,
    ) -> Result<Self> {
        let Readable { rows: mut items, unreadable } = found;
        let has_next_page = items.len() as u64 > first;
        items.truncate(usize::try_from(first).unwrap_or(usize::MAX));
        let page_info = PageInfo {
            has_next_page,
            has_previous_page,
            start_cursor: items.first().map(&cursor).transpose()?,
            end_cursor: items.last().map(&cursor).transpose()?,
            unreadable,
        };
        let cursors = match parameters.contains_key(CURSORS) {
            true => items.iter().map(cursor).collect::<Result<_>>()?,
            false => Vec::new(),
        };
        Ok(Self { items, page_info, total_count: None, cursors })
    }
}

/// Narrows a collection to some rows of its table, such as partners to employers.
pub type Narrow = fn() -> Condition;

/// What is asked of a list.
pub struct Asked<'a> {
    /// Parameters, already checked and typed.
    pub parameters: &'a Map<String, Value>,
    /// Rows of the collection, when it is not the whole table.
    pub narrow: Option<Narrow>,
    /// What flags of the list ask for.
    pub flagged: Condition,
}

struct Sort {
    field: &'static str,
    descending: bool,
    /// Where the caller may know the order and not the values: the rows it may know of.
    unseen: Option<Condition>,
}

/// Members a list can be sorted by, without the direction.
pub fn sorts<R: Record>() -> Vec<(String, &'static str)> {
    let mut sorts: Vec<(String, &'static str)> =
        vec![("id".into(), "id"), ("createdAt".into(), "created_at"), ("updatedAt".into(), "updated_at")];
    for field in R::FIELDS.iter().filter(|field| field.uses.contains(&Use::sort)) {
        // The folded form of a name is kept apart, and sorted by under the name's own.
        sorts.push((camel(field.name.trim_end_matches("_key")), field.name));
    }
    sorts
}

/// Whether the collection has full-text search.
pub fn searchable<R: Record>() -> bool {
    R::FIELDS.iter().any(|field| field.uses.contains(&Use::search))
}

/// Reads a page.
pub async fn page<R: Scoped>(ctx: &Ctx, permit: &Permit, asked: &Asked<'_>) -> Result<Page<R>> {
    let parameters = asked.parameters;
    let first = parameters.get("first").and_then(Value::as_u64).unwrap_or(DEFAULT);
    let words = match parameters.get("q").and_then(Value::as_str) {
        Some(text) if searchable::<R>() => Some(words(text)),
        _ => None,
    };
    let sort = sort::<R>(parameters)?;
    let print = print(permit, parameters);
    let after = match parameters.get("after").and_then(Value::as_str) {
        Some(cursor) => Some(read_cursor(cursor, &print)?),
        None => None,
    };
    let mut rows = R::rows(permit).add(filters::<R>(parameters)?).add(asked.flagged.clone());
    if let Some(narrow) = asked.narrow {
        rows = rows.add(narrow());
    }
    if words.as_ref().is_some_and(Vec::is_empty) {
        return Ok(empty(parameters));
    }
    match (words, sort) {
        (Some(words), None) => ranked::<R>(ctx, permit, rows, &words, first, after, parameters).await,
        (words, sort) => {
            if let Some(words) = words {
                rows = rows.add(matches::<R>(ctx.app.store.backend(), permit, &words));
            }
            let by_id = Sort { field: "id", descending: false, unseen: None };
            let mut sort = sort.unwrap_or(by_id);
            sort.unseen = R::order_only(&permit.standing).contains(&sort.field).then(|| R::rows(permit));
            sorted::<R>(ctx, rows, sort, first, after, &print, parameters).await
        }
    }
}

fn empty<R>(parameters: &Map<String, Value>) -> Page<R> {
    let total = parameters.get("total").and_then(Value::as_bool) == Some(true);
    let page_info = PageInfo {
        has_next_page: false,
        has_previous_page: false,
        start_cursor: None,
        end_cursor: None,
        unreadable: Vec::new(),
    };
    Page { items: Vec::new(), page_info, total_count: total.then_some(0), cursors: Vec::new() }
}

fn sort<R: Record>(parameters: &Map<String, Value>) -> Result<Option<Sort>> {
    let Some(word) = parameters.get("sort").and_then(Value::as_str) else {
        return Ok(None);
    };
    let (name, descending) = match word.strip_prefix('-') {
        Some(name) => (name, true),
        None => (word, false),
    };
    let sorts = sorts::<R>();
    match sorts.iter().find(|(wire, _)| wire == name) {
        Some((_, field)) => Ok(Some(Sort { field, descending, unseen: None })),
        None => {
            let names: Vec<&str> = sorts.iter().map(|(wire, _)| wire.as_str()).collect();
            Err(Error::member("/sort", "unknown_sort", format!("sort by one of {}, or -name", names.join(", "))))
        }
    }
}

async fn sorted<R: Scoped>(
    ctx: &Ctx,
    rows: Condition,
    sort: Sort,
    first: u64,
    after: Option<(Value, Uuid)>,
    print: &str,
    parameters: &Map<String, Value>,
) -> Result<Page<R>> {
    let column = column::<R>(sort.field)?;
    let id = column_id::<R>()?;
    let total = match parameters.get("total").and_then(Value::as_bool) {
        Some(true) => Some(R::Entity::find().filter(rows.clone()).count(&ctx.read()).await?),
        _ => None,
    };
    let has_previous_page = after.is_some();
    let mut query = R::select().filter(rows);
    if let Some((value, after_id)) = after {
        let here = Expr::tuple([column.into_expr(), id.into_expr()]);
        let there = match (&sort.unseen, value) {
            (None, value) => Expr::val(sql_value(column, &value)?),
            (Some(known), Value::Null) => value_at::<R>(column, known.clone().add(id.eq(after_id))),
            // Otherwise values could be felt for by cursors made up.
            (Some(_), _) => return Err(Code::InvalidCursor.into()),
        };
        let there = Expr::tuple([there, Expr::val(after_id)]);
        let beyond = match (sort.field, sort.descending) {
            ("id", false) => id.gt(after_id),
            ("id", true) => id.lt(after_id),
            (_, false) => here.gt(there),
            (_, true) => here.lt(there),
        };
        query = query.filter(beyond);
    }
    let order = if sort.descending { Order::Desc } else { Order::Asc };
    if sort.field != "id" {
        query = query.order_by(column, order.clone());
    }
    let found = readable::rows::<R>(ctx, query.order_by(id, order).limit(first + 1)).await?;
    let page = Page::of(found, first, has_previous_page, parameters, |item| {
        let value = if sort.unseen.is_some() { Value::Null } else { json_value(&item.get(column))? };
        Ok(write_cursor(print, &value, item.id()))
    })?;
    Ok(Page { total_count: total, ..page })
}

/// What a column holds in the row that these conditions leave, if they leave one.
fn value_at<R: Scoped>(column: <R::Entity as EntityTrait>::Column, row: Condition) -> SimpleExpr {
    let found = Query::select().column(column).from(R::Entity::default()).cond_where(row).to_owned();
    SimpleExpr::SubQuery(None, Box::new(found.into()))
}

async fn ranked<R: Scoped>(
    ctx: &Ctx,
    permit: &Permit,
    mut rows: Condition,
    words: &[String],
    first: u64,
    after: Option<(Value, Uuid)>,
    parameters: &Map<String, Value>,
) -> Result<Page<R>> {
    let backend = ctx.app.store.backend();
    let id = column_id::<R>()?;
    let table = R::TABLE;
    let rank: SimpleExpr = match backend {
        DbBackend::Postgres => Expr::cust_with_values(
            // The words are read once, not for each row.
            format!("(-ts_rank(\"{table}\".search, (SELECT to_tsquery('english', $1))))::float8"),
            [tsquery(words)],
        ),
        _ => Expr::cust(format!("bm25(\"{table}_search\", 10.0, 5.0, 3.0, 1.0)")),
    };
    let has_previous_page = after.is_some();
    let joined = |select: &mut SelectStatement| {
        if backend != DbBackend::Postgres {
            let same = Expr::cust(format!("\"{table}_search\".rowid = \"{table}\".row_key"));
            select.inner_join(format!("{table}_search"), same);
        }
    };
    let found = match backend {
        DbBackend::Postgres => matches::<R>(backend, permit, words),
        _ => Expr::cust_with_values(format!("\"{table}_search\" MATCH ?"), [fts_query(words)]),
    };
    // The weight is counted over the words of all rows, hidden ones too, so cursors do not hold it.
    let after = match after {
        None => None,
        Some((Value::Null, after_id)) => {
            let mut weighed = Query::select();
            weighed.expr_as(rank.clone(), "rank").from(R::Entity::default());
            joined(&mut weighed);
            weighed.cond_where(R::rows(permit).add(found.clone()).add(id.eq(after_id)));
            let row = ctx.read().query_one(&weighed).await?.ok_or(Code::InvalidCursor)?;
            Some((row.try_get::<f64>("", "rank")?, after_id))
        }
        Some(_) => return Err(Code::InvalidCursor.into()),
    };
    let total = match parameters.get("total").and_then(Value::as_bool) {
        Some(true) => {
            let mut count = Query::select();
            count.expr_as(Func::count(Expr::col((R::Entity::default(), id))), "total").from(R::Entity::default());
            joined(&mut count);
            count.cond_where(rows.clone().add(found.clone()));
            let row = ctx.read().query_one(&count).await?;
            row.map(|row| row.try_get::<i64>("", "total")).transpose()?.map(i64::unsigned_abs)
        }
        _ => None,
    };
    let mut query = R::select();
    let select = QueryTrait::query(&mut query);
    joined(select);
    if backend == DbBackend::Postgres {
        // Its words are rarer than a row's partnership and state, and the planner cannot know: it asks their index first.
        let words =
            Query::select().expr(Expr::cust("*")).from(R::Entity::default()).and_where(found).offset(0).to_owned();
        select.from_clear().from_subquery(words, table);
    } else {
        rows = rows.add(found);
    }
    select.cond_where(rows);
    if let Some((after_rank, after_id)) = after {
        select.and_where(
            Expr::tuple([rank.clone(), Expr::col((R::Entity::default(), id))])
                .gt(Expr::tuple([Expr::val(after_rank), Expr::val(after_id)])),
        );
    }
    select.order_by_expr(rank, Order::Asc).order_by((R::Entity::default(), id), Order::Asc).limit(first + 1);
    let found = readable::rows::<R>(ctx, query).await?;
    let print = print(permit, parameters);
    let page = Page::of(found, first, has_previous_page, parameters, |item| {
        Ok(write_cursor(&print, &Value::Null, item.id()))
    })?;
    Ok(Page { total_count: total, ..page })
}

/// Rows whose words match, of the caller's partnership where there is one.
fn matches<R: Record>(backend: DbBackend, permit: &Permit, words: &[String]) -> SimpleExpr {
    let table = R::TABLE;
    if backend != DbBackend::Postgres {
        return Expr::cust_with_values(
            format!("\"{table}\".row_key IN (SELECT rowid FROM \"{table}_search\" WHERE \"{table}_search\" MATCH ?)"),
            [fts_query(words)],
        );
    }
    let asked = tsquery(words);
    if R::column("partnership_id").is_none() {
        return Expr::cust_with_values(format!("\"{table}\".search @@ to_tsquery('english', $1)"), [asked]);
    }
    // As the index has it: the partnership stands among the words of a row.
    let found = format!("(\"{table}\".search || array_to_tsvector(ARRAY[\"{table}\".partnership_id::text]))");
    match permit.standing.role {
        Role::Operator => Expr::cust_with_values(format!("{found} @@ to_tsquery('english', $1)"), [asked]),
        // Of words that PostgreSQL drops, nothing but the partnership would be left.
        _ => Expr::cust_with_values(
            format!(
                "({found} @@ (to_tsquery('english', $1) && CAST($2 AS tsquery)) AND numnode(to_tsquery('english', $1)) > 0)"
            ),
            [asked, format!("'{}'", permit.standing.partnership_id)],
        ),
    }
}

/// English words too common to search for: the list of PostgreSQL's dictionary, which drops them by itself.
const COMMON: &str = "i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself \
    it its itself they them their theirs themselves what which who whom this that these those am is are was were be \
    been being have has had having do does did doing a an the and but if or because as until while of at by for with \
    about against between into through during before after above below to from up down in out on off over under \
    again further then once here there when where why how all any both each few more most other some such no nor not \
    only own same so than too very s t can will just don should now";

/// The words of a search, literal: no operator of either database gets through.
pub fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| !word.is_empty() && !COMMON.split(' ').any(|common| common == word))
        .take(16)
        .map(|word| word.chars().take(64).collect())
        .collect()
}

fn tsquery(words: &[String]) -> String {
    words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" & ")
}

fn fts_query(words: &[String]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ")
}

fn column<R: Record>(name: &str) -> Result<<R::Entity as EntityTrait>::Column> {
    R::column(name).ok_or_else(|| Error::internal(format!("{} has no column {name}", R::TABLE)))
}

fn column_id<R: Record>() -> Result<<R::Entity as EntityTrait>::Column> {
    column::<R>("id")
}

/// The condition that filter parameters ask for.
fn filters<R: Record>(parameters: &Map<String, Value>) -> Result<Condition> {
    let archived = parameters.get("archived").and_then(Value::as_bool).unwrap_or(false);
    let gone = column::<R>("archived_at")?;
    let mut rows = Condition::all().add(if archived { gone.is_not_null() } else { gone.is_null() });
    if let Some(since) = parameters.get("updatedSince") {
        let updated = column::<R>("updated_at")?;
        rows = rows.add(updated.gte(sql_value(updated, since)?));
    }
    if let Some(ids) = parameters.get("id") {
        let id = column_id::<R>()?;
        rows = rows.add(id.is_in(sql_values(id, ids)?));
    }
    for field in R::FIELDS {
        rows = filter::<R>(rows, field, parameters)?;
    }
    Ok(rows)
}

fn filter<R: Record>(mut rows: Condition, field: &Field, parameters: &Map<String, Value>) -> Result<Condition> {
    let name = camel(field.name);
    let column = column::<R>(field.name)?;
    if field.uses.contains(&Use::filter)
        && let Some(asked) = parameters.get(&name)
    {
        let mut values = sql_values(column, asked)?;
        rows = match (values.len(), values.pop()) {
            (1, Some(one)) => rows.add(column.eq(one)),
            (_, last) => rows.add(column.is_in(values.into_iter().chain(last))),
        };
    }
    if field.uses.contains(&Use::range) {
        if let Some(from) = parameters.get(&format!("{name}From")) {
            rows = rows.add(column.gte(sql_value(column, from)?));
        }
        if let Some(before) = parameters.get(&format!("{name}Before")) {
            rows = rows.add(column.lt(sql_value(column, before)?));
        }
    }
    Ok(rows)
}

fn sql_values<C: ColumnTrait>(column: C, asked: &Value) -> Result<Vec<SqlValue>> {
    match asked {
        Value::Array(many) => many.iter().map(|one| sql_value(column, one)).collect(),
        one => Ok(vec![sql_value(column, one)?]),
    }
}

/// A checked parameter as the column's type.
fn sql_value<C: ColumnTrait>(column: C, asked: &Value) -> Result<SqlValue> {
    use sea_orm::ColumnType;
    let wrong = || Error::from(Code::InvalidCursor);
    let text = || asked.as_str().ok_or_else(wrong);
    Ok(match column.def().get_column_type() {
        ColumnType::Uuid => Uuid::parse_str(text()?).map_err(|_| wrong())?.into(),
        ColumnType::Integer | ColumnType::BigInteger => {
            i32::try_from(asked.as_i64().ok_or_else(wrong)?).map_err(|_| wrong())?.into()
        }
        ColumnType::Boolean => asked.as_bool().ok_or_else(wrong)?.into(),
        ColumnType::Double => asked.as_f64().ok_or_else(wrong)?.into(),
        ColumnType::Date => text()?.parse::<chrono::NaiveDate>().map_err(|_| wrong())?.into(),
        ColumnType::TimestampWithTimeZone | ColumnType::DateTime | ColumnType::Timestamp => {
            chrono::DateTime::parse_from_rfc3339(text()?).map_err(|_| wrong())?.with_timezone(&chrono::Utc).into()
        }
        _ => text()?.to_owned().into(),
    })
}

/// A stored value as JSON, for a cursor.
fn json_value(value: &SqlValue) -> Result<Value> {
    Ok(match value {
        SqlValue::String(Some(text)) => json!(text),
        SqlValue::Int(Some(number)) => json!(number),
        SqlValue::BigInt(Some(number)) => json!(number),
        SqlValue::Bool(Some(yes)) => json!(yes),
        SqlValue::Uuid(Some(id)) => json!(id),
        SqlValue::ChronoDate(Some(date)) => json!(date),
        SqlValue::ChronoDateTimeUtc(Some(time)) => json!(time),
        other => return Err(Error::internal(format!("a list cannot be sorted by {other:?}"))),
    })
}

/// What a cursor is bound to: operation, sort and filters.
fn print(permit: &Permit, parameters: &Map<String, Value>) -> String {
    let mut asked: Vec<String> = parameters
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "first" | "after" | "total" | "expand" | CURSORS))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    asked.sort();
    let hash = Sha256::digest(format!("{:?}|{}", permit.op, asked.join("&")).as_bytes());
    BASE64.encode(hash.get(..6).unwrap_or_default())
}

fn write_cursor(print: &str, value: &Value, id: Uuid) -> String {
    BASE64.encode(json!([print, value, id]).to_string())
}

/// The sort value and the id that a cursor stands for, if it goes with the list asked for.
pub fn read_cursor(cursor: &str, print: &str) -> Result<(Value, Uuid)> {
    let refused = || {
        let mut error = Error::from(Code::InvalidCursor);
        error.problems.push(crate::error::Problem {
            pointer: "/after".into(),
            code: "invalid_cursor",
            detail: "start again without after; a cursor goes with one sort and filter".into(),
        });
        error
    };
    if cursor.len() > 4096 {
        return Err(refused());
    }
    let bytes = BASE64.decode(cursor).map_err(|_| refused())?;
    let (bound, value, id): (String, Value, Uuid) = serde_json::from_slice(&bytes).map_err(|_| refused())?;
    if bound == print { Ok((value, id)) } else { Err(refused()) }
}

/// Rows whose column holds one of these ids, by a statement of few texts, so that it stays prepared.
fn among(backend: DbBackend, column: impl ColumnTrait, ids: &[Uuid]) -> SimpleExpr {
    match backend {
        DbBackend::Postgres => column.into_expr().eq(PgFunc::any(ids.to_vec())),
        _ => column.is_in(padded(ids)),
    }
}

/// Most ids that are padded: far below the number of values a statement takes.
const PADDED: usize = 1024;

/// These ids, the last repeated up to a power of two.
fn padded(ids: &[Uuid]) -> impl Iterator<Item = Uuid> {
    let length = if ids.len() <= PADDED { ids.len().next_power_of_two() } else { ids.len() };
    ids.iter().copied().chain(ids.last().copied().into_iter().cycle()).take(length)
}

/// Rows of `R` whose `column` holds one of these ids, live, in the order of `order` and then the id.
pub async fn children<R: Scoped>(ctx: &Ctx, permit: &Permit, name: &str, order: &str, ids: &[Uuid]) -> Result<Vec<R>> {
    let column = column::<R>(name)?;
    let query = R::select()
        .filter(among(ctx.app.store.backend(), column, ids))
        .filter(self::column::<R>("archived_at")?.is_null())
        .filter(R::rows(permit))
        .order_by_asc(self::column::<R>(order)?)
        .order_by_asc(column_id::<R>()?);
    Ok(readable::rows::<R>(ctx, query).await?.rows)
}

/// The id a row holds in this column.
pub fn id_in<R: Record>(row: &R, name: &str) -> Option<Uuid> {
    match row.get(R::column(name)?) {
        SqlValue::Uuid(id) => id,
        _ => None,
    }
}
