//! Bulkheads: no collection takes every connection. One whose table is locked or whose reads are slow does not take the
//! others down with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Code, Error, Result};
use crate::pool::ACQUIRE;

/// Places by collection, fewer than there are connections.
#[derive(Clone)]
pub struct Bulkhead {
    most: usize,
    places: Arc<Mutex<HashMap<&'static str, Arc<Semaphore>>>>,
}

impl Bulkhead {
    /// For so many connections: three quarters of them to a collection.
    pub fn new(connections: u32) -> Self {
        let connections = usize::try_from(connections).unwrap_or(1);
        let most = connections - (connections / 4).max(1).min(connections - 1);
        Self { most, places: Arc::default() }
    }

    /// A place at this collection, waited for as long as for a connection.
    pub async fn enter(&self, collection: &'static str) -> Result<OwnedSemaphorePermit> {
        let places = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.entry(collection).or_insert_with(|| Arc::new(Semaphore::new(self.most))).clone()
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
        for (connections, most) in [(1, 1), (2, 1), (4, 3), (8, 6), (100, 75)] {
            let bulkhead = Bulkhead::new(connections);
            assert_eq!(bulkhead.most, most, "of {connections}");
            let mut taken = Vec::new();
            for _ in 0..most {
                taken.push(bulkhead.enter("meetings").await);
            }
            assert!(taken.iter().all(Result::is_ok));
            assert!(bulkhead.enter("people").await.is_ok());
        }
    }
}
