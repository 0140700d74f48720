//! Topics: which matters belong in the partnership and which are kept for the bargaining table (practices 79 and 80).
//! Where one belongs is for its parties alone, all of them together.

use std::collections::BTreeSet;

use roundtable_entity::{
    NeedState, PartnerState, Record, Texts, TopicOutcome, TopicState, TopicVenue, action_item, agenda_item, cause,
    decision, employer_statement, fit_score, input, minutes, need, offer, organization, partner, seal as seals,
    second_look, solution, topic, topic_consent,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::scope::Scoped;
use roundtable_kernel::seal;
use roundtable_kernel::standing::Role;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder};
use serde_json::Value;
use uuid::Uuid;

use crate::members::{self, Reasoned};
use crate::{course, fit_scores, topic_consents};

/// Stages in which parties look for agreement.
pub(crate) const OPEN: &[TopicState] = &[TopicState::Proposed, TopicState::Reopened];
/// Stages from which parties may open a topic again.
pub(crate) const CLOSED: &[TopicState] = &[TopicState::Agreed, TopicState::Contested];

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<topic::Model>("topics")
        .list(Op::ListTopics)
        .get(Op::GetTopic)
        .create(Op::CreateTopic, create)
        .update(Op::UpdateTopic, update)
        .archive_checked(Op::ArchiveTopic, archivable)
        .act(Op::ContestTopic, "contest", contest)
        .act(Op::AgreeTopic, "agree", agree)
        .act(Op::ReopenTopic, "reopen", reopen)
        .many::<topic_consent::Model>("consents", Op::ListTopicConsents, "topic_id", "created_at");
}

/// The records a topic is about, by the member that names them.
fn named(new: &topic::NewTopic) -> [(&'static str, &'static str, &Texts); 11] {
    [
        ("/needIds", need::Model::TABLE, &new.need_ids),
        ("/causeIds", cause::Model::TABLE, &new.cause_ids),
        ("/employerStatementIds", employer_statement::Model::TABLE, &new.employer_statement_ids),
        ("/inputIds", input::Model::TABLE, &new.input_ids),
        ("/offerIds", offer::Model::TABLE, &new.offer_ids),
        ("/secondLookIds", second_look::Model::TABLE, &new.second_look_ids),
        ("/solutionIds", solution::Model::TABLE, &new.solution_ids),
        ("/agendaItemIds", agenda_item::Model::TABLE, &new.agenda_item_ids),
        ("/decisionIds", decision::Model::TABLE, &new.decision_ids),
        ("/actionItemIds", action_item::Model::TABLE, &new.action_item_ids),
        ("/minutesIds", minutes::Model::TABLE, &new.minutes_ids),
    ]
}

async fn exist<R: Scoped>(ctx: &Ctx, pointer: &str, ids: &Texts) -> Result<()> {
    for (at, id) in members::ids(pointer, ids)?.into_iter().enumerate() {
        record::reference::<R>(ctx, &format!("{pointer}/{at}"), id).await?;
    }
    Ok(())
}

async fn check(ctx: &Ctx, new: &topic::NewTopic) -> Result<()> {
    let blank = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    let missing: Vec<Problem> = [
        ("/subject", blank(&new.subject)),
        ("/text", blank(&new.text)),
        ("/subjectMatter", new.subject_matter.is_none()),
    ]
    .into_iter()
    .filter(|(_, missing)| *missing)
    .map(|(pointer, _)| Problem { pointer: pointer.into(), code: "required", detail: "a topic needs it".into() })
    .collect();
    if !missing.is_empty() {
        return Err(Error::members(missing));
    }
    parties(ctx, new).await?;
    exist::<need::Model>(ctx, "/needIds", &new.need_ids).await?;
    exist::<cause::Model>(ctx, "/causeIds", &new.cause_ids).await?;
    exist::<employer_statement::Model>(ctx, "/employerStatementIds", &new.employer_statement_ids).await?;
    exist::<input::Model>(ctx, "/inputIds", &new.input_ids).await?;
    exist::<offer::Model>(ctx, "/offerIds", &new.offer_ids).await?;
    exist::<second_look::Model>(ctx, "/secondLookIds", &new.second_look_ids).await?;
    exist::<solution::Model>(ctx, "/solutionIds", &new.solution_ids).await?;
    exist::<agenda_item::Model>(ctx, "/agendaItemIds", &new.agenda_item_ids).await?;
    exist::<decision::Model>(ctx, "/decisionIds", &new.decision_ids).await?;
    exist::<action_item::Model>(ctx, "/actionItemIds", &new.action_item_ids).await?;
    exist::<minutes::Model>(ctx, "/minutesIds", &new.minutes_ids).await
}

/// The parties: employers and unions at the table, at least one of each, with the one that proposes among them.
async fn parties(ctx: &Ctx, new: &topic::NewTopic) -> Result<()> {
    let pointer = "/partyOrganizationIds";
    let ids = members::ids(pointer, &new.party_organization_ids)?;
    let mut roles = BTreeSet::new();
    for (at, id) in ids.iter().enumerate() {
        let pointer = format!("{pointer}/{at}");
        let row = record::reference::<organization::Model>(ctx, &pointer, *id).await?;
        let role = Role::of_kind(row.kind);
        if !matches!(role, Role::Employer | Role::Union) {
            return Err(Error::member(pointer, "not_a_party", "parties are employers and unions"));
        }
        let places = partner::Entity::find()
            .filter(partner::Column::PartnershipId.eq(new.partnership_id))
            .filter(partner::Column::OrganizationId.eq(*id))
            .filter(partner::Column::State.is_in([PartnerState::Active, PartnerState::Dormant]))
            .filter(partner::Column::ArchivedAt.is_null())
            .count(&ctx.read())
            .await?;
        if places == 0 {
            return Err(Error::member(pointer, "not_a_partner", "parties are organisations at the table"));
        }
        roles.insert(role);
    }
    if roles.len() < 2 {
        return Err(Error::member(pointer, "one_sided", "name at least one employer and one union"));
    }
    let standing = ctx.standing()?;
    let proposes = standing.role.is_employer() || standing.role == Role::Union;
    if proposes && !ids.iter().any(|id| standing.acts_for(Some(*id))) {
        return Err(Error::member(pointer, "not_your_matter", "name your own organisation among the parties"));
    }
    Ok(())
}

async fn create(ctx: Ctx, new: topic::NewTopic) -> Result<topic::Model> {
    ctx.permit_at(Op::CreateTopic, new.partnership_id)?;
    check(&ctx, &new).await?;
    let mut active = topic::Model::begin(ctx.new_id(), ctx.now(), new);
    active.proposed_by_organization_id = Set(members::speaker(&ctx)?);
    record::insert::<topic::Model>(&ctx, active, "topic.proposed").await
}

/// Refuses to change what parties have consented to.
async fn without_consents(ctx: &Ctx, row: &topic::Model) -> Result<()> {
    record::from_state(row.state, OPEN, TopicState::word)?;
    if topic_consents::standing(ctx, row.id).await?.is_empty() {
        return Ok(());
    }
    let detail = "parties consented to the topic as it is; it can change once they have taken that back";
    Err(Error::new(Code::JointConsentRequired, detail))
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<topic::Model> {
    record::check_patch::<topic::Model>(&patch)?;
    let row = record::target::<topic::Model>(&ctx, Op::UpdateTopic, at).await?;
    without_consents(&ctx, &row).await?;
    let new = record::merged(&row, &patch)?;
    check(&ctx, &new).await?;
    let mut active = row.clone().into_active_model();
    topic::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "topic.updated").await
}

async fn archivable(ctx: Ctx, row: topic::Model) -> Result<()> {
    record::from_state(row.state, &[TopicState::Proposed], TopicState::word)?;
    without_consents(&ctx, &row).await
}

async fn contest(ctx: Ctx, at: Target, why: Reasoned) -> Result<topic::Model> {
    let row = record::target::<topic::Model>(&ctx, Op::ContestTopic, at).await?;
    record::from_state(row.state, OPEN, TopicState::word)?;
    for consent in topic_consents::standing(&ctx, row.id).await? {
        topic_consents::take_back(&ctx, &consent).await?;
    }
    let mut active = row.clone().into_active_model();
    active.state = Set(TopicState::Contested);
    active.contested_reason = Set(Some(why.reason));
    record::save(&ctx, &row, active, "topic.contested").await
}

async fn agree(ctx: Ctx, at: Target, _: Nothing) -> Result<topic::Model> {
    let row = record::target::<topic::Model>(&ctx, Op::AgreeTopic, at).await?;
    record::from_state(row.state, OPEN, TopicState::word)?;
    let venue = match topic_consents::settle(&ctx, &row).await? {
        TopicOutcome::Partnership => TopicVenue::Partnership,
        TopicOutcome::BargainingTable => TopicVenue::BargainingTable,
        TopicOutcome::Reopening => return Err(Error::internal("a consent to reopen stands on a topic that is open")),
    };
    let mut active = row.clone().into_active_model();
    active.state = Set(TopicState::Agreed);
    active.venue = Set(venue);
    active.agreed_on = Set(Some(ctx.today()));
    active.contested_reason = Set(None);
    let row = record::save(&ctx, &row, active, "topic.agreed").await?;
    if venue == TopicVenue::BargainingTable {
        reseal(&ctx, &row).await?;
    }
    Ok(row)
}

async fn reopen(ctx: Ctx, at: Target, _: Nothing) -> Result<topic::Model> {
    let row = record::target::<topic::Model>(&ctx, Op::ReopenTopic, at).await?;
    record::from_state(row.state, CLOSED, TopicState::word)?;
    topic_consents::settle(&ctx, &row).await?;
    let mut active = row.clone().into_active_model();
    active.state = Set(TopicState::Reopened);
    active.venue = Set(TopicVenue::Undetermined);
    active.agreed_on = Set(None);
    active.reopened_on = Set(Some(ctx.today()));
    active.contested_reason = Set(None);
    let sealed = row.venue == TopicVenue::BargainingTable;
    let row = record::save(&ctx, &row, active, "topic.reopened").await?;
    if sealed {
        reseal(&ctx, &row).await?;
    }
    Ok(row)
}

/// Brings the seals of the partnership in line with what was agreed, after this topic changed, and with them the stages and
/// figures that rest on what is sealed.
async fn reseal(ctx: &Ctx, changed: &topic::Model) -> Result<()> {
    let before = sealed(ctx, changed.partnership_id).await?;
    seal::unseal(ctx, changed.id).await?;
    // What one topic no longer seals, another may: the earliest agreed first.
    let agreed = topic::Entity::find()
        .filter(topic::Column::PartnershipId.eq(changed.partnership_id))
        .filter(topic::Column::Venue.eq(TopicVenue::BargainingTable))
        .filter(topic::Column::ArchivedAt.is_null())
        .order_by_asc(topic::Column::UpdatedAt)
        .order_by_asc(topic::Column::Id)
        .all(&ctx.read())
        .await?;
    for topic in &agreed {
        let mut roots = Vec::new();
        for (pointer, table, ids) in named(&topic.editable()) {
            roots.extend(members::ids(pointer, ids)?.into_iter().map(|id| (table, id)));
        }
        seal::seal(ctx, topic, roots).await?;
    }
    let after = sealed(ctx, changed.partnership_id).await?;
    for need_id in only(&after, &before, need::Model::TABLE) {
        route(ctx, need_id).await?;
    }
    for need_id in only(&before, &after, need::Model::TABLE) {
        take_back(ctx, need_id).await?;
    }
    count_anew(ctx, &before.symmetric_difference(&after).cloned().collect()).await
}

type Sealed = BTreeSet<(String, Uuid)>;

async fn sealed(ctx: &Ctx, partnership_id: Uuid) -> Result<Sealed> {
    let rows = seal::of_partnership(ctx, partnership_id).await?;
    Ok(rows.into_iter().map(|seals::Model { record_type, record_id, .. }| (record_type, record_id)).collect())
}

/// Ids of this table in one and not in the other.
fn only(one: &Sealed, other: &Sealed, table: &str) -> Vec<Uuid> {
    one.difference(other).filter(|(known, _)| known == table).map(|(_, id)| *id).collect()
}

async fn need_of(ctx: &Ctx, id: Uuid) -> Result<need::Model> {
    need::Entity::find_by_id(id).one(&ctx.read()).await?.ok_or_else(Error::not_found)
}

/// Takes a need out of the partnership's course.
async fn route(ctx: &Ctx, need_id: Uuid) -> Result<()> {
    let row = need_of(ctx, need_id).await?;
    let mut active = row.clone().into_active_model();
    active.routed_from = Set(Some(row.state));
    active.state = Set(NeedState::Routed);
    record::save(ctx, &row, active, "need.routed").await?;
    Ok(())
}

/// Takes a need back to where it was, and on from there with what changed meanwhile.
async fn take_back(ctx: &Ctx, need_id: Uuid) -> Result<()> {
    let row = need_of(ctx, need_id).await?;
    let mut active = row.clone().into_active_model();
    active.state = Set(row.routed_from.unwrap_or(NeedState::Draft));
    active.routed_from = Set(None);
    record::save(ctx, &row, active, "need.unrouted").await?;
    course::follow(ctx, need_id).await?;
    Ok(())
}

/// Counts anew what is shown on records of which only a part was sealed or is sealed no longer.
async fn count_anew(ctx: &Ctx, changed: &Sealed) -> Result<()> {
    let ids =
        |table: &str| -> Vec<Uuid> { changed.iter().filter(|(known, _)| known == table).map(|(_, id)| *id).collect() };
    let causes =
        cause::Entity::find().filter(cause::Column::Id.is_in(ids(cause::Model::TABLE))).all(&ctx.read()).await?;
    let needs: BTreeSet<Uuid> = causes.into_iter().map(|cause| cause.need_id).collect();
    for need_id in needs {
        course::follow(ctx, need_id).await?;
    }
    let scores = fit_score::Entity::find()
        .filter(fit_score::Column::Id.is_in(ids(fit_score::Model::TABLE)))
        .all(&ctx.read())
        .await?;
    let solutions: BTreeSet<Uuid> = scores.into_iter().map(|score| score.solution_id).collect();
    for solution_id in solutions {
        fit_scores::average(ctx, solution_id).await?;
    }
    Ok(())
}
