//! Changes of alarms: decided on what is durable, stored with their history, then seen, then acted upon.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use store::Batch;

use super::history::Item;
use super::{Alarms, Fired, TABLE};
use crate::alarm::settle::{Causes, Settled, settle};
use crate::alarm::{Alarm, State, Transition, Watch};
use crate::error::MetricsError;
use crate::{Inner, Metrics};

/// What is done to the alarms of a region.
#[derive(Default)]
pub(crate) struct Changes {
    /// Alarms as they are to be; none for those that go.
    pub(crate) alarms: BTreeMap<String, Option<Alarm>>,
    /// Composite alarms that are looked at for their own sake.
    pub(crate) put: BTreeSet<String>,
    pub(crate) items: Vec<Item>,
    pub(crate) fired: Vec<Fired>,
}

impl Metrics {
    /// Decides changes of a region's alarms with `plan`, with what follows from them for composite alarms; returns once
    /// they are durable and their actions were handed over.
    pub(crate) async fn change<R: Send + 'static>(
        &self,
        region: &str,
        plan: impl FnOnce(&Alarms, &mut Changes) -> Result<R, MetricsError> + Send + 'static,
    ) -> Result<R, MetricsError> {
        let (inner, region) = (self.inner.clone(), region.to_owned());
        // To its end even when its caller goes away half-way: otherwise memory could lack what the store has.
        let change = tokio::spawn(async move {
            let turn = inner.clone();
            let _turn = turn.changing.lock().await;
            let mut changes = Changes::default();
            let answer = plan(&inner.alarms.read(), &mut changes)?;
            inner.follow(&region, &mut changes);
            inner.carry_out(&region, changes).await?;
            Ok(answer)
        });
        change.await.unwrap_or(Err(MetricsError::Interrupted))
    }
}

impl Metrics {
    /// Says how an alarm stands, until it is looked at again.
    ///
    /// # Errors
    /// When there is no such alarm, or the store refuses.
    pub(crate) async fn set_state(&self, region: &str, name: String, to: Transition) -> Result<(), MetricsError> {
        let (place, inner) = (region.to_owned(), self.inner.clone());
        let plan = move |alarms: &Alarms, changes: &mut Changes| {
            let now = (inner.now)();
            let unknown = || MetricsError::NoAlarm(format!("There is no alarm with the name {name}"));
            let mut alarm = alarms.get(&place, &name).cloned().ok_or_else(unknown)?;
            let from = alarm.standing.value;
            let transition = Transition { from, ..to };
            let has_changed = from != transition.to;
            changes.items.push(Item::of_state(&alarm, &transition, now));
            transit(&mut alarm, transition, now);
            // One that is held back acts by `settle`.
            let is_held = matches!(&alarm.watch, Watch::Composite(composite) if composite.suppressor.is_some());
            if has_changed && !is_held {
                changes.fired.extend(inner.fired(&place, &alarm, from));
            }
            changes.alarms.insert(name, Some(alarm));
            Ok(())
        };
        self.change(region, plan).await
    }

    /// Looks at an alarm anew as soon as can be: it is another one than was looked at.
    pub(crate) fn look_again(&self, region: &str, name: &str) {
        self.inner.alarms.write().looked.remove(&(region.to_owned(), name.to_owned()));
        self.wake();
    }
}

impl Inner {
    pub(crate) fn arn(&self, region: &str, alarm: &str) -> String {
        aws_model::region::arn("cloudwatch", region, &self.account, &format!("alarm:{alarm}"))
    }

    /// Adds what follows for composite alarms.
    pub(super) fn follow(&self, region: &str, changes: &mut Changes) {
        let now = (self.now)();
        let mut all = self.alarms.read().regions.get(region).cloned().unwrap_or_default();
        let mut causes = Causes { put: std::mem::take(&mut changes.put), ..Causes::default() };
        for (name, alarm) in &changes.alarms {
            let was = match alarm {
                Some(alarm) => all.insert(name.clone(), alarm.clone()),
                None => all.remove(name),
            };
            let state = |alarm: Option<&Alarm>| alarm.map(|alarm| alarm.standing.value);
            if state(was.as_ref()) != state(alarm.as_ref()) {
                causes.changed.insert(name.clone());
            }
        }
        for Settled { name, transition, held, acts } in settle(&all, &causes, &|name| self.arn(region, name), now) {
            let Some(mut alarm) = all.get(&name).cloned() else { continue };
            alarm.held = held;
            let from = alarm.standing.value;
            if let Some(transition) = transition {
                changes.items.push(Item::of_state(&alarm, &transition, now));
                transit(&mut alarm, transition, now);
            }
            if acts {
                changes.fired.extend(self.fired(region, &alarm, from));
            }
            changes.alarms.insert(name, Some(alarm));
        }
    }

    /// Returns the actions of an alarm's state.
    pub(super) fn fired(&self, region: &str, alarm: &Alarm, from: State) -> Vec<Fired> {
        if !alarm.actions_enabled {
            return Vec::new();
        }
        let standing = &alarm.standing;
        let actions = alarm.actions(standing.value).iter();
        let fired = |action: &String| Fired {
            region: region.to_owned(),
            alarm: alarm.name.clone(),
            arn: self.arn(region, &alarm.name),
            from,
            to: standing.value,
            reason: standing.reason.clone(),
            data: standing.data.clone(),
            action: action.clone(),
            at: standing.updated,
        };
        actions.map(fired).collect()
    }

    /// Stores changes, shows them, and does what is to be done.
    pub(super) async fn carry_out(self: &Arc<Self>, region: &str, changes: Changes) -> Result<(), MetricsError> {
        let Changes { alarms, items, fired, .. } = changes;
        if alarms.is_empty() && items.is_empty() && fired.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for (name, alarm) in &alarms {
            let key = format!("{region}:{name}");
            match alarm {
                Some(alarm) => batch.put(TABLE, &key, serde_json::to_vec(alarm).expect("alarms are plain data")),
                None => batch.delete(TABLE, &key),
            }
        }
        let news = self.put_down(region, &alarms, &mut batch);
        let now = (self.now)();
        let place = region.to_owned();
        batch.with(Box::new(move |tx| items.iter().try_for_each(|item| item.insert(tx, &place))));
        self.store.submit(batch).await?;
        {
            let mut known = self.alarms.write();
            for (name, alarm) in alarms {
                let alarms = known.regions.entry(region.to_owned()).or_default();
                match alarm {
                    Some(alarm) => drop(alarms.insert(name, alarm)),
                    None => {
                        alarms.remove(&name);
                        known.looked.remove(&(region.to_owned(), name));
                    }
                }
            }
        }
        self.hand_over(news);
        // Without the lock: who acts may ask how alarms stand.
        let act = self.act.get();
        let mut acted = Vec::new();
        for fired in &fired {
            let is_composite = self.alarms.read().get(region, &fired.alarm).is_some_and(Alarm::is_composite);
            let refused = || Err("managr's platform does not carry out actions of this kind".to_owned());
            let outcome = act.map_or_else(refused, |act| act(fired));
            // What is repeated while a state lasts is put down once.
            if fired.from != fired.to {
                acted.push(Item::of_action(fired, is_composite, outcome, now));
            }
        }
        if !acted.is_empty() {
            let mut batch = Batch::new();
            let place = region.to_owned();
            batch.with(Box::new(move |tx| acted.iter().try_for_each(|item| item.insert(tx, &place))));
            self.store.submit(batch).await?;
        }
        self.woken.notify_one();
        Ok(())
    }
}

/// Changes how an alarm stands.
pub(super) fn transit(alarm: &mut Alarm, transition: Transition, now: aws_model::Millis) {
    let standing = &mut alarm.standing;
    if standing.value != transition.to {
        standing.transitioned = now;
    }
    standing.value = transition.to;
    standing.reason = transition.reason;
    standing.data = transition.data;
    standing.updated = now;
}
