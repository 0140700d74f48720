//! Words that would be taken for something else: statements, operators, addresses of the inside, names of files.

use std::io::{Cursor, Write};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roundtable_entity::webhook;
use roundtable_exchange::reading;
use roundtable_kernel::operation::Kind;
use roundtable_kernel::standing::Role;
use roundtable_server::settings::Settings;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use crate::harness::Who;
use crate::harness::chance::rounds;
use crate::harness::client::{id, text};
use crate::harness::live::{live_with, quick, within};
use crate::harness::receiver::Receiver;

/// What would end a text and begin something else, in the words of databases, shells, templates and searches.
fn payloads() -> Vec<String> {
    let mut payloads: Vec<String> = [
        "'",
        "''",
        "\"",
        "`",
        "\\",
        "\\'",
        "';--",
        "' OR '1'='1",
        "' OR 1=1 --",
        "\" OR \"\"=\"",
        "') OR ('1'='1",
        "1; DROP TABLE person; --",
        "'; DELETE FROM person WHERE 't' = 't",
        "' UNION SELECT password_hash FROM account --",
        "1 UNION ALL SELECT NULL,NULL,NULL--",
        "' AND pg_sleep(10)--",
        "'; SELECT pg_sleep(10); --",
        "1 AND (SELECT 1 FROM pg_sleep(10))",
        "' || pg_sleep(10) || '",
        "randomblob(1000000000)",
        "' AND 1=randomblob(500000000)--",
        "%",
        "%%",
        "_",
        "%_%",
        "\\%",
        "[a-z]",
        "*",
        "?",
        "a*",
        "\"a\"*",
        "^a",
        "a OR b",
        "a AND NOT b",
        "a NEAR b",
        "NEAR(a b, 5)",
        "name:a",
        "-a",
        "+a",
        "(a",
        "a)",
        "\"a",
        "a\"",
        "'a' & 'b'",
        "a & b",
        "a | b",
        "!a",
        "a <-> b",
        "a:*",
        "a:A",
        "' & 'b",
        "$1",
        "$2",
        "?1",
        ":name",
        "@name",
        "{{7*7}}",
        "${7*7}",
        "#{7*7}",
        "<%= 7*7 %>",
        "%s%s%s%n",
        "$(id)",
        "`id`",
        "; id",
        "| id",
        "&& id",
        "\u{0}a",
        "a\u{1}b",
        "\u{202e}abc",
        "\u{feff}",
        "ﬀ",
        "İ",
        "ß",
        "\u{1F4A9}",
        "é\u{301}",
        "{\"$ne\": null}",
        "[\"a\"]",
        "{\"a\": {\"$gt\": \"\"}}",
        "null",
        "true",
        "NaN",
        "Infinity",
        "-0",
        "1e400",
        "0x41",
        "\u{2028}",
        "\r\n",
        "\n",
        "\t",
        "()",
        "[]",
        "{}",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "\\\\host\\share",
        "CON",
        "=1+1",
        "//",
        "/*",
        "*/",
        "--",
        "#",
        "'::text",
        "'::regclass",
        "a'::int",
        "E'\\x41'",
        "U&'\\0041'",
        "$$a$$",
        "$tag$a$tag$",
        "\\x41",
        "&#39;",
        "%27",
        "%2527",
        "＇",
        "ʼ",
        "’",
    ]
    .map(str::to_owned)
    .to_vec();
    // Each quote before and behind each ending.
    for quote in ["'", "\"", "`", "')", "\")", "'))", "\\'", "%'", "*'"] {
        for end in [
            " OR 1=1",
            " OR 1=1--",
            " OR 1=1#",
            " AND 1=2",
            "; SELECT 1",
            " ORDER BY 99",
            " LIMIT 0",
            "||'a'",
            " COLLATE NOCASE",
            " ISNULL",
        ] {
            payloads.push(format!("{quote}{end}"));
            payloads.push(format!("a{quote}{end} {quote}"));
        }
    }
    payloads
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Addresses that lead to this machine or into its network, in the spellings there are.
fn inside() -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0x0.0x0.0x1",
        "0x7f.1",
        "0177.0.0.1",
        "0177.0.0.01",
        "017700000001",
        "127.0.0.1.",
        "127.000.000.001",
        "127.255.255.254",
        "0",
        "0.0.0.0",
        "0.0.0.0.",
        "0x0",
        "00",
        "10.0.0.1",
        "10.255.255.255",
        "0xa.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "192.168.255.255",
        "0xc0.0xa8.0.1",
        "3232235521",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "169.254.170.2",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[0000:0000:0000:0000:0000:0000:0000:0001]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[2002:a00:1::]",
        "[2001:0:7f00:1::]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[fec0::1]",
        "[2001:db8::1]",
        "[100::1]",
        "①②⑦.⓪.⓪.①",
        "１２７.０.０.１",
        "127。0。0。1",
        "127．0．0．1",
        "%31%32%37.0.0.1",
        "127%2e0%2e0%2e1",
    ];
    for host in hosts {
        all.push(format!("https://{host}/"));
    }
    all.extend(
        [
            "https://127.0.0.1:22/",
            "https://127.0.0.1:443/x?y=z",
            "HTTPS://127.0.0.1/",
            "https:\\\\127.0.0.1\\",
            "https:/127.0.0.1/",
            "https:127.0.0.1",
            "https://user@127.0.0.1/",
            "https://example.org@127.0.0.1/",
            "https://127.0.0.1#@example.org/",
            "https://example.org#@127.0.0.1/",
            "https://user:word@example.org/",
            "http://example.org/",
            "http://127.0.0.1/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "dict://127.0.0.1/",
            "ldap://127.0.0.1/",
            "unix:/var/run/x.sock",
            "data:text/plain,x",
            "javascript:1",
            "//127.0.0.1/",
            "/etc/passwd",
            "127.0.0.1",
            "https://",
            "https:///",
            "https://[::1",
            "https://[fe80::1%25lo]/",
            "https://127.0.0.1\u{0}.example.org/",
            "https://exa mple.org/",
            "https://.../",
            "",
        ]
        .map(str::to_owned),
    );
    all
}

cases! {
    /// What is stored is what was sent, what is found is what holds it, and nothing fails.
    async fn payloads_are_words_and_nothing_else(app: App) {
        let table = app.server.app.operations.clone();
        let lead = &app.world.ours.lead;
        let payloads = payloads();
        assert!(payloads.len() > 250, "{}", payloads.len());
        let before = app.get(lead, "/v1/people?total=true&first=1").await["totalCount"].as_u64().unwrap();
        let mut made = 0;
        for (number, payload) in payloads.iter().enumerate() {
            let body = json!({ "name": format!("P{number} {payload}"), "pronouns": payload.chars().take(40).collect::<String>() });
            let answer = app.rest(lead, "POST", "/v1/people").json(body.clone()).send().await;
            assert!(matches!(answer.status, 201 | 400), "{payload:?}: {} {}", answer.status, answer.body);
            if answer.status == 400 {
                continue;
            }
            made += 1;
            let again = app.get(lead, &format!("/v1/people/{}", text(&answer.body["id"]))).await;
            assert_eq!((&again["name"], &again["pronouns"]), (&body["name"], &body["pronouns"]), "{payload:?}");
        }
        assert!(made > 200, "only {made}");
        let after = app.get(lead, "/v1/people?total=true&first=1").await["totalCount"].as_u64().unwrap();
        assert_eq!(after, before + made);
        // In every place a list takes words.
        let lists: Vec<_> = table.iter().filter(|one| one.kind == Kind::List).collect();
        for (number, payload) in payloads.iter().enumerate() {
            for step in 0..rounds(1, 8) {
                let list = lists[(number + step) % lists.len()];
                for parameter in &list.parameters {
                    let path = format!("{}?first=1&{}={}", list.path, parameter.name, escaped(payload));
                    let path = if parameter.name == "first" { path.replacen("first=1&", "", 1) } else { path };
                    let answer = app.rest(lead, "GET", &path).send().await;
                    assert!(matches!(answer.status, 200 | 400 | 403), "{} {payload:?}: {} {}", parameter.name, answer.status, answer.body);
                }
            }
        }
        // A search for operators finds what a search for the words beside them finds.
        let found = async |words: &str| {
            let page = app.get(lead, &format!("/v1/organizations?first=200&sort=id&q={}", escaped(words))).await;
            page["items"].as_array().unwrap().iter().map(|one| id(&one["id"])).collect::<Vec<_>>()
        };
        let plain = found("union house").await;
        assert!(!plain.is_empty());
        for words in ["union & house", "union AND house", "union* house", "(union house", "union:* house", "'union' \"house\"", "union <-> house", "^union -house"] {
            assert_eq!(found(words).await, plain, "{words}");
        }
        // Over GraphQL they are values of variables.
        let query = "query($q: String!) { organizations(q: $q) { nodes { id } } }";
        for payload in payloads.iter().filter(|payload| !payload.contains('\0')) {
            app.gql(lead, query, json!({ "q": payload })).await.ok();
        }
    }

    async fn no_spelling_of_an_inside_address_is_taken(app: App) {
        let lead = &app.world.ours.lead;
        let sound = app.make(lead, "/v1/webhooks", json!({ "url": "https://example.org/events" })).await;
        let inside = inside();
        assert!(inside.len() >= 80, "{}", inside.len());
        for url in inside {
            let refused = app.rest(lead, "POST", "/v1/webhooks").json(json!({ "url": url })).send().await;
            assert_eq!(refused.status, 400, "{url:?}: {}", refused.body);
            assert_eq!(refused.body["errors"][0]["pointer"], "/url", "{url:?}: {}", refused.body);
            let refused = app.patch(lead, &sound, "/v1/webhooks", json!({ "url": url })).await;
            assert_eq!(refused.status, 400, "{url:?}: {}", refused.body);
        }
    }

    /// An address may have been sound when it was given: it is looked at again before each request.
    async fn an_inside_address_is_never_asked_however_it_came_to_be_kept(app: App) {
        let lead = &app.world.ours.lead;
        let receiver = Receiver::start(|_| 200).await;
        let port = receiver.url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
        let strict = Settings { webhook_allow_networks: String::new(), ..quick(&app.url) };
        let live = live_with(&app, strict).await;
        let mut hooks = Vec::new();
        for spelling in ["127.0.0.1", "localhost", "LOCALHOST", "localhost.", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "ip6-localhost"] {
            let made = app.make(lead, "/v1/webhooks", json!({ "url": "https://example.org/", "kinds": ["location.created"] })).await;
            for scheme in ["https", "http"] {
                let url = format!("{scheme}://{spelling}:{port}/");
                let at = id(&made["id"]);
                app.server.app.store.write(true, move |tx| {
                    let url = url.clone();
                    async move {
                        webhook::Entity::update_many()
                            .col_expr(webhook::Column::Url, Expr::value(url))
                            .filter(webhook::Column::Id.eq(at))
                            .exec(&*tx)
                            .await?;
                        Ok(())
                    }
                }).await.unwrap();
            }
            hooks.push(made);
        }
        let place = json!({ "organizationId": app.world.ours.organization[&Role::Employer], "name": "Plant 2" });
        live.app.make(lead, "/v1/locations", place).await;
        for made in &hooks {
            within(20, "it fails", async || {
                let path = format!("/v1/webhook-deliveries?webhookId={}", text(&made["id"]));
                let log = app.get(lead, &path).await;
                log["items"].as_array().unwrap().iter().any(|one| one["error"].is_string() || one["state"] == "failed")
            })
            .await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(receiver.received().is_empty(), "{:?}", receiver.received());
        live.stop().await;
    }

    /// Names in packages, of files and in addresses lead nowhere: nothing is written by a name that was sent.
    async fn no_name_leads_out_of_its_folder(app: App) {
        let lead = &app.world.ours.lead;
        let names: Vec<String> = [
            "../../../../tmp/escaped.csv", "..\\..\\escaped.csv", "/tmp/escaped.csv", "C:\\escaped.csv", "\\\\host\\share\\escaped.csv", "./../escaped.csv",
            "a/../../escaped.csv", "..%2f..%2fescaped.csv", "%2e%2e/escaped.csv", "....//escaped.csv", "a\u{0}.csv", ".", "..", "", " ", "~/.ssh/x.csv",
            "organizations.csv/../../x.csv", "con.csv", "nul", "a:b.csv", "a|b.csv", "<script>.csv", "organizations.csv\n", "\u{202e}vsc.escaped", "file://x.csv",
        ].map(str::to_owned).to_vec();
        let mut package = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for name in &names {
            // Names that no archive can hold are none to be read either.
            if package.start_file(name.as_str(), options).is_ok() {
                package.write_all(b"id,name\r\n1,Escaped\r\n").unwrap();
            }
        }
        let _ = package.add_symlink("link.csv", "/etc/passwd", options);
        let bytes = package.finish().unwrap().into_inner();
        for name in names.iter().chain([&"package.zip".to_owned()]) {
            if let Ok(source) = reading::from_bytes(name, &bytes) {
                for table in &source.tables {
                    assert!(!table.rows.iter().any(|row| row.cells().any(|(_, cell)| cell.contains("root:"))), "a link was followed");
                }
            }
            let _ = reading::from_bytes(name, b"id,name\r\n1,Escaped\r\n");
            let body = json!({ "kind": "hsds", "fileName": name, "content": STANDARD.encode(&bytes), "dryRun": true });
            let answer = app.rest(lead, "POST", "/v1/import-jobs").json(body).send().await;
            assert!(matches!(answer.status, 200 | 400), "{name:?}: {} {}", answer.status, answer.body);
        }
        for place in ["/tmp/escaped.csv", "escaped.csv", "../escaped.csv", "../../escaped.csv"] {
            assert!(!std::path::Path::new(place).exists(), "{place}");
        }
        for name in [
            "../Cargo.toml", "..%2fCargo.toml", "%2e%2e/Cargo.toml", "..%5cCargo.toml", "....//Cargo.toml", "/etc/passwd", "%2fetc%2fpasswd", "..%252fx",
            "index.html%00.js", "..;/x", "swagger-ui.css/../../x", "%c0%ae%c0%ae/x", "index.html/", "INDEX.HTML", "swagger-initializer.jsx", ".",
        ] {
            for folder in ["/docs/", "/pages/", "/graphiql/", "/problems/", "/calendars/", "/hsds/"] {
                let answer = app.rest(&Who::anonymous(), "GET", &format!("{folder}{name}")).send().await;
                assert!(matches!(answer.status, 301 | 308 | 400 | 401 | 404), "{folder}{name}: {} {:.200}", answer.status, String::from_utf8_lossy(&answer.bytes));
            }
        }
    }
}
