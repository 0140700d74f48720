//! The workloads, run in interleaved rounds against product and reference, and the tables made of them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fill::{self, Set};
use crate::load::{self, Answer, Line, Next, Round, request};
use crate::postgres::Cluster;
use crate::process::{self, Served};
use crate::{Database, reference};

/// What to run.
#[derive(Args)]
pub struct Run {
    /// Databases; both when none is named.
    #[arg(long)]
    database: Vec<Database>,
    /// Sizes of the set: 1, 10.
    #[arg(long, default_values_t = [1])]
    scale: Vec<usize>,
    /// Seconds of one round.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Rounds of each workload; medians are printed.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Connections that read; twice as many write.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Connections of the product to PostgreSQL.
    #[arg(long, default_value_t = 16)]
    pool: u32,
    /// Only workloads whose name begins so, for example `W3`.
    #[arg(long)]
    only: Option<String>,
}

/// One workload: how to ask the product and the reference for it.
struct Workload {
    name: &'static str,
    connections: usize,
    product: Next,
    reference: Option<Next>,
}

/// What a side did in its rounds.
#[derive(Default)]
struct Side {
    rounds: Vec<Round>,
    cpu: Vec<(f64, f64)>,
}

impl Side {
    fn rate(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.rate))
    }
    fn cpu(&self) -> (f64, f64) {
        (median(self.cpu.iter().map(|cpu| cpu.0)), median(self.cpu.iter().map(|cpu| cpu.1)))
    }
    fn latency(&self) -> (f64, f64) {
        let of = |pick: fn(&Round) -> u32| median(self.rounds.iter().map(|round| f64::from(pick(round))));
        (of(|round| round.p50), of(|round| round.p99))
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A filled database for the product and a copy of it for the reference, so that writes do not meet.
struct Ground {
    product: String,
    reference: String,
    set: Set,
    cluster: Option<Cluster>,
    _folder: TempDir,
}

async fn ground(database: Database, scale: usize) -> Ground {
    let folder = tempfile::Builder::new().prefix("roundtable-bench-").tempdir().unwrap();
    let began = Instant::now();
    let ground = match database {
        Database::Sqlite => {
            let file = |name: &str| folder.path().join(name).display().to_string();
            let set = fill::fill(&format!("sqlite:{}", file("product.db")), scale).await;
            std::fs::copy(file("product.db"), file("reference.db")).unwrap();
            let product = format!("sqlite:{}", file("product.db"));
            Ground {
                product,
                reference: format!("sqlite:{}", file("reference.db")),
                set,
                cluster: None,
                _folder: folder,
            }
        }
        Database::Postgres => {
            let cluster = Cluster::durable().unwrap();
            cluster.psql("postgres", "CREATE DATABASE product").unwrap();
            let set = fill::fill(&cluster.url("product"), scale).await;
            cluster.psql("postgres", "CREATE DATABASE reference TEMPLATE product").unwrap();
            // The product's index has each row's partnership among its words; the reference asks for the words alone.
            cluster.psql("reference", "CREATE INDEX resource_words ON resource USING gin (search)").unwrap();
            cluster.psql("reference", "VACUUM ANALYZE").unwrap();
            let (product, reference) = (cluster.url("product"), cluster.url("reference"));
            Ground { product, reference, set, cluster: Some(cluster), _folder: folder }
        }
    };
    fill::check(&ground.product, &ground.set).await;
    eprintln!("{database:?} x{scale}: filled in {:.1} s", began.elapsed().as_secs_f64());
    ground
}

/// Runs what was asked for and prints the tables.
pub async fn run(run: Run) {
    let databases =
        if run.database.is_empty() { vec![Database::Sqlite, Database::Postgres] } else { run.database.clone() };
    for database in databases {
        let mut costs: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
        for scale in &run.scale {
            let ground = ground(database, *scale).await;
            println!("\n### {database:?}, {scale}x\n\n{}", measure(&run, &ground, &mut costs).await);
        }
        if run.scale.len() > 1 {
            println!("### {database:?}: growth of CPU time a request with the set\n\n| | {} |", scales(&run.scale));
            println!("|---{}|", "|---".repeat(run.scale.len()));
            for (name, costs) in costs {
                let first = costs.first().copied().unwrap_or(1.0);
                let cells: Vec<String> = costs.iter().map(|cost| format!("{:.2}", cost / first)).collect();
                println!("| {name} | {} |", cells.join(" | "));
            }
        }
    }
}

fn scales(scales: &[usize]) -> String {
    scales.iter().map(|scale| format!("{scale}x")).collect::<Vec<_>>().join(" | ")
}

async fn measure(run: &Run, ground: &Ground, costs: &mut BTreeMap<&'static str, Vec<f64>>) -> String {
    let postmaster = ground.cluster.as_ref().and_then(Cluster::process);
    let product = Served::start("product", &ground.product, run.pool);
    let token = ground.set.token.clone();
    let first = format!("/v1/partners/{}", ground.set.partners[0]);
    let answer = Line::open(product.address).await.ask(&request("GET", &first, &token, "", "")).await;
    let ready = product.started.elapsed();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let idle = product.memory().0;
    let reference = Served::start("reference", &ground.reference, run.pool);
    let mut text = String::from(
        "| | answers/s | of the reference | p50 / p99 ms | CPU µs: server + database | statements | reference answers/s | \
         reference CPU µs |\n|---|---|---|---|---|---|---|---|\n",
    );
    for workload in workloads(run, ground, &product).await {
        if run.only.as_ref().is_some_and(|only| !workload.name.starts_with(only.as_str())) {
            continue;
        }
        let (mut ours, mut bare) = (Side::default(), Side::default());
        let before = if postmaster.is_some() { committed(ground).await } else { 0 };
        for _ in 0..run.rounds {
            side(&mut ours, run, &product, &workload.product, workload.connections, postmaster.as_ref()).await;
            if let Some(next) = &workload.reference {
                side(&mut bare, run, &reference, next, workload.connections, postmaster.as_ref()).await;
            }
        }
        if let (None, Some((_, programs))) = (&workload.reference, &postmaster) {
            bare.rounds.extend(pgbench(run, ground, programs, workload.name, workload.connections));
        }
        let answers: u64 = ours.rounds.iter().map(|round| round.answers).sum();
        let statements = match (&workload.reference, &postmaster) {
            (Some(_), Some(_)) => format!("{:.1}", (committed(ground).await - before) as f64 / answers.max(1) as f64),
            _ => String::new(),
        };
        let (cpu, latency) = (ours.cpu(), ours.latency());
        costs.entry(workload.name).or_default().push(cpu.0 + cpu.1);
        let bare_cpu = bare.cpu();
        writeln!(
            text,
            "| {} | {:.0} | {:.2} | {:.1} / {:.1} | {:.0} + {:.0} | {statements} | {:.0} | {:.0} + {:.0} |",
            workload.name,
            ours.rate(),
            ours.rate() / bare.rate().max(1.0),
            latency.0 / 1000.0,
            latency.1 / 1000.0,
            cpu.0,
            cpu.1,
            bare.rate(),
            bare_cpu.0,
            bare_cpu.1
        )
        .unwrap();
        eprintln!("{}", text.lines().last().unwrap_or_default());
    }
    if run.only.as_ref().is_none_or(|only| "W2".starts_with(only.as_str())) {
        let all = workloads(run, ground, &product).await;
        let asked = &all.iter().find(|workload| workload.name == "W2").expect("W2").product;
        text += &overload(run, &product, asked).await;
    }
    let (held, most) = product.memory();
    let mib = |kib: u64| kib as f64 / 1024.0;
    writeln!(
        text,
        "\nStart to first right answer {:.3} s; memory idle {:.1} MiB, after load {:.1} MiB, at most {:.1} MiB.",
        ready.as_secs_f64(),
        mib(idle),
        mib(held),
        mib(most)
    )
    .unwrap();
    text
}

/// What is left of the answers a second when more clients ask than can be served, and how long they wait.
async fn overload(run: &Run, product: &Served, asked: &Next) -> String {
    let time = Duration::from_secs_f64(run.seconds);
    let (mut usual, mut thrice) = (Side::default(), Side::default());
    for _ in 0..run.rounds {
        usual.rounds.push(load::round(product.address, run.connections, time, asked.clone()).await);
        thrice.rounds.push(load::round(product.address, run.connections * 3, time, asked.clone()).await);
    }
    let ((p50, p99), rate) = (thrice.latency(), thrice.rate());
    format!(
        "\nThree times the clients at W2: {rate:.0} answers/s, {:.2} of the usual; p50 {:.1} ms, p99 {:.1} ms.\n",
        rate / usual.rate().max(1.0),
        p50 / 1000.0,
        p99 / 1000.0
    )
}

/// Transactions that were committed: outside writes, one for each statement.
async fn committed(ground: &Ground) -> i64 {
    // They are told a second after they happened.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (client, connection) = tokio_postgres::connect(&ground.product, tokio_postgres::NoTls).await.unwrap();
    let told = actix_web::rt::spawn(connection);
    let count = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
    let committed = client.query_one(count, &[]).await.unwrap().get(0);
    told.abort();
    committed
}

async fn side(
    side: &mut Side,
    run: &Run,
    served: &Served,
    next: &Next,
    connections: usize,
    postmaster: Option<&(u32, std::path::PathBuf)>,
) {
    let database = || postmaster.map_or(0, |(pid, _)| process::cpu_of_postgres(*pid));
    let before = (served.cpu(), database());
    let round = load::round(served.address, connections, Duration::from_secs_f64(run.seconds), next.clone()).await;
    let each = |used: u64| used as f64 / round.answers.max(1) as f64;
    side.cpu.push((each(served.cpu() - before.0), each(database().saturating_sub(before.1))));
    side.rounds.push(round);
}

/// What PostgreSQL's own load generator reaches with the same rows in one transaction.
fn pgbench(run: &Run, ground: &Ground, programs: &Path, name: &str, clients: usize) -> Vec<Round> {
    let scripts = reference::pgbench(ground.set.partnership, &ground.set.partners);
    let Some((_, script)) = scripts.into_iter().find(|(script, _)| name.starts_with(script)) else {
        return Vec::new();
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), script).unwrap();
    let clients = clients.to_string();
    let seconds = run.seconds.ceil().to_string();
    (0..run.rounds)
        .map(|_| {
            let output = std::process::Command::new(programs.join("pgbench"))
                .args(["-n", "-M", "prepared", "-c", &clients, "-j", "2", "-T", &seconds, "-f"])
                .arg(file.path())
                .arg(&ground.reference)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
            Round {
                rate: rate.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr))),
                ..Round::default()
            }
        })
        .collect()
}

const W3: &str = "{ meetings(first: 20, sort: \"startsAt\") { nodes { id title objective startsAt place kind mode state version \
                  agendaItems { id title kind minutes position } attendances { id seatId invitedAs partStat person { id name } } } } }";

const SEARCHES: &[&str] = &["welding apprenticeship", "bilingual nursing", "robotics grant", "veterans coaching"];

async fn workloads(run: &Run, ground: &Ground, product: &Served) -> Vec<Workload> {
    let set = Arc::new(ground.set.clone());
    let bare: Arc<str> = reference::token(set.partnership).into();
    let token: Arc<str> = set.token.clone().into();
    let sqlite = ground.cluster.is_none();
    let get = |token: &Arc<str>, path: String| -> Next {
        let bytes = request("GET", &path, token, "", "");
        Arc::new(move |_, _, _| bytes.clone())
    };
    let by_id = |token: &Arc<str>, prefix: &'static str| -> Next {
        let all: Vec<Vec<u8>> =
            set.partners.iter().map(|id| request("GET", &format!("{prefix}/{id}"), token, "", "")).collect();
        Arc::new(move |number, sent, _| all[(number * 31 + sent) % all.len()].clone())
    };
    let search = |token: &Arc<str>, path: fn(&str) -> String| -> Next {
        let all: Vec<Vec<u8>> =
            SEARCHES.iter().map(|words| request("GET", &path(&words.replace(' ', "%20")), token, "", "")).collect();
        Arc::new(move |number, sent, _| all[(number + sent) % all.len()].clone())
    };
    let json = "Content-Type: application/json\r\n";
    let w3 = request("POST", "/graphql", &token, json, &json!({ "query": W3 }).to_string());
    let writers = run.connections * 2;
    let (cursor, name, id) = deep(product, &token).await;
    let deep_page = format!("/v1/resources?sort=name&first=50&after={cursor}");
    let bare_page = format!("/w7?name={}&id={id}", name.replace(' ', "%20"));
    let reading =
        |name, product, reference| Workload { name, connections: run.connections, product, reference: Some(reference) };
    vec![
        reading("W1", by_id(&token, "/v1/partners"), by_id(&bare, "/w1")),
        reading("W2", get(&token, "/v1/partners?kind=employer&sort=name&first=50".into()), get(&bare, "/w2".into())),
        reading("W3 GraphQL", Arc::new(move |_, _, _| w3.clone()), get(&bare, "/w3".into())),
        reading(
            "W3 REST",
            get(&token, "/v1/meetings?first=20&sort=startsAt&expand=agendaItems,attendances.person".into()),
            get(&bare, "/w3".into()),
        ),
        reading(
            "W4",
            search(&token, |words| format!("/v1/resources?q={words}&first=20")),
            search(&bare, |words| format!("/w4?q={words}")),
        ),
        Workload {
            name: "W5",
            connections: writers,
            product: create(&token, "/v1/meetings"),
            reference: sqlite.then(|| create(&bare, "/w5")),
        },
        Workload {
            name: "W6",
            connections: writers,
            product: change(&token, set.partners.clone()),
            reference: sqlite.then(|| change_bare(&bare, set.partners.clone())),
        },
        reading("W7", get(&token, deep_page), get(&bare, bare_page)),
    ]
}

fn create(token: &str, path: &'static str) -> Next {
    let body = json!({
        "title": "A meeting", "kind": "partnership", "objective": "What we meet for", "startsAt": "2027-01-11T15:00:00Z",
        "durationMinutes": 60, "timeZone": "UTC",
    });
    let bytes = request("POST", path, token, "Content-Type: application/json\r\n", &body.to_string());
    Arc::new(move |_, _, _| bytes.clone())
}

/// Each connection changes a partner of its own, on the version it was last told.
fn change(token: &str, partners: Vec<uuid::Uuid>) -> Next {
    let token = token.to_owned();
    Arc::new(move |number, sent, last: &Answer| {
        let path = format!("/v1/partners/{}", partners[number]);
        if sent == 0 {
            return request("GET", &path, &token, "", "");
        }
        let headers = format!("Content-Type: application/merge-patch+json\r\nIf-Match: {}\r\n", last.tag);
        request("PATCH", &path, &token, &headers, &json!({ "contribution": format!("changed {sent}") }).to_string())
    })
}

fn change_bare(token: &str, partners: Vec<uuid::Uuid>) -> Next {
    let token = token.to_owned();
    Arc::new(move |number, sent, last: &Answer| {
        if sent == 0 {
            return request("GET", &format!("/w1/{}", partners[number]), &token, "", "");
        }
        let version = serde_json::from_slice::<Value>(&last.body).unwrap()["version"].clone();
        let body = json!({ "version": version, "contribution": format!("changed {sent}") });
        let path = format!("/w6/{}", partners[number]);
        request("PATCH", &path, &token, "Content-Type: application/json\r\n", &body.to_string())
    })
}

/// The cursor of the page after 5,000 entries, and its last row.
async fn deep(product: &Served, token: &str) -> (String, String, String) {
    let mut line = Line::open(product.address).await;
    let mut path = "/v1/resources?sort=name&first=200".to_owned();
    let mut last = Value::Null;
    for _ in 0..25 {
        let answer = line.ask(&request("GET", &path, token, "", "")).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        last = serde_json::from_slice(&answer.body).unwrap();
        let cursor = last["pageInfo"]["endCursor"].as_str().expect("a next page");
        path = format!("/v1/resources?sort=name&first=200&after={cursor}");
    }
    let row = last["items"].as_array().and_then(|rows| rows.last()).expect("a row").clone();
    let text = |name: &str| row[name].as_str().expect("a text").to_owned();
    (last["pageInfo"]["endCursor"].as_str().expect("a cursor").into(), text("name").to_lowercase(), text("id"))
}
