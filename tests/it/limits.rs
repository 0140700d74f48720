//! How often somebody may ask, and what clients are told of what is to end.

use chrono::NaiveDate;
use roundtable_kernel::deprecation::Deprecation;
use roundtable_kernel::op::Op;
use roundtable_kernel::openapi;
use roundtable_server::settings::Settings;
use serde_json::{Value, json};

use crate::harness::{App, Who, backend};

/// A server over the same database that allows so many reads and writes a minute.
async fn limited(app: &App, reads: u32, writes: u32) -> App {
    let settings = Settings { reads_per_minute: reads, writes_per_minute: writes, ..backend::settings(&app.url) };
    let store = roundtable_server::connect(&settings).await.unwrap();
    App::over(roundtable_server::assemble(store, &settings).await.unwrap(), app)
}

cases! {
    async fn reads_and_writes_have_limits_of_their_own(app: App) {
        let app = limited(&app, 3, 1).await;
        let lead = app.world.ours.lead.clone();
        for left in [2, 1, 0] {
            let answer = app.rest(&lead, "GET", "/v1/people").send().await;
            answer.is(200);
            assert_eq!(answer.header("ratelimit-policy"), "\"read\";q=3;w=60");
            assert!(answer.header("ratelimit").starts_with(&format!("\"read\";r={left};t=")), "{:?}", answer.headers);
        }
        let answer = app.rest(&lead, "GET", "/v1/people").send().await;
        answer.refused(429, "TOO_MANY_REQUESTS");
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait));
        assert!(answer.header("ratelimit").starts_with("\"read\";r=0;t="));

        // The write is another limit, and another account another count.
        let write = app.rest(&lead, "POST", "/v1/people").json(json!({ "name": "Within" })).send().await;
        write.is(201);
        assert_eq!(write.header("ratelimit-policy"), "\"write\";q=1;w=60");
        let write = app.rest(&lead, "POST", "/v1/people").json(json!({ "name": "Beyond" })).send().await;
        write.refused(429, "TOO_MANY_REQUESTS");
        app.rest(&app.world.operator, "GET", "/v1/people").is(200).await;
    }

    async fn every_root_field_of_a_graphql_request_counts(app: App) {
        let app = limited(&app, 4, 0).await;
        let lead = app.world.ours.lead.clone();
        let query = "{ a: people { nodes { id } } b: people { nodes { id } } c: me { accountId } }";
        let both = json!([{ "query": query }, { "query": query }]);
        let answer = app.rest(&lead, "POST", "/graphql").json(both).send().await;
        assert_eq!(answer.status, 200);
        let errors: Vec<&Value> =
            answer.body.as_array().unwrap().iter().filter_map(|one| one["errors"].as_array()).flatten().collect();
        assert_eq!(errors.len(), 2, "{}", answer.body);
        for error in errors {
            assert_eq!(error["extensions"]["code"], "TOO_MANY_REQUESTS");
            assert!(error["extensions"]["retryAfter"].as_u64().is_some_and(|wait| wait >= 1));
        }
        assert!(answer.header("ratelimit").starts_with("\"read\";r=0;t="));
        // What REST reads comes from the same count.
        app.rest(&lead, "GET", "/v1/me").send().await.refused(429, "TOO_MANY_REQUESTS");
    }

    async fn who_tries_tokens_is_counted_by_address(app: App) {
        let app = limited(&app, 2, 0).await;
        let nobody = Who::with_token("forger", "not.a.token");
        for _ in 0..2 {
            app.rest(&nobody, "GET", "/v1/people").sent_from(7).send().await.refused(401, "UNAUTHENTICATED");
        }
        app.rest(&nobody, "GET", "/v1/people").sent_from(7).send().await.refused(429, "TOO_MANY_REQUESTS");
        app.rest(&nobody, "GET", "/v1/people").sent_from(8).send().await.refused(401, "UNAUTHENTICATED");
        app.rest(&app.world.ours.lead, "GET", "/v1/people").sent_from(7).is(200).await;
    }

    async fn without_limits_no_header_speaks_of_them(app: App) {
        let answer = app.rest(&app.world.ours.lead, "GET", "/v1/people").send().await;
        answer.is(200);
        assert!(!answer.headers.contains_key("ratelimit") && !answer.headers.contains_key("deprecation"));
    }

    async fn what_is_to_end_says_so_everywhere(app: App) {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let end = Deprecation {
            since: day("2026-11-01"),
            sunset: Some(day("2027-05-01")),
            instead: "Use partners.",
            successor: Some(Op::ListPartners),
        };
        let mut operations = roundtable_server::operations();
        operations.deprecate(Op::ListUnions, end);
        operations.deprecate_member("Person", "pronouns", Deprecation { sunset: None, successor: None, ..end });
        operations.deprecate_member("NewPerson", "pronouns", Deprecation { sunset: None, successor: None, ..end });
        let document = openapi::document(&operations);
        let settings = backend::settings(&app.url);
        let store = roundtable_server::connect(&settings).await.unwrap();
        let server = roundtable_server::assemble_of(operations, store, &settings).await.unwrap();
        let sdl = server.schema.sdl();
        let app = App::over(server, &app);

        for who in [app.world.ours.lead.clone(), Who::anonymous()] {
            let answer = app.rest(&who, "GET", "/v1/unions").send().await;
            assert_eq!(answer.header("deprecation"), "@1793491200");
            assert_eq!(answer.header("sunset"), "Sat, 01 May 2027 00:00:00 GMT");
            assert_eq!(answer.header("link"), "</v1/partners>; rel=\"successor-version\"");
        }
        let listed = &document["paths"]["/v1/unions"]["get"];
        assert_eq!(listed["deprecated"], true);
        assert!(listed["responses"]["200"]["headers"].get("Sunset").is_some());
        assert!(document["components"]["headers"].get("Deprecation").is_some());
        assert!(document["paths"]["/v1/partners"]["get"].get("deprecated").is_none());
        let member = &document["components"]["schemas"]["Person"]["properties"]["pronouns"];
        assert_eq!(member["deprecated"], true);
        assert!(sdl.contains("@deprecated(reason: \"Use partners. Ends on 2027-05-01.\")"));
        assert_eq!(sdl.matches("@deprecated(reason: \"Use partners.\")").count(), 2);
    }
}
