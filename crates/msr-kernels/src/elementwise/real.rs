//! The functions of one and two numbers, for `f32` and `f64`.

use candle_core::WithDType;
use candle_core::cpu::erf::{erf_f32, erf_f64, erfc_f32, erfc_f64};

use super::Unary;
use super::derivative::{FLAT, GELU_CUBIC, GELU_LINEAR, INVERSE_SQRT_TAU};

/// The numbers that the CPU bodies are written for.
pub(super) trait Real:
    WithDType
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::Neg<Output = Self>
    + PartialOrd
{
    /// Appends `f(x)` for each x.
    fn apply(op: Unary, x: &[Self], out: &mut Vec<Self>);

    /// [`super::Binary::Gate`]
    fn gate(a: Self, b: Self) -> Self;

    /// [`super::Binary::Weigh`]
    fn weigh(a: Self, b: Self) -> Self;

    /// [`super::Binary::Maximum`]
    fn larger(a: Self, b: Self) -> Self;

    /// [`super::Binary::Step`]
    fn step(a: Self, b: Self) -> Self;

    /// [`super::Binary::Pow`]
    fn pow(a: Self, b: Self) -> Self;
}

macro_rules! real {
    ($t:ident, $module:ident, $erf:path, $erfc:path) => {
        /// The functions that take more than one step.
        mod $module {
            use super::*;

            /// From the side where the exponential is small.
            #[inline(always)]
            pub(super) fn sigmoid(x: $t) -> $t {
                let e = (-x.abs()).exp();
                let share = (1.0 + e).recip();
                if x < 0.0 { e * share } else { share }
            }

            /// `σ′(x) = e / (1 + e)²` with `e = e^−|x|`.
            #[inline(always)]
            pub(super) fn sigmoid_slope(x: $t) -> $t {
                let e = (-x.abs()).exp();
                e / ((1.0 + e) * (1.0 + e))
            }

            /// Where a function is flat in every digit, its argument may as well be closer: zero
            /// times infinity is not formed.
            #[inline(always)]
            pub(super) fn near(x: $t) -> $t {
                x.clamp(-FLAT as $t, FLAT as $t)
            }

            /// The same on the left side alone.
            #[inline(always)]
            pub(super) fn from_near(x: $t) -> $t {
                if x < -FLAT as $t { -FLAT as $t } else { x }
            }

            /// Where GELU takes the sigmoid: `√(8 / π) (x + 0.044715 x³)`.
            #[inline(always)]
            pub(super) fn gelu_argument(x: $t) -> $t {
                x * (GELU_LINEAR as $t + GELU_CUBIC as $t * x * x)
            }

            #[inline(always)]
            pub(super) fn gelu_slope(x: $t) -> $t {
                let x = near(x);
                let (v, slope) = (gelu_argument(x), GELU_LINEAR as $t + 3.0 * GELU_CUBIC as $t * x * x);
                sigmoid(v) + x * slope * sigmoid_slope(v)
            }

            /// The normal distribution function, `Φ(x)`.
            #[inline(always)]
            pub(super) fn normal_cdf(x: $t) -> $t {
                0.5 * $erfc(-x * std::$t::consts::FRAC_1_SQRT_2)
            }

            #[inline(always)]
            pub(super) fn gelu_erf_slope(x: $t) -> $t {
                let near = near(x);
                let density = (-0.5 * near * near).exp() * INVERSE_SQRT_TAU as $t;
                normal_cdf(x) + near * density
            }

            #[inline(always)]
            pub(super) fn sign(x: $t) -> $t {
                if x > 0.0 {
                    1.0
                } else if x < 0.0 {
                    -1.0
                } else {
                    x * 0.0
                }
            }
        }

        impl Real for $t {
            #[inline(always)]
            fn apply(op: Unary, x: &[$t], out: &mut Vec<$t>) {
                let x = x.iter();
                match op {
                    Unary::Affine { scale, offset } => {
                        let (scale, offset) = (scale as $t, offset as $t);
                        out.extend(x.map(|x| x * scale + offset));
                    }
                    // Not `max`: that would turn NaN into zero and hide a diverged run.
                    Unary::Relu => out.extend(x.map(|&x| if x < 0.0 { 0.0 } else { x })),
                    Unary::Exp => out.extend(x.map(|x| x.exp())),
                    Unary::Log => out.extend(x.map(|x| x.ln())),
                    Unary::Sqrt => out.extend(x.map(|x| x.sqrt())),
                    Unary::Reciprocal => out.extend(x.map(|x| x.recip())),
                    Unary::Power(p) if p.fract() == 0.0 && p.abs() < 64.0 => {
                        out.extend(x.map(|x| x.powi(p as i32)));
                    }
                    Unary::Power(p) => out.extend(x.map(|x| x.powf(p as $t))),
                    Unary::Sin => out.extend(x.map(|x| x.sin())),
                    Unary::Cos => out.extend(x.map(|x| x.cos())),
                    Unary::Tanh => out.extend(x.map(|x| x.tanh())),
                    Unary::SechSquared => out.extend(x.map(|&x| 4.0 * $module::sigmoid_slope(2.0 * x))),
                    Unary::Sigmoid => out.extend(x.map(|&x| $module::sigmoid(x))),
                    Unary::Softplus => {
                        out.extend(x.map(|x| x.max(0.0) + (-x.abs()).exp().ln_1p()));
                    }
                    Unary::Abs => out.extend(x.map(|x| x.abs())),
                    Unary::Sign => out.extend(x.map(|&x| $module::sign(x))),
                    Unary::Erf => out.extend(x.map(|&x| $erf(x))),
                    Unary::Gaussian => out.extend(x.map(|x| (-x * x).exp())),
                    Unary::Silu => {
                        out.extend(x.map(|&x| $module::from_near(x) * $module::sigmoid(x)));
                    }
                    Unary::SiluSlope => out.extend(
                        x.map(|&x| $module::sigmoid(x) + $module::near(x) * $module::sigmoid_slope(x)),
                    ),
                    Unary::Gelu => out.extend(x.map(|&x| {
                        $module::from_near(x) * $module::sigmoid($module::gelu_argument($module::near(x)))
                    })),
                    Unary::GeluSlope => out.extend(x.map(|&x| $module::gelu_slope(x))),
                    Unary::GeluErf => {
                        out.extend(x.map(|&x| $module::from_near(x) * $module::normal_cdf(x)));
                    }
                    Unary::GeluErfSlope => out.extend(x.map(|&x| $module::gelu_erf_slope(x))),
                    Unary::Elu(alpha) => {
                        let alpha = alpha as $t;
                        out.extend(x.map(|&x| if x > 0.0 { x } else { alpha * x.exp_m1() }));
                    }
                    Unary::EluSlope(alpha) => {
                        let alpha = alpha as $t;
                        out.extend(x.map(|&x| if x > 0.0 { 1.0 } else { alpha * x.exp() }));
                    }
                }
            }

            #[inline(always)]
            fn gate(a: Self, b: Self) -> Self {
                if b > 0.0 {
                    a
                } else if b <= 0.0 {
                    0.0
                } else {
                    b
                }
            }

            #[inline(always)]
            fn weigh(a: Self, b: Self) -> Self {
                if b == 0.0 { 0.0 } else { a * b }
            }

            #[inline(always)]
            fn larger(a: Self, b: Self) -> Self {
                if a > b {
                    a
                } else if b >= a {
                    b
                } else {
                    a + b
                }
            }

            #[inline(always)]
            fn step(a: Self, b: Self) -> Self {
                if a > b {
                    1.0
                } else if a < b {
                    0.0
                } else if a == b {
                    0.5
                } else {
                    a + b
                }
            }

            #[inline(always)]
            fn pow(a: Self, b: Self) -> Self {
                a.powf(b)
            }
        }
    };
}
real!(f32, single, erf_f32, erfc_f32);
real!(f64, double, erf_f64, erfc_f64);
