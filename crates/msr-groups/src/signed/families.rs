//! Groups that are defined by their signed action.

use crate::error::{Error, Result};
use crate::families::{cyclic, symmetric, wreath_product};
use crate::limits::check_size;
use crate::signed::{SignedAction, SignedPermutation};

/// The largest number of points: the order has more than 2²⁰ binary digits only beyond it.
const MOST: usize = 1 << 15;

/// All signed permutations of `n` points, the symmetries of the n-cube around its centre: the
/// hyperoctahedral group `C_2 ≀ S_n`, order `2^n n!`, with its signed action.
///
/// # Errors
/// When `n` is zero or above 32,768.
pub fn hyperoctahedral(n: usize) -> Result<SignedAction> {
    check("hyperoctahedral", n)?;
    let group = wreath_product(&cyclic(2)?, &symmetric(n)?)?;
    // Point `2 x` of the wreath product is `+e_x`.
    let images = group.generators().iter().map(SignedPermutation::from_doubled).collect::<Option<Vec<_>>>();
    let images = images.ok_or_else(|| Error::Family {
        family: "hyperoctahedral",
        problem: "a generator of the wreath product tears a pair apart".into(),
    })?;
    Ok(SignedAction::homomorphism(&group, n, images)?.named("signed"))
}

/// All changes of signs of `n` points, none of which moves: `C_2^n`, order `2^n`, with its signed
/// action.
///
/// # Errors
/// When `n` is zero or above 32,768.
pub fn sign_changes(n: usize) -> Result<SignedAction> {
    check("sign changes", n)?;
    let group = wreath_product(&cyclic(2)?, &crate::families::trivial(n)?)?.named(format!("C_2^{n}"));
    let images = group.generators().iter().filter_map(SignedPermutation::from_doubled).collect();
    Ok(SignedAction::homomorphism(&group, n, images)?.named("signed"))
}

fn check(family: &'static str, n: usize) -> Result<()> {
    check_size(family, n, 1)?;
    if n > MOST {
        return Err(Error::Family { family, problem: format!("n is {n}; at most {MOST} is allowed") });
    }
    Ok(())
}
