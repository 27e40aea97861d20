//! How a group acts on points: a homomorphism into the permutations of `0..points`.

mod parse;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::families::{MOST_POINTS, direct_product};
use crate::group::PermutationGroup;
use crate::group::chain::{Chain, orbits};
use crate::permutation::Permutation;

/// The elements that are searched for a relation to name when images define no homomorphism.
const SEARCHED: usize = 50_000;

/// A group acting on `0..points`: one permutation of the points for each generator, `ρ(g h) = ρ(g) ρ(h)`.
/// See `docs/derivations/groups.md`, section 1.
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

    /// The group on itself, by multiplication from the left: `ρ(g) h = g h`. Point `i` is the `i`-th of
    /// [`PermutationGroup::elements`].
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

    /// The action that sends the `i`-th generator to `images[i]`; how it is checked is in
    /// `docs/derivations/groups.md`, section 1.
    ///
    /// # Errors
    /// [`Error::NotAHomomorphism`], with a relation that holds among the generators but not among the images;
    /// [`Error::Degree`] or [`Error::Config`] when the images do not fit.
    ///
    /// # Example
    /// `C_4` has no action in which its generator, of order 4, makes a 3-cycle.
    /// ```
    /// use msr_groups::{Action, Permutation, cyclic};
    ///
    /// # fn main() -> Result<(), msr_groups::Error> {
    /// let error = Action::homomorphism(&cyclic(4)?, 3, vec![Permutation::parse("(0 1 2)", 3)?]);
    /// let text = error.err().map(|e| e.to_string()).unwrap_or_default();
    /// assert!(text.contains("the relation a^4 = 1 holds in the group"), "{text}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn homomorphism(group: &PermutationGroup, points: usize, images: Vec<Permutation>) -> Result<Self> {
        if images.len() != group.generators().len() {
            return Err(Error::Config {
                problem: format!(
                    "{} images for the {} generators of {}; give one for each",
                    images.len(),
                    group.generators().len(),
                    group.name()
                ),
            });
        }
        if let Some(wrong) = images.iter().find(|g| g.degree() != points) {
            let what = "an image of a generator".to_string();
            return Err(Error::Degree { what, expected: points, got: wrong.degree() });
        }
        let action = Self::trusted(group, "given by images", points, images);
        // The map is a homomorphism when only the identity of the group is paired with each image of it:
        // when the chain of the pairs needs no base point among the new points.
        let broken = action.graph().levels().any(|(base, orbit)| base >= group.degree() && orbit > 1);
        if broken { Err(action.broken_relation()) } else { Ok(action) }
    }

    /// The chain of the pairs `(g, ρ(g))`.
    fn graph(&self) -> &Chain {
        self.graph.get_or_init(|| {
            let pairs: Vec<Permutation> =
                self.group.generators().iter().zip(&self.images).map(|(g, image)| g.beside(image)).collect();
            let base: Vec<usize> = self.group.chain().levels().map(|(base, _)| base).collect();
            Chain::new(self.group.degree() + self.points, &pairs, &base, &|_| false)
        })
    }

    /// The shortest word that is the identity of the group, but not of the images.
    fn broken_relation(&self) -> Error {
        let generators = self.group.generators();
        let letters: Vec<(String, String)> = (0..generators.len())
            .map(|i| {
                let letter = u8::try_from(i).ok().filter(|&i| i < 26).map(|i| char::from(b'a' + i));
                let name = letter.map_or_else(|| format!("g{i}"), String::from);
                let inverse = format!("{name}'");
                (name, inverse)
            })
            .collect();
        // Breadth first through the group; each element is kept with its image and its word.
        let one = (Permutation::identity(self.points), Vec::<i32>::new());
        let mut found = HashMap::from([(Permutation::identity(self.group.degree()), one)]);
        let mut queue = std::collections::VecDeque::from([Permutation::identity(self.group.degree())]);
        while let Some(g) = queue.pop_front() {
            let (image, word) = found[&g].clone();
            for (i, (a, b)) in generators.iter().zip(&self.images).enumerate() {
                let (next, next_image) = (a.then(&g), b.then(&image));
                let mut next_word = word.clone();
                next_word.push(i as i32 + 1);
                match found.get(&next) {
                    None if found.len() < SEARCHED => {
                        found.insert(next.clone(), (next_image, next_word));
                        queue.push_back(next);
                    }
                    Some((other, other_word)) if *other != next_image => {
                        let relation = cancel(next_word, other_word);
                        // As a product, next · other⁻¹: the inverse acts first.
                        let gives = other.inverse().then(&next_image);
                        return Error::NotAHomomorphism {
                            relation: spell(&relation, &letters),
                            gives: gives.to_string(),
                        };
                    }
                    _ => {}
                }
            }
        }
        Error::NotAHomomorphism {
            relation: format!("a word of the generators longer than the {SEARCHED} that were tried"),
            gives: "something else than the identity".into(),
        }
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

    /// The permutation of the points that an element of the group makes, `ρ(g)`.
    ///
    /// # Errors
    /// [`Error::Config`] when `element` is not in the group.
    pub fn image_of(&self, element: &Permutation) -> Result<Permutation> {
        if !self.group.contains(element) {
            return Err(Error::NotInGroup {
                element: element.to_string(),
                group: self.group.name().to_string(),
            });
        }
        // (g, 1) divided by (g, ρ(g)) leaves (1, ρ(g)⁻¹).
        let pair = element.beside(&Permutation::identity(self.points));
        let (rest, _) = self.graph().sift(&pair, usize::MAX);
        let from = self.group.degree();
        let rest = rest.restrict(from..from + self.points);
        Ok(rest.unwrap_or_else(|| Permutation::identity(self.points)).inverse())
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

    /// On ordered pairs of points: `(x, y) ↦ (ρ(g) x, ρ(g) y)`, pair `(x, y)` at `x · points + y`.
    ///
    /// # Errors
    /// When there are too many points.
    pub fn on_ordered_pairs(&self) -> Result<Self> {
        let n = self.points;
        let g = &self.images;
        Self::from_map(&self.group, "on ordered pairs".into(), n.checked_mul(n), |i, pair| {
            g[i].apply(pair / n) * n + g[i].apply(pair % n)
        })
    }

    /// On ordered pairs of different points, in lexicographic order.
    ///
    /// # Errors
    /// When there are too many points.
    pub fn on_distinct_pairs(&self) -> Result<Self> {
        let n = self.points;
        let number = |x: usize, y: usize| x * (n - 1) + y - usize::from(y > x);
        let pair = |at: usize| {
            let (x, y) = (at / (n - 1), at % (n - 1));
            (x, y + usize::from(y >= x))
        };
        let g = &self.images;
        let points = n.checked_mul(n.saturating_sub(1));
        Self::from_map(&self.group, "on pairs of different points".into(), points, |i, at| {
            let (x, y) = pair(at);
            number(g[i].apply(x), g[i].apply(y))
        })
    }

    /// On unordered pairs of different points, `{x < y}` in lexicographic order.
    ///
    /// # Errors
    /// When there are too many points.
    pub fn on_unordered_pairs(&self) -> Result<Self> {
        let n = self.points;
        let points = n.checked_mul(n.saturating_sub(1)).map(|p| p / 2).filter(|&p| p <= MOST_POINTS);
        let pairs: Vec<(usize, usize)> = if points.is_some() {
            (0..n).flat_map(|x| (x + 1..n).map(move |y| (x, y))).collect()
        } else {
            Vec::new()
        };
        let number = |x: usize, y: usize| {
            let (x, y) = (x.min(y), x.max(y));
            x * (2 * n - x - 1) / 2 + y - x - 1
        };
        let g = &self.images;
        Self::from_map(&self.group, "on unordered pairs".into(), points, |i, at| {
            let (x, y) = pairs[at];
            number(g[i].apply(x), g[i].apply(y))
        })
    }

    /// On pairs of a point of `self` and a point of `other`, both moved by the same element:
    /// `(x, y) ↦ (ρ(g) x, ρ'(g) y)`, pair `(x, y)` at `x · other.points() + y`.
    ///
    /// # Errors
    /// [`Error::DifferentGroups`] when another group acts on `other`; too many points.
    pub fn times(&self, other: &Self) -> Result<Self> {
        same_group(self, other)?;
        let (m, name) = (other.points, format!("{} × {}", self.name, other.name));
        Self::from_map(&self.group, name, self.points.checked_mul(m), |i, at| {
            self.images[i].apply(at / m) * m + other.images[i].apply(at % m)
        })
    }

    /// On the points of `self` followed by those of `other`.
    ///
    /// # Errors
    /// [`Error::DifferentGroups`] when another group acts on `other`.
    pub fn beside(&self, other: &Self) -> Result<Self> {
        same_group(self, other)?;
        let images = self.images.iter().zip(&other.images).map(|(a, b)| a.beside(b)).collect();
        let name = format!("{} + {}", self.name, other.name);
        Ok(Self::trusted(&self.group, name, self.points + other.points, images))
    }

    /// On `channels` copies of the points: point `x` of channel `c` at `c · points + x`.
    ///
    /// # Errors
    /// When there are too many points.
    pub fn with_channels(&self, channels: usize) -> Result<Self> {
        let n = self.points;
        let name = format!("{channels} channels, {}", self.name);
        Self::from_map(&self.group, name, n.checked_mul(channels), |i, at| {
            at / n * n + self.images[i].apply(at % n)
        })
    }

    /// `G × H` on the grid of their points: `(x, y) ↦ (g x, h y)`, cell `(x, y)` at `x · degree(H) + y`. See
    /// `docs/derivations/groups.md`, section 5.
    ///
    /// # Errors
    /// When there are too many points.
    pub fn product_grid(g: &PermutationGroup, h: &PermutationGroup) -> Result<Self> {
        let group = direct_product(g, h)?;
        Self::grid(&group, g.generators(), g.degree(), h.generators(), h.degree())
    }

    /// The action of `G × H` on the grid of the points of an action of `G` and one of `H`. All products that
    /// are built from actions of the same two groups are actions of the same group.
    ///
    /// # Errors
    /// When there are too many points.
    pub fn product_grid_of(g: &Self, h: &Self) -> Result<Self> {
        let group = direct_product(&g.group, &h.group)?;
        Self::grid(&group, &g.images, g.points, &h.images, h.points)
    }

    fn grid(
        group: &PermutationGroup,
        left: &[Permutation],
        rows: usize,
        right: &[Permutation],
        columns: usize,
    ) -> Result<Self> {
        let name = format!("on a {rows} × {columns} grid");
        Self::from_map(group, name, rows.checked_mul(columns), |i, at| match left.get(i) {
            Some(g) => g.apply(at / columns) * columns + at % columns,
            None => at / columns * columns + right[i - left.len()].apply(at % columns),
        })
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

/// The word `word · other⁻¹`, read as a product from left to right; letters beside their inverse are removed.
fn cancel(word: Vec<i32>, other: &[i32]) -> Vec<i32> {
    let mut relation: Vec<i32> = Vec::new();
    for letter in word.into_iter().chain(other.iter().rev().map(|letter| -letter)) {
        match relation.last() {
            Some(&last) if last == -letter => drop(relation.pop()),
            _ => relation.push(letter),
        }
    }
    relation
}

/// A word with letters: `a b' a^3`.
fn spell(word: &[i32], letters: &[(String, String)]) -> String {
    let mut text: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(&letter) = word.get(at) {
        let run = word[at..].iter().take_while(|&&l| l == letter).count();
        let (name, inverse) = &letters[letter.unsigned_abs() as usize - 1];
        let power = match (run, letter > 0) {
            (1, true) => name.clone(),
            (1, false) => inverse.clone(),
            (_, true) => format!("{name}^{run}"),
            (_, false) => format!("{name}^-{run}"),
        };
        text.push(power);
        at += run;
    }
    text.join(" ")
}
