//! Who may come in, as whom: partnerships and their policy, appointments, invitations, sessions, accounts of people and
//! systems.

use roundtable_kernel::operation::Operations;

pub mod accounts;
pub mod callback;
mod client;
pub mod invitations;
pub mod me;
pub mod oauth;
pub mod partnerships;
mod provider;
pub mod provider_sign_ins;
pub mod provisioned_logins;
pub mod sessions;

/// Adds this area's operations to the table.
pub fn register(table: &mut Operations) {
    partnerships::register(table);
    accounts::register(table);
    invitations::register(table);
    sessions::register(table);
    me::register(table);
    provider_sign_ins::register(table);
    provisioned_logins::register(table);
}
