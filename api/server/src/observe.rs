//! Health, metrics and the log line of each request.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use futures_util::FutureExt;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use roundtable_kernel::ctx::App;
use roundtable_kernel::error::Code;
use roundtable_kernel::http;
use roundtable_kernel::rest::Route;
use sea_orm::ConnectionTrait;

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Begins counting. Done once a process.
pub fn begin() {
    METRICS.get_or_init(|| {
        let buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
        PrometheusBuilder::new()
            .set_buckets(&buckets)
            .and_then(PrometheusBuilder::install_recorder)
            .inspect_err(|error| tracing::warn!(%error, "metrics are not counted"))
            .ok()
    });
}

/// Puts what was counted together, until it is aborted. Without it the numbers of requests that nobody asked `/metrics`
/// about would be kept one by one.
pub async fn sum_up() {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    loop {
        every.tick().await;
        if let Some(metrics) = METRICS.get().and_then(Option::as_ref) {
            metrics.run_upkeep();
        }
    }
}

/// Mounts `/healthz`, `/readyz` and `/metrics`.
pub fn configure(app: &Arc<App>, config: &mut ServiceConfig) {
    let app = app.clone();
    let last: Arc<Mutex<Option<(Instant, bool)>>> = Arc::default();
    config
        .route("/healthz", web::get().to(|| async { plain(true, "alive\n") }))
        .route(
            "/readyz",
            web::get().to(move || {
                let (app, last) = (app.clone(), last.clone());
                async move {
                    let ready = ready(&app, &last).await;
                    plain(ready, if ready { "ready\n" } else { "the database does not answer\n" })
                }
            }),
        )
        .route(
            "/metrics",
            web::get().to(|| async {
                let text = METRICS.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default();
                HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4")).body(text)
            }),
        );
}

fn plain(well: bool, text: &'static str) -> HttpResponse {
    let mut response = if well { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header((header::CACHE_CONTROL, "no-store")).content_type("text/plain").body(text)
}

/// Whether the database answers; asked at most once a second.
async fn ready(app: &App, last: &Mutex<Option<(Instant, bool)>>) -> bool {
    if let Ok(last) = last.lock()
        && let Some((at, ready)) = *last
        && at.elapsed() < Duration::from_secs(1)
    {
        return ready;
    }
    let asked = tokio::time::timeout(Duration::from_secs(2), app.store.read().execute_unprepared("SELECT 1")).await;
    let ready = matches!(asked, Ok(Ok(_)));
    if let Ok(mut last) = last.lock() {
        *last = Some((Instant::now(), ready));
    }
    ready
}

/// A fault of the program costs the request it happened in, and nobody else's.
fn panicked(method: &str, id: &str) -> actix_web::Error {
    metrics::counter!("http_server_panics_total").increment(1);
    tracing::error!(method, request_id = id, "a request made the program panic");
    InternalError::from_response("panic", http::problem(&Code::Internal.into(), id)).into()
}

/// The address a request was for, its parameters named and not filled in.
fn route(request: &HttpRequest) -> Option<Arc<str>> {
    let operation = request.extensions().get::<Route>().map(|route| route.0.clone());
    operation.or_else(|| request.match_pattern().map(Into::into))
}

/// Counts and logs each request: method, route, status, time. Never its path, query or body.
pub async fn count(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let began = Instant::now();
    let method = request.method().to_string();
    let id = http::request_id(request.request());
    let Ok(answered) = AssertUnwindSafe(next.call(request)).catch_unwind().await else {
        return Err(panicked(&method, &id));
    };
    let route = answered.as_ref().ok().and_then(|response| route(response.request()));
    let route = route.unwrap_or_else(|| "none".into());
    let status = match &answered {
        Ok(response) => response.status().as_u16(),
        // It was not answered in time.
        Err(error) => error.as_response_error().status_code().as_u16(),
    };
    let took = began.elapsed();
    metrics::histogram!(
        "http_server_request_duration_seconds",
        "http_request_method" => method.clone(), "http_route" => route.clone(), "http_response_status_code" => status.to_string(),
    )
    .record(took.as_secs_f64());
    let id = answered.as_ref().ok().and_then(|response| response.headers().get("request-id"));
    let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info!(target: "roundtable::request", method, route = &*route, status, took_us = took.as_micros() as u64, request_id = id);
    answered
}
