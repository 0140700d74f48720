use chrono::{Datelike, Timelike};
use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, StringLen, Value, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryGetError, TryGetable};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A moment, UTC. Kept and shown to the microsecond, as PostgreSQL keeps it.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Reads a moment as both databases keep it: to the microsecond, a leap second as the second after it.
pub fn microseconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    Timestamp::deserialize(from).map(kept)
}

/// The same, where there may be none.
pub fn microseconds_if_any<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<Timestamp>::deserialize(from)?.map(kept))
}

fn kept(at: Timestamp) -> Timestamp {
    Timestamp::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// Writes a moment as its own type does (RFC 3339), without the detour over a formatter: every record has two.
pub fn moment<S: serde::Serializer>(at: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    let (day, time) = (at.date_naive(), at.time());
    let (year, nanoseconds) = (day.year(), time.nanosecond());
    if !(0..=9999).contains(&year) || nanoseconds % 1000 != 0 || nanoseconds >= 1_000_000_000 {
        return at.serialize(out);
    }
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let mut put = |from: usize, digits: usize, mut number: u32| {
        for place in text[from..from + digits].iter_mut().rev() {
            *place = b'0' + (number % 10) as u8;
            number /= 10;
        }
    };
    put(0, 4, year.unsigned_abs());
    put(5, 2, day.month());
    put(8, 2, day.day());
    put(11, 2, time.hour());
    put(14, 2, time.minute());
    put(17, 2, time.second());
    put(20, 6, nanoseconds / 1000);
    // As many digits of the second as there are, in threes.
    let end = match nanoseconds {
        0 => 19,
        _ if nanoseconds % 1_000_000 == 0 => 23,
        _ => 26,
    };
    text[end] = b'Z';
    match std::str::from_utf8(&text[..=end]) {
        Ok(text) => out.serialize_str(text),
        Err(_) => at.serialize(out),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_its_own_type_writes_it() {
        #[derive(Serialize)]
        struct Written(#[serde(serialize_with = "moment")] Timestamp);
        for seconds in [0, 1, 59, 951_782_400, 1_795_928_401, 253_402_300_799, -1, -62_167_219_200, 253_402_300_800] {
            for nanoseconds in [0, 1, 1_000, 1_000_000, 120_000_000, 123_456_000, 999_999_999, 999_999_000] {
                let Some(at) = Timestamp::from_timestamp(seconds, nanoseconds) else { panic!("no such moment") };
                let (written, own) = (serde_json::to_string(&Written(at)).ok(), serde_json::to_string(&at).ok());
                assert!(own.is_some());
                assert_eq!(written, own);
            }
        }
    }
}
