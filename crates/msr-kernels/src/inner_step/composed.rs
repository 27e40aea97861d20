//! A product and a difference for each tensor.

use candle_core::Tensor;

use crate::dense::reshape;
use crate::elementwise::{Binary, Unary, binary, unary};
use crate::error::Result;
use crate::reduce::sum_keepdim;

const NEGATIVE: Unary = Unary::Affine { scale: -1.0, offset: 0.0 };

/// The rate, in a shape that broadcasts to any.
fn number(rate: &Tensor) -> Result<Tensor> {
    reshape(rate, &[])
}

pub(super) fn step(values: &[&Tensor], gradients: &[&Tensor], rates: &[&Tensor]) -> Result<Vec<Tensor>> {
    let all = values.iter().zip(gradients).zip(rates);
    all.map(|((v, g), rate)| binary(Binary::Sub, v, &binary(Binary::Mul, g, &number(rate)?)?)).collect()
}

pub(super) fn gradients(
    gradients: &[&Tensor],
    cotangents: &[&Tensor],
    rates: &[&Tensor],
    of: &[usize],
) -> Result<[Vec<Tensor>; 2]> {
    let scaled =
        |(u, &rate): (&&Tensor, &usize)| unary(NEGATIVE, &binary(Binary::Mul, u, &number(rates[rate])?)?);
    let by_gradients = cotangents.iter().zip(of).map(scaled).collect::<Result<_>>()?;
    let by_rate = |(number, rate): (usize, &&Tensor)| -> Result<Tensor> {
        let mut sum = Tensor::zeros(rate.dims(), rate.dtype(), rate.device())?;
        for ((u, g), _) in cotangents.iter().zip(gradients).zip(of).filter(|(_, of)| **of == number) {
            let product = binary(Binary::Mul, u, g)?.flatten_all()?;
            let dot = reshape(&sum_keepdim(&product, &[0])?, rate.dims())?;
            sum = binary(Binary::Sub, &sum, &dot)?;
        }
        Ok(sum)
    };
    Ok([by_gradients, rates.iter().enumerate().map(by_rate).collect::<Result<_>>()?])
}
