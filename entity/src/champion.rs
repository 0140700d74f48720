//! Employer champions.

use crate::{ChampionState, Texts};

crate::record! {
    /// A person of an employer who markets the effort to other firms or leads an activity. Employers only; serves by
    /// their own word.
    Champion, NewChampion in "champion" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The employer.
            partner_id: uuid::Uuid [filter],
            /// The person.
            person_id: uuid::Uuid [filter],
        }
        edited {
            /// What they take on: `outreach`, `lead_activity`, `spokesperson`.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 10)]
            duties: Texts,
            /// What speaks for them.
            #[schema(max_length = 4000)]
            evidence: Option<String>,
        }
        kept {
            /// The organisation.
            organization_id: uuid::Uuid [filter] = uuid::Uuid::nil(),
            /// Name of the person.
            person_name: String = String::new(),
            /// Stage.
            state: ChampionState [filter] = ChampionState::Nominated,
            /// Since when they serve.
            serving_since: Option<chrono::NaiveDate> = None,
        }
        hidden {}
    }
}
