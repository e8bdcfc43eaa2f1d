//! A language for what happens to a service.
//!
//! ```text
//! service: desired 2, breaker rollback, checked
//! rev2: exits 1 after 2s
//! wait 30s
//! deploy rev2
//! wait 2m
//! ```
//!
//! The first line that is neither `service:` nor `revN:` creates the service with revision 1. Behaviours
//! can be given again later. Settings: `desired N`, `floor N`, `ceiling N`, `breaker on|rollback`,
//! `threshold COUNT|BOUNDED_PERCENT|UNBOUNDED_PERCENT N`, `cumulative`, `checked`, `balanced delay N`,
//! `connections N`, `grace N`. Behaviours: `healthy after T`, `health never`, `starts after T`,
//! `exits CODE after T`, `image missing`, `secret missing`, `ignores SIGTERM`. Steps: `wait T`,
//! `deploy revN`, `force`, `scale N`, `stop deployment`, `abort deployment`, `stop task tN`,
//! `target of tN fails`, `kill platform`, `restart`, `delete service`. A line that begins with `#` says nothing.

use aws_model::Millis;
use platform_core::Change;
use platform_core::world::TargetState;
use serde_json::{Value, json};

use crate::Stage;
use crate::fixtures::{self, GROUP, SERVICE};
use crate::host::Behaviour;

/// Plays a scenario; returns its transcript.
///
/// # Panics
/// On a line that is no step, behaviour or setting, and on a step that the platform refuses.
pub fn play(text: &str) -> String {
    let mut scene = Scene { stage: Stage::default(), settings: Settings::default(), registered: 0 };
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        scene.line(line);
    }
    scene.stage.transcript()
}

/// What the service and its task definitions are made of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `desiredCount`.
    pub desired: u32,
    /// Whether the container has a health check.
    pub checked: bool,
    /// Deregistration delay, if a target group is in front.
    pub balanced: Option<u32>,
    /// `healthCheckGracePeriodSeconds`.
    pub grace: Option<u32>,
    /// `deploymentConfiguration`.
    pub configuration: Value,
}

impl Default for Settings {
    fn default() -> Self {
        Self { desired: 1, checked: false, balanced: None, grace: None, configuration: json!({}) }
    }
}

impl Settings {
    /// Registers the next revision of the family `web`.
    pub fn register(&self, stage: &mut Stage) {
        let mut container = json!({"name": "app", "image": "i", "portMappings": [{"containerPort": 80}]});
        if self.checked {
            container["healthCheck"] = json!({"command": ["CMD", "x"], "interval": 5, "retries": 2});
        }
        let definition = json!({
            "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "containerDefinitions": [container],
        });
        stage.call("RegisterTaskDefinition", definition).expect("the definition is whole");
    }

    /// Creates the cluster, revision 1 and the service.
    pub fn create(&self, stage: &mut Stage) {
        stage.apply(Change::Cluster(fixtures::cluster()));
        self.register(stage);
        let mut request = json!({
            "cluster": "c", "serviceName": "web", "taskDefinition": "web:1", "desiredCount": self.desired,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "deploymentConfiguration": self.configuration,
        });
        if let Some(delay) = self.balanced {
            stage.apply(Change::TargetGroup(fixtures::target_group(delay)));
            stage.apply(Change::Rule(fixtures::rule()));
            request["loadBalancers"] = json!([{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 80}]);
        }
        if let Some(grace) = self.grace {
            request["healthCheckGracePeriodSeconds"] = grace.into();
        }
        stage.call("CreateService", request).expect("the service is whole");
    }
}

struct Scene {
    stage: Stage,
    settings: Settings,
    registered: u32,
}

impl Scene {
    fn line(&mut self, line: &str) {
        if let Some(settings) = line.strip_prefix("service:") {
            settings.split(',').for_each(|setting| self.setting(setting.trim()));
            return;
        }
        if let Some((revision, does)) = line.split_once(": ").filter(|(head, _)| head.starts_with("rev")) {
            let behaviour = behaviour(does);
            self.stage.host.does.insert(number(&revision[3..]), behaviour);
            self.stage.say(&format!("> {line}"));
            return;
        }
        if self.registered == 0 {
            self.registered = 1;
            self.settings.create(&mut self.stage);
        }
        if let Some(time) = line.strip_prefix("wait ") {
            self.stage.run(duration(time));
            return;
        }
        self.stage.say(&format!("> {line}"));
        self.step(line);
    }

    fn setting(&mut self, setting: &str) {
        let words: Vec<&str> = setting.split_whitespace().collect();
        let configuration = &mut self.settings.configuration;
        match words[..] {
            ["desired", n] => self.settings.desired = number(n),
            ["floor", n] => configuration["minimumHealthyPercent"] = number(n).into(),
            ["ceiling", n] => configuration["maximumPercent"] = number(n).into(),
            ["breaker", how] => {
                configuration["deploymentCircuitBreaker"] = json!({"enable": true, "rollback": how == "rollback"});
            }
            ["threshold", kind, n] => {
                configuration["deploymentCircuitBreaker"]["thresholdConfiguration"] =
                    json!({"type": kind, "value": number(n)});
            }
            ["cumulative"] => configuration["deploymentCircuitBreaker"]["resetOnHealthyTask"] = false.into(),
            ["checked"] => self.settings.checked = true,
            ["balanced", "delay", n] => self.settings.balanced = Some(number(n)),
            ["connections", n] => self.stage.host.connections_last = Millis::from(number(n)) * 1000,
            ["grace", n] => self.settings.grace = Some(number(n)),
            _ => panic!("no such setting: `{setting}`"),
        }
    }

    fn step(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["deploy", revision] => {
                let wanted = number(&revision[3..]);
                while self.registered < wanted {
                    self.settings.register(&mut self.stage);
                    self.registered += 1;
                }
                self.update(json!({"taskDefinition": format!("web:{wanted}")}));
            }
            ["force"] => self.update(json!({"forceNewDeployment": true})),
            ["scale", n] => self.update(json!({"desiredCount": number(n)})),
            ["stop", "deployment"] => self.stop("ROLLBACK"),
            ["abort", "deployment"] => self.stop("ABORT"),
            ["stop", "task", name] => {
                let task = self.stage.task_named(name).expect("the task was told of");
                self.call("StopTask", json!({"cluster": "c", "task": task.arn}));
            }
            ["target", "of", name, "fails"] => {
                let task = self.stage.task_named(name).expect("the task was told of");
                let keys: Vec<_> =
                    platform_core::task::own_targets(&self.stage.world, &task).map(|t| t.key.clone()).collect();
                for key in keys {
                    self.stage.host.probe(key, TargetState::Unhealthy, self.stage.now);
                }
            }
            ["kill", "platform"] => self.stage.kill(),
            ["restart"] => self.stage.restart(),
            ["delete", "service"] => {
                self.call("DeleteService", json!({"cluster": "c", "service": "web", "force": true}))
            }
            _ => panic!("no such step: `{line}`"),
        }
    }

    fn update(&mut self, mut members: Value) {
        members["cluster"] = "c".into();
        members["service"] = "web".into();
        self.call("UpdateService", members);
    }

    fn stop(&mut self, kind: &str) {
        let arn = self.stage.world.deployments_of(SERVICE).first().map(|row| row.arn.clone());
        self.call("StopServiceDeployment", json!({"serviceDeploymentArn": arn, "stopType": kind}));
    }

    /// A refusal is part of the story.
    fn call(&mut self, operation: &str, input: Value) {
        if let Err(refused) = self.stage.call(operation, input) {
            self.stage.say(&format!("refused: {}: {}", refused.code, refused.message));
        }
    }
}

fn behaviour(text: &str) -> Behaviour {
    let mut does = Behaviour::default();
    for part in text.split(',').map(str::trim) {
        let words: Vec<&str> = part.split_whitespace().collect();
        match words[..] {
            ["healthy"] => {}
            ["healthy", "after", time] => does.healthy_after = Some(duration(time)),
            ["health", "never"] => does.healthy_after = None,
            ["starts", "after", time] => does.starts_after = duration(time),
            ["exits", code, "after", time] => does.exits = Some((number(code) as i32, duration(time))),
            ["image", "missing"] => does.image_missing = true,
            ["secret", "missing"] => does.secret_missing = true,
            ["ignores", "SIGTERM"] => does.ignores_term = true,
            _ => panic!("no such behaviour: `{part}`"),
        }
    }
    does
}

fn duration(text: &str) -> Millis {
    let (digits, unit) = text.split_at(text.trim_end_matches(|c: char| c.is_alphabetic()).len());
    let factor = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => panic!("no such duration: `{text}`"),
    };
    Millis::from(number(digits)) * factor
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or_else(|_| panic!("not a number: `{text}`"))
}
