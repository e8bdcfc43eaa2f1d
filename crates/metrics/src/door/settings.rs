//! Puts an alarm in place of one of the same name.

use super::common::{Common, by_key};
use crate::Metrics;
use crate::alarm::{Alarm, Standing, Watch, name_of, rule::Rule};
use crate::alarms::{Item, MOST};
use crate::error::MetricsError;
use crate::name::has_control;

/// Tags of an alarm.
pub(super) const TAGS: usize = 50;

pub(super) async fn put(metrics: &Metrics, region: &str, common: Common, watch: Watch) -> Result<(), MetricsError> {
    let name = common.alarm_name.clone();
    if has_control(&name) {
        return Err(MetricsError::validation("AlarmName must not contain ASCII control characters"));
    }
    let actions = [&common.ok_actions, &common.alarm_actions, &common.insufficient_data_actions];
    if let Some(action) = actions.into_iter().flatten().find(|action| aws_model::arn::Arn::parse(action).is_none()) {
        return Err(MetricsError::validation(format!("Invalid arn syntax: {action}")));
    }
    if common.tags.len() > TAGS {
        return Err(MetricsError::validation(format!("An alarm can have at most {TAGS} tags.")));
    }
    let (now, place, named) = (metrics.now(), region.to_owned(), name.clone());
    metrics
        .change(region, move |alarms, changes| {
            let known = alarms.get(&place, &name);
            if known.is_some_and(|known| known.is_composite() != matches!(watch, Watch::Composite(_))) {
                let words = format!("An alarm of another type with the name {name} is there already");
                return Err(MetricsError::validation(words));
            }
            if known.is_none() && alarms.of(&place).count() >= MOST {
                let words = format!("The maximum number of {MOST} alarms has been reached");
                return Err(MetricsError::Limit(words));
            }
            if let Watch::Composite(composite) = &watch {
                let rule = Rule::parse(&composite.rule).map_err(|error| MetricsError::validation(error.to_string()))?;
                let suppressor = composite.suppressor.as_deref().map(name_of);
                let missing = |child: &&str| *child != name && alarms.get(&place, child).is_none();
                let missing: Vec<&str> = rule.alarms().into_iter().chain(suppressor).filter(missing).collect();
                if !missing.is_empty() {
                    // aws-cloudformation-user-guide #911.
                    let words = missing.join(", ");
                    return Err(MetricsError::validation(format!(
                        "Could not save the composite alarm as alarms [{words}] in the alarm rule do not exist"
                    )));
                }
            }
            let alarm = Alarm {
                name: name.clone(),
                description: common.alarm_description,
                actions_enabled: common.actions_enabled.unwrap_or(true),
                ok_actions: common.ok_actions,
                alarm_actions: common.alarm_actions,
                insufficient_data_actions: common.insufficient_data_actions,
                watch,
                // "If you are using this operation to update an existing alarm, any tags you specify are ignored."
                tags: known.map_or_else(|| by_key(common.tags), |known| known.tags.clone()),
                configured: now,
                // "When you update an existing alarm, its state is left unchanged."
                standing: known.map_or_else(|| Standing::new(now), |known| known.standing.clone()),
                // "If you replace the action suppressor alarm, any active period is discarded."
                held: None,
                action_configuration: common.action_configuration,
            };
            let verb = if known.is_some() { "updated" } else { "created" };
            let configuration = super::describe::document(&alarm, "");
            changes.items.push(Item::of_configuration(&alarm, verb, &configuration, now));
            changes.put.insert(name.clone());
            changes.alarms.insert(name, Some(alarm));
            Ok(())
        })
        .await?;
    metrics.look_again(region, &named);
    Ok(())
}
