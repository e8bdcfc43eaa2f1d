//! Builds our own programs: managr itself, the static ones inside the examples' images, and the clients in Go.

use std::path::{Path, PathBuf};

use crate::shell::{Fault, cmd, say};
use crate::tree::Tree;

/// Which build of managr a chore wants.
pub(crate) enum Build {
    /// What a newcomer waits for: unoptimised but for hashing, inflating and SQLite (see Cargo.toml).
    /// A release build takes several times as long, and the tests need this one anyway.
    Debug,
    /// What is measured.
    Release,
}

/// Builds managr and returns the path of the binary.
pub(crate) fn managr(tree: &Tree, build: Build) -> Result<PathBuf, Fault> {
    let (words, folder): (&[&str], _) = match build {
        Build::Debug => (&["build", "--quiet", "--package", "managr"], "debug"),
        Build::Release => (&["build", "--quiet", "--package", "managr", "--release"], "release"),
    };
    say(format!("building managr ({folder})"));
    tree.cargo(words).run()?;
    Ok(tree.target.join(folder).join("managr"))
}

/// Returns the binary that a suite checks: `MANAGR_BIN`, a release for example, or this tree's debug build.
pub(crate) fn checked(tree: &Tree) -> Result<PathBuf, Fault> {
    match std::env::var_os("MANAGR_BIN") {
        Some(path) => Ok(path.into()),
        None => managr(tree, Build::Debug),
    }
}

/// Builds the static programs and puts each beside the Dockerfile that copies it.
pub(crate) fn statics(tree: &Tree) -> Result<(), Fault> {
    let host = cmd("rustc", &["-vV"]).read()?;
    let triple = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("x86_64-unknown-linux-gnu");
    // A target is named so that the flags concern these programs only, and neither build scripts
    // nor the rest of the workspace.
    tree.cargo(&["build", "--quiet", "--profile", "tiny", "--target", triple])
        .arg("--package=hello")
        .arg("--package=datadog-agent")
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .run()?;
    let built = tree.target.join(triple).join("tiny");
    place(&built.join("hello"), &tree.root.join("examples/hello/hello"))?;
    place(&built.join("datadog-agent"), &tree.root.join("examples/managr/datadog-agent/datadog-agent"))
}

/// Builds the clients that are written with the official SDK for Go, and returns the path of the binary.
///
/// Of nothing it takes about a minute of two cores, nearly all for EC2's package; Go keeps what it has built.
pub(crate) fn go_clients(tree: &Tree) -> Result<PathBuf, Fault> {
    if cmd("go", &["version"]).answer().is_none() {
        let words = "Go 1.24 or newer is needed to build e2e/clients/go, and no `go` is on the PATH: https://go.dev/dl";
        return Err(Fault::Wrong(words.into()));
    }
    say("building e2e/clients/go");
    let binary = tree.scratch("go")?.join("clients");
    cmd("go", &["build", "-buildvcs=false", "-o"])
        .arg(&binary)
        .arg(".")
        .dir(&tree.root.join("e2e/clients/go"))
        .run()?;
    Ok(binary)
}

/// Copies only what differs: a new time stamp would cost the image builder its cache.
fn place(from: &Path, to: &Path) -> Result<(), Fault> {
    let new = std::fs::read(from).map_err(Fault::path(from))?;
    if std::fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    std::fs::copy(from, to).map_err(Fault::path(to))?;
    Ok(())
}
