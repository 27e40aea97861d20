//! The one font of all pictures: DejaVu Sans, which travels with the program and has the signs of
//! group theory.

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId};
use plotters::style::{FontStyle, register_font};

use crate::{Error, Result};

/// The family as SVG names it. Verdana has nearly the same widths, for readers that lack the first.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// What plotters' SVG divides sizes by: a font whose em is `e` must be asked for as `e * PER_EM`.
pub(super) const PER_EM: f64 = 1.24;

/// Pixels of an em: titles of pictures, other text, numbers on axes.
pub(super) const TITLE: i32 = 15;
/// See [`TITLE`].
pub(super) const TEXT: i32 = 12;
/// See [`TITLE`].
pub(super) const SMALL: i32 = 10;

/// The font, known to plotters under [`FAMILY`] from the first call on.
pub(super) fn font() -> Result<&'static FontRef<'static>> {
    static FONT: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    let load = || {
        let bytes = dejavu::sans::regular();
        register_font(FAMILY, FontStyle::Normal, bytes).ok()?;
        FontRef::try_from_slice(bytes).ok()
    };
    FONT.get_or_init(load).as_ref().ok_or_else(|| Error::Drawing("the font cannot be read".into()))
}

/// The glyphs of a text: each with its distance from the start, and the end of the last one; in
/// ems.
pub(super) fn glyphs(font: &FontRef<'_>, text: &str) -> (Vec<(GlyphId, f32)>, f32) {
    let em = font.units_per_em().unwrap_or(1.0);
    let (mut at, mut last) = (0.0, None);
    let mut placed = Vec::new();
    for letter in text.chars() {
        let glyph = font.glyph_id(letter);
        at += last.map_or(0.0, |last| font.kern_unscaled(last, glyph));
        placed.push((glyph, at / em));
        at += font.h_advance_unscaled(glyph);
        last = Some(glyph);
    }
    (placed, at / em)
}

/// The pixels that a text takes, rounded up, at `em` pixels an em.
pub(crate) fn width(text: &str, em: i32) -> Result<i32> {
    Ok((glyphs(font()?, text).1 * em as f32).ceil() as i32)
}

/// The widest of some texts.
pub(super) fn widest<'a>(texts: impl IntoIterator<Item = &'a str>, em: i32) -> Result<i32> {
    texts.into_iter().try_fold(0, |most, text| Ok(width(text, em)?.max(most)))
}

/// Words on lines of at most `most` pixels. One word may be longer: it is not divided.
pub(super) fn wrapped(text: &str, most: i32, em: i32) -> Result<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line} {word}");
            if width(&longer, em)? <= most {
                *line = longer;
                continue;
            }
        }
        lines.push(word.to_string());
    }
    Ok(lines)
}

/// The pixels from one line of text to the next.
pub(super) fn line_height(em: i32) -> i32 {
    em + em / 3
}

/// Text as a paper sets it: `C_12` with a small 12 below the line, `A^T` with a small T above it, a
/// true minus. An index is set so only after a single letter; names such as `MSR_2` keep theirs.
pub(crate) fn typeset(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut set = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let rest = &letters[at + 1..];
        let single = at.checked_sub(1).is_some_and(|before| letters[before].is_alphabetic())
            && at.checked_sub(2).is_none_or(|before| !letters[before].is_alphanumeric());
        let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
        let ends = !rest.get(digits).is_some_and(|c| c.is_alphabetic());
        if letter == '_' && single && digits > 0 && ends {
            set.extend(rest[..digits].iter().filter_map(|&digit| lowered(digit)));
            at += digits;
        } else if letter == '^'
            && rest.first() == Some(&'T')
            && !rest.get(1).is_some_and(|c| c.is_alphanumeric())
        {
            set.push('ᵀ');
            at += 1;
        } else {
            set.push(letter);
        }
        at += 1;
    }
    set
}

fn lowered(digit: char) -> Option<char> {
    char::from_u32('₀' as u32 + digit.to_digit(10)?)
}

#[cfg(test)]
mod tests {
    use ab_glyph::{Font, GlyphId};

    use super::{TEXT, font, typeset, width, wrapped};

    /// A sign that the font lacks would be a box on the picture.
    #[test]
    fn the_font_has_the_signs_of_group_theory() {
        let missing: Vec<char> = "⋊≀‖ᵀ×²⁻⁰¹³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉−–→°±·ρ"
            .chars()
            .filter(|&sign| font().unwrap().glyph_id(sign) == GlyphId(0))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn indices_are_set_after_single_letters() {
        let set = [("C_5² ⋊ C_4 (100)", "C₅² ⋊ C₄ (100)"), ("A A^T", "A Aᵀ"), ("D_4 × C_12", "D₄ × C₁₂")];
        for (text, expected) in set {
            assert_eq!(typeset(text), expected);
        }
        for kept in ["MSR_2", "rank_1_large", "a^Two", "_1", "x_", "C_7b"] {
            assert_eq!(typeset(kept), kept);
        }
    }

    #[test]
    fn lines_stay_within_their_width() {
        let text = "filters of one test task, and a title that goes on";
        let lines = wrapped(text, 120, TEXT).unwrap();
        assert!(lines.len() > 1 && lines.join(" ") == text);
        assert!(lines.iter().all(|line| width(line, TEXT).unwrap() <= 120), "{lines:?}");
        assert_eq!(wrapped("unbreakable", 1, TEXT).unwrap(), ["unbreakable"]);
        assert!(wrapped("", 10, TEXT).unwrap().is_empty());
    }
}
