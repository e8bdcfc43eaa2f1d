//! The three states of an alarm.

use std::fmt;

use aws_model::Millis;
use serde::{Deserialize, Serialize};

/// A state, in the API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Within the threshold.
    #[serde(rename = "OK")]
    Ok,
    /// Outside of it.
    #[serde(rename = "ALARM")]
    Alarm,
    /// There are too few data.
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
}

impl State {
    /// Returns the API's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How an alarm stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its state.
    pub value: State,
    /// Why, in words.
    pub reason: String,
    /// Why, in JSON.
    pub data: Option<String>,
    /// When it was last set, by an evaluation or a caller.
    pub updated: Millis,
    /// When it last changed.
    pub transitioned: Millis,
}

impl Standing {
    /// Returns how a new alarm stands.
    pub fn new(now: Millis) -> Self {
        let reason = "Unchecked: Initial alarm creation".to_owned();
        Self { value: State::InsufficientData, reason, data: None, updated: now, transitioned: now }
    }
}
