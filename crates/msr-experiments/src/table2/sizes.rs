//! The sizes of a problem.

use anyhow::{Context, Result, ensure};
use msr_episodes::TaskSource;
use msr_groups::PlaneGroup;

/// Output channels, and taps along a side of the filters.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub channels: usize,
    pub kernel: usize,
}

impl Sizes {
    /// From the shapes of a source, whose outputs must be whole fields of the group.
    pub fn of(source: &dyn TaskSource, group: PlaneGroup) -> Result<Self> {
        let (input, output) = (source.input_shape(), source.output_shape());
        let found = match (&input[..], &output[..]) {
            (&[1, h, w], &[o, oh, ow]) if h == w && oh == ow && oh <= h => {
                Some(Self { channels: o, kernel: h - oh + 1 })
            }
            _ => None,
        };
        let sizes = found.with_context(|| {
            format!(
                "{}: tasks of Table 2 have inputs (1, n, n) and outputs (channels, m, m), m ≤ n; got {input:?} and {output:?}",
                source.name()
            )
        })?;
        let Self { channels, kernel } = sizes;
        ensure!(
            channels.is_multiple_of(group.order()) && kernel % 2 == 1,
            "{}: {channels} channels and {kernel} × {kernel} taps are no fields of {group}",
            source.name()
        );
        Ok(sizes)
    }

    /// The numbers of a channel's filter.
    pub fn taps(self) -> usize {
        self.kernel * self.kernel
    }
}
