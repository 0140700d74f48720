//! Places in the order of events that have to outlast a process.

use sea_orm::entity::prelude::*;

/// How far something has come.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event_mark")]
pub struct Model {
    /// What it is the place of.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The last position that is done.
    pub position: i64,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
