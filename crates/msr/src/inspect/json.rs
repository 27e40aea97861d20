//! What `msr inspect --json` prints.

use std::borrow::Cow;

use msr_groups::{Fit, PlaneSymmetry, RecoveredGroup};
use serde::Serialize;

use super::subject::Convolution;

/// What was found in a convolution's factors or symmetry matrix.
#[derive(Clone, Debug, Serialize)]
pub struct FoundOnPlane {
    tensors: Vec<String>,
    channels: usize,
    kernel: usize,
    /// The group that is claimed.
    group: Option<String>,
    /// All groups with a residual below the bound.
    holding: Vec<String>,
    /// Why nothing is claimed.
    reason: Option<String>,
    /// All groups that were compared, the best first.
    known: Vec<PlaneResidual>,
}

/// How far a matrix is from the symmetry of a group of rotations and flips.
#[derive(Clone, Debug, Serialize)]
struct PlaneResidual {
    group: String,
    order: usize,
    residual: f64,
}

impl FoundOnPlane {
    /// Of a convolution with these channels and taps along a side.
    pub fn new(conv: &Convolution, found: Option<&PlaneSymmetry>, reason: Option<String>) -> Self {
        let residual = |fit: &msr_groups::PlaneFit| PlaneResidual {
            group: fit.group.to_string(),
            order: fit.group.order(),
            residual: fit.residual,
        };
        let none = found.filter(|found| found.group.is_none());
        Self {
            tensors: conv.names.clone(),
            channels: conv.channels,
            kernel: conv.kernel,
            group: found.and_then(|found| found.group).map(|group| group.to_string()),
            holding: found.map_or_else(Vec::new, |f| f.holding().map(|group| group.to_string()).collect()),
            reason: reason.or_else(|| none.map(ToString::to_string)),
            known: found.map_or_else(Vec::new, |found| found.fits.iter().map(residual).collect()),
        }
    }
}

/// What was found in a map between points.
#[derive(Debug, Serialize)]
pub struct FoundOnPoints<'a> {
    pub tensor: &'a str,
    pub outputs: usize,
    pub inputs: usize,
    /// Columns of the symmetry matrix; one of a weight matrix; tasks of a stack of them.
    pub filter_params: usize,
    /// The group that is claimed.
    pub group: Option<Group>,
    /// The class of each weight, row by row, where weights are tied.
    pub tied: Option<&'a [u32]>,
    /// Why nothing is claimed.
    pub reason: Option<String>,
    /// Known groups, acting on points as they are numbered, the best first.
    pub known: Vec<Residual<'a>>,
    /// Where it is drawn.
    pub picture: Option<Cow<'a, str>>,
}

/// A group of permutations of outputs and inputs.
#[derive(Debug, Serialize)]
pub struct Group {
    name: Option<String>,
    /// In decimals.
    order: String,
    generators: Vec<Generator>,
    /// The next larger group, which a small difference keeps from being claimed.
    almost: Option<Almost>,
    /// How many widths of noise are between weights that the group ties, where that is more than
    /// noise explains.
    doubt: Option<f64>,
}

/// An almost-symmetry.
#[derive(Debug, Serialize)]
struct Almost {
    name: Option<String>,
    /// In decimals.
    order: String,
    residual: f64,
    /// How far apart the classes are that it would tie, in widths of the noise.
    separation: f64,
}

/// A permutation in cycle notation.
#[derive(Debug, Serialize)]
struct Generator {
    outputs: String,
    inputs: String,
}

/// How far a matrix is from the symmetry of a known group.
#[derive(Debug, Serialize)]
pub struct Residual<'a> {
    group: &'a str,
    /// In decimals.
    order: String,
    free_parameters: usize,
    residual: f64,
    /// That of a matrix without any symmetry.
    unsymmetric: f64,
    /// A larger group that fits as well.
    implied_by: Option<&'a str>,
}

/// The group that is claimed.
pub fn group(found: &RecoveredGroup) -> Group {
    let generators = found.generators().into_iter();
    let generators = generators
        .map(|(outputs, inputs)| Generator { outputs: outputs.to_string(), inputs: inputs.to_string() });
    let almost = found.almost.as_ref().map(|almost| Almost {
        name: almost.name.clone(),
        order: almost.order.to_string(),
        residual: almost.residual,
        separation: almost.separation,
    });
    let (name, order) = (found.name.clone(), found.order().to_string());
    Group { name, order, generators: generators.collect(), almost, doubt: found.doubt }
}

/// All known groups.
pub fn residuals(fits: &[Fit]) -> Vec<Residual<'_>> {
    fits.iter()
        .map(|fit| Residual {
            group: &fit.name,
            order: fit.order.to_string(),
            free_parameters: fit.free_parameters,
            residual: fit.residual,
            unsymmetric: fit.by_chance,
            implied_by: fit.implied_by.as_deref(),
        })
        .collect()
}
