//! `cargo xtask docs`: the pages that are generated from the code, and whether they are current.

use std::path::Path;

use crate::programs::{self, Build};
use crate::shell::{Fault, cmd, say};
use crate::tree::Tree;

/// Page by page: what `managr docs` calls it, and where it lies.
const PAGES: [(&str, &str); 2] = [("manifest", "docs/manifest.md"), ("compatibility", "docs/compatibility.md")];

pub(crate) fn write(tree: &Tree) -> Result<(), Fault> {
    let managr = programs::managr(tree, Build::Debug)?;
    for (name, place) in PAGES {
        let path = tree.root.join(place);
        let text = page(&managr, name)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Fault::path(folder))?;
        }
        std::fs::write(&path, text).map_err(Fault::path(&path))?;
        say(format!("wrote {place}"));
    }
    Ok(())
}

/// Fails when a page differs from what the code says now.
pub(crate) fn check(tree: &Tree) -> Result<(), Fault> {
    let managr = programs::managr(tree, Build::Debug)?;
    for (name, place) in PAGES {
        let path = tree.root.join(place);
        let kept = std::fs::read_to_string(&path).map_err(Fault::path(&path))?;
        if kept != page(&managr, name)? {
            return Err(Fault::Wrong(format!("{place} is out of date: run `cargo xtask docs`")));
        }
    }
    Ok(())
}

fn page(managr: &Path, name: &str) -> Result<String, Fault> {
    Ok(cmd(managr, &["docs", name]).read()? + "\n")
}
