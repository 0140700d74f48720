//! Momentum: meetings with an objective, their agendas, attendance, minutes, decisions and action items, and the care
//! taken of employers' time.

mod action_item;
mod agenda;
mod attendance;
mod calling;
pub mod clock;
mod decision;
mod ledger;
mod meeting;
mod minutes;
mod part;
pub mod recurrence;
mod rules;
mod series;

use roundtable_kernel::operation::Operations;

/// Registers every operation of this slice.
pub fn register(table: &mut Operations) {
    series::register(table);
    meeting::register(table);
    agenda::register(table);
    attendance::register(table);
    minutes::register(table);
    decision::register(table);
    action_item::register(table);
    ledger::register(table);
}
