//! Small damage, the same for the same seed.

use rand::{Rng, SeedableRng};

/// Numbers at which readers stumble, as bytes.
const NUMBERS: [&[u8]; 6] =
    [&[0; 8], &[0xff; 8], &[0, 0, 0, 0, 0, 0, 0, 0x80], &[1, 0, 0, 0], &[0xff, 0x7f], &[0, 0, 0, 0x80]];
/// Words of the headers of formats.
const WORDS: [&str; 16] = [
    "0",
    "1",
    "-1",
    "9",
    "18446744073709551615",
    "4294967296",
    ",",
    "(",
    ")",
    "[",
    "]",
    "'",
    "\"",
    "F8_E4M3",
    "<f8",
    "True",
];

/// `bytes` with one to four changes: bits, bytes, numbers and words that are written over or put
/// in, parts that are left out or repeated.
pub fn mutated(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..=bytes.len());
        let end = rng.random_range(at..=bytes.len().min(at + 24));
        let word = WORDS[rng.random_range(0..WORDS.len())].as_bytes();
        let number = NUMBERS[rng.random_range(0..NUMBERS.len())];
        match rng.random_range(0..9) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.random_range(0..8);
                }
            }
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part));
            }
            5 => drop(bytes.splice(at..at, word.iter().copied())),
            6 => overwrite(&mut bytes, at, word),
            7 => overwrite(&mut bytes, at, number),
            _ => drop(bytes.splice(at..end, number.iter().copied())),
        }
    }
    bytes
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    bytes[at..].iter_mut().zip(with).for_each(|(byte, &new)| *byte = new);
}
