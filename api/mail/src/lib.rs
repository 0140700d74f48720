//! Mail: what is to be sent is written in the transaction of what it tells, and sent from there by any server, with
//! leases and retries. Without a mail server in the settings nothing is written.

mod queue;
mod sending;

pub use sending::{Transport, deliver, due, forget};

use roundtable_kernel::operation::Operations;

/// Says what is mailed after which event.
pub fn register(table: &mut Operations) {
    table.after("meeting.scheduled", queue::meeting_called);
    table.after("meeting.updated", queue::meeting_moved);
    table.after("meeting.cancelled", queue::meeting_called_off);
    table.after("meeting.archived", queue::meeting_called_off);
    table.after("attendance.asked", queue::seat_asked);
    table.after("attendance.archived", queue::seat_let_go);
    table.after("invitation.made", queue::invited);
}
