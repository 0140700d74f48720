//! Versions of the plan.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{GoalState, Horizon, Listed, PlanStepState, PlanVersionState, Texts};

/// A step as a version of the plan holds it: what it was when that version was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// The step.
    pub id: Uuid,
    /// What is done.
    pub title: String,
    /// The goal it serves.
    pub goal_id: Uuid,
    /// The solution it carries out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solution_id: Option<Uuid>,
    /// The team that works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_team_id: Option<Uuid>,
    /// The organisation that leads it.
    pub lead_organization_id: Uuid,
    /// When it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_on: Option<chrono::NaiveDate>,
    /// By when it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_on: Option<chrono::NaiveDate>,
    /// Its stage.
    pub state: PlanStepState,
}

/// A goal as a version of the plan holds it: what it was when that version was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedGoal {
    /// The goal.
    pub id: Uuid,
    /// What is to be reached.
    pub statement: String,
    /// How far ahead it lies.
    pub horizon: Horizon,
    /// The longer-term goal it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_goal_id: Option<Uuid>,
    /// How it is told that it is reached.
    pub metrics: Vec<String>,
    /// Its stage.
    pub state: GoalState,
}

crate::record! {
    /// A version of the plan: the steps and goals it holds, and what it rests on. Employers bring it into force by their
    /// approvals. It never locks: the next version amends it, and this one stays readable as it was (practices 8 and 41).
    /// Observers know of the version in force, without what it rests on.
    PlanVersion, NewPlanVersion in "plan_version" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
        }
        edited {
            /// What the plan is, and what this version changes in it.
            #[schema(min_length = 1, max_length = 8000)]
            summary: String [search],
            /// Steps it holds.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 200)]
            step_ids: Texts,
            /// Goals it holds besides those that its steps serve.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 100)]
            goal_ids: Texts,
            /// Inputs it rests on. An amendment rests on an input, a second look or a statement.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 100)]
            basis_input_ids: Texts,
            /// Second looks it rests on.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 100)]
            basis_second_look_ids: Texts,
            /// Employer statements it rests on, each confirmed or corrected by its employer.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 100)]
            basis_statement_ids: Texts,
            /// Needs it rests on. The first version may rest on these or on its goals alone.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 100)]
            basis_need_ids: Texts,
        }
        kept {
            /// Its number at this partnership, from 1.
            number: i32 [filter, range, sort] = 0,
            /// Stage.
            state: PlanVersionState [filter] = PlanVersionState::Draft,
            /// The steps as they were when this version was written.
            #[schema(value_type = Vec<PlannedStep>)]
            steps: Listed<PlannedStep> = Listed::default(),
            /// The goals, and those they lead to, as they were when this version was written.
            #[schema(value_type = Vec<PlannedGoal>)]
            goals: Listed<PlannedGoal> = Listed::default(),
            /// The version that was in force when this one was written.
            follows_id: Option<uuid::Uuid> = None,
            /// The organisation that wrote it; absent when the intermediary did.
            proposed_by_organization_id: Option<uuid::Uuid> [filter] = None,
            /// How many employers at the table approve it.
            approvals: i32 [range] = 0,
            /// How many of them policy asks for at present.
            approvals_needed: i32 = 0,
            /// The day it came into force.
            in_force_on: Option<chrono::NaiveDate> [range] = None,
            /// The day by which a step of it is to have started.
            first_step_due_on: Option<chrono::NaiveDate> [range] = None,
            /// The day its first step started, or that it came into force with one under way.
            started_on: Option<chrono::NaiveDate> = None,
            /// Warning (`PLAN_NOT_STARTED`): that day went by, and no step of it has started.
            not_started: bool [filter] = false,
            /// The day it was last reviewed and stood; at first the day it came into force.
            reviewed_on: Option<chrono::NaiveDate> [range] = None,
            /// The day a later version replaced it.
            superseded_on: Option<chrono::NaiveDate> [range] = None,
        }
        hidden {}
    }
}
