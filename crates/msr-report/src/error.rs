//! What can go wrong while a picture or a page is made.

/// Why a picture or a page could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A matrix whose number of entries is not rows × columns.
    #[error("{what}: {entries} entries do not make a {rows} × {cols} matrix")]
    Shape {
        /// Which matrix.
        what: String,
        /// How many entries came.
        entries: usize,
        /// The rows that were asked for.
        rows: usize,
        /// The columns that were asked for.
        cols: usize,
    },
    /// Nothing to draw.
    #[error("a picture of nothing: {0}")]
    Empty(&'static str),
    /// More pixels than a picture may have.
    #[error(
        "a picture of {width} × {height} pixels is larger than {most} × {most}; show fewer or smaller panels"
    )]
    TooLarge {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// The most pixels either way.
        most: u32,
    },
    /// A number that cannot be drawn: infinite, or none, or about as large as numbers are.
    #[error("{what} is {value}; it should be a finite number of less than 10³⁰⁰")]
    NotFinite {
        /// Which number.
        what: String,
        /// What it is.
        value: f64,
    },
    /// Parts of a report that do not belong together.
    #[error("the report does not fit together: {what}: {got}, where it should be {expected}")]
    Mismatch {
        /// Which part.
        what: String,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// The plotting library refused to draw.
    #[error("the picture could not be drawn: {0}")]
    Drawing(String),
    /// The picture was drawn, but not encoded.
    #[error("the picture could not be encoded as PNG")]
    Png(#[from] png::EncodingError),
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
