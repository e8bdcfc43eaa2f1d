//! `cargo xtask test --quick`: what can be seen in under three minutes, by any user, with nothing installed?
//!
//! Tests that need root are skipped with a line each, even where root runs this: a quick run makes no container.

use std::time::Instant;

use crate::shell::{Fault, say};
use crate::tree::Tree;

/// Suites that only root can run, and would only say so. `cargo xtask test` runs them.
const NEED_ROOT: [&str; 3] = ["runtime", "e2e-native", "e2e-hosts"];

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    let begun = Instant::now();
    say("format");
    tree.cargo(&["fmt", "--all", "--check"]).run()?;
    say(format!("tests, without those of {}", NEED_ROOT.join(", ")));
    let mut tests = tree.cargo(&["test", "--quiet", "--workspace", "--no-fail-fast"]);
    for name in NEED_ROOT {
        tests = tests.arg("--exclude").arg(name);
    }
    tests.env("MANAGR_WITHOUT_ROOT", "1").run()?;
    say(format!("all of it passed in {:.0} s; `cargo xtask test` runs the rest", begun.elapsed().as_secs_f64()));
    Ok(())
}
