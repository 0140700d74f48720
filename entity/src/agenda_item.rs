//! Agenda items.

use crate::AgendaItemKind;

crate::record! {
    /// One time-boxed item of a meeting's agenda. Together they must fit the meeting.
    AgendaItem, NewAgendaItem in "agenda_item" {
        given {
            /// The meeting.
            meeting_id: uuid::Uuid [filter],
            /// The need it is about.
            need_id: Option<uuid::Uuid> [filter],
        }
        edited {
            /// Place in the order, from 1; at the end when absent.
            #[serde(default)] #[schema(minimum = 0, maximum = 1000)]
            position: i32 [sort],
            /// Title.
            #[schema(min_length = 1, max_length = 300)]
            title: String,
            /// What it asks of those present.
            kind: AgendaItemKind [filter],
            /// Time box in minutes.
            #[schema(minimum = 1, maximum = 600)]
            minutes: i32,
            /// The organisation that presents.
            presenter_organization_id: Option<uuid::Uuid>,
            /// What came of it.
            #[schema(max_length = 8000)]
            outcome: Option<String>,
        }
        kept {
            /// The partnership.
            partnership_id: uuid::Uuid [filter] = uuid::Uuid::nil(),
            /// The item of an earlier meeting it carries on.
            carried_from_id: Option<uuid::Uuid> = None,
        }
        hidden {}
    }
}
