//! The platform as a unit of systemd: written, started, stopped and taken away.
//!
//! `systemctl` and `systemd-run` are asked, not D-Bus: they are there wherever systemd is, and a client
//! of D-Bus would bring some forty crates. A unit is a file of ours below `/run`, not a transient one
//! of `systemd-run`: what goes on when the platform ends keeps a transient unit loaded, and its name
//! could not be started again ("was already loaded or has a fragment file").

pub(crate) mod notify;
mod place;
pub(crate) mod unit;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use unit::{Author, Lasting, UnitError, Wanted};

/// Where units of the administrator are.
const INSTALLED: &str = "/etc/systemd/system";
/// Where units are that the next boot knows nothing of.
const UNTIL_BOOT: &str = "/run/systemd/system";
/// What a platform in a unit may know of the environment of who started it: how it talks, and how it
/// reaches registries. A proxy's address may hold a password, so the file is the owner's alone.
const PASSED: [&str; 11] = [
    "MANAGR_LOG",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Why systemd did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SystemdError {
    /// A program of systemd could not be run.
    #[error("could not run `{command}`")]
    Run {
        /// The command.
        command: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// systemd refused.
    #[error("`{command}` failed: {said}")]
    Refused {
        /// The command.
        command: String,
        /// What it said.
        said: String,
    },
    /// A file could not be written or removed.
    #[error("could not change {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There can be no unit.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

/// The unit of a data directory, on a machine that systemd runs and for a user who may ask it.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    /// Its name, such as `managr.service`.
    pub(crate) name: String,
    data_dir: PathBuf,
}

/// Where the log of a unit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Log {
    /// In a file.
    File(PathBuf),
    /// In the journal, under the unit's name.
    Journal(String),
}

impl Unit {
    /// Returns the unit of a data directory; none where there is no systemd, this process may not ask it,
    /// or sees another machine than it does (a container, a chroot, a network namespace): a unit would
    /// run elsewhere than here.
    pub(crate) fn of(data_dir: &Path) -> Option<Self> {
        let usable = nix::unistd::geteuid().is_root() && is_booted() && sees_what_systemd_sees();
        let there = usable && find("systemctl").is_some();
        there.then(|| Self::named(data_dir))
    }

    /// Returns the unit of a data directory, whether or not it could be started here.
    pub(crate) fn named(data_dir: &Path) -> Self {
        Self { name: unit::name(data_dir), data_dir: data_dir.to_owned() }
    }

    /// Returns where the file of the unit is that lasts.
    pub(crate) fn installed(&self) -> PathBuf {
        Path::new(INSTALLED).join(&self.name)
    }

    fn until_boot(&self) -> PathBuf {
        Path::new(UNTIL_BOOT).join(&self.name)
    }

    /// Returns the text of the unit that lasts, if there is one.
    pub(crate) fn installed_text(&self) -> Option<String> {
        fs::read_to_string(self.installed()).ok()
    }

    /// Whether there is a file of it: a platform that never ran as a unit has none.
    pub(crate) fn is_written(&self) -> bool {
        self.installed().exists() || self.until_boot().exists()
    }

    /// Returns where the platform's log is when the unit runs it.
    pub(crate) fn log(&self) -> Log {
        match self.installed().exists() {
            true => Log::Journal(self.name.clone()),
            false => Log::File(crate::daemon::log_path(&self.data_dir)),
        }
    }

    /// Returns the text of the unit.
    ///
    /// # Errors
    /// When a path in it cannot be written down.
    pub(crate) fn render(&self, lasting: Lasting, program: &Path, arguments: &[String]) -> Result<String, UnitError> {
        let text = |path: &Path| {
            path.to_str().map(str::to_owned).ok_or_else(|| UnitError::Unwritable(path.to_string_lossy().into_owned()))
        };
        unit::render(&Wanted {
            lasting,
            program: &text(program)?,
            arguments,
            data_dir: &text(&self.data_dir)?,
            log: &text(&crate::daemon::log_path(&self.data_dir))?,
            environment: &text(&self.environment())?,
        })
    }

    fn environment(&self) -> PathBuf {
        self.data_dir.join("platform.env")
    }

    /// Writes the unit's file and that with its variables, and has systemd read them. Safe to repeat.
    ///
    /// # Errors
    /// Names what could not be written, or what systemd said.
    pub(crate) fn write(&self, lasting: Lasting, text: &str) -> Result<(), SystemdError> {
        let variables = PASSED.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?)));
        replace(&self.environment(), &unit::environment(variables), 0o600)?;
        let file = match lasting {
            Lasting::Boot => self.until_boot(),
            Lasting::Always => self.installed(),
        };
        if fs::read_to_string(&file).is_ok_and(|there| there == text) {
            return Ok(());
        }
        replace(&file, text, 0o644)?;
        systemctl(&["daemon-reload"]).map(drop)
    }

    /// Begins to start the unit; the process ends once the platform answers, or has failed.
    ///
    /// # Errors
    /// When `systemctl` cannot be run.
    pub(crate) fn begin_start(&self) -> io::Result<Child> {
        let mut command = Command::new("systemctl");
        command.args(["--no-ask-password", "start", &self.name]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
    }

    /// Whether systemd runs the platform, or is about to.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.state().as_str(), "active" | "activating" | "reloading" | "deactivating")
    }

    /// Returns systemd's word for how the unit is.
    pub(crate) fn state(&self) -> String {
        let asked = Command::new("systemctl").args(["is-active", &self.name]).stdin(Stdio::null()).output();
        asked.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default()
    }

    /// Stops the platform, and what systemd would start it again for; returns once it is gone.
    ///
    /// # Errors
    /// What systemd said.
    pub(crate) fn stop(&self) -> Result<(), SystemdError> {
        systemctl(&["stop", &self.name]).map(drop)
    }

    /// Has the unit started at every boot.
    ///
    /// # Errors
    /// What systemd said.
    pub(crate) fn enable(&self) -> Result<(), SystemdError> {
        systemctl(&["enable", &self.name]).map(drop)
    }

    /// Removes the unit's files, no matter who wrote them; returns those that were there. The platform is to be stopped
    /// before. Safe to repeat.
    ///
    /// # Errors
    /// Names what stayed.
    pub(crate) fn remove(&self) -> Result<Vec<(PathBuf, Author)>, SystemdError> {
        let mut removed = Vec::new();
        for path in [self.installed(), self.until_boot()] {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            if path == self.installed() {
                systemctl(&["disable", &self.name])?;
            }
            fs::remove_file(&path).map_err(|source| SystemdError::File { path: path.clone(), source })?;
            removed.push((path, unit::author(&text)));
        }
        if !removed.is_empty() {
            systemctl(&["daemon-reload"])?;
            // Refused for a unit that has not failed, and that is no matter.
            let _ = systemctl(&["reset-failed", &self.name]);
        }
        Ok(removed)
    }

    /// Takes the unit's file away that the next boot would not know. Safe to repeat.
    ///
    /// # Errors
    /// When it stays.
    pub(crate) fn remove_until_boot(&self) -> Result<(), SystemdError> {
        let path = self.until_boot();
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(SystemdError::File { path, source }),
            Ok(()) => systemctl(&["daemon-reload"]).map(drop),
        }
    }
}

/// Returns the last lines that a unit's processes wrote into the journal since a time in seconds since
/// 1970; if it came to none, what systemd has to say about the unit.
pub(crate) fn journal_since(unit: &str, since: u64) -> String {
    let read = |of: String| {
        let since = format!("--since=@{since}");
        let mut command = Command::new("journalctl");
        command.args(["--quiet", "--no-pager", "--output=cat", "--lines=20", &since, &of]);
        let said = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
        said.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default()
    };
    let own = read(format!("_SYSTEMD_UNIT={unit}"));
    if own.trim().is_empty() { read(format!("--unit={unit}")) } else { own }
}

/// Returns the words before a command with which it outlives the unit that this process is in: what a
/// platform starts by hand would end at the logout, or with whatever service it was started by. None
/// are needed without systemd, and in the unit that we wrote.
pub(crate) fn apart(data_dir: Option<&Path>) -> Vec<OsString> {
    let cgroup = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let unit = place::unit_of(&cgroup);
    let ours = data_dir.map(unit::name).unwrap_or_default();
    if !is_booted() || !place::shares_fate(unit, &ours) {
        return Vec::new();
    }
    let words = [
        "systemd-run",
        "--scope",
        "--quiet",
        "--collect",
        "--no-ask-password",
        "--slice=system.slice",
        "--description=managr: part of a platform that was started by hand",
        "--property=Delegate=yes",
        "--property=TasksMax=infinity",
        "--",
    ];
    // Tried once, so that no task fails for want of it.
    let tried = Command::new(words[0]).args(&words[1..]).arg("true").stdin(Stdio::null()).output();
    let said = match tried {
        Ok(output) if output.status.success() => return words.map(OsString::from).to_vec(),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    tracing::warn!(
        unit,
        said,
        "supervisors and the load balancer end together with this unit: systemd-run gave them no scope of their own"
    );
    Vec::new()
}

/// Whether systemd is this machine's first process (sd_booted(3)).
fn is_booted() -> bool {
    fs::symlink_metadata("/run/systemd/system").is_ok_and(|found| found.is_dir())
}

/// Whether a unit would have the same files, network and processes around it as this process.
fn sees_what_systemd_sees() -> bool {
    let of = |process: &str, kind: &str| fs::read_link(format!("/proc/{process}/ns/{kind}")).ok();
    let same = |kind| of("self", kind).is_some_and(|ours| of("1", kind) == Some(ours));
    let root = |path: &str| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    ["mnt", "net", "pid", "user"].into_iter().all(same)
        && root("/").is_some_and(|ours| root("/proc/1/root/") == Some(ours))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|candidate| candidate.is_file())
}

fn systemctl(arguments: &[&str]) -> Result<String, SystemdError> {
    let command = format!("systemctl {}", arguments.join(" "));
    let ran = Command::new("systemctl").arg("--no-ask-password").args(arguments).stdin(Stdio::null()).output();
    let output = ran.map_err(|source| SystemdError::Run { command: command.clone(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(SystemdError::Refused { command, said: if said.is_empty() { output.status.to_string() } else { said } })
}

/// Replaces a file whole.
fn replace(path: &Path, text: &str, mode: u32) -> Result<(), SystemdError> {
    let fresh = path.with_extension("managr-new");
    let write = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(mode).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(|source| SystemdError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_with_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/platform.env");
        replace(&path, "A=\"1\"\n", 0o600).unwrap();
        replace(&path, "A=\"2\"\n", 0o600).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "A=\"2\"\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
