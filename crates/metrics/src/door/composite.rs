//! PutCompositeAlarm.

use aws_model::Call;
use serde::Deserialize;
use serde_json::Value;

use super::common::Common;
use super::settings;
use crate::Metrics;
use crate::alarm::{Composite, Watch};
use crate::error::MetricsError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    #[serde(flatten)]
    common: Common,
    alarm_rule: String,
    actions_suppressor: Option<String>,
    actions_suppressor_wait_period: Option<i64>,
    actions_suppressor_extension_period: Option<i64>,
}

pub(super) async fn put(metrics: &Metrics, call: &Call, input: Put) -> Result<Value, MetricsError> {
    let periods = [
        ("ActionsSuppressorWaitPeriod", input.actions_suppressor_wait_period),
        ("ActionsSuppressorExtensionPeriod", input.actions_suppressor_extension_period),
    ];
    for (name, period) in periods {
        match (&input.actions_suppressor, period) {
            (Some(_), None) => {
                return Err(MetricsError::validation(format!("{name} is required with ActionsSuppressor")));
            }
            (None, Some(_)) => return Err(MetricsError::validation(format!("{name} needs an ActionsSuppressor"))),
            (_, Some(period)) if period < 0 => {
                return Err(MetricsError::validation(format!("{name} must not be negative")));
            }
            _ => {}
        }
    }
    let composite = Composite {
        rule: input.alarm_rule,
        suppressor: input.actions_suppressor,
        wait: input.actions_suppressor_wait_period,
        extension: input.actions_suppressor_extension_period,
    };
    settings::put(metrics, &call.region, input.common, Watch::Composite(composite)).await?;
    Ok(Value::Null)
}
