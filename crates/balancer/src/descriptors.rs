//! How a process's descriptors are shared out, and whose connection ends when they run short.
//!
//! A client that opens connections and sends nothing on them takes descriptors, and nothing else: without a bound it
//! would take those that probes need, and well targets would be taken for sick. So clients have a share, connections to
//! targets another, and the rest is the process's own: probes, listening sockets, the platform's connection, and
//! answers to those who find no place.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::io::Activity;

/// Least time without a byte after which a connection may have to make room: what has just come has
/// not had time to say anything.
const IDLE: Duration = Duration::from_secs(1);
/// How many at once get an answer that there is no place; more are closed without a word.
const REFUSED_AT_ONCE: usize = 8;
/// How long a client may take to read that answer.
const PATIENCE: Duration = Duration::from_secs(1);
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Temporarily Unavailable\r\nServer: awselb/2.0\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";

/// How many connections may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shares {
    clients: usize,
    targets: usize,
}

/// Shares out a limit of open files: an eighth is the process's own, 32 at least and 1,024 at most; the
/// rest is halved, as a request takes one connection to its client and one to its target.
fn shares(limit: u64) -> Shares {
    let own = (limit / 8).clamp(32, 1024);
    let each = usize::try_from(limit.saturating_sub(own) / 2).unwrap_or(usize::MAX);
    let each = each.clamp(1, Semaphore::MAX_PERMITS);
    Shares { clients: each, targets: each }
}

/// The descriptors of this process.
#[derive(Debug)]
pub(crate) struct Descriptors {
    clients: usize,
    open: Mutex<Open>,
    targets: Arc<Semaphore>,
    short: Notify,
    refused: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    places: BTreeMap<u64, (Arc<Activity>, CancellationToken)>,
}

/// The descriptor of a connection to a target, which is free again when all of these are dropped.
pub(crate) type Held = Arc<OwnedSemaphorePermit>;

/// A client connection's place, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    number: u64,
    all: Arc<Descriptors>,
    ended: CancellationToken,
}

impl ConnectionSlot {
    /// Resolves when the connection has to make room.
    pub(crate) async fn needed(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.all.open.lock().places.remove(&self.number);
    }
}

impl Descriptors {
    /// Shares out what the process may open.
    pub(crate) fn of_process() -> Arc<Self> {
        Self::within(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
    }

    pub(crate) fn within(limit: u64) -> Arc<Self> {
        let Shares { clients, targets } = shares(limit);
        Arc::new(Self {
            clients,
            open: Mutex::default(),
            targets: Arc::new(Semaphore::new(targets)),
            short: Notify::new(),
            refused: Arc::new(Semaphore::new(REFUSED_AT_ONCE)),
        })
    }

    /// Returns a place for a client's connection; those that are idle longest make room for it. None
    /// when all are busy.
    pub(crate) fn place(self: &Arc<Self>, activity: &Arc<Activity>) -> Option<ConnectionSlot> {
        let mut open = self.open.lock();
        if open.places.len() >= self.clients {
            open.make_room();
        }
        if open.places.len() >= self.clients {
            return None;
        }
        let (number, ended) = (open.next, CancellationToken::new());
        open.next += 1;
        open.places.insert(number, (Arc::clone(activity), ended.clone()));
        Some(ConnectionSlot { number, all: Arc::clone(self), ended })
    }

    /// Tells a client that there is no place for it, if there is room for that.
    pub(crate) fn refuse(&self, mut socket: TcpStream) {
        let Ok(permit) = Arc::clone(&self.refused).try_acquire_owned() else { return };
        let tell = async move {
            // What was not read when a socket closes takes the answer with it.
            let mut asked = [0; 4096];
            if socket.read(&mut asked).await? == 0 {
                return Ok(());
            }
            socket.write_all(NO_PLACE).await?;
            socket.shutdown().await?;
            while socket.read(&mut asked).await? > 0 {}
            io::Result::Ok(())
        };
        tokio::spawn(async move {
            let _ = timeout(PATIENCE, tell).await; // a client that does not read it loses nothing
            drop(permit);
        });
    }

    /// Waits for a descriptor for a connection to a target.
    pub(crate) async fn for_target(&self) -> Held {
        if let Ok(permit) = Arc::clone(&self.targets).try_acquire_owned() {
            return Arc::new(permit);
        }
        // Those kept for later are what can go.
        self.short.notify_one();
        Arc::new(Arc::clone(&self.targets).acquire_owned().await.expect("it is never closed"))
    }

    /// Resolves when a request waits for a descriptor that kept connections to targets may have.
    pub(crate) async fn short(&self) {
        self.short.notified().await;
    }
}

impl Open {
    /// Ends a few of those that are idle longest: looking at all for each newcomer would be too dear.
    fn make_room(&mut self) {
        let idle = self.places.iter().filter_map(|(number, (activity, _))| Some((activity.idle()?, *number)));
        let mut idle: Vec<_> = idle.filter(|(since, _)| *since >= IDLE).collect();
        idle.sort_unstable_by(|a, b| b.cmp(a));
        idle.truncate((self.places.len() / 64).max(1));
        for (_, number) in &idle {
            if let Some((_, ended)) = self.places.remove(number) {
                ended.cancel();
            }
        }
        tracing::warn!(ended = idle.len(), open = self.places.len(), "client connections are at their bound");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_is_shared_between_clients_targets_and_the_process_itself() {
        let check = |limit, each| assert_eq!(shares(limit), Shares { clients: each, targets: each }, "{limit}");
        check(64, 16);
        check(256, 112);
        check(1024, 448);
        check(524_288, 261_632);
        check(0, 1); // nothing could be done with it; nothing panics either
    }

    proptest! {
        #[test]
        fn what_both_may_take_leaves_some_for_the_process(limit in 64_u64..1 << 40) {
            let Shares { clients, targets } = shares(limit);
            prop_assert!((clients + targets) as u64 + 32 <= limit);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_is_idle_longest_makes_room_and_one_that_waits_for_its_target_does_not() {
        let all = Descriptors::within(38); // three places
        let newcomer = || {
            let activity = Activity::new();
            (all.place(&activity), activity)
        };
        let (waits, waiting) = newcomer();
        let _request = waiting.waiting();
        let (older, _) = newcomer();
        tokio::time::advance(Duration::from_millis(10)).await;
        let (younger, _) = newcomer();
        assert!(newcomer().0.is_none(), "nobody has been idle for long");
        tokio::time::advance(IDLE).await;
        let (last, _) = newcomer();
        let ended = |place: &Option<ConnectionSlot>| place.as_ref().unwrap().ended.is_cancelled();
        assert!(ended(&older));
        assert!(!ended(&waits) && !ended(&younger) && !ended(&last));
        drop(older); // its place is another's already
        assert_eq!(all.open.lock().places.len(), 3);
        drop(last);
        assert_eq!(all.open.lock().places.len(), 2);
    }
}
