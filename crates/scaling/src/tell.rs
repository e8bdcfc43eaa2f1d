//! The world hears of alarms: how each stands, and the events for EventBridge, each once CloudWatch has it durable.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_model::{AwsError, chain};
use metrics::alarm::State;
use metrics::{News, Stands};
use orchestrator::CallCx;
use platform_core::Outcome;
use platform_core::alarms::{AlarmSeen, Told, told};
use serde_json::Value;

use crate::Scaling;

/// After the world could not keep the news.
const AGAIN: Duration = Duration::from_secs(5);

impl Scaling {
    /// Tells the world what happens to alarms, for as long as it runs; first how all of them stand.
    pub async fn keep_telling(self) {
        while let Err(error) = self.tell_all().await {
            tracing::warn!(error = error.message, "the world could not be told how alarms stand; it is tried again");
            tokio::time::sleep(AGAIN).await;
        }
        loop {
            let (number, news) = self.metrics.news().await;
            if let Err(error) = self.tell(&news).await {
                tracing::warn!(
                    alarm = news.alarm,
                    error = error.message,
                    "the world could not be told of an alarm; it is told again"
                );
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            if let Err(error) = self.metrics.forget_news(number).await {
                tracing::warn!(error = chain(&error), "what was told of an alarm is told again after a restart");
            }
        }
    }

    async fn tell(&self, news: &News) -> Result<(), AwsError> {
        let news = news.clone();
        self.in_world(&news.region.clone(), move |world, cx| {
            let seen = news.stands.as_ref().map(|stands| seen(&news.region, &news.alarm, stands));
            let event = news.event.as_ref().map(|event| (event.kind.as_str(), &event.detail));
            told(world, cx, &Told { name: &news.alarm, arn: &news.arn, at: news.at, seen, event })
        })
        .await
    }

    /// Tells the world how alarms stand where it does not know: it is a new one, or an older version's.
    async fn tell_all(&self) -> Result<(), AwsError> {
        let mut regions: BTreeMap<String, BTreeMap<String, Stands>> = BTreeMap::new();
        for (region, name, stands) in self.metrics.standings() {
            regions.entry(region).or_default().insert(name, stands);
        }
        let known: BTreeSet<(String, String)> = self
            .handle
            .read(|world| world.records.everywhere::<AlarmSeen>().map(|seen| (seen.region, seen.name)).collect());
        for (region, name) in known {
            let names = regions.entry(region.clone()).or_default();
            if !names.contains_key(&name) {
                self.tell_of(&region, &name, None).await?;
            }
        }
        for (region, alarms) in regions {
            for (name, stands) in alarms {
                self.tell_of(&region, &name, Some(seen(&region, &name, &stands))).await?;
            }
        }
        Ok(())
    }

    async fn tell_of(&self, region: &str, name: &str, seen: Option<AlarmSeen>) -> Result<(), AwsError> {
        let name = name.to_owned();
        self.in_world(region, move |world, cx| {
            told(world, cx, &Told { name: &name, arn: "", at: cx.now, seen, event: None })
        })
        .await
    }

    async fn in_world(
        &self,
        region: &str,
        decide: impl FnOnce(&platform_core::World, &mut platform_core::Cx<'_>) -> Vec<platform_core::Change>,
    ) -> Result<(), AwsError> {
        let cx = CallCx { region: region.to_owned(), access_key: String::new() };
        let decide = |world: &platform_core::World, cx: &mut platform_core::Cx<'_>| {
            Ok(Outcome { reply: Value::Null, changes: decide(world, cx) })
        };
        self.handle.write(cx, decide).await.map(drop)
    }
}

fn seen(region: &str, name: &str, stands: &Stands) -> AlarmSeen {
    AlarmSeen {
        region: region.to_owned(),
        name: name.to_owned(),
        is_raised: stands.state == State::Alarm,
        window: stands.window,
        watches: stands.watches.clone(),
    }
}
