//! The 3×3×3 cube puzzle.

use crate::group::PermutationGroup;
use crate::permutation::Permutation;

/// A sticker: the cubie it is on, and the direction it faces; coordinates −1, 0, 1.
type Sticker = ([i8; 3], [i8; 3]);

/// The six quarter turns of the 3×3×3 cube on its 48 movable stickers (faces up, left, front,
/// right, back, down; each row by row as one looks at it, without its centre); order
/// 43,252,003,274,489,856,000.
pub fn rubik() -> PermutationGroup {
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
    let turns = FACES.iter().map(|face| quarter_turn(&stickers, face[0])).collect();
    PermutationGroup::trusted("3×3×3 cube", stickers.len(), turns).of_order(43_252_003_274_489_856_000u128)
}

/// A quarter turn, clockwise as one looks at the face.
fn quarter_turn(stickers: &[Sticker], normal: [i8; 3]) -> Permutation {
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
    let image = |(at, &(cubie, facing)): (usize, &Sticker)| {
        let image = if dot(cubie) == 1 { (turn(cubie), turn(facing)) } else { (cubie, facing) };
        // A turn takes stickers to stickers.
        stickers.iter().position(|&s| s == image).unwrap_or(at) as u32
    };
    Permutation::trusted(stickers.iter().enumerate().map(image).collect())
}
