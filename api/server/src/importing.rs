//! `roundtable import`: a file or folder into a partnership, from the command line.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use roundtable_entity::{Via, partnership};
use roundtable_exchange::mapping::{self, ImportKind};
use roundtable_exchange::writing::Into;
use roundtable_exchange::{reading, writing};
use roundtable_kernel::ctx::App;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::store::Store;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::settings::Settings;
use crate::{assemble, check_version, serve};

/// What to import, into which partnership.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Kind of file: `hsds`, `bargaining-notices`, `board`, `providers`, `csv` or `ics`.
    kind: String,
    /// A file, a folder, or a `.zip` package.
    path: PathBuf,
    /// Slug of the partnership.
    #[arg(long)]
    partnership: String,
    /// Open the partnership if it is not there.
    #[arg(long)]
    create: bool,
    /// Check everything and keep nothing.
    #[arg(long)]
    dry_run: bool,
    /// Write the report, JSON, to this file.
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Runs the import; succeeds when the file could be read, whatever single rows were refused.
pub async fn run(store: Store, settings: &Settings, options: Options) -> Result<ExitCode> {
    let kind: ImportKind = options.kind.parse().map_err(|detail: String| Error::new(Code::InvalidInput, detail))?;
    check_version(&store).await?;
    let server = assemble(store, settings).await?;
    let source = reading::open(&options.path)
        .map_err(|problem| Error::new(Code::InvalidInput, format!("{}: {}", problem.file, problem.detail)))?;
    let plan = mapping::plan(kind, &source);
    let into = into(&server.app, &options).await?;
    let ctx = match &into {
        Into::Partnership(id) => serve::own_ctx(&server.app, *id, Via::Import),
        Into::New(_) => serve::own_ctx(&server.app, Uuid::nil(), Via::Import),
    };
    let ctx = ctx.for_operation(Op::CreateImportJob);
    let report = writing::carry_out(&ctx, into, kind, plan, options.dry_run, Arc::new(progress)).await?;
    if let Some(path) = &options.report {
        let text = serde_json::to_string_pretty(&report).map_err(Error::internal)?;
        std::fs::write(path, text).map_err(Error::internal)?;
    }
    summary(&report);
    Ok(ExitCode::SUCCESS)
}

fn progress(done: usize, all: usize) {
    let percent = (done * 100).checked_div(all).unwrap_or(100);
    let _ = write!(std::io::stderr(), "\r{done} of {all} records ({percent} %)");
}

fn summary(report: &writing::Report) {
    let mut out = std::io::stderr();
    let kept = if report.dry_run { " (checked only, nothing kept)" } else { "" };
    let _ = writeln!(
        out,
        "\r{} created, {} updated, {} unchanged, {} refused, {} cells left out{kept}",
        report.created,
        report.updated,
        report.unchanged,
        report.refused.len(),
        report.warnings.len()
    );
    for (record, counted) in &report.by_record {
        let _ = writeln!(
            out,
            "  {record}: {} created, {} updated, {} unchanged, {} refused",
            counted.created, counted.updated, counted.unchanged, counted.refused
        );
    }
    for refused in report.refused.iter().take(20) {
        let _ =
            writeln!(out, "  {}:{} {} {} {}", refused.file, refused.line, refused.member, refused.code, refused.detail);
    }
    if report.refused.len() > 20 {
        let _ = writeln!(out, "  and {} more; --report writes all", report.refused.len() - 20);
    }
}

async fn into(app: &Arc<App>, options: &Options) -> Result<Into> {
    let found = partnership::Entity::find()
        .filter(partnership::Column::Slug.eq(&options.partnership))
        .filter(partnership::Column::ArchivedAt.is_null())
        .one(app.store.read())
        .await?;
    match found {
        Some(found) => Ok(Into::Partnership(found.id)),
        None if options.create => Ok(Into::New(options.partnership.clone())),
        None => {
            let detail = format!("there is no partnership {}; open it with --create", options.partnership);
            Err(Error::new(Code::NotFound, detail))
        }
    }
}
