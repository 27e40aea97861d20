//! Whether a report fits together, before anything of it is drawn.

use super::{Interval, Kind, SymmetryReport};
use crate::{Error, Result};

fn mismatch(what: impl Into<String>, got: impl ToString, expected: impl ToString) -> Error {
    Error::Mismatch { what: what.into(), expected: expected.to_string(), got: got.to_string() }
}

/// Larger numbers are as good as infinite: axes reach beyond them.
const BEYOND: f64 = 1e300;

fn finite(what: &str, value: f64) -> Result<()> {
    if value.abs() < BEYOND { Ok(()) } else { Err(Error::NotFinite { what: what.into(), value }) }
}

fn interval(what: &str, interval: Interval) -> Result<()> {
    let Interval { value, lower, upper } = interval;
    [value, lower, upper].into_iter().try_for_each(|value| finite(what, value))?;
    if lower > upper {
        return Err(mismatch(
            what,
            format!("a lower bound of {lower}"),
            format!("at most its upper bound, {upper}"),
        ));
    }
    Ok(())
}

/// Nothing when all numbers are finite and all sizes agree.
pub(super) fn check(report: &SymmetryReport) -> Result<()> {
    layout("inputs", report.inputs, &report.input_shape, report.input_names.len())?;
    layout("outputs", report.outputs, &report.output_shape, report.output_names.len())?;
    if let Some(tolerance) = report.tolerance {
        finite("the tolerance", tolerance)?;
    }
    symmetry(report)?;
    for candidate in &report.candidates {
        let what = format!("the asymmetry of the candidate `{}`", candidate.what);
        interval(&what, candidate.asymmetry)?;
        for (name, value) in
            [("score", candidate.score_p), ("gain", candidate.gain), ("visible share", candidate.visible)]
        {
            finite(&format!("the {name} of the candidate `{}`", candidate.what), value)?;
        }
    }
    for model in &report.models {
        interval(&format!("the error of the model `{}`", model.name), model.error)?;
        if let Some(difference) = model.against_tied {
            interval(&format!("the difference of the model `{}`", model.name), difference)?;
        }
    }
    for series in &report.curve {
        for &(tasks, error) in &series.points {
            finite(&format!("a number of tasks of `{}`", series.name), tasks)?;
            finite(&format!("an error of `{}`", series.name), error)?;
        }
    }
    Ok(())
}

/// Whether so many points have this shape and so many names.
fn layout(what: &str, points: usize, shape: &[usize], names: usize) -> Result<()> {
    let size = shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
    if !shape.is_empty() && size != Some(points) {
        return Err(mismatch(format!("the shape of the {what}"), format!("{shape:?}"), points));
    }
    if names > 0 && names != points {
        return Err(mismatch(format!("the names of the {what}"), names, points));
    }
    Ok(())
}

fn symmetry(report: &SymmetryReport) -> Result<()> {
    let is_expected = matches!(report.kind, Kind::Found | Kind::AtLeast);
    let Some(symmetry) = &report.symmetry else {
        return if is_expected {
            Err(mismatch("the symmetry", "none", "there when it was found"))
        } else {
            Ok(())
        };
    };
    if !is_expected {
        return Err(mismatch("the symmetry", "there", "none unless it was found"));
    }
    let (m, n) = (report.outputs, report.inputs);
    let of = report.columns();
    let pattern = (symmetry.pattern.outputs(), symmetry.pattern.inputs());
    if pattern != (m, of) {
        let shape = |(m, n)| format!("{m} × {n}");
        return Err(mismatch("the pattern", shape(pattern), shape((m, of))));
    }
    for (number, generator) in symmetry.generators.iter().enumerate() {
        for (what, degree, expected) in
            [("outputs", generator.outputs.degree(), m), ("inputs", generator.inputs.degree(), n)]
        {
            if degree != expected {
                return Err(mismatch(format!("the {what} of generator {}", number + 1), degree, expected));
            }
        }
        if let Some(strength) = generator.strength {
            interval(&format!("the strength of generator {}", number + 1), strength)?;
        }
    }
    if let Some(weights) = &symmetry.weights {
        if weights.len() != m * of {
            return Err(mismatch("the weights", weights.len(), m * of));
        }
        weights.iter().try_for_each(|&weight| finite("a weight", weight))?;
    }
    Ok(())
}
