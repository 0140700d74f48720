//! Every test of Roundtable that goes through the doors users have, in one binary: on SQLite and on PostgreSQL.
//!
//! A case is written once, in `cases!`, and runs on both databases as `…::sqlite` and `…::postgres`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says where, by panicking")]

#[macro_use]
mod harness;

mod access;
mod calendars;
mod codes;
mod concurrency;
mod contract;
mod direction;
mod events;
mod explain;
mod faults;
mod graphql_http;
mod histories;
mod hsds;
mod identity;
mod imports;
mod inbox;
mod limits;
mod mail;
mod migrations;
mod oidc;
mod parity;
mod plan;
mod practices;
mod rest;
mod rules;
mod scim;
mod security;
mod story;
mod streams;
mod tabular;
mod tenancy;
mod tidy;
mod tokens;
mod topics;
mod turns;
mod voices;
mod walk;
mod webhooks;
mod work_queue;
mod worlds;
