//! `cargo xtask release`: the binary for other people's machines, linked against an old glibc, and the proof that it starts there.

use std::path::{Path, PathBuf};

use crate::glibc::{self, OLDEST};
use crate::packages;
use crate::programs::{self, Build};
use crate::python::Venv;
use crate::shell::{Fault, say};
use crate::tree::Tree;
use crate::userland::Chroot;

/// A linker that has the symbols of every glibc, and what makes cargo use it.
const LINKER: &[&str] = &["cargo-zigbuild==0.24.1", "ziglang==0.17.1"];

const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// The oldest Debian whose packages can still be had: glibc 2.31, where a plain build does not start.
const OLD: &str = "bullseye";

/// Builds the release, and shows what it needs and that it starts on an older system.
pub(crate) fn run(tree: &Tree) -> Result<(), Fault> {
    packages::ensure(packages::DEMO)?;
    packages::ensure(packages::RELEASE)?;
    let venv = Venv::ensure(tree, "release", LINKER)?;
    say(format!("building managr for glibc {}.{} (a release build: some 20 minutes on two cores)", OLDEST.0, OLDEST.1));
    tree.cargo(&["zigbuild", "--quiet", "--release", "--package", "managr"])
        .arg("--target")
        .arg(format!("{TRIPLE}.{}.{}", OLDEST.0, OLDEST.1))
        .env("PATH", venv.path())
        .run()?;
    let built = tree.target.join(TRIPLE).join("release/managr");
    prove(tree, &built)
}

/// Shows what a binary needs, and runs it where nothing newer is.
pub(crate) fn prove(tree: &Tree, built: &Path) -> Result<(), Fault> {
    let imports = glibc::of(built)?;
    let highest = glibc::highest(&imports).unwrap_or_default();
    let size = built.metadata().map_err(Fault::path(built))?.len();
    say(format!("{}: {:.1} MB, needs GLIBC_{}.{}", built.display(), size as f64 / 1e6, highest.0, highest.1));
    if highest > OLDEST {
        let newest = imports.iter().find(|import| import.version == highest);
        let name = newest.map_or("", |import| &import.name);
        return Err(Fault::Wrong(format!("`{name}` needs glibc {}.{}", highest.0, highest.1)));
    }
    packages::ensure(packages::DEMO)?;
    let chroot = Chroot::new(tree, OLD)?;
    let libc = chroot.run("ldd --version | head -n 1").read()?;
    chroot.put(built, "usr/local/bin/managr")?;
    let version = chroot.run("managr --version").read()?;
    say(format!("in {OLD} ({libc}): {version}"));
    println!("{}", built.display());
    Ok(())
}

/// The cheap part, for CI, on the build that is there anyway: nothing that is called is newer than the oldest glibc.
pub(crate) fn check(tree: &Tree) -> Result<(), Fault> {
    let managr: PathBuf = programs::managr(tree, Build::Debug)?;
    let imports = glibc::of(&managr)?;
    let missing = glibc::missing_in(OLDEST, &imports);
    if missing.is_empty() {
        say(format!("{} functions of glibc, none newer than {}.{}", imports.len(), OLDEST.0, OLDEST.1));
        return Ok(());
    }
    let names: Vec<String> =
        missing.iter().map(|import| format!("{} ({}.{})", import.name, import.version.0, import.version.1)).collect();
    Err(Fault::Wrong(format!(
        "managr calls what glibc {}.{} has not: {}; the release could not be linked, or not be started on older systems",
        OLDEST.0,
        OLDEST.1,
        names.join(", ")
    )))
}
