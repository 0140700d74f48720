//! Exchange with the files other systems keep: read, mapped by declaration, written through the operations.

use roundtable_kernel::operation::Operations;

pub mod code_lists;
mod events;
pub mod ics;
pub mod jobs;
pub mod mapping;
pub mod parsing;
mod placing;
pub mod reading;
mod reverting;
pub mod running;
mod shape;
mod sheet;
mod upserting;
pub mod writing;

/// Adds this area's operations to the table.
pub fn register(table: &mut Operations) {
    jobs::register(table);
    upserting::register(table);
}
