//! Approvals of versions of the plan by employers.

crate::record! {
    /// An employer's approval of a version of the plan: one voice for each organisation. With the quorum of the employers at
    /// the table it comes into force (practice 8).
    PlanApproval, NewPlanApproval in "plan_approval" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The version of the plan.
            plan_version_id: uuid::Uuid [filter],
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
