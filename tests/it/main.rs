//! Every test of Roundtable that goes through the doors users have, in one binary: on SQLite and on PostgreSQL.
//!
//! A case is written once, in `cases!`, and runs on both databases as `…::sqlite` and `…::postgres`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says where, by panicking")]

#[macro_use]
mod harness;

mod access;
mod codes;
mod concurrency;
mod contract;
mod direction;
mod faults;
mod graphql_http;
mod histories;
mod identity;
mod imports;
mod migrations;
mod parity;
mod plan;
mod practices;
mod rest;
mod rules;
mod story;
mod tenancy;
mod tidy;
mod voices;
mod work_queue;
mod worlds;
