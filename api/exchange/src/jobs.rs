//! Imports as records: sent as one request, kept with their report.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roundtable_entity::{ImportState, Record, import_job};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;
use sea_orm::ActiveValue;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::mapping::{self, ImportKind};
use crate::reading;
use crate::writing::{self, Into, Report};

pub(crate) fn register(table: &mut Operations) {
    table.collection::<import_job::Model>("import-jobs").list(Op::ListImportJobs).get(Op::GetImportJob);
    table.submit_large(Op::CreateImportJob, "import-jobs", "import-jobs", create_import_job);
    table.schemas.one_of("ImportFile", "kind", ImportKind::ALL.map(ImportKind::as_str));
    table.report::<ReportQuestion, ImportReport, _, _>(
        Op::GetImportReport,
        "import-jobs",
        "import-jobs/{id}/report",
        get_import_report,
    );
}

/// A file to import.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportFile {
    /// The partnership; the one acted at when absent.
    partnership_id: Option<Uuid>,
    /// Kind of file: `hsds`, `bargaining-notices`, `board`, `providers` or `csv`.
    #[schema(min_length = 1, max_length = 40)]
    kind: String,
    /// Name of the file, with its ending; a package is a `.zip`.
    #[schema(min_length = 1, max_length = 300)]
    file_name: String,
    /// The file, base64.
    content: String,
    /// Check everything and keep nothing.
    #[serde(default)]
    dry_run: bool,
}

async fn create_import_job(ctx: Ctx, file: ImportFile) -> Result<import_job::Model> {
    let standing = ctx.standing()?.clone();
    let partnership_id = file.partnership_id.unwrap_or(standing.partnership_id);
    ctx.permit_at(Op::CreateImportJob, partnership_id)?;
    let kind: ImportKind =
        file.kind.parse().map_err(|detail: String| Error::member("/kind", "unknown_value", detail))?;
    let bytes = STANDARD.decode(&file.content).map_err(|_| Error::member("/content", "wrong_form", "is not base64"))?;
    let name = file.file_name.clone();
    let plan = tokio::task::spawn_blocking(move || {
        reading::from_bytes(&name, &bytes).map(|source| mapping::plan(kind, &source))
    })
    .await
    .map_err(Error::internal)?
    .map_err(|problem| Error::member("/content", problem.code, problem.detail))?;
    let rows: usize = plan.accounted.iter().map(|table| table.rows).sum();
    let into = Into::Partnership(partnership_id);
    if file.dry_run {
        let report = writing::carry_out(&ctx, into, kind, plan, true, Arc::new(|_, _| ())).await?;
        return keep(&ctx, partnership_id, &file, rows, report).await;
    }
    // The import and the record of it stand or fall together.
    let (plan, file) = (Arc::new(plan), Arc::new(file));
    ctx.write(move |ctx| {
        let (plan, file, into) = (plan.clone(), file.clone(), into.clone());
        async move {
            let report = writing::carry_out(&ctx, into, kind, (*plan).clone(), false, Arc::new(|_, _| ())).await?;
            keep(&ctx, partnership_id, &file, rows, report).await
        }
    })
    .await
}

async fn keep(
    ctx: &Ctx,
    partnership_id: Uuid,
    file: &ImportFile,
    rows: usize,
    report: Report,
) -> Result<import_job::Model> {
    let new = import_job::NewImportJob {
        partnership_id,
        kind: file.kind.clone(),
        file_name: file.file_name.clone(),
        dry_run: file.dry_run,
    };
    let count = |number: usize| ActiveValue::Set(i32::try_from(number).unwrap_or(i32::MAX));
    let mut active = import_job::Model::begin(ctx.new_id(), ctx.now(), new);
    active.state = ActiveValue::Set(ImportState::Completed);
    active.rows_read = count(rows);
    active.created = count(report.created);
    active.updated = count(report.updated);
    active.unchanged = count(report.unchanged);
    active.refused = count(report.refused.len());
    active.report = ActiveValue::Set(serde_json::to_string(&report).map_err(Error::internal)?);
    ctx.write(move |ctx| {
        let active = active.clone();
        async move { record::insert::<import_job::Model>(&ctx, active, "import.completed").await }
    })
    .await
}

/// Which report.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct ReportQuestion {
    #[schema(ignore)]
    id: Uuid,
}

/// The report of an import.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// Records made.
    created: i32,
    /// Records changed.
    updated: i32,
    /// Records found as they were.
    unchanged: i32,
    /// Rows and records refused.
    refused: Vec<ImportRefusal>,
    /// Cells left out, and rows that contradict each other.
    warnings: Vec<ImportRefusal>,
}

/// A row, record or cell that was not taken, and why.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportRefusal {
    /// The file.
    file: String,
    /// The line where the row starts.
    line: i32,
    /// The member the cell would have fed; empty for a whole row.
    member: String,
    /// A stable code.
    code: String,
    /// What was found.
    detail: String,
}

async fn get_import_report(ctx: Ctx, question: ReportQuestion) -> Result<ImportReport> {
    let job = record::get::<import_job::Model>(&ctx, Op::GetImportReport, question.id).await?;
    let report: Value = serde_json::from_str(&job.report).unwrap_or_default();
    let list = |name: &str| serde_json::from_value(report[name].clone()).unwrap_or_default();
    Ok(ImportReport {
        created: job.created,
        updated: job.updated,
        unchanged: job.unchanged,
        refused: list("refused"),
        warnings: list("warnings"),
    })
}
