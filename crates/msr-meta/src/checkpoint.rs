//! The state of a training run in one safetensors file, written so that a crash cannot spoil it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use msr_kernels::is_finite;
use msr_layers::Buffer;
use msr_symmetry::{read_tensors, write_atomic};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::adam::{Adam, AdamConfig};
use crate::average::{self, Average};
use crate::error::{Error, Result};
use crate::learner::OuterParameter;
use crate::validation::{Progress, ValidationConfig};

/// What a checkpoint says besides its tensors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Header {
    /// The version of the format; zero in files from before there was one.
    #[serde(default)]
    version: u32,
    /// The number of outer steps taken.
    step: u64,
    /// What the caller wants to find again.
    note: String,
    /// What the numbers mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    meaning: Option<Meaning>,
    /// What was found by validations, of runs that have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    validation: Option<Progress>,
    /// CRC-32 of everything else, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
}

/// What is needed to read the numbers of a checkpoint, and to go on as it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Meaning {
    /// How the learner adapts: a rate may be stored as its logarithm.
    pub(crate) learner: Value,
    /// The optimiser.
    pub(crate) adam: AdamConfig,
    /// What the caller says of the run: seeds, data.
    pub(crate) run: Value,
    /// How the run is validated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) validation: Option<ValidationConfig>,
    /// The decay of averages of the parameters, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) average: Option<f64>,
}

impl Meaning {
    /// What is not the same in `other`, one entry each, in words.
    fn differences(&self, other: &Self) -> Vec<String> {
        let parts = |of: &Self| serde_json::to_value(of).unwrap_or_default();
        let mut found = Vec::new();
        compare("", &parts(self), &parts(other), &mut found);
        found
    }
}

/// Collects the leaves in which two values differ.
fn compare(at: &str, here: &Value, there: &Value, found: &mut Vec<String>) {
    let none = Value::Null;
    match (here, there) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                compare(&at, a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none), found);
            }
        }
        _ if here == there => {}
        _ => found.push(format!("{at} was {here} and is {there}")),
    }
}

/// The key of the header in the file's metadata: one key, so that equal states are equal files.
const KEY: &str = "msr";
/// The latest version, which states with averages are written in.
const VERSION: u32 = 4;
/// The version of states of runs with a validation: they are what they were before there were
/// averages.
const WITHOUT_AVERAGES: u32 = 3;
/// The version of other states: they are what they were before there were validations.
const WITHOUT_VALIDATION: u32 = 2;
/// What stands before the name of a parameter in those of its moments, since version 2. No
/// parameter may be called so.
const MOMENTS: [&str; 2] = ["adam.first/", "adam.second/"];
/// What stands before the name of a parameter in that of its average; no parameter of a run with
/// averages may be called so.
const AVERAGE: &str = "average/";
/// The same as of moments before: a layer called `adam.first` could be saved, but not read.
const MOMENTS_BEFORE: [&str; 2] = ["adam.first.", "adam.second."];

/// A training state: outer parameters, Adam's moments, running averages, the number of steps, and a
/// note of the caller's.
#[derive(Debug)]
pub struct Checkpoint {
    /// The number of outer steps taken.
    pub step: u64,
    /// What the caller stored with it.
    pub note: String,
    version: u32,
    meaning: Option<Meaning>,
    /// What was found by validations.
    pub(crate) validation: Option<Progress>,
    tensors: BTreeMap<String, Tensor>,
}

/// What a checkpoint holds besides tensors.
pub(crate) struct State<'a> {
    pub(crate) step: u64,
    pub(crate) note: &'a str,
    pub(crate) meaning: Meaning,
    pub(crate) validation: Option<Progress>,
}

/// Where the checkpoint before the one at `path` is kept.
pub(crate) fn before(path: &Path) -> PathBuf {
    let mut name = OsString::from("before-");
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

impl Checkpoint {
    /// Writes the state atomically. The same state gives the same bytes. With `keep`, what was at
    /// `path` is kept beside it, as `before-…`.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when a number is NaN or infinite: then the file is left as it is. When
    /// it cannot be written; the message names it.
    pub(crate) fn write(
        path: &Path,
        keep: bool,
        state: State<'_>,
        (parameters, buffers): (&[OuterParameter], &[Buffer]),
        (adam, average): (&Adam, Option<&Average>),
    ) -> Result<()> {
        let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
        let (first, second) = adam.moments()?;
        let mut insert = |what: &str, name: String, tensor: Tensor| -> Result<()> {
            if !is_finite(&tensor)? {
                return Err(Error::NotFinite { what: what.into() });
            }
            tensors.insert(name, tensor);
            Ok(())
        };
        for ((p, first), second) in parameters.iter().zip(first).zip(second) {
            let taken = MOMENTS.into_iter().chain(average.map(|_| AVERAGE));
            if let Some(prefix) = taken.into_iter().find(|prefix| p.name.starts_with(prefix)) {
                let name = &p.name;
                return Err(Error::config(format!("no parameter may be called `{prefix}…`, as `{name}` is")));
            }
            insert(&format!("`{}`", p.name), p.name.clone(), p.variable.as_detached_tensor())?;
            for (moment, prefix) in [first, second].into_iter().zip(MOMENTS) {
                insert(&format!("a moment of `{}`", p.name), format!("{prefix}{}", p.name), moment)?;
            }
        }
        for (p, sum) in parameters.iter().zip(average.map_or(&[][..], Average::sums)) {
            insert(&format!("the average of `{}`", p.name), format!("{AVERAGE}{}", p.name), sum.clone())?;
        }
        for buffer in buffers {
            insert(
                &format!("`{}`", buffer.name),
                buffer.name.clone(),
                buffer.variable()?.as_detached_tensor(),
            )?;
        }
        let problem = |problem: String| Error::Checkpoint { path: path.into(), problem };
        let bytes = |header: &Header| -> Result<Vec<u8>> {
            let text = serde_json::to_string(header).map_err(|e| problem(e.to_string()))?;
            let metadata = HashMap::from([(KEY.to_string(), text)]);
            safetensors::serialize(&tensors, Some(metadata)).map_err(|e| problem(e.to_string()))
        };
        let State { step, note, meaning, validation } = state;
        let mut header = Header {
            version: match (average, validation) {
                (Some(_), _) => VERSION,
                (None, Some(_)) => WITHOUT_AVERAGES,
                (None, None) => WITHOUT_VALIDATION,
            },
            step,
            note: note.into(),
            meaning: Some(meaning),
            validation,
            checksum: None,
        };
        let plain = bytes(&header)?;
        let parsed = SafeTensors::deserialize(&plain).map_err(|e| problem(e.to_string()))?;
        header.checksum = Some(checksum(&header, &parsed));
        let bytes = bytes(&header)?;
        match fs::read(path) {
            // Only what could be read again.
            Ok(old) if keep && old != bytes && Self::parse(&old, &Device::Cpu).is_ok() => {
                write_atomic(&before(path), &old)?;
            }
            _ => {}
        }
        Ok(write_atomic(path, &bytes)?)
    }

    /// Reads a state; `None` when there is no such file.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::Checkpoint`] when it is no checkpoint,
    /// or its numbers are not those that were written.
    pub fn read(path: &Path, device: &Device) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(Error::Io { path: path.into(), reason }),
        };
        Self::parse(&bytes, device).map(Some).map_err(|problem| {
            let before = before(path);
            let hint = match before.is_file() {
                true => format!("; the one before it is {}: put that in its place", before.display()),
                false => String::new(),
            };
            Error::Checkpoint { path: path.into(), problem: format!("{problem}{hint}") }
        })
    }

    /// The state in the bytes of a file; what is wrong with them otherwise.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(bytes: &[u8], device: &Device) -> std::result::Result<Self, String> {
        let damaged = |e| format!("not a safetensors file, or a damaged one ({e})");
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let parsed = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let mut header: Header = metadata
            .metadata()
            .as_ref()
            .and_then(|m| m.get(KEY))
            .and_then(|text| serde_json::from_str(text).ok())
            .ok_or("a safetensors file, but no training state of this program")?;
        if header.version > VERSION {
            return Err(format!(
                "it was written in version {} of the format, this program reads versions up to {VERSION}; use a \
                 newer msr",
                header.version
            ));
        }
        let stored = header.checksum.take();
        if header.version > 0 && stored.as_deref() != Some(&checksum(&header, &parsed)) {
            return Err("its numbers are not those that were written: the file is damaged".into());
        }
        let tensors = read_tensors(bytes, device).map_err(|e| e.to_string())?;
        for (name, tensor) in &tensors {
            if !tensor.dtype().is_float() {
                return Err(format!("tensor `{name}` is {:?}, which nothing is trained in", tensor.dtype()));
            }
            if !is_finite(tensor).map_err(|e| e.to_string())? {
                return Err(format!("tensor `{name}` holds NaN or infinite numbers"));
            }
        }
        let Header { step, note, version, meaning, validation, .. } = header;
        Ok(Self { step, note, version, meaning, validation, tensors })
    }

    /// Puts the state into parameters and optimiser. On an error nothing was changed.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when a tensor is missing, has another shape, or belongs to something
    /// else, or when the run is not what it was.
    pub(crate) fn restore(
        mut self,
        path: &Path,
        meaning: &Meaning,
        (parameters, buffers): (&[OuterParameter], &[Buffer]),
        (adam, average): (&mut Adam, Option<&mut Average>),
    ) -> Result<()> {
        let problem = |problem: String| Error::Checkpoint { path: path.into(), problem };
        if let Some(differences) = self.meaning.as_ref().map(|m| m.differences(meaning))
            && !differences.is_empty()
        {
            return Err(problem(format!(
                "this run is not the one it was written by: {}; go on with what it was",
                differences.join("; ")
            )));
        }
        let mut take = |name: String, like: &Tensor| {
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
        let prefixes = if self.version == 0 { MOMENTS_BEFORE } else { MOMENTS };
        let like = adam.moments()?;
        let (mut values, mut moments) = (Vec::new(), [Vec::new(), Vec::new()]);
        for (i, p) in parameters.iter().enumerate() {
            values.push(take(p.name.clone(), p.variable.as_tensor())?);
            for ((list, prefix), like) in moments.iter_mut().zip(prefixes).zip([&like.0[i], &like.1[i]]) {
                list.push(take(format!("{prefix}{}", p.name), like)?);
            }
        }
        let own_sums = average.as_deref().map_or(&[][..], Average::sums);
        let sums: Vec<Tensor> = parameters
            .iter()
            .zip(own_sums)
            .map(|(p, like)| take(format!("{AVERAGE}{}", p.name), like))
            .collect::<Result<_>>()?;
        let statistics: Vec<(_, Tensor)> = buffers
            .iter()
            .map(|b| {
                let variable = b.variable()?;
                let value = take(b.name.clone(), variable.as_tensor())?;
                Ok((variable, value))
            })
            .collect::<Result<_>>()?;
        if let Some(name) = self.tensors.keys().next() {
            return Err(problem(format!(
                "tensor `{name}` does not belong to this run; it is of another configuration"
            )));
        }
        let [first, second] = moments;
        for (p, moment) in parameters.iter().zip(&second) {
            let smallest = moment.flatten_all()?.to_dtype(candle_core::DType::F64)?.to_vec1::<f64>()?;
            if smallest.iter().any(|&x| x < 0.0) {
                return Err(problem(format!("the mean square of gradients of `{}` is negative", p.name)));
            }
        }
        adam.restore(self.step, first, second)?;
        average::put(parameters, &values)?;
        for (variable, value) in statistics {
            variable.set(&value)?;
        }
        if let Some(average) = average {
            average.restore(sums);
        }
        Ok(())
    }
}

/// The checksum of a header without one, and of the name, type, shape and bytes of each tensor.
fn checksum(header: &Header, tensors: &SafeTensors<'_>) -> String {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(serde_json::to_string(header).unwrap_or_default().as_bytes());
    let mut names = tensors.names();
    names.sort_unstable();
    for name in names {
        let Ok(view) = tensors.tensor(name) else { continue };
        hasher.update(format!("\0{name}\0{:?}\0{:?}\0", view.dtype(), view.shape()).as_bytes());
        hasher.update(view.data());
    }
    format!("{:08x}", hasher.finalize())
}
