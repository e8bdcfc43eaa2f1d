//! `count` of a manifest: how many tasks there are, and what moves their number.
//!
//! As Copilot makes it of its stack (copilot-cli, `partials/cf/autoscaling.yml`): a scalable target with a policy for each
//! value, each of which waits 120 s after it took tasks away and 60 s after it added some, unless the manifest says it.

use deploy_core::manifest::{Cooldown, Quantity, Scaling, ScalingTarget, ScalingTargetOptions, Seconds, Service};

use super::container::Reading;
use super::said::Said;
use super::times::seconds;

/// Seconds that Copilot waits.
const COOLDOWN: (u32, u32) = (60, 120);

impl Reading<'_> {
    /// Reads how many tasks there are.
    pub(super) fn count(&mut self, service: &mut Service, said: &Said) {
        if let Some(count) = said.number::<u32>() {
            service.count = Some(count);
            return self.word(said, "count");
        }
        if let Some(spot) = said.get("spot") {
            service.count = spot.number();
            self.list(
                spot,
                "tasks on Fargate Spot: write `capacityProviderStrategy` into `aws-service`; `count` is carried",
            );
        }
        let Some(range) = said.get("range") else { return };
        let Some((min, max)) = bounds(range).filter(|(min, max)| min <= max) else {
            return self.list(range, "it is no range of numbers of tasks: write `min` and `max` of `scaling`");
        };
        let mut scaling = Scaling { min, max, ..Scaling::default() };
        match range.text() {
            Some(_) => self.word(range, "scaling"),
            None => {
                for (key, word) in [("min", "scaling.min"), ("max", "scaling.max")] {
                    range.get(key).into_iter().for_each(|said| self.word(said, word));
                }
                if let Some(spot) = range.get("spot_from") {
                    let why = "tasks on Fargate Spot: write `capacityProviderStrategy` into `aws-service`";
                    self.list(spot, why);
                }
            }
        }
        scaling.cooldown = Some(self.cooldown(said.get("cooldown"), "scaling.cooldown"));
        for (key, word) in [("cpu_percentage", "cpu"), ("memory_percentage", "memory"), ("requests", "requests")] {
            let Some(said) = said.get(key) else { continue };
            let target = self.target(said, word, service.ingress.is_some());
            match word {
                "cpu" => scaling.cpu = target,
                "memory" => scaling.memory = target,
                _ => scaling.requests = target,
            }
        }
        if let Some(said) = said.get("response_time") {
            let why = "write `metric` of `scaling`: `TargetResponseTime` of `AWS/ApplicationELB`, with the load balancer and \
                       the target group as its dimensions";
            self.list(said, why);
        }
        if let Some(said) = said.get("queue_delay") {
            let why = "Copilot measures the backlog of each task with a function of its own, which stays in its stack: send \
                       such a metric from the application, and write it as `metric` of `scaling`";
            self.list(said, why);
        }
        if scaling.cpu.is_none() && scaling.memory.is_none() && scaling.requests.is_none() {
            scaling.cooldown = None;
        }
        service.scaling = Some(scaling);
    }

    fn target(&mut self, said: &Said, word: &str, is_reached: bool) -> Option<ScalingTarget> {
        let value = said.get("value").unwrap_or(said);
        let number = value.number::<f64>().filter(|number| number.is_finite() && *number > 0.0);
        let number = number.filter(|number| word == "requests" || *number <= 100.0);
        let Some(target) = number.map(Quantity) else {
            self.list(value, format!("it is no value of `{word}` of `scaling`"));
            return None;
        };
        if word == "requests" && !is_reached {
            self.list(value, "requests are counted by a load balancer, and none is carried: write `ingress` first");
            return None;
        }
        self.word(value, format!("scaling.{word}"));
        let own = said.get("cooldown").map(|own| self.cooldown(Some(own), &format!("scaling.{word}.cooldown")));
        Some(match own {
            None => ScalingTarget::Value(target),
            cooldown => ScalingTarget::Options(ScalingTargetOptions { target, cooldown, scale_in: None }),
        })
    }

    fn cooldown(&mut self, said: Option<&Said>, word: &str) -> Cooldown {
        let mut read = |key: &str, usual: u32| {
            let Some(own) = said.and_then(|said| said.get(key)) else { return Some(Seconds(usual)) };
            match own.text().and_then(seconds) {
                Some(time) => {
                    self.word(own, format!("{word}.{key}"));
                    Some(Seconds(time))
                }
                None => {
                    self.list(own, "it is no time");
                    Some(Seconds(usual))
                }
            }
        };
        Cooldown { after_out: read("out", COOLDOWN.0), after_in: read("in", COOLDOWN.1) }
    }
}

fn bounds(range: &Said) -> Option<(u32, u32)> {
    match range.text() {
        Some(text) => {
            let (min, max) = text.split_once('-')?;
            Some((min.trim().parse().ok()?, max.trim().parse().ok()?))
        }
        None => Some((range.get("min")?.number()?, range.get("max")?.number()?)),
    }
}
