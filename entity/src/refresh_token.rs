//! Refresh tokens: single use, in families.

use sea_orm::entity::prelude::*;

/// One refresh token. Using it again after it was used ends its whole family.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_token")]
pub struct Model {
    /// SHA-256 of the token, base64url.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    /// All tokens that came of one sign-in.
    pub family_id: Uuid,
    /// Whose it is.
    pub account_id: Uuid,
    /// The partnership the session acts at.
    pub partnership_id: Option<Uuid>,
    /// When it was made.
    pub created_at: crate::Timestamp,
    /// Until when it can be used.
    pub expires_at: crate::Timestamp,
    /// When it was used.
    pub used_at: Option<crate::Timestamp>,
    /// When its family was ended.
    pub revoked_at: Option<crate::Timestamp>,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
