//! Disjoint sets.

/// A partition of `0..n` that only grows coarser.
pub(crate) struct UnionFind {
    parent: Vec<usize>,
}

impl UnionFind {
    /// Every element by itself.
    pub(crate) fn new(n: usize) -> Self {
        Self { parent: (0..n).collect() }
    }

    /// The element that stands for the set of `x`.
    pub(crate) fn root(&mut self, mut x: usize) -> usize {
        while self.parent[x] != x {
            self.parent[x] = self.parent[self.parent[x]];
            x = self.parent[x];
        }
        x
    }

    /// Joins two sets; whether they were different ones, and then their roots.
    pub(crate) fn join(&mut self, a: usize, b: usize) -> Option<(usize, usize)> {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return None;
        }
        self.parent[a.max(b)] = a.min(b);
        Some((a, b))
    }
}
