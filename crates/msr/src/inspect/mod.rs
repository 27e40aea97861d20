//! `msr inspect`: which symmetry a learned U, or a plain weight matrix, has.

mod contents;
mod json;
mod known;
mod patience;
mod pictures;
mod plane;
mod points;
mod stored;
mod subject;
mod tensors;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use candle_core::Device;
use msr_experiments::console::Console;
use msr_symmetry::Learned;
use serde_json::Value;

use self::subject::Subject;
use crate::verdict_file::VerdictFile;

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What a run left as learned.safetensors, or any safetensors, .npz or .npy file with a weight
    /// matrix, or with one for each task (tasks, outputs, inputs).
    file: PathBuf,
    /// The tensor to read; without it, every layer with a symmetry matrix, or the only matrix of a
    /// file that says nothing of its layers. That of an .npy file is called array.
    #[arg(long)]
    tensor: Option<String>,
    /// Read the tensor as a symmetry matrix with M outputs; it then has rows / M inputs. With
    /// --kernel, M is the number of output channels.
    #[arg(long, value_name = "M")]
    outputs: Option<usize>,
    /// Read the tensor as a plain weight matrix, whatever its name.
    #[arg(long, conflicts_with = "outputs")]
    weight: bool,
    /// Read the symmetry matrix as that of a convolution with K × K taps, and name its rotations
    /// and flips. There is one input channel unless --outputs says otherwise. Kronecker factors,
    /// and what `msr reproduce` left, are recognised without it.
    #[arg(long, value_name = "K", conflicts_with = "weight")]
    kernel: Option<usize>,
    /// Where the picture goes, as .png and as .svg; without it, beside the file, as
    /// FILE.TENSOR.png. No picture is ever overwritten.
    #[arg(long, value_name = "FILE.png")]
    picture: Option<PathBuf>,
    /// Draw no picture.
    #[arg(long, conflicts_with = "picture")]
    no_picture: bool,
    /// Print generators in full, however long they are.
    #[arg(long)]
    full: bool,
    /// How many known groups are listed.
    #[arg(long, default_value_t = 8)]
    known: usize,
    /// Print what is found as JSON on stdout, and everything else on stderr.
    #[arg(long)]
    json: bool,
}

/// Prints what is found, and writes the pictures.
pub fn run(args: &Args) -> Result<()> {
    let console = Console::new(args.json);
    let in_file = || format!("{}", args.file.display());
    ensure!(
        !args.file.is_dir(),
        "{} is a folder; name a file, as the {} of a training run",
        args.file.display(),
        msr_experiments::engine::LEARNED
    );
    pictures::check(args)?;
    let bytes = msr_files::read(&args.file)?;
    ensure!(
        !VerdictFile::is_in(&bytes),
        "{} is a verdict of `msr discover`, which says what it says in its own words; `msr export` makes a layer of it",
        in_file()
    );
    let subjects = subjects(args, &bytes).with_context(in_file)?;
    let points = subjects.iter().filter(|subject| matches!(subject, Subject::Points(_))).count();
    ensure!(
        args.picture.is_none() || (points, subjects.len()) == (1, 1),
        "--picture is for one map between points; leave it out for a convolution or several layers"
    );
    let mut found: Vec<Value> = Vec::with_capacity(subjects.len());
    for (number, subject) in subjects.iter().enumerate() {
        if number > 0 {
            console.say("");
        }
        found.push(match subject {
            Subject::Points(matrix) => points::inspect(args, matrix, &console),
            Subject::Conv(conv) => plane::inspect(args, conv, &console),
        }?);
    }
    console.json(&serde_json::json!({ "file": args.file.to_string_lossy(), "layers": found }))
}

/// What of the file is looked at: the layers that it says it has, or a tensor as the flags say.
fn subjects(args: &Args, bytes: &[u8]) -> Result<Vec<Subject>> {
    if !args.weight {
        let layers = match Learned::from_bytes(bytes, &Device::Cpu) {
            Ok(learned) => stored::subjects(&learned, args)?,
            // A file that says what it is must not be taken for something else.
            Err(problem) if Learned::is_in(bytes) => return Err(problem.into()),
            Err(_) => Vec::new(),
        };
        if !layers.is_empty() {
            return Ok(layers);
        }
    }
    Ok(vec![tensors::subject(args, bytes)?])
}
