//! Institutional constraints and the ways around them.

use crate::{ConstraintForce, ConstraintKind, WorkaroundState};

crate::record! {
    /// A constraint an organisation works under, and the way around it. Scheduling against a hard one is answered with a
    /// warning that names it.
    Constraint, NewConstraint in "constraint_" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// Who works under it.
            organization_id: uuid::Uuid [filter],
        }
        edited {
            /// What kind.
            kind: ConstraintKind [filter],
            /// In words.
            #[schema(min_length = 1, max_length = 4000)]
            text: String,
            /// Whether it can give.
            force: ConstraintForce [filter],
            /// First day it applies.
            starts_on: Option<chrono::NaiveDate> [range],
            /// Last day it applies.
            ends_on: Option<chrono::NaiveDate> [range],
            /// The way around it.
            #[schema(max_length = 4000)]
            workaround: Option<String>,
            /// How far the way around is.
            #[serde(default = "none")]
            workaround_state: WorkaroundState [filter],
        }
        kept {}
        hidden {}
    }
}

fn none() -> WorkaroundState {
    WorkaroundState::None
}
