//! What earlier versions left as `learned.safetensors`: tensors under the names of a single layer's
//! parameters, Kronecker factors as A − 1, and the shape of the weight as the only metadata.

use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Tensor};
use msr_layers::{
    Conv1dConfig, Conv2dConfig, ConvSymmetry, LayerSpec, LinearConfig, LocallyConnected1dConfig,
    ReparamConv2dConfig, ReparamLinearConfig,
};

use crate::error::{Error, Result};
use crate::learned::Learned;

/// The key of the metadata that said what the rows of a symmetry matrix are: `outputs x inputs`,
/// for a convolution `outputs x channels x kernel x kernel`.
const WEIGHT_SHAPE: &str = "weight_shape";
/// What was stored of A, B and C, A − 1 and so on, and what they are called now.
const FACTORS: [(&str, &str); 3] =
    [("symmetry_out", "factor_out"), ("symmetry_in", "factor_in"), ("symmetry_taps", "factor_taps")];

/// The model in such a file.
pub(crate) fn read(
    metadata: &HashMap<String, String>,
    mut tensors: BTreeMap<String, Tensor>,
) -> Result<Learned> {
    let shape: Option<Vec<usize>> =
        metadata.get(WEIGHT_SHAPE).and_then(|text| text.split('x').map(|size| size.parse().ok()).collect());
    let name = String::new();
    // Learners that solve for v from zero stored no filter.
    if let Some(u) = tensors.get("symmetry").filter(|u| u.rank() == 2 && !tensors.contains_key("filter")) {
        let zeros = Tensor::zeros(u.dims()[1], u.dtype(), u.device())?;
        tensors.insert("filter".into(), zeros);
    }
    let filter_params = tensors.get("filter").map_or(0, Tensor::elem_count);
    let dims = |name: &str| tensors.get(name).map(Tensor::dims);
    let (model, adapted) = match (dims("symmetry"), dims("symmetry_out"), dims("weight"), shape.as_deref()) {
        (Some(_), _, _, Some(&[m, n])) => {
            let config = ReparamLinearConfig::new(n, m, filter_params);
            (LayerSpec::ReparamLinear { name, config }, "filter")
        }
        (Some(_), _, _, Some(&[o, c, k, across])) if k == across => {
            let config = ReparamConv2dConfig::full(Conv2dConfig::new(c, o, k), filter_params);
            (LayerSpec::ReparamConv2d { name, config }, "filter")
        }
        (_, Some(_), _, _) => (kronecker(&mut tensors)?, "filter"),
        (_, _, Some(&[m, n]), _) => (LayerSpec::Linear { name, config: LinearConfig::new(n, m) }, "weight"),
        (_, _, Some(&[o, c, k, across]), _) if k == across => {
            (LayerSpec::Conv2d { name, config: Conv2dConfig::new(c, o, k) }, "weight")
        }
        (_, _, Some(&[positions, 1, kernel]), Some(&[_, n]))
            if kernel > 0 && positions.checked_add(kernel).is_some_and(|sum| n == sum - 1) =>
        {
            let config = LocallyConnected1dConfig::new(n, kernel);
            (LayerSpec::LocallyConnected1d { name, config }, "weight")
        }
        (_, _, Some(&[o, c, k]), _) => {
            (LayerSpec::Conv1d { name, config: Conv1dConfig::new(c, o, k) }, "weight")
        }
        _ => {
            let names: Vec<String> =
                tensors.iter().map(|(name, t)| format!("{name} {:?}", t.dims())).collect();
            return Err(Error::format(format!(
                "it does not say what model it holds, and no layer has just its tensors: {}; name a tensor to look \
                 at it as a matrix",
                if names.is_empty() { "none".into() } else { names.join(", ") }
            )));
        }
    };
    let learned = Learned { model, adapted: vec![adapted.into()], tasks: None, learner: None, tensors };
    let parameters = learned.build()?.parameters();
    let known =
        |name: &str| name == "ridge" || name.starts_with("rate") || parameters.iter().any(|p| p.name == name);
    if let Some(other) = learned.tensors.keys().find(|name| !known(name)) {
        return Err(Error::format(format!(
            "it does not say what model it holds, and no layer of before has a tensor `{other}`; name a tensor to \
             look at it as a matrix"
        )));
    }
    learned.check()?;
    Ok(learned)
}

/// The layer of three factors, which become A, B and C.
fn kronecker(tensors: &mut BTreeMap<String, Tensor>) -> Result<LayerSpec> {
    let mut sizes = [0; 3];
    for (size, (name, factor)) in sizes.iter_mut().zip(FACTORS) {
        let stored = tensors.remove(name);
        let stored =
            stored.ok_or_else(|| Error::format(format!("there is no tensor `{name}` beside the others")))?;
        let (rows, columns) = stored.dims2()?;
        if rows != columns {
            return Err(Error::format(format!(
                "`{name}` is {rows} × {columns}; a Kronecker factor is square"
            )));
        }
        *size = rows;
        let dtype = if stored.dtype().is_float() { stored.dtype() } else { DType::F32 };
        let whole = (&stored + Tensor::eye(rows, dtype, stored.device())?)?;
        tensors.insert(factor.into(), whole);
    }
    let [o, c, taps] = sizes;
    let kernel = taps.isqrt();
    if kernel * kernel != taps {
        return Err(Error::format(format!(
            "`symmetry_taps` is a factor over {taps} kernel positions, which are no square"
        )));
    }
    let config = ReparamConv2dConfig::kronecker(Conv2dConfig::new(c, o, kernel));
    let config = ReparamConv2dConfig { symmetry: ConvSymmetry::KroneckerFactors, ..config };
    Ok(LayerSpec::ReparamConv2d { name: String::new(), config })
}
