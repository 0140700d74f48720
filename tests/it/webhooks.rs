//! Webhooks: what is sent, to whom, how often, and where to it is never sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use roundtable_events::sending::Sender;
use roundtable_kernel::hub;
use roundtable_kernel::standing::Role;
use roundtable_server::settings::Settings;
use serde_json::{Value, json};

use crate::harness::chance::{self, Chance};
use crate::harness::client::{id, text};
use crate::harness::live::{live, quick, server, within};
use crate::harness::process::Process;
use crate::harness::receiver::Receiver;
use crate::harness::{App, Backend, Who};

async fn webhook(app: &App, who: &Who, receiver: &Receiver, kinds: Value) -> Value {
    app.make(who, "/v1/webhooks", json!({ "url": receiver.url, "kinds": kinds })).await
}

async fn location(app: &App, name: &str) -> Value {
    let (lead, organization) = (&app.world.ours.lead, app.world.ours.organization[&Role::Employer]);
    app.make(lead, "/v1/locations", json!({ "organizationId": organization, "name": name })).await
}

async fn deliveries(app: &App, who: &Who, webhook: &Value) -> Vec<Value> {
    let path = format!("/v1/webhook-deliveries?webhookId={}&first=200&expand=log", text(&webhook["id"]));
    app.get(who, &path).await["items"].as_array().unwrap().clone()
}

async fn again(app: &App, who: &Who, webhook: &Value) -> Value {
    app.get(who, &format!("/v1/webhooks/{}", text(&webhook["id"]))).await
}

cases! {
    async fn a_webhook_is_told_what_its_owner_may_read_and_signed(app: App) {
        let live = live(&app).await;
        let union = &app.world.ours.who[&Role::Union];
        let receiver = Receiver::start(|_| 200).await;
        let made = webhook(&live.app, union, &receiver, json!(["location", "interest"])).await;
        let secret = text(&made["secret"]).to_owned();
        assert!(again(&app, union, &made).await.get("secret").is_none(), "shown once");
        let place = location(&live.app, "Plant 2").await;
        let hope = json!({ "organizationId": app.world.ours.organization[&Role::Employer], "kind": "hope", "text": "x" });
        live.app.make(&app.world.ours.lead, "/v1/interests", hope).await;
        location(&live.app, "Plant 3").await;
        within(10, "two requests", async || receiver.received().len() == 2).await;
        let got = receiver.received();
        assert!(got.iter().all(|one| one.is_signed_with(&secret)));
        assert!(!got[0].is_signed_with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        let first = got.iter().map(crate::harness::receiver::Received::body);
        let first = first.into_iter().find(|body| body["data"]["recordId"] == place["id"]).unwrap();
        assert_eq!(first["type"], "location.created");
        assert_eq!(first["data"]["record"], app.get(union, &format!("/v1/locations/{}", text(&place["id"]))).await);
        let feed = app.get(union, &format!("/v1/events?recordId={}", text(&place["id"]))).await;
        let mut event = feed["items"][0].clone();
        event["cursor"] = first["data"]["cursor"].clone();
        assert_eq!(first["data"], event, "as the feed shows it");
        within(5, "the log says so", async || {
            let log = deliveries(&app, union, &made).await;
            log.len() == 2 && log.iter().all(|one| one["state"] == "delivered" && one["log"][0]["status"] == 200)
        })
        .await;
        // The body is for the role it was made for.
        let log = deliveries(&app, union, &made).await;
        assert!(log.iter().all(|one| one.get("payload").is_some()));
        // Rotation: both secrets for a day, then the new one.
        let now = again(&app, union, &made).await;
        let renewed = live.app.act(union, &now, "/v1/webhooks", "renew-secret", json!({})).await;
        let fresh = text(&renewed["secret"]).to_owned();
        live.app.act(union, &renewed, "/v1/webhooks", "test", json!({})).await;
        within(10, "a test", async || receiver.received().len() == 3).await;
        let test = receiver.received().pop().unwrap();
        assert_eq!(test.body()["type"], "webhook.test");
        assert!(test.is_signed_with(&secret) && test.is_signed_with(&fresh));
        live.app.server.app.clock.advance(TimeDelta::days(2));
        let now = again(&app, union, &made).await;
        live.app.act(union, &now, "/v1/webhooks", "test", json!({})).await;
        within(10, "another", async || receiver.received().len() == 4).await;
        let test = receiver.received().pop().unwrap();
        assert!(!test.is_signed_with(&secret) && test.is_signed_with(&fresh));
        live.stop().await;
    }

    async fn what_fails_is_tried_again_and_what_is_over_is_disabled(app: App) {
        let slow = Settings { webhook_timeout_seconds: 1, ..quick(&app.url) };
        let live = crate::harness::live::live_with(&app, slow).await;
        let lead = &app.world.ours.lead;
        let flaky = Receiver::start(|number| if number < 30 { [500, 0, 302][number % 3] } else { 204 }).await;
        let gone = Receiver::start(|_| 410).await;
        let silent = Receiver::start(|_| 1).await;
        webhook(&live.app, lead, &flaky, json!(["location.created"])).await;
        let over = webhook(&live.app, lead, &gone, json!(["location.created"])).await;
        let dead = webhook(&live.app, lead, &silent, json!(["location.created"])).await;
        for number in 0..20 {
            location(&live.app, &format!("Plant {number}")).await;
        }
        within(20, "each was taken in the end", async || {
            let taken: BTreeSet<String> = flaky.taken().iter().map(|one| one.id().to_owned()).collect();
            taken.len() == 20
        })
        .await;
        let first = flaky.received().first().unwrap().id().to_owned();
        let same = flaky.received().iter().filter(|one| one.id() == first).count();
        assert!(same >= 1);
        within(5, "gone is gone", async || again(&app, lead, &over).await["state"] == "disabled").await;
        let told = app.get(lead, "/v1/events?kind=webhook.disabled&first=200").await;
        assert!(told["items"].as_array().unwrap().iter().any(|event| event["recordId"] == over["id"]));
        assert!(gone.received().len() <= 8, "nothing more was sent: {}", gone.received().len());
        within(10, "no answer is a failure", async || {
            deliveries(&app, lead, &dead).await.iter().any(|one| one["error"] == "no answer in time")
        })
        .await;
        // A delivery that was refused for good is sent again by hand.
        let failed = deliveries(&app, lead, &over).await;
        let failed = failed.iter().find(|one| one["state"] == "failed").unwrap();
        let path = format!("/v1/webhook-deliveries/{}/retry", text(&failed["id"]));
        let retry = live.app.rest(lead, "POST", &path).version(failed["version"].as_i64().unwrap()).json(json!({}));
        retry.send().await.refused(409, "WRONG_STATE");
        live.stop().await;
    }

    async fn days_of_failures_disable_and_a_replay_brings_back_what_was_missed(app: App) {
        let patient = Settings { webhook_retry_seconds: "100000".into(), ..quick(&app.url) };
        let live = crate::harness::live::live_with(&app, patient).await;
        let lead = &app.world.ours.lead;
        let well = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let answers = well.clone();
        let receiver =
            Receiver::start(move |_| if answers.load(std::sync::atomic::Ordering::SeqCst) { 200 } else { 500 }).await;
        let made = webhook(&live.app, lead, &receiver, json!(["location.created"])).await;
        let since = Utc::now();
        location(&live.app, "Missed 1").await;
        within(10, "it fails", async || again(&app, lead, &made).await.get("failingSince").is_some()).await;
        live.app.server.app.clock.advance(TimeDelta::days(6));
        location(&live.app, "Missed 2").await;
        within(10, "it is disabled", async || again(&app, lead, &made).await["state"] == "disabled").await;
        location(&live.app, "Missed 3").await;
        well.store(true, std::sync::atomic::Ordering::SeqCst);
        let now = again(&app, lead, &made).await;
        let enabled = live.app.act(lead, &now, "/v1/webhooks", "enable", json!({})).await;
        live.app.act(lead, &enabled, "/v1/webhooks", "replay", json!({ "since": since })).await;
        within(10, "all are there", async || {
            let names: BTreeSet<String> = receiver
                .taken()
                .iter()
                .map(|one| text(&one.body()["data"]["record"]["name"]).to_owned())
                .collect();
            names.len() == 3
        })
        .await;
        live.stop().await;
    }

    async fn what_failed_before_it_was_enabled_does_not_disable_it_again(app: App) {
        let patient =
            Settings { webhook_retry_seconds: "100000".into(), webhook_timeout_seconds: 4, ..quick(&app.url) };
        let live = crate::harness::live::live_with(&app, patient).await;
        let lead = &app.world.ours.lead;
        // After days of failures, one attempt hangs while the other disables the webhook.
        let receiver = Receiver::start(|number| if number == 1 { 1 } else { 500 }).await;
        let made = webhook(&live.app, lead, &receiver, json!(["location.created"])).await;
        location(&live.app, "Plant 2").await;
        within(10, "it fails", async || again(&app, lead, &made).await.get("failingSince").is_some()).await;
        live.app.server.app.clock.advance(TimeDelta::days(6));
        location(&live.app, "Plant 3").await;
        within(10, "it is disabled", async || again(&app, lead, &made).await["state"] == "disabled").await;
        let now = again(&app, lead, &made).await;
        live.app.act(lead, &now, "/v1/webhooks", "enable", json!({})).await;
        within(10, "the attempt that hung is over", async || {
            let log = deliveries(&app, lead, &made).await;
            let attempts: Vec<&Value> = log.iter().flat_map(|one| one["log"].as_array().unwrap()).collect();
            attempts.iter().any(|one| one["error"] == "no answer in time")
        })
        .await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(again(&app, lead, &made).await["state"], "active");
        live.stop().await;
    }

    async fn a_replay_tells_all_since_however_late_it_was_committed(app: App) {
        let live = live(&app).await;
        let lead = &app.world.ours.lead;
        let receiver = Receiver::start(|_| 200).await;
        let made = webhook(&live.app, lead, &receiver, json!(["location.created"])).await;
        let since = Utc::now();
        location(&live.app, "Plant 2").await;
        within(10, "it is told", async || receiver.ids_taken() == 1).await;
        // Something written before that moment is committed after it.
        live.app.server.app.clock.advance(TimeDelta::hours(-1));
        location(&live.app, "Plant 3").await;
        live.app.server.app.clock.advance(TimeDelta::hours(1));
        let now = again(&app, lead, &made).await;
        live.app.act(lead, &now, "/v1/webhooks", "replay", json!({ "since": since })).await;
        let told = |name: &str| receiver.taken().iter().filter(|one| one.body()["data"]["record"]["name"] == name).count();
        within(10, "it is told again", async || told("Plant 2") == 2).await;
        live.stop().await;
    }

    async fn an_attempt_from_before_says_nothing_of_a_replay(app: App) {
        let patient =
            Settings { webhook_retry_seconds: "100000".into(), webhook_timeout_seconds: 4, ..quick(&app.url) };
        let live = crate::harness::live::live_with(&app, patient).await;
        let lead = &app.world.ours.lead;
        let receiver = Receiver::start(|number| if number == 0 { 1 } else { 200 }).await;
        let made = webhook(&live.app, lead, &receiver, json!(["location.created"])).await;
        let since = Utc::now();
        location(&live.app, "Plant 2").await;
        within(10, "it is under way", async || receiver.received().len() == 1).await;
        let now = again(&app, lead, &made).await;
        live.app.act(lead, &now, "/v1/webhooks", "replay", json!({ "since": since })).await;
        within(10, "it is sent again at once", async || receiver.taken().len() == 1).await;
        within(10, "the attempt from before ends", async || {
            deliveries(&app, lead, &made).await[0]["log"].as_array().is_some_and(|log| log.len() == 2)
        })
        .await;
        let sent = deliveries(&app, lead, &made).await.remove(0);
        assert_eq!((&sent["state"], &sent["attempts"]), (&json!("delivered"), &json!(1)), "{sent}");
        let mut ends: Vec<bool> = sent["log"].as_array().unwrap().iter().map(|one| one.get("error").is_some()).collect();
        ends.sort();
        assert_eq!(ends, [false, true], "{sent}");
        live.stop().await;
    }

    async fn a_webhook_of_somebody_who_left_is_told_nothing(app: App) {
        let live = live(&app).await;
        let (lead, union) = (&app.world.ours.lead, &app.world.ours.who[&Role::Union]);
        let receiver = Receiver::start(|_| 200).await;
        webhook(&live.app, union, &receiver, json!(["location.created"])).await;
        location(&live.app, "Before").await;
        within(10, "it is told", async || receiver.received().len() == 1).await;
        let seat = app.get(lead, &format!("/v1/seats/{}", app.world.ours.seat[&Role::Union])).await;
        live.app.act(lead, &seat, "/v1/seats", "end", json!({ "leaveUncovered": true })).await;
        for number in 0..5 {
            location(&live.app, &format!("After {number}")).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(receiver.received().len(), 1, "nothing after");
        live.stop().await;
    }

    async fn no_request_goes_into_a_network_that_is_not_allowed(app: App) {
        let lead = &app.world.ours.lead;
        for url in ["http://127.0.0.1:9/", "https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://0x7f.1/", "ftp://x.y/"] {
            let refused = app.rest(lead, "POST", "/v1/webhooks").json(json!({ "url": url })).send().await;
            assert_eq!(refused.status, 400, "{url}: {}", refused.body);
            assert_eq!(refused.body["errors"][0]["pointer"], "/url");
        }
        let unknown = json!({ "url": "https://example.org/", "kinds": ["salary.raised"] });
        app.rest(lead, "POST", "/v1/webhooks").json(unknown).send().await.refuses_member("/kinds/0", "not_found");
        // A name that leads inside is found out when it is looked up.
        let receiver = Receiver::start(|_| 200).await;
        let strict = Settings { webhook_allow_networks: String::new(), ..quick(&app.url) };
        let live = crate::harness::live::live_with(&app, strict).await;
        let port = receiver.url.rsplit(':').next().unwrap().to_owned();
        let inside = json!({ "url": format!("https://localhost:{port}"), "kinds": ["location.created"] });
        let inside = live.app.make(lead, "/v1/webhooks", inside).await;
        location(&live.app, "Plant 2").await;
        within(10, "it fails", async || {
            let log = deliveries(&app, lead, &inside).await;
            log.iter().any(|one| one["error"].as_str().is_some_and(|error| error.contains("do not reach")))
        })
        .await;
        assert!(receiver.received().is_empty());
        live.stop().await;
    }

    /// A repeat is what the receiver is sent after it has answered 2xx to the same event. What it did not answer so, it is
    /// sent again because it asked for it.
    async fn nothing_is_lost_when_replicas_are_killed(app: App) {
        // The long form: ROUNDTABLE_TEST_EVENTS=20000 ROUNDTABLE_TEST_KILLS=20.
        let asked = |name: &str, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
        let (count, kills) = (asked("ROUNDTABLE_TEST_EVENTS", 160usize), asked("ROUNDTABLE_TEST_KILLS", 4usize));
        let seed = chance::seed();
        let lead = &app.world.ours.lead;
        let receiver = Receiver::start(move |number| {
            let mut chance = Chance::from(seed ^ ((number as u64) << 20));
            if chance.one_in(7) { *chance.pick(&[500, 503, 0]) } else { 200 }
        })
        .await;
        let allowed = server(&app, &quick(&app.url)).await;
        let allowed = App::over(allowed, &app);
        let made = webhook(&allowed, lead, &receiver, json!(["location"])).await;
        let secret = text(&made["secret"]).to_owned();
        let mut replicas = [Replica::start(&app).await, Replica::start(&app).await];
        let mut chance = Chance::from(seed);
        let began = std::time::Instant::now();
        let mut expected = BTreeSet::new();
        let mut killed = 0;
        while expected.len() < count {
            let place = location(&allowed, &format!("Plant {}", expected.len())).await;
            expected.insert((id(&place["id"]), 1));
            if chance.one_in(3) {
                let changed = allowed.patch(lead, &place, "/v1/locations", json!({ "city": "Rockford" })).await;
                changed.is(200);
                expected.insert((id(&place["id"]), 2));
            }
            if expected.len() * kills >= count * (killed + 1) {
                killed += 1;
                let fresh = Replica::start(&app).await;
                tokio::time::sleep(Duration::from_millis(chance.below(50) as u64)).await;
                let which = chance.below(replicas.len());
                std::mem::replace(&mut replicas[which], fresh).kill();
            }
        }
        let key = |body: &Value| (id(&body["data"]["recordId"]), body["data"]["recordVersion"].as_i64().unwrap());
        let due = u64::try_from(60 + count / 50).unwrap();
        within(due, "every event is delivered", async || {
            receiver.ids_taken() >= expected.len()
        })
        .await;
        let mut by_id: BTreeMap<String, BTreeSet<(uuid::Uuid, i64)>> = BTreeMap::new();
        let mut order: BTreeMap<uuid::Uuid, BTreeMap<i64, DateTime<Utc>>> = BTreeMap::new();
        let taken = receiver.taken();
        for one in &taken {
            assert!(one.is_signed_with(&secret));
            let body = one.body();
            let (record, version) = key(&body);
            // Whatever order requests come in, each says how new what it tells is.
            assert!(body["data"]["record"]["version"].as_i64().unwrap() >= version, "{body}");
            order.entry(record).or_default().insert(version, text(&body["timestamp"]).parse().unwrap());
            by_id.entry(one.id().to_owned()).or_default().insert((record, version));
        }
        assert!(by_id.values().all(|events| events.len() == 1), "one id, one event");
        let told: BTreeSet<_> = by_id.into_values().flatten().collect();
        assert_eq!(told, expected, "all of it, and nothing else");
        assert!(order.values().all(|versions| versions.values().is_sorted()), "versions are in the order of what happened");
        let repeated = taken.len() - expected.len();
        eprintln!(
            "{:?}: {} events, {kills} kills, {repeated} repeated ({:.2} %), {} requests, {:?}, seed {seed}",
            app.backend,
            expected.len(),
            100.0 * repeated as f64 / expected.len() as f64,
            receiver.received().len(),
            began.elapsed(),
        );
        // What a killed server had under way, and had not written down yet.
        let under_way = kills * Settings::default().webhook_concurrency;
        assert!(repeated <= under_way.max(expected.len() / 100), "{repeated} of {} repeated", expected.len());
        replicas.into_iter().for_each(Replica::kill);
    }
}

/// A server that sends, and that can be killed at any moment.
enum Replica {
    /// A process of its own.
    Process(Process),
    /// SQLite has one writer, which every replica of the test shares: a runtime that is taken away.
    Runtime(tokio::runtime::Runtime),
}

impl Replica {
    async fn start(app: &App) -> Replica {
        if app.backend == Backend::Postgres {
            let url = app.url.clone();
            return Replica::Process(tokio::task::spawn_blocking(move || Process::start(&url)).await.unwrap());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (settings, store) = (quick(&app.url), app.server.app.store.clone());
        runtime.spawn(async move {
            let server = roundtable_server::assemble(store, &settings).await.unwrap();
            let sender = Sender::new(&server.app, settings.sending().unwrap()).unwrap().start();
            hub::follow(server.app.clone()).await;
            sender.stopped().await;
        });
        Replica::Runtime(runtime)
    }

    /// Ends it. Nothing is put in order.
    fn kill(self) {
        match self {
            Replica::Process(process) => process.kill(),
            Replica::Runtime(runtime) => runtime.shutdown_background(),
        }
    }
}
