//! One level of a stabiliser chain: an orbit as a Schreier tree.

use std::sync::Arc;

use crate::limits::Work;
use crate::permutation::Permutation;

/// No point of the orbit.
pub(super) const OUTSIDE: u32 = u32::MAX;
/// The base point.
pub(super) const ROOT: u32 = u32::MAX - 1;

/// Trees of fewer steps are left as they are: the points of a small cyclic group stay in their
/// order.
const DEEP: usize = 512;

/// A permutation with its inverse, so that Schreier trees can be walked both ways.
#[derive(Debug)]
pub(super) struct Strong {
    pub(super) forward: Permutation,
    pub(super) backward: Permutation,
}

/// One level: the stabiliser of the base points before it.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) base: usize,
    pub(super) generators: Vec<Arc<Strong>>,
    /// The orbit of the base point, in the order in which it was found.
    pub(super) orbit: Vec<u32>,
    /// For each point the generator that led to it.
    pub(super) back: Vec<u32>,
    /// The number of steps from the base point to the last point that was found.
    pub(super) depth: usize,
    /// Whether powers of the generators were added to make the tree shallow.
    pub(super) has_powers: bool,
}

impl Level {
    pub(super) fn new(base: usize, degree: usize) -> Self {
        let (generators, orbit) = (Vec::new(), vec![base as u32]);
        let mut back = vec![OUTSIDE; degree];
        back[base] = ROOT;
        Self { base, generators, orbit, back, depth: 0, has_powers: false }
    }

    pub(super) fn grow(&mut self, work: &mut Work) {
        self.orbit.iter().for_each(|&point| self.back[point as usize] = OUTSIDE);
        self.back[self.base] = ROOT;
        self.orbit = vec![self.base as u32];
        self.depth = 0;
        let (mut at, mut layer_ends) = (0, 1);
        while let Some(&point) = self.orbit.get(at) {
            if at == layer_ends {
                layer_ends = self.orbit.len();
                self.depth += 1;
            }
            for (i, g) in self.generators.iter().enumerate() {
                let image = g.forward.images()[point as usize];
                if self.back[image as usize] == OUTSIDE {
                    self.back[image as usize] = i as u32;
                    self.orbit.push(image);
                }
            }
            at += 1;
        }
        work.spend(self.orbit.len() * self.generators.len());
    }

    /// Whether products along the tree are much longer than they need to be.
    pub(super) fn is_deep(&self) -> bool {
        self.depth > DEEP + 4 * self.orbit.len().ilog2() as usize
    }

    /// Multiplies `p` from the left by the inverse of the tree element that sends the base point to
    /// the image of the base point under `p`; afterwards `p` fixes the base point. Returns whether
    /// that image is in the orbit.
    pub(super) fn strip(&self, p: &mut [u32], work: &mut Work) -> bool {
        let mut point = p[self.base];
        if self.back[point as usize] == OUTSIDE {
            return false;
        }
        while self.back[point as usize] != ROOT {
            work.spend(p.len());
            let step = self.generators[self.back[point as usize] as usize].backward.images();
            for image in p.iter_mut() {
                *image = step[*image as usize];
            }
            point = step[point as usize];
        }
        true
    }

    /// The tree elements that send the base point to each point of the orbit, in its order: parents
    /// come first, so each takes one product.
    pub(super) fn representatives(&self, degree: usize) -> Vec<Permutation> {
        let mut place = vec![0usize; degree];
        let mut found: Vec<Permutation> = Vec::with_capacity(self.orbit.len());
        for (at, &point) in self.orbit.iter().enumerate() {
            place[point as usize] = at;
            let generator = self.back[point as usize];
            found.push(match self.generators.get(generator as usize) {
                Some(step) => {
                    let parent = step.backward.images()[point as usize];
                    found[place[parent as usize]].then(&step.forward)
                }
                None => Permutation::one(degree),
            });
        }
        found
    }

    /// The tree element that sends the base point to `point`.
    pub(super) fn representative(&self, point: u32, degree: usize) -> Permutation {
        let mut path = Vec::new();
        let mut at = point;
        while self.back[at as usize] < ROOT {
            let step = &self.generators[self.back[at as usize] as usize];
            path.push(step);
            at = step.backward.images()[at as usize];
        }
        path.iter().rev().fold(Permutation::one(degree), |g, step| g.then(&step.forward))
    }
}
