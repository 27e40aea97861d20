//! How well classes are told, beside the loss.

use candle_core::{DType, Tensor};

use crate::error::{Error, Result};
use crate::evaluate::Summary;

/// How well a learner tells the classes of query sets.
///
/// The class that is told is the one with the largest score, the first of several. Probabilities
/// are `p = softmax(scores)`, computed in `f64`, without label smoothing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Classification {
    /// The share of query examples whose class is told: its mean over tasks.
    pub accuracy: Summary,
    /// `−log p[class]`, the negative log likelihood of a query example: its mean over tasks.
    pub negative_log_likelihood: Summary,
    /// How far probabilities are from shares.
    pub calibration: Calibration,
}

/// How far the confidence of a learner is from the share of examples whose class it tells.
///
/// The query examples of all tasks are sorted by their confidence, the largest probability of a
/// class, into M bins of equal width, `(m / M, (m + 1) / M]`. The expected calibration error is
/// `Σ_m (n_m / n) · |accuracy_m − confidence_m|`.
///
/// Source: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks" (ICML 2017),
/// equation 3, where M is 15.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    bins: Vec<Bin>,
}

/// The examples of which a learner is about equally sure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// The number of examples.
    pub examples: usize,
    /// The mean of their confidence; zero without examples.
    pub confidence: f64,
    /// The share of them whose class is told; zero without examples.
    pub accuracy: f64,
}

impl Calibration {
    /// The expected calibration error, from zero to one.
    pub fn expected_error(&self) -> f64 {
        let total = self.bins.iter().map(|bin| bin.examples).sum::<usize>().max(1) as f64;
        let gap = |bin: &Bin| bin.examples as f64 / total * (bin.accuracy - bin.confidence).abs();
        self.bins.iter().map(gap).sum()
    }

    /// The bins, from no confidence to full confidence: what a reliability diagram shows.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }
}

/// What is counted, task by task.
pub(crate) struct Tally {
    accuracy: Vec<f64>,
    nll: Vec<f64>,
    /// For each bin the number of examples, the sum of their confidence, and how many are right.
    bins: Vec<(usize, f64, usize)>,
}

impl Tally {
    /// Nothing yet, with so many bins.
    pub(crate) fn new(bins: usize) -> Self {
        Self { accuracy: Vec::new(), nll: Vec::new(), bins: vec![(0, 0.0, 0); bins] }
    }

    /// Counts the scores `(t, b, C)` of examples with labels `(t, b)`.
    pub(crate) fn add(&mut self, scores: &Tensor, labels: &Tensor) -> Result<()> {
        let (&[tasks, examples], &[_, _, classes]) = (labels.dims(), scores.dims()) else {
            return Err(misfit(scores, labels));
        };
        if scores.dims()[..2] != [tasks, examples] || classes == 0 {
            return Err(misfit(scores, labels));
        }
        let scores: Vec<f64> = scores.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
        let labels: Vec<u32> = labels.to_dtype(DType::U32)?.flatten_all()?.to_vec1()?;
        let of_tasks = scores.chunks(classes * examples).zip(labels.chunks(examples));
        for (scores, labels) in of_tasks {
            let (mut right, mut nll) = (0, 0.0);
            for (scores, &label) in scores.chunks(classes).zip(labels) {
                let label = label as usize;
                let Some(own) = scores.get(label) else {
                    return Err(Error::config(format!("label {label} is none of {classes} classes")));
                };
                let (told, largest) = largest(scores);
                let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
                let confidence = 1.0 / sum;
                nll += largest - own + sum.ln();
                right += usize::from(told == label);
                let bins = self.bins.len();
                // The bin whose upper end is the first that is no smaller.
                let bin = ((confidence * bins as f64).ceil() as usize).clamp(1, bins) - 1;
                let (count, total, hits) = &mut self.bins[bin];
                (*count, *total, *hits) =
                    (*count + 1, *total + confidence, *hits + usize::from(told == label));
            }
            self.accuracy.push(right as f64 / examples as f64);
            self.nll.push(nll / examples as f64);
        }
        Ok(())
    }

    /// All tasks together.
    pub(crate) fn finish(self) -> Result<Classification> {
        let bin = |&(examples, confidence, right): &(usize, f64, usize)| {
            let n = examples.max(1) as f64;
            Bin { examples, confidence: confidence / n, accuracy: right as f64 / n }
        };
        Ok(Classification {
            accuracy: Summary::new(&self.accuracy)?,
            negative_log_likelihood: Summary::new(&self.nll)?,
            calibration: Calibration { bins: self.bins.iter().map(bin).collect() },
        })
    }
}

/// The first place of the largest number, and the number.
fn largest(scores: &[f64]) -> (usize, f64) {
    let first = (0, f64::NEG_INFINITY);
    scores.iter().copied().enumerate().fold(first, |best, here| if here.1 > best.1 { here } else { best })
}

fn misfit(scores: &Tensor, labels: &Tensor) -> Error {
    Error::config(format!(
        "scores of classes should be (tasks, examples, classes) for labels (tasks, examples), got {:?} and {:?}",
        scores.dims(),
        labels.dims()
    ))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{Bin, Tally};
    use crate::error::Result;

    /// Two tasks of two examples with probabilities that can be seen.
    #[test]
    fn shares_confidences_and_likelihoods_are_those_of_the_definition() -> Result<()> {
        let p = |a: f64| [a.ln(), (1.0 - a).ln()];
        let scores = [p(0.9), p(0.8), p(0.45), p(0.5)].concat();
        let scores = Tensor::from_vec(scores, (2, 2, 2), &Device::Cpu)?;
        let labels = Tensor::new(&[[0u32, 1], [1, 1]], &Device::Cpu)?;
        let mut tally = Tally::new(10);
        tally.add(&scores, &labels)?;
        let found = tally.finish()?;
        // Right are 0.9, 0.55 (the second class); at 0.5 the first class is told.
        assert_eq!(found.accuracy.mean, 0.5);
        let nll = -(0.9f64.ln() + 0.2f64.ln() + 0.55f64.ln() + 0.5f64.ln()) / 4.0;
        assert!((found.negative_log_likelihood.mean - nll).abs() < 1e-12);
        let expected = (0.1 + 0.8 + 0.45 + 0.5) / 4.0;
        assert!((found.calibration.expected_error() - expected).abs() < 1e-12);
        let half = found.calibration.bins()[4];
        assert_eq!((half.examples, half.accuracy), (1, 0.0));
        assert!((half.confidence - 0.5).abs() < 1e-12);
        assert_eq!(found.calibration.bins()[0], Bin::default());
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Result<()> {
        let scores = Tensor::zeros((1, 2, 3), candle_core::DType::F32, &Device::Cpu)?;
        let mut tally = Tally::new(3);
        for labels in [vec![0u32, 3], vec![0; 1]] {
            let labels = Tensor::from_vec(labels.clone(), (1, labels.len()), &Device::Cpu)?;
            assert!(tally.add(&scores, &labels).is_err());
        }
        assert!(
            tally
                .add(&scores.squeeze(0)?, &Tensor::zeros(2, candle_core::DType::U32, &Device::Cpu)?)
                .is_err()
        );
        Ok(())
    }
}
