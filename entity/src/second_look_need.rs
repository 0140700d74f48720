//! Which needs a second look is about, so that they are found from the need. The second look itself holds them in their order.

use sea_orm::entity::prelude::*;

/// Links a second look to a need.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "second_look_need")]
pub struct Model {
    /// The second look.
    #[sea_orm(primary_key, auto_increment = false)]
    pub second_look_id: Uuid,
    /// The need.
    #[sea_orm(primary_key, auto_increment = false)]
    pub need_id: Uuid,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
