//! Semidirect products.

use num_bigint::BigUint;

use super::{cyclic, parenthesised};
use crate::action::Action;
use crate::error::{Error, Result, cycles, quoted};
use crate::group::PermutationGroup;
use crate::group::abelian::primes;
use crate::limits::{check_generators, check_order, check_points, check_size};
use crate::permutation::Permutation;

/// `N ⋊ H`: `h n h⁻¹ = φ_h(n)`, where `automorphisms[j][i]` is the image of the `i`-th generator of
/// `N` under the automorphism φ of the `j`-th generator of `H`. Acts on the elements of `N` (by `n`
/// from the left, and by φ), followed by the points of `H`; order `|N| |H|`.
///
/// # Errors
/// When one of the maps is not an automorphism, when φ is not a homomorphism, or when `N` has more
/// than a million elements; [`Error::TooMuchWork`].
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
            quoted(h.name())
        )));
    }
    let order = n.check_listing(FAMILY, None)? as usize;
    let points = order.checked_add(h.degree());
    check_points(FAMILY, points)?;
    check_generators(order + h.degree(), n.generators().len() + h.generators().len())?;
    let bits = n.order().bits() + h.order().bits();
    check_order(FAMILY, Some(bits))?;
    let mut images = Vec::new();
    for (j, of_generators) in automorphisms.iter().enumerate() {
        for g in of_generators {
            if !n.contains(g)? {
                let (g, n) = (cycles(g), quoted(n.name()));
                return Err(wrong(format!("automorphism {j} sends a generator to {g}, which is not in {n}")));
            }
        }
        Action::homomorphism(n, n.degree(), of_generators.clone())
            .map_err(|e| wrong(format!("automorphism {j} of {} is none: {e}", quoted(n.name()))))?;
        images.extend(of_generators.iter().cloned());
    }
    // Multiplication from the left by the generators of N, and by their images.
    let factors: Vec<Permutation> = n.generators().iter().chain(&images).cloned().collect();
    check_generators(order, factors.len())?;
    let chain = n.chain(FAMILY)?;
    let moved = chain.index().left_multiplication(&factors, order);
    let moved = moved.ok_or_else(|| wrong(format!("{} does not have {order} elements", quoted(n.name()))))?;
    let (left, by_images) = moved.split_at(n.generators().len());
    let mut twists = Vec::new();
    for j in 0..automorphisms.len() {
        let by_images = &by_images[j * left.len()..(j + 1) * left.len()];
        let twist = Permutation::from_images(&twist(order, left, by_images));
        let injective = format!("the map of generator {j} of {} is not injective", quoted(h.name()));
        twists.push(twist.map_err(|_| wrong(injective))?);
    }
    // φ must be a homomorphism from H.
    Action::homomorphism(h, order, twists.clone())
        .map_err(|e| wrong(format!("{} does not act by these automorphisms: {e}", quoted(h.name()))))?;
    let one = Permutation::one(h.degree());
    let left = left.iter().map(|a| Permutation::trusted(a.clone()).followed_by(&one));
    let right = twists.iter().zip(h.generators()).map(|(twist, b)| twist.followed_by(b));
    let group = PermutationGroup::trusted(
        format!("{} ⋊ {}", parenthesised(n.name()), parenthesised(h.name())),
        order + h.degree(),
        left.chain(right).collect(),
    );
    Ok(group.of_order(n.order() * h.order()))
}

/// An automorphism φ on the places of the elements, the identity first: `φ(a h) = φ(a) φ(h)`, from
/// what the generators a and their images do from the left.
fn twist(order: usize, left: &[Vec<u32>], by_images: &[Vec<u32>]) -> Vec<usize> {
    let mut twist = vec![usize::MAX; order];
    twist[0] = 0;
    let mut queue = vec![0];
    while let Some(h) = queue.pop() {
        for (a, by_image) in left.iter().zip(by_images) {
            let next = a[h] as usize;
            if twist[next] == usize::MAX {
                twist[next] = by_image[twist[h]] as usize;
                queue.push(next);
            }
        }
    }
    twist
}

/// `C_n ⋊ C_order` on the residues modulo `n`: `x ↦ x + 1` and `x ↦ r x`, for the smallest `r`
/// whose multiplicative order modulo `n` is `order`; order `n · order`. `(7, 3)` is the Frobenius
/// group of order 21.
///
/// # Errors
/// When `n` is below 2 or above 2²², or no residue has that multiplicative order.
pub fn cyclic_semidirect(n: usize, order: usize) -> Result<PermutationGroup> {
    const FAMILY: &str = "semidirect product of cyclic groups";
    check_size(FAMILY, n, 2)?;
    // At most 2²² residues, of which a power takes some twenty products.
    // An order divides the number of units, which is below n.
    let primes = if (1..n).contains(&order) { primes(order as u64) } else { Vec::new() };
    let r = (1..n).find(|&r| (1..n).contains(&order) && has_order(r, order, &primes, n));
    let r = r.ok_or_else(|| Error::Family {
        family: FAMILY,
        problem: format!("no multiplication modulo {n} has order {order}"),
    })?;
    let multiply = Permutation::trusted((0..n).map(|x| (x * r % n) as u32).collect());
    let mut generators = cyclic(n)?.generators().to_vec();
    generators.push(multiply);
    // The order of a residue is below n.
    let group = PermutationGroup::trusted(format!("C_{n} ⋊ C_{order}"), n, generators);
    Ok(group.of_order(BigUint::from(n) * order))
}

/// `base^exponent` modulo `n`, which is at most 2²².
fn power(mut base: u64, mut exponent: u64, n: u64) -> u64 {
    let mut power = 1 % n;
    while exponent > 0 {
        if exponent % 2 == 1 {
            power = power * base % n;
        }
        (base, exponent) = (base * base % n, exponent / 2);
    }
    power
}

/// Whether `order`, which these primes divide, is the smallest exponent `e ≥ 1` with `r^e = 1`
/// modulo `n`. Only units have one.
fn has_order(r: usize, order: usize, primes: &[u64], n: usize) -> bool {
    let (r, order, n) = (r as u64, order as u64, n as u64);
    power(r, order, n) == 1 % n && primes.iter().all(|p| power(r, order / p, n) != 1 % n)
}
