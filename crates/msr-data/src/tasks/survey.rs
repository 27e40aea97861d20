//! How much there is, before it is read.

/// What is known of tasks before their numbers are read: from the headers of arrays and the footers
/// of Parquet files, and of text from its first thousand rows and the size of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// So many files.
    pub files: usize,
    /// So many tasks; none where only the rows say it.
    pub tasks: Option<u64>,
    /// Examples of all tasks together.
    pub examples: u64,
    /// Inputs of an example.
    pub inputs: u64,
    /// Outputs of an example; a column of labels is one, however many classes there are.
    pub outputs: u64,
    /// Numbers that would be kept, eight bytes each.
    pub numbers: u128,
    /// Whether the examples were counted. Of text they are estimated; of text that is packed, there
    /// are at least so many.
    pub is_exact: bool,
}

/// What the readers of the formats say.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    pub tasks: Option<u64>,
    pub examples: u64,
    pub inputs: u64,
    pub outputs: u64,
    pub is_exact: bool,
}

impl Survey {
    pub(super) fn new(files: usize, sizes: &Sizes) -> Self {
        let Sizes { tasks, examples, inputs, outputs, is_exact } = *sizes;
        let numbers = u128::from(examples) * (u128::from(inputs) + u128::from(outputs));
        Self { files, tasks, examples, inputs, outputs, numbers, is_exact }
    }
}
