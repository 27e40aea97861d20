//! Inputs made of others.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The longest input that is made.
const LONGEST: usize = 1 << 14;

/// Words that readers have stumbled over.
const WORDS: [&[u8]; 38] = [
    b"18446744073709551615",
    b"9223372036854775808",
    b"4294967296",
    b"-1",
    b"0",
    b"1e308",
    b"NaN",
    b"inf",
    b"()",
    b"(((((((((((((((((((((((((((((((((",
    b"[",
    b"{\"a\":",
    b"\"",
    b"'",
    b"\0",
    b"\xff\xfe",
    b"\xf0\x9f\x98\x80",
    b"\n",
    b",",
    b" ",
    b"x",
    b"F8_E4M3",
    b"BF16",
    b"symmetric(",
    b"semidirect(",
    b"direct_product(",
    b"wreath_product(",
    b"product_grid(",
    b"regular(",
    b"unordered_pairs(",
    b"distinct_pairs(",
    b"<f8",
    b"True",
    b"__metadata__",
    b"train/",
    b"../",
    b".png",
    b"filename,label",
];

/// Makes inputs of a corpus, one after the other, in an order that depends on the seed alone.
#[derive(Debug)]
pub struct Mutator {
    rng: ChaCha8Rng,
    corpus: Vec<Vec<u8>>,
}

impl Mutator {
    /// Inputs made of these.
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), corpus }
    }

    /// The next input.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.corpus.choose(&mut self.rng).cloned().unwrap_or_default();
        for _ in 0..1 << self.rng.random_range(0..4) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    /// One small change.
    fn change(&mut self, input: &mut Vec<u8>) {
        let rng = &mut self.rng;
        let at = rng.random_range(0..=input.len());
        match rng.random_range(0..10) {
            0 if at < input.len() => input[at] ^= 1 << rng.random_range(0..8),
            1 if at < input.len() => input[at] = rng.random(),
            2 => input.truncate(at),
            3 => {
                let length = rng.random_range(0..=(input.len() - at).min(32));
                input.drain(at..at + length);
            }
            4 => {
                let length = rng.random_range(0..=(input.len() - at).min(64));
                let piece = input[at..at + length].to_vec();
                let to = rng.random_range(0..=input.len());
                input.splice(to..to, piece);
            }
            5 => {
                // Another input from here on.
                let other = self.corpus.choose(rng).cloned().unwrap_or_default();
                let from = rng.random_range(0..=other.len());
                input.truncate(at);
                input.extend(&other[from..]);
            }
            6 => {
                // A number in a binary header: its length, a size, an offset.
                let value = [0u64, 1, 7, 255, 65_536, u64::MAX, 1 << 63, 1 << 32].choose(rng).copied();
                let bytes = value.unwrap_or_default().to_le_bytes();
                let width = [1, 2, 4, 8].choose(rng).copied().unwrap_or(8);
                let end = (at + width).min(input.len());
                input[at..end].copy_from_slice(&bytes[..end - at]);
            }
            7 => {
                // A number in words, in the place of another.
                let digits = |b: &u8| b.is_ascii_digit();
                if let Some(start) = input[at..].iter().position(digits).map(|i| at + i) {
                    let length = input[start..].iter().take_while(|b| digits(b)).count();
                    let word = WORDS.choose(rng).copied().unwrap_or_default();
                    input.splice(start..start + length, word.iter().copied());
                }
            }
            _ => {
                let word = WORDS.choose(rng).copied().unwrap_or_default();
                input.splice(at..at, word.iter().copied());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Mutator;

    #[test]
    fn the_order_of_inputs_depends_on_the_seed_alone() {
        let inputs = |seed| -> Vec<Vec<u8>> {
            let mut mutator = Mutator::new(seed, vec![b"(0 1)(2 3)".to_vec(), b"cyclic(6)".to_vec()]);
            (0..200).map(|_| mutator.next_input()).collect()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        let mut without = Mutator::new(1, Vec::new());
        (0..100).for_each(|_| drop(without.next_input()));
    }
}
