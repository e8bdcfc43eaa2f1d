//! What the followers of alarms (EventBridge, deployments) hear of them: put down with each change, passed on once that
//! is durable, and forgotten once the follower has it durable too. At least once, and in order.

use std::collections::{BTreeMap, VecDeque};

use aws_model::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Batch, Store, StoreError};

use crate::alarm::rule::Rule;
use crate::alarm::{Alarm, State, Watch, due, event};
use crate::error::MetricsError;
use crate::{Inner, Metrics};

/// Where it waits in the store.
const TABLE: &str = "metrics.news";

/// A change of an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// The region.
    pub region: String,
    /// The alarm's name.
    pub alarm: String,
    /// Its ARN.
    pub arn: String,
    /// When it changed.
    pub at: Millis,
    /// How it stands now; none if it is gone.
    pub stands: Option<Stands>,
    /// The event for EventBridge.
    pub event: Option<Event>,
}

/// An event of EventBridge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// `detail-type`.
    pub kind: String,
    /// `detail`.
    pub detail: Value,
}

/// How an alarm stands, for those who only watch it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stands {
    /// Its state.
    pub state: State,
    /// How long until all that it is judged by was measured after now, in milliseconds; 0 for a composite alarm.
    pub window: Millis,
    /// The alarms that it watches.
    pub watches: Vec<String>,
}

impl Stands {
    pub(crate) fn of(alarm: &Alarm) -> Self {
        let state = alarm.standing.value;
        match &alarm.watch {
            Watch::Metric(watch) => {
                Self { state, window: due::settled_after(watch.period(), watch.counts().0), watches: Vec::new() }
            }
            Watch::Composite(composite) => {
                let rule = Rule::parse(&composite.rule).ok();
                let watches = rule.iter().flat_map(Rule::alarms).map(str::to_owned).collect();
                Self { state, window: 0, watches }
            }
        }
    }
}

/// What was not told yet, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Untold {
    waiting: VecDeque<(u64, News)>,
    next: u64,
    /// Whether there is a follower; else nothing is put down.
    pub(crate) is_followed: bool,
}

fn key(number: u64) -> String {
    format!("{number:020}")
}

impl Untold {
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
        let mut rows: BTreeMap<u64, News> = BTreeMap::new();
        for (key, body) in store.load(TABLE)? {
            // A row that cannot be read is another version's.
            let Ok(number) = key.parse() else { continue };
            let Ok(news) = serde_json::from_slice(&body) else { continue };
            rows.insert(number, news);
        }
        let next = rows.last_key_value().map_or(0, |(number, _)| number + 1);
        Ok(Self { waiting: rows.into_iter().collect(), next, is_followed: false })
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }
}

impl Inner {
    /// Returns the news of changes that are about to be stored, numbered, and puts it down with them.
    pub(super) fn put_down(
        &self,
        region: &str,
        alarms: &BTreeMap<String, Option<Alarm>>,
        batch: &mut Batch,
    ) -> Vec<(u64, News)> {
        let mut untold = self.untold.lock();
        if !untold.is_followed {
            return Vec::new();
        }
        let known = self.alarms.read();
        let now = (self.now)();
        let mut told = Vec::new();
        for (name, after) in alarms {
            for event in events(known.get(region, name), after.as_ref()) {
                let (alarm, arn) = (name.clone(), self.arn(region, name));
                let stands = after.as_ref().map(Stands::of);
                let news = News { region: region.to_owned(), alarm, arn, at: now, stands, event: Some(event) };
                batch.put(TABLE, &key(untold.next), serde_json::to_vec(&news).expect("news is plain data"));
                told.push((untold.next, news));
                untold.next += 1;
            }
        }
        told
    }

    /// Hands over what was put down, once it is durable.
    pub(super) fn hand_over(&self, news: Vec<(u64, News)>) {
        if !news.is_empty() {
            self.untold.lock().waiting.extend(news);
            self.has_news.notify_waiters();
        }
    }
}

/// Returns the events of a change: its configuration's, and its state's.
fn events(before: Option<&Alarm>, after: Option<&Alarm>) -> Vec<Event> {
    let is_put = match (before, after) {
        (Some(before), Some(after)) => before.configured != after.configured || before.watch != after.watch,
        _ => true,
    };
    let event = |kind: &str, detail| Event { kind: kind.to_owned(), detail };
    let mut all = Vec::new();
    if is_put {
        all.extend(event::of_configuration(before, after).map(|detail| event(event::CONFIGURATION, detail)));
    }
    if let (Some(before), Some(after)) = (before, after)
        && before.standing.value != after.standing.value
    {
        all.push(event(event::STATE, event::of_state(before, after)));
    }
    all
}

impl Metrics {
    /// Says that there is a follower: what happens to alarms from now on is news.
    pub fn follow(&self) {
        self.inner.untold.lock().is_followed = true;
    }

    /// Returns the oldest news, with its number; waits for it. Returns it again until it is forgotten.
    pub async fn news(&self) -> (u64, News) {
        loop {
            let more = self.inner.has_news.notified();
            tokio::pin!(more);
            // From here on a notification is not missed.
            more.as_mut().enable();
            if let Some(first) = self.inner.untold.lock().waiting.front().cloned() {
                return first;
            }
            more.await;
        }
    }

    /// Forgets news that was passed on.
    ///
    /// # Errors
    /// When the store refuses; then it is passed on again after a restart.
    pub async fn forget_news(&self, number: u64) -> Result<(), MetricsError> {
        let mut batch = Batch::new();
        batch.delete(TABLE, &key(number));
        let outcome = self.inner.store.submit(batch).await;
        // A caller that waits for the last news may start again at once: nothing is passed on twice then.
        self.inner.untold.lock().waiting.retain(|(waiting, _)| *waiting != number);
        self.inner.has_news.notify_waiters();
        Ok(outcome?)
    }

    /// Waits until all news was passed on; returns at once without a follower.
    pub(crate) async fn all_told(&self) {
        loop {
            let fewer = self.inner.has_news.notified();
            tokio::pin!(fewer);
            fewer.as_mut().enable();
            {
                let untold = self.inner.untold.lock();
                if !untold.is_followed || untold.waiting.is_empty() {
                    return;
                }
            }
            fewer.await;
        }
    }

    /// Returns every alarm's region, name and how it stands.
    pub fn standings(&self) -> Vec<(String, String, Stands)> {
        let alarms = self.inner.alarms.read();
        let all = alarms.regions.iter().flat_map(|(region, all)| all.values().map(move |alarm| (region, alarm)));
        all.map(|(region, alarm)| (region.clone(), alarm.name.clone(), Stands::of(alarm))).collect()
    }
}
