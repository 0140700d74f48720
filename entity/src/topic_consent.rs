//! Consents of parties to where a topic belongs.

use crate::TopicOutcome;

crate::record! {
    /// A party's consent to where a topic belongs, or to opening it again. Known to the parties only.
    TopicConsent, NewTopicConsent in "topic_consent" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The topic.
            topic_id: uuid::Uuid [filter],
            /// The party.
            organization_id: uuid::Uuid [filter],
            /// What it consents to.
            consents_to: TopicOutcome [filter],
        }
        edited {}
        kept {
            /// When it was taken back; absent while it stands.
            withdrawn_at: Option<chrono::DateTime<chrono::Utc>> = None,
            /// When all parties had consented and it took effect. From then on it cannot be taken back.
            settled_at: Option<chrono::DateTime<chrono::Utc>> = None,
        }
        hidden {}
    }
}
