//! Answers the platform's requests.

use super::Supervisor;
use super::command::{self, Command};
use super::container::{self, Start, TaskHome};
use super::running::{Container, Exec, Live};
use crate::config::is_safe_name;
use crate::logs::LogWriter;
use crate::spec::{ContainerSpec, RunAs};
use crate::wire::{Envelope, ExecRequest, Fault, FaultKind, Message, Reply, Request, Started};

impl Supervisor {
    pub(super) fn answer(&mut self, client: u64, envelope: Envelope) {
        let id = envelope.id;
        let result = match envelope.request {
            Request::Hello => {
                if let Some(client) = self.clients.get_mut(&client) {
                    client.wants_events = true;
                }
                Ok(Reply::Hello {
                    pid: std::process::id() as i32,
                    containers: self.containers.values().map(Container::report).collect(),
                })
            }
            Request::Start { spec, hostname } => self.start(spec, hostname).map(Reply::Started),
            Request::Restart { container, restarts } => self.restart(&container, restarts).map(Reply::Started),
            Request::Signal { container, signal } => self.signal(&container, signal),
            Request::Exec(request) => match self.exec(request, (client, id)) {
                // The answer follows when the command has ended.
                Ok(()) => return,
                Err(fault) => Err(fault),
            },
            Request::Attach(request) => match self.attach(id, client, &request) {
                // The answer went with the terminal.
                Ok(()) => return,
                Err(fault) => Err(fault),
            },
            Request::Remove { container } => self.remove(&container),
            Request::Shutdown => {
                self.ending = Some((client, id));
                self.cgroups.thaw_task(&self.task);
                for container in self.containers.values() {
                    let _ = container.signal(nix::libc::SIGKILL);
                }
                return;
            }
        };
        self.send_to(client, &Message::Reply { id, result });
    }

    pub(super) fn place(&self) -> TaskHome<'_> {
        TaskHome { task: &self.task, paths: &self.paths, cgroups: &self.cgroups }
    }

    /// Returns the process of a container that runs, and what is kept of it.
    pub(super) fn live(&self, name: &str) -> Result<(i32, &Live), Fault> {
        let found = self.containers.get(name).and_then(|known| Some((known.started.pid, known.live.as_ref()?)));
        found.ok_or_else(|| no_container(name))
    }

    /// Starts a container unless one of that name was started before.
    fn start(&mut self, spec: Box<ContainerSpec>, hostname: String) -> Result<Started, Fault> {
        if let Some(known) = self.containers.get(&spec.name) {
            return Ok(known.started.clone());
        }
        if !is_safe_name(&spec.name) {
            return Err(Fault::new(FaultKind::BadRequest, format!("container name `{}` is not valid", spec.name)));
        }
        if self.ending.is_some() {
            return Err(Fault::new(FaultKind::Runtime, "the task is being removed"));
        }
        let start = Start { spec: &spec, hostname: &hostname, restarts: 0 };
        let launched = container::launch(&self.place(), &start)?;
        let started = launched.started.clone();
        let name = spec.name.clone();
        let container = LogWriter::create(&self.paths.container(&name).logs())
            .and_then(|log| Container::new(spec, hostname, launched, log))
            .inspect_err(|_| container::forget(&self.place(), &name))
            .map_err(not_captured)?;
        self.containers.insert(name, container);
        Ok(started)
    }

    /// Starts a container again that has ended, unless that was done before. The supervisor has what it was started
    /// with: secrets need not be read again, and are those that it had.
    fn restart(&mut self, name: &str, restarts: u32) -> Result<Started, Fault> {
        let known = self.containers.get(name).ok_or_else(|| no_container(name))?;
        if known.restarts >= restarts {
            return Ok(known.started.clone());
        }
        if known.live.is_some() || self.ending.is_some() {
            let why = if self.ending.is_some() { "the task is being removed" } else { "it has not ended" };
            return Err(Fault::new(FaultKind::Runtime, why));
        }
        let start = Start { spec: &known.spec, hostname: &known.hostname, restarts };
        let launched = container::launch(&self.place(), &start)?;
        let started = launched.started.clone();
        let paths = self.paths.container(name);
        let container = self.containers.get_mut(name).ok_or_else(|| no_container(name))?;
        let log = container.log.take().map_or_else(|| LogWriter::create(&paths.logs()), Ok);
        let resumed = log.and_then(|log| container.resume(launched, log, restarts)).map_err(not_captured);
        if resumed.is_err() {
            container::forget(&self.place(), name);
        }
        resumed?;
        // It says that all output is there.
        let _ = std::fs::remove_file(paths.exit());
        Ok(started)
    }

    fn signal(&self, name: &str, signal: i32) -> Result<Reply, Fault> {
        let container = self.containers.get(name).ok_or_else(|| no_container(name))?;
        if signal == nix::libc::SIGKILL {
            self.cgroups.thaw_task(&self.task);
        }
        container
            .signal(signal)
            .map(|()| Reply::Done)
            .map_err(|error| Fault::new(FaultKind::BadRequest, format!("signal {signal} was refused: {error}")))
    }

    fn exec(&mut self, request: ExecRequest, origin: (u64, u64)) -> Result<(), Fault> {
        let name = request.container;
        let (process, live) = self.live(&name)?;
        let command = Command {
            name: &name,
            process,
            container: &live.pidfd,
            mold: &live.mold,
            argv: &request.argv,
            run_as: RunAs::Container,
            env: &request.env,
        };
        let launched = command::launch_exec(&self.place(), &command)?;
        let exec = Exec::new(launched, request.timeout_ms, origin)
            .map_err(|error| Fault::new(FaultKind::Runtime, error.to_string()))?;
        self.execs.push(exec);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<Reply, Fault> {
        if !is_safe_name(name) {
            return Err(no_container(name));
        }
        self.cgroups.thaw_task(&self.task);
        while self.containers.get(name).is_some_and(|container| container.live.is_some()) {
            if let Some(container) = self.containers.get(name) {
                let _ = container.signal(nix::libc::SIGKILL);
            }
            // A killed process ends soon; nothing else is worth doing before.
            std::thread::sleep(std::time::Duration::from_millis(1));
            self.reap_execs();
            self.tend_sessions();
            self.reap_containers();
            // An orphaned process can keep a container from ending.
            self.reap_strangers();
        }
        self.containers.remove(name);
        container::forget(&self.place(), name);
        match crate::remove::remove_tree(&self.paths.container(name).state) {
            Err(error) => Err(Fault::new(FaultKind::Runtime, format!("could not remove the files of {name}: {error}"))),
            Ok(()) => Ok(Reply::Done),
        }
    }

    /// Returns whether the end was asked for and every container has ended.
    pub(super) fn finish_ending(&mut self) -> bool {
        let Some((client, id)) = self.ending else { return false };
        if self.containers.values().any(|container| container.live.is_some()) {
            return false;
        }
        self.send_to(client, &Message::Reply { id, result: Ok(Reply::Done) });
        self.flush_clients();
        true
    }
}

fn not_captured(error: std::io::Error) -> Fault {
    Fault::new(FaultKind::Runtime, format!("could not capture its output: {error}"))
}

fn no_container(name: &str) -> Fault {
    Fault::new(FaultKind::NoSuchContainer, format!("no container `{name}` runs in the task"))
}
