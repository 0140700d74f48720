//! Every parser, over seeds that were changed at random: nothing panics, nothing hangs, and what `entries.rs` says holds.

use std::path::Path;
use std::time::{Duration, Instant};

use super::entries;
use crate::harness::backend::settings;
use crate::harness::chance::rounds;
use crate::harness::chance::{self, Chance};

/// Bytes that mean something to one parser or another.
const SIGNS: &[&str] = &[
    "\"",
    "'",
    "\r\n",
    "\n",
    "\t",
    ",",
    ";",
    "|",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ":",
    "=",
    "&",
    "%",
    "%00",
    "#",
    "\0",
    "\u{feff}",
    "é",
    "\u{1F4A9}",
    "BEGIN:VEVENT\r\n",
    "END:VEVENT\r\n",
    "RRULE:FREQ=DAILY;COUNT=99999999\r\n",
    "DTSTART:20260101T000000Z\r\n",
    "\"\"\"",
    "...",
    "@skip(if: true)",
    "$x: Int",
    "99999999999999999999",
    "-1",
    "1e999",
    "NaN",
    "2026-13-45",
    "0000-00-00",
    "9999-12-31T23:59:60Z",
    " and ",
    " or ",
    "not (",
    " eq ",
    "[type eq \"work\"]",
    "eyJ",
    "..",
    "==",
    "PK\x03\x04",
    "\u{202e}",
    "=1+1",
    "https://",
    "127.0.0.1",
    "xn--",
];

fn changed(seed: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=chance.below(6) {
        let at = chance.below(bytes.len() + 1);
        let to = (at + chance.below(24)).min(bytes.len());
        match chance.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => drop(bytes.splice(at..at, chance.pick(SIGNS).bytes())),
            3 => drop(bytes.splice(at..to, chance.pick(SIGNS).bytes())),
            4 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            5 if at < bytes.len() => bytes[at] = u8::try_from(chance.below(256)).unwrap(),
            6 => {
                let part = bytes[at..to].to_vec();
                let times = chance.below(40);
                drop(bytes.splice(at..at, part.repeat(times)));
            }
            _ => bytes.extend(chance.pick(SIGNS).bytes()),
        }
        bytes.truncate(1 << 16);
    }
    bytes
}

/// The beginnings of real files beside the workspace, if they are there.
fn real(endings: &[&str], most: usize) -> Vec<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(folder) = here.ancestors().map(|above| above.join("shared/data")).find(|path| path.exists()) else {
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "*** no real files are beside the workspace; parsers were tried with made ones"
        );
        return Vec::new();
    };
    let (mut open, mut found) = (vec![folder], Vec::new());
    while let Some(folder) = open.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            let ends = path.extension().and_then(|end| end.to_str()).is_some_and(|end| endings.contains(&end));
            if path.is_dir() {
                open.push(path);
            } else if ends && found.len() < 40 {
                use std::io::Read;
                let mut bytes = Vec::new();
                std::fs::File::open(&path).unwrap().take(u64::try_from(most).unwrap()).read_to_end(&mut bytes).unwrap();
                found.push(bytes);
            }
        }
    }
    found
}

/// Runs one parser over its seeds, changed. `choices` seeds are made of each by the byte that chooses among forms.
fn tried(name: &str, seeds: &[Vec<u8>], choices: usize, parser: impl Fn(&[u8])) {
    let seed = chance::seed();
    let mut chance = Chance::from(seed);
    assert!(!seeds.is_empty());
    let mut slowest = Duration::ZERO;
    for run in 0..rounds(3_000, 300_000) {
        let mut bytes = changed(chance.pick::<Vec<u8>>(seeds), &mut chance);
        if choices > 0 {
            bytes.insert(0, u8::try_from(chance.below(choices)).unwrap());
        }
        let began = Instant::now();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| parser(&bytes)));
        let took = began.elapsed();
        slowest = slowest.max(took);
        assert!(
            outcome.is_ok() && took < Duration::from_secs(5),
            "{name}, seed {seed}, run {run}, {took:?}: {:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
    eprintln!("{name}: slowest {slowest:?}");
}

fn made(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn tables_of_any_form_are_read_or_refused() {
    let made = made(&[
        "name,kind,city\r\n\"Harbor, Tool\",employer,Rockford\r\n'=1+1,union,\r\n",
        "id;name\n1;x\n",
        "name|kind\nA|employer\n",
        "\u{feff}name\tkind\nA\temployer\n",
        "id,version,name\r\n0198c000-0000-7000-8000-000000000000,1,\"two\r\nlines\"\r\n",
        "externalId,name\r\nx:1,A\r\n",
    ]);
    let seeds = [made, real(&["csv", "txt", "tsv"], 600)].concat();
    tried("csv", &seeds, 256, entries::csv);
    let made = self::made(&[
        "{\"name\":\"A\",\"kind\":\"employer\"}\n{\"name\":\"B\"}\n",
        "[1]\n",
        "{\"externalId\":\"x:1\",\"tags\":[\"a\"]}\n",
    ]);
    tried("json lines", &[made, real(&["json", "jsonl"], 600)].concat(), 256, entries::json_lines);
}

#[test]
fn files_of_others_are_read_or_refused() {
    let mut package = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in [
        ("organizations.csv", "id,name\r\n1,Harbor\r\n"),
        ("services.csv", "id,organization_id,name\r\n2,1,Welding\r\n"),
    ] {
        package.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut package, text.as_bytes()).unwrap();
    }
    let package = package.finish().unwrap().into_inner();
    let seeds =
        [vec![package, b"[{\"id\":\"1\",\"name\":\"A\"}]".to_vec()], real(&["csv", "json", "ics", "zip"], 1500)]
            .concat();
    tried("files of others", &seeds, 36, entries::package);
}

#[test]
fn calendars_of_any_form_are_read_or_refused() {
    let made = made(&[
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=America/Chicago:20270309T090000\r\nDURATION:PT1H\r\nSUMMARY:A\\, b\r\n\
         RRULE:FREQ=MONTHLY;BYDAY=2TU\r\nEXDATE:20270409T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nDTSTART:19701101T020000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0600\nEND:STANDARD\n\
         END:VTIMEZONE\nEND:VCALENDAR\n",
    ]);
    tried("calendars", &[made, real(&["ics"], 1500)].concat(), 0, entries::calendar);
}

#[test]
fn questions_of_any_form_are_read_or_refused() {
    let made_cursors =
        made(&["WyJBQUFBQUFBQSIsIngiLCIwMTk4YzAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDAiXQ", "", "AAAA", "W10"]);
    tried("cursors", &made_cursors, 0, entries::cursor);
    let queries = made(&[
        "first=10&after=x&sort=-id&total=true",
        "id=0198c000-0000-7000-8000-000000000000,x&archived=true",
        "q=a%20b&expand=a.b,c&updatedSince=2026-01-01T00:00:00Z",
        "startsAtFrom=2026-01-01T00:00:00Z&startsAtBefore=2026-02-30&state=live,proposed",
        "%ff=%fe&=&&a==b",
    ]);
    tried("filters", &queries, 256, entries::filter);
    let filters = made(&[
        "userName eq \"ana\" and (active eq true or not (emails[type eq \"work\"] pr))",
        "name.formatted co \"A\"",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"a\"",
        "meta.lastModified gt \"2026-01-01T00:00:00Z\"",
    ]);
    tried("filters of directories", &filters, 0, entries::directory_filter);
    let words = made(&["welding AND machining", "\"a b\" -c name:d*", "'x' & 'y' | !z", "été ﬀ İstanbul ß"]);
    tried("searches", &words, 0, entries::search);
    let documents = made(&[
        "query a($x: Int = 1) { people(first: $x) { nodes { id ... on Person @skip(if: false) { name } } } } fragment f on Person { ...f }",
        "mutation { createPerson(input: {name: \"\"\"a \\\"\"\" b\"\"\", tags: [1, {a: \"}\"}]}) { id } } # }",
        "subscription { events(kind: [\"a\"]) { kind } }",
        "{a{a{a{a}}}}",
    ]);
    tried("documents", &documents, 0, entries::document);
}

#[test]
fn values_of_any_form_are_read_or_refused() {
    let addresses = made(&[
        "https://example.org/a?b=c",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]:8443/x",
        "https://0x7f.1",
        "https://①②⑦.0.0.1/",
        "https://example.org@10.0.0.1/",
    ]);
    tried("addresses", &addresses, 0, entries::webhook);
    let values = made(&[
        "2026-02-29",
        "March 3rd, 2026 at 9:30 a.m. CST",
        "02/30/1999",
        "(815) 555-0100 x12",
        "ana@example.org; bob@example.org",
        "www.example.org/a b",
        "61101-1234",
        "Ill.",
        "$1,234.50",
        "12:60 pm",
        "Dr. Ana María O'Neil-Ruiz, Jr., Ph.D.",
        "IBEW Local 364",
        "yes",
        "en; es | fr",
        "<p>a &amp; b<br>c</p>",
        "Ã©tÃ©",
        "{\"a\": [1]}",
        "1e400",
    ]);
    tried("values", &values, 0, entries::value);
}

#[test]
fn tokens_of_any_form_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("keys.db").display());
    actix_web::rt::System::new().block_on(async {
        let store = roundtable_server::connect(&settings(&url)).await.unwrap();
        roundtable_server::migrate(&store).await.unwrap();
        let keys = roundtable_kernel::token::Keys::load(&store, "https://example.org").await.unwrap();
        let other = roundtable_kernel::token::Keys::load(&store, "https://other.example.org").await.unwrap();
        let foreign = other.sign(uuid::Uuid::now_v7(), "roundtable", None, None, 60).unwrap();
        let seeds = [
            made(&["Bearer a.b.c", "eyJhbGciOiJub25lIn0.e30.", "..", "Basic Og=="]),
            vec![foreign.clone().into_bytes(), format!("Bearer {foreign}").into_bytes()],
        ]
        .concat();
        tried("tokens", &seeds, 0, |data| entries::token(&keys, data));
    });
}
