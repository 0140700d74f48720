//! Mail to be sent.

use sea_orm::entity::prelude::*;

/// One mail, written in the transaction of what it tells, and sent from here.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mail")]
pub struct Model {
    /// Identifier; also of the message.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Address it goes to.
    pub recipient: String,
    /// Name it goes to.
    pub recipient_name: String,
    /// Subject.
    pub subject: String,
    /// Text.
    pub text: String,
    /// Method of the calendar that goes with it (RFC 5546).
    pub method: Option<String>,
    /// The calendar.
    pub calendar: Option<String>,
    /// The meeting it is about.
    pub meeting_id: Option<Uuid>,
    /// Edition of the meeting it tells of.
    pub sequence: i32,
    /// The invitation to sign in that it carries. Its secret is made when the mail is sent.
    pub invitation_id: Option<Uuid>,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next.
    pub due_at: crate::Timestamp,
    /// Until when a server has it in hand.
    pub leased_until: Option<crate::Timestamp>,
    /// When it was sent.
    pub sent_at: Option<crate::Timestamp>,
    /// When it was given up.
    pub failed_at: Option<crate::Timestamp>,
    /// Why it was not sent at the last attempt.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: crate::Timestamp,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
