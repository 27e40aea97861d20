//! A body with a linear layer on top, of which every task has its own.

use std::sync::Arc;

use candle_core::{DType, Tensor};
use msr_autodiff::{Node, concat};
use msr_layers::{
    Input, Layer, LayerRecord, Linear, LinearConfig, Parameters, SeededVars, Tied, Values, Weight,
};
use serde_json::json;

use crate::error::{Error, Result};

/// The parameters of a body whose head is computed by a learner of this name, each once.
///
/// # Errors
/// [`Error::Config`] when it has none, one called `head.…`, or statistics that it keeps.
pub(crate) fn checked(body: &dyn Layer, learner: &str) -> Result<Tied> {
    let tied = body.parameters().tied()?;
    if tied.parameters.iter().next().is_none() {
        return Err(Error::config("there is nothing to learn: the body has no parameters"));
    }
    if let Some(p) = tied.parameters.iter().find(|p| p.name.starts_with(Headed::PREFIX)) {
        return Err(Error::config(format!(
            "`{}` has the name of the head that is computed; give the body another prefix, vb.pp(name)",
            p.name
        )));
    }
    if let Some(buffer) = tied.parameters.buffers.first() {
        return Err(Error::config(format!(
            "the body of {learner} keeps no statistics, and `{}` is one; normalise with those of the examples at \
             hand, Statistics::Batch",
            buffer.name
        )));
    }
    Ok(tied)
}

/// The features of examples, `(t, b, F)`, with one that is always one behind them when there is a
/// bias.
///
/// # Errors
/// [`Error::Config`] for other outputs of the body.
pub(crate) fn features(
    body: &dyn Layer,
    values: &Values,
    x: &Tensor,
    bias: bool,
    learner: &str,
) -> Result<Node> {
    let input = body.prepare(values, &Node::constant(x), 1)?;
    let features = body.forward_tasks(values, &input)?;
    let (&[tasks, examples, _], true) = (features.dims(), features.elem_count() > 0) else {
        return Err(Error::config(format!(
            "the body of {learner} should make features (tasks, examples, F), got {:?}; flatten them as its last \
             layer",
            features.dims()
        )));
    };
    if !bias {
        return Ok(features);
    }
    let one = Tensor::ones((tasks, examples, 1), features.dtype(), features.device())?;
    Ok(concat(&[&features, &Node::constant(&one)], 2)?)
}

/// One for the class of each example and `off` for the others, `(t, b, classes)`, in `f32`.
///
/// # Errors
/// [`Error::Config`] for labels that are none of the classes.
pub(crate) fn rows(labels: &Tensor, classes: usize, off: f32) -> Result<Tensor> {
    let flat: Vec<u32> = labels.to_dtype(DType::U32)?.flatten_all()?.to_vec1()?;
    let mut rows = vec![off; flat.len() * classes];
    for (row, label) in rows.chunks_mut(classes).zip(flat) {
        let own = row.get_mut(label as usize).ok_or_else(|| {
            Error::config(format!("label {label} is none of the {classes} classes of the head"))
        })?;
        *own = 1f32;
    }
    Ok(Tensor::from_vec(rows, [labels.dims(), &[classes]].concat(), labels.device())?)
}

/// The body, and the head as its last layer.
pub(crate) struct Headed {
    body: Arc<dyn Layer>,
    head: Linear,
}

impl Headed {
    /// What the names of the head's parameters begin with.
    pub(crate) const PREFIX: &str = "head.";

    /// The model and its values: those of the body, and `head (t, F, M)`, whose last row is the
    /// bias when there is one.
    pub(crate) fn new(
        body: Arc<dyn Layer>,
        values: Values,
        head: &Node,
        bias: bool,
    ) -> Result<(Self, Values)> {
        let features = head.dims()[1] - usize::from(bias);
        let config = LinearConfig { in_features: features, out_features: head.dims()[2], bias };
        let vb = SeededVars::new(0).builder(head.dtype(), head.device());
        let layer = Linear::new(config, vb.pp(Self::PREFIX.trim_end_matches('.')))?;
        let mut values = values;
        values.adapted.push(head.narrow(1, 0, features)?.t()?);
        if bias {
            let (tasks, outputs) = (head.dims()[0], head.dims()[2]);
            values.adapted.push(head.narrow(1, features, 1)?.reshape(&[tasks, outputs])?);
        }
        Ok((Self { body, head: layer }, values))
    }

    /// The values of the body and those of the head.
    fn split(&self, values: &Values) -> (Values, Values) {
        let own = self.head.parameters().adapted.len();
        let (body, head) = values.adapted.split_at(values.adapted.len().saturating_sub(own));
        (Values { adapted: body.to_vec(), ..values.clone() }, Values::new(Vec::new(), head.to_vec()))
    }
}

impl Layer for Headed {
    fn parameters(&self) -> Parameters {
        let mut all = self.body.parameters();
        all.append(self.head.parameters());
        all
    }

    fn prepare(&self, values: &Values, examples: &Node, uses: usize) -> msr_layers::Result<Input> {
        self.body.prepare(&self.split(values).0, examples, uses)
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> msr_layers::Result<Node> {
        let (body, head) = self.split(values);
        self.head.forward_tasks(&head, &Input::Examples(self.body.forward_tasks(&body, input)?))
    }

    fn weights(&self, values: &Values) -> msr_layers::Result<Vec<Weight>> {
        let (body, head) = self.split(values);
        let mut all = self.body.weights(&body)?;
        all.extend(self.head.weights(&head)?);
        Ok(all)
    }

    fn record(&self, values: &Values) -> msr_layers::Result<Option<LayerRecord>> {
        let (body, head) = self.split(values);
        let (Some(mut body), Some(head)) = (self.body.record(&body)?, self.head.record(&head)?) else {
            return Ok(None);
        };
        body.tensors.extend(head.tensors);
        let spec = json!({ "layer": "sequential", "layers": [body.spec, head.spec] });
        Ok(Some(LayerRecord { spec, tensors: body.tensors }))
    }
}
