//! SetAlarmState, Enable- and DisableAlarmActions, DeleteAlarms.

use aws_model::Call;
use serde::Deserialize;
use serde_json::Value;

use crate::Metrics;
use crate::alarm::{State, Transition, Watch, rule::Rule};
use crate::alarms::Item;
use crate::error::MetricsError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Set {
    alarm_name: String,
    state_value: State,
    state_reason: String,
    state_reason_data: Option<String>,
}

/// A metric alarm "returns to its actual state quickly", when it is looked at next; a composite one when any alarm that it
/// watches changes.
pub(super) async fn set(metrics: &Metrics, call: &Call, input: Set) -> Result<Value, MetricsError> {
    if input.state_reason_data.as_ref().is_some_and(|data| serde_json::from_str::<Value>(data).is_err()) {
        return Err(MetricsError::Malformed("StateReasonData must be JSON".into()));
    }
    let (to, reason, data) = (input.state_value, input.state_reason, input.state_reason_data);
    metrics.set_state(&call.region, input.alarm_name, Transition { from: to, to, reason, data }).await?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Names {
    #[serde(default)]
    alarm_names: Vec<String>,
}

pub(super) async fn enable(metrics: &Metrics, call: &Call, input: Names) -> Result<Value, MetricsError> {
    switch(metrics, call, input, true).await
}

pub(super) async fn disable(metrics: &Metrics, call: &Call, input: Names) -> Result<Value, MetricsError> {
    switch(metrics, call, input, false).await
}

/// What is not there is passed over: the operations declare no error.
async fn switch(metrics: &Metrics, call: &Call, input: Names, is_enabled: bool) -> Result<Value, MetricsError> {
    let (region, now) = (call.region.clone(), metrics.now());
    let place = region.clone();
    let plan = move |alarms: &crate::alarms::Alarms, changes: &mut crate::alarms::Changes| {
        for name in input.alarm_names {
            let Some(alarm) = alarms.get(&place, &name).filter(|alarm| alarm.actions_enabled != is_enabled) else {
                continue;
            };
            let mut alarm = alarm.clone();
            alarm.actions_enabled = is_enabled;
            alarm.configured = now;
            let configuration = super::describe::document(&alarm, "");
            changes.items.push(Item::of_configuration(&alarm, "updated", &configuration, now));
            changes.alarms.insert(name, Some(alarm));
        }
        Ok(())
    };
    metrics.change(&region, plan).await?;
    Ok(Value::Null)
}

/// "If you specify any incorrect alarm names, the alarms you specify with correct names are still deleted."
pub(super) async fn delete(metrics: &Metrics, call: &Call, input: Names) -> Result<Value, MetricsError> {
    let (region, now) = (call.region.clone(), metrics.now());
    let place = region.clone();
    let plan = move |alarms: &crate::alarms::Alarms, changes: &mut crate::alarms::Changes| {
        let named = |name: &String| input.alarm_names.contains(name);
        let going: Vec<_> = alarms.of(&place).filter(|alarm| named(&alarm.name)).collect();
        if going.is_empty() && !input.alarm_names.is_empty() {
            let names = input.alarm_names.join(", ");
            return Err(MetricsError::NoAlarm(format!("There is no alarm with the name {names}")));
        }
        if going.iter().filter(|alarm| alarm.is_composite()).count() > 1 {
            return Err(MetricsError::validation("Only one composite alarm can be deleted at a time."));
        }
        let staying = alarms.of(&place).filter(|alarm| !named(&alarm.name));
        for parent in staying {
            let Watch::Composite(composite) = &parent.watch else { continue };
            let Ok(rule) = Rule::parse(&composite.rule) else { continue };
            if let Some(child) = rule.alarms().into_iter().find(|child| going.iter().any(|alarm| alarm.name == *child))
            {
                let words = format!("Cannot delete {child} as there are composite alarm(s) depending on it.");
                return Err(MetricsError::Conflict(words));
            }
        }
        for alarm in going {
            let configuration = super::describe::document(alarm, "");
            changes.items.push(Item::of_configuration(alarm, "deleted", &configuration, now));
            changes.alarms.insert(alarm.name.clone(), None);
        }
        Ok(())
    };
    metrics.change(&region, plan).await?;
    Ok(Value::Null)
}
