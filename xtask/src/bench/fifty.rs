//! `cargo xtask bench fifty`: the processor that the platform and its balancer use for 50 containers, at rest and while
//! they are asked, with and without enhanced Container Insights.

use crate::packages;
use crate::programs::{self, Build};
use crate::shell::{Fault, cmd};
use crate::tree::Tree;

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(&["busybox-static", "gcc", "iproute2", "libc6-dev", "nftables"])?;
    let managr = programs::managr(tree, Build::Release)?;
    tree.cargo(&["build", "--quiet", "--package", "e2e-native", "--bin", "fifty-containers"]).run()?;
    cmd(tree.target.join("debug/fifty-containers"), &[]).env("MANAGR_BIN", managr).run()
}
