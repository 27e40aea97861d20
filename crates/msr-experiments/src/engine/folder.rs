//! A folder of files: that of a run, and in it that of each training run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use msr_files::write_atomic;
use msr_report::picture::Picture;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The folder of all training runs, in that of the run.
pub const CELLS: &str = "cells";

/// A folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at a path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder inside, created when it is not there.
    pub fn inside(&self, name: &str) -> Result<Self> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).with_context(|| format!("{}", path.display()))?;
        Ok(Self { path })
    }

    /// Writes a file atomically.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        Ok(write_atomic(self.path.join(name), bytes)?)
    }

    /// Writes a picture as `<name>.png` and `<name>.svg`.
    pub fn write_picture(&self, name: &str, picture: &Picture) -> Result<()> {
        self.write(&format!("{name}.png"), &picture.png()?)?;
        self.write(&format!("{name}.svg"), picture.svg()?.as_bytes())
    }

    /// Writes a value as JSON, atomically.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        self.write(name, text.as_bytes())
    }

    /// Reads JSON; `None` when there is no such file.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => {
                Ok(Some(serde_json::from_slice(&bytes).with_context(|| format!("{}", path.display()))?))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("{}", path.display())),
        }
    }
}
