//! Python environments below the target directory, so that nothing is installed on the machine.

use std::path::{Path, PathBuf};

use crate::shell::{Fault, cmd, say};
use crate::tree::Tree;

/// The official clients, at the versions whose service models the checks were read against.
pub(crate) const CLIENTS: &[&str] = &["awscli==1.46.3", "boto3==1.44.5"];

/// An emulator of AWS that is not ours.
pub(crate) const MOTO: &str = "moto[server]==5.2.5";

/// A virtual environment.
pub(crate) struct Venv(PathBuf);

impl Venv {
    /// Returns the environment `name` with `packages` installed, made or changed only when needed.
    pub(crate) fn ensure(tree: &Tree, name: &str, packages: &[&str]) -> Result<Self, Fault> {
        let venv = Self(tree.target.join("xtask").join(name));
        let note = venv.0.join("packages.txt");
        let wanted = packages.join("\n");
        if std::fs::read_to_string(&note).is_ok_and(|had| had == wanted) {
            return Ok(venv);
        }
        say(format!("installing from PyPI below target: {}", packages.join(" ")));
        cmd("python3", &["-m", "venv"]).arg(&venv.0).run()?;
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
