//! The definition with the flags applied.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::choice::{by_name, keep};
use super::device::DeviceName;
use super::experiment::{Definition, Experiment, Run};
use super::files::ArrayNames;
use super::flags::Flags;
use super::mean::Mean;
use super::settings::Inner;

impl<E: Experiment> Run<E> {
    /// Applies the flags to the definition `built_in`, or to that of `--definition`. Names that are
    /// not defined are errors that list those that are.
    pub fn new(experiment: &str, built_in: &str, flags: &Flags<E::Flags>) -> Result<Self> {
        let (source, definition) = match &flags.definition {
            None => {
                let source = format!("the built-in definition of {experiment}");
                let definition = Definition::<E>::parse(built_in, &source)?;
                (source, definition)
            }
            Some(path) => {
                let source = path.display().to_string();
                let text = std::fs::read_to_string(path).with_context(|| source.clone())?;
                let definition = Definition::parse(&text, &source)?;
                (source, definition)
            }
        };
        let mut run = Self {
            definition,
            source,
            quick: flags.quick,
            device: flags.device.unwrap_or(DeviceName::Cpu),
            data: None,
            arrays: ArrayNames::default(),
            has_own_steps: flags.outer_steps.is_some(),
            left_out: Vec::new(),
            is_defined: true,
            recorded_as: None,
        };
        let Definition { methods, training, quick, problems, .. } = &mut run.definition;
        let all = (methods.len(), problems.len(), training.seeds);
        if flags.quick {
            training.outer_steps = quick.outer_steps;
            training.seeds = quick.seeds.unwrap_or(training.seeds);
        }
        let quick_methods = (flags.quick && !quick.methods.is_empty()).then(|| quick.methods.clone());
        keep("method", methods, |m| m.name.clone(), &flags.methods, quick_methods, |a, b| by_name(a, b))?;
        let defined = (training.outer_steps, training.inner_steps);
        training.outer_steps = flags.outer_steps.unwrap_or(training.outer_steps);
        training.inner_steps = flags.inner_steps.unwrap_or(training.inner_steps);
        training.seeds = flags.seeds.unwrap_or(training.seeds);
        run.is_defined = defined == (training.outer_steps, training.inner_steps);
        E::narrow(&mut run, &flags.own)?;
        let Definition { methods, problems, training, .. } = &run.definition;
        let is_whole = run.is_defined
            && !run.quick
            && flags.definition.is_none()
            && (methods.len(), problems.len()) == (all.0, all.1)
            && training.seeds >= all.2;
        run.recorded_as = is_whole.then(|| match training.seeds {
            seeds if seeds == all.2 => experiment.to_string(),
            seeds => format!("{experiment}-{seeds}-seeds"),
        });
        Ok(run)
    }

    /// Whether a method of that name is part of the run.
    pub fn has_method(&self, name: &str) -> bool {
        self.definition.method(name).is_some()
    }

    /// Keeps the methods whose inner loop is of this kind; all when none is asked for.
    pub fn keep_inner(&mut self, inner: Option<Inner>) -> Result<()> {
        let Some(inner) = inner else { return Ok(()) };
        let methods = &mut self.definition.methods;
        let all: Vec<String> = methods.iter().map(|m| m.name.clone()).collect();
        methods.retain(|m| inner.selects(m.learner));
        ensure!(
            !methods.is_empty(),
            "none of the methods {} adapts as --inner asks; leave out --methods or --inner",
            all.join(", ")
        );
        Ok(())
    }

    /// Takes the authors' files in this folder, with arrays of these names, in place of our
    /// generator.
    pub fn take_data(&mut self, folder: Option<&PathBuf>, arrays: &ArrayNames) -> Result<()> {
        if let Some(folder) = folder {
            // A run is continued from any folder.
            self.data = Some(std::path::absolute(folder)?);
            self.arrays = arrays.clone();
            self.is_defined = false;
        }
        Ok(())
    }

    /// The mean over seeds, each of which has tasks of its own unless they come from a file.
    pub fn mean(&self, seeds: impl Iterator<Item = Mean>) -> Option<Mean> {
        if self.data.is_some() { Mean::over_same_tasks(seeds) } else { Mean::over(seeds) }
    }
}

#[cfg(test)]
mod tests {
    use super::Run;
    use crate::engine::{Flags, Inner};
    use crate::table2::{Flags as Own, Table2};

    fn run(flags: Flags<Own>) -> anyhow::Result<Run<Table2>> {
        Run::new("table2", include_str!("../../definitions/table2.toml"), &flags)
    }

    fn methods(run: &Run<Table2>) -> Vec<&str> {
        run.definition.methods.iter().map(|m| m.name.as_str()).collect()
    }

    #[test]
    fn flags_change_what_is_defined() -> anyhow::Result<()> {
        let defined = run(Flags::default())?;
        assert!(defined.is_defined && defined.recorded_as.as_deref() == Some("table2"));
        assert_eq!(defined.source, "the built-in definition of table2");
        assert_eq!((methods(&defined).len(), defined.definition.cells().count()), (5, 10));
        let seeds = run(Flags { seeds: Some(3), ..Flags::default() })?;
        assert_eq!(seeds.recorded_as.as_deref(), Some("table2-3-seeds"));

        let quick = run(Flags { quick: true, ..Flags::default() })?;
        assert!(quick.is_defined && quick.recorded_as.is_none());
        assert_eq!((quick.definition.training.outer_steps, quick.definition.tasks.test_tasks), (500, 60));
        assert_eq!(methods(&quick), ["MSR-Conv", "MSR-Conv-exact"]);
        let named = Flags { quick: true, methods: vec!["mtsr-conv".into()], ..Flags::default() };
        assert_eq!(methods(&run(named)?), ["MTSR-Conv"]);

        let inner = |inner| Flags { own: Own { inner: Some(inner), ..Own::default() }, ..Flags::default() };
        assert_eq!(methods(&run(inner(Inner::Exact))?), ["MSR-Conv-exact"]);
        assert_eq!(methods(&run(inner(Inner::Gradient))?).len(), 4);
        assert!(run(Flags { methods: vec!["MAML-Conv".into()], ..inner(Inner::Exact) }).is_err());

        let data = Own { data: Some("here".into()), ..Own::default() };
        for flags in [
            Flags { outer_steps: Some(7), ..Flags::default() },
            Flags { inner_steps: Some(1), ..Flags::default() },
            Flags { own: data, ..Flags::default() },
            Flags { quick: true, outer_steps: Some(1_000), ..Flags::default() },
        ] {
            let changed = run(flags)?;
            assert!(!changed.is_defined && changed.recorded_as.is_none());
        }
        Ok(())
    }

    #[test]
    fn a_stored_run_is_the_same_run() -> anyhow::Result<()> {
        let run = run(Flags { quick: true, ..Flags::default() })?;
        let text = serde_json::to_string(&run)?;
        let again: Run<Table2> = serde_json::from_str(&text)?;
        assert_eq!(serde_json::to_string(&again)?, text);
        Ok(())
    }
}
