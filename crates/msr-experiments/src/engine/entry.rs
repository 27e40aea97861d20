//! The line of an experiment in the list of all.

use anyhow::Result;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::experiment::{Definition, Experiment};
use super::flags::Flags;
use super::reproduce::reproduce;

/// An experiment in the list of all: its name, what it is, its definition, and the type that runs
/// it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// As the user calls it.
    pub name: &'static str,
    about: &'static str,
    definition: &'static str,
    flags: fn(Command) -> Command,
    run: fn(&Entry, &ArgMatches) -> Result<()>,
    check: fn(&str, &str) -> Result<()>,
}

impl Entry {
    /// An experiment of type `E`, with the text of `data/experiments/<name>.toml`.
    pub fn new<E: Experiment>(name: &'static str, about: &'static str, definition: &'static str) -> Self {
        let run: fn(&Entry, &ArgMatches) -> Result<()> = |entry, matches| {
            let flags = Flags::<E::Flags>::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
            reproduce::<E>(entry.name, entry.definition, &flags)
        };
        let check: fn(&str, &str) -> Result<()> =
            |text, source| Definition::<E>::parse(text, source).map(drop);
        Self { name, about, definition, flags: Flags::<E::Flags>::augment_args, run, check }
    }

    /// The command, with its flags.
    pub fn command(&self) -> Command {
        // Afterwards: what the flags say of themselves is for readers of the code.
        (self.flags)(Command::new(self.name)).about(self.about).long_about(None)
    }

    /// Runs the experiment as these flags say.
    ///
    /// # Errors
    /// When the request cannot work, a training run fails, or a bound of the definition does not
    /// hold.
    pub fn run(&self, matches: &ArgMatches) -> Result<()> {
        (self.run)(self, matches)
    }

    /// Checks the built-in definition.
    ///
    /// # Errors
    /// When it cannot be read or contradicts itself.
    pub fn check(&self) -> Result<()> {
        self.check_text(self.definition)
    }

    /// Checks another definition of this experiment.
    ///
    /// # Errors
    /// When it cannot be read or contradicts itself.
    pub fn check_text(&self, definition: &str) -> Result<()> {
        (self.check)(definition, self.name)
    }
}
