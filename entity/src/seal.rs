//! What is sealed.

use sea_orm::entity::prelude::*;

/// One record that is kept for the bargaining table by a topic: there for the parties of the topic, absent for all others.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "seal")]
pub struct Model {
    /// The record.
    #[sea_orm(primary_key, auto_increment = false)]
    pub record_id: Uuid,
    /// Its table.
    pub record_type: String,
    /// The topic that seals it.
    pub topic_id: Uuid,
    /// The partnership.
    pub partnership_id: Uuid,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
