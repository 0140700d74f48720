//! Consents of parties to where a topic belongs: one of each party, given and taken back until they take effect.

use std::collections::BTreeSet;

use roundtable_entity::{Record, TopicOutcome, TopicState, organization, topic, topic_consent};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::{members, topics};

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<topic_consent::Model>("topic-consents")
        .list(Op::ListTopicConsents)
        .get(Op::GetTopicConsent)
        .create(Op::CreateTopicConsent, create)
        .act(Op::WithdrawTopicConsent, "withdraw", withdraw)
        .one::<topic::Model>("topic", "topic_id")
        .one::<organization::Model>("organization", "organization_id");
}

async fn create(ctx: Ctx, new: topic_consent::NewTopicConsent) -> Result<topic_consent::Model> {
    let permit = ctx.permit_at(Op::CreateTopicConsent, new.partnership_id)?;
    permit.covers(&[Some(new.organization_id)])?;
    let topic = record::reference::<topic::Model>(&ctx, "/topicId", new.topic_id).await?;
    if !topic.party_organization_ids.0.contains(&new.organization_id.to_string()) {
        return Err(Error::new(Code::NotYours, "where a topic belongs is for its parties"));
    }
    let from = match new.consents_to {
        TopicOutcome::Reopening => topics::CLOSED,
        TopicOutcome::Partnership | TopicOutcome::BargainingTable => topics::OPEN,
    };
    record::from_state(topic.state, from, TopicState::word)?;
    let active = topic_consent::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<topic_consent::Model>(&ctx, active, "topic_consent.given").await
}

async fn withdraw(ctx: Ctx, at: Target, _: Nothing) -> Result<topic_consent::Model> {
    let row = record::target::<topic_consent::Model>(&ctx, Op::WithdrawTopicConsent, at).await?;
    if row.settled_at.is_some() {
        return Err(Error::new(Code::WrongState, "it has taken effect; consent to opening the topic again instead"));
    }
    if row.withdrawn_at.is_some() {
        return Err(Error::new(Code::WrongState, "the consent is taken back"));
    }
    take_back(&ctx, &row).await
}

/// Takes a consent back.
pub(crate) async fn take_back(ctx: &Ctx, row: &topic_consent::Model) -> Result<topic_consent::Model> {
    let mut active = row.clone().into_active_model();
    active.withdrawn_at = Set(Some(ctx.now()));
    record::save(ctx, row, active, "topic_consent.withdrawn").await
}

/// The consents that stand and have not taken effect.
pub(crate) async fn standing(ctx: &Ctx, topic_id: Uuid) -> Result<Vec<topic_consent::Model>> {
    let rows = topic_consent::Entity::find()
        .filter(topic_consent::Column::TopicId.eq(topic_id))
        .filter(topic_consent::Column::WithdrawnAt.is_null())
        .filter(topic_consent::Column::SettledAt.is_null())
        .filter(topic_consent::Column::ArchivedAt.is_null())
        .order_by_asc(topic_consent::Column::Id)
        .all(&ctx.read())
        .await?;
    Ok(rows)
}

/// What all parties consent to. Refuses while one is missing, or they differ.
fn joint(parties: &[Uuid], consents: &[(Uuid, TopicOutcome)]) -> Result<TopicOutcome> {
    let consenting = parties.iter().filter(|party| consents.iter().any(|(one, _)| one == *party)).count();
    let outcomes: BTreeSet<TopicOutcome> = consents.iter().map(|(_, outcome)| *outcome).collect();
    match outcomes.first() {
        Some(outcome) if consenting == parties.len() && outcomes.len() == 1 => Ok(*outcome),
        _ if outcomes.len() > 1 => {
            let detail = "the parties consent to different venues; they have to agree on one";
            Err(Error::new(Code::JointConsentRequired, detail))
        }
        _ => {
            let detail = format!("{consenting} of {} parties have consented", parties.len());
            Err(Error::new(Code::JointConsentRequired, detail))
        }
    }
}

/// Lets the consents of all parties take effect, and says to what they consented.
pub(crate) async fn settle(ctx: &Ctx, row: &topic::Model) -> Result<TopicOutcome> {
    let parties = members::ids("/partyOrganizationIds", &row.party_organization_ids)?;
    let consents = standing(ctx, row.id).await?;
    let given: Vec<(Uuid, TopicOutcome)> = consents.iter().map(|one| (one.organization_id, one.consents_to)).collect();
    let outcome = joint(&parties, &given)?;
    for consent in consents {
        let mut active = consent.clone().into_active_model();
        active.settled_at = Set(Some(ctx.now()));
        record::save(ctx, &consent, active, "topic_consent.settled").await?;
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use TopicOutcome::{BargainingTable, Partnership};

    #[test]
    fn all_parties_consent_to_the_same_or_to_nothing() {
        let (employer, union) = (Uuid::now_v7(), Uuid::now_v7());
        let parties = [employer, union];
        for (consents, outcome) in [
            (vec![], None),
            (vec![(employer, Partnership)], None),
            (vec![(employer, Partnership), (employer, Partnership)], None),
            (vec![(employer, Partnership), (union, BargainingTable)], None),
            (vec![(employer, Partnership), (union, Partnership)], Some(Partnership)),
            (vec![(union, BargainingTable), (employer, BargainingTable)], Some(BargainingTable)),
        ] {
            assert_eq!(joint(&parties, &consents).ok(), outcome, "{consents:?}");
        }
    }
}
