//! What is to end, and since when it is said: one table for the headers, the OpenAPI document and the GraphQL schema.

use std::collections::BTreeMap;

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use chrono::{NaiveDate, NaiveTime};

use crate::op::Op;

/// The end of an operation or of a member.
#[derive(Clone, Copy, Debug)]
pub struct Deprecation {
    /// Since when clients are told.
    pub since: NaiveDate,
    /// When it ends, once that is known.
    pub sunset: Option<NaiveDate>,
    /// What to use in its place, in a sentence.
    pub instead: &'static str,
    /// The operation that takes its place.
    pub successor: Option<Op>,
}

impl Deprecation {
    /// For people: what to use, and by when.
    pub fn reason(&self) -> String {
        match self.sunset {
            Some(sunset) => format!("{} Ends on {sunset}.", self.instead),
            None => self.instead.to_owned(),
        }
    }

    /// Says so in the headers of an answer (RFC 9745, RFC 8594); the path is the successor's.
    pub fn show(&self, successor: Option<&str>, headers: &mut HeaderMap) {
        let since = self.since.and_time(NaiveTime::MIN).and_utc().timestamp();
        let mut values = vec![(HeaderName::from_static("deprecation"), format!("@{since}"))];
        values.extend(
            self.sunset.map(|sunset| {
                (HeaderName::from_static("sunset"), sunset.format("%a, %d %b %Y 00:00:00 GMT").to_string())
            }),
        );
        values.extend(successor.map(|path| (header::LINK, format!("<{path}>; rel=\"successor-version\""))));
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(name, value);
            }
        }
    }
}

/// Everything that is to end.
#[derive(Debug, Default)]
pub struct Deprecations {
    operations: BTreeMap<Op, Deprecation>,
    members: BTreeMap<(&'static str, &'static str), Deprecation>,
}

impl Deprecations {
    /// Of an operation.
    pub fn operation(&self, op: Op) -> Option<&Deprecation> {
        self.operations.get(&op)
    }

    /// Of a member, by the name of its schema: `Meeting`, `purpose`.
    pub fn member(&self, schema: &str, member: &str) -> Option<&Deprecation> {
        self.members.iter().find(|((in_schema, name), _)| *in_schema == schema && *name == member).map(|(_, end)| end)
    }

    /// All members.
    pub fn members(&self) -> impl Iterator<Item = (&'static str, &'static str, &Deprecation)> {
        self.members.iter().map(|((schema, member), end)| (*schema, *member, end))
    }

    pub(crate) fn add_operation(&mut self, op: Op, end: Deprecation) {
        self.operations.insert(op, end);
    }

    pub(crate) fn add_member(&mut self, schema: &'static str, member: &'static str, end: Deprecation) {
        self.members.insert((schema, member), end);
    }
}
