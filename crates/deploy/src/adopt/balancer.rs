//! What do requests go through on their way to services? Target groups, load balancers, listeners and rules, whole.
//!
//! A caller without the right to read all of it gets a message, and what could be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use aws::{CallError, Client, ELB, items};
use aws_model::Document;
use futures_util::future::try_join_all;
use import::live::Seen;
use import::{Kind, Left, Place};
use serde_json::{Value, json};

use crate::observe::{self, object, text};

/// Looks at everything between the listeners and the services that were seen.
pub(super) async fn look(client: &Client, seen: &mut Seen, left: &mut Vec<Left>) -> Result<(), CallError> {
    let arns = groups_of(seen);
    let looking = Looking { client, untold: Mutex::default() };
    let place = || Place { source: seen.cluster_name.clone(), line: None };
    let looked = looking.all(&arns).await;
    for (operation, why) in looking.untold.into_inner().unwrap_or_else(PoisonError::into_inner) {
        left.push(Left::new(
            operation,
            place(),
            format!("it could not be asked, and what it tells is not known: {why}"),
        ));
    }
    let place = place();
    match looked {
        Ok(found) => (seen.groups, seen.balancers, seen.listeners, seen.rules) = found,
        Err(error) if !(error.is_unserved() || error.is_denied()) => return Err(error),
        Err(error) => {
            seen.unseen.extend([Kind::LoadBalancer, Kind::TargetGroup, Kind::Listener, Kind::Rule]);
            let why = format!(
                "not all of them could be looked at, so what a deploy would do to them is not known here; `managr plan` \
                 tells: {error}"
            );
            left.push(Left::new("load balancers", place, why));
        }
    }
    Ok(())
}

/// Returns the target groups that services are in, each once.
fn groups_of(seen: &Seen) -> BTreeSet<String> {
    let balancers = seen.services.iter().flat_map(|(service, _)| items(service, "loadBalancers"));
    balancers.filter_map(|one| one.get("targetGroupArn")?.as_str().map(str::to_owned)).collect()
}

/// Groups, load balancers, listeners and rules.
type All = (Vec<Document>, Vec<Document>, Vec<Document>, Vec<Document>);

/// A load balancer, and its listeners with their rules.
type Whole = (Option<Document>, Vec<(Document, Vec<Document>)>);

struct Looking<'a> {
    client: &'a Client,
    /// What could not be asked of something that could be looked at: operations, and why.
    untold: Mutex<BTreeMap<String, String>>,
}

impl Looking<'_> {
    async fn all(&self, arns: &BTreeSet<String>) -> Result<All, CallError> {
        let groups = try_join_all(arns.iter().map(async |arn| {
            let Some(group) = observe::target_group_by_arn(self.client, arn).await? else { return Ok(None) };
            self.with_attributes("DescribeTargetGroupAttributes", "TargetGroupArn", group).await.map(Some)
        }));
        let groups: Vec<Document> = groups.await?.into_iter().flatten().collect();
        let balancers: BTreeSet<&str> =
            groups.iter().flat_map(|group| items(group, "LoadBalancerArns")).filter_map(Value::as_str).collect();
        let looked: Vec<Whole> = try_join_all(balancers.into_iter().map(|arn| self.balancer(arn))).await?;
        let (balancers, listeners): (Vec<_>, Vec<_>) = looked.into_iter().unzip();
        let (listeners, rules): (Vec<_>, Vec<_>) = listeners.into_iter().flatten().unzip();
        let rules = rules.into_iter().flatten().collect();
        Ok((groups, balancers.into_iter().flatten().collect(), listeners, rules))
    }

    async fn balancer(&self, arn: &str) -> Result<Whole, CallError> {
        let whole = async {
            let Some(one) = observe::load_balancer_by_arn(self.client, arn).await? else { return Ok(None) };
            self.with_attributes("DescribeLoadBalancerAttributes", "LoadBalancerArn", one).await.map(Some)
        };
        let listeners = async {
            let found = observe::listeners(self.client, arn).await?;
            try_join_all(found.into_iter().map(|listener| self.listener(listener))).await
        };
        futures_util::try_join!(whole, listeners)
    }

    async fn listener(&self, listener: Document) -> Result<(Document, Vec<Document>), CallError> {
        let arn = text(&listener, "ListenerArn").to_owned();
        let protocol = text(&listener, "Protocol").to_owned();
        // Listeners of a network load balancer have no rules to describe.
        let mut rules = match protocol.as_str() {
            "HTTP" | "HTTPS" => observe::rules(self.client, &arn).await?,
            _ => Vec::new(),
        };
        let mut listener = self.with_attributes("DescribeListenerAttributes", "ListenerArn", listener).await?;
        // A description shows the default certificate alone.
        if matches!(protocol.as_str(), "HTTPS" | "TLS") {
            let certificates = observe::listener_certificates(self.client, &arn).await;
            if let Some(all) = self.unless_untold("DescribeListenerCertificates", certificates)? {
                listener.insert("Certificates".to_owned(), all.into_iter().map(Value::Object).collect());
            }
        }
        for rule in &mut rules {
            rule.insert("ListenerArn".to_owned(), arn.as_str().into());
        }
        Ok((listener, rules))
    }

    /// Puts what a second call answers beside what the first one did.
    async fn with_attributes(
        &self,
        operation: &str,
        member: &str,
        mut document: Document,
    ) -> Result<Document, CallError> {
        let input = object(json!({ member: text(&document, member) }));
        if let Some(answer) = self.unless_untold(operation, self.client.call(&ELB, operation, input).await)? {
            document.insert("Attributes".to_owned(), items(&answer, "Attributes").to_vec().into());
        }
        Ok(document)
    }

    fn unless_untold<T>(&self, operation: &str, answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
        match answer {
            Err(error) if error.is_unserved() || error.is_denied() => {
                let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
                untold.insert(operation.to_owned(), error.to_string());
                Ok(None)
            }
            answer => answer.map(Some),
        }
    }
}
