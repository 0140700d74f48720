//! Which people of which partnerships a login is.

use sea_orm::entity::prelude::*;

/// Links a login to the person it is at one partnership.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "account_person")]
pub struct Model {
    /// The login.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    /// The person.
    #[sea_orm(primary_key, auto_increment = false)]
    pub person_id: Uuid,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
