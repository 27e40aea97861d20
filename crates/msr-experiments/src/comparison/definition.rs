//! The parts of a definition that all comparisons have.

use anyhow::{Result, ensure};
use msr_data::Shots;
use msr_meta::AdamConfig;
use serde::{Deserialize, Serialize};

use super::Settings;
use crate::learner::{Learner, LearnerConfig};
use crate::training::Course;

/// How training goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    pub outer_steps: u64,
    /// After how many outer steps to test, besides the end.
    #[serde(default)]
    pub test_at: Vec<u64>,
    pub meta_batch: usize,
    pub outer_rate: f64,
    pub inner_steps: usize,
    pub inner_rate: f64,
    /// The ridge of exact inner solutions at the start.
    pub ridge: f64,
    pub checkpoint_every: u64,
    pub metrics_every: u64,
    pub seeds: u64,
}

impl Training {
    /// What a definition file may get wrong.
    pub fn check(&self) -> Result<()> {
        ensure!(self.metrics_every > 0, "metrics_every must be at least 1");
        ensure!(self.seeds > 0, "seeds must be at least 1");
        ensure!(self.meta_batch > 0, "meta_batch must be at least 1");
        ensure!(self.checkpoint_every > 0, "checkpoint_every must be at least 1");
        ensure!(self.test_at.is_sorted_by(|a, b| a < b), "test_at must increase");
        Ok(())
    }

    /// The course of a training run, tested on all test tasks with the shots of the training.
    pub fn course(&self, settings: &Settings, shots: Shots, test_batch: usize) -> Course {
        Course {
            outer_steps: settings.outer_steps,
            test_at: self.test_at.clone(),
            meta_batch: self.meta_batch,
            adam: AdamConfig { rate: self.outer_rate, ..AdamConfig::default() },
            shots,
            test_shots: shots,
            test_tasks: None,
            test_batch,
            checkpoint_every: self.checkpoint_every,
            metrics_every: self.metrics_every,
        }
    }

    /// What the learners of a run are made with.
    pub fn learner_config(&self, settings: &Settings) -> LearnerConfig {
        LearnerConfig { inner_steps: settings.inner_steps, inner_rate: self.inner_rate, ridge: self.ridge }
    }
}

/// A way to learn, with a layer of kind `L`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method<L> {
    pub name: String,
    pub learner: Learner,
    pub layer: L,
    /// What a reader of the table should know.
    #[serde(default)]
    pub note: Option<String>,
}
