//! The balancer as its owner sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Listener};
use crate::descriptors::Descriptors;
use crate::event::{Event, GroupCounters};
use crate::group::GroupAtWork;
use crate::listener::ListenerAtWork;
use crate::proxy::{Route, Table};
use crate::sockets::Sockets;

const SWEEP: Duration = Duration::from_secs(15);

/// Listeners, groups and probes at work. Dropping it stops accepting; requests in flight end.
#[derive(Debug)]
pub struct Balancer {
    events: UnboundedSender<Event>,
    state: Arc<Mutex<State>>,
    sweeper: AbortHandle,
    /// Client connections and tunnels, those of listeners that were removed included.
    open: TaskTracker,
    /// What listeners listen on, and what an earlier process listened on.
    sockets: Arc<Mutex<Sockets>>,
    descriptors: Arc<Descriptors>,
}

#[derive(Debug, Default)]
struct State {
    listeners: BTreeMap<String, ListenerAtWork>,
    groups: BTreeMap<String, Arc<GroupAtWork>>,
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.sweeper.abort();
        let mut state = self.state.lock();
        state.listeners.clear();
        self.sockets.lock().clear();
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
        let open = TaskTracker::new();
        open.close(); // counts on all the same; only a closed one can be waited for
        Self { events, state, sweeper: sweeper.abort_handle(), open, sockets: Arc::default(), descriptors }
    }

    /// Serves this from now on. Telling the same twice changes nothing; what stays is not
    /// disturbed: its connections, its health, its requests.
    ///
    /// Addresses are bound before this returns, or [`Event::ListenerFailed`] says why not.
    /// Must be called within a Tokio runtime.
    pub fn apply(&self, config: &Config) {
        let mut state = self.state.lock();
        for group in &config.groups {
            let at_work = state
                .groups
                .entry(group.arn.clone())
                .or_insert_with(|| GroupAtWork::new(&group.arn, self.events.clone(), Arc::clone(&self.descriptors)));
            at_work.apply(group);
        }
        let State { listeners, groups } = &mut *state;
        // Those that go make room first: an address may pass from one listener to another.
        listeners.retain(|arn, at_work| config.listeners.iter().any(|l| l.arn == *arn && l.address == at_work.address));
        for listener in &config.listeners {
            let table = table_of(listener, groups, &self.descriptors);
            match listeners.get(&listener.arn) {
                Some(at_work) => *at_work.table.write() = Arc::new(table),
                None => {
                    let at_work = ListenerAtWork::start(
                        listener,
                        table,
                        self.events.clone(),
                        self.open.clone(),
                        Arc::clone(&self.sockets),
                        Arc::clone(&self.descriptors),
                    );
                    listeners.insert(listener.arn.clone(), at_work);
                }
            }
        }
        self.sockets.lock().keep_only(config);
        // Last: no listener sends anybody to them any more, and requests that were sent there
        // just before hold them until they are through.
        let wanted: BTreeSet<&str> = config.groups.iter().map(|g| g.arn.as_str()).collect();
        groups.retain(|arn, _| wanted.contains(arn.as_str()));
    }

    /// Has listeners serve these sockets instead of binding their addresses.
    pub(crate) fn take(&self, sockets: Vec<OwnedFd>) {
        let mut kept = self.sockets.lock();
        sockets.into_iter().for_each(|socket| kept.keep(socket));
    }

    /// Returns another descriptor of every listening socket.
    pub(crate) fn sockets(&self) -> Vec<OwnedFd> {
        self.sockets.lock().all()
    }

    /// Returns another descriptor of one listening socket.
    pub(crate) fn socket(&self, address: SocketAddr) -> Option<OwnedFd> {
        self.sockets.lock().of(address).map(OwnedFd::from)
    }

    /// Tells everything that is known once more: listeners, targets' health, who has drained.
    pub fn tell_again(&self) {
        let state = self.state.lock();
        state.listeners.values().for_each(ListenerAtWork::tell_again);
        state.groups.values().for_each(|g| g.tell_again());
    }

    /// Resolves when no client connection is open.
    pub async fn deserted(&self) {
        self.open.wait().await;
    }

    /// Returns what each group has served.
    pub fn counters(&self) -> Vec<GroupCounters> {
        self.state.lock().groups.values().map(|g| g.counters()).collect()
    }
}

fn table_of(listener: &Listener, groups: &BTreeMap<String, Arc<GroupAtWork>>, descriptors: &Arc<Descriptors>) -> Table {
    let rules = listener.rules.iter().map(|rule| {
        // A group that is not configured takes its share and answers 503, as one without targets.
        let found = rule.action.groups().iter().map(|(arn, _)| {
            groups.get(arn).cloned().unwrap_or_else(|| {
                let (nobody, _) = tokio::sync::mpsc::unbounded_channel();
                GroupAtWork::new(arn, nobody, Arc::clone(descriptors))
            })
        });
        Route { groups: found.collect(), rule: rule.clone() }
    });
    Table { rules: rules.collect(), attributes: listener.attributes.clone() }
}
