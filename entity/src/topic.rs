//! Topics: what is discussed in the partnership, and what is kept for the bargaining table.

use crate::{SubjectMatter, Texts, TopicState, TopicVenue};

crate::record! {
    /// A subject of which employers and unions agree where it belongs: in the partnership, or at the bargaining table
    /// (practices 79 and 80). While it is held to its parties, the intermediary sees a stub: id, state, venue, parties and
    /// dates. From agreement on the bargaining table, it and everything it is about are sealed.
    Topic, NewTopic in "topic" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
        }
        edited {
            /// The topic in a line. Absent where only a stub is shown.
            #[schema(min_length = 1, max_length = 300, required = true)]
            subject: Option<String>,
            /// What it is about. Absent where only a stub is shown.
            #[schema(min_length = 1, max_length = 8000, required = true)]
            text: Option<String>,
            /// What kind of matter it is. All but `other` are held to the parties until they agree. Absent where only a stub
            /// is shown.
            #[schema(required = true)]
            subject_matter: Option<SubjectMatter>,
            /// Organisations whose matter it is: at least one employer and one union.
            #[schema(value_type = Vec<uuid::Uuid>, min_items = 2, max_items = 20)]
            party_organization_ids: Texts,
            /// Why it belongs where it does; for the parties only.
            #[schema(max_length = 8000)]
            rationale: Option<String>,
            /// When the parties look at it again.
            review_on: Option<chrono::NaiveDate> [range],
            /// Needs it is about.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            need_ids: Texts,
            /// Causes it is about.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            cause_ids: Texts,
            /// Employer statements it is about.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            employer_statement_ids: Texts,
            /// Inputs it is about.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            input_ids: Texts,
            /// Offers it is about.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            offer_ids: Texts,
            /// Second looks it is about.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            second_look_ids: Texts,
            /// Solutions it is about.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            solution_ids: Texts,
            /// Agenda items it is about.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            agenda_item_ids: Texts,
            /// Decisions it is about.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            decision_ids: Texts,
            /// Action items it is about.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            action_item_ids: Texts,
            /// Minutes it is about; sealed as a whole, since they are one text.
            #[serde(default)] #[schema(value_type = Vec<uuid::Uuid>, max_items = 50)]
            minutes_ids: Texts,
        }
        kept {
            /// Stage.
            state: TopicState [filter] = TopicState::Proposed,
            /// Where the parties agreed it belongs.
            venue: TopicVenue [filter] = TopicVenue::Undetermined,
            /// The organisation that put it forward; absent when the intermediary did, and on a stub.
            proposed_by_organization_id: Option<uuid::Uuid> = None,
            /// The day the parties agreed.
            agreed_on: Option<chrono::NaiveDate> [range] = None,
            /// The day they last opened it again.
            reopened_on: Option<chrono::NaiveDate> = None,
            /// Why a party refused; for the parties only.
            contested_reason: Option<String> = None,
        }
        hidden {}
    }
}
