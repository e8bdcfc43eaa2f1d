//! How nothing is lost: numbers, acknowledgements, resending by the measured round trip. Pure: times are
//! arguments, counted from the start of the end that asks.
//!
//! Real ends look only at their oldest unacknowledged message and resend it every 100 ms; here every message has
//! a time of its own, so that one whose acknowledgement is lost for good (the plugin does not repeat
//! one) holds up nothing.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

/// Messages under way at most: a sender whose peer does not take them waits, in bounded memory.
pub const WINDOW: usize = 512;
/// Messages kept for a consumer that is not ready, or until those before them come; as the plugin's buffer.
pub const KEPT: usize = 10_000;

const FIRST_ROUND_TRIP: Duration = Duration::from_millis(100);
const FIRST_TIMEOUT: Duration = Duration::from_millis(200);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(1);
const FINEST: Duration = Duration::from_millis(10);

/// The sending half of one direction.
#[derive(Debug)]
pub struct Outbound {
    next: i64,
    unacknowledged: VecDeque<Sent>,
    round_trip: RoundTrip,
}

#[derive(Debug)]
struct Sent {
    sequence: i64,
    frame: Bytes,
    first: Duration,
    last: Duration,
    times: u32,
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
        Self { next: 0, unacknowledged: VecDeque::new(), round_trip }
    }
}

impl Outbound {
    /// Returns whether another message may be sent now.
    pub fn has_room(&self) -> bool {
        self.unacknowledged.len() < WINDOW
    }

    /// Returns whether everything sent has arrived.
    pub fn is_clear(&self) -> bool {
        self.unacknowledged.is_empty()
    }

    /// Returns the number of the next message.
    pub fn next_sequence(&self) -> i64 {
        self.next
    }

    /// Keeps the next message until it is acknowledged.
    pub fn sent(&mut self, now: Duration, frame: Bytes) {
        self.unacknowledged.push_back(Sent { sequence: self.next, frame, first: now, last: now, times: 1 });
        self.next += 1;
    }

    /// Takes in that a message arrived. One that is not waited for says nothing.
    pub fn acknowledged(&mut self, now: Duration, sequence: i64) {
        let Ok(at) = self.unacknowledged.binary_search_by_key(&sequence, |sent| sent.sequence) else { return };
        let sent = self.unacknowledged.remove(at).expect("just found");
        // Of one that was sent twice nobody knows which arrived (Karn).
        if sent.times == 1 {
            self.round_trip.measure(now.saturating_sub(sent.first));
        }
    }

    /// Returns the messages that are to be sent again, oldest first, at most `most`.
    pub fn due(&mut self, now: Duration, most: usize) -> Vec<Bytes> {
        let timeout = self.round_trip.timeout;
        let late = self.unacknowledged.iter_mut().filter(|sent| sent.last + patience(timeout, sent.times) <= now);
        late.take(most)
            .map(|sent| {
                sent.last = now;
                sent.times = sent.times.saturating_add(1);
                sent.frame.clone()
            })
            .collect()
    }

    /// Returns when [`Outbound::due`] has something next.
    pub fn due_at(&self) -> Option<Duration> {
        let timeout = self.round_trip.timeout;
        self.unacknowledged.iter().map(|sent| sent.last + patience(timeout, sent.times)).min()
    }

    /// Returns every unacknowledged message once, in order: for a new connection, on which none is under way.
    pub fn resumed(&mut self, now: Duration) -> Vec<Bytes> {
        self.due_all(now)
    }

    fn due_all(&mut self, now: Duration) -> Vec<Bytes> {
        self.unacknowledged
            .iter_mut()
            .map(|sent| {
                sent.last = now;
                sent.times = sent.times.saturating_add(1);
                sent.frame.clone()
            })
            .collect()
    }
}

/// Doubles with every repetition, up to the longest.
fn patience(timeout: Duration, times: u32) -> Duration {
    let doublings = times.saturating_sub(1).min(6);
    (timeout * (1 << doublings)).min(LONGEST_TIMEOUT.max(timeout))
}

/// What is to be done about a message that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Kept; it is acknowledged once it was taken.
    Kept,
    /// Taken before: its acknowledgement was lost, so say it again.
    TakenBefore,
    /// Here already, or there is no room: say nothing; it will come again.
    Ignored,
}

/// The receiving half of one direction; `T` is what a message carries.
#[derive(Debug)]
pub struct Inbound<T> {
    expected: i64,
    kept: BTreeMap<i64, T>,
}

impl<T> Default for Inbound<T> {
    fn default() -> Self {
        Self { expected: 0, kept: BTreeMap::new() }
    }
}

impl<T> Inbound<T> {
    /// Takes in a message.
    pub fn arrived(&mut self, sequence: i64, message: T) -> Arrival {
        if sequence < self.expected {
            return Arrival::TakenBefore;
        }
        // The one that all others wait for always has room.
        let full = self.kept.len() >= KEPT && sequence != self.expected;
        if full || self.kept.contains_key(&sequence) || sequence - self.expected > 2 * KEPT as i64 {
            return Arrival::Ignored;
        }
        self.kept.insert(sequence, message);
        Arrival::Kept
    }

    /// Returns the next message of the stream if it is there.
    pub fn peek(&self) -> Option<&T> {
        self.kept.get(&self.expected)
    }

    /// Takes the next message of the stream. Not taking is how a consumer slows its peer down: what is not
    /// taken is not acknowledged.
    pub fn take(&mut self) -> Option<T> {
        let message = self.kept.remove(&self.expected)?;
        self.expected += 1;
        Some(message)
    }
}

#[cfg(test)]
mod tests;
