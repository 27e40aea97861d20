//! How a design matrix `(t, …, k)` is stored.

use candle_core::{Device, Tensor, WithDType};

use crate::error::Result;

/// Whether the columns of a task, rather than its rows, are what is stored in one piece.
pub(super) fn by_columns(design: &Tensor) -> bool {
    let (dims, stride, last) = (design.dims(), design.stride(), design.rank() - 1);
    let widest = (1..last).filter(|&d| dims[d] > 1).map(|d| stride[d]).max().unwrap_or(0);
    dims[last] > 1 && stride[last] > widest
}

/// Where the numbers of a design matrix are in its storage.
pub(super) struct Places {
    /// Whether lines are columns; rows otherwise.
    pub(super) by_columns: bool,
    start: usize,
    task: usize,
    /// Of the rows of a task from its first number, and of its columns.
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl Places {
    pub(super) fn of(design: &Tensor) -> Self {
        let (dims, stride, last) = (design.dims(), design.stride(), design.rank() - 1);
        let along = |places: Vec<usize>, d: usize| -> Vec<usize> {
            places.iter().flat_map(|&at| (0..dims[d]).map(move |i| at + i * stride[d])).collect()
        };
        Self {
            by_columns: by_columns(design),
            start: design.layout().start_offset(),
            task: stride[0],
            rows: (1..last).fold(vec![0], along),
            columns: along(vec![0], last),
        }
    }

    /// The number of lines, and of the numbers in one.
    pub(super) fn lines(&self) -> (usize, usize) {
        match self.by_columns {
            true => (self.columns.len(), self.rows.len()),
            false => (self.rows.len(), self.columns.len()),
        }
    }

    /// Copies the lines of a task into lines of `width`; what fills these up stays as it is.
    #[inline(always)]
    pub(super) fn read<T: Copy>(&self, storage: &[T], task: usize, lines: &mut [T], width: usize) {
        let (lines_at, numbers_at) = match self.by_columns {
            true => (&self.columns, &self.rows),
            false => (&self.rows, &self.columns),
        };
        let (count, start) = (numbers_at.len(), self.start + task * self.task);
        let dense = numbers_at.iter().enumerate().all(|(i, &at)| i == at);
        for (line, &at) in lines.chunks_exact_mut(width).zip(lines_at) {
            match dense {
                true => line[..count].copy_from_slice(&storage[start + at..][..count]),
                false => line.iter_mut().zip(numbers_at).for_each(|(x, &i)| *x = storage[start + at + i]),
            }
        }
    }
}

/// The dimensions of a design matrix in the order of storage that its gradient has: with whole
/// columns of a task, or whole rows, as it is stored itself.
pub(super) fn order(design: &Tensor) -> Vec<usize> {
    let (stride, last) = (design.stride(), design.rank() - 1);
    match by_columns(design) {
        true => [last, 0].into_iter().chain(1..last).collect(),
        false => {
            let mut outer: Vec<usize> = (0..last).collect();
            outer.sort_by_key(|&d| std::cmp::Reverse(stride[d]));
            outer.into_iter().chain([last]).collect()
        }
    }
}

/// The lines of a gradient `(t, …, k)`: whole columns of a task when the design matrix is stored by
/// columns, otherwise whole rows, in its order of storage. What comes before a design matrix can
/// then go through the gradient without copying it.
pub(super) struct Lines {
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
        let (dims, last) = (design.dims().to_vec(), design.rank() - 1);
        let (columns, order) = (by_columns(design), order(design));
        let inner = if columns { last - 1 } else { 1 };
        let (outer, within) = order.split_at(order.len() - inner);
        let length = within.iter().map(|&d| dims[d]).product();
        let count: usize = outer.iter().map(|&d| dims[d]).product();
        let mut index = vec![0; dims.len()];
        let place = |mut line: usize| {
            for &d in outer.iter().rev() {
                index[d] = line % dims[d];
                line /= dims[d];
            }
            let row = (1..last).fold(0, |row, d| row * dims[d] + index[d]);
            (index[0], if columns { index[last] } else { row })
        };
        let places = (0..count).map(place).collect();
        Self { length, places, dims, order }
    }

    /// The tensor of these numbers, given in the order of storage.
    pub(super) fn tensor<T: WithDType>(&self, numbers: Vec<T>) -> Result<Tensor> {
        let stored: Vec<usize> = self.order.iter().map(|&d| self.dims[d]).collect();
        let mut back = vec![0; self.order.len()];
        self.order.iter().enumerate().for_each(|(at, &d)| back[d] = at);
        Ok(Tensor::from_vec(numbers, stored, &Device::Cpu)?.permute(back)?)
    }
}
