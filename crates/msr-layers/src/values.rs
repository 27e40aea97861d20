//! The values of a forward pass.

use candle_core::Tensor;
use msr_autodiff::Node;

use crate::pass::{Pass, Phase};

/// The values of a layer's parameters and buffers in a forward pass over `t` tasks, in the order of
/// [`Parameters`](crate::Parameters), and what the pass is for.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// Shared by all tasks, each with its own shape.
    pub shared: Vec<Node>,
    /// One for each task, `(t, …)`.
    pub adapted: Vec<Node>,
    /// Statistics to normalise with: one for all tasks, with the buffer's own shape, or one for
    /// each, `(t, …)`; `None` where there are none yet.
    pub buffers: Vec<Option<Node>>,
    /// What the pass is for: prediction, unless something else is said.
    pub pass: Pass,
    /// How many adapted values, counted from the first, are the same in every inner step: what
    /// depends on no others can be computed once, see [`Layer::prepare`](crate::Layer::prepare).
    pub fixed: usize,
}

impl Values {
    /// These values, for a layer without buffers.
    pub fn new(shared: Vec<Node>, adapted: Vec<Node>) -> Self {
        Self { shared, adapted, ..Self::default() }
    }

    /// These tensors as constants, for a layer without buffers.
    pub fn constants(shared: &[Tensor], adapted: &[Tensor]) -> Self {
        let nodes = |tensors: &[Tensor]| tensors.iter().map(Node::constant).collect();
        Self::new(nodes(shared), nodes(adapted))
    }

    /// The same values with these statistics as constants, `None` where there are none yet.
    #[must_use]
    pub fn with_buffers(self, statistics: &[Option<Tensor>]) -> Self {
        let buffers = statistics.iter().map(|tensor| tensor.as_ref().map(Node::constant)).collect();
        Self { buffers, ..self }
    }

    /// The same values for another pass.
    #[must_use]
    pub fn with_pass(self, pass: Pass) -> Self {
        Self { pass, ..self }
    }

    /// The same values for a pass of this phase, without draws.
    #[must_use]
    pub fn in_phase(self, phase: Phase) -> Self {
        self.with_pass(Pass::new(phase))
    }

    /// The numbers of shared and of adapted values.
    pub fn counts(&self) -> (usize, usize) {
        (self.shared.len(), self.adapted.len())
    }

    /// The number of tasks; `None` without adapted values.
    pub fn tasks(&self) -> Option<usize> {
        self.adapted.first().and_then(|node| node.dims().first().copied())
    }

    /// Shared values, then adapted ones.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.shared.iter().chain(&self.adapted)
    }

    /// The same numbers, with `f` applied to each node of a parameter; buffers and pass as they
    /// are.
    #[must_use]
    pub fn map(&self, f: impl Fn(&Node) -> Node) -> Self {
        Self {
            shared: self.shared.iter().map(&f).collect(),
            adapted: self.adapted.iter().map(&f).collect(),
            ..self.clone()
        }
    }

    /// The values of two layers, one after the other; `None` when they are not as many.
    pub(crate) fn halves(&self, counts: [Counts; 2]) -> Option<[Self; 2]> {
        if Counts::in_values(self) != counts[0].plus(counts[1]) {
            return None;
        }
        let mut at = Counts::default();
        Some([self.take(&mut at, counts[0])?, self.take(&mut at, counts[1])?])
    }

    /// Those of one layer of a stack, from what the layers below have left; `None` when there are
    /// too few.
    pub(crate) fn take(&self, from: &mut Counts, counts: Counts) -> Option<Self> {
        let shared = self.shared.get(from.shared..from.shared + counts.shared)?.to_vec();
        let adapted = self.adapted.get(from.adapted..from.adapted + counts.adapted)?.to_vec();
        let buffers = self.buffers.get(from.buffers..from.buffers + counts.buffers)?.to_vec();
        let fixed = self.fixed.saturating_sub(from.adapted).min(counts.adapted);
        from.shared += counts.shared;
        from.adapted += counts.adapted;
        from.buffers += counts.buffers;
        Some(Self { shared, adapted, buffers, pass: self.pass.clone(), fixed })
    }
}

/// How many values of each kind a layer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) shared: usize,
    pub(crate) adapted: usize,
    pub(crate) buffers: usize,
}

impl Counts {
    /// Those of a layer with these parameters.
    pub(crate) fn of(parameters: &crate::parameters::Parameters) -> Self {
        let (shared, adapted) = (parameters.shared.len(), parameters.adapted.len());
        Self { shared, adapted, buffers: parameters.buffers.len() }
    }

    /// Those of two layers together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            shared: self.shared + other.shared,
            adapted: self.adapted + other.adapted,
            buffers: self.buffers + other.buffers,
        }
    }

    /// Those of these values.
    pub(crate) fn in_values(values: &Values) -> Self {
        let (shared, adapted) = values.counts();
        Self { shared, adapted, buffers: values.buffers.len() }
    }
}
