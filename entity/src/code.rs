//! Code systems as rows.

use crate::{CodeSystem, Texts};

crate::record! {
    /// One code of a code system: NAICS 2022, SOC 2018 or CIP 2020. A retired code stays readable and is not given to
    /// records any more.
    Code, NewCode in "code" {
        given {
            /// The system.
            system: CodeSystem [filter],
            /// The edition, such as `2022`.
            #[schema(min_length = 4, max_length = 10)]
            vintage: String [filter],
            /// The code.
            #[schema(min_length = 1, max_length = 20)]
            code: String [filter, sort],
        }
        edited {
            /// Its title.
            #[schema(min_length = 1, max_length = 500)]
            title: String [search],
            /// The code above it.
            #[schema(max_length = 20)]
            parent: Option<String> [filter],
            /// Codes of another system that go with it: CIP codes of a SOC code, SOC codes of a CIP code.
            #[schema(value_type = Option<Vec<String>>, max_items = 500)]
            crosswalk: Option<Texts>,
        }
        kept {
            /// When it was retired; absent while it is in use.
            retired_at: Option<chrono::DateTime<chrono::Utc>> = None,
        }
        hidden {}
    }
}
