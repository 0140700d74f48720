//! Decisions, in and outside meetings.

use crate::{Listed, MadeIn, Side};

crate::record! {
    /// A decision of the partnership, made in a meeting or outside one.
    Decision, NewDecision in "decision" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The meeting it was made in.
            meeting_id: Option<uuid::Uuid> [filter],
            /// Where it was made.
            made_in: MadeIn [filter],
            /// The decision it replaces.
            supersedes_id: Option<uuid::Uuid> [filter],
            /// The need it is about.
            need_id: Option<uuid::Uuid> [filter],
        }
        edited {
            /// What was decided.
            #[schema(min_length = 1, max_length = 8000)]
            text: String,
            /// The day.
            decided_on: chrono::NaiveDate [sort, range],
            /// Sides that took part, such as `employer`.
            #[serde(default)] #[schema(value_type = Vec<Side>, max_items = 6)]
            by_sides: Listed<Side>,
            /// When to look at it again.
            review_on: Option<chrono::NaiveDate> [range],
        }
        kept {}
        hidden {}
    }
}
