//! `cargo xtask demo`: the newcomer's first command. A second run is quick and changes nothing.

use std::path::Path;

use crate::programs::Build;
use crate::shell::{Fault, Run, cmd};
use crate::tree::Tree;
use crate::{images, packages, programs};

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(packages::DEMO)?;
    let managr = programs::managr(tree, Build::Debug)?;
    images::ensure(tree)?;
    up(tree, &managr).run()
}

/// Returns the command that puts the example into service and ends.
pub(crate) fn up(tree: &Tree, managr: &Path) -> Run {
    // Relative, so that what managr suggests to type next can be typed.
    // The base images are in the storage that buildah and podman share, where a Docker daemon has none.
    cmd(managr, &["up", "--detach", "--file", "examples/managr/managr.toml"])
        .dir(&tree.root)
        .env("MANAGR_BUILDER", "buildah")
}
