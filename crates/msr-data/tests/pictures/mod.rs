//! Made-up images, in folders and archives.
#![allow(dead_code, clippy::unwrap_used, reason = "not every test file needs all of it")]

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage, RgbaImage};

/// Names and contents.
pub type Files = Vec<(String, Vec<u8>)>;

/// A grey PNG whose pixels are `first`, `first + 1` and so on.
pub fn grey(width: u32, height: u32, first: u8) -> Vec<u8> {
    let image = GrayImage::from_fn(width, height, |x, y| Luma([first.wrapping_add((y * width + x) as u8)]));
    encoded(DynamicImage::ImageLuma8(image), ImageFormat::Png)
}

/// A coloured image of one colour.
pub fn coloured(width: u32, height: u32, colour: [u8; 3], format: ImageFormat) -> Vec<u8> {
    encoded(DynamicImage::ImageRgb8(RgbImage::from_pixel(width, height, Rgb(colour))), format)
}

/// A PNG of one colour with this opacity.
pub fn seen_through(alpha: u8) -> Vec<u8> {
    let image = RgbaImage::from_pixel(2, 2, image::Rgba([9, 8, 7, alpha]));
    encoded(DynamicImage::ImageRgba8(image), ImageFormat::Png)
}

fn encoded(image: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Two classes of two grey images each, in the wrong order, with these folders around.
pub fn two_classes(around: &str) -> Files {
    [("b", "2", 40), ("a", "1", 10), ("b", "1", 30), ("a", "2", 20)]
        .map(|(class, file, first)| (format!("{around}{class}/{file}.png"), grey(3, 2, first)))
        .to_vec()
}

/// Writes the files into a folder.
pub fn folder(at: &Path, files: &Files) -> PathBuf {
    for (name, bytes) in files {
        let path = at.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    at.into()
}

/// Writes the files into an archive.
pub fn archive(at: &Path, files: &Files) -> PathBuf {
    let mut zip = zip::ZipWriter::new(fs::File::create(at).unwrap());
    for (name, bytes) in files {
        let options: zip::write::FileOptions<'_, '_, ()> = zip::write::FileOptions::default();
        if let Some(name) = name.strip_suffix('/') {
            zip.add_directory(name, options).unwrap();
        } else {
            zip.start_file(name, options).unwrap();
            zip.write_all(bytes).unwrap();
        }
    }
    zip.finish().unwrap();
    at.into()
}
