//! Logins that another system keeps, such as an organisation's identity management.

crate::record! {
    /// A login that another system keeps. It has no password: its person signs in at an identity provider. What it may
    /// do comes from seats and appointments, as with every login.
    ProvisionedLogin, NewProvisionedLogin in "provisioned_login" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The organisation whose person it is; absent for the intermediary's own people.
            organization_id: Option<uuid::Uuid> [filter],
        }
        edited {
            /// Name in the system that keeps it, unique for the organisation.
            #[schema(min_length = 1, max_length = 320)]
            user_name: String [sort],
            /// Its id there. Where the operator lets that system speak for an identity provider, the subject at it.
            #[schema(min_length = 1, max_length = 255)]
            external_id: Option<String> [filter],
            /// Name.
            #[schema(min_length = 1, max_length = 200)]
            name: String [sort],
            /// Given name.
            #[schema(max_length = 200)]
            given_name: Option<String>,
            /// Family name.
            #[schema(max_length = 200)]
            family_name: Option<String>,
            /// E-mail address.
            #[schema(max_length = 320)]
            email: Option<String>,
            /// Title.
            #[schema(max_length = 200)]
            title: Option<String>,
        }
        kept {
            /// Whether it may sign in.
            active: bool [filter] = true,
            /// The login.
            account_id: uuid::Uuid [filter] = uuid::Uuid::nil(),
            /// The person in the directory, for people of an organisation.
            person_id: Option<uuid::Uuid> [filter] = None,
        }
        hidden {
            /// The organisation, or nothing: part of what is unique.
            owner_key: String = String::new(),
            /// The name in lower case.
            user_name_key: String = String::new(),
        }
    }
}
