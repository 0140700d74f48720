//! Examples for the published documents, made from the schemas, the same at every run. Each fits its schema; a test
//! holds them to it.

use serde_json::{Map, Value, json};

use crate::schema::referred;

/// How deep an example follows records inside records.
const DEEPEST: usize = 4;
/// Most members of a body that may be left out and are shown all the same.
const OPTIONAL: usize = 6;
/// Most members shown of a patch.
const PATCHED: usize = 2;

/// What an example is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Answer,
    Body,
    Patch,
    Least,
}

/// An answer with every member in it.
pub fn answer(schemas: &Map<String, Value>, name: &str) -> Value {
    Maker { schemas, of: Of::Answer }.named(name, 0)
}

/// A body with what is required and some of what may be left out.
pub fn body(schemas: &Map<String, Value>, name: &str) -> Value {
    Maker { schemas, of: Of::Body }.named(name, 0)
}

/// A body with nothing in it but what is required.
pub fn least(schemas: &Map<String, Value>, name: &str) -> Value {
    Maker { schemas, of: Of::Least }.named(name, 0)
}

/// A merge patch that changes a member or two.
pub fn patch(schemas: &Map<String, Value>, name: &str) -> Value {
    Maker { schemas, of: Of::Patch }.named(name, 0)
}

struct Maker<'s> {
    schemas: &'s Map<String, Value>,
    of: Of,
}

impl Maker<'_> {
    fn named(&self, name: &str, depth: usize) -> Value {
        let schema = self.schemas.get(name).unwrap_or(&Value::Null);
        self.value(name, "", schema, depth)
    }

    fn value(&self, of: &str, member: &str, schema: &Value, depth: usize) -> Value {
        if let Some(name) = referred(schema) {
            let target = self.schemas.get(name).unwrap_or(&Value::Null);
            return self.value(name, member, target, depth);
        }
        if let Some(given) = schema["examples"].get(0).or(schema.get("example")).or(schema.get("default")) {
            return given.clone();
        }
        if let Some(word) = schema["enum"].get(0).or(schema.get("const")) {
            return word.clone();
        }
        if let Some(branches) = schema["oneOf"].as_array() {
            let branch = branches.iter().find(|branch| branch["type"] != "null").unwrap_or(&Value::Null);
            return self.value(of, member, branch, depth);
        }
        match kind(schema) {
            "object" => self.object(of, schema, depth),
            "array" => self.array(
                of,
                member,
                &schema["items"],
                schema["minItems"].as_u64().unwrap_or(u64::from(self.of != Of::Least)),
                depth,
            ),
            "integer" => json!(whole(member, schema)),
            "number" => json!(whole(member, schema)),
            "boolean" => json!(true),
            "string" => json!(text(of, member, schema)),
            _ => json!({}),
        }
    }

    fn array(&self, of: &str, member: &str, items: &Value, least: u64, depth: usize) -> Value {
        if least == 0 && (depth >= DEEPEST || self.of == Of::Least) {
            return json!([]);
        }
        let words =
            referred(items).and_then(|name| self.schemas.get(name)).and_then(|target| target["enum"].as_array());
        match words {
            Some(words) if least > 1 => words.iter().take(least as usize).cloned().collect(),
            _ => (0..least.max(1)).map(|_| self.value(of, member, items, depth + 1)).collect(),
        }
    }

    fn object(&self, of: &str, schema: &Value, depth: usize) -> Value {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut left = match self.of {
            Of::Answer => usize::MAX,
            Of::Body => OPTIONAL,
            Of::Patch => PATCHED,
            Of::Least => 0,
        };
        let mut out = Map::new();
        for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
            // What points to another record is shown in a body only where it has to be said.
            let points = schema["format"] == "uuid" || schema["items"]["format"] == "uuid";
            if !required.contains(&member.as_str()) {
                if left == 0 || depth >= DEEPEST || (points && self.of != Of::Answer) {
                    continue;
                }
                left -= 1;
            }
            out.insert(member.clone(), self.value(of, member, schema, depth + 1));
        }
        if out.is_empty() && schema["additionalProperties"].is_object() {
            out.insert("name".into(), self.value(of, "", &schema["additionalProperties"], depth + 1));
        }
        Value::Object(out)
    }
}

fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default(),
        kind => kind.as_str().unwrap_or_default(),
    }
}

fn whole(member: &str, schema: &Value) -> i64 {
    let wanted = match member {
        "version" | "recordVersion" => 3,
        "status" => 400,
        "expiresIn" => 900,
        _ => 12,
    };
    let (least, most) = (schema["minimum"].as_i64().unwrap_or(0), schema["maximum"].as_i64().unwrap_or(i64::MAX));
    wanted.clamp(least, most)
}

fn text(of: &str, member: &str, schema: &Value) -> String {
    let text = match schema["format"].as_str() {
        Some("uuid") => id(of, member),
        Some("date") => day(member).into(),
        Some("date-time") => format!("{}T{}", day(member), moment(member)),
        Some("uri" | "uri-reference") => "https://example.org/about".into(),
        _ => word(of, member, schema),
    };
    let most = schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let mut text: String = text.chars().take(most).collect();
    let least = schema["minLength"].as_u64().and_then(|least| usize::try_from(least).ok()).unwrap_or(0);
    while text.chars().count() < least {
        text.push('x');
    }
    text
}

/// An id that is the same wherever a record of that kind is meant.
fn id(of: &str, member: &str) -> String {
    let meant = match member.strip_suffix("Ids").or(member.strip_suffix("Id")) {
        Some("") | None => of,
        Some(meant) => meant,
    };
    // FNV-1a: the same on every machine.
    let hash = meant.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x100_0000_01b3)
    });
    format!(
        "019aa2c4-7e00-7{:03x}-8{:03x}-{:012x}",
        hash & 0xfff,
        (hash >> 12) & 0xfff,
        (hash >> 16) & 0xffff_ffff_ffff
    )
}

fn day(member: &str) -> &'static str {
    let later = ["ends", "to", "expires", "due", "until", "retire", "updated", "review"];
    match member {
        "createdAt" => "2026-10-05",
        member if later.iter().any(|start| member.starts_with(start)) => "2026-12-14",
        _ => "2026-11-09",
    }
}

fn moment(member: &str) -> &'static str {
    if member.starts_with("ends") { "16:30:00Z" } else { "15:00:00Z" }
}

fn word(of: &str, member: &str, schema: &Value) -> String {
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    let plain = match member {
        "name" | "shortName" | "personName" | "pointPersonName" => name(of),
        "alternateName" => "Valley Works",
        "email" | "appointedBy" => "ana.ruiz@example.org",
        "phone" => "+1 312 555 0142",
        "website" | "url" | "place" => "https://example.org/",
        "address" => "400 Mill Street",
        "city" => "Rockford",
        "stateProvince" => "IL",
        "postalCode" => "61101",
        "country" => "US",
        "language" | "languages" => "en",
        "naics" => "332710",
        "soc" | "socs" => "51-4041",
        "cip" => "48.0501",
        "regionCodes" => "17201",
        "slug" => "valley-manufacturing",
        "timeZone" => "America/Chicago",
        "rrule" => "FREQ=MONTHLY;BYDAY=2TU",
        "startsLocal" if pattern.is_empty() => "2026-11-09T09:00:00-06:00",
        "startsLocal" => "2026-11-09T09:00",
        "quarter" => "2026-Q4",
        "code" if of == "MemberProblem" => "too_long",
        "pointer" => "/title",
        "token" | "refreshToken" | "accessToken" => "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl",
        "tokenType" => "Bearer",
        "password" | "currentPassword" | "newPassword" => "correct horse battery staple",
        "clientId" => "rtc_019aa2c47e00700080000000000000a1",
        "clientSecret" => "rts_c2hvd24tb25jZS1hbmQtbmV2ZXItYWdhaW4",
        "startCursor" | "endCursor" => "eyJpZCI6IjAxOWFhMmM0In0",
        "requestId" => "019aa2c4-7e00-7000-8000-000000000001",
        "scopes" => "meetings:read",
        "operation" => "getMeeting",
        "reach" => "own",
        "role" if of == "Standing" => "employer",
        "uid" => "019aa2c4-7e00-7000-8000-000000000002@example.org",
        "fileName" => "providers.csv",
        "content" | "file" => "bmFtZQpWYWxsZXkgRm91bmRyeQo=",
        "objective" => "Agree which three roles are hardest to fill, and who looks into why",
        "text" => "Newcomers leave within ninety days because second shift has no childcare.",
        "title" | "workingTitle" => "Machinists for the second shift",
        "reason" => "The plant is in inventory week.",
        "label" => "Machinists",
        _ => "",
    };
    if fits(plain, pattern) {
        return plain.into();
    }
    if pattern.contains("ce-") {
        return format!("ce-{}", id(of, member));
    }
    // What a member holds is said best by its own description.
    let about = schema["description"].as_str().and_then(|about| about.lines().next()).unwrap_or_default();
    let about = about.split_inclusive(". ").next().unwrap_or_default().trim().trim_end_matches('.');
    if about.is_empty() { member.to_owned() } else { about.to_owned() }
}

fn name(of: &str) -> &'static str {
    match of.trim_start_matches("New").trim_end_matches("Patch") {
        "Partnership" => "Valley Manufacturing Partnership",
        "Person" | "Account" | "Me" | "Invitation" | "Champion" => "Ana Ruiz",
        "Location" => "Plant 2",
        "Resource" => "CNC operator course",
        "ServiceAccount" => "Board system",
        _ => "Valley Foundry",
    }
}

fn fits(plain: &str, pattern: &str) -> bool {
    !plain.is_empty() && (pattern.is_empty() || jsonschema::is_valid(&json!({ "pattern": pattern }), &json!(plain)))
}
