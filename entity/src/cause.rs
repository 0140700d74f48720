//! Causes of needs.

use crate::{CauseLevel, CauseState, Texts};

crate::record! {
    /// A cause of a need, in a tree from the surface down to the root (practice 26).
    Cause, NewCause in "cause" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The need.
            need_id: uuid::Uuid [filter],
            /// The cause right above it; absent for one at the surface.
            parent_id: Option<uuid::Uuid> [filter],
        }
        edited {
            /// What the cause is.
            #[schema(min_length = 1, max_length = 4000)]
            text: String,
            /// How deep it lies.
            level: CauseLevel [filter],
            /// Why it leads to the one above: the step from one to the other.
            #[schema(max_length = 4000)]
            why: Option<String>,
            /// What speaks for it.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 50)]
            evidence: Texts,
        }
        kept {
            /// Stage.
            state: CauseState [filter] = CauseState::Proposed,
            /// How far down the tree it is, 1 at the surface.
            depth: i32 [sort, range] = 1,
            /// How many employers that endorse the need confirm it.
            confirmations: i32 [range] = 0,
            /// The organisation that put it forward; absent when the intermediary did.
            proposed_by_organization_id: Option<uuid::Uuid> [filter] = None,
            /// Why it was rejected.
            rejected_reason: Option<String> = None,
        }
        hidden {}
    }
}
