//! Whether a peer takes the step that we take: losses, and what Adam's first step makes of every
//! outer parameter.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Tensor};

/// The most that a number may differ in f64, as a fraction of the largest of its tensor.
pub const TOLERANCE: f64 = 1e-6;
/// The same of the losses in f32. Parameters are not compared there: where two pixels of a window
/// are equal but for rounding, right programs choose one or the other.
pub const LOSS_TOLERANCE: f64 = 1e-4;

/// What a step from the initial values gave.
pub struct Outcome {
    /// The query loss of each task.
    losses: Vec<f64>,
    /// The outer parameters after it, by name.
    outer: BTreeMap<String, Vec<f64>>,
}

impl Outcome {
    /// These losses, and the parameters in a file.
    ///
    /// # Errors
    /// When the file is no npz of numbers.
    pub fn new(losses: &[f64], updated: &Path) -> Result<Self> {
        let tensors = Tensor::read_npz(updated).with_context(|| format!("{}", updated.display()))?;
        let outer = tensors
            .into_iter()
            .map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)));
        Ok(Self { losses: losses.to_vec(), outer: outer.collect::<Result<_>>()? })
    }

    /// The largest difference from `ours`, as a fraction of the largest number of its tensor.
    ///
    /// # Errors
    /// When one is more than [`TOLERANCE`], or the two do not have the same parameters: with what
    /// differs.
    pub fn agrees_with(&self, ours: &Self) -> Result<f64> {
        let names = |outcome: &Self| outcome.outer.keys().cloned().collect::<Vec<_>>();
        ensure!(
            names(self) == names(ours),
            "its outer parameters are {}; ours are {}",
            names(self).join(", "),
            names(ours).join(", ")
        );
        let parameters = self.outer.iter().zip(ours.outer.values());
        let all = std::iter::once(("losses", &self.losses, &ours.losses))
            .chain(parameters.map(|((name, theirs), ours)| (name.as_str(), theirs, ours)));
        let (mut worst, mut differ) = (0.0f64, Vec::new());
        for (name, theirs, ours) in all {
            let difference = difference(theirs, ours).with_context(|| format!("{name} has another shape"))?;
            worst = worst.max(difference);
            // NaN is no agreement.
            if difference.is_nan() || difference > TOLERANCE {
                differ.push(format!("{name} by {difference:.1e}"));
            }
        }
        if !differ.is_empty() {
            bail!(
                "after one step in f64 it differs from ours by more than {TOLERANCE:.0e} of the largest entry: {}",
                differ.join(", ")
            );
        }
        Ok(worst)
    }
}

/// Refuses losses in f32 that differ by more than [`LOSS_TOLERANCE`].
///
/// # Errors
/// With the difference.
pub fn losses_agree(theirs: &[f64], ours: &[f64]) -> Result<()> {
    let difference = difference(theirs, ours).context("it has losses of other tasks")?;
    ensure!(
        difference <= LOSS_TOLERANCE,
        "in f32 its losses differ from ours by {difference:.1e} of the largest, more than {LOSS_TOLERANCE:.0e}"
    );
    Ok(())
}

/// The largest difference over the largest number; `None` for other counts.
fn difference(theirs: &[f64], ours: &[f64]) -> Option<f64> {
    let pairs = || theirs.iter().zip(ours);
    let largest = ours.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    // `max` forgets NaN.
    let finite = pairs().all(|(a, b)| a.is_finite() && b.is_finite());
    let most = pairs().fold(0.0f64, |most, (a, b)| most.max((a - b).abs()));
    let relative = if most == 0.0 { 0.0 } else { most / largest };
    (theirs.len() == ours.len()).then_some(if finite { relative } else { f64::NAN })
}

#[cfg(test)]
mod tests {
    use super::{Outcome, losses_agree};

    fn outcome(losses: &[f64], outer: &[(&str, &[f64])]) -> Outcome {
        let outer = outer.iter().map(|(name, values)| ((*name).to_string(), values.to_vec())).collect();
        Outcome { losses: losses.to_vec(), outer }
    }

    #[test]
    fn what_differs_is_said() -> anyhow::Result<()> {
        let ours = outcome(&[2.0], &[("a", &[1.0, -100.0]), ("b", &[0.0])]);
        let near = outcome(&[2.0], &[("a", &[1.00005, -100.0]), ("b", &[0.0])]);
        assert!((near.agrees_with(&ours)? - 5e-7).abs() < 1e-12);
        let said =
            |other: Outcome| other.agrees_with(&ours).err().map(|e| format!("{e:#}")).unwrap_or_default();
        let far = said(outcome(&[2.1], &[("a", &[1.02, -100.0]), ("b", &[0.0])]));
        assert!(far.contains("losses by 5.0e-2, a by 2.0e-4") && !far.contains("b by"), "{far}");
        assert!(
            said(outcome(&[f64::NAN], &[("a", &[1.0, -100.0]), ("b", &[0.0])])).contains("losses by NaN")
        );
        assert!(said(outcome(&[2.0], &[("a", &[1.0]), ("b", &[0.0])])).contains("a has another shape"));
        assert!(
            said(outcome(&[2.0], &[("a", &[1.0, -100.0])]))
                .contains("its outer parameters are a; ours are a, b")
        );
        assert!(losses_agree(&[2.0001, 1.0], &[2.0, 1.0]).is_ok());
        for losses in [&[2.001, 1.0][..], &[f64::NAN, 1.0], &[2.0]] {
            assert!(losses_agree(losses, &[2.0, 1.0]).is_err());
        }
        Ok(())
    }
}
