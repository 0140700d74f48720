//! Access tokens that were taken back before their time.

use sea_orm::entity::prelude::*;

/// A token, or all tokens of a session, that are not good any more.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "revoked_token")]
pub struct Model {
    /// Id of the token (`jti`) or of the session (`sid`).
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The account, of a person or a system.
    pub account_id: Uuid,
    /// When they would have expired by themselves; then the row goes.
    pub expires_at: crate::Timestamp,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
