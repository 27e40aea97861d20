//! The symmetries of a sharing pattern: automorphisms of an edge-coloured bipartite graph.
//!
//! Outputs and inputs are the two sides, weight `(y, x)` is an edge, and its free parameter the
//! colour. A graph with ⌈log₂ k⌉ layers and uncoloured edges has the same automorphisms: each point
//! becomes a path through the layers, and weight `(y, x)` an edge in those layers whose bit is set
//! in its label. The search itself is McKay's (nauty), by the `canonaut` crate; each generator is
//! checked against the pattern, and the order of the group that they generate against the order
//! that the search reports.
//!
//! Source: Ravanbakhsh, Schneider, Póczos (ICML 2017), section 3; McKay, Piperno, "Practical graph
//! isomorphism, II" (2014), section 14 of the nauty manual for the layers. See
//! [recovery.md](crate::derivations::recovery), section 3.

use std::cell::RefCell;

use canonaut::structs::{CanonautManager, DenseGraph};
use num_bigint::BigUint;

use crate::error::{Error, Result};
use crate::group::PermutationGroup;
use crate::permutation::Permutation;
use crate::sharing::SharingPattern;
use crate::signed::{SignedPattern, SignedPermutation};

/// The most vertices of the layered graph; the search needs memory that grows with their square.
const MOST_VERTICES: usize = 20_000;

/// Up to this many points, the order of the group is computed independently of the search.
const FEW_POINTS: usize = 48;

thread_local! {
    /// Where the search's callback, a plain function, leaves what it finds.
    static FOUND: RefCell<Vec<Vec<u32>>> = const { RefCell::new(Vec::new()) };
}

/// The group of all `(σ, τ)` with `label(σ y, τ x) = label(y, x)`, acting on the outputs followed
/// by the inputs. See [recovery.md](crate::derivations::recovery), section 3.
///
/// # Errors
/// [`Error::Config`] when the pattern is too large; [`Error::Search`] when the search contradicts
/// itself.
///
/// # Example
/// A circulant pattern is kept by the shifts, and by nothing else:
/// ```
/// use msr_groups::{SharingPattern, pattern_automorphisms};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let labels = ['a', 'b', 'c', 'c', 'a', 'b', 'b', 'c', 'a'];
/// let pattern = SharingPattern::from_labels(3, 3, &labels)?;
/// let group = pattern_automorphisms(&pattern)?;
/// assert_eq!(group.order(), 3u32.into());
/// assert_eq!(group.orbits(), [[0, 1, 2], [3, 4, 5]]);
/// # Ok(())
/// # }
/// ```
pub fn pattern_automorphisms(pattern: &SharingPattern) -> Result<PermutationGroup> {
    keeping(pattern, false)
}

/// The group of all signed `(σ, τ)` with `W[σ y, τ x] = s(y) s(x) W[y, x]` for the weights of this
/// pattern, acting on `+e_0, −e_0, +e_1, …` of the outputs followed by those of the inputs
/// ([`SignedPermutation::doubled`]). The pair `(−1, −1)`, which changes all signs, is one of them,
/// whatever the pattern is. See [signed, section 4](crate::derivations::signed).
///
/// # Errors
/// As [`pattern_automorphisms`].
///
/// # Example
/// Vectors in the plane: what commutes with quarter turns.
/// ```
/// use msr_groups::{SignedPattern, signed_automorphisms, signed_pairs};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let labels = [Some(('a', false)), Some(('b', false)), Some(('b', true)), Some(('a', false))];
/// let pattern = SignedPattern::from_labels(2, 2, &labels)?;
/// let group = signed_automorphisms(&pattern)?;
/// assert_eq!(group.order(), 4u32.into());
/// assert!(signed_pairs(&group, 2, 2).iter().all(|(y, x)| pattern.is_kept_by(y, x)));
/// # Ok(())
/// # }
/// ```
pub fn signed_automorphisms(pattern: &SignedPattern) -> Result<PermutationGroup> {
    keeping(&pattern.doubled()?, true)
}

/// The generators of a group on the doubled points of `outputs` followed by those of `inputs`
/// ([`signed_automorphisms`]), as pairs of signed permutations; those that tear pairs apart, or mix
/// outputs and inputs, are left out.
pub fn signed_pairs(
    group: &PermutationGroup,
    outputs: usize,
    inputs: usize,
) -> Vec<(SignedPermutation, SignedPermutation)> {
    let pair = |g: &Permutation| {
        let g = SignedPermutation::from_doubled(g)?;
        Some((g.restrict(0..outputs)?, g.restrict(outputs..outputs.saturating_add(inputs))?))
    };
    group.generators().iter().filter_map(pair).collect()
}

/// The same of a pattern; with `in_pairs` those alone that keep the pairs of points `2 p`, `2 p +
/// 1`.
fn keeping(pattern: &SharingPattern, in_pairs: bool) -> Result<PermutationGroup> {
    let (m, n) = (pattern.outputs(), pattern.inputs());
    let points = m.saturating_add(n);
    // The largest label has `layers` bits; one layer even when there are no colours.
    let largest = pattern.free_parameters().saturating_sub(1);
    let layers = (usize::BITS - largest.leading_zeros()).max(1) as usize;
    let vertices = points.saturating_mul(layers);
    if vertices > MOST_VERTICES {
        return Err(Error::Config {
            problem: format!(
                "the automorphisms of a {m} × {n} pattern with {} free parameters need a graph of {vertices} \
                 vertices; at most {MOST_VERTICES} are allowed",
                pattern.free_parameters()
            ),
        });
    }
    if points == 0 {
        return Ok(PermutationGroup::trusted("trivial", 0, Vec::new()));
    }
    let mut generators: Vec<Permutation> = Vec::new();
    let mut reported = String::new();
    // Seldom the search reports an order that is not that of what it found. With its vertices in
    // another order it does not; all generators are checked, and are kept.
    for attempt in 0..ATTEMPTS {
        let (found, expected) = search(pattern, layers, in_pairs, &renumbering(vertices, attempt));
        for images in found {
            let g = Permutation::from_images(&images)?;
            let sides = (g.restrict(0..m), g.restrict(m..points));
            // This always holds; but an error of the search must not become a claim.
            let is_kept = matches!(
                &sides, (Some(on_outputs), Some(on_inputs)) if pattern.is_kept_by(on_outputs, on_inputs)
            );
            let is_new = attempt == 0 || !generators.contains(&g);
            if is_kept && is_new {
                generators.push(g);
            }
        }
        // A search that missed a generator must not pass for a complete one. So the order that it
        // reports is compared with that of the group its generators make. For few points that order
        // is computed without looking at the report.
        let agrees = |order: &BigUint| (log10(order) - expected).abs() < 1e-6;
        let is_complete = |order: &BigUint| points > FEW_POINTS && agrees(order);
        // The search finds those that move its deepest points first. In reverse order they fill a
        // chain one level after the other.
        let reversed: Vec<Permutation> = generators.iter().rev().cloned().collect();
        let group = PermutationGroup::with_chain("automorphisms", points, reversed, &is_complete);
        let order = group.order();
        if agrees(&order) {
            return Ok(group.of_order(order));
        }
        reported = format!("10^{expected:.6}, where there are {order} at least");
    }
    let group = PermutationGroup::with_chain("automorphisms", points, generators, &|_| false);
    Err(Error::Search { found: group.order(), expected: reported })
}

/// How often a search is repeated that contradicts itself.
const ATTEMPTS: usize = 8;

/// Another order of so many vertices; the given one for the first attempt.
fn renumbering(vertices: usize, attempt: usize) -> Vec<usize> {
    let is_coprime = |a: usize| num_integer::gcd(a, vertices) == 1;
    // Multiplication by a number without a common divisor is a permutation.
    let factors = (vertices / 2..).filter(|&a| a > 1 && is_coprime(a));
    let factor = if attempt == 0 { 1 } else { factors.step_by(2).nth(attempt).unwrap_or(1) };
    (0..vertices).map(|v| (v * factor + attempt) % vertices).collect()
}

/// The generators that the search finds, as images of the points, and the decimal logarithm of the
/// order that it reports.
fn search(
    pattern: &SharingPattern,
    layers: usize,
    in_pairs: bool,
    number: &[usize],
) -> (Vec<Vec<usize>>, f64) {
    let (m, n) = (pattern.outputs(), pattern.inputs());
    let (points, vertices) = (m + n, (m + n) * layers);
    let mut graph = DenseGraph::new(vertices);
    let mut join = |a: usize, b: usize| graph.add_edge(number[a], number[b]);
    for layer in 1..layers {
        (0..points).for_each(|p| join((layer - 1) * points + p, layer * points + p));
    }
    for (weight, &label) in pattern.labels().iter().enumerate() {
        let (y, x) = (weight / n, m + weight % n);
        for layer in (0..layers).filter(|layer| label >> layer & 1 == 1) {
            join(layer * points + y, layer * points + x);
        }
    }
    // Weights join outputs and inputs; a pair is of one side.
    for p in (0..points).step_by(2).filter(|_| in_pairs) {
        join(p, p + 1);
    }
    // Layers and sides are not mixed.
    let mut colours = vec![0; vertices];
    let mut back = vec![0; vertices];
    for (v, &to) in number.iter().enumerate() {
        colours[to] = (2 * (v / points) + usize::from(v % points >= m)) as u32;
        back[to] = v;
    }
    graph.set_colors(colours);

    FOUND.with_borrow_mut(Vec::clear);
    // Without canonization, version 1.0.0 of the search stops early and misses generators.
    let mut search = CanonautManager::new(vertices).with_canonization().with_automorphism_callback(
        |_, permutation, _, _, _, _| {
            FOUND.with_borrow_mut(|found| found.push(permutation.to_vec()));
        },
    );
    search.canonize_graph(&graph);
    let images = |permutation: Vec<_>| -> Vec<usize> {
        (0..points).map(|p| back[permutation[number[p]] as usize]).collect()
    };
    let found = FOUND.take().into_iter().map(images).collect();
    let statistics = search.statistics();
    (found, statistics.group_size1.log10() + f64::from(statistics.group_size2))
}

/// The decimal logarithm of a positive number of any size.
fn log10(number: &BigUint) -> f64 {
    let digits = number.to_string();
    let leading: f64 = digits.get(..digits.len().min(17)).and_then(|d| d.parse().ok()).unwrap_or(1.0);
    leading.log10() + digits.len().saturating_sub(17) as f64
}
