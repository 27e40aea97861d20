//! The place of an element in the list of all elements, from what it does to the base points.

use super::chain::Chain;
use crate::permutation::Permutation;

/// Names elements by their images of the base points, and finds their places in the list of
/// [`Chain::for_each`]. An element is the product of one tree element of each level; its place is
/// the number whose digits are the places of their points in the orbits.
pub(crate) struct Index<'a> {
    chain: &'a Chain,
    /// For each level with an orbit longer than one: its number, the length of the orbit, and the
    /// place of each point in it.
    levels: Vec<(usize, usize, Vec<u32>)>,
}

/// The place of a point outside an orbit.
const NOWHERE: u32 = u32::MAX;

impl<'a> Index<'a> {
    pub(super) fn new(chain: &'a Chain) -> Self {
        let places = |orbit: &[u32]| {
            let last = orbit.iter().max().map_or(0, |&last| last as usize + 1);
            let mut places = vec![NOWHERE; last];
            orbit.iter().zip(0..).for_each(|(&point, place)| places[point as usize] = place);
            places
        };
        let long = chain.orbits().enumerate().filter(|(_, orbit)| orbit.len() > 1);
        let levels = long.map(|(level, orbit)| (level, orbit.len(), places(orbit))).collect();
        Self { chain, levels }
    }

    /// The base points: what the identity does to them.
    fn base(&self) -> Vec<u32> {
        let bases: Vec<usize> = self.chain.levels().map(|(base, _)| base).collect();
        self.levels.iter().map(|(level, ..)| bases[*level] as u32).collect()
    }

    /// The place of the element with these images of the base points, which are overwritten; `None`
    /// when there is none.
    fn place(&self, images: &mut [u32]) -> Option<usize> {
        let mut place = 0;
        for (at, (level, count, places)) in self.levels.iter().enumerate() {
            place =
                place * count + *places.get(images[at] as usize).filter(|&&place| place != NOWHERE)? as usize;
            self.chain.strip_images(*level, at, images);
        }
        Some(place)
    }

    /// What multiplying by each of some elements from the left does to the places of the list:
    /// `images[g][i]` is the place of `g` times the `i`-th element. The elements must generate the
    /// group, and `count` must be its order.
    pub(crate) fn left_multiplication(
        &self,
        elements: &[Permutation],
        count: usize,
    ) -> Option<Vec<Vec<u32>>> {
        let width = self.levels.len();
        // The images of the base points of all elements, one after the other.
        let mut names = vec![0u32; count * width];
        let mut found = vec![false; count];
        let mut moved = vec![vec![0u32; count]; elements.len()];
        let base = self.base();
        let first = self.place(&mut base.clone())?;
        names[first * width..(first + 1) * width].copy_from_slice(&base);
        found[first] = true;
        let mut queue = vec![first];
        let (mut next, mut stripped) = (vec![0u32; width], vec![0u32; width]);
        while let Some(at) = queue.pop() {
            for (g, moved) in elements.iter().zip(&mut moved) {
                let name = &names[at * width..(at + 1) * width];
                next.iter_mut().zip(name).for_each(|(next, &x)| *next = g.images()[x as usize]);
                stripped.copy_from_slice(&next);
                let place = self.place(&mut stripped)?;
                moved[at] = place as u32;
                if !std::mem::replace(&mut found[place], true) {
                    names[place * width..(place + 1) * width].copy_from_slice(&next);
                    queue.push(place);
                }
            }
        }
        found.iter().all(|&found| found).then_some(moved)
    }
}
