//! Faults: processes killed, databases gone, silent networks, full disks, clients of any size and pace, stops in the middle
//! of work. In ordinary runs each is tried a few times; with
//! `ROUNDTABLE_TEST_LONG` set, as often as it takes to believe it.

mod backup;
mod clock;
mod corrupt;
mod database;
mod dependencies;
mod durability;
mod full;
mod gone;
mod kill;
mod network;
mod promotion;
mod replica;
mod rolling;
mod sizes;
mod slow;
mod soak;
mod stop;
mod stuck;
mod upgrade;

use crate::harness::{App, Who};

/// Says what was reached; seen with `--nocapture`.
pub fn report(reached: &str) {
    eprintln!("{reached}");
}

/// The time that this part of all took no longer than.
pub fn quantile(times: &mut [std::time::Duration], part: f64) -> std::time::Duration {
    times.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a rank")]
    let rank = (times.len() as f64 * part) as usize;
    times[rank.min(times.len() - 1)]
}

/// The intermediary, with a token of now: long forms outlast one.
pub fn lead(app: &App) -> Who {
    let account = app.world.ours.lead.account;
    Who { account, ..Who::with_token("lead", &app.token(account, None)) }
}
