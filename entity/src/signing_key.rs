//! Keys that sign access tokens.

use sea_orm::entity::prelude::*;

/// An Ed25519 key pair. The newest signs; older ones verify until the tokens they signed have expired.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_key")]
pub struct Model {
    /// Key id (`kid`).
    #[sea_orm(primary_key, auto_increment = false)]
    pub kid: String,
    /// PKCS#8 in PEM form.
    pub private_pem: String,
    /// Public key, base64url, as in a JWK.
    pub public_x: String,
    /// When it was made.
    pub created_at: crate::Timestamp,
    /// When it stopped signing.
    pub retired_at: Option<crate::Timestamp>,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
