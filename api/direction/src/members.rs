//! Rules on members and bodies that several records of this area share.

use chrono::NaiveDate;
use roundtable_entity::{OrganizationKind, Texts, organization};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::record;
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
