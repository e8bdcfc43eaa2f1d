//! UpdateService at every instant of a first task's life, for real: something of the service runs at all times.
//!
//! Virtual time has the whole of it (`platform-core/tests/properties.rs`). Here the containers are real, and so are
//! the pulls that fail. What is asserted is read from the times that ECS tells of its tasks, so that a busy machine
//! makes the test slower and not wrong.

use std::time::Duration;

use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, until};
use serde_json::{Value, json};

/// Milliseconds from the first task's RUNNING to the update.
const INSTANTS: [u64; 6] = [0, 500, 1000, 1500, 2000, 3000];

/// What the second revision is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another command.
    Good,
    /// An image that does not exist, and the circuit breaker gives up.
    BadBroken,
    /// An image that does not exist, and nothing gives up.
    BadForEver,
}

struct Bench {
    platform: Platform,
    image: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_one_runs_on_whenever_it_is_updated() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "tools").await;
    platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c"})).await;
    let bench = std::sync::Arc::new(Bench { platform, image });
    let cases = [Next::Good, Next::BadBroken].into_iter().flat_map(|next| INSTANTS.map(|at| (next, at)));
    // Without a breaker there is no end to wait for: two instants are enough.
    let cases = cases.chain([(Next::BadForEver, 0), (Next::BadForEver, 2000)]);
    let runs: Vec<_> = cases
        .map(|(next, at)| {
            let bench = bench.clone();
            tokio::spawn(async move { bench.update(next, at).await })
        })
        .collect();
    for run in runs {
        run.await.expect("the case holds");
    }
}

impl Bench {
    async fn update(&self, next: Next, at: u64) {
        let name = format!("{next:?}-{at}").to_lowercase();
        let first = self.register(&name, &self.image, "exec sleep 6001").await;
        let breaker = json!({"enable": next != Next::BadForEver, "rollback": false});
        let service = json!({
            "cluster": "c", "serviceName": name, "taskDefinition": first, "desiredCount": 1, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "deploymentConfiguration":
                {"minimumHealthyPercent": 100, "maximumPercent": 200, "deploymentCircuitBreaker": breaker},
        });
        self.platform.call(&aws::ECS, "CreateService", service).await;
        let nowhere = self.image.replace("tools:1", "tools:none");
        let second = match next {
            Next::Good => self.register(&name, &self.image, "exec sleep 6002").await,
            Next::BadBroken | Next::BadForEver => self.register(&name, &nowhere, "exec sleep 6001").await,
        };
        let old = until(&format!("{name} runs"), &self.platform, || async {
            self.tasks(&name).await.into_iter().find(|t| t["lastStatus"] == "RUNNING")
        })
        .await;
        // Not a wait: the instant is what the case is about.
        tokio::time::sleep(Duration::from_millis(at)).await;
        let update = json!({"cluster": "c", "service": name, "taskDefinition": second});
        self.platform.call(&aws::ECS, "UpdateService", update).await;
        match next {
            Next::Good => self.old_one_leaves(&name, &old, &second).await,
            Next::BadBroken | Next::BadForEver => self.old_one_stays(&name, &old, next).await,
        }
        assert_covered(&name, &self.tasks(&name).await);
    }

    /// The update completes, and its task runs alone.
    async fn old_one_leaves(&self, name: &str, old: &Value, second: &Value) {
        until(&format!("{name} is updated"), &self.platform, || async {
            let deployments = self.deployments(name).await;
            let alone = deployments.len() == 1 && &deployments[0]["taskDefinition"] == second;
            (alone && deployments[0]["rolloutState"] == "COMPLETED").then_some(())
        })
        .await;
        let old = self.task(&old["taskArn"]).await;
        assert_eq!(old["desiredStatus"], "STOPPED", "{name}: {old:#}");
    }

    /// Nothing replaces the old task: the deployment fails, or goes on failing.
    async fn old_one_stays(&self, name: &str, old: &Value, next: Next) {
        until(&format!("{name} has failed"), &self.platform, || async {
            let deployments = self.deployments(name).await;
            let is_over = match next {
                Next::BadBroken => deployments[0]["rolloutState"] == "FAILED",
                _ => deployments[0]["failedTasks"].as_u64() >= Some(2),
            };
            is_over.then_some(())
        })
        .await;
        let old = self.task(&old["taskArn"]).await;
        assert_eq!((&old["lastStatus"], &old["desiredStatus"]), (&json!("RUNNING"), &json!("RUNNING")), "{name}");
        for task in self.tasks(name).await.iter().filter(|task| task["taskArn"] != old["taskArn"]) {
            assert!(task["startedAt"].is_null(), "{name}: {task:#}");
            let reason = task["stoppedReason"].as_str().unwrap_or("CannotPullContainerError (not yet)");
            assert!(reason.starts_with("CannotPullContainerError"), "{name}: {task:#}");
        }
    }

    async fn register(&self, family: &str, image: &str, script: &str) -> Value {
        let input = json!({
            "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
            "containerDefinitions":
                [{"name": "a", "image": image, "command": ["sh", "-c", script], "stopTimeout": 2}],
        });
        let made = self.platform.call(&aws::ECS, "RegisterTaskDefinition", input).await;
        made["taskDefinition"]["taskDefinitionArn"].clone()
    }

    async fn deployments(&self, name: &str) -> Vec<Value> {
        let input = json!({"cluster": "c", "services": [name]});
        let answer = self.platform.call(&aws::ECS, "DescribeServices", input).await;
        aws::items(&answer, "services")[0]["deployments"].as_array().expect("a service has deployments").clone()
    }

    async fn task(&self, arn: &Value) -> Value {
        let answer = self.platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": "c", "tasks": [arn]})).await;
        aws::items(&answer, "tasks")[0].clone()
    }

    /// Returns all tasks that the service ever had.
    async fn tasks(&self, name: &str) -> Vec<Value> {
        let mut arns = Vec::new();
        for status in ["RUNNING", "STOPPED"] {
            let input = json!({"cluster": "c", "serviceName": name, "desiredStatus": status});
            let listed = self.platform.call(&aws::ECS, "ListTasks", input).await;
            arns.extend(aws::items(&listed, "taskArns").to_vec());
        }
        if arns.is_empty() {
            return Vec::new();
        }
        let answer = self.platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": "c", "tasks": arns})).await;
        aws::items(&answer, "tasks").to_vec()
    }
}

/// Asserts that since the first task ran there was no moment at which none did: each but the last is asked to stop
/// only after another one has started.
fn assert_covered(name: &str, tasks: &[Value]) {
    let mut runs: Vec<(f64, f64)> = tasks
        .iter()
        .filter_map(|t| Some((t["startedAt"].as_f64()?, t["stoppingAt"].as_f64().unwrap_or(f64::INFINITY))))
        .collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut until = runs.first().unwrap_or_else(|| panic!("{name}: nothing ran: {tasks:#?}")).1;
    for (began, ended) in &runs {
        assert!(*began <= until, "{name}: nothing ran from {until} to {began}: {tasks:#?}");
        until = until.max(*ended);
    }
    assert!(until.is_infinite(), "{name}: nothing runs since {until}: {tasks:#?}");
}
