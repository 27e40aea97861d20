//! Actions by name: what definition files and the command line write.

use super::Action;
use crate::error::{Error, Result, quoted};
use crate::group::PermutationGroup;

impl Action {
    /// The action of `group` that a text names: `natural`, `regular`, `trivial(points)`,
    /// `ordered_pairs`, `distinct_pairs`, `unordered_pairs`, `channels(count)` (copies of the
    /// natural one).
    ///
    /// # Errors
    /// [`Error::Config`] for another text; what the constructors report.
    ///
    /// # Example
    /// ```
    /// use msr_groups::{Action, cyclic};
    ///
    /// # fn main() -> Result<(), msr_groups::Error> {
    /// assert_eq!(Action::parse(&cyclic(5)?, "channels(2)")?.points(), 10);
    /// assert!(Action::parse(&cyclic(5)?, "sideways").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn parse(group: &PermutationGroup, text: &str) -> Result<Self> {
        let natural = Self::natural(group);
        let wrong = || Error::Config {
            problem: format!(
                "there is no action `{}`; there are natural, regular, trivial(points), ordered_pairs, \
                 distinct_pairs, unordered_pairs and channels(count)",
                quoted(text)
            ),
        };
        let (name, number) = match text.trim().strip_suffix(')').and_then(|t| t.split_once('(')) {
            Some((name, number)) => (name, Some(number.trim().parse::<usize>().map_err(|_| wrong())?)),
            None => (text.trim(), None),
        };
        match (name, number) {
            ("natural", None) => Ok(natural),
            ("regular", None) => Self::regular(group),
            ("trivial", Some(points)) => Self::trivial(group, points),
            ("ordered_pairs", None) => natural.on_ordered_pairs(),
            ("distinct_pairs", None) => natural.on_distinct_pairs(),
            ("unordered_pairs", None) => natural.on_unordered_pairs(),
            ("channels", Some(count)) => natural.with_channels(count),
            _ => Err(wrong()),
        }
    }
}
