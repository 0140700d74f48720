//! What happened, in order: the change feed and the audit trail, which are one.
//!
//! An event is shown to whoever may read the record it tells of, with the record as a read shows it to them now. Streams,
//! subscriptions and webhooks are fed from here, so that none of them knows a rule of its own.

use std::collections::{BTreeMap, HashMap};

use roundtable_entity::{Timestamp, event};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Code, Error, Result};
use crate::list::{self, PageInfo};
use crate::node::{Node, Row};
use crate::op::Op;
use crate::operation::{Answered, Kind, Operation, Operations, Parameter};
use crate::order;
use crate::reader::{Changed, Known};
use crate::standing::Role;

/// Collection the feed stands as.
pub const COLLECTION: &str = "events";
/// Events looked at in one step.
const STEP: u64 = 500;
/// Most steps of one page. A page may end early where much happened that the caller may not know of.
const STEPS: usize = 20;

/// Something that happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Identifier, the same in the feed, in streams and in webhooks.
    pub id: Uuid,
    /// Send it as `after` to read on from here.
    pub cursor: String,
    /// What happened, such as `meeting.scheduled`.
    pub kind: String,
    /// The partnership; absent for what belongs to the installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partnership_id: Option<Uuid>,
    /// What kind of record it happened to, such as `meeting`.
    pub record_type: String,
    /// The record.
    pub record_id: Uuid,
    /// Its version after the change. Events of one record are in order by it.
    pub record_version: i32,
    /// Members that changed, as far as you may see them.
    #[schema(max_items = 200)]
    pub changed_fields: Vec<String>,
    /// When.
    pub happened_at: chrono::DateTime<chrono::Utc>,
    /// The role it was done in; absent when that is not for you to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_role: Option<String>,
    /// The account that did it. Known to the intermediary, the operator and the account's own organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_account_id: Option<Uuid>,
    /// The organisation it acted for; known to the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_organization_id: Option<Uuid>,
    /// The operation that did it; known to the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// By which way it came in; known to the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Id of the request that did it; known to the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Whether the record is archived by now: take it out of your copy.
    pub archived: bool,
    /// The record as a read shows it to you now; absent when it is archived.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    pub record: Option<Value>,
}

/// Which events are asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    types: Vec<String>,
    kinds: Vec<String>,
    records: Vec<Uuid>,
    actors: Vec<Uuid>,
    since: Option<Timestamp>,
}

fn words(parameters: &Map<String, Value>, name: &str) -> Vec<String> {
    let given = parameters.get(name).and_then(Value::as_array);
    given.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn ids(parameters: &Map<String, Value>, name: &str) -> Vec<Uuid> {
    words(parameters, name).iter().filter_map(|id| Uuid::parse_str(id).ok()).collect()
}

impl Filter {
    /// From parameters that are checked and typed.
    pub fn of(parameters: &Map<String, Value>) -> Self {
        let since = parameters.get("since").and_then(Value::as_str);
        Self {
            types: words(parameters, "recordType"),
            kinds: words(parameters, "kind"),
            records: ids(parameters, "recordId"),
            actors: ids(parameters, "actorAccountId"),
            since: since.and_then(|since| chrono::DateTime::parse_from_rfc3339(since).ok()).map(Into::into),
        }
    }

    /// Events of these kinds.
    pub fn of_kinds(kinds: &[String]) -> Self {
        Self { kinds: kinds.to_vec(), ..Self::default() }
    }

    fn rows(&self) -> Condition {
        let mut rows = Condition::all();
        if !self.kinds.is_empty() {
            let of = |kind: &String| {
                let (from, before) = (format!("{kind}."), format!("{kind}/"));
                Condition::any()
                    .add(event::Column::Kind.eq(kind))
                    .add(Condition::all().add(event::Column::Kind.gte(from)).add(event::Column::Kind.lt(before)))
            };
            rows = rows.add(self.kinds.iter().fold(Condition::any(), |any, kind| any.add(of(kind))));
        }
        if !self.records.is_empty() {
            rows = rows.add(event::Column::RecordId.is_in(self.records.iter().copied()));
        }
        if !self.actors.is_empty() {
            rows = rows.add(event::Column::ActorId.is_in(self.actors.iter().copied()));
        }
        rows.add_option(self.since.map(|since| event::Column::HappenedAt.gte(since)))
    }
}

/// Part of the feed.
pub struct Part {
    /// The events.
    pub events: Vec<Event>,
    /// Position up to which was read.
    pub position: i64,
    /// Whether more follows.
    pub more: bool,
}

/// Records the caller may read at all, of those asked for.
fn readable(ctx: &Ctx, filter: &Filter) -> Vec<&'static str> {
    let readers = ctx.app.operations.readers.iter();
    readers
        .filter(|(name, _)| filter.types.is_empty() || filter.types.iter().any(|asked| asked == *name))
        .filter(|(_, reader)| ctx.permit(reader.get).is_ok())
        .map(|(name, _)| *name)
        .collect()
}

/// Reads on after a position, up to the last event there is.
pub async fn read(ctx: &Ctx, filter: &Filter, after: i64, first: usize) -> Result<Part> {
    let last = order::settle(&ctx.app.store).await?;
    read_to(ctx, filter, after, last, first).await
}

/// The same, up to this position.
pub async fn read_to(ctx: &Ctx, filter: &Filter, after: i64, last: i64, first: usize) -> Result<Part> {
    let permit = ctx.permit(Op::ListEvents)?;
    let mut rows = filter.rows().add(event::Column::RecordType.is_in(readable(ctx, filter)));
    if permit.standing.role != Role::Operator {
        let own = event::Column::PartnershipId.eq(permit.standing.partnership_id);
        rows = rows.add(Condition::any().add(own).add(event::Column::PartnershipId.is_null()));
    }
    let mut part = Part { events: Vec::new(), position: after, more: false };
    for _ in 0..STEPS {
        let step = event::Entity::find()
            .filter(rows.clone())
            .filter(event::Column::Position.gt(part.position))
            .filter(event::Column::Position.lte(last))
            .order_by_asc(event::Column::Position)
            .limit(STEP)
            .all(&ctx.read())
            .await?;
        let is_last = (step.len() as u64) < STEP;
        let shown = view(ctx, &step).await?;
        for (row, event) in step.iter().zip(shown) {
            let Some(event) = event.filter(|event| filter.actors.is_empty() || event.actor_account_id.is_some()) else {
                part.position = row.position.unwrap_or(part.position);
                continue;
            };
            if part.events.len() == first {
                part.more = true;
                return Ok(part);
            }
            part.position = row.position.unwrap_or(part.position);
            part.events.push(event);
        }
        if is_last {
            part.position = last.max(part.position);
            return Ok(part);
        }
    }
    part.more = true;
    Ok(part)
}

/// These events as the caller may see them, one statement for each kind of record.
pub async fn view(ctx: &Ctx, rows: &[event::Model]) -> Result<Vec<Option<Event>>> {
    let mut asked: BTreeMap<&str, Changed> = BTreeMap::new();
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        // Nobody could read past an event that is damaged; what is known of it is told.
        let changed: Vec<String> = serde_json::from_str(&row.changed_fields).unwrap_or_else(|error| {
            tracing::error!(table = "event", id = %row.id, %error, "the changed members of an event cannot be read");
            Vec::new()
        });
        let members = asked.entry(&row.record_type).or_default().entry(row.record_id).or_default();
        members.extend(changed.iter().cloned());
        changes.push(changed);
    }
    let mut known: HashMap<(&str, Uuid), Known> = HashMap::new();
    for (name, changed) in asked {
        if let Some(reader) = ctx.app.operations.readers.get(name) {
            let found = reader.read(ctx, changed).await?;
            known.extend(found.into_iter().map(|(id, found)| ((name, id), found)));
        }
    }
    rows.iter()
        .zip(changes)
        .map(|(row, changed)| match known.get(&(row.record_type.as_str(), row.record_id)) {
            Some(known) => show(ctx, row, changed, known),
            None => Ok(None),
        })
        .collect()
}

fn show(ctx: &Ctx, row: &event::Model, changed: Vec<String>, known: &Known) -> Result<Option<Event>> {
    let told_nothing = !changed.is_empty() && changed.iter().all(|member| known.hidden.contains(member));
    let Some(position) = row.position.filter(|_| !told_nothing) else {
        return Ok(None);
    };
    let standing = ctx.standing()?;
    let audits = standing.role.is_intermediary() || standing.role == Role::Operator;
    let own = standing.acts_for(row.actor_organization_id)
        || (row.actor_id.is_some() && row.actor_id == ctx.caller.account_id());
    let knows_actor = !known.hides_author && (audits || own);
    Ok(Some(Event {
        id: row.id,
        cursor: ctx.app.sealer.seal(position)?,
        kind: row.kind.clone(),
        partnership_id: row.partnership_id,
        record_type: row.record_type.clone(),
        record_id: row.record_id,
        record_version: row.record_version,
        changed_fields: changed.into_iter().filter(|member| !known.hidden.contains(member)).collect(),
        happened_at: row.happened_at,
        actor_role: Some(row.actor_role.clone()).filter(|role| !known.hides_author && !role.is_empty()),
        actor_account_id: row.actor_id.filter(|_| knows_actor),
        actor_organization_id: row.actor_organization_id.filter(|_| knows_actor),
        operation: Some(row.operation.clone()).filter(|_| knows_actor),
        via: Some(row.via.clone()).filter(|_| knows_actor),
        request_id: Some(row.request_id.clone()).filter(|_| knows_actor),
        archived: known.archived,
        record: Some(known.value.clone()).filter(|_| !known.archived),
    }))
}

/// Nothing leads on from an event but the record in it.
impl Row for Event {
    fn append(&self, out: &mut Vec<u8>) -> Result<()> {
        serde_json::to_writer(out, self).map_err(Error::internal)
    }
    fn value(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(Error::internal)
    }
    fn member(&self, column: &str) -> Result<Value> {
        Ok(self.value()?[crate::schema::camel(column)].take())
    }
    fn write(&self, column: &str, out: &mut Vec<u8>) -> Result<()> {
        serde_json::to_writer(out, &self.member(column)?).map_err(Error::internal)
    }
    fn id_in(&self, _column: &str) -> Option<Uuid> {
        None
    }
    fn into_node(self) -> Result<Node> {
        self.value().map(Node::of)
    }
}

/// Position that reading begins after: that of the cursor, or the beginning.
pub async fn begin(ctx: &Ctx, cursor: Option<&str>) -> Result<i64> {
    let forgotten = order::forgotten(&ctx.app.store).await?;
    match cursor.map(|cursor| ctx.app.sealer.open(cursor)).transpose()? {
        Some(position) if position < forgotten => Err(Code::CursorGone.into()),
        Some(position) => Ok(position),
        None => Ok(forgotten),
    }
}

async fn list_events(ctx: Ctx, parameters: Map<String, Value>) -> Result<list::Page<Event>> {
    ctx.permit(Op::ListEvents)?;
    let cursor = parameters.get("after").and_then(Value::as_str);
    let first = parameters.get("first").and_then(Value::as_u64).unwrap_or(list::DEFAULT);
    let after = begin(&ctx, cursor).await?;
    let part = read(&ctx, &Filter::of(&parameters), after, usize::try_from(first).unwrap_or(usize::MAX)).await?;
    let cursors: Vec<String> = part.events.iter().map(|event| event.cursor.clone()).collect();
    let page_info = PageInfo {
        has_next_page: part.more,
        has_previous_page: cursor.is_some(),
        start_cursor: cursors.first().cloned(),
        // There even when nothing was found: what comes next follows it.
        end_cursor: Some(ctx.app.sealer.seal(part.position)?),
        unreadable: Vec::new(),
    };
    Ok(list::Page { items: part.events, page_info, total_count: None, cursors })
}

/// Adds the feed to the table, after everything that it can tell of.
pub fn register(table: &mut Operations) {
    let item = table.schemas.add::<Event>();
    if let Some(record) = table.schemas.named.get_mut(&item).map(|event| &mut event["properties"]["record"]) {
        record["format"] = json!("record");
    }
    let types: Vec<&str> = table.readers.keys().copied().collect();
    let uuid = json!({ "type": "string", "format": "uuid" });
    let kind = json!({ "type": "string", "minLength": 1, "maxLength": 100 });
    let first =
        json!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": list::MOST, "default": list::DEFAULT });
    let parameter = |name: &str, schema: Value, many: bool, description: &str| Parameter {
        name: name.into(),
        schema,
        many,
        description: description.into(),
    };
    let parameters = vec![
        parameter("first", first, false, "Events of the page."),
        parameter("after", json!({ "type": "string" }), false, "Cursor: what followed this event."),
        parameter("recordType", json!({ "type": "string", "enum": types }), true, "What happened to these records."),
        parameter("kind", kind, true, "What happened: one kind, such as `meeting.scheduled`, or all of `meeting`."),
        parameter("recordId", uuid.clone(), true, "What happened to records with these ids."),
        parameter("actorAccountId", uuid, true, "What these accounts did, where you may know who did it."),
        parameter("since", json!({ "type": "string", "format": "date-time" }), false, "At or after this moment."),
    ];
    let page = format!("{item}Page");
    table.schemas.insert(
        &page,
        json!({
            "type": "object",
            "description": "Part of the feed. `pageInfo.endCursor` is always there: read on from it, now or later.",
            "required": ["items", "pageInfo"],
            "properties": {
                "items": {
                    "type": "array", "maxItems": list::MOST, "description": "The events, in order.",
                    "items": { "$ref": format!("#/components/schemas/{item}") },
                },
                "pageInfo": { "$ref": "#/components/schemas/PageInfo" },
            },
        }),
    );
    table.add(Operation {
        op: Op::ListEvents,
        kind: Kind::List,
        path: "/v1/events".into(),
        collection: COLLECTION,
        parameters,
        body: None,
        large: false,
        media: "application/json",
        answer: page,
        item: Some(item),
        run: Arc::new(|ctx, arguments| {
            Box::pin(async move {
                let page = list_events(ctx, arguments.parameters).await?;
                Ok(Answered { shown: Box::new(page), version: None, id: None })
            })
        }),
    });
}
