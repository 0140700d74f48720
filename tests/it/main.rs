//! Every test of Roundtable that goes through the doors users have, in one binary: on SQLite and on PostgreSQL.
//!
//! A case is written once, in `cases!`, and runs on both databases as `…::sqlite` and `…::postgres`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says where, by panicking")]

#[macro_use]
mod harness;

mod access;
mod concurrency;
mod contract;
mod direction;
mod events;
mod graphql_http;
mod identity;
mod imports;
mod migrations;
mod parity;
mod rest;
mod rules;
mod streams;
mod tenancy;
mod tidy;
mod webhooks;
