//! Which needs a solution is about, so that they are found from the need. The solution itself holds them in their order.

use sea_orm::entity::prelude::*;

/// Links a solution to a need.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "solution_need")]
pub struct Model {
    /// The solution.
    #[sea_orm(primary_key, auto_increment = false)]
    pub solution_id: Uuid,
    /// The need.
    #[sea_orm(primary_key, auto_increment = false)]
    pub need_id: Uuid,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
