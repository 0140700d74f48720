//! `roundtable`: one program for serving, trying, migrating, importing, checking.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::store::Store;
use roundtable_server::settings::Settings;
use roundtable_server::{
    assemble, backup, check_version, close, connect, demo, doctor, documents, importing, operator, serve, version,
};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The API server an industry sector partnership runs on.
#[derive(Parser)]
#[command(name = "roundtable", version)]
struct Command {
    /// Configuration file; `roundtable.toml` in this folder when it is there. The environment stands over it.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve.
    Serve {
        /// Bring the database to this version first.
        #[arg(long)]
        migrate: bool,
    },
    /// A living partnership to try, in a temporary folder, with a login for each role.
    Demo(demo::Options),
    /// Bring the database to this version: all of the way or not at all. A SQLite file is copied first.
    Migrate,
    /// Copy the whole database into a file, while servers run and write. The copy is read back before it gets its name.
    Backup {
        /// Where to; nothing may be there yet.
        file: PathBuf,
    },
    /// Make the database from a backup. Nothing may be there yet.
    Restore {
        /// A file that `backup` made.
        file: PathBuf,
    },
    /// Import a file into a partnership: all of it or nothing.
    Import(importing::Options),
    /// Write the published documents, or compare them with `--check`.
    Contract {
        /// Folder they stand in.
        #[arg(long, default_value = "openapi")]
        folder: PathBuf,
        /// Only say which differ.
        #[arg(long)]
        check: bool,
    },
    /// Check configuration and database, with the remedy for what is wrong.
    Doctor,
    /// Make a new key to sign tokens with; tokens signed before stay good until they expire.
    RotateKeys,
    /// Make the account that operates this installation. The password is read from standard input.
    Operator {
        /// E-mail address to sign in with.
        email: String,
        /// Name.
        #[arg(long, default_value = "Operator")]
        name: String,
    },
}

fn main() -> ExitCode {
    let command = Command::parse();
    match run(command) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("roundtable: {}", error.detail));
            for problem in &error.problems {
                say(&format!("  {}: {}", problem.pointer, problem.detail));
            }
            if let Some(source) = &error.source {
                say(&format!("  because: {source}"));
            }
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard error; a closed pipe is nobody's problem.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[actix_web::main]
async fn run(command: Command) -> Result<ExitCode> {
    if let Verb::Contract { folder, check } = &command.verb {
        let differing = documents::write(folder, *check)?;
        for name in &differing {
            say(&format!("{name} {}", if *check { "differs" } else { "written" }));
        }
        return Ok(if *check && !differing.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let settings = Settings::load(command.config.as_deref())?;
    if let Verb::Demo(options) = command.verb {
        log("warn", "text")?;
        return demo::run(options).await.map(|()| ExitCode::SUCCESS);
    }
    log(&settings.log, &settings.log_format)?;
    // Neither may make what it looks for.
    match &command.verb {
        Verb::Backup { file } => {
            say(&backup::back_up(&settings, file).await?.to_string());
            return Ok(ExitCode::SUCCESS);
        }
        Verb::Restore { file } => {
            let made = backup::restore(&settings, file).await?;
            say(&made.to_string());
            if made.behind > 0 {
                say(&format!("the database is {} migrations behind; run `roundtable migrate`", made.behind));
            }
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let store = match connect(&settings).await {
        Err(error) if matches!(command.verb, Verb::Doctor) => return Ok(report(&[doctor::unreachable(&error)])),
        connected => connected?,
    };
    let outcome = over(&store, command.verb, &settings).await;
    close(&store).await;
    outcome
}

/// Does what needs the database.
async fn over(store: &Store, verb: Verb, settings: &Settings) -> Result<ExitCode> {
    match verb {
        Verb::Serve { migrate: first } => {
            if first {
                migrate(store, settings).await?;
            }
            check_version(store).await?;
            let server = assemble(store.clone(), settings).await?;
            serve::listen(server, settings, |address| tracing::info!(%address, "listening")).await?;
        }
        Verb::Migrate => {
            migrate(store, settings).await?;
            say("the database is at this version");
        }
        Verb::Import(options) => return importing::run(store.clone(), settings, options).await,
        Verb::Doctor => return Ok(report(&doctor::examine(store, settings).await)),
        Verb::Operator { email, name } => {
            check_version(store).await?;
            let mut password = String::new();
            say("Password (at least 12 characters):");
            std::io::stdin().read_line(&mut password).map_err(Error::internal)?;
            let account = operator::make(store, &email, &name, password.trim_end_matches(['\r', '\n']).into()).await?;
            say(&format!("{} operates this installation", account.email));
        }
        Verb::RotateKeys => {
            check_version(store).await?;
            roundtable_kernel::token::rotate(store).await?;
            say("a new key signs from now on");
        }
        Verb::Demo(_) | Verb::Contract { .. } | Verb::Backup { .. } | Verb::Restore { .. } => {}
    }
    Ok(ExitCode::SUCCESS)
}

async fn migrate(store: &Store, settings: &Settings) -> Result<()> {
    if let Some(copy) = version::migrate_keeping(store, settings).await? {
        say(&format!("the database as it was before is kept in {}", copy.display()));
    }
    Ok(())
}

fn log(filter: &str, format: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(Error::internal)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if format == "json" { builder.json().try_init() } else { builder.try_init() }.map_err(Error::internal)
}

fn report(findings: &[doctor::Finding]) -> ExitCode {
    for finding in findings {
        say(&format!("{} {}", if finding.well { "well " } else { "WRONG" }, finding.found));
        if !finding.well {
            say(&format!("      {}", finding.remedy));
        }
    }
    if findings.iter().all(|finding| finding.well) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
