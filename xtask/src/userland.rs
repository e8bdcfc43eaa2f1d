//! Other releases' userlands in a chroot: whether the README's commands find their packages and build their images there.
//!
//! A chroot shows packages, programs and their libraries, and image builds. It does not show a kernel, systemd, control
//! groups or a network of another release: the machines of `cargo xtask hosts` do.

use std::path::{Path, PathBuf};

use e2e_hosts::Release;

use crate::shell::{Fault, Run, cmd, say};
use crate::tree::Tree;
use crate::{packages, programs};

/// Everything that any of the chores installs, by the chore.
const LISTS: [(&str, &[&str]); 7] = [
    ("demo", packages::DEMO),
    ("test", packages::TEST),
    ("hosts", packages::HOSTS),
    ("bench", packages::BENCH),
    ("bench cli", packages::CLI),
    ("bench forward", packages::FORWARD),
    ("release", packages::RELEASE),
];

/// Checks one release: every list can be installed, and the demo's images are built with what the demo installs.
pub(crate) fn packages(tree: &Tree, release: Release) -> Result<(), Fault> {
    let chroot = Chroot::new(tree, release.suite())?;
    chroot.run("apt-get -qq update").run()?;
    for (chore, names) in LISTS {
        // Resolved as a whole, with what each of them depends on: a name alone says less.
        let line = format!("apt-get -qq install --simulate --no-install-recommends {} >/dev/null", names.join(" "));
        chroot.run(&line).run()?;
        say(format!("{release}: {} packages of {chore} can be installed", names.len()));
    }
    // The chore itself, by the very program: installs, makes the bases with mmdebstrap and buildah, links the static programs.
    let target = tree.target.display();
    chroot.run(&format!("{target}/debug/xtask images")).run()?;
    // And what the demo does next, where Debian 13 failed: the example's own images, with RUN lines.
    chroot.put(&programs::checked(tree)?, "usr/local/bin/managr")?;
    chroot.run("MANAGR_BUILDER=buildah managr build --file examples/managr/managr.toml").run()?;
    say(format!("{release}: the example's images were built"));
    Ok(())
}

/// A release's minimal system, with this tree, cargo and the kernel's file systems in it while something runs.
pub(crate) struct Chroot<'a> {
    tree: &'a Tree,
    folder: PathBuf,
    enter: PathBuf,
}

impl<'a> Chroot<'a> {
    /// Makes the system, or keeps the one that is there but for what an earlier run installed.
    pub(crate) fn new(tree: &'a Tree, suite: &str) -> Result<Self, Fault> {
        let folder = tree.scratch("userland")?.join(suite);
        let packed = folder.with_extension("tar");
        if !packed.exists() {
            say(format!("making a minimal system of {suite}"));
            let partial = folder.with_extension("partial.tar");
            cmd("mmdebstrap", &["--quiet", "--mode=root", "--variant=minbase", suite]).arg(&partial).run()?;
            std::fs::rename(&partial, &packed).map_err(Fault::path(&packed))?;
        }
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(Fault::path(&folder))?;
        }
        std::fs::create_dir_all(&folder).map_err(Fault::path(&folder))?;
        cmd("tar", &["-xf"]).arg(&packed).arg("-C").arg(&folder).run()?;
        let enter = folder.with_extension("sh");
        std::fs::write(&enter, include_str!("enter.sh")).map_err(Fault::path(&enter))?;
        Ok(Self { tree, folder, enter })
    }

    /// Copies a file into it.
    pub(crate) fn put(&self, file: &Path, place: &str) -> Result<(), Fault> {
        std::fs::copy(file, self.folder.join(place)).map(drop).map_err(Fault::path(file))
    }

    /// Returns a shell's line as a command in the chroot, in this tree's directory. Its mounts are its own and go with it.
    pub(crate) fn run(&self, line: &str) -> Run {
        let home = |variable: &str, below: &str| {
            let set = std::env::var_os(variable).map(PathBuf::from);
            set.unwrap_or_else(|| Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(below))
        };
        cmd("unshare", &["--mount", "--propagation=private", "bash"])
            .arg(&self.enter)
            .arg(&self.folder)
            .arg(line)
            .arg(&self.tree.root)
            .arg(&self.tree.target)
            .env("CARGO_HOME", home("CARGO_HOME", ".cargo"))
            .env("RUSTUP_HOME", home("RUSTUP_HOME", ".rustup"))
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8")
    }
}
