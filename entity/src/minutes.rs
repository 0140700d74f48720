//! Minutes of meetings.

use crate::MinutesState;

crate::record! {
    /// The minutes of a meeting, approved by attendees of at least two sides where two were there.
    Minutes, NewMinutes in "minutes" {
        given {
            /// The meeting.
            meeting_id: uuid::Uuid [filter],
        }
        edited {
            /// The text, Markdown.
            #[schema(min_length = 1, max_length = 100000)]
            text: String,
        }
        kept {
            /// The partnership.
            partnership_id: uuid::Uuid [filter] = uuid::Uuid::nil(),
            /// Stage.
            state: MinutesState [filter] = MinutesState::Draft,
            /// Organisations that approved, by id.
            #[schema(value_type = Vec<String>)]
            approved_by: crate::Texts = crate::Texts::default(),
        }
        hidden {}
    }
}
