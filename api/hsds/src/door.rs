//! The addresses of the standard, below `/hsds`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use roundtable_entity::{Record, Texts, Via, location, name_key, organization, resource};
use roundtable_kernel::ctx::App;
use roundtable_kernel::error::{Code, Error, Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::token::fingerprint;
use roundtable_kernel::{http, rest};
use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::package;
use crate::reader::Reader;
use crate::shapes::{self, Around, TAXONOMIES, Term};

/// Rows of a page unless said otherwise, and at the most.
const ROWS: (u64, u64) = (50, 200);
/// Version of the standard that is answered by.
pub(crate) const VERSION: &str = "3.1";

type Query = HashMap<String, String>;

/// Parameters of a list beside the page.
const LIST: &[&str] = &["page", "per_page", "format", "search"];

/// Mounts the addresses.
pub fn configure(app: &Arc<App>, config: &mut ServiceConfig) {
    for path in ["/hsds", "/hsds/", "/hsds/{collection}", "/hsds/{collection}/{id}"] {
        let app = app.clone();
        let get = web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
        config.service(web::resource(path).route(get.to(move |request: HttpRequest| {
            let app = app.clone();
            async move {
                answer(&app, &request).await.unwrap_or_else(|error| http::problem(&error, &http::request_id(&request)))
            }
        })));
    }
}

async fn answer(app: &Arc<App>, request: &HttpRequest) -> Result<HttpResponse> {
    let ctx = http::ctx(request, app, Via::Rest).await?.for_operation(Op::ListResources);
    let path = request.match_info();
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string())
        .map_err(|_| Error::new(Code::UnknownParameter, "the query string cannot be read"))?;
    let query: Query = query.into_inner().into_iter().collect();
    let (collection, id) = (path.get("collection"), path.get("id"));
    let Some(collection) = collection else {
        only(&query, &["format"])?;
        let about = json!({
            "version": VERSION,
            "profile": "https://docs.openreferral.org/en/latest/hsds/",
            "openapi_url": "https://raw.githubusercontent.com/openreferral/specification/3.1/schema/openapi.json",
        });
        return sent(request, true, "application/json", serde_json::to_vec(&about).map_err(Error::internal)?);
    };
    let reader = Reader::of(ctx).await?;
    let id = id.map(|id| Uuid::parse_str(id).map_err(|_| Error::not_found())).transpose()?;
    let (media, bytes) = match (collection, id) {
        ("package.zip", None) => {
            only(&query, &[])?;
            ("application/zip", package::write(&reader).await?)
        }
        (collection, None) => ("application/json", list(&reader, collection, &query).await?.into_bytes()),
        (collection, Some(id)) => {
            only(&query, &["format", "full_service"])?;
            let shown = one(&reader, collection, id).await?;
            ("application/json", serde_json::to_vec(&shown).map_err(Error::internal)?)
        }
    };
    sent(request, reader.is_public(), media, bytes)
}

fn sent(request: &HttpRequest, public: bool, media: &str, bytes: Vec<u8>) -> Result<HttpResponse> {
    let tag = format!("\"{}\"", fingerprint(&bytes.escape_ascii().to_string()));
    let mut response = HttpResponse::Ok();
    response.insert_header((http::REQUEST_ID, http::request_id(request).to_string()));
    response.insert_header((header::VARY, "Authorization, Acting-Partnership"));
    response.insert_header((header::CACHE_CONTROL, if public { "public, no-cache" } else { "private, no-cache" }));
    response.insert_header((header::ETAG, tag.clone()));
    if rest::none_match(request.headers(), &tag) {
        return Ok(response.status(actix_web::http::StatusCode::NOT_MODIFIED).finish());
    }
    Ok(response.content_type(media).body(bytes))
}

/// Refuses parameters that mean nothing here.
fn only(query: &Query, known: &[&str]) -> Result<()> {
    let mut given: Vec<&String> = query.keys().collect();
    given.sort();
    for name in given {
        if !known.contains(&name.as_str()) {
            let detail = format!("{name} is not a parameter here; these are: {}", known.join(", "));
            let mut error = Error::new(Code::UnknownParameter, detail.clone());
            error.problems.push(Problem { pointer: format!("/{name}"), code: "unknown_parameter", detail });
            return Err(error);
        }
    }
    match query.get("format").map(String::as_str) {
        None | Some("json") => Ok(()),
        Some(_) => Err(Error::member("/format", "unknown_value", "give json; the tables are at /hsds/package.zip")),
    }
}

fn told(query: &Query, name: &str) -> Result<bool> {
    match query.get(name).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Error::member(format!("/{name}"), "wrong_type", "give true or false")),
    }
}

fn id(query: &Query, name: &str) -> Result<Option<Uuid>> {
    let wrong = |_| Error::member(format!("/{name}"), "wrong_form", "is not a UUID");
    query.get(name).map(|text| Uuid::parse_str(text).map_err(wrong)).transpose()
}

/// The page asked for: its number, from 1, and how many rows it has.
fn page(query: &Query) -> Result<(u64, u64)> {
    let number = |name: &str, default: u64, most: u64| match query.get(name).map(|text| text.parse::<u64>()) {
        None => Ok(default),
        Some(Ok(number)) if (1..=most).contains(&number) => Ok(number),
        Some(_) => Err(Error::member(format!("/{name}"), "out_of_range", format!("give 1 to {most}"))),
    };
    Ok((number("page", 1, 1_000_000)?, number("per_page", ROWS.0, ROWS.1)?))
}

/// The envelope of the standard, with its eight members.
fn envelope(total: u64, (number, rows): (u64, u64), contents: Vec<Map<String, Value>>) -> String {
    let pages = total.div_ceil(rows);
    json!({
        "total_items": total,
        "total_pages": pages,
        "page_number": number,
        "size": contents.len(),
        "first_page": number == 1,
        "last_page": number >= pages,
        "empty": contents.is_empty(),
        "contents": contents,
    })
    .to_string()
}

async fn list(reader: &Reader, collection: &str, query: &Query) -> Result<String> {
    let page = page(query)?;
    match collection {
        "services" => services(reader, query, page).await,
        "organizations" => organizations(reader, query, page).await,
        "locations" => locations(reader, query, page).await,
        "service_at_locations" => at_locations(reader, query, page).await,
        "taxonomies" => {
            only(query, LIST)?;
            let all = TAXONOMIES.iter().map(|(system, ..)| shapes::taxonomy(system)).collect();
            Ok(some(all, query, page))
        }
        "taxonomy_terms" => {
            only(query, &[LIST, &["taxonomy_id"]].concat())?;
            let of = id(query, "taxonomy_id")?;
            let (terms, around) = terms(reader).await?;
            let terms = terms.iter().filter(|term| of.is_none_or(|of| shapes::taxonomy_id(term.system) == of));
            Ok(some(terms.map(|term| shapes::term(term, &around)).collect(), query, page))
        }
        _ => Err(Error::not_found()),
    }
}

/// A page of what is made in memory, with the words searched for in the name.
fn some(all: Vec<Map<String, Value>>, query: &Query, (number, rows): (u64, u64)) -> String {
    let words = query.get("search").map(|text| text.to_lowercase()).unwrap_or_default();
    let holds = |one: &Map<String, Value>| {
        one.get("name").and_then(Value::as_str).is_some_and(|name| name.to_lowercase().contains(&words))
    };
    let found: Vec<_> = all.into_iter().filter(holds).collect();
    let total = found.len() as u64;
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let shown = found.into_iter().skip(size((number - 1) * rows)).take(size(rows)).collect();
    envelope(total, (number, rows), shown)
}

/// Whether a text holds another, whatever the case, with nothing in it meaning anything else.
fn holds<C: ColumnTrait>(column: C, text: &str) -> SimpleExpr {
    let literal = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Expr::expr(Func::lower(column.into_expr())).like(LikeExpr::new(format!("%{literal}%")).escape('\\'))
}

/// Services that the parameters ask for.
async fn asked(reader: &Reader, query: &Query) -> Result<Condition> {
    let mut rows = reader.services()?;
    if let Some(text) = query.get("search") {
        let words = Condition::any()
            .add(resource::Column::NameKey.contains(name_key(text)))
            .add(holds(resource::Column::Description, text));
        rows = rows.add(words);
    }
    if let Some(owner) = id(query, "organization_id")? {
        // One the reader may not know of has no services.
        rows = rows.add(resource::Column::OwnerOrganizationId.eq(owner)).add(
            resource::Column::OwnerOrganizationId.in_subquery(
                sea_orm::sea_query::Query::select()
                    .column(organization::Column::Id)
                    .from(organization::Entity)
                    .cond_where(reader.organizations()?)
                    .to_owned(),
            ),
        );
    }
    if let Some(since) = query.get("modified_after") {
        let since = since.replace(' ', "+");
        let day = || since.parse::<chrono::NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
        let since = chrono::DateTime::parse_from_rfc3339(&since).map(|at| at.to_utc()).ok().or_else(day);
        let wrong = || Error::member("/modified_after", "wrong_form", "give a day or a moment of RFC 3339");
        rows = rows.add(resource::Column::UpdatedAt.gt(since.ok_or_else(wrong)?));
    }
    let column = |system: &str| match system {
        "naics" => resource::Column::Naics,
        "soc" => resource::Column::Soc,
        "cip" => resource::Column::Cip,
        _ => resource::Column::Keywords,
    };
    if let Some(term) = id(query, "taxonomy_term_id")? {
        let (terms, _) = terms(reader).await?;
        rows = match terms.iter().find(|known| known.id() == term) {
            Some(term) => rows.add(column(term.system).contains(json!(term.code).to_string())),
            None => rows.add(resource::Column::Id.is_in(Vec::<Uuid>::new())),
        };
    }
    if let Some(taxonomy) = id(query, "taxonomy_id")? {
        let system = TAXONOMIES.iter().find(|(system, ..)| shapes::taxonomy_id(system) == taxonomy);
        rows = match system {
            Some((system, ..)) => rows.add(column(system).ne("[]")),
            None => rows.add(resource::Column::Id.is_in(Vec::<Uuid>::new())),
        };
    }
    Ok(rows)
}

async fn found(reader: &Reader, rows: Condition, (number, size): (u64, u64)) -> Result<(u64, Vec<resource::Model>)> {
    let total = resource::Entity::find().filter(rows.clone()).count(&reader.ctx.read()).await?;
    let rows = resource::Entity::find()
        .filter(rows)
        .order_by_asc(resource::Column::Id)
        .offset((number - 1) * size)
        .limit(size)
        .all(&reader.ctx.read())
        .await?;
    Ok((total, reader.shown(rows).await?))
}

const OF_SERVICES: &[&str] = &["taxonomy_term_id", "taxonomy_id", "organization_id", "modified_after", "full"];

async fn services(reader: &Reader, query: &Query, page: (u64, u64)) -> Result<String> {
    only(query, &[LIST, OF_SERVICES, &["minimal"]].concat())?;
    let (minimal, full) = (told(query, "minimal")?, told(query, "full")?);
    let (total, rows) = found(reader, asked(reader, query).await?, page).await?;
    let around = around(reader, &rows).await?;
    let shown = rows.iter().map(|row| match (minimal, full) {
        (true, _) => shapes::minimal_service(row),
        (_, true) => shapes::full_service(row, &around),
        _ => shapes::service(row, &around),
    });
    Ok(envelope(total, page, shown.collect()))
}

async fn at_locations(reader: &Reader, query: &Query, page: (u64, u64)) -> Result<String> {
    only(query, &[LIST, OF_SERVICES].concat())?;
    let full = told(query, "full")?;
    let known = sea_orm::sea_query::Query::select()
        .column(location::Column::Id)
        .from(location::Entity)
        .cond_where(reader.locations()?)
        .to_owned();
    let rows = asked(reader, query).await?.add(resource::Column::LocationId.in_subquery(known));
    let (total, rows) = found(reader, rows, page).await?;
    let around = around(reader, &rows).await?;
    let shown = rows.iter().filter_map(|row| {
        let mut shown = shapes::service_at_location(row, &around)?;
        if full {
            shown.insert("service".into(), Value::Object(shapes::service(row, &around)));
        }
        Some(shown)
    });
    Ok(envelope(total, page, shown.collect()))
}

async fn organizations(reader: &Reader, query: &Query, page: (u64, u64)) -> Result<String> {
    only(query, &[LIST, &["full", "full_service"]].concat())?;
    let mut rows = reader.organizations()?;
    if let Some(text) = query.get("search") {
        rows = rows.add(organization::Column::NameKey.contains(name_key(text)));
    }
    let total = organization::Entity::find().filter(rows.clone()).count(&reader.ctx.read()).await?;
    let found = organization::Entity::find()
        .filter(rows)
        .order_by_asc(organization::Column::Id)
        .offset((page.0 - 1) * page.1)
        .limit(page.1)
        .all(&reader.ctx.read())
        .await?;
    let found = reader.shown(found).await?;
    let (full, services) = (told(query, "full")?, told(query, "full_service")?);
    let shown = match full || services {
        true => whole(reader, &found, services).await?,
        false => found.iter().map(shapes::organization).collect(),
    };
    Ok(envelope(total, page, shown))
}

/// Organisations with their places, and their services in full or by name.
async fn whole(reader: &Reader, rows: &[organization::Model], full: bool) -> Result<Vec<Map<String, Value>>> {
    let owners = rows.iter().map(|row| row.id);
    let of = reader.services()?.add(resource::Column::OwnerOrganizationId.is_in(owners));
    let services =
        resource::Entity::find().filter(of).order_by_asc(resource::Column::Id).all(&reader.ctx.read()).await?;
    let services = reader.shown(services).await?;
    let around = around(reader, &services).await?;
    let mut places: Vec<&location::Model> = around.locations.values().collect();
    places.sort_by_key(|place| place.id);
    let one = |row: &organization::Model| {
        let places: Vec<&location::Model> =
            places.iter().filter(|place| place.organization_id == row.id).copied().collect();
        let mut shown = shapes::full_organization(row, &places);
        let services = services.iter().filter(|service| service.owner_organization_id == Some(row.id));
        let services = services.map(|service| match full {
            true => shapes::full_service(service, &around),
            false => shapes::minimal_service(service),
        });
        shown.insert("services".into(), services.map(Value::Object).collect());
        shown
    };
    Ok(rows.iter().map(one).collect())
}

async fn locations(reader: &Reader, query: &Query, page: (u64, u64)) -> Result<String> {
    only(query, &[LIST, &["full"]].concat())?;
    let mut rows = reader.locations()?;
    if let Some(text) = query.get("search") {
        rows = rows.add(holds(location::Column::Name, text));
    }
    let total = location::Entity::find().filter(rows.clone()).count(&reader.ctx.read()).await?;
    let found = location::Entity::find()
        .filter(rows)
        .order_by_asc(location::Column::Id)
        .offset((page.0 - 1) * page.1)
        .limit(page.1)
        .all(&reader.ctx.read())
        .await?;
    let full = told(query, "full")?;
    let found = reader.shown(found).await?;
    let shown = found.iter().map(|row| if full { shapes::full_location(row) } else { shapes::location(row) });
    Ok(envelope(total, page, shown.collect()))
}

async fn one(reader: &Reader, collection: &str, id: Uuid) -> Result<Map<String, Value>> {
    match collection {
        "services" | "service_at_locations" => {
            let row = found(reader, reader.services()?.add(resource::Column::Id.eq(id)), (1, 1)).await?.1;
            let around = around(reader, &row).await?;
            let row = row.first().ok_or_else(Error::not_found)?;
            if collection == "services" {
                return Ok(shapes::full_service(row, &around));
            }
            let mut shown = shapes::service_at_location(row, &around).ok_or_else(Error::not_found)?;
            shown.insert("service".into(), Value::Object(shapes::service(row, &around)));
            Ok(shown)
        }
        "organizations" => {
            let rows = reader.organizations()?.add(organization::Column::Id.eq(id));
            let row = organization::Entity::find().filter(rows).all(&reader.ctx.read()).await?;
            let row = reader.shown(row).await?;
            whole(reader, &row, false).await?.pop().ok_or_else(Error::not_found)
        }
        "locations" => {
            let rows = reader.locations()?.add(location::Column::Id.eq(id));
            let row = reader.shown(location::Entity::find().filter(rows).all(&reader.ctx.read()).await?).await?;
            Ok(shapes::full_location(row.first().ok_or_else(Error::not_found)?))
        }
        "taxonomies" => {
            let found = TAXONOMIES.iter().find(|(system, ..)| shapes::taxonomy_id(system) == id);
            Ok(shapes::taxonomy(found.ok_or_else(Error::not_found)?.0))
        }
        "taxonomy_terms" => {
            let (terms, around) = terms(reader).await?;
            let found = terms.iter().find(|term| term.id() == id).ok_or_else(Error::not_found)?;
            let mut shown = shapes::term(found, &around);
            shown.insert("taxonomy_detail".into(), Value::Object(shapes::taxonomy(found.system)));
            Ok(shown)
        }
        _ => Err(Error::not_found()),
    }
}

/// Organisations, places and titles that these services point to and the reader may know of.
pub(crate) async fn around(reader: &Reader, rows: &[resource::Model]) -> Result<Around> {
    let mut around = Around::default();
    let ids = |of: fn(&resource::Model) -> Option<Uuid>| rows.iter().filter_map(of).collect::<BTreeSet<_>>();
    let owners: Vec<Uuid> = ids(|row| row.owner_organization_id).into_iter().collect();
    let places: Vec<Uuid> = ids(|row| row.location_id).into_iter().collect();
    for some in owners.chunks(500) {
        let some = reader.organizations()?.add(organization::Column::Id.is_in(some.iter().copied()));
        let found = organization::Entity::find().filter(some).all(&reader.ctx.read()).await?;
        around.organizations.extend(reader.shown(found).await?.into_iter().map(|row| (row.id(), row)));
    }
    for some in places.chunks(500) {
        let some = reader.locations()?.add(location::Column::Id.is_in(some.iter().copied()));
        let found = location::Entity::find().filter(some).all(&reader.ctx.read()).await?;
        around.locations.extend(reader.shown(found).await?.into_iter().map(|row| (row.id(), row)));
    }
    let codes: BTreeSet<String> = rows.iter().flat_map(shapes::terms).map(|term| term.code).collect();
    let codes = reader.titles(&codes.into_iter().collect::<Vec<_>>()).await?;
    Ok(around.with_titles(codes))
}

/// Terms that services this reader sees are classed by, in order.
async fn terms(reader: &Reader) -> Result<(Vec<Term>, Around)> {
    let rows = resource::Entity::find()
        .select_only()
        .columns([resource::Column::Naics, resource::Column::Soc, resource::Column::Cip, resource::Column::Keywords])
        .filter(reader.services()?)
        .into_tuple::<(Texts, Texts, Texts, Texts)>()
        .all(&reader.ctx.read())
        .await?;
    let terms: BTreeSet<Term> =
        rows.iter().flat_map(|(naics, soc, cip, keywords)| shapes::classed([naics, soc, cip, keywords])).collect();
    let codes: BTreeSet<String> = terms.iter().map(|term| term.code.clone()).collect();
    let codes = reader.titles(&codes.into_iter().collect::<Vec<_>>()).await?;
    Ok((terms.into_iter().collect(), Around::default().with_titles(codes)))
}
