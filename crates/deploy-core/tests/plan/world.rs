//! An account in memory: looked at as the deploy half looks at AWS, and changed by a plan's steps
//! as AWS would be.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use aws_model::register::as_registered;
use deploy_core::desired::{Desired, Git, IngressSpec};
use deploy_core::plan::discovery::registries;
use deploy_core::plan::ingress::{
    self, ObservedIngress, RuleTurn, changed_checks, checks, default_actions, default_turn, rule_turn,
};
use deploy_core::plan::{
    Action, Mark, Observed, ObservedSchedule, ObservedSecret, Plan, ScheduleCall, Step, groups, plan, restore,
    schedule_calls, token,
};
use deploy_core::release::{Actor, Release, ReleaseOutcome};
use deploy_core::routes::{Group, Listener, RouteMap, as_request};
use deploy_core::{Facts, Manifest, desired, parse};
use platform_core::routing::{Condition, RequestFacts, choose, read_conditions};
use serde_json::{Value, json};

use crate::discover::Names;
use crate::scaling::Scalings;

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
    pub(crate) scaling: Scalings,
    pub(crate) serves_schedules: bool,
    pub(crate) schedules: BTreeMap<String, ObservedSchedule>,
    /// Of EventBridge Scheduler.
    pub(crate) scheduler: BTreeMap<String, Document>,
    /// Keys that the stage's secret has.
    pub(crate) secret: Option<BTreeSet<String>>,
    /// Keys whose value in the stage's file is another than the one kept.
    pub(crate) new_values: BTreeSet<String>,
    pub(crate) pushed: BTreeMap<String, f64>,
    /// What services are found by.
    pub(crate) names: Names,
    balancers: BTreeSet<String>,
    groups: BTreeMap<String, (Document, String)>,
    listeners: BTreeMap<String, Document>,
    rules: BTreeMap<String, Vec<Document>>,
    /// Targets that no service of the account registered, by group.
    strangers: BTreeMap<String, usize>,
    count: u64,
}

/// A request, as far as rules tell them apart here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Request {
    pub(crate) host: &'static str,
    pub(crate) path: &'static str,
    /// Whether it has the header `X-Key: yes`.
    pub(crate) key: bool,
    /// Whether it comes from 10.0.0.0/8.
    pub(crate) inside: bool,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// Whether it must sign in first.
    pub(crate) asks: bool,
    /// Group that it reaches.
    pub(crate) group: Option<String>,
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
        facts.registries = registries(&outline, &observed.discovery);
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
            entrypoints: BTreeMap::new(),
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
            scaling: self.scaling.look(outline, |group| self.groups.contains_key(group)),
            strangers: Vec::new(),
            schedules: self.serves_schedules.then(|| self.schedules.clone()),
            scheduler: self.serves_schedules.then(|| self.scheduler.clone()),
            ingress: ways.collect(),
            discovery: self.names.look(outline, &self.services),
            routes: self.routes(),
            secret: self.secret_of(outline),
            databases: BTreeMap::new(),
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
            overrides: plan.overrides.clone(),
            by: Actor::default(),
            started_at: 0,
            finished_at: None,
            outcome: ReleaseOutcome::Succeeded,
            cause: None,
        }
    }

    fn perform(&mut self, plan: &Plan, step: &Step, known: &mut BTreeMap<String, String>) {
        let filled = |document: &Document| object(fill(&json!(document), known));
        match &step.action {
            Action::CreateCluster { .. } => self.has_cluster = true,
            Action::CreateLogGroup => assert!(self.log_groups.insert(step.name.clone()), "{} twice", step.name),
            Action::SetSecret { secret, keys, .. } => {
                self.secret.get_or_insert_default().extend(keys.iter().map(|key| key.key.clone()));
                self.new_values.clear();
                known.insert(token::secret(), secret_arn(secret));
            }
            Action::SetDatabase { spec, .. } => {
                known.insert(token::database_secret(&spec.name), secret_arn(&spec.secret));
            }
            Action::CreateNamespace { request } => {
                known.insert(token::namespace(&step.name), self.names.namespace(filled(request)));
            }
            Action::CreateRegistry { request } => {
                known.insert(token::registry(&step.name), self.names.registry(filled(request)));
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
            Action::Scaling { call, request, group } => {
                let group = group.as_ref().map(|group| fill(&json!(group), known));
                let group = group.as_ref().and_then(Value::as_str);
                assert!(self.services.contains_key(text(request, "ResourceId").rsplit('/').next().unwrap()));
                self.scaling.perform(*call, request, group);
                self.scaled = self.scaling.services.keys().cloned().collect();
            }
            action @ (Action::PutSchedule { .. } | Action::SetSchedule { .. }) => {
                schedule_calls(action).into_iter().for_each(|call| self.call(call, &filled));
            }
        }
    }

    /// Does one call about a schedule, as EventBridge and EventBridge Scheduler do.
    pub(crate) fn call(&mut self, call: ScheduleCall, filled: &dyn Fn(&Document) -> Document) {
        match call {
            ScheduleCall::PutRule(rule) => {
                let name = text(&rule, "Name").to_owned();
                self.schedules.entry(name).or_default().rule = rule;
            }
            ScheduleCall::PutTargets(input) => {
                let input = filled(&input);
                let rule = self.schedules.get_mut(text(&input, "Rule")).expect("PutTargets needs a rule");
                rule.target = Some(object(input["Targets"][0].clone()));
            }
            ScheduleCall::LeaveRule { rule, target } => {
                let gone = self.schedules.remove(&rule);
                let known = gone.and_then(|gone| gone.target).expect("a rule with a target");
                assert_eq!(text(&known, "Id"), target);
            }
            ScheduleCall::CreateSchedule(request) => {
                let name = text(&request, "Name").to_owned();
                assert!(self.scheduler.insert(name, filled(&request)).is_none(), "it is there");
            }
            ScheduleCall::UpdateSchedule(request) => {
                let name = text(&request, "Name").to_owned();
                self.scheduler.insert(name, filled(&request)).expect("it is there");
            }
            ScheduleCall::DeleteSchedule(named) => {
                self.scheduler.remove(text(&named, "Name")).expect("it is there");
            }
        }
    }

    pub(crate) fn register(&mut self, document: Document) -> String {
        aws_model::validate::check(&document).unwrap_or_else(|error| panic!("{error:?}"));
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

    /// Returns the load balancers as a whole, as `deploy::stage` gathers them.
    pub(crate) fn routes(&self) -> RouteMap {
        let name =
            |arn: &str| arn.split_once('/').and_then(|(_, rest)| rest.split(':').next()).unwrap_or("").to_owned();
        let known: BTreeSet<&String> = self.listeners.keys().chain(self.rules.keys()).collect();
        let listeners = known.into_iter().map(|arn| {
            let document = self.listeners.get(arn).cloned().unwrap_or_else(|| object(json!({ "ListenerArn": arn })));
            Listener::read(&name(arn), &document, self.rules.get(arn).map_or(&[], Vec::as_slice))
        });
        let group = |(name, (document, _)): (&String, &(Document, String))| {
            let arn = text(document, "TargetGroupArn").to_owned();
            let there = self.services.iter().filter(|(_, service)| groups(service).contains(&arn.as_str()));
            let services: BTreeSet<String> = there.map(|(name, _)| name.clone()).collect();
            let targets = Some(services.len() + self.strangers.get(&arn).copied().unwrap_or_default());
            (arn, Group { name: name.clone(), services, targets })
        };
        RouteMap { listeners: listeners.collect(), groups: self.groups.iter().map(group).collect(), unseen: Vec::new() }
    }

    /// Makes a target group that no manifest names; returns its ARN.
    pub(crate) fn group(&mut self, name: &str, targets: usize) -> String {
        let arn = format!("arn:group/{name}");
        let document = object(json!({ "TargetGroupArn": arn, "TargetGroupName": name }));
        self.groups.insert(name.to_owned(), (document, "30".to_owned()));
        self.strangers.insert(arn.clone(), targets);
        arn
    }

    /// Makes a load balancer's listener with a default action; returns its ARN.
    pub(crate) fn listener(&mut self, balancer: &str, port: u16, protocol: &str, actions: Value) -> String {
        self.balancers.insert(balancer.to_owned());
        let arn = format!("arn:listener/{balancer}:{port}");
        let document =
            json!({ "ListenerArn": arn, "Port": port.to_string(), "Protocol": protocol, "DefaultActions": actions });
        self.listeners.insert(arn.clone(), object(document));
        arn
    }

    /// Adds a rule to a listener, behind those that it has.
    pub(crate) fn rule(&mut self, listener: &str, conditions: Value, actions: Value) {
        let rules = self.rules.entry(listener.to_owned()).or_default();
        let priority = rules.len() + 1;
        rules.push(object(json!({ "RuleArn": format!("{listener}/{priority}"), "Priority": priority.to_string(),
            "IsDefault": "false", "Conditions": conditions, "Actions": actions })));
    }

    /// Returns what a listener does with a request, by the rules as the balancer reads them; none if it is not there.
    pub(crate) fn answer(&self, listener: &str, request: &Request) -> Option<Answer> {
        let document = self.listeners.get(listener)?;
        let array =
            |document: &Document, name: &str| document.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let mut rules: Vec<(u32, Vec<Condition>, Vec<Value>)> = Vec::new();
        for rule in self.rules.get(listener).into_iter().flatten() {
            // A description has the values of a host twice, which no request may.
            // One by one: how many values ELB takes in all is not what is looked at here.
            let conditions = array(rule, "Conditions");
            let conditions = conditions.iter().flat_map(|one| read_conditions(&[as_request(one)]).unwrap()).collect();
            let priority = text(rule, "Priority").parse().unwrap();
            rules.push((priority, conditions, array(rule, "Actions")));
        }
        rules.sort_by_key(|(priority, ..)| *priority);
        rules.push((u32::MAX, Vec::new(), array(document, "DefaultActions")));
        let facts = RequestFacts {
            host: request.host,
            path: request.path,
            method: "GET",
            query: "",
            header: |name: &str, test: &dyn Fn(&str) -> bool| {
                name.eq_ignore_ascii_case("x-key") && request.key && test("yes")
            },
            source_ip: if request.inside { "10.1.2.3" } else { "192.0.2.1" }.parse().unwrap(),
        };
        let actions = choose(rules.iter().map(|(_, conditions, actions)| (&conditions[..], actions)), &facts)?;
        let is_guard = |action: &&Value| action["Type"] == "authenticate-oidc";
        let group = actions.last().and_then(|action| action["TargetGroupArn"].as_str()).map(str::to_owned);
        Some(Answer { asks: actions.iter().any(|action| is_guard(&action)), group })
    }

    /// Returns whether any task answers behind a group.
    pub(crate) fn is_alive(&self, arn: &str) -> bool {
        self.services.values().any(|service| groups(service).contains(&arn))
            || self.strangers.get(arn).is_some_and(|targets| *targets > 0)
    }

    /// As `deploy::apply::route` does it; returns the target group's ARN.
    fn route(&mut self, spec: &IngressSpec) -> String {
        let arn = format!("arn:group/{}", spec.target_group);
        let group = spec.target_group_arn.clone().unwrap_or_else(|| {
            let made = object(json!({ "TargetGroupArn": arn, "TargetGroupName": spec.target_group }));
            let kept = self.groups.entry(spec.target_group.clone()).or_insert_with(|| {
                let mut made = made;
                made.extend(checks(spec));
                (made, String::new())
            });
            kept.0.extend(changed_checks(spec, &kept.0));
            kept.1 = spec.deregistration_delay.to_string();
            arn
        });
        let key = listener_key(spec);
        if spec.listener_arn.is_none() {
            self.balancers.insert(spec.load_balancer.clone());
            match self.listeners.get_mut(&key) {
                Some(found) => {
                    if let Some(actions) = default_turn(spec, found, &group) {
                        found.insert("DefaultActions".into(), actions);
                    }
                }
                None => {
                    let port = spec.listener_port.to_string();
                    let made = json!({ "ListenerArn": key, "Port": port, "Protocol": "HTTP",
                        "DefaultActions": default_actions(spec, &group) });
                    self.listeners.insert(key.clone(), object(made));
                }
            }
            if spec.is_default() {
                return group;
            }
        }
        let rules = self.rules.entry(key.clone()).or_default();
        match rule_turn(spec, rules, &group) {
            RuleTurn::Keep => {}
            RuleTurn::Modify { arn, conditions } => {
                let found = rules.iter_mut().find(|rule| text(rule, "RuleArn") == arn).unwrap();
                found.insert("Conditions".into(), conditions.into());
            }
            RuleTurn::Create { priority, conditions } => rules.push(object(json!({
                "RuleArn": format!("{key}/{priority}"), "Priority": priority.to_string(), "IsDefault": "false",
                "Conditions": conditions, "Actions": [{ "Type": "forward", "TargetGroupArn": group }],
            }))),
        }
        group
    }

    /// Returns a service, to be changed behind the plan's back.
    pub(crate) fn service(&mut self, name: &str) -> &mut Document {
        self.services.get_mut(name).unwrap_or_else(|| panic!("there is no service {name}"))
    }

    /// Changes every target group and its delay, as a user at the console would.
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
            Mark::Delete => '-',
        };
        let paths: Vec<String> = step.difference.changes.iter().map(|change| change.path.join(".")).collect();
        let paths = if paths.is_empty() { String::new() } else { format!(" [{}]", paths.join(" ")) };
        format!("{mark} {} {}{paths}", step.kind, step.name)
    };
    plan.steps.iter().map(one).collect()
}
