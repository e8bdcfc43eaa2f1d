//! What is counted on the way of a request: atomics that are added to, and taken out of again now and then.
//!
//! Nothing waits for anything here, so that a request costs what it costs. What is counted while it is taken out is in
//! this count or in the next, never in both.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use platform_core::measure::traffic::{BUCKETS, FIRST_BUCKET, GroupCount, ListenerCount, bucket_of};

/// Statuses that are the balancer's own to give.
const CODES: std::ops::RangeInclusive<u16> = 300..=599;

/// What a listener counts.
#[derive(Debug)]
pub(crate) struct ListenerCounts {
    connections: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) tls_errors: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) fixed: AtomicU64,
    pub(crate) redirects: AtomicU64,
    codes: [AtomicU64; 300],
    open: AtomicU64,
}

impl Default for ListenerCounts {
    fn default() -> Self {
        Self {
            connections: AtomicU64::default(),
            rejected: AtomicU64::default(),
            tls_errors: AtomicU64::default(),
            bytes: AtomicU64::default(),
            fixed: AtomicU64::default(),
            redirects: AtomicU64::default(),
            codes: std::array::from_fn(|_| AtomicU64::default()),
            open: AtomicU64::default(),
        }
    }
}

/// A client's connection, counted as open while this lives.
#[derive(Debug)]
pub(crate) struct Connected(Arc<ListenerCounts>);

impl Connected {
    pub(crate) fn new(counts: &Arc<ListenerCounts>) -> Arc<Self> {
        add(&counts.connections, 1);
        add(&counts.open, 1);
        Arc::new(Self(Arc::clone(counts)))
    }
}

impl std::ops::Deref for Connected {
    type Target = Arc<ListenerCounts>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ListenerCounts {
    /// Counts an answer that the balancer gave itself.
    pub(crate) fn count_own(&self, status: u16) {
        if let Some(code) = CODES.contains(&status).then(|| &self.codes[usize::from(status - CODES.start())]) {
            add(code, 1);
        }
    }

    /// Takes out what was counted; none if nothing was.
    pub(crate) fn take(&self, listener: &str) -> Option<ListenerCount> {
        let codes = CODES.zip(&self.codes).map(|(status, count)| (status, out(count))).filter(|(_, n)| *n > 0);
        let count = ListenerCount {
            listener: listener.to_owned(),
            connections: out(&self.connections),
            rejected: out(&self.rejected),
            tls_errors: out(&self.tls_errors),
            bytes: out(&self.bytes),
            fixed: out(&self.fixed),
            redirects: out(&self.redirects),
            codes: codes.collect(),
            open: self.open.load(Ordering::Relaxed),
        };
        let nothing = ListenerCount { listener: count.listener.clone(), ..ListenerCount::default() };
        (count != nothing).then_some(count)
    }
}

/// What a group counts.
#[derive(Debug)]
pub(crate) struct GroupCounts {
    pub(crate) requests: AtomicU64,
    codes: [AtomicU64; 4],
    pub(crate) connections: AtomicU64,
    pub(crate) connection_errors: AtomicU64,
    micros: AtomicU64,
    times: Box<[AtomicU32]>,
}

impl Default for GroupCounts {
    fn default() -> Self {
        Self {
            requests: AtomicU64::default(),
            codes: Default::default(),
            connections: AtomicU64::default(),
            connection_errors: AtomicU64::default(),
            micros: AtomicU64::default(),
            times: (0..BUCKETS).map(|_| AtomicU32::default()).collect(),
        }
    }
}

impl GroupCounts {
    /// Counts a target's answer and how long it took.
    pub(crate) fn count_answer(&self, status: u16, micros: u64) {
        if let Some(class) = self.codes.get(usize::from(status / 100).wrapping_sub(2)) {
            add(class, 1);
        }
        add(&self.micros, micros);
        self.times[bucket_of(micros)].fetch_add(1, Ordering::Relaxed);
    }

    /// Takes out what was counted; none if nothing was. Adds the gauges of this moment.
    pub(crate) fn take(&self, group: &str, listener: String, targets: u64, in_flight: u64) -> Option<GroupCount> {
        let times = self.times.iter().zip(FIRST_BUCKET..).map(|(count, bucket)| {
            // Most are zero, and looking is cheaper than taking.
            let n = if count.load(Ordering::Relaxed) == 0 { 0 } else { count.swap(0, Ordering::Relaxed) };
            (bucket, u64::from(n))
        });
        let count = GroupCount {
            group: group.to_owned(),
            listener,
            targets,
            requests: out(&self.requests),
            codes: [0, 1, 2, 3].map(|class| out(&self.codes[class])),
            connections: out(&self.connections),
            connection_errors: out(&self.connection_errors),
            in_flight,
            micros: out(&self.micros),
            times: times.filter(|(_, n)| *n > 0).collect(),
        };
        let nothing = GroupCount {
            group: count.group.clone(),
            listener: count.listener.clone(),
            targets,
            ..GroupCount::default()
        };
        (count != nothing).then_some(count)
    }
}

/// Adds to a count.
pub(crate) fn add(count: &AtomicU64, n: u64) {
    count.fetch_add(n, Ordering::Relaxed);
}

fn out(count: &AtomicU64) -> u64 {
    if count.load(Ordering::Relaxed) == 0 { 0 } else { count.swap(0, Ordering::Relaxed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_taken_out_once() {
        let (counts, group) = (Arc::<ListenerCounts>::default(), GroupCounts::default());
        assert_eq!(counts.take("l"), None);
        let connected = Connected::new(&counts);
        connected.count_own(503);
        connected.count_own(200); // a fixed response: no code that is reported
        let told = counts.take("l").unwrap();
        assert_eq!((told.connections, told.open, told.codes), (1, 1, [(503, 1)].into()));
        let told = counts.take("l").unwrap();
        assert_eq!((told.connections, told.open, told.codes.len()), (0, 1, 0), "it is open still");
        drop(connected);
        assert_eq!(counts.take("l"), None);

        (0..100).for_each(|n| group.count_answer(200 + n % 2 * 300, 1000));
        group.count_answer(101, u64::MAX >> 1);
        let told = group.take("g", "l".into(), 1, 0).unwrap();
        assert_eq!((told.codes, told.times.len()), ([50, 0, 0, 50], 2));
        assert_eq!(told.times.iter().map(|(_, n)| n).sum::<u64>(), 101);
        assert_eq!(group.take("g", "l".into(), 1, 0), None);
    }

    #[test]
    fn nothing_is_lost_or_counted_twice_while_it_is_taken_out() {
        let group = Arc::new(GroupCounts::default());
        let ends: Vec<_> = (0..4)
            .map(|_| {
                let group = Arc::clone(&group);
                std::thread::spawn(move || (0..10_000_u64).for_each(|n| group.count_answer(200, n)))
            })
            .collect();
        let (mut answers, mut times, mut micros) = (0, 0, 0);
        let mut sum = |count: Option<GroupCount>| {
            let count = count.unwrap_or_default();
            answers += count.codes[0];
            times += count.times.iter().map(|(_, n)| n).sum::<u64>();
            micros += count.micros;
        };
        while !ends.iter().all(|end| end.is_finished()) {
            sum(group.take("g", String::new(), 0, 0));
        }
        ends.into_iter().for_each(|end| end.join().unwrap());
        sum(group.take("g", String::new(), 0, 0));
        assert_eq!((answers, times, micros), (40_000, 40_000, 4 * (0..10_000).sum::<u64>()));
    }
}
