//! Groups of SCIM: the roles people have at the table. A client of an organisation finds the roles of its seats, a client
//! of the intermediary the appointments. They are there from the beginning; a client says who is in them.

use std::collections::BTreeSet;

use roundtable_entity::{SeatRole, SeatState, StaffRole, partner, provisioned_login, seat, staff_appointment};
use roundtable_identity::provisioned_logins::in_the_role;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Arguments;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::filter::{Filter, member};
use crate::refusal::{Refusal, Result};
use crate::schemas::GROUP;
use crate::{Keeper, patch, users};

/// A role that a group stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Seat(SeatRole),
    Staff(StaffRole),
}

const SEATS: [SeatRole; 6] = [
    SeatRole::PointPerson,
    SeatRole::Alternate,
    SeatRole::ExecutiveSponsor,
    SeatRole::SubjectExpert,
    SeatRole::UnionLeader,
    SeatRole::WorkerRepresentative,
];
const STAFF: [StaffRole; 3] = [StaffRole::Intermediary, StaffRole::IntermediaryStaff, StaffRole::Observer];

impl Role {
    /// The roles a client deals with.
    fn all(keeper: &Keeper) -> Vec<Role> {
        match keeper.organization_id {
            Some(_) => SEATS.map(Role::Seat).to_vec(),
            None => STAFF.map(Role::Staff).to_vec(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Role::Seat(role) => role.word(),
            Role::Staff(role) => role.word(),
        }
    }

    /// The same for ever, and another for another organisation.
    fn id(self, keeper: &Keeper) -> Uuid {
        let whose = keeper.organization_id.unwrap_or(keeper.partnership_id);
        Uuid::new_v5(&whose, self.word().as_bytes())
    }

    /// As a user names it.
    pub(crate) fn reference(self, keeper: &Keeper) -> Value {
        let id = self.id(keeper);
        json!({ "value": id, "$ref": format!("{}/Groups/{id}", keeper.at()), "display": self.word(), "type": "direct" })
    }
}

/// Which of these logins have which roles.
pub(crate) async fn held(keeper: &Keeper, rows: &[provisioned_login::Model]) -> Result<Vec<(Role, Uuid)>> {
    let read = keeper.ctx.read();
    if keeper.organization_id.is_some() {
        let people = rows.iter().filter_map(|row| row.person_id);
        let seats = seat::Entity::find()
            .filter(seat::Column::PersonId.is_in(people))
            .filter(seat::Column::OrganizationId.eq(keeper.organization_id))
            .filter(seat::Column::State.is_in([SeatState::Proposed, SeatState::Live, SeatState::Ending]))
            .filter(seat::Column::ArchivedAt.is_null())
            .order_by_asc(seat::Column::Id)
            .all(&read)
            .await
            .map_err(Error::from)?;
        return Ok(rows
            .iter()
            .flat_map(|row| {
                let own = seats.iter().filter(|seat| Some(seat.person_id) == row.person_id);
                own.map(|seat| (Role::Seat(seat.role), row.id)).collect::<Vec<_>>()
            })
            .collect());
    }
    let appointed = staff_appointment::Entity::find()
        .filter(staff_appointment::Column::AccountId.is_in(rows.iter().map(|row| row.account_id)))
        .filter(staff_appointment::Column::PartnershipId.eq(keeper.partnership_id))
        .filter(staff_appointment::Column::ArchivedAt.is_null())
        .order_by_asc(staff_appointment::Column::Id)
        .all(&read)
        .await
        .map_err(Error::from)?;
    Ok(rows
        .iter()
        .flat_map(|row| {
            let own = appointed.iter().filter(|one| one.account_id == row.account_id);
            own.map(|one| (Role::Staff(one.role), row.id)).collect::<Vec<_>>()
        })
        .collect())
}

/// Every group, as SCIM shows it.
pub(crate) async fn shown(keeper: &Keeper) -> Result<Vec<Value>> {
    let (rows, _) = users::page(keeper, None, true, 0, 0).await?;
    let held = held(keeper, &rows).await?;
    let at = keeper.at();
    Ok(Role::all(keeper)
        .into_iter()
        .map(|role| {
            let id = role.id(keeper);
            let members: Vec<Value> = rows
                .iter()
                .filter(|row| held.contains(&(role, row.id)))
                .map(|row| {
                    let to = format!("{at}/Users/{}", row.id);
                    json!({ "value": row.id, "$ref": to, "display": row.name, "type": "User" })
                })
                .collect();
            json!({
                "schemas": [GROUP], "id": id, "displayName": role.word(), "members": members,
                "meta": { "resourceType": "Group", "location": format!("{at}/Groups/{id}") },
            })
        })
        .collect())
}

/// The group with this id.
pub(crate) async fn find(keeper: &Keeper, id: &str) -> Result<Value> {
    let group = shown(keeper).await?.into_iter().find(|group| group["id"] == id);
    group.ok_or_else(Refusal::not_found)
}

/// Groups cannot be made: says that it is there, or that there is no such role.
pub(crate) fn refuse_new(keeper: &Keeper, group: &Value) -> Refusal {
    let name = member(group, "displayName").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        return Refusal::bad("invalidValue", "displayName is missing");
    }
    let words: Vec<&str> = Role::all(keeper).into_iter().map(Role::word).collect();
    if words.iter().any(|word| word.eq_ignore_ascii_case(name)) {
        return Refusal::new(409, Some("uniqueness"), "the group is there already; look for it by displayName");
    }
    let there = words.join(", ");
    Refusal::new(403, None, format!("groups are the roles at the table and cannot be made; there are {there}"))
}

fn members(group: &Value) -> Result<BTreeSet<Uuid>> {
    let listed = match member(group, "members") {
        None | Some(Value::Null) => return Ok(BTreeSet::new()),
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(Refusal::bad("invalidValue", "members is a list")),
    };
    listed
        .iter()
        .map(|one| {
            let id = member(one, "value").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
            id.ok_or_else(|| Refusal::bad("invalidValue", "the value of a member is the id of a user"))
        })
        .collect()
}

/// Makes a group's members those that the client says they are.
pub(crate) async fn replace(keeper: &Keeper, id: &str, given: &Value) -> Result<Value> {
    let before = find(keeper, id).await?;
    let name = member(given, "displayName").and_then(Value::as_str);
    if name.is_some_and(|name| before["displayName"] != name) {
        return Err(Refusal::bad("mutability", "a group keeps the name of its role"));
    }
    let role = Role::all(keeper).into_iter().find(|role| before["displayName"] == role.word());
    let role = role.ok_or_else(Refusal::not_found)?;
    let (was, is) = (members(&before)?, members(given)?);
    let come: Vec<Uuid> = is.difference(&was).copied().collect();
    let go: Vec<Uuid> = was.difference(&is).copied().collect();
    let come = users::find_all(keeper, &come).await?;
    let go = users::find_all(keeper, &go).await?;
    keeper.ctx.permit(Op::UpdateProvisionedLogin)?;
    let keeper_again = keeper.clone();
    keeper
        .ctx
        .write(move |ctx| {
            let (come, go, keeper) = (come.clone(), go.clone(), keeper_again.clone());
            async move {
                let ctx = in_the_role(&ctx);
                // First those who go: there is one point person at a time.
                for login in &go {
                    end(&ctx, &keeper, role, login).await?;
                }
                for login in &come {
                    begin(&ctx, &keeper, role, login).await?;
                }
                Ok(())
            }
        })
        .await?;
    find(keeper, id).await
}

/// Changes a group's members.
pub(crate) async fn change(keeper: &Keeper, id: &str, operations: &Value) -> Result<Value> {
    let mut group = find(keeper, id).await?;
    patch::apply(&mut group, operations)?;
    replace(keeper, id, &group).await
}

async fn begin(
    ctx: &Ctx,
    keeper: &Keeper,
    role: Role,
    login: &provisioned_login::Model,
) -> roundtable_kernel::error::Result<()> {
    let table = &ctx.app.operations;
    match role {
        Role::Seat(role) => {
            let at_the_table = partner::Entity::find()
                .filter(partner::Column::PartnershipId.eq(keeper.partnership_id))
                .filter(partner::Column::OrganizationId.eq(keeper.organization_id))
                .filter(partner::Column::ArchivedAt.is_null())
                .order_by_desc(partner::Column::Id)
                .one(&ctx.read())
                .await?
                .ok_or_else(|| Error::new(Code::WrongState, "the organisation is not at the table"))?;
            let seat = json!({
                "partnershipId": keeper.partnership_id, "partnerId": at_the_table.id, "personId": login.person_id,
                "role": role.word(),
            });
            let seat = table.call(ctx, Op::CreateSeat, Arguments::sending(seat)).await?;
            let accepted = Arguments { id: seat.id, version: seat.version, ..Arguments::sending(json!({})) };
            table.call(ctx, Op::AcceptSeat, accepted).await?;
        }
        Role::Staff(role) => {
            let appointed = json!({
                "partnershipId": keeper.partnership_id, "accountId": login.account_id, "role": role.word(),
            });
            table.call(ctx, Op::CreateStaffAppointment, Arguments::sending(appointed)).await?;
        }
    }
    Ok(())
}

async fn end(
    ctx: &Ctx,
    keeper: &Keeper,
    role: Role,
    login: &provisioned_login::Model,
) -> roundtable_kernel::error::Result<()> {
    let table = &ctx.app.operations;
    match role {
        Role::Seat(role) => {
            let seats = seat::Entity::find()
                .filter(seat::Column::PersonId.eq(login.person_id))
                .filter(seat::Column::OrganizationId.eq(keeper.organization_id))
                .filter(seat::Column::Role.eq(role))
                .filter(seat::Column::State.is_in([SeatState::Proposed, SeatState::Live, SeatState::Ending]))
                .filter(seat::Column::ArchivedAt.is_null())
                .all(&ctx.read())
                .await?;
            for seat in seats {
                // Whoever left the house has left; that the partner is uncovered shows in its coverage.
                let ended =
                    json!({ "leaveUncovered": true, "reason": "Taken out of the role by the organisation's system" });
                let ended = Arguments { id: Some(seat.id), version: Some(seat.version), ..Arguments::sending(ended) };
                table.call(ctx, Op::EndSeat, ended).await?;
            }
        }
        Role::Staff(role) => {
            let appointed = staff_appointment::Entity::find()
                .filter(staff_appointment::Column::AccountId.eq(login.account_id))
                .filter(staff_appointment::Column::PartnershipId.eq(keeper.partnership_id))
                .filter(staff_appointment::Column::Role.eq(role))
                .filter(staff_appointment::Column::ArchivedAt.is_null())
                .all(&ctx.read())
                .await?;
            for one in appointed {
                let gone = Arguments { id: Some(one.id), version: Some(one.version), ..Arguments::default() };
                table.call(ctx, Op::ArchiveStaffAppointment, gone).await?;
            }
        }
    }
    Ok(())
}

/// Groups that fit the filter.
pub(crate) async fn list(keeper: &Keeper, filter: Option<&Filter>) -> Result<Vec<Value>> {
    keeper.ctx.permit(Op::ListProvisionedLogins)?;
    let all = shown(keeper).await?;
    Ok(all.into_iter().filter(|group| filter.is_none_or(|filter| filter.fits(group))).collect())
}
