//! Invitations to sign in.

crate::record! {
    /// An invitation to make a login, sent to a person with a seat or to somebody appointed. Single use; dead when
    /// expired, whatever the way in.
    Invitation, NewInvitation in "invitation" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The address it is for.
            #[schema(min_length = 3, max_length = 320, pattern = "^[^@\\s]+@[^@\\s]+$")]
            email: String,
            /// The person it is for, when they have a seat.
            person_id: Option<uuid::Uuid> [filter],
            /// The appointment it brings, when they have none.
            staff_role: Option<crate::StaffRole>,
            /// The organisation they work for.
            organization_id: Option<uuid::Uuid> [filter],
        }
        edited {}
        kept {
            /// Until when it can be used.
            expires_at: chrono::DateTime<chrono::Utc> = chrono::DateTime::UNIX_EPOCH,
            /// When it was used.
            accepted_at: Option<chrono::DateTime<chrono::Utc>> = None,
            /// The secret to accept it with, shown once to whoever made it. Where the server sends mail it goes to the address
            /// alone and is shown to nobody.
            token: Option<String> [once] = None,
        }
        hidden {
            /// SHA-256 of the secret.
            token_hash: String = String::new(),
        }
    }
}
