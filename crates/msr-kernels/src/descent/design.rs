//! Where the numbers of a design matrix are.

use candle_core::{Device, Tensor, WithDType};

use crate::error::Result;

/// Where the rows and columns of a tensor `(t, …, k)` are in its storage.
#[derive(Clone, Debug)]
pub(super) struct Places {
    start: usize,
    task: usize,
    /// Of each row from the first of its task.
    rows: Vec<usize>,
    column: usize,
}

impl Places {
    /// Those of a tensor where it is.
    pub(super) fn of(t: &Tensor) -> Self {
        let (dims, stride, last) = (t.dims(), t.stride(), t.rank() - 1);
        let mut rows = vec![0];
        for (&size, &stride) in dims[1..last].iter().zip(&stride[1..last]) {
            rows = rows.iter().flat_map(|&at| (0..size).map(move |i| at + i * stride)).collect();
        }
        Self { start: t.layout().start_offset(), task: stride[0], rows, column: stride[last] }
    }

    /// Calls `f` with row, column and place of each number of a task, the longer distance outside.
    #[inline(always)]
    pub(super) fn each(&self, task: usize, columns: usize, mut f: impl FnMut(usize, usize, usize)) {
        let start = self.start + task * self.task;
        let mut row = |i: usize, c: usize| f(i, c, start + self.rows[i] + c * self.column);
        if self.column == 1 {
            (0..self.rows.len()).for_each(|i| (0..columns).for_each(|c| row(i, c)));
        } else {
            (0..columns).for_each(|c| (0..self.rows.len()).for_each(|i| row(i, c)));
        }
    }
}

/// The lines of a gradient `(t, …, k)`: whole columns of a task when the design matrix is stored by
/// columns, otherwise whole rows, in its order of storage. What comes before a design matrix can
/// then go through the gradient without copying it.
pub(super) struct Lines {
    /// Whether lines are columns.
    pub(super) columns: bool,
    /// The numbers of a line.
    pub(super) length: usize,
    /// The task and the number of each line, in the order of storage.
    pub(super) places: Vec<(usize, usize)>,
    dims: Vec<usize>,
    /// The dimensions in the order of storage.
    order: Vec<usize>,
}

impl Lines {
    pub(super) fn like(design: &Tensor) -> Self {
        let (dims, stride, last) = (design.dims().to_vec(), design.stride(), design.rank() - 1);
        let widest = (1..last).filter(|&d| dims[d] > 1).map(|d| stride[d]).max().unwrap_or(0);
        let columns = dims[last] > 1 && stride[last] > widest;
        let order: Vec<usize> = match columns {
            true => [last, 0].into_iter().chain(1..last).collect(),
            false => {
                let mut outer: Vec<usize> = (0..last).collect();
                outer.sort_by_key(|&d| std::cmp::Reverse(stride[d]));
                outer.into_iter().chain([last]).collect()
            }
        };
        let inner = if columns { last - 1 } else { 1 };
        let (outer, within) = order.split_at(order.len() - inner);
        let length = within.iter().map(|&d| dims[d]).product();
        let count: usize = outer.iter().map(|&d| dims[d]).product();
        let place = |mut line: usize| {
            let mut index = vec![0; dims.len()];
            for &d in outer.iter().rev() {
                index[d] = line % dims[d];
                line /= dims[d];
            }
            let row = (1..last).fold(0, |row, d| row * dims[d] + index[d]);
            (index[0], if columns { index[last] } else { row })
        };
        let places = (0..count).map(place).collect();
        Self { columns, length, places, dims, order }
    }

    /// The tensor of these numbers, given in the order of storage.
    pub(super) fn tensor<T: WithDType>(&self, numbers: Vec<T>) -> Result<Tensor> {
        let stored: Vec<usize> = self.order.iter().map(|&d| self.dims[d]).collect();
        let mut back = vec![0; self.order.len()];
        self.order.iter().enumerate().for_each(|(at, &d)| back[d] = at);
        Ok(Tensor::from_vec(numbers, stored, &Device::Cpu)?.permute(back)?)
    }
}
