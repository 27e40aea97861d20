//! Which tasks find, or teach, and which confirm, or test.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Where draws that belong to a seed begin.
pub(crate) fn stream(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// The numbers of the tasks in two halves, at random: those that find, and those that confirm. With
/// a fresh [`stream`] of one seed it is the same division wherever it is asked for.
pub(crate) fn halves(count: usize, rng: &mut ChaCha8Rng) -> (Vec<usize>, Vec<usize>) {
    let mut finding: Vec<usize> = (0..count).collect();
    finding.shuffle(rng);
    let confirming = finding.split_off(count / 2);
    (finding, confirming)
}

#[cfg(test)]
mod tests {
    use super::{halves, stream};

    #[test]
    fn halves_are_all_tasks_once() {
        for count in [0, 1, 2, 7, 160] {
            let (finding, confirming) = halves(count, &mut stream(3));
            assert_eq!((finding.len(), confirming.len()), (count / 2, count - count / 2));
            let mut all = [finding.clone(), confirming].concat();
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
            assert_eq!(halves(count, &mut stream(3)).0, finding);
        }
        assert_ne!(halves(160, &mut stream(3)), halves(160, &mut stream(4)));
    }
}
