//! Real Debian machines (systemd, pure cgroup v2) under qemu without KVM, and what the product promises on them.
//!
//! `cargo xtask hosts` drives it. Only what a container, a chroot or this machine cannot show belongs
//! here: every boot costs a minute of emulation.

mod catalogue;
mod image;
mod machine;
mod port;
mod recipe;
mod report;

pub use catalogue::{CHECKS, Check, Then};
pub use image::Image;
pub use machine::Machine;
pub use port::Answer;
pub use recipe::{Extent, Release};
pub use report::{CheckReport, Report};

use std::path::{Path, PathBuf};

/// What went wrong with the machine itself, in words; a check that fails is no fault but an [`CheckReport`].
#[derive(Debug)]
pub struct Fault(pub String);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// Returns what turns an error of the system into a fault that names the path.
    fn path(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self(format!("{}: {source}", path.display()))
    }
}

/// What a run needs to know.
pub struct Plan<'a> {
    /// The machine's release.
    pub release: Release,
    /// How much is installed in it.
    pub extent: Extent,
    /// The checks, in order.
    pub checks: Vec<&'a Check>,
    /// Where images are kept between runs, and the run's own files.
    pub folder: PathBuf,
    /// Programs that are copied into the machine's `/usr/local/bin`.
    pub programs: Vec<PathBuf>,
}

/// Boots a machine and runs the checks in it, all of them whatever the first says.
///
/// # Errors
/// No machine: the image could not be made, or it does not come up, or it went away in the middle.
pub fn run(plan: &Plan<'_>, say: &dyn Fn(String)) -> Result<Report, Fault> {
    let name = format!("{}-{}", plan.release.number(), plan.extent.name());
    let image = Image::ensure(&plan.folder.join(format!("image-{name}")), plan.release, plan.extent, say)?;
    let run = plan.folder.join(format!("run-{name}-{}", std::process::id()));
    let mut machine = Machine::boot(&image, &run, &plan.programs)?;
    say(format!("{} is up after {:.0} s", plan.release, machine.booted_in().as_secs_f64()));
    let mut report = Report::new(plan.release);
    for check in &plan.checks {
        let outcome = catalogue::carry_out(check, &mut machine);
        say(format!("{} {outcome}", plan.release));
        report.add(outcome);
    }
    Ok(report)
}
