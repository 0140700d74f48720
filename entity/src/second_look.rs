//! Second looks at what exists or was tried.

use crate::{FailureReason, Finding, SecondLookState, Texts};

crate::record! {
    /// A second look at an entry of the map or at a past attempt (practices 16, 17 and 28). Six questions are answered and the
    /// owner is heard before it concludes.
    SecondLook, NewSecondLook in "second_look" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The entry of the resource map.
            resource_id: Option<uuid::Uuid> [filter],
            /// The claim it was opened from.
            input_id: Option<uuid::Uuid> [filter],
        }
        edited {
            /// What is looked at.
            #[schema(min_length = 1, max_length = 300)]
            subject: String [search],
            /// The organisation that owns or owned it, which has a right of reply.
            owner_organization_id: Option<uuid::Uuid> [filter],
            /// Needs it is held against.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            need_ids: Texts,
            /// At which problem was it aimed?
            #[schema(max_length = 8000)]
            problem_aimed_at: Option<String>,
            /// Who defined that problem?
            #[schema(max_length = 8000)]
            problem_defined_by: Option<String>,
            /// Who was served?
            #[schema(max_length = 8000)]
            people_served: Option<String>,
            /// What happened?
            #[schema(max_length = 8000)]
            what_happened: Option<String>,
            /// Why did it stop, or why does it go on?
            #[schema(max_length = 8000)]
            why_it_stopped: Option<String>,
            /// What is different now?
            #[schema(max_length = 8000)]
            what_differs_now: Option<String>,
            /// When to look again.
            review_on: Option<chrono::NaiveDate> [range],
        }
        kept {
            /// Stage.
            state: SecondLookState [filter] = SecondLookState::Opened,
            /// What was found.
            finding: Option<Finding> [filter] = None,
            /// Why it did not work, where it did not.
            failure_reason: Option<FailureReason> [filter] = None,
            /// Organisations that review it.
            #[schema(value_type = Vec<uuid::Uuid>)]
            reviewers: Texts = Texts::default(),
            /// The owner's reply.
            owner_reply: Option<String> = None,
            /// The day until which the owner is waited for; absent without an owner.
            owner_reply_due_on: Option<chrono::NaiveDate> [range] = None,
            /// Whether it was concluded without a reply by its day.
            owner_silent: bool [filter] = false,
            /// The organisation that opened it; absent when the intermediary did.
            opened_by_organization_id: Option<uuid::Uuid> [filter] = None,
            /// The day of the finding.
            concluded_on: Option<chrono::NaiveDate> [range] = None,
            /// Why it was opened again.
            reopened_reason: Option<String> = None,
        }
        hidden {}
    }
}
