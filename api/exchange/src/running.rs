//! Imports of whole collections as jobs: asked for in one request, carried out by themselves, step by step.
//!
//! A step is one transaction that reads how far the job is, places the next rows, and writes how far it is then. So a job
//! that is cut off anywhere goes on where it was, and two processes that carry on the same job do nothing twice.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use roundtable_entity::{ImportOutcome, ImportState, OnError, Record, Via, import_file, import_job, import_row};
use roundtable_kernel::ctx::{App, Ctx};
use roundtable_kernel::error::{Code, Error, Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::record;
use roundtable_kernel::standing::{Caller, Principal, Standing};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use crate::placing::{ByMember, Key, Placer, Touched, by_member};
use crate::shape::Shape;
use crate::sheet::{Form, Sheet};

/// Most rows that are written in one transaction, as `all_or_nothing` and a dry run do.
pub const MOST_AT_ONCE: usize = 10_000;
/// Rows of one step where refused rows are skipped.
const STEP: usize = 100;
/// How long a job may be silent before another process takes it up.
const SILENT: TimeDelta = TimeDelta::minutes(5);
/// How long a request waits for its job to end.
const WAIT: Duration = Duration::from_secs(3);

/// What is asked of an import of a collection.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) new: import_job::NewImportJob,
    pub(crate) collection: String,
    pub(crate) form: Form,
    pub(crate) text: String,
}

/// Checks the file as a whole, keeps it with its job, and starts.
pub(crate) async fn begin(ctx: &Ctx, asked: Asked) -> Result<import_job::Model> {
    let id = enqueue(ctx, asked).await?;
    let app = ctx.app.clone();
    let running = tokio::spawn(async move {
        if let Err(error) = carry_on(&app, id).await {
            tracing::error!(%error, job = %id, "an import broke off");
        }
    });
    // Whether it is done by then or not, the answer is the job as it stands.
    let _ = tokio::time::timeout(WAIT, running).await;
    record::get::<import_job::Model>(ctx, Op::GetImportJob, id).await
}

/// Checks the file as a whole and keeps it with its job.
pub(crate) async fn enqueue(ctx: &Ctx, asked: Asked) -> Result<Uuid> {
    let shape = Shape::of(&ctx.app.operations, &asked.collection)?;
    ctx.permit(shape.create)?;
    let (form, text, keys) = (asked.form, asked.text, (asked.new.match_key.clone(), asked.new.id_scheme.clone()));
    let (sheet, text) = tokio::task::spawn_blocking(move || {
        let sheet = Sheet::open(text.clone(), form, &shape)?;
        Key::asked(keys.0.as_deref(), keys.1.as_deref(), &shape, &sheet)?;
        Ok::<_, Error>((sheet, text))
    })
    .await
    .map_err(Error::internal)??;
    let at_once = asked.new.dry_run || asked.new.on_error != Some(OnError::Skip);
    if at_once && sheet.len() > MOST_AT_ONCE {
        let detail = format!(
            "the file has {} rows; {MOST_AT_ONCE} are written or tried at once. Send it in parts, or with onError skip",
            sheet.len()
        );
        return Err(Error::member("/content", "too_many_rows", detail));
    }
    let id = ctx.new_id();
    let mut active = import_job::Model::begin(id, ctx.now(), asked.new);
    active.rows = Set(Some(count(sheet.len())));
    active.account_id = Set(ctx.caller.account_id());
    active.scopes = Set(match &*ctx.caller {
        Caller::Account { principal, .. } if !principal.scopes.is_empty() => Some(principal.scopes.join(" ")),
        _ => None,
    });
    ctx.write(move |ctx| {
        let (active, content) = (active.clone(), text.clone());
        async move {
            record::insert::<import_job::Model>(&ctx, active, "import.queued").await?;
            let file = import_file::ActiveModel { job_id: Set(id), content: Set(content) };
            file.insert(&ctx.read()).await?;
            Ok(())
        }
    })
    .await?;
    Ok(id)
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

async fn job(ctx: &Ctx, id: Uuid) -> Result<import_job::Model> {
    import_job::Entity::find_by_id(id).one(&ctx.read()).await?.ok_or_else(Error::not_found)
}

fn is_over(job: &import_job::Model) -> bool {
    !matches!(job.state, ImportState::Queued | ImportState::Running)
}

/// The view a job acts with: whoever asked for it, as what they are now, with the scopes they had then.
async fn acting(app: &Arc<App>, job: &import_job::Model) -> Result<Ctx> {
    let caller = match job.account_id {
        None => Caller::System(Standing::intermediary(job.partnership_id)),
        Some(account_id) => {
            let gone = || Error::new(Code::Forbidden, "who asked for the import may no longer do it; ask for it anew");
            let known = app.principals.known(&app.store, account_id).await?.ok_or_else(gone)?;
            let mut principal = Principal::clone(&known.principal);
            if let Some(scopes) = &job.scopes {
                principal.scopes = scopes.split(' ').map(str::to_owned).collect();
            }
            let standing = principal.standings.iter().find(|standing| standing.partnership_id == job.partnership_id);
            let standing = standing.cloned().ok_or_else(gone)?;
            Caller::Account { principal: Arc::new(principal), acting: Some(standing) }
        }
    };
    // Events carry the job's id, by which a revert tells them from what came later.
    Ok(Ctx::new(app.clone(), Arc::new(caller), Via::Import, Arc::from(job.id.to_string())))
}

/// Carries a job on until it is over. May be dropped and called again at any point.
pub async fn carry_on(app: &Arc<App>, id: Uuid) -> Result<()> {
    let own = Ctx::new(app.clone(), Arc::new(Caller::Anonymous), Via::Import, Arc::from(id.to_string()));
    let outcome = run(app, &own, id).await;
    let Err(error) = outcome else { return Ok(()) };
    // A database that is busy, away or full says nothing of the import: whoever takes it up later may finish it.
    if matches!(error.code, Code::Unavailable | Code::StorageFull) {
        return Err(error);
    }
    let failure = if error.code.status() >= 500 { Code::Internal.meaning().to_owned() } else { error.detail.clone() };
    own.write(move |ctx| {
        let failure = failure.clone();
        async move {
            let row = job(&ctx, id).await?;
            if is_over(&row) {
                return Ok(());
            }
            let mut active = row.clone().into_active_model();
            (active.state, active.failure) = (Set(ImportState::Failed), Set(Some(failure)));
            finish(&ctx, &row, active, "import.failed").await
        }
    })
    .await?;
    Err(error)
}

/// What a job needs at each step.
struct Running {
    id: Uuid,
    sheet: Sheet,
    shape: Arc<Shape>,
    key: Key,
}

async fn run(app: &Arc<App>, own: &Ctx, id: Uuid) -> Result<()> {
    let row = job(own, id).await?;
    if is_over(&row) {
        return Ok(());
    }
    let ctx = acting(app, &row).await?.for_operation(Op::CreateImportJob);
    ctx.permit_at(Op::CreateImportJob, row.partnership_id)?;
    let shape = Arc::new(Shape::of(&app.operations, row.collection.as_deref().unwrap_or_default())?);
    let file = import_file::Entity::find_by_id(id).one(&ctx.read()).await?;
    let file = file.ok_or_else(|| Error::internal("the file of an import is gone"))?;
    let form = Form::named(&row.kind).ok_or_else(|| Error::internal("an import of no known form"))?;
    let opened = shape.clone();
    let sheet = tokio::task::spawn_blocking(move || Sheet::open(file.content, form, &opened)).await;
    let sheet = sheet.map_err(Error::internal)??;
    let key = Key::asked(row.match_key.as_deref(), row.id_scheme.as_deref(), &shape, &sheet)?;
    let mut known = ByMember::new();
    if let Key::Member(member) = &key {
        known = by_member(&ctx, &shape, member).await?;
    }
    ctx.write(move |ctx| async move {
        let row = job(&ctx, id).await?;
        if row.state != ImportState::Queued {
            return Ok(());
        }
        let mut active = row.clone().into_active_model();
        active.state = Set(ImportState::Running);
        record::save(&ctx, &row, active, "import.started").await.map(|_| ())
    })
    .await?;
    let running = Arc::new(Running { id, sheet, shape, key });
    let mut known = Arc::new(known);
    loop {
        if !ctx.is_still_standing().await? {
            return Err(Error::new(Code::Forbidden, "who asked for the import may no longer do it; ask for it anew"));
        }
        let (running, before) = (running.clone(), known.clone());
        let stepped = ctx.write(move |ctx| step(ctx, running.clone(), before.clone())).await?;
        let Some(made) = stepped else { return Ok(()) };
        let all = Arc::make_mut(&mut known);
        for (text, ids) in made {
            all.entry(text).or_default().extend(ids);
        }
    }
}

/// What became of the rows of a step.
#[derive(Default)]
struct Stepped {
    touched: Vec<(i32, Touched)>,
    refused: Vec<(i32, Error)>,
    created: i32,
    updated: i32,
    unchanged: i32,
}

/// Places the next rows, and tells which records of the matching member it made; `None` when the job is over.
async fn step(ctx: Ctx, running: Arc<Running>, known: Arc<ByMember>) -> Result<Option<ByMember>> {
    let row = job(&ctx, running.id).await?;
    if is_over(&row) {
        return Ok(None);
    }
    let at_once = row.dry_run || row.on_error != Some(OnError::Skip);
    let from = usize::try_from(row.rows_read).unwrap_or_default();
    let to = if at_once { running.sheet.len() } else { running.sheet.len().min(from + STEP) };
    let mut placer = Placer {
        shape: running.shape.clone(),
        key: running.key.clone(),
        scheme: row.id_scheme.clone(),
        partnership_id: row.partnership_id,
        known,
        made: ByMember::new(),
    };
    let mut stepped = Stepped::default();
    let mut undone = false;
    let (placing, into, undo) = (&mut placer, &mut stepped, &mut undone);
    let (running, asked) = (&*running, &row);
    let attempted = ctx
        .attempt(|ctx| async move {
            place_all(&ctx, running, placing, asked, from..to, into).await?;
            *undo = asked.dry_run || (at_once && !into.refused.is_empty());
            // A failure undoes the rows and not the transaction, in which the job is told of them.
            if *undo { Err(Error::from(Code::InvalidInput)) } else { Ok(()) }
        })
        .await;
    if !undone {
        attempted?;
    }
    let failed = at_once && !row.dry_run && !stepped.refused.is_empty();
    let mut active = row.clone().into_active_model();
    active.rows_read = Set(count(to));
    active.refused = Set(row.refused + count(stepped.refused.len()));
    if !failed {
        active.created = Set(row.created + stepped.created);
        active.updated = Set(row.updated + stepped.updated);
        active.unchanged = Set(row.unchanged + stepped.unchanged);
    }
    remember(&ctx, &row, &running.shape, &stepped, !undone).await?;
    if to < running.sheet.len() {
        record::save(&ctx, &row, active, "import.progressed").await?;
        return Ok(Some(placer.made));
    }
    let (state, kind) = match failed {
        true => (ImportState::Failed, "import.failed"),
        false => (ImportState::Completed, "import.completed"),
    };
    active.state = Set(state);
    if failed {
        let detail = format!("{} rows were refused, so nothing was written", stepped.refused.len());
        active.failure = Set(Some(detail));
    }
    finish(&ctx, &row, active, kind).await?;
    Ok(None)
}

async fn place_all(
    ctx: &Ctx,
    running: &Running,
    placer: &mut Placer,
    asked: &import_job::Model,
    rows: std::ops::Range<usize>,
    into: &mut Stepped,
) -> Result<()> {
    for number in rows {
        let line = running.sheet.line(number);
        let members = running.sheet.row(number, &running.shape, asked.clear_empty == Some(true));
        let placed = match members {
            Ok(members) => placer.place(ctx, members).await,
            Err(error) => Err(error),
        };
        match placed {
            Ok(touched) => {
                match touched.first() {
                    None => into.unchanged += 1,
                    Some(first) if first.before.is_none() && first.collection == running.shape.collection => {
                        into.created += 1;
                    }
                    Some(_) => into.updated += 1,
                }
                into.touched.extend(touched.into_iter().map(|one| (line, one)));
            }
            // What the database could not do concerns the whole step; what a rule refused, this row.
            Err(error) if error.code.status() >= 500 => return Err(error),
            Err(error) => into.refused.push((line, error)),
        }
    }
    Ok(())
}

/// Keeps what became of the rows: refusals always, records only where they stand.
async fn remember(ctx: &Ctx, job: &import_job::Model, shape: &Shape, stepped: &Stepped, kept: bool) -> Result<()> {
    let begin = |line: i32, outcome: ImportOutcome, collection: &str| import_row::NewImportRow {
        partnership_id: job.partnership_id,
        job_id: job.id,
        line,
        outcome,
        collection: collection.into(),
        record_id: None,
        member: None,
        code: None,
        detail: None,
    };
    let mut rows = Vec::new();
    for (line, one) in stepped.touched.iter().filter(|_| kept) {
        let outcome = if one.before.is_some() { ImportOutcome::Updated } else { ImportOutcome::Created };
        let new = import_row::NewImportRow { record_id: Some(one.id), ..begin(*line, outcome, one.collection) };
        let mut active = import_row::Model::begin(ctx.new_id(), ctx.now(), new);
        active.before = Set(one.before.as_ref().map(ToString::to_string));
        rows.push(active);
    }
    for (line, error) in &stepped.refused {
        let whole = [Problem { pointer: String::new(), code: error.code.wire(), detail: error.detail.clone() }];
        let problems = if error.problems.is_empty() { &whole[..] } else { &error.problems };
        for problem in problems {
            let member = problem.pointer.trim_start_matches('/');
            let new = import_row::NewImportRow {
                member: (!member.is_empty()).then(|| member.to_owned()),
                code: Some(problem.code.to_owned()),
                detail: Some(problem.detail.clone()),
                ..begin(*line, ImportOutcome::Refused, shape.collection)
            };
            rows.push(import_row::Model::begin(ctx.new_id(), ctx.now(), new));
        }
    }
    for part in rows.chunks(100) {
        import_row::Entity::insert_many(part.to_vec()).exec_without_returning(&ctx.read()).await?;
    }
    Ok(())
}

/// Ends a job: its file is not needed any more.
async fn finish(ctx: &Ctx, row: &import_job::Model, active: import_job::ActiveModel, kind: &str) -> Result<()> {
    import_file::Entity::delete_by_id(row.id).exec(&ctx.read()).await?;
    record::save(ctx, row, active, kind).await.map(|_| ())
}

/// Takes up the jobs of a partnership that nobody carries on: their process ended, or never began.
pub(crate) async fn take_up(ctx: Ctx, partnership_id: Uuid) -> Result<()> {
    let silent = import_job::Entity::find()
        .filter(import_job::Column::PartnershipId.eq(partnership_id))
        .filter(import_job::Column::State.is_in([ImportState::Queued, ImportState::Running]))
        .filter(import_job::Column::UpdatedAt.lt(ctx.now() - SILENT))
        .all(&ctx.read())
        .await?;
    for row in silent {
        // One that fails is marked so, and does not keep the others.
        if let Err(error) = carry_on(&ctx.app, row.id).await {
            tracing::warn!(%error, job = %row.id, "an import was taken up and failed");
        }
    }
    Ok(())
}
