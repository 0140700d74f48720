//! What happened, in order.

use sea_orm::entity::prelude::*;

/// One change, written in the transaction of the change it tells. The audit trail and the source of every feed.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    /// Order in which it was written.
    #[sea_orm(primary_key)]
    pub sequence: i64,
    /// Identifier that clients see.
    pub id: Uuid,
    /// Order in which it was committed; absent until that is known.
    pub position: Option<i64>,
    /// The partnership; absent for the installation's own.
    pub partnership_id: Option<Uuid>,
    /// What happened, such as `meeting.scheduled`.
    pub kind: String,
    /// Table of the record.
    pub record_type: String,
    /// The record.
    pub record_id: Uuid,
    /// Its version after the change.
    pub record_version: i32,
    /// Members that changed, a JSON list.
    pub changed_fields: String,
    /// The operation.
    pub operation: String,
    /// The account that acted; absent for the server itself.
    pub actor_id: Option<Uuid>,
    /// The organisation it acted for.
    pub actor_organization_id: Option<Uuid>,
    /// The role it acted in.
    pub actor_role: String,
    /// By which way it came in.
    pub via: String,
    /// Id of the request.
    pub request_id: String,
    /// When.
    pub happened_at: crate::Timestamp,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
