//! Bulkheads: no collection takes every connection. One whose table is locked or whose reads are slow does not take the
//! others down with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Code, Error, Result};
use crate::pool::{self, ACQUIRE};

type Places = HashMap<(ThreadId, &'static str), Arc<Semaphore>>;

/// Places by worker and collection, fewer than a worker has connections. Each worker counts its own, so that whoever waits is
/// woken by who is beside it.
#[derive(Clone)]
pub struct Bulkhead {
    most: usize,
    places: Arc<Mutex<Places>>,
}

impl Bulkhead {
    /// For so many connections and workers: three quarters of a worker's connections to a collection.
    pub fn new(connections: u32, workers: usize) -> Self {
        let share = pool::share(connections, workers);
        Self { most: share - (share / 4).max(1).min(share - 1), places: Arc::default() }
    }

    /// A place at this collection, waited for as long as for a connection.
    pub async fn enter(&self, collection: &'static str) -> Result<OwnedSemaphorePermit> {
        let places = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            let here = (std::thread::current().id(), collection);
            places.entry(here).or_insert_with(|| Arc::new(Semaphore::new(self.most))).clone()
        };
        let busy = || Error::new(Code::Unavailable, format!("{collection} are too slow at the moment; try again"));
        match tokio::time::timeout(ACQUIRE, places.acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(busy()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_collection_leaves_connections_to_the_others() {
        for (connections, workers, most) in
            [(1, 1, 1), (2, 1, 1), (4, 1, 3), (8, 1, 6), (8, 2, 3), (8, 16, 1), (16, 16, 1), (100, 1, 75)]
        {
            let bulkhead = Bulkhead::new(connections, workers);
            assert_eq!(bulkhead.most, most, "of {connections} and {workers}");
            let mut taken = Vec::new();
            for _ in 0..most {
                taken.push(bulkhead.enter("meetings").await);
            }
            assert!(taken.iter().all(Result::is_ok));
            assert!(bulkhead.enter("people").await.is_ok());
        }
    }
}
