//! Webhooks and the log of their deliveries.

use chrono::{DateTime, TimeDelta, Utc};
use roundtable_entity::{DeliveryState, Record, WebhookState, event, webhook, webhook_attempt, webhook_delivery};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::queue;
use crate::{address, signing};

/// How long requests are signed with the secret before as well.
const OVERLAP: TimeDelta = TimeDelta::days(1);

/// Since when everything is sent again.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReplaySince {
    /// What happened at or after this moment.
    since: DateTime<Utc>,
}

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<webhook::Model>("webhooks")
        .list(Op::ListWebhooks)
        .get(Op::GetWebhook)
        .create(Op::CreateWebhook, create)
        .update(Op::UpdateWebhook, update)
        .archive(Op::ArchiveWebhook)
        .act(Op::EnableWebhook, "enable", enable)
        .act(Op::DisableWebhook, "disable", disable)
        .act(Op::RenewWebhookSecret, "renew-secret", renew_secret)
        .act(Op::TestWebhook, "test", test)
        .act(Op::ReplayWebhook, "replay", replay);
    table
        .collection::<webhook_delivery::Model>("webhook-deliveries")
        .list(Op::ListWebhookDeliveries)
        .get(Op::GetWebhookDelivery)
        .act(Op::RetryWebhookDelivery, "retry", retry)
        .one::<webhook::Model>("webhook", "webhook_id")
        .many::<webhook_attempt::Model>("log", Op::ListWebhookAttempts, "delivery_id", "created_at");
    table
        .collection::<webhook_attempt::Model>("webhook-attempts")
        .list(Op::ListWebhookAttempts)
        .get(Op::GetWebhookAttempt);
    table.schemas.insert(
        "WebhookMessage",
        json!({
            "type": "object",
            "description": "What a webhook is sent (Standard Webhooks). For `webhook.test`, `data` holds the webhook's id only.",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": { "type": "string", "description": "What happened, such as `meeting.scheduled`." },
                "timestamp": { "type": "string", "format": "date-time", "description": "When it happened." },
                "data": { "$ref": "#/components/schemas/Event" },
            },
        }),
    );
}

/// The account that answers for a webhook: whoever named its address or holds its secret last.
fn account(ctx: &Ctx) -> Result<Uuid> {
    ctx.caller.account_id().ok_or_else(|| Code::Unauthenticated.into())
}

/// Refuses what names no record and nothing that happens to one.
fn check_kinds(ctx: &Ctx, kinds: &[String]) -> Result<()> {
    let known = |kind: &String| {
        let record = kind.split('.').next().unwrap_or_default();
        ctx.app.operations.readers.contains_key(record) && kind.len() <= 100
    };
    match kinds.iter().position(|kind| !known(kind)) {
        None => Ok(()),
        Some(index) => Err(Error::member(
            format!("/kinds/{index}"),
            "not_found",
            "a kind is a record, such as meeting, or what happens to one, such as meeting.scheduled",
        )),
    }
}

async fn create(ctx: Ctx, new: webhook::NewWebhook) -> Result<webhook::Model> {
    let permit = ctx.permit_at(Op::CreateWebhook, new.partnership_id)?;
    address::check(&new.url, &ctx.app.webhook_networks)?;
    check_kinds(&ctx, &new.kinds.0)?;
    let secret = signing::new_secret()?;
    let mut active = webhook::Model::begin(ctx.new_id(), ctx.now(), new);
    let own = permit.standing.organization_id.filter(|_| permit.standing.role.is_member());
    active.organization_id = Set(own);
    active.account_id = Set(account(&ctx)?);
    active.signing_secret = Set(secret.clone());
    let mut row = record::insert::<webhook::Model>(&ctx, active, "webhook.created").await?;
    row.secret = Some(secret);
    Ok(row)
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<webhook::Model> {
    let account_id = account(&ctx)?;
    let view = ctx.clone();
    record::update_checked::<webhook::Model>(&ctx, Op::UpdateWebhook, at, &patch, |row, new, active| {
        check_kinds(&view, &new.kinds.0)?;
        if new.url != row.url {
            address::check(&new.url, &view.app.webhook_networks)?;
            active.account_id = Set(account_id);
        }
        Ok(())
    })
    .await
}

async fn enable(ctx: Ctx, at: Target, _: Nothing) -> Result<webhook::Model> {
    let row = record::target::<webhook::Model>(&ctx, Op::EnableWebhook, at).await?;
    record::from_state(row.state, &[WebhookState::Disabled], WebhookState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(WebhookState::Active);
    active.disabled_reason = Set(None);
    active.failing_since = Set(None);
    active.account_id = Set(account(&ctx)?);
    record::save(&ctx, &row, active, "webhook.enabled").await
}

async fn disable(ctx: Ctx, at: Target, _: Nothing) -> Result<webhook::Model> {
    let row = record::target::<webhook::Model>(&ctx, Op::DisableWebhook, at).await?;
    record::from_state(row.state, &[WebhookState::Active], WebhookState::word)?;
    disabled(&ctx, &row, "by hand").await
}

/// Stops sending, and tells of it.
pub(crate) async fn disabled(ctx: &Ctx, row: &webhook::Model, why: &str) -> Result<webhook::Model> {
    let mut active = row.clone().into_active_model();
    active.state = Set(WebhookState::Disabled);
    active.disabled_reason = Set(Some(why.into()));
    record::save(ctx, row, active, "webhook.disabled").await
}

async fn renew_secret(ctx: Ctx, at: Target, _: Nothing) -> Result<webhook::Model> {
    let row = record::target::<webhook::Model>(&ctx, Op::RenewWebhookSecret, at).await?;
    let secret = signing::new_secret()?;
    let mut active = row.clone().into_active_model();
    active.previous_secret = Set(Some(row.signing_secret.clone()));
    active.previous_until = Set(Some(ctx.now() + OVERLAP));
    active.signing_secret = Set(secret.clone());
    active.account_id = Set(account(&ctx)?);
    let mut row = record::save(&ctx, &row, active, "webhook.secret_renewed").await?;
    row.secret = Some(secret);
    Ok(row)
}

/// The webhook, if anything is sent to it.
async fn active(ctx: &Ctx, op: Op, at: Target) -> Result<webhook::Model> {
    let row = record::target::<webhook::Model>(ctx, op, at).await?;
    record::from_state(row.state, &[WebhookState::Active], WebhookState::word)?;
    Ok(row)
}

async fn test(ctx: Ctx, at: Target, _: Nothing) -> Result<webhook::Model> {
    let row = active(&ctx, Op::TestWebhook, at).await?;
    let message_id = format!("msg_test_{}", ctx.new_id().simple());
    let new = queue::delivery(&row, message_id, queue::TEST, None, ctx.now());
    queue::keep(&ctx.read(), vec![new], ctx.now()).await?;
    Ok(row)
}

async fn replay(ctx: Ctx, at: Target, body: ReplaySince) -> Result<webhook::Model> {
    let row = active(&ctx, Op::ReplayWebhook, at).await?;
    // What was written first may be committed last, so the last event from before may stand behind one from after.
    let first = event::Entity::find()
        .select_only()
        .column(event::Column::Position)
        .filter(event::Column::HappenedAt.gte(body.since))
        .filter(event::Column::Position.is_not_null())
        .order_by_asc(event::Column::Position)
        .limit(1)
        .into_tuple::<Option<i64>>()
        .one(&ctx.read())
        .await?;
    if let Some(first) = first.flatten() {
        queue::tell_again(&ctx.read(), row.id, first - 1).await?;
    }
    ctx.event("webhook.replayed", &row, &[]).await?;
    Ok(row)
}

async fn retry(ctx: Ctx, at: Target, _: Nothing) -> Result<webhook_delivery::Model> {
    let row = record::target::<webhook_delivery::Model>(&ctx, Op::RetryWebhookDelivery, at).await?;
    let settled = [DeliveryState::Delivered, DeliveryState::Failed];
    record::from_state(row.state, &settled, DeliveryState::word)?;
    let webhook = record::known::<webhook::Model>(&ctx, row.webhook_id).await?;
    record::from_state(webhook.state, &[WebhookState::Active], WebhookState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(DeliveryState::Pending);
    active.attempts = Set(0);
    active.next_attempt_at = Set(Some(ctx.now()));
    record::save(&ctx, &row, active, "webhook_delivery.retried").await
}
