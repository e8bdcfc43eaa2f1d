//! What the platform and a supervisor say to each other: JSON with a length
//! before it, over a Unix socket that only root can open.

use std::io;

use serde::{Deserialize, Serialize};

use crate::network::TaskNetwork;
use crate::spec::{ContainerSpec, TerminalCommand};

/// Longest message accepted, in bytes; a container's environment is the longest part.
pub(crate) const MAX_MESSAGE: usize = 16 << 20;

/// A request and the number its reply carries.
#[derive(Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) id: u64,
    pub(crate) request: Request,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Request {
    /// Asks for the state; from now on this connection also gets events.
    Hello,
    Start {
        spec: Box<ContainerSpec>,
        hostname: String,
    },
    /// Starts a container again that has ended, as it was started first, unless that was done before:
    /// `restarts` says how often it has been started then.
    Restart {
        container: String,
        restarts: u32,
    },
    Signal {
        container: String,
        signal: i32,
    },
    Exec(ExecRequest),
    /// Starts a command on a terminal of its own. The reply brings the
    /// terminal's descriptor; the connection then belongs to the session:
    /// [`Message::Ended`] comes over it, and closing it ends the session.
    Attach(AttachRequest),
    Remove {
        container: String,
    },
    /// Kills every container, removes their cgroups and exits.
    Shutdown,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ExecRequest {
    pub(crate) container: String,
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) timeout_ms: u64,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct AttachRequest {
    pub(crate) container: String,
    pub(crate) command: TerminalCommand,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Message {
    Reply {
        id: u64,
        result: Result<Reply, Fault>,
    },
    Exited(ContainerReport),
    Logs {
        container: String,
    },
    /// The command of the terminal session on this connection ended: exit code,
    /// or 128 + signal.
    Ended {
        exit_code: i32,
    },
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Reply {
    Hello { pid: i32, containers: Vec<ContainerReport> },
    Started(Started),
    Exec(ExecOutcome),
    Attached,
    Done,
}

/// A refusal by the supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// Whose fault a refused start is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// The program is not in the image.
    CommandNotFound,
    /// The program cannot be executed (permission, format, or its interpreter is missing).
    CommandNotExecutable,
    /// The image knows no such user or group.
    NoSuchUser,
    /// The working directory cannot be entered.
    WorkingDirectory,
    /// The request is not valid: a name, a capability, a limit, a kernel setting.
    BadRequest,
    /// A root filesystem, volume or other mount failed.
    Mount,
    /// No such container in the task, or it does not run.
    NoSuchContainer,
    /// Anything else in starting the container.
    Runtime,
}

/// A container that was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Process id on the host.
    pub pid: i32,
    /// When, in milliseconds since 1970.
    pub started_at_ms: u64,
}

/// How a command run in a container ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecOutcome {
    /// Exit code, or 128 + signal; absent when the time was out and it was killed.
    pub exit_code: Option<i32>,
    /// Whether it was killed because the time was out.
    pub timed_out: bool,
    /// The first bytes of its standard output and error.
    pub output: Vec<u8>,
    /// Whether there was more output.
    pub truncated: bool,
}

/// A container as the runtime knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerReport {
    /// Name within the task.
    pub name: String,
    /// Process id on the host (of the past, when it exited).
    pub pid: i32,
    /// When it started, in milliseconds since 1970.
    pub started_at_ms: u64,
    /// How often it was started again; `state` is that of the last start.
    #[serde(default)]
    pub restarts: u32,
    /// Whether it runs.
    pub state: ContainerState,
}

/// Whether a container runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerState {
    /// It runs.
    Running,
    /// It ended.
    Exited {
        /// Exit code; 128 + signal when a signal ended it.
        exit_code: i32,
        /// The signal that ended it.
        signal: Option<i32>,
        /// Whether the kernel killed one of its processes for want of memory.
        oom: bool,
        /// When, in milliseconds since 1970.
        at_ms: u64,
    },
}

/// A task found on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskReport {
    /// Task id.
    pub id: String,
    /// Its addresses.
    pub network: TaskNetwork,
    /// Its containers.
    pub containers: Vec<ContainerReport>,
    /// What became of its supervisor; none while it lives. Without one nothing more can start in it.
    pub lost: Option<Loss>,
}

/// What became of a task's supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The host was started again since, whatever ended it: a reboot or a power cut. How the containers
    /// ended is known only of those whose end was recorded before.
    HostRestarted,
    /// It died. Its containers were ended.
    SupervisorDied,
}

/// Returns a message as it goes over the socket.
pub(crate) fn encode(message: &impl Serialize) -> Vec<u8> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message).expect("messages have string keys only");
    let length = u32::try_from(frame.len() - 4).expect("messages stay under 4 GiB");
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame
}

/// Takes the first whole message out of `buffer`, if there is one.
pub(crate) fn decode<T: for<'a> Deserialize<'a>>(buffer: &mut Vec<u8>) -> io::Result<Option<T>> {
    let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*head) as usize;
    if length > MAX_MESSAGE {
        return Err(io::Error::other(format!("message of {length} bytes is too long")));
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    let message = serde_json::from_slice(&buffer[4..4 + length])?;
    buffer.drain(..4 + length);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_was_written_however_it_was_cut() {
        let sent = Envelope { id: 7, request: Request::Signal { container: "web".into(), signal: 15 } };
        let bytes = [encode(&sent), encode(&sent)].concat();
        let mut buffer = Vec::new();
        let mut seen = 0;
        for byte in bytes {
            buffer.push(byte);
            if let Some(envelope) = decode::<Envelope>(&mut buffer).unwrap() {
                assert_eq!(envelope.id, 7);
                seen += 1;
            }
        }
        assert_eq!((seen, buffer.len()), (2, 0));
    }

    #[test]
    fn refuses_a_message_without_bound() {
        assert!(decode::<Envelope>(&mut vec![255; 8]).is_err());
    }
}
