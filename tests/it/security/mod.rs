//! What went wrong in systems of this kind, and that it does not here. `past.rs` has the list; the other files have the cases,
//! by what an attacker is after.

mod doing;
mod doubling;
mod entries;
mod falling_over;
mod injection;
mod output;
mod parsers;
mod past;
mod reading;
mod signing_in;

use roundtable_kernel::access::{Reach, rule};
use roundtable_kernel::op::Op;
use roundtable_kernel::standing::Role;

use crate::harness::{App, Who};

/// Somebody whom the access table lets do this at all.
fn allowed(app: &App, op: Op) -> Who {
    let rule = rule(op);
    let role = Role::ALL.into_iter().find(|role| rule.signed_in || rule.reach(*role) != Reach::Nothing);
    match role {
        Some(role) if !rule.open => app.world.who(role).clone(),
        _ => Who::anonymous(),
    }
}
