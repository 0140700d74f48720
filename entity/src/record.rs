use sea_orm::sea_query::Expr;
use sea_orm::sea_query::{ArrayType, Value, ValueType};
use sea_orm::{
    ActiveModelTrait, DbErr, EntityTrait, FromQueryResult, IdenStatic, IntoActiveModel, Iterable, ModelTrait,
    QuerySelect, Select, TryIntoModel,
};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Texts, Timestamp};

/// What clients may do with a member beyond reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "written in declarations as plain words")]
pub enum Use {
    /// Filter by equality, or by any of several values.
    filter,
    /// Filter by `…From` (inclusive) and `…Before` (exclusive).
    range,
    /// Sort by it, either way.
    sort,
    /// Part of the full text that `q` searches.
    search,
    /// Shown only to the organisation that owns the row and to the intermediary.
    own,
    /// Shown once, in the answer that makes it, and kept nowhere.
    once,
    /// Only on partners that are employers.
    employer,
    /// Only on partners that are unions or other labor voices.
    union,
    /// Only on partners that educate or train.
    institution,
}

/// One member of a record.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Column name, snake case. On the wire the same in camel case.
    pub name: &'static str,
    /// What clients may do with it.
    pub uses: &'static [Use],
    /// Whether a row may hold nothing there.
    pub optional: bool,
    /// Whether it can be sent when the record is created.
    pub on_create: bool,
    /// Whether a PATCH may change it.
    pub on_update: bool,
}

/// A record declared by [`record!`](crate::record!).
pub trait Record:
    ModelTrait<Entity: EntityTrait<Model = Self>>
    + FromQueryResult
    + IntoActiveModel<Self::Active>
    + Serialize
    + ToSchema
    + Clone
    + Send
    + Sync
    + 'static
{
    /// The table's active model.
    type Active: ActiveModelTrait<Entity = Self::Entity> + sea_orm::ActiveModelBehavior + TryIntoModel<Self> + Send;
    /// What a client sends to create one.
    type New: DeserializeOwned + Serialize + ToSchema + Clone + Send + Sync + 'static;
    /// Name on the wire, for example `Meeting`.
    const NAME: &'static str;
    /// Table name, for example `meeting`.
    const TABLE: &'static str;
    /// Every member but the ones all records have.
    const FIELDS: &'static [Field];
    /// Columns no client ever sees.
    const HIDDEN: &'static [&'static str];
    /// A new row holding what the client sent and the declared beginnings of everything else.
    fn begin(id: Uuid, at: Timestamp, new: Self::New) -> Self::Active;
    /// The row in the shape of a creation: what a merge patch is applied to.
    fn editable(&self) -> Self::New;
    /// Takes over the members a PATCH may change.
    fn edit(active: &mut Self::Active, new: Self::New);
    /// Marks the row as changed: its next version and the moment.
    fn touch(active: &mut Self::Active, version: i32, at: Timestamp);
    /// Archives or restores.
    fn set_archived(active: &mut Self::Active, at: Option<Timestamp>);
    /// Identifier.
    fn id(&self) -> Uuid;
    /// Version, counted from 1.
    fn version(&self) -> i32;
    /// When it was archived, if it was.
    fn archived_at(&self) -> Option<Timestamp>;
    /// The column of that name.
    fn column(name: &str) -> Option<<Self::Entity as EntityTrait>::Column>;
    /// Writes what clients read in this column; nothing where it is absent or never shown.
    fn member<S: Serializer>(&self, column: &str, out: S) -> Result<S::Ok, S::Error>;
    /// Asks for whole rows.
    fn select() -> Select<Self::Entity>;
    /// The row these cells hold, one a column and in their order.
    fn from_cells(cells: &mut impl Cells) -> Result<Self, DbErr>;
}

/// A query for every column of a table, whose list is written out once and not for each query.
pub fn whole<E: EntityTrait>() -> Select<E> {
    let table = E::default();
    let columns = E::Column::iter().map(|column| format!("\"{}\".\"{}\"", table.table_name(), column.as_str()));
    E::find().select_only().expr(Expr::cust(columns.collect::<Vec<_>>().join(", ")))
}

/// The cells of a row that was read, one after the other.
pub trait Cells {
    /// The next one, as a value of this kind.
    fn next(&mut self, kind: ArrayType) -> Result<Value, DbErr>;
}

/// The next cell as a member of a record.
#[inline]
pub fn cell<T: ValueType>(cells: &mut impl Cells) -> Result<T, DbErr> {
    let value = cells.next(T::array_type())?;
    T::try_from(value).map_err(|_| DbErr::Type(format!("a stored value is not a {}", T::type_name())))
}

/// Whether a member is left out of the wire form because it holds nothing.
pub trait Wire {
    /// Whether it can be.
    const OPTIONAL: bool = false;
    /// True for `None`.
    fn is_absent(&self) -> bool {
        false
    }
}

/// See [`Wire::is_absent`].
pub fn absent<T: Wire>(value: &T) -> bool {
    value.is_absent()
}

impl<T> Wire for Option<T> {
    const OPTIONAL: bool = true;
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

macro_rules! always_present {
    ($($type:ty),*) => { $(impl Wire for $type {})* };
}
impl<T> Wire for crate::Listed<T> {}
always_present!(String, i32, i64, f64, bool, Uuid, Timestamp, chrono::NaiveDate, Texts);

/// Declares a record: its table, what clients read, what they create with, what they may change.
///
/// - `given` is set when the record is created and fixed from then on,
/// - `edited` is set when it is created and open to PATCH,
/// - `kept` is shown, and set only by operations,
/// - `hidden` is never shown.
///
/// `kept` and `hidden` members carry their beginning after `=`. In brackets stands what clients may do with a member
/// ([`Use`]). Every record also has `id`, `version`, `created_at`, `updated_at` and `archived_at`.
#[macro_export]
macro_rules! record {
    (
        $(#[$meta:meta])*
        $name:ident, $new:ident in $table:tt {
            given { $( $(#[$gm:meta])* $g:ident : $gt:ty $([$($gu:ident),*])? ,)* }
            edited { $( $(#[$em:meta])* $e:ident : $et:ty $([$($eu:ident),*])? ,)* }
            kept { $( $(#[$km:meta])* $k:ident : $kt:ty $([$($ku:ident),*])? = $kd:expr ,)* }
            hidden { $( $(#[$hm:meta])* $h:ident : $ht:ty $([$($hu:ident),*])? = $hd:expr ,)* }
        }
    ) => {
        use sea_orm::entity::prelude::{
            ActiveModelBehavior, DeriveEntityModel, DerivePrimaryKey, DeriveRelation, EntityTrait, EnumIter,
            PrimaryKeyTrait,
        };

        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, DeriveEntityModel, serde::Serialize, utoipa::ToSchema)]
        #[sea_orm(table_name = $table)]
        #[serde(rename_all = "camelCase")]
        #[schema(as = $name)]
        pub struct Model {
            /// Identifier, a UUID of version 7.
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: uuid::Uuid,
            $( $(#[$gm])* #[serde(skip_serializing_if = "crate::absent")] pub $g: $gt, )*
            $( $(#[$em])* #[serde(skip_serializing_if = "crate::absent")] pub $e: $et, )*
            $( $(#[$km])* #[serde(skip_serializing_if = "crate::absent")] pub $k: $kt, )*
            $( $(#[$hm])* #[serde(skip)] #[schema(ignore)] pub $h: $ht, )*
            /// Counts the changes from 1; send it back as `If-Match` (REST) or `version` (GraphQL).
            pub version: i32,
            /// When the record was made.
            #[serde(serialize_with = "crate::moment")]
            pub created_at: chrono::DateTime<chrono::Utc>,
            /// When it last changed.
            #[serde(serialize_with = "crate::moment")]
            pub updated_at: chrono::DateTime<chrono::Utc>,
            /// When it was archived; absent while it is live.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub archived_at: Option<chrono::DateTime<chrono::Utc>>,
        }

        /// This table has no relations of the object mapper's; see the relation table of the doors.
        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}

        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $new {
            $( $(#[$gm])* pub $g: $gt, )*
            $( $(#[$em])* pub $e: $et, )*
        }

        #[doc = concat!("Shown to clients as `", stringify!($name), "`.")]
        pub type $name = Model;

        impl $crate::Record for Model {
            type Active = ActiveModel;
            type New = $new;
            const NAME: &'static str = stringify!($name);
            const TABLE: &'static str = $table;
            const FIELDS: &'static [$crate::Field] = &[
                $( $crate::Field { name: stringify!($g), optional: <$gt as $crate::Wire>::OPTIONAL, uses: &[$($($crate::Use::$gu),*)?], on_create: true, on_update: false }, )*
                $( $crate::Field { name: stringify!($e), optional: <$et as $crate::Wire>::OPTIONAL, uses: &[$($($crate::Use::$eu),*)?], on_create: true, on_update: true }, )*
                $( $crate::Field { name: stringify!($k), optional: <$kt as $crate::Wire>::OPTIONAL, uses: &[$($($crate::Use::$ku),*)?], on_create: false, on_update: false }, )*
                $( $crate::Field { name: stringify!($h), optional: <$ht as $crate::Wire>::OPTIONAL, uses: &[$($($crate::Use::$hu),*)?], on_create: false, on_update: false }, )*
            ];
            const HIDDEN: &'static [&'static str] = &[$( stringify!($h), )*];
            fn begin(id: uuid::Uuid, at: $crate::Timestamp, new: $new) -> ActiveModel {
                ActiveModel {
                    id: sea_orm::ActiveValue::Set(id),
                    $( $g: sea_orm::ActiveValue::Set(new.$g), )*
                    $( $e: sea_orm::ActiveValue::Set(new.$e), )*
                    $( $k: sea_orm::ActiveValue::Set($kd), )*
                    $( $h: sea_orm::ActiveValue::Set($hd), )*
                    version: sea_orm::ActiveValue::Set(1),
                    created_at: sea_orm::ActiveValue::Set(at),
                    updated_at: sea_orm::ActiveValue::Set(at),
                    archived_at: sea_orm::ActiveValue::Set(None),
                }
            }
            fn editable(&self) -> $new {
                $new { $( $g: self.$g.clone(), )* $( $e: self.$e.clone(), )* }
            }
            #[allow(unused_variables, reason = "a record may have nothing to edit")]
            fn edit(active: &mut ActiveModel, new: $new) {
                $( active.$e.set_if_not_equals(new.$e); )*
            }
            fn touch(active: &mut ActiveModel, version: i32, at: $crate::Timestamp) {
                active.version = sea_orm::ActiveValue::Set(version);
                active.updated_at = sea_orm::ActiveValue::Set(at);
            }
            fn set_archived(active: &mut ActiveModel, at: Option<$crate::Timestamp>) {
                active.archived_at = sea_orm::ActiveValue::Set(at);
            }
            fn id(&self) -> uuid::Uuid { self.id }
            fn version(&self) -> i32 { self.version }
            fn archived_at(&self) -> Option<$crate::Timestamp> { self.archived_at }
            fn column(name: &str) -> Option<Column> {
                <Column as std::str::FromStr>::from_str(name).ok()
            }
            fn member<S: serde::Serializer>(&self, column: &str, out: S) -> Result<S::Ok, S::Error> {
                use serde::Serialize;
                match column {
                    "id" => self.id.serialize(out),
                    $( stringify!($g) => self.$g.serialize(out), )*
                    $( stringify!($e) => self.$e.serialize(out), )*
                    $( stringify!($k) => self.$k.serialize(out), )*
                    "version" => self.version.serialize(out),
                    "created_at" => $crate::moment(&self.created_at, out),
                    "updated_at" => $crate::moment(&self.updated_at, out),
                    "archived_at" => self.archived_at.serialize(out),
                    _ => out.serialize_none(),
                }
            }
            fn select() -> sea_orm::Select<Entity> {
                static WHOLE: std::sync::LazyLock<sea_orm::Select<Entity>> = std::sync::LazyLock::new($crate::whole::<Entity>);
                WHOLE.clone()
            }
            fn from_cells(cells: &mut impl $crate::Cells) -> Result<Self, sea_orm::DbErr> {
                Ok(Self {
                    id: $crate::cell(cells)?,
                    $( $g: $crate::cell(cells)?, )*
                    $( $e: $crate::cell(cells)?, )*
                    $( $k: $crate::cell(cells)?, )*
                    $( $h: $crate::cell(cells)?, )*
                    version: $crate::cell(cells)?,
                    created_at: $crate::cell(cells)?,
                    updated_at: $crate::cell(cells)?,
                    archived_at: $crate::cell(cells)?,
                })
            }
        }
    };
}
