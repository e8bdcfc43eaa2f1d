//! A target group at work: who may take the next request, and who has drained.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use platform_core::measure::traffic::GroupCount;
use platform_core::routing::{HealthCheck, HealthTrack};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use crate::config::{Algorithm, Group};
use crate::counts::GroupCounts;
use crate::descriptors::Descriptors;
use crate::event::{Event, Health};
use crate::pool::Pool;
use crate::{probe, trace};

/// One target at work. Outlives its configuration while requests hold it.
#[derive(Debug)]
pub(crate) struct TargetAtWork {
    pub(crate) group: String,
    pub(crate) id: String,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) pool: Pool,
    /// The value of a stickiness cookie that names this target.
    pub(crate) cookie: String,
    pub(crate) track: Mutex<HealthTrack>,
    health: AtomicU8,
    draining: AtomicBool,
    drained_told: AtomicBool,
    in_flight: AtomicUsize,
    probe: Mutex<Option<AbortHandle>>,
    /// The last report of its health.
    told: Mutex<Option<Event>>,
    events: UnboundedSender<Event>,
}

/// A request's hold on a target: while it lives the target has not drained.
#[derive(Debug)]
pub(crate) struct Lease(Arc<TargetAtWork>);

impl Lease {
    pub(crate) fn target(&self) -> &TargetAtWork {
        &self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.0.tell_if_drained();
    }
}

impl TargetAtWork {
    fn lease(self: &Arc<Self>) -> Option<Lease> {
        // Counted before looking: the code that sets `draining` then looks at the count, so one
        // of the two always sees the other.
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let lease = Lease(Arc::clone(self));
        (!self.draining.load(Ordering::SeqCst)).then_some(lease)
    }

    fn tell_if_drained(&self) {
        if self.draining.load(Ordering::SeqCst)
            && self.in_flight.load(Ordering::SeqCst) == 0
            && !self.drained_told.swap(true, Ordering::SeqCst)
        {
            self.tell_drained();
        }
    }

    fn tell_drained(&self) {
        self.tell(Event::TargetDrained {
            group: self.group.clone(),
            target: self.id.clone(),
            port: self.address.port(),
        });
    }

    /// Sends an event; no listener means that the platform is going down.
    fn tell(&self, event: Event) {
        drop(self.events.send(event));
    }

    /// Reports the target's health, unless it equals the last report.
    pub(crate) fn tell_health(&self, news: Event) {
        let mut told = self.told.lock();
        if told.as_ref() != Some(&news) {
            // Under the lock: who tells it again must not get in before it.
            self.tell(news.clone());
            *told = Some(news);
        }
    }

    /// Tells again what is known of this target.
    fn tell_again(&self) {
        if self.is_draining() {
            if self.drained_told.load(Ordering::SeqCst) {
                self.tell_drained();
            }
        } else if let Some(known) = &*self.told.lock() {
            self.tell(known.clone());
        }
    }

    pub(crate) fn health(&self) -> Health {
        match self.health.load(Ordering::Acquire) {
            0 => Health::Initial,
            1 => Health::Healthy,
            _ => Health::Unhealthy,
        }
    }

    pub(crate) fn set_health(&self, health: Health) {
        self.health.store(health as u8, Ordering::Release);
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    fn stop_probing(&self) {
        if let Some(probe) = self.probe.lock().take() {
            probe.abort();
        }
    }
}

#[derive(Debug)]
pub(crate) struct GroupAtWork {
    pub(crate) arn: String,
    events: UnboundedSender<Event>,
    descriptors: Arc<Descriptors>,
    state: Mutex<Members>,
    picks: RwLock<Arc<Picks>>,
    next: AtomicUsize,
    pub(crate) counts: Arc<GroupCounts>,
    /// The listener that used it last, for the counts.
    listener: Mutex<String>,
}

#[derive(Debug, Default)]
struct Members {
    check: Option<HealthCheck>,
    targets: Vec<Arc<TargetAtWork>>,
}

/// Those who may take requests now; replaced whole, so that choosing never waits.
#[derive(Debug, Default)]
struct Picks {
    targets: Vec<Arc<TargetAtWork>>,
    algorithm: Algorithm,
    sticky_seconds: Option<u64>,
}

impl GroupAtWork {
    pub(crate) fn new(arn: &str, events: UnboundedSender<Event>, descriptors: Arc<Descriptors>) -> Arc<Self> {
        Arc::new(Self {
            arn: arn.to_owned(),
            events,
            descriptors,
            state: Mutex::default(),
            picks: RwLock::default(),
            next: AtomicUsize::new(trace::draw() as usize >> 1),
            counts: Arc::default(),
            listener: Mutex::default(),
        })
    }

    /// Makes the group what it should be. Targets that stay keep connections and health.
    pub(crate) fn apply(self: &Arc<Self>, wanted: &Group) {
        let mut members = self.state.lock();
        let check_changed = members.check.as_ref() != Some(&wanted.health_check);
        members.check = Some(wanted.health_check.clone());
        let before = std::mem::take(&mut members.targets);
        for target in &wanted.targets {
            let known = before.iter().find(|t| t.id == target.id && t.address == target.address);
            let at_work = known.cloned().unwrap_or_else(|| {
                Arc::new(TargetAtWork {
                    group: self.arn.clone(),
                    id: target.id.clone(),
                    address: target.address,
                    pool: Pool::new(target.address, Arc::clone(&self.descriptors)),
                    cookie: cookie_of(&target.id, target.address.port()),
                    track: Mutex::new(HealthTrack::known(target.health.into())),
                    health: AtomicU8::new(target.health as u8),
                    draining: AtomicBool::new(false),
                    drained_told: AtomicBool::new(false),
                    in_flight: AtomicUsize::new(0),
                    probe: Mutex::new(None),
                    told: Mutex::new(None),
                    events: self.events.clone(),
                })
            });
            members.targets.push(Arc::clone(&at_work));
            let (was, is) = (at_work.is_draining(), target.draining);
            if is && !was {
                at_work.draining.store(true, Ordering::SeqCst);
                at_work.stop_probing();
                at_work.pool.set_closed(true);
                at_work.tell_if_drained();
            } else if !is && was {
                // Registered again: as new, until it passes.
                *at_work.track.lock() = HealthTrack::default();
                *at_work.told.lock() = None;
                at_work.set_health(Health::Initial);
                at_work.pool.set_closed(false);
                at_work.drained_told.store(false, Ordering::SeqCst);
                at_work.draining.store(false, Ordering::SeqCst);
            }
            if !is && (known.is_none() || was || check_changed) {
                at_work.stop_probing();
                if wanted.health_check.enabled {
                    let task = probe::run(Arc::clone(&at_work), Arc::downgrade(self), wanted.health_check.clone());
                    *at_work.probe.lock() = Some(tokio::spawn(task).abort_handle());
                } else {
                    at_work.set_health(Health::Healthy);
                }
            }
        }
        for gone in before.iter().filter(|t| !members.targets.iter().any(|kept| Arc::ptr_eq(kept, t))) {
            // The platform no longer waits for it to drain; requests in flight still end well.
            gone.drained_told.store(true, Ordering::SeqCst);
            gone.draining.store(true, Ordering::SeqCst);
            gone.stop_probing();
            gone.pool.set_closed(true);
        }
        let sticky_seconds = wanted.stickiness.map(|d| d.as_secs());
        self.replace_picks(&members, wanted.algorithm, sticky_seconds);
    }

    /// Tells again what is known of every target.
    pub(crate) fn tell_again(&self) {
        for target in &self.state.lock().targets {
            target.tell_again();
        }
    }

    /// Forgets every target and stops probing.
    pub(crate) fn clear(&self) {
        let mut members = self.state.lock();
        for gone in std::mem::take(&mut members.targets) {
            gone.drained_told.store(true, Ordering::SeqCst);
            gone.draining.store(true, Ordering::SeqCst);
            gone.stop_probing();
            gone.pool.set_closed(true);
        }
        self.replace_picks(&members, Algorithm::default(), None);
    }

    /// Chooses anew who may take requests, after a target's health turned.
    pub(crate) fn refresh(&self) {
        let members = self.state.lock();
        let (algorithm, sticky) = {
            let picks = self.picks.read();
            (picks.algorithm, picks.sticky_seconds)
        };
        self.replace_picks(&members, algorithm, sticky);
    }

    fn replace_picks(&self, members: &Members, algorithm: Algorithm, sticky_seconds: Option<u64>) {
        let open = || members.targets.iter().filter(|t| !t.is_draining()).cloned();
        let mut targets: Vec<_> = open().filter(|t| t.health() == Health::Healthy).collect();
        if targets.is_empty() {
            // Fail open: "routes requests to all those targets" (ALB guide, health checks).
            targets = open().collect();
        }
        *self.picks.write() = Arc::new(Picks { targets, algorithm, sticky_seconds });
    }

    /// Returns a hold on the target for the next request, passing over those in `tried`.
    pub(crate) fn pick(&self, cookie: Option<&str>, tried: &[std::net::SocketAddr]) -> Option<Lease> {
        let mut picks = Arc::clone(&self.picks.read());
        loop {
            if let Some(lease) = self.pick_among(&picks, cookie, tried) {
                return Some(lease);
            }
            // Everyone known may have begun to drain since the list was read, while others took
            // their place. A change of targets holds the lock until the list has it, too.
            let settled = self.state.lock();
            let now = Arc::clone(&self.picks.read());
            drop(settled);
            if Arc::ptr_eq(&picks, &now) {
                return None;
            }
            picks = now;
        }
    }

    fn pick_among(&self, picks: &Picks, cookie: Option<&str>, tried: &[std::net::SocketAddr]) -> Option<Lease> {
        let open = |t: &&Arc<TargetAtWork>| !tried.contains(&t.address);
        if let Some(cookie) = cookie
            && let Some(target) = picks.targets.iter().find(|t| t.cookie == cookie).filter(open)
            && let Some(lease) = target.lease()
        {
            return Some(lease);
        }
        let count = picks.targets.len();
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let mut in_turn = (0..count).map(|i| &picks.targets[start.wrapping_add(i) % count]).filter(open);
        match picks.algorithm {
            Algorithm::RoundRobin => in_turn.find_map(TargetAtWork::lease),
            Algorithm::LeastOutstanding => {
                let mut by_load: Vec<_> = in_turn.collect();
                by_load.sort_by_key(|t| t.in_flight.load(Ordering::Relaxed));
                by_load.into_iter().find_map(TargetAtWork::lease)
            }
        }
    }

    /// Returns how long clients stay with a target, in seconds; none when they do not.
    pub(crate) fn sticky_seconds(&self) -> Option<u64> {
        self.picks.read().sticky_seconds
    }

    /// Says which listener uses it.
    pub(crate) fn used_by(&self, listener: &str) {
        let mut used_by = self.listener.lock();
        if *used_by != listener {
            listener.clone_into(&mut used_by);
        }
    }

    /// Returns the listener that used it last.
    pub(crate) fn listener(&self) -> String {
        self.listener.lock().clone()
    }

    /// Takes out what was counted; none if nothing was, or if no listener ever used it.
    pub(crate) fn take_count(&self) -> Option<GroupCount> {
        let listener = self.listener();
        let targets = self.picks.read().targets.len() as u64;
        let in_flight = self.state.lock().targets.iter().map(|t| t.in_flight.load(Ordering::Relaxed) as u64).sum();
        if listener.is_empty() { None } else { self.counts.take(&self.arn, listener, targets, in_flight) }
    }

    /// Closes connections that are idle.
    pub(crate) fn clear_idle(&self) {
        for target in &self.state.lock().targets {
            target.pool.clear();
        }
    }

    /// Closes connections that were idle too long.
    pub(crate) fn sweep(&self) {
        for target in &self.state.lock().targets {
            target.pool.sweep();
        }
    }
}

impl Drop for GroupAtWork {
    fn drop(&mut self) {
        // Probes hold their targets and not the group: without this they would go on for ever.
        self.clear();
    }
}

/// FNV-1a of the target's name: stable over restarts, and says nothing of its address at a glance.
fn cookie_of(id: &str, port: u16) -> String {
    let bytes = id.bytes().chain(port.to_be_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
