//! Steps of the plan.

use crate::PlanStepState;

crate::record! {
    /// A step of the plan, tied to a goal and led by an organisation that took it on (practices 7 and 13).
    PlanStep, NewPlanStep in "plan_step" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The organisation that leads it.
            lead_organization_id: uuid::Uuid [filter],
        }
        edited {
            /// What is done.
            #[schema(min_length = 1, max_length = 500)]
            title: String [search],
            /// The goal it serves.
            goal_id: uuid::Uuid [filter],
            /// The solution it carries out.
            solution_id: Option<uuid::Uuid> [filter],
            /// The team that works on it.
            action_team_id: Option<uuid::Uuid> [filter],
            /// When it starts.
            starts_on: Option<chrono::NaiveDate> [range],
            /// By when it is done.
            due_on: Option<chrono::NaiveDate> [range],
        }
        kept {
            /// Stage.
            state: PlanStepState [filter] = PlanStepState::Planned,
            /// The organisation that leads its team, which may change, start and report it too.
            team_lead_organization_id: Option<uuid::Uuid> [filter] = None,
            /// The day its lead took it on.
            accepted_on: Option<chrono::NaiveDate> = None,
            /// The day it started.
            started_on: Option<chrono::NaiveDate> = None,
            /// The day it was done.
            done_on: Option<chrono::NaiveDate> = None,
            /// What came of it.
            outcome: Option<String> = None,
            /// Why it was declined or dropped.
            reason: Option<String> = None,
        }
        hidden {}
    }
}
