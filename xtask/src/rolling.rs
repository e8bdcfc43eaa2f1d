//! `cargo xtask rolling`: twenty rolling deployments in a row under load, and twenty more while the
//! platform is killed in one of them. Prints requests, failures and p99; fails with the first failure.

use crate::programs::{self, Build};
use crate::shell::{Fault, cmd, say};
use crate::tree::Tree;
use crate::{images, packages};

const DEPLOYMENTS: &str = "20";

/// The same with the six-container example and `managr deploy`.
pub(crate) fn example(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(packages::DEMO)?;
    images::ensure(tree)?;
    let managr = programs::managr(tree, Build::Debug)?;
    tree.cargo(&["build", "--quiet", "--package", "e2e-native", "--bin", "example-under-load"]).run()?;
    let data = tree.scratch("under-load")?;
    let manifest = tree.root.join("examples/managr/managr.toml");
    let run = cmd(tree.target.join("debug/example-under-load"), &[]).arg(managr).arg(manifest).arg(data);
    run.arg(DEPLOYMENTS).run()
}

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(&["gcc", "iproute2", "libc6-dev", "nftables"])?;
    say("building managr and hello (debug)");
    tree.cargo(&["build", "--quiet", "--package", "managr", "--package", "hello"]).run()?;
    // The load goes to addresses of this machine only, and ends by itself whatever happens.
    tree.cargo(&["test", "--quiet", "--package", "e2e-native", "--test", "rolling", "--", "--nocapture"])
        .env("MANAGR_DEPLOYMENTS", DEPLOYMENTS)
        .run()
}
