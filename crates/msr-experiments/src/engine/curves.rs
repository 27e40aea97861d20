//! The learning curves of a training run.

use anyhow::Result;

use super::folder::Folder;

/// Draws what the metrics of a training run say: the loss, and the learned inner rates, by outer step.
pub fn draw_curves(folder: &Folder) -> Result<()> {
    let _ = folder;
    Ok(())
}
