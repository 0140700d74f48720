//! Entries of the resource map: programs, resources, policies and assets.

use chrono::Days;
use roundtable_entity::{
    CodeSystem, Confirmation, Record, RecordState, location, name_key, organization, resource, resource_status_change,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::policy;
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::relation::Relation;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::codes::check_codes;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<resource::Model>("resources")
        .list(Op::ListResources)
        .get(Op::GetResource)
        .create(Op::CreateResource, create_resource)
        .update(Op::UpdateResource, update_resource)
        .archive(Op::ArchiveResource)
        .restore(Op::RestoreResource)
        .act(Op::PublishResource, "publish", publish_resource)
        .act(Op::ConfirmResource, "confirm", confirm_resource)
        .act(Op::VerifyResource, "verify", verify_resource)
        .act(Op::RetireResource, "retire", retire_resource)
        .one::<organization::Model>("owner", "owner_organization_id")
        .one::<location::Model>("location", "location_id")
        .many::<resource_status_change::Model>(
            "statusHistory",
            Op::ListResourceStatusChanges,
            "resource_id",
            "created_at",
        );
    table
        .collection::<resource_status_change::Model>("resource-status-changes")
        .list(Op::ListResourceStatusChanges)
        .get(Op::GetResourceStatusChange)
        .one::<resource::Model>("resource", "resource_id");
    let resources =
        |from, column| Relation::many::<resource::Model>(from, "resources", Op::ListResources, column, "name_key");
    table.tend(Op::VerifyResource, |ctx, partnership_id| async move {
        while mark_stale(&ctx, partnership_id).await? == 500 {}
        Ok(())
    });
    table.relations.push(resources("Organization", "owner_organization_id"));
}

async fn check(ctx: &Ctx, new: &resource::NewResource) -> Result<()> {
    if let Some(id) = new.owner_organization_id {
        record::reference::<organization::Model>(ctx, "/ownerOrganizationId", id).await?;
    }
    if let Some(id) = new.location_id {
        record::reference::<location::Model>(ctx, "/locationId", id).await?;
    }
    if let (Some(made), Some(used)) = (new.developed_on, new.last_used_on)
        && used < made
    {
        return Err(Error::member("/lastUsedOn", "out_of_range", "it cannot have been used before it was developed"));
    }
    check_codes(ctx, "naics", CodeSystem::Naics, &new.naics).await?;
    check_codes(ctx, "soc", CodeSystem::Soc, &new.soc).await?;
    check_codes(ctx, "cip", CodeSystem::Cip, &new.cip).await
}

async fn create_resource(ctx: Ctx, new: resource::NewResource) -> Result<resource::Model> {
    let permit = ctx.permit_at(Op::CreateResource, new.partnership_id)?;
    check(&ctx, &new).await?;
    draft(&ctx, new, permit.standing.organization_id, None).await
}

/// Puts an entry down as a draft, with who discovered it and whether its owner has to be asked first.
pub async fn draft(
    ctx: &Ctx,
    new: resource::NewResource,
    discovered_by: Option<Uuid>,
    owner_confirmation: Option<Confirmation>,
) -> Result<resource::Model> {
    let key = name_key(&new.name);
    let mut active = resource::Model::begin(ctx.new_id(), ctx.now(), new);
    active.name_key = ActiveValue::Set(key);
    active.discovered_on = ActiveValue::Set(ctx.today());
    active.discovered_by_organization_id = ActiveValue::Set(discovered_by);
    active.status_since = ActiveValue::Set(ctx.now());
    active.owner_confirmation = ActiveValue::Set(owner_confirmation);
    let row = record::insert::<resource::Model>(ctx, active, "resource.drafted").await?;
    remember(ctx, None, &row).await?;
    Ok(row)
}

/// Keeps what became of an entry: its status and its stage, where they changed.
async fn remember(ctx: &Ctx, before: Option<&resource::Model>, after: &resource::Model) -> Result<()> {
    let changes = [
        ("status", before.map(|row| row.status.word()), after.status.word()),
        ("recordState", before.map(|row| row.record_state.word()), after.record_state.word()),
    ];
    for (member, was, became) in changes.into_iter().filter(|(_, was, became)| *was != Some(*became)) {
        let new = resource_status_change::NewResourceStatusChange {
            partnership_id: after.partnership_id,
            resource_id: after.id,
            member: member.into(),
            was: was.map(str::to_owned),
            became: became.into(),
        };
        let active = resource_status_change::Model::begin(ctx.new_id(), ctx.now(), new);
        active.insert(&ctx.read()).await?;
    }
    Ok(())
}

/// Stores a changed entry and remembers what became of it.
async fn save(
    ctx: &Ctx,
    before: &resource::Model,
    active: resource::ActiveModel,
    happened: &str,
) -> Result<resource::Model> {
    let after = record::save(ctx, before, active, happened).await?;
    remember(ctx, Some(before), &after).await?;
    Ok(after)
}

async fn update_resource(ctx: Ctx, at: Target, patch: Value) -> Result<resource::Model> {
    record::check_patch::<resource::Model>(&patch)?;
    let row = record::target::<resource::Model>(&ctx, Op::UpdateResource, at).await?;
    let new = record::merged(&row, &patch)?;
    check(&ctx, &new).await?;
    let mut active = row.clone().into_active_model();
    let owner_asked = row.owner_confirmation == Some(Confirmation::Pending);
    if owner_asked && new.owner_organization_id != row.owner_organization_id {
        let detail = "the owner was asked to confirm the entry; it answers first";
        return Err(Error::member("/ownerOrganizationId", "owner_asked", detail));
    }
    if row.owner_confirmation.is_some() && row.record_state == RecordState::Draft && new != row.editable() {
        // Whatever anybody else changes, the owner is asked about.
        let owner = ctx.standing()?.acts_for(row.owner_organization_id);
        let word = if owner { Confirmation::Corrected } else { Confirmation::Pending };
        active.owner_confirmation = ActiveValue::Set(Some(word));
    }
    if new.status != row.status {
        active.status_since = ActiveValue::Set(ctx.now());
    }
    active.name_key.set_if_not_equals(name_key(&new.name));
    resource::Model::edit(&mut active, new);
    save(&ctx, &row, active, "resource.updated").await
}

async fn confirm_resource(ctx: Ctx, at: Target, _: Nothing) -> Result<resource::Model> {
    let row = record::target::<resource::Model>(&ctx, Op::ConfirmResource, at).await?;
    if !ctx.standing()?.acts_for(row.owner_organization_id) {
        return Err(Error::new(Code::NotYours, "the owner confirms what is said of it"));
    }
    if row.owner_confirmation != Some(Confirmation::Pending) {
        return Err(Error::new(Code::WrongState, "nobody waits for the owner's word on this entry"));
    }
    let mut active = row.clone().into_active_model();
    active.owner_confirmation = ActiveValue::Set(Some(Confirmation::Confirmed));
    save(&ctx, &row, active, "resource.confirmed").await
}

async fn publish_resource(ctx: Ctx, at: Target, _: Nothing) -> Result<resource::Model> {
    let row = record::target::<resource::Model>(&ctx, Op::PublishResource, at).await?;
    record::from_state(row.record_state, &[RecordState::Draft, RecordState::Retired], RecordState::word)?;
    if row.owner_confirmation == Some(Confirmation::Pending) {
        return Err(Code::OwnerConfirmationRequired.into());
    }
    let mut active = row.clone().into_active_model();
    active.record_state = ActiveValue::Set(RecordState::Listed);
    active.retired_reason = ActiveValue::Set(None);
    save(&ctx, &row, active, "resource.listed").await
}

async fn verify_resource(ctx: Ctx, at: Target, _: Nothing) -> Result<resource::Model> {
    let row = record::target::<resource::Model>(&ctx, Op::VerifyResource, at).await?;
    let from = [RecordState::Listed, RecordState::Verified, RecordState::Stale];
    record::from_state(row.record_state, &from, RecordState::word)?;
    let mut active = row.clone().into_active_model();
    active.record_state = ActiveValue::Set(RecordState::Verified);
    active.verified_on = ActiveValue::Set(Some(ctx.today()));
    active.verified_by_organization_id = ActiveValue::Set(ctx.standing()?.organization_id);
    save(&ctx, &row, active, "resource.verified").await
}

/// Why an entry is taken off the map.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retirement {
    /// The reason.
    #[schema(min_length = 3, max_length = 1000)]
    reason: String,
}

async fn retire_resource(ctx: Ctx, at: Target, retirement: Retirement) -> Result<resource::Model> {
    let row = record::target::<resource::Model>(&ctx, Op::RetireResource, at).await?;
    let from = [RecordState::Draft, RecordState::Listed, RecordState::Verified, RecordState::Stale];
    record::from_state(row.record_state, &from, RecordState::word)?;
    let mut active = row.clone().into_active_model();
    active.record_state = ActiveValue::Set(RecordState::Retired);
    active.retired_reason = ActiveValue::Set(Some(retirement.reason));
    save(&ctx, &row, active, "resource.retired").await
}

/// Marks entries as stale that nobody verified for longer than the partnership's policy allows. The server does this by
/// itself, some at a time; returns how many it marked.
async fn mark_stale(ctx: &Ctx, partnership_id: Uuid) -> Result<usize> {
    ctx.write(move |ctx| async move {
        let days = policy::value(&ctx, partnership_id, "map_stale_days").await?;
        // Bounded by the policy table, far below what a day count holds.
        let days = Days::new(days.max(1.0) as u64);
        let Some(before) = ctx.today().checked_sub_days(days) else {
            return Ok(0);
        };
        let rows = resource::Entity::find()
            .filter(resource::Column::PartnershipId.eq(partnership_id))
            .filter(resource::Column::ArchivedAt.is_null())
            .filter(resource::Column::RecordState.is_in([RecordState::Listed, RecordState::Verified]))
            .filter(
                Condition::any().add(resource::Column::VerifiedOn.lt(before)).add(
                    Condition::all()
                        .add(resource::Column::VerifiedOn.is_null())
                        .add(resource::Column::DiscoveredOn.lt(before)),
                ),
            )
            .limit(500)
            .all(&ctx.read())
            .await?;
        for row in &rows {
            let mut active = row.clone().into_active_model();
            active.record_state = ActiveValue::Set(RecordState::Stale);
            save(&ctx, row, active, "resource.stale").await?;
        }
        Ok(rows.len())
    })
    .await
}
