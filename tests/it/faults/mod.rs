//! Faults: processes killed, databases gone, stops in the middle of work. In ordinary runs each is tried a few times; with
//! `ROUNDTABLE_TEST_LONG` set, as often as it takes to believe it.

mod backup;
mod clock;
mod corrupt;
mod database;
mod gone;
mod kill;
mod promotion;
mod replica;
mod rolling;
mod stop;
mod upgrade;

use crate::harness::chance;

/// How often: a few times, or as often as it takes.
pub fn rounds(few: usize, many: usize) -> usize {
    if chance::long() { many } else { few }
}
