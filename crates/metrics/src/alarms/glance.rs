//! What code that acts for an alarm may know of alarms.

use super::look::newest_of;
use crate::Metrics;
use crate::alarm::State;
use crate::error::MetricsError;

/// How an alarm's metric stands to its threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glance {
    /// The newest data point.
    pub value: f64,
    /// What it is held against.
    pub threshold: f64,
}

impl Metrics {
    /// Returns the region and name of every alarm whose name begins so.
    pub fn alarms_named(&self, prefix: &str) -> Vec<(String, String)> {
        let alarms = self.inner.alarms.read();
        let all = alarms.regions.iter().flat_map(|(region, all)| all.keys().map(move |name| (region, name)));
        all.filter(|(_, name)| name.starts_with(prefix)).map(|(region, name)| (region.clone(), name.clone())).collect()
    }

    /// Returns the names of a region's alarms that are in ALARM and whose names begin so.
    pub fn raised(&self, region: &str, prefix: &str) -> Vec<String> {
        let alarms = self.inner.alarms.read();
        let all = alarms.regions.get(region).into_iter().flat_map(|all| all.values());
        let raised = all.filter(|alarm| alarm.standing.value == State::Alarm && alarm.name.starts_with(prefix));
        raised.map(|alarm| alarm.name.clone()).collect()
    }

    /// Returns the newest data point that an alarm was or would be judged by; none where there is no such alarm, it watches
    /// other alarms, or nothing was measured lately. Reads the disk.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn glance(&self, region: &str, name: &str) -> Result<Option<Glance>, MetricsError> {
        let Some(alarm) = self.inner.alarms.read().get(region, name).cloned() else { return Ok(None) };
        newest_of(self, region, &alarm)
    }
}
