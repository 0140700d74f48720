//! Answers kept for repeated requests.

use sea_orm::entity::prelude::*;

/// The answer to a request that carried an idempotency key, written in the transaction of its effect.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    /// SHA-256 of caller, operation and key, base64url.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_hash: String,
    /// SHA-256 of what was asked.
    pub request_hash: String,
    /// The answer, JSON.
    pub answer: String,
    /// When it was given.
    pub created_at: crate::Timestamp,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
