//! `cargo xtask test --quick`: what can be seen soon, by any user, with nothing installed?
//!
//! Tests that need root are skipped with a line each, even where root runs this: a quick run makes no container.

use std::time::Instant;

use crate::shell::{Fault, say};
use crate::test::beside_each_other;
use crate::tree::Tree;

/// Packages whose suites make containers. They would only say that they are skipped, and take long to link.
const MAKE_CONTAINERS: [&str; 2] = ["runtime", "e2e-native"];

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    let begun = Instant::now();
    say("format");
    tree.cargo(&["fmt", "--all", "--check"]).run()?;
    say(format!("tests, without those of {} that make containers", MAKE_CONTAINERS.join(" and ")));
    // No documentation tests: there are none, and asking each crate for them costs as much as a suite.
    let mut tests = tree.cargo(&["test", "--quiet", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    for package in MAKE_CONTAINERS {
        tests = tests.arg("--exclude").arg(package);
    }
    beside_each_other(tests).env("MANAGR_WITHOUT_ROOT", "1").run()?;
    tree.cargo(&["test", "--quiet", "-p", "runtime", "--lib"]).env("MANAGR_WITHOUT_ROOT", "1").run()?;
    say(format!("all of it passed in {:.0} s; `cargo xtask test` runs the rest", begun.elapsed().as_secs_f64()));
    Ok(())
}
