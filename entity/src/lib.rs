//! What is kept: one file per record, each declared once by [`record!`].
//!
//! A declaration is the table's columns, the shape clients read, the shape they create with and the members they may
//! change. Nothing here behaves: rules live in the operations (`api/*`), row visibility in `api/kernel/src/scope.rs`.

mod record;
mod scalar;
mod vocabulary;

pub use record::{Field, Record, Use, Wire, absent};
pub use scalar::{Texts, Timestamp, microseconds, name_key};
pub use vocabulary::*;

pub mod account;
pub mod account_person;
pub mod action_item;
pub mod affiliation;
pub mod agenda_item;
pub mod attendance;
pub mod bargaining_unit;
pub mod cause;
pub mod cause_confirmation;
pub mod champion;
pub mod code;
pub mod constraint;
pub mod decision;
pub mod employer_statement;
pub mod endorsement;
pub mod engagement;
pub mod event;
pub mod event_mark;
pub mod external_id;
pub mod feasibility_rating;
pub mod fit_score;
pub mod goal;
pub mod handover;
pub mod idempotency_key;
pub mod import_job;
pub mod input;
pub mod interest;
pub mod invitation;
pub mod location;
pub mod meeting;
pub mod meeting_series;
pub mod minutes;
pub mod mission_statement;
pub mod need;
pub mod offer;
pub mod organization;
pub mod outreach_touch;
pub mod partner;
pub mod partnership;
pub mod person;
pub mod plan_step;
pub mod policy_setting;
pub mod refresh_token;
pub mod resource;
pub mod resource_status_change;
pub mod sealing_key;
pub mod seat;
pub mod second_look;
pub mod service_account;
pub mod signing_key;
pub mod solution;
pub mod solution_approval;
pub mod staff_appointment;
pub mod time_override;
pub mod webhook;
pub mod webhook_attempt;
pub mod webhook_delivery;
