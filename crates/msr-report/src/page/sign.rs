//! Signs before words that say how something stands.

use super::drawing::{Anchor, Drawing, Outline, Paint, Tone};

/// A small sign, told apart by its shape as well as by its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sign {
    /// A tick: it holds.
    Yes,
    /// A cross: it does not.
    No,
    /// A question mark: it is open.
    Open,
    /// A ring: nothing is there.
    Nothing,
}

impl Sign {
    /// The colour that goes with it.
    pub fn tone(self) -> Tone {
        match self {
            Self::Yes => Tone::Good,
            Self::No => Tone::Bad,
            Self::Open => Tone::Open,
            Self::Nothing => Tone::Soft,
        }
    }
}

/// The sign, as large as the letters beside it.
pub(super) fn write_sign(sign: Sign, html: &mut String) {
    let tone = sign.tone();
    let mut drawing = Drawing::new(16.0, 16.0);
    let line = Paint::stroke(tone, 2.4);
    match sign {
        Sign::Yes => {
            drawing.outline(&Outline::new().to((2.0, 8.6)).line((6.2, 12.8)).line((14.0, 3.4)), line);
        }
        Sign::No => {
            let mut cross = Outline::new();
            cross.segment((3.0, 3.0), (13.0, 13.0));
            cross.segment((13.0, 3.0), (3.0, 13.0));
            drawing.outline(&cross, line);
        }
        Sign::Open => {
            drawing.circle((8.0, 8.0), 7.0, Paint::stroke(tone, 1.5));
            drawing.text("?", (8.0, 12.0), (11.0, Anchor::Middle, tone), None);
        }
        Sign::Nothing => drawing.circle((8.0, 8.0), 5.5, line),
    }
    // Its numbers are written here, so it can be drawn.
    html.push_str(&drawing.svg("", "").unwrap_or_default());
}
