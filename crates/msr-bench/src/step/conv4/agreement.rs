//! Whether a peer takes the step that we take: losses, and what Adam's first step makes of every
//! outer parameter.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Tensor};

/// The most that a number may differ, as a fraction of the largest of its tensor.
pub const TOLERANCE: f64 = 1e-4;

/// What a step from the initial values gave.
pub struct Outcome {
    /// The query loss of each task.
    losses: Vec<f64>,
    /// The outer parameters after it, by name; the factors of a symmetry matrix as one.
    outer: BTreeMap<String, Vec<f64>>,
}

/// What a parameter is compared as. The Kronecker factors of a symmetry matrix are one: the factor
/// of a single input channel only scales the weights, which the normalisation takes away again, and
/// its gradient alone is little more than rounding.
fn compared_as(name: &str) -> &str {
    let factors = ["symmetry_out", "symmetry_in", "symmetry_taps"];
    let factor = factors.into_iter().find(|factor| name.ends_with(factor));
    factor.map_or(name, |factor| &name[..name.len() - factor.len() + "symmetry".len()])
}

impl Outcome {
    /// These losses, and the parameters in a file.
    ///
    /// # Errors
    /// When the file is no npz of numbers.
    pub fn new(losses: &[f64], updated: &Path) -> Result<Self> {
        let tensors = Tensor::read_npz(updated).with_context(|| format!("{}", updated.display()))?;
        let tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
        let mut outer = BTreeMap::<String, Vec<f64>>::new();
        for (name, tensor) in &tensors {
            let numbers = tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
            outer.entry(compared_as(name).to_string()).or_default().extend(numbers);
        }
        Ok(Self { losses: losses.to_vec(), outer })
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
                "after one step it differs from ours by more than {TOLERANCE:.0e} of the largest entry: {}",
                differ.join(", ")
            );
        }
        Ok(worst)
    }
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
    use super::{Outcome, compared_as};

    fn outcome(losses: &[f64], outer: &[(&str, &[f64])]) -> Outcome {
        let outer = outer.iter().map(|(name, values)| ((*name).to_string(), values.to_vec())).collect();
        Outcome { losses: losses.to_vec(), outer }
    }

    #[test]
    fn factors_are_one_matrix() {
        let names = ["a.symmetry_out", "a.symmetry_taps", "a.symmetry", "b.filter"].map(compared_as);
        assert_eq!(names, ["a.symmetry", "a.symmetry", "a.symmetry", "b.filter"]);
    }

    #[test]
    fn what_differs_is_said() -> anyhow::Result<()> {
        let ours = outcome(&[2.0], &[("a", &[1.0, -100.0]), ("b", &[0.0])]);
        let near = outcome(&[2.0], &[("a", &[1.005, -100.0]), ("b", &[0.0])]);
        assert!((near.agrees_with(&ours)? - 5e-5).abs() < 1e-12);
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
        Ok(())
    }
}
