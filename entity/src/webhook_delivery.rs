//! What a webhook is told.

use crate::DeliveryState;

crate::record! {
    /// One event on its way to a webhook, with what became of it.
    WebhookDelivery, NewWebhookDelivery in "webhook_delivery" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The webhook.
            webhook_id: uuid::Uuid [filter],
            /// The organisation the webhook belongs to; the intermediary's own when absent.
            organization_id: Option<uuid::Uuid> [filter],
            /// The header `webhook-id`, the same at every attempt: by it a receiver knows what it has seen.
            message_id: String [filter],
            /// What happened.
            kind: String [filter],
            /// The event; absent for a test.
            event_id: Option<uuid::Uuid> [filter],
            /// When it happened.
            happened_at: chrono::DateTime<chrono::Utc> [range],
        }
        edited {}
        kept {
            /// What became of it.
            state: DeliveryState [filter] = DeliveryState::Pending,
            /// Attempts so far.
            attempts: i32 = 0,
            /// When it is tried next.
            next_attempt_at: Option<chrono::DateTime<chrono::Utc>> = None,
            /// When it was delivered.
            delivered_at: Option<chrono::DateTime<chrono::Utc>> = None,
            /// Status of the last answer.
            status: Option<i32> = None,
            /// Why the last attempt failed.
            error: Option<String> = None,
            /// The body as it was last sent.
            payload: Option<String> = None,
        }
        hidden {
            /// Until when whoever sends it has it to itself.
            leased_until: Option<chrono::DateTime<chrono::Utc>> = None,
            /// Role in whose eyes the body was made.
            role: String = String::new(),
            /// Who sends it.
            lease: Option<uuid::Uuid> = None,
        }
    }
}
