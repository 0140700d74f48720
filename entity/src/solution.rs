//! Solutions.

use crate::{SolutionOrigin, SolutionState, Texts};

crate::record! {
    /// A solution to needs: designed by employers and others together, held beside alternatives, adopted by the employers that
    /// endorsed the needs (practices 3, 13, 23, 24 and 30).
    Solution, NewSolution in "solution" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// Where it comes from.
            origin: SolutionOrigin [filter],
        }
        edited {
            /// The solution in a line.
            #[schema(min_length = 1, max_length = 300)]
            title: String [search],
            /// What it is.
            #[schema(min_length = 1, max_length = 20000)]
            text: String [search],
            /// Needs it solves; at least one before adoption.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            need_ids: Texts,
            /// Causes it goes to.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            cause_ids: Texts,
            /// Organisations that are to design it: at least one employer and one of another side. Each takes it on itself.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            designer_organization_ids: Texts,
            /// What else was considered.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 50)]
            alternatives_considered: Texts,
            /// Why nothing else was, where nothing was.
            #[schema(max_length = 4000)]
            no_alternatives_reason: Option<String>,
            /// Second looks it builds on.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            second_look_ids: Texts,
            /// The entry of the resource map it builds on.
            resource_id: Option<uuid::Uuid> [filter],
        }
        kept {
            /// Stage.
            state: SolutionState [filter] = SolutionState::Proposed,
            /// Whether it still looks for its problem (practice 23).
            seeking_problem: bool [filter] = false,
            /// The organisation that put it forward; absent when the intermediary did.
            proposed_by_organization_id: Option<uuid::Uuid> [filter] = None,
            /// Designers that took the design on. Only these count for a joint design.
            #[schema(value_type = Vec<uuid::Uuid>)]
            accepted_designer_ids: Texts = Texts::default(),
            /// How many employers approve it.
            approvals: i32 [range] = 0,
            /// How many of them policy asks for at present.
            approvals_needed: i32 = 0,
            /// How many fit scores employers gave it.
            fit_scores: i32 [range] = 0,
            /// Their average, 1 to 5.
            fit_average: Option<f64> = None,
            /// The day it was adopted.
            adopted_on: Option<chrono::NaiveDate> [range] = None,
            /// Why it was rejected.
            rejected_reason: Option<String> = None,
        }
        hidden {}
    }
}
