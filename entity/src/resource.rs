//! The resource map.

use crate::{Confirmation, EntryKind, RecordState, ResourceStatus, Texts};

crate::record! {
    /// An entry of the resource map (also called program scan): a program, resource, policy or asset that bears on the
    /// industry's workforce. Members after HSDS service where it has them.
    Resource, NewResource in "resource" {
        given {
            /// The partnership on whose map it stands.
            partnership_id: uuid::Uuid [filter],
        }
        edited {
            /// What it is.
            entry_kind: EntryKind [filter],
            /// Its name.
            #[schema(min_length = 1, max_length = 300)]
            name: String [search],
            /// Another name it is known by.
            #[schema(max_length = 300)]
            alternate_name: Option<String> [search],
            /// What it does.
            #[schema(max_length = 40000)]
            description: Option<String> [search],
            /// Whether what it describes is running.
            #[serde(default = "active")]
            status: ResourceStatus [filter],
            /// The organisation that owns or runs it, which has the right to confirm the entry.
            owner_organization_id: Option<uuid::Uuid> [filter],
            /// Where it is found.
            location_id: Option<uuid::Uuid> [filter],
            /// Web address.
            #[schema(max_length = 1000, pattern = r"^https?://[^\s]+$")]
            url: Option<String>,
            /// E-mail address.
            #[schema(max_length = 320)]
            email: Option<String>,
            /// Telephone.
            #[schema(max_length = 60)]
            phone: Option<String>,
            /// Who can take part.
            #[schema(max_length = 8000)]
            eligibility: Option<String>,
            /// How to apply.
            #[schema(max_length = 8000)]
            application_process: Option<String>,
            /// What it costs.
            #[schema(max_length = 4000)]
            fees: Option<String>,
            /// How long the wait is.
            #[schema(max_length = 1000)]
            wait_time: Option<String>,
            /// Accreditations.
            #[schema(max_length = 1000)]
            accreditations: Option<String>,
            /// Languages it is given in.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 100)]
            languages: Texts,
            /// Words to find it by.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 200)]
            keywords: Texts [search],
            /// Industry: NAICS 2022 codes.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 50)]
            naics: Texts,
            /// Occupations: SOC 2018 codes, `NN-NNNN`.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 50)]
            soc: Texts,
            /// Fields of study: CIP 2020 codes, `NN.NNNN`.
            #[serde(default)] #[schema(value_type = Vec<String>, max_items = 50)]
            cip: Texts,
            /// Credential or learning opportunity in the registry, `ce-` and a UUID.
            #[schema(max_length = 60, pattern = "^ce-[0-9a-fA-F-]{36}$")]
            ctdl_id: Option<String>,
            /// When it was made.
            developed_on: Option<chrono::NaiveDate> [range],
            /// When it was last used.
            last_used_on: Option<chrono::NaiveDate> [range],
            /// Why it was put away.
            #[schema(max_length = 4000)]
            shelved_reason: Option<String>,
        }
        kept {
            /// Stage of the entry.
            record_state: RecordState [filter] = RecordState::Draft,
            /// The day it was discovered.
            discovered_on: chrono::NaiveDate [range] = chrono::NaiveDate::default(),
            /// The organisation that discovered it.
            discovered_by_organization_id: Option<uuid::Uuid> [filter] = None,
            /// The day it was last verified.
            verified_on: Option<chrono::NaiveDate> [range] = None,
            /// The organisation that verified it.
            verified_by_organization_id: Option<uuid::Uuid> = None,
            /// Since when it has its status.
            status_since: chrono::DateTime<chrono::Utc> = chrono::DateTime::UNIX_EPOCH,
            /// The owner's word on an entry that somebody else put down in its name: pending until the owner confirms or
            /// corrects it, and not listed before. Absent where nobody has to be asked.
            owner_confirmation: Option<Confirmation> [filter] = None,
            /// Why it was retired.
            retired_reason: Option<String> = None,
        }
        hidden {
            /// Sorting and matching form of the name.
            name_key: String [sort] = String::new(),
        }
    }
}

fn active() -> ResourceStatus {
    ResourceStatus::Active
}
