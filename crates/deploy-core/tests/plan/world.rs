//! An account in memory: looked at as the deploy half looks at AWS, and changed by a plan's steps
//! as AWS would be.

use std::collections::{BTreeMap, BTreeSet};

use deploy_core::desired::{Desired, Git, IngressSpec};
use deploy_core::plan::ingress::{self, ObservedIngress, checks, conditions, default_actions, forwards_to};
use deploy_core::plan::{Action, Mark, Observed, ObservedSchedule, ObservedSecret, Plan, Step, plan, restore, token};
use deploy_core::release::{Actor, Outcome, Release};
use deploy_core::{Facts, Manifest, desired, parse};
use ecs_model::Document;
use ecs_model::register::as_registered;
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "123456789012";

pub(crate) fn object(value: Value) -> Document {
    value.as_object().cloned().unwrap_or_else(|| panic!("not an object: {value}"))
}

pub(crate) fn text<'a>(document: &'a Document, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn manifest(text: &str) -> Manifest {
    parse("managr.toml", text).unwrap_or_else(|errors| panic!("{text}\n{:?}", errors.errors()))
}

/// An account in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) has_cluster: bool,
    pub(crate) log_groups: BTreeSet<String>,
    /// By ARN, in the order of registration within a family.
    pub(crate) revisions: BTreeMap<String, Document>,
    pub(crate) services: BTreeMap<String, Document>,
    pub(crate) scaled: BTreeSet<String>,
    pub(crate) serves_schedules: bool,
    pub(crate) schedules: BTreeMap<String, ObservedSchedule>,
    /// Keys that the stage's secret has.
    pub(crate) secret: Option<BTreeSet<String>>,
    /// Keys whose value in the stage's file is another than the one kept.
    pub(crate) new_values: BTreeSet<String>,
    pub(crate) pushed: BTreeMap<String, f64>,
    balancers: BTreeSet<String>,
    groups: BTreeMap<String, (Document, String)>,
    listeners: BTreeMap<String, Document>,
    rules: BTreeMap<String, Vec<Document>>,
    count: u64,
}

fn secret_arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{name}-AbCdEf")
}

impl World {
    pub(crate) fn new() -> Self {
        Self { serves_schedules: true, ..Self::default() }
    }

    /// Plans as `managr plan` does: names first, then what is known under them.
    pub(crate) fn plan(&self, manifest: &Manifest, stage: &str) -> Plan {
        let (desired, observed) = self.drafted(manifest, stage);
        plan(&desired, &observed, ACCOUNT, &Git::default(), Vec::new())
    }

    pub(crate) fn drafted(&self, manifest: &Manifest, stage: &str) -> (Desired, Observed) {
        let mut facts = Facts::local("registry");
        let outline = desired(manifest, stage, &facts).unwrap();
        let observed = self.look(&outline);
        let will_have_secret = !observed.secret.changes.is_empty();
        facts.secret_arn = observed.secret.arn.clone().or_else(|| will_have_secret.then(token::secret));
        for service in &outline.services {
            let Some(spec) = &service.ingress else { continue };
            let found = observed.ingress.get(&service.service).and_then(|way| way.group_arn());
            let arn = spec.target_group_arn.as_deref().or(found).map(str::to_owned);
            let arn = arn.unwrap_or_else(|| token::target_group(&service.service));
            facts.target_groups.insert(service.service.clone(), arn);
        }
        (desired(manifest, stage, &facts).unwrap(), observed)
    }

    /// Plans to bring a release back.
    pub(crate) fn plan_restore(&self, manifest: &Manifest, stage: &str, release: &Release) -> Plan {
        let outline = desired(manifest, stage, &Facts::local("registry")).unwrap();
        restore(&outline, &self.look(&outline), ACCOUNT, release)
    }

    pub(crate) fn look(&self, outline: &Desired) -> Observed {
        let newest = |family: &str| self.newest(family).cloned();
        let ways = outline.services.iter().filter_map(|s| Some((s.service.clone(), self.way(s.ingress.as_ref()?))));
        Observed {
            has_cluster: self.has_cluster,
            log_groups: self.log_groups.iter().filter(|g| outline.log_groups.contains(g)).cloned().collect(),
            newest: outline
                .task_definitions
                .iter()
                .filter_map(|task| Some((task.family.clone(), newest(&task.family)?)))
                .collect(),
            revisions: self.revisions.clone(),
            services: self.services.clone(),
            scaled: self.scaled.clone(),
            strangers: Vec::new(),
            schedules: self.serves_schedules.then(|| self.schedules.clone()),
            ingress: ways.collect(),
            secret: self.secret_of(outline),
            pushed: self.pushed.clone(),
            force: None,
        }
    }

    fn secret_of(&self, outline: &Desired) -> ObservedSecret {
        let Some(spec) = &outline.secret else { return ObservedSecret::default() };
        let arn = self.secret.as_ref().map(|_| secret_arn(&spec.name));
        let is_kept = |key: &str| self.secret.as_ref().is_some_and(|kept| kept.contains(key));
        let keys = spec.keys.iter().map(|key| key.key.clone());
        let changes = keys.filter(|key| !is_kept(key) || self.new_values.contains(key));
        ObservedSecret { arn, changes: changes.collect() }
    }

    fn way(&self, spec: &IngressSpec) -> ObservedIngress {
        if ingress::is_given(spec) {
            return ObservedIngress::default();
        }
        let owns = spec.listener_arn.is_none();
        let balancer = owns && self.balancers.contains(&spec.load_balancer);
        let group = self.groups.get(&spec.target_group).filter(|_| spec.target_group_arn.is_none());
        let key = listener_key(spec);
        ObservedIngress {
            balancer: balancer.then(|| object(json!({ "LoadBalancerName": spec.load_balancer }))),
            group: group.map(|(group, _)| group.clone()),
            delay: group.map(|(_, delay)| delay.clone()),
            listener: self.listeners.get(&key).filter(|_| owns).cloned(),
            rules: self.rules.get(&key).cloned().unwrap_or_default(),
        }
    }

    fn newest(&self, family: &str) -> Option<&Document> {
        let active = self.revisions.values().filter(|d| text(d, "family") == family && text(d, "status") == "ACTIVE");
        active.max_by_key(|document| document["revision"].as_u64())
    }

    /// Does a plan's steps, in order; every token must be known by the time it is needed.
    pub(crate) fn apply(&mut self, plan: &Plan) -> Release {
        let mut known = BTreeMap::new();
        for step in &plan.steps {
            self.perform(plan, step, &mut known);
        }
        let filled = |revisions: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            object(fill(&json!(revisions), &known))
                .into_iter()
                .map(|(name, arn)| (name, arn.as_str().unwrap().into()))
                .collect()
        };
        self.count += 1;
        Release {
            number: self.count,
            restored: plan.restores,
            git: Git::default(),
            tag: None,
            images: BTreeMap::new(),
            services: filled(&plan.services),
            schedules: filled(&plan.schedules),
            by: Actor::default(),
            started_at: 0,
            finished_at: None,
            outcome: Outcome::Succeeded,
            cause: None,
        }
    }

    fn perform(&mut self, plan: &Plan, step: &Step, known: &mut BTreeMap<String, String>) {
        let filled = |document: &Document| object(fill(&json!(document), known));
        match &step.action {
            Action::CreateCluster => self.has_cluster = true,
            Action::CreateLogGroup => assert!(self.log_groups.insert(step.name.clone()), "{} twice", step.name),
            Action::SetSecret { secret, keys, .. } => {
                self.secret.get_or_insert_default().extend(keys.iter().map(|key| key.key.clone()));
                self.new_values.clear();
                known.insert(token::secret(), secret_arn(secret));
            }
            Action::Route { service, spec, .. } => {
                let arn = self.route(spec);
                known.insert(token::target_group(service), arn);
            }
            Action::Release { document, .. } => drop(filled(document)),
            Action::Register { document } => {
                let arn = self.register(filled(document));
                known.insert(token::revision(document), arn);
            }
            Action::CreateService { request } => {
                let request = filled(request);
                assert_eq!((step.mark, self.services.contains_key(&step.name)), (Mark::Create, false));
                self.services.insert(step.name.clone(), object(json!({ "status": "ACTIVE" })));
                self.update(&step.name, request, true);
            }
            Action::UpdateService { request } => {
                let request = filled(request);
                assert_eq!(text(&request, "cluster"), plan.cluster);
                let forced = request.contains_key("forceNewDeployment") || request.contains_key("taskDefinition");
                self.update(&step.name, request, forced);
            }
            Action::PutSchedule { rule, target } => {
                let seen = ObservedSchedule { rule: rule.clone(), target: Some(filled(target)) };
                self.schedules.insert(step.name.clone(), seen);
            }
        }
    }

    pub(crate) fn register(&mut self, document: Document) -> String {
        ecs_model::validate::check(&document).unwrap_or_else(|error| panic!("{error:?}"));
        let family = text(&document, "family").to_owned();
        let revision = self.revisions.values().filter(|d| text(d, "family") == family).count() + 1;
        let arn = format!("arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/{family}:{revision}");
        let mut answer = as_registered(document);
        answer.insert("taskDefinitionArn".into(), arn.as_str().into());
        answer.insert("revision".into(), revision.into());
        answer.insert("status".into(), "ACTIVE".into());
        self.revisions.insert(arn.clone(), answer);
        arn
    }

    fn update(&mut self, name: &str, request: Document, deploys: bool) {
        self.count += 1;
        let arn = text(&request, "taskDefinition").to_owned();
        if !arn.is_empty() {
            assert_eq!(text(&self.revisions[&arn], "status"), "ACTIVE", "ECS takes no {arn}");
        }
        let service = self.services.get_mut(name).unwrap_or_else(|| panic!("there is no service {name}"));
        let shown = request
            .into_iter()
            .filter(|(key, _)| !["cluster", "service", "forceNewDeployment"].contains(&key.as_str()));
        service.extend(shown);
        service.insert("serviceName".into(), name.into());
        if deploys {
            let id = format!("ecs-svc/{}", self.count);
            service
                .insert("deployments".into(), json!([{ "status": "PRIMARY", "id": id, "rolloutState": "COMPLETED" }]));
        }
    }

    /// As `deploy::apply::route` does it; returns the target group's ARN.
    fn route(&mut self, spec: &IngressSpec) -> String {
        let arn = format!("arn:group/{}", spec.target_group);
        let group = spec.target_group_arn.clone().unwrap_or_else(|| {
            let mut group = checks(spec);
            group.insert("TargetGroupArn".into(), arn.as_str().into());
            self.groups.insert(spec.target_group.clone(), (group, spec.deregistration_delay.to_string()));
            arn
        });
        let key = listener_key(spec);
        if spec.listener_arn.is_none() {
            self.balancers.insert(spec.load_balancer.clone());
            let wanted = json!({ "ListenerArn": key, "DefaultActions": default_actions(spec, &group) });
            let there = self.listeners.get(&key);
            if there.is_none_or(|l| spec.is_default() && !forwards_to(l, "DefaultActions", &group)) {
                self.listeners.insert(key.clone(), object(wanted));
            }
            if spec.is_default() {
                return group;
            }
        }
        let rules = self.rules.entry(key).or_default();
        let rule = json!({
            "IsDefault": "false", "Conditions": conditions(spec),
            "Actions": [{ "Type": "forward", "TargetGroupArn": group }],
        });
        match rules.iter_mut().find(|rule| forwards_to(rule, "Actions", &group)) {
            Some(found) => *found = object(rule),
            None => rules.push(object(rule)),
        }
        group
    }

    /// Returns a service, to be changed behind the plan's back.
    pub(crate) fn service(&mut self, name: &str) -> &mut Document {
        self.services.get_mut(name).unwrap_or_else(|| panic!("there is no service {name}"))
    }

    /// Changes every target group and its delay, as somebody at the console would.
    pub(crate) fn change_groups(&mut self, change: impl Fn(&mut Document, &mut String)) {
        self.groups.values_mut().for_each(|(group, delay)| change(group, delay));
    }
}

fn listener_key(spec: &IngressSpec) -> String {
    spec.listener_arn.clone().unwrap_or_else(|| format!("arn:listener/{}:{}", spec.load_balancer, spec.listener_port))
}

fn fill(value: &Value, known: &BTreeMap<String, String>) -> Value {
    let mut value = value.clone();
    token::fill(&mut value, known).unwrap_or_else(|token| panic!("nothing before it makes {token}"));
    value
}

/// Returns a plan's steps as people would tell them: mark, kind, name, and the paths that change.
pub(crate) fn told(plan: &Plan) -> Vec<String> {
    let one = |step: &Step| {
        let mark = match step.mark {
            Mark::Create => '+',
            Mark::Update => '~',
            Mark::Run => '>',
        };
        let paths: Vec<String> = step.difference.changes.iter().map(|change| change.path.join(".")).collect();
        let paths = if paths.is_empty() { String::new() } else { format!(" [{}]", paths.join(" ")) };
        format!("{mark} {} {}{paths}", step.kind, step.name)
    };
    plan.steps.iter().map(one).collect()
}
