//! Constituents of a group: what it does on orbits and on blocks.

use std::collections::BTreeMap;

use super::PermutationGroup;
use crate::error::Result;
use crate::limits::Work;
use crate::permutation::Permutation;
use crate::union_find::UnionFind;

impl PermutationGroup {
    /// How many elements there are of each order.
    ///
    /// # Errors
    /// [`Error::TooManyElements`](crate::Error::TooManyElements);
    /// [`Error::TooMuchWork`](crate::Error::TooMuchWork).
    pub fn element_orders(&self) -> Result<BTreeMap<u64, u64>> {
        let mut counts = BTreeMap::new();
        self.try_for_each("counting element orders", |g| {
            *counts.entry(u64::try_from(g.order()).unwrap_or(u64::MAX)).or_insert(0) += 1;
        })?;
        Ok(counts)
    }

    /// What the group does on a set of points that it maps to itself, renumbered in ascending
    /// order.
    pub(crate) fn on_orbit(&self, orbit: &[usize]) -> Self {
        let mut number = vec![0u32; self.degree()];
        for (i, &point) in orbit.iter().enumerate() {
            number[point] = i as u32;
        }
        let restricted = |g: &Permutation| {
            Permutation::trusted(orbit.iter().map(|&point| number[g.apply(point)]).collect())
        };
        Self::trusted("constituent", orbit.len(), self.generators().iter().map(restricted).collect())
    }

    /// What the group does on the images of a set of points in ascending order; `None` when there
    /// are other than `count` of them.
    pub(crate) fn on_images(&self, set: &[usize], count: usize) -> Option<Self> {
        let mut sets = vec![set.to_vec()];
        let mut number = std::collections::HashMap::from([(set.to_vec(), 0u32)]);
        let mut images: Vec<Vec<u32>> = vec![Vec::new(); self.generators().len()];
        let mut at = 0;
        while at < sets.len() {
            for (g, images) in self.generators().iter().zip(&mut images) {
                let mut moved: Vec<usize> = sets[at].iter().map(|&point| g.apply(point)).collect();
                moved.sort_unstable();
                let next = number.len() as u32;
                let place = *number.entry(moved.clone()).or_insert(next);
                if place == next {
                    sets.push(moved);
                }
                images.push(place);
            }
            if sets.len() > count {
                return None;
            }
            at += 1;
        }
        let images = images.into_iter().map(Permutation::trusted).collect();
        (sets.len() == count).then(|| Self::trusted("constituent", count, images))
    }

    /// What the group does on the blocks of a partition that it respects; `block_of[point]` numbers
    /// them.
    pub(crate) fn on_blocks(&self, block_of: &[usize]) -> Self {
        let count = block_of.iter().max().map_or(0, |&last| last + 1);
        let moved = |g: &Permutation| {
            let mut images = vec![0u32; count];
            for (point, &block) in block_of.iter().enumerate() {
                images[block] = block_of[g.apply(point)] as u32;
            }
            Permutation::trusted(images)
        };
        Self::trusted("quotient", count, self.generators().iter().map(moved).collect())
    }

    /// The block systems of a transitive group that a pair of points generates (all minimal ones
    /// are among them), each as the block of every point; without the two trivial ones; as many as
    /// the work allows. Source: Atkinson, "An algorithm for finding the blocks of a permutation
    /// group" (1975).
    pub(crate) fn minimal_block_systems(&self, work: &mut Work) -> Vec<Vec<usize>> {
        let mut systems: Vec<Vec<usize>> = Vec::new();
        for point in 1..self.degree() {
            work.spend(8 * self.degree() * (self.generators().len() + 1));
            if work.is_spent() {
                break;
            }
            let system = self.finest_with(0, point);
            let blocks = system.iter().max().map_or(0, |&last| last + 1);
            if blocks > 1 && !systems.contains(&system) {
                systems.push(system);
            }
        }
        systems
    }

    /// The systems of [`Self::minimal_block_systems`] and what two of them make together, for
    /// groups on few points.
    pub(crate) fn block_systems(&self, work: &mut Work) -> Vec<Vec<usize>> {
        const FEW_POINTS: usize = 128;
        let mut systems = self.minimal_block_systems(work);
        let minimal = systems.len();
        for (i, j) in (0..minimal).flat_map(|i| (0..i).map(move |j| (i, j))) {
            work.spend(8 * self.degree());
            if self.degree() > FEW_POINTS || work.is_spent() {
                break;
            }
            let mut sets = UnionFind::new(self.degree());
            for system in [&systems[i], &systems[j]] {
                let mut first = vec![None; self.degree()];
                for (point, &block) in system.iter().enumerate() {
                    sets.join(*first[block].get_or_insert(point), point);
                }
            }
            let joined = numbered(&mut sets, self.degree());
            if joined.iter().any(|&block| block > 0) && !systems.contains(&joined) {
                systems.push(joined);
            }
        }
        systems
    }

    /// The finest block system in which `a` and `b` are in one block.
    fn finest_with(&self, a: usize, b: usize) -> Vec<usize> {
        let mut sets = UnionFind::new(self.degree());
        let mut queue = vec![(a, b)];
        while let Some((x, y)) = queue.pop() {
            if let Some((x, y)) = sets.join(x, y) {
                // What is joined must stay joined under every generator.
                queue.extend(self.generators().iter().map(|g| (g.apply(x), g.apply(y))));
            }
        }
        numbered(&mut sets, self.degree())
    }
}

/// The sets as numbers in the order in which they first occur.
fn numbered(sets: &mut UnionFind, n: usize) -> Vec<usize> {
    let mut numbers = vec![usize::MAX; n];
    let mut next = 0;
    (0..n)
        .map(|x| {
            let number = &mut numbers[sets.root(x)];
            if *number == usize::MAX {
                (*number, next) = (next, next + 1);
            }
            *number
        })
        .collect()
}
