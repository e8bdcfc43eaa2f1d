//! Debian packages: which are needed for what, and installing the missing ones.

use crate::shell::{Fault, cmd, say};

/// What `cargo xtask demo` needs: a C compiler for SQLite, the image builder, and what makes the base
/// images; nftables is what managr itself gives tasks their way out with.
///
/// Two are only recommended by those that cannot do without them, which nothing on a small system brings. buildah looks for
/// netavark before it runs the first line of a Dockerfile, whatever its isolation: `container-network-stack`, which it
/// depends on, is CNI's plugins for apt, and they were enough for Debian 12's buildah. mmdebstrap calls mount.
pub(crate) const DEMO: &[&str] =
    &["buildah", "ca-certificates", "gcc", "libc6-dev", "mmdebstrap", "mount", "netavark", "nftables"];

/// What `cargo xtask test` needs beyond the demo: official clients and container tools as peers.
pub(crate) const TEST: &[&str] =
    &["awscli", "busybox-static", "curl", "iproute2", "podman", "python3", "python3-venv", "runc", "skopeo"];

/// The PostgreSQL that the suites of databases run, which Debian 12 has. Without it they are skipped, each with a line.
pub(crate) const DATABASES: &str = "postgresql-15";

/// What `cargo xtask hosts` needs beyond the demo: an emulator, and what makes a machine's disk without loop devices.
pub(crate) const HOSTS: &[&str] =
    &["binutils", "busybox-static", "cpio", "e2fsprogs", "qemu-system-x86", "qemu-utils", "util-linux", "xz-utils"];

/// What `cargo xtask release` needs beyond the demo.
pub(crate) const RELEASE: &[&str] = &["python3", "python3-venv"];

/// What `cargo xtask bench` needs beyond the demo.
pub(crate) const BENCH: &[&str] = &["podman", "python3", "python3-venv", "runc", "wrk"];

/// What `cargo xtask bench cli` needs beyond the demo: the AWS CLI of Debian beside that of PyPI.
pub(crate) const CLI: &[&str] = &["awscli", "python3", "python3-venv"];

/// What `cargo xtask bench forward` needs beyond the demo.
pub(crate) const FORWARD: &[&str] = &["socat", "wrk"];

/// Installs those of `names` that are missing, after saying which.
pub(crate) fn ensure(names: &[&str]) -> Result<(), Fault> {
    let missing: Vec<&str> = names.iter().copied().filter(|name| !is_installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if cmd("apt-get", &["--version"]).answer().is_none() {
        say(format!("no apt-get here; these Debian packages, or what they hold, are needed: {}", missing.join(" ")));
        return Ok(());
    }
    say(format!("installing Debian packages: {}", missing.join(" ")));
    if cmd("id", &["-u"]).read()? != "0" {
        let words = format!("root is needed: run `apt-get install {}` as root, or this as root", missing.join(" "));
        return Err(Fault::Wrong(words));
    }
    cmd("apt-get", &["-qq", "update"]).run()?;
    let mut install = cmd("apt-get", &["-qq", "-y", "--no-install-recommends", "install"]);
    for name in missing {
        install = install.arg(name);
    }
    install.env("DEBIAN_FRONTEND", "noninteractive").run()
}

/// Installs a package if it is missing and this machine's Debian has it.
pub(crate) fn ensure_if_any(name: &str) -> Result<(), Fault> {
    if is_installed(name) {
        return Ok(());
    }
    // Without lists nothing is known. A machine without apt-get, or without root, has what it has.
    let _ = cmd("apt-get", &["-qq", "update"]).answer();
    match cmd("apt-cache", &["show", name]).answer() {
        Some(found) if !found.is_empty() => ensure(&[name]),
        _ => {
            say(format!("no Debian package {name} here; what needs it is skipped"));
            Ok(())
        }
    }
}

fn is_installed(name: &str) -> bool {
    cmd("dpkg-query", &["-W", "-f=${Status}", name]).answer().is_some_and(|status| status == "install ok installed")
}
