//! A world, a clock, and the one way in.

use aws_model::{Service, check};
use serde_json::{Value, json};

use crate::routing::{Action, HealthCheck};
use crate::world::{Change, DesiredStatus, Network, RolloutState, Rule, ServiceStatus, TargetGroup, Task, TaskStatus};
use crate::{Cx, Ids, Kind, World, ecs};

pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef";

pub(super) struct Stage {
    pub(super) world: World,
    ids: Ids,
    pub(super) now: i64,
    region: &'static str,
    pub(super) architecture: Option<&'static str>,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            world: World::default(),
            ids: Ids::new(7),
            now: 1_700_000_000_123,
            region: "us-east-1",
            architecture: Some("X86_64"),
        }
    }

    /// A cluster `main` and a revision `web:1` of a container `app` with port 80.
    pub(super) fn with_web() -> Self {
        let mut stage = Self::new();
        stage.ok("CreateCluster", json!({"clusterName": "main"}));
        stage.ok("RegisterTaskDefinition", web());
        stage
    }

    pub(super) fn from(&mut self, region: &'static str) -> &mut Self {
        self.region = region;
        self
    }

    /// Calls an operation; the answer must be one that the official clients' model allows.
    pub(super) fn call(&mut self, operation: &str, input: Value) -> Result<Value, String> {
        let reply = self.answer(operation, input)?;
        let described = Service::Ecs.model().operation(operation).unwrap();
        assert_eq!(check::wrong_answer(described, reply.as_object().unwrap()), None);
        Ok(reply)
    }

    /// The same without holding the answer against the model: for invented fields.
    pub(super) fn answer(&mut self, operation: &str, input: Value) -> Result<Value, String> {
        self.now += 1000;
        let mut input = input.as_object().unwrap().clone();
        let words = |e: aws_model::AwsError| format!("{}: {}", e.code, e.message);
        check::admit(Service::Ecs.model().operation(operation).unwrap(), &mut input).map_err(words)?;
        let row = ecs::OPERATIONS.iter().find(|o| o.name == operation).unwrap();
        let mut cx = Cx {
            now: self.now,
            region: self.region,
            account: ACCOUNT,
            access_key: "",
            architecture: self.architecture,
            ids: &mut self.ids,
        };
        match row.kind {
            Kind::Read(read) => read(&self.world, &cx, &input).map_err(words),
            Kind::Write(write) => {
                let outcome = write(&self.world, &mut cx, input).map_err(words)?;
                for change in outcome.changes {
                    self.apply(change);
                }
                Ok(outcome.reply)
            }
        }
    }

    /// Applies a change as the store would give it back.
    pub(super) fn apply(&mut self, change: Change) {
        let change = match change.row() {
            (table, key, Some(body)) => {
                let read = table.read(&key, &body).unwrap();
                assert_eq!(read, change, "storing loses something");
                read
            }
            (_, _, None) => change,
        };
        self.world.apply(change);
    }

    pub(super) fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.call(operation, input).unwrap()
    }

    /// Calls an operation and compares how it is refused; empty for an answer.
    pub(super) fn check(&mut self, operation: &str, input: Value, want: &str) {
        let got = self.call(operation, input.clone()).err().unwrap_or_default();
        assert_eq!(got, want, "{operation} {input}");
    }

    pub(super) fn service(&mut self, name: &str) -> Value {
        self.ok("DescribeServices", json!({"cluster": "main", "services": [name]}))["services"][0].clone()
    }

    /// Moves a task to a state, as its life would.
    pub(super) fn put_task(&mut self, arn: &str, status: TaskStatus, edit: impl FnOnce(&mut Task)) {
        let mut task = (*self.world.tasks[arn]).clone();
        task.last_status = status;
        task.network = Some(Network {
            address: [10, 77, 0, 2].into(),
            mac: "0a:58:0a:4d:00:02".into(),
            interface_id: "eni-1".into(),
            attachment_id: "a-1".into(),
            subnet_id: "subnet-1".into(),
        });
        if status == TaskStatus::Stopped {
            task.desired_status = DesiredStatus::Stopped;
            task.stopped_at = Some(self.now);
        }
        edit(&mut task);
        self.apply(Change::Task(task));
    }

    /// Starts a task of a service's primary deployment, as the scheduler does.
    pub(super) fn launch(&mut self, service: &str) -> String {
        let arn = format!("arn:aws:ecs:us-east-1:{ACCOUNT}:service/main/{service}");
        let service = self.world.services[&arn].clone();
        let mut cx = Cx {
            now: self.now,
            region: "elsewhere",
            account: ACCOUNT,
            access_key: "",
            architecture: self.architecture,
            ids: &mut self.ids,
        };
        let task = ecs::new_service_task(&self.world, &mut cx, &service, &service.deployments[0]).unwrap();
        let arn = task.arn.clone();
        self.apply(Change::Task(task));
        arn
    }

    pub(super) fn edit_service(&mut self, name: &str, edit: impl FnOnce(&mut crate::world::Service)) {
        let arn = format!("arn:aws:ecs:us-east-1:{ACCOUNT}:service/main/{name}");
        let mut service = (*self.world.services[&arn]).clone();
        edit(&mut service);
        self.apply(Change::Service(service));
    }

    pub(super) fn complete(&mut self, name: &str) {
        self.edit_service(name, |service| {
            service.deployments.truncate(1);
            service.deployments[0].rollout_state = RolloutState::Completed;
        });
    }

    pub(super) fn end_service(&mut self, name: &str) {
        self.edit_service(name, |service| {
            service.deployments.clear();
            service.status = ServiceStatus::Inactive;
        });
    }

    /// A target group; routed by a rule or not.
    pub(super) fn target_group(&mut self, target_type: &str, routed: bool) {
        self.apply(Change::TargetGroup(TargetGroup {
            arn: GROUP.into(),
            name: "web".into(),
            protocol: "HTTP".into(),
            port: 80,
            target_type: target_type.into(),
            document: Default::default(),
            health_check: HealthCheck {
                enabled: true,
                path: "/".into(),
                port: None,
                interval: 5,
                timeout: 2,
                healthy_threshold: 2,
                unhealthy_threshold: 2,
                matcher: "200".into(),
            },
            attributes: Default::default(),
            tags: Default::default(),
        }));
        if routed {
            self.apply(Change::Rule(Rule {
                arn: "arn:rule".into(),
                listener_arn: "arn:listener".into(),
                priority: None,
                conditions: Vec::new(),
                actions: vec![Action::Forward(vec![(GROUP.into(), 1)])],
                document: Default::default(),
                tags: Default::default(),
            }));
        }
    }
}

/// A task definition `web` for Fargate: `app` with port 80, and a sidecar.
pub(super) fn web() -> Value {
    json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [
            {"name": "app", "image": "hello", "portMappings": [{"containerPort": 80}],
             "environment": [{"name": "A", "value": "1"}], "command": ["serve"]},
            {"name": "side", "image": "busybox", "essential": false},
        ],
    })
}

/// A request's network configuration.
pub(super) fn network() -> Value {
    json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}})
}

/// `base` with these members; null removes.
pub(super) fn with(mut base: Value, members: Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        match value {
            Value::Null => base.as_object_mut().unwrap().shift_remove(name),
            value => base.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    base
}
