//! What is looked at, wherever it comes from.

use msr_groups::LearnedConv;

/// A symmetry matrix, a weight, or a convolution.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A map between points, which permutations may keep.
    Points(Matrix),
    /// A convolution, which rotations and flips may keep.
    Conv(Convolution),
}

/// What the columns of a matrix with a row for each weight are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Those of U.
    Symmetry,
    /// One, the weight itself.
    Weight,
    /// The weights of a task each.
    Stack,
}

/// U with `m · n` rows, a weight, or one for each task.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// The tensor.
    pub name: String,
    pub kind: Kind,
    /// Row by row.
    pub values: Vec<f64>,
    pub outputs: usize,
    pub inputs: usize,
}

/// What a convolution has learned.
#[derive(Clone, Debug)]
pub struct Convolution {
    /// The tensors.
    pub names: Vec<String>,
    pub symmetry: ConvMatrices,
    pub channels: usize,
    pub in_channels: usize,
    pub kernel: usize,
}

/// The symmetry of a convolution, as matrices row by row.
#[derive(Clone, Debug)]
pub enum ConvMatrices {
    /// A over output channels and C over kernel positions.
    Kronecker { channels: Vec<f64>, taps: Vec<f64> },
    /// U with so many columns.
    Full { symmetry: Vec<f64>, columns: usize },
}

impl Convolution {
    /// As the group core takes it.
    pub fn learned(&self) -> LearnedConv<'_> {
        match &self.symmetry {
            ConvMatrices::Kronecker { channels, taps } => LearnedConv::Kronecker { channels, taps },
            ConvMatrices::Full { symmetry, columns } => LearnedConv::Full { symmetry, columns: *columns },
        }
    }
}
