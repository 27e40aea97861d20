//! The learned ways to share: trained, chosen on tasks that are held out, and trained on.

use nalgebra::{DMatrix, DVector};
use rand_chacha::ChaCha8Rng;

use crate::compare::bilevel::{Course, Sharing, cost, descend};
use crate::compare::prior::{Prior, School, Taught, choose};
use crate::compare::sharing::SharingMatrix;
use crate::compare::stochastic::DoublyStochastic;
use crate::learn::Learned;

/// About how many multiplications a second are counted on.
const SPEED: f64 = 1.5e9;
/// Tasks a step.
const BATCH: usize = 8;
/// With fewer steps there is nothing to be learned.
const FEWEST_STEPS: usize = 60;
const MOST_STEPS: usize = 1_000;
/// Of the steps, the part that goes on from what was chosen, on all tasks.
const AGAIN: f64 = 0.5;
const RATE: f64 = 0.15;
/// The size of θ at the beginning.
const BEGIN: f64 = 0.1;

/// A way to share that can be learned, and what priors it gives.
pub(crate) trait Learner: Sharing {
    fn begin(&self, rng: &mut ChaCha8Rng) -> DVector<f64>;
    /// K.
    fn columns(&self) -> usize;
    fn penalty_weight(&self) -> f64;
    fn name(&self) -> String;
    /// The priors of what was learned, always the same kinds.
    fn priors(&self, shape: (usize, usize), found: &(DVector<f64>, f64), taught: &Taught<'_>) -> Vec<Prior>;
}

/// `vec(W) = L φ` as a prior: φ of the size that weights have.
fn soft((m, n): (usize, usize), l: &DMatrix<f64>, ridge: f64, name: String) -> Prior {
    let variance = m as f64 / l.norm_squared().max(f64::MIN_POSITIVE);
    debug_assert_eq!(l.nrows(), m * n);
    let learned = Learned { u: l * variance.sqrt(), noise: (ridge.exp() * variance).max(1e-8), floor: 0.0 };
    Prior { ties: None, learned, is_whole: true, name }
}

impl Learner for SharingMatrix {
    fn begin(&self, rng: &mut ChaCha8Rng) -> DVector<f64> {
        SharingMatrix::begin(self, rng)
    }

    fn columns(&self) -> usize {
        self.parameters
    }

    fn penalty_weight(&self) -> f64 {
        self.penalty
    }

    fn name(&self) -> String {
        format!("{} parameters", self.parameters)
    }

    /// The shares as they are, and as ties, with the largest share of each weight as its only one.
    fn priors(
        &self,
        shape: (usize, usize),
        (theta, ridge): &(DVector<f64>, f64),
        taught: &Taught<'_>,
    ) -> Vec<Prior> {
        let a = self.forward(theta);
        let mut found = vec![soft(shape, &a, *ridge, format!("{}, relaxed", self.name()))];
        let ties = self.ties(shape, &a);
        let name = format!("{} as ties, ", self.name());
        found.extend(taught.priors(shape, ties.as_ref(), &name));
        found
    }
}

impl Learner for DoublyStochastic {
    fn begin(&self, rng: &mut ChaCha8Rng) -> DVector<f64> {
        DoublyStochastic::begin(self, rng)
    }

    fn columns(&self) -> usize {
        self.outputs * self.inputs
    }

    fn penalty_weight(&self) -> f64 {
        0.03
    }

    fn name(&self) -> String {
        format!("{} pairs", self.pairs)
    }

    /// `W = Q W₀`, and with what was learned, `W = Q U v`.
    fn priors(
        &self,
        shape: (usize, usize),
        (theta, ridge): &(DVector<f64>, f64),
        taught: &Taught<'_>,
    ) -> Vec<Prior> {
        let state = self.forward(theta);
        let q = Self::matrix(&state);
        let alone = soft(shape, q, *ridge, format!("{}, ridge", self.name()));
        let with = taught.learned.as_ref().map(|learned| {
            let name = format!("{}, rank {}", self.name(), learned.u.ncols());
            let learned = Learned { u: q * &learned.u, ..learned.clone() };
            Prior { ties: None, learned, is_whole: false, name }
        });
        vec![with.unwrap_or_else(|| alone.clone()), alone]
    }
}

/// The steps that the budget, in multiplications, allows for one learner.
fn steps(school: &School<'_>, columns: usize, budget: f64) -> usize {
    let lessons = &school.all.lessons;
    let examples = lessons.iter().flat_map(|lesson| &lesson.halved).map(|halved| halved.x.nrows());
    let step = cost(school.shape, columns, examples.max().unwrap_or(0)) * BATCH.min(lessons.len()) as f64;
    ((budget / step.max(1.0)) as usize).min(MOST_STEPS)
}

/// The best of several learners, after as many steps as `seconds`, by an estimate, allow. An error
/// in words, when that is too few for each of them.
pub(crate) fn train<L: Learner>(
    school: &School<'_>,
    learners: &[L],
    seconds: f64,
    rng: &mut ChaCha8Rng,
) -> Result<Prior, String> {
    let (m, n) = school.shape;
    // Each has its part, and the last one as much again for what follows.
    let each = seconds * SPEED / (learners.len() as f64 + AGAIN);
    let (held_out, most) = school.folds.first().ok_or("no tasks")?;
    let mut found = Vec::new();
    let mut priors = vec![Prior::ridge(m * n, m, None, "nothing shared")];
    for learner in learners {
        let before = priors.len();
        let steps = steps(school, learner.columns(), each);
        if steps < FEWEST_STEPS {
            continue;
        }
        let course = Course { steps, batch: BATCH, rate: RATE, penalty: (0.0, learner.penalty_weight()) };
        let learned = descend(learner, (learner.begin(rng) * BEGIN, 0.0), &most.lessons, course, rng);
        priors.extend(learner.priors(school.shape, &learned, most));
        // Of several beginnings of one kind each has a name of its own while it is chosen.
        priors[before..].iter_mut().for_each(|prior| prior.name = format!("{}: {}", found.len(), prior.name));
        found.push((learner, learned, course));
    }
    if found.is_empty() {
        return Err(format!(
            "{m} × {n} weights would take more than the budget of {seconds:.1} seconds; raise it, or leave this out"
        ));
    }
    let choice = choose(&priors, m, held_out).ok_or("no examples to choose by")?;
    let Some(at) = choice.which.checked_sub(1) else {
        return Ok(Prior::ridge(m * n, m, None, "nothing shared").chosen(&choice));
    };
    let kinds = (priors.len() - 1) / found.len();
    let (learner, learned, course) = found.swap_remove(at / kinds);
    let again = Course {
        steps: (course.steps as f64 * AGAIN) as usize,
        rate: course.rate / 3.0,
        penalty: (course.penalty.1, course.penalty.1),
        ..course
    };
    let learned = descend(learner, learned, &school.all.lessons, again, rng);
    let priors = learner.priors(school.shape, &learned, &school.all);
    let prior = priors.into_iter().nth(at % kinds).ok_or("nothing was learned")?;
    Ok(prior.chosen(&choice))
}
