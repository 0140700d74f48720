//! What a reader may see of the map.

use roundtable_entity::{EntryKind, Publicity, RecordState, code, location, organization, partnership, resource};
use roundtable_kernel::access::permit;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::scope::Scoped;
use roundtable_kernel::seal;
use roundtable_kernel::standing::{Caller, Role, Standing};
use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use uuid::Uuid;

/// A reader of the map, in each standing it is read in.
pub(crate) struct Reader {
    pub ctx: Ctx,
    standings: Vec<Standing>,
}

impl Reader {
    /// Whoever signed in, as what they are; anybody else as an observer of each public partnership.
    pub async fn of(ctx: Ctx) -> Result<Self> {
        if !matches!(*ctx.caller, Caller::Anonymous) {
            for op in [Op::ListResources, Op::ListOrganizations, Op::ListLocations] {
                ctx.permit(op)?;
            }
            let standings = vec![ctx.standing()?.clone()];
            return Ok(Self { ctx, standings });
        }
        let public = partnership::Entity::find()
            .filter(partnership::Column::Publicity.eq(Publicity::Public))
            .filter(partnership::Column::ArchivedAt.is_null())
            .all(&ctx.read())
            .await?;
        let observer =
            |row: partnership::Model| Standing { partnership_id: row.id, role: Role::Observer, ..Standing::operator() };
        Ok(Self { ctx, standings: public.into_iter().map(observer).collect() })
    }

    /// Whether it is read without signing in.
    pub fn is_public(&self) -> bool {
        matches!(*self.ctx.caller, Caller::Anonymous)
    }

    /// Rows that one of the standings may know of; none without a standing.
    fn rows<R: Scoped>(&self, op: Op) -> Result<Condition> {
        let mut rows = Condition::any();
        for standing in &self.standings {
            rows = rows.add(R::rows(&permit(op, standing)?));
        }
        if self.standings.is_empty() {
            let id = R::column("id").ok_or_else(|| Error::from(Code::Internal))?;
            rows = rows.add(id.is_in(Vec::<Uuid>::new()));
        }
        Ok(rows)
    }

    /// Entries that are services, on the map and seen by this reader.
    pub fn services(&self) -> Result<Condition> {
        Ok(Condition::all()
            .add(self.rows::<resource::Model>(Op::ListResources)?)
            .add(resource::Column::ArchivedAt.is_null())
            .add(resource::Column::EntryKind.is_in([EntryKind::Program, EntryKind::Resource]))
            .add(resource::Column::RecordState.is_in([RecordState::Listed, RecordState::Verified, RecordState::Stale])))
    }

    fn of_services(&self, column: resource::Column) -> Result<SelectStatement> {
        Ok(Query::select()
            .column(column)
            .from(resource::Entity)
            .cond_where(self.services()?)
            .and_where(column.is_not_null())
            .to_owned())
    }

    /// Organisations that own a service this reader sees. Others in the directory are not part of the map.
    pub fn organizations(&self) -> Result<Condition> {
        let owners = self.of_services(resource::Column::OwnerOrganizationId)?;
        Ok(Condition::all()
            .add(self.rows::<organization::Model>(Op::ListOrganizations)?)
            .add(organization::Column::ArchivedAt.is_null())
            .add(organization::Column::Id.in_subquery(owners)))
    }

    /// Places where those services are given.
    pub fn locations(&self) -> Result<Condition> {
        let places = self.of_services(resource::Column::LocationId)?;
        Ok(Condition::all()
            .add(self.rows::<location::Model>(Op::ListLocations)?)
            .add(location::Column::ArchivedAt.is_null())
            .add(location::Column::Id.in_subquery(places)))
    }

    /// Takes out of rows what the reader may not see of them, as every way out does.
    pub async fn shown<R: Scoped>(&self, mut rows: Vec<R>) -> Result<Vec<R>> {
        for rows in rows.chunk_by_mut(|one, other| one.partnership_id() == other.partnership_id()) {
            let of = |standing: &&Standing| rows.iter().any(|row| row.partnership_id() == standing.partnership_id);
            if let Some(standing) = self.standings.iter().find(of) {
                seal::show(&self.ctx, standing, rows).await?;
            }
        }
        Ok(rows)
    }

    /// Titles of codes.
    pub async fn titles(&self, codes: &[String]) -> Result<Vec<code::Model>> {
        let mut found = Vec::new();
        for some in codes.chunks(500) {
            let some = code::Entity::find().filter(code::Column::Code.is_in(some.iter().cloned()));
            found.extend(some.all(&self.ctx.read()).await?);
        }
        Ok(found)
    }
}
