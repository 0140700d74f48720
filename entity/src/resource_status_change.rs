//! What became of entries of the resource map.

crate::record! {
    /// A change of an entry's status (is what it describes running) or stage (is the entry on the map, verified, stale).
    /// Kept for good: the entry's history.
    ResourceStatusChange, NewResourceStatusChange in "resource_status_change" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The entry.
            resource_id: uuid::Uuid [filter],
            /// `status` or `recordState`.
            member: String [filter],
            /// What it was; absent for the first.
            was: Option<String>,
            /// What it became.
            became: String [filter],
        }
        edited {}
        kept {}
        hidden {}
    }
}
