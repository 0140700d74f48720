//! Failed sign-ins, counted by account and by address.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result};

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
        let mut wait = None;
        for key in keys {
            let entry = counted.entry(key.clone()).or_insert((Instant::now(), 0));
            if entry.0.elapsed() >= WINDOW {
                *entry = (Instant::now(), 0);
            }
            entry.1 = entry.1.saturating_add(1);
            if entry.1 > most {
                wait = wait.max(Some(WINDOW.saturating_sub(entry.0.elapsed()).as_secs() + 1));
            }
        }
        match wait {
            Some(_) => Err(Error { retry_after: wait, ..Code::TooManyRequests.into() }),
            None => Ok(()),
        }
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
