//! The server's own page to come back to from an identity provider: for those who sign in without a front end.

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use crate::provider_sign_ins::CALLBACK;

/// Mounts the page.
pub fn configure(config: &mut ServiceConfig) {
    config.service(web::resource(CALLBACK).route(web::get().to(page)));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

async fn page(request: HttpRequest) -> HttpResponse {
    let given = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let given = given.map(web::Query::into_inner).unwrap_or_default();
    let of = |name: &str| given.iter().find(|(key, _)| key == name).map(|(_, value)| escaped(value));
    let body = match (of("error"), of("code")) {
        (Some(error), _) => {
            let why = of("error_description").unwrap_or_default();
            format!("<h1>Not signed in</h1><p>The identity provider says: <code>{error}</code> {why}</p>")
        }
        (None, Some(_)) => {
            let rows: String = ["code", "state", "iss"]
                .into_iter()
                .filter_map(|name| of(name).map(|value| format!("<dt>{name}</dt><dd><code>{value}</code></dd>")))
                .collect();
            format!(
                "<h1>Almost signed in</h1><p>Give these and your handle to <code>POST /v1/sign-ins/oidc/complete</code>. \
                 They work once, for a few minutes, and only with the handle of the sign-in you began.</p><dl>{rows}</dl>"
            )
        }
        (None, None) => "<h1>Nothing to complete</h1><p>An identity provider sends you here to sign in.</p>".into(),
    };
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ))
        .body(format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sign in</title>\
             <link rel=\"stylesheet\" href=\"/pages/roundtable.css\"></head><body><main>{body}</main></body></html>"
        ))
}
