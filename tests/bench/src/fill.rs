//! The reference set: the same rows every time, written past the doors because only reading and single writes are
//! measured.

use std::sync::OnceLock;

use chrono::{DateTime, Days, TimeDelta, Utc};
use roundtable_entity::*;
use roundtable_server::settings::Settings;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// What the workloads need to know of the set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Set {
    /// The caller's partnership.
    pub partnership: Uuid,
    /// The intermediary's lead at it.
    pub lead: Uuid,
    /// A token of theirs.
    pub token: String,
    /// Partners of that partnership.
    pub partners: Vec<Uuid>,
}

const PARTNERSHIPS: usize = 50;
const PARTNERS: usize = 200;
const MEETINGS: usize = 100;
const ITEMS: usize = 4;
const ASKED: usize = 10;
/// Entries of the map at the caller's partnership, so that pages lie deep; the rest belong to the others.
const OWN_RESOURCES: usize = 10_000;
const RESOURCES: usize = 20_000;

const WORDS: &[&str] = &[
    "apprenticeship",
    "welding",
    "machining",
    "nursing",
    "childcare",
    "transport",
    "credential",
    "employer",
    "wage",
    "training",
    "curriculum",
    "logistics",
    "robotics",
    "maintenance",
    "recruitment",
    "retention",
    "mentor",
    "bilingual",
    "evening",
    "certificate",
    "college",
    "union",
    "safety",
    "quality",
    "measurement",
    "blueprint",
    "reading",
    "math",
    "placement",
    "stipend",
    "veterans",
    "youth",
    "reentry",
    "digital",
    "literacy",
    "hydraulics",
    "electrical",
    "grant",
    "county",
    "regional",
    "advisory",
    "intake",
    "assessment",
    "coaching",
    "interview",
    "internship",
    "tuition",
    "voucher",
];

/// Words a text is made of.
const VOCABULARY: usize = 4_000;
/// Where the words above stand among them, by how common they are: neither in every text nor in hardly any.
const COMMON: usize = 150;
const APART: usize = 10;

/// Every word with the share of a text that it and all more common ones make up: as in real texts, the second is half as
/// common as the first, the third a third.
fn vocabulary() -> &'static [(f64, String)] {
    static WHOLE: OnceLock<Vec<(f64, String)>> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let all: f64 = (1..=VOCABULARY).map(|rank| 1.0 / rank as f64).sum();
        let mut share = 0.0;
        let words = (0..VOCABULARY).map(|at| {
            share += 1.0 / (at + 1) as f64 / all;
            let known =
                at.checked_sub(COMMON).filter(|place| place % APART == 0).and_then(|place| WORDS.get(place / APART));
            (share, known.map_or_else(|| invented(at), |word| (*word).to_owned()))
        });
        words.collect()
    })
}

/// A word that can be spoken, another one for each number.
fn invented(mut number: usize) -> String {
    let mut word = String::new();
    for _ in 0..3 {
        word.push(char::from(b"bdfgklmnprstvz"[number % 14]));
        word.push(char::from(b"aeiou"[number / 14 % 5]));
        number = number / 70 + number % 70;
    }
    word
}

/// A small generator that gives the same sequence everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % below
    }

    fn words(&mut self, count: usize) -> String {
        let mut text = String::new();
        for number in 0..count {
            if number > 0 {
                text.push(if number % 12 == 0 { '\n' } else { ' ' });
            }
            let drawn = self.next(1 << 30) as f64 / f64::from(1 << 30);
            let vocabulary = vocabulary();
            let at = vocabulary.partition_point(|(share, _)| *share <= drawn).min(vocabulary.len() - 1);
            text.push_str(&vocabulary[at].1);
        }
        text
    }
}

struct Rows {
    number: u128,
    at: DateTime<Utc>,
}

impl Rows {
    /// Ids ordered as they are made, like those of the product.
    fn id(&mut self) -> Uuid {
        self.number += 1;
        Uuid::from_u128(((0x0190_0000_0000 + self.number) << 80) | (0x7000 << 64) | (1 << 63) | self.number)
    }

    fn begin<R: Record>(&mut self, id: Uuid, new: serde_json::Value) -> R::Active {
        let new = serde_json::from_value(new).unwrap_or_else(|error| panic!("{}: {error}", R::NAME));
        R::begin(id, self.at, new)
    }
}

async fn insert<A>(db: &impl ConnectionTrait, rows: Vec<A>)
where
    A: ActiveModelTrait + Send,
{
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        // Below the number of parameters a statement may have on either database.
        let some: Vec<A> = rows.by_ref().take(400).collect();
        A::Entity::insert_many(some).exec_without_returning(db).await.unwrap();
    }
}

/// Makes and fills the database.
pub async fn fill(url: &str, scale: usize) -> Set {
    let settings = Settings { database_url: url.into(), public_url: "http://127.0.0.1".into(), ..Settings::default() };
    let store = roundtable_server::connect(&settings).await.unwrap();
    roundtable_server::migrate(&store).await.unwrap();
    let server = roundtable_server::assemble(store.clone(), &settings).await.unwrap();
    let db = store.maintenance();
    let mut rows = Rows { number: 0, at: DateTime::from_timestamp(1_790_000_000, 0).unwrap() };
    let mut dice = Dice(7);
    let lead = rows.id();
    let mut login = rows.begin::<account::Model>(lead, json!({ "email": "lead@example.org", "name": "Lead" }));
    login.email_key = ActiveValue::Set("lead@example.org".into());
    insert(db, vec![login]).await;
    let mut set = Set { partnership: Uuid::nil(), lead, token: String::new(), partners: Vec::new() };
    for number in 0..PARTNERSHIPS * scale {
        let (id, partners) = partnership(db, &mut rows, &mut dice, number).await;
        if number == 0 {
            set.partnership = id;
            set.partners = partners;
            let appointment = json!({ "partnershipId": id, "accountId": lead, "role": "intermediary" });
            let appointment_id = rows.id();
            insert(db, vec![rows.begin::<staff_appointment::Model>(appointment_id, appointment)]).await;
        }
        let resources = match number {
            0 => OWN_RESOURCES * scale,
            _ => (RESOURCES - OWN_RESOURCES) / (PARTNERSHIPS - 1),
        };
        entries(db, &mut rows, &mut dice, id, resources).await;
    }
    let statement = match store.backend() {
        sea_orm::DbBackend::Postgres => "VACUUM ANALYZE",
        _ => "ANALYZE",
    };
    db.execute_unprepared(statement).await.unwrap();
    set.token = server.app.keys.sign(lead, "roundtable", None, None, 24 * 3600).unwrap();
    store.close().await.unwrap();
    set
}

/// One partnership: partners of three kinds, two people and seats each, meetings with agenda and attendance.
async fn partnership(db: &impl ConnectionTrait, rows: &mut Rows, dice: &mut Dice, number: usize) -> (Uuid, Vec<Uuid>) {
    let table = rows.id();
    let new = json!({ "slug": format!("table-{number}"), "workingTitle": format!("Table {number}") });
    insert(db, vec![rows.begin::<partnership::Model>(table, new)]).await;
    let (mut organizations, mut partners, mut people, mut seats) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut partner_ids, mut sitting) = (Vec::new(), Vec::new());
    for at in 0..PARTNERS {
        let (kind, side, word) = match at % 10 {
            0..=4 => ("employer", Side::Employer, OrganizationKind::Employer),
            5..=6 => ("union", Side::Labor, OrganizationKind::Union),
            _ => ("community_college", Side::Education, OrganizationKind::CommunityCollege),
        };
        let name = format!("{} {} {at}", dice.words(2), kind.replace('_', " "));
        let organization = rows.id();
        let mut active = rows.begin::<organization::Model>(
            organization,
            json!({ "partnershipId": table, "name": name, "kind": kind, "description": dice.words(30) }),
        );
        active.side = ActiveValue::Set(side);
        active.name_key = ActiveValue::Set(name.to_lowercase());
        organizations.push(active);
        let partner = rows.id();
        let mut active = rows.begin::<partner::Model>(
            partner,
            json!({ "partnershipId": table, "organizationId": organization, "contribution": dice.words(12) }),
        );
        active.name = ActiveValue::Set(name.clone());
        active.name_key = ActiveValue::Set(name.to_lowercase());
        active.kind = ActiveValue::Set(word);
        active.side = ActiveValue::Set(side);
        active.state = ActiveValue::Set(PartnerState::Active);
        active.live_seats = ActiveValue::Set(2);
        partners.push(active);
        partner_ids.push(partner);
        for (place, role) in ["point_person", "alternate"].into_iter().enumerate() {
            let person = rows.id();
            let full = format!("{} {at} {place}", dice.words(2));
            let mut active = rows.begin::<person::Model>(
                person,
                json!({ "partnershipId": table, "name": full, "email": format!("p{at}-{place}@example.org") }),
            );
            active.organization_id = ActiveValue::Set(Some(organization));
            active.name_key = ActiveValue::Set(full.to_lowercase());
            people.push(active);
            let seat = rows.id();
            let mut active = rows.begin::<seat::Model>(
                seat,
                json!({ "partnershipId": table, "partnerId": partner, "personId": person, "role": role }),
            );
            active.organization_id = ActiveValue::Set(organization);
            active.person_name = ActiveValue::Set(full);
            active.state = ActiveValue::Set(SeatState::Live);
            seats.push(active);
            sitting.push((seat, partner, organization, person));
        }
    }
    insert(db, organizations).await;
    insert(db, partners).await;
    insert(db, people).await;
    insert(db, seats).await;
    meetings(db, rows, dice, table, &sitting).await;
    (table, partner_ids)
}

async fn meetings(
    db: &impl ConnectionTrait,
    rows: &mut Rows,
    dice: &mut Dice,
    table: Uuid,
    sitting: &[(Uuid, Uuid, Uuid, Uuid)],
) {
    let (mut meetings, mut items, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..MEETINGS {
        let meeting = rows.id();
        let starts = rows.at + TimeDelta::hours(number as i64 * 50);
        let mut active = rows.begin::<meeting::Model>(
            meeting,
            json!({
                "partnershipId": table, "title": dice.words(5), "kind": "partnership", "objective": dice.words(14),
                "startsAt": starts, "durationMinutes": 90, "timeZone": "America/Chicago", "place": dice.words(4),
            }),
        );
        active.state = ActiveValue::Set(MeetingState::Scheduled);
        active.ends_at = ActiveValue::Set(starts + TimeDelta::minutes(90));
        active.uid = ActiveValue::Set(Some(format!("{meeting}@example.org")));
        meetings.push(active);
        for position in 0..ITEMS {
            let id = rows.id();
            let mut active = rows.begin::<agenda_item::Model>(
                id,
                json!({
                    "meetingId": meeting, "position": position, "title": dice.words(6), "kind": "decision", "minutes": 20,
                }),
            );
            active.partnership_id = ActiveValue::Set(table);
            items.push(active);
        }
        let first = dice.next(sitting.len());
        for place in 0..ASKED {
            let (seat, partner, organization, person) = sitting[(first + place * 7) % sitting.len()];
            let id = rows.id();
            let mut active = rows.begin::<attendance::Model>(
                id,
                json!({ "meetingId": meeting, "seatId": seat, "invitedAs": "required" }),
            );
            active.partnership_id = ActiveValue::Set(table);
            active.partner_id = ActiveValue::Set(partner);
            active.organization_id = ActiveValue::Set(organization);
            active.person_id = ActiveValue::Set(person);
            asked.push(active);
        }
    }
    insert(db, meetings).await;
    insert(db, items).await;
    insert(db, asked).await;
}

async fn entries(db: &impl ConnectionTrait, rows: &mut Rows, dice: &mut Dice, table: Uuid, count: usize) {
    let today = rows.at.date_naive();
    let mut resources = Vec::with_capacity(count);
    for number in 0..count {
        let name = format!("{} {number}", dice.words(4));
        let id = rows.id();
        let length = 40 + dice.next(160);
        let mut active = rows.begin::<resource::Model>(
            id,
            json!({
                "partnershipId": table, "entryKind": "program", "name": name, "description": dice.words(length),
                "keywords": [WORDS[number % WORDS.len()], WORDS[(number * 7) % WORDS.len()]],
            }),
        );
        active.name_key = ActiveValue::Set(name.to_lowercase());
        active.record_state = ActiveValue::Set(RecordState::Listed);
        active.discovered_on = ActiveValue::Set(today - Days::new(number as u64 % 300));
        resources.push(active);
    }
    insert(db, resources).await;
}

/// Checks that the set is what the workloads take it for.
pub async fn check(url: &str, set: &Set) {
    let settings = Settings { database_url: url.into(), ..Settings::default() };
    let store = roundtable_server::connect(&settings).await.unwrap();
    let found = partner::Entity::find()
        .filter(partner::Column::PartnershipId.eq(set.partnership))
        .all(store.read())
        .await
        .unwrap();
    assert_eq!(found.len(), PARTNERS);
}
