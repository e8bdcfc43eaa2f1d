//! The supervisor of one task: a process with one thread that starts the
//! containers, captures their output and exit codes, and outlives the platform.
//!
//! It lives in the task's network namespace and a mount namespace of its own.

mod birth;
mod capabilities;
mod command;
mod container;
mod credentials;
mod door;
mod inside;
mod limits;
mod oci;
mod payload;
mod refusals;
mod requests;
mod rootfs;
mod running;
mod seccomp;
mod sessions;
mod steps;
mod terminal;
mod users;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{dup2_stdin, dup2_stdout, setsid};

use crate::cgroups::{Cgroups, Layout};
use crate::config::TaskPaths;
use crate::process::{Durability, Identity, write_facts};
use crate::sys;
use crate::wire::{Envelope, Message, decode, encode};
use running::{Container, Exec};
use sessions::Session;

pub(crate) use container::Facts;

/// How many arguments a supervisor gets on top of the command that is configured.
const ARGUMENTS: usize = 3;
/// Readers hear of new output at most this often.
const LOG_INTERVAL: Duration = Duration::from_millis(20);

/// Runs a supervisor. The binary calls this with the arguments after the ones
/// of [`crate::Config::supervisor`], before it starts any thread.
///
/// Standard input, output and error are not what they seem: they carry the
/// socket to listen on, the task's network namespace and the file for complaints.
pub fn supervise(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<PathBuf> = args.into_iter().map(PathBuf::from).collect();
    if let Some((step, numbers)) = args.split_first() {
        let numbers = || numbers.iter().map(|number| number.display().to_string()).collect::<Vec<_>>();
        let error = match step.to_str() {
            Some(door::STEP) => Some(door::enter(&numbers())),
            Some(birth::STEP) => Some(birth::launch(&numbers())),
            _ => None,
        };
        if let Some(error) = error {
            eprintln!("managr: could not {}: {error}", step.display());
            return ExitCode::FAILURE;
        }
    }
    let [state, run, parent] = &args[..] else {
        complain(format_args!("the supervisor is started by the platform only"));
        return ExitCode::from(64);
    };
    let paths = TaskPaths { state: state.clone(), run: run.clone() };
    match Supervisor::begin(paths, &parent.to_string_lossy()).and_then(Supervisor::serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("the supervisor of {} failed: {error}", state.display()));
            ExitCode::FAILURE
        }
    }
}

/// Writes to the file for complaints. `eprintln!` panics where that cannot be written, and on a full
/// disk it cannot: the supervisor would die of its own complaint and take the task with it.
fn complain(words: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "managr: {words}");
}

/// The platform's unit keeps it from the kernel's choice when memory runs out (`OOMScoreAdjust=`), and
/// that is inherited: what containers run is to be chosen like any other program, as Docker has it.
fn give_up_protection() {
    const ADJUSTMENT: &str = "/proc/self/oom_score_adj";
    let protected = fs::read_to_string(ADJUSTMENT).is_ok_and(|text| text.trim().parse().is_ok_and(|n: i32| n < 0));
    if protected && let Err(error) = fs::write(ADJUSTMENT, "0") {
        complain(format_args!("containers are protected when memory runs out: {error}"));
    }
}

struct Supervisor {
    task: String,
    paths: TaskPaths,
    cgroups: Cgroups,
    listener: UnixListener,
    /// Keeps the namespace even while no container runs.
    _namespace: OwnedFd,
    /// Says that a child has ended, no matter whose it was: one that is not reaped keeps its container's process
    /// namespace, and so the container, from ending.
    children: SignalFd,
    clients: BTreeMap<u64, Client>,
    next_client: u64,
    containers: BTreeMap<String, Container>,
    execs: Vec<Exec>,
    sessions: Vec<Session>,
    /// Set once a client asked for the end: who, and the number of its request.
    ending: Option<(u64, u64)>,
}

struct Client {
    stream: UnixStream,
    input: Vec<u8>,
    output: Vec<u8>,
    wants_events: bool,
    closed: bool,
}

/// What a place in the poll set belongs to.
enum Source {
    Listener,
    /// Some child has ended.
    Children,
    Client(u64),
    Output(String, usize),
    ExecOutput(usize),
    /// The end of a process, which every round looks for anyway.
    Ending,
}

impl Supervisor {
    fn begin(paths: TaskPaths, parent: &str) -> io::Result<Self> {
        let socket = sys::duplicate_high(io::stdin().as_fd())?;
        let namespace = sys::duplicate_high(io::stdout().as_fd())?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        dup2_stdin(&null)?;
        dup2_stdout(&null)?;
        // A session of our own: what happens to the platform's terminal or
        // process group is nothing to us.
        let _ = setsid();
        umask(Mode::from_bits_truncate(0o022));
        std::env::set_current_dir("/")?;
        setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET)?;
        unshare(CloneFlags::CLONE_NEWNS)?;
        // Our mounts do not propagate; an unmount on the host still reaches us.
        let flags = MsFlags::MS_SLAVE | MsFlags::MS_REC;
        mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)?;
        nix::sys::prctl::set_child_subreaper(true)?;
        // Its memory has every container's environment.
        nix::sys::prctl::set_dumpable(false)?;
        give_up_protection();

        let layout = Layout::of_host().ok_or_else(|| io::Error::other("no control groups"))?;
        let task = paths.state.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let me = Identity::of(std::process::id() as i32).ok_or_else(|| io::Error::other("/proc is not mounted"))?;
        write_facts(&paths.supervisor(), &me, Durability::ProcessEnd)?;
        let mut ends = SigSet::empty();
        ends.add(Signal::SIGCHLD);
        ends.thread_block()?;
        let children = SignalFd::with_flags(&ends, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let listener = UnixListener::from(socket);
        listener.set_nonblocking(true)?;
        Ok(Self {
            task,
            paths,
            cgroups: Cgroups::new(layout, parent),
            listener,
            _namespace: namespace,
            children,
            clients: BTreeMap::new(),
            next_client: 0,
            containers: BTreeMap::new(),
            execs: Vec::new(),
            sessions: Vec::new(),
            ending: None,
        })
    }

    fn serve(mut self) -> io::Result<()> {
        loop {
            let ready = self.wait()?;
            for (source, events) in ready {
                match source {
                    Source::Listener => self.accept(),
                    Source::Client(id) => self.talk(id, events),
                    Source::Output(name, stream) => {
                        if let Some(container) = self.containers.get_mut(&name) {
                            container.capture(stream);
                        }
                    }
                    Source::ExecOutput(index) => {
                        // Answering a client may have reaped some already.
                        if let Some(exec) = self.execs.get_mut(index) {
                            exec.capture();
                        }
                    }
                    Source::Children => while matches!(self.children.read_signal(), Ok(Some(_))) {},
                    Source::Ending => {}
                }
            }
            self.reap_execs();
            self.tend_sessions();
            self.reap_containers();
            self.record_exits();
            self.reap_strangers();
            self.tell_of_output();
            if self.finish_ending() {
                return Ok(());
            }
            self.flush_clients();
        }
    }

    /// Waits until there is something to do.
    fn wait(&self) -> io::Result<Vec<(Source, PollFlags)>> {
        let mut sources = vec![Source::Listener, Source::Children];
        let mut set = vec![
            PollFd::new(self.listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.children.as_fd(), PollFlags::POLLIN),
        ];
        for (id, client) in &self.clients {
            let mut flags = PollFlags::POLLIN;
            if !client.output.is_empty() {
                flags |= PollFlags::POLLOUT;
            }
            sources.push(Source::Client(*id));
            set.push(PollFd::new(client.stream.as_fd(), flags));
        }
        for (name, container) in &self.containers {
            let Some(live) = &container.live else { continue };
            sources.push(Source::Ending);
            set.push(PollFd::new(live.pidfd.as_fd(), PollFlags::POLLIN));
            for (stream, output) in live.outputs.iter().enumerate() {
                if let Some(file) = &output.file {
                    sources.push(Source::Output(name.clone(), stream));
                    set.push(PollFd::new(file.as_fd(), PollFlags::POLLIN));
                }
            }
        }
        for (index, exec) in self.execs.iter().enumerate() {
            sources.push(Source::Ending);
            set.push(PollFd::new(exec.pidfd.as_fd(), PollFlags::POLLIN));
            if let Some(output) = &exec.output {
                sources.push(Source::ExecOutput(index));
                set.push(PollFd::new(output.as_fd(), PollFlags::POLLIN));
            }
        }
        for session in &self.sessions {
            session.watch(&mut sources, &mut set);
        }
        match poll(&mut set, self.patience()) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(sources
            .into_iter()
            .zip(&set)
            .filter_map(|(source, fd)| Some((source, fd.revents()?)))
            .filter(|(_, events)| !events.is_empty())
            .collect())
    }

    /// Returns how long to wait: until a command's time is out, readers are due
    /// or a session that ends is to be looked at.
    fn patience(&self) -> PollTimeout {
        let now = Instant::now();
        let deadlines = self.execs.iter().filter_map(|exec| exec.deadline);
        let due = self.containers.values().filter_map(|container| container.tell_at);
        let looks = self.sessions.iter().filter_map(Session::look_at);
        let records = self.containers.values().filter_map(|container| container.record_at);
        match deadlines.chain(due).chain(looks).chain(records).min() {
            None => PollTimeout::NONE,
            Some(at) => {
                let wait = at.saturating_duration_since(now).as_millis() + 1;
                PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)
            }
        }
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            let client = Client { stream, input: Vec::new(), output: Vec::new(), wants_events: false, closed: false };
            self.clients.insert(self.next_client, client);
            self.next_client += 1;
        }
    }

    fn talk(&mut self, id: u64, events: PollFlags) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if events.intersects(PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR) {
            client.receive();
        }
        loop {
            let Some(client) = self.clients.get_mut(&id) else { return };
            match decode::<Envelope>(&mut client.input) {
                Ok(Some(envelope)) => self.answer(id, envelope),
                Ok(None) => break,
                Err(error) => {
                    complain(format_args!("unreadable request: {error}"));
                    client.closed = true;
                    break;
                }
            }
        }
    }

    /// Reaps orphans: what containers left to us as subreaper.
    pub(super) fn reap_strangers(&self) {
        use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
        let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        while let Ok(status) = waitid(Id::All, peek) {
            let Some(pid) = status.pid() else { return };
            let known = self
                .containers
                .values()
                .any(|container| container.live.is_some() && container.started.pid == pid.as_raw())
                || self.execs.iter().any(|exec| exec.pid == pid.as_raw())
                || self.sessions.iter().any(|session| session.awaits(pid.as_raw()));
            if known || waitpid(pid, Some(WaitPidFlag::WNOHANG)).is_err() {
                return;
            }
        }
    }

    fn flush_clients(&mut self) {
        for client in self.clients.values_mut() {
            client.send();
        }
        self.clients.retain(|_, client| !client.closed);
    }

    fn broadcast(&mut self, message: &Message) {
        let bytes = encode(message);
        for client in self.clients.values_mut().filter(|client| client.wants_events) {
            client.output.extend(&bytes);
        }
    }

    fn send_to(&mut self, id: u64, message: &Message) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.output.extend(encode(message));
        }
    }
}

impl Client {
    /// Whether nothing is to be said to it, now or later, but one reply.
    fn is_fresh(&self) -> bool {
        self.output.is_empty() && !self.wants_events
    }

    fn receive(&mut self) {
        let mut chunk = [0; 16 << 10];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => {
                    self.closed = true;
                    return;
                }
                Ok(count) => self.input.extend(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.closed = true;
                    return;
                }
            }
        }
    }

    fn send(&mut self) {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.closed = true;
                    return;
                }
            }
        }
    }
}
