//! What employers say.

use crate::{Confirmation, StatementSetting, Texts};

crate::record! {
    /// What an employer said, in its own words (practice 11). It feeds a need only once that employer confirmed or corrected
    /// it.
    EmployerStatement, NewEmployerStatement in "employer_statement" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The employer that said it.
            employer_organization_id: uuid::Uuid [filter],
        }
        edited {
            /// What it said.
            #[schema(min_length = 1, max_length = 8000)]
            text: String [search],
            /// The day it was said.
            said_on: chrono::NaiveDate [sort, range],
            /// In what setting.
            setting: StatementSetting [filter],
        }
        kept {
            /// What the employer says of these words.
            confirmation: Confirmation [filter] = Confirmation::Pending,
            /// The words as they were first put down, when the employer corrected them.
            first_text: Option<String> = None,
            /// Why the employer rejected them.
            rejected_reason: Option<String> = None,
            /// The organisation that put them down; absent when the intermediary did.
            recorded_by_organization_id: Option<uuid::Uuid> [filter] = None,
            /// Organisations that marked them heard.
            #[schema(value_type = Vec<uuid::Uuid>)]
            heard_by: Texts = Texts::default(),
        }
        hidden {}
    }
}
