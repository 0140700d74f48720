//! The world cases act in: two partnerships with somebody in each role, and of each record one in each relation to them.
//!
//! Built once for each database, through REST; only logins are put in place directly, since hashing a password for each
//! would take longer than everything else.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use base64::Engine;
use roundtable_entity::{Record, account, account_person, webhook_attempt, webhook_delivery};
use roundtable_kernel::standing::Role;
use roundtable_server::Server;
use sea_orm::{ActiveModelTrait, ActiveValue};
use serde_json::{Value, json};
use uuid::Uuid;

use super::backend::Backend;
use super::client::{Door, Who, door, id, text};

/// Roles that sit at the table for a partner, with the kind of their organisation.
pub const MEMBERS: [(Role, &str); 8] = [
    (Role::Employer, "employer"),
    (Role::Champion, "employer"),
    (Role::Union, "union"),
    (Role::LaborAgency, "labor_agency"),
    (Role::Institution, "community_college"),
    (Role::WorkforceBoard, "workforce_board"),
    (Role::EconomicDevelopment, "economic_development"),
    (Role::OtherPartner, "philanthropy"),
];

/// A record of the world, and what the access table needs to know of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Path of its collection.
    pub collection: &'static str,
    pub id: Uuid,
    pub version: i64,
    /// Whether it belongs to the other partnership.
    pub theirs: bool,
    /// Roles whose organisation it belongs to.
    pub owners: Vec<Role>,
    /// Role whose organisation runs the meeting it belongs to, or reached out.
    pub organizer: Option<Role>,
    /// Roles whose organisations were there, for minutes.
    pub there: Vec<Role>,
    /// Whether observers may know of it.
    pub public: bool,
    /// Whether only its owner and the intermediary may know of it.
    pub hidden: bool,
}

/// A partnership with its people.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub id: Uuid,
    pub slug: String,
    pub lead: Who,
    pub organization: BTreeMap<Role, Uuid>,
    pub partner: BTreeMap<Role, Uuid>,
    pub person: BTreeMap<Role, Uuid>,
    pub seat: BTreeMap<Role, Uuid>,
    pub who: BTreeMap<Role, Who>,
    /// A partner that is only a prospect.
    pub prospect: Uuid,
    /// A meeting that is only a draft of the intermediary's.
    pub draft_meeting: Uuid,
    /// A meeting that was held, known to observers.
    pub held_meeting: Uuid,
    /// An entry of the map that nobody but the intermediary may know of.
    pub draft_resource: Uuid,
    /// A meeting of the champion's organisation to which everybody is asked.
    pub meeting: Uuid,
}

/// Everything.
#[derive(Debug)]
pub struct World {
    pub ours: Table,
    pub theirs: Table,
    pub operator: Who,
    /// A system of the intermediary's.
    pub service: Who,
    /// A system of the intermediary's that may read meetings and nothing else.
    pub narrow: Who,
    pub rows: Vec<Row>,
}

impl World {
    /// Somebody of our partnership, or the operator.
    pub fn who(&self, role: Role) -> &Who {
        match role {
            Role::Operator => &self.operator,
            role => &self.ours.who[&role],
        }
    }
}

/// A login of this name, as if it had just signed in.
pub async fn login(server: &Server, name: &str, operator: bool) -> Who {
    let key = Uuid::now_v7();
    let address = format!("{}@example.org", name.replace([' ', '_'], "-"));
    let new = account::NewAccount { email: address.clone(), name: name.into() };
    let mut active = account::Model::begin(key, chrono::Utc::now(), new);
    active.email_key = ActiveValue::Set(address);
    active.operator = ActiveValue::Set(operator);
    active.insert(server.app.store.maintenance()).await.unwrap();
    let token = server.app.keys.sign(key, "roundtable", None, None, 24 * 3600).unwrap();
    Who { name: name.into(), account: key, token: Some(token) }
}

/// Somebody who signs in as this person.
pub async fn signed_in_as(server: &Server, name: &str, person_id: Uuid) -> Who {
    let who = login(server, name, false).await;
    let link = account_person::ActiveModel {
        account_id: ActiveValue::Set(who.account),
        person_id: ActiveValue::Set(person_id),
    };
    link.insert(server.app.store.maintenance()).await.unwrap();
    who
}

struct Builder<'a> {
    server: &'a Server,
    door: Door,
    rows: Vec<Row>,
}

pub async fn build(server: &Server, backend: Backend) -> World {
    let door = door(server).await;
    let mut builder = Builder { server, door, rows: Vec::new() };
    let operator = builder.login("operator", true).await;
    builder.installation(&operator).await;
    let all: Vec<(Role, &str)> = MEMBERS.to_vec();
    let ours = builder.table("ours", &operator, &all).await;
    let some: Vec<(Role, &str)> = MEMBERS
        .into_iter()
        .filter(|(role, _)| matches!(role, Role::Employer | Role::Champion | Role::Union | Role::Institution))
        .collect();
    let theirs = builder.table("theirs", &operator, &some).await;
    let service = builder.service(&ours, "service", json!([])).await;
    let narrow = builder.service(&ours, "narrow service", json!(["meetings:read"])).await;
    assert!(matches!(backend, Backend::Sqlite | Backend::Postgres));
    World { ours, theirs, operator, service, narrow, rows: builder.rows }
}

impl Builder<'_> {
    async fn call(&self, who: &Who, method: &str, path: &str, body: Value, version: Option<i64>) -> Value {
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let mut request = TestRequest::default()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .insert_header(("authorization", format!("Bearer {}", who.token.clone().unwrap_or_default())));
        if method != "GET" {
            request = request.insert_header(("content-type", kind)).set_payload(body.to_string());
        }
        if let Some(version) = version {
            request = request.insert_header(("if-match", format!("\"{version}\"")));
        }
        let response = (self.door)(request.to_request()).await;
        let status = response.status();
        let bytes = actix_web::body::to_bytes(response.into_body()).await.unwrap_or_default();
        assert!(
            status.is_success(),
            "building the world: {} {method} {path} {body}: {status} {}",
            who.name,
            String::from_utf8_lossy(&bytes)
        );
        serde_json::from_slice(&bytes).unwrap()
    }

    async fn make(&self, who: &Who, path: &str, body: Value) -> Value {
        self.call(who, "POST", &format!("/v1/{path}"), body, None).await
    }

    async fn act(&self, who: &Who, path: &str, record: &Value, verb: &str, body: Value) -> Value {
        let path = format!("/v1/{path}/{}/{verb}", text(&record["id"]));
        self.call(who, "POST", &path, body, record["version"].as_i64()).await
    }

    async fn again(&self, who: &Who, path: &str, id: Uuid) -> Value {
        self.call(who, "GET", &format!("/v1/{path}/{id}"), Value::Null, None).await
    }

    async fn login(&self, name: &str, operator: bool) -> Who {
        login(self.server, name, operator).await
    }

    fn row(&mut self, table: &Table, collection: &'static str, record: &Value, owners: &[Role]) -> &mut Row {
        self.rows.push(Row {
            collection,
            id: id(&record["id"]),
            version: record["version"].as_i64().unwrap(),
            theirs: table.slug == "theirs",
            owners: owners.to_vec(),
            organizer: None,
            there: Vec::new(),
            public: false,
            hidden: false,
        });
        self.rows.last_mut().unwrap()
    }

    /// What belongs to no partnership.
    async fn installation(&mut self, operator: &Who) {
        for (system, code, title) in [
            ("naics", "332710", "Machine Shops"),
            ("soc", "51-4041", "Machinists"),
            ("cip", "48.0501", "Machine Tool Technology/Machinist"),
        ] {
            let vintage = if system == "naics" { "2022" } else { "2018" };
            let code = json!({ "system": system, "vintage": vintage, "code": code, "title": title });
            let code = self.make(operator, "codes", code).await;
            self.row(&Table::default(), "codes", &code, &[]);
        }
        let account = self.again(operator, "accounts", operator.account).await;
        self.row(&Table::default(), "accounts", &account, &[]);
    }

    async fn table(&mut self, slug: &str, operator: &Who, members: &[(Role, &'static str)]) -> Table {
        let open = json!({
            "slug": slug, "workingTitle": format!("{slug} manufacturing partnership"), "timeZone": "America/Chicago",
            "industryUnionized": "partly",
        });
        let partnership = self.make(operator, "partnerships", open).await;
        let mut table = Table { id: id(&partnership["id"]), slug: slug.into(), ..Table::default() };
        self.row(&table, "partnerships", &partnership, &[]);
        for (role, word) in [
            (Role::Intermediary, "intermediary"),
            (Role::IntermediaryStaff, "intermediary_staff"),
            (Role::Observer, "observer"),
        ] {
            let who = self.login(&format!("{slug} {word}"), false).await;
            let appointed = json!({ "partnershipId": table.id, "accountId": who.account, "role": word });
            let appointed = self.make(operator, "staff-appointments", appointed).await;
            self.row(&table, "staff-appointments", &appointed, &[]);
            if role == Role::Intermediary {
                table.lead = who.clone();
            }
            table.who.insert(role, who);
        }
        for (role, kind) in members {
            self.member(&mut table, *role, kind).await;
        }
        for (role, _) in members {
            self.belongings(&table, *role).await;
        }
        self.champions(&mut table).await;
        self.shared(&table).await;
        self.meetings(&mut table).await;
        self.direction(&table).await;
        self.topics(&table).await;
        self.webhooks(&table, members).await;
        self.unseen(&mut table).await;
        table
    }

    /// An organisation at the table with somebody in its seat.
    async fn member(&mut self, table: &mut Table, role: Role, kind: &str) {
        let lead = table.lead.clone();
        let word = role.word().replace('_', " ");
        let organization = json!({
            "name": format!("{} {word} house", table.slug), "kind": kind, "city": "Rockford",
            "description": format!("The house of the {word}."),
        });
        let organization = self.make(&lead, "organizations", organization).await;
        self.row(table, "organizations", &organization, &[role]);
        let organization_id = id(&organization["id"]);
        let person = json!({
            "name": format!("{} {word} person", table.slug), "email": format!("{}@person.example", role.word()),
            "phone": "+1 815 555 0100",
        });
        let person = self.make(&lead, "people", person).await;
        let person_id = id(&person["id"]);
        let works = json!({ "personId": person_id, "organizationId": organization_id, "startsOn": "2024-01-15" });
        let works = self.make(&lead, "affiliations", works).await;
        self.row(table, "affiliations", &works, &[role]);
        let person = self.again(&lead, "people", person_id).await;
        self.row(table, "people", &person, &[role]);

        let partner = self.make(&lead, "partners", json!({ "organizationId": organization_id })).await;
        let partner = self.act(&lead, "partners", &partner, "invite", json!({})).await;
        let partner = self.act(&lead, "partners", &partner, "join", json!({})).await;
        let partner_id = id(&partner["id"]);
        let who = signed_in_as(self.server, &format!("{} {word}", table.slug), person_id).await;
        let seat = json!({ "partnerId": partner_id, "personId": person_id, "role": "point_person" });
        let seat = self.make(&lead, "seats", seat).await;
        let seat = self.act(&lead, "seats", &seat, "accept", json!({})).await;
        self.row(table, "seats", &seat, &[role]);
        table.organization.insert(role, organization_id);
        table.partner.insert(role, partner_id);
        table.person.insert(role, person_id);
        table.seat.insert(role, id(&seat["id"]));
        table.who.insert(role, who);
    }

    /// What each organisation at the table owns.
    async fn belongings(&mut self, table: &Table, role: Role) {
        let (lead, who) = (&table.lead, &table.who[&role]);
        let (organization, partner) = (table.organization[&role], table.partner[&role]);
        let made = self.make(lead, "locations", json!({ "organizationId": organization, "name": "Plant 1" })).await;
        self.row(table, "locations", &made, &[role]);
        let text = format!("hopes of {}", role.word());
        let made = json!({ "organizationId": organization, "kind": "hope", "text": text });
        let made = self.make(lead, "interests", made).await;
        self.row(table, "interests", &made, &[role]);
        let made = json!({
            "organizationId": organization, "kind": "procurement", "text": "Board approves in May.", "force": "soft",
        });
        let made = self.make(lead, "constraints", made).await;
        self.row(table, "constraints", &made, &[role]);
        let made = json!({ "organizationId": organization, "text": "To train.", "effectiveOn": "2025-01-01" });
        let made = self.make(who, "mission-statements", made).await;
        self.row(table, "mission-statements", &made, &[role]);
        let made = json!({
            "organizationId": organization, "channel": "phone", "purpose": "recruit", "touchedOn": "2026-01-10",
        });
        let made = self.make(lead, "outreach-touches", made).await;
        self.row(table, "outreach-touches", &made, &[role]);
        let made = json!({ "ownerOrganizationId": organization, "title": "Name three supervisors" });
        let made = self.make(lead, "action-items", made).await;
        self.row(table, "action-items", &made, &[role]);
        let made = json!({ "name": format!("{} welding", role.word()), "entryKind": "program",
            "ownerOrganizationId": organization });
        let made = self.make(lead, "resources", made).await;
        let made = self.act(lead, "resources", &made, "publish", json!({})).await;
        self.row(table, "resources", &made, &[role]).public = true;
        let became = format!("/v1/resource-status-changes?resourceId={}", super::client::text(&made["id"]));
        let became = self.call(lead, "GET", &became, Value::Null, None).await;
        self.row(table, "resource-status-changes", &became["items"][0], &[role]).public = true;
        let made = json!({ "organizationId": organization, "name": "sync", "scopes": ["meetings:read"] });
        let made = self.make(who, "service-accounts", made).await;
        self.row(table, "service-accounts", &made, &[role]);
        let made = json!({ "personId": table.person[&role], "email": format!("{}@invited.example", role.word()) });
        let made = self.make(who, "invitations", made).await;
        self.row(table, "invitations", &made, &[role]);
        if matches!(role, Role::Employer | Role::Union) {
            let made = json!({ "organizationId": organization, "userName": format!("kept by {}", role.word()), "name": "Kept" });
            let made = self.make(who, "provisioned-logins", made).await;
            self.row(table, "provisioned-logins", &made, &[role]);
        }

        let made = self.make(who, "calendar-feeds", json!({ "name": "phone" })).await;
        self.row(table, "calendar-feeds", &made, &[role]).hidden = true;

        let at_the_table = self.again(lead, "partners", partner).await;
        let at_the_table = self.act(lead, "partners", &at_the_table, "engage", json!({ "mode": "action" })).await;
        let engaged = format!("/v1/engagements?partnerId={partner}");
        let engaged = self.call(lead, "GET", &engaged, Value::Null, None).await;
        self.row(table, "engagements", &engaged["items"][0], &[role]);
        // A second seat that ended leaves a handover.
        let person = self.make(lead, "people", json!({ "name": format!("former {}", role.word()) })).await;
        let works = json!({ "personId": person["id"], "organizationId": organization });
        self.make(lead, "affiliations", works).await;
        let seat = json!({ "partnerId": partner, "personId": person["id"], "role": "alternate" });
        let seat = self.make(lead, "seats", seat).await;
        let seat = self.act(lead, "seats", &seat, "accept", json!({})).await;
        self.act(lead, "seats", &seat, "end", json!({ "reason": "retired" })).await;
        let passed = format!("/v1/handovers?partnerId={partner}");
        let passed = self.call(lead, "GET", &passed, Value::Null, None).await;
        self.row(table, "handovers", &passed["items"][0], &[role]);
        let at_the_table = self.again(lead, "partners", id(&at_the_table["id"])).await;
        self.row(table, "partners", &at_the_table, &[role]);
        let narrower = match role {
            Role::Employer | Role::Champion => Some("employers"),
            Role::Union | Role::LaborAgency => Some("unions"),
            Role::Institution => Some("institutions"),
            _ => None,
        };
        if let Some(narrower) = narrower {
            self.row(table, narrower, &at_the_table, &[role]);
        }
    }

    async fn champions(&mut self, table: &mut Table) {
        let lead = table.lead.clone();
        let nominated = |role: Role| json!({ "partnerId": table.partner[&role], "personId": table.person[&role] });
        let (serving, thought_of) = (nominated(Role::Champion), nominated(Role::Employer));
        let serving = self.make(&lead, "champions", serving).await;
        let serving = self.act(&table.who[&Role::Champion], "champions", &serving, "accept", json!({})).await;
        self.row(table, "champions", &serving, &[Role::Champion]);
        let reached = json!({
            "organizationId": table.organization[&Role::Employer], "channel": "visit", "purpose": "market",
            "touchedOn": "2026-01-09",
        });
        let reached = self.make(&table.who[&Role::Champion], "outreach-touches", reached).await;
        let row = self.row(table, "outreach-touches", &reached, &[Role::Champion, Role::Employer]);
        row.organizer = Some(Role::Champion);
        let thought_of = self.make(&lead, "champions", thought_of).await;
        self.row(table, "champions", &thought_of, &[Role::Employer]).hidden = true;
    }

    /// What belongs to a partnership and nobody in it.
    async fn shared(&mut self, table: &Table) {
        let lead = &table.lead;
        let made = json!({ "key": "champion_min", "value": "3", "reason": "agreed at the kick-off" });
        let made = self.make(lead, "policy-settings", made).await;
        self.row(table, "policy-settings", &made, &[]);
        let made = json!({ "recordType": "organization", "recordId": table.organization[&Role::Employer],
            "scheme": "test", "value": "42" });
        let made = self.make(lead, "external-ids", made).await;
        self.row(table, "external-ids", &made, &[]);
        let pairs = [
            (Role::Employer, Role::Union),
            (Role::Champion, if table.slug == "ours" { Role::LaborAgency } else { Role::Union }),
        ];
        for (employer, union) in pairs {
            let made = json!({
                "employerOrganizationId": table.organization[&employer],
                "unionOrganizationId": table.organization[&union], "description": "Production and maintenance",
            });
            let made = self.make(lead, "bargaining-units", made).await;
            self.row(table, "bargaining-units", &made, &[employer, union]);
        }
        let csv = "name,kind,city\nNorth Works,employer,Rockford\n";
        let made = json!({
            "kind": "csv", "fileName": "organizations.csv",
            "content": base64::engine::general_purpose::STANDARD.encode(csv),
        });
        let made = self.call(lead, "POST", "/v1/import-jobs", made, None).await;
        self.row(table, "import-jobs", &made, &[]);
        let refused = json!({
            "kind": "csv", "fileName": "organizations.csv", "collection": "organizations", "matchKey": "none",
            "content": base64::engine::general_purpose::STANDARD.encode("name,kind\n--,employer\n"),
        });
        let refused = self.call(lead, "POST", "/v1/import-jobs", refused, None).await;
        let refused = format!("/v1/import-rows?jobId={}", super::client::text(&refused["id"]));
        let refused = self.call(lead, "GET", &refused, Value::Null, None).await;
        self.row(table, "import-rows", &refused["items"][0], &[]);
        let made = json!({
            "title": "Monthly", "kind": "partnership", "mode": "action", "rrule": "FREQ=MONTHLY;BYDAY=2TU;COUNT=3",
            "startsLocal": "2026-09-08T09:00", "timeZone": "America/Chicago", "durationMinutes": 60,
        });
        let made = self.make(lead, "meeting-series", made).await;
        self.row(table, "meeting-series", &made, &[]);
    }

    async fn called(&mut self, table: &Table, who: &Who, title: &str, publicity: &str) -> Value {
        let draft = json!({
            "title": title, "kind": "action_team", "mode": "action", "objective": "Agree on one pilot",
            "startsAt": "2026-09-08T14:00:00Z", "durationMinutes": 60, "timeZone": "America/Chicago",
            "publicity": publicity,
        });
        let meeting = self.make(who, "meetings", draft).await;
        let item = json!({ "meetingId": meeting["id"], "title": "Pilot", "kind": "design", "minutes": 30 });
        let item = self.make(who, "agenda-items", item).await;
        let organizer = (who.name == table.who[&Role::Champion].name).then_some(Role::Champion);
        let row = self.row(table, "agenda-items", &item, &[]);
        (row.organizer, row.public) = (organizer, publicity == "public");
        meeting
    }

    async fn meetings(&mut self, table: &mut Table) {
        let (lead, champion) = (table.lead.clone(), table.who[&Role::Champion].clone());
        let plain = self.called(table, &lead, "Planning", "members").await;
        let plain = self.act(&lead, "meetings", &plain, "schedule", json!({})).await;
        self.row(table, "meetings", &plain, &[]);

        let led = self.called(table, &champion, "Led by a champion", "members").await;
        let seats = table.seat.clone();
        for (role, seat) in &seats {
            let asked = json!({ "meetingId": led["id"], "seatId": seat, "invitedAs": "optional" });
            let asked = self.make(&champion, "attendances", asked).await;
            self.row(table, "attendances", &asked, &[*role]).organizer = Some(Role::Champion);
        }
        let led = self.act(&champion, "meetings", &led, "schedule", json!({})).await;
        self.row(table, "meetings", &led, &[Role::Champion]);
        table.meeting = id(&led["id"]);

        let held = self.called(table, &lead, "Held in the open", "public").await;
        let there = json!({ "meetingId": held["id"], "seatId": seats[&Role::Union], "invitedAs": "optional" });
        let there = self.make(&lead, "attendances", there).await;
        let held = self.act(&lead, "meetings", &held, "schedule", json!({})).await;
        let held = self.act(&lead, "meetings", &held, "start", json!({})).await;
        let there = self.act(&lead, "attendances", &there, "record", json!({ "attended": true, "minutes": 60 })).await;
        self.row(table, "attendances", &there, &[Role::Union]);
        let held = self.act(&lead, "meetings", &held, "hold", json!({ "endedAt": "2026-09-08T15:00:00Z" })).await;
        let minutes = json!({ "meetingId": held["id"], "text": "We agreed on one pilot." });
        let minutes = self.make(&lead, "minutes", minutes).await;
        let minutes = self.act(&lead, "minutes", &minutes, "circulate", json!({})).await;
        let row = self.row(table, "minutes", &minutes, &[]);
        (row.public, row.there) = (true, vec![Role::Union]);
        let decided = json!({
            "meetingId": held["id"], "madeIn": "meeting", "text": "One pilot.", "decidedOn": "2026-09-08",
        });
        let decided = self.make(&lead, "decisions", decided).await;
        self.row(table, "decisions", &decided, &[]).public = true;
        table.held_meeting = id(&held["id"]);
        let held = self.again(&lead, "meetings", table.held_meeting).await;
        self.row(table, "meetings", &held, &[]).public = true;
        self.overridden(table).await;
    }

    /// A meeting that takes more time of an employer than it offered, with the reason.
    async fn overridden(&mut self, table: &Table) {
        let lead = &table.lead;
        let employer = self.again(lead, "partners", table.partner[&Role::Employer]).await;
        let offered =
            self.act(&table.who[&Role::Employer], "partners", &employer, "offer-hours", json!({ "hours": 1 })).await;
        for row in self.rows.iter_mut().filter(|row| row.id == id(&offered["id"])) {
            row.version = offered["version"].as_i64().unwrap();
        }
        let long = self.called(table, lead, "A long one", "members").await;
        let asked = json!({ "meetingId": long["id"], "seatId": table.seat[&Role::Employer], "invitedAs": "required" });
        self.make(lead, "attendances", asked).await;
        let path = format!("/v1/meetings/{}", text(&long["id"]));
        let long = self.call(lead, "PATCH", &path, json!({ "durationMinutes": 240 }), long["version"].as_i64()).await;
        let why = json!({ "timeOverrides": [
            { "partnerId": employer["id"], "reason": "the plant asked for the long form" },
        ] });
        self.act(lead, "meetings", &long, "schedule", why).await;
        let kept = format!("/v1/time-overrides?partnerId={}", text(&employer["id"]));
        let kept = self.call(lead, "GET", &kept, Value::Null, None).await;
        self.row(table, "time-overrides", &kept["items"][0], &[Role::Employer]);
    }

    /// A need with everything that hangs on it, up to an adopted solution with a step.
    async fn direction(&mut self, table: &Table) {
        let lead = &table.lead;
        let (employer, champion) = (&table.who[&Role::Employer], &table.who[&Role::Champion]);
        let college = &table.who[&Role::Institution];
        let house = |role: Role| json!(table.organization[&role]);
        let mut made: Vec<(&'static str, Value, Vec<Role>, bool)> = Vec::new();
        let two = json!({ "key": "shared_need_min_employers", "value": "2", "reason": "a small table" });
        self.make(lead, "policy-settings", two).await;
        for (role, who) in [(Role::Employer, employer), (Role::Champion, champion)] {
            let said = json!({
                "employerOrganizationId": house(role), "text": "People leave.", "saidOn": "2026-01-12", "setting": "visit",
            });
            let said = self.make(who, "employer-statements", said).await;
            made.push(("employer-statements", said, vec![role], false));
        }
        let need = json!({ "title": "People leave", "problemStatement": "In the first year.", "kind": "retention" });
        let observed = self.make(college, "needs", need.clone()).await;
        made.push(("needs", observed, vec![Role::Institution], false));
        let only_voiced = self.make(champion, "needs", need.clone()).await;
        made.push(("needs", only_voiced, vec![Role::Champion], false));
        let need = self.make(employer, "needs", need).await;
        for (role, who) in [(Role::Employer, employer), (Role::Champion, champion)] {
            let voice = json!({ "needId": need["id"], "organizationId": house(role), "importance": 4 });
            let voice = self.make(who, "endorsements", voice).await;
            made.push(("endorsements", voice, vec![role], false));
            let rating = json!({ "needId": need["id"], "rating": 3 });
            let rating = self.make(who, "feasibility-ratings", rating).await;
            made.push(("feasibility-ratings", rating, vec![role], false));
        }
        let surface = json!({ "needId": need["id"], "level": "surface", "text": "Second shift" });
        let surface = self.make(college, "causes", surface).await;
        let root = json!({ "needId": need["id"], "parentId": surface["id"], "level": "root", "text": "No mentors" });
        let root = self.make(employer, "causes", root).await;
        let root = self.act(lead, "causes", &root, "test", json!({ "evidence": "Exit talks" })).await;
        for (role, who) in [(Role::Employer, employer), (Role::Champion, champion)] {
            let word = json!({ "causeId": root["id"], "organizationId": house(role) });
            let word = self.make(who, "cause-confirmations", word).await;
            made.push(("cause-confirmations", word, vec![role], false));
        }
        made.push(("causes", surface, vec![Role::Institution], false));
        made.push(("causes", root, vec![Role::Employer], false));
        for (role, who) in [(Role::Union, &table.who[&Role::Union]), (Role::Institution, college)] {
            let doubt = self.make(who, "inputs", json!({ "kind": "doubt", "text": "Will it last?" })).await;
            made.push(("inputs", doubt, vec![role], false));
            let offer = json!({ "needId": need["id"], "organizationId": house(role), "text": "Mentors" });
            let offer = self.make(who, "offers", offer).await;
            made.push(("offers", offer, vec![role], false));
            let look = json!({ "subject": "The course of 2016", "ownerOrganizationId": house(role) });
            let look = self.make(who, "second-looks", look).await;
            let look = self.act(who, "second-looks", &look, "review", json!({})).await;
            made.push(("second-looks", look, vec![role], false));
            let goal = json!({ "statement": "People stay", "horizon": "long" });
            let goal = self.make(who, "goals", goal).await;
            let step = json!({ "title": "Name mentors", "goalId": goal["id"], "leadOrganizationId": house(role) });
            let step = self.make(lead, "plan-steps", step).await;
            let team = json!({
                "name": "Mentors", "purpose": "Find them", "goalId": goal["id"], "leadOrganizationId": house(role),
            });
            let team = self.make(lead, "action-teams", team).await;
            made.push(("action-teams", team, vec![role], true));
            let version = json!({ "summary": "Mentors first", "stepIds": [step["id"]], "goalIds": [goal["id"]] });
            let version = self.make(who, "plan-versions", version).await;
            if role == Role::Institution {
                let word = json!({ "planVersionId": version["id"], "organizationId": house(Role::Employer) });
                let word = self.make(employer, "plan-approvals", word).await;
                made.push(("plan-approvals", word, vec![Role::Employer], false));
            }
            made.push(("plan-versions", version, vec![role], role == Role::Institution));
            made.push(("plan-steps", step, vec![role], true));
            made.push(("goals", goal, vec![role], false));
        }
        let plan = json!({
            "origin": "need_led", "title": "Mentors", "text": "One each", "needIds": [need["id"]],
            "designerOrganizationIds": [house(Role::Employer), house(Role::Institution)],
            "noAlternativesReason": "Nothing else was thought of",
        });
        for adopted in [true, false] {
            let solution = self.make(college, "solutions", plan.clone()).await;
            for (role, who) in [(Role::Employer, employer), (Role::Champion, champion)] {
                let fit = json!({
                    "solutionId": solution["id"], "needId": need["id"], "organizationId": house(role), "score": 4,
                });
                let fit = self.make(who, "fit-scores", fit).await;
                made.push(("fit-scores", fit, vec![role], false));
            }
            if adopted {
                let solution = self.again(lead, "solutions", id(&solution["id"])).await;
                let solution = self.act(employer, "solutions", &solution, "take-on", json!({})).await;
                self.act(college, "solutions", &solution, "design", json!({})).await;
                let word = json!({ "solutionId": solution["id"], "organizationId": house(Role::Employer) });
                let word = self.make(employer, "solution-approvals", word).await;
                made.push(("solution-approvals", word, vec![Role::Employer], false));
            }
            made.push(("solutions", solution, vec![Role::Employer, Role::Institution], adopted));
        }
        made.push(("needs", need, vec![Role::Employer], true));
        for (collection, record, owners, public) in made {
            let record = self.again(lead, collection, id(&record["id"])).await;
            self.row(table, collection, &record, &owners).public = public;
        }
    }

    /// A topic held to its parties, to which one of them consents.
    async fn topics(&mut self, table: &Table) {
        let employer = &table.who[&Role::Employer];
        let house = |role: Role| json!(table.organization[&role]);
        let topic = json!({
            "subject": "Shift premium", "text": "What second shift is paid.", "subjectMatter": "pay",
            "partyOrganizationIds": [house(Role::Employer), house(Role::Union)],
        });
        let topic = self.make(employer, "topics", topic).await;
        self.row(table, "topics", &topic, &[Role::Employer, Role::Union]).hidden = true;
        let consent = json!({
            "topicId": topic["id"], "organizationId": house(Role::Employer), "consentsTo": "bargaining_table",
        });
        let consent = self.make(employer, "topic-consents", consent).await;
        self.row(table, "topic-consents", &consent, &[Role::Employer]).hidden = true;
    }

    /// A webhook of each, disabled so that no test reaches out, with a delivery and its attempt.
    async fn webhooks(&mut self, table: &Table, members: &[(Role, &'static str)]) {
        let owners = std::iter::once(None).chain(members.iter().map(|(role, _)| Some(*role)));
        for owner in owners {
            let who = owner.map_or(&table.lead, |role| &table.who[&role]).clone();
            let made = self.make(&who, "webhooks", json!({ "url": "https://example.org/events" })).await;
            let made = self.act(&who, "webhooks", &made, "disable", json!({})).await;
            let (now, store) = (chrono::Utc::now(), self.server.app.store.maintenance());
            let organization_id = owner.map(|role| table.organization[&role]);
            let delivery = webhook_delivery::NewWebhookDelivery {
                partnership_id: table.id,
                webhook_id: id(&made["id"]),
                organization_id,
                message_id: format!("msg_{}", Uuid::now_v7()),
                kind: "webhook.test".into(),
                event_id: None,
                happened_at: now,
            };
            let delivery = webhook_delivery::Model::begin(Uuid::now_v7(), now, delivery).insert(store).await.unwrap();
            let attempt = webhook_attempt::NewWebhookAttempt {
                partnership_id: table.id,
                webhook_id: id(&made["id"]),
                delivery_id: delivery.id,
                organization_id,
                status: Some(500),
                milliseconds: 12,
                error: Some("refused".into()),
            };
            let attempt = webhook_attempt::Model::begin(Uuid::now_v7(), now, attempt).insert(store).await.unwrap();
            let owners: Vec<Role> = owner.into_iter().collect();
            self.row(table, "webhooks", &made, &owners);
            self.row(table, "webhook-deliveries", &json!({ "id": delivery.id, "version": 1 }), &owners);
            self.row(table, "webhook-attempts", &json!({ "id": attempt.id, "version": 1 }), &owners);
        }
    }

    /// What most may not know of.
    async fn unseen(&mut self, table: &mut Table) {
        let lead = table.lead.clone();
        let courted = json!({ "name": format!("{} courted firm", table.slug), "kind": "employer" });
        let courted = self.make(&lead, "organizations", courted).await;
        let courted = self.make(&lead, "partners", json!({ "organizationId": courted["id"] })).await;
        table.prospect = id(&courted["id"]);
        let draft = json!({
            "title": "Not yet called", "kind": "executive", "startsAt": "2026-10-08T14:00:00Z", "durationMinutes": 30,
            "timeZone": "America/Chicago",
        });
        table.draft_meeting = id(&self.make(&lead, "meetings", draft).await["id"]);
        let found = json!({ "name": "Unchecked find", "entryKind": "asset" });
        table.draft_resource = id(&self.make(&lead, "resources", found).await["id"]);
    }

    async fn service(&self, table: &Table, name: &str, scopes: Value) -> Who {
        let made = self.make(&table.lead, "service-accounts", json!({ "name": name, "scopes": scopes })).await;
        let account = id(&made["id"]);
        let keys = &self.server.app.keys;
        let client = text(&made["clientId"]);
        Who {
            name: name.into(),
            account,
            token: Some(keys.sign(account, client, Some(table.id), None, 24 * 3600).unwrap()),
        }
    }
}
