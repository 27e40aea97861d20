//! Actions made of others: pairs of points of two actions, copies, and grids.

use super::{Action, same_group};
use crate::error::Result;
use crate::families::direct_product;
use crate::group::PermutationGroup;
use crate::permutation::Permutation;

impl Action {
    /// On pairs of a point of `self` and a point of `other`, both moved by the same element:
    /// `(x, y) ↦ (ρ(g) x, ρ'(g) y)`, pair `(x, y)` at `x · other.points() + y`.
    ///
    /// # Errors
    /// [`Error::DifferentGroups`](crate::Error::DifferentGroups) when another group acts on
    /// `other`; too many points.
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
    /// [`Error::DifferentGroups`](crate::Error::DifferentGroups) when another group acts on
    /// `other`.
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

    /// `G × H` on the grid of their points: `(x, y) ↦ (g x, h y)`, cell `(x, y)` at
    /// `x · degree(H) + y`. See `docs/derivations/groups.md`, section 5.
    ///
    /// # Errors
    /// When there are too many points.
    pub fn product_grid(g: &PermutationGroup, h: &PermutationGroup) -> Result<Self> {
        let group = direct_product(g, h)?;
        Self::grid(&group, g.generators(), g.degree(), h.generators(), h.degree())
    }

    /// The action of `G × H` on the grid of the points of an action of `G` and one of `H`. All
    /// products that are built from actions of the same two groups are actions of the same group.
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
