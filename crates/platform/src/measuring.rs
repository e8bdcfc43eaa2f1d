//! Measures every 20 seconds, and tells CloudWatch: reads control groups and the world, hears the balancer's counts.
//!
//! `platform_core::measure` decides what to report; here are the clock, the readings and the calls.

use std::collections::BTreeMap;

use aws_model::{Millis, chain};
use metrics::point::Point;
use metrics::{Datum, Dimension, Metrics};
use orchestrator::{Clock, Handle};
use platform_core::measure::traffic::{Count, traffic};
use platform_core::measure::{self, ContainerReading, EVERY, MINUTE, Measured, Reading, TaskReading};
use platform_core::world::{ContainerPhase, DesiredStatus, TaskStatus};
use runtime::Runtime;
use tokio::sync::mpsc::UnboundedReceiver;

/// What there is to be measured, beside the world.
pub(crate) struct Sources {
    /// Where containers run; none where nothing does, and then their use is not reported.
    pub(crate) runtime: Option<Runtime>,
    /// What the balancer counts.
    pub(crate) counts: UnboundedReceiver<Count>,
}

/// A running task: its ARN, its id, its containers that run.
type Running = (String, String, Vec<String>);

/// Goes on for as long as the platform runs.
pub(crate) async fn keep(mut sources: Sources, world: Handle, metrics: Metrics, clock: Clock) {
    let mut teller = Teller { metrics, is_refused: false };
    let mut last = Reading::default();
    let mut last_minute = Reading::default();
    // At whole thirds of a minute, so that the values of a minute are that minute's.
    let following = |now: Millis| now - now.rem_euclid(EVERY) + EVERY;
    let mut next = following(clock.now());
    loop {
        // Dropping either loses nothing: counts wait in their channel, and `next` stays what it is.
        tokio::select! {
            Some(count) = sources.counts.recv() => {
                teller.tell(traffic(&count)).await;
                continue;
            }
            () = clock.sleep_until(Some(next)) => {}
        }
        let running = if sources.runtime.is_some() { running(&world) } else { Vec::new() };
        let reading = read(sources.runtime.clone(), running, clock.now()).await;
        let mut all = world.read(|world| measure::usage(world, &last, &reading));
        if next.rem_euclid(MINUTE) == 0 {
            // One that is older is no minute's beginning: it would tell of another stretch of time.
            let before = if reading.at - last_minute.at < MINUTE + EVERY { &last_minute } else { &Reading::default() };
            all.extend(world.read(|world| measure::insights(world, before, &reading)));
            all.extend(world.read(|world| measure::hosts(world, next - MINUTE)));
            last_minute = reading.clone();
        }
        last = reading;
        teller.tell(all).await;
        next = following(clock.now().max(next));
    }
}

fn running(world: &Handle) -> Vec<Running> {
    world.read(|world| {
        let running = world.tasks.values().filter(|task| task.last_status == TaskStatus::Running);
        let containers = |task: &platform_core::world::Task| {
            let of = task.containers.iter().filter(|container| container.phase == ContainerPhase::Running);
            of.map(|container| container.name.clone()).collect()
        };
        running
            .filter(|task| task.desired_status == DesiredStatus::Running)
            .map(|task| (task.arn.clone(), task.id.clone(), containers(task)))
            .collect()
    })
}

/// Reads what tasks have used. Files, though of the kernel's memory: not on a thread that others wait for.
async fn read(runtime: Option<Runtime>, running: Vec<Running>, at: Millis) -> Reading {
    let Some(runtime) = runtime else { return Reading { at, tasks: BTreeMap::new() } };
    let read = move || {
        let one = |(arn, id, containers): Running| {
            let usage = runtime.usage(&id, containers.iter().map(String::as_str))?;
            let containers = usage.containers.into_iter();
            let containers =
                containers.map(|(name, used)| (name, ContainerReading { cpu_ns: used.cpu_ns, memory: used.memory }));
            let (received, sent) = (usage.rx_bytes, usage.tx_bytes);
            Some((arn, TaskReading { received, sent, containers: containers.collect() }))
        };
        Reading { at, tasks: running.into_iter().filter_map(one).collect() }
    };
    // Fails only while the platform goes down.
    tokio::task::spawn_blocking(read).await.unwrap_or_default()
}

/// Tells CloudWatch.
struct Teller {
    metrics: Metrics,
    /// Whether it refused the last time: that is said once.
    is_refused: bool,
}

impl Teller {
    async fn tell(&mut self, all: Vec<Measured>) {
        for ((region, namespace), data) in calls(all) {
            let outcome = self.metrics.put(&region, namespace, data).await;
            let was_refused = std::mem::replace(&mut self.is_refused, outcome.is_err());
            if let Err(error) = outcome.as_ref().map(drop)
                && !was_refused
            {
                tracing::warn!(namespace, error = chain(error), "what was measured could not be kept (said once)");
            }
        }
    }
}

/// Returns the calls that give CloudWatch what was measured: one for each region and namespace.
pub fn calls(all: Vec<Measured>) -> BTreeMap<(String, &'static str), Vec<Datum>> {
    let mut calls: BTreeMap<(String, &'static str), Vec<Datum>> = BTreeMap::new();
    for measured in all {
        let key = (measured.region.clone(), measured.namespace);
        calls.entry(key).or_default().extend(datum(measured));
    }
    calls
}

/// Returns what is measured as CloudWatch takes it; none for no value.
fn datum(measured: Measured) -> Option<Datum> {
    let mut points = measured.values.iter().map(|(value, count)| Point::of_many(*value, *count));
    let mut point = points.next()?;
    points.for_each(|next| point.join(&next));
    if let Some(sum) = measured.sum {
        point.sum = sum;
    }
    let dimensions = measured.dimensions.into_iter();
    let dimensions = dimensions.map(|(name, value)| Dimension { name: name.to_owned(), value });
    Some(Datum {
        name: measured.name.to_owned(),
        dimensions: dimensions.collect(),
        at: Some(measured.at),
        point,
        unit: measured.unit.to_owned(),
        is_fine: measured.is_fine,
    })
}

#[cfg(test)]
mod tests {
    use metrics::point::Statistic;
    use platform_core::measure::traffic::{FIRST_BUCKET, GroupCount, bucket_of};

    use super::*;

    #[test]
    fn a_metric_is_told_with_its_values_and_its_exact_sum() {
        let measured = Measured {
            region: "us-east-1".into(),
            namespace: "AWS/ApplicationELB",
            name: "TargetResponseTime",
            dimensions: vec![("LoadBalancer", "app/a/b".into())],
            unit: "Seconds",
            at: 7,
            is_fine: false,
            values: vec![(0.5, 3.0), (2.0, 1.0)],
            sum: Some(3.6),
        };
        let told = datum(measured.clone()).unwrap();
        assert_eq!((told.point.count, told.point.sum, told.point.min, told.point.max), (4.0, 3.6, 0.5, 2.0));
        assert_eq!((told.at, told.dimensions[0].value.as_str()), (Some(7), "app/a/b"));
        assert_eq!(datum(Measured { values: Vec::new(), ..measured }), None);
    }

    /// From the balancer's buckets to CloudWatch's percentile, over three counts of a minute.
    #[test]
    fn percentiles_of_response_times_are_right_within_55_hundredths_of_a_percent() {
        // Between 0.1 ms and 10 s, most of them short.
        let micros: Vec<u64> =
            (0..3000_u64).map(|n| 100 + (n * 7919 % 3000).pow(3) * 10_000_000 / 3000_u64.pow(3)).collect();
        let mut minute: Option<Point> = None;
        for part in micros.chunks(1000) {
            let mut times: BTreeMap<usize, u64> = BTreeMap::new();
            part.iter().for_each(|micros| *times.entry(bucket_of(*micros)).or_default() += 1);
            let group = GroupCount {
                group: "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/a/b".into(),
                listener: "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/c/d/e".into(),
                micros: part.iter().sum(),
                times: times.into_iter().map(|(bucket, n)| (FIRST_BUCKET + bucket as i32, n)).collect(),
                ..GroupCount::default()
            };
            let told = traffic(&Count { groups: vec![group], ..Count::default() });
            let time = told.into_iter().find(|measured| measured.name == "TargetResponseTime").and_then(datum).unwrap();
            match &mut minute {
                Some(minute) => minute.join(&time.point),
                None => minute = Some(time.point),
            }
        }
        let minute = minute.unwrap();
        let mut sorted = micros.clone();
        sorted.sort_unstable();
        for (statistic, rank) in [("p50", 1499), ("p90", 2699), ("p99", 2969)] {
            let told = minute.statistic(Statistic::parse(statistic).unwrap()).unwrap();
            let is = sorted[rank] as f64 / 1e6;
            assert!((told - is).abs() <= is * 0.0075, "{statistic} is {told}, and should be {is}"); // and a neighbour's step
        }
        let sum = minute.statistic(Statistic::Sum).unwrap();
        assert!((sum - micros.iter().sum::<u64>() as f64 / 1e6).abs() < 1e-6, "{sum}");
    }
}
