//! The file format: safetensors whose metadata says what the tensors are. See
//! `docs/formats/learned.md`.

use std::collections::{BTreeMap, HashMap};

use candle_core::{Device, Tensor};
use msr_layers::LayerSpec;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::file::read_tensors;
use crate::learned::Learned;
use crate::legacy;

/// The key of the metadata. One key: several would be written in a random order, and equal states
/// must be equal files.
const KEY: &str = "msr.learned";
/// The version that is written. Files of a later one are refused.
const VERSION: u32 = 1;
/// Readers refuse headers above 100 MB; the tensors have their part in it.
const LONGEST_HEADER: usize = 90_000_000;

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    model: LayerSpec,
    /// The names of the parameters that tasks adapt.
    adapted: Vec<String>,
    /// The tasks to which the adapted parameters belong; without them these are the initial values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tasks: Option<Vec<usize>>,
    /// How the learner adapts, in its own terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    learner: Option<serde_json::Value>,
}

impl Learned {
    /// The file's bytes. The same content gives the same bytes.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let header = Header {
            version: VERSION,
            model: self.model.clone(),
            adapted: self.adapted.clone(),
            tasks: self.tasks.clone(),
            learner: self.learner.clone(),
        };
        let header = serde_json::to_string(&header).map_err(|e| Error::format(e.to_string()))?;
        if header.len() > LONGEST_HEADER {
            return Err(Error::format(format!(
                "the description of the model has {} bytes, and readers of safetensors refuse more than {LONGEST_HEADER}; \
                 a layer with a pattern needs some seven for each weight",
                header.len()
            )));
        }
        let metadata = HashMap::from([(KEY.to_string(), header)]);
        safetensors::serialize(&self.tensors, Some(metadata)).map_err(|e| Error::format(e.to_string()))
    }

    /// Whether the metadata of a safetensors file says that it is of this format, whatever its
    /// version.
    pub fn is_in(bytes: &[u8]) -> bool {
        let header = SafeTensors::read_metadata(bytes).ok();
        header.is_some_and(|(_, header)| header.metadata().as_ref().is_some_and(|m| m.contains_key(KEY)))
    }

    /// What [`Learned::to_bytes`] wrote, or what earlier versions of this program left as
    /// `learned.safetensors`; tensors on `device`.
    ///
    /// # Errors
    /// [`Error::Format`] when these are no such bytes: it says what is missing.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|e| Error::format(format!("not a safetensors file, or a damaged one ({e})")))?;
        let tensors = read_tensors(bytes, device)?;
        let metadata = metadata.metadata().clone().unwrap_or_default();
        match metadata.get(KEY) {
            Some(text) => from_header(text, tensors),
            None => legacy::read(&metadata, tensors),
        }
    }
}

fn from_header(text: &str, tensors: BTreeMap<String, Tensor>) -> Result<Learned> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let damaged = |e: serde_json::Error| Error::format(format!("its metadata `{KEY}` is damaged: {e}"));
    let Version { version } = serde_json::from_str(text).map_err(damaged)?;
    if version > VERSION {
        return Err(Error::format(format!(
            "it was written in version {version} of the format, this program reads versions up to {VERSION}; use a \
             newer msr"
        )));
    }
    let Header { model, adapted, tasks, learner, .. } = serde_json::from_str(text).map_err(damaged)?;
    let learned = Learned { model, adapted, tasks, learner, tensors };
    learned.check()?;
    Ok(learned)
}
