//! What is kept for the bargaining table (practice 80): sealed records are there for the parties of their topic and for
//! nobody else. Which records are sealed stands in one table, and one condition and one pass over what is shown apply it
//! to all of them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::RwLock;
use std::time::{Duration, Instant};

use roundtable_entity::{Record, input, seal, topic};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query, SelectStatement};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Value as SqlValue,
};
use serde_json::Value;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Code, Error, Result};
use crate::scope::Scoped;
use crate::standing::Standing;

/// What hangs on what: rows of the first table whose column points to a sealed row of the last are sealed with it.
const HANGS: &[(&str, &str, &str)] = &[
    ("endorsement", "need_id", "need"),
    ("feasibility_rating", "need_id", "need"),
    ("cause", "need_id", "need"),
    ("cause_confirmation", "need_id", "need"),
    ("input", "need_id", "need"),
    ("input", "converted_to_id", "need"),
    ("offer", "need_id", "need"),
    ("fit_score", "need_id", "need"),
    ("agenda_item", "need_id", "need"),
    ("decision", "need_id", "need"),
    ("action_item", "need_id", "need"),
    ("cause", "parent_id", "cause"),
    ("cause_confirmation", "cause_id", "cause"),
    ("offer", "cause_id", "cause"),
    ("second_look", "input_id", "input"),
    ("input", "second_look_id", "second_look"),
    ("input", "converted_to_id", "offer"),
    ("input", "converted_to_id", "agenda_item"),
    ("fit_score", "solution_id", "solution"),
    ("solution_approval", "solution_id", "solution"),
    ("plan_step", "solution_id", "solution"),
    ("agenda_item", "carried_from_id", "agenda_item"),
    ("action_item", "carried_from_id", "action_item"),
];

/// Tables whose rows name needs in a list: sealed once every need they name is. Where others are named too, the sealed ones
/// are left out of the list.
const ABOUT_NEEDS: &[&str] = &["second_look", "solution"];

/// Further tables whose rows can be sealed.
const ALONE: &[&str] = &["need", "employer_statement", "minutes", "resource", "external_id"];

/// Whether rows of this table can be sealed.
pub fn is_sealable(table: &str) -> bool {
    HANGS.iter().any(|(one, ..)| *one == table) || ABOUT_NEEDS.contains(&table) || ALONE.contains(&table)
}

/// Ids of what is sealed from a standing.
fn sealed_from(standing: &Standing) -> SelectStatement {
    let mut sealed = Query::select();
    sealed
        .column(seal::Column::RecordId)
        .from(seal::Entity)
        .and_where(seal::Column::PartnershipId.eq(standing.partnership_id));
    if let Some(own) = standing.organization_id.filter(|_| standing.role.is_member()) {
        let own_topics = Query::select()
            .column(topic::Column::Id)
            .from(topic::Entity)
            .and_where(topic::Column::PartnershipId.eq(standing.partnership_id))
            .and_where(topic::Column::PartyOrganizationIds.contains(own.to_string()))
            .to_owned();
        sealed.and_where(seal::Column::TopicId.not_in_subquery(own_topics));
    }
    sealed
}

/// Rows of the table of this column that are not sealed from a standing; none of its own for tables that never are.
pub(crate) fn unsealed<C: ColumnTrait>(column: C, standing: &Standing) -> Option<Condition> {
    let (table, _) = column.as_column_ref();
    if !is_sealable(&table.to_string()) {
        return None;
    }
    let id = Expr::col((table, "id"));
    Some(Condition::all().add(id.not_in_subquery(sealed_from(standing))))
}

/// Rows that nobody sealed: what counts, where the server counts for everybody.
pub fn open_to_all<C: ColumnTrait>(id: C) -> Condition {
    Condition::all()
        .add(id.not_in_subquery(Query::select().column(seal::Column::RecordId).from(seal::Entity).to_owned()))
}

/// Ids of what is sealed from whoever this is shown to.
pub async fn hidden(ctx: &Ctx, standing: &Standing) -> Result<HashSet<Uuid>> {
    let mut ids = HashSet::new();
    for row in ctx.read().query_all(&sealed_from(standing)).await? {
        ids.insert(row.try_get::<Uuid>("", "record_id")?);
    }
    Ok(ids)
}

/// Takes out of rows what the standing may not know of: ids of records sealed from it, and masked members. Every way out
/// goes through here.
pub async fn show<R: Scoped>(ctx: &Ctx, standing: &Standing, rows: &mut [R]) -> Result<()> {
    veil(ctx, standing, rows).await?;
    rows.iter_mut().for_each(|row| row.mask(standing));
    Ok(())
}

/// Takes ids of records sealed from the standing out of rows.
pub(crate) async fn veil<R: Record>(ctx: &Ctx, standing: &Standing, rows: &mut [R]) -> Result<()> {
    if rows.is_empty() || standing.partnership_id.is_nil() {
        return Ok(());
    }
    if !ctx.app.seals.any(ctx, standing.partnership_id).await? {
        return Ok(());
    }
    let hidden = hidden(ctx, standing).await?;
    for field in R::FIELDS.iter().filter(|field| !R::HIDDEN.contains(&field.name)) {
        let Some(column) = R::column(field.name) else { continue };
        for row in rows.iter_mut() {
            match row.get(column) {
                SqlValue::Uuid(Some(id)) if field.optional && hidden.contains(&id) => {
                    row.try_set(column, SqlValue::Uuid(None))?;
                }
                SqlValue::String(Some(text)) if text.starts_with('[') => {
                    if let Some(rest) = without(&text, &hidden) {
                        row.try_set(column, SqlValue::String(Some(rest)))?;
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// A list without the ids that are hidden, and without the entries that hold one; `None` when it is no list, or nothing in
/// it is hidden.
fn without(text: &str, hidden: &HashSet<Uuid>) -> Option<String> {
    let mut entries: Vec<Value> = serde_json::from_str(text).ok()?;
    let is_hidden =
        |value: &Value| value.as_str().and_then(|id| Uuid::parse_str(id).ok()).is_some_and(|id| hidden.contains(&id));
    let all = entries.len();
    entries.retain(|entry| match entry {
        Value::Object(members) => !members.values().any(is_hidden),
        one => !is_hidden(one),
    });
    if entries.len() < all { serde_json::to_string(&entries).ok() } else { None }
}

/// Refuses to go on in the partnership about what is kept for the bargaining table. Only its parties ever get to hear so:
/// for all others it is not there.
pub async fn refuse_reserved<R: Record>(ctx: &Ctx, rows: &[R]) -> Result<()> {
    if !is_sealable(R::TABLE) || rows.is_empty() {
        return Ok(());
    }
    let among = seal::Column::RecordId.is_in(rows.iter().map(R::id));
    match seal::Entity::find().filter(among).one(&ctx.read()).await? {
        Some(_) => Err(Code::ReservedForBargaining.into()),
        None => Ok(()),
    }
}

/// Whether a topic seals this record.
pub async fn is_sealed<R: Record>(ctx: &Ctx, row: &R) -> Result<bool> {
    Ok(is_sealable(R::TABLE) && seal::Entity::find_by_id(row.id()).one(&ctx.read()).await?.is_some())
}

/// Seals these records, as table and id, and what hangs on them. What another topic seals already stays with that one.
pub async fn seal(ctx: &Ctx, topic: &topic::Model, roots: Vec<(&'static str, Uuid)>) -> Result<()> {
    let mut found: BTreeSet<(&'static str, Uuid)> = BTreeSet::new();
    let mut next = roots;
    while !next.is_empty() {
        next.retain(|one| found.insert(*one));
        let mut beneath = Vec::new();
        for (table, column, above) in HANGS {
            let ids = next.iter().filter(|(one, _)| one == above).map(|(_, id)| *id).collect();
            beneath.extend(pointing(ctx, table, column, ids).await?);
        }
        let all = next.iter().map(|(_, id)| *id).collect();
        beneath.extend(pointing(ctx, "external_id", "record_id", all).await?);
        beneath.extend(made_of(ctx, &next).await?);
        if next.iter().any(|(table, _)| *table == "need") {
            beneath.extend(about_nothing_else(ctx, topic, &found).await?);
        }
        next = beneath;
    }
    let rows = found.into_iter().map(|(table, id)| seal::ActiveModel {
        record_id: ActiveValue::Set(id),
        record_type: ActiveValue::Set(table.into()),
        topic_id: ActiveValue::Set(topic.id),
        partnership_id: ActiveValue::Set(topic.partnership_id),
    });
    let rows: Vec<seal::ActiveModel> = rows.collect();
    for some in rows.chunks(200) {
        seal::Entity::insert_many(some.to_vec())
            .on_conflict(OnConflict::column(seal::Column::RecordId).do_nothing().to_owned())
            .exec_without_returning(&ctx.read())
            .await?;
    }
    ctx.seals_change();
    Ok(())
}

/// Rows of a table of which a column holds one of these ids.
async fn pointing(
    ctx: &Ctx,
    table: &'static str,
    column: &'static str,
    ids: Vec<Uuid>,
) -> Result<Vec<(&'static str, Uuid)>> {
    let mut rows = Vec::new();
    for some in ids.chunks(500) {
        let select = Query::select()
            .column("id")
            .from(table)
            .and_where(Expr::col((table, column)).is_in(some.iter().copied()))
            .to_owned();
        for row in ctx.read().query_all(&select).await? {
            rows.push((table, row.try_get::<Uuid>("", "id")?));
        }
    }
    Ok(rows)
}

/// What inputs among these were made into: it carries on what they say.
async fn made_of(ctx: &Ctx, rows: &[(&'static str, Uuid)]) -> Result<Vec<(&'static str, Uuid)>> {
    let inputs = rows.iter().filter(|(table, _)| *table == "input").map(|(_, id)| *id);
    let converted = input::Entity::find()
        .filter(input::Column::Id.is_in(inputs))
        .filter(input::Column::ConvertedToId.is_not_null())
        .all(&ctx.read())
        .await?;
    let made = converted.into_iter().filter_map(|row| Some((row.converted_to_type?.word(), row.converted_to_id?)));
    Ok(made.collect())
}

/// Rows that name needs, all of which are among those found or sealed before.
async fn about_nothing_else(
    ctx: &Ctx,
    topic: &topic::Model,
    found: &BTreeSet<(&'static str, Uuid)>,
) -> Result<Vec<(&'static str, Uuid)>> {
    let mut sealed: HashSet<String> = found.iter().map(|(_, id)| id.to_string()).collect();
    sealed.extend(of_partnership(ctx, topic.partnership_id).await?.iter().map(|row| row.record_id.to_string()));
    let mut rows = Vec::new();
    for table in ABOUT_NEEDS {
        let names_one = found
            .iter()
            .filter(|(one, _)| *one == "need")
            .fold(Condition::any(), |any, (_, id)| any.add(Expr::col((*table, "need_ids")).like(format!("%{id}%"))));
        let select = Query::select().columns(["id", "need_ids"]).from(*table).cond_where(names_one).to_owned();
        for row in ctx.read().query_all(&select).await? {
            let needs: Vec<String> =
                serde_json::from_str(&row.try_get::<String>("", "need_ids")?).map_err(Error::internal)?;
            if needs.iter().all(|need| sealed.contains(need)) {
                rows.push((*table, row.try_get::<Uuid>("", "id")?));
            }
        }
    }
    Ok(rows)
}

/// Everything sealed at a partnership.
pub async fn of_partnership(ctx: &Ctx, partnership_id: Uuid) -> Result<Vec<seal::Model>> {
    let rows = seal::Entity::find()
        .filter(seal::Column::PartnershipId.eq(partnership_id))
        .order_by_asc(seal::Column::RecordId)
        .all(&ctx.read())
        .await?;
    Ok(rows)
}

/// Lifts the seals of a topic.
pub async fn unseal(ctx: &Ctx, topic_id: Uuid) -> Result<()> {
    seal::Entity::delete_many().filter(seal::Column::TopicId.eq(topic_id)).exec(&ctx.read()).await?;
    ctx.seals_change();
    Ok(())
}

/// At which partnerships anything is sealed, kept for a second: most have nothing sealed, and their lists need no pass. Rows
/// themselves are hidden by the condition of their statement, so what another replica sealed within the second shows as an
/// id at the most.
#[derive(Default)]
pub struct Seals {
    kept: RwLock<HashMap<Uuid, (Instant, bool)>>,
}

impl Seals {
    /// Whether anything is sealed at this partnership.
    pub(crate) async fn any(&self, ctx: &Ctx, partnership_id: Uuid) -> Result<bool> {
        // A transaction that seals sees what it sealed.
        if !ctx.seals_will_change()
            && let Ok(kept) = self.kept.read()
            && let Some((since, any)) = kept.get(&partnership_id)
            && since.elapsed() < Duration::from_secs(1)
        {
            return Ok(*any);
        }
        let asked = Instant::now();
        let found =
            seal::Entity::find().filter(seal::Column::PartnershipId.eq(partnership_id)).one(&ctx.read()).await?;
        // What a transaction sees may never be committed.
        if !ctx.writes()
            && let Ok(mut kept) = self.kept.write()
        {
            kept.insert(partnership_id, (asked, found.is_some()));
        }
        Ok(found.is_some())
    }

    /// Forgets everything: something was sealed or unsealed.
    pub fn forget(&self) {
        if let Ok(mut kept) = self.kept.write() {
            kept.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_loses_the_hidden_ids_and_nothing_else() {
        let (kept, gone) = (Uuid::now_v7(), Uuid::now_v7());
        let hidden = HashSet::from([gone]);
        let list = |ids: &[Uuid]| serde_json::to_string(ids).unwrap_or_default();
        assert_eq!(without(&list(&[kept, gone]), &hidden), Some(list(&[kept])));
        assert_eq!(without(&list(&[kept]), &hidden), None);
        assert_eq!(without("[\"said\" was the word", &hidden), None);
        let step = |solution: Uuid| serde_json::json!([{ "title": "Mentors", "solutionId": solution }]).to_string();
        assert_eq!(without(&step(gone), &hidden), Some("[]".into()));
        assert_eq!(without(&step(kept), &hidden), None);
    }

    #[test]
    fn what_hangs_on_something_hangs_on_what_can_be_sealed() {
        for (table, column, above) in HANGS {
            assert!(is_sealable(above), "{table}.{column} hangs on {above}");
        }
    }
}
