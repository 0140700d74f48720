//! What partners offer against needs and causes.

use crate::OfferState;

crate::record! {
    /// What a partner can offer against a need or a cause (practice 12).
    Offer, NewOffer in "offer" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The organisation that offers.
            organization_id: uuid::Uuid [filter],
            /// The need; give this or a cause.
            need_id: Option<uuid::Uuid> [filter],
            /// The cause; give this or a need.
            cause_id: Option<uuid::Uuid> [filter],
        }
        edited {
            /// What is offered.
            #[schema(min_length = 1, max_length = 8000)]
            text: String [search],
            /// The entry of the resource map it comes from.
            resource_id: Option<uuid::Uuid> [filter],
            /// How much or how many.
            #[schema(max_length = 1000)]
            capacity: Option<String>,
            /// How long until it is there.
            #[schema(max_length = 1000)]
            lead_time: Option<String>,
            /// What it costs.
            #[schema(max_length = 1000)]
            cost: Option<String>,
            /// What it cannot do.
            #[schema(max_length = 4000)]
            limits: Option<String>,
        }
        kept {
            /// Stage.
            state: OfferState [filter] = OfferState::Made,
            /// Why it was withdrawn.
            withdrawn_reason: Option<String> = None,
        }
        hidden {}
    }
}
