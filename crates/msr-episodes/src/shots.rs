//! How many examples and tasks.

/// The number of examples of each task in an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shots {
    /// Examples to adapt to.
    pub support: usize,
    /// Examples to measure on.
    pub query: usize,
}

/// Which tasks train and which test: the first `train`, then the next `test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The number of training tasks.
    pub train: usize,
    /// The number of test tasks.
    pub test: usize,
}

impl Split {
    /// A split into `train` and `test` tasks.
    pub fn new(train: usize, test: usize) -> Self {
        Self { train, test }
    }

    /// The first 80 % of `tasks` train, the rest test.
    pub fn four_fifths(tasks: usize) -> Self {
        let train = tasks * 4 / 5;
        Self { train, test: tasks - train }
    }
}
