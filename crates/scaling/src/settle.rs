//! Alarms follow policies: what is missing or different is put, what no policy wants is deleted.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::{Answer, AwsError, Call, Document, Door, Service};
use platform_core::scaling::{Policy, wanted};
use serde_json::{Value, json};

use crate::{Scaling, wish};

/// How the names of a policy's alarms begin.
const PREFIX: &str = "TargetTracking-service/";
/// Most alarms of one call (DescribeAlarms, DeleteAlarms).
const AT_ONCE: usize = 100;

impl Scaling {
    /// Settles every region; at the start, since a platform may have ended between a policy and its alarms.
    ///
    /// # Errors
    /// Whatever CloudWatch refuses.
    pub async fn settle_all(&self) -> Result<(), AwsError> {
        let mut regions: BTreeSet<String> =
            self.handle.read(|world| world.records.everywhere::<Policy>().map(|policy| policy.region).collect());
        regions.extend(self.metrics.alarms_named(PREFIX).into_iter().map(|(region, _)| region));
        for region in regions {
            self.settle(&region).await?;
        }
        Ok(())
    }

    /// Settles a region.
    pub(crate) async fn settle(&self, region: &str) -> Result<(), AwsError> {
        let policies: Vec<Policy> = self.handle.read(|world| world.records.all::<Policy>(region).collect());
        let inputs = policies.iter().flat_map(|policy| {
            wanted(policy).into_iter().map(move |alarm| (alarm.name.clone(), wish::input(policy, &alarm)))
        });
        let mut inputs: BTreeMap<String, Document> = inputs.collect();
        let known = self.metrics.alarms_named(PREFIX).into_iter().filter(|(place, _)| place == region);
        let known: Vec<String> = known.map(|(_, name)| name).collect();
        let gone: Vec<&String> = known.iter().filter(|name| !inputs.contains_key(*name)).collect();
        for names in gone.chunks(AT_ONCE) {
            self.ask(region, "DeleteAlarms", json!({"AlarmNames": names})).await?;
        }
        let there: Vec<&String> = known.iter().filter(|name| inputs.contains_key(*name)).collect();
        let mut settled: BTreeSet<String> = BTreeSet::new();
        for names in there.chunks(AT_ONCE) {
            let answer =
                self.ask(region, "DescribeAlarms", json!({"AlarmNames": names, "MaxRecords": AT_ONCE})).await?;
            let alarms = answer.get("MetricAlarms").and_then(Value::as_array).into_iter().flatten();
            for alarm in alarms.filter_map(Value::as_object) {
                let name = alarm.get("AlarmName").and_then(Value::as_str).unwrap_or_default();
                if inputs.get(name).is_some_and(|input| wish::is_so(input, alarm)) {
                    settled.insert(name.to_owned());
                }
            }
        }
        inputs.retain(|name, _| !settled.contains(name));
        for input in inputs.into_values() {
            self.ask(region, "PutMetricAlarm", Value::Object(input)).await?;
        }
        Ok(())
    }

    /// Calls CloudWatch as any caller would.
    async fn ask(&self, region: &str, name: &str, input: Value) -> Result<Document, AwsError> {
        let operation = Service::CloudWatch.model().operation(name);
        let operation = operation.ok_or_else(|| AwsError::server(format!("CloudWatch has no {name}")))?;
        let call = Call {
            operation,
            region: region.to_owned(),
            access_key: String::new(),
            authority: String::new(),
            input: input.as_object().cloned().unwrap_or_default(),
            request_id: String::new(),
        };
        match self.metrics.call(call).await? {
            Answer::Document(document) => Ok(document),
            Answer::Events(_) => Err(AwsError::server(format!("{name} answers no stream"))),
        }
    }
}
