//! Until when a request is answered. What waits longer, for whatever reason, is refused so that its client tries again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::middleware::Next;
use roundtable_kernel::error::{Code, Error};
use roundtable_kernel::http;
use roundtable_kernel::operation::Operations;

/// How long a request may take from its head to the head of its answer.
#[derive(Clone)]
pub struct Deadline {
    within: Duration,
    /// Addresses that files are sent to.
    without: Arc<HashSet<String>>,
}

impl Deadline {
    /// The same for all but imports.
    pub fn new(operations: &Operations, within: Duration) -> Self {
        let large = operations.iter().filter(|operation| operation.large);
        Self { within, without: Arc::new(large.map(|operation| operation.path.clone()).collect()) }
    }
}

/// Refuses what is not answered by then. A write that has begun runs to its end all the same; its idempotency key tells
/// what became of it.
pub async fn keep(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let deadline = request.app_data::<Deadline>().cloned();
    let takes_file =
        |deadline: &Deadline| request.method() == Method::POST && deadline.without.contains(request.path());
    let Some(deadline) = deadline.filter(|deadline| !takes_file(deadline)) else {
        return next.call(request).await;
    };
    let request_id = http::request_id(request.request());
    match tokio::time::timeout(deadline.within, next.call(request)).await {
        Ok(answered) => answered,
        Err(_) => {
            let late = format!("it took longer than {} s; try again", deadline.within.as_secs());
            let refusal = http::problem(&Error::new(Code::Unavailable, late), &request_id);
            Err(InternalError::from_response("deadline", refusal).into())
        }
    }
}
