//! Who a login is at identity providers.

use sea_orm::entity::prelude::*;

/// An identity at a provider that signs in to a login: known by issuer and subject alone.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "linked_identity")]
pub struct Model {
    /// Identifier.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The login.
    pub account_id: Uuid,
    /// Name of the provider in the settings, when it was linked.
    pub provider: String,
    /// The provider's issuer.
    pub issuer: String,
    /// Who they are there.
    pub subject: String,
    /// When it was linked.
    pub created_at: crate::Timestamp,
    /// When it last signed in.
    pub used_at: Option<crate::Timestamp>,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
