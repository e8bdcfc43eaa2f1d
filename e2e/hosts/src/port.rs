//! The words that host and machine exchange over a virtio port: scripts one way, what they wrote the other.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Fault;

/// What a script wrote and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Exit code.
    pub code: i32,
    /// Standard output and error, one stream.
    pub text: String,
}

/// A line that the agent wrote.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    /// The agent began; the boot that it began in.
    Up(String),
    /// A script ended; so many bytes of what it wrote follow.
    Out { id: u64, code: i32, bytes: usize },
}

fn word(line: &str) -> Option<Word> {
    let mut parts = line.split_whitespace();
    match parts.next()? {
        "UP" => Some(Word::Up(parts.next()?.to_owned())),
        "OUT" => Some(Word::Out {
            id: parts.next()?.parse().ok()?,
            code: parts.next()?.parse().ok()?,
            bytes: parts.next()?.parse().ok()?,
        }),
        _ => None,
    }
}

/// The host's end.
pub(crate) struct Port {
    stream: UnixStream,
    heard: Vec<u8>,
    asked: u64,
    boot: String,
}

impl Port {
    /// Connects to qemu's socket, which is there as soon as qemu runs.
    pub(crate) fn connect(path: &Path) -> Result<Self, Fault> {
        let stream = UnixStream::connect(path).map_err(Fault::path(path))?;
        Ok(Self { stream, heard: Vec::new(), asked: 0, boot: String::new() })
    }

    /// Waits until an agent says that it is there, in another boot than the last one that was heard of.
    pub(crate) fn await_boot(&mut self, patience: Duration) -> Result<(), Fault> {
        let until = Instant::now() + patience;
        loop {
            if let Some(Word::Up(boot)) = word(&self.line(until)?)
                && boot != self.boot
            {
                self.boot = boot;
                return Ok(());
            }
        }
    }

    /// Runs a script to its end.
    pub(crate) fn run(&mut self, script: &str, patience: Duration) -> Result<Answer, Fault> {
        let until = Instant::now() + patience;
        self.asked += 1;
        let message = format!("RUN {} {}\n{script}", self.asked, script.len());
        self.stream.write_all(message.as_bytes()).map_err(|error| Fault(format!("the machine is gone: {error}")))?;
        loop {
            match word(&self.line(until)?) {
                // The answer to a script that was given up stays behind in the stream.
                Some(Word::Out { id, code, bytes }) => {
                    let text = self.take(bytes, until)?;
                    if id == self.asked {
                        return Ok(Answer { code, text: String::from_utf8_lossy(&text).into_owned() });
                    }
                }
                Some(Word::Up(boot)) if boot != self.boot => {
                    self.boot = boot;
                    return Err(Fault("the machine began anew in the middle of a script".into()));
                }
                _ => {}
            }
        }
    }

    fn line(&mut self, until: Instant) -> Result<String, Fault> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.hear(until)?;
        }
    }

    fn take(&mut self, bytes: usize, until: Instant) -> Result<Vec<u8>, Fault> {
        while self.heard.len() < bytes {
            self.hear(until)?;
        }
        Ok(self.heard.drain(..bytes).collect())
    }

    fn hear(&mut self, until: Instant) -> Result<(), Fault> {
        let late = || Fault("the machine did not answer in time".into());
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()).ok_or_else(late)?;
        self.stream.set_read_timeout(Some(left)).map_err(|error| Fault(error.to_string()))?;
        let mut buffer = [0; 65536];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(Fault("the machine is gone".into())),
            Ok(bytes) => {
                self.heard.extend_from_slice(&buffer[..bytes]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err(late()),
            Err(error) => Err(Fault(format!("the machine is gone: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Port, UnixStream) {
        let (stream, agent) = UnixStream::pair().unwrap();
        (Port { stream, heard: Vec::new(), asked: 0, boot: "one".into() }, agent)
    }

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn an_answer_is_the_one_to_the_script_that_was_sent_last() {
        let (mut port, mut agent) = pair();
        agent.write_all(b"OUT 0 7 5\nlate\nUP one\nOUT 1 3 4\nfour").unwrap();
        assert_eq!(port.run("exit 3", SOON).unwrap(), Answer { code: 3, text: "four".into() });
        let mut sent = [0; 14];
        agent.read_exact(&mut sent).unwrap();
        assert_eq!(&sent, b"RUN 1 6\nexit 3");
    }

    #[test]
    fn a_boot_in_the_middle_of_a_script_is_told() {
        let (mut port, mut agent) = pair();
        agent.write_all(b"UP two\n").unwrap();
        assert!(port.run("true", SOON).unwrap_err().0.contains("anew"));
    }

    #[test]
    fn the_next_boot_is_another_one() {
        let (mut port, mut agent) = pair();
        agent.write_all(b"UP one\nnoise\nUP two\n").unwrap();
        port.await_boot(SOON).unwrap();
        assert_eq!(port.boot, "two");
    }
}
