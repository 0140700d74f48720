//! The package of tables: a CSV for each entity and a descriptor (Frictionless tabular data package).

use std::collections::BTreeSet;
use std::io::{Cursor, Write};

use roundtable_entity::{location, organization, resource};
use roundtable_kernel::cell;
use roundtable_kernel::error::{Error, Result};
use sea_orm::{EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Map, Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::door::{self, VERSION};
use crate::reader::Reader;
use crate::shapes::{self, TAXONOMIES, Term};

/// A table: its name, its file, its columns.
type Columns = (&'static str, &'static str, &'static [&'static str]);

const ORGANIZATIONS: Columns = (
    "organization",
    "organizations.csv",
    &["id", "name", "alternate_name", "description", "email", "website", "legal_status", "parent_organization_id"],
);
const LOCATIONS: Columns = (
    "location",
    "locations.csv",
    &["id", "location_type", "organization_id", "name", "description", "transportation", "latitude", "longitude"],
);
const ADDRESSES: Columns = (
    "address",
    "addresses.csv",
    &["id", "location_id", "address_1", "city", "state_province", "postal_code", "country", "address_type"],
);
const SERVICES: Columns = (
    "service",
    "services.csv",
    &[
        "id",
        "organization_id",
        "name",
        "alternate_name",
        "description",
        "url",
        "email",
        "status",
        "application_process",
        "fees_description",
        "wait_time",
        "accreditations",
        "eligibility_description",
        "assured_date",
        "last_modified",
    ],
);
const AT_LOCATIONS: Columns = ("service_at_location", "service_at_locations.csv", &["id", "service_id", "location_id"]);
const PHONES: Columns =
    ("phone", "phones.csv", &["id", "location_id", "service_id", "organization_id", "number", "type"]);
const LANGUAGES: Columns = ("language", "languages.csv", &["id", "service_id", "name", "code"]);
const TAXONOMY: Columns = ("taxonomy", "taxonomies.csv", &["id", "name", "description"]);
const TERMS: Columns =
    ("taxonomy_term", "taxonomy_terms.csv", &["id", "code", "name", "description", "taxonomy", "taxonomy_id"]);
const ATTRIBUTES: Columns = ("attribute", "attributes.csv", &["id", "link_id", "taxonomy_term_id", "link_entity"]);

/// What this reader sees, as a package.
pub(crate) async fn write(reader: &Reader) -> Result<Vec<u8>> {
    let services = resource::Entity::find().filter(reader.services()?).order_by_asc(resource::Column::Id);
    let services = reader.shown(services.all(&reader.ctx.read()).await?).await?;
    let organizations = organization::Entity::find().filter(reader.organizations()?);
    let organizations = organizations.order_by_asc(organization::Column::Id).all(&reader.ctx.read()).await?;
    let organizations = reader.shown(organizations).await?;
    let locations = location::Entity::find().filter(reader.locations()?);
    let locations = locations.order_by_asc(location::Column::Id).all(&reader.ctx.read()).await?;
    let locations = reader.shown(locations).await?;
    let around = door::around(reader, &services).await?;
    let terms: BTreeSet<Term> = services.iter().flat_map(shapes::terms).collect();
    let phone = |number: &Option<String>, link, id| shapes::phone(number.as_ref(), link, id);
    let phones = organizations.iter().map(|row| phone(&row.phone, "organization_id", row.id));
    let phones = phones.chain(locations.iter().map(|row| phone(&row.phone, "location_id", row.id)));
    let phones = phones.chain(services.iter().map(|row| phone(&row.phone, "service_id", row.id)));
    let languages = services.iter().flat_map(|row| row.languages.0.iter().map(|one| shapes::language(row, one)));
    let attributes = services.iter().flat_map(|row| {
        let attributes: Vec<_> = shapes::terms(row).iter().map(|term| shapes::attribute(row, term)).collect();
        attributes
    });
    let tables: Vec<(Columns, Vec<Map<String, Value>>)> = vec![
        (ORGANIZATIONS, organizations.iter().map(shapes::organization).collect()),
        (LOCATIONS, locations.iter().map(shapes::location).collect()),
        (ADDRESSES, locations.iter().filter_map(shapes::address).collect()),
        (SERVICES, services.iter().map(|row| shapes::service(row, &around)).collect()),
        (AT_LOCATIONS, services.iter().filter_map(|row| shapes::service_at_location(row, &around)).collect()),
        (PHONES, phones.flatten().collect()),
        (LANGUAGES, languages.collect()),
        (TAXONOMY, TAXONOMIES.iter().map(|(system, ..)| shapes::taxonomy(system)).collect()),
        (TERMS, terms.iter().map(|term| shapes::term(term, &around)).collect()),
        (ATTRIBUTES, attributes.collect()),
    ];
    tokio::task::spawn_blocking(move || packed(&tables)).await.map_err(Error::internal)?
}

/// Whether text that begins like a formula is a number, or one to be dialled, which readers of the standard take as it is.
fn is_number_like(text: &str) -> bool {
    let rest = text.trim_start_matches(['+', '-']);
    text.len() - rest.len() <= 1
        && rest.starts_with(|first: char| first.is_ascii_digit() || first == '(')
        && rest.bytes().all(|byte| byte.is_ascii_digit() || b" .()-".contains(&byte))
}

fn packed(tables: &[(Columns, Vec<Map<String, Value>>)]) -> Result<Vec<u8>> {
    let mut package = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    package.start_file("datapackage.json", options).map_err(Error::internal)?;
    package.write_all(descriptor(tables).to_string().as_bytes()).map_err(Error::internal)?;
    for ((_, file, columns), rows) in tables {
        let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        table.write_record(*columns).map_err(Error::internal)?;
        for row in rows {
            let cells = columns.iter().map(|column| match row.get(*column) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) if is_number_like(text) => text.clone(),
                Some(Value::String(text)) => cell::guarded(text),
                Some(other) => other.to_string(),
            });
            table.write_record(cells).map_err(Error::internal)?;
        }
        package.start_file(*file, options).map_err(Error::internal)?;
        let bytes = table.into_inner().map_err(|error| Error::internal(error.to_string()))?;
        package.write_all(&bytes).map_err(Error::internal)?;
    }
    Ok(package.finish().map_err(Error::internal)?.into_inner())
}

fn descriptor(tables: &[(Columns, Vec<Map<String, Value>>)]) -> Value {
    let number = ["latitude", "longitude"];
    let resources = tables.iter().map(|((name, file, columns), _)| {
        let fields = columns
            .iter()
            .map(|column| json!({ "name": column, "type": if number.contains(column) { "number" } else { "string" } }));
        json!({
            "name": name, "path": file, "profile": "tabular-data-resource", "format": "csv", "mediatype": "text/csv",
            "encoding": "utf-8", "schema": { "primaryKey": "id", "fields": fields.collect::<Vec<_>>() },
        })
    });
    json!({
        "name": "human_services_data", "title": "Resource map", "profile": "tabular-data-package",
        "version": format!("{VERSION}.0"), "resources": resources.collect::<Vec<_>>(),
    })
}
