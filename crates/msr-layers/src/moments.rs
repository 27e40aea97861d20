//! The squared error of a convolution from the second moments of its data, and whether what is left
//! of them can be trusted.
//!
//! `N L = tr(W G Wᵀ) − 2 ⟨W, C⟩ + s` is a difference of large numbers when the fit is good. The
//! rounding errors of G, C and s are independent of each other, and that of `G_ij` is at most r
//! √G_ii √G_jj for some r (below), those of C and s likewise. The first term has the error `Σ_ij
//! (WᵀW)_ij δG_ij`, of a deviation of at most `r (Σ_ij (WᵀW)_ij² G_ii G_jj)^½ ≤ r A²` with `A² =
//! Σ_oi W_oi² G_ii`; the second, in the same way, at most `2 r A √s`, the third r s. Together they
//! are at most `r (A + √s)²`.
//!
//! r: a moment is added up in three levels: at most 129 products in a register, at most 32 such
//! sums in single precision, and those in double precision. An addition errs by at most u, the unit
//! roundoff, times the sum so far. That grows from zero to its end, evenly where the data does not
//! change from place to place, so n additions err by at most n / 2 u times the end, even if all
//! errors have the same sign. They do so in images of few different values, where the same numbers
//! are added over and over; otherwise they add up like a random walk, and are far smaller. 65 and
//! 16 for the two levels, and four for adding up the entries of vectors and for the last rounding,
//! make 85 u. Errors that are the same share of all three terms are within the bound as well: `tr(W
//! G Wᵀ)` and `⟨W, C⟩` are about s where the difference is small.

use candle_core::DType;
use msr_autodiff::{Node, Precision, SecondMoments, concat};

use crate::error::{Error, Result};

/// r / u of the bound.
const ADDITIONS: f64 = 85.0;

/// The error that a loss may have, relative to itself.
const TOLERATED: f64 = 0.01;

/// `(tr(W G Wᵀ) − 2 ⟨W, C⟩ + s) / N` of each task, for `weight (t, o, c k²)`, `bias (t, o)`; `None`
/// when rounding may have changed one of them by more than a hundredth; with moments in double
/// precision of data in single precision never.
pub(crate) fn squared_error(
    layer: &'static str,
    weight: &Node,
    bias: Option<&Node>,
    moments: &SecondMoments,
) -> Result<Option<Node>> {
    let weight = joined(weight, bias, moments)?;
    if weight.dims() != moments.cross.dims() {
        let (expected, got) = (format!("{:?}", weight.dims()), moments.cross.dims().to_vec());
        return Err(Error::Shape { layer, what: "moments", expected, got });
    }
    let (dtype, wide) = (weight.dtype(), moments.gram.dtype());
    // Of precise moments nothing is lost that outputs in single precision would have.
    let is_precise = dtype != wide && wide == DType::F64;
    let weight = if is_precise { weight.to_dtype(wide)? } else { weight };
    let (gram, cross) = (Node::constant(&moments.gram), Node::constant(&moments.cross));
    let product = weight.matmul(&gram)?.sub(&cross.affine(2.0, 0.0)?)?;
    let sum = weight.mul(&product)?.sum(&[1, 2])?.add(&Node::constant(&moments.square))?;
    if is_precise {
        return Ok(Some(sum.relu()?.affine(1.0 / moments.count as f64, 0.0)?.to_dtype(dtype)?));
    }
    if is_lost(&sum, &weight, moments)? {
        return Ok(None);
    }
    Ok(Some(sum.affine(1.0 / moments.count as f64, 0.0)?))
}

/// `weight (t, o, c k²)` and `bias (t, o)` as one matrix over the entries that the moments are of:
/// of centred data, the bias is `W μ + b − ν`.
fn joined(weight: &Node, bias: Option<&Node>, moments: &SecondMoments) -> Result<Node> {
    let column = |bias: &Node| bias.reshape(&[bias.dims(), &[1]].concat());
    let last = match (&moments.centre, bias) {
        (None, None) => return Ok(weight.clone()),
        (None, Some(bias)) => column(bias)?,
        (Some(centre), bias) => {
            // In double precision: `W μ` is large, and what b and ν leave of it is small.
            let wide = |node: &Node| column(node)?.to_dtype(DType::F64);
            let through = weight.to_dtype(DType::F64)?.matmul(&wide(&Node::constant(&centre.windows))?)?;
            let mut beyond = through.sub(&wide(&Node::constant(&centre.targets))?)?;
            if let Some(bias) = bias {
                beyond = beyond.add(&wide(bias)?)?;
            }
            beyond.to_dtype(weight.dtype())?
        }
    };
    Ok(concat(&[weight, &last], weight.rank() - 1)?)
}

/// Whether rounding may have changed the sum of one of the tasks, `(t)`, by more than is tolerated.
fn is_lost(sums: &Node, weight: &Node, moments: &SecondMoments) -> Result<bool> {
    let unit = Precision::of(sums.dtype()).epsilon / 2.0;
    let sums: Vec<f64> = sums.value().to_dtype(DType::F64)?.to_vec1()?;
    let sizes = moments.sizes(weight.value())?;
    // NaN is not lost: it is what outputs would give.
    Ok(sums.iter().zip(sizes).any(|(&sum, size)| sum * TOLERATED < ADDITIONS * unit * size))
}
