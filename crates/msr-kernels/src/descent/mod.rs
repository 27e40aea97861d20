//! Gradient steps on the squared error of a linear model, all of them in one pass: what the inner
//! loop does to the filter parameters of a layer whose outputs are `Φ v`.
//!
//! `v_{s+1} = v_s − α ∘ (2 / n) Φᵀ (Φ v_s − y)`, with a design matrix Φ for each task. A step is
//! two products of a small matrix and a vector; made of single operations, what lies between them
//! takes longer than they do.
//!
//! In main memory and on a GPU; see [`is_fused`](crate::is_fused).

mod combine;
mod cpu;
mod cuda;
mod design;
#[cfg(test)]
mod tests;

use candle_core::Tensor;

use crate::body::Body;
use crate::dense::room_for;
use crate::error::{Error, Result};

const OP: &str = "descend";

/// What the gradient needs of the steps, `(t, s, …)`: the parameters before each step, the errors
/// `Φ v − y`, and the slopes `Φᵀ (Φ v − y)`. In main memory each line is filled up with zeros.
#[derive(Clone, Debug)]
pub struct Path {
    before: Tensor,
    errors: Tensor,
    slopes: Tensor,
}

/// What was asked of the operands: `(t, n, k)`.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    tasks: usize,
    rows: usize,
    columns: usize,
}

fn checked(design: &Tensor, targets: &Tensor, vectors: [(&'static str, &Tensor); 2]) -> Result<Sizes> {
    let [tasks, rows @ .., columns] = design.dims() else {
        return Err(Error::shape(OP, "a design matrix of each task, (t, …, k)", design.dims()));
    };
    if room_for(OP, design.dims())? == 0 {
        return Err(Error::shape(OP, "a design matrix with rows and columns", design.dims()));
    }
    let sizes = Sizes { tasks: *tasks, rows: rows.iter().product(), columns: *columns };
    if targets.dims() != &design.dims()[..design.rank() - 1] {
        let problem = "a target is needed for each row";
        return Err(Error::mismatch(OP, design.dims(), targets.dims(), problem));
    }
    for (what, vector) in vectors {
        let expected: &[usize] =
            if what == "rate" { &[sizes.columns] } else { &[sizes.tasks, sizes.columns] };
        if vector.dims() != expected {
            let problem = format!("a {what} of {expected:?} is needed");
            return Err(Error::mismatch(OP, design.dims(), vector.dims(), problem));
        }
    }
    let all = [design, targets, vectors[0].1, vectors[1].1];
    match Body::of(all) {
        Body::Cpu | Body::Cuda => Ok(sizes),
        _ => {
            let problem =
                "single or double precision on one device, all the same; compose it for other types";
            Err(Error::shape(OP, problem, design.dims()))
        }
    }
}

/// The parameters after `steps` steps from `start`, and what their gradient needs.
///
/// # Shapes
/// `design (t, …, k)` for Φ, its rows in any number of dimensions; `targets (t, …)`, one for each
/// row; `start (t, k)`; `rate (k)` for α `-> (t, k)`
///
/// # Errors
/// [`Error::Shape`] and [`Error::Mismatch`] when the shapes do not fit, a size is zero, or the
/// operands are not of one type for which there are loops.
pub fn descend(
    design: &Tensor,
    targets: &Tensor,
    start: &Tensor,
    rate: &Tensor,
    steps: usize,
) -> Result<(Tensor, Path)> {
    let sizes = checked(design, targets, [("start", start), ("rate", rate)])?;
    let per_step = sizes.rows.saturating_add(2 * sizes.columns + 64);
    room_for(OP, &[sizes.tasks, steps, per_step])?;
    match Body::of([design]) {
        Body::Cuda => cuda::descend(design, targets, start, rate, steps, sizes),
        _ => cpu::descend(design, targets, start, rate, steps, sizes),
    }
}

/// The gradients of `⟨g, descend(Φ, y, v, α)⟩` by Φ, v and α. With λ = g at the end, each step
/// backwards, `u = (2 / n) α ∘ λ`: Φ gets `−(e uᵀ + Φ u vᵀ)`, α gets `−(2 / n) Φᵀe ∘ λ`, and λ
/// becomes `λ − ΦᵀΦ u`.
///
/// # Shapes
/// `design (t, …, k)`, `rate (k)`, `g (t, k) -> (t, …, k), (t, k), (k)`
///
/// # Errors
/// As [`descend`]; [`Error::Mismatch`] when the path is not that of this design matrix.
pub fn descend_grad(
    design: &Tensor,
    targets: &Tensor,
    rate: &Tensor,
    path: &Path,
    g: &Tensor,
) -> Result<[Tensor; 3]> {
    let sizes = checked(design, targets, [("gradient", g), ("rate", rate)])?;
    let on_gpu = Body::of([design]) == Body::Cuda;
    let length = |size: usize| if on_gpu { size } else { combine::padded(size) };
    let (t, n, k) = (sizes.tasks, length(sizes.rows), length(sizes.columns));
    let steps = path.before.dims().get(1).copied().unwrap_or(0);
    let fits = path.before.dims() == [t, steps, k] && path.errors.dims() == [t, steps, n];
    if !fits || Body::of([design]) != Body::of([design, &path.before]) {
        let problem = "the path belongs to another design matrix";
        return Err(Error::mismatch(OP, design.dims(), path.before.dims(), problem));
    }
    match on_gpu {
        true => cuda::gradient(design, rate, path, g, sizes),
        false => cpu::gradient(design, rate, path, g, sizes),
    }
}
