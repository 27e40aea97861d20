//! Known groups by how well they fit.

use std::cmp::Ordering;

use num_bigint::BigUint;

use crate::action::Action;
use crate::error::Result;
use crate::families::ALL_SMALL_GROUPS;
use crate::sharing::{SharingPattern, symmetry_residual};

/// How well a known group fits a symmetry matrix. See `docs/derivations/recovery.md`, section 5.
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
}

/// The residuals `‖U − P_G(U)‖ / ‖U‖` of candidates `(name, output action, input action)`, smallest first; among
/// equals the larger group first. See `docs/derivations/recovery.md`, section 5.
///
/// # Errors
/// When `symmetry` is not `m n × k` for an action, or not finite.
pub fn rank_groups(
    symmetry: &[f64],
    filter_params: usize,
    candidates: &[(String, Action, Action)],
) -> Result<Vec<Fit>> {
    let mut fits = Vec::with_capacity(candidates.len());
    for (name, output, input) in candidates {
        let pattern = SharingPattern::new(output, input)?;
        let weights = (output.points() * input.points()).max(1) as f64;
        fits.push(Fit {
            name: name.clone(),
            order: input.group().order(),
            free_parameters: pattern.free_parameters(),
            residual: symmetry_residual(symmetry, filter_params, &pattern)?,
            by_chance: (1.0 - pattern.free_parameters() as f64 / weights).sqrt(),
        });
    }
    // Residuals that differ by rounding only are equal.
    let rounded = |fit: &Fit| (fit.residual * 1e9).round();
    fits.sort_by(|a, b| match rounded(a).total_cmp(&rounded(b)) {
        Ordering::Equal => b.order.cmp(&a.order),
        other => other,
    });
    Ok(fits)
}

/// The known groups that act on `m` outputs and `n` inputs as they are numbered: families of matching size, on
/// outputs and inputs alike if `m = n`, otherwise on the inputs with outputs that all elements leave alone. See
/// `docs/derivations/recovery.md`, section 5.
///
/// # Errors
/// None for sizes below some thousands.
pub fn known_actions(m: usize, n: usize) -> Result<Vec<(String, Action, Action)>> {
    let mut calls: Vec<String> =
        ["cyclic", "dihedral", "symmetric", "alternating"].map(|family| format!("{family}({n})")).to_vec();
    if n.is_power_of_two() {
        calls.push(format!("hypercube({})", n.ilog2()));
    }
    let side = n.isqrt();
    if side * side == n {
        calls.extend(["square_grid", "torus_rotations"].map(|family| format!("{family}({side})")));
    }
    for h in (2..=side).filter(|h| n.is_multiple_of(*h)) {
        let w = n / h;
        calls.push(format!("torus_translations({h}, {w})"));
        calls.push(format!("product_grid(symmetric({h}), symmetric({w}))"));
        for (a, b) in [(h, w), (w, h)] {
            calls.push(format!("wreath_product(symmetric({a}), symmetric({b}))"));
            calls.push(format!("wreath_product(cyclic({a}), cyclic({b}))"));
        }
        calls.push(format!("product_grid(cyclic({h}), symmetric({w}))"));
        calls.push(format!("product_grid(symmetric({h}), cyclic({w}))"));
    }
    let listed = ALL_SMALL_GROUPS.iter().map(|g| g.call.to_string());
    let mut found: Vec<(String, Action, Action)> = Vec::new();
    let mut seen: Vec<SharingPattern> = Vec::new();
    for call in calls.into_iter().chain(listed) {
        // Sizes that a family does not have are no candidates.
        let Ok(group) = crate::families::parse(&call) else { continue };
        if group.degree() != n || group.generators().is_empty() {
            continue;
        }
        let input = Action::natural(&group);
        let output = if m == n { input.clone() } else { Action::trivial(&group, m)? };
        let pattern = SharingPattern::new(&output, &input)?;
        // Groups with the same pattern cannot be told apart; the first name stands for all of them.
        if !seen.contains(&pattern) {
            seen.push(pattern);
            let name =
                if m == n { group.name().to_string() } else { format!("{} on the inputs", group.name()) };
            found.push((name, output, input));
        }
    }
    Ok(found)
}
