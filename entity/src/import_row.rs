//! What became of the rows of an import.

use crate::ImportOutcome;

crate::record! {
    /// What an import did with a row of its file: the record it made or changed, or why it was refused. A row that is
    /// refused for several members is here once for each.
    ImportRow, NewImportRow in "import_row" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The import.
            job_id: uuid::Uuid [filter],
            /// The line where the row starts in the file.
            line: i32 [sort, range],
            /// What became of it.
            outcome: ImportOutcome [filter],
            /// The collection of the record.
            collection: String [filter],
            /// The record that was made or changed.
            record_id: Option<uuid::Uuid> [filter],
            /// The member that was refused; absent for a whole row.
            member: Option<String> [filter],
            /// A stable code for the refusal.
            code: Option<String> [filter],
            /// What is wrong and what would be right.
            detail: Option<String>,
        }
        edited {}
        kept {}
        hidden {
            /// The members of a changed record as they were before, a merge patch.
            before: Option<String> = None,
        }
    }
}
