//! What of a deploy is Terraform's? Which of its resources own what the deploy sets, and would its next plan take it back?
//!
//! The other end of the seam: an import reads a folder and asks what a deploy will do, this reads what a deploy does and
//! asks whose it is. A resource is known by what AWS knows it by, never by its address. What a block ignores stands in
//! its file alone: neither a state has it nor a plan in JSON, whose `configuration` has expressions and no `lifecycle`
//! (developer.hashicorp.com/terraform/internals/json-format).

mod scaling;

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use deploy_core::desired::{Desired, IngressSpec, ScheduleDoc, ServiceDoc};
use deploy_core::manifest::Via;
use deploy_core::plan::ingress::{DELAY, checks, is_given};
use deploy_core::plan::token;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::super::files::{Files, Item, Module, local_source};
use super::super::truth::Truth;
use super::super::value::Value;
use super::seam::{ignored, is_ignored};
use super::table::{Row, To};
use super::tables;
use crate::Place;
use crate::account::with_defaults;
use crate::fold::is_default_of_service;
use crate::live::walk::{Leaf, leaves};

/// What a deploy does.
#[derive(Debug, Clone, Copy)]
pub struct Deploy<'a> {
    /// What should be.
    pub desired: &'a Desired,
    /// What services run then, by their names in ECS: an ARN, or a token of a plan.
    pub services: &'a BTreeMap<String, String>,
    /// What schedules run then, by their rules.
    pub schedules: &'a BTreeMap<String, String>,
}

/// What of a deploy is Terraform's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seam {
    /// Addresses of resources that a deploy sets something of.
    pub resources: BTreeSet<String>,
    /// What it sets otherwise than Terraform has it, and what each deploy sets anew.
    pub owned: Vec<Owned>,
    /// What to write into which blocks.
    pub paste: Vec<Paste>,
}

/// An attribute of Terraform's that a deploy sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Owned {
    /// The resource.
    pub address: String,
    /// The attribute, such as `health_check.interval`.
    pub attribute: String,
    /// As `ignore_changes` names it.
    pub ignored_as: String,
    /// What Terraform has; none if nothing, or if it is not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terraform: Option<String>,
    /// What the deploy makes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy: Option<String>,
    /// Whether the two are known to be different after this deploy; if not, a later deploy makes them so.
    pub differs: bool,
    /// What Terraform's next plan does about it.
    pub turn: Turn,
}

/// What Terraform's next plan does about what a deploy has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// Nothing: its block ignores it.
    Ignored,
    /// It takes it back.
    TakenBack,
    /// It takes it back unless its block ignores it, which could not be seen.
    Unknown,
}

/// What keeps Terraform and a deploy apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paste {
    /// The block, without keys of instances.
    pub address: String,
    /// Where it is, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Lines for it; they say what it ignores already, too.
    pub lines: String,
}

const SERVICES: &[&str] = &["aws_ecs_service"];
const GROUPS: &[&str] = &["aws_lb_target_group", "aws_alb_target_group"];
const LISTENERS: &[&str] = &["aws_lb_listener", "aws_alb_listener"];
const RULES: &[&str] = &["aws_lb_listener_rule", "aws_alb_listener_rule"];

/// Members of a service's request that only say which service, or that a service that is there does not take.
const OF_NOTHING: [&str; 5] = ["serviceName", "cluster", "role", "clientToken", "tags"];

/// Returns what of a deploy is whose.
pub(in super::super) fn seam(deploy: &Deploy<'_>, truth: &Truth, files: Option<&Files>) -> Seam {
    let blocks = files.map(blocks);
    let mut looking = Looking { deploy, truth, blocks, seam: Seam::default() };
    for service in &deploy.desired.services {
        looking.service(service);
        looking.scaling(service);
        if let Some(spec) = service.ingress.as_ref().filter(|spec| !is_given(spec)) {
            looking.way(spec);
        }
    }
    deploy.desired.schedules.iter().for_each(|schedule| match schedule.via {
        Via::Rule => looking.schedule(schedule),
        Via::Scheduler => looking.scheduled(schedule),
    });
    looking.secret();
    looking.tracked();
    looking.paste();
    looking.seam
}

/// Blocks by their addresses: where each is, and what it ignores. Of two root modules that have one address only what
/// both ignore counts.
type Blocks = BTreeMap<String, (Place, Vec<String>)>;

fn blocks(files: &Files) -> Blocks {
    let called: BTreeSet<String> = files.modules.values().flat_map(Module::calls).collect();
    let mut found = Blocks::new();
    for (dir, module) in files.modules.iter().filter(|(dir, _)| !called.contains(*dir)) {
        add(files, module, "", &mut vec![dir.clone()], &mut found);
    }
    found
}

fn add(files: &Files, module: &Module, prefix: &str, above: &mut Vec<String>, found: &mut Blocks) {
    for item in &module.resources {
        let own = ignored(item);
        let address = format!("{prefix}{}.{}", item.label(0), item.label(1));
        found
            .entry(address)
            .and_modify(|(_, known)| known.retain(|name| own.contains(name)))
            .or_insert_with(|| (item.place.clone(), own));
    }
    let child = |item: &Item| local_source(&module.dir, item);
    for (item, dir) in module.modules.iter().filter_map(|item| Some((item, child(item)?))) {
        // A module that calls itself is refused by Terraform.
        if let Some(child) = files.modules.get(&dir).filter(|_| !above.contains(&dir)) {
            above.push(dir);
            add(files, child, &format!("{prefix}module.{}.", item.label(0)), above, found);
            above.pop();
        }
    }
}

struct Looking<'a> {
    deploy: &'a Deploy<'a>,
    truth: &'a Truth,
    blocks: Option<Blocks>,
    seam: Seam,
}

/// What is found of one attribute.
struct AttributeFound<'a> {
    attribute: &'a str,
    ignored_as: &'a str,
    terraform: Option<String>,
    deploy: Option<String>,
    differs: bool,
}

impl<'a> Looking<'a> {
    fn text(&self, address: &str, path: &str) -> Option<String> {
        self.truth.at(address, path).as_ref().and_then(plain)
    }

    /// Returns the resource of these types that has texts at its paths.
    fn find(&self, kinds: &'static [&'static str], is_it: impl Fn(&str) -> bool) -> Option<String> {
        self.truth.of(kinds).find(|address| is_it(address)).map(str::to_owned)
    }

    fn push(&mut self, address: &str, found: AttributeFound<'_>) {
        let block = self.truth.block(address);
        let is_changed = self.truth.is_changed(address, found.ignored_as.split(['[', '.']).next().unwrap_or_default());
        let turn = match self.blocks.as_ref().map(|blocks| blocks.get(&block)) {
            Some(Some((_, names))) if is_ignored(names, found.ignored_as) => Turn::Ignored,
            Some(Some(_)) => Turn::TakenBack,
            // A module from elsewhere, or no folder: only a plan of Terraform's own can tell.
            _ if is_changed => Turn::TakenBack,
            _ => Turn::Unknown,
        };
        self.seam.owned.push(Owned {
            address: address.to_owned(),
            attribute: found.attribute.to_owned(),
            ignored_as: found.ignored_as.to_owned(),
            terraform: found.terraform,
            deploy: found.deploy,
            differs: found.differs,
            turn,
        });
    }

    fn service(&mut self, doc: &ServiceDoc) {
        let cluster = &self.deploy.desired.cluster;
        let is_it = |address: &str| {
            let here = self.text(address, "cluster").is_none_or(|known| last(&known) == cluster);
            self.text(address, "name").as_deref() == Some(&doc.name) && here
        };
        let Some(address) = self.find(SERVICES, is_it) else { return };
        self.seam.resources.insert(address.clone());
        let runs = self.deploy.services.get(&doc.name);
        self.revision(&address, "task_definition", "task_definition", runs);
        for leaf in leaves(&doc.document) {
            let is_theirs = leaf.path == "desiredCount" && !doc.is_counted;
            if !OF_NOTHING.contains(&leaf.top()) && leaf.top() != "taskDefinition" && !is_theirs {
                self.leaf(&address, tables::SERVICE, &doc.document, &leaf, is_of_ecs);
            }
        }
    }

    /// A revision is another one after every deploy that changes a task definition.
    fn revision(&mut self, address: &str, attribute: &str, ignored_as: &str, runs: Option<&String>) {
        let terraform = self.text(address, attribute);
        let deploy =
            runs.map(|runs| if token::is_token(runs) { "a new revision".to_owned() } else { last(runs).to_owned() });
        let terraform = terraform.map(|known| last(&known).to_owned());
        // A family alone means the newest revision, whichever that is.
        let differs = match (&terraform, &deploy) {
            (Some(known), Some(runs)) => known != runs && known.contains(':'),
            _ => false,
        };
        self.push(address, AttributeFound { attribute, ignored_as, terraform, deploy, differs });
    }

    /// Compares a leaf of a request with what Terraform has of the attribute that would become it.
    fn leaf(
        &mut self,
        address: &str,
        rows: &'static [Row],
        document: &Document,
        leaf: &Leaf,
        is_default: impl Fn(&[String], &Json) -> bool,
    ) {
        let made = rows.iter().find_map(|Row(path, to)| match to {
            To::Member(member) | To::Reference(member, _) if *member == leaf.pattern => Some((*path, false)),
            To::Enabled(member) if *member == leaf.pattern => Some((*path, true)),
            _ => None,
        });
        let Some((row, is_switch)) = made else { return };
        let Some(wanted) = document_at(document, &leaf.path) else { return };
        if wanted.as_str().is_some_and(token::is_token) {
            return;
        }
        // Lists of both sides have their numbers in the same places.
        let mut numbers = leaf.path.split('.').filter(|part| part.parse::<usize>().is_ok());
        let numbered = row.split('.').map(|part| match part.strip_suffix("[]") {
            Some(list) => format!("{list}.{}", numbers.next().unwrap_or("0")),
            None => part.to_owned(),
        });
        let numbered: Vec<String> = numbered.collect();
        let terraform = self.text(address, &numbered.join("."));
        let deploy = match (is_switch, wanted.as_str()) {
            (true, Some(word)) => Some((word == "ENABLED").to_string()),
            _ => shown(&wanted),
        };
        let names: Vec<String> = leaf.path.split('.').map(str::to_owned).collect();
        if terraform == deploy
            || terraform.is_none() && (is_default(&names, &wanted) || deploy.as_deref() == Some("false"))
        {
            return;
        }
        let attribute = row.replace("[]", "");
        let ignored_as = attribute.split('.').next().unwrap_or_default().to_owned();
        let found = AttributeFound { attribute: &attribute, ignored_as: &ignored_as, terraform, deploy, differs: true };
        self.push(address, found);
    }

    fn way(&mut self, spec: &IngressSpec) {
        let named = |address: &str| self.text(address, "name").as_deref() == Some(&spec.target_group);
        let group = self.find(GROUPS, named).filter(|_| spec.target_group_arn.is_none());
        let arn = spec.target_group_arn.clone().or_else(|| self.text(group.as_ref()?, "arn"));
        if let Some(address) = group {
            self.seam.resources.insert(address.clone());
            let checks = checks(spec);
            for leaf in leaves(&checks) {
                self.leaf(&address, tables::TARGET_GROUP, &checks, &leaf, |_, _| false);
            }
            let (terraform, deploy) =
                (self.text(&address, "deregistration_delay"), Some(spec.deregistration_delay.to_string()));
            debug_assert!(tables::TARGET_GROUP.iter().any(|row| matches!(row.1, To::Attribute(key) if key == DELAY)));
            if terraform != deploy {
                let attribute = "deregistration_delay";
                self.push(
                    &address,
                    AttributeFound { attribute, ignored_as: attribute, terraform, deploy, differs: true },
                );
            }
        }
        let Some(arn) = arn else { return };
        self.listener(spec, &arn);
        self.rule(spec, &arn);
    }

    /// A service that takes what no rule takes is the listener's default action.
    fn listener(&mut self, spec: &IngressSpec, group: &str) {
        if !spec.is_default() || spec.listener_arn.is_some() {
            return;
        }
        let is_it = |address: &str| {
            // arn:...:loadbalancer/app/NAME/ID
            let balancer = self.text(address, "load_balancer_arn");
            let is_of = balancer.is_some_and(|arn| arn.split('/').nth(2) == Some(&spec.load_balancer));
            is_of && self.text(address, "port") == Some(spec.listener_port.to_string())
        };
        let Some(address) = self.find(LISTENERS, is_it) else { return };
        self.seam.resources.insert(address.clone());
        let terraform = self.targets(&address, "default_action");
        if !terraform.iter().any(|arn| arn == group) {
            let (terraform, deploy) = (terraform.first().map(|arn| group_name(arn)), Some(group_name(group)));
            let attribute = "default_action";
            self.push(&address, AttributeFound { attribute, ignored_as: attribute, terraform, deploy, differs: true });
        }
    }

    /// Of the rule that leads to a service a deploy sets hosts and paths. Of several it is the plan that says which.
    fn rule(&mut self, spec: &IngressSpec, group: &str) {
        let to_it: Vec<String> = self
            .truth
            .of(RULES)
            .filter(|address| self.targets(address, "action").iter().any(|arn| arn == group))
            .map(str::to_owned)
            .collect();
        self.seam.resources.extend(to_it.iter().cloned());
        let [address] = to_it.as_slice() else { return };
        for (block, said) in [("host_header", &spec.hosts), ("path_pattern", &spec.paths)] {
            let terraform = self.conditions(address, block);
            let deploy: BTreeSet<String> = said.iter().cloned().collect();
            if terraform != deploy && !(deploy.is_empty() && spec.is_default()) {
                let joined = |values: BTreeSet<String>| {
                    (!values.is_empty()).then(|| values.into_iter().collect::<Vec<_>>().join(", "))
                };
                let attribute = format!("condition.{block}.values");
                let (terraform, deploy) = (joined(terraform), joined(deploy));
                let found =
                    AttributeFound { attribute: &attribute, ignored_as: "condition", terraform, deploy, differs: true };
                self.push(address, found);
            }
        }
    }

    /// Returns the groups that actions forward to.
    fn targets(&self, address: &str, actions: &str) -> Vec<String> {
        let mut found = Vec::new();
        for number in 0.. {
            let action = format!("{actions}.{number}");
            if self.truth.at(address, &action).is_none() {
                return found;
            }
            found.extend(self.text(address, &format!("{action}.target_group_arn")));
            let groups = format!("{action}.forward.0.target_group");
            found.extend((0..).map_while(|at| self.text(address, &format!("{groups}.{at}.arn"))));
        }
        found
    }

    fn conditions(&self, address: &str, block: &str) -> BTreeSet<String> {
        let all = (0..).map_while(|number| self.truth.at(address, &format!("condition.{number}")));
        let values = all.enumerate().filter_map(|(number, _)| {
            match self.truth.at(address, &format!("condition.{number}.{block}.0.values"))? {
                Value::List(values) => Some(values),
                _ => None,
            }
        });
        values.flatten().filter_map(|value| plain(&value)).collect()
    }

    fn schedule(&mut self, doc: &ScheduleDoc) {
        let named = |address: &str| self.text(address, "name").as_deref() == Some(&doc.rule);
        if let Some(address) = self.find(&["aws_cloudwatch_event_rule"], named) {
            self.seam.resources.insert(address.clone());
            let state = doc.enabled.map(|enabled| if enabled { "ENABLED" } else { "DISABLED" }.to_owned());
            for (attribute, deploy) in [("schedule_expression", Some(doc.expression.clone())), ("state", state)] {
                let terraform = self.text(&address, attribute);
                if deploy.is_some() && terraform != deploy {
                    self.push(
                        &address,
                        AttributeFound { attribute, ignored_as: attribute, terraform, deploy, differs: true },
                    );
                }
            }
        }
        let of_rule = |address: &str| {
            let is_of = self.text(address, "rule").as_deref() == Some(&doc.rule);
            is_of && self.truth.at(address, "ecs_target.0").is_some()
        };
        if let Some(address) = self.find(&["aws_cloudwatch_event_target"], of_rule) {
            self.seam.resources.insert(address.clone());
            let runs = self.deploy.schedules.get(&doc.rule);
            let (attribute, ignored_as) = ("ecs_target.0.task_definition_arn", "ecs_target[0].task_definition_arn");
            self.revision(&address, attribute, ignored_as, runs);
            let input = self.text(&address, "input").and_then(|input| serde_json::from_str::<Json>(&input).ok());
            if !doc.overrides.is_empty() && input.as_ref() != Some(&Json::Object(doc.overrides.clone())) {
                // What is said over a task may hold values of variables: nothing of it is shown.
                let found = AttributeFound {
                    attribute: "input",
                    ignored_as: "input",
                    terraform: None,
                    deploy: None,
                    differs: true,
                };
                self.push(&address, found);
            }
        }
    }

    fn scheduled(&mut self, doc: &ScheduleDoc) {
        let named = |address: &str| {
            self.text(address, "name").as_deref() == Some(&doc.rule)
                && self.truth.at(address, "target.0.ecs_parameters.0").is_some()
        };
        let Some(address) = self.find(&["aws_scheduler_schedule"], named) else { return };
        self.seam.resources.insert(address.clone());
        let state = doc.enabled.map(|enabled| if enabled { "ENABLED" } else { "DISABLED" }.to_owned());
        for (attribute, deploy) in [
            ("schedule_expression", Some(doc.expression.clone())),
            ("schedule_expression_timezone", Some(doc.zone().to_owned())),
            ("state", state),
        ] {
            let terraform = self.text(&address, attribute);
            if deploy.is_some() && terraform.is_some() && terraform != deploy {
                let found = AttributeFound { attribute, ignored_as: attribute, terraform, deploy, differs: true };
                self.push(&address, found);
            }
        }
        let runs = self.deploy.schedules.get(&doc.rule);
        let (attribute, ignored_as) =
            ("target.0.ecs_parameters.0.task_definition_arn", "target[0].ecs_parameters[0].task_definition_arn");
        self.revision(&address, attribute, ignored_as, runs);
        let input = self.text(&address, "target.0.input").and_then(|input| serde_json::from_str::<Json>(&input).ok());
        if !doc.overrides.is_empty() && input.as_ref() != Some(&Json::Object(doc.overrides.clone())) {
            // As above: nothing of it is shown.
            let (attribute, ignored_as) = ("target.0.input", "target[0].input");
            self.push(&address, AttributeFound { attribute, ignored_as, terraform: None, deploy: None, differs: true });
        }
    }

    /// Values of the stage's secret are written by `vars set`, and by deploys that keep them; none is ever shown.
    fn secret(&mut self) {
        let Some(secret) = &self.deploy.desired.secret else { return };
        let is_it = |address: &str| {
            let id = self.text(address, "secret_id").unwrap_or_default();
            let name = id.split_once(":secret:").map_or(id.as_str(), |(_, name)| name);
            let rest = name.strip_prefix(secret.name.as_str());
            // An ARN ends in a hyphen and six letters.
            rest.is_some_and(|rest| rest.is_empty() || rest.len() == 7 && rest.starts_with('-'))
        };
        let Some(address) = self.find(&["aws_secretsmanager_secret_version"], is_it) else { return };
        self.seam.resources.insert(address.clone());
        let attribute = "secret_string";
        self.push(
            &address,
            AttributeFound { attribute, ignored_as: attribute, terraform: None, deploy: None, differs: false },
        );
    }

    /// A task definition of Terraform's is left alone by deploys, unless Terraform looks at the newest revision.
    fn tracked(&mut self) {
        let families: BTreeSet<&str> =
            self.deploy.desired.task_definitions.iter().map(|task| task.family.as_str()).collect();
        let tracked: Vec<String> = self
            .truth
            .of(&["aws_ecs_task_definition"])
            .filter(|address| self.text(address, "family").is_some_and(|family| families.contains(family.as_str())))
            .filter(|address| self.text(address, "track_latest").as_deref() == Some("true"))
            .map(str::to_owned)
            .collect();
        for address in tracked {
            self.seam.resources.insert(address.clone());
            let attribute = "container_definitions";
            let found =
                AttributeFound { attribute, ignored_as: attribute, terraform: None, deploy: None, differs: false };
            self.push(&address, found);
        }
    }

    /// Says what to write into which block.
    fn paste(&mut self) {
        let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for owned in self.seam.owned.iter().filter(|owned| owned.turn != Turn::Ignored) {
            let names = missing.entry(self.truth.block(&owned.address)).or_default();
            if !names.contains(&owned.ignored_as) {
                names.push(owned.ignored_as.clone());
            }
        }
        let known = |block: &str| self.blocks.as_ref().and_then(|blocks| blocks.get(block));
        let one = |(address, names): (String, Vec<String>)| {
            let own = known(&address).map(|(_, own)| own.clone()).unwrap_or_default();
            let all = own.into_iter().chain(names).collect::<Vec<_>>().join(", ");
            let place = known(&address).map(|(place, _)| place.clone());
            Paste { lines: format!("lifecycle {{\n  ignore_changes = [{all}]\n}}"), address, place }
        };
        self.seam.paste = missing.into_iter().map(one).collect();
    }
}

/// Returns whether this is ECS's default for a service that does not set it: then Terraform gets it, too.
fn is_of_ecs(path: &[String], value: &Json) -> bool {
    let made = || document_at(&with_defaults(&Document::new()), &path.join("."));
    let is_no_grace = path == ["healthCheckGracePeriodSeconds"] && *value == json!(0);
    is_no_grace || is_default_of_service(path, value) || made().as_ref() == Some(value)
}

/// Returns the last part of an ARN or a path.
fn last(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// arn:...:targetgroup/NAME/ID
fn group_name(arn: &str) -> String {
    arn.split_once(":targetgroup/").and_then(|(_, rest)| rest.split('/').next()).unwrap_or(arn).to_owned()
}

fn document_at(document: &Document, path: &str) -> Option<Json> {
    let pointer: String = path.split('.').map(|part| format!("/{part}")).collect();
    json!(document).pointer(&pointer).cloned()
}

/// Returns a value of Terraform as it is compared: lists in an order of their own.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Text(_) => value.shown().filter(|text| !text.is_empty()),
        Value::List(values) => {
            let mut all = values.iter().map(plain).collect::<Option<Vec<_>>>()?;
            all.sort();
            (!all.is_empty()).then(|| all.join(", "))
        }
        Value::Map(_) => None,
    }
}

/// The same of a value of a request.
fn shown(value: &Json) -> Option<String> {
    match value {
        Json::Null | Json::Object(_) => None,
        Json::String(text) => Some(text.clone()),
        Json::Array(values) => {
            let mut all = values.iter().map(shown).collect::<Option<Vec<_>>>()?;
            all.sort();
            (!all.is_empty()).then(|| all.join(", "))
        }
        other => Some(other.to_string()),
    }
}
