//! Records between the statement that read them and the answer they are shown in.

use std::sync::Arc;

use roundtable_entity::Record;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::list;

/// A record that was read. What is not asked for of it is never written.
pub trait Row: Send + Sync + 'static {
    /// Adds it to what is written, as JSON.
    fn append(&self, out: &mut Vec<u8>) -> Result<()>;
    /// As a JSON value.
    fn value(&self) -> Result<Value>;
    /// One member as clients read it, by its column.
    fn member(&self, column: &str) -> Result<Value>;
    /// The same, as bytes of JSON.
    fn write(&self, column: &str, out: &mut Vec<u8>) -> Result<()>;
    /// The id it shows in this column.
    fn id_in(&self, column: &str) -> Option<Uuid>;
    /// On its way through the graph.
    fn into_node(self) -> Result<Node>
    where
        Self: Sized,
    {
        Ok(Node::Row(Arc::new(self)))
    }
}

impl<R: Record> Row for R {
    fn append(&self, out: &mut Vec<u8>) -> Result<()> {
        serde_json::to_writer(out, self).map_err(Error::internal)
    }
    fn value(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(Error::internal)
    }
    fn member(&self, column: &str) -> Result<Value> {
        Record::member(self, column, serde_json::value::Serializer).map_err(Error::internal)
    }
    fn write(&self, column: &str, out: &mut Vec<u8>) -> Result<()> {
        Record::member(self, column, &mut serde_json::Serializer::new(out)).map_err(Error::internal)
    }
    fn id_in(&self, column: &str) -> Option<Uuid> {
        if R::HIDDEN.contains(&column) { None } else { list::id_in(self, column) }
    }
}

/// Something on its way through the graph.
#[derive(Clone)]
pub enum Node {
    /// A record.
    Row(Arc<dyn Row>),
    /// Anything else, as it is shown.
    Shown(Arc<Value>),
}

/// A member of something shown.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name on the wire.
    pub name: String,
    /// Column of records; empty where none has it.
    pub column: &'static str,
}

impl Node {
    /// Of what is shown.
    pub fn of(value: Value) -> Self {
        Self::Shown(Arc::new(value))
    }

    /// A member; null where there is none.
    pub fn member(&self, member: &Member) -> Result<Value> {
        match self {
            Self::Row(row) => row.member(member.column),
            Self::Shown(value) => Ok(value.get(&member.name).cloned().unwrap_or_default()),
        }
    }

    /// The same, as bytes of JSON.
    pub fn write(&self, member: &Member, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Row(row) => row.write(member.column, out),
            Self::Shown(value) => {
                serde_json::to_writer(out, value.get(&member.name).unwrap_or(&Value::Null)).map_err(Error::internal)
            }
        }
    }

    /// The id a member holds.
    pub fn id_in(&self, member: &Member) -> Option<Uuid> {
        match self {
            Self::Row(row) => row.id_in(member.column),
            Self::Shown(value) => Uuid::parse_str(value.get(&member.name)?.as_str()?).ok(),
        }
    }

    /// The word of its kind, by which interfaces tell their forms.
    pub fn kind(&self) -> String {
        let kind = match self {
            Self::Row(row) => row.member("kind").ok(),
            Self::Shown(value) => value.get("kind").cloned(),
        };
        kind.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}
