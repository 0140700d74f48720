//! A way between the server and PostgreSQL that can be hurt: cut, reset, silenced, slowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// It passes.
    Open,
    /// It passes after a pause.
    Slow(Duration),
    /// It passes byte by byte, with a pause after each.
    Drip(Duration),
    /// Connections stand and nothing passes.
    Silent,
    /// Connections end in order, and new ones at once.
    Cut,
    /// Connections are reset, and new ones at once.
    Reset,
}

#[derive(Clone, Copy)]
struct State {
    way: Way,
    /// Connections before this one never pass anything again, though nobody says so to either side.
    forgotten: u64,
}

/// See the module.
pub struct Proxy {
    /// Where PostgreSQL is reached through it.
    pub url: String,
    state: watch::Sender<State>,
    carried: watch::Receiver<u64>,
    turns: Arc<AtomicU64>,
}

impl Proxy {
    /// A way to the server of this address. It works on a thread of its own, so that a case may wait for what needs it.
    pub fn start(url: &str) -> Proxy {
        Proxy::over(url, false)
    }

    /// One that keeps from PostgreSQL what its client sets for the connection, as poolers do.
    pub fn pooling(url: &str) -> Proxy {
        Proxy::over(url, true)
    }

    fn over(url: &str, pools: bool) -> Proxy {
        let (front, rest) = url.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("{front}@{}/{database}", listener.local_addr().unwrap());
        let (state, seen) = watch::channel(State { way: Way::Open, forgotten: 0 });
        let (count, carried) = watch::channel(0);
        let turns = Arc::new(AtomicU64::new(0));
        let (server, asked) = (server.to_owned(), Asked { turns: turns.clone(), pools });
        let mut over = seen.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let carrying = async {
                    while let Ok((client, _)) = listener.accept().await {
                        let number = *count.borrow();
                        count.send_replace(number + 1);
                        if let Ok(server) = TcpStream::connect(&server).await {
                            tokio::spawn(carry(client, server, number, seen.clone(), asked.clone()));
                        }
                    }
                };
                tokio::select! {
                    () = carrying => {}
                    // Nobody sets the way any more.
                    _ = over.wait_for(|_| false) => {}
                }
            });
        });
        Proxy { url, state, carried, turns }
    }

    /// How often PostgreSQL was asked something, of all connections. Who asks waits for the answer before asking more.
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    pub fn set(&self, way: Way) {
        self.state.send_modify(|state| state.way = way);
    }

    /// Open again for new connections only: those that stand stay silent.
    pub fn open_for_new(&self) {
        let forgotten = *self.carried.borrow();
        self.state.send_replace(State { way: Way::Open, forgotten });
    }
}

/// What is noted, and changed, of what clients ask.
#[derive(Clone)]
struct Asked {
    turns: Arc<AtomicU64>,
    pools: bool,
}

async fn carry(client: TcpStream, server: TcpStream, number: u64, state: watch::Receiver<State>, asked: Asked) {
    let mut ending = state.clone();
    let ended = async move {
        let ended = ending.wait_for(|state| matches!(state.way, Way::Cut | Way::Reset)).await;
        ended.is_ok_and(|state| state.way == Way::Reset)
    };
    let reset = tokio::select! {
        () = pass(&client, &server, number, state.clone(), Some(&asked)) => false,
        () = pass(&server, &client, number, state, None) => false,
        reset = ended => reset,
    };
    if reset {
        for stream in [&client, &server] {
            stream.set_zero_linger().unwrap();
        }
    }
}

/// The message that begins a connection (protocol 3.0), without the member that settings stand in; all else as it is.
fn without_settings(message: &[u8]) -> Vec<u8> {
    const VERSION: [u8; 4] = 196_608_u32.to_be_bytes();
    if message.get(4..8) != Some(&VERSION[..]) {
        return message.to_vec();
    }
    let members: Vec<&[u8]> = message[8..].split(|byte| *byte == 0).collect();
    let mut kept = VERSION.to_vec();
    for member in
        members.chunks(2).filter(|member| member.len() == 2 && !member[0].is_empty() && member[0] != b"options")
    {
        kept.extend([member[0], b"\0", member[1], b"\0"].concat());
    }
    kept.push(0);
    let length = u32::try_from(kept.len() + 4).unwrap();
    [length.to_be_bytes().to_vec(), kept].concat()
}

async fn pass(from: &TcpStream, to: &TcpStream, number: u64, mut state: watch::Receiver<State>, asked: Option<&Asked>) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        if from.readable().await.is_err() {
            return;
        }
        let read = match from.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        let mut message = buffer[..read].to_vec();
        if let Some(asked) = asked {
            asked.turns.fetch_add(1, Ordering::Relaxed);
            if asked.pools {
                message = without_settings(&message);
            }
        }
        let mut rest = &message[..];
        while !rest.is_empty() {
            let State { way, forgotten } = *state.borrow_and_update();
            let most = match way {
                _ if number < forgotten => std::future::pending().await,
                Way::Open => rest.len(),
                Way::Slow(pause) => {
                    tokio::time::sleep(pause).await;
                    rest.len()
                }
                Way::Drip(pause) => {
                    tokio::time::sleep(pause).await;
                    1
                }
                Way::Silent => {
                    if state.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                Way::Cut | Way::Reset => return,
            };
            if to.writable().await.is_err() {
                return;
            }
            match to.try_write(&rest[..most]) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }
}
