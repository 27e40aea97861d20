//! What adapts to a task: a Gaussian of weights, and the choice among several on tasks that are
//! held out.

use nalgebra::{DMatrix, DVector};

use crate::compare::examples::{Halved, Lesson};
use crate::learn::{Learned, learn};
use crate::moments::Moments;
use crate::ties::Ties;

/// `vec(W) = B (U v + τ z)` with noise σ², or without ties `U v + τ z`; a U without columns is
/// ridge regression.
#[derive(Clone, Debug)]
pub(crate) struct Prior {
    pub ties: Option<Ties>,
    pub learned: Learned,
    /// Whether no floor is to be put under it.
    pub is_whole: bool,
    /// In words, for the table.
    pub name: String,
}

/// Noises of ridge regression, for weights of the size that tasks ask for.
fn noises_of_ridge() -> Vec<f64> {
    (-10..=8).map(|half| 10f64.powf(f64::from(half) / 2.0)).collect()
}
/// What the learned noise is multiplied by.
const FACTORS: [f64; 7] = [1.0 / 64.0, 1.0 / 16.0, 0.25, 1.0, 4.0, 16.0, 64.0];
/// Floors in units of the size of a weight, beside the learned one.
const FLOORS: [f64; 6] = [0.0, 0.02, 0.06, 0.2, 0.6, 1.0];

/// What is chosen on tasks that are held out: one of several priors, its floor and its noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Choice {
    pub which: usize,
    /// The floor; the learned one where there is none.
    floor: Option<f64>,
    factor: f64,
    /// The error on the tasks that were held out, summed over them.
    error: f64,
}

impl Choice {
    /// Whether the same was tried, with whatever error.
    fn is_same(&self, other: &Self) -> bool {
        (self.which, self.floor, self.factor) == (other.which, other.floor, other.factor)
    }
}

impl Prior {
    /// Ridge regression of untied or tied weights.
    pub fn ridge(weights: usize, outputs: usize, ties: Option<Ties>, name: impl Into<String>) -> Self {
        let count = ties.as_ref().map_or(weights, Ties::free);
        let floor = (outputs as f64 / count.max(1) as f64).sqrt();
        let learned = Learned { u: DMatrix::zeros(count, 0), noise: 1.0, floor };
        Self { ties, learned, is_whole: true, name: name.into() }
    }

    /// What was learned, with a choice of floor and noise.
    fn with(&self, choice: &Choice) -> Learned {
        let Learned { u, noise, floor } = self.learned.clone();
        // Ridge regression is nothing but its floor.
        let floor = choice.floor.filter(|_| u.ncols() > 0).unwrap_or(floor);
        Learned { u, noise: noise * choice.factor, floor }
    }

    /// The prior with a choice of floor and noise.
    pub fn chosen(self, choice: &Choice) -> Self {
        Self { learned: self.with(choice), ..self }
    }

    /// The moments of a task as this prior looks at them.
    fn view(&self, task: &Moments) -> Moments {
        self.ties.as_ref().map_or_else(|| task.clone(), |ties| ties.moments(task))
    }

    /// The weights from what is found in the view.
    fn weights_of(&self, found: DVector<f64>) -> DVector<f64> {
        match &self.ties {
            None => found,
            Some(ties) => {
                let column = DMatrix::from_column_slice(found.len(), 1, found.as_slice());
                ties.weights_of(&column).column(0).into_owned()
            }
        }
    }

    /// The mean of the weights (m n) given the examples of a task; zero where equations have no
    /// solution.
    pub fn weights(&self, task: &Moments) -> DVector<f64> {
        let view = self.view(task);
        self.weights_of(posterior_mean(&self.learned, &view))
    }

    /// The error of each task.
    pub fn errors<'a>(&self, tasks: impl IntoIterator<Item = &'a Halved>) -> Vec<f64> {
        tasks.into_iter().map(|task| task.error(&self.weights(&task.adapt))).collect()
    }

    /// The floors and factors of the noise that are tried.
    fn grid(&self, outputs: usize) -> Vec<(Option<f64>, f64)> {
        if self.learned.u.ncols() == 0 {
            return noises_of_ridge().into_iter().map(|noise| (None, noise)).collect();
        }
        let unit = (outputs as f64 / self.learned.u.nrows().max(1) as f64).sqrt();
        // What has a floor of its own, or needs none.
        let floors = if self.is_whole { &FLOORS[..0] } else { &FLOORS[..] };
        let floors = floors.iter().map(|floor| Some(floor * unit)).chain([None]);
        floors.flat_map(|floor| FACTORS.iter().map(move |&factor| (floor, factor))).collect()
    }
}

/// `E[v | y]` for `w = U v`, `v ~ N(0, 1)`.
fn latent_mean(u: &DMatrix<f64>, task: &Moments, noise: f64) -> Option<DVector<f64>> {
    let mut inner = task.sandwich(u, u);
    (0..u.ncols()).for_each(|i| inner[(i, i)] += noise);
    Some(inner.cholesky()?.solve(&u.tr_mul(&task.xy_vector())))
}

/// `E[w | y]` for `w = U v + τ z`: first v, with the floor as noise `σ² + τ² X Xᵀ`, then the
/// floor's part, a ridge regression of what v leaves.
fn posterior_mean(learned: &Learned, task: &Moments) -> DVector<f64> {
    let Learned { u, noise, floor } = learned;
    let (n, m) = (task.inputs(), task.outputs());
    let find = || {
        let squared = floor * floor;
        let mut inner = &task.xx * squared;
        (0..n).for_each(|i| inner[(i, i)] += noise);
        let over = if squared > 0.0 { Some(inner.cholesky()?) } else { None };
        let shared = match &over {
            _ if u.ncols() == 0 => DVector::zeros(n * m),
            None => u * latent_mean(u, task, *noise)?,
            Some(over) => {
                let xx = over.solve(&task.xx);
                let xx = (&xx + xx.transpose()) * 0.5;
                let (xy, yy, numbers) = (over.solve(&task.xy), task.yy, task.numbers);
                let whitened = Moments { xx, xy, yy, numbers, rows: None };
                u * latent_mean(u, &whitened, 1.0)?
            }
        };
        let Some(over) = over else { return Some(shared) };
        let by_output = DMatrix::from_column_slice(n, m, shared.as_slice());
        let rest = over.solve(&(&task.xy - &task.xx * by_output)) * squared;
        Some(shared + DVector::from_column_slice(rest.as_slice()))
    };
    find().filter(|w| w.iter().all(|w| w.is_finite())).unwrap_or_else(|| DVector::zeros(n * m))
}

/// All choices of prior, floor and noise, with the sum of the errors on the tasks, and of how many.
fn trials(priors: &[Prior], outputs: usize, tasks: &[&Lesson]) -> Vec<Choice> {
    let halved: Vec<&Halved> = tasks.iter().flat_map(|task| &task.halved).collect();
    let mut found: Vec<Choice> = Vec::new();
    for (which, prior) in priors.iter().enumerate() {
        // What is the same, as a U that is cut where it ends, is tried once.
        if let Some(same) = priors[..which].iter().position(|other| other.name == prior.name) {
            let again: Vec<Choice> = found.iter().filter(|found| found.which == same).copied().collect();
            found.extend(again.into_iter().map(|choice| Choice { which, ..choice }));
            continue;
        }
        let views: Vec<Moments> = halved.iter().map(|task| prior.view(&task.adapt)).collect();
        for (floor, factor) in prior.grid(outputs) {
            let choice = Choice { which, floor, factor, error: 0.0 };
            let learned = prior.with(&choice);
            let error = |(task, view): (&&Halved, &Moments)| {
                task.error(&prior.weights_of(posterior_mean(&learned, view)))
            };
            found.push(Choice { error: halved.iter().zip(&views).map(error).sum(), ..choice });
        }
    }
    found
}

fn least(trials: Vec<Choice>) -> Option<Choice> {
    trials.into_iter().min_by(|a, b| a.error.total_cmp(&b.error))
}

/// The prior, floor and noise with the least error on the tasks.
pub(crate) fn choose(priors: &[Prior], outputs: usize, tasks: &[&Lesson]) -> Option<Choice> {
    least(trials(priors, outputs, tasks))
}

/// Tasks from which is learned, and what they have in common.
#[derive(Clone, Debug)]
pub(crate) struct Taught<'a> {
    pub lessons: Vec<&'a Lesson>,
    pub moments: Vec<Moments>,
    /// `None` for too few tasks.
    pub learned: Option<Learned>,
}

impl<'a> Taught<'a> {
    fn new(lessons: &[&'a Lesson]) -> Self {
        let moments: Vec<Moments> = lessons.iter().map(|lesson| lesson.moments.clone()).collect();
        Self { lessons: lessons.to_vec(), learned: learn(&moments), moments }
    }

    /// What is learned with ties, or without: all of U, its leading directions (the floor may take
    /// the place of the rest), and none of it, a ridge regression.
    pub fn priors(&self, (m, n): (usize, usize), ties: Option<&Ties>, name: &str) -> Vec<Prior> {
        let ridge = Prior::ridge(m * n, m, ties.cloned(), format!("{name}ridge"));
        let learned = match (&self.learned, ties) {
            (None, _) => None,
            (Some(learned), None) => Some(learned.clone()),
            (Some(learned), Some(ties)) => learned.tied(&self.moments, ties),
        };
        let of = |rank: usize| match &learned {
            None => ridge.clone(),
            Some(learned) => {
                let u = leading_of(&learned.u, rank);
                let name = format!("{name}rank {}", u.ncols());
                Prior { ties: ties.cloned(), learned: Learned { u, ..*learned }, is_whole: false, name }
            }
        };
        LEADING.into_iter().map(of).chain([ridge.clone()]).collect()
    }
}

/// Ranks to which U is cut; the first one leaves it whole.
const LEADING: [usize; 3] = [usize::MAX, 8, 2];

/// The leading directions of U, so many or all.
fn leading_of(u: &DMatrix<f64>, rank: usize) -> DMatrix<f64> {
    if rank >= u.ncols() {
        return u.clone();
    }
    let svd = u.clone().svd(true, false);
    let Some(left) = svd.u else { return u.clone() };
    let mut order: Vec<usize> = (0..svd.singular_values.len()).collect();
    order.sort_by(|&a, &b| svd.singular_values[b].total_cmp(&svd.singular_values[a]));
    let columns: Vec<DVector<f64>> =
        order.into_iter().take(rank).map(|at| left.column(at) * svd.singular_values[at]).collect();
    DMatrix::from_columns(&columns)
}

/// In how many parts tasks are divided: each is held out once.
const FOLDS: usize = 4;

/// The tasks from which is learned: each quarter of them is held out once for choices, and all take
/// part in the result.
#[derive(Clone, Debug)]
pub(crate) struct School<'a> {
    /// Outputs and inputs.
    pub shape: (usize, usize),
    /// The tasks that are held out, and the others.
    pub folds: Vec<(Vec<&'a Lesson>, Taught<'a>)>,
    pub all: Taught<'a>,
}

impl<'a> School<'a> {
    pub fn new(shape: (usize, usize), lessons: &'a [Lesson]) -> Self {
        let all: Vec<&Lesson> = lessons.iter().collect();
        let fold = |fold: usize| {
            let inside = |at: &usize| (fold * all.len() / FOLDS..(fold + 1) * all.len() / FOLDS).contains(at);
            let (held_out, most): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(inside);
            let of = |which: Vec<usize>| which.into_iter().map(|at| all[at]).collect::<Vec<_>>();
            (of(held_out), Taught::new(&of(most)))
        };
        Self { shape, folds: (0..FOLDS).map(fold).collect(), all: Taught::new(&all) }
    }

    /// A prior: for each fold `fit` makes several, in the same order whatever the tasks, of the
    /// tasks that are not held out. The one with the least error over all folds, with its floor and
    /// noise, is made of all tasks.
    pub fn select(&self, fit: impl Fn(&Taught<'a>) -> Vec<Prior>) -> Option<Prior> {
        let mut sums: Option<Vec<Choice>> = None;
        for (held_out, most) in &self.folds {
            let found = trials(&fit(most), self.shape.0, held_out);
            sums = Some(match sums {
                None => found,
                // What was tried in all of them: a U that was learned in some only is left out.
                Some(sums) => sums
                    .into_iter()
                    .filter_map(|sum| {
                        let same = found.iter().find(|found| found.is_same(&sum))?;
                        Some(Choice { error: sum.error + same.error, ..sum })
                    })
                    .collect(),
            });
        }
        let choice = least(sums?)?;
        Some(fit(&self.all).into_iter().nth(choice.which)?.chosen(&choice))
    }
}

#[cfg(test)]
mod tests {
    use msr_groups::{SharingPattern, SignedPattern};
    use nalgebra::{DMatrix, DVector};
    use rand::Rng;
    use rand_distr::StandardNormal;

    use super::Prior;
    use crate::division::stream;
    use crate::learn::Learned;
    use crate::moments::Moments;
    use crate::ties::Ties;

    /// The mean of the weights given the examples is that of the joint Gaussian in full.
    #[test]
    fn weights_are_the_conditional_mean() {
        let rng = &mut stream(2);
        let (s, n, m) = (5, 3, 2);
        let pattern = SharingPattern::from_labels(m, n, &[0, 1, 1, 2, 0, 3]).unwrap();
        let labels: Vec<_> = pattern.labels().iter().map(|&label| Some((label, false))).collect();
        let ties = Ties::new(SignedPattern::from_labels(m, n, &labels).unwrap());
        for (tied, rank, floor) in
            [(false, 2, 0.0), (false, 2, 0.3), (false, 0, 0.5), (true, 2, 0.3), (true, 0, 0.5)]
        {
            let mut normal =
                |rows, columns| DMatrix::from_fn(rows, columns, |_, _| rng.sample(StandardNormal));
            let (x, y): (DMatrix<f64>, DMatrix<f64>) = (normal(s, n), normal(s, m));
            let noise = 0.2;
            let count = if tied { ties.free() } else { m * n };
            let u = normal(count, rank);
            let learned = Learned { u: u.clone(), noise, floor };
            let prior =
                Prior { ties: tied.then(|| ties.clone()), learned, is_whole: false, name: String::new() };
            let inner = &u * u.transpose() + DMatrix::identity(count, count) * (floor * floor);
            let map = if tied {
                ties.weights_of(&DMatrix::identity(count, count))
            } else {
                DMatrix::identity(count, count)
            };
            let covariance = &map * inner * map.transpose();
            let design = DMatrix::from_fn(s * m, m * n, |row, weight| {
                if row / s == weight / n { x[(row % s, weight % n)] } else { 0.0 }
            });
            let all = &design * &covariance * design.transpose() + DMatrix::identity(s * m, s * m) * noise;
            let y_vector = DVector::from_column_slice(y.as_slice());
            let expected = &covariance * design.transpose() * all.cholesky().unwrap().solve(&y_vector);
            let found = prior.weights(&Moments::new(&x, &y, false));
            assert!((found - expected).amax() < 1e-10, "tied {tied}, rank {rank}, floor {floor}");
        }
    }
}
