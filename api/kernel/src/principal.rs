//! Who somebody is, table by table: read from seats and appointments, kept for a second, forgotten at every change.
//!
//! Roles are never trusted from a token. A change made here holds at once; one made by another replica within a second.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use chrono::SubsecRound;
use roundtable_entity::{
    ChampionState, PartnerState, SeatState, StaffRole, Timestamp, account, account_person, champion, partner,
    partnership, revoked_token, seat, service_account, staff_appointment,
};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::error::Result;
use crate::standing::{Principal, Role, Standing};
use crate::store::Store;
use crate::token::Claims;

const KEPT: Duration = Duration::from_secs(1);
const MOST: usize = 50_000;

/// What is known of an account.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who they are.
    pub principal: Arc<Principal>,
    /// Sessions begun earlier are dead.
    pub sessions_since: Timestamp,
    /// When the account ends; absent when no end is set.
    pub until: Option<Timestamp>,
    /// Tokens and sessions that were ended before their time.
    pub revoked: Arc<HashSet<Uuid>>,
}

impl Known {
    /// Whether a token of theirs still holds: made since they may sign in, and neither it nor its session was ended.
    pub fn honours(&self, claims: &Claims) -> bool {
        // A token tells its moment to the millisecond.
        claims.made_at().is_some_and(|made| made >= self.sessions_since.trunc_subsecs(3))
            && !self.revoked.contains(&claims.jti)
            && !claims.sid.is_some_and(|session| self.revoked.contains(&session))
    }

    fn holds(&self) -> bool {
        self.until.is_none_or(|until| until > chrono::Utc::now())
    }
}

/// Principals by account.
#[derive(Default)]
pub struct Principals {
    kept: RwLock<HashMap<Uuid, (Instant, Known)>>,
}

impl Principals {
    /// Forgets everybody: something about who may do what has changed.
    pub fn forget(&self) {
        if let Ok(mut kept) = self.kept.write() {
            kept.clear();
        }
    }

    /// What is known of this account; `None` when it is not there, suspended, archived or expired.
    pub async fn known(&self, store: &Store, account_id: Uuid) -> Result<Option<Known>> {
        if let Ok(kept) = self.kept.read()
            && let Some((since, known)) = kept.get(&account_id)
            && since.elapsed() < KEPT
        {
            return Ok(Some(known.clone()).filter(Known::holds));
        }
        let asked = Instant::now();
        let Some(known) = load(store, account_id).await? else {
            return Ok(None);
        };
        if let Ok(mut kept) = self.kept.write() {
            if kept.len() >= MOST {
                kept.clear();
            }
            kept.insert(account_id, (asked, known.clone()));
        }
        Ok(Some(known))
    }
}

/// Whether principals are read from this table: what is archived or restored there changes who may do what.
pub fn grants(table: &str) -> bool {
    matches!(table, "account" | "champion" | "partner" | "seat" | "service_account" | "staff_appointment")
}

async fn load(store: &Store, account_id: Uuid) -> Result<Option<Known>> {
    let read = store.read();
    if let Some(account) = account::Entity::find_by_id(account_id).one(read).await? {
        if account.suspended_at.is_some() || account.archived_at.is_some() {
            return Ok(None);
        }
        let mut standings = Vec::new();
        if account.operator {
            standings.push(Standing { account_id: Some(account_id), ..Standing::operator() });
        }
        standings.extend(appointments(store, account_id).await?);
        standings.extend(seats(store, account_id).await?);
        let principal = Principal { account_id, name: account.name, service: false, scopes: Vec::new(), standings };
        let revoked = revoked(store, account_id).await?;
        let known =
            Known { principal: Arc::new(principal), sessions_since: account.sessions_since, until: None, revoked };
        return Ok(Some(known));
    }
    let Some(service) = service_account::Entity::find_by_id(account_id).one(read).await? else {
        return Ok(None);
    };
    let expired = service.expires_at.is_some_and(|at| at <= chrono::Utc::now());
    if expired || service.archived_at.is_some() {
        return Ok(None);
    }
    let standings = bound(store, &service).await?.into_iter().collect();
    let principal = Principal { account_id, name: service.name, service: true, scopes: service.scopes.0, standings };
    let revoked = revoked(store, account_id).await?;
    let (sessions_since, until) = (service.created_at, service.expires_at);
    Ok(Some(Known { principal: Arc::new(principal), sessions_since, until, revoked }))
}

async fn revoked(store: &Store, account_id: Uuid) -> Result<Arc<HashSet<Uuid>>> {
    let rows =
        revoked_token::Entity::find().filter(revoked_token::Column::AccountId.eq(account_id)).all(store.read()).await?;
    Ok(Arc::new(rows.into_iter().map(|row| row.id).collect()))
}

async fn appointments(store: &Store, account_id: Uuid) -> Result<Vec<Standing>> {
    let rows = staff_appointment::Entity::find()
        .filter(staff_appointment::Column::AccountId.eq(account_id))
        .filter(staff_appointment::Column::ArchivedAt.is_null())
        .order_by_asc(staff_appointment::Column::Id)
        .all(store.read())
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Standing {
            partnership_id: row.partnership_id,
            role: match row.role {
                StaffRole::Intermediary => Role::Intermediary,
                StaffRole::IntermediaryStaff => Role::IntermediaryStaff,
                StaffRole::Observer => Role::Observer,
            },
            organization_id: row.organization_id,
            partner_id: None,
            person_id: None,
            seat_id: None,
            account_id: Some(account_id),
        })
        .collect())
}

/// Live seats of partners at the table. One standing a partner; the seat that was made first speaks.
async fn seats(store: &Store, account_id: Uuid) -> Result<Vec<Standing>> {
    let read = store.read();
    let people =
        account_person::Entity::find().filter(account_person::Column::AccountId.eq(account_id)).all(read).await?;
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let people: Vec<Uuid> = people.into_iter().map(|row| row.person_id).collect();
    let rows = seat::Entity::find()
        .filter(seat::Column::PersonId.is_in(people.clone()))
        .filter(seat::Column::State.is_in([SeatState::Live, SeatState::Ending]))
        .filter(seat::Column::ArchivedAt.is_null())
        .order_by_asc(seat::Column::Id)
        .all(read)
        .await?;
    let serving = champion::Entity::find()
        .filter(champion::Column::PersonId.is_in(people))
        .filter(champion::Column::State.eq(ChampionState::Serving))
        .filter(champion::Column::ArchivedAt.is_null())
        .all(read)
        .await?;
    let partners = partner::Entity::find()
        .filter(partner::Column::Id.is_in(rows.iter().map(|row| row.partner_id)))
        .filter(partner::Column::State.is_in([PartnerState::Invited, PartnerState::Active, PartnerState::Dormant]))
        .filter(partner::Column::ArchivedAt.is_null())
        .all(read)
        .await?;
    let mut standings: Vec<Standing> = Vec::new();
    for row in rows {
        let Some(partner) = partners.iter().find(|partner| partner.id == row.partner_id) else {
            continue;
        };
        if standings.iter().any(|standing| standing.partner_id == Some(partner.id)) {
            continue;
        }
        let mut role = Role::of_kind(partner.kind);
        let serves = serving.iter().any(|one| one.partner_id == partner.id && one.person_id == row.person_id);
        if role == Role::Employer && serves {
            role = Role::Champion;
        }
        standings.push(Standing {
            partnership_id: row.partnership_id,
            role,
            organization_id: Some(row.organization_id),
            partner_id: Some(partner.id),
            person_id: Some(row.person_id),
            seat_id: Some(row.id),
            account_id: Some(account_id),
        });
    }
    Ok(standings)
}

/// The standing of a system: its role as long as its owner still has it.
async fn bound(store: &Store, service: &service_account::Model) -> Result<Option<Standing>> {
    let Some(role) = Role::named(&service.role) else {
        return Ok(None);
    };
    let read = store.read();
    let mut partner_id = None;
    if let Some(organization) = service.organization_id.filter(|_| role.is_member()) {
        let at_the_table = partner::Entity::find()
            .filter(partner::Column::OrganizationId.eq(organization))
            .filter(partner::Column::State.is_in([PartnerState::Active, PartnerState::Dormant]))
            .filter(partner::Column::ArchivedAt.is_null())
            .one(read)
            .await?;
        match at_the_table {
            Some(partner) => partner_id = Some(partner.id),
            None => return Ok(None),
        }
    }
    let open = partnership::Entity::find_by_id(service.partnership_id)
        .filter(Expr::col(partnership::Column::ArchivedAt).is_null())
        .one(read)
        .await?;
    Ok(open.map(|partnership| Standing {
        partnership_id: partnership.id,
        role,
        organization_id: service.organization_id,
        partner_id,
        person_id: None,
        seat_id: None,
        account_id: Some(service.id),
    }))
}
