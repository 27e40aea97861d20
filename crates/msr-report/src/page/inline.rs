//! Pictures inside a page: PNG as an address that holds it, SVG without an envelope.

use super::drawing::attributes;
use crate::Result;
use crate::picture::Picture;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// A `data:` address of a PNG with these pixels; `None` is transparent.
pub(super) fn png_address(colours: &[Option<[u8; 3]>], columns: usize) -> Result<String> {
    let bytes: Vec<u8> = colours.iter().flat_map(|c| c.map_or([0; 4], |[r, g, b]| [r, g, b, 255])).collect();
    let size = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, size(columns), size(colours.len() / columns.max(1)));
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bytes)?;
    writer.finish()?;
    Ok(format!("data:image/png;base64,{}", base64(&png)))
}

/// A picture as SVG within HTML, on the ground of the page.
pub(super) fn picture_svg(picture: &Picture, class: &str, alternative: &str) -> Result<String> {
    let parts = picture.parts()?;
    // Names in a chart may hold letters that no page may.
    let is_fit = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\t');
    let inside: String =
        parts.inside.trim_end().chars().map(|c| if is_fit(c) { c } else { '\u{fffd}' }).collect();
    let class = if class.is_empty() { "picture".to_string() } else { format!("picture {class}") };
    Ok(format!(
        "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\"{}>{inside}",
        parts.size.0,
        parts.size.1,
        parts.fine.0,
        parts.fine.1,
        attributes(&class, alternative),
    ))
}

#[cfg(test)]
mod tests {
    use super::base64;

    /// The examples of RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_the_standard() {
        let examples = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in examples {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }
}
