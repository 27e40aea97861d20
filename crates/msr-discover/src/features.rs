//! What the maps are linear in: the inputs themselves, or the inputs and their products.

use msr_groups::{
    PermutationGroup, SharingPattern, SignedPattern, SignedPermutation, pattern_automorphisms,
    signed_automorphisms,
};
use num_bigint::BigUint;

use crate::error::{Error, Result};
use crate::search::Pair;
use crate::tasks::Tasks;

/// A mean of the inputs so far from zero, in their deviations, is taken away before products are.
const FAR: f64 = 0.1;

/// The features of n inputs, in this order: the inputs; with products, `x_i x_j` for i < j, and the
/// squares, unless they never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    inputs: usize,
    products: bool,
    squares: bool,
}

impl Features {
    /// The inputs alone.
    pub fn plain(inputs: usize) -> Self {
        Self { inputs, products: false, squares: false }
    }

    /// Inputs and products, and the tasks in them. What an input is measured in is the same for
    /// all, so that it changes nothing to take one mean of all away; the inputs, the products and
    /// the squares get one scale each.
    pub fn of_pairs(tasks: &Tasks) -> Result<(Self, Tasks)> {
        let n = tasks.inputs();
        let all = || tasks.all().iter().flat_map(|(x, _)| x.iter());
        let count = all().count().max(1) as f64;
        let largest = all().fold(0.0f64, |largest, x| largest.max(x.abs()));
        if largest == 0.0 {
            return Err(Error::data("all inputs are zero"));
        }
        let mean = all().map(|x| x / largest).sum::<f64>() / count;
        let deviation = (all().map(|x| (x / largest - mean).powi(2)).sum::<f64>() / count).sqrt();
        if deviation < 1e-12 {
            return Err(Error::data("all inputs are the same number"));
        }
        let mean = if mean.abs() > FAR * deviation { mean } else { 0.0 };
        let value = |x: f64| (x / largest - mean) / deviation;
        // Squares that never change say nothing.
        let spread = |of: &dyn Fn(f64) -> f64| {
            let mean = all().map(|&x| of(value(x))).sum::<f64>() / count;
            (all().map(|&x| (of(value(x)) - mean).powi(2)).sum::<f64>() / count).sqrt()
        };
        let of_squares = spread(&|x| x * x);
        let features = Self { inputs: n, products: true, squares: of_squares > 1e-6 };
        let of_squares = of_squares.max(1e-6);
        let mut found = Tasks::new(features.count(), tasks.outputs())?;
        for (x, y) in tasks.all() {
            let (mut rows, mut outputs) = (Vec::with_capacity(x.nrows() * features.count()), Vec::new());
            for (x, y) in x.row_iter().zip(y.row_iter()) {
                let x: Vec<f64> = x.iter().map(|&x| value(x)).collect();
                rows.extend_from_slice(&x);
                for (i, a) in x.iter().enumerate() {
                    rows.extend(x[i + 1..].iter().map(|b| a * b));
                }
                if features.squares {
                    rows.extend(x.iter().map(|x| (x * x - 1.0) / of_squares));
                }
                outputs.extend(y.iter());
            }
            found.add(&rows, &outputs)?;
        }
        Ok((features, found))
    }

    /// How many inputs there are.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// How many features there are.
    pub fn count(&self) -> usize {
        let (n, products) = (self.inputs, self.inputs * self.inputs.saturating_sub(1) / 2);
        n + if self.products { products } else { 0 } + if self.squares { n } else { 0 }
    }

    pub fn has_products(&self) -> bool {
        self.products
    }

    /// The product of two inputs, and of one with itself; `None` where it is no feature.
    pub fn product(&self, i: usize, j: usize) -> Option<usize> {
        let (n, (i, j)) = (self.inputs, (i.min(j), i.max(j)));
        let of_pairs = n * n.saturating_sub(1) / 2;
        match i == j {
            true => self.squares.then(|| n + of_pairs + i),
            false => self.products.then(|| n + i * (2 * n - i - 1) / 2 + j - i - 1),
        }
    }

    /// The features in which an input takes part.
    pub fn with(&self, x: usize) -> Vec<usize> {
        [x].into_iter().chain((0..self.inputs).filter_map(|other| self.product(x, other))).collect()
    }

    /// Where features go, and whether their signs change, when these inputs go there: of the
    /// features of these inputs alone.
    pub fn images(&self, from: &[usize], to: &[usize], flips: &[bool]) -> Vec<(usize, usize, bool)> {
        let inputs = || from.iter().zip(to).zip(flips);
        let mut found: Vec<_> = inputs().map(|((&x, &image), &flip)| (x, image, flip)).collect();
        if self.products {
            for (at, ((&i, &a), &s)) in inputs().enumerate() {
                for ((&j, &b), &t) in inputs().skip(at) {
                    if let Some((feature, image)) = self.product(i, j).zip(self.product(a, b)) {
                        found.push((feature, image, s != t));
                    }
                }
            }
        }
        found
    }

    /// A signed permutation of the inputs as one of the features.
    pub fn lift(&self, of: &SignedPermutation) -> Result<SignedPermutation> {
        if !self.products {
            return Ok(of.clone());
        }
        let all: Vec<usize> = (0..self.inputs).collect();
        let to: Vec<usize> = all.iter().map(|&x| of.points().apply(x)).collect();
        let (mut images, mut flips) = (vec![0; self.count()], vec![false; self.count()]);
        for (feature, image, flip) in self.images(&all, &to, of.flips()) {
            images[feature] = image;
            flips[feature] = flip;
        }
        Ok(SignedPermutation::new(msr_groups::Permutation::from_images(&images)?, &flips)?)
    }

    /// The weights (m × features) that pairs of permutations of outputs and inputs tie.
    pub fn pattern(&self, outputs: usize, pairs: &[Pair]) -> Result<SignedPattern> {
        if !self.products {
            return Ok(SignedPattern::from_pairs(outputs, self.inputs, pairs)?);
        }
        let lifted: Result<Vec<Pair>> = pairs.iter().map(|(y, x)| Ok((y.clone(), self.lift(x)?))).collect();
        Ok(SignedPattern::from_pairs(outputs, self.count(), &lifted?)?)
    }

    /// The group of a pattern, on outputs and inputs (with signs on both twice), and how many maps
    /// it makes of one: `(−1, −1)` makes none.
    pub fn group_of(&self, pattern: &SignedPattern) -> Result<(PermutationGroup, BigUint)> {
        match pattern.unsigned() {
            Some(pattern) => {
                let group = if self.products {
                    self.of_products(&pattern)?
                } else {
                    pattern_automorphisms(&pattern)?
                };
                let order = group.order();
                Ok((group, order))
            }
            None => {
                let group = signed_automorphisms(pattern)?;
                let order = group.order() / 2u32;
                Ok((group, order))
            }
        }
    }

    /// The permutations of outputs and inputs that keep a pattern over features: those of a larger
    /// pattern, with a row for each input, in which stands how it takes part in a feature.
    fn of_products(&self, pattern: &SharingPattern) -> Result<PermutationGroup> {
        let (m, n) = (pattern.outputs(), self.inputs);
        let count = self.count();
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        enum Entry {
            Weight(usize),
            Itself,
            Square,
            Factor,
            Not,
        }
        let mut rows: Vec<Entry> = Vec::with_capacity((m + n) * count);
        for y in 0..m {
            rows.extend((0..count).map(|feature| Entry::Weight(pattern.label(y, feature))));
        }
        for i in 0..n {
            let start = rows.len();
            rows.extend(std::iter::repeat_n(Entry::Not, count));
            rows[start + i] = Entry::Itself;
            for j in 0..n {
                if let Some(feature) = self.product(i, j) {
                    rows[start + feature] = if i == j { Entry::Square } else { Entry::Factor };
                }
            }
        }
        let all = pattern_automorphisms(&SharingPattern::from_labels(m + n, count, &rows)?)?;
        let points = |g: &msr_groups::Permutation| g.restrict(0..m + n);
        let generators: Vec<_> = all.generators().iter().filter_map(points).collect();
        Ok(PermutationGroup::new("", m + n, generators)?)
    }
}

#[cfg(test)]
mod tests {
    use msr_groups::{Permutation, SignedPermutation, cyclic};

    use super::Features;
    use crate::tasks::Tasks;

    fn tasks(n: usize, value: impl Fn(usize) -> f64) -> Tasks {
        let mut tasks = Tasks::new(n, 1).unwrap_or_else(|e| unreachable!("{e}"));
        let x: Vec<f64> = (0..4 * n).map(value).collect();
        tasks.add(&x, &[1.0, 0.0, 2.0, 5.0]).unwrap_or_else(|e| unreachable!("{e}"));
        tasks
    }

    #[test]
    fn products_are_where_they_are_said_to_be() {
        let (features, found) = Features::of_pairs(&tasks(4, |at| ((at * at + 3) % 7) as f64 - 2.0))
            .unwrap_or_else(|e| unreachable!("{e}"));
        assert_eq!((features.count(), found.inputs()), (4 + 6 + 4, 14));
        let mut seen: Vec<usize> = (0..4).collect();
        for i in 0..4 {
            for j in i..4 {
                seen.push(features.product(i, j).unwrap_or_default());
                assert_eq!(features.product(i, j), features.product(j, i));
                let x = &found.all()[0].0;
                let feature = features.product(i, j).unwrap_or_default();
                if i != j {
                    assert!((0..4).all(|row| (x[(row, feature)] - x[(row, i)] * x[(row, j)]).abs() < 1e-12));
                }
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..14).collect::<Vec<_>>());
        // Numbers of one size have no squares to speak of.
        let (features, _) = Features::of_pairs(&tasks(4, |at| if at % 3 == 0 { -1.0 } else { 1.0 }))
            .unwrap_or_else(|e| unreachable!("{e}"));
        // The mean is far from zero and was taken away: there are two sizes.
        assert!(features.has_products() && features.count() == 14);
        let (features, _) = Features::of_pairs(&tasks(4, |at| if at % 2 == 0 { -1.0 } else { 1.0 }))
            .unwrap_or_else(|e| unreachable!("{e}"));
        assert!(features.count() == 10 && features.product(1, 1).is_none());
        assert!(
            Features::of_pairs(&tasks(4, |_| 2.0)).is_err()
                && Features::of_pairs(&tasks(4, |_| 0.0)).is_err()
        );
    }

    #[test]
    fn the_group_of_products_is_the_one_of_the_inputs() {
        let features = Features { inputs: 5, products: true, squares: true };
        let of = |images: &[usize]| -> SignedPermutation {
            Permutation::from_images(images).unwrap_or_else(|e| unreachable!("{e}")).into()
        };
        let one = of(&[0]);
        for (images, order) in [(&[1, 2, 3, 4, 0], 10u32), (&[1, 0, 2, 3, 4], 2)] {
            // A scalar that keeps the turns of a ring keeps its mirrors: products cannot tell.
            let pattern =
                features.pattern(1, &[(one.clone(), of(images))]).unwrap_or_else(|e| unreachable!("{e}"));
            let (group, found) = features.group_of(&pattern).unwrap_or_else(|e| unreachable!("{e}"));
            assert_eq!((found, group.degree()), (order.into(), 6), "{images:?}");
        }
        // Outputs tell the turns from the mirrors.
        let turn = of(&[1, 2, 3, 4, 0]);
        let pattern = features.pattern(5, &[(turn.clone(), turn)]).unwrap_or_else(|e| unreachable!("{e}"));
        let (group, found) = features.group_of(&pattern).unwrap_or_else(|e| unreachable!("{e}"));
        assert_eq!(found, 5u32.into());
        assert_eq!(group.order(), cyclic(5).map(|c| c.order()).unwrap_or_default());
    }
}
