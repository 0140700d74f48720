//! People of the organisations at or around the table.

use crate::ContactVisibility;

crate::record! {
    /// A person of one of the organisations at or around the table. A login is a separate thing.
    Person, NewPerson in "person" {
        given {
            /// The partnership in whose directory they stand.
            partnership_id: uuid::Uuid [filter],
        }
        edited {
            /// Name as they write it.
            #[schema(min_length = 1, max_length = 200)]
            name: String [search],
            /// Pronouns.
            #[schema(max_length = 40)]
            pronouns: Option<String>,
            /// E-mail address. Shown as `contactVisibility` allows.
            #[schema(max_length = 320)]
            email: Option<String>,
            /// Telephone. Shown as `contactVisibility` allows.
            #[schema(max_length = 60)]
            phone: Option<String>,
            /// Preferred language, BCP 47.
            #[schema(max_length = 35)]
            language: Option<String>,
            /// Who may see how to reach them.
            #[serde(default = "organization")]
            contact_visibility: ContactVisibility,
            /// They asked not to be contacted.
            #[serde(default)]
            do_not_contact: bool,
        }
        kept {
            /// The organisation they work for at present.
            organization_id: Option<uuid::Uuid> [filter] = None,
        }
        hidden {
            /// Sorting and matching form of the name.
            name_key: String [sort] = String::new(),
        }
    }
}

fn organization() -> ContactVisibility {
    ContactVisibility::Organization
}
