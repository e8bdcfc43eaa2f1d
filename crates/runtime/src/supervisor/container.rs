//! Starts one container. A start that fails leaves nothing.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, fchown};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, SysconfVar, pipe2, sysconf};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::birth::{self, Birth};
use super::credentials::Credentials;
use super::limits::{self, Limit};
use super::oci::{self, Surroundings};
use super::refusals;
use super::rootfs::{self, Overlay};
use super::users::{self, User};
use crate::cgroups::Cgroups;
use crate::config::{ContainerPaths, TaskPaths};
use crate::host::capability_set;
use crate::process::{Durability, Identity, now_ms, write_facts};
use crate::spec::{ContainerSpec, MountSource};
use crate::sys;
use crate::wire::{Fault, FaultKind, Started};

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What adoption needs to know of a container, on disk.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) process: Identity,
    pub(crate) started: Started,
    /// How often it was started before.
    #[serde(default)]
    pub(crate) restarts: u32,
}

/// A container just started, with the reading ends of its outputs.
pub(crate) struct Launched {
    pub(crate) started: Started,
    pub(crate) pidfd: OwnedFd,
    pub(crate) stdout: File,
    pub(crate) stderr: File,
    pub(crate) mold: Mold,
}

/// What commands run in the container inherit from it.
pub(crate) struct Mold {
    pub(super) credentials: Credentials,
    pub(super) limits: Vec<Limit>,
    pub(super) cwd: String,
    pub(super) env: Vec<(String, String)>,
    pub(super) user: User,
}

/// The task that containers are started in.
pub(crate) struct TaskHome<'a> {
    pub(crate) task: &'a str,
    pub(crate) paths: &'a TaskPaths,
    pub(crate) cgroups: &'a Cgroups,
}

pub(super) fn failed(what: &str) -> impl FnOnce(io::Error) -> Fault {
    let what = what.to_owned();
    move |error| Fault::new(FaultKind::Runtime, format!("could not {what}: {error}"))
}

/// A start of a container: the first, or one more after it has ended.
pub(crate) struct Start<'a> {
    pub(crate) spec: &'a ContainerSpec,
    pub(crate) hostname: &'a str,
    /// How often it was started before.
    pub(crate) restarts: u32,
}

/// Starts a container; on failure removes all that was made for this start.
pub(crate) fn launch(place: &TaskHome<'_>, start: &Start<'_>) -> Result<Launched, Fault> {
    let paths = place.paths.container(&start.spec.name);
    let launched = try_launch(place, &paths, start);
    if launched.is_err() {
        forget(place, &start.spec.name);
        // What it left when it ended stays: its output may not have been read yet.
        if start.restarts == 0 {
            let _ = fs::remove_dir_all(&paths.state);
        }
    }
    launched
}

/// Removes what a container needs only while it runs.
pub(crate) fn forget(place: &TaskHome<'_>, name: &str) {
    let _ = place.cgroups.destroy_container(place.task, name);
    let _ = fs::remove_dir_all(place.paths.container(name).run);
}

fn try_launch(place: &TaskHome<'_>, paths: &ContainerPaths, start: &Start<'_>) -> Result<Launched, Fault> {
    let &Start { spec, hostname, restarts } = start;
    refusals::check(spec)?;
    for dir in [&paths.state, &paths.run] {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(dir).map_err(failed("make a directory"))?;
    }
    let overlay = Overlay::mount(&spec.lower_dirs, paths)?;
    overlay.check_system_dirs()?;
    let user = users::resolve(&spec.user, &overlay.read("/etc/passwd"), &overlay.read("/etc/group"))?;
    overlay.ensure_dir(oci::working_directory(spec))?;
    for mount in &spec.mounts {
        match &mount.source {
            MountSource::Volume(name) if !crate::config::is_safe_name(name) => {
                return Err(Fault::new(FaultKind::BadRequest, format!("volume name `{name}` is not valid")));
            }
            // Only before its first start, as Docker has it: what is empty then was made empty.
            MountSource::Volume(name) if spec.seeded.contains(&mount.target) && restarts == 0 => {
                overlay.fill_volume(&place.paths.volume(name), &mount.target)?;
            }
            MountSource::Volume(name) => rootfs::make_volume(&place.paths.volume(name))?,
            MountSource::Bind(source) if !source.exists() => {
                let text = format!("{} does not exist on the host", source.display());
                return Err(Fault::new(FaultKind::Mount, text));
            }
            _ => {}
        }
    }
    write_network_settings(spec)?;
    place.cgroups.prepare_container(place.task, spec).map_err(failed("make its control group"))?;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let credentials = Credentials::of(spec, &user, capability_set(&status, "CapBnd:").unwrap_or(0))?;
    let limits: Vec<Limit> =
        spec.ulimits.iter().map(|limit| Limit::of(limit, &limits::own)).collect::<Result<_, _>>()?;
    let files = ["hosts", "resolv.conf", "hostname"].map(|name| place.paths.state.join(name));
    let around = Surroundings {
        rootfs: &paths.rootfs(),
        hostname,
        cgroups_path: place.cgroups.oci_path(place.task, &spec.name),
        cgroup_namespace: place.cgroups.is_v2(),
        cgroups_v1: place.cgroups.groups_v1(place.task, &spec.name),
        credentials: &credentials,
        limits: &limits,
        processors: processors(),
        volume: &|name| place.paths.volume(name),
        files: files.into_iter().zip(["/etc/hosts", "/etc/resolv.conf", "/etc/hostname"]).collect(),
    };
    let config = oci::config(spec, &around);
    let mold = Mold {
        env: environment(spec, &user, hostname),
        cwd: oci::working_directory(spec).to_owned(),
        user: user.clone(),
        credentials,
        limits,
    };
    write_private(&paths.run.join("config.json"), &config).map_err(failed("write the bundle"))?;
    // Created before the container so that a reader finds it from the start on.
    fs::create_dir_all(paths.logs()).map_err(failed("make the log directory"))?;
    let library = paths.run.join("lc");
    fs::DirBuilder::new().mode(0o700).create(&library).map_err(failed("make a directory"))?;

    let (stdout, stdout_writer) = output_pipe(&user)?;
    let (stderr, stderr_writer) = output_pipe(&user)?;
    let stdin = File::open("/dev/null").map_err(failed("open /dev/null"))?;
    let birth = Birth {
        name: spec.name.clone(),
        argv: spec.argv.clone(),
        env: mold.env.clone(),
        credentials: mold.credentials.clone(),
        init: spec.init,
        library,
        bundle: paths.run.clone(),
    };
    let pid = birth::start(&birth, [stdin.into(), stdout_writer, stderr_writer])?;
    let finished = || -> Result<Launched, Fault> {
        let pidfd = sys::pidfd_open(pid).map_err(failed("watch the container"))?;
        // On cgroup v1 libcontainer allows two devices more (console and tun): taken away again.
        place.cgroups.deny_devices(place.task, &spec.name).map_err(failed("keep devices away"))?;
        let started = Started { pid, started_at_ms: now_ms() };
        let process = Identity::of(pid);
        if let Some(process) = process {
            let facts = Facts { process, started: started.clone(), restarts };
            write_facts(&paths.facts(), &facts, Durability::ProcessEnd).map_err(failed("record the container"))?;
        }
        Ok(Launched { started, pidfd, stdout: stdout.into(), stderr: stderr.into(), mold })
    };
    finished().inspect_err(|_| {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        let _ = waitpid(Pid::from_raw(pid), None);
    })
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Fault> {
    pipe2(OFlag::O_CLOEXEC).map_err(|errno| failed("make a pipe")(errno.into()))
}

/// Makes a pipe whose writing end the user may open again as `/dev/stdout`,
/// which many images log to.
pub(super) fn output_pipe(user: &User) -> Result<(OwnedFd, OwnedFd), Fault> {
    let (reader, writer) = pipe()?;
    fchown(&writer, Some(user.uid), Some(user.gid)).map_err(failed("hand over a pipe"))?;
    Ok((reader, writer))
}

fn environment(spec: &ContainerSpec, user: &User, hostname: &str) -> Vec<(String, String)> {
    let mut env = spec.env.clone();
    for (name, value) in [("PATH", DEFAULT_PATH), ("HOSTNAME", hostname), ("HOME", &user.home)] {
        if env.iter().all(|(theirs, _)| theirs != name) {
            env.push((name.to_owned(), value.to_owned()));
        }
    }
    env
}

pub(super) fn write_private(path: &Path, value: &Value) -> io::Result<()> {
    let file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    serde_json::to_writer(file, value).map_err(io::Error::from)
}

/// Every one that the host could ever use, also those that are off now.
fn processors() -> usize {
    let configured = sysconf(SysconfVar::_NPROCESSORS_CONF).ok().flatten();
    configured.and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
}

/// The supervisor lives in the task's network namespace, so these are the task's.
fn write_network_settings(spec: &ContainerSpec) -> Result<(), Fault> {
    for (key, value) in spec.sysctls.iter().filter(|(key, _)| oci::is_network(key)) {
        fs::write(Path::new("/proc/sys").join(key.replace('.', "/")), value).map_err(|error| {
            Fault::new(FaultKind::BadRequest, format!("kernel setting `{key}` was refused: {error}"))
        })?;
    }
    Ok(())
}
