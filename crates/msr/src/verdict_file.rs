//! `verdict.json`: what `msr discover --out` leaves, and `msr export` reads.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use msr_discover::{Bounds, Generator, Symmetry, Verdict, VerdictKind};
use msr_files::printable;
use msr_groups::{SignedPattern, SignedPermutation};
use serde::{Deserialize, Serialize};

/// How the file is called in its folder.
pub const VERDICT: &str = "verdict.json";
/// The version that is written. Files of a later one are refused.
const FORMAT: u32 = 1;
/// The most points of each generator, and images of all of them: what a file can ask for before it
/// is refused.
const MOST_POINTS: usize = 1 << 22;
const MOST_IMAGES: usize = 1 << 25;

/// What was found of some tasks. Fields that are not known here are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictFile {
    /// The version of the format.
    pub format: u32,
    /// The answer.
    pub verdict: Answer,
    /// The same in words.
    pub said: String,
    /// Whether it is said of maps that are linear in the inputs and their products.
    #[serde(default)]
    pub pairs: bool,
    /// The symmetry, where one was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symmetry: Option<SymmetryRecord>,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The tasks have this symmetry, and none that is larger.
    #[serde(rename = "found")]
    Found,
    /// They have it, and perhaps a larger one.
    #[serde(rename = "at least")]
    AtLeast,
    /// They have none.
    #[serde(rename = "none")]
    None,
    /// The data do not tell.
    #[serde(rename = "undecided")]
    Undecided,
}

/// A symmetry that was confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SymmetryRecord {
    /// Its usual name, when one can be proved.
    pub name: Option<String>,
    /// How many maps of the weights the group makes, in decimals.
    pub order: String,
    /// The number of outputs.
    pub outputs: usize,
    /// The number of inputs.
    pub inputs: usize,
    /// The layout of an input.
    pub input_shape: Vec<usize>,
    /// The layout of an output.
    pub output_shape: Vec<usize>,
    /// Whether signs were looked at.
    pub signed: bool,
    /// The generators.
    pub generators: Vec<GeneratorRecord>,
    /// The number of free parameters of the weights.
    pub free_parameters: usize,
    /// What of the variation of the weights breaks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asymmetry: Option<BoundsRecord>,
    /// The number of tasks that confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_on: Option<usize>,
}

/// A generator, in signed cycles ([`SignedPermutation::parse`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeneratorRecord {
    /// What it does to the outputs.
    pub outputs: String,
    /// What it does to the inputs.
    pub inputs: String,
    /// How much of the variation of the weights it keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<BoundsRecord>,
    /// What it does to a grid of inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// A share with its bounds; nothing in place of what is infinite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoundsRecord {
    /// The estimate.
    pub value: Option<f64>,
    /// The lower bound.
    pub lower: Option<f64>,
    /// The upper bound.
    pub upper: Option<f64>,
}

impl From<Bounds> for BoundsRecord {
    fn from(bounds: Bounds) -> Self {
        let finite = |number: f64| number.is_finite().then_some(number);
        Self { value: finite(bounds.value), lower: finite(bounds.lower), upper: finite(bounds.upper) }
    }
}

impl VerdictFile {
    /// What is kept of a verdict on tasks whose inputs and outputs have these shapes; nothing of
    /// one of a kind that is not known here.
    ///
    /// # Errors
    /// For a kind that is not known here, and a group that is too large.
    pub fn of(verdict: &Verdict, input_shape: &[usize], output_shape: &[usize]) -> Result<Self> {
        let answer = match verdict.kind {
            VerdictKind::Found(_) => Answer::Found,
            VerdictKind::AtLeast(_) => Answer::AtLeast,
            VerdictKind::None => Answer::None,
            VerdictKind::Undecided { .. } => Answer::Undecided,
            _ => bail!("a verdict of a kind that this version does not know"),
        };
        let of = |symmetry| SymmetryRecord::of(symmetry, verdict, input_shape, output_shape);
        let symmetry = verdict.symmetry().map(of).transpose()?;
        let pairs = verdict.config.pairs;
        Ok(Self { format: FORMAT, verdict: answer, said: verdict.to_string(), pairs, symmetry })
    }

    /// The file that a path means: itself, or that in a folder.
    pub fn at(path: &Path) -> PathBuf {
        if path.is_dir() { path.join(VERDICT) } else { path.into() }
    }

    /// Whether the bytes are those of a verdict, whatever they say.
    pub fn is_in(bytes: &[u8]) -> bool {
        let begins = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        begins && serde_json::from_slice::<Self>(bytes).is_ok()
    }

    /// What the bytes of a file say.
    ///
    /// # Errors
    /// When they are damaged, or of a later version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_slice(bytes)
            .context("it is no verdict: `msr discover --out DIR` writes one, with its format as a number")?;
        ensure!(
            format <= FORMAT,
            "it was written in version {format} of the format, this program reads versions up to {FORMAT}; use a newer \
             msr"
        );
        serde_json::from_slice(bytes)
            .context("the verdict is damaged; let `msr discover --out DIR` write it again")
    }

    /// The symmetry.
    ///
    /// # Errors
    /// When none was found: what the verdict says.
    pub fn symmetry(&self) -> Result<&SymmetryRecord> {
        match &self.symmetry {
            Some(symmetry) => Ok(symmetry),
            None => {
                let why = match self.verdict {
                    Answer::Undecided => "the verdict is undecided",
                    _ => "no symmetry was found",
                };
                bail!("{why}, so there is nothing to export; it says: {}", printable(&self.said))
            }
        }
    }
}

impl SymmetryRecord {
    /// What is kept of a symmetry of tasks whose inputs and outputs have these shapes.
    ///
    /// # Errors
    /// When the weights that it ties are too many.
    pub fn of(
        symmetry: &Symmetry,
        verdict: &Verdict,
        input_shape: &[usize],
        output_shape: &[usize],
    ) -> Result<Self> {
        let (outputs, inputs) = verdict.shape;
        let pairs: Vec<_> = symmetry.generators.iter().map(|generator| generator.pair.clone()).collect();
        let generator = |generator: &Generator| GeneratorRecord {
            outputs: generator.pair.0.to_string(),
            inputs: generator.pair.1.to_string(),
            strength: generator.strength.map(Into::into),
            words: generator.words.clone(),
        };
        Ok(Self {
            name: symmetry.name.clone(),
            order: symmetry.order.to_string(),
            outputs,
            inputs,
            input_shape: input_shape.to_vec(),
            output_shape: output_shape.to_vec(),
            signed: verdict.config.signed,
            generators: symmetry.generators.iter().map(generator).collect(),
            // Of weights of the inputs, whatever the features were.
            free_parameters: SignedPattern::from_pairs(outputs, inputs, &pairs)?.free_parameters(),
            asymmetry: Some(symmetry.asymmetry.into()),
            confirmed_on: Some(symmetry.confirmed_on),
        })
    }

    /// The weights of outputs and inputs that it ties.
    ///
    /// # Errors
    /// As [`SymmetryRecord::pairs`], and when they are too many.
    pub fn pattern(&self) -> Result<SignedPattern> {
        Ok(SignedPattern::from_pairs(self.outputs, self.inputs, &self.pairs()?)?)
    }

    /// The generators, read.
    ///
    /// # Errors
    /// When one is no signed permutation of as many points, or there are more points than are read.
    pub fn pairs(&self) -> Result<Vec<(SignedPermutation, SignedPermutation)>> {
        let points = self.outputs.saturating_add(self.inputs);
        // Before anything of that size is made.
        ensure!(
            points <= MOST_POINTS && points.saturating_mul(self.generators.len()) <= MOST_IMAGES,
            "{} generators on {} outputs and {} inputs are more than are read",
            self.generators.len(),
            self.outputs,
            self.inputs
        );
        let read = |generator: &GeneratorRecord| {
            let side = |text: &str, degree| SignedPermutation::parse(text, degree);
            Ok((side(&generator.outputs, self.outputs)?, side(&generator.inputs, self.inputs)?))
        };
        self.generators.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::{Answer, BoundsRecord, GeneratorRecord, SymmetryRecord, VERDICT, VerdictFile};

    fn file() -> VerdictFile {
        VerdictFile {
            format: 1,
            verdict: Answer::AtLeast,
            said: "at least C_4, order 2".into(),
            pairs: false,
            symmetry: Some(SymmetryRecord {
                name: Some("C_4".into()),
                order: "2".into(),
                outputs: 2,
                inputs: 2,
                input_shape: vec![2],
                output_shape: vec![1, 2],
                signed: true,
                generators: vec![GeneratorRecord {
                    outputs: "(-0 1)".into(),
                    inputs: "(-0 1)".into(),
                    strength: None,
                    words: None,
                }],
                free_parameters: 2,
                asymmetry: Some(BoundsRecord { value: Some(1e-3), lower: None, upper: Some(0.01) }),
                confirmed_on: Some(40),
            }),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let again = |file: &VerdictFile| VerdictFile::from_bytes(&serde_json::to_vec(file).unwrap()).unwrap();
        assert_eq!(again(&file()), file());
        // A folder means the file in it.
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(VerdictFile::at(folder.path()), folder.path().join(VERDICT));
        let (outputs, inputs) = file().symmetry().unwrap().pairs().unwrap().remove(0);
        assert_eq!((outputs.to_string(), outputs == inputs), ("(-0 1)".to_string(), true));
        let none =
            VerdictFile { verdict: Answer::None, said: "no symmetry".into(), symmetry: None, ..file() };
        let again = again(&none);
        assert_eq!(again, none);
        let refused = |file: &VerdictFile| file.symmetry().unwrap_err().to_string();
        assert_eq!(
            refused(&again),
            "no symmetry was found, so there is nothing to export; it says: no symmetry"
        );
        let open = VerdictFile { verdict: Answer::Undecided, ..none };
        assert!(refused(&open).starts_with("the verdict is undecided, so there is nothing to export"));
    }

    #[test]
    fn other_fields_are_ignored_and_damage_is_not() {
        let text = serde_json::to_string(&file()).unwrap();
        let with = text.replacen('{', "{\"later\": [1],", 1);
        assert_eq!(VerdictFile::from_bytes(with.as_bytes()).unwrap(), file());
        let says = |text: &str, words: &str| {
            let problem = format!("{:#}", VerdictFile::from_bytes(text.as_bytes()).unwrap_err());
            assert!(problem.contains(words), "{problem}");
        };
        says(&text.replace("\"format\":1", "\"format\":2"), "version 2 of the format");
        says(&text.replace("at least\"", "perhaps\""), "the verdict is damaged");
        says("{}", "it is no verdict");
        says("[1", "it is no verdict");
    }

    /// Sizes are looked at before anything is made of them.
    #[test]
    fn generators_that_are_none_are_refused() {
        let mut record = file().symmetry.unwrap();
        record.inputs = 1;
        assert!(record.pairs().unwrap_err().to_string().contains("cycle notation"));
        record.inputs = usize::MAX;
        assert!(record.pairs().unwrap_err().to_string().contains("more than are read"));
    }
}
