//! Keys for what clients carry and are not to read.

use sea_orm::entity::prelude::*;

/// A key, shared by all replicas.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sealing_key")]
pub struct Model {
    /// What it seals.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The key, base64url.
    pub secret: String,
    /// When it was made.
    pub created_at: crate::Timestamp,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
