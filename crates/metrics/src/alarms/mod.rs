//! Alarms as they are kept: in memory and as documents in the store, durable before they are seen.

mod change;
mod glance;
mod history;
mod look;
mod news;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws_model::Millis;
use store::{Store, StoreError};

use crate::alarm::{Alarm, State};

pub(crate) use change::Changes;
pub use glance::Glance;
pub(crate) use history::{HistoryItem, HistoryQuery, Item};
pub(crate) use news::Untold;
pub use news::{Event, News, Stands};

/// The table of alarms in the store.
pub(super) const TABLE: &str = "metrics.alarms";
/// Alarms of a region (service quotas).
pub(crate) const MOST: usize = 5000;

/// An action of an alarm that is to be carried out by the code that can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The region.
    pub region: String,
    /// The alarm's name.
    pub alarm: String,
    /// Its ARN.
    pub arn: String,
    /// Which state it was; the same as `to` for an action that is repeated while it lasts.
    pub from: State,
    /// Which it is.
    pub to: State,
    /// Why, in words.
    pub reason: String,
    /// Why, in JSON.
    pub data: Option<String>,
    /// What is to be done: an ARN.
    pub action: String,
    /// When the alarm changed.
    pub at: Millis,
}

/// Carries actions out; the words of an error are kept in the alarm's history. Must not wait for the alarms.
pub type Act = Arc<dyn Fn(&Fired) -> Result<(), String> + Send + Sync>;

/// All alarms, by region and name.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    pub(crate) regions: HashMap<String, BTreeMap<String, Alarm>>,
    /// When each metric alarm was last looked at.
    looked: HashMap<(String, String), Millis>,
}

impl Alarms {
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
        let mut alarms = Self::default();
        for (key, body) in store.load(TABLE)? {
            // A row that cannot be read is another version's; it must not keep the platform from starting.
            let Some((region, _)) = key.split_once(':') else { continue };
            let Ok(alarm) = serde_json::from_slice::<Alarm>(&body) else { continue };
            alarms.regions.entry(region.to_owned()).or_default().insert(alarm.name.clone(), alarm);
        }
        Ok(alarms)
    }

    pub(crate) fn of(&self, region: &str) -> impl Iterator<Item = &Alarm> {
        self.regions.get(region).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn get(&self, region: &str, name: &str) -> Option<&Alarm> {
        self.regions.get(region)?.get(name)
    }
}
