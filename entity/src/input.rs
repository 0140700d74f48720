//! What partners bring: inputs, ideas, questions, doubts and claims.

use crate::{ClaimType, ConversionKind, InputKind, InputState};

crate::record! {
    /// Something a partner brings, with a day by which it is answered (practice 15). The author of a masked doubt is
    /// known to the own organisation and the intermediary only.
    Input, NewInput in "input" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// What it is.
            kind: InputKind [filter],
            /// Whether other members are kept from knowing who brought it; for doubts only.
            #[serde(default)]
            masked: bool,
        }
        edited {
            /// What it is about, in a line.
            #[schema(max_length = 300)]
            subject: Option<String> [search],
            /// What is brought.
            #[schema(min_length = 1, max_length = 8000)]
            text: String [search],
            /// Which of the familiar objections it is; for claims only.
            claim_type: Option<ClaimType> [filter],
            /// The need it is about.
            need_id: Option<uuid::Uuid> [filter],
            /// The entry of the resource map it is about.
            resource_id: Option<uuid::Uuid> [filter],
            /// The organisation said to be doing it, for claims of that type.
            named_organization_id: Option<uuid::Uuid>,
            /// The year in which it was tried.
            #[schema(minimum = 1900, maximum = 2200)]
            attempted_year: Option<i32>,
            /// What is said to have come of it.
            #[schema(max_length = 4000)]
            claimed_result: Option<String>,
        }
        kept {
            /// Stage.
            state: InputState [filter] = InputState::New,
            /// The organisation it comes from; absent when the intermediary brought it or it is masked.
            from_organization_id: Option<uuid::Uuid> = None,
            /// The person it comes from.
            from_person_id: Option<uuid::Uuid> = None,
            /// The day by which it is answered.
            answer_by: chrono::NaiveDate [sort, range] = chrono::NaiveDate::default(),
            /// The answer.
            answer: Option<String> = None,
            /// The day of the answer.
            answered_on: Option<chrono::NaiveDate> = None,
            /// Why it was parked.
            parked_reason: Option<String> = None,
            /// The second look opened from it.
            second_look_id: Option<uuid::Uuid> [filter] = None,
            /// What it was made into.
            converted_to_type: Option<ConversionKind> [filter] = None,
            /// The record it was made into.
            converted_to_id: Option<uuid::Uuid> [filter] = None,
            /// Whether it waits for an answer past its day.
            overdue: bool [filter] = false,
        }
        hidden {}
    }
}
