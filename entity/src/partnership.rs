//! The partnership: the tenant boundary for everything else.

use crate::{Phase, Publicity, Texts, Unionized};

crate::record! {
    /// One industry sector partnership: employers, unions and labor agencies, education and training, the public
    /// workforce system and economic development of one industry at one table.
    Partnership, NewPartnership in "partnership" {
        given {
            /// Short name in addresses and commands: lower-case letters, digits and hyphens.
            #[schema(min_length = 2, max_length = 60, pattern = "^[a-z0-9][a-z0-9-]*$")]
            slug: String [filter, sort],
        }
        edited {
            /// What the effort is called until its partners have named it.
            #[schema(min_length = 1, max_length = 200)]
            working_title: String [sort],
            /// The name in short, for small places.
            #[schema(max_length = 60)]
            short_name: Option<String>,
            /// Other names it goes by.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 20)]
            aliases: Texts,
            /// What the group is about.
            #[schema(max_length = 4000)]
            purpose: Option<String>,
            /// The mission its partners agreed on.
            #[schema(max_length = 4000)]
            mission: Option<String>,
            /// The region in words.
            #[schema(max_length = 200)]
            region: Option<String>,
            /// The region in codes: FIPS county or state, CBSA, workforce area.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 100)]
            region_codes: Texts,
            /// The target industry: NAICS 2022 codes of two to six digits.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 50)]
            naics: Texts,
            /// Whether the industry is unionised here. When it is, a labor voice must be at the table.
            #[serde(default = "unknown")]
            industry_unionized: Unionized [filter],
            /// IANA time zone in which its meetings are held unless they say otherwise.
            #[serde(default = "utc")] #[schema(max_length = 60)]
            time_zone: String,
            /// How many days may pass between meetings.
            #[schema(minimum = 1, maximum = 366)]
            cadence_days: Option<i32>,
            /// Who may know of the partnership.
            #[serde(default = "members")]
            publicity: Publicity [filter],
            /// The organisation that convenes the table, in its own directory.
            intermediary_organization_id: Option<uuid::Uuid>,
        }
        kept {
            /// The name its partners decided on; absent until they have.
            name: Option<String> = None,
            /// Where it stands in its life cycle.
            phase: Phase [filter, sort] = Phase::Exploring,
            /// Since when.
            phase_since: chrono::DateTime<chrono::Utc> = chrono::DateTime::UNIX_EPOCH,
        }
        hidden {}
    }
}

fn unknown() -> Unionized {
    Unionized::Unknown
}
fn utc() -> String {
    "UTC".into()
}
fn members() -> Publicity {
    Publicity::Members
}
