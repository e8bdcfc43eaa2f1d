//! Asks how services stand that are scaled, and what was done to them.

use std::collections::{BTreeMap, BTreeSet};

use aws::{AUTOSCALING, CLOUDWATCH, CallError, Client, items};
use aws_model::{Document, Millis};
use deploy_core::Desired;
use deploy_core::plan::scaling::{ScaledService, resource};
use futures_util::future::try_join_all;
use futures_util::try_join;
use serde_json::{Value, json};

use super::standing::{Facts, ScalingActivity, ScalingStatus, standing};
use crate::observe::{object, text};

/// Most activities of one answer (API reference, DescribeScalingActivities).
const ACTIVITIES: usize = 50;

/// How far back a value may lie that is shown as what is.
const LATELY: Millis = 5 * 60_000;

/// Most alarms of one answer (API reference, DescribeAlarms).
const ALARMS: usize = 100;

/// Returns how services stand that are scaled, by their names in ECS; `counts` are the tasks that are wanted, and those that
/// run. Says why where it could not find out.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn status(
    client: &Client,
    desired: &Desired,
    counts: &BTreeMap<String, (i64, i64)>,
) -> Result<(BTreeMap<String, ScalingStatus>, Vec<String>), CallError> {
    let names: Vec<String> = desired.services.iter().map(|service| service.name.clone()).collect();
    let looked = super::services(client, &desired.cluster, &names).await?.scaling;
    let scales = desired.services.iter().any(|service| service.scaling.is_some());
    let mut notes: Vec<String> = looked
        .unseen
        .iter()
        .filter(|_| scales)
        .map(|why| format!("how services are scaled could not be told: {why}"))
        .collect();
    let asked = looked.services.into_iter().map(async |(name, scaled)| {
        let (desired_count, running) = counts.get(&name).copied().unwrap_or_default();
        let (facts, why) = facts(client, &desired.cluster, &name, scaled).await?;
        let facts = Facts { desired: desired_count, running, now: client.now(), ..facts };
        Ok::<_, CallError>((name, standing(&facts), why))
    });
    let mut all = BTreeMap::new();
    for (name, status, why) in try_join_all(asked).await? {
        notes.extend(why.map(|why| format!("what {name} is scaled by could not be measured: {why}")));
        all.insert(name, status);
    }
    Ok((all, notes))
}

async fn facts(
    client: &Client,
    cluster: &str,
    name: &str,
    scaled: ScaledService,
) -> Result<(Facts, Option<String>), CallError> {
    let measured = async { try_join!(values(client, &scaled), raised(client, &scaled)) };
    let (activities, measured) = futures_util::join!(activities(client, cluster, name), measured);
    let activities = activities?;
    let ((values, raised), why) = match measured {
        Ok(found) => (found, None),
        Err(error) if error.is_unserved() || error.is_denied() => (Default::default(), Some(error.to_string())),
        Err(error) => return Err(error),
    };
    Ok((Facts { scaled, values, raised, activities, ..Facts::default() }, why))
}

/// Returns what was done to a service, newest first: the last fifty things.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn activities(client: &Client, cluster: &str, name: &str) -> Result<Vec<ScalingActivity>, CallError> {
    let mut input = resource(cluster, name);
    input.insert("MaxResults".to_owned(), ACTIVITIES.into());
    let answer = match client.call(&AUTOSCALING, "DescribeScalingActivities", input).await {
        Err(error) if error.is_unserved() || error.is_denied() => return Ok(Vec::new()),
        answer => answer?,
    };
    let all = items(&answer, "ScalingActivities").iter().filter_map(Value::as_object);
    Ok(all.filter_map(ScalingActivity::read).collect())
}

/// Returns what was done to every service of a stage, newest first, by its name in the manifest.
///
/// # Errors
/// See [`CallError`].
pub async fn history(client: &Client, desired: &Desired) -> Result<Vec<(String, ScalingActivity)>, CallError> {
    let asked = desired.services.iter().map(async |service| {
        let found = activities(client, &desired.cluster, &service.name).await?;
        Ok::<_, CallError>(found.into_iter().map(|one| (service.service.clone(), one)).collect::<Vec<_>>())
    });
    let mut all: Vec<_> = try_join_all(asked).await?.into_iter().flatten().collect();
    all.sort_by_key(|(_, one)| std::cmp::Reverse(one.at));
    Ok(all)
}

/// Returns the alarms of policies that are raised.
async fn raised(client: &Client, scaled: &ScaledService) -> Result<BTreeSet<String>, CallError> {
    let alarms = scaled.policies.iter().flat_map(|policy| items(policy, "Alarms"));
    let names: Vec<&str> = alarms.filter_map(|alarm| alarm.get("AlarmName")?.as_str()).collect();
    let mut raised = BTreeSet::new();
    for names in names.chunks(ALARMS) {
        let input = object(json!({ "AlarmNames": names, "StateValue": "ALARM", "MaxRecords": ALARMS }));
        let answer = client.call(&CLOUDWATCH, "DescribeAlarms", input).await?;
        let found = items(&answer, "MetricAlarms").iter().filter_map(|alarm| alarm.get("AlarmName")?.as_str());
        raised.extend(found.map(str::to_owned));
    }
    Ok(raised)
}

/// Returns the newest values of what policies hold, by the policies' names.
async fn values(client: &Client, scaled: &ScaledService) -> Result<BTreeMap<String, f64>, CallError> {
    let resource = text(&scaled.target, "ResourceId");
    let asked =
        scaled.policies.iter().filter_map(|policy| Some((text(policy, "PolicyName"), queries(policy, resource)?)));
    let found = asked.map(async |(name, queries)| Ok::<_, CallError>((name.to_owned(), value(client, queries).await?)));
    let found = try_join_all(found).await?;
    Ok(found.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

async fn value(client: &Client, queries: Vec<Value>) -> Result<Option<f64>, CallError> {
    let now = client.now();
    let at = |at: Millis| jiff::Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default();
    let input = object(json!({
        "MetricDataQueries": queries, "StartTime": at(now - LATELY), "EndTime": at(now), "ScanBy": "TimestampDescending",
    }));
    let answer = client.call(&CLOUDWATCH, "GetMetricData", input).await?;
    let first = items(&answer, "MetricDataResults").first().and_then(Value::as_object).cloned().unwrap_or_default();
    // In the Query protocol everything is text.
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    Ok(items(&first, "Values").first().and_then(number))
}

/// Returns the queries that tell what a policy holds; none of a policy that holds nothing.
fn queries(policy: &Document, resource: &str) -> Option<Vec<Value>> {
    let configuration = policy.get("TargetTrackingScalingPolicyConfiguration")?;
    if let Some(custom) = configuration.get("CustomizedMetricSpecification") {
        if let Some(math) = custom.get("Metrics").and_then(Value::as_array) {
            return Some(math.iter().cloned().map(with_period).collect());
        }
        let member = |name: &str| custom.get(name).cloned().unwrap_or_default();
        let metric = json!({
            "Namespace": member("Namespace"), "MetricName": member("MetricName"),
            "Dimensions": custom.get("Dimensions").cloned().unwrap_or_else(|| json!([])),
        });
        return Some(vec![one(metric, &member("Statistic"))]);
    }
    let predefined = configuration.get("PredefinedMetricSpecification")?;
    let kind = predefined.get("PredefinedMetricType")?.as_str()?;
    if kind == "ALBRequestCountPerTarget" {
        let label = predefined.get("ResourceLabel")?.as_str()?;
        let (balancer, group) = label.split_at(label.find("/targetgroup/")?);
        let metric = metric(
            "AWS/ApplicationELB",
            "RequestCountPerTarget",
            [("TargetGroup", &group[1..]), ("LoadBalancer", balancer)],
        );
        return Some(vec![one(metric, &json!("Sum"))]);
    }
    let (cluster, service) = resource.strip_prefix("service/")?.split_once('/')?;
    let name = if kind.contains("Memory") { "MemoryUtilization" } else { "CPUUtilization" };
    let metric = metric("AWS/ECS", name, [("ClusterName", cluster), ("ServiceName", service)]);
    Some(vec![one(metric, &json!("Average"))])
}

fn metric(namespace: &str, name: &str, dimensions: [(&str, &str); 2]) -> Value {
    let dimensions = dimensions.map(|(name, value)| json!({ "Name": name, "Value": value }));
    json!({ "Namespace": namespace, "MetricName": name, "Dimensions": dimensions })
}

fn one(metric: Value, statistic: &Value) -> Value {
    json!({ "Id": "held", "MetricStat": { "Metric": metric, "Period": 60, "Stat": statistic } })
}

/// A policy's queries have no period of their own: it is the policy's minute.
fn with_period(mut query: Value) -> Value {
    if let Some(stat) = query.get_mut("MetricStat").and_then(Value::as_object_mut) {
        stat.entry("Period").or_insert_with(|| json!(60));
    }
    query
}
