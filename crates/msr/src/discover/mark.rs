//! Whether a verdict is of these data and settings.

use std::collections::BTreeMap;
use std::time::Duration;

use msr_data::tasks::TaskData;
use msr_discover::DiscoverConfig;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Of data and settings: the same mark, the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// SHA-256 of all numbers.
    data: String,
    /// What was asked for, by the names of the flags.
    settings: BTreeMap<String, String>,
}

impl Mark {
    /// Of data and settings.
    pub fn new(data: &TaskData, config: &DiscoverConfig, budget: Duration) -> Self {
        let mut hash = Sha256::new();
        hash.update(format!("{:?}", (data.inputs, data.outputs)));
        for task in &data.tasks {
            hash.update((task.x.len() as u64).to_le_bytes());
            task.x.iter().chain(&task.y).for_each(|number| hash.update(number.to_le_bytes()));
        }
        let shape = |sizes: &[usize]| match sizes {
            [] => "none".into(),
            sizes => sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("x"),
        };
        let settings = [
            ("--tolerance", config.tolerance.to_string()),
            ("--seed", config.seed.to_string()),
            ("--signed", config.signed.to_string()),
            ("--pairs", config.pairs.to_string()),
            ("--shape", shape(&config.layout.inputs)),
            ("--output-shape", shape(&config.layout.outputs)),
            ("--budget", humantime::format_duration(budget).to_string()),
            ("version of msr", env!("CARGO_PKG_VERSION").into()),
        ];
        let settings = settings.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        Self { data: hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect(), settings }
    }

    /// What is another one than here, in words: `another --seed (0, and 1 is asked for)`; none if
    /// all is the same.
    pub fn others(&self, asked: &Self) -> Option<String> {
        let unknown = || "none".to_string();
        let mut found = Vec::new();
        for (name, value) in &asked.settings {
            let own = self.settings.get(name).cloned().unwrap_or_else(unknown);
            if own != *value {
                let own = msr_files::printable(&own).into_owned();
                found.push(format!("another {name} ({own}, and {value} is asked for)"));
            }
        }
        // Rows may have been divided otherwise for another seed.
        let is_seed = self.settings.get("--seed") != asked.settings.get("--seed");
        if self.data != asked.data && !is_seed {
            found.push("other data".into());
        }
        if found.is_empty() && self != asked {
            found.push("other settings".into());
        }
        (!found.is_empty()).then(|| found.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;

    #[test]
    fn what_differs_is_named() {
        let mark = |data: &str, settings: &[(&str, &str)]| Mark {
            data: data.into(),
            settings: settings.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect(),
        };
        let first = mark("a", &[("--seed", "0"), ("--tolerance", "0.05")]);
        for (asked, words) in [
            (first.clone(), None),
            (mark("b", &[("--seed", "0"), ("--tolerance", "0.05")]), Some("other data")),
            (
                mark("a", &[("--seed", "1"), ("--tolerance", "0.01")]),
                Some(
                    "another --seed (0, and 1 is asked for), another --tolerance (0.05, and 0.01 is asked for)",
                ),
            ),
            (mark("a", &[("--seed", "0")]), Some("other settings")),
        ] {
            assert_eq!(first.others(&asked).as_deref(), words);
        }
    }
}
