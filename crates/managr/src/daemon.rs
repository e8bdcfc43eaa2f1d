//! The platform as a process of its own: start it, find it, stop it.
//!
//! A file in the data directory is locked for as long as the platform lives and holds its
//! process id: a lock cannot go stale, so a crashed platform is never taken for a live one. Where
//! systemd runs it is a unit of its own, so that a logout ends nothing; elsewhere a process that has
//! left its session.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::failure::Failure;
use crate::systemd::unit::Lasting;
use crate::systemd::{self, Log, SystemdError, Unit};

/// How long a platform may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long one may take that first waits for the network, as a unit that was installed does.
const ORDERED_START_LIMIT: Duration = Duration::from_secs(240);
/// How long a platform may take to drain.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// The lock of a data directory; held for the life of the platform.
pub(crate) struct Lock {
    _file: Flock<File>,
}

/// Returns where the platform keeps its data, unless told otherwise.
pub(crate) fn default_data_dir() -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/var/lib/managr");
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(home);
    base.unwrap_or_else(std::env::temp_dir).join("managr")
}

fn lock_path(data_dir: &Path) -> PathBuf {
    data_dir.join("platform.pid")
}

/// Returns where a platform in the background writes its log.
pub(crate) fn log_path(data_dir: &Path) -> PathBuf {
    data_dir.join("platform.log")
}

/// Makes a data directory that only its owner may enter: images in it have programs that run as root, and files that no
/// other user may read.
fn private(data_dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir)?;
    let mode = fs::metadata(data_dir)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(data_dir, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Makes the data directory, its owner's alone.
///
/// # Errors
/// Names it.
pub(crate) fn ensure_private(data_dir: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::new(format!("could not make the data directory {}: {error}", data_dir.display()));
    private(data_dir).map_err(failed)
}

/// Returns the one spelling of a path, whether it is there or not: absolute, without links and dots.
/// Locks, sockets and supervisors go by it.
pub(crate) fn settled(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find_map(|ancestor| Some((ancestor, ancestor.canonicalize().ok()?)));
    match there {
        Some((ancestor, real)) => {
            let rest = path.strip_prefix(ancestor).expect("an ancestor is a prefix");
            rest.components().fold(real, |mut settled, part| {
                match part {
                    Component::ParentDir => drop(settled.pop()),
                    part => settled.push(part),
                }
                settled
            })
        }
        None => path,
    }
}

/// Takes the data directory for this process.
///
/// # Errors
/// Says which process has it, or what could not be written.
pub(crate) fn take(data_dir: &Path) -> Result<Lock, Failure> {
    let path = lock_path(data_dir);
    let failed =
        |error: io::Error| Failure::new(format!("could not use the data directory {}: {error}", data_dir.display()));
    private(data_dir).map_err(failed)?;
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    match Flock::lock(open.map_err(failed)?, FlockArg::LockExclusiveNonblock) {
        Ok(mut file) => {
            file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
            Ok(Lock { _file: file })
        }
        Err((mut file, nix::errno::Errno::EWOULDBLOCK)) => {
            let pid = read_pid(&mut file).map_or(String::new(), |pid| format!(" (process {pid})"));
            Err(Failure::new(format!("a platform{pid} already runs on {}", data_dir.display()))
                .hint("use it, or stop it with `managr platform stop`"))
        }
        Err((_, errno)) => Err(failed(errno.into())),
    }
}

/// Returns the process id of the platform that runs on a data directory.
pub(crate) fn running(data_dir: &Path) -> Option<Pid> {
    let file = OpenOptions::new().read(true).write(true).open(lock_path(data_dir)).ok()?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(_free) => None,
        Err((mut file, _)) => read_pid(&mut file).map(Pid::from_raw),
    }
}

fn read_pid(file: &mut File) -> Option<i32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// What a platform in the background is started with.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// Arguments after `managr platform serve`.
    pub(crate) arguments: Vec<String>,
    /// Its data directory.
    pub(crate) data_dir: PathBuf,
    /// Where it will answer.
    pub(crate) endpoint: String,
}

/// A platform in the background that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Started {
    /// It was started; its process id.
    Now(u32),
    /// It was there; its process id.
    Already(u32),
}

/// Sees to it that a platform runs in the background and answers.
///
/// # Errors
/// The end of its log, when it ends instead.
pub(crate) async fn start(start: &Start) -> Result<Started, Failure> {
    match holder(&start.data_dir, &start.endpoint).await? {
        Some(pid) => Ok(Started::Already(pid)),
        None => launch(start).await.map(Started::Now),
    }
}

/// Returns the process id of the platform that answers from a data directory; none once no process holds
/// it. A platform that was just killed, or that drains, holds it for a while and answers no call.
async fn holder(data_dir: &Path, endpoint: &str) -> Result<Option<u32>, Failure> {
    let since = Instant::now();
    while let Some(pid) = running(data_dir) {
        if is_healthy(endpoint).await {
            return Ok(Some(pid.as_raw().unsigned_abs()));
        }
        if since.elapsed() > START_LIMIT {
            let words = format!("process {pid} has the data directory {} and does not answer", data_dir.display());
            return Err(Failure::new(format!("{words} at {endpoint}"))
                .hint("if it serves another address, name it with --endpoint; else stop it: `managr platform stop`"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(None)
}

/// A platform on its way up.
struct Launched {
    /// The platform, or the `systemctl` that waits for it.
    child: Child,
    log: Log,
    /// Bytes that its log had before, or the time in seconds since 1970.
    from: u64,
    limit: Duration,
}

async fn launch(start: &Start) -> Result<u32, Failure> {
    let failed = |error: io::Error| {
        Failure::new(format!("could not start the platform on {}: {error}", start.data_dir.display()))
    };
    private(&start.data_dir).map_err(failed)?;
    let path = log_path(&start.data_dir);
    let out = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(failed)?;
    let from = out.metadata().map_err(failed)?.len();
    let program = std::env::current_exe().map_err(failed)?;
    let launched = match Unit::of(&start.data_dir) {
        Some(unit) => launch_unit(&unit, &program, start, from)?,
        None => {
            let mut command = Command::new(program);
            command.args(["platform", "serve", "--detached"]).args(&start.arguments).current_dir("/");
            let second = out.try_clone().map_err(failed)?;
            let child = command.stdin(Stdio::null()).stdout(second).stderr(out).spawn().map_err(failed)?;
            Launched { child, log: Log::File(path), from, limit: START_LIMIT }
        }
    };
    wait_until_healthy(launched, start).await
}

/// systemd could not be had to start a platform.
#[derive(Debug, thiserror::Error)]
#[error("could not start the platform on {} as a unit of systemd", data_dir.display())]
struct UnitStartError {
    data_dir: PathBuf,
    #[source]
    source: SystemdError,
}

/// Has systemd start the platform: as it was installed, or until the next boot.
fn launch_unit(unit: &Unit, program: &Path, start: &Start, from: u64) -> Result<Launched, Failure> {
    let failed = |source: SystemdError| {
        Failure::from_error(UnitStartError { data_dir: start.data_dir.clone(), source })
            .hint("run it here instead: `managr platform serve`")
    };
    let log = unit.log();
    if matches!(log, Log::File(_)) {
        let mut arguments = vec!["platform".to_owned(), "serve".to_owned()];
        arguments.extend(start.arguments.iter().cloned());
        let text = unit.render(Lasting::Boot, program, &arguments).map_err(|error| failed(error.into()))?;
        unit.write(Lasting::Boot, &text).map_err(failed)?;
    }
    let (from, limit) = match &log {
        Log::File(_) => (from, START_LIMIT),
        Log::Journal(_) => (seconds_since_1970(), ORDERED_START_LIMIT),
    };
    let child = unit.begin_start().map_err(|source| SystemdError::Run { command: "systemctl".to_owned(), source });
    Ok(Launched { child: child.map_err(failed)?, log, from, limit })
}

fn seconds_since_1970() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |age| age.as_secs())
}

async fn wait_until_healthy(mut launched: Launched, start: &Start) -> Result<u32, Failure> {
    let since = Instant::now();
    let place = match &launched.log {
        Log::File(path) => path.display().to_string(),
        Log::Journal(unit) => format!("`journalctl --unit {unit}`"),
    };
    loop {
        // Asked before the other question, a foreign listener on the port would look like ours. The
        // holder may be another than our child: two commands may have started one at the same moment.
        let holder = running(&start.data_dir);
        if let Some(pid) = holder
            && is_healthy(&start.endpoint).await
        {
            return Ok(pid.as_raw().unsigned_abs());
        }
        if let (Ok(Some(status)), None) = (launched.child.try_wait(), holder) {
            let said = launched.said();
            let failure = Failure::new(format!("the platform did not start ({status})\n{said}"));
            let failure = failure.hint(format!("its whole log is {place}"));
            return Err(match &launched.log {
                Log::File(_) => failure,
                Log::Journal(_) => {
                    failure.hint("systemd goes on trying every five seconds; `managr platform stop` ends that")
                }
            });
        }
        if since.elapsed() > launched.limit {
            return Err(Failure::new(format!("the platform did not answer in {} s", launched.limit.as_secs()))
                .hint(format!("look at {place}")));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Launched {
    /// Returns the end of the platform's log since it was launched, or what systemd said if it never
    /// came to that.
    fn said(&mut self) -> String {
        let logged = match &self.log {
            Log::File(path) => read_from(path, self.from),
            Log::Journal(unit) => systemd::journal_since(unit, self.from),
        };
        if !logged.trim().is_empty() {
            return last_lines(&logged);
        }
        let mut complaint = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            // What cannot be read is not told.
            let _ = stderr.read_to_string(&mut complaint);
        }
        last_lines(&complaint)
    }
}

/// Returns whether a platform of ours answers.
pub(crate) async fn is_healthy(endpoint: &str) -> bool {
    aws::local::request(http::Method::GET, endpoint, "/_managr/health", Duration::from_secs(2)).await.is_ok()
}

fn read_from(log: &Path, from: u64) -> String {
    let mut text = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.read_to_end(&mut text)
    });
    if read.is_err() { String::new() } else { String::from_utf8_lossy(&text).into_owned() }
}

/// Returns at most the last 20 lines, indented.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(20)..];
    last.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// Asks the platform of a data directory to stop and waits until it is gone.
///
/// Returns whether one was running.
///
/// # Errors
/// When it does not end in time, or may not be signalled.
pub(crate) async fn stop(data_dir: &Path) -> Result<bool, Failure> {
    // systemd first: it would start again what ends without its knowing why.
    let stopped = match Unit::of(data_dir).filter(Unit::is_active) {
        Some(unit) => unit.stop().map(|()| true).map_err(Failure::from_error)?,
        None => false,
    };
    let Some(pid) = running(data_dir) else { return Ok(stopped) };
    kill(pid, Signal::SIGTERM).map_err(|errno| {
        let failure = Failure::new(format!("could not stop the platform (process {pid}): {errno}"));
        if errno == nix::errno::Errno::EPERM { failure.hint("it runs as another user; try with sudo") } else { failure }
    })?;
    let since = Instant::now();
    // Its lock goes before the process does, and what it holds besides (the store) only with it.
    while running(data_dir).is_some() || is_alive(pid) {
        if since.elapsed() > STOP_LIMIT {
            return Err(Failure::new(format!(
                "the platform (process {pid}) did not end in {} s",
                STOP_LIMIT.as_secs()
            ))
            .hint(format!("look at {}", log_path(data_dir).display())));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(true)
}

/// Whether a process still holds anything: one that only waits to be reaped does not. While it ends, its first thread may
/// be a zombie already and another one still hold its files.
fn is_alive(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the program's name, which is in parentheses and may hold some itself.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    let threads = || fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    state.is_some_and(|state| !matches!(state, 'Z' | 'X') || threads() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_whose_first_thread_ended_is_alive() {
        testhost::needs_boto3!();
        let ends = "import ctypes, threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n\
                    ctypes.CDLL(None).pthread_exit(None)";
        let mut child = Command::new("python3").args(["-c", ends]).spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let stat = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        while !stat().contains(") Z") {
            std::thread::yield_now();
        }
        assert!(is_alive(pid));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_ended_is_not_alive_though_nobody_reaped_it() {
        assert!(is_alive(Pid::this()));
        let mut child = Command::new("true").spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        while is_alive(pid) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!is_alive(pid));
    }

    #[test]
    fn a_directory_is_taken_once_and_free_again_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(running(dir.path()), None);
        let lock = take(dir.path()).unwrap();
        assert_eq!(running(dir.path()), Some(Pid::this()));
        let refused = take(dir.path()).err().expect("taken");
        let text = refused.render(crate::ui::Paint::Plain);
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
        drop(lock);
        assert_eq!(running(dir.path()), None, "the file stays, the lock does not");
        take(dir.path()).unwrap();
    }

    #[tokio::test]
    async fn a_platform_that_is_about_to_be_gone_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let lock = take(dir.path()).unwrap();
        // No server listens there: the holder was killed, and its lock is not free yet.
        let nobody = "http://127.0.0.1:1";
        let mut asked = std::pin::pin!(holder(dir.path(), nobody));
        for _ in 0..10 {
            let early = tokio::time::timeout(Duration::from_millis(1), asked.as_mut()).await;
            assert!(early.is_err(), "taken for one that runs");
        }
        drop(lock);
        assert_eq!(asked.await.ok(), Some(None));
    }

    #[test]
    fn every_spelling_of_a_directory_settles_on_one() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        fs::create_dir(real.join("data")).unwrap();
        std::os::unix::fs::symlink(real.join("data"), real.join("link")).unwrap();
        for (spelling, meant) in [
            ("data", "data"),
            ("data/", "data"),
            ("link", "data"),
            ("data/../data", "data"),
            ("link/new/deep", "data/new/deep"),
            ("new/../other", "other"),
        ] {
            assert_eq!(settled(&real.join(spelling)), real.join(meant), "{spelling}");
        }
        assert!(settled(Path::new("relative")).is_absolute());
    }

    #[test]
    fn a_data_directory_is_its_owners_alone_even_if_it_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
        let _lock = take(&data).unwrap();
        assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
