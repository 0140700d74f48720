//! Both doors give the same records, in the same order, with the same totals and cursors, and refuse alike.

use roundtable_kernel::graphql::field_name;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Kind, Operations};
use roundtable_kernel::schema::referred;
use roundtable_kernel::standing::Role;
use serde_json::{Map, Value, json};

use crate::harness::client::text;
use crate::harness::{Who, sample};

/// A value as GraphQL shows it: words of closed lists in capitals.
fn as_graphql(table: &Operations, schema: &Value, value: &Value) -> Value {
    let schema = match referred(schema) {
        Some(name) => &table.schemas.named[name],
        None => schema,
    };
    match value {
        Value::String(word) if schema.get("enum").is_some() => json!(word.to_uppercase()),
        Value::Array(items) => items.iter().map(|item| as_graphql(table, &schema["items"], item)).collect(),
        other => other.clone(),
    }
}

/// The plain members of a record as REST shows them, in the words of GraphQL; what is absent there is null here.
fn expected(table: &Operations, name: &str, record: &Value) -> Value {
    let schema = &table.schemas.named[name];
    let mut out = Map::new();
    for member in sample::plain_members(table, schema) {
        let shown =
            record.get(member).map_or(Value::Null, |value| as_graphql(table, &schema["properties"][member], value));
        out.insert(member.into(), shown);
    }
    Value::Object(out)
}

fn selection(table: &Operations, name: &str) -> String {
    let members = sample::plain_members(table, &table.schemas.named[name]).join(" ");
    if !table.interfaces.contains_key(name) {
        return members;
    }
    // An interface has only what all its forms share.
    let forms = table
        .collections
        .iter()
        .filter(|one| one.narrows == Some(table.collections.iter().find(|base| base.name == name).unwrap().name));
    let mut shared: Vec<&str> = sample::plain_members(table, &table.schemas.named[name]);
    for form in forms {
        shared.retain(|member| table.schemas.named[form.name]["properties"].get(member).is_some());
    }
    shared.join(" ")
}

/// Keeps the members that were selected.
fn cut(record: &Value, selected: &str) -> Value {
    let names: Vec<&str> = selected.split(' ').collect();
    let members = record.as_object().unwrap().iter();
    members
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

cases! {
    async fn lists_are_the_same_through_both_doors(app: App) {
        let table = &app.server.app.operations;
        let mut rows = 0;
        // The feed has one order and tests of its own.
        for operation in table.iter().filter(|one| one.kind == Kind::List && one.op != Op::ListEvents) {
            let name = operation.item.as_deref().unwrap();
            for role in [Role::Operator, Role::Intermediary, Role::Employer, Role::Observer] {
                let who = app.world.who(role);
                for sort in ["createdAt", "-id"] {
                    let path = format!("{}?first=7&total=true&sort={sort}", operation.path);
                    let rest = app.rest(who, "GET", &path).send().await;
                    let members = selection(table, name);
                    let query = format!(
                        "{{ it: {}(first: 7, sort: \"{sort}\") {{ totalCount edges {{ cursor node {{ {members} }} }} \
                         pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}",
                        field_name(operation)
                    );
                    let graph = app.gql(who, &query, Value::Null).await;
                    if rest.status != 200 {
                        assert_eq!(graph.code(), rest.code(), "{path} {role:?}");
                        continue;
                    }
                    let shown = &graph.ok()["it"];
                    let info = &rest.body["pageInfo"];
                    for member in ["hasNextPage", "hasPreviousPage", "startCursor", "endCursor"] {
                        assert_eq!(info.get(member).unwrap_or(&Value::Null), &shown["pageInfo"][member], "{path} {member}");
                    }
                    assert_eq!(rest.body["totalCount"], shown["totalCount"], "{path}");
                    let items = rest.body["items"].as_array().unwrap();
                    let edges = shown["edges"].as_array().unwrap();
                    assert_eq!(items.len(), edges.len(), "{path}");
                    for (item, edge) in items.iter().zip(edges) {
                        assert_eq!(cut(&expected(table, name, item), &members), edge["node"], "{path}");
                        rows += 1;
                    }
                    assert_eq!(edges.last().map(|edge| &edge["cursor"]), info.get("endCursor"), "{path}");
                    // A cursor of one door goes on at the other.
                    if let Some(cursor) = info["endCursor"].as_str().filter(|_| info["hasNextPage"] == true) {
                        let next = app.get(who, &format!("{path}&after={cursor}")).await;
                        let query = query.replace("(first: 7", &format!("(first: 7, after: \"{cursor}\""));
                        let more = app.gql(who, &query, Value::Null).await;
                        let first = &more.ok()["it"]["edges"][0]["node"];
                        assert_eq!(&cut(&expected(table, name, &next["items"][0]), &members), first, "{path}");
                    }
                }
            }
        }
        assert!(rows > 200, "{rows}");
    }

    async fn one_record_is_the_same_through_both_doors(app: App) {
        let table = &app.server.app.operations;
        let mut compared = 0;
        for operation in table.iter().filter(|one| one.kind == Kind::Get) {
            let name = operation.answer.as_str();
            for row in app.world.rows.iter().filter(|row| row.collection == operation.collection) {
                for role in [Role::Operator, Role::Intermediary, Role::Union, Role::Observer] {
                    let who = app.world.who(role);
                    let rest = app.rest(who, "GET", &sample::path(operation, Some(&row.id.to_string()))).send().await;
                    let members = selection(table, name);
                    let query = format!("{{ it: {}(id: \"{}\") {{ {members} }} }}", field_name(operation), row.id);
                    let graph = app.gql(who, &query, Value::Null).await;
                    match rest.status {
                        200 => {
                            assert_eq!(cut(&expected(table, name, &rest.body), &members), graph.ok()["it"], "{query}");
                            compared += 1;
                        }
                        404 => assert!(graph.ok()["it"].is_null(), "{query}"),
                        _ => assert_eq!(graph.code(), rest.code(), "{query}"),
                    }
                }
            }
        }
        assert!(compared > 200, "{compared}");
    }

    async fn reports_are_the_same_through_both_doors(app: App) {
        let lead = &app.world.ours.lead;
        let coverage = app.get(lead, "/v1/coverage").await;
        let members: Vec<&str> = coverage.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(!members.is_empty());
        let keys = app.get(lead, "/v1/policy-keys").await;
        let graph = app.gql(lead, "{ policyKeys { items { key meaning least most default value since } } }", Value::Null).await;
        let shown = graph.ok()["policyKeys"]["items"].as_array().unwrap();
        assert_eq!(keys["items"].as_array().unwrap().len(), shown.len());
        for (rest, graph) in keys["items"].as_array().unwrap().iter().zip(shown) {
            for member in ["key", "meaning", "least", "most", "default", "value"] {
                assert_eq!(rest[member], graph[member]);
            }
        }
        let me = app.get(lead, "/v1/me").await;
        let graph = app.gql(lead, "{ me { accountId name permitted { operation reach } } }", Value::Null).await;
        assert_eq!(me["permitted"], graph.ok()["me"]["permitted"]);
    }

    async fn creating_changing_and_moving_give_the_same_record(app: App) {
        let lead = &app.world.ours.lead;
        let table = &app.server.app.operations;
        let organization = &app.world.ours.organization[&Role::Employer];
        let same = |name: &str, rest: &Value, graph: &Value, unlike: &[&str]| {
            let mut rest = expected(table, name, rest);
            let mut graph = graph.clone();
            for member in ["id", "createdAt", "updatedAt"].iter().chain(unlike) {
                assert_eq!(rest[*member].is_null(), graph[*member].is_null(), "{name}.{member}");
                rest[*member] = Value::Null;
                graph[*member] = Value::Null;
            }
            assert_eq!(rest, graph, "{name}");
        };
        // Make.
        let body = json!({ "organizationId": organization, "name": "Twin", "city": "Rockford", "latitude": 42.27 });
        let rest = app.make(lead, "/v1/locations", body.clone()).await;
        let members = selection(table, "Location");
        let make = format!("mutation($input: NewLocation!) {{ it: createLocation(input: $input) {{ {members} }} }}");
        let graph = app.gql(lead, &make, json!({ "input": body })).await.ok()["it"].clone();
        same("Location", &rest, &graph, &[]);
        // Change.
        let patch = json!({ "city": null, "name": "Twin 2" });
        let rest = app.patch(lead, &rest, "/v1/locations", patch.clone()).await.is(200).clone();
        let change = format!(
            "mutation($id: ID!, $input: LocationPatch!) {{ it: updateLocation(id: $id, version: 1, input: $input) \
             {{ {members} }} }}"
        );
        let graph = app.gql(lead, &change, json!({ "id": graph["id"], "input": patch })).await.ok()["it"].clone();
        same("Location", &rest, &graph, &[]);
        // Move through a state, with an enumeration in the body.
        let body = json!({ "entryKind": "program", "name": "Apprenticeship", "ownerOrganizationId": organization });
        let rest = app.make(lead, "/v1/resources", body).await;
        let members = selection(table, "Resource");
        let make = format!(
            "mutation($owner: ID!) {{ it: createResource(input: {{ entryKind: PROGRAM, name: \"Apprenticeship\", \
             ownerOrganizationId: $owner }}) {{ {members} }} }}"
        );
        let graph = app.gql(lead, &make, json!({ "owner": organization })).await.ok()["it"].clone();
        same("Resource", &rest, &graph, &["statusSince"]);
        let rest = app.act(lead, &rest, "/v1/resources", "publish", json!({})).await;
        let publish = format!("mutation($id: ID!) {{ it: publishResource(id: $id, version: 1) {{ {members} }} }}");
        let graph = app.gql(lead, &publish, json!({ "id": graph["id"] })).await.ok()["it"].clone();
        same("Resource", &rest, &graph, &["statusSince"]);
        let rest = app.act(lead, &rest, "/v1/resources", "retire", json!({ "reason": "funding ended" })).await;
        let retire = format!(
            "mutation($id: ID!) {{ it: retireResource(id: $id, version: 2, input: {{ reason: \"funding ended\" }}) \
             {{ {members} }} }}"
        );
        let graph = app.gql(lead, &retire, json!({ "id": graph["id"] })).await.ok()["it"].clone();
        same("Resource", &rest, &graph, &["statusSince"]);
        // Archive.
        let rest = app.rest(lead, "DELETE", &format!("/v1/resources/{}", text(&rest["id"]))).version(3).is(200).await;
        let archive = format!("mutation($id: ID!) {{ it: archiveResource(id: $id, version: 3) {{ {members} }} }}");
        let graph = app.gql(lead, &archive, json!({ "id": graph["id"] })).await.ok()["it"].clone();
        same("Resource", &rest, &graph, &["statusSince", "archivedAt"]);
    }

    async fn refusals_are_the_same_through_both_doors(app: App) {
        let lead = &app.world.ours.lead;
        let organization = app.world.ours.organization[&Role::Employer];
        let bodies = [
            ("organizations", "createOrganization", "NewOrganization", json!({ "name": "--", "kind": "employer" })),
            ("organizations", "createOrganization", "NewOrganization",
                json!({ "name": "x", "kind": "employer", "email": "nobody", "naics": ["3327a"], "country": "usa" })),
            ("organizations", "createOrganization", "NewOrganization",
                json!({ "name": "x".repeat(301), "kind": "employer", "parentId": uuid::Uuid::now_v7() })),
            ("locations", "createLocation", "NewLocation",
                json!({ "organizationId": uuid::Uuid::now_v7(), "name": "x" })),
            ("locations", "createLocation", "NewLocation",
                json!({ "organizationId": organization, "name": "x", "latitude": 91.0 })),
            ("partners", "createPartner", "NewPartner", json!({ "organizationId": organization })),
            ("resources", "createResource", "NewResource",
                json!({ "entryKind": "program", "name": "x", "naics": ["999999"] })),
            ("interests", "createInterest", "NewInterest",
                json!({ "organizationId": organization, "kind": "hope", "text": "x", "barrierState": "open" })),
        ];
        for (path, field, kind, body) in bodies {
            let rest = app.rest(lead, "POST", &format!("/v1/{path}")).json(body.clone()).send().await;
            assert!((400..500).contains(&rest.status), "{path} {body}: {}", rest.body);
            let mut input = body.clone();
            for member in ["kind", "entryKind", "barrierState"] {
                if let Some(word) = input.get(member).and_then(Value::as_str).map(str::to_uppercase) {
                    input[member] = json!(word);
                }
            }
            let query = format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ id }} }}");
            let graph = app.gql(lead, &query, json!({ "input": input })).await;
            let refused = graph.refused(rest.code());
            assert_eq!(refused["status"], rest.status, "{path} {body}");
            assert_eq!(refused.get("errors"), rest.body.get("errors"), "{path} {body}");
            assert_eq!(graph.body["errors"][0]["message"], rest.body["detail"]);
        }
        let path = format!("/v1/organizations/{organization}");
        let stale = app.rest(lead, "PATCH", &path).version(99).json(json!({ "city": "x" })).send().await;
        let query = format!(
            "mutation {{ updateOrganization(id: \"{organization}\", version: 99, input: {{ city: \"x\" }}) {{ id }} }}"
        );
        app.gql(lead, &query, Value::Null).await.refused(stale.code());
        stale.refused(412, "STALE");
        for (rest, graph) in [
            ("first=0", "first: 0"), ("sort=colour", "sort: \"colour\""), ("after=x", "after: \"x\""),
            ("updatedSince=x", "updatedSince: \"x\""), ("id=x", "id: [\"x\"]"),
        ] {
            let refused = app.rest(lead, "GET", &format!("/v1/organizations?{rest}")).send().await;
            let graph = app.gql(lead, &format!("{{ organizations({graph}) {{ nodes {{ id }} }} }}"), Value::Null).await;
            assert_eq!(graph.refused(refused.code()).get("errors"), refused.body.get("errors"), "{rest}");
        }
        let nobody = Who::anonymous();
        let rest = app.rest(&nobody, "GET", "/v1/partners").send().await;
        app.gql(&nobody, "{ partners { nodes { id } } }", Value::Null).await.refused(rest.code());
    }

    async fn keys_and_validate_only_work_alike(app: App) {
        let lead = &app.world.ours.lead;
        let make = |name: &str, more: &str| {
            format!("mutation {{ it: createPerson(input: {{ name: \"{name}\" }}{more}) {{ id version }} }}")
        };
        let first = app.gql(lead, &make("Keyed", ", idempotencyKey: \"k1\""), Value::Null).await.ok().clone();
        let again = app.gql(lead, &make("Keyed", ", idempotencyKey: \"k1\""), Value::Null).await.ok().clone();
        assert_eq!(first, again);
        app.gql(lead, &make("Other", ", idempotencyKey: \"k1\""), Value::Null).await.refused("IDEMPOTENCY_MISMATCH");
        // The key is one, whichever door it came by.
        let rest = app.rest(lead, "POST", "/v1/people").key("k1").json(json!({ "name": "Keyed" })).is(201).await;
        assert_eq!(rest["id"], first["it"]["id"]);
        app.gql(lead, &make("Dryrun", ", validateOnly: true"), Value::Null).await.ok();
        assert_eq!(app.get(lead, "/v1/people?q=dryrun&total=true").await["totalCount"], 0);
    }
}
