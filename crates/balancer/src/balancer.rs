//! The balancer as its owner sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use platform_core::measure::traffic::{Count, GroupCount, ListenerCount};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Listener};
use crate::counts::{GroupCounts, ListenerCounts};
use crate::descriptors::Descriptors;
use crate::event::Event;
use crate::group::GroupAtWork;
use crate::listener::{Common, ListenerAtWork};
use crate::proxy::{Route, Security, Table};
use crate::tls;

const SWEEP: Duration = Duration::from_secs(15);

/// Listeners, groups and probes at work. Dropping it stops accepting; requests in flight end.
#[derive(Debug)]
pub struct Balancer {
    state: Arc<Mutex<State>>,
    sweeper: AbortHandle,
    common: Common,
}

#[derive(Debug, Default)]
struct State {
    listeners: BTreeMap<String, ListenerAtWork>,
    groups: BTreeMap<String, Arc<GroupAtWork>>,
    gone: Gone,
}

/// Counts of what was removed, which are taken out as long as a connection may add to them.
#[derive(Debug, Default)]
struct Gone {
    /// Listeners' ARNs.
    listeners: Vec<(String, Arc<ListenerCounts>)>,
    /// Groups' ARNs, and their listeners'.
    groups: Vec<(String, String, Arc<GroupCounts>)>,
}

impl Gone {
    fn take(&mut self) -> (Vec<ListenerCount>, Vec<GroupCount>) {
        let listeners = self.listeners.iter().filter_map(|(arn, counts)| counts.take(arn)).collect();
        let groups = self.groups.iter().filter_map(|(arn, of, counts)| counts.take(arn, of.clone(), 0, 0)).collect();
        self.listeners.retain(|(_, counts)| Arc::strong_count(counts) > 1);
        self.groups.retain(|(.., counts)| Arc::strong_count(counts) > 1);
        (listeners, groups)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.sweeper.abort();
        let mut state = self.state.lock();
        state.listeners.clear();
        self.common.sockets.lock().clear();
        for group in state.groups.values() {
            group.clear();
        }
    }
}

impl Balancer {
    /// Starts with nothing to serve. Must be called within a Tokio runtime.
    pub fn new(events: UnboundedSender<Event>) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let swept = Arc::downgrade(&state);
        let descriptors = Descriptors::of_process();
        let shared = Arc::clone(&descriptors);
        let sweeper = tokio::spawn(async move {
            loop {
                // Dropping either loses nothing: a shortage is remembered until it is looked at.
                let short = tokio::select! {
                    () = tokio::time::sleep(SWEEP) => false,
                    () = shared.short() => true,
                };
                let Some(state) = swept.upgrade() else { return };
                let groups: Vec<_> = state.lock().groups.values().cloned().collect();
                groups.iter().for_each(|g| if short { g.clear_idle() } else { g.sweep() });
            }
        });
        let (doors, open) = (TaskTracker::new(), TaskTracker::new());
        // They count on all the same; only a closed one can be waited for.
        doors.close();
        open.close();
        let (sockets, leaves) = (Arc::default(), CancellationToken::new());
        let common = Common { events, doors, open, sockets, descriptors, leaves };
        Self { state, sweeper: sweeper.abort_handle(), common }
    }

    /// Serves this from now on. Telling the same twice changes nothing; what stays is not
    /// disturbed: its connections, its health, its requests.
    ///
    /// Addresses are bound before this returns, or [`Event::ListenerFailed`] says why not.
    /// Must be called within a Tokio runtime.
    pub fn apply(&self, config: &Config) {
        let mut state = self.state.lock();
        for group in &config.groups {
            let at_work = state.groups.entry(group.arn.clone()).or_insert_with(|| {
                GroupAtWork::new(&group.arn, self.common.events.clone(), Arc::clone(&self.common.descriptors))
            });
            at_work.apply(group);
        }
        let State { listeners, groups, gone } = &mut *state;
        // Those that go make room first: an address may pass from one listener to another.
        listeners.retain(|arn, at_work| {
            let stays = config.listeners.iter().any(|l| l.arn == *arn && l.address == at_work.address);
            if !stays {
                gone.listeners.push((arn.clone(), Arc::clone(&at_work.counts)));
            }
            stays
        });
        for listener in &config.listeners {
            let before = listeners.get(&listener.arn).map(|at_work| at_work.table.read().security.clone());
            let security = security_of(listener, before);
            let table = table_of(listener, security, groups, &self.common.descriptors);
            match listeners.get(&listener.arn) {
                Some(at_work) => *at_work.table.write() = Arc::new(table),
                // The process that replaced this one opens it.
                None if self.common.leaves.is_cancelled() => {}
                None => {
                    let at_work = ListenerAtWork::start(listener, table, self.common.clone());
                    listeners.insert(listener.arn.clone(), at_work);
                }
            }
        }
        self.common.sockets.lock().keep_only(config);
        // Last: no listener sends requests to them any more, and requests that were sent there
        // just before hold them until they are through.
        let wanted: BTreeSet<&str> = config.groups.iter().map(|g| g.arn.as_str()).collect();
        groups.retain(|arn, group| {
            let stays = wanted.contains(arn.as_str());
            if !stays {
                gone.groups.push((arn.clone(), group.listener(), Arc::clone(&group.counts)));
            }
            stays
        });
    }

    /// Accepts nothing from now on and lets go of the listening sockets, for another process that has them.
    /// What is open goes on: a connection of HTTP/1 until its next answer is given, which says that it is
    /// the last; one of HTTP/2 until its requests are; a tunnel until it ends.
    ///
    /// A kept connection that is idle is not closed. Its client may be sending a request just now, and
    /// could not know whether it was taken.
    pub(crate) fn leave(&self) {
        self.common.leaves.cancel();
        self.common.sockets.lock().clear();
    }

    /// Ends connections as they become idle, and what is in flight after [`crate::listener::GRACE`].
    pub(crate) fn close(&self) {
        self.state.lock().listeners.clear();
        self.common.sockets.lock().clear();
    }

    /// Has listeners serve these sockets instead of binding their addresses.
    pub(crate) fn take(&self, sockets: Vec<OwnedFd>) {
        let mut kept = self.common.sockets.lock();
        sockets.into_iter().for_each(|socket| kept.keep(socket));
    }

    /// Returns another descriptor of every listening socket.
    pub(crate) fn sockets(&self) -> Vec<OwnedFd> {
        self.common.sockets.lock().all()
    }

    /// Returns another descriptor of one listening socket.
    pub(crate) fn socket(&self, address: SocketAddr) -> Option<OwnedFd> {
        self.common.sockets.lock().of(address).map(OwnedFd::from)
    }

    /// Tells everything that is known once more: listeners, targets' health, who has drained.
    pub fn tell_again(&self) {
        let state = self.state.lock();
        state.listeners.values().for_each(ListenerAtWork::tell_again);
        state.groups.values().for_each(|g| g.tell_again());
    }

    /// Resolves when no client connection is open, nor about to be: what a listener that stops has
    /// accepted just now counts.
    pub async fn deserted(&self) {
        self.common.doors.wait().await;
        self.common.open.wait().await;
    }

    /// Returns how many client connections are open.
    pub(crate) fn open(&self) -> usize {
        self.common.open.len()
    }

    /// Takes out what was counted since it was taken out last; the instants are the caller's.
    pub fn count(&self, from: i64, until: i64) -> Count {
        let mut state = self.state.lock();
        let (mut listeners, mut groups) = state.gone.take();
        listeners.extend(state.listeners.iter().filter_map(|(arn, at_work)| at_work.counts.take(arn)));
        groups.extend(state.groups.values().filter_map(|group| group.take_count()));
        Count { from, until, listeners, groups }
    }
}

/// Returns how a listener's connections begin: as before, as long as it is made of the same.
fn security_of(listener: &Listener, before: Option<Security>) -> Security {
    let Some(tls) = &listener.tls else { return Security::Plain };
    let http2 = listener.attributes.http2;
    match before {
        Some(Security::Tls(of, config)) if of == *tls && speaks_http2(&config) == http2 => Security::Tls(of, config),
        _ => match tls::build(tls, http2) {
            Ok(config) => Security::Tls(tls.clone(), config),
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(listener = %listener.arn, %error, source, "a listener cannot speak TLS; it closes connections");
                Security::Broken
            }
        },
    }
}

fn speaks_http2(config: &rustls::ServerConfig) -> bool {
    config.alpn_protocols.iter().any(|protocol| protocol == b"h2")
}

fn table_of(
    listener: &Listener,
    security: Security,
    groups: &BTreeMap<String, Arc<GroupAtWork>>,
    descriptors: &Arc<Descriptors>,
) -> Table {
    let rules = listener.rules.iter().map(|rule| {
        // A group that is not configured takes its share and answers 503, as one without targets.
        let found = rule.action.groups().iter().map(|(arn, _)| {
            groups.get(arn).cloned().inspect(|group| group.used_by(&listener.arn)).unwrap_or_else(|| {
                let (nobody, _) = tokio::sync::mpsc::unbounded_channel();
                GroupAtWork::new(arn, nobody, Arc::clone(descriptors))
            })
        });
        Route { groups: found.collect(), rule: rule.clone() }
    });
    Table { rules: rules.collect(), attributes: listener.attributes.clone(), security }
}
