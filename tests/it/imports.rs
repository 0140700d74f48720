//! Imports: real files of several publishers where they are at hand, small ones everywhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roundtable_entity::Via;
use roundtable_exchange::mapping::{self, ImportKind};
use roundtable_exchange::{reading, writing};
use roundtable_kernel::op::Op;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};

use crate::harness::App;
use crate::harness::client::text;

/// The folder of real data beside the workspace, if it is there.
pub fn data(set: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = here.ancestors().map(|above| above.join("shared").join("data").join(set)).find(|path| path.exists());
    if found.is_none() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "*** {set} is not beside the workspace; its import was not tried");
    }
    found
}

async fn import(app: &App, kind: ImportKind, path: &Path) -> writing::Report {
    let at = app.world.ours.id;
    let source = reading::open(path).unwrap();
    let plan = mapping::plan(kind, &source);
    let ctx = roundtable_server::serve::own_ctx(&app.server.app, at, Via::Import).for_operation(Op::CreateImportJob);
    let into = writing::Into::Partnership(at);
    writing::carry_out(&ctx, into, kind, plan, false, Arc::new(|_, _| ())).await.unwrap()
}

/// Imports twice: the second run finds everything as it is.
async fn settles(app: &App, kind: ImportKind, path: &Path) -> writing::Report {
    let first = import(app, kind, path).await;
    let second = import(app, kind, path).await;
    assert_eq!((second.created, second.updated), (0, 0), "{path:?}: {:?}", second.by_record);
    assert_eq!(second.refused.len(), first.refused.len());
    first
}

/// The first lines of a file, in a folder of its own.
fn cut(file: &Path, lines: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(file).unwrap();
    let part: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').take(lines).collect();
    let place = folder.path().join(file.file_name().unwrap());
    std::fs::write(&place, part.concat()).unwrap();
    (folder, place)
}

async fn total(app: &App, path: &str) -> i64 {
    let mark = if path.contains('?') { '&' } else { '?' };
    app.get(&app.world.ours.lead, &format!("/v1/{path}{mark}total=true&first=1")).await["totalCount"].as_i64().unwrap()
}

cases! {
    async fn a_directory_of_human_services_becomes_organisations_and_entries(app: App) {
        let Some(path) = data("hsds-ohana-sample") else { return };
        let (organizations, resources) = (total(&app, "organizations").await, total(&app, "resources").await);
        let report = settles(&app, ImportKind::Hsds, &path).await;
        assert!(report.created > 50, "{:?}", report.by_record);
        let made = |record: &str| i64::try_from(report.by_record[record].created).unwrap();
        assert_eq!(total(&app, "organizations").await - organizations, made("organization"));
        assert_eq!(total(&app, "resources").await - resources, made("resource"));
        assert!(total(&app, "resources?q=food").await > 0);
    }

    async fn packages_of_the_third_version_of_the_standard_are_read(app: App) {
        let Some(path) = data("hsds-3-examples") else { return };
        let report = settles(&app, ImportKind::Hsds, &path).await;
        assert!(report.created > 0, "{:?}", report.by_record);
    }

    async fn rosters_and_meeting_lists_of_boards_seat_their_people(app: App) {
        let Some(path) = data("public-boards-cuyahoga") else { return };
        let (seats, meetings) = (total(&app, "seats").await, total(&app, "meetings").await);
        let report = settles(&app, ImportKind::Board, &path).await;
        assert!(report.created > 100, "{:?}", report.by_record);
        assert!(total(&app, "seats").await > seats);
        assert!(total(&app, "meetings").await > meetings);
        // What came in is the partnership's own.
        let theirs = app.get(&app.world.theirs.lead, "/v1/people?total=true&first=1").await;
        assert!(theirs["totalCount"].as_i64().unwrap() < 20);
    }

    async fn a_newer_list_of_providers_adds_what_is_new_and_updates_the_rest(app: App) {
        let Some(folder) = data("nj-etpl") else { return };
        // The whole lists take minutes in an unoptimised build; the beginnings have all their shapes.
        let (_kept, before) = cut(&folder.join("provider_11182019.csv"), 600);
        let (_kept_too, after) = cut(&folder.join("providers_20200811.csv"), 600);
        let first = settles(&app, ImportKind::Providers, &before).await;
        assert!(first.created > 50, "{:?}", first.by_record);
        let second = settles(&app, ImportKind::Providers, &after).await;
        assert!(second.updated + second.unchanged > 0, "{:?}", second.by_record);
        assert!(total(&app, "organizations?kind=training_provider,community_college,university,adult_education,k12,other").await > 0);
    }

    async fn notices_of_bargaining_become_employers_and_unions(app: App) {
        let Some(folder) = data("fmcs-f7") else { return };
        let (_kept, file) = cut(&folder.join("f7-notices-fy2004-oct-dec-2003.csv"), 300);
        let units = total(&app, "bargaining-units").await;
        let report = settles(&app, ImportKind::BargainingNotices, &file).await;
        assert!(report.created > 200, "{:?}", report.by_record);
        assert!(total(&app, "bargaining-units").await > units);
        assert!(total(&app, "unions").await > 2);
        // Partners of such lists are prospects: members do not know of them.
        let union = app.get(app.world.who(Role::Union), "/v1/employers?total=true&first=1").await;
        assert_eq!(union["totalCount"], 2);
    }

    async fn a_large_directory_is_accounted_for_row_by_row(app: App) {
        let Some(folder) = data("hsds-baltimore") else { return };
        let (kept, _) = cut(&folder.join("organizations.csv"), 120);
        for file in ["locations.csv", "addresses.csv", "contacts.csv"] {
            let (_folder, part) = cut(&folder.join(file), 200);
            std::fs::copy(part, kept.path().join(file)).unwrap();
        }
        let report = settles(&app, ImportKind::Hsds, kept.path()).await;
        assert!(report.created > 50, "{:?}", report.by_record);
        for table in &report.accounted {
            assert!(table.rows > 0, "{table:?}");
        }
    }

    async fn a_file_sent_as_a_request_is_kept_with_its_report(app: App) {
        let lead = &app.world.ours.lead;
        let csv = "key,name,kind,city\n1,Harbor Tool,employer,Rockford\n2,,employer,Rockford\n3,Local 12,union,Freeport\n";
        let file = |dry: bool| json!({
            "kind": "csv", "fileName": "organizations.csv", "content": STANDARD.encode(csv), "dryRun": dry,
        });
        let before = total(&app, "organizations").await;
        let send = |dry: bool| app.rest(lead, "POST", "/v1/import-jobs").json(file(dry)).is(200);
        let tried = send(true).await;
        assert_eq!((&tried["created"], &tried["refused"]), (&json!(2), &json!(1)), "{tried}");
        assert_eq!(total(&app, "organizations").await, before);
        let job = send(false).await;
        assert_eq!((&job["created"], &job["state"]), (&json!(2), &json!("completed")), "{job}");
        assert_eq!(total(&app, "organizations").await, before + 2);
        let report = app.get(lead, &format!("/v1/import-jobs/{}/report", text(&job["id"]))).await;
        assert_eq!((&report["refused"][0]["line"], &report["refused"][0]["member"]), (&json!(3), &json!("name")), "{report}");
        let again = send(false).await;
        assert_eq!((&again["created"], &again["updated"], &again["unchanged"]), (&json!(0), &json!(0), &json!(2)), "{again}");
        let query = format!("{{ importReport(id: \"{}\") {{ created refused {{ line member code }} }} }}", text(&job["id"]));
        let graph = app.gql(lead, &query, Value::Null).await;
        assert_eq!(graph.ok()["importReport"]["refused"][0]["line"], 3);
    }

    async fn bytes_that_mean_nothing_are_refused_with_a_reason(app: App) {
        let lead = &app.world.ours.lead;
        let noise: Vec<u8> = (0..4000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let mut zip = b"PK\x03\x04".to_vec();
        zip.extend(&noise);
        let odd: Vec<Vec<u8>> = vec![
            vec![], vec![0], vec![0xff; 64], noise.clone(), zip, b"\xff\xfen\x00a\x00".to_vec(), b"{".to_vec(),
            b"[[[[[[".to_vec(), b"name\n\"unclosed".to_vec(), b"a,b\n1\n1,2,3\n".to_vec(), "\u{feff}".into(),
            b"name,kind\nA\x00B,employer\n".to_vec(), "{\"a\":".repeat(5000).into_bytes(),
        ];
        for kind in ImportKind::ALL {
            for bytes in &odd {
                for name in ["organizations.csv", "x.json", "x.zip", "x", "../../x.csv"] {
                    let body = json!({
                        "kind": kind.as_str(), "fileName": name, "content": STANDARD.encode(bytes), "dryRun": true,
                    });
                    let answer = app.rest(lead, "POST", "/v1/import-jobs").json(body).send().await;
                    let shown: String = String::from_utf8_lossy(bytes).chars().take(20).collect();
                    assert!(matches!(answer.status, 200 | 400), "{kind:?} {name} {shown:?}: {}", answer.body);
                }
            }
        }
        for (member, wrong) in [("kind", "nothing"), ("content", "no base64!")] {
            let mut body = json!({ "kind": "csv", "fileName": "organizations.csv", "content": "" });
            body[member] = json!(wrong);
            let answer = app.rest(lead, "POST", "/v1/import-jobs").json(body).send().await;
            assert_eq!(answer.refused(400, "INVALID_INPUT")["errors"][0]["pointer"], format!("/{member}"));
        }
    }
}
