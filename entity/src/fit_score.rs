//! How well solutions fit needs, as employers see it.

crate::record! {
    /// How well an employer thinks a solution fits a need (practice 3).
    FitScore, NewFitScore in "fit_score" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The solution.
            solution_id: uuid::Uuid [filter],
            /// The need.
            need_id: uuid::Uuid [filter],
            /// The employer.
            organization_id: uuid::Uuid [filter],
        }
        edited {
            /// 1, hardly, to 5, fully.
            #[schema(minimum = 1, maximum = 5)]
            score: i32 [range],
            /// Why.
            #[schema(max_length = 4000)]
            comment: Option<String>,
        }
        kept {}
        hidden {}
    }
}
