//! Imports.

use crate::{ImportState, OnError};

crate::record! {
    /// An import of a file into a partnership, with every refused row named by line and member.
    ImportJob, NewImportJob in "import_job" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// Kind of file: `hsds`, `bargaining-notices`, `board`, `providers`, `csv`, `jsonl` or `ics`.
            #[schema(min_length = 1, max_length = 40)]
            kind: String [filter],
            /// Name of the file.
            #[schema(min_length = 1, max_length = 300)]
            file_name: String,
            /// Whether everything is checked and nothing written.
            #[serde(default)]
            dry_run: bool,
            /// The collection, where the file has the members of one.
            collection: Option<String> [filter],
            /// What a row is matched by.
            match_key: Option<String>,
            /// The scheme of external ids that the ids in the file belong to.
            id_scheme: Option<String>,
            /// What a refused row does to the others.
            on_error: Option<OnError>,
            /// Whether an empty cell empties the member.
            clear_empty: Option<bool>,
        }
        edited {}
        kept {
            /// Stage.
            state: ImportState [filter] = ImportState::Queued,
            /// Rows of the file.
            rows: Option<i32> = None,
            /// Rows read so far.
            rows_read: i32 = 0,
            /// Records made.
            created: i32 = 0,
            /// Records changed.
            updated: i32 = 0,
            /// Records found as they were.
            unchanged: i32 = 0,
            /// Rows refused.
            refused: i32 = 0,
            /// Why it failed.
            failure: Option<String> = None,
            /// When it was undone.
            reverted_at: Option<chrono::DateTime<chrono::Utc>> = None,
        }
        hidden {
            /// The report, JSON.
            report: String = String::new(),
            /// The account that asked for it; absent for the server itself.
            account_id: Option<uuid::Uuid> = None,
            /// The scopes it was asked for with, separated by blanks; absent for all that the role may do.
            scopes: Option<String> = None,
        }
    }
}
