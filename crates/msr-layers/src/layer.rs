//! What a meta-learner needs to know of a layer.

use std::sync::Arc;

use candle_core::Tensor;
use msr_autodiff::{Node, SecondMoments};

use crate::error::{Error, Result};
use crate::normal_equations::NormalEquations;
use crate::parameters::Parameters;
use crate::record::LayerRecord;
use crate::summary::{Flops, LayerSummary};
use crate::values::Values;

/// What goes into a layer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input {
    /// Examples as they are, `(t, b, …)`: tasks, examples per task, and the layer's own dimensions.
    Examples(Node),
    /// What [`Layer::prepare`] made of them.
    Prepared(Node),
}

impl Input {
    /// Examples `(t, b, …)` that no gradient is taken with respect to.
    pub fn constant(examples: &Tensor) -> Self {
        Input::Examples(Node::constant(examples))
    }

    /// The node inside.
    pub fn node(&self) -> &Node {
        match self {
            Input::Examples(node) | Input::Prepared(node) => node,
        }
    }

    /// The same kind of input with another node inside.
    #[must_use]
    pub fn with(&self, node: Node) -> Self {
        match self {
            Input::Examples(_) => Input::Examples(node),
            Input::Prepared(_) => Input::Prepared(node),
        }
    }
}

/// The weight of a layer, W, as its forward pass uses it.
#[derive(Clone, Debug)]
pub struct Weight {
    /// The name of the layer, `body` for the parameters `body.symmetry` and `body.filter`; empty
    /// for a model that is a single layer.
    pub layer: String,
    /// W of each task: `(t, m, n)` of a fully connected layer, `(t, o, c, k)` and `(t, o, c, k, k)`
    /// of convolutions, `(t, l, o, c k)` of a locally connected one.
    pub value: Node,
}

/// A layer, or a stack of them, that can be adapted to many tasks at once.
///
/// Two methods make a layer: its parameters and its forward pass. The others have defaults and say
/// more: what can be computed once for all inner steps, whether the layer is linear in its adapted
/// parameters, what its weights are, and how it is saved.
pub trait Layer: Send + Sync {
    /// The parameters, always in the same order.
    fn parameters(&self) -> Parameters;

    /// The forward pass for all tasks at once: `(t, b, …) -> (t, b, …)`. What it is for is in
    /// `values.pass`; see [`Phase`](crate::Phase) for the layers that care.
    ///
    /// # Errors
    /// When the input or the values do not fit the layer.
    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node>;

    /// The same with what it says of the layer's buffers: one statistic `(t, …)` for each, that of
    /// these examples where the layer normalises with it, otherwise the one that was given. In the
    /// phase of the support set these are what queries are normalised with.
    ///
    /// Layers with buffers have it, and layers that contain others pass it on; the default is for
    /// all else.
    ///
    /// # Errors
    /// As [`Layer::forward_tasks`]; [`Error::Config`](crate::Error::Config) when a layer has
    /// buffers and not this method.
    fn forward_with_statistics(&self, values: &Values, input: &Input) -> Result<(Node, Vec<Node>)> {
        if !values.buffers.is_empty() {
            let problem = "a layer with buffers must have forward_with_statistics".into();
            return Err(Error::Config { layer: "Layer", problem });
        }
        Ok((self.forward_tasks(values, input)?, Vec::new()))
    }

    /// Computes the part of the forward pass that does not depend on adapted parameters, for
    /// examples that will be used `uses` times (once per inner step), when that saves work;
    /// otherwise hands the examples back. Only shared values are read, and adapted ones that are
    /// [`fixed`](Values::fixed); the pass has those as well.
    ///
    /// # Errors
    /// When the examples do not fit the layer.
    fn prepare(&self, values: &Values, examples: &Node, uses: usize) -> Result<Input> {
        let _ = (values, uses);
        Ok(Input::Examples(examples.clone()))
    }

    /// Whether nothing that is drawn in a pass has a say in the outputs, which then are the same
    /// whenever values, input and phase are: a stack computes such a layer once for all inner steps
    /// where nothing below it, or in it, is adapted.
    ///
    /// The default is no, which is right for every layer.
    fn draws_nothing(&self) -> bool {
        false
    }

    /// The layer as one that is linear in its adapted parameters and has closed forms for that;
    /// `None` when it is not, or has none.
    fn linear_in_adapted(&self) -> Option<&dyn LinearInAdapted> {
        None
    }

    /// The weight W of each layer inside that has one.
    ///
    /// # Errors
    /// When the values do not fit the layer.
    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        let _ = values;
        Ok(Vec::new())
    }

    /// The work of a forward pass from examples of this shape to outputs of that; `None` when the
    /// layer does not say.
    fn flops(&self, example: &[usize], output: &[usize]) -> Option<Flops> {
        let _ = (example, output);
        None
    }

    /// A row for each layer inside, in the order in which an example of this shape (without tasks
    /// and batch) passes through them: what a [`ModelSummary`](crate::ModelSummary) is made of.
    ///
    /// # Errors
    /// When such an example does not fit.
    fn summarize(&self, example: &[usize]) -> Result<Vec<LayerSummary>> {
        Ok(vec![LayerSummary::of(self, example)?])
    }

    /// How the layer is saved with these values: its kind and sizes, and its tensors as they are
    /// meant (the Kronecker factor A itself, whatever the layer trains). `None` for layers that
    /// cannot be rebuilt from a file.
    ///
    /// # Errors
    /// When the values do not fit the layer.
    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        let _ = values;
        Ok(None)
    }
}

/// A shared layer is a layer.
impl<L: Layer + ?Sized> Layer for Arc<L> {
    fn parameters(&self) -> Parameters {
        self.as_ref().parameters()
    }

    fn forward_tasks(&self, values: &Values, input: &Input) -> Result<Node> {
        self.as_ref().forward_tasks(values, input)
    }

    fn forward_with_statistics(&self, values: &Values, input: &Input) -> Result<(Node, Vec<Node>)> {
        self.as_ref().forward_with_statistics(values, input)
    }

    fn prepare(&self, values: &Values, examples: &Node, uses: usize) -> Result<Input> {
        self.as_ref().prepare(values, examples, uses)
    }

    fn draws_nothing(&self) -> bool {
        self.as_ref().draws_nothing()
    }

    fn linear_in_adapted(&self) -> Option<&dyn LinearInAdapted> {
        self.as_ref().linear_in_adapted()
    }

    fn weights(&self, values: &Values) -> Result<Vec<Weight>> {
        self.as_ref().weights(values)
    }

    fn flops(&self, example: &[usize], output: &[usize]) -> Option<Flops> {
        self.as_ref().flops(example, output)
    }

    fn summarize(&self, example: &[usize]) -> Result<Vec<LayerSummary>> {
        self.as_ref().summarize(example)
    }

    fn record(&self, values: &Values) -> Result<Option<LayerRecord>> {
        self.as_ref().record(values)
    }
}

/// A layer whose outputs are linear in its adapted parameters: the squared error of a task is then
/// a quadratic form of them, and may have closed forms.
pub trait LinearInAdapted {
    /// The second moments of examples `(t, b, …)` and targets, when the squared error depends on
    /// the data through them alone, and computing them costs less than forming the outputs for
    /// `uses` losses and their gradients. One pass over the data then serves every inner step, and
    /// no output of the size of the data is formed. `None` otherwise, and in half precision, where
    /// sums over the data would overflow.
    ///
    /// # Errors
    /// When examples and targets do not fit each other or the layer.
    fn second_moments(
        &self,
        examples: &Tensor,
        targets: &Tensor,
        uses: usize,
    ) -> Result<Option<SecondMoments>> {
        let _ = (examples, targets, uses);
        Ok(None)
    }

    /// The second moments of examples `(t, b, …)` and targets in double precision, whatever they
    /// are in: what is left of them when the fit is good is as precise as outputs in single
    /// precision are, and they may be added and subtracted. They take longer than
    /// [`LinearInAdapted::second_moments`], and are for examples whose moments are kept. `None`
    /// when the squared error does not depend on the data through them alone, or they would not be
    /// smaller than the data.
    ///
    /// # Errors
    /// When examples and targets do not fit each other or the layer.
    fn precise_moments(&self, examples: &Tensor, targets: &Tensor) -> Result<Option<SecondMoments>> {
        let _ = (examples, targets);
        Ok(None)
    }

    /// The mean squared error of each task, `(t)`, from [`LinearInAdapted::second_moments`]: that
    /// of [`Layer::forward_tasks`] within a hundredth of itself, by a bound on the rounding errors,
    /// and so never negative. `None` when the bound is larger for some task: a good fit is a small
    /// difference of large moments, and its error is to be computed from outputs.
    ///
    /// Values in single precision with [`LinearInAdapted::precise_moments`] always have an error:
    /// below about `1e-14` of the square of targets and outputs, where outputs in single precision
    /// say no more, it may be zero.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for layers without moments; when values or moments
    /// do not fit the layer.
    fn squared_error(&self, values: &Values, moments: &SecondMoments) -> Result<Option<Node>>;

    /// The design matrix of each task, `(t, …, k)`: Φ of outputs `Φ v`, its rows in the order of
    /// the outputs, its columns the adapted parameters, flattened one after the other. `None` when
    /// outputs are not of this form, or when weights and outputs cost less than it does for
    /// examples that are used so many times. Only shared values are read.
    ///
    /// # Errors
    /// When the examples do not fit the layer.
    fn design(&self, values: &Values, examples: &Node, uses: usize) -> Result<Option<Node>> {
        let _ = (values, examples, uses);
        Ok(None)
    }

    /// [`LinearInAdapted::normal_equations`] from moments in place of examples. `None` for layers
    /// whose equations have no such form.
    ///
    /// # Errors
    /// When values or moments do not fit the layer.
    fn normal_equations_from(
        &self,
        values: &Values,
        moments: &SecondMoments,
    ) -> Result<Option<NormalEquations>> {
        let _ = (values, moments);
        Ok(None)
    }

    /// The normal equations of each task's least-squares problem; the adapted parameters, flattened
    /// one after the other, are the unknowns. Only shared values are read. Time and memory grow
    /// with the square of the number of unknowns: it is for the few that a symmetry matrix leaves
    /// free.
    ///
    /// # Errors
    /// When examples, targets or values do not fit.
    fn normal_equations(&self, values: &Values, examples: &Node, targets: &Tensor)
    -> Result<NormalEquations>;
}
