//! Semidirect products.

use super::{check_points, check_size, cyclic, parenthesised};
use crate::action::Action;
use crate::error::{Error, Result};
use crate::group::PermutationGroup;
use crate::permutation::Permutation;

/// `N ⋊ H`: `h n h⁻¹ = φ_h(n)`, where `automorphisms[j][i]` is the image of the `i`-th generator of
/// `N` under the automorphism φ of the `j`-th generator of `H`. Acts on the elements of `N` (by `n`
/// from the left, and by φ), followed by the points of `H`; order `|N| |H|`.
///
/// # Errors
/// When one of the maps is not an automorphism, when φ is not a homomorphism, or when `N` has too
/// many elements.
///
/// # Example
/// The dihedral group of order 10: the flip turns a rotation into its inverse.
/// ```
/// let (n, h) = (msr_groups::cyclic(5)?, msr_groups::cyclic(2)?);
/// let inverse = n.generators()[0].inverse();
/// let group = msr_groups::semidirect_product(&n, &h, &[vec![inverse]])?;
/// assert_eq!(group.order(), 10u32.into());
/// assert!(!group.is_abelian());
/// # Ok::<(), msr_groups::Error>(())
/// ```
pub fn semidirect_product(
    n: &PermutationGroup,
    h: &PermutationGroup,
    automorphisms: &[Vec<Permutation>],
) -> Result<PermutationGroup> {
    const FAMILY: &str = "semidirect product";
    let wrong = |problem: String| Error::Family { family: FAMILY, problem };
    if automorphisms.len() != h.generators().len() {
        return Err(wrong(format!(
            "{} automorphisms for the {} generators of {}",
            automorphisms.len(),
            h.generators().len(),
            h.name()
        )));
    }
    let regular = Action::regular(n)?;
    let elements = n.elements()?;
    check_points(FAMILY, elements.len().checked_add(h.degree()))?;
    let index: std::collections::HashMap<&Permutation, u32> = elements.iter().zip(0..).collect();
    // φ_h as a permutation of the elements of N.
    let mut twists = Vec::new();
    for (j, images) in automorphisms.iter().enumerate() {
        if let Some(g) = images.iter().find(|g| !n.contains(g)) {
            return Err(wrong(format!(
                "automorphism {j} sends a generator to {g}, which is not in {}",
                n.name()
            )));
        }
        let map = Action::homomorphism(n, n.degree(), images.clone())
            .map_err(|e| wrong(format!("automorphism {j} of {} is none: {e}", n.name())))?;
        let twist: Option<Vec<usize>> = elements
            .iter()
            .map(|g| map.image_of(g).ok().and_then(|image| index.get(&image).map(|&i| i as usize)))
            .collect();
        let twist = twist.ok_or_else(|| wrong(format!("automorphism {j} leaves {}", n.name())))?;
        let twist = Permutation::from_images(&twist)
            .map_err(|_| wrong(format!("the map of generator {j} of {} is not injective", h.name())))?;
        twists.push(twist);
    }
    // φ must be a homomorphism from H.
    Action::homomorphism(h, elements.len(), twists.clone())
        .map_err(|e| wrong(format!("{} does not act by these automorphisms: {e}", h.name())))?;
    let one = Permutation::identity(h.degree());
    let left = regular.images().iter().map(|a| a.beside(&one));
    let right = twists.iter().zip(h.generators()).map(|(twist, b)| twist.beside(b));
    PermutationGroup::new(
        format!("{} ⋊ {}", parenthesised(n.name()), parenthesised(h.name())),
        elements.len() + h.degree(),
        left.chain(right).collect(),
    )
}

/// `C_n ⋊ C_order` on the residues modulo `n`: `x ↦ x + 1` and `x ↦ r x`, for the smallest `r`
/// whose multiplicative order modulo `n` is `order`; order `n · order`. `(7, 3)` is the Frobenius
/// group of order 21.
///
/// # Errors
/// When `n` is below 2, or no residue has that multiplicative order.
pub fn cyclic_semidirect(n: usize, order: usize) -> Result<PermutationGroup> {
    const FAMILY: &str = "semidirect product of cyclic groups";
    check_size(FAMILY, n, 2)?;
    // The smallest e with r^e = 1, for a unit r.
    let order_of = |r: usize| {
        let (mut power, mut exponent) = (r, 1);
        while power != 1 {
            power = power * r % n;
            exponent += 1;
        }
        exponent
    };
    let mut units = (1..n).filter(|&r| num_integer::gcd(n, r) == 1);
    let r = units.find(|&r| order_of(r) == order).ok_or_else(|| Error::Family {
        family: FAMILY,
        problem: format!("no multiplication modulo {n} has order {order}"),
    })?;
    let multiply = Permutation::trusted((0..n).map(|x| (x * r % n) as u32).collect());
    let mut generators = cyclic(n)?.generators().to_vec();
    generators.push(multiply);
    Ok(PermutationGroup::new(format!("C_{n} ⋊ C_{order}"), n, generators)?.of_order(n * order))
}
