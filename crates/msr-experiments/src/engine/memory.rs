//! How much memory a training run takes at the least, before it takes any.

use anyhow::{Result, ensure};

use super::device::DeviceName;
use super::model::{Shape, Size, conv4};
use super::prepared::Prepared;
use super::settings::{LearnerKind, Method, Training};

/// The bytes of a number.
const NUMBER: u128 = size_of::<f32>() as u128;
/// A parameter, its gradient, and the two moments of Adam.
const COPIES: u128 = 4;

/// The bytes that a training run cannot do without: parameters with all that the outer optimiser
/// keeps of them, an episode of training or of test tasks, the maps of its images in a deep
/// network, and what the graph of an inner loop by gradient steps holds of the adapted parameters.
/// The truth is some times more; what needs more than there is even so cannot run.
pub fn least_bytes(prepared: &Prepared, method: &Method, training: &Training) -> u128 {
    let Size { shared, adapted } = Size::of(method.layer, &prepared.shape, prepared.filter_params);
    let tasks = &prepared.tasks;
    let sizes = tasks.sizes;
    let episode = |count: usize, examples: usize| product(&[count as u128, examples as u128, sizes.example]);
    let steps = match method.learner {
        LearnerKind::Bilevel => {
            product(&[training.inner_steps as u128 + 1, sizes.meta_batch as u128, adapted])
        }
        _ => 0,
    };
    let together = tasks.test_batch.min(tasks.count());
    let [kept, largest] = activations(method, &prepared.shape);
    let of_maps = |tasks: usize, examples: usize, of_one| product(&[tasks as u128, examples as u128, of_one]);
    let train = episode(sizes.meta_batch, sizes.train).saturating_add(steps);
    let train = train.saturating_add(of_maps(sizes.meta_batch, sizes.train, kept));
    let test = episode(together, sizes.test).saturating_add(of_maps(together, sizes.test, largest));
    let parameters = COPIES.saturating_mul(shared.saturating_add(adapted));
    parameters.saturating_add(train.max(test)).saturating_mul(NUMBER)
}

/// The numbers in the maps of an image in a deep network: those of all blocks, which a gradient
/// needs, and those of the largest.
fn activations(method: &Method, shape: &Shape) -> [u128; 2] {
    let &Shape::Classes { image, channels, ways, norm } = shape else { return [0; 2] };
    let channels = method.channels.unwrap_or(channels);
    let shapes = conv4(image, channels, ways, norm).shapes().unwrap_or_default();
    // A block's maps are as large as what goes in.
    let of_block = |&(_, h, w): &(usize, usize, usize)| product(&[channels as u128, h as u128, w as u128]);
    let blocks = shapes.split_last().map_or(&[][..], |(_, before)| before);
    let all = blocks.iter().map(of_block);
    [all.clone().fold(0, u128::saturating_add), all.max().unwrap_or(0)]
}

/// The product; the largest number when it is larger.
fn product(factors: &[u128]) -> u128 {
    factors.iter().fold(1, |product: u128, &factor| product.saturating_mul(factor))
}

/// How many training runs that take `least` bytes each go side by side: as many as there are cores,
/// but no more than fit the memory. Refuses one that does not fit alone.
pub fn side_by_side(least: u128, available: Option<u64>, device: DeviceName, cells: u64) -> Result<usize> {
    // Where the system does not say, what no machine has.
    let available = u128::from(available.unwrap_or(i64::MAX as u64));
    ensure!(
        least <= available,
        "a training run needs at least {} of memory, and there are {}; use a smaller meta_batch, fewer inner steps, \
         examples or filter parameters",
        in_words(least),
        in_words(available)
    );
    let most = match device {
        DeviceName::Cpu => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        DeviceName::Cuda => 1,
    };
    let fit = usize::try_from(available / least.max(1)).unwrap_or(most);
    let cells = usize::try_from(cells).unwrap_or(most);
    Ok(most.min(fit).min(cells).max(1))
}

/// `12 MiB`, `1.5 GiB`, `2^70 bytes`.
pub fn in_words(bytes: u128) -> String {
    const MIB: u128 = 1 << 20;
    match bytes {
        0..0x2_8000_0000 => format!("{} MiB", bytes.div_ceil(MIB)),
        _ if bytes < 1 << 50 => format!("{} GiB", bytes.div_ceil(MIB << 10)),
        _ => format!("2^{} bytes", bytes.ilog2()),
    }
}

#[cfg(test)]
mod tests {
    use super::{DeviceName, Method, Shape, activations, in_words, product, side_by_side};
    use crate::engine::Norm;

    #[test]
    fn what_does_not_fit_is_refused_and_what_fits_once_goes_alone() {
        let room = |least, available, cells| side_by_side(least, available, DeviceName::Cpu, cells);
        let refused = room(1 << 40, Some(1 << 33), 9).map_err(|e| e.to_string());
        assert!(refused.is_err_and(|e| e.contains("at least 1024 GiB of memory, and there are 8192 MiB")));
        assert!(room(u128::MAX, None, 1).is_err());
        assert!(room(3 << 30, Some(4 << 30), 9).is_ok_and(|workers| workers == 1));
        assert!(room(1, None, 1).is_ok_and(|workers| workers == 1));
        assert!(room(0, Some(0), 9).is_ok_and(|workers| workers >= 1));
        assert!(side_by_side(1, None, DeviceName::Cuda, 9).is_ok_and(|workers| workers == 1));
    }

    #[test]
    fn deep_networks_keep_maps() {
        let shape = Shape::Classes { image: (1, 28, 28), channels: 32, ways: 5, norm: Norm::PLAIN };
        let method: Result<Method, _> =
            toml::from_str("name = \"it\"\nlearner = \"bilevel\"\nlayer = \"conv4\"");
        let found = method.map(|method| activations(&method, &shape));
        let sizes = [28, 14, 7, 3].map(|side: u128| 32 * side * side);
        assert_eq!(found, Ok([sizes.iter().sum(), sizes[0]]));
    }

    #[test]
    fn sizes_in_words() {
        let words = [1, 12 << 20, (10 << 30) - 1, 10 << 30, 1 << 50, u128::MAX].map(in_words);
        assert_eq!(words, ["1 MiB", "12 MiB", "10240 MiB", "10 GiB", "2^50 bytes", "2^127 bytes"]);
        assert_eq!(product(&[u128::MAX, 2]), u128::MAX);
    }
}
