//! One session's two directions, as one end sees them: what goes out, what came in, what is acknowledged.
//! Outlives connections. Pure: times, dates and ids are arguments.

use std::time::Duration;

use bytes::Bytes;

use crate::flow::{Arrival, Inbound, Outbound};
use crate::wire::{Frame, FrameKind, payload};

/// Flags of what is not of the stream, as real ends set them.
const SYN_FIN: u64 = 3;

/// Most payload of one message, in bytes; what real ends send.
pub(crate) const CHUNK: usize = 1024;

/// Resent in one go at most.
const BURST: usize = 64;

/// When and by which id a frame is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    /// Time since this end's start.
    pub(crate) now: Duration,
    /// Milliseconds since the epoch.
    pub(crate) date: u64,
    /// UUID.
    pub(crate) id: [u8; 16],
}

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Something of the stream; [`Exchange::peek`] tells whether it is next.
    Stream,
    /// Something of the stream that need not come again; this says so.
    Arrived(Bytes),
    /// An acknowledgement.
    Acknowledged,
    /// The session is over, with words for the person.
    Closed(String),
    /// Send on (true) or send nothing for now.
    Publish(bool),
    /// Nothing that concerns this end.
    Ignored,
}

/// The state of one end.
#[derive(Debug)]
pub(crate) struct Exchange {
    sends: FrameKind,
    outbound: Outbound,
    inbound: Inbound<Frame>,
}

impl Exchange {
    /// Returns the end of the user.
    pub(crate) fn of_user() -> Self {
        Self { sends: FrameKind::Input, outbound: Outbound::default(), inbound: Inbound::default() }
    }

    /// Returns the end of the container.
    pub(crate) fn of_container() -> Self {
        Self { sends: FrameKind::Output, ..Self::of_user() }
    }

    /// Returns a message of the stream, kept until it is acknowledged.
    pub(crate) fn send(&mut self, stamp: Stamp, payload_type: u32, payload: Bytes) -> Bytes {
        let sequence = self.outbound.next_sequence();
        let first = sequence == 0 && self.sends == FrameKind::Output;
        let frame = Frame {
            kind: self.sends.clone(),
            created: stamp.date,
            sequence,
            flags: u64::from(first),
            id: stamp.id,
            payload_type,
            payload,
        };
        let bytes = frame.encode();
        self.outbound.sent(stamp.now, bytes.clone());
        bytes
    }

    /// Returns a message that is not of the stream.
    pub(crate) fn aside(stamp: Stamp, kind: FrameKind, payload: Bytes) -> Bytes {
        let (created, id) = (stamp.date, stamp.id);
        Frame { kind, created, sequence: 0, flags: SYN_FIN, id, payload_type: 0, payload }.encode()
    }

    /// Takes in a frame.
    pub(crate) fn hear(&mut self, stamp: Stamp, frame: Frame) -> Heard {
        match &frame.kind {
            FrameKind::Acknowledge => {
                if let Some(sequence) = payload::acknowledged(&frame.payload) {
                    self.outbound.acknowledged(stamp.now, sequence);
                }
                Heard::Acknowledged
            }
            FrameKind::ChannelClosed => Heard::Closed(payload::closing_words(&frame.payload)),
            FrameKind::StartPublication => Heard::Publish(true),
            FrameKind::PausePublication => Heard::Publish(false),
            kind @ (FrameKind::Input | FrameKind::Output) if *kind != self.sends => {
                match self.inbound.arrived(frame.sequence, frame.clone(), frame.payload.len()) {
                    Arrival::Kept => Heard::Stream,
                    Arrival::Arrived => Heard::Arrived(Self::acknowledge(stamp, &frame)),
                    Arrival::Ignored => Heard::Ignored,
                }
            }
            _ => Heard::Ignored,
        }
    }

    /// Returns the next message of the stream if it is there.
    pub(crate) fn peek(&self) -> Option<&Frame> {
        self.inbound.peek()
    }

    /// Takes the next message of the stream, with what says that it arrived unless that was said.
    pub(crate) fn take(&mut self, stamp: Stamp) -> Option<(Frame, Option<Bytes>)> {
        let (frame, is_news) = self.inbound.take()?;
        let said = is_news.then(|| Self::acknowledge(stamp, &frame));
        Some((frame, said))
    }

    fn acknowledge(stamp: Stamp, frame: &Frame) -> Bytes {
        Self::aside(stamp, FrameKind::Acknowledge, payload::acknowledgement(frame, true))
    }

    /// Returns whether another message may be sent now.
    pub(crate) fn has_room(&self) -> bool {
        self.outbound.has_room()
    }

    /// Returns whether everything sent has arrived.
    pub(crate) fn is_clear(&self) -> bool {
        self.outbound.is_clear()
    }

    /// Returns what is to be sent again.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<Bytes> {
        self.outbound.due(now, BURST)
    }

    /// Returns when [`Exchange::due`] has something.
    pub(crate) fn due_at(&self) -> Option<Duration> {
        self.outbound.due_at()
    }

    /// Returns what a new connection begins with: all that was not acknowledged.
    pub(crate) fn resumed(&mut self, now: Duration) -> Vec<Bytes> {
        self.outbound.resumed(now)
    }
}
