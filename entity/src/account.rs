//! Logins of people.

crate::record! {
    /// A person's login. What it may do comes from seats and appointments.
    Account, NewAccount in "account" {
        given {
            /// E-mail address, the name to sign in with.
            #[schema(min_length = 3, max_length = 320, pattern = "^[^@\\s]+@[^@\\s]+$")]
            email: String,
        }
        edited {
            /// Name.
            #[schema(min_length = 1, max_length = 200)]
            name: String,
        }
        kept {
            /// Whether it operates the installation.
            operator: bool = false,
            /// When it was suspended; absent while it may sign in.
            suspended_at: Option<chrono::DateTime<chrono::Utc>> = None,
        }
        hidden {
            /// The address in lower case: unique.
            email_key: String = String::new(),
            /// Argon2id hash of the password.
            password_hash: String = String::new(),
            /// Sessions begun before this moment are dead.
            sessions_since: chrono::DateTime<chrono::Utc> = chrono::DateTime::UNIX_EPOCH,
        }
    }
}
