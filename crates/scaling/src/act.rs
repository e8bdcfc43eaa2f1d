//! An alarm was raised that names a policy: what follows is the world's decision.

use std::collections::BTreeMap;

use aws_model::chain;
use metrics::Fired;
use metrics::alarm::State;
use orchestrator::CallCx;
use platform_core::Outcome;
use platform_core::scaling::{self, Breach, Policy};
use serde_json::Value;

use crate::Scaling;

impl Scaling {
    /// Takes over an action of an alarm; the words of an error are kept in the alarm's history.
    pub(crate) fn act(&self, fired: &Fired) -> Result<(), String> {
        if !fired.action.contains(":scalingPolicy:") {
            return Err(format!("{} names nothing that this platform has", fired.action));
        }
        let is_there = |world: &platform_core::World| {
            world.records.all::<Policy>(&fired.region).any(|policy| policy.arn == fired.action)
        };
        if !self.handle.read(is_there) {
            return Err(format!("there is no scaling policy {}", fired.action));
        }
        // A policy does something about an alarm that is raised, and nothing about its end.
        if fired.to == State::Alarm {
            tokio::spawn(self.clone().scale(fired.clone()));
        }
        Ok(())
    }

    async fn scale(self, fired: Fired) {
        let metrics = self.metrics.clone();
        let (region, alarm, action) = (fired.region.clone(), fired.alarm.clone(), fired.action.clone());
        let handle = self.handle.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let policy = handle.read(|world| world.records.all::<Policy>(&region).find(|policy| policy.arn == action));
            let Some(policy) = policy else { return Ok(None) };
            let glance = |name: &str| metrics.glance(&region, name);
            let Some(newest) = glance(&alarm)? else { return Ok(None) };
            let mut raised = BTreeMap::from([(alarm, newest.value)]);
            for other in metrics.raised(&region, &format!("TargetTracking-{}-", policy.resource)) {
                if let Some(seen) = glance(&other)? {
                    raised.insert(other, seen.value);
                }
            }
            Ok::<_, metrics::MetricsError>(Some((newest, raised)))
        });
        let (newest, raised) = match looked.await {
            Ok(Ok(Some(seen))) => seen,
            // Nothing was measured lately: there is nothing to scale by.
            Ok(Ok(None)) | Err(_) => return,
            Ok(Err(error)) => return tracing::warn!(error = chain(&error), "what an alarm watches could not be read"),
        };
        let breach = Breach { alarm: &fired.alarm, value: newest.value, threshold: newest.threshold, raised: &raised };
        let cx = CallCx { region: fired.region.clone(), access_key: String::new() };
        let decide = |world: &platform_core::World, cx: &mut platform_core::Cx<'_>| {
            Ok(Outcome { reply: Value::Null, changes: scaling::alarmed(world, cx, &fired.action, &breach) })
        };
        if let Err(error) = self.handle.write(cx, decide).await {
            tracing::warn!(error = error.message, "a service could not be scaled; its alarm is told again in a minute");
        }
    }
}
