//! What passes from one seat to the next.

use crate::{HandoverState, Texts};

crate::record! {
    /// What passes from a seat that ended to the one that follows: a brief and the items left open.
    Handover, NewHandover in "handover" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The partner.
            partner_id: uuid::Uuid [filter],
            /// The organisation.
            organization_id: uuid::Uuid [filter],
            /// The seat that ended.
            from_seat_id: uuid::Uuid [filter],
            /// Why it ended.
            #[schema(max_length = 1000)]
            reason: Option<String>,
            /// Open items found when the seat ended.
            #[serde(default)] #[schema(value_type = Vec<String>)]
            items: Texts,
        }
        edited {
            /// What the successor should know.
            #[schema(max_length = 20000)]
            brief: Option<String>,
            /// By when it should be taken on.
            due_on: Option<chrono::NaiveDate> [range],
        }
        kept {
            /// The seat that follows.
            to_seat_id: Option<uuid::Uuid> [filter] = None,
            /// Stage.
            state: HandoverState [filter] = HandoverState::Open,
        }
        hidden {}
    }
}
