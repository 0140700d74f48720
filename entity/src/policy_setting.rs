//! Policy keys, dated.

crate::record! {
    /// The value of a policy key of a partnership from a moment on. The latest of a key holds; earlier ones stay as
    /// history.
    PolicySetting, NewPolicySetting in "policy_setting" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The key, such as `champion_min`. `GET /v1/policy-keys` lists them.
            #[schema(min_length = 1, max_length = 60)]
            key: String [filter],
            /// The value: a number, or `true` and `false`.
            #[schema(min_length = 1, max_length = 60)]
            value: String,
            /// Why it was set.
            #[schema(max_length = 1000)]
            reason: Option<String>,
        }
        edited {}
        kept {}
        hidden {}
    }
}
