//! Action items.

use crate::ActionItemState;

crate::record! {
    /// Something to be done, offered to an organisation and taken on by it, never assigned.
    ActionItem, NewActionItem in "action_item" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The meeting it came from.
            meeting_id: Option<uuid::Uuid> [filter],
            /// The organisation it is offered to.
            owner_organization_id: uuid::Uuid [filter],
            /// The need it is about.
            need_id: Option<uuid::Uuid> [filter],
        }
        edited {
            /// What is to be done.
            #[schema(min_length = 1, max_length = 500)]
            title: String,
            /// The seat that does it.
            seat_id: Option<uuid::Uuid> [filter],
            /// The goal it serves.
            goal_id: Option<uuid::Uuid> [filter],
            /// By when.
            due_on: Option<chrono::NaiveDate> [range],
        }
        kept {
            /// Stage.
            state: ActionItemState [filter] = ActionItemState::Open,
            /// Why it was declined or dropped.
            reason: Option<String> = None,
            /// The item of an earlier meeting it carries on.
            carried_from_id: Option<uuid::Uuid> [filter] = None,
            /// The meeting it was carried over to.
            carried_to_meeting_id: Option<uuid::Uuid> [filter] = None,
        }
        hidden {}
    }
}
