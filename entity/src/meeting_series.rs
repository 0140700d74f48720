//! Series of meetings.

use crate::{MeetingKind, MeetingMode, Texts};

crate::record! {
    /// Meetings that recur by a rule. The local time stays the same across changes of daylight saving.
    MeetingSeries, NewMeetingSeries in "meeting_series" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
        }
        edited {
            /// Title its meetings get.
            #[schema(min_length = 1, max_length = 300)]
            title: String [sort],
            /// Kind of its meetings.
            kind: MeetingKind [filter],
            /// Mode of its meetings.
            mode: MeetingMode [filter],
            /// Recurrence rule of RFC 5545, without `RRULE:`.
            #[schema(min_length = 6, max_length = 500, examples("FREQ=MONTHLY;BYDAY=2TU"))]
            rrule: String,
            /// Wall-clock time of the first, `YYYY-MM-DDTHH:MM`.
            #[schema(pattern = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$")]
            starts_local: String,
            /// IANA time zone of the wall clock.
            #[schema(min_length = 1, max_length = 60)]
            time_zone: String,
            /// Length in minutes.
            #[schema(minimum = 5, maximum = 1440)]
            duration_minutes: i32,
            /// Wall-clock times at which the rule would have a meeting and there is none, `YYYY-MM-DDTHH:MM`.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 1000)]
            excluded: Texts,
        }
        kept {
            /// Meetings have been made up to this moment.
            generated_until: Option<chrono::DateTime<chrono::Utc>> = None,
        }
        hidden {}
    }
}
