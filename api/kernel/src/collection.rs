//! The operations of a collection: list, get, create, update, archive, restore, and the named acts.

use std::future::Future;
use std::sync::Arc;

use roundtable_entity::Use;
use sea_orm::{Condition, EntityTrait};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::list::{self, Asked, Narrow};
use crate::op::Op;
use crate::operation::{Answered, Collection, Kind, Nothing, Operation, Operations, Parameter, Run};
use crate::principal;
use crate::reader::Reader;
use crate::record::{self, Target};
use crate::relation::Relation;
use crate::schema::camel;
use crate::scope::Scoped;
use crate::seal;
use crate::shown::Single;

/// Adds a collection's operations to the table.
pub struct CollectionOf<'t, R> {
    pub(crate) table: &'t mut Operations,
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    pub(crate) new: String,
    pub(crate) narrow: Option<Narrow>,
    pub(crate) keep: Option<Use>,
    pub(crate) row: std::marker::PhantomData<R>,
}

async fn shown<R: Scoped>(ctx: &Ctx, mut row: R) -> Result<Answered> {
    if let Some(standing) = ctx.caller.standing() {
        seal::show(ctx, standing, std::slice::from_mut(&mut row)).await?;
    }
    Ok(Answered { version: Some(row.version()), id: Some(row.id()), shown: Box::new(Single(row)) })
}

impl<R: Scoped> CollectionOf<'_, R> {
    fn add(self, op: Op, kind: Kind, path: String, body: Option<String>, run: Run) -> Self {
        let (name, list) = (self.name, kind == Kind::List);
        let operation = Operation {
            op,
            kind,
            path: format!("/v1/{}{path}", self.path),
            collection: self.path,
            parameters: if list { self.parameters() } else { Vec::new() },
            body,
            large: false,
            answer: if list { format!("{name}Page") } else { name.into() },
            media: "application/json",
            item: list.then(|| name.into()),
            run,
        };
        self.table.add(operation);
        self
    }

    fn parameters(&self) -> Vec<Parameter> {
        let text = |name: &str, description: &str| Parameter {
            name: name.into(),
            schema: json!({ "type": "string" }),
            many: false,
            description: description.into(),
        };
        let typed = |name: &str, schema: Value, many: bool, description: String| Parameter {
            name: name.into(),
            schema,
            many,
            description,
        };
        let uuid = json!({ "type": "string", "format": "uuid" });
        let first = json!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": list::MOST, "default": list::DEFAULT });
        let yes = json!({ "type": "boolean" });
        let time = json!({ "type": "string", "format": "date-time" });
        let sorts: Vec<String> =
            list::sorts::<R>().into_iter().flat_map(|(name, _)| [name.clone(), format!("-{name}")]).collect();
        let mut parameters = vec![
            typed("first", first, false, "Rows of the page.".into()),
            text("after", "Cursor: the page after this row."),
            typed(
                "sort",
                json!({ "type": "string", "enum": sorts }),
                false,
                "Member to sort by, descending with a minus before it. Ties are ordered by id.".into(),
            ),
            typed("total", yes.clone(), false, "Count the rows of all pages too.".into()),
            typed("archived", yes, false, "List archived rows instead of live ones.".into()),
            typed("updatedSince", time, false, "Rows changed at or after this moment.".into()),
            typed("id", uuid, true, "Rows with one of these ids.".into()),
        ];
        if list::searchable::<R>() {
            parameters.push(Parameter {
                schema: json!({ "type": "string", "minLength": 1, "maxLength": 500 }),
                ..text("q", "Words to search for. Sorted by relevance unless `sort` says otherwise.")
            });
        }
        let properties = &self.table.schemas.named[self.name]["properties"];
        for field in
            R::FIELDS.iter().filter(|field| self.keep.is_none_or(|keep| !crate::schema::foreign(field.uses, keep)))
        {
            let name = camel(field.name);
            let mut schema = properties[&name].clone();
            let about = schema["description"].as_str().unwrap_or_default().to_owned();
            if let Some(members) = schema.as_object_mut() {
                members.shift_remove("description");
            }
            if field.uses.contains(&Use::filter) {
                parameters.push(typed(&name, schema.clone(), true, about.clone()));
            }
            if field.uses.contains(&Use::range) {
                parameters.push(typed(
                    &format!("{name}From"),
                    schema.clone(),
                    false,
                    format!("{about} At or after this."),
                ));
                parameters.push(typed(&format!("{name}Before"), schema, false, format!("{about} Before this.")));
            }
        }
        parameters
    }

    /// Reads pages: `GET /v1/{collection}`.
    pub fn list(self, op: Op) -> Self {
        let narrow = self.narrow;
        self.add(
            op,
            Kind::List,
            String::new(),
            None,
            Arc::new(move |ctx, arguments| {
                Box::pin(async move {
                    let permit = ctx.permit(op)?;
                    let flagged = ctx.app.operations.flagged(op, &arguments.parameters, &permit.standing);
                    let asked = Asked { parameters: &arguments.parameters, narrow, flagged };
                    let mut page = list::page::<R>(&ctx, &permit, &asked).await?;
                    seal::show(&ctx, &permit.standing, &mut page.items).await?;
                    Ok(Answered { shown: Box::new(page), version: None, id: None })
                })
            }),
        )
    }

    /// Reads one: `GET /v1/{collection}/{id}`.
    pub fn get(self, op: Op) -> Self {
        let narrow = self.narrow;
        self.table.collections.push(Collection {
            path: self.path,
            name: self.name,
            description: self.table.schemas.named[self.name]["description"].as_str().unwrap_or_default().into(),
            narrows: self.narrow.map(|_| R::NAME),
            table: R::TABLE,
            get: op,
        });
        if narrow.is_none() {
            self.table.readers.insert(R::TABLE.trim_end_matches('_'), Reader::of::<R>(self.name));
        }
        let page = format!("{}Page", self.name);
        self.table.schemas.insert(
            &page,
            json!({
                "type": "object",
                "description": "One page of a list.",
                "required": ["items", "pageInfo"],
                "properties": {
                    "items": {
                        "type": "array", "maxItems": list::MOST, "description": "The rows.",
                        "items": { "$ref": format!("#/components/schemas/{}", self.name) },
                    },
                    "pageInfo": { "$ref": "#/components/schemas/PageInfo" },
                    "totalCount": {
                        "type": "integer", "format": "int32", "minimum": 0,
                        "description": "Rows on all pages, when `total` asked for them.",
                    },
                },
            }),
        );
        self.add(
            op,
            Kind::Get,
            "/{id}".into(),
            None,
            Arc::new(move |ctx, arguments| {
                Box::pin(async move {
                    let permit = ctx.permit(op)?;
                    let id = arguments.id.ok_or_else(Error::not_found)?;
                    let row = record::find::<R>(&ctx, &permit, id).await?.ok_or_else(Error::not_found)?;
                    within::<R>(&ctx, narrow, id).await?;
                    shown(&ctx, row).await
                })
            }),
        )
    }

    /// Makes one: `POST /v1/{collection}`.
    pub fn create<F, Fut>(self, op: Op, run: F) -> Self
    where
        F: Fn(Ctx, R::New) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let body = Some(self.new.clone());
        let run = Arc::new(run);
        self.add(
            op,
            Kind::Create,
            String::new(),
            body,
            Arc::new(move |ctx, arguments| {
                let run = run.clone();
                Box::pin(async move {
                    let new = record::decode::<R::New>(arguments.body)?;
                    shown(&ctx, run(ctx.clone(), new).await?).await
                })
            }),
        )
    }

    /// Changes members: `PATCH /v1/{collection}/{id}`.
    pub fn update<F, Fut>(self, op: Op, run: F) -> Self
    where
        F: Fn(Ctx, Target, Value) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let body = Some(format!("{}Patch", self.name));
        let (run, narrow) = (Arc::new(run), self.narrow);
        self.add(
            op,
            Kind::Update,
            "/{id}".into(),
            body,
            Arc::new(move |ctx, arguments| {
                let run = run.clone();
                Box::pin(async move {
                    let target = arguments.target()?;
                    within::<R>(&ctx, narrow, target.id).await?;
                    shown(&ctx, run(ctx.clone(), target, arguments.body).await?).await
                })
            }),
        )
    }

    /// Changes members, with nothing to check but their own rules.
    pub fn update_plainly(self, op: Op) -> Self {
        self.update(op, move |ctx, target, patch| async move { record::update::<R>(&ctx, op, target, &patch).await })
    }

    /// Archives: `DELETE /v1/{collection}/{id}`.
    pub fn archive(self, op: Op) -> Self {
        self.archive_checked(op, |_, _| async { Ok(()) })
    }

    /// Archives, after a check of the row.
    pub fn archive_checked<F, Fut>(self, op: Op, check: F) -> Self
    where
        F: Fn(Ctx, R) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let check = Arc::new(check);
        self.archive_by(op, move |ctx, target| {
            let check = check.clone();
            async move {
                let row = record::target::<R>(&ctx, op, target).await?;
                check(ctx.clone(), row.clone()).await?;
                if principal::grants(R::TABLE) {
                    ctx.standings_change();
                }
                record::archive_row(&ctx, &row).await
            }
        })
    }

    /// Archives in a way of its own, where reach or consequences need more than the row.
    pub fn archive_by<F, Fut>(self, op: Op, run: F) -> Self
    where
        F: Fn(Ctx, Target) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let run = Arc::new(run);
        self.add(
            op,
            Kind::Archive,
            "/{id}".into(),
            None,
            Arc::new(move |ctx, arguments| {
                let run = run.clone();
                Box::pin(async move { shown(&ctx, run(ctx.clone(), arguments.target()?).await?).await })
            }),
        )
    }

    /// Restores: `POST /v1/{collection}/{id}/restore`.
    pub fn restore(self, op: Op) -> Self {
        let nothing = Some(self.table.schemas.add::<Nothing>());
        self.add(
            op,
            Kind::Act,
            "/{id}/restore".into(),
            nothing,
            Arc::new(move |ctx, arguments| {
                Box::pin(async move {
                    if principal::grants(R::TABLE) {
                        ctx.standings_change();
                    }
                    shown(&ctx, record::restore::<R>(&ctx, op, arguments.target()?).await?).await
                })
            }),
        )
    }

    /// Does a named thing to one: `POST /v1/{collection}/{id}/{verb}`.
    pub fn act<B, F, Fut>(self, op: Op, verb: &str, run: F) -> Self
    where
        B: DeserializeOwned + ToSchema,
        F: Fn(Ctx, Target, B) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let body = Some(self.table.schemas.add::<B>());
        let run = Arc::new(run);
        self.add(
            op,
            Kind::Act,
            format!("/{{id}}/{verb}"),
            body,
            Arc::new(move |ctx, arguments| {
                let run = run.clone();
                Box::pin(async move {
                    let target = arguments.target()?;
                    let body = record::decode::<B>(arguments.body)?;
                    shown(&ctx, run(ctx.clone(), target, body).await?).await
                })
            }),
        )
    }

    /// A relation to the one record this member points to.
    pub fn one<C: Scoped>(self, field: &'static str, member: &'static str) -> Self {
        let relation = Relation::one::<C>(self.name, field, member);
        self.table.relations.push(relation);
        self
    }

    /// A relation to the records that point here.
    pub fn many<C: Scoped>(self, field: &'static str, op: Op, column: &'static str, order: &'static str) -> Self {
        let relation = Relation::many::<C>(self.name, field, op, column, order);
        self.table.relations.push(relation);
        self
    }
}

/// Refuses a row that is not of the narrower form asked for.
async fn within<R: Scoped>(ctx: &Ctx, narrow: Option<fn() -> Condition>, id: Uuid) -> Result<()> {
    use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter};
    let Some(narrow) = narrow else { return Ok(()) };
    let column = R::column("id").ok_or_else(|| Error::internal("a record has no id column"))?;
    let found = R::Entity::find().filter(column.eq(id)).filter(narrow()).count(&ctx.read()).await?;
    if found > 0 { Ok(()) } else { Err(Error::not_found()) }
}
