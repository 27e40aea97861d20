//! Actions on pairs of points.

use super::Action;
use crate::error::Result;
use crate::limits::MOST_POINTS;

impl Action {
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
        // The pairs (x, x) are the points.
        .map(|action| action.faithful_if(self.is_faithful))
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
        // A single point cannot be moved.
        .map(|action| action.faithful_if(self.is_faithful))
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
        // What keeps {x, y} and {x, z} keeps x; two points have one pair, whatever moves them.
        .map(|action| action.faithful_if(self.is_faithful && n > 2))
    }
}
