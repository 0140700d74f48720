//! Outreach: who reached whom, and what came of it.

use crate::{OutreachChannel, OutreachPurpose};

crate::record! {
    /// One contact with an organisation by the intermediary or a champion: who, whom, how, what for, what came of it and
    /// when the next is due.
    OutreachTouch, NewOutreachTouch in "outreach_touch" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The organisation reached.
            organization_id: uuid::Uuid [filter],
            /// The person reached.
            person_id: Option<uuid::Uuid> [filter],
        }
        edited {
            /// How.
            channel: OutreachChannel [filter],
            /// What for.
            purpose: OutreachPurpose [filter],
            /// The day.
            touched_on: chrono::NaiveDate [range, sort],
            /// What came of it.
            #[schema(max_length = 4000)]
            result: Option<String>,
            /// When the next is due.
            next_on: Option<chrono::NaiveDate> [range],
        }
        kept {
            /// Organisation of whoever made the contact.
            by_organization_id: Option<uuid::Uuid> [filter] = None,
        }
        hidden {
            /// The account that logged it.
            by_account_id: Option<uuid::Uuid> = None,
        }
    }
}
