//! Each try to deliver.

crate::record! {
    /// One attempt of a delivery. What the receiver answered beyond its status is not kept.
    WebhookAttempt, NewWebhookAttempt in "webhook_attempt" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The webhook.
            webhook_id: uuid::Uuid [filter],
            /// The delivery.
            delivery_id: uuid::Uuid [filter],
            /// The organisation the webhook belongs to; the intermediary's own when absent.
            organization_id: Option<uuid::Uuid> [filter],
            /// Status of the answer; absent when there was none.
            status: Option<i32>,
            /// How long it took, milliseconds.
            milliseconds: i32,
            /// Why it failed; absent when it did not.
            error: Option<String>,
        }
        edited {}
        kept {}
        hidden {}
    }
}
