//! What is done with each thing that happens in a session.

use std::error::Error;
use std::io;
use std::time::Duration;

use deploy_core::exec::{Found, Mode, Scanner, Unconverter};
use session::client::{Event, Greeting, Session};
use session::wire::payload::Flag;
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

use super::input::{self, Writing};
use super::terminal::window;
use super::{Ended, Setting};

/// How long the other end may take to close.
const CLOSING: Duration = Duration::from_secs(2);
/// Most bytes kept of what came before the command began.
const PREFACE: usize = 4096;
/// Whoever read our output has gone.
const SIGPIPE: i32 = 13;

/// One session under way.
pub(super) struct Carrier {
    pub(super) session: Session,
    /// Hears of it when the person leaves.
    pub(super) left: Option<oneshot::Receiver<()>>,
    mode: Mode,
    writing: Option<Writing>,
    scanner: Option<Scanner>,
    undo: Option<Unconverter>,
    out: tokio::io::Stdout,
    has_begun: bool,
    preface: Vec<u8>,
}

impl Carrier {
    pub(super) fn new(session: Session, setting: Setting) -> Self {
        Self {
            session,
            left: None,
            mode: setting.mode,
            writing: setting.writing,
            scanner: setting.nonce.as_deref().map(Scanner::new),
            undo: None,
            out: tokio::io::stdout(),
            has_begun: false,
            preface: Vec::new(),
        }
    }

    /// Takes in what happened; some when it was the end.
    pub(super) async fn event(&mut self, event: Event, say: &impl Fn(&str)) -> io::Result<Option<Ended>> {
        match event {
            Event::Ready(greeting) => self.greeted(&greeting, say).await,
            Event::Output(bytes) => return self.output(&bytes, say).await,
            Event::Stderr(bytes) => tokio::io::stderr().write_all(&bytes).await?,
            Event::ExitCode(code) => return Ok(Some(self.close(Ended::Code(code as u8)).await)),
            Event::Closed(words) => {
                let held = self.scanner.take().map(Scanner::finish).unwrap_or_default();
                self.write(&held).await?;
                let preface = std::mem::take(&mut self.preface);
                return Ok(Some(Ended::Closed { words, has_begun: self.has_begun, preface }));
            }
            Event::Lost(error) => return Ok(Some(Ended::Lost(chain(&error)))),
            Event::Flag(_) | Event::Interrupted | Event::Resumed => {}
        }
        Ok(None)
    }

    /// The other end is there.
    pub(super) async fn greeted(&mut self, greeting: &Greeting, say: &impl Fn(&str)) {
        if !greeting.message.is_empty() {
            say(&greeting.message);
        }
        if !greeting.is_port() {
            let _ = self.session.input.resize(window(std::io::stdout())).await;
        }
        if self.scanner.is_none() || self.mode == Mode::Terminal {
            self.begin_input();
        }
    }

    fn begin_input(&mut self) {
        if let Some(writing) = self.writing.take() {
            self.left = Some(input::carry(self.session.input.clone(), writing));
        }
    }

    async fn output(&mut self, bytes: &[u8], say: &impl Fn(&str)) -> io::Result<Option<Ended>> {
        let Some(scanner) = &mut self.scanner else { return self.pass(bytes).await };
        for found in scanner.push(bytes) {
            let ended = match found {
                Found::Bytes(bytes) if self.has_begun || self.mode == Mode::Terminal => self.pass(&bytes).await?,
                // Not the command's: what the agent says when it cannot start the wrapper.
                Found::Bytes(bytes) => {
                    let room = PREFACE.saturating_sub(self.preface.len()).min(bytes.len());
                    self.preface.extend_from_slice(&bytes[..room]);
                    None
                }
                Found::Begin { is_raw } => {
                    self.has_begun = true;
                    if self.mode != Mode::Terminal {
                        if !is_raw {
                            say(
                                "the container has no stty: carriage returns before line feeds are taken out of its output",
                            );
                            self.undo = Some(Unconverter::default());
                        }
                        self.begin_input();
                    }
                    None
                }
                Found::Refused(program) => Some(self.close(Ended::Refused(program)).await),
                Found::End(code) => Some(self.close(Ended::Code(code)).await),
            };
            if ended.is_some() {
                return Ok(ended);
            }
        }
        Ok(None)
    }

    /// Writes bytes of the command; some when nobody reads them any more.
    async fn pass(&mut self, bytes: &[u8]) -> io::Result<Option<Ended>> {
        let written = match &mut self.undo {
            Some(undo) => {
                let bytes = undo.push(bytes);
                self.write(&bytes).await
            }
            None => self.write(bytes).await,
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                Ok(Some(self.close(Ended::Signal(SIGPIPE)).await))
            }
            written => written.map(|()| None),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes).await?;
        self.out.flush().await
    }

    /// Ends the session at the other end too, so that nothing goes on there. How it ended is already known.
    pub(super) async fn close(&mut self, ended: Ended) -> Ended {
        if let Some(undo) = self.undo.take() {
            let _ = self.write(&undo.finish()).await;
        }
        let closed = async {
            let _ = self.session.input.flag(Flag::TerminateSession).await;
            // What still comes is after the end; without taking it the end would not come.
            while !matches!(self.session.events.recv().await, None | Some(Event::Closed(_) | Event::Lost(_))) {}
        };
        // Whoever does not answer now hears that the connection is gone.
        let _ = tokio::time::timeout(CLOSING, closed).await;
        ended
    }
}

/// Returns an error and what it came from, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    words
}
