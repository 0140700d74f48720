//! Bargaining units: the workers of an employer a union speaks for.

crate::record! {
    /// A unit of an employer's workers for whom a union bargains, with the end of the agreement in force.
    BargainingUnit, NewBargainingUnit in "bargaining_unit" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
            /// The employer's organisation.
            employer_organization_id: uuid::Uuid [filter],
            /// The union's organisation.
            union_organization_id: uuid::Uuid [filter],
        }
        edited {
            /// Which workers.
            #[schema(max_length = 1000)]
            description: Option<String>,
            /// How many.
            #[schema(minimum = 0)]
            size: Option<i32>,
            /// How many work in the establishment.
            #[schema(minimum = 0)]
            establishment_size: Option<i32>,
            /// When the agreement expires.
            expires_on: Option<chrono::NaiveDate> [range],
            /// When notice to bargain was filed.
            noticed_on: Option<chrono::NaiveDate> [range],
        }
        kept {}
        hidden {}
    }
}
