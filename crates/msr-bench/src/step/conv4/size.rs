//! The Conv4 meta-step: its sizes, its learner and episode, and the fewest operations that it
//! takes.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use candle_nn::Init;
use clap::builder::RangedU64ValueParser;
use msr_episodes::{Episode, Examples};
use msr_layers::{Conv4, Conv4Config, Filters, SeededVars};
use msr_meta::{Learner, Loss, MetaConfig, MetaLearner, Reduction};
use serde::{Deserialize, Serialize};

/// Omniglot's images, as few-shot learning uses them.
const IMAGE: (usize, usize, usize) = (1, 28, 28);
/// The taps of a filter.
const TAPS: usize = 9;

/// What the weights of the convolutions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The parameters: MAML.
    Plain,
    /// `vec(W) = (A ⊗ B ⊗ C) v`: MSR.
    Kronecker,
    /// `vec(W) = U v` with any U of `--filter-params` columns: MSR.
    Full,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain weights",
            Self::Kronecker => "Kronecker factors",
            Self::Full => "full symmetry matrices",
        })
    }
}

/// A number of something, from 1.
fn count() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=65_536)
}

/// The sizes of a Conv4 meta-step.
#[derive(Clone, Copy, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct Conv4Size {
    /// Tasks.
    #[arg(long, default_value_t = 8, value_parser = count())]
    pub tasks: usize,
    /// Classes of a task.
    #[arg(long, default_value_t = 5, value_parser = count())]
    pub ways: usize,
    /// Support images of each class.
    #[arg(long, default_value_t = 1, value_parser = count())]
    pub shots: usize,
    /// Query images of a task, of all classes together.
    #[arg(long, default_value_t = 25, value_parser = count())]
    pub queries: usize,
    /// Channels of each of the four blocks.
    #[arg(long, default_value_t = 32, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub width: usize,
    /// What the weights of the convolutions are.
    #[arg(long, value_enum, default_value_t = Kind::Kronecker)]
    pub kind: Kind,
    /// Columns of each full symmetry matrix.
    #[arg(long, default_value_t = 64, value_parser = count())]
    pub filter_params: usize,
}

impl Default for Conv4Size {
    /// 8 tasks of 5 ways, 1 shot and 25 queries; 32 channels with Kronecker factors.
    fn default() -> Self {
        let (width, kind, filter_params) = (32, Kind::Kronecker, 64);
        Self { tasks: 8, ways: 5, shots: 1, queries: 25, width, kind, filter_params }
    }
}

/// A Conv4 meta-step: sizes and inner steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv4Step {
    /// The sizes.
    pub size: Conv4Size,
    /// Inner steps.
    pub inner_steps: usize,
}

impl Default for Conv4Step {
    /// One inner step of the usual sizes.
    fn default() -> Self {
        Self { size: Conv4Size::default(), inner_steps: 1 }
    }
}

impl Conv4Step {
    fn config(&self) -> Conv4Config {
        let Conv4Size { width, ways, kind, filter_params, .. } = self.size;
        let filters = match kind {
            Kind::Plain => Filters::Plain,
            Kind::Kronecker => Filters::Kronecker,
            Kind::Full => Filters::Full { filter_params },
        };
        Conv4Config { filters, ..Conv4Config::new(IMAGE, width, ways) }
    }

    /// Support images of a task.
    fn support(&self) -> usize {
        self.size.ways * self.size.shots
    }

    /// The learner at its initial values: cross-entropy, the mean over tasks, an inner rate for
    /// each layer.
    ///
    /// # Errors
    /// What the layer and the learner report.
    pub fn learner(&self, dtype: DType, device: &Device) -> Result<MetaLearner> {
        let net = Conv4::new(self.config(), SeededVars::new(1).builder(dtype, device))?;
        let steps = MetaConfig::gradient_steps(self.inner_steps);
        let config = MetaConfig { loss: Loss::CrossEntropy, reduction: Reduction::Mean, ..steps };
        Ok(MetaLearner::new(net, config)?)
    }

    /// Images of noise, U(0, 1) for every pixel, the classes in turn. Speed does not depend on what
    /// is to be seen.
    ///
    /// # Errors
    /// What the tensor library reports.
    pub fn episode(&self) -> Result<Episode> {
        let Conv4Size { tasks, ways, queries, .. } = self.size;
        let set = |name: &str, examples: usize| -> Result<Examples> {
            let (c, h, w) = IMAGE;
            let mut pixels = Vec::with_capacity(tasks * examples * c * h * w);
            for task in 0..tasks {
                // A store of its own, so that no task's images stay in memory twice.
                let draws = SeededVars::new(task as u64).builder(DType::F32, &Device::Cpu);
                let init = Init::Uniform { lo: 0.0, up: 1.0 };
                let drawn = draws.get_with_hints((examples, c, h, w), name, init)?;
                pixels.extend(drawn.flatten_all()?.to_vec1::<f32>()?);
            }
            let x = Tensor::from_vec(pixels, (tasks, examples, c, h, w), &Device::Cpu)?;
            let labels: Vec<u32> = (0..tasks * examples).map(|i| (i % examples % ways) as u32).collect();
            Ok(Examples::labels(x, Tensor::from_vec(labels, (tasks, examples), &Device::Cpu)?)?)
        };
        Ok(Episode::new((0..tasks).collect(), set("support", self.support())?, set("query", queries)?)?)
    }

    /// The fewest operations and bytes of a step whose convolutions are direct.
    ///
    /// A layer takes F operations to compute an example. Of the query set: F, and F each for the
    /// gradients of weights and inputs. Of the support set in each inner step: F; 2 F for these
    /// gradients; 4 F for the outer gradient through them (each is a product of two things, with a
    /// gradient for either) and 2 F through the outputs. The inputs of the first layer are images,
    /// which need no gradient: 2 F and 4 F there. A symmetry matrix takes E operations to make
    /// weights, and as many for the gradients of v and of itself: 3 E a task at the query set, 6 E
    /// in each inner step, but 3 E of the first step only once, where all tasks have the same
    /// weights. Bytes: the images are read, and Adam reads parameter, gradient and two moments and
    /// writes back three of them; everything else can stay in the caches.
    ///
    /// # Errors
    /// What the layer and the learner report.
    pub fn floor(&self) -> Result<(f64, f64)> {
        let shapes = self.config().shapes()?;
        let Conv4Size { tasks, ways, queries, width, kind, filter_params, .. } = self.size;
        let (mut first, mut others, mut expansions) = (0, 0, 0);
        for (block, &(inputs, h, w)) in shapes[..shapes.len() - 1].iter().enumerate() {
            let weights = width * inputs * TAPS;
            *(if block == 0 { &mut first } else { &mut others }) += 2 * h * w * weights;
            expansions += 2
                * weights
                * match kind {
                    Kind::Plain => 0,
                    Kind::Kronecker => width + inputs + TAPS,
                    Kind::Full => filter_params,
                };
        }
        let features = shapes.last().map_or(0, |(c, h, w)| c * h * w);
        others += 2 * features * ways;
        let (steps, support) = (self.inner_steps, self.support());
        let examples = queries * (2 * first + 3 * others) + steps * support * (4 * first + 9 * others);
        let operations = tasks * examples + (6 * tasks * steps + 3) * expansions;
        let (c, h, w) = IMAGE;
        let outer = self.learner(DType::F32, &Device::Cpu)?;
        let outer: usize = outer.outer_parameters().iter().map(|p| p.variable.elem_count()).sum();
        let numbers = tasks * (support + queries) * c * h * w + 7 * outer;
        Ok((operations as f64, 4.0 * numbers as f64))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use candle_core::{DType, Device};
    use msr_layers::ModelSummary;

    use super::{Conv4Size, Conv4Step, Kind};
    use msr_meta::Learner;

    fn small(kind: Kind, inner_steps: usize) -> Conv4Step {
        let size = Conv4Size { tasks: 3, ways: 2, shots: 1, queries: 4, width: 2, kind, filter_params: 7 };
        Conv4Step { size, inner_steps }
    }

    /// Counted by hand: images of 28, 14, 7 and 3 pixels a side, two channels, two classes.
    #[test]
    fn operations_are_those_of_a_count_by_hand() -> Result<()> {
        let first = 2 * 784 * 18;
        let others = 2 * (196 + 49 + 9) * 36 + 2 * 2 * 2;
        let examples = |steps: usize| 4 * (2 * first + 3 * others) + steps * 2 * (4 * first + 9 * others);
        let kronecker = 2 * 18 * (2 + 1 + 9) + 3 * 2 * 36 * (2 + 2 + 9);
        let full = 2 * (18 + 3 * 36) * 7;
        for (kind, expansion) in [(Kind::Plain, 0), (Kind::Kronecker, kronecker), (Kind::Full, full)] {
            assert_eq!(small(kind, 0).floor()?.0, (3 * examples(0) + 3 * expansion) as f64, "{kind}");
            assert_eq!(small(kind, 2).floor()?.0, (3 * examples(2) + 39 * expansion) as f64, "{kind}");
        }
        Ok(())
    }

    /// Weights, γ, β, head; rates of four convolutions, four norms and the head.
    #[test]
    fn bytes_are_those_of_a_count_by_hand() -> Result<()> {
        let model = 18 + 3 * 36 + 4 * 4 + 2 * 2 + 2;
        let numbers = 3 * (2 + 4) * 784 + 7 * (model + 9);
        assert_eq!(small(Kind::Plain, 1).floor()?.1, f64::from(4 * numbers));
        Ok(())
    }

    /// The operations of a forward pass are those that the model says, without norms and pools.
    #[test]
    fn the_count_has_every_layer_of_the_model() -> Result<()> {
        let step = Conv4Step { size: Conv4Size { tasks: 1, ..Conv4Size::default() }, inner_steps: 0 };
        let learner = step.learner(DType::F32, &Device::Cpu)?;
        let summary = ModelSummary::of(learner.model().as_ref(), &[1, 28, 28])?;
        let (mut examples, mut expansions, mut first) = (0, 0, 0);
        for (row, _) in summary.layers() {
            let flops = row.flops.unwrap_or_default();
            examples += flops.per_example;
            expansions += flops.per_task;
            first = if row.name == "block0" { flops.per_example } else { first };
        }
        let all = 25 * (3 * examples - first) + 3 * expansions;
        let (floor, _) = step.floor()?;
        assert!(floor < all as f64 && floor > 0.9 * all as f64, "{floor} {all}");
        Ok(())
    }
}
