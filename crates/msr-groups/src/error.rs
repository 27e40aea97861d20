//! The error type of this crate, and how what was given is quoted in its messages: at a length that
//! does not depend on it.

use std::fmt::{self, Display};

use num_bigint::BigUint;

use crate::permutation::Permutation;

/// What can go wrong with permutations, groups, actions and patterns.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A list of images that is not a permutation.
    #[error("{} is no permutation of 0..{degree}: {problem}", list(.images, *.degree))]
    NotAPermutation {
        /// The list, or its beginning.
        images: Vec<usize>,
        /// How many entries it has.
        degree: usize,
        /// Which entry is wrong, and how.
        problem: String,
    },

    /// A permutation with more points than are kept.
    #[error("a permutation of more than {most} points; choose a smaller degree")]
    TooManyPoints {
        /// The most points.
        most: usize,
    },

    /// Text that is not in cycle notation.
    #[error(
        "`{text}` is no permutation in cycle notation: {}; write disjoint cycles of points, as (0 1 2)(3 4)",
        quoted(.problem)
    )]
    CycleNotation {
        /// The text, or its beginning and its end.
        text: String,
        /// What is wrong.
        problem: String,
    },

    /// Two things that should act on the same number of points do not.
    #[error("{}: expected a permutation of {expected} points, got one of {got}", quoted(.what))]
    Degree {
        /// Where.
        what: String,
        /// The number of points it should have.
        expected: usize,
        /// The number it has.
        got: usize,
    },

    /// A size for which a family has no group.
    #[error("{family}: {}", message(.problem))]
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
        "{what} goes through all elements of a group, and this one has {} on {degree} points; at most {limit} \
         elements{} are allowed",
        count(.order),
        images.map_or_else(String::new, |images| format!(" with {images} images in all"))
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
        /// The largest product of order and degree for which it is done, where that matters.
        images: Option<u64>,
    },

    /// A group whose stabiliser chain takes too long.
    #[error(
        "{what} needs a stabiliser chain of {}, on {degree} points, which takes more than {limit} images to be moved; \
         choose a group on fewer points",
        quoted(.group)
    )]
    TooMuchWork {
        /// What was asked for.
        what: &'static str,
        /// The name of the group.
        group: String,
        /// The number of points that it acts on.
        degree: usize,
        /// The most images that are moved.
        limit: u64,
    },

    /// Images of the generators that do not extend to a homomorphism.
    #[error(
        "the images do not define a homomorphism: the relation {} = 1 holds in the group, but the images give {}",
        quoted(.relation),
        quoted(.gives)
    )]
    NotAHomomorphism {
        /// A word in the generators (a, b, …; a' is the inverse of a) that is the identity of the
        /// group.
        relation: String,
        /// What the same word in the images is, in cycle notation.
        gives: String,
    },

    /// A permutation that is not in the group.
    #[error("{} is not an element of {}; ask `contains` first", quoted(.element), quoted(.group))]
    NotInGroup {
        /// The permutation, in cycle notation.
        element: String,
        /// The name of the group.
        group: String,
    },

    /// Input and output actions of different groups.
    #[error(
        "the input and the output must be acted on by the same group, but the generators differ: {}",
        message(.problem)
    )]
    DifferentGroups {
        /// How they differ.
        problem: String,
    },

    /// A matrix of the wrong size.
    #[error("{}: expected {expected} numbers, got {got}", quoted(.what))]
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
        "{}: expected {} outputs × {} inputs, got {} × {}",
        quoted(.what), expected.0, expected.1, got.0, got.1
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
    #[error("{}: entry {index} is {value}; only finite numbers can be compared", quoted(.what))]
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
         {}; please report the pattern",
        count(.found)
    )]
    Search {
        /// The order of the group that the generators make.
        found: BigUint,
        /// The order that the search reports.
        expected: String,
    },

    /// A parameter outside its range.
    #[error("{}", message(.problem))]
    Config {
        /// What is wrong and what it must be.
        problem: String,
    },
}

/// The most characters of something that is quoted.
const QUOTED: usize = 160;
/// The most characters of a message with quotations in it.
const MESSAGE: usize = 1_200;
/// The entries of a list of images that are kept and shown.
const LISTED: usize = 16;

/// A text that was given, or its beginning and its end with the number of characters.
pub(crate) fn quoted(text: &str) -> String {
    shortened(text, QUOTED)
}

/// The safety net under messages that were put together elsewhere.
fn message(text: &str) -> String {
    shortened(text, MESSAGE)
}

/// At most some more than `most` characters.
fn shortened(text: &str, most: usize) -> String {
    // One step beyond the limit shows whether there is more, without walking a long text twice.
    if text.char_indices().nth(most).is_none() {
        return text.to_string();
    }
    let start: String = text.chars().take(2 * most / 3).collect();
    let end: Vec<char> = text.chars().rev().take(most / 6).collect();
    let end: String = end.into_iter().rev().collect();
    format!("{start} … {end} ({} characters)", text.chars().count())
}

/// The beginning of a list of images.
fn list(images: &[usize], degree: usize) -> String {
    let words: Vec<String> = images.iter().take(LISTED).map(ToString::to_string).collect();
    let more = if degree > words.len() { format!(", … ({degree} entries)") } else { String::new() };
    format!("[{}{more}]", words.join(", "))
}

/// A number in full, or how many digits it has.
fn count(number: &BigUint) -> String {
    const DIGITS: u64 = 30;
    if number.bits() <= 3 * DIGITS {
        return number.to_string();
    }
    // The leading binary digits, and how many follow.
    let following = number.bits() - 64;
    let leading = u64::try_from(number >> following).unwrap_or(u64::MAX) as f64;
    format!("about 10^{}", (leading.log10() + following as f64 * std::f64::consts::LOG10_2).floor())
}

/// The beginning of a permutation, in cycle notation, without writing all of it first.
pub(crate) fn cycles(permutation: &Permutation) -> String {
    struct Beginning(String);
    impl fmt::Write for Beginning {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.push_str(text);
            if self.0.len() > QUOTED { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut beginning = Beginning(String::new());
    let whole = fmt::Write::write_fmt(&mut beginning, format_args!("{permutation}")).is_ok();
    if whole { beginning.0 } else { format!("{} …", quoted_start(&beginning.0)) }
}

fn quoted_start(text: &str) -> String {
    text.chars().take(QUOTED).collect()
}

impl Error {
    /// A list that is no permutation; only its beginning is kept.
    pub(crate) fn not_a_permutation(images: &[usize], problem: String) -> Self {
        let kept = images.iter().take(LISTED).copied().collect();
        Self::NotAPermutation { images: kept, degree: images.len(), problem }
    }

    /// Text that is not in cycle notation; only its beginning and its end are kept.
    pub(crate) fn cycle_notation(text: &str, problem: impl Display) -> Self {
        Self::CycleNotation { text: quoted(text), problem: problem.to_string() }
    }
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
