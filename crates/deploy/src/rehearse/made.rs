//! A stage made as it was found: objects, secret, task definitions, services.

use std::collections::{BTreeMap, BTreeSet};

use aws::{CallError, Client, ECS, SECRETS};
use aws_model::Document;
use aws_model::register::COMPUTED;
use deploy_core::Desired;
use deploy_core::desired::IngressSpec;
use import::found::referred;
use import::{FoundObject, FoundService, FoundStage, Kind, Left, Place};
use serde_json::{Map, Value, json};

use super::objects::{self, AFTER_SERVICES, BEFORE_SERVICES};
use super::standin::{self, Missing};
use crate::discovery;
use crate::observe::{object, text};
use aws_model::chain;

/// What stands for an unknown subnet.
pub(super) const NO_SUBNET: &str = "subnet-that-nobody-knows";

/// An account that does not exist.
const STRANGER: &str = "999999999999";

/// What became of a stage: what of it is not there as it was found, and what only rules know.
pub(super) struct Short {
    /// ARNs of what was made, by the found object's id or the ARN that was named.
    pub(super) arns: BTreeMap<String, String>,
    /// What could not be made.
    pub(super) unmade: Vec<Left>,
    /// Attributes that could not be set.
    pub(super) unset: Vec<Left>,
    /// What stood for something that is named and not described.
    pub(super) assumed: Vec<Left>,
    /// Revisions that rules start, by the schedules' numbers; none where it could not be registered.
    pub(super) started: Vec<Option<String>>,
}

/// Makes a stage.
pub(super) async fn make(client: &Client, found: &FoundStage, desired: &Desired) -> Short {
    let mut making = Making {
        client,
        found,
        arns: BTreeMap::new(),
        clusters: BTreeSet::new(),
        secret: None,
        registered: Vec::new(),
        unmade: Vec::new(),
        unset: Vec::new(),
        assumed: Vec::new(),
        desired,
    };
    making.stand_ins().await;
    making.objects(&BEFORE_SERVICES).await;
    if let Some(name) = &found.cluster {
        making.cluster(name).await;
    }
    making.secret(desired).await;
    making.names().await;
    let mut started = Vec::with_capacity(found.schedules.len());
    for one in &found.schedules {
        started.push(making.register(&one.task_definition, &one.place).await);
    }
    for one in &found.one_offs {
        making.register(&one.task_definition, &one.place).await;
    }
    for service in &found.services {
        making.service(service).await;
    }
    making.objects(&AFTER_SERVICES).await;
    Short { arns: making.arns, unmade: making.unmade, unset: making.unset, assumed: making.assumed, started }
}

struct Making<'a> {
    client: &'a Client,
    found: &'a FoundStage,
    /// ARNs of what was made, by the object's id.
    arns: BTreeMap<String, String>,
    /// Clusters that were made for their names' sake.
    clusters: BTreeSet<String>,
    /// The stage's JSON secret: as documents name it, and as it is called here.
    secret: Option<(String, String)>,
    /// Task definitions, each once: two users of one have one revision.
    registered: Vec<(Document, String)>,
    unmade: Vec<Left>,
    unset: Vec<Left>,
    assumed: Vec<Left>,
    desired: &'a Desired,
}

impl Making<'_> {
    /// Makes what the source names by an ARN alone.
    async fn stand_ins(&mut self) {
        let Missing { listeners, groups } = standin::missing(self.found);
        for (number, arn) in listeners.iter().enumerate() {
            let made = standin::listener(self.client, number).await;
            let why = "the source names this listener and does not describe it: one without rules stood for it where the \
                       deploy was rehearsed, and what else it routes is not known";
            self.stand_in(arn, made, why);
        }
        for (number, arn) in groups.iter().enumerate() {
            let spec = self.spec(|spec| {
                spec.target_group_arn.as_ref() == Some(arn) || arn.split('/').nth(1) == Some(&spec.target_group)
            });
            let made = standin::group(self.client, listeners.len() + number, arn, spec).await;
            let why = "the source names this target group and does not describe it: where the deploy was rehearsed one stood \
                       for it that is as the manifest wants it, so what a deploy changes of its health check is not known";
            self.stand_in(arn, made, why);
        }
    }

    fn stand_in(&mut self, arn: &str, made: Result<String, CallError>, why: &str) {
        match made {
            Ok(made) => {
                self.arns.insert(arn.to_owned(), made);
                self.assumed.push(Left::new(arn, Place::default(), why));
            }
            Err(error) => self.leave(arn, &Place::default(), &error),
        }
    }

    /// Returns the way of the manifest that something is of.
    fn spec(&self, is_it: impl Fn(&IngressSpec) -> bool) -> Option<&IngressSpec> {
        let ways = self.desired.services.iter().filter_map(|service| service.ingress.as_ref());
        ways.into_iter().find(|spec| is_it(spec))
    }

    async fn objects(&mut self, kinds: &[Kind]) {
        for kind in kinds {
            for found in self.found.objects.iter().filter(|found| found.kind == *kind) {
                let mut input = self.input(found);
                let spec = self.spec(|spec| text(&input, "Name") == spec.target_group);
                for member in standin::without_unserved(*kind, &mut input, spec) {
                    let why = "the simulated platform has no such thing: it was left out where the deploy was rehearsed, and no \
                               deploy touches it";
                    self.unset.push(Left::new(format!("{member} of {}", found.id), found.place.clone(), why));
                }
                match objects::make(self.client, found, input).await {
                    Ok(made) => {
                        self.arns.extend(made.arn.map(|arn| (found.id.clone(), arn)));
                        for (key, error) in &made.unset {
                            let why = format!("it was not set where the deploy was rehearsed: {error}");
                            self.unset.push(Left::new(format!("{key} of {}", found.id), found.place.clone(), why));
                        }
                    }
                    // No deploy touches a policy for which the manifest has no word, so a plan lacks nothing without it.
                    Err(error) if *kind == Kind::ScalingPolicy && !is_held(found) => {
                        let why = format!("it was not made where the deploy was rehearsed: {error}");
                        self.unset.push(Left::new(found.id.clone(), found.place.clone(), why));
                    }
                    Err(error) => self.leave(&found.id, &found.place, &error),
                }
            }
        }
    }

    /// Returns the request for an object. Whatever its name is in AWS, it has one.
    fn input(&self, found: &FoundObject) -> Document {
        let mut input = self.resolved(&found.document);
        let number = self.found.objects.iter().position(|other| other.id == found.id).unwrap_or_default();
        match found.kind {
            Kind::LoadBalancer | Kind::TargetGroup if text(&input, "Name").is_empty() => {
                input.insert("Name".to_owned(), format!("a-name-that-nobody-knows-{number}").into());
            }
            // No certificate of ACM is here, and no deploy touches which one it is.
            Kind::Listener if ["HTTPS", "TLS"].contains(&text(&input, "Protocol")) => {
                input.insert("Certificates".to_owned(), json!([{ "CertificateArn": self.certificate() }]));
            }
            // A setting whose value is unknown is left out.
            Kind::Cluster => {
                let settings = input.get_mut("settings").and_then(Value::as_array_mut);
                if let Some(list) = settings {
                    list.retain(|one| one["value"].as_str().is_some_and(|text| !text.is_empty()));
                }
            }
            Kind::Rule => drop(input.insert("Priority".to_owned(), self.found.priority(found).into())),
            _ => {}
        }
        standin::in_a_network(found.kind, &mut input);
        secrets(&mut input);
        numbered(&mut input);
        input
    }

    /// Returns a certificate of another account than the stage's: of its own a platform wants the certificate itself.
    fn certificate(&self) -> String {
        let account = if self.found.account.as_deref() == Some(STRANGER) { "999999999998" } else { STRANGER };
        let region = self.found.region.as_deref().unwrap_or("us-east-1");
        format!("arn:aws:acm:{region}:{account}:certificate/00000000-0000-0000-0000-000000000000")
    }

    /// A cluster of which the source says no more than its name.
    async fn cluster(&mut self, name: &str) {
        let is_made = |found: &FoundObject| found.kind == Kind::Cluster && text(&found.document, "clusterName") == name;
        if self.found.objects.iter().any(is_made) || !self.clusters.insert(name.to_owned()) {
            return;
        }
        if let Err(error) = self.client.call(&ECS, "CreateCluster", object(json!({ "clusterName": name }))).await {
            self.leave(name, &Place::default(), &error);
        }
    }

    /// The stage's JSON secret with every key that the manifest needs; its values are made up.
    async fn secret(&mut self, desired: &Desired) {
        let Some((arn, name)) = import::secret(self.found) else { return };
        let keys = desired.secret.iter().flat_map(|spec| &spec.keys);
        let values: Map<String, Value> = keys.map(|key| (key.key.clone(), "rehearsed".into())).collect();
        let input = json!({
            "Name": name, "SecretString": Value::Object(values).to_string(), "ClientRequestToken": "rehearsed-rehearsed-rehearsed-00",
        });
        match self.client.call(&SECRETS, "CreateSecret", object(input)).await {
            Ok(answer) => self.secret = Some((arn, text(&answer, "ARN").to_owned())),
            Err(error) => self.leave(&name, &Place::default(), &error),
        }
    }

    /// What services are found by: a deploy finds it by its name, so that only the name of it matters.
    async fn names(&mut self) {
        let mut namespaces = BTreeMap::new();
        for found in &self.found.services {
            let Some(discover) = found.discover.as_ref().filter(|one| !self.arns.contains_key(&one.registry)) else {
                continue;
            };
            match discovery::stand_in(self.client, &discover.name, &mut namespaces).await {
                Ok(arn) => {
                    let id = referred(&discover.registry).unwrap_or(&discover.registry);
                    self.arns.insert(id.to_owned(), arn);
                }
                Err(error) => self.leave(&discover.name, &found.place, &error),
            }
        }
    }

    /// Registers a task definition and returns its ARN.
    async fn register(&mut self, document: &Document, place: &Place) -> Option<String> {
        let mut input = self.resolved(document);
        input.retain(|member, _| !COMPUTED.contains(&member.as_str()));
        if let Some((_, arn)) = self.registered.iter().find(|(known, _)| *known == input) {
            return Some(arn.clone());
        }
        match crate::apply::register(self.client, input.clone()).await {
            Ok(arn) => {
                self.registered.push((input, arn.clone()));
                Some(arn)
            }
            Err(error) => {
                self.leave(text(document, "family"), place, &error);
                None
            }
        }
    }

    async fn service(&mut self, found: &FoundService) {
        let revision = self.register(&found.task_definition, &found.place).await;
        let (Some(service), Some(revision)) = (&found.service, revision) else { return };
        let mut input = self.resolved(service);
        input.insert("taskDefinition".to_owned(), revision.into());
        // An ARN that the source made up of an account of its own names a cluster all the same, and none at all is `default`.
        let cluster = text(&input, "cluster").to_owned();
        let name = match cluster.rsplit_once(":cluster/") {
            Some((_, name)) => name.to_owned(),
            None if cluster.is_empty() => self.found.cluster.clone().unwrap_or_else(|| "default".to_owned()),
            None => cluster,
        };
        self.cluster(&name).await;
        input.insert("cluster".to_owned(), name.into());
        // An autoscaler owns the service's count: any will do.
        if !input.contains_key("desiredCount") && text(&input, "schedulingStrategy") != "DAEMON" {
            input.insert("desiredCount".to_owned(), 1.into());
        }
        // ECS wants a subnet. Which one is unknown; the manifest has the same one here.
        if text(&found.task_definition, "networkMode") == "awsvpc" {
            let network = input.entry("networkConfiguration").or_insert_with(|| json!({}));
            let subnets = &mut network["awsvpcConfiguration"]["subnets"];
            if subnets.as_array().is_none_or(Vec::is_empty) {
                *subnets = json!([NO_SUBNET]);
            }
        }
        if let Err(error) = self.client.call(&ECS, "CreateService", input).await {
            self.leave(text(service, "serviceName"), &found.place, &error);
        }
    }

    /// Returns a document that names what was made here.
    fn resolved(&self, document: &Document) -> Document {
        let resolved = |(member, value): (&String, &Value)| (member.clone(), self.value(value));
        document.iter().map(resolved).collect()
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => Value::Object(self.resolved(members)),
            other => other.clone(),
        }
    }

    fn text(&self, text: &str) -> String {
        if let Some(arn) = referred(text).and_then(|id| self.arns.get(id)) {
            return arn.clone();
        }
        let of_secret = self.secret.as_ref().and_then(|(there, here)| {
            let rest = text.strip_prefix(there.as_str())?;
            (rest.is_empty() || rest.starts_with(':')).then(|| format!("{here}{rest}"))
        });
        of_secret.unwrap_or_else(|| text.to_owned())
    }

    fn leave(&mut self, what: &str, place: &Place, why: &dyn std::error::Error) {
        let words = format!("it could not be made on a simulated platform: {}", chain(why));
        self.unmade.push(Left::new(what, place.clone(), words));
    }
}

/// Returns whether a policy holds a value, which manifests have words for.
fn is_held(policy: &FoundObject) -> bool {
    policy.document.contains_key("TargetTrackingScalingPolicyConfiguration")
}

/// Numbers several actions where the source does not: the provider sends `i + 1` for each (`expandLbListenerActions`).
fn numbered(input: &mut Document) {
    let actions = ["Actions", "DefaultActions"];
    for (_, list) in input.iter_mut().filter(|(member, _)| actions.contains(&member.as_str())) {
        let Some(list) = list.as_array_mut().filter(|list| list.len() > 1) else { continue };
        for (index, action) in list.iter_mut().filter_map(Value::as_object_mut).enumerate() {
            action.entry("Order").or_insert_with(|| (index + 1).into());
        }
    }
}

/// Gives actions that authenticate a made-up secret: an import never holds the real one, and ELB wants one.
fn secrets(input: &mut Document) {
    let actions = ["Actions", "DefaultActions"];
    for (_, list) in input.iter_mut().filter(|(member, _)| actions.contains(&member.as_str())) {
        for action in list.as_array_mut().into_iter().flatten() {
            if let Some(Value::Object(oidc)) = action.get_mut("AuthenticateOidcConfig") {
                oidc.entry("ClientSecret").or_insert_with(|| "rehearsed".into());
            }
        }
    }
}
