//! `cargo xtask bench metrics`: a day of metrics of 50 containers, written as the platform writes them: disk, memory,
//! processor, and time to ask.

use crate::packages;
use crate::shell::Fault;
use crate::tree::Tree;

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(&["gcc", "libc6-dev"])?;
    tree.cargo(&["run", "--quiet", "--release", "--package", "platform", "--example", "day-of-metrics"]).run()
}
