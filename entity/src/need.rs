//! Workforce needs.

use crate::{Horizon, NeedKind, NeedState, Texts};

crate::record! {
    /// A workforce need of the industry. An employer voices it, several employers share it (practice 9), and its place in the
    /// order comes from their endorsements alone (practice 8).
    Need, NewNeed in "need" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
        }
        edited {
            /// The need in a line.
            #[schema(min_length = 1, max_length = 300)]
            title: String [search],
            /// What the problem is, without a solution in it.
            #[schema(min_length = 1, max_length = 8000)]
            problem_statement: String [search],
            /// What it is about.
            kind: NeedKind [filter],
            /// Occupations: SOC 2018 codes, `NN-NNNN`.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 50)]
            socs: Texts,
            /// Skills.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 100)]
            skills: Texts,
            /// How many jobs are open or will be.
            #[schema(minimum = 0, maximum = 1000000)]
            openings: Option<i32>,
            /// How far ahead it lies.
            horizon: Option<Horizon> [filter],
            /// Employer statements it rests on, each confirmed or corrected by its employer.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 100)]
            source_statement_ids: Texts,
        }
        kept {
            /// Stage.
            state: NeedState [filter] = NeedState::Draft,
            /// The organisation that raised it; absent when the intermediary observed it.
            raised_by_organization_id: Option<uuid::Uuid> [filter] = None,
            /// The employer that voiced it.
            voiced_by_organization_id: Option<uuid::Uuid> [filter] = None,
            /// How many employers endorse it at present.
            endorsements: i32 [range] = 0,
            /// How many people its endorsing employers count as affected. For employers and the intermediary.
            affected: Option<i32> = Some(0),
            /// Its weight in the order: a thousand for each point of importance, one for each endorsement. For employers
            /// and the intermediary; everybody may sort by it.
            rank_score: Option<i32> [sort] = Some(0),
            /// Whether its causes stop at the surface (practice 26).
            surface_only: bool [filter] = true,
            /// How many root causes of it employers confirmed.
            confirmed_roots: i32 [range] = 0,
            /// How many endorsing employers ask to park it or, while it is parked, to resume it.
            park_voices: i32 = 0,
            /// Why it was parked.
            parked_reason: Option<String> = None,
            /// The day an employer said it was met.
            met_on: Option<chrono::NaiveDate> = None,
        }
        hidden {
            /// Employers that ask to park it or, while it is parked, to resume it.
            park_organization_ids: Texts = Texts::default(),
            /// The stage it was in when it was routed to the bargaining table.
            routed_from: Option<NeedState> = None,
        }
    }
}
