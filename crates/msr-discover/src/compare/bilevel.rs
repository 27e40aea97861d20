//! Learning how weights share parameters by what adapting with it predicts: the inner solution in
//! closed form, its exact gradient, and Adam.
//!
//! `vec(W) = L φ` with L (m n × K) from parameters θ. Of a task, φ minimises
//! `Σ |y − W x|² + λ |φ|²` over the adapting examples, and the loss is the error on the testing
//! ones. With the moments
//! `G = 1 ⊗ Σ x xᵀ` and `h` of both halves, `M = Lᵀ G L + λ`, `φ = M⁻¹ Lᵀ h`, `g` the derivative of
//! the loss by vec(W), `p = M⁻¹ Lᵀ g` and `q = L p`,
//!
//! `∂/∂L = (g − G q) φᵀ + (h − G L φ) pᵀ,      ∂/∂λ = −pᵀ φ.`

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::compare::examples::{Halved, Lesson};

/// A way to share parameters.
pub(crate) trait Sharing {
    /// What is needed of the way from θ to L for the way back.
    type State;

    /// From θ to L.
    fn forward(&self, theta: &DVector<f64>) -> Self::State;

    /// L, m n × K.
    fn matrix(state: &Self::State) -> &DMatrix<f64>;

    /// What is added to the loss, so that shares become choices, times `weight`.
    #[cfg(test)]
    fn penalty(&self, state: &Self::State, weight: f64) -> f64;

    /// The derivative by θ of the loss, whose derivative by L is `by_matrix`, and of the penalty.
    fn backward(&self, state: &Self::State, by_matrix: &DMatrix<f64>, weight: f64) -> DVector<f64>;
}

/// `(1 ⊗ S) M` for M with m n rows and S (r × n).
fn times(s: &DMatrix<f64>, m: &DMatrix<f64>) -> DMatrix<f64> {
    let (r, n) = s.shape();
    let outputs = m.nrows() / n.max(1);
    let mut found = DMatrix::zeros(outputs * r, m.ncols());
    for y in 0..outputs {
        found.rows_mut(y * r, r).gemm(1.0, s, &m.rows(y * n, n), 0.0);
    }
    found
}

/// `M⁻¹ b`.
enum Inverse {
    /// From M, K × K.
    Direct(Cholesky<f64, Dyn>),
    /// Where there are fewer numbers than parameters, from `D Dᵀ + λ` with `D = (1 ⊗ X) L`:
    /// `M⁻¹ = (1 − Dᵀ (D Dᵀ + λ)⁻¹ D) / λ`.
    Dual(DMatrix<f64>, Cholesky<f64, Dyn>, f64),
}

impl Inverse {
    fn new(task: &Halved, l: &DMatrix<f64>, transposed: &DMatrix<f64>, lambda: f64) -> Option<Self> {
        let n = task.x.ncols().max(1);
        let with = |mut gram: DMatrix<f64>| {
            (0..gram.nrows()).for_each(|i| gram[(i, i)] += lambda);
            gram.cholesky()
        };
        if l.nrows() / n * task.x.nrows() < l.ncols() {
            let d = times(&task.x, l);
            let cholesky = with(&d * d.transpose())?;
            return Some(Self::Dual(d, cholesky, lambda));
        }
        with(transposed * times(&task.adapt.xx, l)).map(Self::Direct)
    }

    fn solve(&self, b: &DVector<f64>) -> DVector<f64> {
        match self {
            Self::Direct(cholesky) => cholesky.solve(b),
            Self::Dual(d, cholesky, lambda) => (b - d.tr_mul(&cholesky.solve(&(d * b)))) / *lambda,
        }
    }
}

/// The mean loss over tasks, and its derivatives.
pub(crate) struct Loss {
    pub value: f64,
    pub by_matrix: DMatrix<f64>,
    /// By ln λ.
    pub by_ridge: f64,
}

/// The mean error of the tasks with weights L φ and the ridge λ = exp(`ridge`); `None` when
/// equations have no solution.
pub(crate) fn loss(l: &DMatrix<f64>, ridge: f64, tasks: &[&Halved]) -> Option<Loss> {
    let (k, lambda) = (l.ncols(), ridge.exp());
    let transposed = l.transpose();
    let count = tasks.len().max(1) as f64;
    let mut sum = Loss { value: 0.0, by_matrix: DMatrix::zeros(l.nrows(), k), by_ridge: 0.0 };
    for task in tasks {
        let inverse = Inverse::new(task, l, &transposed, lambda)?;
        let h = task.adapt.xy_vector();
        let phi = inverse.solve(&(&transposed * &h));
        let w = l * &phi;
        let product = |s: &DMatrix<f64>, w: &DVector<f64>| {
            let by_output = DMatrix::from_column_slice(s.nrows(), w.len() / s.nrows(), w.as_slice());
            DVector::from_column_slice((s * by_output).as_slice())
        };
        let left = h - product(&task.adapt.xx, &w);
        let scale = 1.0 / (task.test.yy * count);
        sum.value += task.test.residual(&w) * scale;
        let g = (product(&task.test.xx, &w) - task.test.xy_vector()) * (2.0 * scale);
        let p = inverse.solve(&(&transposed * &g));
        let q = l * &p;
        let outer = g - product(&task.adapt.xx, &q);
        sum.by_matrix.ger(1.0, &outer, &phi, 1.0);
        sum.by_matrix.ger(1.0, &left, &p, 1.0);
        sum.by_ridge -= lambda * p.dot(&phi);
    }
    Some(sum)
}

/// About how many multiplications the loss of a task with so many adapting examples takes.
pub(crate) fn cost((m, n): (usize, usize), k: usize, examples: usize) -> f64 {
    let (m, n, k) = (m as f64, n as f64, k as f64);
    let numbers = m * examples as f64;
    let solve = match numbers < k {
        true => numbers * n * k + numbers * numbers * k + numbers.powi(3) / 3.0,
        false => m * n * n * k + m * n * k * k + k.powi(3) / 3.0,
    };
    solve + 6.0 * m * n * k
}

/// How θ is learned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    pub steps: usize,
    /// Tasks a step.
    pub batch: usize,
    /// The rate of Adam at the beginning; it falls to zero along a straight line.
    pub rate: f64,
    /// The weight of the penalty at the beginning and at the end, along a straight line.
    pub penalty: (f64, f64),
}

const MOMENTUM: f64 = 0.9;
const DECAY: f64 = 0.99;

/// θ and ln λ after the course, from some beginning. A step in which equations have no solution is
/// left out.
pub(crate) fn descend<S: Sharing>(
    sharing: &S,
    (mut theta, mut ridge): (DVector<f64>, f64),
    lessons: &[&Lesson],
    course: Course,
    rng: &mut ChaCha8Rng,
) -> (DVector<f64>, f64) {
    let tasks: Vec<&Lesson> = lessons.iter().filter(|task| !task.halved.is_empty()).copied().collect();
    let (mut first, mut second) = (DVector::zeros(theta.len() + 1), DVector::zeros(theta.len() + 1));
    let mut order: Vec<usize> = Vec::new();
    for step in 0..course.steps {
        let mut batch = Vec::new();
        while batch.len() < course.batch.min(tasks.len()) {
            if order.is_empty() {
                order = (0..tasks.len()).collect();
                order.shuffle(rng);
            }
            let Some(task) = order.pop().and_then(|at| tasks.get(at)) else { break };
            batch.extend(task.halved.get(step % task.halved.len()));
        }
        let part = step as f64 / course.steps as f64;
        let weight = course.penalty.0 * (1.0 - part) + course.penalty.1 * part;
        let state = sharing.forward(&theta);
        let Some(found) = loss(S::matrix(&state), ridge, &batch) else { continue };
        let by_theta = sharing.backward(&state, &found.by_matrix, weight);
        let gradient = by_theta.push(found.by_ridge);
        if gradient.iter().any(|g| !g.is_finite()) {
            continue;
        }
        first = first * MOMENTUM + &gradient * (1.0 - MOMENTUM);
        second = second * DECAY + gradient.map(|g| g * g) * (1.0 - DECAY);
        let (one, two) = (1.0 - MOMENTUM.powi(step as i32 + 1), 1.0 - DECAY.powi(step as i32 + 1));
        let rate = course.rate * (1.0 - part);
        let move_of = |at: usize| rate * (first[at] / one) / ((second[at] / two).sqrt() + 1e-10);
        (0..theta.len()).for_each(|at| theta[at] -= move_of(at));
        ridge -= move_of(theta.len());
    }
    (theta, ridge)
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};
    use rand::Rng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    use super::{Sharing, loss};
    use crate::compare::examples::Halved;
    use crate::compare::sharing::SharingMatrix;
    use crate::compare::stochastic::DoublyStochastic;
    use crate::division::stream;
    use crate::moments::Moments;

    fn halved((m, n): (usize, usize), rng: &mut ChaCha8Rng) -> Halved {
        let mut normal = |rows, columns| DMatrix::from_fn(rows, columns, |_, _| rng.sample(StandardNormal));
        let (x, y, x_test, y_test) = (normal(4, n), normal(4, m), normal(5, n), normal(5, m));
        Halved { adapt: Moments::new(&x, &y, false), test: Moments::new(&x_test, &y_test, false), x }
    }

    /// The whole derivative, by θ and ln λ, against finite differences.
    fn check<S: Sharing>(sharing: &S, theta: &DVector<f64>, tasks: &[&Halved]) {
        let (ridge, weight) = (-0.7, 0.3);
        let value = |theta: &DVector<f64>, ridge: f64| {
            let state = sharing.forward(theta);
            loss(S::matrix(&state), ridge, tasks).unwrap().value + sharing.penalty(&state, weight)
        };
        let state = sharing.forward(theta);
        let found = loss(S::matrix(&state), ridge, tasks).unwrap();
        let gradient = sharing.backward(&state, &found.by_matrix, weight);
        let h = 1e-5;
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-7 * (1.0 + a.abs()), "{a} {b}");
        close(found.by_ridge, (value(theta, ridge + h) - value(theta, ridge - h)) / (2.0 * h));
        assert!(gradient.amax() > 1e-3 && gradient.len() == theta.len());
        for at in 0..theta.len() {
            let moved = |by: f64| {
                let mut theta = theta.clone();
                theta[at] += by;
                value(&theta, ridge)
            };
            close(gradient[at], (moved(h) - moved(-h)) / (2.0 * h));
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let rng = &mut stream(7);
        let shape = (2, 3);
        let tasks: Vec<Halved> = (0..3).map(|_| halved(shape, rng)).collect();
        let tasks: Vec<&Halved> = tasks.iter().collect();
        let sharing = SharingMatrix { weights: 6, parameters: 4, penalty: 0.3 };
        check(&sharing, &sharing.begin(rng), &tasks);
        let relaxed = DoublyStochastic { outputs: 2, inputs: 3, pairs: 3 };
        check(&relaxed, &relaxed.begin(rng), &tasks);
        // More parameters than numbers.
        let sharing = SharingMatrix { weights: 6, parameters: 9, penalty: 0.3 };
        check(&sharing, &sharing.begin(rng), &tasks);
    }
}
