//! SCIM 2.0 (RFC 7643, RFC 7644): a door for systems that keep an organisation's people. It translates; what it does, it
//! does by the operations of the table, in the role of whoever asks.

use std::future::Future;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource};
use roundtable_entity::Via;
use roundtable_kernel::ctx::{App, Ctx};
use roundtable_kernel::error::{Code, Error};
use roundtable_kernel::http;
use roundtable_kernel::op::Op;
use serde_json::{Value, json};
use uuid::Uuid;

mod filter;
mod groups;
mod patch;
mod refusal;
mod schemas;
mod users;

use filter::{Filter, Path, member};
use refusal::{Refusal, Result};

const KIND: &str = "application/scim+json";
const PREFIX: &str = "/scim/v2";

/// Mounts everything below `/scim/v2`.
pub fn configure(app: &Arc<App>, config: &mut ServiceConfig) {
    config
        .service(resource(app, "/Users", all_users))
        .service(resource(app, "/Users/{id}", one_user))
        .service(resource(app, "/Groups", all_groups))
        .service(resource(app, "/Groups/{id}", one_group))
        .service(resource(app, "/ServiceProviderConfig", configuration))
        .service(resource(app, "/ResourceTypes", |app, request, _| described(app, request, schemas::resource_types)))
        .service(resource(app, "/ResourceTypes/{id}", |app, request, _| {
            described(app, request, schemas::resource_types)
        }))
        .service(resource(app, "/Schemas", |app, request, _| described(app, request, schemas::schemas)))
        .service(resource(app, "/Schemas/{id}", |app, request, _| described(app, request, schemas::schemas)))
        .service(resource(app, "/Me", not_here))
        .service(resource(app, "/Bulk", not_here))
        .service(resource(app, "/{anything:.*}", |_, _, _| async { Err(Refusal::not_found()) }));
}

fn resource<F, Fut>(app: &Arc<App>, path: &str, answer: F) -> Resource
where
    F: Fn(Arc<App>, HttpRequest, Payload) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<HttpResponse>> + 'static,
{
    let app = app.clone();
    web::resource(format!("{PREFIX}{path}")).default_service(web::to(move |request: HttpRequest, payload: Payload| {
        let answered = answer(app.clone(), request.clone(), payload);
        let app = app.clone();
        async move {
            let mut response = match answered.await {
                Ok(response) => response,
                Err(refusal) => {
                    let mut response = refusal.response();
                    if refusal.status == 401 {
                        let challenge = http::refusal(&Code::Unauthenticated.into(), &request, &app);
                        if let Some(challenge) = challenge.headers().get(header::WWW_AUTHENTICATE) {
                            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge.clone());
                        }
                    }
                    response
                }
            };
            if let Ok(id) = header::HeaderValue::from_str(&http::request_id(&request)) {
                response.headers_mut().insert(header::HeaderName::from_static(http::REQUEST_ID), id);
            }
            response
        }
    }))
}

/// Reads a filter (RFC 7644, section 3.4.2.2) and says whether a resource fits it; nothing when it is no filter.
pub fn fits(filter: &str, resource: &Value) -> Option<bool> {
    Filter::read(filter).ok().map(|filter| filter.fits(resource))
}

/// Whose people it is about: those of the organisation the client belongs to, or the intermediary's own.
#[derive(Clone)]
struct Keeper {
    ctx: Ctx,
    partnership_id: Uuid,
    organization_id: Option<Uuid>,
}

impl Keeper {
    async fn of(app: &Arc<App>, request: &HttpRequest) -> Result<Self> {
        let ctx = http::ctx(request, app, Via::Rest).await?;
        let standing = ctx.permit(Op::ListProvisionedLogins)?.standing;
        let organization_id = standing.organization_id.filter(|_| standing.role.is_member());
        Ok(Self { partnership_id: standing.partnership_id, organization_id, ctx })
    }

    fn owner_key(&self) -> String {
        self.organization_id.map(|id| id.to_string()).unwrap_or_default()
    }

    fn at(&self) -> String {
        format!("{}{PREFIX}", self.ctx.app.public_url)
    }
}

/// The version of a resource as SCIM writes it.
fn tag(version: i32) -> String {
    format!("W/\"{version}\"")
}

/// Answers with a resource.
fn one(status: u16, mut resource: Value, shape: &Shape) -> Result<HttpResponse> {
    let status = actix_web::http::StatusCode::from_u16(status).map_err(Error::internal)?;
    let mut response = HttpResponse::build(status);
    response.content_type(KIND).insert_header((header::CACHE_CONTROL, "private, no-cache"));
    if let Some(version) = resource["meta"]["version"].as_str() {
        response.insert_header((header::ETAG, version));
    }
    if let Some(location) = resource["meta"]["location"].as_str() {
        response.insert_header((header::LOCATION, location));
    }
    shape.cut(&mut resource);
    Ok(response.body(resource.to_string()))
}

/// What of a resource is asked for.
#[derive(Default)]
struct Shape {
    only: Vec<Path>,
    but: Vec<Path>,
}

impl Shape {
    fn cut(&self, resource: &mut Value) {
        let always = |name: &str| matches!(name, "schemas" | "id");
        let Some(members) = resource.as_object_mut() else { return };
        let named = |paths: &[Path], name: &str| -> Vec<Path> {
            paths.iter().filter(|path| path.attribute.eq_ignore_ascii_case(name)).cloned().collect()
        };
        if !self.only.is_empty() {
            members.retain(|name, value| {
                let paths = named(&self.only, name);
                if !always(name) && !paths.is_empty() && paths.iter().all(|path| path.sub.is_some()) {
                    parts(value, &paths, true);
                }
                always(name) || !paths.is_empty()
            });
        }
        members.retain(|name, value| {
            let paths = named(&self.but, name);
            if !paths.is_empty() {
                parts(value, &paths, false);
            }
            always(name) || !paths.iter().any(|path| path.sub.is_none())
        });
    }
}

/// Keeps the sub-attributes named, or those that are not.
fn parts(value: &mut Value, paths: &[Path], keep: bool) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| parts(one, paths, keep)),
        Value::Object(members) => members.retain(|name, _| {
            let is_named =
                paths.iter().any(|path| path.sub.as_deref().is_some_and(|sub| sub.eq_ignore_ascii_case(name)));
            is_named == keep
        }),
        _ => {}
    }
}

/// What a list is asked for.
struct Asked {
    filter: Option<Filter>,
    start: usize,
    count: usize,
    sort: Option<(Path, bool)>,
    shape: Shape,
}

fn asked(request: &HttpRequest) -> Result<Asked> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string())
        .map_err(|_| Refusal::bad("invalidSyntax", "the query cannot be read"))?
        .into_inner();
    let of = |name: &str| pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
    let number = |name: &str, default: i64| match of(name) {
        Some(text) => text.parse::<i64>().map_err(|_| Refusal::bad("invalidValue", format!("{name} is a number"))),
        None => Ok(default),
    };
    let paths = |name: &str| -> Vec<Path> {
        of(name).into_iter().flat_map(|text| text.split(',')).filter_map(|path| Path::read(path.trim())).collect()
    };
    let most = i64::try_from(schemas::MOST).unwrap_or(i64::MAX);
    let sort = match of("sortBy") {
        Some(text) => {
            let path = Path::read(text).ok_or_else(|| Refusal::bad("invalidPath", "sortBy is an attribute"))?;
            Some((path, of("sortOrder").is_some_and(|order| order.eq_ignore_ascii_case("descending"))))
        }
        None => None,
    };
    Ok(Asked {
        filter: of("filter").map(Filter::read).transpose()?,
        start: usize::try_from(number("startIndex", 1)?.max(1)).unwrap_or(1),
        count: usize::try_from(number("count", 100)?.clamp(0, most)).unwrap_or(0),
        sort,
        shape: Shape { only: paths("attributes"), but: paths("excludedAttributes") },
    })
}

fn list(asked: &Asked, total: usize, mut resources: Vec<Value>) -> HttpResponse {
    resources.iter_mut().for_each(|resource| asked.shape.cut(resource));
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total, "startIndex": asked.start, "itemsPerPage": resources.len(), "Resources": resources,
    });
    HttpResponse::Ok()
        .content_type(KIND)
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .body(body.to_string())
}

/// Sorts resources and cuts out the page asked for.
fn paged(asked: &Asked, mut resources: Vec<Value>) -> HttpResponse {
    if let Some((path, descending)) = &asked.sort {
        let key = |resource: &Value| {
            let found = member(resource, &path.attribute);
            let found = match &path.sub {
                Some(sub) => found.and_then(|found| member(found, sub)),
                None => found,
            };
            found.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_lowercase))
        };
        resources.sort_by_cached_key(key);
        if *descending {
            resources.reverse();
        }
    }
    let total = resources.len();
    list(asked, total, resources.into_iter().skip(asked.start - 1).take(asked.count).collect())
}

async fn body(keeper: &Keeper, request: &HttpRequest, payload: Payload) -> Result<Value> {
    if !matches!(http::media_type(request.headers()).as_str(), KIND | "application/json") {
        return Err(Refusal::new(415, None, format!("send {KIND}")));
    }
    let limits = &keeper.ctx.app.limits;
    let bytes = http::body(payload, limits.body_bytes, limits.receive).await?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|error| Refusal::bad("invalidSyntax", format!("no JSON: {error}")))?;
    if value.is_object() { Ok(value) } else { Err(Refusal::bad("invalidSyntax", "a resource is a JSON object")) }
}

/// Refuses a change that was made on another version, where the client says on which.
fn check_version(request: &HttpRequest, version: i32) -> Result<()> {
    match request.headers().get(header::IF_MATCH).map(|value| value.to_str().unwrap_or_default().trim()) {
        None | Some("*") => Ok(()),
        Some(given) if given.trim_start_matches("W/") == format!("\"{version}\"") => Ok(()),
        Some(_) => Err(Refusal::new(412, None, "the resource has another version by now")),
    }
}

fn method_not_allowed(allowed: &'static str) -> Result<HttpResponse> {
    let mut response = Refusal::new(405, None, format!("this address takes {allowed}")).response();
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allowed));
    Ok(response)
}

async fn all_users(app: Arc<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse> {
    let keeper = Keeper::of(&app, &request).await?;
    match request.method().as_str() {
        "GET" => {
            let asked = asked(&request)?;
            let filter = asked.filter.as_ref();
            let (rows, total) =
                users::page(&keeper, filter, asked.sort.is_some(), asked.start - 1, asked.count).await?;
            let shown = users::shown(&keeper, &rows).await?;
            match total {
                Some(total) => Ok(list(&asked, total, shown)),
                None => {
                    let fitting = shown.into_iter().filter(|user| filter.is_none_or(|filter| filter.fits(user)));
                    Ok(paged(&asked, fitting.collect()))
                }
            }
        }
        "POST" => {
            let user = body(&keeper, &request, payload).await?;
            let row = users::create(&keeper, &user).await?;
            answer_user(&keeper, 201, &row, &asked(&request)?.shape).await
        }
        _ => method_not_allowed("GET, POST"),
    }
}

async fn answer_user(
    keeper: &Keeper,
    status: u16,
    row: &roundtable_entity::provisioned_login::Model,
    shape: &Shape,
) -> Result<HttpResponse> {
    let user = users::shown(keeper, std::slice::from_ref(row)).await?.pop().unwrap_or_default();
    one(status, user, shape)
}

async fn one_user(app: Arc<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse> {
    let keeper = Keeper::of(&app, &request).await?;
    let row = users::find(&keeper, request.match_info().get("id").unwrap_or_default()).await?;
    let shape = asked(&request)?.shape;
    match request.method().as_str() {
        "GET" => {
            let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
            let current = format!("\"{}\"", row.version);
            if known.is_some_and(|known| {
                known.split(',').any(|one| one.trim() == "*" || one.trim().trim_start_matches("W/") == current)
            }) {
                return Ok(HttpResponse::NotModified().insert_header((header::ETAG, tag(row.version))).finish());
            }
            answer_user(&keeper, 200, &row, &shape).await
        }
        "PUT" => {
            check_version(&request, row.version)?;
            let user = body(&keeper, &request, payload).await?;
            let row = users::replace(&keeper, &row, &user).await?;
            answer_user(&keeper, 200, &row, &shape).await
        }
        "PATCH" => {
            check_version(&request, row.version)?;
            let operations = body(&keeper, &request, payload).await?;
            let row = users::change(&keeper, &row, &operations).await?;
            answer_user(&keeper, 200, &row, &shape).await
        }
        "DELETE" => {
            check_version(&request, row.version)?;
            users::delete(&keeper.ctx, &row).await?;
            Ok(HttpResponse::NoContent().finish())
        }
        _ => method_not_allowed("GET, PUT, PATCH, DELETE"),
    }
}

async fn all_groups(app: Arc<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse> {
    let keeper = Keeper::of(&app, &request).await?;
    match request.method().as_str() {
        "GET" => {
            let asked = asked(&request)?;
            let groups = groups::list(&keeper, asked.filter.as_ref()).await?;
            Ok(paged(&asked, groups))
        }
        "POST" => {
            let group = body(&keeper, &request, payload).await?;
            Err(groups::refuse_new(&keeper, &group))
        }
        _ => method_not_allowed("GET, POST"),
    }
}

async fn one_group(app: Arc<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse> {
    let keeper = Keeper::of(&app, &request).await?;
    let id = request.match_info().get("id").unwrap_or_default().to_ascii_lowercase();
    let shape = asked(&request)?.shape;
    let group = groups::find(&keeper, &id).await?;
    match request.method().as_str() {
        "GET" => one(200, group, &shape),
        "PUT" => {
            let given = body(&keeper, &request, payload).await?;
            one(200, groups::replace(&keeper, &id, &given).await?, &shape)
        }
        "PATCH" => {
            let operations = body(&keeper, &request, payload).await?;
            one(200, groups::change(&keeper, &id, &operations).await?, &shape)
        }
        "DELETE" => Err(Refusal::new(403, None, "groups are the roles at the table; take its members out instead")),
        _ => method_not_allowed("GET, PUT, PATCH"),
    }
}

async fn configuration(app: Arc<App>, request: HttpRequest, _: Payload) -> Result<HttpResponse> {
    match request.method().as_str() {
        "GET" => one(200, schemas::configuration(&app.public_url), &Shape::default()),
        _ => method_not_allowed("GET"),
    }
}

async fn described(app: Arc<App>, request: HttpRequest, all: fn(&str) -> Vec<Value>) -> Result<HttpResponse> {
    if request.method().as_str() != "GET" {
        return method_not_allowed("GET");
    }
    // A client that filters here would take what is missing for what is not supported.
    if request.query_string().contains("filter=") {
        return Err(Refusal::new(403, None, "what the server says of itself is not filtered"));
    }
    let all = all(&app.public_url);
    match request.match_info().get("id") {
        Some(id) => {
            one(200, all.into_iter().find(|one| one["id"] == id).ok_or_else(Refusal::not_found)?, &Shape::default())
        }
        None => {
            let asked = Asked { filter: None, start: 1, count: all.len(), sort: None, shape: Shape::default() };
            Ok(list(&asked, all.len(), all))
        }
    }
}

async fn not_here(_: Arc<App>, _: HttpRequest, _: Payload) -> Result<HttpResponse> {
    Err(Refusal::new(501, None, "this part of SCIM is not served here; see /scim/v2/ServiceProviderConfig"))
}
