//! What an operation answers with, as each door shows it.

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::list::{Page, PageInfo};
use crate::node::{Node, Row};

/// Something that can be shown at either door.
pub trait Shown: Send {
    /// As bytes of JSON.
    fn json(&self) -> Result<Vec<u8>>;
    /// As a JSON value.
    fn value(&self) -> Result<Value>;
    /// On its way through the graph: one node, or one an item where it is a page.
    fn into_nodes(self: Box<Self>) -> Result<Vec<Node>>;
    /// Where the page stands and how many rows all have, when it is a page.
    fn page(&self) -> Option<(&PageInfo, Option<u64>)> {
        None
    }
    /// Cursor of each item, when it is a page and they were asked for.
    fn cursors(&self) -> &[String] {
        &[]
    }
    /// Cursor for the next page, when there is one.
    fn next(&self) -> Option<&str> {
        None
    }
    /// The records shown, where relations of theirs can be asked for.
    fn records(&self) -> Vec<&dyn Row> {
        Vec::new()
    }
    /// What stands before and behind the records.
    fn frame(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        Ok((self.json()?, Vec::new()))
    }
    /// Whether the record shown was made by what is answered.
    fn is_new(&self) -> bool {
        false
    }
}

/// What an upsert shows of a record that was not there before.
pub(crate) struct New(pub(crate) Box<dyn Shown>);

impl Shown for New {
    fn json(&self) -> Result<Vec<u8>> {
        self.0.json()
    }
    fn value(&self) -> Result<Value> {
        self.0.value()
    }
    fn into_nodes(self: Box<Self>) -> Result<Vec<Node>> {
        self.0.into_nodes()
    }
    fn is_new(&self) -> bool {
        true
    }
}

/// Anything that is written as JSON.
pub(crate) struct One<T>(pub(crate) T);

impl<T: Serialize + Send> Shown for One<T> {
    fn json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(&self.0).map_err(Error::internal)
    }
    fn value(&self) -> Result<Value> {
        serde_json::to_value(&self.0).map_err(Error::internal)
    }
    fn into_nodes(self: Box<Self>) -> Result<Vec<Node>> {
        Ok(vec![Node::of(self.value()?)])
    }
}

/// One record.
pub(crate) struct Single<R>(pub(crate) R);

impl<R: Row> Shown for Single<R> {
    fn json(&self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(1024);
        self.0.append(&mut out)?;
        Ok(out)
    }
    fn value(&self) -> Result<Value> {
        self.0.value()
    }
    fn into_nodes(self: Box<Self>) -> Result<Vec<Node>> {
        Ok(vec![self.0.into_node()?])
    }
    fn records(&self) -> Vec<&dyn Row> {
        vec![&self.0]
    }
    fn frame(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        Ok((Vec::new(), Vec::new()))
    }
}

impl<R: Row + Serialize> Shown for Page<R> {
    fn json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(Error::internal)
    }
    fn value(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(Error::internal)
    }
    fn into_nodes(self: Box<Self>) -> Result<Vec<Node>> {
        self.items.into_iter().map(Row::into_node).collect()
    }
    fn page(&self) -> Option<(&PageInfo, Option<u64>)> {
        Some((&self.page_info, self.total_count))
    }
    fn cursors(&self) -> &[String] {
        &self.cursors
    }
    fn next(&self) -> Option<&str> {
        if self.page_info.has_next_page { self.page_info.end_cursor.as_deref() } else { None }
    }
    fn records(&self) -> Vec<&dyn Row> {
        self.items.iter().map(|row| row as &dyn Row).collect()
    }
    fn frame(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let (page_info, total_count) = (self.page_info.clone(), self.total_count);
        let frame = Page::<()> { items: Vec::new(), page_info, total_count, cursors: Vec::new() };
        let frame = serde_json::to_vec(&frame).map_err(Error::internal)?;
        let rest = frame.strip_prefix(ITEMS).ok_or_else(|| Error::internal("a page begins with its items"))?;
        Ok((ITEMS.to_vec(), rest.to_vec()))
    }
}

/// How a page begins.
const ITEMS: &[u8] = b"{\"items\":[";
