//! Approvals of solutions by employers.

crate::record! {
    /// An employer's approval of a solution; with the quorum of endorsing employers it is adopted (practice 8).
    SolutionApproval, NewSolutionApproval in "solution_approval" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The solution.
            solution_id: uuid::Uuid [filter],
            /// The employer.
            organization_id: uuid::Uuid [filter],
        }
        edited {}
        kept {
            /// When it was withdrawn; absent while it stands.
            withdrawn_at: Option<chrono::DateTime<chrono::Utc>> = None,
        }
        hidden {}
    }
}
