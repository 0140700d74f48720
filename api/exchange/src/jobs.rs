//! Imports as records: sent as one request, kept with their report.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roundtable_entity::{ImportOutcome, ImportState, OnError, Record, import_job, import_row};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::mapping::{self, ImportKind};
use crate::running::Asked;
use crate::sheet::Form;
use crate::writing::{self, Into, Report};
use crate::{encoding, reading, reverting, running, shape};

pub(crate) fn register(table: &mut Operations) {
    table.collection::<import_job::Model>("import-jobs").list(Op::ListImportJobs).get(Op::GetImportJob).act(
        Op::RevertImportJob,
        "revert",
        reverting::revert,
    );
    table
        .collection::<import_row::Model>("import-rows")
        .list(Op::ListImportRows)
        .get(Op::GetImportRow)
        .one::<import_job::Model>("job", "job_id");
    table.tend(Op::CreateImportJob, running::take_up);
    table.submit_large(Op::CreateImportJob, "import-jobs", "import-jobs", create_import_job);
    let kinds = ImportKind::ALL.map(ImportKind::as_str).into_iter().chain(["jsonl"]);
    table.schemas.one_of("ImportFile", "kind", kinds);
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
    /// Kind of file: `hsds`, `bargaining-notices`, `board`, `providers`, `csv`, `jsonl` or `ics`.
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
    /// The collection whose members the file has, such as `organizations`; for `csv` and `jsonl`. The members below go
    /// with it.
    #[schema(max_length = 60)]
    collection: Option<String>,
    /// What rows are matched by: `id`, `externalId` (cells `{scheme}:{value}`), a member that is text, or `none`, where
    /// every row is new. The id where the file has it.
    #[schema(min_length = 1, max_length = 60)]
    match_key: Option<String>,
    /// The ids in the file are another system's: they are kept as external ids of this scheme, and members that point to
    /// records are read by it.
    #[schema(min_length = 1, max_length = 100)]
    id_scheme: Option<String>,
    /// What a refused row does to the others; `all_or_nothing` when absent.
    on_error: Option<OnError>,
    /// An empty cell empties the member instead of leaving it as it is.
    clear_empty: Option<bool>,
}

async fn create_import_job(ctx: Ctx, file: ImportFile) -> Result<import_job::Model> {
    let standing = ctx.standing()?.clone();
    let partnership_id = file.partnership_id.unwrap_or(standing.partnership_id);
    ctx.permit_at(Op::CreateImportJob, partnership_id)?;
    if file.collection.is_some() || file.kind == "jsonl" {
        return begin(&ctx, partnership_id, file).await;
    }
    let alone = [
        ("matchKey", file.match_key.is_some()),
        ("idScheme", file.id_scheme.is_some()),
        ("onError", file.on_error.is_some()),
        ("clearEmpty", file.clear_empty.is_some()),
    ];
    if let Some((member, _)) = alone.iter().find(|(_, given)| *given) {
        return Err(Error::member(
            format!("/{member}"),
            "not_here",
            "goes with collection; name it, or leave this out",
        ));
    }
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

/// Starts the import of a whole collection.
async fn begin(ctx: &Ctx, partnership_id: Uuid, file: ImportFile) -> Result<import_job::Model> {
    let form = Form::named(&file.kind)
        .ok_or_else(|| Error::member("/kind", "not_allowed", "for a collection give csv or jsonl"))?;
    let collection = file.collection.clone().ok_or_else(|| {
        let detail = format!("say of which: {}", shape::importable(&ctx.app.operations));
        Error::member("/collection", "required", detail)
    })?;
    let bytes = STANDARD.decode(&file.content).map_err(|_| Error::member("/content", "wrong_form", "is not base64"))?;
    let most = ctx.app.limits.import_bytes;
    if bytes.len() > most {
        return Err(Error::new(Code::BodyTooLarge, format!("a file has at most {most} bytes")));
    }
    let text = tokio::task::spawn_blocking(move || encoding::decode(&bytes).0).await.map_err(Error::internal)?;
    let new = import_job::NewImportJob {
        partnership_id,
        kind: file.kind,
        file_name: file.file_name,
        dry_run: file.dry_run,
        collection: file.collection,
        match_key: file.match_key,
        id_scheme: file.id_scheme,
        on_error: Some(file.on_error.unwrap_or(OnError::AllOrNothing)),
        clear_empty: file.clear_empty,
    };
    running::begin(ctx, Asked { new, collection, form, text }).await
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
        collection: None,
        match_key: None,
        id_scheme: None,
        on_error: None,
        clear_empty: None,
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
    let refused = if job.collection.is_some() { refusals(&ctx, &job).await? } else { list("refused") };
    Ok(ImportReport {
        created: job.created,
        updated: job.updated,
        unchanged: job.unchanged,
        refused,
        warnings: list("warnings"),
    })
}

/// Most refusals of a report. All of them are in the collection of import rows.
const MOST_REFUSALS: u64 = 1000;

async fn refusals(ctx: &Ctx, job: &import_job::Model) -> Result<Vec<ImportRefusal>> {
    let rows = import_row::Entity::find()
        .filter(import_row::Column::JobId.eq(job.id))
        .filter(import_row::Column::Outcome.eq(ImportOutcome::Refused))
        .order_by_asc(import_row::Column::Line)
        .order_by_asc(import_row::Column::Id)
        .limit(MOST_REFUSALS)
        .all(&ctx.read())
        .await?;
    let refusal = |row: import_row::Model| ImportRefusal {
        file: job.file_name.clone(),
        line: row.line,
        member: row.member.unwrap_or_default(),
        code: row.code.unwrap_or_default(),
        detail: row.detail.unwrap_or_default(),
    };
    Ok(rows.into_iter().map(refusal).collect())
}
