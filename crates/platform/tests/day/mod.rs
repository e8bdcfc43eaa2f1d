//! The points of fifty containers, written as the platform writes them, on a clock that is turned on: what it measures of
//! its services, tasks, containers and balancer, every 20 seconds and every minute. Only the numbers are made up.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_model::{Answer, Call, Document, Door, Service};
use metrics::Metrics;
use platform_core::measure::traffic::{Count, FIRST_BUCKET, GroupCount, ListenerCount, bucket_of, traffic};
use platform_core::measure::{self, ContainerReading, EVERY, MINUTE, Reading, TaskReading};
use serde_json::{Value, json};
use store::Store;
use testkit::Stage;
use testkit::fixtures::{ACCOUNT, REGION};

/// Services, and tasks of each; a task has one container.
pub(crate) const SERVICES: usize = 10;
pub(crate) const TASKS: usize = 5;
/// 2023-11-15, midnight: the clock's beginning.
const START: i64 = 1_700_006_400_000;
/// How often the platform sweeps.
const SWEEP_EVERY: i64 = 600_000;

/// Fifty containers, and the CloudWatch that hears of them.
pub(crate) struct Day {
    stage: Stage,
    pub(crate) metrics: Metrics,
    now: Arc<AtomicI64>,
    last: Reading,
    last_minute: Reading,
    noise: u64,
}

/// What was written.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Wrote {
    /// Calls of CloudWatch.
    pub(crate) calls: usize,
    /// Data that they had.
    pub(crate) data: usize,
}

impl Day {
    /// Makes the services and an empty CloudWatch in a directory.
    pub(crate) fn new(dir: &Path) -> Self {
        let mut stage = Stage::default();
        stage.now = START;
        let elb = |stage: &mut Stage, operation: &str, input: Value| {
            stage.call_of(Service::ElbV2, operation, input).expect(operation)
        };
        let settings = json!([{"name": "containerInsights", "value": "enhanced"}]);
        stage.call("CreateCluster", json!({"clusterName": "c", "settings": settings})).expect("a cluster");
        let balancer = json!({"Name": "front", "Subnets": ["subnet-1", "subnet-2"]});
        let balancer = elb(&mut stage, "CreateLoadBalancer", balancer)["LoadBalancers"][0]["LoadBalancerArn"].clone();
        for number in 0..SERVICES {
            let name = format!("s{number}");
            let group = json!({"Name": name, "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": "vpc-1"});
            let group = elb(&mut stage, "CreateTargetGroup", group)["TargetGroups"][0]["TargetGroupArn"].clone();
            let forward = json!([{"Type": "forward", "TargetGroupArn": group}]);
            let listener = json!({"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 8000 + number,
                "DefaultActions": forward});
            elb(&mut stage, "CreateListener", listener);
            let container = json!({"name": "main", "image": "i", "portMappings": [{"containerPort": 80}]});
            let definition = json!({"family": name, "cpu": "256", "memory": "512", "networkMode": "awsvpc",
                "requiresCompatibilities": ["FARGATE"], "containerDefinitions": [container]});
            stage.call("RegisterTaskDefinition", definition).expect("a definition");
            let finely = json!({"metricNames": ["CPUUtilization", "MemoryUtilization"], "resolutionSeconds": 20});
            let service = json!({"cluster": "c", "serviceName": name, "taskDefinition": name, "desiredCount": TASKS,
                "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
                "monitoring": {"metricConfigurations": [finely]},
                "loadBalancers": [{"targetGroupArn": group, "containerName": "main", "containerPort": 80}]});
            stage.call("CreateService", service).expect("a service");
        }
        stage.run(60_000);
        let now = Arc::new(AtomicI64::new(START));
        let clock = now.clone();
        let store = Store::open(dir).expect("a store");
        let metrics = Metrics::open(store, ACCOUNT, Arc::new(move || clock.load(Ordering::SeqCst)));
        let metrics = metrics.expect("an empty CloudWatch");
        Self { stage, metrics, now, last: Reading::default(), last_minute: Reading::default(), noise: 1 }
    }

    /// Returns how many tasks are measured.
    pub(crate) fn tasks(&self) -> usize {
        self.stage.world.tasks.values().filter(|task| !task.is_stopped()).count()
    }

    /// Turns the clock on by some minutes, and writes what is measured on the way.
    pub(crate) async fn pass(&mut self, minutes: i64) -> Wrote {
        let mut wrote = Wrote::default();
        let until = self.now.load(Ordering::SeqCst) + minutes * MINUTE;
        while self.now.load(Ordering::SeqCst) < until {
            let at = self.now.fetch_add(EVERY, Ordering::SeqCst) + EVERY;
            let reading = self.read(at);
            let world = &self.stage.world;
            let mut all = measure::usage(world, &self.last, &reading);
            if at.rem_euclid(MINUTE) == 0 {
                all.extend(measure::insights(world, &self.last_minute, &reading));
                all.extend(measure::hosts(world, at - MINUTE));
                self.last_minute = reading.clone();
            }
            self.last = reading;
            all.extend(traffic(&self.count(at)));
            for ((region, namespace), data) in platform::calls(all) {
                wrote.calls += 1;
                wrote.data += data.len();
                self.metrics.put(&region, namespace, data).await.expect("points are kept");
            }
            if at.rem_euclid(SWEEP_EVERY) == 0 {
                self.metrics.sweep().await.expect("points are swept");
            }
        }
        wrote
    }

    /// Returns a number below `most` that no compression could have removed.
    fn draw(&mut self, most: u64) -> u64 {
        self.noise = self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.noise >> 33) % most
    }

    fn read(&mut self, at: i64) -> Reading {
        let arns: Vec<String> = self.stage.world.tasks.keys().cloned().collect();
        let mut tasks = BTreeMap::new();
        for arn in arns {
            let before = self.last.tasks.get(&arn).cloned().unwrap_or_default();
            let used = before.containers.get("main").copied().unwrap_or_default();
            // Up to a quarter of a processor, and about 200 MiB.
            let cpu_ns = used.cpu_ns + self.draw(5_000_000_000);
            let memory = (190 << 20) + self.draw(20 << 20);
            let containers = [("main".to_owned(), ContainerReading { cpu_ns, memory })].into();
            let (received, sent) = (before.received + self.draw(1 << 20), before.sent + self.draw(1 << 22));
            tasks.insert(arn, TaskReading { received, sent, containers });
        }
        Reading { at, tasks }
    }

    /// What a balancer counts in 20 seconds: some hundred requests for each service.
    fn count(&mut self, until: i64) -> Count {
        let world = &self.stage.world;
        let groups: Vec<String> = world.target_groups.keys().cloned().collect();
        let listeners: Vec<String> = world.listeners.keys().cloned().collect();
        let mut count = Count { from: until - EVERY, until, ..Count::default() };
        for (group, listener) in groups.into_iter().zip(listeners) {
            let requests = 100 + self.draw(400);
            let mut times: BTreeMap<usize, u64> = BTreeMap::new();
            let mut micros = 0;
            for _ in 0..requests {
                // Most are short, some are a hundred times as long.
                let took = 1_000 + self.draw(100).pow(3);
                micros += took;
                *times.entry(bucket_of(took)).or_default() += 1;
            }
            let failed = self.draw(3);
            let times = times.into_iter().map(|(bucket, n)| (FIRST_BUCKET + bucket as i32, n)).collect();
            count.groups.push(GroupCount {
                group,
                listener: listener.clone(),
                targets: TASKS as u64,
                requests,
                codes: [requests - failed, 0, 0, failed],
                connections: self.draw(20),
                in_flight: self.draw(5),
                micros,
                times,
                ..GroupCount::default()
            });
            let (connections, bytes, open) = (self.draw(50), requests * 3_000, self.draw(20));
            count.listeners.push(ListenerCount { listener, connections, bytes, open, ..ListenerCount::default() });
        }
        count
    }

    /// Asks for the CPU of every service over the last hours, in periods; returns how many values came.
    pub(crate) async fn ask(&self, hours: i64, period: i64) -> usize {
        let query = |number: usize| {
            let dimensions =
                json!([{"Name": "ClusterName", "Value": "c"}, {"Name": "ServiceName", "Value": format!("s{number}")}]);
            let metric = json!({"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Dimensions": dimensions});
            json!({"Id": format!("m{number}"), "MetricStat": {"Metric": metric, "Period": period, "Stat": "Average"}})
        };
        let queries: Vec<Value> = (0..SERVICES).map(query).collect();
        let answer = self.call("GetMetricData", self.window(hours, json!({"MetricDataQueries": queries}))).await;
        let results = answer["MetricDataResults"].as_array().expect("results");
        results.iter().map(|result| result["Values"].as_array().map_or(0, Vec::len)).sum()
    }

    /// Asks for a percentile of the response times of a balancer; returns how many values came.
    pub(crate) async fn ask_percentile(&self, hours: i64, period: i64) -> usize {
        let balancer = self.stage.world.load_balancers.keys().next().expect("a balancer");
        let balancer = balancer.split_once("loadbalancer/").expect("an ARN").1;
        let dimensions = json!([{"Name": "LoadBalancer", "Value": balancer}]);
        let metric =
            json!({"Namespace": "AWS/ApplicationELB", "MetricName": "TargetResponseTime", "Dimensions": dimensions});
        let query = json!({"Id": "p", "MetricStat": {"Metric": metric, "Period": period, "Stat": "p99"}});
        let answer = self.call("GetMetricData", self.window(hours, json!({"MetricDataQueries": [query]}))).await;
        answer["MetricDataResults"][0]["Values"].as_array().map_or(0, Vec::len)
    }

    fn window(&self, hours: i64, mut input: Value) -> Value {
        let now = self.now.load(Ordering::SeqCst);
        input["StartTime"] = aws_model::seconds(now - hours * 3_600_000);
        input["EndTime"] = aws_model::seconds(now);
        input
    }

    async fn call(&self, name: &str, input: Value) -> Document {
        let operation = Service::CloudWatch.model().operation(name).expect("CloudWatch has it");
        let input = input.as_object().cloned().unwrap_or_default();
        let call = Call {
            operation,
            region: REGION.to_owned(),
            access_key: String::new(),
            authority: String::new(),
            input,
            request_id: String::new(),
        };
        match self.metrics.call(call).await.expect("it answers") {
            Answer::Document(document) => document,
            Answer::Events(_) => panic!("{name} answers no stream"),
        }
    }
}
