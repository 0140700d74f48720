//! Who works where, dated, never overwritten.

use crate::FunctionLevel;

crate::record! {
    /// A person's work for an organisation, from a day and perhaps to a day. Many, dated, never overwritten: a change of
    /// work ends one and begins another.
    Affiliation, NewAffiliation in "affiliation" {
        given {
            /// The partnership in whose directory it stands.
            partnership_id: uuid::Uuid [filter],
            /// Who.
            person_id: uuid::Uuid [filter],
            /// For whom.
            organization_id: uuid::Uuid [filter],
            /// First day.
            starts_on: Option<chrono::NaiveDate>,
        }
        edited {
            /// Title.
            #[schema(max_length = 200)]
            title: Option<String>,
            /// Level at which they work.
            #[serde(default = "other")]
            function_level: FunctionLevel [filter],
        }
        kept {
            /// Last day.
            ends_on: Option<chrono::NaiveDate> = None,
            /// Why it ended.
            ends_reason: Option<String> = None,
        }
        hidden {}
    }
}

fn other() -> FunctionLevel {
    FunctionLevel::Other
}
