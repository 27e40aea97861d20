//! Several numbers of inner steps at once: fewer steps are the beginning of more.

use msr_autodiff::{Graph, Node};
use msr_episodes::Examples;
use msr_layers::Values;

use crate::error::Result;
use crate::learner::without_steps;
use crate::methods::bilevel::{InnerLoop, Method, Outer};
use crate::parameters::for_tasks;
use crate::statistics;

impl InnerLoop {
    /// The values of each task after each number of steps in `steps`, in their order, from one pass
    /// of as many steps as the largest of them; `outer` are constants.
    pub(super) fn after(&self, outer: &Outer, support: &Examples, steps: &[usize]) -> Result<Vec<Values>> {
        let Method::Steps(_, table) = &self.method else {
            without_steps(steps)?;
            return Ok(Vec::new());
        };
        let rates = table.rates(&outer.inner)?;
        let mut values = for_tasks(&outer.model, support.tasks())?;
        let last = steps.iter().copied().max().unwrap_or(0);
        let data = self.data(&self.tied.spread(&values), support.into(), last, self.config.second_moments)?;
        let mut found: Vec<Option<Values>> = vec![None; steps.len()];
        for step in 0..=last {
            if steps.contains(&step) {
                let here = self.tied.spread(&values);
                let here = statistics::for_queries(self.model.as_ref(), here, support.into())?;
                let wanted = found.iter_mut().zip(steps).filter(|(_, at)| **at == step);
                wanted.for_each(|(slot, _)| *slot = Some(here.clone()));
            }
            if step < last {
                // Each step stands alone: fresh leaves, nothing kept.
                values.adapted = values.adapted.iter().map(Node::detach_leaf).collect();
                values.adapted = self.step(&values, &rates, &data, Graph::Drop)?;
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}
