//! Places where organisations are found.

crate::record! {
    /// A place where an organisation is found (HSDS location with its address).
    Location, NewLocation in "location" {
        given {
            /// The partnership in whose directory it stands.
            partnership_id: uuid::Uuid [filter],
            /// The organisation found there.
            organization_id: uuid::Uuid [filter],
        }
        edited {
            /// What the place is called.
            #[schema(min_length = 1, max_length = 300)]
            name: String [sort],
            /// What is found there.
            #[schema(max_length = 20000)]
            description: Option<String>,
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
            postal_code: Option<String> [filter],
            /// Country, ISO 3166-1 alpha-2.
            #[schema(max_length = 2, pattern = "^[A-Z]{2}$")]
            country: Option<String>,
            /// Latitude, WGS 84 degrees.
            #[schema(minimum = -90, maximum = 90)]
            latitude: Option<f64>,
            /// Longitude, WGS 84 degrees.
            #[schema(minimum = -180, maximum = 180)]
            longitude: Option<f64>,
            /// Telephone.
            #[schema(max_length = 60)]
            phone: Option<String>,
            /// How to get there.
            #[schema(max_length = 4000)]
            transportation: Option<String>,
        }
        kept {}
        hidden {}
    }
}
