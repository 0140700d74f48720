//! Seats: the people through whom organisations sit at the table.

use crate::{FunctionLevel, SeatRole, SeatState};

crate::record! {
    /// A person's seat at the table for a partner. Exactly one live point person a partner, and at least one alternate
    /// wanted. Requests and updates go to the seat, not to a login.
    Seat, NewSeat in "seat" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The partner whose seat it is.
            partner_id: uuid::Uuid [filter],
            /// Who sits in it.
            person_id: uuid::Uuid [filter],
        }
        edited {
            /// What it is for.
            role: SeatRole [filter],
            /// Level at which its holder works.
            #[serde(default = "other")]
            function_level: FunctionLevel [filter],
            /// The day its holder is expected to leave.
            expected_end_on: Option<chrono::NaiveDate> [range],
            /// Who appointed or whom they represent, in the words of the appointing body.
            #[schema(max_length = 300)]
            appointed_by: Option<String>,
        }
        kept {
            /// The organisation.
            organization_id: uuid::Uuid [filter] = uuid::Uuid::nil(),
            /// Name of the person.
            person_name: String = String::new(),
            /// Stage.
            state: SeatState [filter] = SeatState::Proposed,
            /// First day.
            starts_on: Option<chrono::NaiveDate> = None,
            /// Last day.
            ends_on: Option<chrono::NaiveDate> = None,
            /// When the organisation last said it is still the right person.
            confirmed_on: Option<chrono::NaiveDate> = None,
        }
        hidden {}
    }
}

fn other() -> FunctionLevel {
    FunctionLevel::Other
}
