//! The state of a training run in one safetensors file, written so that a crash cannot spoil it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use msr_symmetry::{read_tensors, write_atomic};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::adam::Adam;
use crate::error::{Error, Result};
use crate::learner::OuterParameter;

/// What a checkpoint says besides its tensors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Header {
    /// The number of outer steps taken.
    step: u64,
    /// What the caller wants to find again.
    note: String,
}

/// The key of the header in the file's metadata: one key, so that equal states are equal files.
const KEY: &str = "msr";

/// A training state: outer parameters, Adam's moments, the number of steps, and a note of the
/// caller's.
#[derive(Debug)]
pub struct Checkpoint {
    /// The number of outer steps taken.
    pub step: u64,
    /// What the caller stored with it.
    pub note: String,
    tensors: BTreeMap<String, Tensor>,
}

impl Checkpoint {
    /// Writes the state atomically. The same state gives the same bytes.
    ///
    /// # Errors
    /// When the file cannot be written; the message names it.
    pub fn write(
        path: &Path,
        step: u64,
        note: &str,
        parameters: &[OuterParameter],
        adam: &Adam,
    ) -> Result<()> {
        let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
        let (first, second) = adam.moments();
        for (i, p) in parameters.iter().enumerate() {
            tensors.insert(p.name.clone(), p.variable.as_detached_tensor());
            tensors.insert(format!("adam.first.{}", p.name), first[i].clone());
            tensors.insert(format!("adam.second.{}", p.name), second[i].clone());
        }
        let problem = |problem: String| Error::Checkpoint { path: path.into(), problem };
        let header =
            serde_json::to_string(&Header { step, note: note.into() }).map_err(|e| problem(e.to_string()))?;
        let metadata = HashMap::from([(KEY.to_string(), header)]);
        let bytes = safetensors::serialize(&tensors, Some(metadata)).map_err(|e| problem(e.to_string()))?;
        Ok(write_atomic(path, &bytes)?)
    }

    /// Reads a state; `None` when there is no such file.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::Checkpoint`] when it is no checkpoint.
    pub fn read(path: &Path, device: &Device) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(Error::Io { path: path.into(), reason }),
        };
        let problem = |problem: String| Error::Checkpoint { path: path.into(), problem };
        let (_, metadata) = SafeTensors::read_metadata(&bytes)
            .map_err(|e| problem(format!("not a safetensors file, or a damaged one ({e})")))?;
        let header: Header = metadata
            .metadata()
            .as_ref()
            .and_then(|m| m.get(KEY))
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| problem("a safetensors file, but no training state of this program".into()))?;
        let tensors = read_tensors(&bytes, device).map_err(|e| problem(e.to_string()))?;
        Ok(Some(Self { step: header.step, note: header.note, tensors }))
    }

    /// Puts the state into parameters and optimiser. On an error nothing was changed.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when a tensor is missing, has another shape, or belongs to something
    /// else.
    pub fn restore(mut self, path: &Path, parameters: &[OuterParameter], adam: &mut Adam) -> Result<()> {
        let mut take = |name: String, like: &Tensor| {
            let problem = |problem: String| Error::Checkpoint { path: path.into(), problem };
            let tensor =
                self.tensors.remove(&name).ok_or_else(|| problem(format!("tensor `{name}` is missing")))?;
            if tensor.dims() != like.dims() || tensor.dtype() != like.dtype() {
                return Err(problem(format!(
                    "tensor `{name}` is {:?} {:?}, this run needs {:?} {:?}",
                    tensor.dims(),
                    tensor.dtype(),
                    like.dims(),
                    like.dtype()
                )));
            }
            Ok(tensor)
        };
        let (mut values, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
        for p in parameters {
            values.push(take(p.name.clone(), p.variable.as_tensor())?);
            first.push(take(format!("adam.first.{}", p.name), p.variable.as_tensor())?);
            second.push(take(format!("adam.second.{}", p.name), p.variable.as_tensor())?);
        }
        if let Some(name) = self.tensors.keys().min() {
            return Err(Error::Checkpoint {
                path: path.into(),
                problem: format!(
                    "tensor `{name}` does not belong to this run; it is of another configuration"
                ),
            });
        }
        adam.restore(self.step, first, second)?;
        for (p, value) in parameters.iter().zip(values) {
            p.variable.set(&value)?;
        }
        Ok(())
    }
}
