//! What is there to check? The tree, with a question where only the world knows. Pure.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use aws_model::served::{self, Refusal};
use aws_model::task_definition::{ContainerDefinition, TaskDefinition};
use deploy_core::desired::{Desired, ScheduleDoc, ServiceDoc, TaskDefinitionDoc};
use deploy_core::lint::image::architecture_of;
use deploy_core::lint::secret::{SecretRef, is_secret};
use deploy_core::lint::target::Target;
use deploy_core::lint::{self, Purpose, trust};
use deploy_core::manifest::{LOCAL, Via};
use deploy_core::plan::{Risk, RiskKind, ingress, token};
use deploy_core::vars::check::{Finding, Severity};
use serde_json::Value;

use super::judge::{self, Want, judge};
use super::report::{CheckOutcome, Leaf, Node};
use super::topic::{Fact, Topic, short_image};
use super::{Routes, ScalingFinding, VerifyOptions};

/// What a plan's token stands for.
const NOT_YET: &str = "it is not there yet; this deploy makes it";

/// What is looked at.
pub(super) struct Scene<'a> {
    pub(super) desired: &'a Desired,
    pub(super) options: &'a VerifyOptions,
    /// Architecture of a task definition that names none, in ECS's words.
    pub(super) default_architecture: &'static str,
    /// Whether the tasks run on the platform of one machine, which does not serve all that ECS has.
    pub(super) is_platform: bool,
    /// Whether no task starts with a role that is not there: everywhere but on the platform while it enforces nothing.
    pub(super) needs_roles: bool,
}

/// A node whose checks may still be open.
#[derive(Debug, Default)]
pub(super) struct Draft {
    name: String,
    checks: Vec<(String, Check)>,
    nodes: Vec<Draft>,
}

#[derive(Debug)]
enum Check {
    Known(CheckOutcome),
    Open { topic: Topic, want: Want, expected: bool },
}

impl Draft {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn know(&mut self, name: impl Into<String>, outcome: CheckOutcome) {
        self.checks.push((name.into(), Check::Known(outcome)));
    }

    fn ask(&mut self, name: impl Into<String>, topic: Topic, want: Want, expected: bool) {
        self.checks.push((name.into(), Check::Open { topic, want, expected }));
    }

    /// Returns everything that the world must be asked about.
    pub(super) fn topics(&self) -> BTreeSet<Topic> {
        let own = self.checks.iter().filter_map(|(_, check)| match check {
            Check::Open { topic, .. } => Some(topic.clone()),
            Check::Known(_) => None,
        });
        own.chain(self.nodes.iter().flat_map(Self::topics)).collect()
    }

    /// Returns the tree with every question answered.
    pub(super) fn settle(self, facts: &BTreeMap<Topic, Fact>) -> Node {
        let mut checks = Vec::new();
        for (name, check) in self.checks {
            let outcomes = match check {
                Check::Known(outcome) => vec![outcome],
                Check::Open { topic, want, expected } => match facts.get(&topic) {
                    Some(fact) => judge(&topic, &want, fact, expected),
                    None => vec![CheckOutcome::skipped("not asked")],
                },
            };
            checks.extend(outcomes.into_iter().map(|outcome| Leaf { name: name.clone(), outcome }));
        }
        let nodes = self.nodes.into_iter().map(|node| node.settle(facts)).collect();
        Node { name: self.name, checks, nodes }
    }
}

/// Returns the alarms that end a service's deployments.
fn alarms(service: &Document) -> impl Iterator<Item = &str> {
    let alarms = service.get("deploymentConfiguration").and_then(|configuration| configuration.get("alarms"));
    let alarms = alarms.filter(|alarms| alarms.get("enable").and_then(Value::as_bool) == Some(true));
    let names = alarms.and_then(|alarms| alarms.get("alarmNames")?.as_array());
    names.into_iter().flatten().filter_map(Value::as_str)
}

impl Scene<'_> {
    /// Returns the whole tree.
    pub(super) fn draft(&self) -> Draft {
        let desired = self.desired;
        let mut root = Draft::new(format!("{}, stage {}", desired.app, desired.stage));
        let name = desired.account.as_ref().map_or("Account".to_owned(), |account| format!("Account[{account}]"));
        root.ask(name, Topic::Account, Want::Account(desired.account.clone()), false);
        let expected = self.options.expected.clusters.contains(&desired.cluster);
        let topic = Topic::Cluster(desired.cluster.clone());
        root.ask(format!("Cluster[{}]", desired.cluster), topic, Want::Present, expected);
        root.nodes.extend(desired.services.iter().map(|service| self.service(service)));
        for (name, task) in desired.standalone() {
            let mut node = Draft::new(format!("Task[{name}]"));
            let task = self.task(task, None, &mut node);
            node.nodes.push(task);
            root.nodes.push(node);
        }
        root.nodes.extend(desired.schedules.iter().map(|schedule| self.schedule(schedule)));
        root.nodes.extend(self.options.databases.iter().map(|database| {
            let mut node = Draft::new(format!("Database[{}]", database.name));
            database.checks.iter().for_each(|(name, outcome)| node.know(name, outcome.clone()));
            node
        }));
        if let Some(node) = ways(desired, &self.options.routes) {
            root.nodes.push(node);
        }
        root.nodes.extend(scaling(desired, &self.options.routes));
        // Nothing is said of variables in which nothing is wrong: every container's checks name them.
        if !self.options.variables.is_empty() {
            root.nodes.push(variables(&self.options.variables));
        }
        root
    }

    /// A schedule of a service's task has that service's checks, and its own beside them.
    fn schedule(&self, schedule: &ScheduleDoc) -> Draft {
        let mut node = Draft::new(format!("Schedule[{}]", schedule.name));
        if self.desired.stage != LOCAL {
            settings(&mut node, lint::network(Some(&schedule.network)).into_iter().collect());
        }
        let topic = Topic::Role(schedule.role.clone());
        let (word, service) = match schedule.via {
            Via::Rule => ("events", trust::EVENTS),
            Via::Scheduler => ("scheduler", trust::SCHEDULER),
        };
        node.ask(format!("Role[{word}: {}]", last(&schedule.role)), topic, Want::Trust(service), !self.needs_roles);
        if schedule.service.is_none()
            && let Some(task) = self.desired.schedule_task(&schedule.name)
        {
            let task = self.task(task, None, &mut node);
            node.nodes.push(task);
        }
        node
    }

    fn service(&self, service: &ServiceDoc) -> Draft {
        let mut node = Draft::new(format!("Service[{}]", service.name));
        if self.is_platform {
            unserved(&mut node, served::request_refusals(&service.document));
        }
        let Some(task) = self.desired.service_task(&service.service) else { return node };
        self.target_groups(service, task, &mut node);
        if let Some(spec) = &service.discover {
            let topic = Topic::Name(spec.name.clone());
            // Where it is not there, the deploy makes it.
            node.ask(format!("Name[{}]", spec.name), topic, Want::Present, true);
        }
        for name in alarms(&service.document) {
            node.ask(format!("Alarm[{name}]"), Topic::Alarm(name.to_owned()), Want::Present, false);
        }
        let task = self.task(task, Some(service), &mut node);
        node.nodes.push(task);
        node
    }

    fn target_groups(&self, service: &ServiceDoc, task: &TaskDefinitionDoc, node: &mut Draft) {
        let ingress = service.ingress.as_ref();
        if let Some(arn) = ingress.and_then(|ingress| ingress.listener_arn.clone()) {
            node.ask(format!("Listener[{}]", after(&arn, "listener/")), Topic::Listener(arn), Want::Present, false);
        }
        // Who made both the group and its listener made the way between them, too.
        let is_routed = ingress.is_some_and(|spec| !ingress::is_given(spec));
        let mut one = |group: &str, container: &str, port: u16, will_be_attached: bool| {
            if token::is_token(group) {
                return node.know("TargetGroup", CheckOutcome::skipped(NOT_YET));
            }
            let target = Target::of(&task.document, container, port);
            let expected = self.options.expected.target_groups.contains(group);
            let name = format!("TargetGroup[{}]", group_name(group));
            let want = Want::Target { target, will_be_attached };
            node.ask(name, Topic::TargetGroup(group.to_owned()), want, expected);
        };
        let named = aws::items(&service.document, "loadBalancers");
        for balancer in named {
            let text = |name: &str| balancer.get(name).and_then(Value::as_str).unwrap_or_default();
            let port = balancer.get("containerPort").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
            let is_ingress = is_routed && ingress.is_some_and(|ingress| ingress.container == text("containerName"));
            if !text("targetGroupArn").is_empty() {
                one(text("targetGroupArn"), text("containerName"), port.unwrap_or_default(), is_ingress);
            }
        }
        if let Some(ingress) = ingress.filter(|_| named.is_empty()) {
            one(&ingress.target_group, &ingress.container, ingress.port, true);
        }
    }

    /// Findings about the service go to `owner`.
    fn task(&self, task: &TaskDefinitionDoc, service: Option<&ServiceDoc>, owner: &mut Draft) -> Draft {
        let mut node = Draft::new(format!("TaskDefinition[{}]", task.family));
        let refusals = aws_model::validate::refusals(&self.registered(task));
        if refusals.is_empty() {
            node.know("Registration", CheckOutcome::Ok);
        }
        for refusal in refusals {
            let reason = format!("ECS would refuse it: {}", refusal.message);
            node.know("Registration", CheckOutcome::Failed { reason, hint: None });
        }
        let (of_containers, of_task): (Vec<_>, Vec<_>) =
            self.unserved(task).into_iter().partition(|refusal| matches!(refusal.owner, served::Owner::Container(_)));
        unserved(&mut node, of_task);
        let purpose = Purpose {
            service: service.map(|service| &service.document),
            is_local: self.desired.stage == LOCAL,
            running: service.and_then(|service| self.options.running.get(&service.name)),
        };
        let mut findings: BTreeMap<Option<String>, Vec<lint::Finding>> = BTreeMap::new();
        for finding in lint::lint(&task.document, purpose) {
            findings.entry(finding.container.clone()).or_default().push(finding);
        }
        if service.is_some() {
            settings(owner, findings.remove(&None).unwrap_or_default());
        }
        let Ok(spec) = TaskDefinition::read(&task.document) else { return node };
        for (purpose, arn) in [("execution", &spec.execution_role_arn), ("task", &spec.task_role_arn)] {
            if let Some(arn) = arn.as_ref().filter(|arn| !arn.is_empty()) {
                let name = format!("Role[{purpose}: {}]", last(arn));
                node.ask(name, Topic::Role(arn.clone()), Want::Trust(trust::TASKS), !self.needs_roles);
            }
        }
        for container in &spec.container_definitions {
            let findings = findings.remove(&Some(container.name.clone())).unwrap_or_default();
            let mut draft = self.container(&spec, container, findings);
            let own = served::Owner::Container(container.name.clone());
            unserved(&mut draft, of_containers.iter().filter(|refusal| refusal.owner == own).cloned().collect());
            node.nodes.push(draft);
        }
        node
    }

    /// Returns what of a task definition the platform would refuse to run.
    fn unserved(&self, task: &TaskDefinitionDoc) -> Vec<Refusal> {
        if !self.is_platform {
            return Vec::new();
        }
        // Whether another stage's platform is on this machine is not known, nor so its processor.
        let is_here = self.desired.stage == LOCAL;
        served::task_refusals(&task.document, is_here.then_some(self.default_architecture))
    }

    /// Returns a document as it will be registered: a secret that is not there yet has an ARN by then. Only for what
    /// ECS would say of it, which does not depend on the account; it is not shown.
    fn registered(&self, task: &TaskDefinitionDoc) -> Document {
        let name = self.desired.secret.as_ref().map_or("", |secret| secret.name.as_str());
        let arn = format!("arn:aws:secretsmanager:{}:000000000000:secret:{name}", self.desired.region);
        let mut document = Value::Object(task.document.clone());
        let mut known = BTreeMap::from([(token::secret(), arn.clone())]);
        let databases = self.desired.databases.iter();
        known.extend(databases.map(|database| (token::database_secret(&database.name), arn.clone())));
        let filled = token::fill(&mut document, &known);
        match document {
            Value::Object(document) if filled.is_ok() => document,
            _ => task.document.clone(),
        }
    }

    fn container(&self, task: &TaskDefinition, spec: &ContainerDefinition, findings: Vec<lint::Finding>) -> Draft {
        let mut node = Draft::new(format!("Container[{}]", spec.name));
        settings(&mut node, findings);
        let name = format!("Image[{}]", short_image(&spec.image));
        if self.options.expected.images.contains(&spec.image) {
            node.know(name, CheckOutcome::skipped("it is not there yet; this deploy pushes it"));
        } else {
            let platform = task.runtime_platform.as_ref().and_then(|platform| platform.cpu_architecture.as_deref());
            let wanted = architecture_of(platform.unwrap_or(self.default_architecture)).to_owned();
            let has_own = spec.entry_point.as_ref().is_some_and(|words| !words.is_empty());
            let command = spec.command.clone().filter(|_| !has_own).unwrap_or_default();
            let want = Want::Image { architecture: wanted, command };
            node.ask(name, Topic::Image(spec.image.clone()), want, false);
        }
        let log = spec.log_configuration.as_ref();
        let named = spec.secrets.iter().chain(log.iter().flat_map(|log| &log.secret_options));
        for secret in named {
            self.secret(&mut node, &secret.name, &secret.value_from);
        }
        let credentials = spec.repository_credentials.as_ref();
        if let Some(arn) = credentials.and_then(|c| c.get("credentialsParameter")?.as_str()) {
            self.secret(&mut node, "repositoryCredentials", arn);
        }
        if let Some(log) = log.filter(|log| log.log_driver == "awslogs") {
            self.log_group(&mut node, &log.options);
        }
        node
    }

    fn secret(&self, node: &mut Draft, variable: &str, value_from: &str) {
        let name = format!("Secret[{variable}]");
        if token::is_token(value_from) {
            return node.know(name, CheckOutcome::skipped(NOT_YET));
        }
        let Some(source) = SecretRef::parse(value_from) else {
            let reason = "its source is neither the full ARN of a secret nor a parameter";
            node.know(
                name,
                CheckOutcome::failed(reason, "give an ARN, with `:key::` behind it for a key of a JSON secret"),
            );
            return;
        };
        match source {
            SecretRef::Parameter { name: parameter, region } => {
                node.ask(name, Topic::Parameter { name: parameter, region }, Want::Present, false);
            }
            SecretRef::Secret { arn, region, key, is_current } => {
                let is_own = self.desired.secret.as_ref().is_some_and(|own| is_secret(&arn, &own.name));
                // It is looked at once, as the database's.
                if self.desired.databases.iter().any(|database| is_secret(&arn, &database.secret) || arn == database.secret) {
                    return;
                }
                let expected = is_own && key.as_ref().is_some_and(|k| self.options.expected.secret_keys.contains(k));
                node.ask(name, Topic::Secret { arn, region }, Want::Secret { key, is_current }, expected);
            }
        }
    }

    fn log_group(&self, node: &mut Draft, options: &BTreeMap<String, String>) {
        // Without a group ECS refuses to register; that is said elsewhere.
        let Some(group) = options.get("awslogs-group") else { return };
        let name = format!("LogGroup[{group}]");
        if options.get("awslogs-create-group").is_some_and(|create| create == "true") {
            node.know(name, CheckOutcome::Ok);
            return;
        }
        let region = options.get("awslogs-region").unwrap_or(&self.desired.region).clone();
        // The deploy makes groups where it deploys to.
        let expected = region == self.desired.region && self.options.expected.log_groups.contains(group);
        node.ask(name, Topic::LogGroup { name: group.clone(), region }, Want::Present, expected);
    }
}

/// Returns what is to be said of the ways to services; nothing, if nothing is wrong.
fn ways(desired: &Desired, routes: &Routes) -> Option<Draft> {
    let mut node = Draft::new("Routes");
    let name = |risk: &Risk| format!("Route[{}]", risk.kind.name());
    let reason = |risk: &Risk| format!("{}: {}", risk.place, risk.words);
    for risk in &routes.live {
        // A deploy puts it right, or makes it no worse.
        node.know(name(risk), CheckOutcome::Warning { reason: reason(risk), hint: Some(risk.remedy.clone()) });
    }
    for risk in &routes.risks {
        let refused =
            if risk.kind.must_be_named() { "a deploy is refused unless it allows this by name: " } else { "" };
        let hint = Some(risk.remedy.clone());
        node.know(name(risk), CheckOutcome::Warning { reason: format!("{refused}{}", reason(risk)), hint });
    }
    let is_ours = |risk: &Risk| {
        let mut routed =
            desired.services.iter().filter(|s| s.ingress.as_ref().is_some_and(|spec| !ingress::is_given(spec)));
        routed.any(|service| risk.place == format!("service {}", service.name))
    };
    for risk in routes.after.iter().filter(|risk| risk.kind == RiskKind::Unreached && is_ours(risk)) {
        node.know(name(risk), CheckOutcome::failed(format!("after a deploy, {}", reason(risk)), risk.remedy.clone()));
    }
    if let Some(why) = routes.unknown.as_ref().filter(|_| desired.services.iter().any(|s| s.ingress.is_some())) {
        node.know("Route", CheckOutcome::skipped(why.clone()));
    }
    (!node.checks.is_empty()).then_some(node)
}

/// Returns what is to be said of what scales services; nothing, if none does.
fn scaling(desired: &Desired, routes: &Routes) -> Option<Draft> {
    let mut node = Draft::new("Scaling");
    for finding in &routes.scaling {
        match finding {
            ScalingFinding::Missing { name, what } => {
                node.know(format!("Scaling[{name}]"), CheckOutcome::skipped(format!("{what}: {NOT_YET}")));
            }
            ScalingFinding::Differs { name, what } => {
                let (reason, hint) = (what.clone(), "a deploy brings it to what the manifest says".to_owned());
                node.know(format!("Scaling[{name}]"), CheckOutcome::Warning { reason, hint: Some(hint) });
            }
            ScalingFinding::Foreign { name, what, remedy } => {
                let reason = format!(
                    "{what} is not in the manifest: a deploy leaves it alone, and it moves the number of tasks"
                );
                let hint = Some(format!("say it in `scaling` of the service, or {remedy}"));
                node.know(format!("Scaling[{name}]"), CheckOutcome::Warning { reason, hint });
            }
            ScalingFinding::Unseen { why } => node.know("Scaling", CheckOutcome::skipped(why.clone())),
        }
    }
    let scales = || desired.services.iter().filter(|service| service.scaling.is_some());
    let is_known = routes.unknown.is_none() && routes.scaling.is_empty();
    for service in scales() {
        match &routes.unknown {
            Some(why) => node.know(format!("Scaling[{}]", service.name), CheckOutcome::skipped(why.clone())),
            None if is_known => node.know(format!("Scaling[{}]", service.name), CheckOutcome::Ok),
            None => {}
        }
    }
    (!node.checks.is_empty()).then_some(node)
}

fn variables(findings: &[Finding]) -> Draft {
    let mut node = Draft::new("Variables");
    for finding in findings {
        let line = finding.place.as_ref().map(|place| format!(" (line {} of the manifest)", place.line));
        let reason = format!("{}{}", finding.reason, line.unwrap_or_default());
        let hint = Some(finding.next.clone());
        let outcome = match finding.severity {
            Severity::Error => CheckOutcome::Failed { reason, hint },
            Severity::Warning => CheckOutcome::Warning { reason, hint },
        };
        node.know(format!("Variable[{}]", finding.name), outcome);
    }
    node
}

fn settings(node: &mut Draft, findings: Vec<lint::Finding>) {
    if findings.is_empty() {
        node.know("Settings", CheckOutcome::Ok);
    }
    for finding in findings {
        node.know(format!("Settings[{}]", finding.setting), judge::outcome(finding));
    }
}

fn unserved(node: &mut Draft, refusals: Vec<Refusal>) {
    for refusal in refusals {
        let reason = format!("{} is not supported by this platform", refusal.subject());
        let hint = refusal.note.unwrap_or_else(|| "take it out of this stage, or run the stage on AWS".to_owned());
        let name = refusal.member.split(' ').next().unwrap_or_default().to_owned();
        node.know(format!("Served[{name}]"), CheckOutcome::failed(reason, hint));
    }
}

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Returns what follows the kind in an ARN.
fn after<'a>(arn: &'a str, kind: &str) -> &'a str {
    arn.split_once(kind).map_or(arn, |(_, rest)| rest)
}

/// Returns the name in `arn:...:targetgroup/NAME/ID`.
fn group_name(group: &str) -> &str {
    let rest = after(group, "targetgroup/");
    rest.split('/').next().unwrap_or(rest)
}
