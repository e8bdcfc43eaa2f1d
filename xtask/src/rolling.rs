//! `cargo xtask rolling`: twenty rolling deployments in a row under load, and twenty more while the
//! platform is killed in one of them. Prints requests, failures and p99; fails with the first failure.

use crate::packages;
use crate::shell::{Fault, say};
use crate::tree::Tree;

const DEPLOYMENTS: &str = "20";

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(&["gcc", "iproute2", "libc6-dev", "nftables"])?;
    say("building managr and hello (debug)");
    tree.cargo(&["build", "--quiet", "--package", "managr", "--package", "hello"]).run()?;
    // The load goes to addresses of this machine only, and ends by itself whatever happens.
    tree.cargo(&["test", "--quiet", "--package", "e2e-native", "--test", "rolling", "--", "--nocapture"])
        .env("MANAGR_DEPLOYMENTS", DEPLOYMENTS)
        .run()
}
