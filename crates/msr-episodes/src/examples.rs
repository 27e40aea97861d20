//! Inputs and what should come out of them.

use std::ops::Range;

use candle_core::{DType, Device, Tensor};

use crate::error::{Error, Result};

/// What a model should say of each example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Targets {
    /// Numbers, `(t, b, …)`: tasks, examples per task, the model's own dimensions.
    Values(Tensor),
    /// The class of each example, `(t, b)`, unsigned integers.
    Labels(Tensor),
}

impl Targets {
    /// Targets of the same kind, with another tensor inside.
    pub fn with(&self, tensor: Tensor) -> Self {
        match self {
            Targets::Values(_) => Targets::Values(tensor),
            Targets::Labels(_) => Targets::Labels(tensor),
        }
    }

    /// The tensor inside.
    pub fn tensor(&self) -> &Tensor {
        match self {
            Targets::Values(t) | Targets::Labels(t) => t,
        }
    }

    /// `values` or `labels`, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Targets::Values(_) => "values",
            Targets::Labels(_) => "labels",
        }
    }
}

/// Inputs and targets of a number of tasks.
#[derive(Clone, Debug)]
pub struct Examples {
    /// Inputs, `(t, b, …)`: tasks, examples per task, the model's own dimensions.
    pub x: Tensor,
    /// What should come out.
    pub y: Targets,
}

impl Examples {
    /// Inputs `(t, b, …)` with numbers `(t, b, …)` as targets.
    ///
    /// # Errors
    /// [`Error::Shape`] when the two do not have the same numbers of tasks and examples, or there
    /// are none.
    pub fn values(x: Tensor, y: Tensor) -> Result<Self> {
        Self { x, y: Targets::Values(y) }.checked()
    }

    /// Inputs `(t, b, …)` with class labels `(t, b)` as targets.
    ///
    /// # Errors
    /// As [`Examples::values`], and when labels are no unsigned integers `(t, b)`.
    pub fn labels(x: Tensor, labels: Tensor) -> Result<Self> {
        Self { x, y: Targets::Labels(labels) }.checked()
    }

    fn checked(self) -> Result<Self> {
        self.check("")?;
        Ok(self)
    }

    /// The numbers of tasks and examples; refuses tensors that do not fit together. `set` stands in
    /// front of their names.
    ///
    /// # Errors
    /// As [`Examples::values`] and [`Examples::labels`].
    pub fn check(&self, set: &str) -> Result<(usize, usize)> {
        let shape = |what: &str, expected: String, got: &Tensor| Error::Shape {
            what: format!("{set}{}{what}", if set.is_empty() { "" } else { " " }),
            expected,
            got: format!("{:?} of {:?}", got.dims(), got.dtype()),
        };
        let &[tasks, examples, ..] = self.x.dims() else {
            return Err(shape("inputs", "(tasks, examples, …)".into(), &self.x));
        };
        if self.x.elem_count() == 0 {
            return Err(shape("inputs", "(tasks, examples, …), none of them zero".into(), &self.x));
        }
        match &self.y {
            Targets::Values(y) => {
                if y.rank() < 2 || y.dims()[..2] != [tasks, examples] || y.elem_count() == 0 {
                    return Err(shape("targets", format!("({tasks} tasks, {examples} examples, …)"), y));
                }
            }
            Targets::Labels(y) => {
                let integer = matches!(y.dtype(), DType::U8 | DType::U32);
                if y.dims() != [tasks, examples] || !integer {
                    let expected = format!("({tasks} tasks, {examples} examples) of U8 or U32");
                    return Err(shape("labels", expected, y));
                }
            }
        }
        Ok((tasks, examples))
    }

    /// The number of tasks.
    pub fn tasks(&self) -> usize {
        self.x.dims().first().copied().unwrap_or(0)
    }

    /// The same examples on another device.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        Ok(Self { x: self.x.to_device(device)?, y: self.y.with(self.y.tensor().to_device(device)?) })
    }

    /// The same examples in another floating-point type; labels stay as they are.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn to_dtype(&self, dtype: DType) -> Result<Self> {
        let y = match &self.y {
            Targets::Values(values) => Targets::Values(values.to_dtype(dtype)?),
            Targets::Labels(labels) => Targets::Labels(labels.clone()),
        };
        Ok(Self { x: self.x.to_dtype(dtype)?, y })
    }

    /// Those of some tasks; nothing is copied.
    ///
    /// # Errors
    /// When there are no such tasks.
    pub fn of_tasks(&self, tasks: Range<usize>) -> Result<Self> {
        let some = |t: &Tensor| t.narrow(0, tasks.start, tasks.len());
        Ok(Self { x: some(&self.x)?, y: self.y.with(some(self.y.tensor())?) })
    }

    /// These examples, then those of `other`, task by task.
    ///
    /// # Errors
    /// [`Error::Shape`] when one has values and the other labels; what the tensor library reports
    /// when the shapes do not fit.
    pub fn concat(&self, other: &Self) -> Result<Self> {
        if self.y.kind() != other.y.kind() {
            return Err(Error::Shape {
                what: "targets".into(),
                expected: self.y.kind().into(),
                got: other.y.kind().into(),
            });
        }
        let y = Tensor::cat(&[self.y.tensor(), other.y.tensor()], 1)?;
        Ok(Self { x: Tensor::cat(&[&self.x, &other.x], 1)?, y: self.y.with(y) })
    }
}
