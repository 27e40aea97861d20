//! Changes of shape and order, and picking by index.

use candle_core::{Device, Tensor};
use msr_autodiff::{Ties, concat, for_tasks, stack};

use crate::cases::Domain::Real;
use crate::cases::{Case, case};

pub fn shape() -> Vec<Case> {
    vec![
        case("broadcast_to", &[&[3, 1]], Real, |x| x[0].broadcast_to(&[2, 3, 5])),
        case("for_tasks", &[&[3], &[3, 2]], Real, |x| {
            let all = for_tasks(&[&x[0], &x[1]], 2)?;
            all[1].mul(&all[0].reshape(&[2, 3, 1])?)
        }),
        case("sum_to", &[&[2, 3, 5]], Real, |x| x[0].sum_to(&[3, 1])),
        case("reshape", &[&[3, 5]], Real, |x| x[0].reshape(&[5, 3])),
        case("reshape, transposed", &[&[3, 5]], Real, |x| x[0].t()?.reshape(&[15])),
        case("transpose", &[&[3, 5]], Real, |x| x[0].transpose(0, 1)),
        case("permute", &[&[2, 3, 5]], Real, |x| x[0].permute(&[2, 0, 1])),
        case("narrow", &[&[3, 7]], Real, |x| x[0].narrow(1, 2, 3)),
        case("pad", &[&[3, 2]], Real, |x| x[0].pad(0, 1, 2)),
        case("concat", &[&[3, 2], &[3, 1], &[3, 5]], Real, |x| concat(&[&x[0], &x[1], &x[2]], 1)),
        case("concat, twice the same", &[&[3]], Real, |x| concat(&[&x[0], &x[0]], 0)),
        case("t", &[&[2, 3, 5]], Real, |x| x[0].t()),
        case("repeat", &[&[3, 2]], Real, |x| x[0].repeat(&[2, 1, 3])),
        case("pad_with_same", &[&[2, 3]], Real, |x| x[0].pad_with_same(1, 2, 1)),
        case("stack", &[&[3, 2], &[3, 2]], Real, |x| stack(&[&x[0], &x[1], &x[0]], 1)),
        case("chunk", &[&[2, 5]], Real, |x| {
            let parts = x[0].chunk(2, 1)?;
            parts[0].narrow(1, 1, 2)?.mul(&parts[1])
        }),
        case("slice_scatter", &[&[4, 3], &[2, 3]], Real, |x| x[0].slice_scatter(&x[1], 0, 1)),
        case("slice_scatter, at the end", &[&[2, 4], &[2, 1]], Real, |x| x[0].slice_scatter(&x[1], 1, 3)),
        case("flip", &[&[2, 3, 4]], Real, |x| x[0].flip(&[2, 0])),
        case("roll", &[&[2, 5]], Real, |x| x[0].roll(-2, 1)),
        case("unfold", &[&[2, 7]], Real, |x| x[0].unfold(1, 3, 2)),
        case("unfold, first", &[&[5, 2]], Real, |x| x[0].unfold(0, 2, 1)),
    ]
}

pub fn by_index() -> Vec<Case> {
    let index = Tensor::new(&[[1u32, 4, 0], [4, 4, 2]], &Device::Cpu).unwrap();
    let (columns, scattered, added) = (index.clone(), index.clone(), index.clone());
    let first = Tensor::new(&[[[1i64, 0]], [[2, 2]], [[0, 1]], [[1, 1]]], &Device::Cpu).unwrap();
    let slices = Tensor::new(&[3u32, 0, 3, 1], &Device::Cpu).unwrap();
    let places = slices.clone();
    vec![
        case("expand_tied", &[&[2, 3]], Real, |x| x[0].expand_tied(&Ties::new(&[0, 2, 2, 1, 0], 3)?)),
        case("expand_tied, a parameter without elements", &[&[3]], Real, |x| {
            x[0].expand_tied(&Ties::new(&[2, 0], 3)?)
        }),
        case("sum_tied", &[&[2, 2, 5]], Real, |x| x[0].sum_tied(&Ties::new(&[0, 2, 2, 1, 0], 4)?)),
        case("sum_tied, transposed", &[&[5, 2]], Real, |x| {
            x[0].t()?.sum_tied(&Ties::new(&[0, 1, 1, 1, 0], 2)?)
        }),
        case("gather_class", &[&[2, 3, 5]], Real, {
            let index = index.clone();
            move |x| x[0].gather_class(&index)
        }),
        case("gather", &[&[2, 5]], Real, move |x| x[0].gather(&columns, 1)),
        case("gather, first", &[&[3, 2, 2]], Real, move |x| x[0].gather(&first, 0)),
        case("scatter", &[&[2, 5], &[2, 3]], Real, move |x| x[0].scatter(&scattered, &x[1], 1)),
        case("scatter, first", &[&[5, 2], &[3, 2]], Real, {
            let index = index.t().unwrap();
            move |x| x[0].scatter(&index, &x[1], 0)
        }),
        case("scatter_add", &[&[2, 5], &[2, 3]], Real, move |x| x[0].scatter_add(&added, &x[1], 1)),
        case("scatter_add, first", &[&[5, 2], &[3, 2]], Real, {
            let index = index.t().unwrap();
            move |x| x[0].scatter_add(&index, &x[1], 0)
        }),
        case("index_select", &[&[2, 4, 2]], Real, move |x| x[0].index_select(&slices, 1)),
        case("index_add", &[&[5, 2], &[4, 2]], Real, move |x| x[0].index_add(&places, &x[1], 0)),
    ]
}
