//! The rotations of the icosahedron.

use crate::group::PermutationGroup;
use crate::permutation::Permutation;

/// The rotations of the icosahedron on its 12 corners: `(0, s, t φ)`, `(s, t φ, 0)`, `(t φ, 0, s)`,
/// each with `(s, t)` = (1, 1), (1, −1), (−1, 1), (−1, −1), and φ the golden ratio; isomorphic to
/// `A_5`, order 60.
pub fn icosahedron() -> PermutationGroup {
    let golden = (1.0 + 5f64.sqrt()) / 2.0;
    let signs = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)];
    let corners: Vec<[f64; 3]> = (0..3)
        .flat_map(|turn| {
            signs.map(|(s, t)| match turn {
                0 => [0.0, s, t * golden],
                1 => [s, t * golden, 0.0],
                _ => [t * golden, 0.0, s],
            })
        })
        .collect();
    // A third of a turn about (1, 1, 1) moves the coordinates round; a fifth of a turn about corner
    // 0.
    let third = |[x, y, z]: [f64; 3]| [z, x, y];
    let length = (1.0 + golden * golden).sqrt();
    let axis = corners[0].map(|c| c / length);
    let fifth = |p: [f64; 3]| rotate(p, axis, 2.0 * std::f64::consts::PI / 5.0);
    let generators = vec![moved(&corners, third), moved(&corners, fifth)];
    PermutationGroup::trusted("rotations of the icosahedron", 12, generators).of_order(60u32)
}

/// Rodrigues' rotation of `p` by `angle` about a unit axis.
fn rotate(p: [f64; 3], axis: [f64; 3], angle: f64) -> [f64; 3] {
    let (sin, cos) = angle.sin_cos();
    let along: f64 = p.iter().zip(&axis).map(|(a, b)| a * b).sum();
    let cross =
        [axis[1] * p[2] - axis[2] * p[1], axis[2] * p[0] - axis[0] * p[2], axis[0] * p[1] - axis[1] * p[0]];
    std::array::from_fn(|i| p[i] * cos + cross[i] * sin + axis[i] * along * (1.0 - cos))
}

/// The permutation of the corners that a rotation makes.
fn moved(corners: &[[f64; 3]], rotation: impl Fn([f64; 3]) -> [f64; 3]) -> Permutation {
    let distance =
        |a: &[f64; 3], b: &[f64; 3]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum() };
    let image = |(at, &corner): (usize, &[f64; 3])| {
        let image = rotation(corner);
        // A rotation of the icosahedron takes corners to corners.
        corners.iter().position(|c| distance(c, &image) < 1e-6).unwrap_or(at) as u32
    };
    Permutation::trusted(corners.iter().enumerate().map(image).collect())
}
