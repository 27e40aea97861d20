//! What is too large: the limits of sizes, of work and of memory, so that every call has a cost
//! that is known before it begins.
//!
//! Sizes that follow from numbers alone (points, weights, elements, digits of an order) are checked
//! before anything is made. How long a stabiliser chain takes cannot be read off its group, so what
//! is done for it is counted, and given up at a limit ([`Work`]).

use num_bigint::BigUint;

use crate::error::{Error, Result};
use crate::permutation::Permutation;

/// The most points that a group or an action may move.
pub(crate) const MOST_POINTS: usize = 1 << 22;
/// The most points of a single permutation: 128 megabytes of images.
const MOST_IMAGES: usize = 1 << 25;
/// The most weights of a pattern: half a gigabyte of labels.
pub(crate) const MOST_WEIGHTS: usize = 1 << 27;
/// The most numbers that one call returns: half a gigabyte.
pub(crate) const MOST_NUMBERS: usize = 1 << 26;
/// The most images of all generators of a group together: 128 megabytes.
pub(crate) const MOST_GENERATOR_IMAGES: usize = 1 << 25;
/// The largest order of a group whose elements are listed one by one.
pub const MOST_ELEMENTS: u64 = 1_000_000;
/// The most images of all elements of such a group together: a quarter of a gigabyte.
pub(crate) const MOST_LISTED_IMAGES: u64 = 1 << 26;
/// The most binary digits of an order that theory gives: some 315,000 decimal ones.
pub(crate) const MOST_ORDER_BITS: u64 = 1 << 20;
/// The most images that are moved for one stabiliser chain: some seconds.
pub(crate) const MOST_MOVES: u64 = 1 << 33;
/// What it costs to keep an image, in images moved: as much as keeps a chain within a quarter of a
/// gigabyte.
const KEEPING: u64 = 128;

/// Images that may still be moved.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    left: u64,
}

impl Work {
    /// So many images.
    pub(crate) fn of(moves: u64) -> Self {
        Self { left: moves }
    }

    /// For groups that are known to be small.
    pub(crate) fn unlimited() -> Self {
        Self { left: u64::MAX }
    }

    /// Does something with at most so many of the images that are left.
    pub(crate) fn within<T>(&mut self, moves: u64, job: impl FnOnce(&mut Self) -> T) -> T {
        let part = moves.min(self.left);
        let mut work = Self { left: part };
        let done = job(&mut work);
        self.left -= part - work.left;
        done
    }

    /// Counts images that are moved.
    pub(crate) fn spend(&mut self, moves: usize) {
        self.left = self.left.saturating_sub(moves as u64);
    }

    /// Counts images that are kept.
    pub(crate) fn keep(&mut self, images: usize) {
        self.left = self.left.saturating_sub((images as u64).saturating_mul(KEEPING));
    }

    /// Whether the limit is reached: what was begun is to be given up.
    pub(crate) fn is_spent(&self) -> bool {
        self.left == 0
    }
}

/// Refuses sizes outside `least..`, and sizes that make more than [`MOST_POINTS`] points.
pub(crate) fn check_size(family: &'static str, n: usize, least: usize) -> Result<()> {
    if n < least {
        return Err(Error::Family { family, problem: format!("n is {n}; it must be at least {least}") });
    }
    check_points(family, Some(n))
}

/// Refuses more than [`MOST_POINTS`] points, and a number of points that overflowed.
pub(crate) fn check_points(family: &'static str, points: Option<usize>) -> Result<()> {
    if points.is_none_or(|points| points > MOST_POINTS) {
        let problem = format!("more than {MOST_POINTS} points; choose a smaller group");
        return Err(Error::Family { family, problem });
    }
    Ok(())
}

/// Refuses groups whose generators together have more than [`MOST_GENERATOR_IMAGES`] images.
pub(crate) fn check_generators(points: usize, generators: usize) -> Result<()> {
    match points.checked_mul(generators) {
        Some(images) if images <= MOST_GENERATOR_IMAGES => Ok(()),
        _ => Err(Error::Config {
            problem: format!(
                "{generators} generators on {points} points; at most {MOST_GENERATOR_IMAGES} images in all are \
                 allowed: leave out generators that others make, or choose a smaller action"
            ),
        }),
    }
}

/// Refuses permutations of more than [`MOST_IMAGES`] points.
pub(crate) fn check_degree(points: Option<usize>) -> Result<()> {
    match points {
        Some(points) if points <= MOST_IMAGES => Ok(()),
        _ => Err(Error::TooManyPoints { most: MOST_IMAGES }),
    }
}

/// The product of some sizes, when that many numbers may be returned.
pub(crate) fn check_count(what: &'static str, sizes: &[usize]) -> Result<usize> {
    let count = sizes.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
    count.filter(|&count| count <= MOST_NUMBERS).ok_or_else(|| {
        let words: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        let sizes = words.join(" · ");
        Error::Config { problem: format!("{what}: {sizes} numbers; at most {MOST_NUMBERS} are written") }
    })
}

/// Refuses orders with more than [`MOST_ORDER_BITS`] binary digits, of which `bits` is an estimate
/// from above.
pub(crate) fn check_order(family: &'static str, bits: Option<u64>) -> Result<()> {
    if bits.is_none_or(|bits| bits > MOST_ORDER_BITS) {
        let problem = format!(
            "its order may have more than {MOST_ORDER_BITS} binary digits, the most that are written; choose a smaller \
             group"
        );
        return Err(Error::Family { family, problem });
    }
    Ok(())
}

/// `n!`, by halves so that factors of like sizes are multiplied.
pub(crate) fn factorial(n: usize) -> BigUint {
    product(1, n)
}

fn product(from: usize, to: usize) -> BigUint {
    const FEW: usize = 16;
    if to < from + FEW {
        return (from..=to).map(BigUint::from).product();
    }
    let middle = from.midpoint(to);
    product(from, middle) * product(middle + 1, to)
}

/// Whether all pairs of permutations of one degree commute; `None` when the work is spent.
pub(crate) fn commute(generators: &[Permutation], work: &mut Work) -> Option<bool> {
    for (i, a) in generators.iter().enumerate() {
        work.spend(a.degree());
        // Where both leave a point alone there is nothing to see; and what `a` moves, `b` must move
        // to what `a` moves.
        let moved: Vec<usize> = (0..a.degree()).filter(|&x| a.apply(x) != x).collect();
        for b in &generators[..i] {
            work.spend(4 * moved.len());
            if moved.iter().any(|&x| a.apply(b.apply(x)) != b.apply(a.apply(x))) {
                return Some(false);
            }
            if work.is_spent() {
                return None;
            }
        }
    }
    Some(true)
}
