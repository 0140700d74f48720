//! Identifiers other systems use.

crate::record! {
    /// The identifier another system uses for a record, within a scheme such as `ipeds-unitid`. Unique among live records
    /// of a partnership.
    ExternalId, NewExternalId in "external_id" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// Kind of the record, such as `organization`.
            #[schema(min_length = 1, max_length = 60)]
            record_type: String [filter],
            /// The record.
            record_id: uuid::Uuid [filter],
            /// The scheme, by its org-id.guide code where there is one.
            #[schema(min_length = 1, max_length = 100)]
            scheme: String [filter],
            /// The identifier.
            #[schema(min_length = 1, max_length = 300)]
            value: String [filter],
        }
        edited {}
        kept {}
        hidden {}
    }
}
