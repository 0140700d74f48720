//! Rules on members and bodies that several records of this area share.

use std::collections::HashMap;

use chrono::NaiveDate;
use roundtable_entity::{OrganizationKind, Texts, organization};
use roundtable_kernel::access::{Permit, permit};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::scope::Scoped;
use roundtable_kernel::{record, seal};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, QuerySelect};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why something is done.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Reasoned {
    /// The reason.
    #[schema(min_length = 3, max_length = 2000)]
    pub(crate) reason: String,
}

/// The same, where nobody has to say why.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MaybeReasoned {
    /// The reason.
    #[schema(max_length = 2000)]
    pub(crate) reason: Option<String>,
}

/// What is told as done has happened.
pub(crate) fn not_future(pointer: &str, day: NaiveDate, today: NaiveDate) -> Result<()> {
    if day <= today {
        return Ok(());
    }
    Err(Error::member(pointer, "in_the_future", format!("not after today, {today}")))
}

/// The ids a list of texts holds, each once.
pub(crate) fn ids(pointer: &str, texts: &Texts) -> Result<Vec<Uuid>> {
    let mut ids = Vec::with_capacity(texts.0.len());
    for (at, text) in texts.0.iter().enumerate() {
        let wrong = |code, detail| Error::member(format!("{pointer}/{at}"), code, detail);
        let id = Uuid::parse_str(text).map_err(|_| wrong("wrong_form", "an id is a UUID"))?;
        if id.to_string() != *text {
            return Err(wrong("wrong_form", "an id is written in lower case with hyphens"));
        }
        if ids.contains(&id) {
            return Err(wrong("repeated", "each id stands once"));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// Most records of one kind that are shown beside each other.
pub(crate) const MOST: u64 = 500;

/// Live rows of a kind that the reader may know of; none where the kind is out of reach.
pub(crate) async fn rows<R: Scoped>(ctx: &Ctx, which: Condition) -> Result<Vec<R>> {
    let Ok(permit) = ctx.permit(R::GET) else {
        return Ok(Vec::new());
    };
    within(ctx, &permit, which).await
}

async fn within<R: Scoped>(ctx: &Ctx, permit: &Permit, which: Condition) -> Result<Vec<R>> {
    let (Some(gone), Some(id)) = (R::column("archived_at"), R::column("id")) else {
        return Ok(Vec::new());
    };
    let found = R::select()
        .filter(R::rows(permit))
        .filter(which)
        .filter(gone.is_null())
        .order_by_asc(id)
        .limit(MOST)
        .all(&ctx.read())
        .await?;
    Ok(found)
}

/// The live records that a list of ids in a body points to, in its order, read at once. One the caller may not know of is
/// as if it were not there.
pub(crate) async fn references<R: Scoped>(ctx: &Ctx, pointer: &str, texts: &Texts) -> Result<Vec<R>> {
    let ids = ids(pointer, texts)?;
    let found = match (permit(R::GET, ctx.standing()?), R::column("id")) {
        (Ok(permit), Some(id)) if !ids.is_empty() => {
            within::<R>(ctx, &permit, Condition::all().add(id.is_in(ids.iter().copied()))).await?
        }
        _ => Vec::new(),
    };
    let mut found: HashMap<Uuid, R> = found.into_iter().map(|row| (row.id(), row)).collect();
    let named = ids.iter().enumerate().map(|(at, id)| {
        let what = R::TABLE.trim_end_matches('_').replace('_', " ");
        let missing =
            || Error::member(format!("{pointer}/{at}"), "not_found", format!("there is no live {what} with this id"));
        found.remove(id).ok_or_else(missing)
    });
    let rows = named.collect::<Result<Vec<R>>>()?;
    seal::refuse_reserved(ctx, &rows).await?;
    Ok(rows)
}

/// The organisation a member points to, if it is an employer.
pub(crate) async fn employer(ctx: &Ctx, pointer: &str, id: Uuid) -> Result<organization::Model> {
    let row = record::reference::<organization::Model>(ctx, pointer, id).await?;
    if row.kind == OrganizationKind::Employer {
        return Ok(row);
    }
    Err(Error::member(pointer, "not_an_employer", "only an employer can be meant here"))
}

/// The organisation the caller speaks for; none for the intermediary, whoever it is appointed by.
pub(crate) fn speaker(ctx: &Ctx) -> Result<Option<Uuid>> {
    let standing = ctx.standing()?;
    Ok(if standing.role.is_member() { standing.organization_id } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_ids_hold_each_id_once_in_one_spelling() {
        let id = "018f0000-0000-7000-8000-00000000000a";
        let texts = |texts: &[&str]| Texts(texts.iter().map(|text| (*text).to_owned()).collect());
        assert_eq!(ids("/needIds", &texts(&[id])).map(|ids| ids.len()).ok(), Some(1));
        for wrong in [vec![id, id], vec!["need"], vec!["018F0000-0000-7000-8000-00000000000A"]] {
            assert!(ids("/needIds", &texts(&wrong)).is_err(), "{wrong:?}");
        }
    }
}
