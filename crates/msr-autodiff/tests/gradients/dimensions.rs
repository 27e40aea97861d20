//! Sums, extremes and what else goes along dimensions.

use msr_autodiff::{concat, descend_least_squares, inner_step, mse};

use crate::cases::Domain::Real;
use crate::cases::{Case, case};

pub fn along() -> Vec<Case> {
    vec![
        case("sum, first", &[&[3, 5]], Real, |x| x[0].sum(&[0])),
        case("sum, last", &[&[3, 5]], Real, |x| x[0].sum(&[1])),
        case("sum, middle", &[&[2, 3, 5]], Real, |x| x[0].sum(&[1])),
        case("sum, outer two", &[&[2, 3, 5]], Real, |x| x[0].sum(&[0, 2])),
        case("sum, all", &[&[3, 3]], Real, |x| x[0].sum_all()),
        case("sum, transposed", &[&[3, 5]], Real, |x| x[0].t()?.sum(&[1])),
        case("mean", &[&[3, 5]], Real, |x| x[0].mean(&[1])),
        case("mean, all", &[&[3, 5]], Real, |x| x[0].mean_all()),
        case("mse", &[&[3, 2, 5], &[3, 2, 5]], Real, |x| mse(&x[0], &x[1])),
        case("descend_least_squares", &[&[2, 3, 2], &[2, 3], &[2, 2], &[2]], Real, |x| {
            descend_least_squares(&x[0], &x[1], &x[2], &x[3], 2)
        }),
        case("inner_step", &[&[2, 3], &[2], &[2, 3], &[2], &[1]], Real, |x| {
            let rate = x[4].reshape(&[])?;
            let next = inner_step(&[&x[0], &x[1]], &[&x[2], &x[3]], &[&rate], &[0, 0])?;
            concat(&[&next[0], &next[1].reshape(&[2, 1])?], 1)
        }),
        case("mse, transposed", &[&[3, 5], &[5, 3]], Real, |x| mse(&x[0], &x[1].t()?)),
        case("mse, numbers", &[&[4], &[4]], Real, |x| mse(&x[0], &x[1])),
        case("mse, weighted tasks", &[&[3, 4], &[3, 4], &[3]], Real, |x| mse(&x[0], &x[1])?.mul(&x[2])),
        case("log_softmax, last", &[&[3, 5]], Real, |x| x[0].log_softmax(1)),
        case("log_softmax, first", &[&[3, 2]], Real, |x| x[0].log_softmax(0)),
        case("sum_keepdim", &[&[3, 5]], Real, |x| x[0].sum_keepdim(&[1])),
        case("scaled_sum", &[&[3, 5]], Real, |x| x[0].scaled_sum(&[0], -0.3)),
        case("mean_keepdim", &[&[2, 3, 5]], Real, |x| x[0].mean_keepdim(&[0, 2])),
        case("var", &[&[3, 5]], Real, |x| x[0].var(&[0])),
        case("var, of all", &[&[2, 3]], Real, |x| x[0].var(&[1, 0])),
        case("var_keepdim", &[&[3, 5]], Real, |x| x[0].var_keepdim(&[1])),
        case("max", &[&[3, 5]], Real, |x| x[0].max(0)),
        case("max, middle", &[&[2, 4, 3]], Real, |x| x[0].max(1)),
        case("max_keepdim", &[&[3, 5]], Real, |x| x[0].max_keepdim(1)),
        case("min", &[&[3, 5]], Real, |x| x[0].min(1)),
        case("min_keepdim", &[&[2, 4, 3]], Real, |x| x[0].min_keepdim(1)),
        case("log_sum_exp", &[&[3, 5]], Real, |x| x[0].log_sum_exp(&[1])),
        case("log_sum_exp, of two", &[&[2, 3, 2]], Real, |x| x[0].log_sum_exp(&[0, 2])),
        case("softmax, last", &[&[3, 4]], Real, |x| x[0].softmax(1)),
        case("softmax, first", &[&[3, 2]], Real, |x| x[0].softmax(0)),
        case("cumsum, last", &[&[2, 5]], Real, |x| x[0].cumsum(1)),
        case("cumsum, middle", &[&[2, 4, 3]], Real, |x| x[0].cumsum(1)),
    ]
}
