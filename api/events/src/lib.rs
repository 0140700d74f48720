//! Webhooks: who is told of events, the requests they are told by, and the log of them.

use roundtable_kernel::operation::Operations;

pub mod address;
mod queue;
mod relay;
pub mod sending;
pub mod signing;
mod webhooks;

/// Adds this area's operations to the table.
pub fn register(table: &mut Operations) {
    webhooks::register(table);
}
