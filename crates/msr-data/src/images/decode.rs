//! One image: from the bytes of its file to pixels.

use std::io::Cursor;

use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::error::ImageError;
use super::options::{ImageOptions, LARGEST_SIDE};

/// The most pixels along a side of an image that is read, before it is scaled.
const LARGEST_READ: u32 = 16_384;
/// The most bytes that a decoder may ask for.
const MOST_MEMORY: u64 = 1 << 30;
/// Pixels that a byte of a file can stand for, and those that every file may claim: more are not
/// there, whatever the file says of its size.
const PIXELS_PER_BYTE: u64 = 2_000;
const PIXELS_OF_ANY: u64 = 1 << 20;

/// An image as it is kept.
pub(super) struct Image {
    pub channels: usize,
    /// Height and width.
    pub size: (usize, usize),
    /// Channel after channel, row after row.
    pub pixels: Vec<u8>,
}

/// The image in the bytes of a file, as the options want it.
pub(super) fn decode(entry: &str, bytes: &[u8], options: &ImageOptions) -> Result<Image, ImageError> {
    fit(entry, open(entry, bytes)?, options)
}

/// An image as the options want it.
pub(super) fn fit(entry: &str, image: DynamicImage, options: &ImageOptions) -> Result<Image, ImageError> {
    let transparent = || image.to_rgba8().pixels().any(|pixel| pixel[3] != u8::MAX);
    if image.color().has_alpha() && transparent() {
        return Err(ImageError::Transparent { entry: entry.into() });
    }
    let own = if image.color().has_color() { 3 } else { 1 };
    let channels = options.channels.unwrap_or(own);
    // Eight bits a channel before it is scaled, and not more channels than are kept.
    let image = match channels {
        1 => DynamicImage::ImageLuma8(image.into_luma8()),
        _ => DynamicImage::ImageRgb8(image.into_rgb8()),
    };
    let image = match options.size {
        Some(side) if (image.width(), image.height()) != (side as u32, side as u32) => {
            image.resize_exact(side as u32, side as u32, FilterType::Triangle)
        }
        _ => image,
    };
    let size = (image.height() as usize, image.width() as usize);
    if size.0.max(size.1) > LARGEST_SIDE {
        let (height, width) = size;
        let problem = format!(
            "an image of {height} × {width} pixels; at most {LARGEST_SIDE} along a side are kept, name a smaller size"
        );
        return Err(ImageError::TooLarge { entry: entry.into(), problem });
    }
    let mut pixels = image.into_bytes();
    if channels == 3 {
        pixels = (0..3).flat_map(|c| pixels.iter().skip(c).step_by(3)).copied().collect();
    }
    if options.ink {
        pixels.iter_mut().for_each(|pixel| *pixel = u8::MAX - *pixel);
    }
    Ok(Image { channels, size, pixels })
}

/// Decodes an image, when its size is one that its bytes can stand for.
fn open(entry: &str, bytes: &[u8]) -> Result<DynamicImage, ImageError> {
    let not = |reason: String| ImageError::NotImage { entry: entry.into(), reason };
    let format = image::guess_format(bytes).map_err(|_| not("it begins as neither does".into()))?;
    if format != ImageFormat::Png && format != ImageFormat::Jpeg {
        return Err(not(format!("it is {format:?}")));
    }
    // The decoder makes grey of what is missing.
    let ends = |window: &[u8]| window == [0xff, 0xd9];
    if format == ImageFormat::Jpeg && !bytes[bytes.len() / 2..].windows(2).any(ends) {
        return Err(not("it ends too early".into()));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|e| not(e.to_string()))?;
    let (width, height) = decoder.dimensions();
    let too_large = |problem| Err(ImageError::TooLarge { entry: entry.into(), problem });
    if width.max(height) > LARGEST_READ || width.min(height) == 0 {
        return too_large(format!(
            "an image of {height} × {width} pixels; from 1 to {LARGEST_READ} along a side are read"
        ));
    }
    let (count, length) = (u64::from(width) * u64::from(height), bytes.len() as u64);
    if count > PIXELS_OF_ANY + PIXELS_PER_BYTE * length || decoder.total_bytes() > MOST_MEMORY {
        return too_large(format!(
            "it says that it has {height} × {width} pixels, which {length} bytes cannot hold; remove it"
        ));
    }
    DynamicImage::from_decoder(decoder).map_err(|e| not(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(image: DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn shrinking_covers_every_pixel() {
        // A pixel of two covers [0, 2) of four, and the triangle reaches from -1 to 3: weights 3, 3
        // and 1 of seven.
        let row = image::GrayImage::from_raw(4, 4, [0, 70, 140, 210].repeat(4)).unwrap();
        let bytes = png(DynamicImage::ImageLuma8(row));
        let options = ImageOptions::new().size(2).unwrap();
        let image = decode("row.png", &bytes, &options).unwrap();
        assert_eq!((image.channels, image.size), (1, (2, 2)));
        assert_eq!(image.pixels, [50, 160, 50, 160]);
        // As it is, and as ink.
        let image = decode("row.png", &bytes, &ImageOptions::new().ink()).unwrap();
        assert_eq!(image.pixels[..4], [255, 185, 115, 45]);
    }

    #[test]
    fn channels_lie_one_after_the_other() {
        let pixels = image::RgbImage::from_raw(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let bytes = png(DynamicImage::ImageRgb8(pixels));
        let image = decode("two.png", &bytes, &ImageOptions::new()).unwrap();
        assert_eq!((image.channels, image.size, image.pixels), (3, (1, 2), vec![1, 4, 2, 5, 3, 6]));
        let grey = decode("two.png", &bytes, &ImageOptions::new().channels(1).unwrap()).unwrap();
        assert_eq!((grey.channels, grey.pixels), (1, vec![2, 5]));
    }
}
