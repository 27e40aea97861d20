//! Blocks of the columns of a result, for threads that each write some.

/// Blocks of so many columns of rows of length `n`: in each, the pieces of all rows.
pub(crate) fn column_blocks<T>(out: &mut [T], n: usize, width: usize) -> Vec<Vec<&mut [T]>> {
    let mut blocks = Vec::new();
    blocks.resize_with(n.div_ceil(width), Vec::new);
    for row in out.chunks_exact_mut(n) {
        blocks.iter_mut().zip(row.chunks_mut(width)).for_each(|(block, columns)| block.push(columns));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::column_blocks;

    #[test]
    fn blocks_have_the_pieces_of_all_rows() {
        let mut numbers = [0, 1, 2, 3, 4, 5];
        let blocks = column_blocks(&mut numbers, 3, 2);
        assert_eq!(blocks, [[&[0, 1][..], &[3, 4]], [&[2], &[5]]]);
        assert!(column_blocks(&mut [0; 0], 3, 2).iter().all(Vec::is_empty));
    }
}
