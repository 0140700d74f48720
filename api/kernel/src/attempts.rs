//! Failed sign-ins, counted by account and by address.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::error::{Code, Result};

const WINDOW: Duration = Duration::from_secs(60);
const MOST_KEYS: usize = 100_000;

/// Attempts of the last minute.
#[derive(Default)]
pub struct Attempts {
    counted: Mutex<HashMap<String, (Instant, u32)>>,
}

impl Attempts {
    /// Counts an attempt under each key before it is made, and refuses when one of them is over.
    pub fn count(&self, keys: &[String], most: u32) -> Result<()> {
        let Ok(mut counted) = self.counted.lock() else {
            return Ok(());
        };
        if counted.len() > MOST_KEYS {
            counted.retain(|_, (since, _)| since.elapsed() < WINDOW);
        }
        let mut over = false;
        for key in keys {
            let entry = counted.entry(key.clone()).or_insert((Instant::now(), 0));
            if entry.0.elapsed() >= WINDOW {
                *entry = (Instant::now(), 0);
            }
            entry.1 = entry.1.saturating_add(1);
            over |= entry.1 > most;
        }
        if over { Err(Code::TooManyRequests.into()) } else { Ok(()) }
    }

    /// Forgets the attempts under these keys: the sign-in succeeded.
    pub fn clear(&self, keys: &[String]) {
        if let Ok(mut counted) = self.counted.lock() {
            for key in keys {
                counted.remove(key);
            }
        }
    }
}
