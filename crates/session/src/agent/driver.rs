//! Carries one session of the container's end over its connections.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::work::{self, In, Out, Running};
use super::{Settings, State, Work, greet};
use crate::WebSocket;
use crate::clock::{Clock, date, uuid};
use crate::exchange::{Exchange, Heard, Stamp};
use crate::link::{Incoming, Link, Pulse};
use crate::reach::Reach;
use crate::wire::payload::{self, Flag, HandshakeResponse, Opening, Size, kind};
use crate::wire::{Frame, FrameKind};

/// As real agents ping.
const PULSE: Pulse = Pulse { every: Duration::from_secs(54), patience: Duration::from_secs(60) };
/// How long the work waits for the window's size before it starts with the usual one.
const FIRST_SIZE: Duration = Duration::from_millis(100);

/// How far a session is.
enum Phase {
    /// No client has connected yet.
    Waiting,
    /// The greeting is out; until then it must be answered.
    Greeting { until: Instant },
    /// The handshake is done; the work waits a moment for the window's size.
    Starting { until: Instant, multiplexed: bool },
    /// The work is under way.
    Working(Running),
    /// The work has ended; its last output is on the way.
    Draining { until: Instant, words: String },
}

struct Driver {
    settings: Settings,
    reach: Arc<dyn Reach>,
    clock: Clock,
    exchange: Exchange,
    phase: Phase,
    link: Option<Link>,
    /// When the user's end must be back.
    gone_until: Instant,
    publishing: bool,
    began: Duration,
}

/// What happens next in a session.
#[expect(clippy::large_enum_variant, reason = "handed on at once, never kept")]
enum Next {
    Socket(Option<(WebSocket, Opening)>),
    Order(Option<String>),
    Incoming(Incoming),
    Output(Option<Out>),
    Input,
    Late,
    Time,
}

/// Carries a session to its end.
pub(super) async fn run(
    settings: Settings,
    reach: Arc<dyn Reach>,
    mut sockets: mpsc::UnboundedReceiver<(WebSocket, Opening)>,
    mut orders: mpsc::UnboundedReceiver<String>,
    state: watch::Sender<State>,
) {
    let gone_until = Instant::now() + settings.times.connect;
    let mut driver = Driver {
        settings,
        reach,
        clock: Clock::start(),
        exchange: Exchange::of_container(),
        phase: Phase::Waiting,
        link: None,
        gone_until,
        publishing: true,
        began: Duration::ZERO,
    };
    let words = loop {
        let next = driver.next(&mut sockets, &mut orders).await;
        if let Some(words) = driver.step(next).await {
            break words;
        }
        state.send_if_modified(|state| {
            let now = match (&driver.link, &driver.phase) {
                (Some(_), _) => State::Connected,
                (None, Phase::Waiting) => State::Connecting,
                (None, _) => State::Disconnected,
            };
            std::mem::replace(state, now) != now
        });
    };
    let last = driver.last_words(&words);
    let link = driver.link.take();
    // First the work: a client that waits for the end may count its processes.
    drop(driver);
    if let Some(link) = link {
        link.send(last);
        link.finish().await;
    }
    state.send_replace(State::Terminated);
}

impl Driver {
    fn stamp(&self) -> Stamp {
        Stamp { now: self.clock.now(), date: date(), id: uuid() }
    }

    async fn next(
        &mut self,
        sockets: &mut mpsc::UnboundedReceiver<(WebSocket, Opening)>,
        orders: &mut mpsc::UnboundedReceiver<String>,
    ) -> Next {
        let deadline = self.deadline();
        let due = match (&self.link, self.exchange.due_at()) {
            (Some(_), Some(at)) => self.clock.at(at),
            _ => deadline + Duration::from_secs(3600),
        };
        let sends = self.link.is_some() && self.publishing && self.exchange.has_room();
        let has_input = self.exchange.peek().is_some_and(is_input);
        let (output, input) = match &mut self.phase {
            Phase::Working(Running { output, input, .. }) => (Some(output), Some(&*input)),
            _ => (None, None),
        };
        let link = self.link.as_mut();
        // Dropping a branch loses nothing: what was not taken stays in its queue.
        tokio::select! {
            socket = sockets.recv() => Next::Socket(socket),
            order = orders.recv() => Next::Order(order),
            incoming = async { link.expect("checked").next().await }, if link.is_some() => Next::Incoming(incoming),
            out = async { output.expect("checked").recv().await }, if sends && output.is_some() => Next::Output(out),
            // A permit that is not used is given back; room for one piece stays, as we alone send.
            _ = async { input.expect("checked").reserve().await.map(drop) }, if has_input && input.is_some() => Next::Input,
            () = tokio::time::sleep_until(due) => Next::Late,
            () = tokio::time::sleep_until(deadline) => Next::Time,
        }
    }

    /// Returns until when something must have happened.
    fn deadline(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(24 * 3600);
        let phase = match &self.phase {
            Phase::Greeting { until } | Phase::Starting { until, .. } | Phase::Draining { until, .. } => *until,
            Phase::Waiting | Phase::Working(_) => far,
        };
        match (&self.link, &self.phase) {
            (Some(_), _) => phase,
            // The last output waits for the client to come back.
            (None, Phase::Draining { .. }) => self.gone_until,
            (None, _) => phase.min(self.gone_until),
        }
    }

    /// Takes one step; returns the last words when the session is over.
    async fn step(&mut self, next: Next) -> Option<String> {
        match next {
            // Every handle is gone: nothing could end it any more.
            Next::Socket(None) | Next::Order(None) => return Some(String::new()),
            Next::Order(Some(words)) => return Some(words),
            Next::Socket(Some((socket, _))) => self.connect(socket),
            Next::Incoming(Incoming::Frame(bytes)) => {
                if let Some(words) = self.hear(&bytes) {
                    return Some(words);
                }
            }
            Next::Incoming(Incoming::Text) => {}
            Next::Incoming(Incoming::Gone) => {
                self.link = None;
                self.gone_until = Instant::now() + self.settings.times.resume;
            }
            Next::Output(out) => self.put(out),
            Next::Input => {
                self.give();
                // What stands behind the input, such as the window's next size.
                if let Some(words) = self.take_in() {
                    return Some(words);
                }
            }
            Next::Late => {
                if self.link.as_ref().is_some_and(|link| !link.has_left()) {
                    // Not late: it has not even left.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                } else {
                    let due = self.exchange.due(self.clock.now());
                    self.send_all(due);
                }
            }
            Next::Time => return self.time_is_up(),
        }
        match &self.phase {
            Phase::Draining { words, .. } if self.exchange.is_clear() => Some(words.clone()),
            _ => None,
        }
    }

    fn connect(&mut self, socket: WebSocket) {
        if let Some(older) = self.link.take() {
            older.close();
        }
        let link = Link::new(socket, PULSE);
        self.publishing = true;
        self.link = Some(link);
        if let Phase::Waiting = self.phase {
            self.began = self.clock.now();
            let greeting = greet::greeting(&self.settings.work).encode();
            self.phase = Phase::Greeting { until: Instant::now() + self.settings.times.handshake };
            self.send(kind::HANDSHAKE_REQUEST, greeting);
        } else {
            let missed = self.exchange.resumed(self.clock.now());
            self.send_all(missed);
            self.drain_on();
        }
    }

    fn send(&mut self, payload_type: u32, payload: Bytes) {
        let frame = self.exchange.send(self.stamp(), payload_type, payload);
        self.send_all([frame]);
    }

    fn send_all(&self, frames: impl IntoIterator<Item = Bytes>) {
        if let Some(link) = &self.link {
            frames.into_iter().for_each(|frame| link.send(frame));
        }
    }

    fn hear(&mut self, bytes: &Bytes) -> Option<String> {
        let frame = match Frame::decode(bytes) {
            Ok(frame) => frame,
            Err(error) => {
                // It is not acknowledged, so it will come again.
                tracing::debug!(session = self.settings.session_id, %error, "an unreadable frame");
                return None;
            }
        };
        let ends = frame.payload_type == kind::FLAG && Flag::decode(&frame.payload) == Some(Flag::TerminateSession);
        if ends && frame.kind == FrameKind::Input {
            return Some(String::new()); // it does not wait for input that the program never takes
        }
        match self.exchange.hear(self.stamp(), frame) {
            Heard::Arrived(said) => self.send_all([said]),
            Heard::Closed(_) => return Some(String::new()),
            Heard::Publish(publish) => self.publishing = publish,
            // Any message shows that the client is there.
            Heard::Stream => self.publishing = true,
            Heard::Acknowledged => {
                self.publishing = true;
                self.drain_on();
            }
            Heard::Ignored => {}
        }
        self.take_in()
    }

    /// Takes in all that need not wait for room in the work's queue; returns the last words when that ends the session.
    fn take_in(&mut self) -> Option<String> {
        while let Some(frame) = self.exchange.peek() {
            // Real agents ignore what comes before the handshake is over, and say that it arrived.
            if matches!(self.phase, Phase::Working(_)) && is_input(frame) {
                break;
            }
            let (frame, said) = self.exchange.take(self.stamp()).expect("peeked");
            self.send_all(said);
            if let Some(words) = self.obey(frame) {
                return Some(words);
            }
        }
        None
    }

    /// Does what a message of the stream asks for, input aside.
    fn obey(&mut self, frame: Frame) -> Option<String> {
        match (frame.payload_type, &self.phase) {
            (kind::HANDSHAKE_RESPONSE, Phase::Greeting { .. }) => {
                let response = HandshakeResponse::decode(&frame.payload)?;
                let Some(multiplexed) = greet::accepted(&response) else {
                    return Some("the client does not support this type of session".to_owned());
                };
                let took = self.clock.now().saturating_sub(self.began).as_nanos();
                self.send(kind::HANDSHAKE_COMPLETE, payload::handshake_complete(u64::try_from(took).unwrap_or(0)));
                match self.settings.work {
                    Work::Terminal { .. } => {
                        self.phase = Phase::Starting { until: Instant::now() + FIRST_SIZE, multiplexed };
                    }
                    Work::Port { .. } => self.work(Size::USUAL, multiplexed),
                }
            }
            (kind::SIZE, phase) => {
                let size = Size::decode(&frame.payload)?;
                match phase {
                    Phase::Starting { multiplexed, .. } => self.work(size, *multiplexed),
                    Phase::Working(running) => drop(running.sizes.send(size)),
                    _ => {}
                }
            }
            // Input that is quicker than the window's size: the work begins, and the input must not be lost.
            (kind::OUTPUT, Phase::Starting { multiplexed, .. }) => {
                self.work(Size::USUAL, *multiplexed);
                if let Phase::Working(running) = &self.phase {
                    let _ = running.input.try_send(In::Bytes(frame.payload)); // its queue was just made
                }
            }
            _ => {}
        }
        None
    }

    fn work(&mut self, size: Size, multiplexed: bool) {
        self.phase = Phase::Working(work::start(&self.settings, self.reach.clone(), size, multiplexed));
    }

    /// Hands the next input to the work, which has room for it.
    fn give(&mut self) {
        let Phase::Working(running) = &self.phase else { return };
        let input = running.input.clone();
        if input.capacity() == 0 && !input.is_closed() {
            return;
        }
        if let Some((frame, said)) = self.exchange.take(self.stamp()) {
            let given = match frame.payload_type {
                kind::FLAG => (Flag::decode(&frame.payload) == Some(Flag::DisconnectToPort)).then_some(In::Disconnect),
                _ => Some(In::Bytes(frame.payload)),
            };
            // A program that has ended takes nothing any more.
            given.into_iter().for_each(|given| drop(input.try_send(given)));
            self.send_all(said);
        }
    }

    fn put(&mut self, out: Option<Out>) {
        match out {
            Some(Out::Bytes(bytes)) => self.send(kind::OUTPUT, bytes),
            Some(Out::Flag(flag)) => self.send(kind::FLAG, flag.encode()),
            Some(Out::Over(words)) => self.drain(words),
            None => self.drain(String::new()),
        }
    }

    /// The work is over: its processes go, and its last output is waited for.
    fn drain(&mut self, words: String) {
        self.phase = Phase::Draining { until: Instant::now() + self.settings.times.drain, words };
    }

    /// The last output makes its way: it has its time again.
    fn drain_on(&mut self) {
        if let Phase::Draining { until, .. } = &mut self.phase {
            *until = Instant::now() + self.settings.times.drain;
        }
    }

    fn time_is_up(&mut self) -> Option<String> {
        if self.link.is_none() && self.gone_until <= Instant::now() {
            return Some(String::new());
        }
        match &self.phase {
            Phase::Greeting { .. } => Some("the client did not answer the greeting in time".to_owned()),
            Phase::Starting { multiplexed, .. } => {
                self.work(Size::USUAL, *multiplexed);
                None
            }
            Phase::Draining { words, .. } => Some(words.clone()),
            Phase::Waiting | Phase::Working(_) => None,
        }
    }

    /// Returns what tells the user's end that it is over.
    fn last_words(&self, words: &str) -> Bytes {
        let stamp = self.stamp();
        let payload = payload::channel_closed(&self.settings.session_id, &stamp.id, stamp.date, words);
        Exchange::aside(stamp, FrameKind::ChannelClosed, payload)
    }
}

/// Whether a message is for the work, in the order of the stream.
fn is_input(frame: &Frame) -> bool {
    matches!(frame.payload_type, kind::OUTPUT | kind::FLAG)
}
