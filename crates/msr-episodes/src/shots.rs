//! How many examples and tasks.

/// The number of examples of each task in an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shots {
    /// Examples to adapt to.
    pub support: usize,
    /// Examples to measure on.
    pub query: usize,
}

impl Shots {
    /// Support and query examples together; `None` when that is no number of this machine.
    pub fn total(self) -> Option<usize> {
        self.support.checked_add(self.query)
    }
}

/// Which tasks are for what: the first `train`, then the next `validation`, then the next `test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The number of training tasks.
    pub train: usize,
    /// The number of tasks to choose between states of a training run by.
    pub validation: usize,
    /// The number of test tasks.
    pub test: usize,
}

impl Split {
    /// A split into `train` and `test` tasks.
    pub fn new(train: usize, test: usize) -> Self {
        Self { train, validation: 0, test }
    }

    /// The same with the last `tasks` of the training tasks, all of them at most, for validation.
    #[must_use]
    pub fn with_validation(self, tasks: usize) -> Self {
        let tasks = tasks.min(self.train);
        Self { train: self.train - tasks, validation: self.validation + tasks, ..self }
    }

    /// The first 80 % of `tasks` train, the rest test.
    pub fn four_fifths(tasks: usize) -> Self {
        // The rounded product of 4 / 5 and a number whose product with 4 may be none.
        let train = tasks / 5 * 4 + tasks % 5 * 4 / 5;
        Self::new(train, tasks - train)
    }

    /// All tasks together; `None` when that is no number of this machine.
    pub fn total(self) -> Option<usize> {
        self.train.checked_add(self.validation)?.checked_add(self.test)
    }
}

#[cfg(test)]
mod tests {
    use super::{Shots, Split};

    #[test]
    fn four_fifths_of_any_number_of_tasks() {
        for tasks in 0..200 {
            assert_eq!(Split::four_fifths(tasks).train, tasks * 4 / 5);
        }
        for tasks in [usize::MAX, usize::MAX / 2, usize::MAX - 3] {
            let split = Split::four_fifths(tasks);
            assert_eq!(split.train as u128, tasks as u128 * 4 / 5);
            assert_eq!(split.total(), Some(tasks));
        }
        assert_eq!(Split::new(usize::MAX, 1).total(), None);
        let split = Split::new(8, 2).with_validation(3);
        assert_eq!((split.train, split.validation, split.test, split.total()), (5, 3, 2, Some(10)));
        assert_eq!(Split::new(8, 2).with_validation(9), Split { train: 0, validation: 8, test: 2 });
        assert_eq!(Shots { support: 1, query: usize::MAX }.total(), None);
    }
}
