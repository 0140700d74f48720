//! The resource map as a directory of human services (Open Referral HSDS 3.0 and 3.1): a read interface with the pages
//! and members of that standard, and its package of tables.
//!
//! Without signing in it shows the maps of public partnerships as an observer sees them, and otherwise what the caller
//! may see. Only entries on the map are shown, and of them programs and resources: a policy is no service.

mod door;
mod package;
mod reader;
mod shapes;

pub use door::configure;
