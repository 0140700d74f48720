//! Calendars (RFC 5545, RFC 7986): secret feeds, single meetings as files, and the reading of such files.

mod events;
mod feeds;
mod windows;

pub mod door;
pub mod lines;
pub mod message;
pub mod zones;

use roundtable_kernel::operation::Operations;

/// Adds this area's operations to the table.
pub fn register(table: &mut Operations) {
    feeds::register(table);
    events::register(table);
}
