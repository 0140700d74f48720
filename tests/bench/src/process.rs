//! Servers as processes of their own, and what they cost.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use roundtable_server::settings::Settings;

/// The product, until it is told to stop. Limits on how much one may ask are for strangers, so they are off.
pub async fn product(url: &str, connections: u32) {
    let settings = Settings {
        database_url: url.into(),
        database_connections: connections,
        bind: "127.0.0.1:0".into(),
        public_url: "http://127.0.0.1".into(),
        ..Settings::default()
    };
    let store = roundtable_server::connect(&settings).await.unwrap();
    let server = roundtable_server::assemble(store, &settings).await.unwrap();
    roundtable_server::serve::listen(server, &settings, |address| println!("{address}")).await.unwrap();
}

/// A server under measurement; it ends with this value.
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// When it was started.
    pub started: Instant,
}

impl Served {
    /// Starts this program again as `product` or `reference` and waits until it listens.
    pub fn start(verb: &str, url: &str, connections: u32) -> Self {
        let started = Instant::now();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([verb, url, &connections.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().parse().unwrap_or_else(|_| panic!("{verb} did not start: {line:?}"));
        Self { child, address, started }
    }

    /// CPU time it used so far, microseconds.
    pub fn cpu(&self) -> u64 {
        cpu_of(self.child.id())
    }

    /// Memory it holds, and the most it held, KiB.
    pub fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        (of("VmRSS:"), of("VmHWM:"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The times of a process in `/proc`, after its name, which may hold spaces.
fn times(pid: u32) -> Option<Vec<u64>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(|word| word.parse().unwrap_or(0)).collect())
}

/// A tick of `/proc` is a hundredth of a second on every Linux this runs on.
const TICK_MICROSECONDS: u64 = 10_000;

fn cpu_of(pid: u32) -> u64 {
    times(pid).map_or(0, |times| (times[11] + times[12]) * TICK_MICROSECONDS)
}

/// CPU time of a PostgreSQL server: of its first process, those it waited for, and those running, microseconds.
pub fn cpu_of_postgres(postmaster: u32) -> u64 {
    let reaped = times(postmaster).map_or(0, |times| times[11..15].iter().sum::<u64>() * TICK_MICROSECONDS);
    let running: u64 = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| times(*pid).is_some_and(|times| times[1] == u64::from(postmaster)))
        .map(cpu_of)
        .sum();
    reaped + running
}
