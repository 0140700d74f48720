//! The resource map (program scan) and the code systems it is described with.

use roundtable_kernel::operation::Operations;

pub mod codes;
pub mod resources;

/// Adds this area's operations to the table.
pub fn register(table: &mut Operations) {
    codes::register(table);
    resources::register(table);
}
