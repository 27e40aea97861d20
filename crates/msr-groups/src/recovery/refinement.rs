//! Whether finer clusters show a difference that noise within the classes of a pattern would not.
//!
//! See [recovery.md](crate::derivations::recovery), section 6.

use std::collections::HashMap;

use nalgebra::DMatrix;

use super::rows::{FLOOR, View};
use super::significance::{ln_refinements, ln_tail, ln_tail_alike};

/// Squares below this, relative to those of the rows, are rounding errors of single precision.
const ROUNDING: f64 = 1e-14;

/// An upper bound of the natural logarithm of the probability that some refinement of the classes
/// `coarse` looks like the one by `fine`, if rows of one class differed by normal noise alone. The
/// noise may have another size in each class, and in each direction.
pub(super) fn ln_noise(view: &View, coarse: &[u32], fine: &[u32]) -> f64 {
    let classes = split_classes(coarse, fine);
    let divisible = sizes(coarse).into_iter().filter(|&size| size > 1).count();
    let mut evidence: Vec<OfClass> = classes.iter().filter_map(|class| OfClass::new(view, class)).collect();
    for class in evidence.iter_mut().filter(|class| class.net() < 0.0) {
        class.weaken(view);
    }
    evidence.sort_by(|a, b| a.net().total_cmp(&b.net()));
    // Any of the classes that are split make a refinement; those count that say the most together.
    let (mut least, mut sum) = (0.0f64, 0.0);
    let mut split = Vec::with_capacity(evidence.len());
    for class in &evidence {
        sum += class.ln_tail;
        split.push((class.size, class.parts));
        least = least.min(ln_product(sum, split.len()) + ln_refinements(divisible, &split));
    }
    least
}

/// The same for one refinement that was fixed in advance.
pub(super) fn ln_noise_of_fixed(view: &View, coarse: &[u32], fine: &[u32]) -> f64 {
    let classes = split_classes(coarse, fine);
    let mut evidence: Vec<OfClass> = classes.iter().filter_map(|class| OfClass::new(view, class)).collect();
    evidence.iter_mut().for_each(|class| class.weaken(view));
    ln_product(evidence.iter().map(|class| class.ln_tail).sum(), evidence.len())
}

/// How far apart the centres of the clusters `fine` in one class of `coarse` are, over the width of
/// the noise: how far apart the rows of a cluster are, of any class. Of each set of rows this looks
/// at the one farthest from the middle, and the one farthest from that.
pub(super) fn separation(view: &View, coarse: &[u32], fine: &[u32]) -> f64 {
    let (mut apart, mut width) = (0.0f64, 0.0f64);
    for class in classes(coarse, fine) {
        let centres: Vec<Vec<f64>> = class.iter().map(|part| mean(view, part)).collect();
        for (part, centre) in class.iter().zip(&centres) {
            let rows: Vec<&[f64]> = part.iter().map(|&row| view.row(row)).collect();
            width = width.max(extent(&rows, centre));
        }
        let centres: Vec<&[f64]> = centres.iter().map(Vec::as_slice).collect();
        apart = apart.max(extent(&centres, &mean(view, &class.concat())));
    }
    apart / width.max(FLOOR * view.scale)
}

/// The distance from the point farthest from the middle to the one farthest from that.
fn extent(points: &[&[f64]], middle: &[f64]) -> f64 {
    let farthest = |from: &[f64]| {
        let far = points.iter().map(|&point| (squared(point, from), point));
        far.max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let end = farthest(middle).and_then(|(_, end)| farthest(end));
    end.map_or(0.0, |(square, _)| square.sqrt())
}

/// The rows of the clusters `fine` of each class of `coarse`.
fn classes(coarse: &[u32], fine: &[u32]) -> Vec<Vec<Vec<usize>>> {
    let mut place: HashMap<(u32, u32), usize> = HashMap::new();
    let mut classes: Vec<Vec<Vec<usize>>> = vec![Vec::new(); sizes(coarse).len()];
    for (row, (&class, &part)) in coarse.iter().zip(fine).enumerate() {
        let parts = &mut classes[class as usize];
        let at = *place.entry((class, part)).or_insert(parts.len());
        if at == parts.len() {
            parts.push(Vec::new());
        }
        parts[at].push(row);
    }
    classes
}

/// The same of the classes that `fine` splits.
fn split_classes(coarse: &[u32], fine: &[u32]) -> Vec<Vec<Vec<usize>>> {
    let mut classes = classes(coarse, fine);
    classes.retain(|parts| parts.len() > 1);
    classes
}

/// How many rows have each label.
fn sizes(labels: &[u32]) -> Vec<usize> {
    let mut sizes = vec![0; labels.iter().max().map_or(0, |&most| most as usize + 1)];
    labels.iter().for_each(|&label| sizes[label as usize] += 1);
    sizes
}

fn mean(view: &View, rows: &[usize]) -> Vec<f64> {
    let mut mean = vec![0.0; view.columns];
    for &row in rows {
        mean.iter_mut().zip(view.row(row)).for_each(|(mean, value)| *mean += value / rows.len() as f64);
    }
    mean
}

fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// What the parts of one class say.
struct OfClass {
    /// Those that are not alone.
    rows: Vec<usize>,
    centre: Vec<f64>,
    /// Of the class, with those that are alone.
    size: usize,
    parts: usize,
    /// Degrees of freedom inside the parts and between them, without those that are alone.
    within: usize,
    between: usize,
    /// The part of the squares that is inside the parts.
    inside: f64,
    /// The bound for this one partition of the class.
    ln_tail: f64,
}

impl OfClass {
    /// As if the noise had the same size in all directions. Rows that are alone say nothing: one
    /// that is far from all others may be an outlier. `None` when there are not two other parts.
    fn new(view: &View, class: &[Vec<usize>]) -> Option<Self> {
        let company: Vec<&Vec<usize>> = class.iter().filter(|part| part.len() > 1).collect();
        if company.len() < 2 {
            return None;
        }
        let rows: Vec<usize> = company.iter().copied().flatten().copied().collect();
        let centre = mean(view, &rows);
        let total: f64 = rows.iter().map(|&row| squared(view.row(row), &centre)).sum();
        let length: f64 = rows.iter().map(|&row| view.row(row).iter().map(|v| v * v).sum::<f64>()).sum();
        let of_part = |part: &&Vec<usize>| {
            let centre = mean(view, part);
            part.iter().map(|&row| squared(view.row(row), &centre)).sum::<f64>()
        };
        let inside = inside(company.iter().map(of_part).sum(), total, length);
        let (within, between) = (rows.len() - company.len(), company.len() - 1);
        let ln_tail = ln_tail_alike(within, between, inside, view.columns);
        let (size, parts) = (class.iter().map(Vec::len).sum(), class.len());
        Some(Self { rows, centre, size, parts, within, between, inside, ln_tail })
    }

    /// Allows for noise that is larger in some directions than in others. This costs more than all
    /// else, and can only take away from what is said.
    fn weaken(&mut self, view: &View) {
        if self.ln_tail >= 0.0 || view.columns == 1 {
            return;
        }
        let off = DMatrix::from_fn(self.rows.len(), view.columns, |i, j| {
            view.row(self.rows[i])[j] - self.centre[j]
        });
        let gram =
            if self.rows.len() < view.columns { &off * off.transpose() } else { off.transpose() * &off };
        let spectrum: Vec<f64> = gram.symmetric_eigenvalues().iter().map(|l| l.max(0.0)).collect();
        let weaker = ln_tail(self.within, self.between, self.inside, &spectrum);
        self.ln_tail = self.ln_tail.max(weaker);
    }

    /// The bound, with what the choice of the partition costs.
    fn net(&self) -> f64 {
        self.ln_tail + ln_refinements(1, &[(self.size, self.parts)])
    }
}

/// The part of a class's squares that is inside its parts. Differences below single precision are
/// rounding errors.
pub(super) fn inside(within_parts: f64, total: f64, length: f64) -> f64 {
    let within = within_parts.max(ROUNDING * length);
    if within >= total { 1.0 } else { within / total }
}

/// The logarithm of the probability that the product of `count` independent numbers, uniform
/// between 0 and 1, is at most `exp(ln_product)`: `t Σ_{i < count} (−ln t)ⁱ / i!` (Fisher).
pub(super) fn ln_product(ln_product: f64, count: usize) -> f64 {
    let l = -ln_product;
    let (mut term, mut sum, mut scale) = (1.0f64, 1.0f64, 0.0f64);
    for i in 1..count {
        term *= l / i as f64;
        sum += term;
        if sum > 1e200 {
            (term, sum, scale) = (term / 1e200, sum / 1e200, scale + 200.0 * std::f64::consts::LN_10);
        }
    }
    (ln_product + sum.ln() + scale).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::ln_product;

    #[test]
    fn the_product_of_uniform_numbers_has_fishers_distribution() {
        assert!((ln_product(-3.0, 1) + 3.0).abs() < 1e-12);
        // t (1 − ln t) at t = e⁻³, and the same for three: t (1 + 3 + 9/2).
        assert!((ln_product(-3.0, 2) - (4.0f64.ln() - 3.0)).abs() < 1e-12);
        assert!((ln_product(-3.0, 3) - (8.5f64.ln() - 3.0)).abs() < 1e-12);
        // Many terms neither overflow nor exceed one.
        let many = ln_product(-1e4, 900);
        assert!((-1e4..=0.0).contains(&many) && ln_product(-0.5, 100).abs() < 1e-9, "{many}");
    }
}
