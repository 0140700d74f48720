//! What inputs are made into: records that carry them on, with the credit to whoever brought them (practice 15). A masked
//! doubt gives nobody away: what it is made into names no organisation.

use chrono::NaiveDate;
use roundtable_entity::{
    AgendaItemKind, ConversionKind, EntryKind, InputState, NeedKind, Record, ResourceStatus, Texts, input, need, offer,
    resource,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Arguments;
use roundtable_kernel::record::{self, Target};
use roundtable_scan::resources;
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::offers;

/// What an input is made into.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Conversion {
    /// The kind of record.
    to: ConversionKind,
    /// Its title or name; the subject of the input, or the beginning of its text, when absent.
    #[schema(min_length = 1, max_length = 300)]
    title: Option<String>,
    /// For a need: what it is about; `other` when absent.
    need_kind: Option<NeedKind>,
    /// For an offer: the need it goes to; the need of the input when absent.
    need_id: Option<Uuid>,
    /// For an entry of the resource map: its kind; `resource` when absent.
    entry_kind: Option<EntryKind>,
    /// For an agenda item: the meeting.
    meeting_id: Option<Uuid>,
    /// For an agenda item: its time box; 15 when absent.
    #[schema(minimum = 1, maximum = 600)]
    minutes: Option<i32>,
}

/// Stages from which an input is made into something.
const FROM: &[InputState] = &[InputState::New, InputState::Acknowledged, InputState::Answered, InputState::Parked];

pub(crate) async fn convert(ctx: Ctx, at: Target, body: Conversion) -> Result<input::Model> {
    let row = record::target::<input::Model>(&ctx, Op::ConvertInput, at).await?;
    record::from_state(row.state, FROM, InputState::word)?;
    if row.converted_to_id.is_some() {
        return Err(Error::new(Code::WrongState, "it was made into something before"));
    }
    if row.masked && !ctx.standing()?.role.is_intermediary() {
        let detail = "a masked doubt is taken further by the intermediary, so that nothing tells whose it is";
        return Err(Error::new(Code::Forbidden, detail));
    }
    fits(&body)?;
    let made = match body.to {
        ConversionKind::Need => into_need(&ctx, &row, body.clone()).await?,
        ConversionKind::Offer => into_offer(&ctx, &row, body.clone()).await?,
        ConversionKind::Resource => into_entry(&ctx, &row, body.clone()).await?,
        ConversionKind::AgendaItem => into_agenda_item(&ctx, &row, body.clone()).await?,
    };
    let mut active = row.clone().into_active_model();
    active.state = Set(InputState::Converted);
    active.overdue = Set(false);
    active.converted_to_type = Set(Some(body.to));
    active.converted_to_id = Set(Some(made));
    record::save(&ctx, &row, active, "input.converted").await
}

/// Refuses members that say nothing of what it is made into.
fn fits(body: &Conversion) -> Result<()> {
    use ConversionKind::{AgendaItem, Need, Offer, Resource};
    let said = [
        ("/needKind", body.need_kind.is_some(), Need),
        ("/needId", body.need_id.is_some(), Offer),
        ("/entryKind", body.entry_kind.is_some(), Resource),
        ("/meetingId", body.meeting_id.is_some(), AgendaItem),
        ("/minutes", body.minutes.is_some(), AgendaItem),
    ];
    match said.into_iter().find(|(_, given, of)| *given && *of != body.to) {
        Some((pointer, _, of)) => {
            Err(Error::member(pointer, "of_another_kind", format!("this is for what becomes `{}`", of.word())))
        }
        None => Ok(()),
    }
}

/// Whose credit it is; nobody's where that would tell who is behind a masked doubt.
fn credited(row: &input::Model) -> Option<Uuid> {
    row.from_organization_id.filter(|_| !row.masked)
}

/// What a record made from an input is called.
pub(crate) fn title(row: &input::Model) -> String {
    let words = row.subject.as_deref().filter(|subject| !subject.trim().is_empty()).unwrap_or(&row.text);
    words.chars().take(300).collect()
}

async fn into_need(ctx: &Ctx, row: &input::Model, body: Conversion) -> Result<Uuid> {
    let new = need::NewNeed {
        partnership_id: row.partnership_id,
        title: body.title.unwrap_or_else(|| title(row)),
        problem_statement: row.text.clone(),
        kind: body.need_kind.unwrap_or(NeedKind::Other),
        socs: Texts::default(),
        skills: Texts::default(),
        openings: None,
        horizon: None,
        source_statement_ids: Texts::default(),
    };
    // A draft, whoever brought it: an employer voices it in a step of its own.
    let mut active = need::Model::begin(ctx.new_id(), ctx.now(), new);
    active.raised_by_organization_id = Set(credited(row));
    Ok(record::insert::<need::Model>(ctx, active, "need.observed").await?.id)
}

/// An offer is made by whose it is, so nobody makes one of another's input.
async fn into_offer(ctx: &Ctx, row: &input::Model, body: Conversion) -> Result<Uuid> {
    ctx.permit(Op::CreateOffer)?;
    let organization_id = credited(row).ok_or_else(|| {
        Error::member("/to", "no_organization", "an offer names whose it is; this input names nobody")
    })?;
    let new = offer::NewOffer {
        partnership_id: row.partnership_id,
        organization_id,
        need_id: body.need_id.or(row.need_id),
        cause_id: None,
        text: row.text.clone(),
        resource_id: row.resource_id,
        capacity: None,
        lead_time: None,
        cost: None,
        limits: None,
    };
    Ok(offers::create(ctx.clone(), new).await?.id)
}

async fn into_entry(ctx: &Ctx, row: &input::Model, body: Conversion) -> Result<Uuid> {
    let name = body.title.unwrap_or_else(|| title(row));
    let new = entry(row, name, body.entry_kind.unwrap_or(EntryKind::Resource), None);
    Ok(resources::draft(ctx, new, credited(row), None).await?.id)
}

/// An entry of the map that says what the input says.
pub(crate) fn entry(row: &input::Model, name: String, kind: EntryKind, owner: Option<Uuid>) -> resource::NewResource {
    resource::NewResource {
        partnership_id: row.partnership_id,
        entry_kind: kind,
        name,
        alternate_name: None,
        description: Some(row.text.clone()),
        status: ResourceStatus::Active,
        owner_organization_id: owner,
        location_id: None,
        url: None,
        email: None,
        phone: None,
        eligibility: None,
        application_process: None,
        fees: None,
        wait_time: None,
        accreditations: None,
        languages: Texts::default(),
        keywords: Texts::default(),
        naics: Texts::default(),
        soc: Texts::default(),
        cip: Texts::default(),
        ctdl_id: None,
        developed_on: None::<NaiveDate>,
        last_used_on: None,
        shelved_reason: None,
    }
}

/// By the operation of its own area, so that its rules hold.
async fn into_agenda_item(ctx: &Ctx, row: &input::Model, body: Conversion) -> Result<Uuid> {
    let meeting_id =
        body.meeting_id.ok_or_else(|| Error::member("/meetingId", "required", "say on which agenda it is put"))?;
    let mut item = json!({
        "meetingId": meeting_id, "title": body.title.unwrap_or_else(|| title(row)),
        "kind": AgendaItemKind::Listening.word(), "minutes": body.minutes.unwrap_or(15),
    });
    if let Some(need_id) = row.need_id {
        item["needId"] = json!(need_id);
    }
    if let Some(presenter) = credited(row) {
        item["presenterOrganizationId"] = json!(presenter);
    }
    let made = ctx.app.operations.call(ctx, Op::CreateAgendaItem, Arguments::sending(item)).await?;
    made.id.ok_or_else(|| Error::internal("an agenda item has no id"))
}
