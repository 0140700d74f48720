//! Nothing is acknowledged before it lasts.

use roundtable_server::doctor;
use serde_json::json;

use super::{lead, report};
use crate::harness::chance::rounds;
use crate::harness::postgres::Cluster;
use crate::harness::process::{Line, Process};
use crate::harness::strace::Strace;
use crate::harness::{App, Backend, backend};

async fn findings(url: &str) -> Vec<doctor::Finding> {
    let settings = backend::settings(url);
    let store = roundtable_server::connect(&settings).await.unwrap();
    let findings = doctor::examine(&store, &settings).await;
    store.close().await.unwrap();
    findings
}

cases! {
    async fn the_doctor_looks_at_what_makes_a_commit_last(app: App) {
        let found = findings(&app.url).await;
        let about = |name: &str| found.iter().find(|one| one.found.contains(name)).unwrap_or_else(|| panic!("{name}"));
        if app.backend == Backend::Sqlite {
            for name in ["journal_mode is wal", "synchronous is 2", "foreign_keys is 1", "integrity_check is ok"] {
                assert!(about(name).well, "{name}");
            }
            return;
        }
        // The cluster of the tests is made for speed, and the doctor says so.
        for name in ["fsync", "full_page_writes", "synchronous_commit"] {
            let finding = about(&format!("PostgreSQL {name} is"));
            assert_eq!(finding.well, finding.found.ends_with(" is on"), "{}", finding.found);
            assert!(finding.well || finding.remedy.contains(&format!("{name} = on")), "{}", finding.remedy);
        }
    }
}

#[test]
fn a_postgres_that_writes_as_it_should_is_found_well() {
    if backend::cluster("a durable database").is_none() {
        return;
    }
    let durable = Cluster::durable().unwrap();
    durable.psql("postgres", "CREATE DATABASE durable").unwrap();
    let url = durable.url("durable");
    actix_web::rt::System::new().block_on(async {
        let found = findings(&url).await;
        for name in ["fsync is on", "full_page_writes is on", "synchronous_commit is on"] {
            let finding = found.iter().find(|one| one.found.contains(name)).unwrap_or_else(|| panic!("{name}"));
            assert!(finding.well, "{name}");
        }
    });
}

/// What the trace says of one request after the other: answered well, and whether its write was synced before.
fn violations(trace: &str) -> (usize, usize) {
    // What the server writes by itself comes after the answer's own write, and takes nothing back.
    let (mut written, mut synced, mut acknowledged, mut early) = (false, false, 0, 0);
    for line in trace.lines() {
        if line.contains("POST /v1/organizations") && line.contains("recv") {
            (written, synced) = (false, false);
        } else if line.contains("pwrite64") && line.contains("-wal>") {
            written = true;
        } else if (line.contains("fdatasync") || line.contains("fsync")) && line.trim_end().ends_with("= 0") {
            synced |= written;
        } else if line.contains("HTTP/1.1 201") {
            acknowledged += 1;
            early += usize::from(!synced);
        }
    }
    (acknowledged, early)
}

async fn traced(app: App) {
    let process = Process::start_with(&app.url, json!({ "workers": 1 }), None);
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("trace");
    let calls = "trace=pwrite64,fdatasync,fsync,recvfrom,sendto,read,write,writev";
    let Some(strace) = Strace::attach(&process, &["-y", "-s", "64", "-e", calls], Some(&output)).await else { return };
    let many = rounds(150, 10_000);
    let mut line = Line::open(process.address).await.unwrap();
    for number in 0..many {
        let lead = lead(&app);
        let body = json!({ "name": format!("Traced {number}"), "kind": "employer" });
        let made = line.ask(&lead, "POST", "/v1/organizations", "", Some(&body)).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.body);
    }
    strace.detach();
    process.kill();
    let (acknowledged, early) = violations(&std::fs::read_to_string(&output).unwrap());
    assert_eq!((acknowledged, early), (many, 0), "answers, and those that left before the write was synced");
    report(&format!("F2: {acknowledged} writes on SQLite, each synced before its answer"));
}

#[test]
fn no_write_on_sqlite_is_answered_before_it_is_synced() {
    backend::run(Backend::Sqlite, traced);
}

#[test]
fn an_answer_before_its_sync_is_seen() {
    let right = "1 recvfrom(9<socket:[1]>, \"POST /v1/organizations\", 64, 0, NULL, NULL) = 64\n2 \
                 pwrite64(5</x/case.db-wal>, \"..\", 24, 0) = 24\n2 fdatasync(5</x/case.db-wal>) = 0\n1 \
                 writev(9<socket:[1]>, [{iov_base=\"HTTP/1.1 201 Created\"}]) = 99\n";
    assert_eq!(violations(right), (1, 0));
    let lines: Vec<&str> = right.lines().collect();
    for without in [[0, 1, 3, 2], [0, 2, 1, 3], [0, 3, 1, 2]] {
        let wrong: Vec<&str> = without.iter().map(|at| lines[*at]).collect();
        assert_eq!(violations(&wrong.join("\n")), (1, 1), "{without:?}");
    }
}
