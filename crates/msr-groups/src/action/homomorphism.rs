//! Actions given by the images of the generators: whether they are homomorphisms, and the images of
//! elements.

use std::collections::{HashMap, VecDeque};

use num_bigint::BigUint;

use super::Action;
use crate::error::{Error, Result, cycles, quoted};
use crate::group::PermutationGroup;
use crate::group::chain::{Chain, IsComplete};
use crate::limits::{MOST_MOVES, Work, check_generators, check_points};
use crate::permutation::Permutation;

/// The elements that are searched for a relation to name when images define no homomorphism, and
/// the most images of all of them.
const SEARCHED: usize = 50_000;
const SEARCHED_IMAGES: usize = 1 << 24;

impl Action {
    /// The action that sends the `i`-th generator to `images[i]`.
    /// [Groups, section 1](crate::derivations::groups), says how it is checked.
    ///
    /// # Errors
    /// [`Error::NotAHomomorphism`], with a relation that holds among the generators but not among
    /// the images; [`Error::Degree`] or [`Error::Config`] when the images do not fit;
    /// [`Error::TooMuchWork`].
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
                    quoted(group.name())
                ),
            });
        }
        if let Some(wrong) = images.iter().find(|g| g.degree() != points) {
            let what = "an image of a generator".to_string();
            return Err(Error::Degree { what, expected: points, got: wrong.degree() });
        }
        check_points("action", Some(points))?;
        check_generators(points.saturating_add(group.degree()), images.len())?;
        let action = Self::trusted(group, "given by images", points, images);
        match action.is_homomorphism(&mut Work::of(MOST_MOVES)) {
            Some(true) => Ok(action),
            Some(false) => Err(action.broken_relation()),
            None => Err(action.too_much_work("whether images define a homomorphism")),
        }
    }

    /// Whether images that fit define a homomorphism; `None` when the work is spent.
    pub(crate) fn defines_homomorphism(
        group: &PermutationGroup,
        points: usize,
        images: Vec<Permutation>,
        work: &mut Work,
    ) -> Option<bool> {
        Self::trusted(group, "", points, images).is_homomorphism(work)
    }

    /// The map is a homomorphism when only the identity of the group is paired with each image of
    /// it: when the chain of the pairs needs no base point among the new points.
    fn is_homomorphism(&self, work: &mut Work) -> Option<bool> {
        // More pairs than elements end the search: some element has two images.
        let order = self.group.order_within(work)?;
        let is_broken = |pairs: &BigUint| *pairs > order;
        let graph = self.graph_within(Some(&is_broken), work)?;
        Some(!graph.levels().any(|(base, orbit)| base >= self.group.degree() && orbit > 1))
    }

    fn too_much_work(&self, what: &'static str) -> Error {
        let (group, degree) = (quoted(self.group.name()), self.group.degree() + self.points);
        Error::TooMuchWork { what, group, degree, limit: MOST_MOVES }
    }

    /// The chain of the pairs `(g, ρ(g))`. Of a homomorphism there are as many pairs as elements.
    fn graph_within(&self, is_complete: Option<IsComplete<'_>>, work: &mut Work) -> Option<&Chain> {
        if let Some(graph) = self.graph.get() {
            return Some(graph);
        }
        let (degree, generators) = (self.group.degree(), self.group.generators());
        let pairs: Vec<Permutation> =
            generators.iter().zip(&self.images).map(|(g, image)| g.followed_by(image)).collect();
        work.keep(generators.len() * (degree + self.points));
        let base = self.group.base_within(work)?;
        let chain = Chain::new(degree + self.points, &pairs, &base, is_complete, work)?;
        Some(self.graph.get_or_init(|| chain))
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
        let searched = SEARCHED.min(SEARCHED_IMAGES / (self.group.degree() + self.points).max(1));
        // Breadth first through the group; each element is kept with its image and its word.
        let one = (Permutation::one(self.points), Vec::<i32>::new());
        let mut found = HashMap::from([(Permutation::one(self.group.degree()), one)]);
        let mut queue = VecDeque::from([Permutation::one(self.group.degree())]);
        while let Some(g) = queue.pop_front() {
            let (image, word) = found[&g].clone();
            for (i, (a, b)) in generators.iter().zip(&self.images).enumerate() {
                let (next, next_image) = (a.then(&g), b.then(&image));
                let mut next_word = word.clone();
                next_word.push(i as i32 + 1);
                match found.get(&next) {
                    None if found.len() < searched => {
                        found.insert(next.clone(), (next_image, next_word));
                        queue.push_back(next);
                    }
                    Some((other, other_word)) if *other != next_image => {
                        let relation = cancel(next_word, other_word);
                        // As a product, next · other⁻¹: the inverse acts first.
                        let gives = other.inverse().then(&next_image);
                        return Error::NotAHomomorphism {
                            relation: spell(&relation, &letters),
                            gives: cycles(&gives),
                        };
                    }
                    _ => {}
                }
            }
        }
        Error::NotAHomomorphism {
            relation: format!(
                "a word of the generators longer than those of the {searched} elements that were tried"
            ),
            gives: "something else than the identity".into(),
        }
    }

    /// The permutation of the points that an element of the group makes, `ρ(g)`.
    ///
    /// # Errors
    /// [`Error::NotInGroup`] when `element` is not in the group; [`Error::TooMuchWork`].
    pub fn image_of(&self, element: &Permutation) -> Result<Permutation> {
        if !self.group.contains(element)? {
            let group = quoted(self.group.name());
            return Err(Error::NotInGroup { element: cycles(element), group });
        }
        let order = self.group.order();
        let is_complete = |pairs: &BigUint| *pairs == order;
        let work = &mut Work::of(MOST_MOVES);
        let graph = self.graph_within(Some(&is_complete), work);
        let graph = graph.ok_or_else(|| self.too_much_work("the image of an element"))?;
        // (g, 1) divided by (g, ρ(g)) leaves (1, ρ(g)⁻¹).
        let pair = element.followed_by(&Permutation::one(self.points));
        let (rest, _) = graph.sift(&pair, usize::MAX, &mut Work::unlimited());
        let from = self.group.degree();
        let rest = rest.restrict(from..from + self.points);
        Ok(rest.unwrap_or_else(|| Permutation::one(self.points)).inverse())
    }
}

/// The word `word · other⁻¹`, read as a product from left to right; letters beside their inverse
/// are removed.
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
