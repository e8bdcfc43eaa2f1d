//! Answers the platform's requests.

use super::Supervisor;
use super::command::{self, Command};
use super::container::{self, Place};
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
            Request::Start { spec, hostname } => self.start(&spec, &hostname).map(Reply::Started),
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
                for container in self.containers.values() {
                    let _ = container.signal(nix::libc::SIGKILL);
                }
                return;
            }
        };
        self.send_to(client, &Message::Reply { id, result });
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place { task: &self.task, paths: &self.paths, cgroups: &self.cgroups }
    }

    /// Returns the process of a container that runs, and what is kept of it.
    pub(super) fn live(&self, name: &str) -> Result<(i32, &Live), Fault> {
        let found = self.containers.get(name).and_then(|known| Some((known.started.pid, known.live.as_ref()?)));
        found.ok_or_else(|| no_container(name))
    }

    /// Starts a container unless one of that name was started before.
    fn start(&mut self, spec: &ContainerSpec, hostname: &str) -> Result<Started, Fault> {
        if let Some(known) = self.containers.get(&spec.name) {
            return Ok(known.started.clone());
        }
        if !is_safe_name(&spec.name) {
            return Err(Fault::new(FaultKind::BadRequest, format!("container name `{}` is not valid", spec.name)));
        }
        if self.ending.is_some() {
            return Err(Fault::new(FaultKind::Runtime, "the task is being removed"));
        }
        let launched = container::launch(&self.place(), spec, hostname)?;
        let started = launched.started.clone();
        let logs = self.paths.container(&spec.name).logs();
        let container = LogWriter::create(&logs)
            .and_then(|log| Container::new(&spec.name, launched, log))
            .inspect_err(|_| container::forget(&self.place(), &spec.name))
            .map_err(|error| Fault::new(FaultKind::Runtime, format!("could not capture its output: {error}")))?;
        self.containers.insert(spec.name.clone(), container);
        Ok(started)
    }

    fn signal(&self, name: &str, signal: i32) -> Result<Reply, Fault> {
        let container = self.containers.get(name).ok_or_else(|| no_container(name))?;
        container
            .signal(signal)
            .map(|()| Reply::Done)
            .map_err(|error| Fault::new(FaultKind::BadRequest, format!("signal {signal} was refused: {error}")))
    }

    fn exec(&mut self, request: ExecRequest, origin: (u64, u64)) -> Result<(), Fault> {
        let name = request.container;
        let (container, live) = self.live(&name)?;
        let run_as = RunAs::Container;
        let command =
            Command { name: &name, container, mold: &live.mold, argv: &request.argv, run_as, env: &request.env };
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
        while self.containers.get(name).is_some_and(|container| container.live.is_some()) {
            if let Some(container) = self.containers.get(name) {
                let _ = container.signal(nix::libc::SIGKILL);
            }
            // A killed process ends soon; nothing else is worth doing before.
            std::thread::sleep(std::time::Duration::from_millis(1));
            self.reap_execs();
            self.tend_sessions();
            self.reap_containers();
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

fn no_container(name: &str) -> Fault {
    Fault::new(FaultKind::NoSuchContainer, format!("no container `{name}` runs in the task"))
}
