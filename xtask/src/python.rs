//! Python environments below the target directory, so that nothing is installed on the machine.

use std::path::{Path, PathBuf};

use crate::shell::{Fault, cmd, say};
use crate::tree::Tree;

/// The official clients, at the versions whose service models the checks were read against.
pub(crate) const CLIENTS: &[&str] = &["awscli==1.46.3", "boto3==1.44.5"];

/// An emulator of AWS that is not ours.
pub(crate) const MOTO: &str = "moto[server]==5.2.5";

/// Validates CI files against the schemas of their vendors.
pub(crate) const SCHEMAS: &str = "check-jsonschema==0.39.0";

/// Runs Bitbucket's pipelines on this machine, and the first Python that it takes.
const BB_RUN: &str = "bb-run==1.3.0";
const BB_RUN_NEEDS: (u32, u32) = (3, 12);

/// A client of sessions that has nothing of ours nor of AWS's plugin, and the first Python that it takes.
pub(crate) const PYSSM: &str = "pyssm-client==0.2.0";
const PYSSM_NEEDS: (u32, u32) = (3, 12);

/// A virtual environment.
pub(crate) struct Venv(PathBuf);

impl Venv {
    /// Returns the environment `name` with `packages` installed, made or changed only when needed.
    pub(crate) fn ensure(tree: &Tree, name: &str, packages: &[&str]) -> Result<Self, Fault> {
        Self::made_by("python3".as_ref(), tree, name, packages)
    }

    /// Returns an environment with the client of sessions; none where no Python is new enough for it.
    pub(crate) fn pyssm(tree: &Tree) -> Result<Option<Self>, Fault> {
        newer(PYSSM_NEEDS).map(|python| Self::made_by(&python, tree, "pyssm", &[PYSSM])).transpose()
    }

    /// Returns an environment with the runner of Bitbucket's pipelines; none where no Python is new enough for it.
    pub(crate) fn bb_run(tree: &Tree) -> Result<Option<Self>, Fault> {
        newer(BB_RUN_NEEDS).map(|python| Self::made_by(&python, tree, "bb-run", &[BB_RUN])).transpose()
    }

    fn made_by(python: &Path, tree: &Tree, name: &str, packages: &[&str]) -> Result<Self, Fault> {
        let venv = Self(tree.target.join("xtask").join(name));
        let note = venv.0.join("packages.txt");
        let wanted = packages.join("\n");
        if std::fs::read_to_string(&note).is_ok_and(|had| had == wanted) {
            return Ok(venv);
        }
        say(format!("installing from PyPI below target: {}", packages.join(" ")));
        cmd(python, &["-m", "venv"]).arg(&venv.0).run()?;
        let mut install = cmd(venv.program("python3"), &["-m", "pip", "install", "--quiet"]);
        for package in packages {
            install = install.arg(package);
        }
        install.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").run()?;
        std::fs::write(&note, wanted).map_err(Fault::path(&note))?;
        Ok(venv)
    }

    /// Returns the path of a program of the environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin().join(name)
    }

    /// Returns the directory of its programs.
    pub(crate) fn bin(&self) -> PathBuf {
        self.0.join("bin")
    }

    /// Returns a PATH with the environment's programs first.
    pub(crate) fn path(&self) -> String {
        let rest = std::env::var("PATH").unwrap_or_default();
        format!("{}:{rest}", Path::new(&self.bin()).display())
    }
}

/// Returns a Python of this machine that is at least so new: Debian's, or one that pyenv or uv has put there.
fn newer(least: (u32, u32)) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let below = |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = ["python3".into(), "/usr/bin/python3".into(), "/usr/local/bin/python3".into()].into();
    for versions in [home.join(".pyenv/versions"), home.join(".local/share/uv/python")] {
        found.extend(below(versions).map(|version| version.join("bin/python3")));
    }
    let version = |python: &PathBuf| {
        let said = cmd(python, &["-c", "import sys; print(*sys.version_info[:2])"]).answer()?;
        let (major, minor) = said.split_once(' ')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    found.into_iter().find(|python| version(python).is_some_and(|version: (u32, u32)| version >= least))
}
