//! `msr data`: images of classes, read once and kept in the file that experiments read.

mod download;
mod omniglot;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use msr_data::{ClassSource, ImageClasses, ImageOptions};
use msr_experiments::console::on_interrupt;
use msr_report::{Table, say};

/// How the files are called.
const EXTENSION: &str = "msr-images";

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub enum Data {
    /// Omniglot: 1,623 characters of 50 alphabets, each drawn by twenty people.
    ///
    /// Without --from, the two official archives are downloaded (16 MB). A download that was cut
    /// short goes on where it ended.
    Omniglot(omniglot::Flags),
    /// mini-ImageNet: 100 classes of photographs, of which 64 train, 16 validate and 20 test.
    MiniImagenet(MiniImagenet),
    /// A folder, or a zip archive, with a folder of PNG or JPEG images for each class; or an .npz
    /// file of images and labels.
    Classes(Classes),
}

/// The flags of `mini-imagenet`.
#[derive(Debug, clap::Args)]
pub struct MiniImagenet {
    /// The folder or zip archive: train, val and test with a folder for each class, or train.csv,
    /// val.csv and test.csv beside a folder images.
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    /// Pixels along a side, to which images are scaled.
    #[arg(long, default_value_t = 84)]
    size: usize,
    #[command(flatten)]
    to: To,
}

/// The flags of `classes`.
#[derive(Debug, clap::Args)]
pub struct Classes {
    /// The folder or zip archive, with a folder for each class, or with train, val and test, and
    /// such folders in each; or an .npz file with arrays x and y, images and labels, train_x and
    /// train_y, or x_train and y_train, and such arrays for test.
    #[arg(long, value_name = "PATH")]
    from: PathBuf,
    /// What the set, and its file, is called.
    #[arg(long)]
    name: String,
    /// Pixels along a side, to which images are scaled; without it, they have one size already.
    #[arg(long)]
    size: Option<usize>,
    /// Make all images grey.
    #[arg(long, conflicts_with = "rgb")]
    gray: bool,
    /// Give all images three channels; without --gray or --rgb, they agree already.
    #[arg(long)]
    rgb: bool,
    #[command(flatten)]
    to: To,
}

/// Where the file goes.
#[derive(Debug, clap::Args)]
pub struct To {
    /// The folder in which the file is kept.
    #[arg(long = "to", value_name = "DIR", env = "MSR_DATA", hide_env_values = true, default_value = "data")]
    folder: PathBuf,
}

/// Reads the images, keeps them, and says what they are.
pub fn run(data: &Data) -> Result<()> {
    on_interrupt("interrupted; nothing is half written, and the same command goes on with a download")?;
    match data {
        Data::Omniglot(flags) => omniglot::run(flags),
        Data::MiniImagenet(flags) => mini_imagenet(flags),
        Data::Classes(flags) => classes(flags),
    }
}

fn mini_imagenet(flags: &MiniImagenet) -> Result<()> {
    let options = ImageOptions::new().name("mini-ImageNet").size(flags.size)?.channels(3)?;
    let Some(from) = &flags.from else {
        bail!(
            "mini-ImageNet cannot be downloaded by a program: its photographs are ImageNet's, for research that is not \
             commercial, and nobody may pass them on. Make it of ImageNet as its authors say \
             (https://github.com/twitter-research/meta-learning-lstm), or ask who has it, and name the folder or zip \
             archive with --from"
        );
    };
    let check = |images: &ImageClasses| {
        ensure!(
            images.split().is_some(),
            "{} has no train, val and test; `msr data classes` reads classes without a split",
            from.display()
        );
        Ok(())
    };
    keep(&[from], &options, &flags.to.file("mini-imagenet")?, check)
}

fn classes(flags: &Classes) -> Result<()> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    ensure!(
        flags.name.starts_with(|c: char| c.is_ascii_alphanumeric()) && flags.name.chars().all(is_name),
        "`{}` is no name for a file; letters, digits, `-`, `_` and `.` make one",
        flags.name
    );
    let mut options = ImageOptions::new().name(&flags.name);
    if let Some(size) = flags.size {
        options = options.size(size)?;
    }
    options = match (flags.gray, flags.rgb) {
        (true, _) => options.channels(1)?,
        (_, true) => options.channels(3)?,
        _ => options,
    };
    let kept = keep(&[&flags.from], &options, &flags.to.file(&flags.name)?, |_| Ok(()));
    kept.map_err(|error| {
        if is_unlike(&error) { error.context("--size, --gray or --rgb makes images alike") } else { error }
    })
}

/// Whether images differ in what a flag makes alike.
fn is_unlike(error: &anyhow::Error) -> bool {
    use msr_data::{Error, ImageError::Channels, ImageError::Sizes};
    let problem = error.downcast_ref::<Error>();
    matches!(problem, Some(Error::Images { problem: Sizes { .. } | Channels { .. }, .. }))
}

impl To {
    /// The file of this name, in a folder that is made for it.
    fn file(&self, name: &str) -> Result<PathBuf> {
        let folder = &self.folder;
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        Ok(folder.join(format!("{name}.{EXTENSION}")))
    }
}

/// Reads images, writes the file, and says what is in it.
fn keep<P: AsRef<Path>>(
    from: &[P],
    options: &ImageOptions,
    file: &Path,
    check: impl FnOnce(&ImageClasses) -> Result<()>,
) -> Result<()> {
    let start = Instant::now();
    let bar = bar("reading images", "{pos}/{len} {eta}")?;
    let images = ImageClasses::read(from, options, |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    check(&images)?;
    let saved = images.save(file)?;
    let [channels, height, width] = images.shape();
    let colour = ["grey", "coloured"][usize::from(channels == 3)];
    let ink = if images.is_ink() { ", ink is 1" } else { "" };
    say(&format!(
        "{}: {} classes, {} images of {height} × {width} pixels, {colour}{ink}\n",
        images.name(),
        images.classes(),
        images.images()
    ));
    say(&groups(&images).to_string());
    say(&format!(
        "{}: {}, SHA-256 {}, made in {:.1} s",
        file.display(),
        HumanBytes(saved.bytes),
        saved.digest,
        start.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// The classes of each group, and how many images they have.
fn groups(images: &ImageClasses) -> Table {
    let row = |name: &str, classes: std::ops::Range<usize>| {
        let counts = || classes.clone().filter_map(|class| images.images_in(class));
        let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
        let each = if least == most { least.to_string() } else { format!("{least} to {most}") };
        [name.to_string(), classes.len().to_string(), each]
    };
    let mut rows: Vec<[String; 3]> =
        images.groups().into_iter().filter_map(|group| Some(row(group, images.classes_of(group)?))).collect();
    if rows.is_empty() {
        rows.push(row("all", 0..images.classes()));
    }
    Table::new(["group", "classes", "images a class"], rows)
}

/// A bar on stderr, where somebody watches it.
fn bar(what: &'static str, rest: &str) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template(&format!("{{msg:32}} [{{wide_bar:.cyan/blue}}] {rest}"))?;
    Ok(ProgressBar::new(0).with_style(style).with_message(what))
}
