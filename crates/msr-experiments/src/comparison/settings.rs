//! The flags that all comparisons have, and what they make of a definition.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::{Method, Training};
use crate::choice::{by_name, choose};
use crate::device::DeviceName;
use crate::learner::Inner;
use crate::mean::Mean;

/// The flags.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SettingsArgs {
    /// A smoke run of some seconds, of fewer problems (and, in table2, methods and outer steps).
    #[arg(long, conflicts_with = "resume")]
    pub quick: bool,
    /// Only these methods, by the names in the table, separated by commas.
    #[arg(long, value_delimiter = ',', conflicts_with = "resume")]
    pub methods: Vec<String>,
    /// Only the methods with this kind of inner loop. By default there are all, those with an exact one beside the others.
    #[arg(long, value_enum, conflicts_with = "resume")]
    pub inner: Option<Inner>,
    /// How many seeds; the table shows the mean over them.
    #[arg(long, conflicts_with = "resume", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// Steps of the outer loop.
    #[arg(long, conflicts_with = "resume", value_parser = clap::value_parser!(u64).range(1..))]
    pub outer_steps: Option<u64>,
    /// Steps of the inner loop.
    #[arg(long, conflicts_with = "resume")]
    pub inner_steps: Option<usize>,
    /// Where to compute.
    #[arg(long, value_enum, conflicts_with = "resume")]
    pub device: Option<DeviceName>,
    /// A folder with the authors' files, used instead of our generator: rank1.npz, rank2.npz and rank5.npz for table1,
    /// 2d_rot8.npz and 2d_rot8_flip.npz for table2. They may be larger than memory.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub data: Option<PathBuf>,
}

/// What a run will do, as far as all comparisons go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub quick: bool,
    pub methods: Vec<String>,
    pub seeds: u64,
    pub outer_steps: u64,
    pub inner_steps: usize,
    pub device: DeviceName,
    /// The folder of the authors' `.npz` files, if they replace our generator.
    pub data: Option<PathBuf>,
    /// Whether nothing was changed on which the bounds of the definition depend.
    pub is_defined: bool,
}

impl Settings {
    /// Applies the flags to what is defined: methods (with `--quick` those of `quick`, if any are named) and training (with
    /// `--quick` of so many steps). Names that are not defined are errors that list those that are.
    pub fn new<L>(
        args: &SettingsArgs,
        methods: &[Method<L>],
        training: &Training,
        quick: Option<&[String]>,
        quick_steps: u64,
    ) -> Result<Self> {
        let known: Vec<String> = methods.iter().map(|m| m.name.clone()).collect();
        let by_default = quick.filter(|_| args.quick).map(<[String]>::to_vec);
        let mut chosen = choose("method", &args.methods, &known, by_default, by_name)?;
        if let Some(inner) = args.inner {
            let all = chosen.join(", ");
            let adapts = |name: &String| methods.iter().any(|m| m.name == *name && inner.selects(m.learner));
            chosen.retain(adapts);
            ensure!(
                !chosen.is_empty(),
                "none of the methods {all} adapts as --inner asks; leave out --methods or --inner"
            );
        }
        let steps = if args.quick { quick_steps } else { training.outer_steps };
        let outer_steps = args.outer_steps.unwrap_or(steps);
        let inner_steps = args.inner_steps.unwrap_or(training.inner_steps);
        let same_steps = (outer_steps, inner_steps) == (steps, training.inner_steps);
        Ok(Self {
            quick: args.quick,
            methods: chosen,
            seeds: args.seeds.unwrap_or(training.seeds),
            outer_steps,
            inner_steps,
            device: args.device.unwrap_or(DeviceName::Cpu),
            // A run is continued from any folder.
            data: args.data.as_ref().map(std::path::absolute).transpose()?,
            is_defined: same_steps && args.data.is_none(),
        })
    }

    /// The mean over seeds, each of which has tasks of its own unless they come from a file.
    pub fn mean(&self, seeds: impl Iterator<Item = Mean>) -> Option<Mean> {
        if self.data.is_some() { Mean::over_same_tasks(seeds) } else { Mean::over(seeds) }
    }

    /// Whether a method is part of the run.
    pub fn has<L>(&self, method: &Method<L>) -> bool {
        self.methods.contains(&method.name)
    }

    /// Whether this is the whole defined experiment, as far as `methods` go.
    pub fn is_whole<L>(&self, methods: &[Method<L>]) -> bool {
        self.is_defined && !self.quick && self.methods.len() == methods.len()
    }

    /// The name under which a table is recorded.
    pub fn record_name(&self, experiment: &str) -> String {
        if self.seeds == 1 { experiment.to_string() } else { format!("{experiment}-{}-seeds", self.seeds) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Settings, SettingsArgs};
    use crate::comparison::{Method, Training};
    use crate::learner::{Inner, Learner};

    fn settings(args: SettingsArgs) -> anyhow::Result<Settings> {
        let training = Training {
            outer_steps: 100,
            test_at: Vec::new(),
            meta_batch: 1,
            outer_rate: 1e-3,
            inner_steps: 3,
            inner_rate: 0.1,
            ridge: 0.1,
            checkpoint_every: 1,
            metrics_every: 1,
            seeds: 2,
        };
        let method = |name: &str, learner| Method { name: name.into(), learner, layer: (), note: None };
        let methods = [
            method("MAML", Learner::Bilevel),
            method("MTSR", Learner::MultiTask),
            method("MSR-exact", Learner::Exact),
        ];
        Settings::new(&args, &methods, &training, Some(&["MAML".to_string()]), 7)
    }

    #[test]
    fn flags_change_what_is_defined() -> anyhow::Result<()> {
        let defined = settings(SettingsArgs::default())?;
        assert_eq!((defined.outer_steps, defined.inner_steps, defined.seeds), (100, 3, 2));
        assert!(defined.is_defined && defined.methods == ["MAML", "MTSR", "MSR-exact"]);

        let quick = settings(SettingsArgs { quick: true, ..SettingsArgs::default() })?;
        assert!(quick.is_defined && quick.outer_steps == 7 && quick.methods == ["MAML"]);
        let methods = vec!["mtsr".to_string()];
        let named = settings(SettingsArgs { quick: true, methods, ..SettingsArgs::default() })?;
        assert_eq!(named.methods, ["MTSR"]);

        let exact = settings(SettingsArgs { inner: Some(Inner::Exact), ..SettingsArgs::default() })?;
        assert_eq!(exact.methods, ["MSR-exact"]);
        let gradient = settings(SettingsArgs { inner: Some(Inner::Gradient), ..SettingsArgs::default() })?;
        assert_eq!(gradient.methods, ["MAML", "MTSR"]);
        let none = SettingsArgs {
            methods: vec!["MAML".into()],
            inner: Some(Inner::Exact),
            ..SettingsArgs::default()
        };
        assert!(settings(none).is_err());

        for args in [
            SettingsArgs { outer_steps: Some(7), ..SettingsArgs::default() },
            SettingsArgs { inner_steps: Some(1), ..SettingsArgs::default() },
            SettingsArgs { data: Some("here".into()), ..SettingsArgs::default() },
            SettingsArgs { quick: true, outer_steps: Some(100), ..SettingsArgs::default() },
        ] {
            assert!(!settings(args)?.is_defined);
        }
        Ok(())
    }
}
