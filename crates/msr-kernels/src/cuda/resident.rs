//! Indices that stay on a device once they are there.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Device, Tensor};

use crate::error::Result;

/// Numbers of the host, and their copies on the devices that have asked for them: uploaded once.
#[derive(Clone, Debug)]
pub(crate) struct Resident {
    numbers: Arc<[u32]>,
    copies: Arc<Mutex<Vec<Tensor>>>,
}

impl Resident {
    pub(crate) fn new(numbers: impl Into<Arc<[u32]>>) -> Self {
        Self { numbers: numbers.into(), copies: Arc::default() }
    }

    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// The numbers as a vector on that device.
    pub(crate) fn on(&self, device: &Device) -> Result<Tensor> {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = copies.iter().find(|copy| copy.device().same_device(device)) {
            return Ok(found.clone());
        }
        let copy = Tensor::from_slice(&self.numbers, self.numbers.len(), device)?;
        copies.push(copy.clone());
        Ok(copy)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::Resident;

    #[test]
    fn the_copy_is_kept() -> crate::Result<()> {
        let numbers = Resident::new(vec![3, 1, 2]);
        let (first, second) = (numbers.on(&Device::Cpu)?, numbers.clone().on(&Device::Cpu)?);
        assert_eq!(first.to_vec1::<u32>()?, numbers.numbers());
        assert_eq!(first.id(), second.id());
        Ok(())
    }
}
