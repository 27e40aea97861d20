//! A body with a linear layer on top, of which every task has its own.

use std::sync::Arc;

use msr_autodiff::Node;
use msr_layers::{Input, Layer, LayerRecord, Linear, LinearConfig, Parameters, SeededVars, Values, Weight};
use serde_json::json;

use crate::error::Result;

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
