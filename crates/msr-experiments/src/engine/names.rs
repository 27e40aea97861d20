//! Names in a definition: the one place where they are checked.
//!
//! People read them in tables, type them after flags, and find them as names of folders and files.

use std::collections::HashMap;

use anyhow::{Result, bail, ensure};

use super::experiment::{Definition, Experiment};

/// The most letters of a name.
const LONGEST: usize = 100;

/// Refuses names that two things have, that cannot stand in a table, or of which no folder can be
/// made: every training run has one of its own, inside that of the run.
pub fn check_names<E: Experiment>(definition: &Definition<E>) -> Result<()> {
    let problems: Vec<&str> = definition.problems.iter().map(E::name).collect();
    check_list("problem", &problems, E::same)?;
    let methods: Vec<&str> = definition.methods.iter().map(|m| m.name.as_str()).collect();
    check_list("method", &methods, super::by_name)?;
    let mut folders = HashMap::new();
    for cell in definition.cells_of(0) {
        let this = format!("`{}` with {}", E::name(&cell.problem), cell.method.name);
        let folder = E::cell_name(&cell);
        check_file(&format!("the folder of {this}"), &folder)?;
        // Some file systems do not tell letters by their case.
        if let Some(other) = folders.insert(folder.to_ascii_lowercase(), this.clone()) {
            bail!("{this} and {other} would share a folder; give one of them another name");
        }
    }
    Ok(())
}

/// Refuses a name that is none, and one that is there twice.
fn check_list(what: &str, names: &[&str], same: fn(&str, &str) -> bool) -> Result<()> {
    for (number, name) in names.iter().enumerate() {
        let letters = name.chars().count();
        ensure!(
            name.trim() == *name && (1..=LONGEST).contains(&letters),
            "the name {name:?} of a {what} should have 1 to {LONGEST} letters, the first and last of them no blank"
        );
        ensure!(
            !name.contains(|c: char| msr_files::acts_on_terminal(c) || c == '|'),
            "the name {name:?} of a {what} cannot stand in a table; leave out | and letters that cannot be seen"
        );
        if let Some(other) = names[..number].iter().find(|other| same(other, name)) {
            bail!("the {what}s `{other}` and `{name}` have the same name; give one of them another");
        }
    }
    Ok(())
}

/// Refuses what cannot be the name of a file or folder on every system, or is a path to elsewhere.
pub fn check_file(what: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    ensure!(
        begins && name.chars().all(plain) && name.len() <= LONGEST,
        "{what} would be {name:?}; use names of letters a to z, digits, `-`, `_` and `.` that begin with a letter or \
         a digit, and no more than {LONGEST} of them in all"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_file, check_list};
    use crate::engine::by_name;

    #[test]
    fn a_name_is_no_path_to_elsewhere() {
        for name in ["MSR-FC-rank1-small-seed0", "2d_rot8.npz", "_", "7", "a..b"] {
            assert!(check_file("it", name).is_ok(), "{name}");
        }
        let long = "x".repeat(101);
        for name in
            ["", ".", "..", "../../x", "/x", "a/b", "a\\b", "C:x", "-rf", ".x", "ä", "a b", "a\0", &long]
        {
            assert!(check_file("it", name).is_err(), "{name}");
        }
    }

    #[test]
    fn names_are_seen_and_told_apart() {
        let check = |names: &[&str]| check_list("method", names, by_name).map_err(|e| e.to_string());
        assert_eq!(check(&["MSR-FC", "rank 1, small", "C_7 ⋊ C_3"]), Ok(()));
        for bad in ["", " ", "a ", "a|b", "a\nb", "\u{1b}[31m", "a\0", "a\u{202e}b"] {
            assert!(check(&["MSR", bad]).is_err(), "{bad:?}");
        }
        assert!(check(&["MSR", "MAML", "msr"]).is_err_and(|e| e.contains("`MSR` and `msr`")));
    }
}
