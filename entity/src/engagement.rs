//! How partners took part over time.

use crate::EngagementMode;

crate::record! {
    /// How a partner took part from one day to another. Shifts are kept, never overwritten.
    Engagement, NewEngagement in "engagement" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The partner.
            partner_id: uuid::Uuid [filter],
            /// The organisation.
            organization_id: uuid::Uuid [filter],
            /// Mode.
            mode: EngagementMode [filter],
            /// First day.
            starts_on: chrono::NaiveDate [sort, range],
            /// Why it shifted.
            reason: Option<String>,
        }
        edited {}
        kept {
            /// Last day; absent while it lasts.
            ends_on: Option<chrono::NaiveDate> = None,
        }
        hidden {}
    }
}
