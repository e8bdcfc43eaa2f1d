//! Starts one container. A start that fails leaves nothing.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, fchown};
use std::path::Path;

use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;
use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, pipe2};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::oci::{self, Surroundings};
use super::payload::Payload;
use super::rootfs::{self, Overlay};
use super::tidy::tidily;
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
    pub(super) process: Value,
    pub(super) env: Vec<(String, String)>,
    pub(super) user: User,
}

/// The task that containers are started in.
pub(crate) struct Place<'a> {
    pub(crate) task: &'a str,
    pub(crate) paths: &'a TaskPaths,
    pub(crate) cgroups: &'a Cgroups,
}

pub(super) fn failed(what: &str) -> impl FnOnce(io::Error) -> Fault {
    let what = what.to_owned();
    move |error| Fault::new(FaultKind::Runtime, format!("could not {what}: {error}"))
}

/// libcontainer's errors nest deeply; the innermost says what happened.
pub(super) fn library_fault(error: &dyn std::error::Error) -> Fault {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        texts.push(inner.to_string());
        source = inner.source();
    }
    texts.dedup();
    let text = texts.join(": ");
    // Errors of the new process arrive as text alone.
    if text.contains("prepare rootfs") {
        let hint = "a mount target is a broken link or the wrong kind of file, or a source is missing";
        return Fault::new(FaultKind::Mount, format!("{text} ({hint})"));
    }
    Fault::new(FaultKind::Runtime, text)
}

/// Starts a container; on failure removes all that was made for it.
pub(crate) fn launch(place: &Place<'_>, spec: &ContainerSpec, hostname: &str) -> Result<Launched, Fault> {
    let paths = place.paths.container(&spec.name);
    let launched = try_launch(place, &paths, spec, hostname);
    if launched.is_err() {
        forget(place, &spec.name);
        let _ = fs::remove_dir_all(&paths.state);
    }
    launched
}

/// Removes what a container needs only while it runs.
pub(crate) fn forget(place: &Place<'_>, name: &str) {
    let _ = place.cgroups.destroy_container(place.task, name);
    let _ = fs::remove_dir_all(place.paths.container(name).run);
}

fn try_launch(
    place: &Place<'_>,
    paths: &ContainerPaths,
    spec: &ContainerSpec,
    hostname: &str,
) -> Result<Launched, Fault> {
    for dir in [&paths.state, &paths.run] {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(dir).map_err(failed("make a directory"))?;
    }
    let overlay = Overlay::mount(&spec.lower_dirs, paths)?;
    let user = users::resolve(&spec.user, &overlay.read("/etc/passwd"), &overlay.read("/etc/group"))?;
    overlay.ensure_dir(oci::working_directory(spec))?;
    for mount in &spec.mounts {
        match &mount.source {
            MountSource::Volume(name) if !crate::config::is_safe_name(name) => {
                return Err(Fault::new(FaultKind::BadRequest, format!("volume name `{name}` is not valid")));
            }
            MountSource::Volume(name) if spec.seeded.contains(&mount.target) => {
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
    let files = ["hosts", "resolv.conf", "hostname"].map(|name| place.paths.state.join(name));
    let around = Surroundings {
        rootfs: &paths.rootfs(),
        hostname,
        user: &user,
        cgroups_path: place.cgroups.oci_path(place.task, &spec.name),
        cgroup_namespace: place.cgroups.is_v2(),
        cgroups_v1: place.cgroups.groups_v1(place.task, &spec.name),
        bounding: capability_set(&status, "CapBnd:").unwrap_or(0),
        hard_limit: &hard_limit,
        volume: &|name| place.paths.volume(name),
        files: files.into_iter().zip(["/etc/hosts", "/etc/resolv.conf", "/etc/hostname"]).collect(),
    };
    let config = oci::config(spec, &around)?;
    let mold = Mold { process: config["process"].clone(), env: environment(spec, &user, hostname), user: user.clone() };
    write_private(&paths.run.join("config.json"), &config).map_err(failed("write the bundle"))?;
    // Created before the container so that a reader finds it from the start on.
    fs::create_dir_all(paths.logs()).map_err(failed("make the log directory"))?;
    let library = paths.run.join("lc");
    fs::DirBuilder::new().mode(0o700).create(&library).map_err(failed("make a directory"))?;

    let (stdout, stdout_writer) = output_pipe(&user)?;
    let (stderr, stderr_writer) = output_pipe(&user)?;
    let (report, report_writer) = pipe()?;
    let stdin = File::open("/dev/null").map_err(failed("open /dev/null"))?;
    let payload = Payload::new(&spec.argv, &mold.env, spec.init, report_writer)?;
    let built = tidily(|| {
        ContainerBuilder::new(spec.name.clone(), SyscallType::default())
            .with_root_path(&library)?
            .with_executor(payload)
            .with_stdin(stdin)
            .with_stdout(stdout_writer)
            .with_stderr(stderr_writer)
            .as_init(&paths.run)
            .with_systemd(false)
            .with_detach(true)
            .build()
    });
    let mut container = built.map_err(|error| library_fault(&error))?;
    let pid = container.pid().ok_or_else(|| Fault::new(FaultKind::Runtime, "no process was made"))?;
    let pid = pid.as_raw();
    let finished = || -> Result<Launched, Fault> {
        let pidfd = sys::pidfd_open(pid).map_err(failed("watch the container"))?;
        place.cgroups.deny_devices(place.task, &spec.name).map_err(failed("keep devices away"))?;
        container.start().map_err(|error| library_fault(&error))?;
        wait_for_program(report)?;
        let started = Started { pid, started_at_ms: now_ms() };
        let process = Identity::of(pid);
        if let Some(process) = process {
            let facts = Facts { process, started: started.clone() };
            write_facts(&paths.facts(), &facts, Durability::ProcessEnd).map_err(failed("record the container"))?;
        }
        Ok(Launched { started, pidfd, stdout: stdout.into(), stderr: stderr.into(), mold })
    };
    finished().inspect_err(|_| {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        let _ = waitpid(Pid::from_raw(pid), None);
    })
}

pub(super) fn pipe() -> Result<(OwnedFd, OwnedFd), Fault> {
    pipe2(OFlag::O_CLOEXEC).map_err(|errno| failed("make a pipe")(errno.into()))
}

/// Makes a pipe whose writing end the user may open again as `/dev/stdout`,
/// which many images log to.
pub(super) fn output_pipe(user: &User) -> Result<(OwnedFd, OwnedFd), Fault> {
    let (reader, writer) = pipe()?;
    fchown(&writer, Some(user.uid), Some(user.gid)).map_err(failed("hand over a pipe"))?;
    Ok((reader, writer))
}

/// Waits until the new process has become its program, or says why it did not.
pub(super) fn wait_for_program(report: OwnedFd) -> Result<(), Fault> {
    let mut text = Vec::new();
    File::from(report).read_to_end(&mut text).map_err(failed("hear from the new process"))?;
    if text.is_empty() {
        return Ok(());
    }
    Err(serde_json::from_slice(&text)
        .unwrap_or_else(|_| Fault::new(FaultKind::Runtime, "the new process failed without a word")))
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

/// The supervisor lives in the task's network namespace, so these are the task's.
fn write_network_settings(spec: &ContainerSpec) -> Result<(), Fault> {
    for (key, value) in spec.sysctls.iter().filter(|(key, _)| oci::is_network(key)) {
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'_' | b'-');
        if !key.bytes().all(safe) || key.contains("..") {
            return Err(Fault::new(FaultKind::BadRequest, format!("kernel setting `{key}` is not valid")));
        }
        fs::write(Path::new("/proc/sys").join(key.replace('.', "/")), value).map_err(|error| {
            Fault::new(FaultKind::BadRequest, format!("kernel setting `{key}` was refused: {error}"))
        })?;
    }
    Ok(())
}

fn hard_limit(name: &str) -> Option<u64> {
    let resource = match name {
        "RLIMIT_AS" => Resource::RLIMIT_AS,
        "RLIMIT_CORE" => Resource::RLIMIT_CORE,
        "RLIMIT_CPU" => Resource::RLIMIT_CPU,
        "RLIMIT_DATA" => Resource::RLIMIT_DATA,
        "RLIMIT_FSIZE" => Resource::RLIMIT_FSIZE,
        "RLIMIT_LOCKS" => Resource::RLIMIT_LOCKS,
        "RLIMIT_MEMLOCK" => Resource::RLIMIT_MEMLOCK,
        "RLIMIT_MSGQUEUE" => Resource::RLIMIT_MSGQUEUE,
        "RLIMIT_NICE" => Resource::RLIMIT_NICE,
        "RLIMIT_NOFILE" => Resource::RLIMIT_NOFILE,
        "RLIMIT_NPROC" => Resource::RLIMIT_NPROC,
        "RLIMIT_RSS" => Resource::RLIMIT_RSS,
        "RLIMIT_RTPRIO" => Resource::RLIMIT_RTPRIO,
        "RLIMIT_RTTIME" => Resource::RLIMIT_RTTIME,
        "RLIMIT_SIGPENDING" => Resource::RLIMIT_SIGPENDING,
        "RLIMIT_STACK" => Resource::RLIMIT_STACK,
        _ => return None,
    };
    getrlimit(resource).ok().map(|(_, hard)| hard)
}
