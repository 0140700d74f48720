//! How feasible partners think it is to meet a need.

crate::record! {
    /// How feasible an organisation thinks it is to meet a need. Advice from every side; it never changes the order.
    FeasibilityRating, NewFeasibilityRating in "feasibility_rating" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The need.
            need_id: uuid::Uuid [filter],
        }
        edited {
            /// 1, hardly, to 5, easily.
            #[schema(minimum = 1, maximum = 5)]
            rating: i32 [range],
            /// Why.
            #[schema(max_length = 4000)]
            comment: Option<String>,
        }
        kept {
            /// The organisation; absent when it is the intermediary's.
            organization_id: Option<uuid::Uuid> [filter] = None,
        }
        hidden {
            /// Whose rating it is: an organisation, or the intermediary.
            rater: String = String::new(),
        }
    }
}
