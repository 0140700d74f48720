//! Refusals in the words of SCIM (RFC 7644, section 3.12).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use roundtable_kernel::error::{Code, Error};
use serde_json::json;

/// A refusal.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    kind: Option<&'static str>,
    detail: String,
}

pub(crate) type Result<T> = std::result::Result<T, Refusal>;

impl Refusal {
    pub(crate) fn new(status: u16, kind: Option<&'static str>, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into() }
    }

    pub(crate) fn bad(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(400, Some(kind), detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, None, "there is no such resource that you may know of")
    }

    pub(crate) fn response(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.as_u16().to_string(),
            "detail": self.detail,
        });
        if let Some(kind) = self.kind {
            body["scimType"] = json!(kind);
        }
        HttpResponse::build(status)
            .content_type("application/scim+json")
            .insert_header(("cache-control", "no-store"))
            .body(body.to_string())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let kind = match error.code {
            Code::InvalidInput => Some("invalidValue"),
            Code::MalformedBody => Some("invalidSyntax"),
            Code::AlreadyExists => Some("uniqueness"),
            _ => None,
        };
        if error.code.status() >= 500 {
            tracing::error!(%error, "a SCIM request failed");
        }
        Self::new(error.code.status(), kind, error.detail)
    }
}
