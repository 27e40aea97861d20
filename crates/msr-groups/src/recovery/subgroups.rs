//! Whether the elements of a group show that it is too large: the rows of its classes would differ
//! by more than noise between the orbits of one of its elements. See
//! [recovery.md](crate::derivations::recovery), section 6.

use super::refinement::{inside, ln_noise_of_fixed, ln_product, separation};
use super::rows::View;
use super::significance::ln_tail_alike;
use crate::group::PermutationGroup;
use crate::sharing::SharingPattern;

/// Groups up to this order are gone through.
const MOST_ELEMENTS: u64 = 10_000;
/// The largest product of order and numbers in the rows.
const MOST_WORK: u64 = 5_000_000;

/// What an element leaves apart, in widths of the noise, when noise explains that only with a
/// probability of at most `exp(ln_level)`. The group keeps the pattern and acts on outputs followed
/// by inputs. `None` too where the group is too large to go through.
pub(super) fn hidden_difference(
    views: &[View],
    pattern: &SharingPattern,
    group: &PermutationGroup,
    ln_level: f64,
) -> Option<f64> {
    let order = group.order_up_to(MOST_ELEMENTS)?;
    let numbers: usize = views.iter().map(|view| view.data.len()).sum();
    if order.saturating_mul(numbers as u64) > MOST_WORK {
        return None;
    }
    // The elements follow from the pattern alone, so each is a chance of its own, in each view.
    let chances = (order as f64 * views.len().max(1) as f64).ln();
    let mut found = None;
    let mut views: Vec<Centred> = views.iter().map(|view| Centred::new(view, pattern)).collect();
    let looked = group.try_for_each("looking for a difference that it hides", |g| {
        if found.is_some() {
            return;
        }
        let images = images(g.images(), pattern);
        found = views.iter_mut().find_map(|view| {
            if view.ln_noise_alike(&images) + chances > ln_level {
                return None;
            }
            let orbits = orbits(&images);
            let bound = ln_noise_of_fixed(view.view, pattern.labels(), &orbits) + chances;
            (bound <= ln_level).then(|| separation(view.view, pattern.labels(), &orbits))
        });
    });
    looked.ok().and(found)
}

/// Where each weight goes.
fn images(points: &[u32], pattern: &SharingPattern) -> Vec<u32> {
    let (m, n) = (pattern.outputs(), pattern.inputs());
    let (on_outputs, on_inputs) = points.split_at(m);
    let weight = |(y, x): (&u32, &u32)| y * n as u32 + (x - m as u32);
    on_outputs.iter().flat_map(|y| on_inputs.iter().map(move |x| weight((y, x)))).collect()
}

/// The orbits of a permutation.
fn orbits(images: &[u32]) -> Vec<u32> {
    let mut labels = vec![u32::MAX; images.len()];
    let mut next = 0;
    for start in 0..images.len() {
        let mut at = start;
        while labels[at] == u32::MAX {
            labels[at] = next;
            at = images[at] as usize;
        }
        next += u32::from(labels[start] == next);
    }
    labels
}

/// The rows of a view without the means of their classes, so that small differences are not lost
/// beside what is common to a class.
struct Centred<'a> {
    view: &'a View,
    labels: &'a [u32],
    off: Vec<f64>,
    /// Of each row, the squares of what is left, and those of the row as it was.
    squares: Vec<(f64, f64)>,
    classes: Vec<OnOrbits>,
    /// The sums of the rows of each class, and of one orbit.
    class_sums: Vec<f64>,
    sum: Vec<f64>,
    seen: Vec<bool>,
}

/// What the orbits of an element make of a class, without its weights that do not move.
#[derive(Clone, Copy, Default)]
struct OnOrbits {
    orbits: usize,
    size: usize,
    /// The sum of `‖sum of an orbit‖² / size` over the orbits.
    between: f64,
    /// The sums of [`Centred::squares`].
    squares: (f64, f64),
}

impl<'a> Centred<'a> {
    fn new(view: &'a View, pattern: &'a SharingPattern) -> Self {
        let (c, classes) = (view.columns, pattern.free_parameters());
        let mut means = vec![0.0; classes * c];
        for (row, &label) in pattern.labels().iter().enumerate() {
            let size = f64::from(pattern.sizes()[label as usize]);
            let mean = &mut means[label as usize * c..][..c];
            mean.iter_mut().zip(view.row(row)).for_each(|(mean, value)| *mean += value / size);
        }
        let mut squares = Vec::with_capacity(pattern.labels().len());
        let mut off = Vec::with_capacity(view.data.len());
        for (row, &label) in pattern.labels().iter().enumerate() {
            let (mut left, mut whole) = (0.0, 0.0);
            for (value, mean) in view.row(row).iter().zip(&means[label as usize * c..]) {
                off.push(value - mean);
                left += (value - mean) * (value - mean);
                whole += value * value;
            }
            squares.push((left, whole));
        }
        Self {
            view,
            labels: pattern.labels(),
            off,
            squares,
            classes: vec![OnOrbits::default(); classes],
            class_sums: means,
            sum: vec![0.0; c],
            seen: vec![false; pattern.labels().len()],
        }
    }

    /// The bound for the orbits of a permutation of the weights, as if the noise had the same size
    /// in all directions: a smaller one than [`ln_noise_of_fixed`] gives, and a cheaper.
    fn ln_noise_alike(&mut self, images: &[u32]) -> f64 {
        self.add_orbits(images);
        let c = self.view.columns;
        let (mut sum, mut count) = (0.0, 0);
        for (class, sums) in self.classes.iter().zip(self.class_sums.chunks_exact(c)) {
            let OnOrbits { orbits, size, between, squares: (left, whole) } = *class;
            if orbits > 1 {
                let middle = sums.iter().map(|v| v * v).sum::<f64>() / size as f64;
                let inside = inside(left - between, left - middle, whole);
                sum += ln_tail_alike(size - orbits, orbits - 1, inside, c);
                count += 1;
            }
        }
        ln_product(sum, count)
    }

    /// Goes through the orbits of more than one weight.
    fn add_orbits(&mut self, images: &[u32]) {
        let c = self.view.columns;
        self.classes.fill(OnOrbits::default());
        self.class_sums.fill(0.0);
        self.seen.fill(false);
        for start in 0..images.len() {
            if self.seen[start] || images[start] as usize == start {
                continue;
            }
            let label = self.labels[start] as usize;
            let class = &mut self.classes[label];
            self.sum.fill(0.0);
            let (mut at, mut length) = (start, 0);
            while !self.seen[at] {
                self.seen[at] = true;
                length += 1;
                let row = &self.off[at * c..(at + 1) * c];
                self.sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
                class.squares.0 += self.squares[at].0;
                class.squares.1 += self.squares[at].1;
                at = images[at] as usize;
            }
            class.orbits += 1;
            class.size += length;
            class.between += self.sum.iter().map(|v| v * v).sum::<f64>() / length as f64;
            let sums = &mut self.class_sums[label * c..(label + 1) * c];
            sums.iter_mut().zip(&self.sum).for_each(|(all, sum)| *all += sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{images, orbits};
    use crate::sharing::SharingPattern;

    #[test]
    fn weights_go_where_outputs_and_inputs_go() {
        // Two outputs that are swapped, three inputs that are turned.
        let pattern = SharingPattern::from_labels(2, 3, &[0; 6]).unwrap();
        let images = images(&[1, 0, 3, 4, 2], &pattern);
        assert_eq!(images, [4, 5, 3, 1, 2, 0]);
        assert_eq!(orbits(&images), [0; 6]);
        assert_eq!(orbits(&[1, 0, 2, 4, 3, 5]), [0, 0, 1, 2, 2, 3]);
    }
}
