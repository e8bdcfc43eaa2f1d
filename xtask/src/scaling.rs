//! `cargo xtask scaling`: services go 1, 3, 1 by target tracking alone, under real load, which takes 20 minutes. CI has
//! the short way, with steps (`e2e/native/tests/native/scaling.rs`).

use crate::packages;
use crate::shell::{Fault, cmd, say};
use crate::tree::Tree;

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(&["busybox-static", "gcc", "iproute2", "libc6-dev", "nftables"])?;
    say("building managr and the load (debug)");
    tree.cargo(&["build", "--quiet", "--package", "managr", "--package", "e2e-native", "--bins"]).run()?;
    cmd(tree.target.join("debug/scales-under-load"), &[]).env("MANAGR_BIN", tree.target.join("debug/managr")).run()
}
