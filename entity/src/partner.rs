//! Partners: organisations at the table.

use crate::{EngagementMode, OrganizationKind, PartnerState, Side, SizeClass, Texts, UnionKind};

crate::record! {
    /// An organisation's place at the table of a partnership, whatever its kind. Employers, unions and institutions are
    /// partners of those kinds with members of their own.
    Partner, NewPartner in "partner" {
        given {
            /// The partnership at whose table it sits.
            partnership_id: uuid::Uuid [filter],
            /// The organisation.
            organization_id: uuid::Uuid [filter],
        }
        edited {
            /// What the organisation brings, in its own words.
            #[schema(max_length = 4000)]
            contribution: Option<String>,
            /// Size by number of employees.
            size_class: Option<SizeClass> [filter, employer],
            /// Industry: NAICS 2022 codes.
            #[schema(value_type = Option<Vec<String>>, max_items = 50)]
            naics: Option<Texts> [employer],
            /// Number of employees in the region.
            #[schema(minimum = 0)]
            headcount: Option<i32> [employer],
            /// What kind of labor voice it is.
            union_kind: Option<UnionKind> [filter, union],
            /// The national or international union it belongs to, by its common letters.
            #[schema(max_length = 60)]
            union_affiliation: Option<String> [filter, union],
            /// Number of the local.
            #[schema(max_length = 60)]
            local: Option<String> [filter, union],
            /// Who leads it: name and office.
            #[schema(max_length = 300)]
            leadership: Option<String> [union],
            /// Members in the region.
            #[schema(minimum = 0)]
            membership: Option<i32> [union],
            /// What it offers to the industry, in short lines.
            #[schema(value_type = Option<Vec<String>>, max_items = 200)]
            offerings: Option<Texts> [institution],
            /// Its accreditation.
            #[schema(max_length = 300)]
            accreditation: Option<String> [institution],
        }
        kept {
            /// Name of the organisation.
            name: String = String::new(),
            /// Kind of the organisation.
            kind: OrganizationKind [filter] = OrganizationKind::Other,
            /// Side of the table.
            side: Side [filter] = Side::Other,
            /// Stage.
            state: PartnerState [filter] = PartnerState::Prospect,
            /// How it takes part at present; the history is kept as engagements.
            engagement_mode: Option<EngagementMode> [filter] = None,
            /// Hours it offers to the partnership in a quarter; set by itself.
            hours_offered: Option<i32> [own] = None,
            /// First day at the table.
            joined_on: Option<chrono::NaiveDate> = None,
            /// Last day at the table.
            left_on: Option<chrono::NaiveDate> = None,
            /// Seats held at present.
            live_seats: i32 = 0,
        }
        hidden {
            /// Sorting form of the name.
            name_key: String [sort] = String::new(),
            /// The champion or intermediary who brought it up.
            proposed_by: Option<uuid::Uuid> = None,
        }
    }
}
