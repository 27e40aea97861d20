//! The peers of the Conv4 meta-step: what they are called, which of them this machine has, and how
//! they are started.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use msr_report::complain;

use crate::serve::{NumberType, Server};
use crate::step::StepArgs;

/// A peer: a framework, and a way of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// PyTorch, task after task.
    Torch,
    /// PyTorch, task after task, channels last in memory.
    TorchNhwc,
    /// PyTorch, tasks spread over threads.
    TorchThreads,
    /// PyTorch, all tasks at once by torch.func.
    TorchFunc,
    /// JAX, task after task.
    JaxScan,
    /// JAX, task after task, channels last.
    JaxNhwcScan,
    /// JAX, all tasks at once.
    JaxVmap,
    /// JAX, task after task, convolutions as products with columns.
    JaxIm2colScan,
    /// JAX, all tasks at once, convolutions as products with columns.
    JaxIm2colVmap,
}

impl Peer {
    /// What its script calls it.
    pub fn key(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string())
    }

    /// What it is called in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Torch => "PyTorch, task after task",
            Self::TorchNhwc => "PyTorch, channels last",
            Self::TorchThreads => "PyTorch, threads over tasks",
            Self::TorchFunc => "PyTorch, torch.func",
            Self::JaxScan => "JAX scan",
            Self::JaxNhwcScan => "JAX channels last, scan",
            Self::JaxVmap => "JAX vmap",
            Self::JaxIm2colScan => "JAX im2col, scan",
            Self::JaxIm2colVmap => "JAX im2col, vmap",
        }
    }

    fn is_torch(self) -> bool {
        matches!(self, Self::Torch | Self::TorchNhwc | Self::TorchThreads | Self::TorchFunc)
    }

    /// The packages that it needs, and its script.
    fn needs(self) -> (&'static [&'static str], &'static str) {
        if self.is_torch() {
            (&["numpy", "torch"], "conv4_step_torch.py")
        } else {
            (&["numpy", "jax", "optax"], "conv4_step_jax.py")
        }
    }

    /// Starts it on the problem in a file; its parameters after one step are written to the other.
    ///
    /// # Errors
    /// When it fails.
    pub fn start(
        self,
        args: &StepArgs,
        inner_steps: usize,
        precision: NumberType,
        threads: NonZeroUsize,
        [problem, updated]: [&Path; 2],
    ) -> Result<Server> {
        let mut command = args.peer_scripts().command(self.needs().1);
        command.arg(self.key()).args([problem, updated]);
        command.arg(format!("--inner-steps={inner_steps}")).arg(format!("--threads={threads}"));
        command.arg(precision.flag()).arg(format!("--device={}", args.place.device.kind()));
        Server::start(self.name(), &mut command)
    }

    /// Those of `wanted` whose packages this Python has. Says which are left out, and why.
    ///
    /// # Errors
    /// When Python cannot be started, or has none of them.
    pub fn present(wanted: &[Self], python: &Path) -> Result<Vec<Self>> {
        let (mut present, mut missing) = (Vec::new(), Vec::new());
        for &peer in wanted {
            let (packages, _) = peer.needs();
            if has(python, packages)? {
                present.push(peer);
            } else {
                missing.push(format!("{} ({})", peer.name(), packages.join(", ")));
            }
        }
        let lacks = format!("{} lacks packages of {}", python.display(), missing.join("; "));
        ensure!(!present.is_empty(), "{lacks}; name a Python that has them with --python");
        if !missing.is_empty() {
            complain(&format!("{lacks}: left out"));
        }
        Ok(present)
    }
}

/// Whether a Python has these packages; nothing is imported.
fn has(python: &Path, packages: &[&str]) -> Result<bool> {
    let names = packages.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    let line = format!("import importlib.util as u; print(all(u.find_spec(n) for n in [{names}]))");
    let found = Command::new(python).args(["-c", &line]).output();
    let found =
        found.with_context(|| format!("cannot start {}; name a Python with --python", python.display()))?;
    Ok(found.stdout.starts_with(b"True"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::ValueEnum;

    use super::Peer;

    #[test]
    fn scripts_know_every_peer() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/peers");
        for peer in Peer::value_variants() {
            let text = std::fs::read_to_string(folder.join(peer.needs().1)).unwrap_or_default();
            assert!(text.contains(&format!("\"{}\"", peer.key())), "{peer:?}");
        }
    }

    #[test]
    fn no_python_is_an_error() {
        let error = Peer::present(Peer::value_variants(), Path::new("/no/such/python")).err();
        assert!(error.is_some_and(|e| format!("{e:#}").contains("cannot start /no/such/python")));
    }
}
