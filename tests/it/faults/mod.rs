//! Faults: processes killed, databases gone, stops in the middle of work. In ordinary runs each is tried a few times; with
//! `ROUNDTABLE_TEST_LONG` set, as often as it takes to believe it.

mod database;
mod kill;
mod stop;

/// How often: a few times, or as often as it takes.
pub fn rounds(few: usize, many: usize) -> usize {
    if std::env::var_os("ROUNDTABLE_TEST_LONG").is_some() { many } else { few }
}
