//! Alarms: what one watches, how it stands, and when it changes. Pure: points, other alarms and the time are arguments.
//!
//! - [`judge`]: which state points make of an alarm, by CloudWatch's tables of missing data.
//! - [`rule`]: which state other alarms make of a composite one. [`suppress`]: whether it may act.
//! - [`due`]: when an alarm is looked at, and at which periods. `reason`: what is said of a change. [`event`]: what
//!   EventBridge hears.

pub mod due;
pub mod event;
pub mod judge;
mod metric;
pub mod reason;
pub mod rule;
pub mod settle;
mod state;
pub mod suppress;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use aws_model::Millis;
use serde::{Deserialize, Serialize};

pub use metric::{Comparison, MetricWatch, Missing, WarmUp};
pub use state::{Standing, State};

/// An alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its name, of which there is one in a region.
    pub name: String,
    /// Words for people.
    pub description: Option<String>,
    /// Whether it acts at all.
    pub actions_enabled: bool,
    /// What is done when it becomes OK: ARNs.
    pub ok_actions: Vec<String>,
    /// What is done when it becomes ALARM.
    pub alarm_actions: Vec<String>,
    /// What is done when it becomes INSUFFICIENT_DATA.
    pub insufficient_data_actions: Vec<String>,
    /// What it watches.
    pub watch: Watch,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// When it was put last.
    pub configured: Millis,
    /// How it stands.
    pub standing: Standing,
    /// What holds its actions back.
    pub held: Option<suppress::Held>,
    /// Kept and answered: nothing sends notifications with tags here.
    pub action_configuration: Option<serde_json::Value>,
}

/// What an alarm watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Watch {
    /// A metric, or an expression of metrics.
    Metric(Box<MetricWatch>),
    /// Other alarms.
    Composite(Composite),
}

/// What a composite alarm watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Composite {
    /// The rule, as it was written.
    pub rule: String,
    /// The alarm that holds its actions back: name or ARN.
    pub suppressor: Option<String>,
    /// Seconds that it waits for the suppressor to become ALARM.
    pub wait: Option<i64>,
    /// Seconds that it waits after the suppressor has left ALARM.
    pub extension: Option<i64>,
}

impl Alarm {
    /// Whether it watches other alarms.
    pub fn is_composite(&self) -> bool {
        matches!(self.watch, Watch::Composite(_))
    }

    /// Returns what it watches, if that is a metric or an expression.
    pub fn metric(&self) -> Option<&MetricWatch> {
        match &self.watch {
            Watch::Metric(watch) => Some(watch),
            Watch::Composite(_) => None,
        }
    }

    /// Returns what it does in a state.
    pub fn actions(&self, state: State) -> &[String] {
        match state {
            State::Ok => &self.ok_actions,
            State::Alarm => &self.alarm_actions,
            State::InsufficientData => &self.insufficient_data_actions,
        }
    }
}

/// A change of state, and what is to be done about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// Which state it was.
    pub from: State,
    /// Which it is now.
    pub to: State,
    /// In words.
    pub reason: String,
    /// For machines: JSON.
    pub data: Option<String>,
}

/// Returns the name of an alarm that is given by name or ARN.
pub fn name_of(text: &str) -> &str {
    match aws_model::arn::Arn::parse(text) {
        Some(arn) if arn.service == "cloudwatch" => arn.resource.strip_prefix("alarm:").unwrap_or(text),
        _ => text,
    }
}
