//! The group and its representations, for escnn and for emlp.

use msr_groups::{Permutation, SignedPermutation};

use super::Target;
use super::error::{Error, Result};
use super::layer::TiedLayer;
use super::python::{check_weights, data, filled, images};
use super::shape_of_group::{Shape, shape_of};

/// The source of the file. Cyclic and dihedral groups are those that escnn has; others are built
/// from their elements. emlp takes generators as they are.
///
/// # Errors
/// When there are too many weights for a text; [`Error::Order`] when the layer says that the order
/// is another one.
pub(super) fn representations(layer: &TiedLayer) -> Result<String> {
    check_weights(layer, Target::Escnn)?;
    let shape = match layer.checked_group() {
        Ok((group, _)) => shape_of(&group)?,
        // Too large for escnn, but not for emlp.
        Err(Error::Groups(msr_groups::Error::TooMuchWork { .. })) => Shape::Other,
        Err(other) => return Err(other),
    };
    let pair = |g: &Permutation| -> Result<String> {
        let whole =
            if layer.is_signed() { SignedPermutation::from_doubled(g) } else { Some(g.clone().into()) };
        let m = layer.outputs;
        let sides = whole.and_then(|g| Some((g.restrict(0..m)?, g.restrict(m..g.degree())?)));
        let (y, x) = sides.ok_or_else(|| Error::layer("an element of the group mixes outputs and inputs"))?;
        Ok(format!("(\"{}\", \"{}\")", images(&y), images(&x)))
    };
    let named = match &shape {
        Shape::Cyclic { order, turn } => format!("(\"cyclic\", {order}, [{}])", pair(turn)?),
        Shape::Dihedral { turns, turn, flip } => {
            format!("(\"dihedral\", {turns}, [{}, {}])", pair(turn)?, pair(flip)?)
        }
        Shape::Other => "None".into(),
    };
    let mut values = data(layer)?;
    values.push(("NAMED", named));
    Ok(filled(include_str!("escnn.py"), &values))
}
