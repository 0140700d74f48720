//! The writing half of an import: a plan carried out through the operations, in one transaction.
//!
//! Each record goes the way a client's request goes: the same permission, rules and events. What is found as planned is
//! left alone, so that a second run changes nothing. A refused record is named and undone alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use roundtable_entity::{external_id, partnership};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Arguments;
use roundtable_kernel::standing::{Caller, Standing};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::mapping::{Accounted, ExternalKey, ImportKind, Plan, Planned, Refused};

/// What an import did.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Kind of file.
    pub kind: String,
    /// Whether nothing was kept.
    pub dry_run: bool,
    /// Records made.
    pub created: usize,
    /// Records changed.
    pub updated: usize,
    /// Records found as they were.
    pub unchanged: usize,
    /// The same, record by record.
    pub by_record: BTreeMap<String, Counted>,
    /// Rows and records refused.
    pub refused: Vec<Refused>,
    /// Cells left out.
    pub warnings: Vec<Refused>,
    /// Where every row of every table went.
    pub accounted: Vec<Accounted>,
}

/// Counts for one kind of record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Made.
    pub created: usize,
    /// Changed.
    pub updated: usize,
    /// Found as they were.
    pub unchanged: usize,
    /// Refused.
    pub refused: usize,
}

/// The operations a kind of record is written by.
pub(crate) struct Writes {
    pub(crate) record: &'static str,
    pub(crate) table: &'static str,
    pub(crate) get: Op,
    create: Op,
    update: Option<Op>,
    /// What is done to a new one so that it stands as the file says.
    then: &'static [Op],
}

/// Who is on the roster of a board sits at its table; other lists name organisations that may be asked to.
const SEATED: &[Op] = &[Op::InvitePartner, Op::JoinPartner];

const WRITES: &[Writes] = &[
    Writes {
        record: "organization",
        table: "organization",
        get: Op::GetOrganization,
        create: Op::CreateOrganization,
        update: Some(Op::UpdateOrganization),
        then: &[],
    },
    Writes {
        record: "partner",
        table: "partner",
        get: Op::GetPartner,
        create: Op::CreatePartner,
        update: Some(Op::UpdatePartner),
        then: &[],
    },
    Writes {
        record: "employer",
        table: "partner",
        get: Op::GetPartner,
        create: Op::CreateEmployer,
        update: Some(Op::UpdateEmployer),
        then: &[],
    },
    Writes {
        record: "union",
        table: "partner",
        get: Op::GetPartner,
        create: Op::CreateUnion,
        update: Some(Op::UpdateUnion),
        then: &[],
    },
    Writes {
        record: "institution",
        table: "partner",
        get: Op::GetPartner,
        create: Op::CreateInstitution,
        update: Some(Op::UpdateInstitution),
        then: &[],
    },
    Writes {
        record: "person",
        table: "person",
        get: Op::GetPerson,
        create: Op::CreatePerson,
        update: Some(Op::UpdatePerson),
        then: &[],
    },
    Writes {
        record: "affiliation",
        table: "affiliation",
        get: Op::GetAffiliation,
        create: Op::CreateAffiliation,
        update: Some(Op::UpdateAffiliation),
        then: &[],
    },
    Writes {
        record: "location",
        table: "location",
        get: Op::GetLocation,
        create: Op::CreateLocation,
        update: Some(Op::UpdateLocation),
        then: &[],
    },
    Writes {
        record: "resource",
        table: "resource",
        get: Op::GetResource,
        create: Op::CreateResource,
        update: Some(Op::UpdateResource),
        then: &[Op::PublishResource],
    },
    Writes {
        record: "bargainingUnit",
        table: "bargaining_unit",
        get: Op::GetBargainingUnit,
        create: Op::CreateBargainingUnit,
        update: Some(Op::UpdateBargainingUnit),
        then: &[],
    },
    Writes {
        record: "seat",
        table: "seat",
        get: Op::GetSeat,
        create: Op::CreateSeat,
        update: Some(Op::UpdateSeat),
        then: &[Op::AcceptSeat],
    },
    Writes {
        record: "meetingSeries",
        table: "meeting_series",
        get: Op::GetMeetingSeries,
        create: Op::CreateMeetingSeries,
        update: Some(Op::UpdateMeetingSeries),
        then: &[],
    },
    Writes {
        record: "meeting",
        table: "meeting",
        get: Op::GetMeeting,
        create: Op::CreateMeeting,
        update: Some(Op::UpdateMeeting),
        then: &[],
    },
    Writes {
        record: "outreachTouch",
        table: "outreach_touch",
        get: Op::GetOutreachTouch,
        create: Op::CreateOutreachTouch,
        update: Some(Op::UpdateOutreachTouch),
        then: &[],
    },
];

/// Told how far an import is: records done and all of them.
pub type Progress = Arc<dyn Fn(usize, usize) + Send + Sync>;

/// Where an import goes.
#[derive(Clone, Debug)]
pub enum Into {
    /// A partnership that is there.
    Partnership(Uuid),
    /// One that is opened with this slug, as part of the import.
    New(String),
}

/// Carries out a plan at a partnership, as the caller or, where it is opened, as its intermediary. With `dry_run`
/// everything is checked and nothing kept.
pub async fn carry_out(
    ctx: &Ctx,
    into: Into,
    kind: ImportKind,
    plan: Plan,
    dry_run: bool,
    progress: Progress,
) -> Result<Report> {
    let mut ctx = ctx.by(roundtable_entity::Via::Import);
    ctx.validate_only |= dry_run;
    let plan = Arc::new(plan);
    ctx.write(move |ctx| {
        let (plan, progress, into) = (plan.clone(), progress.clone(), into.clone());
        async move {
            let (ctx, partnership_id) = match into {
                Into::Partnership(id) => (ctx, id),
                Into::New(slug) => open(&ctx, &slug).await?,
            };
            let mut writer = Writer::begin(&ctx, partnership_id, kind, dry_run).await?;
            for (done, planned) in plan.planned.iter().enumerate() {
                writer.write(&ctx, planned).await?;
                if done % 200 == 0 {
                    progress(done, plan.planned.len());
                }
            }
            progress(plan.planned.len(), plan.planned.len());
            Ok(writer.report(&plan))
        }
    })
    .await
}

async fn open(ctx: &Ctx, slug: &str) -> Result<(Ctx, Uuid)> {
    let operator = ctx.acting(Caller::System(Standing::operator()));
    let body = json!({ "slug": slug, "workingTitle": slug });
    let made = ctx.app.operations.call(&operator, Op::CreatePartnership, Arguments::sending(body)).await?;
    let id = made.id.ok_or_else(|| Error::internal("the partnership was opened without an id"))?;
    Ok((ctx.acting(Caller::System(Standing::intermediary(id))), id))
}

pub(crate) type Known = HashMap<(String, ExternalKey), Uuid>;

pub(crate) struct Writer {
    pub(crate) partnership: partnership::Model,
    kind: ImportKind,
    pub(crate) known: Known,
    pub(crate) report: Report,
}

pub(crate) enum Outcome {
    Created,
    Updated,
    Unchanged,
}

impl Writer {
    async fn begin(ctx: &Ctx, partnership_id: Uuid, kind: ImportKind, dry_run: bool) -> Result<Self> {
        let partnership =
            partnership::Entity::find_by_id(partnership_id).one(&ctx.read()).await?.ok_or_else(Error::not_found)?;
        let rows = external_id::Entity::find()
            .filter(external_id::Column::PartnershipId.eq(partnership_id))
            .filter(external_id::Column::ArchivedAt.is_null())
            .all(&ctx.read())
            .await?;
        let known = rows
            .into_iter()
            .map(|row| ((row.record_type, ExternalKey { scheme: row.scheme, value: row.value }), row.record_id))
            .collect();
        let known =
            if kind == ImportKind::Ics { crate::events::by_uid(ctx, partnership_id, known).await? } else { known };
        let report = Report { kind: kind.as_str().into(), dry_run, ..Report::default() };
        Ok(Self { partnership, kind, known, report })
    }

    fn report(mut self, plan: &Plan) -> Report {
        self.report.refused.splice(0..0, plan.refused.iter().cloned());
        self.report.warnings.splice(0..0, plan.warnings.iter().cloned());
        self.report.accounted = plan.accounted.clone();
        self.report
    }

    async fn write(&mut self, ctx: &Ctx, planned: &Planned) -> Result<()> {
        let outcome = match WRITES.iter().find(|writes| writes.record == planned.record) {
            Some(writes) if self.kind == ImportKind::Ics => self.place_event(ctx, writes, planned).await,
            Some(writes) => self.place(ctx, writes, planned).await,
            None => Err(Error::member("", "not_imported", format!("{} is not imported", planned.record))),
        };
        let counted = self.report.by_record.entry(planned.record.into()).or_default();
        match outcome {
            Ok(Outcome::Created) => {
                counted.created += 1;
                self.report.created += 1;
            }
            Ok(Outcome::Updated) => {
                counted.updated += 1;
                self.report.updated += 1;
            }
            Ok(Outcome::Unchanged) => {
                counted.unchanged += 1;
                self.report.unchanged += 1;
            }
            // What the database could not do concerns the whole import; what a rule refused, this record.
            Err(error) if error.code.status() >= 500 => return Err(error),
            Err(error) => {
                counted.refused += 1;
                self.report.refused.push(refused(planned, &error));
            }
        }
        Ok(())
    }

    pub(crate) async fn place(&mut self, ctx: &Ctx, writes: &Writes, planned: &Planned) -> Result<Outcome> {
        let mut members = planned.members.clone();
        for (member, record, key) in &planned.refs {
            let to = WRITES.iter().find(|writes| writes.record == *record).map_or(*record, |writes| writes.table);
            match self.known.get(&(to.to_owned(), key.clone())) {
                Some(id) => members.insert((*member).into(), json!(id)),
                None => {
                    let detail = format!("the {record} it points to was refused or is not in the file");
                    return Err(Error::member(format!("/{member}"), "unresolved", detail));
                }
            };
        }
        let key = (writes.table.to_owned(), planned.key.clone());
        match self.known.get(&key).copied() {
            Some(id) => self.update(ctx, writes, id, members).await,
            None => {
                self.complete(ctx, planned, &mut members).await?;
                self.create(ctx, writes, planned, members).await
            }
        }
    }

    /// Fills in what a kind of file leaves out and a record cannot do without.
    pub(crate) async fn complete(
        &mut self,
        ctx: &Ctx,
        planned: &Planned,
        members: &mut Map<String, Value>,
    ) -> Result<()> {
        let mut default = |name: &str, value: Value| {
            members.entry(name).or_insert(value);
        };
        match planned.record {
            "organization" => {
                default("kind", json!(if self.kind == ImportKind::Hsds { "community_based" } else { "other" }))
            }
            "seat" => default("role", json!("subject_expert")),
            "meeting" => {
                default("kind", json!("partnership"));
                default("timeZone", json!(self.partnership.time_zone));
                default("durationMinutes", json!(60));
                default("mode", json!("mixed"));
                if let Some(starts_at) = starts_at(&planned.facts, members)? {
                    members.entry("startsAt").or_insert(starts_at);
                }
            }
            _ => {}
        }
        if planned.record == "seat" && !members.contains_key("partnerId") {
            let partner = self.body_partner(ctx, planned).await?;
            members.insert("partnerId".into(), json!(partner));
        }
        Ok(())
    }

    /// The partner for a seat whose row names no organisation: the body on which it is a seat.
    async fn body_partner(&mut self, ctx: &Ctx, planned: &Planned) -> Result<Uuid> {
        let board = planned.facts.get("board").and_then(Value::as_str);
        let Some(board) = board else {
            return Err(Error::member("/partnerId", "required", "the row names neither an organisation nor a board"));
        };
        let key = ExternalKey { scheme: "board".into(), value: roundtable_entity::name_key(board) };
        if let Some(id) = self.known.get(&("partner".into(), key.clone())) {
            return Ok(*id);
        }
        let kind = if board.to_lowercase().contains("workforce") { "workforce_board" } else { "local_government" };
        let organization = self.new_record(ctx, Op::CreateOrganization, json!({ "name": board, "kind": kind })).await?;
        let partner = self.new_record(ctx, Op::CreatePartner, json!({ "organizationId": organization })).await?;
        if let Some(writes) = WRITES.iter().find(|writes| writes.record == "partner") {
            for op in SEATED {
                self.act(ctx, writes, *op, partner, json!({})).await?;
            }
        }
        for (record, id) in [("organization", organization), ("partner", partner)] {
            self.identify(ctx, record, id, &key).await?;
            self.known.insert((record.into(), key.clone()), id);
            let counted = self.report.by_record.entry(record.into()).or_default();
            counted.created += 1;
            self.report.created += 1;
        }
        Ok(partner)
    }

    pub(crate) async fn new_record(&self, ctx: &Ctx, op: Op, mut body: Value) -> Result<Uuid> {
        body["partnershipId"] = json!(self.partnership.id);
        let arguments = Arguments::sending(body);
        let made = ctx.app.operations.call(ctx, op, arguments).await?;
        made.id.ok_or_else(|| Error::internal("a creation answered without an id"))
    }

    async fn identify(&self, ctx: &Ctx, table: &str, id: Uuid, key: &ExternalKey) -> Result<()> {
        let body = json!({ "recordType": table, "recordId": id, "scheme": key.scheme, "value": key.value });
        self.new_record(ctx, Op::CreateExternalId, body).await.map(|_| ())
    }

    async fn create(
        &mut self,
        ctx: &Ctx,
        writes: &Writes,
        planned: &Planned,
        members: Map<String, Value>,
    ) -> Result<Outcome> {
        let members = self.coerced(ctx, writes, members);
        let mut keys = vec![planned.key.clone()];
        for key in &planned.identifiers {
            if !keys.contains(key) && !self.known.contains_key(&(writes.table.into(), key.clone())) {
                keys.push(key.clone());
            }
        }
        let this = &*self;
        let (keys_in, facts) = (&keys, &planned.facts);
        let seated = self.kind == ImportKind::Board && writes.table == "partner";
        let then = if seated { SEATED } else { writes.then };
        let id = ctx
            .attempt(|ctx| async move {
                let id = this.new_record(&ctx, writes.create, Value::Object(members)).await?;
                for key in keys_in {
                    this.identify(&ctx, writes.table, id, key).await?;
                }
                for op in then {
                    this.act(&ctx, writes, *op, id, json!({})).await?;
                }
                if writes.record == "meeting" && facts.get("cancelled") == Some(&json!(true)) {
                    let reason = json!({ "reason": "Listed as cancelled." });
                    this.act(&ctx, writes, Op::CancelMeeting, id, reason).await?;
                }
                Ok(id)
            })
            .await?;
        for key in keys {
            self.known.insert((writes.table.into(), key), id);
        }
        Ok(Outcome::Created)
    }

    pub(crate) async fn act(&self, ctx: &Ctx, writes: &Writes, op: Op, id: Uuid, body: Value) -> Result<()> {
        let now = ctx.app.operations.call(ctx, writes.get, Arguments::of(id)).await?;
        let arguments = Arguments { id: Some(id), version: now.version, body, ..Arguments::default() };
        ctx.app.operations.call(ctx, op, arguments).await.map(|_| ())
    }

    async fn update(&self, ctx: &Ctx, writes: &Writes, id: Uuid, members: Map<String, Value>) -> Result<Outcome> {
        let Some(op) = writes.update else {
            return Ok(Outcome::Unchanged);
        };
        let found = ctx.app.operations.call(ctx, writes.get, Arguments::of(id)).await;
        let found = match found {
            Ok(found) => found,
            // Archived or hidden since: the file does not bring it back.
            Err(error) if error.code == Code::NotFound => return Ok(Outcome::Unchanged),
            Err(error) => return Err(error),
        };
        let now = found.shown.value()?;
        let open = ctx.app.operations.get(op).and_then(|operation| operation.body.as_ref());
        let patchable =
            open.and_then(|name| ctx.app.operations.schemas.named.get(name)).map(|schema| &schema["properties"]);
        let mut patch = self.coerced(ctx, writes, members);
        patch.retain(|member, value| {
            patchable.is_some_and(|all| all.get(member).is_some()) && !same(&now[member.as_str()], value)
        });
        if patch.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        let arguments =
            Arguments { id: Some(id), version: found.version, body: Value::Object(patch), ..Arguments::default() };
        ctx.attempt(|ctx| async move { ctx.app.operations.call(&ctx, op, arguments).await.map(|_| ()) }).await?;
        Ok(Outcome::Updated)
    }

    /// Text of a table as the types its record wants.
    fn coerced(&self, ctx: &Ctx, writes: &Writes, members: Map<String, Value>) -> Map<String, Value> {
        let body = ctx.app.operations.get(writes.create).and_then(|operation| operation.body.as_ref());
        let schema = body.and_then(|name| ctx.app.operations.schemas.named.get(name));
        let wanted = |member: &str| schema.map_or(&Value::Null, |schema| &schema["properties"][member]["type"]);
        members.into_iter().map(|(member, value)| (member.clone(), typed(wanted(&member), value))).collect()
    }
}

fn typed(wanted: &Value, value: Value) -> Value {
    match (wanted.as_str(), &value) {
        (Some("integer"), Value::String(text)) => text.trim().parse::<i64>().map_or(value, |number| json!(number)),
        (Some("number"), Value::String(text)) => text.trim().parse::<f64>().map_or(value, |number| json!(number)),
        (Some("boolean"), Value::String(text)) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "1" => json!(true),
            "false" | "no" | "0" => json!(false),
            _ => value,
        },
        (Some("array"), Value::String(text)) => {
            let items: Vec<&str> = text.split([';', '|']).map(str::trim).filter(|item| !item.is_empty()).collect();
            json!(items)
        }
        _ => value,
    }
}

/// Whether a stored value is the planned one; numbers and moments may be written differently.
pub(crate) fn same(stored: &Value, planned: &Value) -> bool {
    if stored == planned || (stored.is_null() && planned.as_array().is_some_and(Vec::is_empty)) {
        return true;
    }
    if let (Some(stored), Some(planned)) = (stored.as_f64(), planned.as_f64()) {
        return (stored - planned).abs() < 1e-9;
    }
    let moment = |value: &Value| value.as_str().and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    matches!((moment(stored), moment(planned)), (Some(stored), Some(planned)) if stored == planned)
}

/// When a meeting begins: its day and time at its place; noon where the list gives no time.
fn starts_at(facts: &Map<String, Value>, members: &Map<String, Value>) -> Result<Option<Value>> {
    if members.contains_key("startsAt") {
        return Ok(None);
    }
    let day = facts.get("startsOn").and_then(Value::as_str).and_then(|day| day.parse::<NaiveDate>().ok());
    let Some(day) = day else { return Ok(None) };
    let time = facts.get("startTime").and_then(Value::as_str);
    let time = time.and_then(|time| {
        NaiveTime::parse_from_str(time, "%H:%M:%S").or_else(|_| NaiveTime::parse_from_str(time, "%H:%M")).ok()
    });
    let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default();
    let zone = members.get("timeZone").and_then(Value::as_str).unwrap_or("UTC");
    let zone: Tz = zone.parse().map_err(|_| Error::from(Code::UnknownTimeZone))?;
    let local = NaiveDateTime::new(day, time.unwrap_or(noon));
    // In the hour a clock change leaves out, the meeting begins after it.
    let moment = zone
        .from_local_datetime(&local)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(local + chrono::TimeDelta::hours(1))).earliest());
    Ok(moment.map(|moment| json!(moment.with_timezone(&Utc))))
}

fn refused(planned: &Planned, error: &Error) -> Refused {
    let first = error.problems.first();
    let code = first.map_or(error.code.wire(), |problem| problem.code);
    Refused {
        file: planned.file.clone(),
        line: planned.line,
        member: first.map(|problem| problem.pointer.trim_start_matches('/').to_owned()).unwrap_or_default(),
        code,
        detail: format!("{}: {}", planned.record, error.detail),
    }
}
