//! Sessions: what came of one sign-in.

use sea_orm::entity::prelude::*;

/// One session of a login. Its refresh tokens are a family with the same id.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    /// Identifier, and `family_id` of its refresh tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose it is.
    pub account_id: Uuid,
    /// The partnership it acts at.
    pub partnership_id: Option<Uuid>,
    /// What it was begun with: `password`, `invitation`, or the name of an identity provider.
    pub method: String,
    /// Address of the client that began it.
    pub address: String,
    /// When it began.
    pub created_at: crate::Timestamp,
    /// When it was last refreshed.
    pub used_at: crate::Timestamp,
    /// Until when it can be refreshed.
    pub expires_at: crate::Timestamp,
    /// When it was ended.
    pub ended_at: Option<crate::Timestamp>,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
