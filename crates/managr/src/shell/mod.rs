//! One session between this end's terminal, or its pipes, and a command in a container.

mod carrier;
mod escape;
mod input;
mod output;
pub(crate) mod terminal;

use std::time::Duration;

use aws::Client;
use deploy_core::exec::Mode;
use session::client::{Event, Greeting, Session};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::Instant;

use self::carrier::Carrier;
pub(crate) use self::input::Writing;
use self::terminal::window;

/// How long a broken connection is not worth a word.
const QUIET: Duration = Duration::from_secs(1);
/// How long the service may take to hear that the client does not come back.
const LEAVING: Duration = Duration::from_secs(2);

/// What is run, and how the two ends are connected.
#[derive(Debug)]
pub(crate) struct Setting {
    /// How the two ends are connected.
    pub(crate) mode: Mode,
    /// The nonce of the wrapper's markers; none when the command runs bare.
    pub(crate) nonce: Option<String>,
    /// How input is written for the other end; none when there is none.
    pub(crate) writing: Option<Writing>,
    /// Whether the terminal at standard input is made raw.
    pub(crate) is_raw: bool,
    /// The session's greeting, where it was already taken.
    pub(crate) greeting: Option<Greeting>,
}

/// How a session ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The command ended with this code.
    Code(u8),
    /// The session was closed by the other end: a bare command's end, in the service's words.
    Closed {
        /// The words; may be empty.
        words: String,
        /// Whether the wrapper had said that the command begins.
        has_begun: bool,
        /// What came before that; of a bare command, what came first.
        preface: Vec<u8>,
    },
    /// The connection is gone for good.
    Lost(String),
    /// The container lacks this program, without which there is no input.
    Refused(String),
    /// The person left.
    Left,
    /// A signal to this program.
    Signal(i32),
}

impl Ended {
    /// Returns whether the other end does not know of it: over there the command would go on.
    pub(crate) fn is_one_sided(&self) -> bool {
        matches!(self, Self::Left | Self::Signal(_) | Self::Lost(_))
    }
}

/// Ends a session whose end is one-sided, so that nothing goes on over there. It is the service that must be told: in a
/// shell's session amazon-ssm-agent heeds no flag (`shell.go`, `InputStreamMessageHandler`).
pub(crate) async fn leave(client: &Client, session_id: &str) {
    // A failure does not matter here; the service itself ends a session without a connection.
    let _ = tokio::time::timeout(LEAVING, deploy::exec::terminate(client, session_id)).await;
}

/// Signals that end this program.
struct Signals {
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Resolves to the number of the next.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.hang_up.recv() => SignalKind::hangup(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.quit.recv() => SignalKind::quit(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        }
        .as_raw_value()
    }
}

/// Carries a session to its end. `say` tells the person something; it is given whole lines.
///
/// # Errors
/// When the terminal or the signals cannot be had, or standard output cannot be written.
pub(crate) async fn carry(session: Session, mut setting: Setting, say: impl Fn(&str)) -> std::io::Result<Ended> {
    let mut signals = Signals::listen()?;
    let mut resized = signal(SignalKind::window_change())?;
    let greeting = setting.greeting.take();
    let mut carrier = Carrier::new(session, setting)?;
    if let Some(greeting) = greeting {
        carrier.greeted(&greeting, &say).await?;
    }
    let mut broken: Option<Instant> = None;
    let mut is_told = false;
    loop {
        let quiet_until = broken.map_or_else(Instant::now, |since| since + QUIET);
        // Every branch only waits for one message: dropping it loses nothing.
        tokio::select! {
            event = carrier.session.events.recv() => match event {
                Some(Event::Interrupted) => broken = Some(Instant::now()),
                Some(Event::Resumed) => {
                    broken = None;
                    if std::mem::take(&mut is_told) {
                        say(&format!("connected again{}", carrier.line_end()));
                    }
                }
                Some(event) => tokio::select! {
                    ended = carrier.event(event, &say) => if let Some(ended) = ended? {
                        return Ok(ended);
                    },
                    // The reader of our output may have stopped.
                    number = signals.next() => return Ok(Ended::Signal(number)),
                },
                None => return Ok(Ended::Lost("the session's end was not told".to_owned())),
            },
            () = tokio::time::sleep_until(quiet_until), if broken.is_some() && !is_told => {
                is_told = true;
                say(&format!("the connection broke; connecting again{}", carrier.line_end()));
            }
            () = left(&mut carrier.left) => return Ok(Ended::Left),
            number = signals.next() => return Ok(Ended::Signal(number)),
            _ = resized.recv() => {
                let _ = carrier.session.input.resize(window(std::io::stdout())).await;
            }
        }
    }
}

/// Resolves when the person leaves.
async fn left(receiver: &mut Option<oneshot::Receiver<()>>) {
    if let Some(waits) = receiver {
        if waits.await.is_ok() {
            return;
        }
        // Input has ended, which is no leaving.
        *receiver = None;
    }
    std::future::pending().await
}
