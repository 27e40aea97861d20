//! `cargo doc`, with links from crate to crate that lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Makes a folder for the pages of every crate. Rustdoc links to the crates whose folder is there
/// when it comes to them; the link to one that is documented later would be the path of an item.
/// Crates must then be documented one at a time (`--jobs 1`): cargo removes a crate's folder
/// before it documents the crate.
pub fn prepare(root: &Path, pages: &Path) -> Result<()> {
    for entry in fs::read_dir(root.join("crates")).context("crates")? {
        let name = entry?.file_name().to_string_lossy().replace('-', "_");
        let folder = pages.join(name);
        fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    }
    Ok(())
}

/// Refuses pages of our crates that link to the path of an item of one of them, which is no page.
/// (Crates that others document have no pages here, and what they say of their own traits comes
/// with such links.)
pub fn check_links(root: &Path, pages: &Path) -> Result<()> {
    let mut dead = Vec::new();
    for entry in fs::read_dir(root.join("crates")).context("crates")? {
        let name = entry?.file_name().to_string_lossy().replace('-', "_");
        for page in html(&pages.join(name))? {
            let text = fs::read_to_string(&page).with_context(|| format!("{}", page.display()))?;
            dead.extend(dead_links(&text).map(|link| format!("{}: {link}", page.display())));
        }
    }
    ensure!(
        dead.is_empty(),
        "links that lead nowhere (if these pages are old, delete {} and try again):\n  {}",
        pages.display(),
        dead.join("\n  ")
    );
    Ok(())
}

/// The pages below a folder.
fn html(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Targets of links that are paths of items of our crates.
fn dead_links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    targets.filter(|target| target.split_once("::").is_some_and(|(first, _)| is_ours(first)))
}

/// Whether a crate is one of this workspace.
fn is_ours(name: &str) -> bool {
    name == "msr" || name.starts_with("msr_")
}

#[cfg(test)]
mod tests {
    use super::dead_links;

    #[test]
    fn links_to_paths_of_items_are_dead() {
        let page = r#"<a href="../msr_layers/layer/trait.Layer.html" title="trait msr_layers::Layer"></a>
            <a href="msr_layers::Layer">Layer</a> a::b <a href="https://docs.rs/a?search=b::c">c</a>
            <a href="super::Subscriber">of tracing</a>"#;
        assert_eq!(dead_links(page).collect::<Vec<_>>(), ["msr_layers::Layer"]);
    }
}
