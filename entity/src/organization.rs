//! Organisations in the directory of a partnership.

use crate::{OrganizationKind, Side, SizeClass, Texts};

crate::record! {
    /// An organisation in the directory of a partnership, at the table or not. Members after HSDS where it has them.
    Organization, NewOrganization in "organization" {
        given {
            /// The partnership in whose directory it stands.
            partnership_id: uuid::Uuid [filter],
        }
        edited {
            /// Its name.
            #[schema(min_length = 1, max_length = 300)]
            name: String [search],
            /// What kind of organisation it is.
            kind: OrganizationKind [filter],
            /// Another name it is known by.
            #[schema(max_length = 300)]
            alternate_name: Option<String> [search],
            /// What it does.
            #[schema(max_length = 20000)]
            description: Option<String> [search],
            /// Its web site.
            #[schema(max_length = 1000, pattern = r"^https?://[^\s]+$")]
            website: Option<String>,
            /// Its public e-mail address.
            #[schema(max_length = 320)]
            email: Option<String>,
            /// Its public telephone number.
            #[schema(max_length = 60)]
            phone: Option<String>,
            /// Street and number.
            #[schema(max_length = 300)]
            address: Option<String>,
            /// City.
            #[schema(max_length = 120)]
            city: Option<String> [filter],
            /// State or province.
            #[schema(max_length = 60)]
            state_province: Option<String> [filter],
            /// Postal code, leading zeros kept.
            #[schema(max_length = 20)]
            postal_code: Option<String>,
            /// Country, ISO 3166-1 alpha-2.
            #[schema(max_length = 2, pattern = "^[A-Z]{2}$")]
            country: Option<String>,
            /// Legal form.
            #[schema(max_length = 200)]
            legal_status: Option<String>,
            /// Industry: NAICS 2022 codes.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 50)]
            naics: Texts,
            /// Size by number of employees.
            size_class: Option<SizeClass> [filter],
            /// The organisation it is part of.
            parent_id: Option<uuid::Uuid> [filter],
        }
        kept {
            /// The side of the table its kind belongs to.
            side: Side [filter] = Side::Other,
        }
        hidden {
            /// Sorting and matching form of the name.
            name_key: String [sort] = String::new(),
        }
    }
}
