//! Parquet files: columns by name, one row group and one column at a time.
//!
//! The library gives the footer and decodes values; what lies between, pages and how they are
//! compressed, is read here ([`pages`]), so that nothing is allocated for what a file only claims.

mod meaning;
mod pages;
mod thrift;
mod unpack;
mod values;

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::Once;

use ::parquet::column::reader::get_column_reader;
use ::parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
    ParquetStatisticsPolicy, RowGroupMetaData,
};

use self::meaning::meaning;
use self::pages::Pages;
use self::values::{Problem, Shape, Values, Wanted};
use super::columns::Chosen;
use super::error::{Place, Result, TaskError, brief};
use super::rows::{At, Rows};

const MAGIC: &[u8] = b"PAR1";
const ENCRYPTED: &[u8] = b"PARE";
/// A footer has no more bytes than this.
const LARGEST_FOOTER: u64 = 1 << 28;

/// A table whose footer was read.
pub(super) struct Parquet {
    path: PathBuf,
    file: File,
    size: u64,
    metadata: ParquetMetaData,
    /// Of the columns; of those that hold lists, without what is inside.
    pub names: Vec<String>,
    /// How many values a row has, by column: as many as the lists in it are long.
    pub widths: Vec<usize>,
    pub rows: u64,
}

/// What to do with a file that is not whole.
const AGAIN: &str = "the file is damaged; write or download it again";

impl Parquet {
    pub fn open(path: &Path) -> Result<Self> {
        let io = |e| TaskError::io(path)(e);
        let refuse = |problem: String| TaskError::file(path, problem);
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let mut start = Vec::new();
        file.by_ref().take(4).read_to_end(&mut start).map_err(io)?;
        if start.is_empty() {
            return Err(refuse("the file is empty; write or download it again".into()));
        }
        if start == ENCRYPTED {
            return Err(refuse("the file is encrypted; write it without encryption".into()));
        }
        if start != MAGIC {
            return Err(refuse("this is no Parquet file; give it the ending of what it is".into()));
        }
        let mut end = Vec::new();
        file.seek(SeekFrom::Start(size.saturating_sub(8).max(4))).map_err(io)?;
        file.by_ref().take(8).read_to_end(&mut end).map_err(io)?;
        let length = match end.split_first_chunk::<4>() {
            Some((_, ENCRYPTED)) => {
                return Err(refuse("the file is encrypted; write it without encryption".into()));
            }
            Some((length, MAGIC)) => u64::from(u32::from_le_bytes(*length)),
            _ => return Err(refuse(format!("it ends too early: {AGAIN}"))),
        };
        if length > LARGEST_FOOTER || length > size.saturating_sub(12) {
            return Err(refuse(format!("its footer claims {length} bytes: {AGAIN}")));
        }
        let mut footer = Vec::new();
        file.seek(SeekFrom::Start(size - 8 - length)).map_err(io)?;
        file.by_ref().take(length).read_to_end(&mut footer).map_err(io)?;
        let metadata = decoded(&footer).map_err(|problem| {
            refuse(format!("its footer is not understood ({}): {AGAIN}", brief(&problem)))
        })?;
        Self::new(path, file, size, metadata)
    }

    fn new(path: &Path, file: File, size: u64, metadata: ParquetMetaData) -> Result<Self> {
        let refuse = |problem: String| TaskError::file(path, problem);
        let schema = metadata.file_metadata().schema_descr();
        let full: Vec<String> = schema.columns().iter().map(|column| column.path().string()).collect();
        let root = |column: &::parquet::schema::types::ColumnDescriptor| {
            (column.max_rep_level() > 0).then(|| column.path().parts().first().cloned()).flatten()
        };
        let roots: Vec<Option<String>> = schema.columns().iter().map(|column| root(column)).collect();
        let names: Vec<String> = full
            .iter()
            .zip(&roots)
            .map(|(full, root)| match root {
                Some(root) if roots.iter().filter(|other| other.as_ref() == Some(root)).count() == 1 => {
                    root.clone()
                }
                _ => full.clone(),
            })
            .collect();
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort();
        if let Some([name, _]) = sorted.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(refuse(format!("two columns are called `{}`; rename one of them", brief(name))));
        }
        let mut rows = 0u64;
        for group in metadata.row_groups() {
            let own = u64::try_from(group.num_rows()).ok();
            rows = own
                .and_then(|own| rows.checked_add(own))
                .filter(|_| group.num_columns() == names.len())
                .ok_or_else(|| refuse(format!("its row groups contradict its schema: {AGAIN}")))?;
        }
        if rows == 0 {
            let problem = "there are no rows in it; add at least two examples of each task";
            return Err(refuse(problem.into()));
        }
        let group = metadata.row_groups().iter().find(|group| group.num_rows() > 0);
        let width = |at: usize| {
            let is_list = roots.get(at).is_some_and(Option::is_some);
            let (Some(group), true) = (group, is_list) else { return 1 };
            let values = group.columns().get(at).map_or(0, ColumnChunkMetaData::num_values);
            usize::try_from(values / group.num_rows()).unwrap_or_default()
        };
        let widths = (0..names.len()).map(width).collect();
        Ok(Self { path: path.into(), file, size, metadata, names, widths, rows })
    }

    fn width(&self, column: usize) -> usize {
        self.widths.get(column).copied().unwrap_or(1)
    }

    /// Reads all rows into `rows`: into one task, or into that which a column names.
    pub fn read(mut self, chosen: &Chosen, whole: Option<usize>, rows: &mut Rows) -> Result<()> {
        let is_label = match chosen.y.as_slice() {
            [column] => {
                let schema = self.metadata.file_metadata().schema_descr();
                let meant = schema.columns().get(*column).map(|column| meaning(column));
                let is_text = meant == Some(Ok(meaning::Meaning::Text));
                *rows.is_labelled.get_or_insert(is_text)
            }
            _ => false,
        };
        let of_y = if is_label { Wanted::Texts } else { Wanted::Numbers };
        let mut before = 0u64;
        for group in 0..self.metadata.num_row_groups() {
            let task = match (whole, chosen.task) {
                (None, Some(column)) => Some((column, self.column(group, column, Wanted::Texts, before)?)),
                _ => None,
            };
            let all = |columns: &[usize], wanted, this: &mut Self| {
                let read = |&column: &usize| {
                    Ok((column, this.width(column), this.column(group, column, wanted, before)?))
                };
                columns.iter().map(read).collect::<Result<Vec<_>>>()
            };
            let (x, y) = (all(&chosen.x, Wanted::Numbers, &mut self)?, all(&chosen.y, of_y, &mut self)?);
            let count = self.metadata.row_groups().get(group).map_or(0, RowGroupMetaData::num_rows);
            for row in 0..count as usize {
                let place = || Place::Row(before + row as u64 + 1);
                let at = |column: usize| At {
                    path: &self.path,
                    place: &place,
                    column: self.names.get(column).map_or("", String::as_str),
                };
                let task = match (whole, &task) {
                    (Some(task), _) => task,
                    (None, Some((column, values))) => rows.task_of(text(values, row), at(*column))?,
                    (None, None) => rows.task(""),
                };
                let width =
                    |columns: &[(usize, usize, Values)]| columns.iter().map(|(_, w, _)| w).sum::<usize>();
                rows.keep(width(&x) + width(&y))?;
                let label = match y.as_slice() {
                    [(column, _, values)] if is_label => Some(rows.label(text(values, row), at(*column))?),
                    _ => None,
                };
                let Some(task) = rows.tasks.get_mut(task) else { continue };
                for (_, width, values) in &x {
                    task.x.extend(numbers(values, row, *width));
                }
                for (_, width, values) in &y {
                    task.y.extend(numbers(values, row, *width));
                }
                task.y.extend(label);
            }
            before += count as u64;
        }
        Ok(())
    }

    /// The values of a column of a row group, before which there are so many rows.
    fn column(&mut self, group: usize, column: usize, wanted: Wanted, before: u64) -> Result<Values> {
        let name = self.names.get(column).cloned().unwrap_or_default();
        let odd =
            |problem: String| TaskError::file(&self.path, format!("column `{}`: {problem}", brief(&name)));
        let damaged = |problem: &str| odd(format!("{}: {AGAIN}", brief(problem)));
        let width = self.width(column);
        let found = self.metadata.row_groups().get(group);
        let Some((found, chunk)) = found.and_then(|found| Some((found, found.columns().get(column)?))) else {
            return Err(damaged("it is missing in a row group"));
        };
        let rows = usize::try_from(found.num_rows()).map_err(|_| damaged("it has too many rows"))?;
        let descriptor = chunk.column_descr_ptr();
        let meant = meaning(&descriptor).map_err(|what| {
            odd(format!("it holds {what}, and numbers are needed; convert it, or leave the column out"))
        })?;
        if descriptor.max_rep_level() > 0 && (width == 0 || wanted == Wanted::Texts) {
            let what =
                if width == 0 { "lists without values" } else { "lists, where one value a row is needed" };
            return Err(odd(format!("it holds {what}; write a column for each value")));
        }
        if chunk.file_path().is_some() {
            return Err(odd("it lies in another file; write all columns into one".into()));
        }
        let shape = Shape {
            rows,
            width,
            most_definition: descriptor.max_def_level(),
            is_repeated: descriptor.max_rep_level() > 0,
        };
        let values = usize::try_from(chunk.num_values()).ok();
        let Some(values) = values
            .filter(|&values| rows.checked_mul(width).is_some_and(|all| values >= all || shape.is_repeated))
        else {
            return Err(damaged("it has fewer values than there are rows"));
        };
        let bytes = chunk_bytes(&mut self.file, self.size, chunk).map_err(|problem| match problem {
            Ok(reason) => TaskError::io(&self.path)(reason),
            Err(problem) => damaged(problem),
        })?;
        let pages = Pages::new(bytes, chunk.compression_codec(), values);
        let read =
            guarded(|| values::read(get_column_reader(descriptor, Box::new(pages)), meant, wanted, shape));
        read.unwrap_or_else(|| Err(Problem::Damaged("its values cannot be decoded".into()))).map_err(
            |problem| match problem {
                Problem::Damaged(problem) => damaged(&problem),
                Problem::Value { row, found, expected } => TaskError::Value {
                    path: self.path.clone(),
                    place: Place::Row(before + row as u64 + 1),
                    column: name.clone(),
                    found,
                    expected,
                },
            },
        )
    }
}

/// What the library makes of bytes; none where it panics, as its decoders of differences
/// (DELTA_BYTE_ARRAY), of split bytes (BYTE_STREAM_SPLIT) and of packed bits do where a damaged
/// page has fewer bytes than they count on. How many that are, they alone know. What they hold is
/// dropped. Nothing of it is printed: panics of this thread are kept from the hook meanwhile.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    thread_local!(static IS_GUARDED: Cell<bool> = const { Cell::new(false) });
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            if !IS_GUARDED.get() {
                usual(info);
            }
        }));
    });
    let before = IS_GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    IS_GUARDED.set(before);
    done
}

/// The footer, without the statistics in it.
fn decoded(footer: &[u8]) -> std::result::Result<ParquetMetaData, String> {
    let options = ParquetMetaDataOptions::new()
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
    match guarded(|| ParquetMetaDataReader::decode_metadata_with_options(footer, Some(&options))) {
        Some(decoded) => decoded.map_err(|e| e.to_string()),
        None => Err("it cannot be decoded".into()),
    }
}

/// The bytes of a column of a row group; none where they cannot be.
fn chunk_bytes(
    file: &mut File,
    size: u64,
    chunk: &ColumnChunkMetaData,
) -> std::result::Result<Vec<u8>, std::result::Result<std::io::Error, &'static str>> {
    // Some writers say 0 for a dictionary that is not there.
    let dictionary = chunk.dictionary_page_offset().filter(|&at| at > 0 && at < chunk.data_page_offset());
    let start = u64::try_from(dictionary.unwrap_or(chunk.data_page_offset())).ok();
    let length = u64::try_from(chunk.compressed_size()).ok();
    let (Some(start), Some(length)) = (start, length) else { return Err(Err("it lies before the file")) };
    if start.checked_add(length).is_none_or(|end| end > size) {
        return Err(Err("it lies behind the end of the file"));
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start)).map_err(Ok)?;
    file.take(length).read_to_end(&mut bytes).map_err(Ok)?;
    if bytes.len() as u64 != length { Err(Err("the file ends within it")) } else { Ok(bytes) }
}

fn text(values: &Values, row: usize) -> &str {
    match values {
        Values::Texts(ids, texts) => {
            ids.get(row).and_then(|&id| texts.get(id as usize)).map_or("", String::as_str)
        }
        Values::Numbers(_) => "",
    }
}

fn numbers(values: &Values, row: usize, width: usize) -> &[f64] {
    match values {
        Values::Numbers(numbers) => numbers.get(row * width..(row + 1) * width).unwrap_or_default(),
        Values::Texts(..) => &[],
    }
}
