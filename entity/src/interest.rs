//! What partners hope for and what stands in their way.

use crate::{BarrierState, InterestKind};

crate::record! {
    /// What an organisation hopes to gain by taking part, or what stands in the way. Seen by that organisation and the
    /// intermediary alone.
    Interest, NewInterest in "interest" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// Whose interest it is.
            organization_id: uuid::Uuid [filter],
            /// A hope or a barrier.
            kind: InterestKind [filter],
        }
        edited {
            /// In their own words.
            #[schema(min_length = 1, max_length = 4000)]
            text: String,
            /// How far a barrier is addressed.
            barrier_state: Option<BarrierState> [filter],
            /// Who acts on it.
            #[schema(max_length = 300)]
            acting: Option<String>,
        }
        kept {}
        hidden {}
    }
}
