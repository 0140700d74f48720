use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, StringLen, Value, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryGetError, TryGetable};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A moment, UTC. Kept and shown to the microsecond, as PostgreSQL keeps it.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Reads a moment to the microsecond, as both databases keep it.
pub fn microseconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    Ok(chrono::SubsecRound::trunc_subsecs(Timestamp::deserialize(from)?, 6))
}

/// A list of short texts, kept as one JSON text so that both databases hold the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Texts(pub Vec<String>);

impl From<Texts> for Value {
    fn from(texts: Texts) -> Self {
        Value::String(Some(serde_json::to_string(&texts.0).unwrap_or_else(|_| "[]".into())))
    }
}

impl TryGetable for Texts {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let text = String::try_get_by(row, index)?;
        serde_json::from_str(&text)
            .map_err(|error| TryGetError::DbErr(DbErr::Json(format!("a stored list is not JSON: {error}"))))
    }
}

impl ValueType for Texts {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        match value {
            Value::String(Some(text)) => serde_json::from_str(&text).map_err(|_| ValueTypeErr),
            _ => Err(ValueTypeErr),
        }
    }
    fn type_name() -> String {
        "Texts".into()
    }
    fn array_type() -> ArrayType {
        ArrayType::String
    }
    fn column_type() -> ColumnType {
        ColumnType::String(StringLen::None)
    }
}

impl Nullable for Texts {
    fn null() -> Value {
        Value::String(None)
    }
}

/// A list of structured values, kept as one JSON text so that both databases hold the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Listed<T>(pub Vec<T>);

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize> From<Listed<T>> for Value {
    fn from(listed: Listed<T>) -> Self {
        Value::String(Some(serde_json::to_string(&listed.0).unwrap_or_else(|_| "[]".into())))
    }
}

impl<T: DeserializeOwned> TryGetable for Listed<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let text = String::try_get_by(row, index)?;
        serde_json::from_str(&text)
            .map_err(|error| TryGetError::DbErr(DbErr::Json(format!("a stored list is not JSON: {error}"))))
    }
}

impl<T: Serialize + DeserializeOwned> ValueType for Listed<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        match value {
            Value::String(Some(text)) => serde_json::from_str(&text).map_err(|_| ValueTypeErr),
            _ => Err(ValueTypeErr),
        }
    }
    fn type_name() -> String {
        "Listed".into()
    }
    fn array_type() -> ArrayType {
        ArrayType::String
    }
    fn column_type() -> ColumnType {
        ColumnType::String(StringLen::None)
    }
}

impl<T> Nullable for Listed<T> {
    fn null() -> Value {
        Value::String(None)
    }
}

/// The form of a name that sorting and matching use: lower case, accents and punctuation dropped, blanks folded.
/// `"  St. Mary’s  Hospital "` and `"ST MARYS HOSPITAL"` share one.
pub fn name_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    let mut gap = false;
    for letter in name.chars().flat_map(fold).flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            if gap && !key.is_empty() {
                key.push(' ');
            }
            gap = false;
            key.push(letter);
        } else if !matches!(letter, '\'' | '’' | '.') {
            gap = true;
        }
    }
    key
}

fn fold(letter: char) -> Option<char> {
    // Decomposed accents are dropped; the common precomposed Latin letters are mapped to their base.
    Some(match letter {
        '\u{300}'..='\u{36f}' => return None,
        'à'..='å' | 'À'..='Å' => 'a',
        'è'..='ë' | 'È'..='Ë' => 'e',
        'ì'..='ï' | 'Ì'..='Ï' => 'i',
        'ò'..='ö' | 'Ò'..='Ö' | 'ø' | 'Ø' => 'o',
        'ù'..='ü' | 'Ù'..='Ü' => 'u',
        'ñ' | 'Ñ' => 'n',
        'ç' | 'Ç' => 'c',
        'ý' | 'ÿ' | 'Ý' => 'y',
        other => other,
    })
}
