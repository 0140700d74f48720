//! What is to be sent, to whom.

use chrono_tz::Tz;
use lettre::Address;
use roundtable_calendar::message;
use roundtable_entity::{MeetingState, SeatState, attendance, invitation, mail, meeting, partnership, person, seat};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

/// States in which those asked expect the meeting.
const CALLED: [MeetingState; 2] = [MeetingState::Scheduled, MeetingState::InProgress];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Request,
    Cancel,
}

/// A meeting was called: everybody asked is told.
pub(crate) async fn meeting_called(ctx: Ctx, id: Uuid) -> Result<()> {
    tell_all(&ctx, id, Method::Request).await
}

/// A meeting changed: everybody asked is told when it is at another time or place.
pub(crate) async fn meeting_moved(ctx: Ctx, id: Uuid) -> Result<()> {
    tell_all(&ctx, id, Method::Request).await
}

/// A meeting was called off or put away: whoever was told of it is told so.
pub(crate) async fn meeting_called_off(ctx: Ctx, id: Uuid) -> Result<()> {
    tell_all(&ctx, id, Method::Cancel).await
}

/// A seat was asked to a meeting that is called already.
pub(crate) async fn seat_asked(ctx: Ctx, id: Uuid) -> Result<()> {
    tell_one(&ctx, id, Method::Request).await
}

/// A seat is no longer asked.
pub(crate) async fn seat_let_go(ctx: Ctx, id: Uuid) -> Result<()> {
    tell_one(&ctx, id, Method::Cancel).await
}

async fn tell_all(ctx: &Ctx, id: Uuid, method: Method) -> Result<()> {
    if ctx.app.mail_from.is_none() {
        return Ok(());
    }
    let Some(meeting) = meeting::Entity::find_by_id(id).one(&ctx.read()).await? else { return Ok(()) };
    let asked = attendance::Entity::find()
        .filter(attendance::Column::MeetingId.eq(id))
        .filter(attendance::Column::ArchivedAt.is_null())
        .order_by_asc(attendance::Column::Id)
        .all(&ctx.read())
        .await?;
    for asked in asked {
        tell(ctx, &meeting, &asked, method).await?;
    }
    Ok(())
}

async fn tell_one(ctx: &Ctx, id: Uuid, method: Method) -> Result<()> {
    if ctx.app.mail_from.is_none() {
        return Ok(());
    }
    let Some(asked) = attendance::Entity::find_by_id(id).one(&ctx.read()).await? else { return Ok(()) };
    match meeting::Entity::find_by_id(asked.meeting_id).one(&ctx.read()).await? {
        Some(meeting) => tell(ctx, &meeting, &asked, method).await,
        None => Ok(()),
    }
}

async fn tell(ctx: &Ctx, meeting: &meeting::Model, asked: &attendance::Model, method: Method) -> Result<()> {
    if method == Method::Request && !CALLED.contains(&meeting.state) {
        return Ok(());
    }
    let Some(from) = ctx.app.mail_from.as_deref() else { return Ok(()) };
    let Some((person, email)) = reached(ctx, asked).await? else { return Ok(()) };
    // What was told last decides whether there is news: the same edition is not told twice, and nobody is let off from
    // what they never heard of.
    let before = mail::Entity::find()
        .filter(mail::Column::MeetingId.eq(meeting.id))
        .filter(mail::Column::Recipient.eq(&email))
        .order_by_desc(mail::Column::Id)
        .one(&ctx.read())
        .await?;
    let told = before.filter(|mail| mail.method.as_deref() == Some("REQUEST"));
    match (method, &told) {
        (Method::Request, Some(mail)) if mail.sequence >= meeting.sequence => return Ok(()),
        (Method::Cancel, None) => return Ok(()),
        _ => {}
    }
    let Some(partnership) = partnership::Entity::find_by_id(meeting.partnership_id).one(&ctx.read()).await? else {
        return Ok(());
    };
    let table = partnership.name.as_ref().unwrap_or(&partnership.working_title);
    let (word, lead) = match (method, told) {
        (Method::Cancel, _) => ("CANCEL", "Called off"),
        (Method::Request, Some(_)) => ("REQUEST", "Changed"),
        (Method::Request, None) => ("REQUEST", "Invitation"),
    };
    let zone: Tz = meeting.time_zone.parse().unwrap_or(Tz::UTC);
    let starts = meeting.starts_at.with_timezone(&zone).format("%A, %-d %B %Y, %H:%M");
    let mut text = format!("{table}\n\n{}\n{starts} ({})\n", meeting.title, meeting.time_zone);
    let told = [
        ("Called off: ", &meeting.cancelled_reason),
        ("Objective: ", &meeting.objective),
        ("Place: ", &meeting.place),
        ("Join: ", &meeting.url),
        ("Take part without being there: ", &meeting.asynchronous_input),
        ("", &meeting.logistics),
    ];
    for (label, told) in told {
        text.extend(told.iter().flat_map(|told| [label, told, "\n"]));
    }
    let guest = message::Guest { attendance: asked, name: &person.name, email: &email };
    let calendar = message::write(meeting, table, from, guest, word)?;
    let row = mail::ActiveModel {
        method: Set(Some(word.into())),
        calendar: Set(Some(calendar)),
        meeting_id: Set(Some(meeting.id)),
        sequence: Set(meeting.sequence),
        ..blank(ctx, &email, &person.name, &format!("{lead}: {}", meeting.title), &text)
    };
    row.insert(&ctx.read()).await?;
    Ok(())
}

/// The person in the seat and the address to reach them by; nobody where they asked not to be contacted, or left.
async fn reached(ctx: &Ctx, asked: &attendance::Model) -> Result<Option<(person::Model, String)>> {
    let seat = seat::Entity::find_by_id(asked.seat_id).one(&ctx.read()).await?;
    if seat.is_none_or(|seat| seat.archived_at.is_some() || seat.state == SeatState::Ended) {
        return Ok(None);
    }
    let person = person::Entity::find_by_id(asked.person_id).one(&ctx.read()).await?;
    let person = person.filter(|person| person.archived_at.is_none() && !person.do_not_contact);
    Ok(person.and_then(|person| {
        let email = person.email.clone()?.trim().to_owned();
        email.parse::<Address>().is_ok().then_some((person, email))
    }))
}

/// Somebody is invited to sign in.
pub(crate) async fn invited(ctx: Ctx, id: Uuid) -> Result<()> {
    if ctx.app.mail_from.is_none() {
        return Ok(());
    }
    let Some(invited) = invitation::Entity::find_by_id(id).one(&ctx.read()).await? else { return Ok(()) };
    let partnership = partnership::Entity::find_by_id(invited.partnership_id).one(&ctx.read()).await?;
    let table = partnership.map(|row| row.name.unwrap_or(row.working_title)).unwrap_or_default();
    let text = format!(
        "You are invited to {table}.\n\nThe invitation is good until {}.\n",
        invited.expires_at.format("%-d %B %Y, %H:%M UTC"),
    );
    let subject = format!("Invitation to {table}");
    let row = mail::ActiveModel { invitation_id: Set(Some(id)), ..blank(&ctx, &invited.email, "", &subject, &text) };
    row.insert(&ctx.read()).await?;
    Ok(())
}

fn blank(ctx: &Ctx, to: &str, name: &str, subject: &str, text: &str) -> mail::ActiveModel {
    mail::ActiveModel {
        id: Set(ctx.new_id()),
        recipient: Set(to.into()),
        recipient_name: Set(name.into()),
        subject: Set(subject.into()),
        text: Set(text.into()),
        method: Set(None),
        calendar: Set(None),
        meeting_id: Set(None),
        sequence: Set(0),
        invitation_id: Set(None),
        attempts: Set(0),
        due_at: Set(ctx.now()),
        leased_until: Set(None),
        sent_at: Set(None),
        failed_at: Set(None),
        last_error: Set(None),
        created_at: Set(ctx.now()),
    }
}
