//! What every slice uses: the access table, the doors to the database and to the world, and the operations on records
//! that are the same for all of them.
//!
//! A slice registers its operations in [`operation::Operations`]; REST ([`rest`]), GraphQL ([`graphql`]) and the
//! published documents ([`openapi`]) are made from that table.

pub mod access;
pub mod address;
pub mod attempts;
pub mod bulkhead;
pub mod cell;
pub mod clock;
pub mod codes;
pub mod collection;
pub mod ctx;
pub mod deprecation;
pub mod error;
pub mod example;
mod execution;
pub mod explain;
pub mod export;
pub mod feed;
pub mod graphql;
pub mod graphql_http;
pub mod guard;
pub mod http;
pub mod hub;
pub mod identity_provider;
pub mod list;
pub mod node;
pub mod op;
pub mod openapi;
pub mod openapi30;
pub mod operation;
pub mod order;
pub mod policy;
pub mod pool;
mod postgres;
pub mod principal;
pub mod rate;
pub mod readable;
pub mod reader;
pub mod record;
pub mod relation;
pub mod replica;
pub mod rest;
pub mod schema;
pub mod scope;
pub mod seal;
pub mod sealer;
mod selection;
mod session;
pub mod shown;
pub mod socket;
mod sqlite;
pub mod sse;
pub mod standing;
pub mod store;
pub mod stream;
mod subscription;
pub mod token;
mod writer;
