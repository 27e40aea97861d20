//! The readers.

use candle_core::Device;
use msr_data::{ClassSource, ImageClasses, ImageOptions, NpzOptions, Omniglot};
use msr_episodes::{TaskSource, numbers};
use msr_files::Arrays;
use msr_groups::{Action, GroupName, Permutation, SharingPattern, parse_group};
use msr_meta::Checkpoint;
use msr_symmetry::Learned;
use sha2::{Digest, Sha256};

/// Inputs and tasks of fewer bytes and numbers are looked at further.
const FEW: usize = 1 << 12;

/// A reader, and how it is given bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What is read.
    pub name: &'static str,
    /// Must come back, whatever the bytes are: with whether they could be read.
    pub run: fn(&[u8]) -> bool,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "arrays", run: arrays },
    Target { name: "npz", run: npz },
    Target { name: "learned", run: learned },
    Target { name: "checkpoint", run: checkpoint },
    Target { name: "omniglot", run: omniglot },
    Target { name: "images", run: images },
    Target { name: "pictures", run: pictures },
    Target { name: "labelled", run: labelled },
    Target { name: "kept", run: kept },
    Target { name: "groups", run: groups },
    Target { name: "actions", run: actions },
    Target { name: "cycles", run: cycles },
    Target { name: "definitions", run: definitions },
];

/// Arrays of an npy, npz or safetensors file, as `inspect` reads them.
fn arrays(bytes: &[u8]) -> bool {
    let Ok(mut arrays) = Arrays::from_bytes(bytes) else { return false };
    let Ok(list) = arrays.list() else { return false };
    list.iter().filter(|array| arrays.numbers(&array.name).is_ok()).count() > 0
}

/// Tasks of an npz file, as experiments take them, and the first of them.
fn npz(bytes: &[u8]) -> bool {
    let Ok(problem) = NpzOptions::new().read(bytes, "mutated.npz") else { return false };
    let shapes = [problem.input_shape(), problem.output_shape()];
    let [x, y] = shapes.map(|shape| numbers(&shape).filter(|&count| count < FEW));
    let (Some(x), Some(y)) = (x, y) else { return false };
    problem.fill(0, &mut vec![0.0; x], &mut vec![0.0; y]).is_ok()
}

/// What was learned, read as far as its groups where these are quickly found.
fn learned(bytes: &[u8]) -> bool {
    let _ = Learned::is_in(bytes);
    let Ok(learned) = Learned::from_bytes(bytes, &Device::Cpu) else { return false };
    let _ = learned.build();
    let _ = learned.symmetric_layers();
    let _ = learned.to_bytes();
    if bytes.len() < FEW {
        let _ = learned.symmetry();
    }
    true
}

fn checkpoint(bytes: &[u8]) -> bool {
    Checkpoint::parse(bytes, &Device::Cpu).is_ok()
}

/// An archive of characters.
fn omniglot(bytes: &[u8]) -> bool {
    Omniglot::from_bytes(bytes).is_ok_and(|characters| last(&characters))
}

/// An archive of images in any layout.
fn images(bytes: &[u8]) -> bool {
    ImageClasses::read_archive(bytes, "mutated.zip", &ImageOptions::new()).is_ok_and(|images| last(&images))
}

/// A PNG or JPEG image, twice in an archive whose checksums are right, scaled.
fn pictures(bytes: &[u8]) -> bool {
    let archive = msr_testkit::zip(&[("a/1.png", 0, bytes), ("a/2.png", 0, bytes)]);
    let read = |options: &ImageOptions| ImageClasses::read_archive(&archive, "mutated.zip", options);
    let scaled = ImageOptions::new().size(5).is_ok_and(|options| read(&options).is_ok());
    scaled && read(&ImageOptions::new()).is_ok_and(|images| last(&images))
}

/// Images and labels in an npz file.
fn labelled(bytes: &[u8]) -> bool {
    let read = ImageClasses::read_labelled_bytes(bytes, "mutated.npz", &ImageOptions::new());
    read.is_ok_and(|images| last(&images))
}

/// The file that keeps images, but for the digest at its end, which would refuse all else.
fn kept(bytes: &[u8]) -> bool {
    let whole = [bytes, &Sha256::digest(bytes)].concat();
    ImageClasses::from_bytes(whole).is_ok_and(|images| last(&images))
}

/// Whether the last example of the last class is there.
fn last(source: &dyn ClassSource) -> bool {
    let mut x = vec![0.0; source.input_shape().iter().product()];
    source.fill(source.classes() - 1, source.examples() - 1, &mut x).is_ok()
}

fn groups(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(group) = parse_group(text) else { return false };
    let _ = group.order();
    let _ = format!("{group:?}").len();
    // The search for a name is for groups of few elements; what it costs else is tested elsewhere.
    if group.degree() < 100 && group.order() < 200u32.into() {
        let _ = GroupName::of(&group);
    }
    true
}

/// A group and an action of it, on lines of their own.
fn actions(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let (group, action) = text.split_once('\n').unwrap_or(("dihedral(5)", text));
    let Ok(group) = parse_group(group) else { return false };
    let Ok(action) = Action::parse(&group, action) else { return false };
    SharingPattern::new(&action, &action).is_ok_and(|pattern| pattern.free_parameters() > 0)
}

/// A permutation of as many points as the first byte says.
fn cycles(bytes: &[u8]) -> bool {
    let Some((&degree, text)) = bytes.split_first() else { return false };
    let Ok(text) = std::str::from_utf8(text) else { return false };
    Permutation::parse(text, degree as usize).is_ok_and(|permutation| !permutation.to_string().is_empty())
}

/// The definition of an experiment; the first byte says which.
fn definitions(bytes: &[u8]) -> bool {
    let Some((&which, text)) = bytes.split_first() else { return false };
    let entries = msr_experiments::experiments();
    let Ok(text) = std::str::from_utf8(text) else { return false };
    entries[which as usize % entries.len()].check_text(text).is_ok()
}
