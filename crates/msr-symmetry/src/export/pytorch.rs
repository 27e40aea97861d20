//! A module for PyTorch, in a file of its own.

use super::Target;
use super::error::Result;
use super::layer::TiedLayer;
use super::python::{check_weights, data, filled};

/// The source of the module, which holds the layer as data.
///
/// # Errors
/// When there are too many weights for a text.
pub(super) fn module(layer: &TiedLayer) -> Result<String> {
    check_weights(layer, Target::PyTorch)?;
    Ok(filled(include_str!("pytorch.py"), &data(layer)?))
}
