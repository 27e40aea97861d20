//! What a run does: the definition with the flags applied. Stored in the run folder, so that a resumed run does the same.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::choice::{by_name, keep};
use super::definition::Definition;
use super::device::DeviceName;
use super::experiment::Experiment;
use super::flags::Flags;
use super::learner::Inner;
use super::mean::Mean;

/// A run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Run<E: Experiment> {
    /// Only what runs is left in it.
    pub definition: Definition<E>,
    /// Where the definition is from, for messages.
    pub source: String,
    /// Whether it is a smoke run.
    pub quick: bool,
    /// Where to compute.
    pub device: DeviceName,
    /// The folder of the authors' `.npz` files, if they replace our generator.
    pub data: Option<PathBuf>,
    /// Whether nothing was changed on which the bounds of the definition depend.
    pub is_defined: bool,
    /// The name under which the table is recorded; nothing when this is not the whole experiment.
    pub recorded_as: Option<String>,
}

impl<E: Experiment> Run<E> {
    /// Applies the flags to the definition `built_in`, or to that of `--definition`. Names that are not defined are errors that
    /// list those that are.
    pub fn new(experiment: &str, built_in: &str, flags: &Flags<E::Flags>) -> Result<Self> {
        let (source, definition) = match &flags.definition {
            None => {
                let source = format!("data/experiments/{experiment}.toml");
                let definition = Definition::<E>::parse(built_in, &source)?;
                (source, definition)
            }
            Some(path) => {
                let source = path.display().to_string();
                let text = std::fs::read_to_string(path).with_context(|| source.clone())?;
                let definition = Definition::parse(&text, &source)?;
                (source, definition)
            }
        };
        let mut run = Self {
            definition,
            source,
            quick: flags.quick,
            device: flags.device.unwrap_or(DeviceName::Cpu),
            data: None,
            is_defined: true,
            recorded_as: None,
        };
        let Definition { methods, training, quick, problems, .. } = &mut run.definition;
        let all = (methods.len(), problems.len(), training.seeds);
        if flags.quick {
            training.outer_steps = quick.outer_steps;
            training.seeds = quick.seeds.unwrap_or(training.seeds);
        }
        let quick_methods = (flags.quick && !quick.methods.is_empty()).then(|| quick.methods.clone());
        keep("method", methods, |m| m.name.clone(), &flags.methods, quick_methods, by_name)?;
        let defined = (training.outer_steps, training.inner_steps);
        training.outer_steps = flags.outer_steps.unwrap_or(training.outer_steps);
        training.inner_steps = flags.inner_steps.unwrap_or(training.inner_steps);
        training.seeds = flags.seeds.unwrap_or(training.seeds);
        run.is_defined = defined == (training.outer_steps, training.inner_steps);
        E::narrow(&mut run, &flags.own)?;
        let Definition { methods, problems, training, .. } = &run.definition;
        let is_whole = run.is_defined
            && !run.quick
            && flags.definition.is_none()
            && (methods.len(), problems.len()) == (all.0, all.1)
            && training.seeds >= all.2;
        run.recorded_as = is_whole.then(|| match training.seeds {
            seeds if seeds == all.2 => experiment.to_string(),
            seeds => format!("{experiment}-{seeds}-seeds"),
        });
        Ok(run)
    }

    /// Whether a method of that name is part of the run.
    pub fn has_method(&self, name: &str) -> bool {
        self.definition.method(name).is_some()
    }

    /// Keeps the methods whose inner loop is of this kind; all when none is asked for.
    pub fn keep_inner(&mut self, inner: Option<Inner>) -> Result<()> {
        let Some(inner) = inner else { return Ok(()) };
        let methods = &mut self.definition.methods;
        let all: Vec<String> = methods.iter().map(|m| m.name.clone()).collect();
        methods.retain(|m| inner.selects(m.learner));
        ensure!(
            !methods.is_empty(),
            "none of the methods {} adapts as --inner asks; leave out --methods or --inner",
            all.join(", ")
        );
        Ok(())
    }

    /// Takes the authors' files in this folder in place of our generator.
    pub fn take_data(&mut self, folder: Option<&PathBuf>) -> Result<()> {
        if let Some(folder) = folder {
            // A run is continued from any folder.
            self.data = Some(std::path::absolute(folder)?);
            self.is_defined = false;
        }
        Ok(())
    }

    /// The mean over seeds, each of which has tasks of its own unless they come from a file.
    pub fn mean(&self, seeds: impl Iterator<Item = Mean>) -> Option<Mean> {
        if self.data.is_some() { Mean::over_same_tasks(seeds) } else { Mean::over(seeds) }
    }
}
