//! Tied weights as equal rows of a symmetry matrix.
//!
//! A learned U is only defined up to `U · M` with M invertible, and such an M keeps equal rows
//! equal and different rows different. Rows are joined in the order of their distances (single
//! linkage, which is the minimum spanning tree). A wide gap between two successive heights, as a
//! ratio, may separate noise from signal, or what is nearly tied from the rest; so the tree is cut
//! at each of the widest ones. The tolerance is in the middle of a gap. See
//! [recovery.md](crate::derivations::recovery), section 1.

use nalgebra::DMatrix;

use crate::union_find::UnionFind;

/// How the tolerance was found. See [recovery.md](crate::derivations::recovery), section 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Rows closer than this are taken to be equal, in units of the largest row norm.
    pub value: f64,
    /// The longest step that joins rows of one cluster (single linkage), in the same units.
    pub within: f64,
    /// The smallest distance between two clusters, in the same units, at most 1. With a single
    /// cluster it is 1.
    pub between: f64,
    /// Which rows were compared. `None`: the rows of U as they are. `Some(r)`: the rows of its `r`
    /// leading left singular vectors, which are free of a badly conditioned M and of columns that
    /// were not learned.
    pub whitened: Option<usize>,
}

impl Tolerance {
    /// `between / within`: how clearly the clusters are separated.
    pub fn gap(&self) -> f64 {
        self.between / self.within.max(FLOOR)
    }
}

/// The rows of U, or of its leading left singular vectors, with the clusters that their widest gaps
/// show.
pub(super) struct View {
    /// What was clustered, row by row.
    pub data: Vec<f64>,
    pub columns: usize,
    /// The largest norm of a row.
    pub scale: f64,
    /// From the coarsest to the finest; not empty.
    pub cuts: Vec<Cut>,
    /// Which of them is the one at the widest gap.
    pub widest: usize,
}

impl View {
    /// One of the rows.
    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.columns..(row + 1) * self.columns]
    }
}

/// The clusters before one gap.
pub(super) struct Cut {
    /// The cluster of each row, numbered in the order in which they first occur.
    pub labels: Vec<u32>,
    pub tolerance: Tolerance,
}

/// Distances below this, in units of the largest row norm, are rounding errors of single precision.
pub(super) const FLOOR: f64 = 1e-6;
/// Numbers of leading singular vectors that are tried.
const RANKS: usize = 4;
/// Gaps at which the tree of a view is cut.
const CUTS: usize = 8;
/// Besides the widest, gaps narrower than this are not looked at.
const NARROWEST: f64 = 1.1;

/// The rows as they are, then those of the leading left singular vectors, for the ranks after which
/// the singular values fall most; each cut at its widest gaps. Empty when there are fewer than two
/// rows, or nothing but zeros.
pub(super) fn views(symmetry: &[f64], rows: usize, columns: usize) -> Vec<View> {
    if rows < 2 || columns == 0 || symmetry.iter().all(|&u| u == 0.0) {
        return Vec::new();
    }
    let matrix = DMatrix::from_row_slice(rows, columns, symmetry);
    // Through the small Gram matrix: the left singular vectors are U V Σ⁻¹.
    let eigen = (matrix.transpose() * &matrix).symmetric_eigen();
    let mut order: Vec<usize> = (0..columns).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let values: Vec<f64> = order.iter().map(|&i| eigen.eigenvalues[i].max(0.0).sqrt()).collect();
    let floor = FLOOR * values[0].max(f64::MIN_POSITIVE);
    let mut ranks: Vec<usize> = (1..=columns).filter(|&r| columns > 1 && values[r - 1] > floor).collect();
    let drop = |r: usize| values[r - 1] / values.get(r).copied().unwrap_or(0.0).max(floor);
    ranks.sort_by(|&a, &b| drop(b).total_cmp(&drop(a)));
    ranks.truncate(RANKS);
    let whitened = ranks.into_iter().map(|rank| {
        let map = DMatrix::from_fn(columns, rank, |i, j| eigen.eigenvectors[(i, order[j])] / values[j]);
        let data = (&matrix * map).transpose().as_slice().to_vec();
        (data, rank, Some(rank))
    });
    let plain = std::iter::once((symmetry.to_vec(), columns, None));
    plain.chain(whitened).filter_map(|(data, columns, rank)| cut(data, rows, columns, rank)).collect()
}

/// Joins rows up to the widest gaps between two heights.
fn cut(data: Vec<f64>, rows: usize, columns: usize, whitened: Option<usize>) -> Option<View> {
    let norm =
        |row: usize| data[row * columns..(row + 1) * columns].iter().map(|v| v * v).sum::<f64>().sqrt();
    let scale = (0..rows).map(norm).fold(f64::MIN_POSITIVE, f64::max);
    let mut edges = spanning_tree(&data, rows, columns);
    edges.sort_by(|a, b| a.height.total_cmp(&b.height));
    // After the last height stands the rows' own size.
    let height = |i: usize| edges.get(i).map_or(1.0, |e| (e.height / scale).min(1.0));
    let gap = |joined: usize| height(joined).max(FLOOR) / height(joined - 1).max(FLOOR);
    let mut places: Vec<(usize, f64)> = (1..=edges.len()).map(|joined| (joined, gap(joined))).collect();
    let wider_first = |a: &(usize, f64), b: &(usize, f64)| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0));
    if places.len() > CUTS {
        places.select_nth_unstable_by(CUTS, wider_first);
        places.truncate(CUTS);
    }
    places.sort_by(wider_first);
    let (widest, _) = *places.first()?;
    places.retain(|&(joined, gap)| joined == widest || gap >= NARROWEST);
    places.sort_by_key(|&(joined, _)| joined);
    let mut sets = UnionFind::new(rows);
    let mut done = 0;
    let mut cuts = Vec::with_capacity(places.len());
    for &(joined, _) in &places {
        for edge in &edges[done..joined] {
            sets.join(edge.ends.0, edge.ends.1);
        }
        done = joined;
        let (within, between) = (height(joined - 1), height(joined));
        let value = (within.max(FLOOR) * between.max(FLOOR)).sqrt();
        let tolerance = Tolerance { value, within, between, whitened };
        cuts.push(Cut { labels: labels(&mut sets, rows), tolerance });
    }
    cuts.reverse();
    let widest = places.iter().rev().position(|&(joined, _)| joined == widest)?;
    Some(View { data, columns, scale, cuts, widest })
}

/// The sets, numbered in the order in which they first occur.
fn labels(sets: &mut UnionFind, rows: usize) -> Vec<u32> {
    const NONE: u32 = u32::MAX;
    let (mut numbers, mut next) = (vec![NONE; rows], 0);
    let number = |row| {
        let number = &mut numbers[sets.root(row)];
        if *number == NONE {
            *number = next;
            next += 1;
        }
        *number
    };
    (0..rows).map(number).collect()
}

struct Edge {
    height: f64,
    ends: (usize, usize),
}

/// The minimum spanning tree of the rows under Euclidean distance (Prim): `O(rows² columns)`, no
/// matrix of distances.
fn spanning_tree(data: &[f64], rows: usize, columns: usize) -> Vec<Edge> {
    if columns == 1 {
        // On a line the tree joins neighbours.
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_by(|&a, &b| data[a].total_cmp(&data[b]));
        let edge = |w: &[usize]| Edge { height: data[w[1]] - data[w[0]], ends: (w[0], w[1]) };
        return order.windows(2).map(edge).collect();
    }
    let row = |i: usize| &data[i * columns..(i + 1) * columns];
    let mut edges = Vec::with_capacity(rows - 1);
    // For each row outside the tree, its squared distance to the tree and the row that is nearest.
    let mut outside: Vec<(usize, f64, usize)> = (1..rows).map(|i| (i, f64::INFINITY, 0)).collect();
    let mut newest = 0;
    while !outside.is_empty() {
        let mut nearest = 0;
        for at in 0..outside.len() {
            let (i, distance, _) = outside[at];
            let to_newest: f64 = row(i).iter().zip(row(newest)).map(|(a, b)| (a - b) * (a - b)).sum();
            if to_newest < distance {
                outside[at] = (i, to_newest, newest);
            }
            if outside[at].1 < outside[nearest].1 {
                nearest = at;
            }
        }
        let (i, distance, from) = outside.swap_remove(nearest);
        edges.push(Edge { height: distance.sqrt(), ends: (from, i) });
        newest = i;
    }
    edges
}
