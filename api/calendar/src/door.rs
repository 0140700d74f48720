//! The door for calendar programs, which send no token: the secret stands in the address.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use chrono::TimeDelta;
use roundtable_entity::{MeetingState, Via, attendance, calendar_feed, meeting, meeting_series, partnership};
use roundtable_kernel::ctx::{App, Ctx};
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::readable;
use roundtable_kernel::scope::Scoped;
use roundtable_kernel::standing::Caller;
use roundtable_kernel::token::fingerprint;
use roundtable_kernel::{http, rest};
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::events;

/// How far back a feed goes.
const BACK: TimeDelta = TimeDelta::days(365);
/// Most meetings of a feed.
const MOST: u64 = 2000;

/// Mounts `/calendars/{token}.ics`.
pub fn configure(app: &Arc<App>, config: &mut ServiceConfig) {
    let app = app.clone();
    config.service(web::resource("/calendars/{token}.ics").route(
        web::route().guard(guard::Any(guard::Get()).or(guard::Head())).to(move |request: HttpRequest| {
            let app = app.clone();
            async move {
                let answered = answer(&app, &request).await;
                let mut response = answered.unwrap_or_else(|error| http::problem(&error, &http::request_id(&request)));
                // The address is the secret: no other site is told it, and no index keeps it.
                for (name, value) in [("referrer-policy", "no-referrer"), ("x-robots-tag", "noindex")] {
                    let name = header::HeaderName::from_static(name);
                    response.headers_mut().insert(name, header::HeaderValue::from_static(value));
                }
                response
            }
        }),
    ));
}

async fn answer(app: &Arc<App>, request: &HttpRequest) -> Result<HttpResponse> {
    let token = request.match_info().get("token").unwrap_or_default();
    let feed = calendar_feed::Entity::find()
        .filter(calendar_feed::Column::TokenHash.eq(fingerprint(token)))
        .filter(calendar_feed::Column::ArchivedAt.is_null())
        .one(app.store.read())
        .await?
        .ok_or_else(Error::not_found)?;
    let ctx = owner(app, &feed, request).await?;
    let calendar = calendar(&ctx, &feed).await?;
    let tag = format!("\"{}\"", fingerprint(&calendar));
    let mut response = HttpResponse::Ok();
    response.insert_header((http::REQUEST_ID, &*ctx.request_id));
    response.insert_header((header::CACHE_CONTROL, "private, no-cache"));
    response.insert_header((header::ETAG, tag.clone()));
    if rest::none_match(request.headers(), &tag) {
        return Ok(response.status(actix_web::http::StatusCode::NOT_MODIFIED).finish());
    }
    Ok(response.content_type("text/calendar; charset=utf-8").body(calendar))
}

/// The view of whoever made the feed, in the role they have now. Without one the feed is not there.
async fn owner(app: &Arc<App>, feed: &calendar_feed::Model, request: &HttpRequest) -> Result<Ctx> {
    let known = app.principals.known(&app.store, feed.account_id).await?.ok_or_else(Error::not_found)?;
    let standing = known.principal.standings.iter().find(|standing| {
        standing.partnership_id == feed.partnership_id
            && standing.organization_id == feed.organization_id
            && standing.person_id == feed.person_id
    });
    let acting = Some(standing.ok_or_else(Error::not_found)?.clone());
    let caller = Caller::Account { principal: known.principal, acting };
    let ctx = Ctx::new(app.clone(), Arc::new(caller), Via::Rest, http::request_id(request));
    Ok(ctx.for_operation(Op::ListMeetings))
}

async fn calendar(ctx: &Ctx, feed: &calendar_feed::Model) -> Result<String> {
    let permit = ctx.permit(Op::ListMeetings).map_err(|_| Error::not_found())?;
    let mut found = meeting::Entity::find()
        .filter(meeting::Model::rows(&permit))
        .filter(meeting::Column::StartsAt.gte(ctx.now() - BACK));
    if !feed.planned {
        found = found.filter(meeting::Column::State.ne(MeetingState::Draft));
    }
    if feed.asked_only {
        let asked = Query::select()
            .column(attendance::Column::MeetingId)
            .from(attendance::Entity)
            .and_where(attendance::Column::PersonId.eq(feed.person_id.unwrap_or_default()))
            .and_where(attendance::Column::ArchivedAt.is_null())
            .to_owned();
        found = found.filter(meeting::Column::Id.in_subquery(asked));
    }
    let found = found.order_by_desc(meeting::Column::StartsAt).order_by_asc(meeting::Column::Id).limit(MOST);
    let mut meetings = readable::rows::<meeting::Model>(ctx, found).await?.rows;
    // A draft that was put away was never called: there is nothing to take back.
    meetings.retain(|meeting| meeting.archived_at.is_none() || meeting.state != MeetingState::Draft);
    let series = match ctx.permit(Op::ListMeetingSeriesList) {
        Ok(permit) if feed.planned && !feed.asked_only => {
            meeting_series::Entity::find()
                .filter(meeting_series::Model::rows(&permit))
                .filter(meeting_series::Column::ArchivedAt.is_null())
                .order_by_asc(meeting_series::Column::Id)
                .all(&ctx.read())
                .await?
        }
        _ => Vec::new(),
    };
    let partnership = partnership::Entity::find_by_id(feed.partnership_id).one(&ctx.read()).await?;
    let partnership = partnership.ok_or_else(Error::not_found)?;
    events::calendar(ctx, &partnership, meetings, &series).await
}
