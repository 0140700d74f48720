//! What this server says of its SCIM (RFC 7643, sections 5 to 7).

use serde_json::{Value, json};

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// Most resources of one page.
pub(crate) const MOST: usize = 200;

pub(crate) fn configuration(at: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "documentationUri": format!("{at}/"),
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MOST },
        "changePassword": { "supported": false },
        "sort": { "supported": true },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "OAuth 2.0 bearer token", "primary": true,
            "description": "An access token of POST /oauth/token (client credentials).",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{at}/scim/v2/ServiceProviderConfig") },
    })
}

pub(crate) fn resource_types(at: &str) -> Vec<Value> {
    [("User", "/Users", USER, "A login that this client keeps."), ("Group", "/Groups", GROUP, "A role at the table.")]
        .into_iter()
        .map(|(name, endpoint, schema, description)| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
                "id": name, "name": name, "endpoint": endpoint, "description": description, "schema": schema,
                "schemaExtensions": [],
                "meta": { "resourceType": "ResourceType", "location": format!("{at}/scim/v2/ResourceTypes/{name}") },
            })
        })
        .collect()
}

/// An attribute of a schema: a text that may be changed, unless said otherwise.
fn attribute(name: &str, description: &str, otherwise: &Value) -> Value {
    let mut all = json!({
        "name": name, "type": "string", "multiValued": false, "description": description, "required": false,
        "caseExact": false, "mutability": "readWrite", "returned": "default", "uniqueness": "none",
    });
    if let (Some(all), Some(otherwise)) = (all.as_object_mut(), otherwise.as_object()) {
        all.extend(otherwise.clone());
    }
    all
}

fn references(name: &str, description: &str, mutability: &str, to: &str) -> Value {
    let fixed = if mutability == "readOnly" { "readOnly" } else { "immutable" };
    attribute(
        name,
        description,
        &json!({
            "type": "complex", "multiValued": true, "mutability": mutability,
            "subAttributes": [
                attribute("value", "Its id.", &json!({ "mutability": fixed, "caseExact": true })),
                attribute("$ref", "Its address.", &json!({ "type": "reference", "referenceTypes": [to], "mutability": "readOnly" })),
                attribute("display", "What it is called.", &json!({ "mutability": "readOnly" })),
                attribute("type", "What it is.", &json!({ "mutability": "readOnly" })),
            ],
        }),
    )
}

pub(crate) fn schemas(at: &str) -> Vec<Value> {
    let plain = json!({});
    let name = json!({ "type": "complex", "subAttributes": [
        attribute("givenName", "Given name.", &plain),
        attribute("familyName", "Family name.", &plain),
    ] });
    let emails = json!({ "type": "complex", "multiValued": true, "subAttributes": [
        attribute("value", "The address.", &plain),
        attribute("type", "Always work.", &json!({ "mutability": "readOnly" })),
        attribute("primary", "Always true: one address is kept.", &json!({ "type": "boolean", "mutability": "readOnly" })),
    ] });
    let user = vec![
        attribute(
            "userName",
            "Name in the client's system, unique there.",
            &json!({ "required": true, "uniqueness": "server" }),
        ),
        attribute("name", "The name in its parts.", &name),
        attribute("displayName", "The name to show.", &plain),
        attribute("title", "Title.", &plain),
        attribute("emails", "E-mail address.", &emails),
        attribute("active", "Whether the login may sign in.", &json!({ "type": "boolean" })),
        references("groups", "Roles at the table.", "readOnly", "Group"),
    ];
    let group = vec![
        attribute(
            "displayName",
            "The role.",
            &json!({ "required": true, "mutability": "readOnly", "uniqueness": "server" }),
        ),
        references("members", "Who has the role.", "readWrite", "User"),
    ];
    [(USER, "User", "A login that this client keeps.", user), (GROUP, "Group", "A role at the table.", group)]
        .into_iter()
        .map(|(id, name, description, attributes)| {
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
                "id": id, "name": name, "description": description, "attributes": attributes,
                "meta": { "resourceType": "Schema", "location": format!("{at}/scim/v2/Schemas/{id}") },
            })
        })
        .collect()
}
