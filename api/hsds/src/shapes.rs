//! Entries, organisations and places in the shapes of the standard. What is not known is left out.

use std::collections::{BTreeMap, HashMap};

use roundtable_entity::{ResourceStatus, Texts, code, location, organization, resource};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Code systems, as the taxonomies they are.
pub(crate) const TAXONOMIES: &[(&str, &str, &str)] = &[
    ("naics", "NAICS", "North American Industry Classification System: industries."),
    ("soc", "SOC", "Standard Occupational Classification: occupations."),
    ("cip", "CIP", "Classification of Instructional Programs: fields of study."),
    ("keyword", "Keywords", "Words to find an entry by."),
];

/// An identifier made of what it identifies, the same at each reading.
fn id_of(about: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("https://roundtable.example/hsds/{about}").as_bytes())
}

/// Identifier of a taxonomy.
pub(crate) fn taxonomy_id(system: &str) -> Uuid {
    id_of(system)
}

/// A term of a taxonomy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Term {
    pub system: &'static str,
    pub code: String,
}

impl Term {
    pub fn id(&self) -> Uuid {
        id_of(&format!("{}/{}", self.system, self.code))
    }
}

/// Terms an entry is classed by.
pub(crate) fn terms(row: &resource::Model) -> Vec<Term> {
    classed([&row.naics, &row.soc, &row.cip, &row.keywords])
}

/// Terms of these codes, in the order of the taxonomies.
pub(crate) fn classed(codes: [&Texts; 4]) -> Vec<Term> {
    let systems = TAXONOMIES.iter().map(|(system, ..)| *system);
    let of = |(system, codes): (&'static str, &Texts)| {
        codes.0.iter().map(move |code| Term { system, code: code.clone() }).collect::<Vec<_>>()
    };
    systems.zip(codes).flat_map(of).collect()
}

/// What is needed of other rows to show one in full.
#[derive(Default)]
pub(crate) struct Around {
    pub organizations: HashMap<Uuid, organization::Model>,
    pub locations: HashMap<Uuid, location::Model>,
    /// Titles of codes, by system and code.
    pub titles: BTreeMap<(String, String), String>,
}

impl Around {
    pub fn with_titles(mut self, codes: Vec<code::Model>) -> Self {
        self.titles.extend(codes.into_iter().map(|row| ((row.system.word().to_owned(), row.code), row.title)));
        self
    }

    fn title<'a>(&'a self, term: &'a Term) -> &'a str {
        self.titles.get(&(term.system.to_owned(), term.code.clone())).unwrap_or(&term.code)
    }
}

/// An object of the members that hold something.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn email(email: Option<&String>) -> Value {
    email.filter(|email| email.contains('@')).map_or(Value::Null, |email| json!(email))
}

fn status(status: ResourceStatus) -> &'static str {
    match status {
        ResourceStatus::Active => "active",
        ResourceStatus::Shelved | ResourceStatus::Inactive | ResourceStatus::Proposed => "inactive",
        ResourceStatus::Defunct => "defunct",
        ResourceStatus::TemporarilyClosed => "temporarily closed",
    }
}

pub(crate) fn taxonomy(system: &str) -> Map<String, Value> {
    let (_, name, description) = TAXONOMIES.iter().find(|(known, ..)| *known == system).copied().unwrap_or_default();
    object([("id", json!(taxonomy_id(system))), ("name", json!(name)), ("description", json!(description))])
}

pub(crate) fn term(term: &Term, around: &Around) -> Map<String, Value> {
    let name = TAXONOMIES.iter().find(|(known, ..)| *known == term.system).map(|(_, name, _)| *name);
    object([
        ("id", json!(term.id())),
        ("code", json!(term.code)),
        ("name", json!(around.title(term))),
        ("description", json!(around.title(term))),
        ("taxonomy", json!(name)),
        ("taxonomy_id", json!(taxonomy_id(term.system))),
    ])
}

/// A telephone of a record, as `{link}` names it.
pub(crate) fn phone(number: Option<&String>, link: &str, id: Uuid) -> Option<Map<String, Value>> {
    let number = number?;
    Some(object([
        ("id", json!(id_of(&format!("phone/{id}")))),
        (link, json!(id)),
        ("number", json!(number)),
        ("type", json!("voice")),
    ]))
}

fn phones(number: Option<&String>, link: &str, id: Uuid) -> Value {
    json!(phone(number, link, id).into_iter().collect::<Vec<_>>())
}

pub(crate) fn organization(row: &organization::Model) -> Map<String, Value> {
    object([
        ("id", json!(row.id)),
        ("name", json!(row.name)),
        ("alternate_name", json!(row.alternate_name)),
        // The standard demands one.
        ("description", json!(row.description.as_ref().unwrap_or(&row.name))),
        ("email", email(row.email.as_ref())),
        ("website", json!(row.website)),
        ("legal_status", json!(row.legal_status)),
        ("parent_organization_id", json!(row.parent_id)),
    ])
}

/// An organisation with the places of its services.
pub(crate) fn full_organization(row: &organization::Model, locations: &[&location::Model]) -> Map<String, Value> {
    let mut shown = organization(row);
    shown.insert("phones".into(), phones(row.phone.as_ref(), "organization_id", row.id));
    shown.insert("locations".into(), locations.iter().map(|row| Value::Object(full_location(row))).collect());
    shown
}

pub(crate) fn location(row: &location::Model) -> Map<String, Value> {
    object([
        ("id", json!(row.id)),
        ("location_type", json!("physical")),
        ("organization_id", json!(row.organization_id)),
        ("name", json!(row.name)),
        ("description", json!(row.description)),
        ("transportation", json!(row.transportation)),
        ("latitude", json!(row.latitude)),
        ("longitude", json!(row.longitude)),
    ])
}

/// The address of a place. What the standard demands and nobody told is empty.
pub(crate) fn address(row: &location::Model) -> Option<Map<String, Value>> {
    let told = [&row.address, &row.city, &row.postal_code];
    told.iter().any(|part| part.is_some()).then(|| {
        let part = |part: &Option<String>| json!(part.as_deref().unwrap_or_default());
        object([
            ("id", json!(row.id)),
            ("location_id", json!(row.id)),
            ("address_1", part(&row.address)),
            ("city", part(&row.city)),
            ("state_province", part(&row.state_province)),
            ("postal_code", part(&row.postal_code)),
            ("country", part(&row.country)),
            ("address_type", json!("physical")),
        ])
    })
}

pub(crate) fn full_location(row: &location::Model) -> Map<String, Value> {
    let mut shown = location(row);
    shown.insert("addresses".into(), json!(address(row).into_iter().collect::<Vec<_>>()));
    shown.insert("phones".into(), phones(row.phone.as_ref(), "location_id", row.id));
    shown
}

/// The least there is to say of a service.
pub(crate) fn minimal_service(row: &resource::Model) -> Map<String, Value> {
    object([
        ("id", json!(row.id)),
        ("name", json!(row.name)),
        ("description", json!(row.description)),
        ("status", json!(status(row.status))),
        ("last_modified", json!(row.updated_at)),
    ])
}

/// Members of a service that are no lists.
pub(crate) fn flat_service(row: &resource::Model) -> Map<String, Value> {
    object([
        ("id", json!(row.id)),
        ("organization_id", json!(row.owner_organization_id)),
        ("name", json!(row.name)),
        ("alternate_name", json!(row.alternate_name)),
        ("description", json!(row.description)),
        ("url", json!(row.url)),
        ("email", email(row.email.as_ref())),
        ("status", json!(status(row.status))),
        ("application_process", json!(row.application_process)),
        ("fees_description", json!(row.fees)),
        ("wait_time", json!(row.wait_time)),
        ("accreditations", json!(row.accreditations)),
        ("eligibility_description", json!(row.eligibility)),
        ("assured_date", json!(row.verified_on)),
        ("last_modified", json!(row.updated_at)),
    ])
}

/// A service with the organisation it is of.
pub(crate) fn service(row: &resource::Model, around: &Around) -> Map<String, Value> {
    let mut shown = flat_service(row);
    match row.owner_organization_id.and_then(|id| around.organizations.get(&id)) {
        Some(owner) => {
            shown.insert("organization".into(), Value::Object(organization(owner)));
        }
        // One the reader may not know of is not pointed to either.
        None => {
            shown.remove("organization_id");
        }
    }
    shown
}

pub(crate) fn service_at_location(row: &resource::Model, around: &Around) -> Option<Map<String, Value>> {
    let place = around.locations.get(&row.location_id?)?;
    // A service is given at one place, so its own identifier stands for being given there.
    let mut shown = object([("id", json!(row.id)), ("service_id", json!(row.id)), ("location_id", json!(place.id))]);
    shown.insert("location".into(), Value::Object(full_location(place)));
    Some(shown)
}

pub(crate) fn language(row: &resource::Model, language: &str) -> Map<String, Value> {
    let code = (2..=3).contains(&language.len()).then_some(language);
    object([
        ("id", json!(id_of(&format!("language/{}/{language}", row.id)))),
        ("service_id", json!(row.id)),
        ("name", json!(language)),
        ("code", json!(code)),
    ])
}

pub(crate) fn attribute(row: &resource::Model, term: &Term) -> Map<String, Value> {
    object([
        ("id", json!(id_of(&format!("attribute/{}/{}/{}", row.id, term.system, term.code)))),
        ("link_id", json!(row.id)),
        ("taxonomy_term_id", json!(term.id())),
        ("link_entity", json!("service")),
    ])
}

/// A service with everything that hangs on it.
pub(crate) fn full_service(row: &resource::Model, around: &Around) -> Map<String, Value> {
    let mut shown = service(row, around);
    shown.insert("phones".into(), phones(row.phone.as_ref(), "service_id", row.id));
    let at: Vec<_> = service_at_location(row, around).into_iter().collect();
    shown.insert("service_at_locations".into(), json!(at));
    shown.insert("languages".into(), row.languages.0.iter().map(|one| Value::Object(language(row, one))).collect());
    let attributes = terms(row).into_iter().map(|one| {
        let mut shown = attribute(row, &one);
        shown.insert("taxonomy_term".into(), Value::Object(term(&one, around)));
        Value::Object(shown)
    });
    shown.insert("attributes".into(), attributes.collect());
    shown
}
