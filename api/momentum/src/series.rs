//! Series of meetings (practice 36).

use std::collections::HashSet;

use chrono::NaiveDate;
use roundtable_entity::meeting_series::{self, NewMeetingSeries};
use roundtable_entity::{Listed, Publicity, Record, meeting};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock;
use crate::recurrence::{self, Occurrence, Recurrence};

/// Registers meeting series.
pub fn register(table: &mut Operations) {
    table
        .collection::<meeting_series::Model>("meeting-series")
        .list(Op::ListMeetingSeriesList)
        .get(Op::GetMeetingSeries)
        .create(Op::CreateMeetingSeries, create_series)
        .update(Op::UpdateMeetingSeries, update_series)
        .archive(Op::ArchiveMeetingSeries)
        .act(Op::GenerateMeetings, "generate-meetings", generate_meetings)
        .many::<meeting::Model>("meetings", Op::ListMeetings, "series_id", "starts_at");
}

/// Up to which day meetings are to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GenerateMeetings {
    /// The last day, at the place of the series. At most 200 meetings are made at once.
    until: NaiveDate,
}

fn recurrence(series: &NewMeetingSeries) -> Result<Recurrence> {
    for left_out in &series.excluded.0 {
        recurrence::shown("/excluded", left_out)?;
    }
    Recurrence::read(&series.rrule, &series.starts_local, &series.time_zone)
}

async fn create_series(ctx: Ctx, new: NewMeetingSeries) -> Result<meeting_series::Model> {
    ctx.permit_at(Op::CreateMeetingSeries, new.partnership_id)?;
    recurrence(&new)?;
    let active = meeting_series::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<meeting_series::Model>(&ctx, active, "meeting_series.created").await
}

async fn update_series(ctx: Ctx, at: Target, patch: Value) -> Result<meeting_series::Model> {
    record::update_checked::<meeting_series::Model>(&ctx, Op::UpdateMeetingSeries, at, &patch, |_, new, _| {
        recurrence(new).map(drop)
    })
    .await
}

async fn generate_meetings(ctx: Ctx, at: Target, body: GenerateMeetings) -> Result<meeting_series::Model> {
    let series = record::target::<meeting_series::Model>(&ctx, Op::GenerateMeetings, at).await?;
    let recurrence = recurrence(&series.editable())?;
    let until = clock::end_of_day(body.until, recurrence.zone())
        .ok_or_else(|| Error::member("/until", "too_large", "is out of the range of the calendar"))?;
    let occurrences = recurrence.between(series.generated_until, until)?;
    let made = made(&ctx, series.id).await?;
    for occurrence in occurrences {
        let uid = uid(series.id, &occurrence);
        let left_out = series.excluded.0.contains(&occurrence.shown.format("%Y-%m-%dT%H:%M").to_string());
        if !left_out && !made.contains(&uid) {
            crate::meeting::draft(&ctx, of_series(&series, occurrence, uid)).await?;
        }
    }
    let mut active = series.clone().into_active_model();
    active.generated_until = Set(Some(series.generated_until.map_or(until, |before| before.max(until))));
    record::save(&ctx, &series, active, "meeting_series.generated").await
}

/// The calendar identifier of an occurrence: the same however often it is made, and when it is moved.
fn uid(series_id: Uuid, occurrence: &Occurrence) -> String {
    format!("{series_id}-{}@roundtable", occurrence.shown.format("%Y%m%dT%H%M"))
}

/// Calendar identifiers of the meetings made before, archived ones included: what was put away stays so.
async fn made(ctx: &Ctx, series_id: Uuid) -> Result<HashSet<String>> {
    let uids = meeting::Entity::find()
        .select_only()
        .column(meeting::Column::Uid)
        .filter(meeting::Column::SeriesId.eq(series_id))
        .into_tuple::<String>()
        .all(&ctx.read())
        .await?;
    Ok(uids.into_iter().collect())
}

fn of_series(series: &meeting_series::Model, occurrence: Occurrence, uid: String) -> meeting::NewMeeting {
    meeting::NewMeeting {
        partnership_id: series.partnership_id,
        series_id: Some(series.id),
        uid: Some(uid),
        title: series.title.clone(),
        kind: series.kind,
        mode: series.mode,
        objective: None,
        starts_at: occurrence.at,
        duration_minutes: series.duration_minutes,
        time_zone: series.time_zone.clone(),
        preparation_minutes: 0,
        place: None,
        url: None,
        asynchronous_input: None,
        capacity: None,
        logistics: None,
        audience_levels: Listed::default(),
        audience_modes: Listed::default(),
        host_organization_id: None,
        publicity: Publicity::Members,
    }
}
