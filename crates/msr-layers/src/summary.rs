//! A model as a table: layers, shapes, parameters and who changes them, work.

use std::fmt;

use candle_core::{DType, Tensor};
use msr_autodiff::Node;

use crate::error::Result;
use crate::layer::{Input, Layer};
use crate::parameters::Parameters;
use crate::pass::Phase;
use crate::record::prefix;

/// Floating-point operations of a forward pass; a multiply–add is two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flops {
    /// Once for each task: `W = U v`.
    pub per_task: u64,
    /// For each example.
    pub per_example: u64,
}

impl Flops {
    /// So many for each example, none for the task.
    pub fn per_example(count: usize) -> Self {
        Self { per_task: 0, per_example: count as u64 }
    }
}

/// One layer of a model.
#[derive(Clone, Debug)]
pub struct LayerSummary {
    /// Its name: what the names of its tensors have before the last dot; empty without tensors.
    pub name: String,
    /// Its kind, as it is saved (`conv_block`); `layer` for one that is not.
    pub kind: String,
    /// The shape of an example after it.
    pub output: Vec<usize>,
    /// The names and shapes of its parameters and buffers.
    pub tensors: Vec<(String, Vec<usize>)>,
    /// The work of a forward pass; `None` for a layer that does not say.
    pub flops: Option<Flops>,
}

impl LayerSummary {
    /// The row of a layer, whose output shape a forward pass over zeros finds.
    pub(crate) fn of<L: Layer + ?Sized>(layer: &L, example: &[usize]) -> Result<Self> {
        let parameters = layer.parameters();
        let values = parameters.broadcast(1)?.in_phase(Phase::Support);
        let like = parameters.iter().next().map(|p| &p.tensor);
        let (dtype, device) =
            like.map_or((DType::F32, candle_core::Device::Cpu), |t| (t.dtype(), t.device().clone()));
        // Two examples: one alone may have no variance.
        let x = Node::constant(&Tensor::zeros([&[1, 2], example].concat(), dtype, &device)?);
        let y = layer.forward_tasks(&values, &Input::Examples(x))?;
        let output = y.dims().get(2..).unwrap_or_default().to_vec();
        let record = layer.record(&values)?;
        let said = |key: &str| Some(record.as_ref()?.spec.get(key)?.as_str()?.to_string());
        let flops = layer.flops(example, &output);
        Ok(Self {
            name: said("name").unwrap_or_else(|| prefix(&parameters)),
            kind: said("layer").unwrap_or_else(|| "layer".into()),
            output,
            tensors: tensors(&parameters),
            flops,
        })
    }
}

/// The names and shapes of parameters and buffers.
fn tensors(parameters: &Parameters) -> Vec<(String, Vec<usize>)> {
    let own = parameters.iter().map(|p| (p.name.clone(), p.tensor.dims().to_vec()));
    own.chain(parameters.buffers.iter().map(|b| (b.name.clone(), b.shape.clone()))).collect()
}

/// How many numbers belong to whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NumberCounts {
    /// Shared by all tasks, learned in the outer loop.
    pub shared: usize,
    /// Adapted to each task; the initial values are learned in the outer loop.
    pub adapted: usize,
    /// Statistics, which no gradient changes.
    pub buffers: usize,
    /// Of a layer that is used again: the numbers of a layer above, not counted there and here.
    pub tied: usize,
}

/// A model as a table. `Display` prints it.
///
/// # Example
/// ```
/// use candle_core::{DType, Device};
/// use msr_layers::{Conv4, Conv4Config, ModelSummary, SeededVars};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vb = SeededVars::new(0).builder(DType::F32, &Device::Cpu);
/// let summary = ModelSummary::of(&Conv4::new(Conv4Config::new((1, 28, 28), 32, 5), vb)?, &[1, 28, 28])?;
/// assert_eq!(summary.totals().adapted, 32 * 9 + 3 * 32 * 32 * 9 + 4 * 2 * 32 + 5 * 32 + 5);
/// let text = summary.to_string();
/// assert!(text.contains("block1  conv_block  32 × 7 × 7"), "{text}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ModelSummary {
    example: Vec<usize>,
    rows: Vec<(LayerSummary, NumberCounts)>,
}

impl ModelSummary {
    /// The summary of a model for examples of this shape, without tasks and batch: `[1, 28, 28]`.
    ///
    /// # Errors
    /// When such an example does not fit the model; [`Error::Name`](crate::Error::Name) for
    /// different variables under one name.
    pub fn of(model: &dyn Layer, example: &[usize]) -> Result<Self> {
        let parameters = model.parameters();
        parameters.tied()?;
        let has = |list: &[crate::parameters::Parameter], name: &str| list.iter().any(|p| p.name == name);
        let (mut seen, mut rows) = (Vec::<String>::new(), Vec::new());
        for row in model.summarize(example)? {
            let mut counts = NumberCounts::default();
            for (name, shape) in &row.tensors {
                let count: usize = shape.iter().product();
                if seen.contains(name) {
                    counts.tied += count;
                } else if has(&parameters.shared, name) {
                    counts.shared += count;
                } else if has(&parameters.adapted, name) {
                    counts.adapted += count;
                } else {
                    counts.buffers += count;
                }
                seen.push(name.clone());
            }
            rows.push((row, counts));
        }
        Ok(Self { example: example.to_vec(), rows })
    }

    /// The layers, in the order in which an example passes through them, with their numbers.
    pub fn layers(&self) -> &[(LayerSummary, NumberCounts)] {
        &self.rows
    }

    /// The numbers of the whole model.
    pub fn totals(&self) -> NumberCounts {
        self.rows.iter().fold(NumberCounts::default(), |all, (_, row)| NumberCounts {
            shared: all.shared + row.shared,
            adapted: all.adapted + row.adapted,
            buffers: all.buffers + row.buffers,
            tied: all.tied + row.tied,
        })
    }

    /// The work of a forward pass of one task with so many examples, of the layers that say theirs.
    pub fn flops(&self, examples: usize) -> u64 {
        let work = self.rows.iter().filter_map(|(row, _)| row.flops);
        work.map(|f| f.per_task.saturating_add(f.per_example.saturating_mul(examples as u64))).sum()
    }

    /// Whether every layer says how much work it is.
    pub fn knows_all_work(&self) -> bool {
        self.rows.iter().all(|(row, _)| row.flops.is_some())
    }
}

/// `32 × 7 × 7`; a single number for none.
fn shape(dims: &[usize]) -> String {
    let dims: Vec<String> = dims.iter().map(usize::to_string).collect();
    if dims.is_empty() { "1".into() } else { dims.join(" × ") }
}

impl fmt::Display for ModelSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEAD: [&str; 9] =
            ["layer", "kind", "output", "shared", "adapted", "buffers", "tied", "FLOP/task", "FLOP/example"];
        let numbers = |counts: &NumberCounts| {
            [counts.shared, counts.adapted, counts.buffers, counts.tied].map(|n| n.to_string())
        };
        let mut table = vec![HEAD.map(String::from)];
        table.push(["", "input", &shape(&self.example), "", "", "", "", "", ""].map(String::from));
        for (row, counts) in &self.rows {
            let [shared, adapted, buffers, tied] = numbers(counts);
            let flops = |of: fn(&Flops) -> u64| row.flops.as_ref().map_or("?".into(), |w| of(w).to_string());
            let (task, example) = (flops(|w| w.per_task), flops(|w| w.per_example));
            let (name, kind, output) = (row.name.clone(), row.kind.clone(), shape(&row.output));
            table.push([name, kind, output, shared, adapted, buffers, tied, task, example]);
        }
        let [shared, adapted, buffers, tied] = numbers(&self.totals());
        let (task, example) = (self.flops(0), self.flops(1) - self.flops(0));
        let known = |n: u64| if self.knows_all_work() { n.to_string() } else { format!("≥ {n}") };
        let (task, example) = (known(task), known(example));
        table.push([
            String::new(),
            "total".into(),
            String::new(),
            shared,
            adapted,
            buffers,
            tied,
            task,
            example,
        ]);
        let widths: Vec<usize> = (0..HEAD.len())
            .map(|i| table.iter().map(|line| line[i].chars().count()).max().unwrap_or(0))
            .collect();
        for (n, line) in table.iter().enumerate() {
            let mut text = String::new();
            for (i, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let space = " ".repeat(width - cell.chars().count());
                // Words begin, numbers end in line.
                text += &if i < 3 { format!("{cell}{space}  ") } else { format!("{space}{cell}  ") };
            }
            writeln!(f, "{}", text.trim_end())?;
            if n == 0 {
                writeln!(f, "{}", "─".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1)))?;
            }
        }
        Ok(())
    }
}
