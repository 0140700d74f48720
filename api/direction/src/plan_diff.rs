//! What one version of the plan changes against another (practice 41).

use std::collections::HashSet;

use roundtable_entity::plan_version::{self, PlannedGoal, PlannedStep};
use roundtable_entity::{Record, Texts, employer_statement, input, need, second_look};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::scope::Scoped;
use roundtable_kernel::{record, seal};
use sea_orm::{ColumnTrait, Condition};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::members;

/// Which versions.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DiffQuestion {
    #[schema(ignore)]
    id: Uuid,
    /// The version to hold it against; the one it follows unless said otherwise.
    against: Option<Uuid>,
}

/// What a version of the plan changes against another, as far as you may know of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanVersionDiff {
    /// The version.
    plan_version_id: Uuid,
    /// Its number.
    number: i32,
    /// The version it is held against; absent for the first, which is held against nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Uuid>,
    /// The number of that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    against_number: Option<i32>,
    /// Steps that only this version holds.
    steps_added: Vec<PlannedStep>,
    /// Steps that only the other one holds.
    steps_removed: Vec<PlannedStep>,
    /// Steps that both hold, and that are not the same in them.
    steps_changed: Vec<PlanChange>,
    /// Goals that only this version holds.
    goals_added: Vec<PlannedGoal>,
    /// Goals that only the other one holds.
    goals_removed: Vec<PlannedGoal>,
    /// Goals that both hold, and that are not the same in them.
    goals_changed: Vec<PlanChange>,
    /// What only this version rests on.
    basis_added: Vec<PlanBasis>,
}

/// How a step or a goal differs between two versions.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanChange {
    /// The step or goal.
    id: Uuid,
    /// Its members that differ.
    members: Vec<MemberChange>,
}

/// How a member differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemberChange {
    /// Its name, such as `dueOn`.
    member: String,
    /// What it was, lists as JSON; absent when it held nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<String>,
    /// What it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    became: Option<String>,
}

/// A record that a version of the plan rests on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanBasis {
    /// The record.
    id: Uuid,
    /// What it is, such as `Input`.
    kind: String,
}

pub(crate) fn register(table: &mut Operations) {
    table.report::<DiffQuestion, PlanVersionDiff, _, _>(
        Op::GetPlanVersionDiff,
        "plan-versions",
        "plan-versions/{id}/diff",
        diff,
    );
}

async fn diff(ctx: Ctx, question: DiffQuestion) -> Result<PlanVersionDiff> {
    let mut after = record::get::<plan_version::Model>(&ctx, Op::GetPlanVersionDiff, question.id).await?;
    let mut before = match (question.against, after.follows_id) {
        (Some(id), _) => Some(record::reference::<plan_version::Model>(&ctx, "/against", id).await?),
        // One that the reader may not know of is as if it were not there.
        (None, Some(id)) => members::rows(&ctx, Condition::all().add(plan_version::Column::Id.eq(id))).await?.pop(),
        (None, None) => None,
    };
    let standing = ctx.standing()?;
    seal::show(&ctx, standing, std::slice::from_mut(&mut after)).await?;
    seal::show(&ctx, standing, before.as_mut_slice()).await?;
    let (steps, goals) = before.as_ref().map_or((&[][..], &[][..]), |row| (&row.steps.0[..], &row.goals.0[..]));
    let steps = Between::of(steps, &after.steps.0, |step| step.id)?;
    let goals = Between::of(goals, &after.goals.0, |goal| goal.id)?;
    Ok(PlanVersionDiff {
        plan_version_id: after.id,
        number: after.number,
        against: before.as_ref().map(|row| row.id),
        against_number: before.as_ref().map(|row| row.number),
        steps_added: steps.added,
        steps_removed: steps.removed,
        steps_changed: steps.changed,
        goals_added: goals.added,
        goals_removed: goals.removed,
        goals_changed: goals.changed,
        basis_added: basis_added(&ctx, &after, before.as_ref()).await?,
    })
}

/// What lies between two lists.
struct Between<T> {
    added: Vec<T>,
    removed: Vec<T>,
    changed: Vec<PlanChange>,
}

impl<T: Clone + Serialize> Between<T> {
    fn of(before: &[T], after: &[T], id: impl Fn(&T) -> Uuid) -> Result<Self> {
        let among = |list: &[T], one: &T| list.iter().find(|other| id(other) == id(one)).cloned();
        let mut changed = Vec::new();
        for became in after {
            if let Some(was) = among(before, became) {
                let members = members_changed(&was, became)?;
                if !members.is_empty() {
                    changed.push(PlanChange { id: id(became), members });
                }
            }
        }
        let only = |list: &[T], other: &[T]| list.iter().filter(|one| among(other, one).is_none()).cloned().collect();
        Ok(Self { added: only(after, before), removed: only(before, after), changed })
    }
}

fn members_changed<T: Serialize>(was: &T, became: &T) -> Result<Vec<MemberChange>> {
    let (was, became) =
        (serde_json::to_value(was).map_err(Error::internal)?, serde_json::to_value(became).map_err(Error::internal)?);
    let names = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    };
    let mut all = names(&was);
    all.extend(names(&became).into_iter().filter(|name| was.get(name).is_none()));
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    Ok(all
        .into_iter()
        .map(|member| MemberChange { was: text(was.get(&member)), became: text(became.get(&member)), member })
        .filter(|change| change.was != change.became)
        .collect())
}

async fn basis_added(
    ctx: &Ctx,
    after: &plan_version::Model,
    before: Option<&plan_version::Model>,
) -> Result<Vec<PlanBasis>> {
    let nothing = Texts::default();
    let of = |member: fn(&plan_version::Model) -> &Texts| (member(after), before.map_or(&nothing, member));
    let (mut added, mut looks) = (
        known_anew::<input::Model>(ctx, of(|row| &row.basis_input_ids)).await?,
        known_anew::<second_look::Model>(ctx, of(|row| &row.basis_second_look_ids)).await?,
    );
    added.append(&mut looks);
    added.extend(known_anew::<employer_statement::Model>(ctx, of(|row| &row.basis_statement_ids)).await?);
    added.extend(known_anew::<need::Model>(ctx, of(|row| &row.basis_need_ids)).await?);
    Ok(added)
}

/// Those of the first list that are not in the second, as far as the reader may know of them.
async fn known_anew<R: Scoped>(ctx: &Ctx, (after, before): (&Texts, &Texts)) -> Result<Vec<PlanBasis>> {
    let before: HashSet<&String> = before.0.iter().collect();
    let anew = after.0.iter().filter(|id| !before.contains(id)).filter_map(|id| Uuid::parse_str(id).ok());
    let anew: Vec<Uuid> = anew.collect();
    let (Some(id), false) = (<R as Record>::column("id"), anew.is_empty()) else { return Ok(Vec::new()) };
    let known = members::rows::<R>(ctx, Condition::all().add(id.is_in(anew))).await?;
    Ok(known.iter().map(|row| PlanBasis { id: row.id(), kind: R::NAME.into() }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Step {
        id: Uuid,
        title: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        due_on: Option<&'static str>,
    }

    fn step(id: u128, title: &'static str, due_on: Option<&'static str>) -> Step {
        Step { id: Uuid::from_u128(id), title, due_on }
    }

    #[test]
    fn a_difference_is_what_came_what_went_and_what_changed_member_by_member() -> Result<()> {
        let before = [step(1, "Name mentors", None), step(2, "Buy", None), step(3, "Same", None)];
        let after = [step(1, "Name the mentors", Some("2026-03-01")), step(3, "Same", None), step(4, "New", None)];
        let between = Between::of(&before, &after, |step| step.id)?;
        let ids = |list: &[Step]| list.iter().map(|step| step.id.as_u128()).collect::<Vec<_>>();
        assert_eq!((ids(&between.added), ids(&between.removed)), (vec![4], vec![2]));
        assert_eq!(between.changed.len(), 1);
        let change = |member: &str, was: Option<&str>, became: &str| MemberChange {
            member: member.into(),
            was: was.map(str::to_owned),
            became: Some(became.into()),
        };
        let wanted = [change("title", Some("Name mentors"), "Name the mentors"), change("dueOn", None, "2026-03-01")];
        assert!(between.changed.iter().all(|one| one.members == wanted));
        Ok(())
    }
}
