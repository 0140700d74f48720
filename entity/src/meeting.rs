//! Meetings.

use crate::{
    EngagementMode, FunctionLevel, Listed, MeetingKind, MeetingMode, MeetingState, ObjectiveResult, Publicity,
};

crate::record! {
    /// A meeting with one objective. It cannot be called without the objective, nor closed without saying whether the
    /// objective was met: never meet only to meet.
    Meeting, NewMeeting in "meeting" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The series it belongs to.
            series_id: Option<uuid::Uuid> [filter],
            /// Stable identifier for calendars (RFC 5545 UID); made when it is left out.
            #[schema(min_length = 1, max_length = 300)]
            uid: Option<String> [filter],
        }
        edited {
            /// Title.
            #[schema(min_length = 1, max_length = 300)]
            title: String [search],
            /// Kind.
            kind: MeetingKind [filter],
            /// What it does with people's time.
            #[serde(default = "action")]
            mode: MeetingMode [filter],
            /// What will be different after it. Required before it can be scheduled.
            #[schema(max_length = 2000)]
            objective: Option<String> [search],
            /// When it begins.
            #[serde(deserialize_with = "crate::microseconds")]
            starts_at: chrono::DateTime<chrono::Utc> [sort, range],
            /// Length in minutes; the agenda must fit.
            #[schema(minimum = 5, maximum = 1440)]
            duration_minutes: i32,
            /// IANA time zone of the place.
            #[schema(min_length = 1, max_length = 60)]
            time_zone: String,
            /// Minutes of preparation asked of each invitee.
            #[serde(default)] #[schema(minimum = 0, maximum = 2400)]
            preparation_minutes: i32,
            /// Where: address or room.
            #[schema(max_length = 500)]
            place: Option<String>,
            /// Where: address of the remote meeting.
            #[schema(max_length = 1000, pattern = r"^https?://[^\s]+$")]
            url: Option<String>,
            /// How to take part without being there, in person or by link. Required for a decision meeting that asks for
            /// small or medium employers.
            #[schema(max_length = 1000)]
            asynchronous_input: Option<String>,
            /// How many fit in.
            #[schema(minimum = 1)]
            capacity: Option<i32>,
            /// Materials, access needs, catering and the like.
            #[schema(max_length = 4000)]
            logistics: Option<String>,
            /// Function levels it is meant for, such as `executive` or `hr`; empty means all.
            #[serde(default)] #[schema(value_type = Vec<FunctionLevel>, max_items = 10)]
            audience_levels: Listed<FunctionLevel>,
            /// Engagement modes it is meant for; empty means all.
            #[serde(default)] #[schema(value_type = Vec<EngagementMode>, max_items = 3)]
            audience_modes: Listed<EngagementMode>,
            /// Organisation that hosts it.
            host_organization_id: Option<uuid::Uuid> [filter],
            /// Who may know of it.
            #[serde(default = "members")]
            publicity: Publicity [filter],
        }
        kept {
            /// Stage.
            state: MeetingState [filter] = MeetingState::Draft,
            /// Wall-clock time it begins at its place, `YYYY-MM-DDTHH:MM` with the offset from UTC.
            starts_local: String = String::new(),
            /// When it is to end.
            ends_at: chrono::DateTime<chrono::Utc> [range] = chrono::DateTime::UNIX_EPOCH,
            /// Whether the objective was met.
            objective_result: Option<ObjectiveResult> [filter] = None,
            /// When it really ended.
            ended_at: Option<chrono::DateTime<chrono::Utc>> = None,
            /// Minutes it ran over; negative when it ended early.
            overrun_minutes: Option<i32> = None,
            /// Why it was cancelled.
            cancelled_reason: Option<String> = None,
            /// Counts changes that matter to calendars (RFC 5545 SEQUENCE).
            sequence: i32 = 0,
        }
        hidden {
            /// The account that made it.
            organizer_account_id: Option<uuid::Uuid> = None,
            /// The organisation for which it was made.
            organizer_organization_id: Option<uuid::Uuid> = None,
        }
    }
}

fn action() -> MeetingMode {
    MeetingMode::Action
}
fn members() -> Publicity {
    Publicity::Members
}
