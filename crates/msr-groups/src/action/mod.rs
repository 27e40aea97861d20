//! How a group acts on points: a homomorphism into the permutations of `0..points`.

mod homomorphism;
mod pairs;
mod parse;
mod products;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::families::MOST_POINTS;
use crate::group::PermutationGroup;
use crate::group::chain::{Chain, orbits};
use crate::permutation::Permutation;

/// A group acting on `0..points`: one permutation of the points for each generator,
/// `ρ(g h) = ρ(g) ρ(h)`. See `docs/derivations/groups.md`, section 1.
///
/// # Example
/// `S_3` on its three points, on itself, and on ordered pairs:
/// ```
/// use msr_groups::{Action, symmetric};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let group = symmetric(3)?;
/// assert_eq!(Action::natural(&group).points(), 3);
/// assert_eq!(Action::regular(&group)?.points(), 6);
/// let pairs = Action::natural(&group).on_ordered_pairs()?;
/// assert_eq!((pairs.points(), pairs.orbits().len()), (9, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Action {
    group: PermutationGroup,
    name: String,
    points: usize,
    images: Vec<Permutation>,
    /// The chain of `{(g, ρ(g))}` on the group's own points followed by these.
    graph: Arc<OnceLock<Chain>>,
}

impl Action {
    fn trusted(
        group: &PermutationGroup,
        name: impl Into<String>,
        points: usize,
        images: Vec<Permutation>,
    ) -> Self {
        Self { group: group.clone(), name: name.into(), points, images, graph: Arc::default() }
    }

    /// An action with the images that `image(generator, point)` gives.
    fn from_map(
        group: &PermutationGroup,
        name: String,
        points: Option<usize>,
        image: impl Fn(usize, usize) -> usize,
    ) -> Result<Self> {
        let Some(points) = points.filter(|&p| p <= MOST_POINTS) else {
            return Err(Error::Config {
                problem: format!("{name} has more than {MOST_POINTS} points; choose a smaller action"),
            });
        };
        let images = (0..group.generators().len())
            .map(|i| Permutation::trusted((0..points).map(|x| image(i, x) as u32).collect()))
            .collect();
        Ok(Self::trusted(group, name, points, images))
    }

    /// The group on its own points.
    pub fn natural(group: &PermutationGroup) -> Self {
        Self::trusted(group, "natural", group.degree(), group.generators().to_vec())
    }

    /// All elements leave all of `0..points` where they are.
    ///
    /// # Errors
    /// When there are too many points.
    pub fn trivial(group: &PermutationGroup, points: usize) -> Result<Self> {
        Self::from_map(group, "trivial".into(), Some(points), |_, x| x)
    }

    /// The group on itself, by multiplication from the left: `ρ(g) h = g h`. Point `i` is the
    /// `i`-th of [`PermutationGroup::elements`].
    ///
    /// # Errors
    /// [`Error::TooManyElements`].
    pub fn regular(group: &PermutationGroup) -> Result<Self> {
        let elements = group.elements()?;
        let index: HashMap<&Permutation, u32> = elements.iter().zip(0..).collect();
        // Products of elements are elements, so all of them are found.
        let images = group
            .generators()
            .iter()
            .map(|g| elements.iter().filter_map(|h| index.get(&h.then(g)).copied()).collect())
            .map(Permutation::trusted)
            .collect();
        Ok(Self::trusted(group, "regular", elements.len(), images))
    }

    /// The group that acts.
    pub fn group(&self) -> &PermutationGroup {
        &self.group
    }

    /// What kind of action it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of points.
    pub fn points(&self) -> usize {
        self.points
    }

    /// The permutations of the points that the generators make.
    pub fn images(&self) -> &[Permutation] {
        &self.images
    }

    /// The group of permutations of the points that the images generate.
    pub fn image_group(&self) -> PermutationGroup {
        let name = match self.name.as_str() {
            "natural" => self.group.name().to_string(),
            name => format!("{}, {name}", self.group.name()),
        };
        PermutationGroup::trusted(name, self.points, self.images.clone())
    }

    /// The orbits on the points, each in ascending order.
    pub fn orbits(&self) -> Vec<Vec<usize>> {
        orbits(self.points, &self.images)
    }

    /// The same action under another name.
    pub fn named(&self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self.clone() }
    }
}

impl std::fmt::Debug for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}, {} on {} points", self.group, self.name, self.points)
    }
}

/// Refuses actions of different groups: they must have the same generators in the same order.
pub(crate) fn same_group(a: &Action, b: &Action) -> Result<()> {
    if a.group.generators() == b.group.generators() {
        return Ok(());
    }
    let list = |action: &Action| {
        let words: Vec<String> = action.group.generators().iter().map(ToString::to_string).collect();
        format!("{} by {}", action.group.name(), words.join(", "))
    };
    Err(Error::DifferentGroups { problem: format!("{}, and {}", list(a), list(b)) })
}
