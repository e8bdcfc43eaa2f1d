//! Looks at alarms when it is time, all that are due in one go, and sleeps until the next one is.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_model::{Millis, chain};

use super::change::{Changes, transit};
use super::glance::Glance;
use super::history::Item;
use crate::Metrics;
use crate::alarm::judge::{Scale, has_few_samples};
use crate::alarm::{Alarm, MetricWatch, State, Transition, Watch, due, reason};
use crate::error::MetricsError;
use crate::math::Value;
use crate::periods::Grid;
use crate::point::Statistic;
use crate::query::{self, MetricStat, Query, What};

/// The longest sleep: a clock may be moved.
const LONGEST: Duration = Duration::from_secs(60);
/// After the store has refused.
const AGAIN: Duration = Duration::from_secs(5);

/// What was looked at for an alarm.
struct Looked {
    points: BTreeMap<i64, f64>,
    samples: BTreeMap<i64, f64>,
    grid: Grid,
    percentile: Option<f64>,
}

impl Metrics {
    /// Returns the region and name of each metric alarm that is to be looked at now. Pure but for the reading of memory.
    pub fn due(&self, now: Millis) -> Vec<(String, String)> {
        let alarms = self.inner.alarms.read();
        let metric = alarms.regions.iter().flat_map(|(region, all)| all.values().map(move |alarm| (region, alarm)));
        let due = metric.filter_map(|(region, alarm)| {
            let key = (region.clone(), alarm.name.clone());
            let period = alarm.metric()?.period();
            due::is_due(period, alarms.looked.get(&key).copied(), now).then_some(key)
        });
        due.collect()
    }

    /// Returns when something is to be done next, if ever: an alarm is due, or what holds one back ends.
    pub fn next_due(&self) -> Option<Millis> {
        let now = self.now();
        let alarms = self.inner.alarms.read();
        let all = alarms.regions.iter().flat_map(|(region, all)| all.values().map(move |alarm| (region, alarm)));
        let next = all.filter_map(|(region, alarm)| match &alarm.watch {
            Watch::Metric(watch) => {
                let looked = alarms.looked.get(&(region.clone(), alarm.name.clone())).copied();
                Some(due::next(watch.period(), looked, now))
            }
            Watch::Composite(_) => alarm.held?.until(),
        });
        next.min()
    }

    /// Looks at every alarm that is due, changes those that change, and hands over what is to be done; returns how many
    /// were looked at.
    ///
    /// # Errors
    /// When the store cannot be read or written; then what was not stored is looked at again.
    pub async fn look(&self) -> Result<usize, MetricsError> {
        let now = self.now();
        let mut by_region: BTreeMap<String, Vec<String>> = BTreeMap::new();
        self.due(now).into_iter().for_each(|(region, name)| by_region.entry(region).or_default().push(name));
        {
            let alarms = self.inner.alarms.read();
            let is_over = |alarm: &Alarm| alarm.held.and_then(|held| held.until()).is_some_and(|until| until <= now);
            let held = alarms.regions.iter().filter(|(_, all)| all.values().any(is_over));
            for (region, _) in held {
                by_region.entry(region.clone()).or_default();
            }
        }
        let mut count = 0;
        for (region, names) in by_region {
            count += names.len();
            self.look_at(region, names, now).await?;
        }
        Ok(count)
    }

    async fn look_at(&self, region: String, names: Vec<String>, now: Millis) -> Result<(), MetricsError> {
        let metrics = self.clone();
        let looking = tokio::spawn(async move {
            let inner = metrics.inner.clone();
            let _turn = inner.changing.lock().await;
            let alarms: Vec<Alarm> = {
                let known = inner.alarms.read();
                names.iter().filter_map(|name| known.get(&region, name).cloned()).collect()
            };
            let (place, reader) = (region.clone(), metrics.clone());
            // All of them on one thread that may wait for the disk.
            let looked = tokio::task::spawn_blocking(move || {
                let look = |alarm: Alarm| {
                    let looked = reader.points_of(&place, &alarm, now)?;
                    Ok::<_, MetricsError>((alarm, looked))
                };
                alarms.into_iter().map(look).collect::<Vec<_>>()
            });
            let looked = looked.await.map_err(|_| MetricsError::Interrupted)?;
            let (mut changes, mut seen) = (Changes::default(), Vec::new());
            for outcome in looked {
                let (mut alarm, looked) = outcome?;
                let key = (region.clone(), alarm.name.clone());
                let last = inner.alarms.read().looked.get(&key).copied();
                seen.push(key);
                let from = alarm.standing.value;
                if let Some(transition) = looked.and_then(|looked| judge(&alarm, &looked, now)) {
                    changes.items.push(Item::of_state(&alarm, &transition, now));
                    transit(&mut alarm, transition, now);
                    changes.fired.extend(inner.fired(&region, &alarm, from));
                    changes.alarms.insert(alarm.name.clone(), Some(alarm));
                } else if last.is_none_or(|last| last / 60_000 < now / 60_000) {
                    changes.fired.extend(repeated(inner.fired(&region, &alarm, from)));
                }
            }
            inner.follow(&region, &mut changes);
            inner.carry_out(&region, changes).await?;
            let mut known = inner.alarms.write();
            known.looked.extend(seen.into_iter().map(|key| (key, now)));
            Ok(())
        });
        looking.await.unwrap_or(Err(MetricsError::Interrupted))
    }

    /// Returns what an alarm is to be judged by; none while it warms up, or when its expression makes no sense any more.
    fn points_of(&self, region: &str, alarm: &Alarm, now: Millis) -> Result<Option<Looked>, MetricsError> {
        let Some(watch) = alarm.metric() else { return Ok(None) };
        let range = scale(watch).range();
        let grid = due::window(watch.period(), range, now);
        let looked = match self.queries(watch) {
            Ok(queries) => {
                let outcomes = match query::run(self, region, &queries, &|period| Grid { period, ..grid }) {
                    Ok(outcomes) => outcomes,
                    Err(MetricsError::Validation(_)) => return Ok(None),
                    Err(error) => return Err(error),
                };
                let watched = queries.iter().zip(outcomes).find(|(query, _)| query.is_returned);
                let Some((query, outcome)) = watched else { return Ok(None) };
                let points = match outcome.value {
                    Value::Series(series) => series.points,
                    Value::Array(mut all) if all.len() == 1 => all.remove(0).points,
                    _ => BTreeMap::new(),
                };
                let percentile = match &query.what {
                    What::Metric(MetricStat { statistic: Statistic::Percentile(part), .. }) => Some(*part),
                    _ => None,
                };
                Looked { points, samples: outcome.samples, grid, percentile }
            }
            Err(_) => return Ok(None),
        };
        Ok((!is_warming(alarm, watch, &looked, now)).then_some(looked))
    }

    fn queries(&self, watch: &MetricWatch) -> Result<Vec<Query>, MetricsError> {
        if !watch.metrics.is_empty() {
            return query::read(&watch.metrics, "Metrics", &self.inner.account);
        }
        let words = watch.statistic().unwrap_or("Average").to_owned();
        let statistic = Statistic::parse(&words).map_err(|error| MetricsError::validation(error.to_string()))?;
        let metric = crate::name::Metric::new(
            watch.namespace.clone().unwrap_or_default(),
            watch.metric_name.clone().unwrap_or_default(),
            watch.dimensions.clone(),
        );
        let stat = MetricStat { metric, period: watch.period(), statistic, words, unit: watch.unit.clone() };
        let id = "m1".to_owned();
        Ok(vec![Query { id, what: What::Metric(stat), label: None, is_returned: true, period: None }])
    }

    /// Looks at alarms for as long as it runs, whenever one is due and not before.
    pub async fn keep_looking(self) {
        loop {
            let pause = match self.next_due() {
                Some(next) => Duration::from_millis((next - self.now()).max(0).unsigned_abs()).min(LONGEST),
                None => LONGEST,
            };
            tokio::select! {
                // Both may be dropped: nothing has begun.
                () = self.inner.woken.notified() => continue,
                () = tokio::time::sleep(pause) => {}
            }
            if let Err(error) = self.look().await {
                tracing::warn!(error = chain(&error), "alarms could not be looked at");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Looks at alarms whenever one is due until an instant, for a clock that is moved there: `move_to` moves it, with
    /// all that happens on the way. Its error ends the looking, and is answered within.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn look_until<E, F: Future<Output = Result<(), E>>>(
        &self,
        to: Millis,
        mut move_to: impl FnMut(Millis) -> F,
    ) -> Result<Result<(), E>, MetricsError> {
        while let Some(next) = self.next_due().filter(|next| *next <= to) {
            if let Err(error) = move_to(next.max(self.now())).await {
                return Ok(Err(error));
            }
            self.look().await?;
            // What follows from it happens at its time, not after the next.
            self.all_told().await;
        }
        Ok(move_to(to.max(self.now())).await)
    }

    /// Wakes who looks at alarms: the clock was moved.
    pub fn wake(&self) {
        self.inner.woken.notify_one();
    }
}

/// Returns the newest point of what an alarm watches, beside its threshold.
pub(super) fn newest_of(metrics: &Metrics, region: &str, alarm: &Alarm) -> Result<Option<Glance>, MetricsError> {
    let Some(watch) = alarm.metric() else { return Ok(None) };
    let looked = metrics.points_of(region, alarm, metrics.now())?;
    let newest = looked.and_then(|looked| looked.points.last_key_value().map(|(_, value)| *value));
    Ok(newest.map(|value| Glance { value, threshold: scale(watch).threshold }))
}

fn scale(watch: &MetricWatch) -> Scale {
    let (periods, to_alarm) = watch.counts();
    let (comparison, threshold) = (watch.comparison_operator, watch.threshold);
    Scale { periods, to_alarm, comparison, threshold, missing: watch.missing() }
}

/// Whether an alarm that was put lately does not look yet. It begins early where all that it needs is there, unless it was
/// told not to (API reference, WarmUpConfiguration).
fn is_warming(alarm: &Alarm, watch: &MetricWatch, looked: &Looked, now: Millis) -> bool {
    let Some(warm_up) = watch.warm_up_configuration else { return false };
    let is_over = now >= alarm.configured + warm_up.warm_up_period_duration_in_minutes * 60_000;
    let newest = looked.grid.starts().rev().take(watch.counts().0);
    let has_all = newest.into_iter().all(|start| looked.points.contains_key(&start));
    !is_over && (warm_up.only_start_evaluating_after_warm_up_period_ends || !has_all)
}

/// Returns the change that points make of an alarm, if they make one. Pure.
fn judge(alarm: &Alarm, looked: &Looked, now: Millis) -> Option<Transition> {
    let watch = alarm.metric()?;
    let scale = scale(watch);
    let points: Vec<Option<f64>> = looked.grid.starts().map(|start| looked.points.get(&start).copied()).collect();
    let verdict = scale.judge(&points);
    if watch.evaluate_low_sample_count_percentile.as_deref() == Some("ignore")
        && let Some(percentile) = looked.percentile
    {
        let start = |ago: &usize| looked.grid.end - looked.grid.period * (*ago as i64 + 1);
        let samples = verdict.evaluated.iter().filter_map(|(ago, _)| looked.samples.get(&start(ago))).sum();
        if !verdict.evaluated.is_empty() && has_few_samples(percentile, samples) {
            return None;
        }
    }
    let (from, to) = (alarm.standing.value, verdict.state?);
    if from == to {
        return None;
    }
    let told = reason::Told {
        scale,
        verdict: &verdict,
        grid: looked.grid,
        now,
        statistic: watch.statistic(),
        unit: watch.unit.as_deref(),
        samples: &|at| looked.samples.get(&at).copied(),
    };
    Some(Transition { from, to, reason: told.words(from, to), data: told.data() })
}

/// "For Auto Scaling actions, the alarm continues to invoke the action once per minute that the alarm remains in the new
/// state" (user guide, "Alarm actions").
fn repeated(fired: Vec<super::Fired>) -> impl Iterator<Item = super::Fired> {
    let is_scaling = |fired: &super::Fired| fired.action.contains(":autoscaling:");
    fired.into_iter().filter(move |fired| fired.to != State::InsufficientData && is_scaling(fired))
}
