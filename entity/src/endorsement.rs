//! Endorsements of needs by employers.

crate::record! {
    /// An employer's endorsement of a need: one voice for each organisation (practice 8).
    Endorsement, NewEndorsement in "endorsement" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The need.
            need_id: uuid::Uuid [filter],
            /// The employer.
            organization_id: uuid::Uuid [filter],
        }
        edited {
            /// How much it matters to this employer, 1 to 5.
            #[schema(minimum = 1, maximum = 5)]
            importance: i32 [range],
            /// How many of its people are affected.
            #[schema(minimum = 0, maximum = 1000000)]
            affected_count: Option<i32>,
        }
        kept {
            /// The seat that spoke for the employer.
            by_seat_id: Option<uuid::Uuid> = None,
            /// When it was withdrawn; absent while it stands.
            withdrawn_at: Option<chrono::DateTime<chrono::Utc>> = None,
            /// Why it was withdrawn.
            withdrawn_reason: Option<String> = None,
        }
        hidden {}
    }
}
