//! Carries one session of the user's end over its connections.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::dial::{TRIES, pause};
use super::{Command, Dial, DialError, Dialled, Event, Greeting, LostError, Options, greet};
use crate::clock::{Clock, date, uuid};
use crate::exchange::{CHUNK, Exchange, Heard, Stamp};
use crate::link::{Incoming, Link, Pulse};
use crate::wire::Frame;
use crate::wire::payload::{self, HandshakeRequest, Opening, kind};

/// As the plugin pings; a connection without an answer to a ping is broken.
const PULSE: Pulse = Pulse { every: Duration::from_secs(300), patience: Duration::from_secs(60) };
/// How long the other end may take to greet.
const GREETING: Duration = Duration::from_secs(60);

struct Driver {
    options: Options,
    clock: Clock,
    exchange: Exchange,
    /// Set once the handshake asked for something; told once it is complete.
    greeting: Option<Greeting>,
    ready: bool,
    /// Bytes that the user gave and that are not sent yet.
    rest: Bytes,
    commands: mpsc::Receiver<Command>,
    user_is_done: bool,
    events: mpsc::Sender<Event>,
    /// Whether this connection has brought anything that was new.
    is_useful: bool,
}

/// How a connection ended.
enum Parted {
    /// It broke.
    Broken,
    /// Nothing more is to be done.
    Done,
}

/// Carries a session from its first connection to its end.
pub(super) async fn run(
    mut dial: Box<dyn Dial>,
    options: Options,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
) {
    let mut driver = Driver {
        options,
        clock: Clock::start(),
        exchange: Exchange::of_user(),
        greeting: None,
        ready: false,
        rest: Bytes::new(),
        commands,
        user_is_done: false,
        events,
        is_useful: false,
    };
    let mut again = false;
    // Connections in a row that broke before they brought anything: each is waited for longer.
    let mut useless = 0;
    loop {
        // A caller that has dropped the events does not wait for a connection either.
        let dialled = tokio::select! {
            dialled = connect(dial.as_mut(), again, useless) => dialled,
            () = driver.events.closed() => return,
        };
        let (socket, token) = match dialled {
            Ok(Dialled::Connected { socket, token }) => (socket, token),
            Ok(Dialled::Over) => return driver.tell_last(Event::Lost(LostError::Over), None).await,
            Err(error) => return driver.tell_last(Event::Lost(LostError::Dial(error)), None).await,
        };
        if again {
            driver.tell(Event::Resumed).await;
        }
        match driver.converse(Link::new(socket, PULSE), token).await {
            Parted::Done => return,
            Parted::Broken => driver.tell(Event::Interrupted).await,
        }
        useless = if std::mem::take(&mut driver.is_useful) { 0 } else { useless + 1 };
        again = true;
    }
}

async fn connect(dial: &mut dyn Dial, again: bool, useless: u32) -> Result<Dialled, DialError> {
    let mut tried = 0;
    loop {
        tokio::time::sleep(pause(tried.max(useless))).await;
        tried += 1;
        match dial.dial(again).await {
            // The first connection is not tried again: what is wrong is wrong, and its token may be used up.
            Err(error) if again && !error.is_final && tried < TRIES => {}
            outcome => return outcome,
        }
    }
}

impl Driver {
    fn stamp(&self) -> Stamp {
        Stamp { now: self.clock.now(), date: date(), id: uuid() }
    }

    async fn tell(&mut self, event: Event) {
        let _ = self.events.send(event).await; // if the caller no longer listens, `events.closed()` ends it
    }

    /// Hands over all that arrived, and then how it ended: what is acknowledged must not be lost.
    async fn tell_last(&mut self, event: Event, link: Option<&Link>) {
        while self.has_event() {
            if let Some(event) = self.take(link) {
                self.tell(event).await;
            }
        }
        self.tell(event).await;
    }

    async fn converse(&mut self, mut link: Link, token: String) -> Parted {
        let opening = Opening {
            token,
            client_id: self.options.client_id.clone(),
            client_version: self.options.client_version.clone(),
        };
        link.say(opening.encode(&uuid()));
        for frame in self.exchange.resumed(self.clock.now()) {
            link.send(frame);
        }
        let silent_at = Instant::now() + GREETING;
        loop {
            while self.ready && !self.rest.is_empty() && self.exchange.has_room() {
                let piece = self.rest.split_to(self.rest.len().min(CHUNK));
                link.send(self.exchange.send(self.stamp(), kind::OUTPUT, piece));
            }
            let takes_input = self.ready && self.rest.is_empty() && self.exchange.has_room() && !self.user_is_done;
            let due = self.exchange.due_at().map(|at| self.clock.at(at));
            let events = self.events.clone();
            // Dropping a branch loses nothing: messages stay in their queues until one is taken.
            tokio::select! {
                incoming = link.next() => match incoming {
                    Incoming::Frame(bytes) => if let Some(parted) = self.hear(&link, &bytes).await {
                        return parted;
                    },
                    Incoming::Text => {}
                    Incoming::Gone => return Parted::Broken,
                },
                command = self.commands.recv(), if takes_input => self.obey(&link, command),
                room = events.reserve(), if self.has_event() => match room {
                    Ok(room) => if let Some(event) = self.take(Some(&link)) {
                        let last = matches!(event, Event::Lost(_));
                        room.send(event);
                        if last {
                            link.close();
                            return Parted::Done;
                        }
                    },
                    Err(_) => return self.leave(&link),
                },
                () = self.events.closed() => return self.leave(&link),
                () = tokio::time::sleep_until(due.unwrap_or(silent_at)), if due.is_some() => if link.has_left() {
                    for frame in self.exchange.due(self.clock.now()) {
                        link.send(frame);
                    }
                } else {
                    // Not late: it has not even left.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                },
                () = tokio::time::sleep_until(silent_at), if !self.ready => {
                    self.tell(Event::Lost(LostError::Silent(GREETING.as_secs()))).await;
                    return self.leave(&link);
                }
            }
        }
    }

    /// Ends the connection because there is no listener any more; what was asked for before still goes out.
    fn leave(&mut self, link: &Link) -> Parted {
        while let Ok(command) = self.commands.try_recv() {
            self.obey(link, Some(command));
        }
        link.close();
        Parted::Done
    }

    fn obey(&mut self, link: &Link, command: Option<Command>) {
        match command {
            Some(Command::Bytes(bytes)) => self.rest = bytes,
            Some(Command::Size(size)) => link.send(self.exchange.send(self.stamp(), kind::SIZE, size.encode())),
            Some(Command::Flag(flag)) => link.send(self.exchange.send(self.stamp(), kind::FLAG, flag.encode())),
            None => self.user_is_done = true,
        }
    }

    async fn hear(&mut self, link: &Link, bytes: &Bytes) -> Option<Parted> {
        let frame = match Frame::decode(bytes) {
            Ok(frame) => frame,
            Err(error) => {
                // It is not acknowledged, so it will come again.
                tracing::debug!(%error, "an unreadable frame");
                return None;
            }
        };
        match self.exchange.hear(self.stamp(), frame) {
            Heard::Arrived(said) => link.send(said),
            Heard::Closed(words) => {
                self.tell_last(Event::Closed(words), Some(link)).await;
                link.close();
                return Some(Parted::Done);
            }
            Heard::Stream | Heard::Acknowledged => self.is_useful = true,
            Heard::Publish(_) | Heard::Ignored => {}
        }
        None
    }

    fn has_event(&self) -> bool {
        self.exchange.peek().is_some()
    }

    fn take(&mut self, link: Option<&Link>) -> Option<Event> {
        if !self.ready && self.exchange.peek()?.payload_type == kind::OUTPUT {
            // An agent that does not shake hands. The message itself is taken on the next turn.
            self.ready = true;
            return Some(Event::Ready(Greeting::unasked()));
        }
        let (frame, said) = self.exchange.take(self.stamp())?;
        if let (Some(link), Some(said)) = (link, said) {
            link.send(said);
        }
        self.event(link, frame)
    }

    /// Returns what a message of the stream means to the user.
    fn event(&mut self, link: Option<&Link>, frame: Frame) -> Option<Event> {
        match frame.payload_type {
            kind::HANDSHAKE_REQUEST => {
                let request = HandshakeRequest::decode(&frame.payload)?;
                let (response, outcome) = greet::answer(request, &self.options.client_version);
                let frame = self.exchange.send(self.stamp(), kind::HANDSHAKE_RESPONSE, response.encode());
                if let Some(link) = link {
                    link.send(frame);
                }
                match outcome {
                    Ok(greeting) => self.greeting = Some(greeting),
                    Err(what) => return Some(Event::Lost(LostError::Unsupported(what))),
                }
                None
            }
            kind::HANDSHAKE_COMPLETE => {
                let mut greeting = self.greeting.take()?;
                greeting.message = payload::customer_message(&frame.payload);
                self.ready = true;
                Some(Event::Ready(greeting))
            }
            kind::OUTPUT => Some(Event::Output(frame.payload)),
            kind::STDERR => Some(Event::Stderr(frame.payload)),
            kind::EXIT_CODE => payload::exit_code(&frame.payload).map(Event::ExitCode),
            kind::FLAG => payload::Flag::decode(&frame.payload).map(Event::Flag),
            _ => None,
        }
    }
}
