//! Filters of SCIM (RFC 7644, section 3.4.2.2), read and asked of a resource.

use std::cmp::Ordering;

use serde_json::Value;

use crate::refusal::{Refusal, Result};

/// Longest filter.
const LONGEST: usize = 4000;
/// Deepest nesting.
const DEEPEST: usize = 20;

/// An attribute, perhaps with a sub-attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) attribute: String,
    pub(crate) sub: Option<String>,
}

impl Path {
    /// Reads `attribute`, `attribute.sub`, or either behind the name of a schema.
    pub(crate) fn read(text: &str) -> Option<Self> {
        // The name of a schema ends in a colon; what is before the last one is it.
        let plain = match text.rsplit_once(':') {
            Some((schema, rest)) if schema.to_ascii_lowercase().starts_with("urn:") => rest,
            Some(_) => return None,
            None => text,
        };
        let mut parts = plain.split('.');
        let attribute = parts.next().filter(|name| is_name(name))?;
        let sub = parts.next();
        if sub.is_some_and(|name| !is_name(name)) || parts.next().is_some() {
            return None;
        }
        Some(Self { attribute: attribute.into(), sub: sub.map(str::to_owned) })
    }

    pub(crate) fn is(&self, attribute: &str) -> bool {
        self.sub.is_none() && self.attribute.eq_ignore_ascii_case(attribute)
    }
}

fn is_name(text: &str) -> bool {
    let text = text.strip_prefix('$').unwrap_or(text);
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Compare {
    fn named(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "co" => Self::Contains,
            "sw" => Self::StartsWith,
            "ew" => Self::EndsWith,
            "gt" => Self::Greater,
            "ge" => Self::GreaterOrEqual,
            "lt" => Self::Less,
            "le" => Self::LessOrEqual,
            _ => return None,
        })
    }
}

/// A filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Present(Path),
    Is(Path, Compare, Value),
    /// One value of the attribute fits the filter.
    Some(Path, Box<Filter>),
}

fn wrong(detail: impl Into<String>) -> Refusal {
    Refusal::bad("invalidFilter", detail)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    OpenValues,
    CloseValues,
    Word(String),
    Text(String),
}

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let used = match first {
            '(' | ')' | '[' | ']' => {
                found.push(match first {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    '[' => Token::OpenValues,
                    _ => Token::CloseValues,
                });
                1
            }
            '"' => {
                // A JSON string, so that its escapes are read as JSON reads them.
                let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
                match texts.next() {
                    Some(Ok(text)) => found.push(Token::Text(text)),
                    _ => return Err(wrong("a text in double quotes does not end")),
                }
                texts.byte_offset()
            }
            _ => {
                let end = rest.find(|letter: char| letter.is_whitespace() || "()[]\"".contains(letter));
                let end = end.unwrap_or(rest.len());
                found.push(Token::Word(rest[..end].into()));
                end
            }
        };
        rest = rest[used..].trim_start();
    }
    Ok(found)
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(given)) if given.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn takes(&mut self, token: &Token) -> Result<()> {
        if self.next().as_ref() == Some(token) { Ok(()) } else { Err(wrong("a bracket is not closed")) }
    }

    fn any(&mut self) -> Result<Filter> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(wrong(format!("brackets are at most {DEEPEST} deep")));
        }
        let mut filter = self.all()?;
        while self.takes_word("or") {
            filter = Filter::Or(Box::new(filter), Box::new(self.all()?));
        }
        self.depth -= 1;
        Ok(filter)
    }

    fn all(&mut self) -> Result<Filter> {
        let mut filter = self.one()?;
        while self.takes_word("and") {
            filter = Filter::And(Box::new(filter), Box::new(self.one()?));
        }
        Ok(filter)
    }

    fn one(&mut self) -> Result<Filter> {
        if self.takes_word("not") {
            self.takes(&Token::Open)?;
            let inner = self.any()?;
            self.takes(&Token::Close)?;
            return Ok(Filter::Not(Box::new(inner)));
        }
        match self.next() {
            Some(Token::Open) => {
                let inner = self.any()?;
                self.takes(&Token::Close)?;
                Ok(inner)
            }
            Some(Token::Word(word)) => {
                let path = Path::read(&word).ok_or_else(|| wrong(format!("`{word}` is no attribute")))?;
                self.about(path)
            }
            _ => Err(wrong("an attribute is missing")),
        }
    }

    fn about(&mut self, path: Path) -> Result<Filter> {
        match self.next() {
            Some(Token::OpenValues) => {
                let inner = self.any()?;
                self.takes(&Token::CloseValues)?;
                Ok(Filter::Some(path, Box::new(inner)))
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("pr") => Ok(Filter::Present(path)),
            Some(Token::Word(word)) => {
                let compare = Compare::named(&word).ok_or_else(|| wrong(format!("`{word}` compares nothing")))?;
                let value = match self.next() {
                    Some(Token::Text(text)) => Value::String(text),
                    Some(Token::Word(word)) => serde_json::from_str(&word)
                        .ok()
                        .filter(|value: &Value| !value.is_object() && !value.is_array())
                        .ok_or_else(|| wrong(format!("`{word}` is no value; texts stand in double quotes")))?,
                    _ => return Err(wrong("a value is missing")),
                };
                Ok(Filter::Is(path, compare, value))
            }
            _ => Err(wrong("a comparison is missing")),
        }
    }
}

impl Filter {
    /// Reads a filter.
    pub(crate) fn read(text: &str) -> Result<Self> {
        if text.len() > LONGEST {
            return Err(wrong(format!("a filter has at most {LONGEST} bytes")));
        }
        let mut reader = Reader { tokens: tokens(text)?, at: 0, depth: 0 };
        let filter = reader.any()?;
        if reader.peek().is_some() { Err(wrong("something stands behind the end")) } else { Ok(filter) }
    }

    /// The value the attribute has to equal, when the filter asks for nothing else.
    pub(crate) fn only_equals(&self) -> Option<(&Path, &str)> {
        match self {
            Filter::Is(path, Compare::Equal, Value::String(text)) => Some((path, text)),
            _ => None,
        }
    }

    /// Whether the resource fits.
    pub(crate) fn fits(&self, resource: &Value) -> bool {
        match self {
            Filter::And(left, right) => left.fits(resource) && right.fits(resource),
            Filter::Or(left, right) => left.fits(resource) || right.fits(resource),
            Filter::Not(inner) => !inner.fits(resource),
            Filter::Present(path) => values(resource, path).into_iter().any(is_present),
            Filter::Is(path, Compare::NotEqual, value) => {
                !values(resource, path).into_iter().any(|one| equals(path, one, value))
            }
            Filter::Is(path, compare, value) => {
                values(resource, path).into_iter().any(|one| holds(path, one, *compare, value))
            }
            Filter::Some(path, inner) => match member(resource, &path.attribute) {
                Some(Value::Array(all)) => all.iter().any(|one| inner.fits(one)),
                Some(one) => inner.fits(one),
                None => false,
            },
        }
    }
}

/// The member of this name, in whatever letters.
pub(crate) fn member<'v>(resource: &'v Value, name: &str) -> Option<&'v Value> {
    let members = resource.as_object()?;
    members.get(name).or_else(|| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The values an attribute has; of a list of records without a sub-attribute, what their `value` says.
fn values<'v>(resource: &'v Value, path: &Path) -> Vec<&'v Value> {
    let Some(found) = member(resource, &path.attribute) else { return Vec::new() };
    let all: Vec<&Value> = match found {
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    };
    let sub = path.sub.as_deref();
    all.into_iter()
        .filter_map(|one| match (one, sub) {
            (Value::Object(_), Some(sub)) => member(one, sub),
            (Value::Object(_), None) => Some(member(one, "value").unwrap_or(one)),
            (one, None) => Some(one),
            (_, Some(_)) => None,
        })
        .collect()
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => !all.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    }
}

/// Whether capitals matter in an attribute.
fn is_exact(path: &Path) -> bool {
    ["id", "externalId", "meta", "members", "groups"].iter().any(|exact| path.attribute.eq_ignore_ascii_case(exact))
}

fn folded(path: &Path, text: &str) -> String {
    if is_exact(path) { text.into() } else { text.to_lowercase() }
}

fn equals(path: &Path, one: &Value, wanted: &Value) -> bool {
    match (one, wanted) {
        (Value::String(one), Value::String(wanted)) => folded(path, one) == folded(path, wanted),
        _ => one == wanted,
    }
}

fn holds(path: &Path, one: &Value, compare: Compare, wanted: &Value) -> bool {
    let order = match (one, wanted) {
        (Value::String(one), Value::String(wanted)) => {
            let (one, wanted) = (folded(path, one), folded(path, wanted));
            match compare {
                Compare::Contains => return one.contains(&wanted),
                Compare::StartsWith => return one.starts_with(&wanted),
                Compare::EndsWith => return one.ends_with(&wanted),
                _ => Some(one.cmp(&wanted)),
            }
        }
        (Value::Number(one), Value::Number(wanted)) => {
            one.as_f64().zip(wanted.as_f64()).and_then(|(one, wanted)| one.partial_cmp(&wanted))
        }
        _ => None,
    };
    match compare {
        Compare::Equal => equals(path, one, wanted),
        Compare::Greater => order == Some(Ordering::Greater),
        Compare::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        Compare::Less => order == Some(Ordering::Less),
        Compare::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Compare::NotEqual | Compare::Contains | Compare::StartsWith | Compare::EndsWith => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use serde_json::json;

    use super::*;

    fn user() -> Value {
        json!({
            "id": "1", "userName": "Ana@Example.org", "active": true, "name": { "givenName": "Ana" },
            "emails": [{ "value": "ana@example.org", "type": "work", "primary": true }],
            "meta": { "lastModified": "2026-05-01T00:00:00Z" },
        })
    }

    #[test]
    fn filters_hold_and_do_not() {
        for (filter, holds) in [
            (r#"userName eq "ana@example.ORG""#, true),
            (r#"USERNAME Eq "ana@example.org""#, true),
            (r#"userName ne "ana@example.org""#, false),
            (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ana""#, true),
            (r#"name.givenName co "n" and active eq true"#, true),
            (r#"name.givenName eq "Bo" or not (active eq true)"#, false),
            (r#"title pr"#, false),
            (r#"emails pr and emails.type eq "work""#, true),
            (r#"emails eq "ana@example.org""#, true),
            (r#"emails[type eq "work" and value ew ".org"]"#, true),
            (r#"emails[type eq "home"]"#, false),
            (r#"meta.lastModified gt "2026-04-30T00:00:00Z""#, true),
            (r#"meta.lastModified lt "2026-04-30T00:00:00Z""#, false),
            (r#"id eq "1" and (userName co "x" or userName co "ana")"#, true),
            (r#"title ne "x""#, true),
            (r#"active eq "true""#, false),
        ] {
            assert_eq!(Filter::read(filter).unwrap().fits(&user()), holds, "{filter}");
        }
    }

    #[test]
    fn and_binds_closer_than_or() {
        let filter = Filter::read(r#"active eq true or active eq false and title pr"#).unwrap();
        assert!(filter.fits(&user()));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let deep = format!("{}active eq true{}", "(".repeat(50), ")".repeat(50));
        let long = format!("userName eq \"{}\"", "x".repeat(5000));
        for filter in [
            "",
            "userName",
            "userName eq",
            "userName eq \"x",
            "userName is \"x\"",
            "(userName pr",
            "userName pr)",
            "eq \"x\"",
            "not userName pr",
            "userName eq x",
            "a.b.c eq 1",
            "1 eq 1",
            "userName eq {}",
            "emails[",
            "and",
            &deep,
            &long,
        ] {
            assert!(Filter::read(filter).is_err(), "{filter}");
        }
    }
}
