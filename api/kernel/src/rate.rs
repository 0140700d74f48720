//! How often somebody may ask: by account, and by address where nobody signed in. Reads and writes are counted apart,
//! by operation, so that a GraphQL document with ten fields counts as ten.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use uuid::Uuid;

use crate::error::{Code, Error, Result};
use crate::standing::Caller;

/// Window of the limits, seconds.
const WINDOW: u32 = 60;
/// After how many requests those who have not asked for a while are forgotten.
const FORGET: u32 = 10_000;

/// Who is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Account(Uuid),
    Address(Arc<str>),
}

type Limiter = RateLimiter<Key, DefaultKeyedStateStore<Key>, DefaultClock, StateInformationMiddleware>;

struct Limit {
    name: &'static str,
    most: NonZeroU32,
    limiter: Limiter,
    since_forgotten: AtomicU32,
}

impl Limit {
    fn new(name: &'static str, most: u32) -> Option<Self> {
        let most = NonZeroU32::new(most)?;
        let limiter = RateLimiter::keyed(Quota::per_minute(most)).with_middleware::<StateInformationMiddleware>();
        Some(Self { name, most, limiter, since_forgotten: AtomicU32::new(0) })
    }

    fn count(&self, key: &Key) -> (Spent, Option<u64>) {
        if self.since_forgotten.fetch_add(1, Ordering::Relaxed) >= FORGET {
            self.since_forgotten.store(0, Ordering::Relaxed);
            self.limiter.retain_recent();
        }
        let (left, wait) = match self.limiter.check_key(key) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(refused) => {
                let wait = refused.wait_time_from(self.limiter.clock().now());
                (0, Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))
            }
        };
        let spent = self.most.get() - left;
        let whole = u64::from(spent) * u64::from(WINDOW);
        let whole_in = whole.div_ceil(u64::from(self.most.get()));
        (Spent { name: self.name, most: self.most.get(), left, whole_in }, wait)
    }
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug)]
struct Spent {
    name: &'static str,
    most: u32,
    left: u32,
    whole_in: u64,
}

/// What one request has spent: of reads and of writes.
#[derive(Debug, Default)]
pub struct Tally(Mutex<[Option<Spent>; 2]>);

impl Tally {
    /// Writes it into the headers of the answer (draft-ietf-httpapi-ratelimit-headers-11).
    pub fn show(&self, headers: &mut HeaderMap) {
        let Ok(spent) = self.0.lock() else { return };
        let spent: Vec<Spent> = spent.iter().flatten().copied().collect();
        if spent.is_empty() {
            return;
        }
        let limit: Vec<String> =
            spent.iter().map(|one| format!("\"{}\";r={};t={}", one.name, one.left, one.whole_in)).collect();
        let policy: Vec<String> =
            spent.iter().map(|one| format!("\"{}\";q={};w={WINDOW}", one.name, one.most)).collect();
        for (name, value) in [("ratelimit", limit), ("ratelimit-policy", policy)] {
            if let Ok(value) = HeaderValue::from_str(&value.join(", ")) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// The limits of this process.
#[derive(Default)]
pub struct Rates {
    read: Option<Limit>,
    write: Option<Limit>,
}

impl Rates {
    /// Requests a minute that read, and that write; 0 is no limit.
    pub fn new(reads_per_minute: u32, writes_per_minute: u32) -> Self {
        Self { read: Limit::new("read", reads_per_minute), write: Limit::new("write", writes_per_minute) }
    }

    /// Whether anything is limited.
    pub fn limit_anything(&self) -> bool {
        self.read.is_some() || self.write.is_some()
    }

    /// Counts one operation, and refuses it when there were too many.
    pub fn count(&self, caller: &Caller, address: &Arc<str>, writes: bool, tally: &Tally) -> Result<()> {
        let Some(limit) = (if writes { &self.write } else { &self.read }) else { return Ok(()) };
        let key = match caller.account_id() {
            Some(id) => Key::Account(id),
            None => Key::Address(address.clone()),
        };
        let (spent, wait) = limit.count(&key);
        if let Ok(mut tally) = tally.0.lock() {
            tally[usize::from(writes)] = Some(spent);
        }
        let Some(wait) = wait else { return Ok(()) };
        let detail = format!("at most {} operations a minute that {}; wait {wait} s", spent.most, spent.name);
        Err(Error { retry_after: Some(wait), ..Error::new(Code::TooManyRequests, detail) })
    }
}

/// Says in the headers when to come again.
pub fn come_again(error: &Error, headers: &mut HeaderMap) {
    if matches!(error.code.status(), 429 | 503) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(error.retry_after.unwrap_or(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addressed(rates: &Rates, address: &str, writes: bool) -> Result<()> {
        rates.count(&Caller::Anonymous, &Arc::from(address), writes, &Tally::default())
    }

    #[test]
    fn each_address_has_its_own_reads_and_writes() {
        let rates = Rates::new(2, 1);
        for address in ["192.0.2.1", "192.0.2.2"] {
            for writes in [false, false, true] {
                assert!(addressed(&rates, address, writes).is_ok());
            }
            for writes in [false, true] {
                let refused = addressed(&rates, address, writes).err();
                let right = |refused: &Error| {
                    refused.code == Code::TooManyRequests
                        && refused.retry_after.is_some_and(|wait| (1..=60).contains(&wait))
                };
                assert!(refused.as_ref().is_some_and(right), "{refused:?}");
            }
        }
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let rates = Rates::default();
        let tally = Tally::default();
        for _ in 0..1000 {
            assert!(rates.count(&Caller::Anonymous, &Arc::from(""), true, &tally).is_ok());
        }
        let mut headers = HeaderMap::new();
        tally.show(&mut headers);
        assert!(headers.is_empty() && !rates.limit_anything());
    }

    #[test]
    fn what_is_left_is_told() {
        let rates = Rates::new(10, 0);
        let tally = Tally::default();
        assert!(rates.count(&Caller::Anonymous, &Arc::from("a"), false, &tally).is_ok());
        let mut headers = HeaderMap::new();
        tally.show(&mut headers);
        let shown = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!(shown("ratelimit"), Some("\"read\";r=9;t=6"));
        assert_eq!(shown("ratelimit-policy"), Some("\"read\";q=10;w=60"));
    }
}
