//! The resource map as a directory of human services: addresses, shapes, who sees what, and the package of tables.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use roundtable_entity::{Via, partnership};
use roundtable_exchange::mapping::{self, ImportKind};
use roundtable_exchange::{reading, writing};
use roundtable_kernel::op::Op;
use roundtable_kernel::standing::Role;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::harness::client::text;
use crate::harness::{App, Who};

/// The schemas of the standard beside the workspace, if they are there.
fn schemas(version: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found =
        here.ancestors().map(|above| above.join("shared").join("hsds").join(version)).find(|path| path.exists());
    if found.is_none() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "*** the schemas of HSDS {version} are not beside the workspace");
    }
    found
}

/// A validator of one entity, its references read from the folder.
fn validator(folder: &Path, entity: &str) -> jsonschema::Validator {
    let mut schema: Value =
        serde_json::from_slice(&std::fs::read(folder.join(format!("{entity}.json"))).unwrap()).unwrap();
    inlined(&mut schema, folder, 0);
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// Puts what references lead to in their place; below some depth nothing of ours is nested.
fn inlined(schema: &mut Value, folder: &Path, depth: usize) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("$ref").cloned() {
                *schema = match depth {
                    0..5 => serde_json::from_slice(&std::fs::read(folder.join(&to)).unwrap()).unwrap(),
                    _ => json!({}),
                };
                inlined(schema, folder, depth + 1);
                return;
            }
            // Frictionless members that mean something else to JSON Schema.
            for name in ["constraints", "tabular_required", "datapackage_metadata", "example"] {
                members.remove(name);
            }
            members.values_mut().for_each(|member| inlined(member, folder, depth));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| inlined(item, folder, depth)),
        _ => {}
    }
}

/// An entry with everything an entry can hold, at a place of its own, on the map.
async fn entry(app: &App) -> Value {
    let lead = &app.world.ours.lead;
    let owner = app.world.ours.organization[&Role::Institution];
    let place = app
        .make(
            lead,
            "/v1/locations",
            json!({
                "organizationId": owner, "name": "North campus", "address": "1 Main Street", "city": "Rockford",
                "stateProvince": "IL", "postalCode": "06101", "country": "US", "latitude": 42.25, "longitude": -89.5,
                "phone": "+18155550111",
            }),
        )
        .await;
    let entry = app.make(lead, "/v1/resources", json!({
        "name": "Welding, evenings", "entryKind": "program", "ownerOrganizationId": owner, "locationId": place["id"],
        "alternateName": "Night welding", "description": "Twelve weeks.\nWith \"papers\".", "status": "temporarily_closed",
        "url": "https://college.example.org/welding", "email": "welding@college.example", "phone": "+18155550112",
        "eligibility": "Adults", "applicationProcess": "Call", "fees": "None", "waitTime": "A week",
        "accreditations": "AWS", "languages": ["es", "en"], "keywords": ["welding", "evening"], "naics": ["332710"],
        "soc": ["51-4041"], "cip": ["48.0501"],
    })).await;
    app.act(lead, &entry, "/v1/resources", "publish", json!({})).await
}

async fn ids(app: &App, who: &Who, path: &str) -> BTreeSet<String> {
    let page = app.get(who, path).await;
    page["contents"].as_array().unwrap().iter().map(|one| text(&one["id"]).to_owned()).collect()
}

async fn publish_table(app: &App) {
    partnership::Entity::update_many()
        .col_expr(partnership::Column::Publicity, Expr::value("public"))
        .filter(partnership::Column::Id.eq(app.world.ours.id))
        .exec(app.server.app.store.maintenance())
        .await
        .unwrap();
}

cases! {
    async fn every_answer_fits_the_schemas_of_the_standard(app: App) {
        let entry = entry(&app).await;
        let lead = &app.world.ours.lead;
        let about = app.get(&Who::anonymous(), "/hsds").await;
        assert!(text(&about["version"]).starts_with("3.") && about["openapi_url"].is_string(), "{about}");
        for version in ["3.0", "3.1"] {
            let Some(folder) = schemas(version) else { continue };
            for (collection, entity) in [
                ("services", "service"), ("organizations", "organization"), ("locations", "location"),
                ("service_at_locations", "service_at_location"), ("taxonomies", "taxonomy"),
                ("taxonomy_terms", "taxonomy_term"),
            ] {
                let validator = validator(&folder, entity);
                let takes_full = !collection.starts_with("taxonom");
                for query in ["", "&full=true"].into_iter().filter(|query| takes_full || query.is_empty()) {
                    let page = app.get(lead, &format!("/hsds/{collection}?per_page=200{query}")).await;
                    let members: BTreeSet<&str> = page.as_object().unwrap().keys().map(String::as_str).collect();
                    assert_eq!(members, BTreeSet::from([
                        "total_items", "total_pages", "page_number", "size", "first_page", "last_page", "empty", "contents",
                    ]));
                    let contents = page["contents"].as_array().unwrap();
                    assert!(!contents.is_empty(), "{collection}");
                    for one in contents {
                        let wrong: Vec<String> = validator.iter_errors(one).map(|error| error.to_string()).collect();
                        assert!(wrong.is_empty(), "{version} {collection}: {wrong:?} {one}");
                    }
                    let first = app.get(lead, &format!("/hsds/{collection}/{}", text(&contents[0]["id"]))).await;
                    let wrong: Vec<String> = validator.iter_errors(&first).map(|error| error.to_string()).collect();
                    assert!(wrong.is_empty(), "{version} {collection}: {wrong:?} {first}");
                }
            }
        }
        let shown = app.get(lead, &format!("/hsds/services/{}", text(&entry["id"]))).await;
        assert_eq!(shown["status"], "temporarily closed");
        assert_eq!(shown["organization"]["id"], entry["ownerOrganizationId"]);
        assert_eq!(shown["service_at_locations"][0]["location"]["addresses"][0]["postal_code"], "06101");
        let codes: BTreeSet<&str> = shown["attributes"].as_array().unwrap().iter()
            .map(|one| text(&one["taxonomy_term"]["code"])).collect();
        assert_eq!(codes, BTreeSet::from(["332710", "51-4041", "48.0501", "welding", "evening"]));
    }

    async fn without_signing_in_only_public_maps_are_shown(app: App) {
        let entry = entry(&app).await;
        let anybody = Who::anonymous();
        let lead = &app.world.ours.lead;
        let one = format!("/hsds/services/{}", text(&entry["id"]));
        for collection in ["services", "organizations", "locations", "service_at_locations", "taxonomy_terms"] {
            let page = app.get(&anybody, &format!("/hsds/{collection}")).await;
            assert_eq!((&page["empty"], &page["total_items"]), (&json!(true), &json!(0)), "{collection}");
        }
        app.rest(&anybody, "GET", &one).send().await.refused(404, "NOT_FOUND");
        publish_table(&app).await;
        app.get(&anybody, &one).await;
        let shown = ids(&app, &anybody, "/hsds/services?per_page=200").await;
        assert_eq!(shown, ids(&app, app.world.who(Role::Observer), "/hsds/services?per_page=200").await);
        assert!(!shown.contains(&app.world.ours.draft_resource.to_string()));
        // Drafts are not on the map, whoever asks.
        assert!(!ids(&app, lead, "/hsds/services?per_page=200").await.contains(&app.world.ours.draft_resource.to_string()));
        // Whom the intermediary courts is not on it either, nor what belongs to the other partnership.
        let organizations = app.get(&anybody, "/hsds/organizations?per_page=200").await.to_string();
        assert!(organizations.contains("ours institution house") && !organizations.contains("courted"), "{organizations}");
        assert!(!organizations.contains("theirs"), "{organizations}");
        let theirs = app.get(&app.world.theirs.lead, "/hsds/services?per_page=1").await["contents"][0].clone();
        app.rest(&anybody, "GET", &format!("/hsds/services/{}", text(&theirs["id"]))).send().await.refused(404, "NOT_FOUND");
        let by_owner = format!("/hsds/services?organization_id={}", app.world.theirs.organization[&Role::Union]);
        assert!(ids(&app, &anybody, &by_owner).await.is_empty());
        app.rest(&app.world.operator, "GET", "/hsds/services").send().await.is(403);
    }

    async fn pages_filters_and_parameters_are_those_of_the_standard(app: App) {
        let entry = entry(&app).await;
        let lead = &app.world.ours.lead;
        let id = text(&entry["id"]).to_owned();
        let all = ids(&app, lead, "/hsds/services?per_page=200").await;
        let mut paged = BTreeSet::new();
        for number in 1..=all.len() {
            let page = app.get(lead, &format!("/hsds/services?per_page=1&page={number}")).await;
            assert_eq!(page["first_page"], json!(number == 1));
            assert_eq!(page["last_page"], json!(number == all.len()));
            assert_eq!((&page["size"], &page["total_pages"]), (&json!(1), &json!(all.len())));
            paged.insert(text(&page["contents"][0]["id"]).to_owned());
        }
        assert_eq!(paged, all);
        let beyond = app.get(lead, "/hsds/services?page=9999").await;
        assert_eq!((&beyond["empty"], &beyond["size"]), (&json!(true), &json!(0)));
        let terms = app.get(lead, "/hsds/taxonomy_terms?search=machinists").await;
        let term = text(&terms["contents"][0]["id"]).to_owned();
        let of_taxonomy = text(&terms["contents"][0]["taxonomy_id"]).to_owned();
        for query in ["search=welding%2C%20evenings".into(), format!("taxonomy_term_id={term}"), format!("taxonomy_id={of_taxonomy}")] {
            assert_eq!(ids(&app, lead, &format!("/hsds/services?{query}")).await, BTreeSet::from([id.clone()]), "{query}");
        }
        assert!(ids(&app, lead, "/hsds/services?modified_after=2999-01-01").await.is_empty());
        let least = app.get(lead, "/hsds/services?minimal=true&search=Welding%2C").await["contents"][0].clone();
        assert!(least.get("organization").is_none() && least["name"].is_string(), "{least}");
        for (query, pointer, code) in [
            ("page=0", "/page", "out_of_range"), ("per_page=201", "/per_page", "out_of_range"), ("format=csv", "/format", "unknown_value"),
            ("full=yes", "/full", "wrong_type"), ("taxonomy_id=x", "/taxonomy_id", "wrong_form"),
            ("modified_after=soon", "/modified_after", "wrong_form"),
        ] {
            app.rest(lead, "GET", &format!("/hsds/services?{query}")).send().await.refuses_member(pointer, code);
        }
        app.rest(lead, "GET", "/hsds/services?colour=red").send().await.refused(400, "UNKNOWN_PARAMETER");
        for path in ["/hsds/nothing", "/hsds/services/x", "/hsds/services/0198c000-0000-7000-8000-000000000000"] {
            app.rest(lead, "GET", path).send().await.refused(404, "NOT_FOUND");
        }
        let first = app.rest(lead, "GET", "/hsds/services").send().await;
        let again = app.rest(lead, "GET", "/hsds/services").header("if-none-match", first.header("etag")).send().await;
        assert_eq!((again.status, again.header("cache-control")), (304, "private, no-cache"));
    }

    async fn the_package_read_again_is_the_same_map(app: App) {
        let entry = entry(&app).await;
        let answer = app.rest(&app.world.ours.lead, "GET", "/hsds/package.zip").send().await;
        answer.is(200);
        assert_eq!(answer.header("content-type"), "application/zip");
        let at = app.world.theirs.id;
        let lead = &app.world.theirs.lead;
        let import = async || {
            let source = reading::from_bytes("package.zip", &answer.bytes).unwrap();
            let plan = mapping::plan(ImportKind::Hsds, &source);
            let ctx = roundtable_server::serve::own_ctx(&app.server.app, at, Via::Import).for_operation(Op::CreateImportJob);
            let progress = Arc::new(|_, _| ());
            writing::carry_out(&ctx, writing::Into::Partnership(at), ImportKind::Hsds, plan, false, progress).await.unwrap()
        };
        let first = import().await;
        assert_eq!(first.refused, [], "{first:?}");
        assert_eq!(first.warnings, [], "{first:?}");
        let second = import().await;
        assert_eq!((second.created, second.updated), (0, 0), "{second:?}");
        let found = app.get(lead, "/v1/resources?first=200&expand=owner,location").await;
        let found = found["items"].as_array().unwrap().iter().find(|one| one["name"] == entry["name"]).unwrap().clone();
        for member in ["alternateName", "description", "status", "url", "email", "phone", "eligibility", "applicationProcess",
            "fees", "waitTime", "accreditations", "naics", "soc", "cip"] {
            assert_eq!(found[member], entry[member], "{member}");
        }
        for member in ["languages", "keywords"] {
            let words = |row: &Value| row[member].as_array().unwrap().iter().map(Value::to_string).collect::<BTreeSet<_>>();
            assert_eq!(words(&found), words(&entry), "{member}");
        }
        assert_eq!(found["owner"]["name"], "ours institution house");
        let place = &found["location"];
        assert_eq!((&place["postalCode"], &place["latitude"], &place["phone"]), (&json!("06101"), &json!(42.25), &json!("+18155550111")));
    }
}
