//! `cargo xtask test`: everything that CI runs, in order; the first step that fails ends it by name.

use std::time::Instant;

use crate::checks;
use crate::packages;
use crate::shell::{Fault, Run, cmd, say};
use crate::tree::Tree;
use crate::{docs, hosts, images, pipelines, release};

type Step = fn(&Tree) -> Result<(), Fault>;

/// Cheap and telling first; what needs a running platform last.
const STEPS: [(&str, Step); 13] = [
    ("packages", install),
    ("format", format),
    ("lints", lint),
    ("documentation builds", document),
    ("example images", images::ensure),
    ("tests", suites),
    ("generated pages are current", docs::check),
    ("nothing newer than the oldest glibc is called", release::check),
    ("a real Debian 13 refuses what it must", hosts::short),
    ("example's own tests", checks::example),
    ("demo and official clients", checks::demo),
    ("deploys to a server that is not ours", checks::moto),
    ("pipelines are valid and really deploy", pipelines::check),
];

pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    let begun = Instant::now();
    for (number, (name, step)) in (1..).zip(STEPS) {
        say(format!("step {number}/{}: {name}", STEPS.len()));
        let started = Instant::now();
        let result = step(tree);
        let seconds = started.elapsed().as_secs_f64();
        if let Err(fault) = result {
            say(format!("step {number}/{}: {name} FAILED after {seconds:.1} s", STEPS.len()));
            println!("{} passed, 1 failed", number - 1);
            return Err(fault);
        }
        say(format!("step {number}/{}: {name} passed in {seconds:.1} s", STEPS.len()));
    }
    say(format!("everything passed in {:.0} s", begun.elapsed().as_secs_f64()));
    println!("{} passed, 0 failed", STEPS.len());
    Ok(())
}

fn install(_: &Tree) -> Result<(), Fault> {
    packages::ensure(packages::DEMO)?;
    packages::ensure(packages::TEST)?;
    packages::ensure_if_any(packages::DATABASES)?;
    packages::ensure(packages::HOSTS)
}

fn format(tree: &Tree) -> Result<(), Fault> {
    tree.cargo(&["fmt", "--all", "--check"]).run()
}

fn lint(tree: &Tree) -> Result<(), Fault> {
    tree.cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()
}

fn document(tree: &Tree) -> Result<(), Fault> {
    tree.cargo(&["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

/// The workspace's suites, those that need root included.
fn suites(tree: &Tree) -> Result<(), Fault> {
    // The suites that drive the binary find it built.
    tree.cargo(&["build", "--quiet", "--workspace"]).run()?;
    if cmd("cargo", &["nextest", "--version"]).answer().is_some() {
        tree.cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]).run()
    } else {
        beside_each_other(tree.cargo(&["test", "--workspace", "--no-fail-fast"])).run()
    }
}

/// Tests of platforms and of the command line wait most of their time: two for each core wait beside each other.
pub(crate) fn beside_each_other(tests: Run) -> Run {
    let threads = 2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    tests.env("RUST_TEST_THREADS", threads.to_string())
}
