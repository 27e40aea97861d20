//! What inputs are made of: valid ones, the odd ones of the list that all tests of readers share
//! (`msr-testkit`), and what a longer search found since, in `fuzz/corpus/<target>`.

use std::collections::HashMap;
use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use image::{ColorType, DynamicImage, ImageFormat};
use msr_data::{ImageClasses, ImageOptions};
use msr_layers::{
    Activation, Conv2dConfig, Linear, LinearConfig, ReparamConv2d, ReparamConv2dConfig, ReparamLinear,
    ReparamLinearConfig, SeededVars, Sequential,
};
use msr_meta::{AdamConfig, Learner, MetaConfig, MetaLearner, Trainer};
use msr_symmetry::Learned;
use msr_testkit::{ODD_TEXTS, VALID_TEXTS, odd_files, whole_files, zip};
use safetensors::{Dtype, tensor::TensorView};

/// The seeds of a target.
///
/// # Errors
/// When a file of the corpus cannot be read, or a valid input cannot be made.
pub fn seeds(target: &str) -> Result<Vec<Vec<u8>>> {
    let text = |lines: &[&str]| lines.iter().map(|line| line.as_bytes().to_vec()).collect();
    let mut all: Vec<Vec<u8>> = match target {
        "arrays" => [arrays()?, files()].concat(),
        "learned" => [learned()?, files()].concat(),
        "checkpoint" => [checkpoints()?, files()].concat(),
        "npz" => files(),
        "images" => images()?,
        "pictures" => pictures()?,
        "labelled" => [labelled(), files()].concat(),
        "kept" => kept()?,
        "groups" => text(&[VALID_TEXTS, ODD_TEXTS].concat()),
        "actions" => actions(),
        "cycles" => text(&CYCLES),
        "definitions" => definitions(),
        _ => Vec::new(),
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    if folder.is_dir() {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            files.push(entry?.path());
        }
        files.sort();
        for file in files {
            all.push(std::fs::read(&file).with_context(|| file.display().to_string())?);
        }
    }
    Ok(all)
}

/// Groups and actions on lines of their own: each group of the list with each action.
fn actions() -> Vec<Vec<u8>> {
    let is_action = |text: &&&str| ACTIONS.contains(text);
    let actions: Vec<&str> = VALID_TEXTS.iter().filter(is_action).copied().collect();
    let groups = VALID_TEXTS.iter().filter(|text| text.contains('(') && !ACTIONS.contains(text));
    groups.flat_map(|group| actions.iter().map(move |action| format!("{group}\n{action}").into())).collect()
}

/// What of the list is an action.
const ACTIONS: [&str; 7] =
    ["natural", "regular", "trivial(3)", "ordered_pairs", "distinct_pairs", "unordered_pairs", "channels(2)"];

const CYCLES: [&str; 7] = [
    "\x05(0 1 2)(3 4)",
    "\x05()",
    "\x07(0,1,2)(3, 4)(5 6)",
    "\x0a(0 1 2 3 4\n 5 6 7 8 9)",
    "\x03( 0 1 )",
    "\x01(0)",
    "\x20(0 31)(1 30)(2 29)",
];

fn definitions() -> Vec<Vec<u8>> {
    const TEXTS: [&str; 4] = [
        include_str!("../../crates/msr-experiments/definitions/table1.toml"),
        include_str!("../../crates/msr-experiments/definitions/table2.toml"),
        include_str!("../../crates/msr-experiments/definitions/groups.toml"),
        include_str!("../../crates/msr-experiments/definitions/numbers.toml"),
    ];
    TEXTS.iter().enumerate().map(|(i, text)| [&[i as u8], text.as_bytes()].concat()).collect()
}

/// The files of the list, whole and odd.
fn files() -> Vec<Vec<u8>> {
    whole_files().into_iter().chain(odd_files()).map(|file| file.bytes).collect()
}

/// An npy file with this header and these bytes.
fn npy(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let mut file = [b"\x93NUMPY", &[version, 0][..]].concat();
    match version {
        1 => file.extend((header.len() as u16).to_le_bytes()),
        _ => file.extend((header.len() as u32).to_le_bytes()),
    }
    file.extend(header.bytes());
    file.extend(data);
    file
}

fn arrays() -> Result<Vec<Vec<u8>>> {
    let data = [0x3fu8; 64];
    let headers = [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{\"descr\": \">f8\", \"fortran_order\": True, \"shape\": (2, 2)}",
        "{'descr' : '=i2','fortran_order':False,'shape' : (3L, 4L), }",
        "{u'descr': u'|b1', u'fortran_order': False, u'shape': (5,)}",
        "{'descr': '<f2', 'fortran_order': False, 'shape': ()}",
        "{'descr': [('a', '<f4'), ('b', '|S3')], 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<u8', 'fortran_order': False, 'shape': (18446744073709551615, 0)}",
    ];
    let mut all: Vec<Vec<u8>> = headers.iter().map(|header| npy(1, header, &data)).collect();
    all.push(npy(2, headers[0], &data));
    all.push(odd_types()?);
    Ok(all)
}

fn learned() -> Result<Vec<Vec<u8>>> {
    let vars = SeededVars::new(1);
    let vb = vars.builder(DType::F32, &Device::Cpu);
    let stack = Sequential::new()
        .with(ReparamLinear::new(ReparamLinearConfig::new(4, 3, 2), vb.pp("body"))?)
        .with(Activation::Tanh)
        .with(Linear::new(LinearConfig::new(3, 2), vb.pp("head"))?);
    let conv = ReparamConv2dConfig::kronecker(Conv2dConfig::new(1, 2, 3));
    let conv = ReparamConv2d::new(conv, vb.pp("conv"))?;
    Ok(vec![
        Learned::of(&stack)?.to_bytes()?,
        Learned::of(&conv)?.to_bytes()?,
        learner()?.learned()?.to_bytes()?,
        odd_types()?,
    ])
}

fn learner() -> Result<MetaLearner> {
    let vars = SeededVars::new(1);
    let layer =
        ReparamLinear::new(ReparamLinearConfig::new(4, 3, 2), vars.builder(DType::F32, &Device::Cpu))?;
    Ok(MetaLearner::new(layer, MetaConfig::default())?)
}

fn checkpoints() -> Result<Vec<Vec<u8>>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("checkpoint");
    Trainer::new(learner()?, AdamConfig::default())?.save(&path, "a note")?;
    Ok(vec![std::fs::read(&path)?, odd_types()?])
}

/// An image of this many pixels along a side.
fn picture(side: u32, format: ImageFormat, coloured: bool) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let image = DynamicImage::new(side, side, if coloured { ColorType::Rgb8 } else { ColorType::L8 });
    image.write_to(&mut bytes, format)?;
    Ok(bytes.into_inner())
}

/// Images in each format.
fn pictures() -> Result<Vec<Vec<u8>>> {
    let kinds = [(7, false), (7, true), (32, true)].into_iter();
    kinds
        .flat_map(|(side, coloured)| {
            [ImageFormat::Png, ImageFormat::Jpeg].map(|format| picture(side, format, coloured))
        })
        .collect()
}

/// Archives of images in each layout.
fn images() -> Result<Vec<Vec<u8>>> {
    let grey = picture(3, ImageFormat::Png, false)?;
    let photo = picture(9, ImageFormat::Jpeg, true)?;
    let grey_photo = picture(8, ImageFormat::Jpeg, false)?;
    let set = |image: &[u8], names: &[&str]| {
        let members: Vec<(&str, u16, &[u8])> = names.iter().map(|name| (*name, 0, image)).collect();
        zip(&members)
    };
    let table = &b"filename,label\n1.png,a\n2.png,a\n"[..];
    Ok(vec![
        set(&grey, &["a/1.png", "a/2.png", "b/1.png", "b/2.png"]),
        set(&photo, &["x/train/a/1.jpg", "x/train/a/2.jpg", "x/test/b/1.jpg", "x/test/b/2.jpg"]),
        set(&grey_photo, &["images_background/Greek/c1/1.jpeg", "images_background/Greek/c1/2.jpeg"]),
        zip(&[("train.csv", 0, table), ("images/1.png", 0, &grey), ("images/2.png", 0, &grey)]),
    ])
}

/// Grey and coloured images with their labels.
fn labelled() -> Vec<Vec<u8>> {
    let array = |kind: &str, shape: &str, bytes: &[u8]| {
        let head = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = u16::try_from(head.len()).unwrap_or_default().to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], head.as_bytes(), bytes].concat()
    };
    let pixels: Vec<u8> = (0..72).map(|n| n * 3).collect();
    let (grey, coloured) = (array("|u1", "(4, 2, 3)", &pixels[..24]), array("|u1", "(4, 2, 3, 3)", &pixels));
    let labels = [array("|u1", "(4,)", &[7, 7, 2, 2]), array("<i4", "(4,)", &[1u8; 16])];
    vec![
        zip(&[("x.npy", 0, &grey), ("y.npy", 0, &labels[0])]),
        zip(&[("images.npy", 0, &coloured), ("labels.npy", 0, &labels[1])]),
        zip(&[
            ("train_x.npy", 0, &grey),
            ("train_y.npy", 0, &labels[0]),
            ("test_x.npy", 0, &grey),
            ("test_y.npy", 0, &labels[1]),
        ]),
    ]
}

/// The files that keep these images, without their digests.
fn kept() -> Result<Vec<Vec<u8>>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("kept");
    let mut all = Vec::new();
    for archive in images()? {
        ImageClasses::read_archive(&archive, "seed.zip", &ImageOptions::new())?.save(&path)?;
        let mut bytes = std::fs::read(&path)?;
        bytes.truncate(bytes.len() - 32);
        all.push(bytes);
    }
    Ok(all)
}

/// A safetensors file with a tensor of each type that the format knows, one number each.
fn odd_types() -> Result<Vec<u8>> {
    use Dtype::{BF16, BOOL, F8_E4M3, F8_E5M2, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    let types = [BOOL, U8, I8, F8_E5M2, F8_E4M3, I16, U16, F16, BF16, I32, U32, F32, F64, I64, U64];
    let data = [0x41u8; 8];
    let mut tensors = HashMap::new();
    for dtype in types {
        let view = TensorView::new(dtype, vec![1], &data[..dtype.bitsize() / 8])?;
        tensors.insert(format!("{dtype:?}"), view);
    }
    let symmetry = Tensor::ones((6, 2), DType::F32, &Device::Cpu)?;
    let bytes: Vec<u8> =
        symmetry.flatten_all()?.to_vec1::<f32>()?.iter().flat_map(|x| x.to_le_bytes()).collect();
    tensors.insert("symmetry".into(), TensorView::new(F32, vec![6, 2], &bytes)?);
    Ok(safetensors::serialize(&tensors, None)?)
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::seeds;
    use crate::TARGETS;

    /// A target that no seed gets into is hardly searched.
    #[test]
    fn every_reader_takes_some_of_its_seeds() -> Result<()> {
        for target in TARGETS {
            let seeds = seeds(target.name)?;
            let taken = seeds.iter().filter(|seed| (target.run)(seed)).count();
            println!("{}: {taken} of {} seeds are read", target.name, seeds.len());
            assert!(taken > 0, "{}", target.name);
        }
        Ok(())
    }

    /// Every group and every action of the list is one, in all of its forms.
    #[test]
    fn every_group_meets_every_action() -> Result<()> {
        let seeds = seeds("actions")?;
        for part in ["direct_product(", "wreath_product(", "product_grid(", "regular(", "unordered_pairs("] {
            let taken = seeds.iter().filter(|seed| seed.starts_with(part.as_bytes()));
            let target = TARGETS.iter().find(|target| target.name == "actions");
            assert!(taken.clone().any(|seed| target.is_some_and(|t| (t.run)(seed))), "{part}");
        }
        Ok(())
    }
}
