//! How a group acts on points: a homomorphism into the permutations of `0..points`.

mod homomorphism;
mod pairs;
mod parse;
mod products;

use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result, cycles, quoted};
use crate::group::PermutationGroup;
use crate::group::chain::{Chain, orbits};
use crate::limits::{MOST_POINTS, check_generators};
use crate::permutation::Permutation;

/// A group acting on `0..points`: one permutation of the points for each generator,
/// `ρ(g h) = ρ(g) ρ(h)`. See [groups, section 1](crate::derivations::groups).
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
    /// Whether it is known that no element but the identity leaves all points where they are.
    is_faithful: bool,
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
        let (group, graph) = (group.clone(), Arc::default());
        Self { group, name: name.into(), points, images, is_faithful: false, graph }
    }

    /// The same action, of which theory may say that it is faithful.
    fn faithful_if(self, is_faithful: bool) -> Self {
        Self { is_faithful, ..self }
    }

    /// An action with the images that `image(generator, point)` gives.
    pub(crate) fn from_map(
        group: &PermutationGroup,
        name: String,
        points: Option<usize>,
        image: impl Fn(usize, usize) -> usize,
    ) -> Result<Self> {
        let Some(points) = points.filter(|&p| p <= MOST_POINTS) else {
            return Err(Error::Config {
                problem: format!(
                    "the action `{}` has more than {MOST_POINTS} points; choose a smaller action",
                    quoted(&name)
                ),
            });
        };
        check_generators(points, group.generators().len())?;
        let images = (0..group.generators().len())
            .map(|i| Permutation::trusted((0..points).map(|x| image(i, x) as u32).collect()))
            .collect();
        Ok(Self::trusted(group, name, points, images))
    }

    /// The group on its own points.
    pub fn natural(group: &PermutationGroup) -> Self {
        Self::trusted(group, "natural", group.degree(), group.generators().to_vec()).faithful_if(true)
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
    /// [`Error::TooManyElements`] when there are more than
    /// [`MOST_ELEMENTS`](crate::MOST_ELEMENTS); [`Error::Config`] when
    /// there are too many generators; [`Error::TooMuchWork`].
    pub fn regular(group: &PermutationGroup) -> Result<Self> {
        const WHAT: &str = "the regular action";
        // No element is written out, so that it makes no difference on how many points they act.
        let count = group.check_listing(WHAT, None)? as usize;
        check_generators(count, group.generators().len())?;
        let images = group.chain(WHAT)?.index().left_multiplication(group.generators(), count);
        // A complete chain finds all of them.
        let images = images.ok_or_else(|| Error::Config {
            problem: format!("the elements of {} do not number {count}", quoted(group.name())),
        })?;
        let images = images.into_iter().map(Permutation::trusted).collect();
        Ok(Self::trusted(group, "regular", count, images).faithful_if(true))
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
    ///
    /// # Errors
    /// [`Error::TooMuchWork`] when its order is not known from the action and takes too long.
    pub fn image_group(&self) -> Result<PermutationGroup> {
        let image = PermutationGroup::trusted(self.image_name(), self.points, self.images.clone());
        if self.is_faithful { Ok(image.of_order(self.group.order())) } else { image.with_order("an image") }
    }

    fn image_name(&self) -> String {
        match self.name.as_str() {
            "natural" => self.group.name().to_string(),
            name => format!("{}, {name}", self.group.name()),
        }
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
        let words: Vec<String> = action.group.generators().iter().take(4).map(cycles).collect();
        let more = action.group.generators().len().saturating_sub(words.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{} by {}{more}", quoted(action.group.name()), words.join(", "))
    };
    Err(Error::DifferentGroups { problem: format!("{}, and {}", list(a), list(b)) })
}
