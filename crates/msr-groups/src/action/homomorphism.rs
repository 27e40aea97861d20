//! Actions given by the images of the generators: whether they are homomorphisms, and the images of
//! elements.

use std::collections::{HashMap, VecDeque};

use super::Action;
use crate::error::{Error, Result};
use crate::group::PermutationGroup;
use crate::group::chain::Chain;
use crate::permutation::Permutation;

/// The elements that are searched for a relation to name when images define no homomorphism.
const SEARCHED: usize = 50_000;

impl Action {
    /// The action that sends the `i`-th generator to `images[i]`. `docs/derivations/groups.md`,
    /// section 1, says how it is checked.
    ///
    /// # Errors
    /// [`Error::NotAHomomorphism`], with a relation that holds among the generators but not among
    /// the images; [`Error::Degree`] or [`Error::Config`] when the images do not fit.
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
        // The map is a homomorphism when only the identity of the group is paired with each image
        // of it: when the chain of the pairs needs no base point among the new points.
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
        let mut queue = VecDeque::from([Permutation::identity(self.group.degree())]);
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

    /// The permutation of the points that an element of the group makes, `ρ(g)`.
    ///
    /// # Errors
    /// [`Error::NotInGroup`] when `element` is not in the group.
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
