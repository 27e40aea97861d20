//! Support and query sets of many tasks at once.

use candle_core::{DType, Device};

use crate::error::{Error, Result};
use crate::examples::Examples;

/// An episode: `t` tasks, each with a support set to adapt to and a query set to be judged by.
#[derive(Clone, Debug)]
pub struct Episode {
    /// A number for each task, for messages and for asking its source about it.
    pub tasks: Vec<usize>,
    /// The support sets.
    pub support: Examples,
    /// The query sets.
    pub query: Examples,
}

impl Episode {
    /// An episode of these tasks.
    ///
    /// # Errors
    /// As [`Episode::check`].
    pub fn new(tasks: Vec<usize>, support: Examples, query: Examples) -> Result<Self> {
        let episode = Self { tasks, support, query };
        episode.check()?;
        Ok(episode)
    }

    /// Refuses an episode whose parts do not fit together; the number of tasks otherwise.
    ///
    /// # Errors
    /// [`Error::Shape`] when the tensors do not all have one entry per task, a set is empty, or
    /// support and query differ in more than the number of examples.
    pub fn check(&self) -> Result<usize> {
        let count = self.tasks.len();
        for (name, set) in [("support", &self.support), ("query", &self.query)] {
            let (tasks, _) = set.check(name)?;
            if tasks != count {
                return Err(Error::Shape {
                    what: format!("{name} inputs"),
                    expected: format!("({count} tasks, examples, …)"),
                    got: format!("{:?}", set.x.dims()),
                });
            }
        }
        let pairs = [
            ("inputs", &self.support.x, &self.query.x),
            ("targets", self.support.y.tensor(), self.query.y.tensor()),
        ];
        for (name, support, query) in pairs {
            let kinds = name == "inputs" || self.support.y.kind() == self.query.y.kind();
            if !kinds || support.dims()[2..] != query.dims()[2..] || support.dtype() != query.dtype() {
                return Err(Error::Shape {
                    what: format!("query {name}"),
                    expected: format!(
                        "like support {name} but for the number of examples, {:?} of {:?} ({})",
                        support.dims(),
                        support.dtype(),
                        self.support.y.kind()
                    ),
                    got: format!("{:?} of {:?} ({})", query.dims(), query.dtype(), self.query.y.kind()),
                });
            }
        }
        Ok(count)
    }

    /// The same episode in another floating-point type; labels stay as they are.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn to_dtype(&self, dtype: DType) -> Result<Self> {
        let (support, query) = (self.support.to_dtype(dtype)?, self.query.to_dtype(dtype)?);
        Ok(Self { tasks: self.tasks.clone(), support, query })
    }

    /// The same episode on another device.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        Ok(Self {
            tasks: self.tasks.clone(),
            support: self.support.to_device(device)?,
            query: self.query.to_device(device)?,
        })
    }
}
