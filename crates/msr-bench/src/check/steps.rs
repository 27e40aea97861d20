//! What inner and outer steps do to all parameters.

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Tensor, Var};
use msr_kernels::adam::{Rule, Update, moment_dtype, step_all, step_on_device};
use msr_kernels::{Unary, inner_step, inner_step_grad, is_finite, squared_norm, sum_tasks, unary};

use super::operation::Domain::{Positive, Real};
use super::operation::{Operation, kernel, kernel_of_many};
use super::shapes;

/// Inner steps, Adam, and what is asked of gradients.
pub fn steps() -> Vec<Operation> {
    let number = |value: f64| Tensor::new(value, &Device::Cpu);
    vec![
        kernel_of_many("adam", Positive, |n| shapes![[n, 3], [n, 3], [n, 3], [n, 3]], |x| adam(x, false)),
        // Elsewhere than on a GPU, and in half precision, the same.
        kernel_of_many(
            "adam, its number of steps on the device",
            Positive,
            |n| shapes![[n, 3], [n, 3], [n, 3], [n, 3]],
            |x| adam(x, x[0].device().is_cuda() && x[0].dtype().size_in_bytes() >= 4),
        ),
        kernel_of_many(
            "inner_step and its gradients",
            Positive,
            |n| shapes![[n, 3], [n, 3], [n, 3], [1], [1]],
            inner,
        ),
        kernel_of_many(
            "sum_tasks",
            Positive,
            |n| shapes![[3, 4 * n], [3], [3, n, 2]],
            |x| Ok(sum_tasks(&x.iter().collect::<Vec<_>>())?),
        ),
        kernel(
            "is_finite",
            Real,
            |n| shapes![[n, 3]],
            move |x| {
                let infinite = unary(Unary::Affine { scale: f64::INFINITY, offset: 1.0 }, &x[0])?;
                let found = [is_finite(&x[0])?, is_finite(&infinite)?];
                anyhow::Ok(Tensor::new(&found.map(u8::from), &Device::Cpu)?)
            },
        )
        .against(|_| Ok(Tensor::new(&[1u8, 0], &Device::Cpu)?)),
        kernel("squared_norm", Real, |n| shapes![[n, 3]], move |x| anyhow::Ok(number(squared_norm(&x[0])?)?))
            .against(|x| Ok(x[0].sqr()?.sum_all()?.to_dtype(DType::F64)?)),
    ]
}

/// An inner step on values of different sizes, the last of several blocks, and its gradients. Rates
/// are negative, so that no digits are lost.
fn inner(x: &[Tensor]) -> Result<Vec<Tensor>> {
    let [v, g, u, rates @ ..] = x else { return Ok(Vec::new()) };
    let size = v.elem_count();
    let part = |t: &Tensor, n: usize| t.flatten_all()?.narrow(0, 0, n);
    let parts = |t: &Tensor| [part(t, 1), part(t, size / 2 + 1), part(t, size)].into_iter().collect();
    let [v, g, u]: [candle_core::Result<Vec<Tensor>>; 3] = [v, g, u].map(parts);
    let (v, g, u) = (v?, g?, u?);
    let [v, g, u] = [&v, &g, &u].map(|all| all.iter().collect::<Vec<_>>());
    let negative = Unary::Affine { scale: -1.0, offset: 0.0 };
    let rates = rates.iter().map(|rate| unary(negative, rate)).collect::<msr_kernels::Result<Vec<_>>>()?;
    let rates: Vec<&Tensor> = rates.iter().collect();
    let next = inner_step(&v, &g, &rates, &[1, 0, 1])?;
    let gradients = inner_step_grad(&g, &rates, &[1, 0, 1], &u)?;
    Ok([next, gradients.concat()].concat())
}

/// Step 20 on parameters, with gradients and both moments, more than go in one launch, and of
/// different sizes; the gradients are longer than is allowed.
fn adam(x: &[Tensor], number_is_there: bool) -> Result<Vec<Tensor>> {
    let moments = |t: &Tensor| t.to_dtype(moment_dtype(t.dtype()))?.copy();
    let sizes = (1..=67).map(|i| i * x[0].elem_count() / 67).filter(|&size| size > 0);
    let part = |t: &Tensor, size| t.flatten_all()?.narrow(0, 0, size);
    let mut all = Vec::new();
    for (number, size) in sizes.enumerate() {
        let [p, g, m, s] = [0, 1, 2, 3].map(|i| part(&x[i], size));
        let factor = 1.0 / (1.0 + number as f64);
        all.push((Var::from_tensor(&p?)?, g?, moments(&m?)?, moments(&s?)?, factor));
    }
    let mut updates: Vec<Update<'_>> = all
        .iter_mut()
        .map(|(parameter, gradient, first, second, factor)| Update {
            parameter,
            gradient,
            first,
            second,
            factor: *factor,
        })
        .collect();
    let (cosine, longest) = (Some(100), Some(0.5));
    let rule = Rule { rate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, cosine, longest };
    let losses = Tensor::ones(3, DType::F64, x[0].device())?;
    if number_is_there {
        let taken = Tensor::new(&[19f64], x[0].device())?;
        let report = Tensor::zeros(3 + updates.len(), DType::F64, x[0].device())?;
        step_on_device(&mut updates, &rule, &taken, &losses, &report)?;
        ensure!(taken.to_vec1::<f64>()? == [20.0], "the step was not counted");
    } else {
        step_all(&mut updates, &rule, 20, &losses)?;
    }
    let changed = all.into_iter().map(|(p, _, m, s, _)| [p.as_tensor().detach(), m, s]);
    Ok(changed.flatten().collect())
}
