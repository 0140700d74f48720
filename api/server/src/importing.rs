//! `roundtable import`: a file or folder into a partnership, from the command line.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use roundtable_entity::{Via, partnership};
use roundtable_exchange::code_lists::{self, CodeList};
use roundtable_exchange::mapping::{self, ImportKind};
use roundtable_exchange::writing::Into;
use roundtable_exchange::{reading, writing};
use roundtable_kernel::ctx::{App, Ctx};
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::standing::{Caller, Standing};
use roundtable_kernel::store::Store;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::settings::Settings;
use crate::{assemble, check_version, serve};

/// What to import, into which partnership.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Kind of file: `hsds`, `bargaining-notices`, `board`, `providers`, `csv` or `ics`; or a list of codes, which belongs to
    /// no partnership: `naics-2022`, `soc-2018`, `cip-2020` or `soc-cip`.
    kind: String,
    /// A file, a folder, or a `.zip` package.
    path: PathBuf,
    /// Slug of the partnership. Lists of codes belong to none.
    #[arg(long)]
    partnership: Option<String>,
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
    if let Some(list) = CodeList::named(&options.kind) {
        return codes(store, settings, &options, list).await;
    }
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

/// A list of codes into the installation, as the operator.
async fn codes(store: Store, settings: &Settings, options: &Options, list: CodeList) -> Result<ExitCode> {
    check_version(&store).await?;
    let server = assemble(store, settings).await?;
    let source = reading::open(&options.path)
        .map_err(|problem| Error::new(Code::InvalidInput, format!("{}: {}", problem.file, problem.detail)))?;
    let operator = Arc::new(Caller::System(Standing::operator()));
    let ctx = Ctx::new(server.app, operator, Via::Import, Arc::from(Uuid::now_v7().to_string()));
    let loaded = code_lists::carry_out(&ctx, list, &source, options.dry_run).await?;
    let (kept, mut out) = (if options.dry_run { " (checked only, nothing kept)" } else { "" }, std::io::stderr());
    let code_lists::Loaded { created, updated, unchanged, refused } = loaded;
    let _ =
        writeln!(out, "{created} created, {updated} updated, {unchanged} unchanged, {} refused{kept}", refused.len());
    for (line, why) in refused.iter().take(20) {
        let _ = writeln!(out, "  line {line}: {why}");
    }
    let nothing = created + updated + unchanged == 0;
    Ok(if nothing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
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
    let Some(slug) = &options.partnership else {
        return Err(Error::new(Code::InvalidInput, "say into which partnership with --partnership SLUG"));
    };
    let found = partnership::Entity::find()
        .filter(partnership::Column::Slug.eq(slug))
        .filter(partnership::Column::ArchivedAt.is_null())
        .one(app.store.read())
        .await?;
    match found {
        Some(found) => Ok(Into::Partnership(found.id)),
        None if options.create => Ok(Into::New(slug.clone())),
        None => {
            let detail = format!("there is no partnership {slug}; open it with --create");
            Err(Error::new(Code::NotFound, detail))
        }
    }
}
