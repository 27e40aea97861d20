//! Tables in text: fields between commas, semicolons or tabs, the first line with their names.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use csv::ByteRecord;

use super::columns::Chosen;
use super::error::{Place, Result, TaskError, brief};
use super::number::number;
use super::rows::{At, Rows};
use super::sniff;
use super::source::{self, RowTooLong, Source, Taken, line_at, unreadable};

/// A table whose header was read.
pub(super) struct Text {
    path: PathBuf,
    reader: csv::Reader<Source>,
    taken: Taken,
    pub names: Vec<String>,
}

impl Text {
    pub fn open(path: &Path) -> Result<Self> {
        let (source, taken, start) = source::open(path)?;
        if let Some(problem) = sniff::not_a_table(&start) {
            return Err(TaskError::file(path, problem));
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter(path, &start))
            .from_reader(source);
        let mut header = ByteRecord::new();
        reader.read_byte_record(&mut header).map_err(|e| problem(path, e, 0))?;
        let names = header
            .iter()
            .map(|name| std::str::from_utf8(name).map(|name| name.trim().to_string()))
            .collect::<std::result::Result<Vec<_>, _>>();
        let refuse = |problem: &str| {
            let place = Place::Line(line_at(path, 0).unwrap_or(1));
            Err(TaskError::Row { path: path.into(), place, problem: problem.into() })
        };
        let Ok(names) = names else {
            return refuse("the column names are not UTF-8 text; save the file as UTF-8");
        };
        if is_numbers(&names) {
            return refuse("there are numbers where the names of columns should be; put a header in front");
        }
        if taken.is_quote_open() && names.iter().any(|name| name.contains(['\n', '\r'])) {
            return refuse("a quote (\") is opened in the header and not closed; close it");
        }
        let mut sorted: Vec<&String> = names.iter().filter(|name| !name.is_empty()).collect();
        sorted.sort();
        if let Some([name, _]) = sorted.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
            return refuse(&format!("two columns are called `{}`; rename one of them", brief(name)));
        }
        Ok(Self { path: path.into(), reader, taken, names })
    }

    /// Reads all rows into `rows`: into one task, or into that which a column names.
    pub fn read(mut self, chosen: &Chosen, whole: Option<usize>, rows: &mut Rows) -> Result<()> {
        let path = self.path.clone();
        let start = Cell::new(0);
        let place = || Place::Line(line_at(&path, start.get()).unwrap_or_default());
        let names = &self.names;
        let at = |column: usize| At {
            path: &path,
            place: &place,
            column: names.get(column).map_or("", String::as_str),
        };
        let row_problem = |problem: String| TaskError::Row { path: path.clone(), place: place(), problem };
        let (mut record, mut before) = (ByteRecord::new(), ByteRecord::new());
        let mut count = 0u64;
        loop {
            self.taken.next_row();
            start.set(self.reader.position().byte());
            if !self.reader.read_byte_record(&mut record).map_err(|e| problem(&path, e, start.get()))? {
                break;
            }
            let is_blank = record.len() == 1
                && names.len() > 1
                && record.iter().all(|field| field.iter().all(u8::is_ascii_whitespace));
            if is_blank {
                continue;
            }
            if record.len() != names.len() {
                let quote = if has_break(&record) { " (is a quote left open?)" } else { "" };
                return Err(row_problem(format!(
                    "there are {} fields, and the header names {} columns{quote}; repair or remove the row",
                    record.len(),
                    names.len()
                )));
            }
            let field = |column: usize| {
                let bytes = record.get(column).unwrap_or_default();
                let lossy = || format!("`{}`", brief(&String::from_utf8_lossy(bytes)));
                std::str::from_utf8(bytes)
                    .map_err(|_| at(column).value(lossy(), "text in UTF-8; save the file as UTF-8"))
            };
            let task = match (whole, chosen.task) {
                (Some(task), _) => task,
                (None, Some(column)) => rows.task_of(field(column)?, at(column))?,
                (None, None) => rows.task(""),
            };
            rows.keep(chosen.x.len() + chosen.y.len())?;
            let is_label = match chosen.y.as_slice() {
                [column] => rows.is_label(field(*column)?),
                _ => false,
            };
            for &column in &chosen.x {
                let text = field(column)?;
                let value = number(text).map_err(|odd| at(column).odd(text, odd))?;
                if let Some(task) = rows.tasks.get_mut(task) {
                    task.x.push(value);
                }
            }
            for &column in &chosen.y {
                let text = field(column)?;
                let value = match is_label {
                    true => rows.label(text, at(column))?,
                    false => number(text).map_err(|odd| at(column).odd(text, odd))?,
                };
                if let Some(task) = rows.tasks.get_mut(task) {
                    task.y.push(value);
                }
            }
            count += 1;
            std::mem::swap(&mut record, &mut before);
        }
        if self.taken.is_quote_open() && has_break(&before) {
            let from = before.position().map_or(0, csv::Position::byte);
            start.set(from);
            return Err(row_problem("a quote (\") is opened in this row and never closed; close it".into()));
        }
        if count == 0 {
            let problem = "there are no rows below the header; add at least two examples of each task";
            return Err(TaskError::file(&path, problem));
        }
        Ok(())
    }

    /// About how many rows there are, from the size of the file and the length of the first ones.
    pub fn estimate(mut self) -> Result<u64> {
        const ENOUGH: u64 = 1_000;
        let (mut record, mut rows) = (ByteRecord::new(), 0);
        let from = self.reader.position().byte();
        let mut is_over = false;
        while rows < ENOUGH && !is_over {
            self.taken.next_row();
            let byte = self.reader.position().byte();
            is_over = !self.reader.read_byte_record(&mut record).map_err(|e| problem(&self.path, e, byte))?;
            rows += u64::from(!is_over);
        }
        let size = self.path.metadata().map_err(TaskError::io(&self.path))?.len();
        let read = self.reader.position().byte();
        let length = (read.saturating_sub(from)).max(1);
        // Packed bytes are read from further on than they lie: what is left is not known.
        if is_over || self.taken.bytes() > size {
            return Ok(rows);
        }
        Ok((u128::from(size - from.min(size)) * u128::from(rows) / u128::from(length)) as u64)
    }
}

fn has_break(record: &ByteRecord) -> bool {
    record.iter().any(|field| field.contains(&b'\n') || field.contains(&b'\r'))
}

/// What the reader of rows found wrong in the row at a byte.
fn problem(path: &Path, error: csv::Error, byte: u64) -> TaskError {
    let message = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(reason) if reason.get_ref().is_some_and(|inner| inner.is::<RowTooLong>()) => {
            TaskError::Row {
                path: path.into(),
                place: Place::Line(line_at(path, byte).unwrap_or_default()),
                problem: format!(
                    "the row has more than {} bytes; close an open quote (\")",
                    source::LONGEST_ROW
                ),
            }
        }
        csv::ErrorKind::Io(reason) => unreadable(path, &reason),
        _ => TaskError::file(path, format!("no readable table ({}); write it again", brief(&message))),
    }
}

/// What stands between fields: a tab where the name says so, else what the first line has most of.
fn delimiter(path: &Path, start: &[u8]) -> u8 {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    if name.ends_with(".tsv") || name.ends_with(".tab") {
        return b'\t';
    }
    let mut counts = [(b',', 0usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    let (mut is_quoted, mut has_letters) = (false, false);
    for &byte in start {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted && has_letters => break,
            _ if !is_quoted => counts
                .iter_mut()
                .filter(|(delimiter, _)| *delimiter == byte)
                .for_each(|(_, count)| *count += 1),
            _ => {}
        }
        has_letters |= !byte.is_ascii_whitespace();
    }
    // The first of those with the largest count.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| *delimiter)
}

/// Whether names are numbers, as the first row of a table without a header has them. Whole numbers
/// that go up by one are names: those of a table that was made without.
fn is_numbers(names: &[String]) -> bool {
    let named: Vec<&String> = names.iter().filter(|name| !name.is_empty()).collect();
    let numbers: Vec<f64> = named.iter().filter_map(|name| name.parse().ok()).collect();
    let goes_up = numbers.windows(2).all(|pair| matches!(pair, [a, b] if *b == a + 1.0));
    let is_whole = numbers.iter().all(|number: &f64| number.fract() == 0.0);
    if is_whole && goes_up && numbers.len() > 1 {
        return false;
    }
    !named.is_empty() && (numbers.len() == named.len() || !is_whole && 2 * numbers.len() >= named.len())
}
