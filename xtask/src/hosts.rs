//! `cargo xtask hosts`: the product on real Debian machines, under qemu; and what CI has of it, one short boot.

use std::path::PathBuf;

use e2e_hosts::{CHECKS, Check, Extent, Plan, Release};

use crate::programs;
use crate::shell::{Fault, say};
use crate::tree::Tree;
use crate::{packages, userland};

const USAGE: &str = "\
Usage: cargo xtask hosts [12|13] [NAME...]     every check, or those that are named, on one release or both
       cargo xtask hosts packages [12|13]      the README's commands' packages and images, in a chroot
";

/// Carries out `cargo xtask hosts WORDS`.
pub(crate) fn run(tree: &Tree, words: &[&str]) -> Result<(), Fault> {
    let (in_chroot, words) = match words {
        ["packages", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (releases, names) = match words {
        ["12", rest @ ..] => (vec![Release::Debian12], rest),
        ["13", rest @ ..] => (vec![Release::Debian13], rest),
        rest => (Release::ALL.to_vec(), rest),
    };
    if in_chroot && !names.is_empty() {
        return Err(Fault::Usage(USAGE));
    }
    let checks = chosen(names)?;
    packages::ensure(packages::DEMO)?;
    packages::ensure(packages::HOSTS)?;
    if in_chroot {
        return releases.into_iter().try_for_each(|release| userland::packages(tree, release));
    }
    // Every release is looked at, whatever the first one says.
    let found: Vec<Result<(), Fault>> =
        releases.into_iter().map(|release| boot(tree, release, Extent::Whole, checks.clone())).collect();
    found.into_iter().collect()
}

/// What CI runs of it: one boot, the checks that are about attackers and that a machine with cgroup v1 cannot show.
pub(crate) fn short(tree: &Tree) -> Result<(), Fault> {
    let checks = CHECKS.iter().filter(|check| check.in_short).collect();
    boot(tree, Release::Debian13, Extent::Small, checks)
}

fn chosen(names: &[&str]) -> Result<Vec<&'static Check>, Fault> {
    if names.is_empty() {
        return Ok(CHECKS.iter().collect());
    }
    let known: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        return Err(Fault::Wrong(format!("there is no check `{name}`; there are: {}", known.join(", "))));
    }
    Ok(CHECKS.iter().filter(|check| names.contains(&check.name)).collect())
}

fn boot(tree: &Tree, release: Release, extent: Extent, checks: Vec<&Check>) -> Result<(), Fault> {
    let programs = programs(tree)?;
    let folder = tree.scratch("hosts")?;
    let report = e2e_hosts::run(&Plan { release, extent, checks, folder, programs }, &|words| say(words))
        .map_err(|fault| Fault::Wrong(fault.to_string()))?;
    say(report.to_string());
    match report.failed().is_empty() {
        true => Ok(()),
        false => Err(Fault::Wrong(report.to_string())),
    }
}

/// Returns what runs in the machines: the binary that is checked , and what looks for leftovers.
fn programs(tree: &Tree) -> Result<Vec<PathBuf>, Fault> {
    tree.cargo(&["build", "--quiet", "--package", "e2e", "--bin", "leftovers"]).run()?;
    Ok(vec![programs::checked(tree)?, tree.target.join("debug/leftovers")])
}
