//! Who is at the table: organisations, their people, partners, seats and what passes between them, champions, outreach,
//! interests, constraints, missions and bargaining units.

use roundtable_kernel::operation::Operations;

pub use handovers::overdue_handovers;
pub use seats::coverage::{CoverageGap, coverage_gaps};

mod affiliations;
mod bargaining_units;
mod champions;
mod constraints;
mod external_ids;
mod handovers;
mod interests;
mod labor;
mod locations;
mod members;
mod mission_statements;
mod organizations;
mod outreach;
mod partners;
mod people;
mod seats;

/// Adds every operation of this crate.
pub fn register(table: &mut Operations) {
    organizations::register(table);
    locations::register(table);
    people::register(table);
    affiliations::register(table);
    external_ids::register(table);
    partners::register(table);
    seats::register(table);
    handovers::register(table);
    champions::register(table);
    outreach::register(table);
    interests::register(table);
    constraints::register(table);
    mission_statements::register(table);
    bargaining_units::register(table);
}
