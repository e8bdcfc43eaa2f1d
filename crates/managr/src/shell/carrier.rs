//! What is done with each thing that happens in a session.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use aws_model::chain;
use deploy_core::exec::{Mode, Scanned, Scanner, Unconverter};
use session::client::{Event, Greeting, Session};
use session::wire::payload::Flag;
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

use super::input::{self, Writing};
use super::output::Output;
use super::terminal::{Raw, window};
use super::{Ended, Setting};

/// How long the other end may take to close.
const CLOSING: Duration = Duration::from_secs(2);
/// Most bytes kept of what came before the command began, or of a bare command's beginning.
const PREFACE: usize = 4096;
/// The reader of our output has gone.
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
    out: Output,
    /// The terminal is to be raw once the other end is there: until then Ctrl-C is ours.
    wants_raw: bool,
    raw: Option<Raw>,
    has_begun: bool,
    preface: Vec<u8>,
}

impl Carrier {
    pub(super) fn new(session: Session, setting: Setting) -> io::Result<Self> {
        Ok(Self {
            session,
            left: None,
            mode: setting.mode,
            writing: setting.writing,
            scanner: setting.nonce.as_deref().map(Scanner::new),
            undo: None,
            out: Output::standard()?,
            wants_raw: setting.is_raw,
            raw: None,
            has_begun: false,
            preface: Vec::new(),
        })
    }

    /// Returns what ends a line that this end shows.
    pub(super) fn line_end(&self) -> &'static str {
        if self.raw.is_some() { "\r" } else { "" }
    }

    /// Takes in what happened; some when it was the end.
    pub(super) async fn event(&mut self, event: Event, say: &impl Fn(&str)) -> io::Result<Option<Ended>> {
        match event {
            Event::Ready(greeting) => self.greeted(&greeting, say).await?,
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
    pub(super) async fn greeted(&mut self, greeting: &Greeting, say: &impl Fn(&str)) -> io::Result<()> {
        if !greeting.message.is_empty() {
            say(&greeting.message);
        }
        if std::mem::take(&mut self.wants_raw) {
            self.raw = Some(Raw::enter(io::stdin().as_fd())?);
        }
        if !greeting.is_port() {
            let _ = self.session.input.resize(window(std::io::stdout())).await;
        }
        if self.scanner.is_none() || self.mode == Mode::Terminal {
            self.begin_input();
        }
        Ok(())
    }

    fn begin_input(&mut self) {
        if let Some(writing) = self.writing.take() {
            self.left = Some(input::carry(self.session.input.clone(), writing));
        }
    }

    async fn output(&mut self, bytes: &[u8], say: &impl Fn(&str)) -> io::Result<Option<Ended>> {
        let Some(scanner) = &mut self.scanner else {
            self.keep(bytes);
            return self.pass(bytes).await;
        };
        for found in scanner.push(bytes) {
            let ended = match found {
                Scanned::Bytes(bytes) if self.has_begun => self.pass(&bytes).await?,
                // Not the command's: what the agent says when it cannot start the wrapper.
                Scanned::Bytes(bytes) => {
                    self.keep(&bytes);
                    if self.mode == Mode::Terminal { self.pass(&bytes).await? } else { None }
                }
                Scanned::Begin { is_raw } => {
                    self.has_begun = true;
                    self.preface.clear();
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
                Scanned::Refused(program) => Some(self.close(Ended::Refused(program)).await),
                Scanned::End(code) => Some(self.close(Ended::Code(code)).await),
            };
            if ended.is_some() {
                return Ok(ended);
            }
        }
        Ok(None)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = PREFACE.saturating_sub(self.preface.len()).min(bytes.len());
        self.preface.extend_from_slice(&bytes[..room]);
    }

    /// Writes bytes of the command; some when there is no reader any more.
    async fn pass(&mut self, bytes: &[u8]) -> io::Result<Option<Ended>> {
        let written = match &mut self.undo {
            Some(undo) => {
                let bytes = undo.push(bytes);
                self.write(&bytes).await
            }
            None => self.write(bytes).await,
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Some(Ended::Signal(SIGPIPE))),
            written => written.map(|()| None),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write(bytes).await
    }

    /// Lets the other end close the session, whose command has ended.
    async fn close(&mut self, ended: Ended) -> Ended {
        if let Some(undo) = self.undo.take() {
            let _ = self.write(&undo.finish()).await;
        }
        let closed = async {
            let _ = self.session.input.flag(Flag::TerminateSession).await;
            // What still comes is after the end; without taking it the end would not come.
            while !matches!(self.session.events.recv().await, None | Some(Event::Closed(_) | Event::Lost(_))) {}
        };
        // An agent that does not answer now hears that the connection is gone.
        let _ = tokio::time::timeout(CLOSING, closed).await;
        ended
    }
}
