//! Mission statements, version by version.

crate::record! {
    /// An organisation's mission statement from a day on. Never changed: a new wording is a new version.
    MissionStatement, NewMissionStatement in "mission_statement" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// Whose mission.
            organization_id: uuid::Uuid [filter],
            /// The wording.
            #[schema(min_length = 1, max_length = 8000)]
            text: String,
            /// From when it holds.
            effective_on: chrono::NaiveDate [sort, range],
        }
        edited {}
        kept {
            /// Counts the wordings from 1.
            edition: i32 [sort] = 1,
        }
        hidden {}
    }
}
