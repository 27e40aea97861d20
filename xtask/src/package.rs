//! Packages: whether each holds the files that its code includes. Some of these are links in the
//! checkout, or have moved; a package is only built by whoever installs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// What stands before the path of a file that becomes a part of the code.
const INCLUDES: [&str; 2] = ["include_str!(\"", "include_bytes!(\""];

/// The packages in a folder.
pub fn packages(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter(|path| path.extension().is_some_and(|found| found == "crate")).collect()
}

/// Unpacks the packages of a folder into another, and refuses those that lack what they include.
pub fn check(folder: &Path, scratch: &Path) -> Result<()> {
    let packages = packages(folder);
    ensure!(!packages.is_empty(), "there is no package in {}", folder.display());
    for package in packages {
        let mut tar = Command::new("tar");
        let done = tar.arg("-xzf").arg(&package).arg("-C").arg(scratch).status().context("tar")?;
        ensure!(done.success(), "{} cannot be unpacked", package.display());
    }
    for unpacked in std::fs::read_dir(scratch)? {
        check_code(&unpacked?.path())?;
    }
    Ok(())
}

/// Refuses code of a package, but for its tests, that includes what is no regular file of it.
fn check_code(package: &Path) -> Result<()> {
    let package = package.canonicalize()?;
    let mut folders = vec![package.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                for name in included(&std::fs::read_to_string(&path)?) {
                    let file = folder.join(name);
                    let is_there = file.symlink_metadata().is_ok_and(|found| found.is_file())
                        && file.canonicalize()?.starts_with(&package);
                    ensure!(is_there, "{} includes {name}, which is not packed", path.display());
                }
            }
        }
    }
    Ok(())
}

/// The paths of the files that code includes, as they stand there.
fn included(code: &str) -> Vec<&str> {
    let of = |word| code.split(word).skip(1).filter_map(|rest| rest.split('"').next());
    INCLUDES.iter().flat_map(|&word| of(word)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use anyhow::Result;

    use super::{check, check_code, included};

    /// A folder of this test, gone when it ends well.
    fn folder(name: &str) -> Result<PathBuf> {
        let path = std::env::temp_dir().join(format!("msr-package-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("package/src"))?;
        Ok(path)
    }

    #[test]
    fn what_code_includes_must_be_packed() -> Result<()> {
        let folder = folder("includes")?;
        let package = folder.join("package");
        let code = |path: &str| format!("#[doc = {}{path}\")]\nmod a;\n", super::INCLUDES[0]);
        assert_eq!(included(&code("../a.md")), ["../a.md"]);
        std::fs::write(folder.join("outside.md"), "text")?;
        std::fs::write(package.join("there.md"), "text")?;
        for (path, is_packed) in
            [("../there.md", true), ("../missing.md", false), ("../../outside.md", false)]
        {
            std::fs::write(package.join("src/lib.rs"), code(path))?;
            assert_eq!(check_code(&package).is_ok(), is_packed, "{path}");
        }
        assert!(check(&folder, &package).is_err(), "there is no package");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(package.join("there.md"), package.join("link.md"))?;
            std::fs::write(package.join("src/lib.rs"), code("../link.md"))?;
            assert!(check_code(&package).is_err(), "links of a checkout lead nowhere elsewhere");
        }
        Ok(std::fs::remove_dir_all(folder)?)
    }
}
