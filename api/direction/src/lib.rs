//! Direction: what employers say, the needs they share, the causes beneath, and what is done about them. The
//! intermediary facilitates all of it and sets the course of none of it.

use roundtable_kernel::operation::Operations;

mod cause_confirmations;
mod causes;
mod course;
mod endorsements;
mod feasibility_ratings;
mod members;
mod needs;
mod statements;

/// Adds this area's operations to the table.
pub fn register(table: &mut Operations) {
    statements::register(table);
    needs::register(table);
    endorsements::register(table);
    feasibility_ratings::register(table);
    causes::register(table);
    cause_confirmations::register(table);
}
