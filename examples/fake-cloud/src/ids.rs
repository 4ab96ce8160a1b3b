//! IDs, secrets and numbers in the vendors' formats, from the seeded random generator.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Generates ids; two clouds with the same seed and the same calls generate the same ids.
#[derive(Debug)]
pub(crate) struct Ids {
    random: StdRng,
    sequence: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            sequence: 0,
        }
    }

    /// The next number of this vendor's only sequence, which orders lists and is used for cursors.
    pub(crate) fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// A random UUID (version 4).
    pub(crate) fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        format!(
            "{}-{}-4{}-a{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..]
        )
    }

    /// Lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.text(length, b"0123456789abcdef")
    }

    /// Decimal digits, the first not zero.
    pub(crate) fn digits(&mut self, length: usize) -> String {
        let rest = self.text(length.saturating_sub(1), b"0123456789");
        format!("{}{rest}", self.random.random_range(1..=9))
    }

    /// Letters and digits of a generated host name.
    pub(crate) fn word(&mut self, length: usize) -> String {
        self.text(length, b"abcdefghijklmnopqrstuvwxyz0123456789")
    }

    fn text(&mut self, length: usize, alphabet: &[u8]) -> String {
        (0..length)
            .map(|_| char::from(alphabet[self.random.random_range(0..alphabet.len())]))
            .collect()
    }
}
