//! The clock operations go by.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{TimeDelta, Utc};
use roundtable_entity::Timestamp;

/// A clock that is put right goes back by less than that.
const PUT_RIGHT: TimeDelta = TimeDelta::seconds(1);

/// The time of the machine, or that time moved on: what falls due in ten days can be tried today.
#[derive(Debug, Default)]
pub struct Clock {
    ahead_seconds: AtomicI64,
    /// The latest moment it told, in microseconds.
    told: AtomicI64,
}

impl Clock {
    /// Now, to the microsecond. It stands still while the machine's clock goes back a little, so that nothing is told as
    /// earlier than what it follows.
    pub fn now(&self) -> Timestamp {
        let now = Utc::now() + TimeDelta::seconds(self.ahead_seconds.load(Ordering::Relaxed));
        let (at, most) = (now.timestamp_micros(), PUT_RIGHT.num_microseconds().unwrap_or_default());
        let told = self.told.fetch_max(at, Ordering::Relaxed);
        let back = told - at;
        if back > most {
            self.told.store(at, Ordering::Relaxed);
        }
        let at = if (1..=most).contains(&back) { told } else { at };
        Timestamp::from_timestamp_micros(at).unwrap_or(now)
    }

    /// Moves it on by so much.
    pub fn advance(&self, by: TimeDelta) {
        self.ahead_seconds.fetch_add(by.num_seconds(), Ordering::Relaxed);
    }
}
