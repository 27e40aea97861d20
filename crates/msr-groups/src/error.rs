//! The error type of this crate.

use num_bigint::BigUint;

/// What can go wrong with permutations, groups, actions and patterns.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A list of images that is not a permutation.
    #[error("{images:?} is no permutation of 0..{degree}: {problem}", degree = .images.len())]
    NotAPermutation {
        /// The list.
        images: Vec<usize>,
        /// Which entry is wrong, and how.
        problem: String,
    },

    /// Text that is not in cycle notation.
    #[error(
        "`{text}` is no permutation in cycle notation: {problem}; write disjoint cycles of points, as (0 1 2)(3 4)"
    )]
    CycleNotation {
        /// The text.
        text: String,
        /// What is wrong.
        problem: String,
    },

    /// Two things that should act on the same number of points do not.
    #[error("{what}: expected a permutation of {expected} points, got one of {got}")]
    Degree {
        /// Where.
        what: String,
        /// The number of points it should have.
        expected: usize,
        /// The number it has.
        got: usize,
    },

    /// A size for which a family has no group.
    #[error("{family}: {problem}")]
    Family {
        /// The family.
        family: &'static str,
        /// What is wrong and what it must be.
        problem: String,
    },

    /// A symmetry matrix with too many rows to be compared.
    #[error(
        "{weights} weights with {columns} columns; at most {most} rows can be compared pair by pair. Rank known groups \
         with `rank_groups`, or look at a part of the matrix"
    )]
    TooManyWeights {
        /// The rows: one for each weight.
        weights: usize,
        /// The columns.
        columns: usize,
        /// The most rows that are compared.
        most: usize,
    },

    /// A group whose elements are asked for one by one, but that has too many.
    #[error(
        "{what} goes through all elements of a group, and this one has {order} on {degree} points; at most {limit} \
         elements with {images} images in all are allowed"
    )]
    TooManyElements {
        /// What was asked for.
        what: &'static str,
        /// The order of the group.
        order: BigUint,
        /// The number of points that it acts on.
        degree: usize,
        /// The largest order for which it is done.
        limit: u64,
        /// The largest product of order and degree for which it is done.
        images: u64,
    },

    /// Images of the generators that do not extend to a homomorphism.
    #[error(
        "the images do not define a homomorphism: the relation {relation} = 1 holds in the group, but the images give {gives}"
    )]
    NotAHomomorphism {
        /// A word in the generators (a, b, …; a' is the inverse of a) that is the identity of the
        /// group.
        relation: String,
        /// What the same word in the images is, in cycle notation.
        gives: String,
    },

    /// A permutation that is not in the group.
    #[error("{element} is not an element of {group}; ask `contains` first")]
    NotInGroup {
        /// The permutation, in cycle notation.
        element: String,
        /// The name of the group.
        group: String,
    },

    /// Input and output actions of different groups.
    #[error(
        "the input and the output must be acted on by the same group, but the generators differ: {problem}"
    )]
    DifferentGroups {
        /// How they differ.
        problem: String,
    },

    /// A matrix of the wrong size.
    #[error("{what}: expected {expected} numbers, got {got}")]
    Size {
        /// Which matrix.
        what: String,
        /// How many numbers it should have, in words.
        expected: String,
        /// How many it has.
        got: usize,
    },

    /// A number of values that is not a whole number of columns of a symmetry matrix.
    #[error(
        "the symmetry matrix of {outputs} outputs × {inputs} inputs: expected {outputs} · {inputs} numbers \
         for each of one or more columns, got {got}"
    )]
    Columns {
        /// The number of outputs.
        outputs: usize,
        /// The number of inputs.
        inputs: usize,
        /// How many numbers there are.
        got: usize,
    },

    /// A matrix or a pattern for other numbers of outputs and inputs.
    #[error(
        "{what}: expected {} outputs × {} inputs, got {} × {}", expected.0, expected.1, got.0, got.1
    )]
    Shape {
        /// Which matrix or pattern.
        what: String,
        /// The numbers of outputs and inputs that it should have.
        expected: (usize, usize),
        /// Those that it has.
        got: (usize, usize),
    },

    /// A number that is NaN or infinite.
    #[error("{what}: entry {index} is {value}; only finite numbers can be compared")]
    NotFinite {
        /// Which matrix.
        what: String,
        /// The position.
        index: usize,
        /// The value.
        value: f64,
    },

    /// The search for automorphisms contradicts itself. This is a defect of the search, not of the
    /// input.
    #[error(
        "the search for automorphisms reports a group of order {expected}, but its generators make one of order \
         {found}; please report the pattern"
    )]
    Search {
        /// The order of the group that the generators make.
        found: BigUint,
        /// The order that the search reports.
        expected: String,
    },

    /// A parameter outside its range.
    #[error("{problem}")]
    Config {
        /// What is wrong and what it must be.
        problem: String,
    },
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Refuses a matrix of the wrong size, or with entries that are not finite.
pub(crate) fn check_numbers(what: &str, numbers: &[f64], sizes: &[usize]) -> Result<()> {
    let expected = sizes.iter().try_fold(1usize, |a, &b| a.checked_mul(b));
    if expected != Some(numbers.len()) {
        let words: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        return Err(Error::Size { what: what.into(), expected: words.join(" · "), got: numbers.len() });
    }
    check_finite(what, numbers)
}

/// Refuses entries that are not finite.
pub(crate) fn check_finite(what: &str, numbers: &[f64]) -> Result<()> {
    match numbers.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(Error::NotFinite { what: what.into(), index, value: numbers[index] }),
        None => Ok(()),
    }
}
