//! From events to deliveries. How far it has come is kept in the transaction that makes them, so that whoever is stopped
//! in between leaves nothing out and makes nothing twice.

use std::sync::Arc;

use roundtable_entity::{Via, WebhookState, event, event_mark, webhook};
use roundtable_kernel::ctx::{App, Ctx};
use roundtable_kernel::error::Result;
use roundtable_kernel::feed::{self, Event, Filter};
use roundtable_kernel::order;
use roundtable_kernel::readable;
use roundtable_kernel::standing::{Caller, Standing};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::{queue, webhooks};

/// Events made into deliveries in one transaction.
const STEP: u64 = 500;

/// The view in which a webhook sees: that of the account that answers for it; nothing when it has lost its role.
pub async fn eyes(app: &Arc<App>, webhook: &webhook::Model) -> Result<Option<Ctx>> {
    let Some(known) = app.principals.known(&app.store, webhook.account_id).await? else {
        return Ok(None);
    };
    let belongs = |standing: &&Standing| {
        standing.partnership_id == webhook.partnership_id
            && match webhook.organization_id {
                Some(_) => standing.organization_id == webhook.organization_id && standing.role.is_member(),
                None => standing.role.is_intermediary(),
            }
    };
    let acting = known.principal.standings.iter().find(belongs).cloned();
    Ok(acting.map(|acting| {
        let caller = Caller::Account { principal: known.principal.clone(), acting: Some(acting) };
        Ctx::new(app.clone(), Arc::new(caller), Via::System, Arc::from(Uuid::now_v7().to_string()))
    }))
}

/// Stops sending to a webhook, as the server itself, unless somebody changed it since it was read: whoever enabled it
/// meanwhile is not answered with what happened before.
pub async fn disable(app: &Arc<App>, read: &webhook::Model, why: &'static str) -> Result<()> {
    let (webhook_id, version) = (read.id, read.version);
    let caller = Caller::System(Standing::intermediary(read.partnership_id));
    let ctx = Ctx::new(app.clone(), Arc::new(caller), Via::System, Arc::from(Uuid::now_v7().to_string()));
    ctx.for_operation(roundtable_kernel::op::Op::DisableWebhook)
        .write(move |ctx| async move {
            match webhook::Entity::find_by_id(webhook_id).one(&ctx.read()).await? {
                Some(row) if row.state == WebhookState::Active && row.version == version => {
                    webhooks::disabled(&ctx, &row, why).await.map(|_| ())
                }
                _ => Ok(()),
            }
        })
        .await
}

/// Why a webhook that nobody answers for any more is disabled.
pub const UNATTENDED: &str = "the account that answers for it has lost its role";

async fn mark(app: &App, name: &str) -> Result<Option<i64>> {
    let mark = event_mark::Entity::find_by_id(name).one(app.store.read()).await?;
    Ok(mark.map(|mark| mark.position))
}

/// Position a step after this one, at most `last`.
async fn step_end(app: &App, after: i64, last: i64) -> Result<i64> {
    let end = event::Entity::find()
        .select_only()
        .column(event::Column::Position)
        .filter(event::Column::Position.gt(after))
        .order_by_asc(event::Column::Position)
        .offset(STEP - 1)
        .limit(1)
        .into_tuple::<Option<i64>>()
        .one(app.store.read())
        .await?;
    Ok(end.flatten().map_or(last, |end| end.min(last)))
}

async fn seen(app: &Arc<App>, webhook: &webhook::Model, after: i64, to: i64) -> Result<Option<Vec<Event>>> {
    let Some(ctx) = eyes(app, webhook).await? else {
        disable(app, webhook, UNATTENDED).await?;
        return Ok(None);
    };
    let filter = Filter::of_kinds(&webhook.kinds.0);
    match feed::read_to(&ctx, &filter, after, to, usize::MAX).await {
        Ok(part) => Ok(Some(part.events)),
        // An account whose scopes leave the feed out is told nothing.
        Err(error) if error.code.status() == 403 => Ok(None),
        Err(error) => Err(error),
    }
}

fn message_id(event: &Event) -> String {
    format!("msg_{}", event.id.simple())
}

fn active() -> Select<webhook::Entity> {
    webhook::Entity::find()
        .filter(webhook::Column::State.eq(WebhookState::Active))
        .filter(webhook::Column::ArchivedAt.is_null())
}

/// Which webhooks are told of what happens, and as of which change of theirs.
async fn standing(run: &impl ConnectionTrait) -> Result<Vec<(Uuid, i32)>> {
    let rows = active().select_only().columns([webhook::Column::Id, webhook::Column::Version]);
    Ok(rows.order_by_asc(webhook::Column::Id).into_tuple().all(run).await?)
}

/// Makes some events into deliveries. False when all are.
pub async fn step(app: &Arc<App>) -> Result<bool> {
    let last = order::settle(&app.store).await?;
    let from = mark(app, queue::RELAYED).await?.unwrap_or_default();
    if from >= last {
        return Ok(false);
    }
    let to = step_end(app, from, last).await?;
    let standing = standing(app.store.read()).await?;
    let told = readable::rows_at::<webhook::Model>(app.store.read(), active()).await?.rows;
    let mut new = Vec::new();
    for webhook in &told {
        let events = seen(app, webhook, from, to).await?.unwrap_or_default();
        // One that was made meanwhile is told of what follows.
        let events = events.iter().filter(|event| event.happened_at >= webhook.created_at);
        new.extend(
            events.map(|event| {
                queue::delivery(webhook, message_id(event), &event.kind, Some(event.id), event.happened_at)
            }),
        );
    }
    let now = app.clock.now();
    app.store
        .write(true, move |tx| {
            let (new, standing) = (new.clone(), standing.clone());
            async move {
                // One that was enabled meanwhile would be told of nothing up to here.
                if self::standing(&*tx).await? != standing {
                    return Ok(());
                }
                if queue::advance(&*tx, queue::RELAYED, from, to).await? {
                    queue::keep(&*tx, new, now).await?;
                }
                Ok(())
            }
        })
        .await?;
    Ok(true)
}

/// Goes on with what webhooks asked to be told again. False when nothing is left.
pub async fn replay(app: &Arc<App>) -> Result<bool> {
    let marks = event_mark::Entity::find()
        .filter(event_mark::Column::Name.starts_with(queue::REPLAY))
        .all(app.store.read())
        .await?;
    let done = mark(app, queue::RELAYED).await?.unwrap_or_default();
    let mut more = false;
    for mark in marks {
        let id = mark.name.strip_prefix(queue::REPLAY).and_then(|id| Uuid::parse_str(id).ok()).unwrap_or_default();
        let row = webhook::Entity::find_by_id(id).one(app.store.read()).await?;
        let row = row.filter(|row| row.state == WebhookState::Active && row.archived_at.is_none());
        let to = step_end(app, mark.position, done).await?;
        let events = match &row {
            Some(row) if mark.position < done => seen(app, row, mark.position, to).await?,
            _ => None,
        };
        let now = app.clock.now();
        let over = events.is_none() || to >= done;
        more |= !over;
        app.store
            .write(true, move |tx| {
                let (row, events, mark) = (row.clone(), events.clone(), mark.clone());
                async move {
                    if !queue::advance(&*tx, &mark.name, mark.position, to.max(mark.position)).await? {
                        return Ok(());
                    }
                    if let (Some(row), Some(events)) = (&row, &events) {
                        let of = |event: &Event| {
                            queue::delivery(row, message_id(event), &event.kind, Some(event.id), event.happened_at)
                        };
                        for some in events.chunks(200) {
                            queue::put_back(&*tx, row.id, some.iter().map(message_id).collect(), now).await?;
                        }
                        queue::keep(&*tx, events.iter().map(of).collect(), now).await?;
                    }
                    if over {
                        event_mark::Entity::delete_by_id(mark.name).exec(&*tx).await?;
                    }
                    Ok(())
                }
            })
            .await?;
    }
    Ok(more)
}
