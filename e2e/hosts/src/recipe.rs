//! What a machine is made of. Pure: the text of a recipe decides whether an image is kept or made again.

use std::fmt;

/// The agent that runs in the machine.
pub(crate) const AGENT: &str = include_str!("../guest/agent.sh");

/// The script that makes the image.
pub(crate) const MAKE: &str = include_str!("../guest/image.sh");

/// A release of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Bookworm.
    Debian12,
    /// Trixie.
    Debian13,
}

impl Release {
    /// Every release that the product is checked on.
    pub const ALL: [Self; 2] = [Self::Debian12, Self::Debian13];

    /// Returns its name among the archive's suites.
    pub fn suite(self) -> &'static str {
        match self {
            Self::Debian12 => "bookworm",
            Self::Debian13 => "trixie",
        }
    }

    /// Returns the number of Debian's version.
    pub fn number(self) -> u8 {
        match self {
            Self::Debian12 => 12,
            Self::Debian13 => 13,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Debian {}", self.number())
    }
}

/// How much is installed in a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// What managr needs, and what tells whether it holds.
    Small,
    /// Docker and firewalls beside it.
    Whole,
}

/// Systemd with sessions, a kernel, and what the product and the checks need.
const SMALL: &[&str] = &[
    "buildah",
    "busybox-static",
    "ca-certificates",
    "curl",
    "dbus",
    "initramfs-tools",
    "iproute2",
    "kmod",
    "libpam-systemd",
    "linux-image-cloud-amd64",
    "login",
    "netavark",
    "nftables",
    "passwd",
    "procps",
    "python3-minimal",
    "sudo",
    "systemd",
    "systemd-sysv",
    "udev",
    "util-linux",
];

/// What people have on their machines beside it.
const BESIDE: &[&str] = &["docker.io", "firewalld", "iptables", "ufw"];

impl Extent {
    /// Returns the word that files are named with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Whole => "whole",
        }
    }
}

/// Returns the Debian packages of a machine, with commas between them.
pub(crate) fn packages(release: Release, extent: Extent) -> String {
    let mut names = SMALL.to_vec();
    if extent == Extent::Whole {
        names.extend(BESIDE);
    }
    if release == Release::Debian13 {
        // su and login moved out of their old packages, systemd-resolved's clients likewise.
        names.push("util-linux-extra");
    }
    names.join(",")
}

/// Returns the text that an image is made by; an image whose text differs is made again.
pub(crate) fn text(release: Release, extent: Extent) -> String {
    format!("{}\n{}\n{AGENT}\n{MAKE}", release.suite(), packages(release, extent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_have_beside_it_is_in_the_whole_machine_only() {
        for release in Release::ALL {
            assert!(!packages(release, Extent::Small).contains("docker.io"));
            assert!(packages(release, Extent::Whole).contains("docker.io"));
            assert_ne!(text(release, Extent::Small), text(release, Extent::Whole));
        }
    }

    #[test]
    fn debian_13_gets_the_network_programs_that_buildah_no_longer_brings() {
        assert!(packages(Release::Debian13, Extent::Small).contains("netavark"));
    }
}
