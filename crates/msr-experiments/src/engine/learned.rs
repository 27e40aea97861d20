//! What a training run learned, as a file: the one place that knows its format.

use std::collections::HashMap;

use anyhow::Result;
use candle_core::Tensor;
use msr_meta::Objective;

use super::folder::Folder;

/// What was learned, under the names of the parameters.
pub const LEARNED: &str = "learned.safetensors";
/// The key of the metadata that says what the rows of a symmetry matrix are: `outputs x inputs`,
/// for a convolution `outputs x channels x kernel x kernel`. One key, because several would be
/// written in a random order, and the same run must write the same bytes.
const WEIGHT_SHAPE: &str = "weight_shape";

/// Writes what the learner learned, with the shape of the weights to which the rows of its symmetry
/// matrix belong.
pub fn write(folder: &Folder, learner: &dyn Objective, weight_shape: Option<&[usize]>) -> Result<()> {
    let learned: Vec<(String, Tensor)> = learner
        .outer_parameters()
        .iter()
        .map(|p| (p.name.clone(), p.variable.as_detached_tensor()))
        .collect();
    let shape = |shape: &[usize]| shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
    let metadata = weight_shape.map(|sizes| (WEIGHT_SHAPE.to_string(), shape(sizes)));
    folder.write(LEARNED, &safetensors::serialize(learned, Some(metadata.into_iter().collect()))?)
}

/// The shape of the weight, from the metadata of such a file.
pub fn read_weight_shape(metadata: &HashMap<String, String>) -> Option<Vec<usize>> {
    metadata.get(WEIGHT_SHAPE)?.split('x').map(|size| size.parse().ok()).collect()
}
