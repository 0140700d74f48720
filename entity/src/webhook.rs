//! Addresses that are told of events.

use crate::{Texts, WebhookState};

crate::record! {
    /// An address that is told of events by signed requests (Standard Webhooks). It is told what the account that made it
    /// may read, and no more; when that account loses its role, it is told nothing.
    Webhook, NewWebhook in "webhook" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
        }
        edited {
            /// Where requests are sent: an `https://` address.
            #[schema(min_length = 8, max_length = 2000, pattern = "^https?://")]
            url: String,
            /// What it is for.
            #[schema(max_length = 500)]
            description: Option<String>,
            /// Kinds of events it is told of: whole ones, such as `meeting.scheduled`, or all of a record, such as
            /// `meeting`. Empty means every kind.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 100)]
            kinds: Texts,
        }
        kept {
            /// The organisation it belongs to; the intermediary's own when absent.
            organization_id: Option<uuid::Uuid> [filter] = None,
            /// The account that made it, and whose eyes it is cut to.
            account_id: uuid::Uuid [filter] = uuid::Uuid::nil(),
            /// Whether anything is sent.
            state: WebhookState [filter] = WebhookState::Active,
            /// Why it was disabled.
            disabled_reason: Option<String> = None,
            /// Since when every request has failed.
            failing_since: Option<chrono::DateTime<chrono::Utc>> = None,
            /// The secret its requests are signed with, shown once when it is made or renewed.
            secret: Option<String> [once] = None,
        }
        hidden {
            /// The secret.
            signing_secret: String = String::new(),
            /// The secret before.
            previous_secret: Option<String> = None,
            /// Until when requests are signed with the one before as well.
            previous_until: Option<chrono::DateTime<chrono::Utc>> = None,
        }
    }
}
