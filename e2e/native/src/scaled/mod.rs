//! A service that really works for each request, behind a balancer, and the policies that scale it.
//!
//! `policies.json` has the policies as AWS's API reference has them; a test puts them with the product's own client and
//! with boto3.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use crate::image::push_scripts;
use crate::platform::{Platform, free_port, get, until};

/// The cluster of all of them.
pub const CLUSTER: &str = "c";
/// A page that takes a few milliseconds of a whole processor.
pub const BUSY: &str = "/cgi-bin/burn";
/// A page that takes a tenth of a second, and no processor.
pub const SLOW: &str = "/cgi-bin/wait";

/// Most tasks of a service that is scaled here.
pub const MOST: u64 = 3;

/// The policies' documents, by name; `LABEL` stands for what names the balancer and the group.
const POLICIES: &str = include_str!("policies.json");
const PUT_POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/scaled/put_policies.py");

const BURN: &str = "#!/bin/sh\ni=0\nwhile [ $i -lt 4000 ]; do i=$((i+1)); done\n";
const WAIT: &str = "#!/bin/sh\nsleep 0.1\n";
const ANSWER: &str =
    "printf 'Content-Type: text/plain\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\ndone\\n'\n";

/// A service with one task, that may have up to [`MOST`].
pub struct Scaled {
    /// Its name.
    pub name: &'static str,
    /// Where it is balanced.
    pub address: SocketAddr,
    /// `app/NAME/ID` of its balancer.
    pub balancer: String,
    /// `targetgroup/NAME/ID` of its group.
    pub group: String,
}

/// Makes the cluster and the image that all of them run, and returns the image.
pub async fn prepare(platform: &Platform) -> String {
    platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": CLUSTER})).await;
    let (burn, wait) = (format!("{BURN}{ANSWER}"), format!("{WAIT}{ANSWER}"));
    let scripts = [("/www/cgi-bin/burn", burn.as_str()), ("/www/cgi-bin/wait", wait.as_str())];
    push_scripts(platform, "scaled", &scripts, &json!({"Env": ["PATH=/bin"]})).await
}

impl Scaled {
    /// Makes the service, and its scalable target; returns once the one task serves.
    pub async fn start(platform: &Platform, image: &str, name: &'static str) -> Self {
        let balancer = json!({"Name": name, "Subnets": ["subnet-1", "subnet-2"]});
        let balancer = platform.call(&aws::ELB, "CreateLoadBalancer", balancer).await;
        let balancer = text(&aws::items(&balancer, "LoadBalancers")[0]["LoadBalancerArn"]);
        let group = json!({"Name": name, "Protocol": "HTTP", "Port": 8000, "TargetType": "ip", "VpcId": "vpc-1",
            "HealthCheckPath": "/", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 4, "HealthyThresholdCount": 2,
            "Matcher": {"HttpCode": "200"}});
        let group = platform.call(&aws::ELB, "CreateTargetGroup", group).await;
        let group = text(&aws::items(&group, "TargetGroups")[0]["TargetGroupArn"]);
        let delay = json!([{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}]);
        let delay = json!({"TargetGroupArn": group, "Attributes": delay});
        platform.call(&aws::ELB, "ModifyTargetGroupAttributes", delay).await;
        let port = free_port();
        let forward = json!([{"Type": "forward", "TargetGroupArn": group}]);
        let listener =
            json!({"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port, "DefaultActions": forward});
        platform.call(&aws::ELB, "CreateListener", listener).await;

        let serve = ["httpd", "-f", "-p", "8000", "-h", "/www"];
        let container = json!({"name": "main", "image": image, "command": serve, "stopTimeout": 2,
            "portMappings": [{"containerPort": 8000}]});
        let definition = json!({"family": name, "cpu": "256", "memory": "512", "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"], "containerDefinitions": [container]});
        platform.call(&aws::ECS, "RegisterTaskDefinition", definition).await;
        let finely = json!({"metricNames": ["CPUUtilization", "MemoryUtilization"], "resolutionSeconds": 20});
        let service = json!({"cluster": CLUSTER, "serviceName": name, "taskDefinition": name, "desiredCount": 1,
            "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "loadBalancers": [{"targetGroupArn": group, "containerName": "main", "containerPort": 8000}],
            "monitoring": {"metricConfigurations": [finely]}});
        platform.call(&aws::ECS, "CreateService", service).await;

        let tail = |arn: &str, from: &str| arn.find(from).map(|at| arn[at..].to_owned()).unwrap_or_default();
        let (balancer, group) = (tail(&balancer, "app/"), tail(&group, "targetgroup/"));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let scaled = Self { name, address, balancer, group };
        let page = format!("http://{address}/");
        until("the service answers", platform, || get(&page)).await;
        let settled = || async { (scaled.rollout(platform).await == "COMPLETED").then_some(()) };
        until("its deployment is complete", platform, settled).await;
        scaled.scaling(platform, "RegisterScalableTarget", json!({"MinCapacity": 1, "MaxCapacity": MOST})).await;
        scaled
    }

    /// Returns its name for Application Auto Scaling.
    pub fn resource(&self) -> String {
        format!("service/{CLUSTER}/{}", self.name)
    }

    /// Returns a policy's document.
    pub fn policy(&self, name: &str) -> Value {
        let label = format!("{}/{}", self.balancer, self.group);
        let all: Value = serde_json::from_str(&POLICIES.replace("LABEL", &label)).expect("policies.json is JSON");
        all[name].clone()
    }

    /// Puts policies with the product's own client, and returns their ARNs.
    pub async fn put(&self, platform: &Platform, names: &[&str]) -> Vec<String> {
        let mut arns = Vec::new();
        for name in names {
            let made = self.scaling(platform, "PutScalingPolicy", self.policy(name)).await;
            arns.push(text(&made["PolicyARN"]));
        }
        arns
    }

    /// Puts the same policies with boto3, and returns the names and ARNs of those that the service has then.
    pub fn put_by_boto3(&self, platform: &Platform, names: &[&str]) -> Vec<(String, String)> {
        let policies: Vec<Value> = names.iter().map(|name| self.policy(name)).collect();
        let mut run = Command::new("python3");
        run.arg(PUT_POLICIES).args([platform.endpoint(), self.resource(), Value::from(policies).to_string()]);
        let out = run.output().expect("python3 runs");
        assert!(out.status.success(), "boto3: {}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).expect("it prints JSON")
    }

    /// Makes an alarm that carries a policy out: on its CPU (`AWS/ECS`) or on its requests per target.
    pub async fn alarm(&self, platform: &Platform, policy: &str, more: Value) {
        let mut alarm = json!({"AlarmName": format!("{}-{}", self.name, text(&more["ComparisonOperator"])),
            "AlarmActions": [policy]});
        alarm.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        platform.call(&aws::CLOUDWATCH, "PutMetricAlarm", alarm).await;
    }

    /// Calls Application Auto Scaling about the service.
    pub async fn scaling(&self, platform: &Platform, operation: &str, more: Value) -> Value {
        let mut input = json!({"ServiceNamespace": "ecs", "ResourceId": self.resource()});
        if !operation.starts_with("Describe") {
            input["ScalableDimension"] = json!("ecs:service:DesiredCount");
        }
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        Value::Object(platform.call(&aws::AUTOSCALING, operation, input).await)
    }

    /// Returns why it was scaled, the newest first.
    pub async fn causes(&self, platform: &Platform) -> Vec<String> {
        let told = self.scaling(platform, "DescribeScalingActivities", json!({})).await;
        let all = told["ScalingActivities"].as_array().cloned().unwrap_or_default();
        all.iter().map(|one| format!("{}: {}", text(&one["Description"]), text(&one["Cause"]))).collect()
    }

    async fn described(&self, platform: &Platform) -> Value {
        let input = json!({"cluster": CLUSTER, "services": [self.name]});
        let answer = platform.call(&aws::ECS, "DescribeServices", input).await;
        aws::items(&answer, "services").first().cloned().unwrap_or_default()
    }

    async fn rollout(&self, platform: &Platform) -> String {
        text(&self.described(platform).await["deployments"][0]["rolloutState"])
    }

    /// Returns how many tasks are wanted, and how many run.
    pub async fn counts(&self, platform: &Platform) -> (u64, u64) {
        let service = self.described(platform).await;
        let count = |name: &str| service[name].as_u64().unwrap_or_default();
        (count("desiredCount"), count("runningCount"))
    }

    /// Returns its running tasks, the oldest first.
    pub async fn tasks(&self, platform: &Platform) -> Vec<String> {
        let asked = json!({"cluster": CLUSTER, "serviceName": self.name});
        let arns = platform.call(&aws::ECS, "ListTasks", asked).await["taskArns"].clone();
        if arns.as_array().is_none_or(Vec::is_empty) {
            return Vec::new();
        }
        let asked = json!({"cluster": CLUSTER, "tasks": arns});
        let described = platform.call(&aws::ECS, "DescribeTasks", asked).await;
        let mut tasks: Vec<(f64, String)> = aws::items(&described, "tasks")
            .iter()
            .filter(|task| task["lastStatus"] == "RUNNING")
            .map(|task| (task["createdAt"].as_f64().unwrap_or_default(), text(&task["taskArn"])))
            .collect();
        tasks.sort_by(|one, other| one.0.total_cmp(&other.0));
        tasks.into_iter().map(|(_, arn)| arn).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
