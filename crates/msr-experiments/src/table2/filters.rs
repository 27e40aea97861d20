//! The filters of some test tasks, true and adapted, as a cell leaves them.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

use super::sizes::Sizes;
use crate::engine::{Folder, entries};

const FILE: &str = "filters.safetensors";

/// One set of `o · k²` numbers for each task.
#[derive(Clone, Debug, PartialEq)]
pub struct Filters {
    /// After adaptation to the support set.
    pub learned: Vec<Vec<f64>>,
    /// Those that made the task, where they are known.
    pub truth: Option<Vec<Vec<f64>>>,
}

impl Filters {
    /// Writes them as `learned` and `true`, `(tasks, o, k, k)`.
    pub fn write(&self, folder: &Folder, sizes: Sizes) -> Result<()> {
        let Sizes { channels, kernel } = sizes;
        let tensor = |filters: &Vec<Vec<f64>>| {
            let shape = (filters.len(), channels, kernel, kernel);
            Tensor::from_vec(filters.concat(), shape, &Device::Cpu)
        };
        let mut tensors = vec![("learned", tensor(&self.learned)?)];
        if let Some(truth) = &self.truth {
            tensors.push(("true", tensor(truth)?));
        }
        folder.write(FILE, &safetensors::serialize(tensors, None)?)
    }

    /// Reads what [`Filters::write`] wrote, and the sizes; `None` when there is nothing.
    pub fn read(folder: &Folder) -> Result<Option<(Self, Sizes)>> {
        let path = folder.path().join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let in_file = || format!("{}", path.display());
        let bytes = std::fs::read(&path).with_context(in_file)?;
        let tensors = msr_symmetry::read_tensors(&bytes, &Device::Cpu).with_context(in_file)?;
        let learned = tensors.get("learned").with_context(in_file)?;
        let (_, channels, kernel, _) = learned.dims4().with_context(in_file)?;
        let sizes = Sizes { channels, kernel };
        let size = channels * sizes.taps();
        let by_task = |t: &Tensor| -> Result<Vec<Vec<f64>>> {
            Ok(entries(t)?.chunks_exact(size.max(1)).map(<[f64]>::to_vec).collect())
        };
        let truth = tensors.get("true").map(by_task).transpose()?;
        Ok(Some((Self { learned: by_task(learned)?, truth }, sizes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_come_back() -> Result<()> {
        let parent = tempfile::tempdir()?;
        let folder = Folder::at(parent.path());
        assert_eq!(Filters::read(&folder)?.map(|(filters, _)| filters), None);
        let numbers = |from: usize| (0..18).map(|i| (from + i) as f64).collect::<Vec<f64>>();
        for truth in [None, Some(vec![numbers(36), numbers(54)])] {
            let filters = Filters { learned: vec![numbers(0), numbers(18)], truth };
            filters.write(&folder, Sizes { channels: 2, kernel: 3 })?;
            let (found, sizes) = Filters::read(&folder)?.context("nothing is there")?;
            assert_eq!((found, sizes.channels, sizes.kernel), (filters, 2, 3));
        }
        Ok(())
    }
}
