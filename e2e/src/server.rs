//! A server of the ECS API in a process of its own: started, timed to its first answer, weighed, ended.

use std::io;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Client, ECS};

/// Longest that a server may take to its first answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
    start: Duration,
}

impl Server {
    /// Starts `command`, which listens on `port`, and waits until it answers ListClusters.
    ///
    /// # Errors
    /// It could not be started, ended at once, or did not answer within a minute.
    pub fn start(mut command: Command, port: u16) -> io::Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let started = Instant::now();
        let child = command.stdin(Stdio::null()).spawn()?;
        let mut server = Self { child, port, start: Duration::ZERO };
        while !server.answers() {
            if let Some(status) = server.child.try_wait()? {
                return Err(io::Error::other(format!("`{program}` ended with {status}")));
            }
            if started.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("`{program}` did not answer within {} s", PATIENCE.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        server.start = started.elapsed();
        Ok(server)
    }

    /// Returns the port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the time from its start to its first answer.
    pub fn start_time(&self) -> Duration {
        self.start
    }

    /// Kills it with SIGKILL, as a crash would, and waits until it is gone.
    pub fn kill(&mut self) {
        // Fails only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn answers(&self) -> bool {
        let called = Client::connect(self.port).and_then(|mut client| client.try_call(ECS, "ListClusters", &json!({})));
        matches!(called, Ok((200, _)))
    }

    /// Returns the resident memory of the server and its children in MB.
    pub fn memory(&self) -> f64 {
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
        self.kill();
    }
}

/// Returns a port that is free now.
///
/// # Errors
/// The operating system's.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
