//! The deliveries that wait to be sent.

use std::collections::HashMap;

use roundtable_entity::{DeliveryState, Record, Timestamp, WebhookState, event_mark, webhook, webhook_delivery};
use roundtable_kernel::error::Result;
use roundtable_kernel::store::Store;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

/// Kind of a test.
pub const TEST: &str = "webhook.test";
/// Mark of how far events were made into deliveries.
pub const RELAYED: &str = "relayed";
/// What the mark of how far a webhook is being told again begins with; its id follows.
pub const REPLAY: &str = "replay ";
/// Key of the turn in which deliveries are taken from the queue.
const TURN: i64 = 7_402_002;
/// Most webhooks served in one step.
const MOST: u64 = 200;

/// A delivery to this webhook, due at once.
pub fn delivery(
    webhook: &webhook::Model,
    message_id: String,
    kind: &str,
    event_id: Option<Uuid>,
    happened_at: Timestamp,
) -> webhook_delivery::NewWebhookDelivery {
    webhook_delivery::NewWebhookDelivery {
        partnership_id: webhook.partnership_id,
        webhook_id: webhook.id,
        organization_id: webhook.organization_id,
        message_id,
        kind: kind.into(),
        event_id,
        happened_at,
    }
}

/// Puts deliveries in the queue that are not in it.
pub async fn keep(
    run: &impl ConnectionTrait,
    new: Vec<webhook_delivery::NewWebhookDelivery>,
    now: Timestamp,
) -> Result<()> {
    // A statement takes a limited number of values.
    for some in new.chunks(200) {
        let rows = some.iter().map(|new| {
            let mut row = webhook_delivery::Model::begin(Uuid::now_v7(), now, new.clone());
            row.next_attempt_at = Set(Some(now));
            row
        });
        let there = OnConflict::new().do_nothing().to_owned();
        webhook_delivery::Entity::insert_many(rows).on_conflict(there).exec_without_returning(run).await?;
    }
    Ok(())
}

/// Puts deliveries at the head of the queue again, whether they were settled, wait for their next attempt, or are under
/// way: what comes of an attempt from before says nothing of the one that was asked for.
pub async fn put_back(
    run: &impl ConnectionTrait,
    webhook_id: Uuid,
    message_ids: Vec<String>,
    now: Timestamp,
) -> Result<()> {
    webhook_delivery::Entity::update_many()
        .col_expr(webhook_delivery::Column::State, Expr::value(DeliveryState::Pending.word()))
        .col_expr(webhook_delivery::Column::Attempts, Expr::value(0))
        .col_expr(webhook_delivery::Column::NextAttemptAt, Expr::value(now))
        .col_expr(webhook_delivery::Column::Lease, Expr::value(None::<Uuid>))
        .col_expr(webhook_delivery::Column::LeasedUntil, Expr::value(None::<Timestamp>))
        .filter(webhook_delivery::Column::WebhookId.eq(webhook_id))
        .filter(webhook_delivery::Column::MessageId.is_in(message_ids))
        .exec(run)
        .await?;
    Ok(())
}

/// Has a webhook told again what stands after this position, and what it is still being told from before that.
pub async fn tell_again(run: &impl ConnectionTrait, webhook_id: Uuid, after: i64) -> Result<()> {
    let name = format!("{REPLAY}{webhook_id}");
    let under_way = event_mark::Entity::find_by_id(&name).one(run).await?;
    let position = under_way.map_or(after, |mark| mark.position.min(after));
    let mark = event_mark::ActiveModel { name: Set(name), position: Set(position) };
    let again = OnConflict::column(event_mark::Column::Name).update_column(event_mark::Column::Position).to_owned();
    event_mark::Entity::insert(mark).on_conflict(again).exec_without_returning(run).await?;
    Ok(())
}

/// Moves a mark on, unless another replica has done so.
pub async fn advance(run: &impl ConnectionTrait, name: &str, from: i64, to: i64) -> Result<bool> {
    let moved = event_mark::Entity::update_many()
        .col_expr(event_mark::Column::Position, Expr::value(to))
        .filter(event_mark::Column::Name.eq(name))
        .filter(event_mark::Column::Position.eq(from))
        .exec(run)
        .await?;
    Ok(moved.rows_affected == 1)
}

fn due(now: Timestamp) -> Condition {
    let open = Query::select()
        .column(webhook::Column::Id)
        .from(webhook::Entity)
        .and_where(webhook::Column::State.eq(WebhookState::Active))
        .and_where(webhook::Column::ArchivedAt.is_null())
        .to_owned();
    Condition::all()
        .add(webhook_delivery::Column::State.eq(DeliveryState::Pending))
        .add(webhook_delivery::Column::NextAttemptAt.lte(now))
        .add(
            Condition::any()
                .add(webhook_delivery::Column::LeasedUntil.is_null())
                .add(webhook_delivery::Column::LeasedUntil.lt(now)),
        )
        .add(webhook_delivery::Column::WebhookId.in_subquery(open))
}

/// Takes what is due, for as long as it may take to send, and no more of one webhook than there is room for: one that
/// does not answer keeps nobody waiting but itself.
pub async fn take(
    store: &Store,
    now: Timestamp,
    until: Timestamp,
    busy: HashMap<Uuid, usize>,
    at_once: usize,
) -> Result<Vec<webhook_delivery::Model>> {
    store
        .in_turn(TURN, move |tx| {
            let busy = busy.clone();
            async move {
                let full = busy.iter().filter(|(_, count)| **count >= at_once).map(|(id, _)| *id);
                let waiting = webhook_delivery::Entity::find()
                    .select_only()
                    .column(webhook_delivery::Column::WebhookId)
                    .distinct()
                    .filter(due(now))
                    .filter(webhook_delivery::Column::WebhookId.is_not_in(full))
                    .limit(MOST)
                    .into_tuple::<Uuid>()
                    .all(&*tx)
                    .await?;
                let mut taken = Vec::new();
                for webhook_id in waiting {
                    let room = at_once.saturating_sub(busy.get(&webhook_id).copied().unwrap_or_default());
                    let some = webhook_delivery::Entity::find()
                        .filter(due(now))
                        .filter(webhook_delivery::Column::WebhookId.eq(webhook_id))
                        .order_by_asc(webhook_delivery::Column::NextAttemptAt)
                        .order_by_asc(webhook_delivery::Column::Id)
                        .limit(room as u64)
                        .all(&*tx)
                        .await?;
                    taken.extend(some);
                }
                let lease = Uuid::now_v7();
                webhook_delivery::Entity::update_many()
                    .col_expr(webhook_delivery::Column::LeasedUntil, Expr::value(until))
                    .col_expr(webhook_delivery::Column::Lease, Expr::value(lease))
                    .filter(webhook_delivery::Column::Id.is_in(taken.iter().map(|one| one.id)))
                    .exec(&*tx)
                    .await?;
                taken.iter_mut().for_each(|one| (one.lease, one.leased_until) = (Some(lease), Some(until)));
                Ok(taken)
            }
        })
        .await
}
