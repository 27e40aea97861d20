//! What is kept of training tasks from one step to the next.
//!
//! Tasks that are drawn again and again say the same each time. Where the squared error depends on
//! examples through their second moments alone, the moments of each example are computed when its
//! task is first drawn; an episode then is some sums of them, whichever examples are support, and
//! no example is made or read again.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use msr_autodiff::SecondMoments;
use msr_episodes::{Draw, EpisodeSource, Examples, NumberedTasks, Targets};
use msr_layers::{Layer, Values};

use crate::error::{Error, Result};
use crate::learner::Learner;

/// The bytes that are kept at most. No more is decided by what a run has seen: a run that is
/// resumed decides as it did before.
const MOST_BYTES: usize = 512 << 20;

/// How many times smaller than an example its moments must be.
const SMALLER: usize = 8;

/// The tasks of an episode, by the second moments of their support and query sets, `(t, …)`, in
/// double precision.
#[derive(Clone, Debug)]
pub struct KnownSets {
    /// The numbers of the tasks.
    pub tasks: Vec<usize>,
    /// Of the support sets.
    pub support: SecondMoments,
    /// Of the query sets.
    pub query: SecondMoments,
}

impl KnownSets {
    /// The moments of support and query sets together.
    ///
    /// # Errors
    /// When the two do not fit together.
    pub(crate) fn all(&self) -> Result<SecondMoments> {
        let (a, b) = (&self.support, &self.query);
        Ok(SecondMoments {
            gram: (&a.gram + &b.gram)?,
            cross: (&a.cross + &b.cross)?,
            square: (&a.square + &b.square)?,
            row_norms: (a.row_norms.sqr()? + b.row_norms.sqr()?)?.sqrt()?,
            count: a.count + b.count,
            centre: None,
        })
    }
}

/// The moments of each of the examples `(t, b, …)`, `(t · b, …)`, in double precision, where a
/// model in single precision needs nothing else of them.
pub(crate) fn moments_of_each(model: &dyn Layer, examples: &Examples) -> Result<Option<SecondMoments>> {
    let (Some(linear), Targets::Values(y)) = (model.linear_in_adapted(), &examples.y) else {
        return Ok(None);
    };
    let single = |t: &Tensor| t.dtype() == DType::F32 && matches!(t.device(), Device::Cpu);
    let parameters = model.parameters();
    if ![&examples.x, y].into_iter().all(single) || !parameters.iter().all(|p| single(&p.tensor)) {
        return Ok(None);
    }
    let each = |t: &Tensor| match t.dims() {
        [tasks, count, own @ ..] => Ok(t.reshape([&[tasks * count, 1], own].concat())?),
        dims => Err(Error::config(format!("examples of shape {dims:?} have no tasks"))),
    };
    Ok(linear.precise_moments(&each(&examples.x)?, &each(y)?)?)
}

/// Whether the normal equations of a model follow from such moments.
pub(crate) fn have_equations(model: &dyn Layer, values: &Values, moments: &SecondMoments) -> Result<bool> {
    let linear = model.linear_in_adapted();
    let found = linear.map(|linear| linear.normal_equations_from(values, moments)).transpose()?;
    Ok(found.flatten().is_some())
}

/// The moments of one task.
struct Known {
    /// The sums over all examples.
    all: Vec<f64>,
    /// Those of each example, one after the other, rounded: all that is ever computed of them alone
    /// are the gradients of support sets.
    each: Vec<f32>,
}

/// The moments of tasks that were drawn.
struct Kept {
    /// The rows of the targets, and those of the windows.
    size: (usize, usize),
    /// The target values of an example.
    values: usize,
    /// By number.
    tasks: Vec<Option<Known>>,
}

/// What is known of the training tasks of a source.
pub(crate) struct KnownTasks {
    identity: Arc<()>,
    /// `None` when nothing is to be kept.
    kept: Option<Kept>,
}

impl KnownTasks {
    /// Nothing yet, of these tasks; whether anything is going to be kept depends on learner and
    /// tasks alone.
    fn new(learner: &dyn Learner, numbered: &dyn NumberedTasks) -> Result<Self> {
        let mut known = Self { identity: numbered.identity().clone(), kept: None };
        let first = numbered.examples(&[0])?;
        let Some(found) = learner.moments_of_each(&first)? else { return Ok(known) };
        let (_, rows, columns) = found.cross.dims3()?;
        let (size, examples) = ((rows, columns), found.square.elem_count());
        let numbers = (first.x.elem_count() + first.y.tensor().elem_count()) / examples.max(1);
        let each = numbers_of(size);
        let bytes = each.checked_mul(examples * size_of::<f32>() + size_of::<f64>());
        let bytes = bytes.and_then(|bytes| bytes.checked_mul(numbered.count()));
        if each.saturating_mul(SMALLER) <= numbers && bytes.is_some_and(|bytes| bytes <= MOST_BYTES) {
            let tasks = std::iter::repeat_with(|| None).take(numbered.count()).collect();
            known.kept = Some(Kept { size, values: found.count, tasks });
        }
        Ok(known)
    }

    /// The sets of step `step`, in `known` or put there; `None` when the learner needs examples, or
    /// what it needs of them is too much to keep.
    pub(crate) fn sets(
        known: &mut Option<Self>,
        learner: &dyn Learner,
        source: &dyn EpisodeSource,
        step: u64,
    ) -> Result<Option<KnownSets>> {
        let Some(numbered) = source.numbered() else { return Ok(None) };
        let own = known.take().filter(|known| Arc::ptr_eq(&known.identity, numbered.identity()));
        let own = match own {
            Some(own) => own,
            None => Self::new(learner, numbered)?,
        };
        let Some(kept) = &mut known.insert(own).kept else { return Ok(None) };
        let draw = numbered.draw(step);
        if kept.add(learner, numbered, &draw)? { Ok(Some(kept.sets(draw)?)) } else { Ok(None) }
    }
}

/// The numbers of a Gram matrix, of cross moments, and of one square.
fn numbers_of((rows, columns): (usize, usize)) -> usize {
    columns * columns + rows * columns + 1
}

impl Kept {
    /// Makes the moments of what is drawn known; whether they are.
    fn add(&mut self, learner: &dyn Learner, numbered: &dyn NumberedTasks, draw: &Draw) -> Result<bool> {
        let is_missing = |task: &&usize| self.tasks.get(**task).is_some_and(Option::is_none);
        let missing: Vec<usize> = draw.tasks.iter().filter(is_missing).copied().collect();
        if missing.is_empty() {
            return Ok(true);
        }
        let Some(found) = learner.moments_of_each(&numbered.examples(&missing)?)? else { return Ok(false) };
        let numbers = |t: &Tensor| -> Result<Vec<f64>> { Ok(t.flatten_all()?.to_vec1()?) };
        let (grams, crosses) = (numbers(&found.gram)?, numbers(&found.cross)?);
        let squares = numbers(&found.square)?;
        let (rows, columns) = self.size;
        let mut each = grams
            .chunks_exact((columns * columns).max(1))
            .zip(crosses.chunks_exact((rows * columns).max(1)))
            .zip(&squares);
        let (size, examples) = (numbers_of(self.size), squares.len() / missing.len());
        for task in missing {
            let mut known = Known { all: vec![0.0; size], each: Vec::with_capacity(size * examples) };
            for ((gram, cross), square) in each.by_ref().take(examples) {
                let numbers = gram.iter().chain(cross).chain([square]);
                known.all.iter_mut().zip(numbers.clone()).for_each(|(sum, x)| *sum += x);
                known.each.extend(numbers.map(|&x| x as f32));
            }
            self.tasks[task] = Some(known);
        }
        Ok(true)
    }

    /// The sets of tasks that are known.
    fn sets(&self, draw: Draw) -> Result<KnownSets> {
        let size = numbers_of(self.size);
        let (mut support, mut query) = (Vec::new(), Vec::new());
        for (&task, order) in draw.tasks.iter().zip(&draw.orders) {
            let Some(Some(known)) = self.tasks.get(task) else {
                return Err(Error::config(format!("task {task} is not one of {}", self.tasks.len())));
            };
            let start = support.len();
            support.resize(start + size, 0.0);
            let of_task = &mut support[start..];
            for &example in order.iter().take(draw.shots.support) {
                let Some(own) = known.each.get(example * size..(example + 1) * size) else {
                    return Err(Error::config(format!("task {task} has no example {example}")));
                };
                of_task.iter_mut().zip(own).for_each(|(sum, &x)| *sum += f64::from(x));
            }
            query.extend(known.all.iter().zip(of_task).map(|(all, own)| all - *own));
        }
        let counts = [draw.shots.support, draw.shots.query].map(|examples| examples * self.values);
        let support = self.moments(&support, counts[0])?;
        let query = self.moments(&query, counts[1])?;
        Ok(KnownSets { tasks: draw.tasks, support, query })
    }

    /// These numbers, task by task, as moments of so many target values.
    fn moments(&self, numbers: &[f64], count: usize) -> Result<SecondMoments> {
        let (rows, columns) = self.size;
        let tasks = numbers.len() / numbers_of(self.size);
        let part = |from: usize, length: usize| -> Vec<f64> {
            let tasks = numbers.chunks_exact(numbers_of(self.size));
            tasks.flat_map(|task| &task[from..from + length]).copied().collect()
        };
        let square = columns * columns;
        let gram = part(0, square);
        let diagonals = gram.chunks_exact(square.max(1));
        let norms: Vec<f64> =
            diagonals.flat_map(|gram| gram.iter().step_by(columns + 1)).map(|x| x.max(0.0).sqrt()).collect();
        Ok(SecondMoments {
            gram: Tensor::from_vec(gram, (tasks, columns, columns), &Device::Cpu)?,
            cross: Tensor::from_vec(part(square, rows * columns), (tasks, rows, columns), &Device::Cpu)?,
            square: Tensor::from_vec(part(square + rows * columns, 1), tasks, &Device::Cpu)?,
            row_norms: Tensor::from_vec(norms, (tasks, columns), &Device::Cpu)?,
            count,
            centre: None,
        })
    }
}
