//! Known groups, ranked by how well they fit.

use num_bigint::BigUint;

use crate::action::Action;
use crate::error::{Error, Result};
use crate::families::{ALL_SMALL_GROUPS, parse as parse_group};
use crate::sharing::{SharingPattern, symmetry_residual};
use crate::symmetry_matrix::SymmetryMatrix;

/// A larger group fits as well when its residual is at most this many times the one that noise
/// alone would give it, judged by the smaller group's.
const AS_GOOD: f64 = 1.25;
/// The largest order of a group whose regular action is a candidate.
const MOST_REGULAR: u64 = 256;
/// The most labels of the patterns of all known groups together: a gigabyte.
const MOST_LABELS: usize = 1 << 28;

/// A group with its actions on outputs and inputs, and the pattern that they make.
#[derive(Clone, Debug)]
pub struct KnownAction {
    name: String,
    order: BigUint,
    pattern: SharingPattern,
}

impl KnownAction {
    /// A group under a name.
    ///
    /// # Errors
    /// When different groups act on outputs and inputs, or there are too many weights.
    pub fn new(name: impl Into<String>, output: &Action, input: &Action) -> Result<Self> {
        let pattern = SharingPattern::new(output, input)?;
        Ok(Self { name: name.into(), order: input.group().order(), pattern })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The residual of a matrix without structure, `√(1 − k_G / (m n))`.
    fn by_chance(&self) -> f64 {
        let weights = self.pattern.labels().len().max(1) as f64;
        (1.0 - self.pattern.free_parameters() as f64 / weights).sqrt()
    }

    /// The sharing pattern.
    pub fn pattern(&self) -> &SharingPattern {
        &self.pattern
    }
}

/// How well a known group fits a symmetry matrix. See [recovery.md](crate::derivations::recovery),
/// section 5.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The group and its action on outputs and inputs.
    pub name: String,
    /// The order of the group.
    pub order: BigUint,
    /// The number of free parameters of its equivariant maps.
    pub free_parameters: usize,
    /// `‖U − P_G(U)‖_F / ‖U‖_F`.
    pub residual: f64,
    /// The residual that a matrix without any structure would have, `√(1 − k_G / (m n))`.
    pub by_chance: f64,
    /// The name of a group that ties all weights that this one ties, and more, and fits as well (up
    /// to what noise adds, and a quarter). Then this group adds nothing.
    pub implied_by: Option<String>,
}

/// The residuals `‖U − P_G(U)‖ / ‖U‖` of known groups, smallest first. See
/// [recovery.md](crate::derivations::recovery), section 5.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) when a group acts on other numbers of outputs or inputs
/// than those of `symmetry`.
///
/// # Example
/// ```
/// use msr_groups::{SymmetryMatrix, known_actions, rank_groups};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let weight = SymmetryMatrix::weight(&[2.0, 1.0, 1.1, 2.1], 2, 2)?;
/// let fits = rank_groups(weight, &known_actions(2, 2)?)?;
/// assert_eq!(fits[0].name, "S_2");
/// assert!(fits[0].residual < 0.05 && fits[0].by_chance > 0.7);
/// # Ok(())
/// # }
/// ```
pub fn rank_groups(symmetry: SymmetryMatrix<'_>, known: &[KnownAction]) -> Result<Vec<Fit>> {
    let mut residuals = Vec::with_capacity(known.len());
    for action in known {
        residuals.push(symmetry_residual(symmetry, &action.pattern)?);
    }
    let implied_by = |i: usize| {
        let larger = known.iter().zip(&residuals).filter(|(other, residual)| {
            // Noise leaves a residual in proportion to √(1 − k_G / (m n)).
            let expected = residuals[i] * other.by_chance() / known[i].by_chance().max(f64::MIN_POSITIVE);
            **residual <= AS_GOOD * expected + 1e-9
                && other.pattern.free_parameters() < known[i].pattern.free_parameters()
                && known[i].pattern.is_finer_than(&other.pattern)
        });
        let largest = larger.min_by_key(|(other, _)| other.pattern.free_parameters());
        largest.map(|(other, _)| other.name.clone())
    };
    let fit = |(i, action): (usize, &KnownAction)| Fit {
        name: action.name.clone(),
        order: action.order.clone(),
        free_parameters: action.pattern.free_parameters(),
        residual: residuals[i],
        by_chance: action.by_chance(),
        implied_by: implied_by(i),
    };
    let mut fits: Vec<Fit> = known.iter().enumerate().map(fit).collect();
    fits.sort_by(|a, b| a.residual.total_cmp(&b.residual).then_with(|| b.order.cmp(&a.order)));
    Ok(fits)
}

/// The known groups that act on `m` outputs and `n` inputs as they are numbered: families of groups
/// whose natural action, or action on themselves or on pairs, has the right number of points. Where
/// `m` and `n` differ, the outputs may also be left alone by all elements. No weight can tell
/// groups with the same pattern apart; of these the largest is listed. See
/// [recovery.md](crate::derivations::recovery), section 5.
///
/// Without weights there is nothing to tie, and no group is listed.
///
/// # Errors
/// [`Error::Config`] when there are 2³² − 1 weights or more, or when the patterns of all groups
/// would have more than 2²⁸ labels, a gigabyte; none for sizes of up to a thousand.
pub fn known_actions(m: usize, n: usize) -> Result<Vec<KnownAction>> {
    known_within(m, n, MOST_LABELS)
}

/// The known groups, if their patterns have at most so many labels.
fn known_within(m: usize, n: usize, most: usize) -> Result<Vec<KnownAction>> {
    const ACTIONS: [&str; 4] = ["natural", "unordered_pairs", "distinct_pairs", "ordered_pairs"];
    if m == 0 || n == 0 {
        return Ok(Vec::new());
    }
    if m.checked_mul(n).is_none_or(|weights| weights >= u32::MAX as usize) {
        let problem = format!("{m} outputs × {n} inputs; known groups tie fewer than 2^32 − 1 weights");
        return Err(Error::Config { problem });
    }
    let mut found: Vec<KnownAction> = Vec::new();
    for call in calls(m, n) {
        // Sizes that a family does not have are no candidates.
        let Ok(group) = parse_group(&call) else { continue };
        if group.generators().is_empty() {
            continue;
        }
        let degree = group.degree();
        let sizes = [
            degree,
            degree * degree.saturating_sub(1) / 2,
            degree * degree.saturating_sub(1),
            degree * degree,
        ];
        let mut outputs: Vec<Action> = Vec::new();
        let mut inputs: Vec<Action> = Vec::new();
        for (size, action) in sizes.into_iter().zip(ACTIONS) {
            if size == n {
                inputs.push(Action::parse(&group, action)?);
            }
            if size == m {
                outputs.push(Action::parse(&group, action)?);
            }
        }
        let itself = group.order_up_to(MOST_REGULAR).filter(|&order| order == m as u64 || order == n as u64);
        if itself.is_some() && itself != u64::try_from(degree).ok() {
            let regular = Action::regular(&group)?;
            if regular.points() == n {
                inputs.push(regular.clone());
            }
            if regular.points() == m {
                outputs.push(regular);
            }
        }
        if m != n {
            outputs.push(Action::trivial(&group, m)?);
        }
        for input in &inputs {
            // With as many outputs as inputs, both have the same action.
            let same = |output: &&Action| m != n || output.name() == input.name();
            for output in outputs.iter().filter(same) {
                add(&mut found, KnownAction::new(action_name(&group, output, input), output, input)?);
                if found.len().saturating_mul(m * n) > most {
                    let problem = format!(
                        "the patterns of all known groups on {m} outputs × {n} inputs have more than {most} \
                         labels; rank groups of your choice with `rank_groups`"
                    );
                    return Err(Error::Config { problem });
                }
            }
        }
    }
    Ok(found)
}

/// Adds an action with a new pattern. Of two with the same pattern, the one with the larger group
/// stays.
fn add(found: &mut Vec<KnownAction>, new: KnownAction) {
    match found.iter_mut().find(|old| old.pattern == new.pattern) {
        Some(old) if old.order < new.order => *old = new,
        Some(_) => {}
        None => found.push(new),
    }
}

fn action_name(group: &crate::PermutationGroup, output: &Action, input: &Action) -> String {
    match (input.name(), output.name()) {
        ("natural", "natural") => group.name().to_string(),
        (i, "trivial") => format!("{}, {i} on the inputs", group.name()),
        (i, o) if i == o => format!("{}, {i}", group.name()),
        (i, o) => format!("{}, {i} → {o}", group.name()),
    }
}

/// The calls of groups that may have such actions.
fn calls(m: usize, n: usize) -> Vec<String> {
    // Degrees whose points or pairs are as many as the inputs.
    let pairs = |count: usize| {
        let root = count.isqrt();
        let near = root..=root + 1;
        let mut degrees: Vec<usize> =
            near.clone().filter(|d| d * d == count || d * d.saturating_sub(1) == count).collect();
        let root = (2 * count).isqrt();
        degrees.extend((root..=root + 1).filter(|d| d * d.saturating_sub(1) == 2 * count));
        degrees
    };
    let mut degrees = vec![n, m];
    degrees.extend(pairs(n));
    degrees.extend(pairs(m));
    degrees.retain(|&d| d > 1);
    degrees.sort_unstable();
    degrees.dedup();
    let mut calls: Vec<String> = Vec::new();
    for d in degrees {
        let families = ["symmetric", "alternating", "dihedral", "cyclic"];
        calls.extend(families.map(|family| format!("{family}({d})")));
    }
    if n.is_power_of_two() {
        calls.push(format!("hypercube({})", n.ilog2()));
    }
    let side = n.isqrt();
    if side * side == n {
        calls.extend(["square_grid", "torus_rotations"].map(|family| format!("{family}({side})")));
    }
    for h in (2..=side).filter(|h| n.is_multiple_of(*h)) {
        let w = n / h;
        calls.push(format!("product_grid(symmetric({h}), symmetric({w}))"));
        calls.push(format!("product_grid(cyclic({h}), symmetric({w}))"));
        calls.push(format!("product_grid(symmetric({h}), cyclic({w}))"));
        calls.push(format!("torus_translations({h}, {w})"));
        for (a, b) in [(h, w), (w, h)] {
            calls.push(format!("wreath_product(symmetric({a}), symmetric({b}))"));
            calls.push(format!("wreath_product(cyclic({a}), cyclic({b}))"));
        }
    }
    calls.extend(ALL_SMALL_GROUPS.iter().map(|g| g.call.to_string()));
    calls
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_known_groups_have_a_limit() {
        let all = known_within(6, 6, usize::MAX).unwrap().len();
        assert_eq!(known_within(6, 6, 36 * all).unwrap().len(), all);
        let error = known_within(6, 6, 36 * all - 1).unwrap_err().to_string();
        assert!(error.contains("6 outputs × 6 inputs") && error.contains("rank_groups"), "{error}");
    }
}
