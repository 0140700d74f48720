//! Events of a calendar in the writing half of an import: which edition counts, what was called off, what was called.

use chrono::{DateTime, SubsecRound, Utc};
use roundtable_entity::{external_id, meeting, meeting_series};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Arguments;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::ics::{REVISION, Revision, UID};
use crate::mapping::{ExternalKey, Planned, Refused};
use crate::writing::{Known, Outcome, Writer, Writes};

/// Adds the meetings and series of the partnership by their calendar identifiers.
pub(crate) async fn by_uid(ctx: &Ctx, partnership_id: Uuid, mut known: Known) -> Result<Known> {
    let meetings = meeting::Entity::find()
        .filter(meeting::Column::PartnershipId.eq(partnership_id))
        .filter(meeting::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    let series = meeting_series::Entity::find()
        .filter(meeting_series::Column::PartnershipId.eq(partnership_id))
        .filter(meeting_series::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    let meetings = meetings.into_iter().filter_map(|row| Some(("meeting", row.uid?, row.id)));
    let series = series.into_iter().map(|row| ("meeting_series", format!("{}@roundtable", row.id), row.id));
    for (table, value, id) in meetings.chain(series) {
        known.entry((table.to_owned(), ExternalKey { scheme: UID.into(), value })).or_insert(id);
    }
    Ok(known)
}

impl Writer {
    /// Places an event: the newest edition counts, and what was changed here since stays unless the event changed too.
    pub(crate) async fn place_event(&mut self, ctx: &Ctx, writes: &Writes, planned: &Planned) -> Result<Outcome> {
        let revision = Revision::planned(&planned.facts);
        let key = (writes.table.to_owned(), planned.key.clone());
        let mut planned = planned.clone();
        if let Some(id) = self.known.get(&key).copied() {
            let kept = kept(ctx, id).await?;
            let now = ctx.app.operations.call(ctx, writes.get, Arguments::of(id)).await?.shown.value()?;
            let before = match &kept {
                Some(row) => Revision::kept(&row.value),
                None => own(&now),
            };
            if now["archivedAt"].is_string() || before.is_some_and(|before| revision.is_no_news_to(&before)) {
                return Ok(Outcome::Unchanged);
            }
            let mut members = std::mem::take(&mut planned.members);
            self.complete(ctx, &planned, &mut members).await?;
            planned.members = members;
            let mut outcome = self.place(ctx, writes, &planned).await?;
            if planned.facts.get("cancelled") == Some(&json!(true)) && open_to_cancel(&now) {
                self.act(ctx, writes, Op::CancelMeeting, id, json!({ "reason": "Listed as cancelled." })).await?;
                outcome = Outcome::Updated;
            }
            self.keep(ctx, writes.table, id, &planned, &revision, kept).await?;
            return Ok(outcome);
        }
        if writes.record == "meetingSeries" {
            planned.members.entry("timeZone").or_insert(json!(self.partnership.time_zone));
        }
        let outcome = self.place(ctx, writes, &planned).await?;
        if let Some(id) = self.known.get(&key).copied() {
            self.keep(ctx, writes.table, id, &planned, &revision, None).await?;
            self.call(ctx, writes, id, &planned).await?;
        }
        Ok(outcome)
    }

    /// Calls a meeting that has an objective; where a rule stands against it, it stays a draft and the report says why.
    async fn call(&mut self, ctx: &Ctx, writes: &Writes, id: Uuid, planned: &Planned) -> Result<()> {
        let told = |fact: &str| planned.facts.get(fact) == Some(&json!(true));
        if writes.record != "meeting" || !told("called") || told("cancelled") {
            return Ok(());
        }
        let this = &*self;
        let called = ctx.attempt(|ctx| async move { this.act(&ctx, writes, Op::ScheduleMeeting, id, json!({})).await });
        match called.await {
            Err(error) if error.code.status() >= 500 => Err(error),
            Err(error) => {
                let fault = ("state", "stays_draft", error.detail);
                self.report.warnings.push(Refused::new(&planned.file, planned.line, fault));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn keep(
        &self,
        ctx: &Ctx,
        table: &str,
        id: Uuid,
        planned: &Planned,
        revision: &Revision,
        before: Option<external_id::Model>,
    ) -> Result<()> {
        let value = revision.to_keep(&planned.key.value);
        if before.as_ref().is_some_and(|row| row.value == value) {
            return Ok(());
        }
        if let Some(row) = before {
            let gone = Arguments { id: Some(row.id), version: Some(row.version), ..Arguments::default() };
            ctx.app.operations.call(ctx, Op::ArchiveExternalId, gone).await?;
        }
        let body = json!({ "recordType": table, "recordId": id, "scheme": REVISION, "value": value });
        self.new_record(ctx, Op::CreateExternalId, body).await.map(|_| ())
    }
}

async fn kept(ctx: &Ctx, id: Uuid) -> Result<Option<external_id::Model>> {
    let row = external_id::Entity::find()
        .filter(external_id::Column::RecordId.eq(id))
        .filter(external_id::Column::Scheme.eq(REVISION))
        .filter(external_id::Column::ArchivedAt.is_null())
        .one(&ctx.read())
        .await?;
    Ok(row)
}

/// The edition of a record that was made here.
fn own(now: &Value) -> Option<Revision> {
    let sequence = now["sequence"].as_i64().or_else(|| now["version"].as_i64().map(|version| version - 1))?;
    let modified: Option<DateTime<Utc>> = now["updatedAt"].as_str().and_then(|at| at.parse().ok());
    Some(Revision { sequence, modified: modified.map(|at| at.trunc_subsecs(0)) })
}

fn open_to_cancel(now: &Value) -> bool {
    matches!(now["state"].as_str(), Some("draft" | "scheduled"))
}
