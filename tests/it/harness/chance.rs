//! Choices that look random and are the same again from the same seed.

/// The sequence of Steele, Lea and Flood (SplitMix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn from(seed: u64) -> Chance {
        Chance(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    pub fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }
}

/// The seed to begin with: the one asked for; another each time in the long form; else always the same, so that a run of all
/// tests says of a change what it said before it.
pub fn seed() -> u64 {
    match std::env::var("ROUNDTABLE_TEST_SEED") {
        Ok(seed) => seed.parse().expect("ROUNDTABLE_TEST_SEED is a whole number"),
        Err(_) if !long() => 20_261_122,
        Err(_) => u64::try_from(chrono::Utc::now().timestamp_micros()).unwrap(),
    }
}

/// Whether the long form is asked for.
pub fn long() -> bool {
    std::env::var_os("ROUNDTABLE_TEST_LONG").is_some_and(|value| value == "1")
}

/// How often: a few times, or as often as the long form asks.
pub fn rounds(few: usize, many: usize) -> usize {
    if long() { many } else { few }
}
