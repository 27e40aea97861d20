//! Which classes train, validate and test.

use rand::seq::SliceRandom;

use crate::error::{Error, Result};
use crate::random::{Role, stream};

/// Which classes train, validate and test: no class is in two of the lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassSplit {
    /// Training classes.
    pub train: Vec<usize>,
    /// Validation classes.
    pub validation: Vec<usize>,
    /// Test classes.
    pub test: Vec<usize>,
}

impl ClassSplit {
    /// A random split of classes `0..classes`, the same for the same seed: so many training and
    /// validation classes, and the rest for tests.
    ///
    /// # Errors
    /// [`Error::Config`] when there are not so many.
    ///
    /// # Example
    /// ```
    /// // Omniglot, as Vinyals et al. (2016) split it, with a hundred classes for validation.
    /// let split = msr_data::ClassSplit::random(1_623, (1_100, 100), 0)?;
    /// assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (1_100, 100, 423));
    /// # Ok::<(), msr_data::Error>(())
    /// ```
    pub fn random(classes: usize, (train, validation): (usize, usize), seed: u64) -> Result<Self> {
        if train.checked_add(validation).is_none_or(|asked| asked > classes) {
            return Err(Error::Config {
                problem: format!(
                    "{train} training and {validation} validation classes are asked for, but there are {classes}"
                ),
            });
        }
        let mut all: Vec<usize> = (0..classes).collect();
        all.shuffle(&mut stream(seed, Role::Problem, 0));
        let test = all.split_off(train + validation);
        let validation = all.split_off(train);
        Ok(Self { train: all, validation, test })
    }
}
