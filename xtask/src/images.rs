//! `cargo xtask images`: everything that the examples' Dockerfiles name and that no registry has.

use crate::shell::Fault;
use crate::tree::Tree;
use crate::{bases, packages, programs};

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(packages::DEMO)?;
    ensure(tree)
}

/// Makes the base images and static programs that are missing or out of date.
pub(crate) fn ensure(tree: &Tree) -> Result<(), Fault> {
    programs::statics(tree)?;
    bases::ensure(tree)
}
