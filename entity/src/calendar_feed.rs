//! Calendar feeds.

crate::record! {
    /// A secret address at which a calendar program finds the meetings that whoever made it may see at that moment. It
    /// belongs to a login and to nobody else, and is dead from when the login has no role there any more.
    CalendarFeed, NewCalendarFeed in "calendar_feed" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
        }
        edited {
            /// What it is for, such as the phone it was made for.
            #[schema(min_length = 1, max_length = 200)]
            name: String [sort],
            /// Only meetings that the own seat is asked to.
            #[serde(default)]
            asked_only: bool,
            /// Also what is not called yet, as tentative: drafts, and what is to come of series.
            #[serde(default)]
            planned: bool,
        }
        kept {
            /// The person it shows meetings for, when they have a seat.
            person_id: Option<uuid::Uuid> = None,
            /// The organisation it shows meetings for.
            organization_id: Option<uuid::Uuid> = None,
            /// The secret address, shown once when it is made or rotated.
            address: Option<String> [once] = None,
        }
        hidden {
            /// The account it belongs to.
            account_id: uuid::Uuid = uuid::Uuid::nil(),
            /// SHA-256 of the secret.
            token_hash: String = String::new(),
        }
    }
}
