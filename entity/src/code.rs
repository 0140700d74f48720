//! Code systems as rows.

use crate::CodeSystem;

crate::record! {
    /// One code of a code system: NAICS 2022, SOC 2018 or CIP 2020.
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
            /// Its title.
            #[schema(min_length = 1, max_length = 500)]
            title: String [search],
            /// The code above it.
            #[schema(max_length = 20)]
            parent: Option<String> [filter],
        }
        edited {}
        kept {}
        hidden {}
    }
}
