//! Accounts of systems.

use crate::Texts;

crate::record! {
    /// An account of a system, bound to a role at one partnership and never more than that role, narrowed by scopes such
    /// as `meetings:read`. It signs in by client credentials (RFC 6749, section 4.4).
    ServiceAccount, NewServiceAccount in "service_account" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The organisation that owns it; the intermediary's own when absent.
            organization_id: Option<uuid::Uuid> [filter],
        }
        edited {
            /// What it is for.
            #[schema(min_length = 1, max_length = 200)]
            name: String [sort],
            /// Scopes: `{collection}:read`, `{collection}:write`. Empty means all its role may do.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 100)]
            scopes: Texts,
            /// When it stops working.
            #[serde(default, deserialize_with = "crate::microseconds_if_any")]
            expires_at: Option<chrono::DateTime<chrono::Utc>>,
        }
        kept {
            /// The role it is bound to.
            role: String [filter] = String::new(),
            /// Name it signs in with.
            client_id: String = String::new(),
            /// The secret, shown once when it is made or renewed.
            client_secret: Option<String> [once] = None,
            /// When it last signed in.
            last_used_at: Option<chrono::DateTime<chrono::Utc>> = None,
        }
        hidden {
            /// SHA-256 of the secret.
            secret_hash: String = String::new(),
        }
    }
}
