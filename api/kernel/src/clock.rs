//! The clock operations go by.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{SubsecRound, TimeDelta, Utc};
use roundtable_entity::Timestamp;

/// The time of the machine, or that time moved on: what falls due in ten days can be tried today.
#[derive(Debug, Default)]
pub struct Clock {
    ahead_seconds: AtomicI64,
}

impl Clock {
    /// Now, to the microsecond.
    pub fn now(&self) -> Timestamp {
        (Utc::now() + TimeDelta::seconds(self.ahead_seconds.load(Ordering::Relaxed))).trunc_subsecs(6)
    }

    /// Moves it on by so much.
    pub fn advance(&self, by: TimeDelta) {
        self.ahead_seconds.fetch_add(by.num_seconds(), Ordering::Relaxed);
    }
}
