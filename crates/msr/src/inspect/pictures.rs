//! Where a picture goes, and what is in it.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use msr_files::{Error, printable, write_new};
use msr_groups::{Recovery, SymmetryMatrix};
use msr_report::picture::{Inspected, Panel, Picture, inspected};

use super::Args;
use super::known::order;
use super::subject::{Kind, Matrix};

/// The most columns that are drawn, and the most entries of all of them; of a single one there may
/// be more when a picture was asked for.
const MOST_COLUMNS: usize = 16;
const MOST_ENTRIES: usize = 1 << 20;
/// The most pictures of one tensor beside a file.
const MOST_PICTURES: u32 = 1000;

/// Refuses a place for the picture that it cannot have, before anything else is done.
pub fn check(args: &Args) -> Result<()> {
    let Some(path) = &args.picture else { return Ok(()) };
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    ensure!(
        ["png", "svg"].contains(&extension.as_str()),
        "--picture {}: pictures are .png, with an .svg beside it; name a file that ends in .png",
        path.display()
    );
    for path in both(path) {
        if path.symlink_metadata().is_ok() {
            return Err(Error::Exists { path }.into());
        }
    }
    Ok(())
}

/// Why a matrix is too large to be drawn; refused at once when a picture was asked for by name.
pub fn too_large(args: &Args, matrix: &Matrix) -> Result<Option<String>> {
    let (m, n) = (matrix.outputs, matrix.inputs);
    if !Panel::fits(m, n) {
        let reason = format!("{m} × {n} weights are more than have pixels");
        ensure!(args.picture.is_none(), "there is no picture: {reason}; leave out --picture");
        return Ok(Some(reason));
    }
    let unasked = args.picture.is_none() && m * n > MOST_ENTRIES;
    Ok(unasked.then(|| format!("{m} × {n} weights make a large one (--picture FILE.png draws it)")))
}

/// Draws the matrix. Where the picture is, or a sentence that says why there is none.
pub fn draw(
    args: &Args,
    matrix: &Matrix,
    symmetry: SymmetryMatrix<'_>,
    found: Option<&Recovery>,
) -> Result<std::result::Result<PathBuf, String>> {
    if args.no_picture {
        return Ok(Err(String::new()));
    }
    if let Some(reason) = too_large(args, matrix)? {
        return Ok(Err(format!("no picture: {reason}")));
    }
    let picture = picture(matrix, symmetry, found)?;
    match &args.picture {
        Some(path) => Ok(Ok(write(path, &picture)?)),
        None => match beside(&args.file, &matrix.name, &picture) {
            Ok(path) => Ok(Ok(path)),
            // Nobody asked for it.
            Err(reason) => Ok(Err(format!("no picture: {reason:#} (--picture names another place)"))),
        },
    }
}

/// `<file without its extension>.<tensor>.png`, or, where another picture has that name, the same
/// with a number.
fn beside(file: &Path, tensor: &str, picture: &Picture) -> Result<PathBuf> {
    let stem = file.file_stem().map_or_else(|| "matrix".into(), |s| s.to_string_lossy().into_owned());
    let tensor: String = tensor.chars().take(80).map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    for number in 1..=MOST_PICTURES {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        let path = file.with_file_name(format!("{stem}.{tensor}{number}.png"));
        match write(&path, picture) {
            Err(e) if matches!(e.downcast_ref(), Some(Error::Exists { .. })) => {}
            done => return done,
        }
    }
    anyhow::bail!("there are {MOST_PICTURES} pictures of it")
}

/// Writes both files, unless one is there that is not the same; and where the PNG is.
fn write(path: &Path, picture: &Picture) -> Result<PathBuf> {
    let [png, svg] = both(path);
    let files = [(&png, picture.png()?), (&svg, picture.svg()?.into_bytes())];
    let same = |path: &Path, bytes: &[u8]| msr_files::read(path).is_ok_and(|found| found == bytes);
    let mut missing = Vec::new();
    for (path, bytes) in &files {
        match path.symlink_metadata() {
            Err(_) => missing.push((path, bytes)),
            Ok(_) if same(path, bytes) => {}
            Ok(_) => return Err(Error::Exists { path: path.to_path_buf() }.into()),
        }
    }
    for (path, bytes) in missing {
        write_new(path, bytes)?;
    }
    Ok(png)
}

/// The two files of a picture.
fn both(path: &Path) -> [PathBuf; 2] {
    ["png", "svg"].map(|extension| path.with_extension(extension))
}

fn picture(
    matrix: &Matrix,
    symmetry: SymmetryMatrix<'_>,
    found: Option<&Recovery>,
) -> msr_report::Result<Picture> {
    let name = printable(&matrix.name);
    let title = match found.and_then(Recovery::group) {
        Some(group) => {
            let called = group.name.as_deref().unwrap_or("a group without a name here");
            format!("{name}: {called}, order {}", order(&group.order()))
        }
        None => name.into_owned(),
    };
    let k = symmetry.columns();
    let column = |c: usize| {
        let title = match matrix.kind {
            Kind::Weight => "weight".to_string(),
            Kind::Stack => format!("weight of task {}", c + 1),
            Kind::Symmetry => format!("column {} of U", c + 1),
        };
        (title, matrix.values.iter().skip(c).step_by(k.max(1)).copied().collect())
    };
    let pattern = found.and_then(Recovery::pattern);
    let most = (MOST_ENTRIES / (matrix.outputs * matrix.inputs).max(1)).clamp(1, MOST_COLUMNS);
    inspected(&Inspected {
        title,
        pattern,
        zero: pattern.map_or_else(Vec::new, |pattern| super::points::zero_classes(symmetry, pattern)),
        columns: (0..k.min(most)).map(column).collect(),
        entry: if matrix.kind == Kind::Symmetry { "entry of U" } else { "weight" },
        of: k,
        inputs: matrix.inputs,
    })
}
