//! The arrays of a file that says nothing of layers: which there are, and their numbers.

use anyhow::{Context, Result, bail, ensure};
use msr_files::{Array, Arrays, printable};
use msr_symmetry::Learned;

/// The most names in a message.
const MOST: usize = 20;

/// The arrays of a file.
pub struct Contents<'a> {
    arrays: Arrays<'a>,
    list: Vec<Array>,
    /// Whether arrays of three dimensions are a weight for each task.
    stacks: bool,
}

impl<'a> Contents<'a> {
    /// The arrays in the bytes of a file of any format that is read, without Adam's moments, in
    /// which nobody looks for a group unless one is `named`.
    pub fn of(bytes: &'a [u8], named: Option<&str>) -> Result<Self> {
        let mut arrays = Arrays::from_bytes(bytes)?;
        let all = arrays.list()?;
        let is_there = |name: &str| all.iter().any(|array| array.name == name);
        let kept = |array: &&Array| {
            named == Some(array.name.as_str()) || moment_of(&array.name).is_none_or(|p| !is_there(p))
        };
        let list = all.iter().filter(kept).cloned().collect();
        Ok(Self { arrays, list, stacks: stacks(bytes) })
    }

    /// All arrays that are matrices, or those that are a matrix for each task.
    pub fn of_rank(&self, rank: usize) -> Vec<&str> {
        let is_one = |array: &&Array| {
            let known = array.shape.len() == 2 || self.stacks;
            known && array.shape.len() == rank && array.element.is_some() && !array.shape.contains(&0)
        };
        self.list.iter().filter(is_one).map(|array| array.name.as_str()).collect()
    }

    /// The names of all arrays.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|array| array.name.as_str())
    }

    /// The shape of an array of two dimensions, or, when `stack` is, of three; with one for that of
    /// the tasks where there are two. An array without entries is refused.
    pub fn shape(&self, name: &str, stack: bool) -> Result<[usize; 3]> {
        let array = self.list.iter().find(|array| array.name == name).with_context(|| {
            format!("there is no tensor `{}`; its tensors are {}", printable(name), self.all())
        })?;
        ensure!(
            !array.shape.contains(&0),
            "`{}` has no entries: its shape is {:?}",
            printable(name),
            array.shape
        );
        match *array.shape.as_slice() {
            [rows, columns] => Ok([1, rows, columns]),
            [tasks, rows, columns] if stack && self.stacks => Ok([tasks, rows, columns]),
            _ => bail!(
                "`{}` has the shape {:?}; a symmetry matrix or a weight matrix has two dimensions{}",
                printable(name),
                array.shape,
                if self.stacks { ", and a weight for each task three" } else { "" }
            ),
        }
    }

    /// The numbers of an array, row by row.
    pub fn numbers(&mut self, name: &str) -> Result<Vec<f64>> {
        Ok(self.arrays.numbers(name)?)
    }

    /// The first of the arrays with their shapes, for messages.
    pub fn all(&self) -> String {
        let one = |array: &Array| format!("{} {:?}", printable(&array.name), array.shape);
        listed(self.list.iter().map(one))
    }
}

/// Whether an array of three dimensions is a weight for each task: not in a file of ours that has
/// no tasks, where it is a filter.
fn stacks(bytes: &[u8]) -> bool {
    if !Learned::is_in(bytes) {
        return true;
    }
    let learned = Learned::from_bytes(bytes, &candle_core::Device::Cpu);
    learned.is_ok_and(|learned| learned.tasks().is_some())
}

/// Names one after the other, and how many more there are.
pub fn listed<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<S> = names.into_iter().collect();
    let shown: Vec<&str> = names.iter().take(MOST).map(AsRef::as_ref).collect();
    match names.len() {
        0 => "none".into(),
        n if n > MOST => format!("{} and {} more", shown.join(", "), n - MOST),
        _ => shown.join(", "),
    }
}

/// Whether a tensor of a checkpoint is one of Adam's.
pub fn is_moment(name: &str) -> bool {
    moment_of(name).is_some()
}

/// The parameter of which a tensor of a checkpoint is Adam's first or second moment.
fn moment_of(name: &str) -> Option<&str> {
    // With a full stop in checkpoints of before.
    let rest = name.strip_prefix("adam.first").or(name.strip_prefix("adam.second"))?;
    rest.strip_prefix(['/', '.'])
}
