//! Imports.

use crate::ImportState;

crate::record! {
    /// An import of a file into a partnership: all of it or nothing, with every refused row named by line and member.
    ImportJob, NewImportJob in "import_job" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// Kind of file: `hsds`, `bargaining-notices`, `board`, `providers`, `csv` or `ics`.
            #[schema(min_length = 1, max_length = 40)]
            kind: String [filter],
            /// Name of the file.
            #[schema(min_length = 1, max_length = 300)]
            file_name: String,
            /// Whether everything is checked and nothing written.
            #[serde(default)]
            dry_run: bool,
        }
        edited {}
        kept {
            /// Stage.
            state: ImportState [filter] = ImportState::Queued,
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
        }
        hidden {
            /// The report, JSON.
            report: String = String::new(),
        }
    }
}
