//! Goals.

use crate::{GoalState, Horizon, Texts};

crate::record! {
    /// A goal of the partnership, near or far (practices 2 and 7).
    Goal, NewGoal in "goal" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
        }
        edited {
            /// What is to be reached.
            #[schema(min_length = 1, max_length = 2000)]
            statement: String [search],
            /// How far ahead it lies.
            horizon: Horizon [filter],
            /// The longer-term goal it serves.
            parent_goal_id: Option<uuid::Uuid> [filter],
            /// How it is told that it is reached.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 50)]
            metrics: Texts,
        }
        kept {
            /// Stage.
            state: GoalState [filter] = GoalState::Proposed,
            /// The organisation that put it forward; absent when the intermediary did.
            proposed_by_organization_id: Option<uuid::Uuid> [filter] = None,
            /// The employer that agreed.
            agreed_by_organization_id: Option<uuid::Uuid> = None,
            /// Why it was retired.
            retired_reason: Option<String> = None,
        }
        hidden {}
    }
}
