//! Asks what a stage uses: ECS who is there, CloudWatch what they use. What that means is decided by `deploy_core::top`.

use std::collections::{BTreeMap, HashMap};

use aws::{CLOUDWATCH, CallError, Client, ECS, ELB, items};
use aws_model::{Document, Millis};
use deploy_core::desired::Desired;
use deploy_core::top::{
    Answers, Group, Insights, MINUTE, Point, Question, Seen, SeenContainer, SeenService, SeenTask, Top, Usage, WINDOW,
    has_failed, questions, table,
};
use futures_util::future::{try_join_all, try_join3};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::observe::{self, object, text};
use crate::stage;
use crate::tasks::{self, Row, TaskRole};

/// Most metrics that one call of GetMetricData takes (API reference).
const AT_ONCE: usize = 500;
/// Most target groups that are described at once: a page of DescribeTargetGroups is no shorter.
const GROUPS_AT_ONCE: usize = 20;

/// Looks at a stage again and again, and remembers what does not change between two looks.
#[derive(Debug)]
pub struct Looker {
    client: Client,
    desired: Desired,
    /// By the target group's ARN.
    groups: HashMap<String, Group>,
}

impl Looker {
    /// Returns one that has seen nothing yet.
    pub fn new(client: Client, desired: Desired) -> Self {
        Self { client, desired, groups: HashMap::new() }
    }

    /// Looks once: who is there, and what they use.
    ///
    /// # Errors
    /// See [`CallError`]. That metrics are not served, or not ours to read, is said in the table.
    pub async fn look(&mut self) -> Result<Top, CallError> {
        let (seen, ways) = self.see().await?;
        let now = self.client.now();
        let mut top = match ask(&self.client, &questions(&seen), now).await {
            Ok(answers) => table(&seen, &answers, now),
            // What else is missing follows from this.
            Err(error) if is_told(&error) => Top { notes: vec![untold(&error)], ..table(&seen, &Answers::new(), now) },
            Err(error) => return Err(error),
        };
        top.notes.extend(ways);
        Ok(top)
    }

    /// Returns who is there, and why load balancers are not known if they are not.
    async fn see(&mut self) -> Result<(Seen, Option<String>), CallError> {
        let (client, desired) = (&self.client, &self.desired);
        let (cluster, services, tasks) = try_join3(
            observe::cluster_whole(client, &desired.cluster),
            services(client, desired),
            tasks::tasks(client, desired, true),
        )
        .await?;
        let ways = match learn(client, services.values(), &mut self.groups).await {
            Err(error) if is_told(&error) => Some(format!("requests and latency are not known: {error}")),
            learned => learned.map(|()| None)?,
        };
        let insights = cluster.as_ref().map_or(Insights::Disabled, Insights::of);
        let seen = outline(client, desired, insights, &services, &self.groups);
        Ok((Seen { tasks: tasks.iter().map(|row| task(desired, row)).collect(), ..seen }, ways))
    }
}

/// Returns what the services of a stage use, by their names in ECS: of services alone, with one question to CloudWatch.
/// Where metrics are not served, or not ours to read, nothing is known.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn of_services(client: &Client, desired: &Desired) -> Result<BTreeMap<String, Usage>, CallError> {
    let services = services(client, desired).await?;
    let mut groups = HashMap::new();
    match learn(client, services.values(), &mut groups).await {
        Err(error) if !is_told(&error) => return Err(error),
        _ => {}
    }
    let seen = outline(client, desired, Insights::Disabled, &services, &groups);
    let now = client.now();
    let answers = match ask(client, &questions(&seen), now).await {
        Err(error) if is_told(&error) => Answers::new(),
        answers => answers?,
    };
    let rows = table(&seen, &answers, now).services.into_iter();
    // Tasks were not looked at: that none failed is not known here.
    let usages = rows.map(|row| Usage { failed_tasks: None, ..row.usage });
    let names = seen.services.into_iter().map(|service| service.name);
    Ok(names.zip(usages).filter(|(_, usage)| !usage.is_unknown()).collect())
}

/// Whether an error says no more than that there are no metrics for us.
fn is_told(error: &CallError) -> bool {
    error.is_unserved() || error.is_denied() || error.is_wordless()
}

fn untold(error: &CallError) -> String {
    if error.is_denied() {
        return format!("metrics may not be read: {error}; allow cloudwatch:GetMetricData");
    }
    format!("the endpoint tells no metrics: {error}")
}

async fn services(client: &Client, desired: &Desired) -> Result<BTreeMap<String, Document>, CallError> {
    let names: Vec<String> = desired.services.iter().map(|service| service.name.clone()).collect();
    stage::services(client, &desired.cluster, &names).await
}

/// Asks for the load balancers of target groups that are not known yet.
async fn learn(
    client: &Client,
    services: impl Iterator<Item = &Document>,
    known: &mut HashMap<String, Group>,
) -> Result<(), CallError> {
    let mut new: Vec<String> =
        services.flat_map(groups_of).filter(|arn| !known.contains_key(*arn)).map(str::to_owned).collect();
    new.sort();
    new.dedup();
    let ask = |arns: &[String]| {
        let input = object(json!({ "TargetGroupArns": arns }));
        async move { client.call(&ELB, "DescribeTargetGroups", input).await }
    };
    for answer in try_join_all(new.chunks(GROUPS_AT_ONCE).map(ask)).await? {
        for found in items(&answer, "TargetGroups").iter().filter_map(Value::as_object) {
            // One that no load balancer uses yet may be used by the next look.
            if let Some(group) = Group::of(found) {
                known.insert(text(found, "TargetGroupArn").to_owned(), group);
            }
        }
    }
    Ok(())
}

fn groups_of(service: &Document) -> impl Iterator<Item = &str> {
    let bindings = items(service, "loadBalancers").iter().filter_map(Value::as_object);
    bindings.map(|binding| text(binding, "targetGroupArn")).filter(|arn| !arn.is_empty())
}

/// Returns a stage with its services and without its tasks.
fn outline(
    client: &Client,
    desired: &Desired,
    insights: Insights,
    services: &BTreeMap<String, Document>,
    groups: &HashMap<String, Group>,
) -> Seen {
    let endpoint = client.endpoint(&ECS);
    let one = |service: &deploy_core::desired::ServiceDoc| {
        let live = services.get(&service.name);
        let count = |name: &str| live.and_then(|live| live.get(name)?.as_i64()).unwrap_or_default();
        SeenService {
            service: service.service.clone(),
            name: service.name.clone(),
            exists: live.is_some(),
            desired: count("desiredCount"),
            running: count("runningCount"),
            groups: live.into_iter().flat_map(groups_of).filter_map(|arn| groups.get(arn).cloned()).collect(),
        }
    };
    Seen {
        app: desired.app.clone(),
        stage: desired.stage.clone(),
        cluster: desired.cluster.clone(),
        region: client.region().to_owned(),
        endpoint: aws::endpoint::is_loopback(&endpoint).then_some(endpoint),
        insights,
        services: desired.services.iter().map(one).collect(),
        tasks: Vec::new(),
    }
}

fn task(desired: &Desired, row: &Row) -> SeenTask {
    let task = &row.task;
    let service = desired.services.iter().find(|service| service.service == row.owner);
    let container = |container: &crate::watch::ContainerView| SeenContainer {
        name: container.name.clone(),
        state: container.state.word(),
    };
    let state = task.last_status.to_lowercase();
    let state = match row.health.as_str() {
        "HEALTHY" | "UNHEALTHY" if state == "running" => format!("{state}, {}", row.health.to_lowercase()),
        _ => state,
    };
    SeenTask {
        id: task.id.clone(),
        owner: row.owner.clone(),
        service: service.filter(|_| row.kind == TaskRole::Service).map(|service| service.name.clone()),
        family: row.revision.rsplit_once(':').map_or(row.revision.as_str(), |(family, _)| family).to_owned(),
        state,
        started: row.times.started,
        is_ending: task.is_ending(),
        has_failed: has_failed(&task.stop_code, &task.stopped_reason),
        containers: task.containers.iter().map(container).collect(),
    }
}

/// Asks CloudWatch for the last minutes of metrics.
async fn ask(client: &Client, questions: &[Question], now: Millis) -> Result<Answers, CallError> {
    let this_minute = now - now.rem_euclid(MINUTE);
    let span = (instant(this_minute - WINDOW), instant(this_minute + MINUTE));
    let calls = questions.chunks(AT_ONCE).map(|chunk| ask_some(client, chunk, &span));
    let mut all = Answers::new();
    for (chunk, answered) in questions.chunks(AT_ONCE).zip(try_join_all(calls).await?) {
        for (question, points) in chunk.iter().zip(answered) {
            if !points.is_empty() {
                all.insert((question.of.clone(), question.measure), points);
            }
        }
    }
    Ok(all)
}

/// Returns the points of each question.
async fn ask_some(
    client: &Client,
    questions: &[Question],
    (start, end): &(String, String),
) -> Result<Vec<Vec<Point>>, CallError> {
    let query = |(at, question): (usize, &Question)| {
        let dimensions: Vec<Value> =
            question.dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
        let metric =
            json!({ "Namespace": question.namespace, "MetricName": question.metric, "Dimensions": dimensions });
        json!({ "Id": format!("m{at}"), "MetricStat": { "Metric": metric, "Period": 60, "Stat": question.statistic } })
    };
    let queries: Vec<Value> = questions.iter().enumerate().map(query).collect();
    let mut input = object(json!({ "MetricDataQueries": queries, "StartTime": start, "EndTime": end }));
    let mut answers = vec![Vec::new(); questions.len()];
    loop {
        let answer = client.call(&CLOUDWATCH, "GetMetricData", input.clone()).await?;
        for result in items(&answer, "MetricDataResults").iter().filter_map(Value::as_object) {
            let at = text(result, "Id").strip_prefix('m').and_then(|at| at.parse::<usize>().ok());
            let Some(points) = at.and_then(|at| answers.get_mut(at)) else { continue };
            let times = items(result, "Timestamps").iter().map(|time| time.as_str().and_then(millis));
            let values = items(result, "Values").iter().map(number);
            points.extend(times.zip(values).filter_map(|(time, value)| Some((time?, value?))));
        }
        if !aws::go_on(&mut input, &answer) {
            return Ok(answers);
        }
    }
}

/// Returns an instant as CloudWatch takes it.
fn instant(at: Millis) -> String {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

fn millis(time: &str) -> Option<Millis> {
    time.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// Returns a number; XML carries it as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, status: u16) -> CallError {
        let (operation, code) = ("GetMetricData".to_owned(), code.to_owned());
        let message = "User may not".to_owned();
        CallError::Service { service: "monitoring", operation, code, message, status, request_id: String::new() }
    }

    #[test]
    fn who_may_not_read_metrics_is_told_what_to_allow_and_keeps_the_rest() {
        let denied = refused("AccessDenied", 403);
        assert!(is_told(&denied));
        let words = untold(&denied);
        assert!(words.contains("User may not") && words.ends_with("allow cloudwatch:GetMetricData"), "{words}");
        let unserved = refused("InvalidAction", 400);
        assert!(is_told(&unserved) && untold(&unserved).starts_with("the endpoint tells no metrics"));
        assert!(!is_told(&refused("ExpiredToken", 403)), "that is no matter of metrics");
    }

    #[test]
    fn instants_and_numbers_are_read_as_xml_has_them() {
        let at = 1_800_000_000_000;
        assert_eq!((instant(at).as_str(), millis(&instant(at))), ("2027-01-15T08:00:00Z", Some(at)));
        assert_eq!((millis("2027-01-15T08:00:00.000Z"), millis("soon")), (Some(at), None));
        assert_eq!(
            [json!("1.5E-3"), json!(2), json!("NaN"), json!(null)].map(|v| number(&v)),
            [Some(0.0015), Some(2.0), None, None]
        );
    }
}
