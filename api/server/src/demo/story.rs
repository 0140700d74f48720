//! The story the demonstration tells: a manufacturing partnership some weeks after its kick-off.

use std::sync::Arc;

use chrono::{DateTime, Days, TimeDelta, Utc};
use roundtable_entity::Via;
use roundtable_kernel::ctx::{App, Ctx};
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Answered, Arguments};
use roundtable_kernel::standing::Caller;
use roundtable_kernel::token::new_secret;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Login;
use crate::{operator, serve};

/// Somebody who acts in the story.
#[derive(Clone)]
struct Actor {
    ctx: Ctx,
}

impl Actor {
    /// Does an operation, to the record at hand as it stands by now.
    async fn act(&self, op: Op, at: Option<&Value>, body: Value) -> Result<Value> {
        let mut arguments = Arguments::sending(body);
        if let Some(record) = at {
            let now = self.now(op, record).await?;
            arguments.id = now.id;
            arguments.version = now.version;
        }
        let done = self.ctx.app.operations.call(&self.ctx, op, arguments).await;
        done.map_err(|error| Error { detail: format!("{}: {}", op.name(), error.detail), ..error })?.shown.value()
    }

    /// The record as it stands by now, read by the operation of its collection.
    async fn now(&self, op: Op, record: &Value) -> Result<Answered> {
        let table = &self.ctx.app.operations;
        let path = table.get(op).map(|operation| operation.collection).unwrap_or_default();
        let get = table.collections.iter().find(|collection| collection.path == path).map(|collection| collection.get);
        let get = get.ok_or_else(|| Error::internal("an operation of the story has no collection"))?;
        table.call(&self.ctx, get, Arguments::of(id_of(record)?)).await
    }

    async fn create(&self, op: Op, body: Value) -> Result<Value> {
        self.act(op, None, body).await
    }

    async fn again(&self, op: Op, record: &Value) -> Result<Value> {
        self.act(op, Some(record), Value::Null).await
    }
}

fn id_of(record: &Value) -> Result<Uuid> {
    let id = record["id"].as_str().and_then(|id| Uuid::parse_str(id).ok());
    id.ok_or_else(|| Error::internal("a record of the story has no id"))
}

struct Teller {
    app: Arc<App>,
    logins: Vec<Login>,
}

/// A partner at the table with its point person.
struct Seated {
    organization: Value,
    partner: Value,
    person: Value,
    seat: Value,
}

impl Teller {
    fn system(&self, partnership_id: Uuid) -> Actor {
        Actor { ctx: serve::own_ctx(&self.app, partnership_id, Via::System) }
    }

    async fn account(&self, account_id: Uuid, partnership_id: Option<Uuid>) -> Result<Actor> {
        self.app.principals.forget();
        let known = self.app.principals.known(&self.app.store, account_id).await?;
        let principal = known.ok_or_else(|| Error::internal("an account of the story is not there"))?.principal;
        let wanted = partnership_id.unwrap_or_default();
        let acting = principal.standings.iter().find(|standing| standing.partnership_id == wanted).cloned();
        let caller = Caller::Account { principal, acting };
        let request_id = Arc::from(Uuid::now_v7().to_string());
        Ok(Actor { ctx: Ctx::new(self.app.clone(), Arc::new(caller), Via::System, request_id) })
    }

    fn token(&self, account_id: Uuid, partnership_id: Option<Uuid>) -> Result<String> {
        let seconds = i64::try_from(self.app.limits.access_token.as_secs()).map_err(Error::internal)?;
        self.app.keys.sign(account_id, "roundtable", partnership_id, None, seconds)
    }

    /// Invites somebody and accepts in their name.
    async fn login(
        &mut self,
        by: &Actor,
        role: &'static str,
        email: &str,
        name: &str,
        invitation: Value,
    ) -> Result<Actor> {
        let mut body = invitation;
        body["email"] = json!(email);
        let invited = by.create(Op::CreateInvitation, body).await?;
        let password = new_secret("demo")?.chars().take(25).collect::<String>();
        let accept = json!({ "token": invited["token"], "password": password, "name": name });
        let nobody = Ctx::new(self.app.clone(), Arc::new(Caller::Anonymous), Via::System, Arc::from("demo-accept"));
        let session = Actor { ctx: nobody }.create(Op::AcceptInvitation, accept).await?;
        let access_token = session["accessToken"].as_str().unwrap_or_default().to_owned();
        let claims = self.app.keys.verify(&access_token)?;
        let partnership_id = claims.partnership;
        self.logins.push(Login { role, email: email.into(), password, access_token, partnership_id });
        self.account(claims.sub, partnership_id).await
    }

    /// Brings an organisation to the table, with a point person.
    async fn seat(
        &self,
        lead: &Actor,
        organization: Value,
        members: Value,
        person: (&str, &str, &str),
    ) -> Result<Seated> {
        let organization = lead.create(Op::CreateOrganization, organization).await?;
        let mut partner = members;
        partner["organizationId"] = organization["id"].clone();
        let partner = lead.create(Op::CreatePartner, partner).await?;
        let partner = lead.again(Op::InvitePartner, &partner).await?;
        let partner = lead.again(Op::JoinPartner, &partner).await?;
        let (name, title, level) = person;
        let person = lead.create(Op::CreatePerson, json!({ "name": name, "email": address(name) })).await?;
        let affiliation = json!({
            "personId": person["id"], "organizationId": organization["id"], "title": title, "functionLevel": level,
        });
        lead.create(Op::CreateAffiliation, affiliation).await?;
        let seat = json!({ "partnerId": partner["id"], "personId": person["id"], "role": "point_person", "functionLevel": level });
        let seat = lead.create(Op::CreateSeat, seat).await?;
        let seat = lead.again(Op::AcceptSeat, &seat).await?;
        Ok(Seated { organization, partner, person, seat })
    }
}

fn address(name: &str) -> String {
    format!("{}@demo.example", name.to_lowercase().replace(' ', "."))
}

fn days(from: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    from + TimeDelta::days(days)
}

/// Builds both partnerships; returns a login for each role.
pub async fn tell(app: &Arc<App>) -> Result<Vec<Login>> {
    let mut teller = Teller { app: app.clone(), logins: Vec::new() };
    let password = new_secret("demo")?.chars().take(25).collect::<String>();
    let account = operator::make(&app.store, "operator@demo.example", "Demo Operator", password.clone()).await?;
    let access_token = teller.token(account.id, None)?;
    let login = Login { role: "operator", email: account.email.clone(), password, access_token, partnership_id: None };
    teller.logins.push(login);
    let operator = teller.account(account.id, None).await?;
    let ours = lakeshore(&mut teller, &operator).await?;
    harbor(&mut teller, &operator).await?;
    app.principals.forget();
    tracing::debug!(partnership = %ours, "the story is told");
    Ok(teller.logins)
}

async fn lakeshore(teller: &mut Teller, operator: &Actor) -> Result<Uuid> {
    let partnership = operator
        .create(
            Op::CreatePartnership,
            json!({
                "slug": "lakeshore-manufacturing", "workingTitle": "Lakeshore Manufacturing Roundtable", "naics": ["332", "333"],
                "region": "Lakeshore County (fictional)", "timeZone": "America/Chicago", "cadenceDays": 28,
                "industryUnionized": "partly", "publicity": "public",
                "purpose": "Employers, unions and schools of one region find and keep skilled machinists together.",
            }),
        )
        .await?;
    let id = id_of(&partnership)?;
    let role = json!({ "partnershipId": id, "staffRole": "intermediary" });
    let lead = teller.login(operator, "intermediary", "intermediary@demo.example", "Imani Reyes", role).await?;
    let table = set_the_table(teller, &lead, &partnership).await?;
    let people = people(teller, &lead, &table).await?;
    directory(&lead, &table, &people).await?;
    map(&lead, &table, &people).await?;
    kickoff(&lead, &table, &people).await?;
    ahead(&lead, &table, &people).await?;
    let need = direction(&lead, &table, &people).await?;
    plan(&lead, &table, &people, &need).await?;
    topics(&lead, &table, &people).await?;
    let service = json!({ "partnershipId": id, "name": "Board system (demo)" });
    let service = lead.create(Op::CreateServiceAccount, service).await?;
    let text = |member: &str| service[member].as_str().unwrap_or_default().to_owned();
    let access_token = teller.token(id_of(&service)?, Some(id))?;
    teller.logins.push(Login {
        role: "service",
        email: text("clientId"),
        password: text("clientSecret"),
        access_token,
        partnership_id: Some(id),
    });
    Ok(id)
}

struct Table {
    birch: Seated,
    copper: Seated,
    casting: Seated,
    fabricators: Seated,
    college: Seated,
    adult: Seated,
    development: Seated,
}

struct People {
    employer: Actor,
    champion: Actor,
    foundry: Actor,
    union: Actor,
    institution: Actor,
}

async fn set_the_table(teller: &Teller, lead: &Actor, partnership: &Value) -> Result<Table> {
    let board = json!({ "name": "Lakeshore Workforce Board (demo)", "kind": "workforce_board", "city": "Lakeshore", "stateProvince": "WI" });
    let board = teller
        .seat(lead, board, json!({}), ("Omar Whitfield", "Director of Business Services", "program_staff"))
        .await?;
    lead.act(
        Op::UpdatePartnership,
        Some(partnership),
        json!({ "intermediaryOrganizationId": board.organization["id"] }),
    )
    .await?;
    let firm = |name: &str| json!({ "name": name, "kind": "employer", "naics": ["332710"], "city": "Lakeshore", "stateProvince": "WI", "country": "US" });
    let size = |size: &str, headcount: i32| json!({ "sizeClass": size, "headcount": headcount, "naics": ["332710"] });
    Ok(Table {
        birch: teller.seat(lead, firm("Birchwood Precision (demo)"), size("medium", 140), ("Dana Okafor", "Human Resources Director", "hr")).await?,
        copper: teller.seat(lead, firm("Copperline Assembly (demo)"), size("small", 38), ("Ruth Lindgren", "Owner", "executive")).await?,
        casting: teller.seat(lead, firm("Northwind Castings (demo)"), size("large", 310), ("Samir Patel", "Plant Manager", "operations")).await?,
        fabricators: teller
            .seat(
                lead,
                json!({ "name": "United Fabricators Local 12 (demo)", "kind": "union", "city": "Lakeshore" }),
                json!({ "unionKind": "local", "unionAffiliation": "UFW-demo", "local": "12", "leadership": "Lena Brandt, president", "membership": 420 }),
                ("Lena Brandt", "President", "union_leader"),
            )
            .await?,
        college: teller
            .seat(
                lead,
                json!({ "name": "Lakeshore Community College (demo)", "kind": "community_college", "website": "https://college.demo.example" }),
                json!({ "offerings": ["CNC machining certificate", "Welding diploma"], "accreditation": "Demo Commission on Colleges" }),
                ("Tomas Vega", "Dean of Technology", "academic_lead"),
            )
            .await?,
        adult: teller
            .seat(
                lead,
                json!({ "name": "Lakeshore Adult Learning (demo)", "kind": "adult_education" }),
                json!({ "offerings": ["Workplace English", "Shop math"] }),
                ("June Abara", "Coordinator", "program_staff"),
            )
            .await?,
        development: teller
            .seat(
                lead,
                json!({ "name": "Lakeshore Economic Development (demo)", "kind": "economic_development" }),
                json!({}),
                ("Peter Haas", "Vice President", "executive"),
            )
            .await?,
    })
}

async fn people(teller: &mut Teller, lead: &Actor, table: &Table) -> Result<People> {
    let person = |seated: &Seated| json!({ "personId": seated.person["id"] });
    let employer = teller.login(lead, "employer", "employer@demo.example", "Dana Okafor", person(&table.birch)).await?;
    let champion =
        teller.login(lead, "champion", "champion@demo.example", "Ruth Lindgren", person(&table.copper)).await?;
    let foundry = teller.login(lead, "foundry", "foundry@demo.example", "Samir Patel", person(&table.casting)).await?;
    let union = teller.login(lead, "union", "union@demo.example", "Lena Brandt", person(&table.fabricators)).await?;
    let institution =
        teller.login(lead, "institution", "institution@demo.example", "Tomas Vega", person(&table.college)).await?;
    teller.login(lead, "observer", "observer@demo.example", "Noor Haddad", json!({ "staffRole": "observer" })).await?;
    let nominated = json!({
        "partnerId": table.copper.partner["id"], "personId": table.copper.person["id"], "duties": ["outreach", "spokesperson"],
        "evidence": "Brought two shops to the kick-off and led the tour.",
    });
    let nominated = lead.create(Op::CreateChampion, nominated).await?;
    champion.again(Op::AcceptChampion, &nominated).await?;
    // Serving changes the role, so the champion is looked up anew.
    let account_id = champion.ctx.principal()?.account_id;
    let champion =
        teller.account(account_id, lead.ctx.caller.standing().map(|standing| standing.partnership_id)).await?;
    Ok(People { employer, champion, foundry, union, institution })
}

async fn directory(lead: &Actor, table: &Table, people: &People) -> Result<()> {
    let today = Utc::now().date_naive();
    let employer = people.employer.act(Op::OfferHours, Some(&table.birch.partner), json!({ "hours": 16 })).await?;
    people
        .employer
        .act(
            Op::EngagePartner,
            Some(&employer),
            json!({ "mode": "action", "reason": "Takes part in the apprenticeship team." }),
        )
        .await?;
    people.champion.act(Op::OfferHours, Some(&table.copper.partner), json!({ "hours": 10 })).await?;
    lead.act(Op::EngagePartner, Some(&table.casting.partner), json!({ "mode": "strategic" })).await?;
    let mission = json!({
        "organizationId": table.college.organization["id"], "effectiveOn": today - Days::new(900),
        "text": "We open skilled work to every adult of the county and stay until they are in it.",
    });
    people.institution.create(Op::CreateMissionStatement, mission).await?;
    for (kind, text, state) in [
        ("hope", "More registered apprentices in organised shops.", None),
        ("barrier", "Training must not replace posted jobs.", Some("addressing")),
    ] {
        let mut interest =
            json!({ "organizationId": table.fabricators.organization["id"], "kind": kind, "text": text });
        if let Some(state) = state {
            interest["barrierState"] = json!(state);
        }
        people.union.create(Op::CreateInterest, interest).await?;
    }
    let constraint = json!({
        "organizationId": table.college.organization["id"], "kind": "academic_calendar", "force": "hard",
        "text": "Faculty is away between terms.", "workaround": "Adjunct instructors run short courses.", "workaroundState": "proposed",
    });
    people.institution.create(Op::CreateConstraint, constraint).await?;
    let unit = json!({
        "employerOrganizationId": table.casting.organization["id"], "unionOrganizationId": table.fabricators.organization["id"],
        "description": "Production and maintenance", "size": 190, "expiresOn": today + Days::new(400),
    });
    lead.create(Op::CreateBargainingUnit, unit).await?;
    let prospect = json!({ "name": "Pine Ridge Tooling (demo)", "kind": "employer", "naics": ["333514"] });
    let prospect = people.champion.create(Op::CreateOrganization, prospect).await?;
    people
        .champion
        .create(Op::CreatePartner, json!({ "organizationId": prospect["id"], "sizeClass": "small" }))
        .await?;
    let touch = json!({
        "organizationId": prospect["id"], "channel": "visit", "purpose": "market", "touchedOn": today - Days::new(3),
        "result": "Interested; wants to see the apprenticeship numbers.", "nextOn": today + Days::new(7),
    });
    people.champion.create(Op::CreateOutreachTouch, touch).await?;
    let alternate = json!({ "name": "Ari Solberg", "email": address("Ari Solberg") });
    let alternate = lead.create(Op::CreatePerson, alternate).await?;
    let affiliation = json!({ "personId": alternate["id"], "organizationId": table.birch.organization["id"], "title": "Training Lead", "functionLevel": "training" });
    lead.create(Op::CreateAffiliation, affiliation).await?;
    let seat = json!({ "partnerId": table.birch.partner["id"], "personId": alternate["id"], "role": "alternate", "functionLevel": "training" });
    let seat = people.employer.create(Op::CreateSeat, seat).await?;
    people.employer.again(Op::AcceptSeat, &seat).await?;
    Ok(())
}

async fn map(lead: &Actor, table: &Table, people: &People) -> Result<()> {
    let college = &table.college.organization["id"];
    let entries = [
        (
            &people.institution,
            json!({
                "entryKind": "program", "name": "CNC machining certificate", "ownerOrganizationId": college, "cip": ["48.0501"], "soc": ["51-4041"],
                "description": "Two terms of setup and operation on mills and lathes, evenings, with an industry-recognised credential at the end.",
                "eligibility": "Adults with shop math", "fees": "Free for residents", "keywords": ["machinist", "evening", "apprenticeship"],
            }),
            true,
        ),
        (
            &people.institution,
            json!({
                "entryKind": "asset", "name": "Foundry safety curriculum of 2016", "ownerOrganizationId": college, "status": "shelved",
                "developedOn": "2016-05-01", "lastUsedOn": "2017-12-15", "shelvedReason": "Built before anybody asked the foundries what went wrong.",
                "description": "Eight units on furnace safety, never used after the first year.", "keywords": ["foundry", "safety"],
            }),
            true,
        ),
        (
            lead,
            json!({
                "entryKind": "policy", "name": "On-the-job training reimbursement", "description": "Half of a trainee's wages for up to six months.",
                "keywords": ["wages", "reimbursement"],
            }),
            true,
        ),
        (
            lead,
            json!({
                "entryKind": "resource", "name": "Mobile welding lab", "ownerOrganizationId": table.development.organization["id"],
                "description": "A trailer with six booths that comes to the shop.", "keywords": ["welding"],
            }),
            true,
        ),
        (
            &people.employer,
            json!({
                "entryKind": "program", "name": "Birchwood pre-apprenticeship", "ownerOrganizationId": table.birch.organization["id"],
                "description": "Twelve weeks on the floor before signing on as an apprentice.", "keywords": ["apprenticeship"],
            }),
            false,
        ),
    ];
    for (actor, entry, publish) in entries {
        let entry = actor.create(Op::CreateResource, entry).await?;
        if publish {
            let entry = actor.again(Op::PublishResource, &entry).await?;
            actor.again(Op::VerifyResource, &entry).await?;
        }
    }
    Ok(())
}

async fn agenda(lead: &Actor, meeting: &Value, items: &[(&str, &str, i32)]) -> Result<()> {
    for (title, kind, minutes) in items {
        let item = json!({ "meetingId": meeting["id"], "title": title, "kind": kind, "minutes": minutes });
        lead.create(Op::CreateAgendaItem, item).await?;
    }
    Ok(())
}

async fn ask(lead: &Actor, meeting: &Value, seats: &[(&Seated, &str)]) -> Result<Vec<Value>> {
    let mut asked = Vec::new();
    for (seated, how) in seats {
        let attendance = json!({ "meetingId": meeting["id"], "seatId": seated.seat["id"], "invitedAs": how });
        asked.push(lead.create(Op::CreateAttendance, attendance).await?);
    }
    Ok(asked)
}

/// The kick-off, held, minuted and closed.
async fn kickoff(lead: &Actor, table: &Table, people: &People) -> Result<()> {
    let began = days(Utc::now(), -21);
    let meeting = lead
        .create(
            Op::CreateMeeting,
            json!({
                "title": "Kick-off: what keeps us from filling machinist jobs", "kind": "kickoff", "mode": "action",
                "objective": "Hear from every employer what is hard to hire for, in their own words.",
                "startsAt": began, "durationMinutes": 90, "timeZone": "America/Chicago", "place": "Community college, room 110 (demo)",
                "url": "https://meet.demo.example/kickoff", "publicity": "public",
            }),
        )
        .await?;
    agenda(
        lead,
        &meeting,
        &[
            ("Round of employers", "listening", 50),
            ("What we heard", "review", 20),
            ("When we meet again", "decision", 10),
        ],
    )
    .await?;
    let all = [
        &table.birch,
        &table.copper,
        &table.casting,
        &table.fabricators,
        &table.college,
        &table.adult,
        &table.development,
    ];
    let asked = ask(lead, &meeting, &all.map(|seated| (seated, "required"))).await?;
    let meeting = lead.again(Op::ScheduleMeeting, &meeting).await?;
    let meeting = lead.again(Op::StartMeeting, &meeting).await?;
    for (number, attendance) in asked.iter().enumerate() {
        let came = number != 5;
        lead.act(
            Op::RecordAttendance,
            Some(attendance),
            json!({ "attended": came, "minutes": if came { 85 } else { 0 } }),
        )
        .await?;
    }
    let held = json!({ "endedAt": began + TimeDelta::minutes(85) });
    let meeting = lead.act(Op::HoldMeeting, Some(&meeting), held).await?;
    let minutes = json!({
        "meetingId": meeting["id"],
        "text": "Three employers, one union and three institutions. Everybody has open machinist jobs; nobody has the same reason.",
    });
    let minutes = lead.create(Op::CreateMinutes, minutes).await?;
    let minutes = lead.again(Op::CirculateMinutes, &minutes).await?;
    let minutes = people.employer.again(Op::ApproveMinutes, &minutes).await?;
    people.union.again(Op::ApproveMinutes, &minutes).await?;
    let decision = json!({
        "meetingId": meeting["id"], "madeIn": "meeting", "decidedOn": began.date_naive(), "bySides": ["employer", "labor", "education"],
        "text": "Meet every four weeks, ninety minutes at most, always with an objective.",
    });
    lead.create(Op::CreateDecision, decision).await?;
    let item = json!({
        "meetingId": meeting["id"], "ownerOrganizationId": table.birch.organization["id"], "title": "Count openings and leavers of the last year",
        "dueOn": days(Utc::now(), 7).date_naive(),
    });
    let item = lead.create(Op::CreateActionItem, item).await?;
    people.employer.again(Op::AcceptActionItem, &item).await?;
    let item = json!({ "meetingId": meeting["id"], "ownerOrganizationId": table.college.organization["id"], "title": "List who finished the certificate and where they work" });
    lead.create(Op::CreateActionItem, item).await?;
    lead.act(Op::CloseMeeting, Some(&meeting), json!({ "objectiveResult": "met" })).await?;
    Ok(())
}

/// What is ahead: a meeting called, a series, a draft.
async fn ahead(lead: &Actor, table: &Table, people: &People) -> Result<()> {
    let series = json!({
        "title": "Apprenticeship action team", "kind": "action_team", "mode": "action", "rrule": "FREQ=MONTHLY;BYDAY=2TU;COUNT=12",
        "startsLocal": format!("{}T08:00", (Utc::now() + TimeDelta::days(7)).format("%Y-%m-%d")), "timeZone": "America/Chicago", "durationMinutes": 60,
    });
    let series = lead.create(Op::CreateMeetingSeries, series).await?;
    lead.act(Op::GenerateMeetings, Some(&series), json!({ "until": (Utc::now() + TimeDelta::days(120)).date_naive() }))
        .await?;
    let meeting = lead
        .create(
            Op::CreateMeeting,
            json!({
                "title": "Why people leave in the first year", "kind": "partnership", "mode": "action",
                "objective": "Agree on the two causes of early leaving that we look into first.",
                "startsAt": days(Utc::now(), 9), "durationMinutes": 75, "timeZone": "America/Chicago",
                "url": "https://meet.demo.example/second", "asynchronousInput": "Answer by the shared form until the day before.",
                "preparationMinutes": 15,
            }),
        )
        .await?;
    agenda(
        lead,
        &meeting,
        &[
            ("What the exit talks say", "listening", 25),
            ("Causes side by side", "design", 30),
            ("Which two first", "decision", 15),
        ],
    )
    .await?;
    let asked = ask(
        lead,
        &meeting,
        &[
            (&table.birch, "required"),
            (&table.copper, "required"),
            (&table.casting, "optional"),
            (&table.fabricators, "required"),
            (&table.college, "required"),
        ],
    )
    .await?;
    lead.again(Op::ScheduleMeeting, &meeting).await?;
    if let [employer, _, _, union, ..] = asked.as_slice() {
        people.employer.act(Op::AnswerAttendance, Some(employer), json!({ "partStat": "accepted" })).await?;
        people.union.act(Op::AnswerAttendance, Some(union), json!({ "partStat": "tentative" })).await?;
    }
    lead.create(
        Op::CreateMeeting,
        json!({
            "title": "Executives: what we ask of you", "kind": "executive", "mode": "mixed", "startsAt": days(Utc::now(), 40),
            "durationMinutes": 45, "timeZone": "America/Chicago", "audienceLevels": ["executive"],
        }),
    )
    .await?;
    Ok(())
}

/// A need half-way: said by three employers, shared by them, its causes looked for, its solution not yet thought of.
async fn direction(lead: &Actor, table: &Table, people: &People) -> Result<Value> {
    let said_on = days(Utc::now(), -21).date_naive();
    let employers = [
        (
            &people.employer,
            &table.birch,
            "Of ten machinists we hired last year, six were gone by Christmas.",
            (5, 18, "We want to know why before we train anybody."),
        ),
        (
            &people.champion,
            &table.copper,
            "They come, they see second shift, they leave.",
            (4, 6, "Second shift has nobody to show the work."),
        ),
        (
            &people.foundry,
            &table.casting,
            "We do not lack applicants. We lack people who stay the first year.",
            (4, 31, "Exit talks name the foreman more often than the pay."),
        ),
    ];
    let mut sources = Vec::new();
    for (actor, seated, words, _) in &employers {
        let statement = json!({
            "employerOrganizationId": seated.organization["id"], "text": words, "saidOn": said_on, "setting": "meeting",
        });
        let statement = lead.create(Op::CreateEmployerStatement, statement).await?;
        actor.again(Op::ConfirmEmployerStatement, &statement).await?;
        people.institution.again(Op::HearEmployerStatement, &statement).await?;
        sources.push(statement["id"].clone());
    }
    let need = json!({
        "title": "New machinists leave within their first year", "kind": "retention", "socs": ["51-4041"], "openings": 40,
        "horizon": "short", "sourceStatementIds": sources,
        "problemStatement": "About half of those hired as machinists in the region leave before their first year is over.",
    });
    let need = people.employer.create(Op::CreateNeed, need).await?;
    for (actor, seated, _, (importance, affected, _)) in &employers {
        let endorsement = json!({
            "needId": need["id"], "organizationId": seated.organization["id"], "importance": importance, "affectedCount": affected,
        });
        actor.create(Op::CreateEndorsement, endorsement).await?;
    }
    let surface =
        json!({ "needId": need["id"], "level": "surface", "text": "Newcomers are put on second shift at once." });
    let surface = lead.create(Op::CreateCause, surface).await?;
    let root = json!({
        "needId": need["id"], "parentId": surface["id"], "level": "root", "text": "Nobody on second shift has time to show the work.",
        "why": "Second shift runs with the fewest experienced people.",
    });
    let root = people.union.create(Op::CreateCause, root).await?;
    for (_, _, _, (_, _, evidence)) in &employers {
        lead.act(Op::TestCause, Some(&root), json!({ "evidence": evidence })).await?;
    }
    let word = json!({ "causeId": root["id"], "organizationId": table.copper.organization["id"] });
    people.champion.create(Op::CreateCauseConfirmation, word).await?;
    let rating =
        json!({ "needId": need["id"], "rating": 4, "comment": "Our instructors could train mentors in two evenings." });
    people.institution.create(Op::CreateFeasibilityRating, rating).await?;
    let doubt = json!({
        "kind": "doubt", "masked": true, "needId": need["id"], "text": "Will foremen be given the hours, or only the poster?",
    });
    people.union.create(Op::CreateInput, doubt).await?;
    let offer = json!({
        "needId": need["id"], "organizationId": table.college.organization["id"], "text": "A short course for mentors on the floor.",
        "capacity": "Twelve mentors a term", "leadTime": "Six weeks",
    });
    people.institution.create(Op::CreateOffer, offer).await?;
    Ok(need)
}

/// The first plan, in force: goals, a team, a step it carries out, and what all of it rests on.
async fn plan(lead: &Actor, table: &Table, people: &People, need: &Value) -> Result<()> {
    let today = Utc::now().date_naive();
    let far = json!({
        "statement": "Four of five new machinists are still with their first employer after two years.", "horizon": "long",
        "metrics": ["Share of hires still employed after 24 months"],
    });
    let far = people.employer.create(Op::CreateGoal, far).await?;
    people.champion.again(Op::AgreeGoal, &far).await?;
    let near = json!({
        "statement": "Every second shift has a named mentor.", "horizon": "short", "parentGoalId": far["id"],
        "metrics": ["Shops with a mentor on second shift"],
    });
    let near = lead.create(Op::CreateGoal, near).await?;
    people.employer.again(Op::AgreeGoal, &near).await?;
    let team = json!({
        "name": "Mentor team", "purpose": "Find mentors for second shift and the hours to let them teach.",
        "goalId": near["id"], "leadOrganizationId": table.copper.organization["id"],
        "leadSeatId": table.copper.seat["id"],
    });
    let team = lead.create(Op::CreateActionTeam, team).await?;
    people.champion.again(Op::AcceptActionTeam, &team).await?;
    people.institution.again(Op::JoinActionTeam, &team).await?;
    people.union.again(Op::JoinActionTeam, &team).await?;
    let mut steps = Vec::new();
    for (actor, seated, title, due) in [
        (&people.institution, &table.college, "Two evenings of instruction for twelve mentors", 40),
        (&people.employer, &table.birch, "Let one experienced machinist change to second shift for a quarter", 60),
    ] {
        let step = json!({
            "title": title, "goalId": near["id"], "actionTeamId": team["id"], "leadOrganizationId": seated.organization["id"],
            "dueOn": today + Days::new(due),
        });
        let step = lead.create(Op::CreatePlanStep, step).await?;
        actor.again(Op::AcceptPlanStep, &step).await?;
        steps.push(step["id"].clone());
    }
    let version = json!({
        "summary": "Mentors for second shift first, because that is where newcomers leave. Training follows once we know it holds.",
        "stepIds": steps, "basisNeedIds": [need["id"]], "basisStatementIds": need["sourceStatementIds"],
    });
    let version = lead.create(Op::CreatePlanVersion, version).await?;
    for (actor, seated) in [(&people.employer, &table.birch), (&people.champion, &table.copper)] {
        let approval = json!({ "planVersionId": version["id"], "organizationId": seated.organization["id"] });
        actor.create(Op::CreatePlanApproval, approval).await?;
    }
    Ok(())
}

/// Two topics: one that belongs in the partnership, one that its parties keep for the bargaining table.
async fn topics(lead: &Actor, table: &Table, people: &People) -> Result<()> {
    let (employer, union) = (&table.birch.organization["id"], &table.fabricators.organization["id"]);
    let mentors = json!({
        "subject": "Who may be a mentor on the floor", "subjectMatter": "other", "partyOrganizationIds": [employer, union],
        "text": "Whether journey workers of any shift can be mentors, and how they are asked.",
        "rationale": "Nothing in the contract speaks of it.",
    });
    let premium = json!({
        "kind": "idea", "subject": "A higher premium for second shift",
        "text": "Would people stay if second shift were paid better?",
    });
    let premium = people.institution.create(Op::CreateInput, premium).await?;
    lead.again(Op::AcknowledgeInput, &premium).await?;
    let pay = json!({
        "subject": "The premium for second shift", "subjectMatter": "pay", "partyOrganizationIds": [employer, union],
        "text": "Whether the premium is raised, and for whom.", "inputIds": [premium["id"]],
        "rationale": "The contract is open next spring.", "reviewOn": days(Utc::now(), 200).date_naive(),
    });
    for (proposer, topic, to) in [(&people.union, mentors, "partnership"), (&people.employer, pay, "bargaining_table")]
    {
        let topic = proposer.create(Op::CreateTopic, topic).await?;
        for (party, organization) in [(&people.employer, employer), (&people.union, union)] {
            let consent = json!({ "topicId": topic["id"], "organizationId": organization, "consentsTo": to });
            party.create(Op::CreateTopicConsent, consent).await?;
        }
        people.union.again(Op::AgreeTopic, &topic).await?;
    }
    Ok(())
}

/// Another partnership, so that it can be seen that nothing of one is known at the other.
async fn harbor(teller: &mut Teller, operator: &Actor) -> Result<()> {
    let partnership = json!({
        "slug": "harbor-health", "workingTitle": "Harbor Health Careers Council", "naics": ["622"], "region": "Harbor City (fictional)",
    });
    let partnership = operator.create(Op::CreatePartnership, partnership).await?;
    let lead = teller.system(id_of(&partnership)?);
    let hospital = teller
        .seat(
            &lead,
            json!({ "name": "Harbor General (demo)", "kind": "employer", "naics": ["622110"] }),
            json!({ "sizeClass": "enterprise", "headcount": 1900 }),
            ("Grace Mbeki", "Chief Nursing Officer", "executive"),
        )
        .await?;
    let entry = json!({ "entryKind": "program", "name": "Harbor nursing bridge", "description": "From aide to nurse in four terms." });
    let entry = lead.create(Op::CreateResource, entry).await?;
    lead.again(Op::PublishResource, &entry).await?;
    teller
        .login(&lead, "outsider", "outsider@demo.example", "Grace Mbeki", json!({ "personId": hospital.person["id"] }))
        .await?;
    Ok(())
}
