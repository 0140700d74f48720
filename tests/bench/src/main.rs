//! Workloads against a release build and, in the same run, against a bare server of the same framework that answers
//! the same question with one prepared statement: what can be reached over HTTP on that database.
//!
//! `cargo bench -p roundtable-bench` fills the reference set on SQLite and PostgreSQL, measures in interleaved rounds and
//! prints ratios, latencies, CPU time a request and memory as tables in Markdown.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on says where, by panicking")]

mod fill;
mod load;
#[path = "../../it/harness/postgres.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod postgres;
mod process;
mod reference;
mod workload;

use clap::{Parser, Subcommand, ValueEnum};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures Roundtable beside what its framework and database can do.
#[derive(Parser)]
struct Command {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    run: workload::Run,
    /// Set by `cargo bench`.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

/// Databases measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Database {
    /// The embedded default.
    Sqlite,
    /// Production.
    Postgres,
}

#[derive(Subcommand)]
enum Verb {
    /// Serves the product, as a process of its own.
    #[command(hide = true)]
    Product {
        /// Database.
        url: String,
        /// Connections to it.
        connections: u32,
    },
    /// Serves the reference, as a process of its own.
    #[command(hide = true)]
    Reference {
        /// Database.
        url: String,
        /// Not heeded.
        connections: u32,
    },
    /// Fills a database with the reference set and keeps it, to profile on.
    Fill {
        /// SQLite file to make, or address of an empty PostgreSQL database.
        at: String,
        /// Size: 1 or 10.
        #[arg(long, default_value_t = 1)]
        scale: usize,
    },
}

fn main() {
    let command = Command::parse();
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::WARN).init();
    let system = actix_web::rt::System::new();
    system.block_on(async move {
        match command.verb {
            Some(Verb::Product { url, connections }) => process::product(&url, connections).await,
            Some(Verb::Reference { url, .. }) => reference::serve(&url).await,
            Some(Verb::Fill { at, scale }) => {
                let url = if at.starts_with("postgres") { at } else { format!("sqlite:{at}") };
                let set = fill::fill(&url, scale).await;
                println!("{}", serde_json::to_string_pretty(&set).unwrap());
            }
            None => workload::run(command.run).await,
        }
    });
}
