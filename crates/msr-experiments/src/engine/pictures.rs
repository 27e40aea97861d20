//! Pictures that several experiments have.

use anyhow::{Result, bail};
use candle_core::Tensor;
use msr_report::picture::{self, Panel, Picture};

use super::entries::entries;

/// A, B and C, and the products A Aᵀ and C Cᵀ by which a gradient step in v moves the weights.
pub fn factors(title: &str, symmetry: &[Tensor]) -> Result<Picture> {
    let [a, b, c] = symmetry else { bail!("a picture of Kronecker factors needs three") };
    let panel = |caption: &str, matrix: &Tensor| -> Result<Panel> {
        let (rows, columns) = matrix.dims2()?;
        Ok(Panel::values(caption, &entries(matrix)?, rows, columns)?)
    };
    let gram = |m: &Tensor| -> Result<Tensor> { Ok(m.matmul(&m.t()?)?) };
    let rows = vec![
        ("output channels".to_string(), vec![panel("A", a)?, panel("A Aᵀ", &gram(a)?)?]),
        ("input channels".to_string(), vec![panel("B", b)?]),
        ("kernel positions".to_string(), vec![panel("C", c)?, panel("C Cᵀ", &gram(c)?)?]),
    ];
    Ok(picture::matrices(&format!("{title}: Kronecker factors"), "entry", rows))
}
