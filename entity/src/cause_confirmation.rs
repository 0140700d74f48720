//! Confirmations of causes by employers.

crate::record! {
    /// An employer's word that a cause is one (practice 27). It counts while that employer endorses the need.
    CauseConfirmation, NewCauseConfirmation in "cause_confirmation" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The cause.
            cause_id: uuid::Uuid [filter],
            /// The employer.
            organization_id: uuid::Uuid [filter],
        }
        edited {
            /// What it has seen of it.
            #[schema(max_length = 4000)]
            comment: Option<String>,
        }
        kept {
            /// The need.
            need_id: uuid::Uuid [filter] = uuid::Uuid::nil(),
            /// When it was withdrawn; absent while it stands.
            withdrawn_at: Option<chrono::DateTime<chrono::Utc>> = None,
        }
        hidden {}
    }
}
