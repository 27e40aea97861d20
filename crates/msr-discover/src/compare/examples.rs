//! The examples of a task in two halves: one adapts, the other tests.

use nalgebra::{DMatrix, DVector};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::moments::Moments;
use crate::tasks::Scaled;

/// A task whose examples are divided. Both halves lose the means of the adapting half (where means
/// are taken away at all), and outputs are divided by their size there: nothing of the testing half
/// enters an answer.
#[derive(Clone, Debug)]
pub(crate) struct Halved {
    /// The inputs of the adapting examples.
    pub x: DMatrix<f64>,
    pub adapt: Moments,
    pub test: Moments,
}

impl Halved {
    /// Of the task, with the examples in some order: the first half of them, rounded down, adapts.
    /// `None` where the outputs to be predicted do not differ from the mean that is known.
    fn new(task: &Scaled, order: &[usize]) -> Option<Self> {
        let (adapting, testing) = order.split_at(order.len() / 2);
        let parts = |of: &DMatrix<f64>| {
            let known = of.select_rows(adapting);
            let means = if task.is_centred { known.row_mean() } else { known.row_mean() * 0.0 };
            let less = |mut part: DMatrix<f64>| {
                part.row_iter_mut().for_each(|mut row| row -= &means);
                part
            };
            (less(known), less(of.select_rows(testing)))
        };
        let ((x, x_test), (y, y_test)) = (parts(&task.x), parts(&task.y));
        let size = (y.norm_squared() / y.len().max(1) as f64).sqrt();
        let unit = if size > 1e-12 { size } else { 1.0 };
        let test = Moments::new(&x_test, &(y_test / unit), false);
        let differs = test.yy > 1e-20 * test.numbers as f64;
        let adapt = Moments::new(&x, &(y / unit), task.is_centred);
        differs.then_some(Self { x, adapt, test })
    }

    /// The task divided at random; `None` as for [`Halved::new`].
    pub fn at_random(task: &Scaled, rng: &mut ChaCha8Rng) -> Option<Self> {
        let mut order: Vec<usize> = (0..task.x.nrows()).collect();
        order.shuffle(rng);
        Self::new(task, &order)
    }

    /// `Σ |y − W x|² / Σ |y|²` over the testing examples, both x and y less the means of the
    /// adapting ones: one for W = 0, which predicts the mean.
    pub fn error(&self, weights: &DVector<f64>) -> f64 {
        (self.test.residual(weights) / self.test.yy).max(0.0)
    }
}

/// A task from which is learned what all share.
#[derive(Clone, Debug)]
pub(crate) struct Lesson {
    /// Of all its examples.
    pub moments: Moments,
    /// Divisions of its examples: what is learned is to help where half of them are known.
    pub halved: Vec<Halved>,
}

/// How many divisions of a task's examples are learned from.
const DIVISIONS: usize = 4;

impl Lesson {
    /// Of a task.
    pub fn new(task: &Scaled, rng: &mut ChaCha8Rng) -> Self {
        let halved = (0..DIVISIONS).filter_map(|_| Halved::at_random(task, rng)).collect();
        Self { moments: task.moments.clone(), halved }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};
    use rand::Rng;
    use rand_distr::StandardNormal;

    use super::Halved;
    use crate::division::stream;
    use crate::tasks::{Tasks, scaled};

    /// Errors do not depend on units, one is no fit, zero the truth.
    #[test]
    fn errors_are_relative() {
        let rng = &mut stream(5);
        let (s, n, m) = (14, 3, 2);
        let x: Vec<f64> = (0..s * n).map(|_| rng.sample(StandardNormal)).collect();
        let w = DMatrix::from_row_slice(m, n, &[1.0, -2.0, 0.5, 0.0, 3.0, 1.0]);
        let y = DMatrix::from_row_slice(s, n, &x) * w.transpose();
        let mut errors = Vec::new();
        for unit in [1.0, 1e-6, 1e9] {
            let mut tasks = Tasks::new(n, m).unwrap();
            let y: Vec<f64> = y.transpose().iter().map(|y| unit * (y + 7.0)).collect();
            tasks.add(&x, &y).unwrap();
            tasks.add(&x, &vec![unit; s * m]).unwrap();
            let all = scaled(&tasks).unwrap();
            let halved = Halved::at_random(&all[0], &mut stream(1)).unwrap();
            assert!((halved.error(&DVector::zeros(n * m)) - 1.0).abs() < 1e-12);
            let exact = halved.adapt.ridge(1e-13).unwrap();
            assert!(halved.error(&exact) < 1e-9, "{}", halved.error(&exact));
            errors.push(halved.error(&DVector::from_element(n * m, 0.1)));
            // Outputs that do not differ test nothing.
            assert!(Halved::at_random(&all[1], &mut stream(1)).is_none());
        }
        assert!(errors.iter().all(|e| (e - errors[0]).abs() < 1e-8), "{errors:?}");
    }
}
