//! Training and testing one cell of Table 2, and what it learned.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use indicatif::ProgressBar;
use msr_data::{EpisodeSampler, Shots, Split, SteerableConv, SteerableConvConfig, TaskSource};
use msr_layers::{Conv2d, Conv2dConfig, ConvSymmetry, Layer, ReparamConv2d, ReparamConv2dConfig, SeededVars};
use serde::{Deserialize, Serialize};

use super::definition::LayerKind;
use super::filters::Filters;
use super::pictures;
use super::plan::{Cell, Plan};
use super::sizes::Sizes;
use super::symmetry::{self, AdaptedLayer, Equivariance, SymmetryReport};
use crate::comparison::{open_file, try_out};
use crate::device::device;
use crate::mean::Mean;
use crate::run_folder::RunFolder;
use crate::runner::{RunCell, RunPlan};
use crate::training::{Course, Tested, batch, weight_shape};

/// What a file of the authors holds.
const ARRAYS: &str =
    "x (tasks, examples, 1, n, n), y (tasks, examples, channels, m, m) and, where known, the filters w";
/// Test tasks whose adapted filters are looked at.
const INSPECTED: usize = 20;

/// The result of a cell, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    pub method: String,
    pub problem: String,
    pub seed: u64,
    pub tested: Vec<Tested>,
    /// For methods with a symmetry matrix.
    pub symmetry: Option<SymmetryReport>,
    pub equivariance: Equivariance,
}

impl CellResult {
    /// What the test after so many outer steps gave, if there was one.
    pub fn after(&self, outer_steps: u64) -> Option<Mean> {
        let found = self.tested.iter().find(|t| t.outer_steps == outer_steps)?;
        Some(Mean::new(found.mean, found.half_width))
    }
}

/// A model whose filters can be looked at.
enum Model {
    Conv(Arc<Conv2d>),
    Reparam(Arc<ReparamConv2d>),
}

impl Model {
    fn new(cell: &Cell, sizes: Sizes, device: &Device) -> Result<Self> {
        let vb = SeededVars::new(cell.seed).builder(DType::F32, device);
        let conv = Conv2dConfig::new(1, sizes.channels, sizes.kernel);
        tracing::debug!(cell = cell.name(), ?conv, "building the model");
        Ok(match cell.method.layer {
            LayerKind::Conv => Model::Conv(Arc::new(Conv2d::new(conv, vb)?)),
            LayerKind::ReparamKronecker => {
                Model::Reparam(Arc::new(ReparamConv2d::new(ReparamConv2dConfig::kronecker(conv), vb)?))
            }
            LayerKind::ReparamFull => {
                let config = ReparamConv2dConfig::full(conv, cell.problem.filter_params);
                Model::Reparam(Arc::new(ReparamConv2d::new(config, vb)?))
            }
        })
    }

    fn layer(&self) -> Arc<dyn Layer> {
        match self {
            Model::Conv(layer) => layer.clone(),
            Model::Reparam(layer) => layer.clone(),
        }
    }

    /// The filters `(t, o · k²)` of adapted parameters.
    fn filters(&self, adapted: &[(String, Tensor)]) -> Result<Vec<Vec<f64>>> {
        let name = if matches!(self, Model::Conv(_)) { "weight" } else { "filter" };
        let found = adapted.iter().find(|(n, _)| n == name);
        let (_, tensor) = found.with_context(|| format!("the model has no {name}"))?;
        let weight = match self {
            Model::Conv(_) => tensor.clone(),
            Model::Reparam(layer) => layer.weight_of(tensor)?,
        };
        Ok(weight.flatten_from(1)?.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec2()?)
    }
}

/// Trains and tests a cell, from its checkpoint when there is one. Runs on the calling thread.
pub fn run(plan: &Plan, cell: &Cell, folder: &RunFolder, bar: &ProgressBar) -> Result<CellResult> {
    let device = device(plan.settings.device)?;
    let source = source(plan, cell)?;
    let sizes = Sizes::of(source.as_ref(), cell.problem.group())?;
    let sampler = sampler(plan, cell, source.clone())?;
    let model = Model::new(cell, sizes, &device)?;
    let course = course(plan);
    let config = plan.definition.training.learner_config(&plan.settings);
    let objective = cell.method.learner.objective(model.layer(), &config)?;
    let metadata = match cell.method.layer {
        LayerKind::ReparamFull => weight_shape(&[sizes.channels, 1, sizes.kernel, sizes.kernel]),
        _ => HashMap::new(),
    };
    let (trainer, tested) = course.run(metadata, objective, &sampler, &device, folder, bar)?;
    bar.set_message("reading out");
    let group = cell.problem.group();
    let count = INSPECTED.min(plan.test_tasks).min(sampler.split().test);
    let episodes = sampler.test(0..count, course.test_shots)?.to_device(&device)?;
    let parameters = trainer.objective().adapt(&batch(&episodes).support)?;
    let adapted = model.filters(&parameters)?;
    let truth = (episodes.tasks)
        .iter()
        .map(|&task| true_filters(source.as_ref(), task, sizes))
        .collect::<Result<Option<Vec<_>>>>()?;
    let layer = AdaptedLayer::new(model.layer(), parameters);
    let true_layer = truth.as_deref().map(|truth| with_filters(truth, sizes, &device)).transpose()?;
    let filters = Filters { learned: adapted, truth };
    let equivariance =
        Equivariance::of(group, sizes, &filters.learned, &layer, true_layer.as_ref(), cell.seed)?;
    filters.write(folder, sizes)?;
    folder.write("filters.png", &pictures::filters(&cell.name(), group, sizes, &filters)?)?;
    let learned = match &model {
        Model::Conv(_) => None,
        Model::Reparam(layer) => Some((layer.config().symmetry, layer.symmetry()?)),
    };
    let mut report = None;
    if let Some((kind, symmetry)) = &learned {
        report = Some(symmetry::read(group, sizes, symmetry)?);
        folder
            .write("basis.png", &pictures::basis(&cell.name(), group, sizes, symmetry, &filters.learned)?)?;
        if *kind == ConvSymmetry::Kronecker {
            folder.write("factors.png", &pictures::factors(&cell.name(), symmetry)?)?;
        }
    }
    Ok(CellResult {
        method: cell.method.name.clone(),
        problem: cell.problem.name.clone(),
        seed: cell.seed,
        tested,
        symmetry: report,
        equivariance,
    })
}

/// A convolution with these filters, one set for each task.
fn with_filters(filters: &[Vec<f64>], sizes: Sizes, device: &Device) -> Result<AdaptedLayer> {
    let Sizes { channels, kernel } = sizes;
    let conv = Conv2dConfig::new(1, channels, kernel);
    let layer = Conv2d::new(conv, SeededVars::new(0).builder(DType::F64, device))?;
    let weight = Tensor::from_vec(filters.concat(), (filters.len(), channels, 1, kernel, kernel), device)?;
    Ok(AdaptedLayer::new(Arc::new(layer), vec![("weight".into(), weight)]))
}

/// The true filters of a task, `o · k²` numbers, where the source knows them in this form.
fn true_filters(source: &dyn TaskSource, task: usize, sizes: Sizes) -> Result<Option<Vec<f64>>> {
    let size = sizes.channels * sizes.taps();
    let known = source.true_weights(task)?.filter(|(_, w)| w.len() == size);
    Ok(known.map(|(_, w)| w.iter().map(|&w| f64::from(w)).collect()))
}

/// Opens the authors' files once and tries them out.
pub fn check_data(plan: &Plan) -> Result<()> {
    let mut checked: Vec<String> = Vec::new();
    for cell in plan.cells().iter().filter(|_| plan.settings.data.is_some()) {
        if checked.contains(&cell.problem.name) {
            continue;
        }
        let source = source(plan, cell)?;
        let Sizes { channels, kernel } = Sizes::of(source.as_ref(), cell.problem.group())?;
        let what = format!(
            "{}: {}, {channels} channels of {kernel} × {kernel} taps",
            cell.problem.name,
            source.name()
        );
        try_out(&sampler(plan, cell, source)?, &course(plan), &what)?;
        checked.push(cell.problem.name.clone());
    }
    Ok(())
}

fn course(plan: &Plan) -> Course {
    let tasks = &plan.definition.tasks;
    let shots = Shots { support: tasks.support, query: tasks.query };
    Course {
        test_tasks: Some(plan.test_tasks),
        ..plan.definition.training.course(&plan.settings, shots, tasks.test_batch)
    }
}

/// The tasks of a file are split into four fifths and one.
fn sampler(plan: &Plan, cell: &Cell, source: Arc<dyn TaskSource>) -> Result<EpisodeSampler> {
    let tasks = &plan.definition.tasks;
    let split = source.tasks().map_or(Split::new(tasks.train, tasks.test), Split::four_fifths);
    Ok(EpisodeSampler::new(source, split, cell.seed)?)
}

/// The cell's tasks.
fn source(plan: &Plan, cell: &Cell) -> Result<Arc<dyn TaskSource>> {
    match &plan.settings.data {
        Some(folder) => open_file(folder, &cell.problem.file, ARRAYS),
        None => Ok(Arc::new(SteerableConv::new(SteerableConvConfig::new(cell.problem.group(), cell.seed))?)),
    }
}
