//! What a symmetry is worth: the error on examples that were held out, beside that of other ways to
//! learn from the same tasks.

mod bilevel;
mod convolution;
mod examples;
mod learners;
mod prior;
mod report;
mod sharing;
mod stochastic;

use std::fmt;

use msr_groups::SignedPattern;

use crate::compare::convolution::{convolutions, grids};
use crate::compare::examples::{Halved, Lesson};
use crate::compare::learners::train;
use crate::compare::prior::{Prior, School, Taught};
use crate::compare::sharing::SharingMatrix;
use crate::compare::stochastic::DoublyStochastic;
use crate::division::{halves, stream};
use crate::error::{Error, Result};
use crate::statistics::ratio;
use crate::tasks::{Tasks, scaled};
use crate::ties::Ties;
use crate::verdict::Bounds;

/// The fewest tasks.
const FEWEST: usize = 8;
/// The most weights of ways to share that are learned by gradients.
const MOST_WEIGHTS: usize = 1_024;
/// Learning tasks at the beginning of a curve; they double from there.
const CURVE_FROM: usize = 10;
/// How many parameters a sharing matrix may have, and what unclear choices cost.
const PARAMETERS: [(usize, f64); 7] =
    [(4, 0.003), (8, 0.003), (16, 0.003), (32, 0.003), (8, 0.3), (16, 0.3), (32, 0.3)];
/// How many pairs of relaxed permutations there may be; two, which the ones and a generator are,
/// from several beginnings.
const PAIRS: [usize; 5] = [2, 2, 2, 4, 8];

/// A way to learn from tasks, and to adapt to a new one. All have an intercept, and choose their
/// ridge, or noise, on tasks that are held out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Model {
    /// Ridge regression of each task.
    Plain,
    /// `vec(W) = U v + τ z`, with U learned.
    Learned,
    /// The same, with weights tied by what was found.
    Tied,
    /// The same, with weights tied by the best of several convolutions.
    Convolution,
    /// A learned matrix of which weights share which parameter (Yeh et al. 2022).
    SharingMatrix,
    /// Relaxed permutations, learned (van der Linden et al. 2024).
    DoublyStochastic,
    /// As [`Model::Tied`], with weights tied as they are in truth.
    Oracle,
}

impl Model {
    /// All of them, in the order of a table.
    pub const ALL: [Self; 7] = [
        Self::Plain,
        Self::Learned,
        Self::Tied,
        Self::Convolution,
        Self::SharingMatrix,
        Self::DoublyStochastic,
        Self::Oracle,
    ];
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "plain",
            Self::Learned => "learned",
            Self::Tied => "tied",
            Self::Convolution => "convolution",
            Self::SharingMatrix => "sharing matrix",
            Self::DoublyStochastic => "doubly stochastic",
            Self::Oracle => "oracle",
        })
    }
}

/// How ways to learn are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareConfig {
    /// Which tasks teach and which test, and everything else that is drawn. With the seed of
    /// [`discover`](crate::discover), those that find teach, and those that confirm test.
    pub seed: u64,
    /// About how many seconds each of the learned ways to share may take on one core, by an
    /// estimate of the multiplications: the result does not depend on the machine.
    pub seconds: f64,
    /// Whether errors are also found for fewer learning tasks.
    pub curve: bool,
    /// The models, in any order.
    pub models: Vec<Model>,
}

impl Default for CompareConfig {
    /// Seed 0, six seconds, no curve, all models.
    fn default() -> Self {
        Self { seed: 0, seconds: 6.0, curve: false, models: Model::ALL.to_vec() }
    }
}

/// The held-out error of a model.
#[derive(Clone, Debug)]
pub struct Scored {
    /// The model.
    pub model: Model,
    /// What of it was chosen on tasks that were held out, in words.
    pub chosen: String,
    /// Of each testing task, in the same order for all models: `Σ |y − ŷ|² / Σ |y − ȳ|²` over its
    /// testing examples, ȳ the mean of its adapting ones.
    pub errors: Vec<f64>,
    /// Their mean with its 95 % interval over tasks.
    pub mean: Bounds,
    /// Their median: a few tasks whose testing examples are unlike the adapting ones can be most of
    /// the mean.
    pub median: f64,
    /// By how much it is above that of [`Model::Tied`], task by task, with a 95 % interval.
    pub above_tied: Option<Bounds>,
}

/// How many tasks and examples there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Tasks that teach.
    pub learning: usize,
    /// Tasks that test.
    pub testing: usize,
    /// Tasks left out, since their outputs do not differ from the mean that is known.
    pub left_out: usize,
    /// The least and the most examples of a testing task that adapt to it.
    pub adapting: (usize, usize),
}

/// Models side by side, on the same tasks and examples. Its `Display` is a table.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The models that could be learned, in the order of [`Model::ALL`].
    pub scored: Vec<Scored>,
    /// The mean errors for fewer learning tasks, and for all.
    pub curve: Vec<(usize, Vec<(Model, f64)>)>,
    /// What was left out, and why.
    pub skipped: Vec<(Model, String)>,
    /// How many tasks and examples there were.
    pub sizes: Sizes,
}

/// The bounds of a mean over tasks, at 95 %.
fn bounds(values: &[f64]) -> Bounds {
    let found = ratio(values, &vec![1.0; values.len()], 0.025);
    Bounds { value: found.value, lower: found.lower, upper: found.upper }
}

/// The median; of an even number of values, the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |at: usize| sorted.get(at).copied().unwrap_or(f64::NAN);
    (at(sorted.len().saturating_sub(1) / 2) + at(sorted.len() / 2)) / 2.0
}

/// What is known beside the tasks.
struct Known<'a> {
    pattern: Option<&'a SignedPattern>,
    truth: Option<&'a SignedPattern>,
    grids: Option<(Vec<usize>, Vec<usize>)>,
    config: &'a CompareConfig,
}

impl Known<'_> {
    /// The model, learned; an error in words where it cannot be.
    fn learn(&self, model: Model, school: &School<'_>) -> Result<std::result::Result<Prior, String>> {
        let (m, n) = school.shape;
        let none = || "there are no examples to choose by".to_owned();
        let tied =
            |ties: Ties| school.select(|taught| taught.priors((m, n), Some(&ties), "")).ok_or_else(none);
        let untied = |ridge_alone: bool| {
            let fit = |taught: &Taught<'_>| {
                let mut priors = taught.priors((m, n), None, "");
                if ridge_alone {
                    priors.drain(..priors.len() - 1);
                }
                priors
            };
            school.select(fit).ok_or_else(none)
        };
        let rng = &mut stream(self.config.seed ^ 0x636f_6d70_6172_6500 ^ model as u64);
        let is_large = m * n > MOST_WEIGHTS;
        Ok(match model {
            Model::Plain => untied(true),
            Model::Learned => untied(false),
            Model::Tied => match self.pattern {
                Some(pattern) => tied(Ties::new(pattern.clone())),
                None => Err("no symmetry was found".into()),
            },
            Model::Oracle => match self.truth {
                Some(truth) => tied(Ties::new(truth.clone())),
                None => Err("the truth was not given".into()),
            },
            Model::Convolution => match &self.grids {
                None => Err(format!("{m} outputs and {n} inputs are on no grids of as many sides")),
                Some((outputs, inputs)) => {
                    let all = convolutions(outputs, inputs)?;
                    let all: Vec<(String, Ties)> = all
                        .into_iter()
                        .map(|found| (format!("{}, ", found.name), Ties::new(found.pattern)))
                        .collect();
                    let fit = |taught: &Taught<'_>| {
                        let priors = |(name, ties): &(String, Ties)| taught.priors((m, n), Some(ties), name);
                        all.iter().flat_map(priors).collect()
                    };
                    school.select(fit).ok_or_else(none)
                }
            },
            Model::SharingMatrix | Model::DoublyStochastic if is_large => {
                Err(format!("{} weights; at most {MOST_WEIGHTS} are learned to be shared", m * n))
            }
            Model::SharingMatrix => {
                let sizes = PARAMETERS.into_iter().filter(|&(parameters, _)| parameters <= m * n);
                let learner = |(parameters, penalty)| SharingMatrix { weights: m * n, parameters, penalty };
                let learners: Vec<SharingMatrix> = sizes.map(learner).collect();
                train(school, &learners, self.config.seconds, rng)
            }
            Model::DoublyStochastic => {
                let learners = PAIRS.map(|pairs| DoublyStochastic { outputs: m, inputs: n, pairs });
                train(school, &learners, self.config.seconds, rng)
            }
        })
    }
}

/// What is learned from some tasks with `pattern`, with others in its place, and with neither, and
/// how well it predicts in new tasks.
///
/// Half of the tasks teach (those that find, in [`discover`](crate::discover) with the same seed),
/// the others test: half of the examples of each, at random, adapt the model to the task, and the
/// error is that on the rest. All models see exactly the same examples. `truth` is what weights the
/// true symmetry ties, where it is known; `shapes` are the grids on which outputs and inputs lie,
/// by rows, for convolutions (empty: not known; a line, where there are as many outputs as inputs).
///
/// A pattern that [`discover`](crate::discover) has found was confirmed by the tasks that test
/// here: one of at most sixty patterns was accepted because it fits them.
///
/// # Errors
/// [`Error::Data`] for fewer than eight tasks, and when all inputs are the same; [`Error::Config`]
/// when a pattern or a grid is of another size, or the seconds are no positive number;
/// [`Error::Groups`] for too many weights.
pub fn compare(
    tasks: &Tasks,
    pattern: Option<&SignedPattern>,
    truth: Option<&SignedPattern>,
    shapes: (&[usize], &[usize]),
    config: &CompareConfig,
) -> Result<Comparison> {
    tasks.check()?;
    let shape = (tasks.outputs(), tasks.inputs());
    for (what, pattern) in [("found", pattern), ("true", truth)] {
        let size = pattern.map(|pattern| (pattern.outputs(), pattern.inputs()));
        if let Some((outputs, inputs)) = size.filter(|&size| size != shape) {
            return Err(Error::config(format!(
                "the {what} pattern is of {outputs} outputs and {inputs} inputs, the tasks of {} and {}",
                shape.0, shape.1
            )));
        }
    }
    if !(config.seconds > 0.0 && config.seconds.is_finite()) {
        return Err(Error::config(format!("the seconds must be a positive number, got {}", config.seconds)));
    }
    if tasks.count() < FEWEST {
        return Err(Error::data(format!("{} tasks; at least {FEWEST} are needed to compare", tasks.count())));
    }
    let known = Known { pattern, truth, grids: grids(shape, shapes)?, config };
    let all = scaled(tasks)?;
    let (learning, testing) = halves(all.len(), &mut stream(config.seed));
    let rng = &mut stream(config.seed ^ 0x6578_616d_706c_6573);
    let halved: Vec<Halved> = testing.iter().filter_map(|&task| Halved::at_random(&all[task], rng)).collect();
    let lessons: Vec<Lesson> = learning.iter().map(|&task| Lesson::new(&all[task], rng)).collect();
    if halved.is_empty() {
        return Err(Error::data("the outputs of all tasks that test are constant"));
    }
    let adapting = || testing.iter().map(|&task| all[task].x.nrows() / 2);
    let sizes = Sizes {
        learning: lessons.len(),
        testing: halved.len(),
        left_out: testing.len() - halved.len(),
        adapting: (adapting().min().unwrap_or(0), adapting().max().unwrap_or(0)),
    };
    let asked = |model: &Model| config.models.contains(model);
    let school = School::new(shape, &lessons);
    let (mut scored, mut skipped) = (Vec::new(), Vec::new());
    for model in Model::ALL.into_iter().filter(asked) {
        match known.learn(model, &school)? {
            Ok(prior) => {
                let errors = prior.errors(&halved);
                scored.push(Scored {
                    model,
                    chosen: prior.name,
                    mean: bounds(&errors),
                    median: median(&errors),
                    errors,
                    above_tied: None,
                });
            }
            Err(why) => skipped.push((model, why)),
        }
    }
    if let Some(tied) = scored.iter().find(|scored| scored.model == Model::Tied) {
        let tied = tied.errors.clone();
        for other in scored.iter_mut().filter(|scored| scored.model != Model::Tied) {
            let apart: Vec<f64> = other.errors.iter().zip(&tied).map(|(a, b)| a - b).collect();
            other.above_tied = Some(bounds(&apart));
        }
    }
    let mut curve = Vec::new();
    let of_curve = [Model::Plain, Model::Learned, Model::Tied];
    let mut count = CURVE_FROM;
    while config.curve && count < lessons.len() {
        let school = School::new(shape, &lessons[..count]);
        let mut found = Vec::new();
        for model in of_curve.into_iter().filter(asked) {
            if let Ok(prior) = known.learn(model, &school)? {
                found.push((model, bounds(&prior.errors(&halved)).value));
            }
        }
        curve.push((count, found));
        count *= 2;
    }
    if config.curve {
        let last = scored.iter().filter(|scored| of_curve.contains(&scored.model));
        curve.push((lessons.len(), last.map(|scored| (scored.model, scored.mean.value)).collect()));
    }
    Ok(Comparison { scored, curve, skipped, sizes })
}
