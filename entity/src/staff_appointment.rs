//! Grants over a partnership that do not come from a seat.

use crate::StaffRole;

crate::record! {
    /// An account's appointment at a partnership: the intermediary's lead or staff, or an observer. Partners' people get
    /// their role from their seat instead.
    StaffAppointment, NewStaffAppointment in "staff_appointment" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The account.
            account_id: uuid::Uuid [filter],
            /// What it is appointed to.
            role: StaffRole [filter],
            /// The organisation it works for.
            organization_id: Option<uuid::Uuid> [filter],
        }
        edited {}
        kept {}
        hidden {}
    }
}
