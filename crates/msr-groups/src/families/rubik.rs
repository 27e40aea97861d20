//! The 3×3×3 cube puzzle.

use crate::error::{Error, Result};
use crate::group::PermutationGroup;
use crate::permutation::Permutation;

/// A sticker: the cubie it is on, and the direction it faces; coordinates −1, 0, 1.
type Sticker = ([i8; 3], [i8; 3]);

/// The six quarter turns of the 3×3×3 cube on its 48 movable stickers (faces up, left, front,
/// right, back, down; each row by row as one looks at it, without its centre); order
/// 43,252,003,274,489,856,000.
///
/// # Errors
/// None.
pub fn rubik() -> Result<PermutationGroup> {
    // Each face: its normal, and the directions in which columns and rows run when one looks at it.
    const FACES: [[[i8; 3]; 3]; 6] = [
        [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
        [[-1, 0, 0], [0, 0, 1], [0, -1, 0]],
        [[0, 0, 1], [1, 0, 0], [0, -1, 0]],
        [[1, 0, 0], [0, 0, -1], [0, -1, 0]],
        [[0, 0, -1], [-1, 0, 0], [0, -1, 0]],
        [[0, -1, 0], [1, 0, 0], [0, 0, -1]],
    ];
    let mut stickers: Vec<Sticker> = Vec::with_capacity(48);
    for [normal, across, down] in FACES {
        for (row, column) in (0..9i8).map(|cell| (cell / 3 - 1, cell % 3 - 1)).filter(|&c| c != (0, 0)) {
            let cubie = std::array::from_fn(|i| normal[i] + column * across[i] + row * down[i]);
            stickers.push((cubie, normal));
        }
    }
    let turns: Result<Vec<Permutation>> = FACES.iter().map(|face| quarter_turn(&stickers, face[0])).collect();
    PermutationGroup::new("3×3×3 cube", stickers.len(), turns?)
}

/// A quarter turn, clockwise as one looks at the face.
fn quarter_turn(stickers: &[Sticker], normal: [i8; 3]) -> Result<Permutation> {
    let dot = |a: [i8; 3]| a[0] * normal[0] + a[1] * normal[1] + a[2] * normal[2];
    // Clockwise seen from outside: p ↦ (p · n) n + p × n.
    let turn = |p: [i8; 3]| -> [i8; 3] {
        let along = dot(p);
        let cross = [
            p[1] * normal[2] - p[2] * normal[1],
            p[2] * normal[0] - p[0] * normal[2],
            p[0] * normal[1] - p[1] * normal[0],
        ];
        std::array::from_fn(|i| along * normal[i] + cross[i])
    };
    let images: Option<Vec<usize>> = stickers
        .iter()
        .map(|&(cubie, facing)| {
            let image = if dot(cubie) == 1 { (turn(cubie), turn(facing)) } else { (cubie, facing) };
            stickers.iter().position(|&s| s == image)
        })
        .collect();
    let images = images.ok_or_else(|| Error::Family {
        family: "3×3×3 cube",
        problem: "a turn moved a sticker to where there is none".into(),
    })?;
    Permutation::from_images(&images)
}
