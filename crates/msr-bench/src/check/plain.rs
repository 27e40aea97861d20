//! Plain loops in f64 on the processor, for kernels that have one body only.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

fn rows(x: &Tensor) -> Result<Vec<Vec<f64>>> {
    Ok(x.contiguous()?.to_vec2()?)
}

fn matrix(rows: Vec<Vec<f64>>) -> Result<Tensor> {
    let columns = rows.first().map_or(0, Vec::len);
    Ok(Tensor::from_vec(rows.concat(), (rows.len(), columns), &Device::Cpu)?)
}

/// `x − ln Σ eˣ` of each row.
pub fn log_softmax(x: &[Tensor]) -> Result<Tensor> {
    let shifted = rows(&x[0])?.into_iter().map(|row| {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|x| (x - largest).exp()).sum();
        row.iter().map(|x| x - largest - sum.ln()).collect()
    });
    matrix(shifted.collect())
}

/// `y[r, j] = x[r, index[r, j]]`
pub fn gather(x: &Tensor, index: &Tensor) -> Result<Tensor> {
    let picked = rows(x)?.into_iter().zip(index.to_vec2::<u32>()?);
    matrix(picked.map(|(row, index)| index.iter().map(|&i| row[i as usize]).collect()).collect())
}

/// `y[r, index[r, j]] += x[r, j]` into zeros.
pub fn scatter_add(x: &Tensor, index: &Tensor, size: usize) -> Result<Tensor> {
    let added = rows(x)?.into_iter().zip(index.to_vec2::<u32>()?).map(|(row, index)| {
        let mut sums = vec![0.0; size];
        for (x, i) in row.iter().zip(index) {
            sums[i as usize] += x;
        }
        sums
    });
    matrix(added.collect())
}

/// `X` with `A X = B` for each matrix of a batch, by elimination. Without pivots: the matrices are
/// positive definite.
pub fn solve(x: &[Tensor]) -> Result<Tensor> {
    let (matrices, sides) = (x[0].contiguous()?.to_vec3::<f64>()?, x[1].contiguous()?.to_vec3::<f64>()?);
    let mut solutions = Vec::new();
    for (mut a, mut b) in matrices.into_iter().zip(sides) {
        let n = a.len();
        for pivot in 0..n {
            let (row, side) = (a[pivot].clone(), b[pivot].clone());
            let diagonal = *row.get(pivot).context("a square matrix")?;
            for other in (0..n).filter(|&other| other != pivot) {
                let factor = a[other][pivot] / diagonal;
                a[other].iter_mut().zip(&row).for_each(|(x, y)| *x -= factor * y);
                b[other].iter_mut().zip(&side).for_each(|(x, y)| *x -= factor * y);
            }
        }
        for (i, mut side) in b.into_iter().enumerate() {
            side.iter_mut().for_each(|x| *x /= a[i][i]);
            solutions.extend(side);
        }
    }
    Ok(Tensor::from_vec(solutions, x[1].dims(), &Device::Cpu)?)
}
