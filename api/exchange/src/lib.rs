//! Exchange with the files other systems keep: read, mapped by declaration, written through the operations.

use roundtable_kernel::operation::Operations;

mod events;
pub mod ics;
pub mod jobs;
pub mod mapping;
pub mod parsing;
pub mod reading;
pub mod writing;

/// Adds this area's operations to the table.
pub fn register(table: &mut Operations) {
    jobs::register(table);
}
