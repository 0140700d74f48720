//! Reasons given for asking more of an employer's time than it offered.

crate::record! {
    /// A reasoned override of an employer's offered time, logged and visible to that employer.
    TimeOverride, NewTimeOverride in "time_override" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The meeting.
            meeting_id: uuid::Uuid [filter],
            /// The partner.
            partner_id: uuid::Uuid [filter],
            /// The employer.
            organization_id: uuid::Uuid [filter],
            /// Minutes over its offer.
            minutes_over: i32,
            /// The reason.
            #[schema(min_length = 10, max_length = 1000)]
            reason: String,
        }
        edited {}
        kept {}
        hidden {}
    }
}
