//! `cargo xtask bench`: managr beside what a user would otherwise run, in one run on one machine.
//! Ratios count, not absolute times.

pub(crate) mod api;
pub(crate) mod cli;
pub(crate) mod fifty;
pub(crate) mod forward;
pub(crate) mod metrics;
pub(crate) mod start;
pub(crate) mod wrk;
pub(crate) mod year;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::images;
use crate::packages;
use crate::programs::{self, Build};
use crate::shell::{Fault, Run, cmd};
use crate::tree::Tree;

/// The smallest example, up on a platform of its own, with a release build of managr.
pub(crate) struct Hello {
    managr: PathBuf,
    root: PathBuf,
    data: PathBuf,
}

impl Hello {
    pub(crate) const MANIFEST: &str = "examples/hello/managr.toml";

    /// Brings the example up, lets `measure` look at it, and takes it down whatever came of that.
    pub(crate) fn up<T>(
        tree: &Tree,
        packages: &[&str],
        measure: impl FnOnce(&Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        packages::ensure(packages::DEMO)?;
        packages::ensure(packages)?;
        images::ensure(tree)?;
        let managr = programs::managr(tree, Build::Release)?;
        if std::net::TcpStream::connect("127.0.0.1:4566").is_ok() {
            let words = "something answers on 127.0.0.1:4566; if it is a platform of yours, run `managr down` first";
            return Err(Fault::Wrong(words.into()));
        }
        let hello = Self { managr, root: tree.root.clone(), data: tree.scratch("managr-bench")? };
        hello.managr(&["up", "--detach"]).env("MANAGR_BUILDER", "buildah").run()?;
        let measured = measure(&hello);
        hello.managr(&["down", "--purge", "--all"]).run()?;
        measured
    }

    /// Returns a run of managr on the example.
    pub(crate) fn managr(&self, words: &[&str]) -> Run {
        let run = cmd(&self.managr, words).dir(&self.root).env("MANAGR_DATA_DIR", &self.data);
        run.env("MANAGR_FILE", Path::new(Self::MANIFEST))
    }
}

/// Lowest and middle of some durations.
pub(crate) struct Spread {
    pub(crate) min: Duration,
    pub(crate) median: Duration,
}

impl Spread {
    /// Returns `None` when there are no samples.
    pub(crate) fn of(mut samples: Vec<Duration>) -> Option<Self> {
        samples.sort();
        Some(Self { min: *samples.first()?, median: *samples.get(samples.len() / 2)? })
    }
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
