//! Elementwise functions made of candle's operations.

use candle_core::Tensor;

use super::derivative::{FLAT, GELU_CUBIC, GELU_LINEAR, INVERSE_SQRT_TAU};
use super::{Binary, Unary};
use crate::error::Result;

/// `a ∘ b`.
pub(super) fn binary(op: Binary, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    Ok(match op {
        Binary::Add => a.broadcast_add(b)?,
        Binary::Sub => a.broadcast_sub(b)?,
        Binary::Mul => a.broadcast_mul(b)?,
        Binary::Div => a.broadcast_div(b)?,
        Binary::Gate => {
            let shape = a.shape().broadcast_shape_binary_op(b.shape(), op.name())?;
            let (a, b) = (a.broadcast_as(&shape)?, b.broadcast_as(&shape)?);
            b.gt(0f64)?.where_cond(&a, &not_positive(&b)?)?
        }
        Binary::Weigh => {
            let product = a.broadcast_mul(b)?;
            let none = b.eq(0f64)?.broadcast_as(product.shape())?;
            none.where_cond(&product.zeros_like()?, &product)?
        }
        Binary::Maximum | Binary::Minimum | Binary::Step => {
            let shape = a.shape().broadcast_shape_binary_op(b.shape(), op.name())?;
            let (a, b) = (&a.broadcast_as(&shape)?, &b.broadcast_as(&shape)?);
            let found = match op {
                Binary::Maximum => a.gt(b)?.where_cond(a, b)?,
                Binary::Minimum => a.lt(b)?.where_cond(a, b)?,
                _ => {
                    let (above, equal) = (a.gt(b)?.to_dtype(a.dtype())?, a.eq(b)?.to_dtype(a.dtype())?);
                    b.ne(b)?.where_cond(b, &(above + (equal * 0.5)?)?)?
                }
            };
            a.ne(a)?.where_cond(a, &found)?
        }
        Binary::Pow => pow(a, b)?,
    })
}

/// `f(x)`.
pub(super) fn unary(op: Unary, x: &Tensor) -> Result<Tensor> {
    Ok(match op {
        Unary::Affine { scale, offset } => x.affine(scale, offset)?,
        Unary::Relu => relu(x)?,
        Unary::Exp => x.exp()?,
        Unary::Log => x.log()?,
        Unary::Sqrt => x.sqrt()?,
        Unary::Reciprocal => x.recip()?,
        Unary::Power(p) => x.powf(p)?,
        Unary::Tanh => x.tanh()?,
        Unary::SechSquared => (sigmoid_slope(&(x * 2.0)?)? * 4.0)?,
        Unary::Sigmoid => sigmoid(x)?,
        // max(x, 0) + ln(1 + e^−|x|)
        Unary::Softplus => (relu(x)? + log_1p(&x.abs()?.neg()?.exp()?)?)?,
        Unary::Sin => x.sin()?,
        Unary::Cos => x.cos()?,
        Unary::Abs => x.abs()?,
        Unary::Sign => x.ne(x)?.where_cond(x, &x.sign()?)?,
        Unary::Erf => x.erf()?,
        Unary::Gaussian => x.sqr()?.neg()?.exp()?,
        Unary::Silu => (at_least(x, -FLAT)? * sigmoid(x)?)?,
        Unary::SiluSlope => (sigmoid(x)? + (near(x)? * sigmoid_slope(x)?)?)?,
        Unary::Gelu => (at_least(x, -FLAT)? * sigmoid(&gelu_argument(&near(x)?)?)?)?,
        Unary::GeluSlope => {
            let x = near(x)?;
            let (v, slope) = (gelu_argument(&x)?, x.sqr()?.affine(3.0 * GELU_CUBIC, GELU_LINEAR)?);
            (sigmoid(&v)? + (x * slope)?.mul(&sigmoid_slope(&v)?)?)?
        }
        Unary::GeluErf => (at_least(x, -FLAT)? * normal_cdf(x)?)?,
        Unary::GeluErfSlope => {
            let x = near(x)?;
            let density = (x.sqr()?.affine(-0.5, 0.0)?.exp()? * INVERSE_SQRT_TAU)?;
            (normal_cdf(&x)? + (x * density)?)?
        }
        // eˣ − 1 = tanh(x / 2) (eˣ + 1), which does not cancel
        Unary::Elu(alpha) => {
            let below = ((x * 0.5)?.tanh()? * (x.exp()? + 1.0)?)?;
            x.gt(0f64)?.where_cond(x, &(below * alpha)?)?
        }
        Unary::EluSlope(alpha) => x.gt(0f64)?.where_cond(&x.ones_like()?, &(x.exp()? * alpha)?)?,
    })
}

/// `1 / (1 + e⁻ˣ)` from the side where the exponential is small.
fn sigmoid(x: &Tensor) -> Result<Tensor> {
    let e = x.abs()?.neg()?.exp()?;
    let numerator = x.lt(0f64)?.where_cond(&e, &e.ones_like()?)?;
    Ok((numerator / (e + 1.0)?)?)
}

/// `σ′(x) = e / (1 + e)²` with `e = e^−|x|`.
fn sigmoid_slope(x: &Tensor) -> Result<Tensor> {
    let e = x.abs()?.neg()?.exp()?;
    Ok((&e / (&e + 1.0)?.sqr()?)?)
}

/// Where GELU takes the sigmoid: `√(8 / π) (x + 0.044715 x³)`.
fn gelu_argument(x: &Tensor) -> Result<Tensor> {
    Ok((x * x.sqr()?.affine(GELU_CUBIC, GELU_LINEAR)?)?)
}

/// `max(x, least)` that keeps NaN.
fn at_least(x: &Tensor, least: f64) -> Result<Tensor> {
    Ok(x.lt(least)?.where_cond(&x.ones_like()?.affine(0.0, least)?, x)?)
}

/// Not further from zero than where the functions are flat: zero times infinity is not formed.
fn near(x: &Tensor) -> Result<Tensor> {
    at_most(&at_least(x, -FLAT)?, FLAT)
}

/// The normal distribution function, `Φ(x)`.
fn normal_cdf(x: &Tensor) -> Result<Tensor> {
    let tail = erfc(&(x.abs()? * std::f64::consts::FRAC_1_SQRT_2)?)?;
    // Φ(x) = erfc(−x / √2) / 2 on the left, one less than erfc(x / √2) / 2 on the right
    Ok(x.gt(0f64)?.where_cond(&tail.affine(-0.5, 1.0)?, &(tail * 0.5)?)?)
}

/// Chebyshev coefficients of `(1 + 2z) e^z² erfc z` in `(z − 3.75) / (z + 3.75)`, the variable of
/// M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x in
/// 0 ≤ x < ∞" (Mathematics of Computation 36, 1981); computed with fifty digits.
const ERFC: [f64; 25] = [
    1.177_578_934_567_401_7,
    -0.004_590_054_580_646_478,
    -0.084_249_133_366_517_92,
    0.059_209_939_998_191_89,
    -0.026_658_668_435_305_753,
    0.009_074_997_670_705_265,
    -0.002_413_163_540_417_608,
    0.000_490_775_836_525_808_6,
    -6.916_973_302_501_207e-05,
    4.139_027_986_073_01e-06,
    7.740_383_066_198_49e-07,
    -2.188_640_104_923_439_7e-07,
    1.076_499_946_567_091e-08,
    4.521_959_811_218_287e-09,
    -7.754_400_208_831_351e-10,
    -6.318_088_340_886_684e-11,
    2.868_795_010_930_67e-11,
    1.945_586_854_577_734_7e-13,
    -9.654_696_748_433_44e-13,
    3.252_548_148_148_74e-14,
    3.347_811_948_286_805_6e-14,
    -1.864_562_880_419_313e-15,
    -1.250_795_053_068_864_8e-15,
    7.418_235_256_624_028e-17,
    5.068_148_904_796_095_6e-17,
];

/// `1 − erf z` for `z ≥ 0`, which candle does not have on every device. Clenshaw's recurrence.
fn erfc(z: &Tensor) -> Result<Tensor> {
    let z = &at_most(z, FLAT)?;
    let u = (z.affine(1.0, -3.75)? / z.affine(1.0, 3.75)?)?;
    let twice = (&u * 2.0)?;
    let (mut above, mut here) = (z.zeros_like()?, z.zeros_like()?);
    for &coefficient in ERFC.iter().skip(1).rev() {
        let below = ((&twice * &here)? - above)?.affine(1.0, coefficient)?;
        (above, here) = (here, below);
    }
    let scaled = ((u * here)? - above)?.affine(1.0, ERFC[0])?;
    Ok(((scaled / z.affine(2.0, 1.0)?)? * z.sqr()?.neg()?.exp()?)?)
}

/// `min(x, most)` that keeps NaN.
fn at_most(x: &Tensor, most: f64) -> Result<Tensor> {
    Ok(at_least(&x.neg()?, -most)?.neg()?)
}

/// `aᵇ = ± e^(b ln |a|)`: negative where a is negative and b an odd integer.
fn pow(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let shape = a.shape().broadcast_shape_binary_op(b.shape(), "pow")?;
    let (a, b) = (&a.broadcast_as(&shape)?.contiguous()?, &b.broadcast_as(&shape)?.contiguous()?);
    let size = (b * a.abs()?.log()?)?.exp()?;
    let one = size.ones_like()?;
    let half = (b * 0.5)?;
    let odd = half.ne(&half.floor()?)?;
    let integer = b.eq(&b.floor()?)?;
    let signed = odd.where_cond(&size.neg()?, &size)?;
    let signed = integer.where_cond(&signed, &one.affine(0.0, f64::NAN)?)?;
    let power = a.lt(0f64)?.where_cond(&signed, &size)?;
    let power = a.eq(1f64)?.where_cond(&one, &power)?;
    Ok(b.eq(0f64)?.where_cond(&one, &power)?)
}

/// `max(x, 0)` that keeps NaN, which candle's own turns into zero.
fn relu(x: &Tensor) -> Result<Tensor> {
    Ok(x.lt(0f64)?.where_cond(&x.zeros_like()?, x)?)
}

/// Zero where `x ≤ 0`, and x itself elsewhere.
fn not_positive(x: &Tensor) -> Result<Tensor> {
    Ok(x.le(0f64)?.where_cond(&x.zeros_like()?, x)?)
}

/// `ln(1 + e)` for `0 ≤ e ≤ 1`: the logarithm of the rounded sum, corrected by what the rounding
/// did to e. W. Kahan's, as in "What Every Computer Scientist Should Know About Floating-Point
/// Arithmetic" (Goldberg, 1991), theorem 4.
fn log_1p(e: &Tensor) -> Result<Tensor> {
    let sum = (e + 1.0)?;
    let rounded = (&sum - 1.0)?;
    let lost = rounded.le(0f64)?;
    // A divisor of one where nothing of e is left in the sum.
    let divisor = lost.where_cond(&e.ones_like()?, &rounded)?;
    Ok(lost.where_cond(e, &((sum.log()? * e)? / divisor)?)?)
}
