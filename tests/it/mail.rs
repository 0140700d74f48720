//! Mail: what is sent to whom, as what bytes, and that none is lost. A mail server of the test takes it in.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use roundtable_calendar::lines::{self, Component};
use roundtable_entity::mail;
use roundtable_kernel::standing::Role;
use roundtable_mail::Transport;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::backend::settings;
use crate::harness::client::text;
use crate::harness::{App, Who};

/// A mail server that keeps what it is given.
#[derive(Clone, Default)]
struct Sink {
    port: u16,
    taken: Arc<Mutex<Vec<String>>>,
    /// How many it still turns away for now.
    refuses: Arc<AtomicUsize>,
}

impl Sink {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self { port: listener.local_addr().unwrap().port(), ..Self::default() };
        let kept = sink.clone();
        actix_web::rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                actix_web::rt::spawn(kept.clone().serve(stream));
            }
        });
        sink
    }

    async fn serve(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 sink\r\n").await.unwrap();
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let answer = match line.get(..4).unwrap_or_default() {
                "EHLO" => "250-sink\r\n250 8BITMIME\r\n",
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await.unwrap();
                    let mut message = String::new();
                    while !message.ends_with("\r\n.\r\n") {
                        if stream.read_line(&mut message).await.unwrap() == 0 {
                            return;
                        }
                    }
                    let full =
                        self.refuses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
                    if full.is_ok() {
                        "451 later\r\n"
                    } else {
                        self.taken.lock().unwrap().push(message.trim_end_matches(".\r\n").replace("\r\n..", "\r\n."));
                        "250 taken\r\n"
                    }
                }
                "QUIT" => "221 bye\r\n",
                _ => "250 well\r\n",
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }

    fn last(&self) -> String {
        self.taken().pop().unwrap()
    }
}

/// The same partnership, served by a server that sends mail.
async fn mailing(app: &App) -> (App, Sink, Transport) {
    let sink = Sink::open().await;
    let mut settings = settings(&app.url);
    settings.mail_server = format!("smtp://127.0.0.1:{}", sink.port);
    settings.mail_from = "Roundtable <table@example.org>".into();
    let server = roundtable_server::assemble(app.server.app.store.clone(), &settings).await.unwrap();
    let transport = settings.mail().unwrap().unwrap();
    (App::over(server, app), sink, transport)
}

async fn deliver(app: &App, transport: &Transport) {
    while roundtable_mail::due(&app.server.app, transport).await.unwrap() > 0 {}
}

fn header<'m>(message: &'m str, name: &str) -> &'m str {
    let head = message.split("\r\n\r\n").next().unwrap();
    let found = head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {name} in {head}"))
}

/// The part of this kind, decoded.
fn part(message: &str, kind: &str) -> String {
    let start = message.find(&format!("Content-Type: {kind}")).unwrap_or_else(|| panic!("no {kind} in {message}"));
    let (head, body) = message[start..].split_once("\r\n\r\n").unwrap();
    let body = body.split("\r\n--").next().unwrap();
    match () {
        () if head.contains("base64") => {
            let packed: String = body.split_whitespace().collect();
            String::from_utf8(STANDARD.decode(packed).unwrap()).unwrap()
        }
        () if head.contains("quoted-printable") => {
            let joined = body.replace("=\r\n", "");
            let mut bytes = Vec::new();
            let mut rest = joined.as_bytes();
            while let Some((first, after)) = rest.split_first() {
                if *first == b'=' {
                    bytes.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
                    rest = &after[2..];
                } else {
                    bytes.push(*first);
                    rest = after;
                }
            }
            String::from_utf8(bytes).unwrap()
        }
        () => body.to_owned(),
    }
}

/// The calendar that goes with a mail: its method and its event.
fn carried(message: &str) -> (String, Component) {
    let (calendars, faults) = lines::read(&part(message, "text/calendar"));
    assert!(faults.is_empty() && calendars.len() == 1, "{faults:?} {message}");
    let event = calendars[0].parts.iter().find(|part| part.name == "VEVENT").unwrap().clone();
    (calendars[0].text("METHOD").unwrap(), event)
}

async fn draft(app: &App, title: &str, asked: &[Role]) -> Value {
    let lead = &app.world.ours.lead;
    let meeting = app.make(lead, "/v1/meetings", json!({
        "title": title, "kind": "action_team", "mode": "action", "objective": "Agree on one pilot",
        "startsAt": "2027-03-09T15:00:00Z", "durationMinutes": 60, "timeZone": "America/Chicago", "place": "Hall 3",
    })).await;
    for role in asked {
        let asked = json!({ "meetingId": meeting["id"], "seatId": app.world.ours.seat[role] });
        app.make(lead, "/v1/attendances", asked).await;
    }
    meeting
}

async fn call(app: &App, meeting: &Value) -> Value {
    app.act(&app.world.ours.lead, meeting, "/v1/meetings", "schedule", json!({})).await
}

async fn waiting(app: &App) -> Vec<mail::Model> {
    mail::Entity::find().all(app.server.app.store.read()).await.unwrap()
}

cases! {
    async fn a_meeting_is_mailed_when_it_is_called_moved_and_called_off(app: App) {
        let (app, sink, transport) = mailing(&app).await;
        let lead = &app.world.ours.lead;
        let person = app.get(lead, &format!("/v1/people/{}", app.world.ours.person[&Role::Institution])).await;
        app.patch(lead, &person, "/v1/people", json!({ "doNotContact": true })).await.is(200);
        let title = "Énergie, pilot";
        let meeting = draft(&app, title, &[Role::Union, Role::Institution]).await;
        assert!(waiting(&app).await.is_empty(), "a draft is nobody's to know");
        let meeting = call(&app, &meeting).await;
        deliver(&app, &transport).await;
        assert_eq!(sink.taken().len(), 1, "who asked not to be contacted is not");
        let mail = sink.last();
        assert!(header(&mail, "To").contains("union@person.example"));
        assert!(header(&mail, "Content-Type").starts_with("multipart/alternative"));
        assert!(part(&mail, "text/plain").contains("Objective: Agree on one pilot"));
        assert!(mail.contains("method=REQUEST"), "{mail}");
        let (method, event) = carried(&mail);
        assert_eq!((method.as_str(), event.text("SUMMARY").unwrap().as_str()), ("REQUEST", title));
        assert_eq!(event.text("UID").unwrap(), text(&meeting["uid"]));
        assert_eq!(event.text("SEQUENCE").unwrap(), "0");
        let attendees: Vec<&str> = event.every("ATTENDEE").map(|one| one.value.as_str()).collect();
        assert_eq!(attendees, ["mailto:union@person.example"]);
        assert_eq!(event.text("ORGANIZER").unwrap(), "mailto:table@example.org");
        // What is no question of time or place is not mailed.
        let meeting = app.patch(lead, &meeting, "/v1/meetings", json!({ "logistics": "Boots" })).await.is(200).clone();
        deliver(&app, &transport).await;
        assert_eq!(sink.taken().len(), 1);
        let moved = json!({ "startsAt": "2027-03-10T15:00:00Z" });
        let meeting = app.patch(lead, &meeting, "/v1/meetings", moved).await.is(200).clone();
        deliver(&app, &transport).await;
        let (method, again) = carried(&sink.last());
        assert_eq!((method.as_str(), again.text("SEQUENCE").unwrap().as_str()), ("REQUEST", "1"));
        assert_eq!(again.text("UID"), event.text("UID"));
        app.act(lead, &meeting, "/v1/meetings", "cancel", json!({ "reason": "snow" })).await;
        deliver(&app, &transport).await;
        assert_eq!(sink.taken().len(), 3);
        let (method, last) = carried(&sink.last());
        assert_eq!((method.as_str(), last.text("SEQUENCE").unwrap().as_str()), ("CANCEL", "2"));
        assert_eq!((last.text("UID"), last.text("STATUS").unwrap().as_str()), (event.text("UID"), "CANCELLED"));
    }

    async fn who_is_asked_later_or_no_longer_is_told_alone(app: App) {
        let (app, sink, transport) = mailing(&app).await;
        let lead = &app.world.ours.lead;
        let meeting = draft(&app, "Later", &[Role::Union]).await;
        let meeting = call(&app, &meeting).await;
        deliver(&app, &transport).await;
        let asked = json!({ "meetingId": meeting["id"], "seatId": app.world.ours.seat[&Role::Institution] });
        let asked = app.make(lead, "/v1/attendances", asked).await;
        deliver(&app, &transport).await;
        assert_eq!(sink.taken().len(), 2);
        assert!(header(&sink.last(), "To").contains("institution@person.example"));
        let gone = format!("/v1/attendances/{}", text(&asked["id"]));
        app.rest(lead, "DELETE", &gone).version(asked["version"].as_i64().unwrap()).is(200).await;
        deliver(&app, &transport).await;
        assert_eq!(sink.taken().len(), 3);
        assert_eq!(carried(&sink.last()).0, "CANCEL");
        assert!(header(&sink.last(), "To").contains("institution@person.example"));
        // A draft that is called off was never told of.
        let draft = draft(&app, "Never", &[Role::Union]).await;
        app.act(lead, &draft, "/v1/meetings", "cancel", json!({ "reason": "snow" })).await;
        deliver(&app, &transport).await;
        assert_eq!(sink.taken().len(), 3);
    }

    async fn no_mail_is_lost_and_none_is_doubled(app: App) {
        let (app, sink, transport) = mailing(&app).await;
        let clock = &app.server.app.clock;
        let meeting = draft(&app, "Often", &[Role::Union, Role::Institution, Role::WorkforceBoard]).await;
        call(&app, &meeting).await;
        // A server that is full for now is asked again later.
        sink.refuses.store(3, Ordering::SeqCst);
        deliver(&app, &transport).await;
        assert!(sink.taken().is_empty());
        clock.advance(TimeDelta::minutes(3));
        // Two servers at once take each mail once.
        let (one, other) = futures_util::join!(deliver(&app, &transport), deliver(&app, &transport));
        let _ = (one, other);
        assert_eq!(sink.taken().len(), 3);
        clock.advance(TimeDelta::days(1));
        deliver(&app, &transport).await;
        assert_eq!(sink.taken().len(), 3);
        let waited = waiting(&app).await;
        assert!(waited.iter().all(|mail| mail.sent_at.is_some() && mail.attempts == 2), "{waited:?}");
        // One that stopped with a mail in hand leaves it to the others after a while.
        let mut stopped = waited[0].clone().into_active_model();
        stopped.sent_at = Set(None);
        stopped.leased_until = Set(Some(clock.now() + TimeDelta::minutes(5)));
        stopped.update(app.server.app.store.maintenance()).await.unwrap();
        deliver(&app, &transport).await;
        assert_eq!(sink.taken().len(), 3);
        clock.advance(TimeDelta::minutes(6));
        deliver(&app, &transport).await;
        let taken = sink.taken();
        assert_eq!(taken.len(), 4);
        let doubled = taken.iter().filter(|mail| header(mail, "Message-ID") == header(&taken[3], "Message-ID")).count();
        assert_eq!(doubled, 2, "a mail that came twice can be told to be one");
        clock.advance(TimeDelta::days(31));
        roundtable_mail::forget(&app.server.app).await.unwrap();
        assert!(waiting(&app).await.is_empty());
    }

    async fn no_name_or_title_makes_a_header_of_its_own(app: App) {
        let (app, sink, transport) = mailing(&app).await;
        let meeting = draft(&app, "Plain", &[Role::Union]).await;
        call(&app, &meeting).await;
        let evil = "x\r\nBcc: evil@example.org\r\n\r\nbody\u{0}";
        mail::Entity::update_many()
            .col_expr(mail::Column::Subject, Expr::value(evil.replace('\u{0}', "\u{b}")))
            .col_expr(mail::Column::RecipientName, Expr::value(evil.replace('\u{0}', "\u{b}")))
            .exec(app.server.app.store.maintenance())
            .await
            .unwrap();
        deliver(&app, &transport).await;
        let mail = sink.last();
        let head = mail.split("\r\n\r\n").next().unwrap();
        assert!(head.split("\r\n").all(|line| !line.starts_with("Bcc")), "{head}");
        assert!(head.contains("Content-Type: multipart/alternative"), "{head}");
    }

    async fn the_token_of_an_invitation_goes_to_its_address_alone(app: App) {
        let lead = app.world.ours.lead.clone();
        let body = |email: &str| json!({ "email": email, "staffRole": "observer" });
        let shown = app.make(&lead, "/v1/invitations", body("seen@example.org")).await;
        assert!(shown["token"].is_string(), "without mail whoever invites hands it on");
        let (app, sink, transport) = mailing(&app).await;
        assert!(waiting(&app).await.is_empty(), "without mail nothing is written");
        let made = app.make(&lead, "/v1/invitations", body("mailed@example.org")).await;
        assert!(made.get("token").is_none(), "{made}");
        let kept = waiting(&app).await;
        assert!(kept.iter().all(|mail| !mail.text.contains("rti_")), "no secret is kept");
        deliver(&app, &transport).await;
        let mail = part(&sink.last(), "text/plain");
        let token = mail.split_whitespace().find(|word| word.starts_with("rti_")).unwrap();
        let accepted = json!({ "token": token, "password": "correct horse battery", "name": "Mailed" });
        app.rest(&Who::anonymous(), "POST", "/v1/invitations/accept").json(accepted).is(200).await;
        let dead = app.make(&lead, "/v1/invitations", body("dead@example.org")).await;
        let path = format!("/v1/invitations/{}", text(&dead["id"]));
        app.rest(&lead, "DELETE", &path).version(dead["version"].as_i64().unwrap()).is(200).await;
        deliver(&app, &transport).await;
        assert_eq!(sink.taken().len(), 1, "what was taken back is not sent");
    }
}

#[test]
fn mail_is_not_sent_unencrypted_over_a_network() {
    let tried = |server: &str, from: &str| {
        let settings = roundtable_server::settings::Settings {
            mail_server: server.into(),
            mail_from: from.into(),
            ..roundtable_server::settings::Settings::default()
        };
        settings.check().is_ok()
    };
    assert!(tried("", ""));
    assert!(tried("smtps://u:p@mail.example.org", "table@example.org"));
    assert!(tried("smtp://mail.example.org?tls=required", "Table <table@example.org>"));
    assert!(tried("smtp://127.0.0.1:2525", "table@example.org"));
    assert!(!tried("smtp://mail.example.org", "table@example.org"));
    assert!(!tried("smtp://127.0.0.1.example.org", "table@example.org"));
    assert!(!tried("smtps://mail.example.org", ""));
    assert!(!tried("smtps://mail.example.org", "no address"));
    assert!(!tried("nonsense", "table@example.org"));
}
