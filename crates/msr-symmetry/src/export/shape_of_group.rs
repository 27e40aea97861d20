//! Whether a group is cyclic or dihedral, with the elements that show it.

use msr_groups::{Permutation, PermutationGroup};

use super::error::Result;

/// The most elements that are looked at.
const MOST: u32 = 2000;

/// A group that other tools have by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `C_n`, and an element that makes all.
    Cyclic { order: usize, turn: Permutation },
    /// `D_n` of order 2 n, a turn of order n, and a flip that inverts it.
    Dihedral { turns: usize, turn: Permutation, flip: Permutation },
    /// None of these, or too large to say.
    Other,
}

/// The shape of a group, by its elements and not by its name.
///
/// # Errors
/// When listing its elements takes too long.
pub(super) fn shape_of(group: &PermutationGroup) -> Result<Shape> {
    let order = group.order();
    if order > MOST.into() {
        return Ok(Shape::Other);
    }
    let elements = group.elements()?;
    let order = elements.len();
    let of_order = |wanted: usize| elements.iter().filter(move |g| g.order() == wanted.into());
    if let Some(turn) = of_order(order).next() {
        return Ok(Shape::Cyclic { order, turn: turn.clone() });
    }
    let turns = order / 2;
    for turn in of_order(turns).filter(|_| order % 2 == 0) {
        // In a dihedral group every element that is no turn is a flip.
        let powers: Vec<Permutation> = (0..turns).map(|k| turn.power(k as i64)).collect();
        let Some(flip) = elements.iter().find(|g| !powers.contains(g)) else { continue };
        let is_flip = flip.compose(flip)?.is_identity();
        if is_flip && flip.compose(turn)?.compose(flip)? == turn.inverse() {
            return Ok(Shape::Dihedral { turns, turn: turn.clone(), flip: flip.clone() });
        }
    }
    Ok(Shape::Other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use msr_groups::{ALL_SMALL_GROUPS, PermutationGroup, parse_group};

    use super::{Shape, shape_of};

    fn name(group: &PermutationGroup) -> Option<String> {
        match shape_of(group).unwrap() {
            Shape::Cyclic { order, .. } => Some(format!("C_{order}")),
            Shape::Dihedral { turns, turn, flip } => {
                // What was found makes the whole group.
                let made = PermutationGroup::new("made", group.degree(), vec![turn, flip]).unwrap();
                assert!(made.is_same_as(group).unwrap());
                Some(format!("D_{turns}"))
            }
            Shape::Other => None,
        }
    }

    #[test]
    fn groups_are_told_apart_whatever_they_are_called() {
        let of = |call: &str| name(&parse_group(call).unwrap());
        assert_eq!(of("cyclic(6)").as_deref(), Some("C_6"));
        assert_eq!(of("direct_product(cyclic(2), cyclic(3))").as_deref(), Some("C_6"));
        assert_eq!(of("direct_product(cyclic(2), cyclic(2))").as_deref(), Some("D_2"));
        assert_eq!(of("symmetric(3)").as_deref(), Some("D_3"));
        assert_eq!(of("dihedral(7)").as_deref(), Some("D_7"));
        for other in ["quaternion()", "symmetric(4)", "direct_product(cyclic(2), cyclic(4))", "symmetric(7)"]
        {
            assert_eq!(of(other), None, "{other}");
        }
    }

    /// A group is abelian and of exponent its order if and only if it is cyclic.
    #[test]
    fn cyclic_groups_are_all_found() {
        for small in ALL_SMALL_GROUPS {
            let group = small.group().unwrap();
            if group.order() > 500u32.into() {
                continue;
            }
            let is_cyclic = group.elements().unwrap().iter().any(|g| g.order() == group.order());
            assert_eq!(matches!(shape_of(&group).unwrap(), Shape::Cyclic { .. }), is_cyclic, "{group:?}");
        }
    }
}
