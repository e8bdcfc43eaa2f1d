//! How nothing is lost: numbers, acknowledgements, resending by the measured round trip. Pure: times are
//! arguments, counted from the start of the end that asks.
//!
//! Real ends look only at their oldest unacknowledged message and resend it every 100 ms; here every message has
//! a time of its own, so that one whose acknowledgement is lost for good (the plugin does not repeat
//! one, nor do agents before 3.x) holds up nothing.
//!
//! Such a message shows by what overtakes it: a connection keeps its order, so when it was sent again and what was
//! sent after it is acknowledged, twice, its receiver has seen it and says nothing. It is then *in doubt*: it takes no
//! room in the window, and after a minute it counts as taken. Were that wrong, the receiver would wait for it: a
//! stream never goes on with a hole.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

/// Messages under way at most: a sender whose peer does not take them waits, in bounded memory.
pub const WINDOW: usize = 512;
/// Messages kept for a consumer that is not ready, or until those before them come; as the plugin's buffer.
pub const KEPT: usize = 10_000;
/// Bytes kept so: no more than if every message were twice as long as real ends make them, so that long messages
/// cost no memory.
pub const KEPT_BYTES: usize = 20 << 20;
/// Messages acknowledged at most while one before them is missing.
const AHEAD: usize = WINDOW;
/// Messages kept until they are acknowledged, those in doubt included.
const UNACKNOWLEDGED: usize = 5 * WINDOW;
/// How long a message in doubt is sent again before it counts as taken.
const DOUBT: Duration = Duration::from_secs(60);
/// Passed over so often, a message is in doubt.
const PASSED: u32 = 2;
/// Overtaken so often, a message was lost: TCP's three duplicate acknowledgements (RFC 5681, 3.2).
const OVERTAKEN: u32 = 3;

const FIRST_ROUND_TRIP: Duration = Duration::from_millis(100);
const FIRST_TIMEOUT: Duration = Duration::from_millis(200);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(1);
const FINEST: Duration = Duration::from_millis(10);

/// The sending half of one direction.
#[derive(Debug)]
pub struct Outbound {
    next: i64,
    unacknowledged: VecDeque<Sent>,
    in_doubt: usize,
    round_trip: RoundTrip,
}

#[derive(Debug)]
struct Sent {
    sequence: i64,
    frame: Bytes,
    first: Duration,
    last: Duration,
    times: u32,
    /// How many that were sent after the first transmission were acknowledged.
    overtaken: u32,
    /// Whether something sent after the last repetition was acknowledged.
    is_passed: bool,
    /// How often that was so.
    passed: u32,
    /// Since when it is in doubt.
    doubted: Option<Duration>,
}

impl Sent {
    /// Returns when it is to be sent again: after a time that doubles with every repetition, but at once when it was
    /// surely lost.
    fn due_at(&self, timeout: Duration) -> Duration {
        if self.times == 1 && self.overtaken >= OVERTAKEN {
            return self.last;
        }
        let doublings = self.times.saturating_sub(1).min(6);
        self.last + (timeout * (1 << doublings)).min(LONGEST_TIMEOUT.max(timeout))
    }

    fn repeat(&mut self, now: Duration) -> Bytes {
        self.last = now;
        self.times = self.times.saturating_add(1);
        self.is_passed = false;
        self.frame.clone()
    }

    fn pass(&mut self, now: Duration) {
        self.overtaken = self.overtaken.saturating_add(1);
        // The first transmission may have met an end that was not ready yet; that is no sign.
        if !self.is_passed && self.times > 1 {
            self.is_passed = true;
            self.passed += 1;
            if self.passed == PASSED {
                self.doubted = Some(now);
            }
        }
    }
}

/// The measured round trip (Jacobson's estimate, with the real agents' constants).
#[derive(Debug)]
struct RoundTrip {
    smoothed: Duration,
    variation: Duration,
    timeout: Duration,
}

impl RoundTrip {
    fn measure(&mut self, sample: Duration) {
        self.variation = self.variation * 3 / 4 + self.smoothed.abs_diff(sample) / 4;
        self.smoothed = self.smoothed * 7 / 8 + sample / 8;
        self.timeout = (self.smoothed + FINEST.max(self.variation * 4)).min(LONGEST_TIMEOUT);
    }
}

impl Default for Outbound {
    fn default() -> Self {
        let round_trip = RoundTrip { smoothed: FIRST_ROUND_TRIP, variation: Duration::ZERO, timeout: FIRST_TIMEOUT };
        Self { next: 0, unacknowledged: VecDeque::new(), in_doubt: 0, round_trip }
    }
}

impl Outbound {
    /// Returns whether another message may be sent now.
    pub fn has_room(&self) -> bool {
        let window = self.unacknowledged.len().saturating_sub(self.in_doubt);
        // When all of a window is silent only one more can tell whether it is in doubt or the receiver is stuck.
        let is_silent = self.unacknowledged.back().is_some_and(|newest| newest.times > 2);
        (window < WINDOW || is_silent) && self.unacknowledged.len() < UNACKNOWLEDGED
    }

    /// Returns whether everything sent has arrived, for certain.
    pub fn is_clear(&self) -> bool {
        self.unacknowledged.is_empty()
    }

    /// Returns the number of the next message.
    pub fn next_sequence(&self) -> i64 {
        self.next
    }

    /// Keeps the next message until it is acknowledged.
    pub fn sent(&mut self, now: Duration, frame: Bytes) {
        let sequence = self.next;
        let sent = Sent {
            sequence,
            frame,
            first: now,
            last: now,
            times: 1,
            overtaken: 0,
            is_passed: false,
            passed: 0,
            doubted: None,
        };
        self.unacknowledged.push_back(sent);
        self.next += 1;
    }

    /// Takes in that a message arrived. One that is not waited for says nothing.
    pub fn acknowledged(&mut self, now: Duration, sequence: i64) {
        let Ok(at) = self.unacknowledged.binary_search_by_key(&sequence, |sent| sent.sequence) else { return };
        let sent = self.unacknowledged.remove(at).expect("just found");
        // If a message was sent twice, we cannot know which copy arrived (Karn).
        if sent.times == 1 {
            self.round_trip.measure(now.saturating_sub(sent.first));
        }
        // Mostly there is none: acknowledgements come in order.
        for older in self.unacknowledged.range_mut(..at).filter(|older| older.last < sent.last) {
            older.pass(now);
        }
        if at > 0 || sent.doubted.is_some() {
            self.in_doubt = self.unacknowledged.iter().filter(|sent| sent.doubted.is_some()).count();
        }
    }

    /// Returns the messages that are to be sent again, oldest first, at most `most`.
    pub fn due(&mut self, now: Duration, most: usize) -> Vec<Bytes> {
        if self.in_doubt > 0 {
            self.unacknowledged.retain(|sent| sent.doubted.is_none_or(|since| since + DOUBT > now));
            self.in_doubt = self.unacknowledged.iter().filter(|sent| sent.doubted.is_some()).count();
        }
        let timeout = self.round_trip.timeout;
        let late = self.unacknowledged.iter_mut().filter(|sent| sent.due_at(timeout) <= now);
        late.take(most).map(|sent| sent.repeat(now)).collect()
    }

    /// Returns when [`Outbound::due`] has something next.
    pub fn due_at(&self) -> Option<Duration> {
        let timeout = self.round_trip.timeout;
        self.unacknowledged.iter().map(|sent| sent.due_at(timeout)).min()
    }

    /// Returns every unacknowledged message once, in order: for a new connection, on which none is under way.
    pub fn resumed(&mut self, now: Duration) -> Vec<Bytes> {
        self.unacknowledged.iter_mut().map(|sent| sent.repeat(now)).collect()
    }
}

/// What is to be done about a message that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Kept; it is acknowledged once it was taken.
    Kept,
    /// Kept until one before it comes that was lost, or taken before: say that it arrived, so that it is not sent again.
    Arrived,
    /// Here already, or there is no room: say nothing; it will come again.
    Ignored,
}

/// The receiving half of one direction; `T` is what a message carries.
#[derive(Debug)]
pub struct Inbound<T> {
    expected: i64,
    kept: BTreeMap<i64, Kept<T>>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept<T> {
    message: T,
    size: usize,
    is_acknowledged: bool,
}

impl<T> Default for Inbound<T> {
    fn default() -> Self {
        Self { expected: 0, kept: BTreeMap::new(), bytes: 0 }
    }
}

impl<T> Inbound<T> {
    /// Takes in a message of `size` bytes.
    pub fn arrived(&mut self, sequence: i64, message: T, size: usize) -> Arrival {
        if sequence < self.expected {
            return Arrival::Arrived;
        }
        if let Some(kept) = self.kept.get(&sequence) {
            return if kept.is_acknowledged { Arrival::Arrived } else { Arrival::Ignored };
        }
        // The one that all others wait for always has room.
        let full = (self.kept.len() >= KEPT || self.bytes + size > KEPT_BYTES) && sequence != self.expected;
        if full || sequence - self.expected > 2 * KEPT as i64 {
            return Arrival::Ignored;
        }
        // Behind a gap it cannot be consumed, so its acknowledgement would tell the sender nothing of the consumer;
        // but a sender that goes on for long does wait.
        let is_behind_a_gap = sequence != self.expected && !self.kept.contains_key(&self.expected);
        let is_acknowledged = is_behind_a_gap && self.kept.len() < AHEAD;
        self.kept.insert(sequence, Kept { message, size, is_acknowledged });
        self.bytes += size;
        if is_acknowledged { Arrival::Arrived } else { Arrival::Kept }
    }

    /// Returns the next message of the stream if it is there.
    pub fn peek(&self) -> Option<&T> {
        self.kept.get(&self.expected).map(|kept| &kept.message)
    }

    /// Takes the next message of the stream, and whether it is to be acknowledged now. Not taking is how a consumer
    /// slows its peer down: what is not taken is not acknowledged, but for what waited behind a gap.
    pub fn take(&mut self) -> Option<(T, bool)> {
        let kept = self.kept.remove(&self.expected)?;
        self.expected += 1;
        self.bytes -= kept.size;
        Some((kept.message, !kept.is_acknowledged))
    }
}

#[cfg(test)]
mod tests;
