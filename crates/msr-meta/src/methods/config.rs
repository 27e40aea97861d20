//! How to meta-learn, as data.

use std::num::NonZeroUsize;

use msr_autodiff::Recompute;
use serde::{Deserialize, Serialize};

use crate::loss::{Criterion, LabelSmoothing, Loss, Reduction};
use crate::rates::Rates;

/// Whether the outer gradient passes through the inner gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Order {
    /// The exact derivative.
    #[default]
    Second,
    /// The inner gradients are treated as constants (FOMAML): cheaper, and wrong by the second
    /// derivatives. The gradient for the initial values is that of the query loss at the adapted
    /// ones, `Σ_t ∇_v L(U, v_{t,S}; query_t)`.
    ///
    /// Source: Finn, Abbeel, Levine, "Model-Agnostic Meta-Learning" (ICML 2017), section 5.2.
    ///
    /// With an exact adaptation: the solution does not depend on the symmetry matrix, only on where
    /// it started and on the ridge.
    First,
}

/// How a model is adapted to a task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Adaptation {
    /// By gradient steps from the initial values.
    GradientSteps(GradientSteps),
    /// By the exact solution of a ridge regression, for models that are linear in v, with the
    /// squared error.
    LeastSquares(LeastSquares),
}

impl Default for Adaptation {
    /// Three gradient steps.
    fn default() -> Self {
        Self::GradientSteps(GradientSteps::default())
    }
}

/// Gradient steps from the initial values: `v ← v − α ∘ ∇_v L(U, v; support)`, several times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientSteps {
    /// The number of inner steps, S.
    pub steps: usize,
    /// The inner rates, α.
    pub rates: Rates,
    /// Exact or first-order outer gradient.
    pub order: Order,
    /// Whether inner steps are recomputed in the backward pass, to save memory.
    #[serde(skip)]
    pub recompute: Recompute,
}

impl Default for GradientSteps {
    /// Three steps, one learned rate a layer from 0.1, second order, nothing recomputed.
    fn default() -> Self {
        Self { steps: 3, rates: Rates::default(), order: Order::default(), recompute: Recompute::default() }
    }
}

/// The exact solution of `min_v L(U, v; support) + λ̄ ‖v − v₀‖²`. The outer gradient passes through
/// it.
///
/// `v₀` are the initial values and `λ̄ = λ · tr(A) / k` for the k × k matrix A of the normal
/// equations, so that λ has no unit; λ is learned, as `ridge`, and stays above 1e-5 (in `f32`). A
/// task whose support set gives no features at all keeps `v₀`.
///
/// Examples far from zero (mean 1,000, deviation 1) make tr(A) so large that even the smallest λ
/// outweighs what tells one example from another, and squares of single precision lose the rest:
/// subtract their mean first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeastSquares {
    /// λ at the start, positive.
    pub ridge: f64,
    /// Exact or first-order outer gradient.
    pub order: Order,
}

impl Default for LeastSquares {
    /// λ from 0.1, second order.
    fn default() -> Self {
        Self { ridge: 0.1, order: Order::default() }
    }
}

/// How to meta-learn.
///
/// # Example
/// ```
/// use msr_meta::{Adaptation, GradientSteps, LeastSquares, MetaConfig};
///
/// let five_steps = MetaConfig::gradient_steps(5);
/// let exact = MetaConfig::least_squares(0.1);
/// assert!(matches!(exact.adaptation, Adaptation::LeastSquares(LeastSquares { ridge: 0.1, .. })));
/// assert!(matches!(five_steps.adaptation, Adaptation::GradientSteps(GradientSteps { steps: 5, .. })));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetaConfig {
    /// How the inner loop adapts.
    pub adaptation: Adaptation,
    /// The loss of a task, inner and outer.
    pub loss: Loss,
    /// Whether labels are smoothed, and in which of the two losses.
    #[serde(default, skip_serializing_if = "LabelSmoothing::is_none")]
    pub label_smoothing: LabelSmoothing,
    /// Sum or mean over tasks.
    pub reduction: Reduction,
    /// Whether squared errors of gradient steps and of training queries are computed from
    /// [moments](msr_layers::LinearInAdapted::second_moments) where the layer has them and they
    /// cost less: the same numbers but for rounding. Query losses of tests are always computed from
    /// outputs; an exact solution always uses moments.
    pub second_moments: bool,
    /// How many tasks share a graph. Graphs are computed side by side, on as many threads as the
    /// current rayon pool has; their gradients are added in the order of the tasks, so that the
    /// bits do not depend on the number of threads. Few tasks a graph need little memory, many need
    /// fewer operations. `None` chooses: one task where a deep model has much to do for each,
    /// otherwise all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks_per_graph: Option<NonZeroUsize>,
}

impl Default for MetaConfig {
    /// Three gradient steps with learned rates, squared error, nothing smoothed, sum over tasks,
    /// moments where they pay, as many tasks a graph as is good.
    fn default() -> Self {
        Self {
            adaptation: Adaptation::default(),
            loss: Loss::default(),
            label_smoothing: LabelSmoothing::default(),
            reduction: Reduction::default(),
            second_moments: true,
            tasks_per_graph: None,
        }
    }
}

impl MetaConfig {
    /// So many gradient steps; otherwise the default.
    pub fn gradient_steps(steps: usize) -> Self {
        GradientSteps { steps, ..GradientSteps::default() }.into()
    }

    /// An exact ridge regression with λ from `ridge`; otherwise the default.
    pub fn least_squares(ridge: f64) -> Self {
        LeastSquares { ridge, ..LeastSquares::default() }.into()
    }

    /// The loss that the inner loop descends.
    pub(crate) fn inner_loss(&self) -> Criterion {
        self.label_smoothing.inner(self.loss)
    }

    /// The loss of the query sets.
    pub(crate) fn outer_loss(&self) -> Criterion {
        self.label_smoothing.outer(self.loss)
    }
}

impl From<GradientSteps> for MetaConfig {
    fn from(steps: GradientSteps) -> Self {
        Self { adaptation: Adaptation::GradientSteps(steps), ..Self::default() }
    }
}

impl From<LeastSquares> for MetaConfig {
    fn from(exact: LeastSquares) -> Self {
        Self { adaptation: Adaptation::LeastSquares(exact), ..Self::default() }
    }
}
