//! Where things are: the checkout and cargo's target directory.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell::{Fault, Run, cmd};

/// A checkout of this repository.
pub(crate) struct Tree {
    /// The directory of the workspace's Cargo.toml.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
}

impl Tree {
    pub(crate) fn find() -> Result<Self, Fault> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().ok_or_else(|| Fault::Wrong("xtask has no parent directory".into()))?.to_owned();
        let text = cmd("cargo", &["metadata", "--no-deps", "--format-version", "1"]).dir(&root).read()?;
        let metadata: Value = serde_json::from_str(&text)
            .map_err(|error| Fault::Wrong(format!("`cargo metadata` did not print JSON: {error}")))?;
        let target = metadata["target_directory"].as_str().unwrap_or("target");
        Ok(Self { target: root.join(target), root })
    }

    /// Returns a cargo command in this tree.
    pub(crate) fn cargo(&self, words: &[&str]) -> Run {
        cmd("cargo", words).dir(&self.root)
    }

    /// Returns a directory of ours below the target directory, made if it was not there.
    pub(crate) fn scratch(&self, name: &str) -> Result<PathBuf, Fault> {
        let path = self.target.join("xtask").join(name);
        std::fs::create_dir_all(&path).map_err(Fault::path(&path))?;
        Ok(path)
    }
}
