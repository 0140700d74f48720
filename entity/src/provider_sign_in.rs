//! Sign-ins at identity providers that are under way.

use sea_orm::entity::prelude::*;

/// A sign-in that was begun. What belongs to it and to nobody else (state, nonce, verifier) is made from its handle,
/// which stands nowhere here.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_sign_in")]
pub struct Model {
    /// SHA-256 of the handle, base64url.
    #[sea_orm(primary_key, auto_increment = false)]
    pub handle_hash: String,
    /// Name of the provider.
    pub provider: String,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
    /// SHA-256 of the invitation it accepts, base64url.
    pub invitation_hash: Option<String>,
    /// The login it links the identity to.
    pub account_id: Option<Uuid>,
    /// The table to act at.
    pub partnership_id: Option<Uuid>,
    /// Until when it can be completed.
    pub expires_at: crate::Timestamp,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
