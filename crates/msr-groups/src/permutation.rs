//! Permutations of `0..degree`, composed as functions: `(g h)(x) = g(h(x))`.

use std::fmt;
use std::str::FromStr;

use num_integer::Integer;

use crate::error::{Error, Result};
use crate::limits::check_degree;

/// A permutation of the points `0..degree`, at most 2²⁵ of them.
///
/// # Example
/// ```
/// use msr_groups::Permutation;
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let g = Permutation::from_cycles(5, &[&[0, 1, 2], &[3, 4]])?;
/// assert_eq!(g.images(), [1, 2, 0, 4, 3]);
/// assert_eq!(g.to_string(), "(0 1 2)(3 4)");
/// assert_eq!(g.order(), 6u32.into());
/// assert!(g.compose(&g.inverse())?.is_identity());
/// assert_eq!(Permutation::parse("(3 4)(0 1 2)", 5)?, g);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permutation {
    images: Box<[u32]>,
}

impl Permutation {
    /// The permutation that leaves all of `0..degree` where they are.
    ///
    /// # Errors
    /// [`Error::TooManyPoints`].
    pub fn identity(degree: usize) -> Result<Self> {
        check_degree(Some(degree))?;
        Ok(Self::one(degree))
    }

    /// The identity on a number of points that another permutation has.
    pub(crate) fn one(degree: usize) -> Self {
        Self { images: (0..degree as u32).collect() }
    }

    /// The permutation that sends `x` to `images[x]`.
    ///
    /// # Errors
    /// [`Error::NotAPermutation`] when an image is missing, occurs twice or is too large;
    /// [`Error::TooManyPoints`].
    pub fn from_images(images: &[usize]) -> Result<Self> {
        const NONE: u32 = u32::MAX;
        check_degree(Some(images.len()))?;
        let wrong = |problem: String| Error::not_a_permutation(images, problem);
        let mut source = vec![NONE; images.len()];
        for (x, &image) in images.iter().enumerate() {
            let Some(place) = source.get_mut(image) else {
                return Err(wrong(format!("the image of {x} is {image}, which is no point")));
            };
            if *place != NONE {
                return Err(wrong(format!("{image} is the image of {place} and of {x}")));
            }
            *place = x as u32;
        }
        Ok(Self { images: images.iter().map(|&i| i as u32).collect() })
    }

    /// The product of disjoint cycles.
    ///
    /// # Errors
    /// [`Error::CycleNotation`] when a point is too large or occurs twice;
    /// [`Error::TooManyPoints`].
    pub fn from_cycles(degree: usize, cycles: &[&[usize]]) -> Result<Self> {
        Self::product_of(degree, cycles).map_err(|fault| fault.told(&written(cycles)))
    }

    /// Reads cycle notation: `(0 1 2)(3 4)`, with blanks, line breaks or commas between points;
    /// `()` is the identity. Lines may end anywhere between two words, and also, behind a
    /// backslash, within one.
    ///
    /// # Errors
    /// [`Error::CycleNotation`] when the text is something else; [`Error::TooManyPoints`].
    ///
    /// # Example
    /// As GAP prints it, but for points from 0:
    /// ```
    /// use msr_groups::Permutation;
    ///
    /// # fn main() -> Result<(), msr_groups::Error> {
    /// let wrapped = Permutation::parse("(0,1,\n  2)\n(3,\n4)", 5)?;
    /// assert_eq!(wrapped.to_string(), "(0 1 2)(3 4)");
    /// # Ok(())
    /// # }
    /// ```
    pub fn parse(text: &str, degree: usize) -> Result<Self> {
        let wrong = |problem: &str| Error::cycle_notation(text, problem);
        let joined;
        let mut rest = text.trim();
        if rest.contains('\\') {
            joined = rest.replace("\\\r\n", "").replace("\\\n", "");
            rest = &joined;
        }
        if rest.is_empty() {
            return Err(wrong("it is empty"));
        }
        let mut cycles: Vec<Vec<usize>> = Vec::new();
        while !rest.is_empty() {
            let inside = rest.strip_prefix('(').ok_or_else(|| wrong("a cycle starts with `(`"))?;
            let (cycle, after) = inside.split_once(')').ok_or_else(|| wrong("a cycle ends with `)`"))?;
            let between = |letter: char| letter.is_whitespace() || letter == ',';
            let points = cycle.split(between).filter(|word| !word.is_empty());
            let points: std::result::Result<Vec<usize>, _> = points.map(usize::from_str).collect();
            cycles.push(points.map_err(|_| wrong("points are whole numbers from 0"))?);
            rest = after.trim_start();
        }
        let slices: Vec<&[usize]> = cycles.iter().map(Vec::as_slice).collect();
        Self::product_of(degree, &slices).map_err(|fault| fault.told(text))
    }

    fn product_of(degree: usize, cycles: &[&[usize]]) -> std::result::Result<Self, Fault> {
        check_degree(Some(degree)).map_err(Fault::Size)?;
        let mut images: Vec<u32> = (0..degree as u32).collect();
        let mut seen = vec![false; degree];
        for cycle in cycles {
            for (i, &x) in cycle.iter().enumerate() {
                let Some(seen) = seen.get_mut(x) else {
                    return Err(Fault::Cycles(format!("{x} is no point of 0..{degree}")));
                };
                if std::mem::replace(seen, true) {
                    return Err(Fault::Cycles(format!("{x} occurs twice")));
                }
                images[x] = cycle[(i + 1) % cycle.len()] as u32;
            }
        }
        // An image that is no point is itself a point of the cycle, and was found out there.
        Ok(Self { images: images.into() })
    }

    /// From images that are known to be a permutation.
    pub(crate) fn trusted(images: Vec<u32>) -> Self {
        debug_assert!(Self::from_images(&images.iter().map(|&i| i as usize).collect::<Vec<_>>()).is_ok());
        Self { images: images.into() }
    }

    /// The number of points.
    pub fn degree(&self) -> usize {
        self.images.len()
    }

    /// The images of `0, 1, …`.
    pub fn images(&self) -> &[u32] {
        &self.images
    }

    /// The image of a point; points outside `0..degree` stay where they are.
    pub fn apply(&self, point: usize) -> usize {
        self.images.get(point).map_or(point, |&image| image as usize)
    }

    /// First `self`, then `next`: the product `next · self`, of permutations of the same degree.
    pub(crate) fn then(&self, next: &Self) -> Self {
        debug_assert_eq!(self.degree(), next.degree());
        Self { images: self.images.iter().map(|&x| next.images[x as usize]).collect() }
    }

    /// The product `self · first`: `x ↦ self(first(x))`.
    ///
    /// # Errors
    /// [`Error::Degree`] when the degrees differ.
    pub fn compose(&self, first: &Self) -> Result<Self> {
        if self.degree() != first.degree() {
            let (expected, got) = (self.degree(), first.degree());
            return Err(Error::Degree { what: "a product of permutations".into(), expected, got });
        }
        Ok(first.then(self))
    }

    /// The inverse.
    pub fn inverse(&self) -> Self {
        let mut images = vec![0u32; self.degree()];
        for (x, &image) in self.images.iter().enumerate() {
            images[image as usize] = x as u32;
        }
        Self { images: images.into() }
    }

    /// `self` applied `exponent` times; negative exponents take the inverse.
    pub fn power(&self, exponent: i64) -> Self {
        // Each point moves along its own cycle, so that the exponent only matters modulo the
        // cycle's length.
        let mut images = vec![0u32; self.degree()];
        self.for_each_cycle(|cycle| {
            let shift = exponent.rem_euclid(cycle.len() as i64) as usize;
            for (i, &x) in cycle.iter().enumerate() {
                images[x] = cycle[(i + shift) % cycle.len()] as u32;
            }
        });
        Self { images: images.into() }
    }

    /// Whether nothing moves.
    pub fn is_identity(&self) -> bool {
        self.images.iter().enumerate().all(|(x, &image)| x == image as usize)
    }

    /// The cycles of length two and more, each from its smallest point.
    pub fn cycles(&self) -> Vec<Vec<usize>> {
        let mut cycles = Vec::new();
        self.for_each_cycle(|cycle| {
            if cycle.len() > 1 {
                cycles.push(cycle.to_vec());
            }
        });
        cycles
    }

    /// Calls `visit` with every cycle, those of length one included.
    fn for_each_cycle(&self, mut visit: impl FnMut(&[usize])) {
        let mut seen = vec![false; self.degree()];
        let mut cycle = Vec::new();
        for start in 0..self.degree() {
            let mut x = start;
            while !std::mem::replace(&mut seen[x], true) {
                cycle.push(x);
                x = self.images[x] as usize;
            }
            if !cycle.is_empty() {
                visit(&cycle);
                cycle.clear();
            }
        }
    }

    /// The smallest positive exponent that gives the identity: the least common multiple of the
    /// cycle lengths.
    pub fn order(&self) -> num_bigint::BigUint {
        let mut lengths = std::collections::BTreeSet::new();
        self.for_each_cycle(|cycle| {
            lengths.insert(cycle.len());
        });
        lengths.into_iter().fold(1u32.into(), |order: num_bigint::BigUint, length| order.lcm(&length.into()))
    }

    /// Whether it is a product of an even number of transpositions.
    pub fn is_even(&self) -> bool {
        let mut transpositions = 0;
        self.for_each_cycle(|cycle| transpositions += cycle.len() - 1);
        transpositions % 2 == 0
    }

    /// The number of points that do not move.
    pub fn fixed_points(&self) -> usize {
        self.images.iter().enumerate().filter(|&(x, &image)| x == image as usize).count()
    }

    /// The points of `self` followed by those of `other`, each permuted by its own.
    ///
    /// # Errors
    /// [`Error::TooManyPoints`].
    pub fn beside(&self, other: &Self) -> Result<Self> {
        check_degree(self.degree().checked_add(other.degree()))?;
        Ok(self.followed_by(other))
    }

    /// The same for degrees that are known to be small enough.
    pub(crate) fn followed_by(&self, other: &Self) -> Self {
        let shift = self.degree() as u32;
        Self { images: self.images.iter().copied().chain(other.images.iter().map(|&x| x + shift)).collect() }
    }

    /// The part that permutes `range`, renumbered from 0; `None` when the range is not mapped to
    /// itself.
    pub fn restrict(&self, range: std::ops::Range<usize>) -> Option<Self> {
        let inside = self.images.get(range.clone())?;
        let inside: Option<Box<[u32]>> =
            inside.iter().map(|&x| range.contains(&(x as usize)).then(|| x - range.start as u32)).collect();
        Some(Self { images: inside? })
    }
}

/// Why there is no product of cycles.
enum Fault {
    Size(Error),
    Cycles(String),
}

impl Fault {
    /// The error, with the cycles as they were given.
    fn told(self, text: &str) -> Error {
        match self {
            Self::Size(error) => error,
            Self::Cycles(problem) => Error::cycle_notation(text, problem),
        }
    }
}

fn written(cycles: &[&[usize]]) -> String {
    let words = |cycle: &[usize]| cycle.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    cycles.iter().map(|cycle| format!("({})", words(cycle))).collect()
}

impl fmt::Display for Permutation {
    /// Cycle notation; `()` for the identity.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_identity() {
            return f.write_str("()");
        }
        let mut written = Ok(());
        self.for_each_cycle(|cycle| {
            if cycle.len() > 1 && written.is_ok() {
                let points: Vec<String> = cycle.iter().map(ToString::to_string).collect();
                written = write!(f, "({})", points.join(" "));
            }
        });
        written
    }
}
