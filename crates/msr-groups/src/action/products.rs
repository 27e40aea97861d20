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
        // With no points in one there are no pairs, and nothing is moved.
        .map(|action| {
            let one = self.is_faithful && other.points > 0;
            action.faithful_if(one || other.is_faithful && self.points > 0)
        })
    }

    /// On the points of `self` followed by those of `other`.
    ///
    /// # Errors
    /// [`Error::DifferentGroups`](crate::Error::DifferentGroups) when another group acts on
    /// `other`; too many points.
    pub fn beside(&self, other: &Self) -> Result<Self> {
        same_group(self, other)?;
        let (n, name) = (self.points, format!("{} + {}", self.name, other.name));
        let action = Self::from_map(&self.group, name, n.checked_add(other.points), |i, at| {
            if at < n { self.images[i].apply(at) } else { n + other.images[i].apply(at - n) }
        })?;
        Ok(action.faithful_if(self.is_faithful || other.is_faithful))
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
        .map(|action| action.faithful_if(self.is_faithful && channels > 0))
    }

    /// `G × H` on the grid of their points: `(x, y) ↦ (g x, h y)`, cell `(x, y)` at
    /// `x · degree(H) + y`. See [groups, section 5](crate::derivations::groups).
    ///
    /// # Errors
    /// When there are too many points.
    pub fn product_grid(g: &PermutationGroup, h: &PermutationGroup) -> Result<Self> {
        Self::product_grid_of(&Self::natural(g), &Self::natural(h))
    }

    /// The action of `G × H` on the grid of the points of an action of `G` and one of `H`. All
    /// products that are built from actions of the same two groups are actions of the same group.
    ///
    /// # Errors
    /// When there are too many points.
    pub fn product_grid_of(g: &Self, h: &Self) -> Result<Self> {
        let group = direct_product(&g.group, &h.group)?;
        let grid = Self::grid(&group, &g.images, g.points, &h.images, h.points)?;
        // Without points in one of the two, no cell shows what the other does.
        let has_cells = g.points > 0 && h.points > 0;
        Ok(grid.faithful_if(g.is_faithful && h.is_faithful && has_cells))
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
