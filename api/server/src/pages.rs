//! Documents and pages, all from this server: nothing is fetched from elsewhere, except by the GraphQL page of a build
//! whose files were not installed, which says so.

use std::sync::{Arc, OnceLock};

use actix_web::http::header;
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Route, guard};
use async_graphql::dynamic::Schema;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::operation::Operations;
use roundtable_kernel::{access, http, openapi, openapi30};
use utoipa_swagger_ui::Config;

use crate::documents;

const STRICT: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What is served as it stands, made when it is first asked for: hardly anybody asks, and it takes a tenth of a second and
/// tens of megabytes while it is made.
pub struct Pages {
    schema: Schema,
    operations: Arc<Operations>,
    documents: OnceLock<Documents>,
    access: OnceLock<Bytes>,
    problems: OnceLock<Bytes>,
}

struct Documents {
    openapi: Bytes,
    openapi30: Bytes,
    graphql: Bytes,
}

impl Pages {
    /// Of these operations.
    pub fn new(schema: &Schema, operations: &Arc<Operations>) -> Self {
        Self {
            schema: schema.clone(),
            operations: operations.clone(),
            documents: OnceLock::new(),
            access: OnceLock::new(),
            problems: OnceLock::new(),
        }
    }

    fn documents(&self) -> Result<&Documents> {
        if let Some(documents) = self.documents.get() {
            return Ok(documents);
        }
        let document = openapi::document(&self.operations);
        let made = Documents {
            openapi: documents::printed(&document)?.into(),
            openapi30: documents::printed(&openapi30::lowered(&document))?.into(),
            graphql: self.schema.sdl().into(),
        };
        Ok(self.documents.get_or_init(|| made))
    }

    fn access(&self) -> &Bytes {
        self.access.get_or_init(|| table("Who may do what", &access::printed()).into())
    }

    fn problems(&self) -> &Bytes {
        self.problems.get_or_init(|| problems().into())
    }
}

/// Answers with one of the documents.
async fn document(
    pages: Arc<Pages>,
    kind: &'static str,
    pick: fn(&Documents) -> &Bytes,
    request: HttpRequest,
) -> HttpResponse {
    let made = web::block(move || pages.documents().map(|documents| pick(documents).clone())).await;
    match made.map_err(Error::internal).flatten() {
        Ok(document) => HttpResponse::Ok().content_type(kind).body(document),
        Err(error) => http::problem(&error, &http::request_id(&request)),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn page(title: &str, wide: bool, body: &str) -> String {
    let class = if wide { " class=\"wide\"" } else { "" };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/pages/roundtable.css\"></head><body><main{class}>{body}</main></body></html>"
    )
}

/// A page of a Markdown text that is a heading, a paragraph and one table.
fn table(title: &str, markdown: &str) -> String {
    let mut body = format!("<p><a href=\"/\">Roundtable</a></p><h1>{title}</h1>");
    let mut rows = String::new();
    for line in markdown.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with("|--")) {
        let Some(cells) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
            body += &format!("<p>{}</p>", escaped(line).replace('`', ""));
            continue;
        };
        let tag = if rows.is_empty() { "th" } else { "td" };
        rows += "<tr>";
        for cell in cells.split('|') {
            rows += &format!("<{tag}>{}</{tag}>", escaped(cell.trim()).replace('`', ""));
        }
        rows += "</tr>";
    }
    page(title, true, &format!("{body}<div class=\"scroll\"><table>{rows}</table></div>"))
}

fn problems() -> String {
    let mut body = String::from("<p><a href=\"/\">Roundtable</a></p><h1>Problem codes</h1><dl>");
    for code in Code::ALL {
        let (name, meaning) = (code.wire(), escaped(code.meaning()));
        body += &format!(
            "<dt><a href=\"/problems/{name}\"><code>{name}</code></a> {}</dt><dd>{meaning}</dd>",
            code.status()
        );
    }
    page("Problem codes", false, &(body + "</dl>"))
}

fn html(text: impl Into<Bytes>) -> HttpResponse {
    strict(&mut HttpResponse::Ok()).content_type("text/html; charset=utf-8").body(text.into())
}

fn strict(response: &mut actix_web::HttpResponseBuilder) -> &mut actix_web::HttpResponseBuilder {
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, STRICT))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
}

fn file(kind: &'static str, bytes: &'static [u8]) -> HttpResponse {
    strict(&mut HttpResponse::Ok())
        .content_type(kind)
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
        .body(bytes)
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A route for GET and HEAD.
fn read() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Mounts the documents and pages.
pub fn configure(pages: &Arc<Pages>, config: &mut ServiceConfig) {
    let (openapi, graphql, access, problems) = (pages.clone(), pages.clone(), pages.clone(), pages.clone());
    let openapi30 = pages.clone();
    config
        .route("/", read().to(|| async { html(include_str!("../pages/index.html")) }))
        .route("/pages/roundtable.css", read().to(|| async { file(CSS, include_bytes!("../pages/roundtable.css")) }))
        .route(
            "/openapi.json",
            read().to(move |request| document(openapi.clone(), "application/json", |made| &made.openapi, request)),
        )
        .route(
            "/openapi-3.0.json",
            read().to(move |request| document(openapi30.clone(), "application/json", |made| &made.openapi30, request)),
        )
        .route(
            "/schema.graphql",
            read().to(move |request| {
                document(graphql.clone(), "text/plain; charset=utf-8", |made| &made.graphql, request)
            }),
        )
        .route(
            "/access",
            read().to(move || {
                let pages = access.clone();
                async move { html(pages.access().clone()) }
            }),
        )
        .route(
            "/problems",
            read().to(move || {
                let pages = problems.clone();
                async move { html(pages.problems().clone()) }
            }),
        )
        .route("/problems/{code}", read().to(|request: HttpRequest| async move { problem(&request) }))
        .route(
            "/docs",
            read().to(|| async {
                HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
            }),
        )
        .route("/docs/{file:.*}", read().to(|request: HttpRequest| async move { rest_page(&request) }));
    graphiql(config);
}

fn problem(request: &HttpRequest) -> HttpResponse {
    match request.match_info().get("code").and_then(Code::named) {
        Some(code) => html(page(
            code.wire(),
            false,
            &format!(
                "<p><a href=\"/problems\">Problem codes</a></p><h1>{}</h1><p><code>{}</code>, status {}</p><p>{}</p>",
                escaped(code.title()),
                code.wire(),
                code.status(),
                escaped(code.meaning())
            ),
        )),
        None => http::problem(&Code::NotFound.into(), &http::request_id(request)),
    }
}

/// The REST page: Swagger UI from its crate.
fn rest_page(request: &HttpRequest) -> HttpResponse {
    let name = request.match_info().get("file").unwrap_or_default();
    let name = if name.is_empty() { "index.html" } else { name };
    let settings = Config::from("/openapi.json").deep_linking(true).filter(true).persist_authorization(false);
    match utoipa_swagger_ui::serve(name, Arc::new(settings)) {
        Ok(Some(file)) => strict(&mut HttpResponse::Ok()).content_type(file.content_type).body(file.bytes.to_vec()),
        Ok(None) => http::problem(&Code::NotFound.into(), &http::request_id(request)),
        Err(error) => {
            tracing::error!(%error, "the REST page could not be made");
            http::problem(&Code::Internal.into(), &http::request_id(request))
        }
    }
}

fn graphiql_page(head: &str, scripts: &str, note: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Roundtable GraphQL</title>{head}\
         <link rel=\"stylesheet\" href=\"/graphiql/page.css\"></head><body>{note}\
         <label>Access token <input id=\"token\" type=\"password\" autocomplete=\"off\"></label>\
         <div id=\"graphiql\"></div>{scripts}<script src=\"/graphiql/page.js\"></script></body></html>"
    )
}

fn graphiql(config: &mut ServiceConfig) {
    config
        .route("/graphiql/page.js", read().to(|| async { file(SCRIPT, include_bytes!("../pages/graphiql/page.js")) }))
        .route("/graphiql/page.css", read().to(|| async { file(CSS, include_bytes!("../pages/graphiql/page.css")) }));
    explorer(config);
}

#[cfg(graphiql_embedded)]
fn explorer(config: &mut ServiceConfig) {
    macro_rules! installed {
        ($path:literal) => {
            include_bytes!(concat!("../pages/graphiql/node_modules/", $path))
        };
    }
    config
        .route(
            "/graphiql",
            read().to(|| async {
                html(graphiql_page(
                    "<link rel=\"stylesheet\" href=\"/graphiql/graphiql.css\">",
                    "<script src=\"/graphiql/react.js\"></script><script src=\"/graphiql/react-dom.js\"></script>\
                 <script src=\"/graphiql/graphiql.js\"></script>",
                    "",
                ))
            }),
        )
        .route(
            "/graphiql/react.js",
            read().to(|| async { file(SCRIPT, installed!("react/umd/react.production.min.js")) }),
        )
        .route(
            "/graphiql/react-dom.js",
            read().to(|| async { file(SCRIPT, installed!("react-dom/umd/react-dom.production.min.js")) }),
        )
        .route("/graphiql/graphiql.js", read().to(|| async { file(SCRIPT, installed!("graphiql/graphiql.min.js")) }))
        .route("/graphiql/graphiql.css", read().to(|| async { file(CSS, installed!("graphiql/graphiql.min.css")) }));
}

#[cfg(not(graphiql_embedded))]
fn explorer(config: &mut ServiceConfig) {
    const FROM: &str = "https://cdn.jsdelivr.net/npm";
    const SCRIPTS: [(&str, &str); 3] = [
        (
            "react@18.3.1/umd/react.production.min.js",
            "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z",
        ),
        (
            "react-dom@18.3.1/umd/react-dom.production.min.js",
            "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1",
        ),
        ("graphiql@3.9.0/graphiql.min.js", "sha384-8NGfVj4CVlqHajlZj+bPJT4thxPMHMJYn7DWK2CvtopLd02E7qsPHazniBYvVjOO"),
    ];
    const STYLE: (&str, &str) =
        ("graphiql@3.9.0/graphiql.min.css", "sha384-QMux00XgRtwRLSYIY3kw2rj1ovk5AuuliAchk+HSQbqdbGFnz9GYuqIlOqxhwCE2");
    config.route("/graphiql", read().to(|| async {
        let head = format!(
            "<link rel=\"stylesheet\" href=\"{FROM}/{}\" integrity=\"{}\" crossorigin=\"anonymous\">",
            STYLE.0, STYLE.1
        );
        let scripts: String = SCRIPTS
            .iter()
            .map(|(path, hash)| {
                format!("<script src=\"{FROM}/{path}\" integrity=\"{hash}\" crossorigin=\"anonymous\"></script>")
            })
            .collect();
        let note = "<p>This build fetches the page's files from the network. To embed them, run <code>npm ci</code> in \
                    <code>api/server/pages/graphiql</code> and build again.</p>";
        let policy = STRICT
            .replace("script-src 'self'", &format!("script-src 'self' {FROM}/"))
            .replace("style-src 'self'", &format!("style-src 'self' {FROM}/"));
        HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, policy))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(graphiql_page(&head, &scripts, note))
    }));
}
