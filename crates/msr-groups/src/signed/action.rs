//! How a group acts on components that may change their signs.

use crate::action::Action;
use crate::error::{Error, Result};
use crate::group::PermutationGroup;
use crate::permutation::Permutation;
use crate::signed::SignedPermutation;

/// A group acting on `0..points` by signed permutations: one for each generator,
/// `ρ(g h) = ρ(g) ρ(h)`. See [signed, section 1](crate::derivations::signed).
///
/// # Example
/// The symmetries of a square, on the two components of a vector:
/// ```
/// use msr_groups::{SignedAction, SignedPattern, SignedPermutation, dihedral};
///
/// # fn main() -> Result<(), msr_groups::Error> {
/// let group = dihedral(4)?;
/// // The generators: a quarter turn and a reflection.
/// let turn = SignedPermutation::parse("(-0 1)", 2)?;
/// let mirror = SignedPermutation::parse("(0 1)", 2)?;
/// let vectors = SignedAction::homomorphism(&group, 2, vec![turn, mirror])?;
/// // Maps of vectors that commute with all of them are multiples of the identity.
/// let pattern = SignedPattern::new(&vectors, &vectors)?;
/// assert_eq!(pattern.expand(&[3.0])?, [3.0, 0.0, 0.0, 3.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SignedAction {
    /// On `+e_0, −e_0, +e_1, −e_1, …`
    doubled: Action,
    images: Vec<SignedPermutation>,
}

impl SignedAction {
    /// The action that sends the `i`-th generator to `images[i]`; checked as
    /// [`Action::homomorphism`] checks.
    ///
    /// # Errors
    /// [`Error::NotAHomomorphism`], whose points are those of [`SignedPermutation::doubled`];
    /// [`Error::Degree`] or [`Error::Config`] when the images do not fit; [`Error::TooMuchWork`].
    pub fn homomorphism(
        group: &PermutationGroup,
        points: usize,
        images: Vec<SignedPermutation>,
    ) -> Result<Self> {
        if let Some(wrong) = images.iter().find(|g| g.degree() != points) {
            let what = "an image of a generator".to_string();
            return Err(Error::Degree { what, expected: points, got: wrong.degree() });
        }
        let doubled = images.iter().map(SignedPermutation::doubled).collect();
        Ok(Self { doubled: Action::homomorphism(group, points.saturating_mul(2), doubled)?, images })
    }

    /// An action whose images are known to be those of a homomorphism.
    fn trusted(group: &PermutationGroup, name: String, images: Vec<SignedPermutation>) -> Result<Self> {
        let points = images.first().map_or(0, SignedPermutation::degree);
        let doubled: Vec<Permutation> = images.iter().map(SignedPermutation::doubled).collect();
        let doubled = Action::from_map(group, name, points.checked_mul(2), |i, x| doubled[i].apply(x))?;
        Ok(Self { doubled, images })
    }

    /// An action without signs.
    ///
    /// # Errors
    /// When there are too many points.
    pub fn unsigned(action: &Action) -> Result<Self> {
        let points = action.points();
        let images: Vec<SignedPermutation> = action.images().iter().cloned().map(Into::into).collect();
        if images.is_empty() {
            let doubled = Action::trivial(action.group(), points.saturating_mul(2))?.named(action.name());
            return Ok(Self { doubled, images });
        }
        Self::trusted(action.group(), action.name().into(), images)
    }

    /// The same, times a sign for each generator: a representation of dimension one.
    ///
    /// # Errors
    /// [`Error::NotAHomomorphism`] when the signs are none; [`Error::Config`] when there is not one
    /// for each generator.
    pub fn with_signs(&self, is_negative: &[bool]) -> Result<Self> {
        if is_negative.len() != self.images.len() {
            return Err(Error::Config {
                problem: format!(
                    "{} signs for {} generators; give one for each",
                    is_negative.len(),
                    self.images.len()
                ),
            });
        }
        let image = |(g, &minus): (&SignedPermutation, &bool)| if minus { g.negated() } else { g.clone() };
        let images: Vec<SignedPermutation> = self.images.iter().zip(is_negative).map(image).collect();
        if images.is_empty() {
            return Ok(self.clone());
        }
        Ok(Self::homomorphism(self.group(), self.points(), images)?.named(format!("{}, signed", self.name())))
    }

    /// The group that acts.
    pub fn group(&self) -> &PermutationGroup {
        self.doubled.group()
    }

    /// What kind of action it is.
    pub fn name(&self) -> &str {
        self.doubled.name()
    }

    /// The same action under another name.
    pub fn named(&self, name: impl Into<String>) -> Self {
        Self { doubled: self.doubled.named(name), images: self.images.clone() }
    }

    /// The number of points.
    pub fn points(&self) -> usize {
        self.doubled.points() / 2
    }

    /// The signed permutations that the generators make.
    pub fn images(&self) -> &[SignedPermutation] {
        &self.images
    }

    /// The action on `+e_0, −e_0, +e_1, −e_1, …`, see [`SignedPermutation::doubled`].
    pub fn doubled(&self) -> &Action {
        &self.doubled
    }

    /// The signed permutation that an element of the group makes, `ρ(g)`.
    ///
    /// # Errors
    /// [`Error::NotInGroup`] when `element` is not in the group; [`Error::TooMuchWork`].
    pub fn image_of(&self, element: &Permutation) -> Result<SignedPermutation> {
        let doubled = self.doubled.image_of(element)?;
        SignedPermutation::from_doubled(&doubled)
            .ok_or_else(|| Error::Config { problem: "an image of an element tears a pair apart".into() })
    }

    /// On the points of `self` followed by those of `other`: the direct sum.
    ///
    /// # Errors
    /// [`Error::DifferentGroups`] when another group acts on `other`; too many points.
    pub fn beside(&self, other: &Self) -> Result<Self> {
        let doubled = self.doubled.beside(&other.doubled)?;
        let images = self.images.iter().zip(&other.images).map(|(a, b)| a.beside(b));
        Ok(Self { doubled, images: images.collect::<Result<_>>()? })
    }

    /// On pairs of a point of `self` and a point of `other`, with the product of their signs, pair
    /// `(x, y)` at `x · other.points() + y`: the tensor product. Vectors at the cells of a grid are
    /// the cells times the components.
    ///
    /// # Errors
    /// [`Error::DifferentGroups`] when another group acts on `other`; too many points.
    pub fn times(&self, other: &Self) -> Result<Self> {
        crate::action::same_group(&self.doubled, &other.doubled)?;
        let (n, m) = (self.points(), other.points());
        let name = format!("{} × {}", self.name(), other.name());
        let doubled = Action::from_map(
            self.group(),
            name,
            n.checked_mul(m).and_then(|pairs| pairs.checked_mul(2)),
            |i, at| {
                let ((x, left), (y, right)) =
                    (self.images[i].apply(at / 2 / m), other.images[i].apply(at / 2 % m));
                2 * (x * m + y) + usize::from((at % 2 == 1) ^ left ^ right)
            },
        )?;
        let images: Option<Vec<_>> = doubled.images().iter().map(SignedPermutation::from_doubled).collect();
        let images =
            images.ok_or_else(|| Error::Config { problem: "a product tears a pair apart".into() })?;
        Ok(Self { doubled, images })
    }
}
