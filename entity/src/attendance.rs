//! Who is asked to a meeting, answers, and comes.

use crate::{InvitedAs, PartStat};

crate::record! {
    /// A seat's place at a meeting: how it was asked, what it answered, whether it came. Feeds the ledger of employer
    /// time.
    Attendance, NewAttendance in "attendance" {
        given {
            /// The meeting.
            meeting_id: uuid::Uuid [filter],
            /// The seat asked.
            seat_id: uuid::Uuid [filter],
        }
        edited {
            /// How it is asked. Employers are optional at meetings of process unless asked as required by name.
            invited_as: Option<InvitedAs> [filter],
            /// Minutes of preparation asked of this seat, when other than the meeting's.
            #[schema(minimum = 0, maximum = 2400)]
            preparation_minutes: Option<i32>,
        }
        kept {
            /// The partnership.
            partnership_id: uuid::Uuid [filter] = uuid::Uuid::nil(),
            /// The partner.
            partner_id: uuid::Uuid [filter] = uuid::Uuid::nil(),
            /// The organisation.
            organization_id: uuid::Uuid [filter] = uuid::Uuid::nil(),
            /// The person.
            person_id: uuid::Uuid [filter] = uuid::Uuid::nil(),
            /// Their answer.
            part_stat: PartStat [filter] = PartStat::NeedsAction,
            /// When they answered.
            answered_at: Option<chrono::DateTime<chrono::Utc>> = None,
            /// Whether they came.
            attended: Option<bool> [filter] = None,
            /// Minutes they were there.
            attended_minutes: Option<i32> = None,
            /// Place on the waiting list when the meeting is full.
            waitlist_position: Option<i32> = None,
            /// Warnings given when they were asked, such as `audience_mismatch`.
            #[schema(value_type = Vec<String>)]
            warnings: crate::Texts = crate::Texts::default(),
        }
        hidden {}
    }
}
