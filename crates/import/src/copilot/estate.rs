//! What do environments say of themselves, and what does no file tell? Names that CloudFormation made up are questions.

use std::collections::BTreeMap;

use deploy_core::Manifest;
use deploy_core::desired::DEFAULT_REGION;

use super::container::COPILOT;
use super::said::{Said, Value};
use super::workload::WorkloadKind;
use super::{Read, Source};
use crate::facts::NO_ACCOUNT;
use crate::{Left, Place};

impl Read<'_> {
    /// Reads what the environments' own manifests say.
    pub(super) fn environments(&mut self, environments: &BTreeMap<String, Said>, manifest: &mut Manifest) {
        for (stage, root) in environments {
            let is_public = manifest.stages.get(stage).is_some_and(|stage| stage.public_ip == Some(true));
            for (key, said) in root.entries() {
                match key.as_str() {
                    "name" | "type" => self.book.place(said, "stages.{stage}"),
                    "network" => self.vpc(said, stage, is_public, manifest),
                    "http" => self.book.list(
                        said,
                        "Copilot's load balancer and its certificates: name one that is there as the stage's \
                         `load-balancer` and `listener-arn`; a new one takes plain HTTP",
                    ),
                    "observability" | "cdn" => self.book.owner(said, COPILOT),
                    _ => {}
                }
            }
        }
    }

    fn vpc(&mut self, network: &Said, stage: &str, is_public: bool, manifest: &mut Manifest) {
        let Some(vpc) = network.get("vpc") else { return };
        for (key, said) in vpc.entries() {
            match key.as_str() {
                "id" | "cidr" => self.book.owner(said, "whoever made the VPC"),
                "subnets" => {
                    for (key, said) in said.entries() {
                        let Value::List(items) = &said.value else { continue };
                        let wanted = (key == "public") == is_public;
                        for item in items {
                            match item.get("id") {
                                Some(id) if wanted && id.text().is_some_and(|id| id.starts_with("subnet-")) => {
                                    let text = id.text().unwrap_or_default().to_owned();
                                    manifest.stages.entry(stage).subnets.push(text);
                                    self.book.place(id, "stages.{stage}.subnets");
                                }
                                _ => self.book.owner(item, "whoever made the VPC"),
                            }
                        }
                    }
                }
                _ => {
                    self.book.list(said, "Copilot made it of the VPC: see that the stage's subnets and groups have it")
                }
            }
        }
    }

    /// What CloudFormation made up is in no file.
    pub(super) fn questions(&mut self, stages: &[String], sources: &[Source], manifest: &Manifest) {
        let app = self.theirs.clone();
        for stage in stages {
            let place = Place { source: "copilot".to_owned(), line: None };
            let mut ask = |what: &str, why: String| {
                self.left.push(Left::new(format!("{what} of stage {stage}"), place.clone(), why));
            };
            ask(
                "the names in AWS",
                format!(
                    "CloudFormation made up those of the cluster ({app}-{stage}-Cluster-...), the services, the target groups, \
                     the load balancer and the roles, and no file tells them; the manifest names others, so a deploy makes \
                     things of its own beside what runs and takes nothing over: to move what runs, import it with `managr \
                     import service {stage}=CLUSTER/SERVICE`. Families, log groups and repositories are Copilot's own by its \
                     rules, and its stacks delete the last two with them"
                ),
            );
            if manifest.stages.get(stage).is_none_or(|stage| stage.subnets.is_empty()) {
                ask(
                    "the subnets and security groups",
                    format!(
                        "Copilot made the VPC and exports it as {app}-{stage}-PublicSubnets, -PrivateSubnets and \
                         -EnvironmentSecurityGroup (`aws cloudformation list-exports`): write `subnets` and `security-groups`"
                    ),
                );
            }
        }
        if self.options.account.is_none() && has_arns(manifest) {
            let why = format!(
                "no file tells the account (and the region, taken for {}): {NO_ACCOUNT} stands for it in `from` of secrets; \
                 say --account and --region, and import again",
                self.options.region.as_deref().unwrap_or(DEFAULT_REGION)
            );
            self.left.push(Left::new("the AWS account", Place::default(), why));
        }
        for source in sources {
            let injected = match source.kind {
                WorkloadKind::LoadBalanced => "COPILOT_SERVICE_DISCOVERY_ENDPOINT and COPILOT_LB_DNS",
                WorkloadKind::Worker => "COPILOT_SERVICE_DISCOVERY_ENDPOINT and COPILOT_QUEUE_URI",
                WorkloadKind::Backend | WorkloadKind::Job => "COPILOT_SERVICE_DISCOVERY_ENDPOINT",
            };
            let why = format!(
                "Copilot gave its containers {injected} too, whose values only its stacks know: where the program reads them, \
                 write them as variables (others are found as SERVICE.STAGE.{app}.local through Cloud Map, which a deploy of \
                 ours does not register in)"
            );
            self.left.push(Left::new(format!("variables of {}", source.key), source.place.clone(), why));
            if source.kind == WorkloadKind::Job {
                let why = "while Copilot's job is there both would start it: `copilot job delete` (or disable its rule) first";
                self.left.push(Left::new(format!("schedules.{}", source.key), source.place.clone(), why));
            }
            let hosts = stages.iter().any(|stage| {
                let of = manifest.stages.get(stage).and_then(|stage| stage.services.get(&source.key));
                serde_json::to_value(of).is_ok_and(|of| of.pointer("/ingress/host").is_some_and(|host| !host.is_null()))
            });
            if hosts {
                let why = "Copilot serves an alias over HTTPS, with a certificate and a record of Route 53 that stay in its \
                           stack: name a listener with a certificate as the stage's `listener-arn`, and point the name to it \
                           when you move";
                self.left.push(Left::new(format!("HTTPS of {}", source.key), source.place.clone(), why));
            }
        }
    }
}

fn has_arns(manifest: &Manifest) -> bool {
    serde_json::to_string(manifest).is_ok_and(|text| text.contains(NO_ACCOUNT))
}
