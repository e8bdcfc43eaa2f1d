//! A server under measurement: started, timed to its first answer, weighed, ended.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Client, ECS};
use crate::shell::Fault;

/// Longest that a server may take to its first answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) start: Duration,
}

impl Server {
    /// Starts `command` and waits until it answers ListClusters.
    pub(crate) fn start(mut command: Command, port: u16) -> Result<Self, Fault> {
        let program = command.get_program().to_string_lossy().into_owned();
        let started = Instant::now();
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| Fault::NotStarted { program: program.clone(), source })?;
        let mut server = Self { child, port, start: Duration::ZERO };
        while !server.answers() {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(Fault::Failed { program, code: status.code() });
            }
            if started.elapsed() > PATIENCE {
                return Err(Fault::Wrong(format!("`{program}` did not answer within {} s", PATIENCE.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.start = started.elapsed();
        Ok(server)
    }

    fn answers(&self) -> bool {
        let called = Client::connect(self.port).and_then(|mut client| client.try_call(ECS, "ListClusters", &json!({})));
        matches!(called, Ok((200, _)))
    }

    /// Returns the resident memory of the server and its children in MB.
    pub(crate) fn memory(&self) -> f64 {
        let mut total = 0;
        let mut ids = vec![self.child.id()];
        while let Some(id) = ids.pop() {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let kib = status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:")?.trim().split(' ').next()?.parse::<u64>().ok());
            total += kib.unwrap_or(0);
            let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
            ids.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        total as f64 * 1024.0 / 1e6
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a port that is free now.
pub(crate) fn free_port() -> Result<u16, Fault> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|error| Fault::Wrong(format!("no free port: {error}")))
}
