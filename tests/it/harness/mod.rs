//! What every case stands on: a database of its own, clients for each role, and a world to act in.

pub mod backend;
pub mod browser;
pub mod cases;
pub mod chance;
pub mod client;
pub mod live;
pub mod postgres;
pub mod process;
pub mod provider;
pub mod proxy;
pub mod receiver;
pub mod room;
pub mod sample;
pub mod strace;
pub mod wire;
pub mod world;

pub use backend::{App, Backend};
pub use client::{Answer, Who, refused};

/// Declares cases. Each is an async function taking an [`App`]; it runs once on each database.
#[macro_export]
macro_rules! cases {
    ($( $(#[$meta:meta])* async fn $name:ident($app:ident: App) $body:block )*) => { $(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every case needs all of its module")]
            use super::*;

            async fn case($app: $crate::harness::App) $body

            #[test]
            fn sqlite() {
                $crate::harness::backend::run($crate::harness::Backend::Sqlite, case);
            }

            #[test]
            fn postgres() {
                $crate::harness::backend::run($crate::harness::Backend::Postgres, case);
            }
        }
    )* };
}
