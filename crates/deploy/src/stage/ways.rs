//! What there is between the listeners and the targets of a stage's services.
//!
//! Services share load balancers and listeners: each is asked for once, not once for each service. A listener of a
//! hundred services has a hundred rules, and AWS throttles who reads them a hundred times.

use std::collections::{BTreeMap, BTreeSet};

use aws::{CallError, Client};
use aws_model::Document;
use deploy_core::desired::{Desired, IngressSpec};
use deploy_core::plan::ingress::{DELAY, ObservedIngress, is_given};
use futures_util::future::try_join_all;
use futures_util::try_join;

use crate::observe::{self, text};

/// A load balancer, if there is one of that name, and its listeners.
#[derive(Default)]
struct Front {
    balancer: Option<Document>,
    listeners: Vec<Document>,
}

impl Front {
    fn listener(&self, port: &str) -> Option<&Document> {
        self.listeners.iter().find(|listener| text(listener, "Port") == port)
    }
}

/// Returns the way to each service that has one, by the service's name in the manifest.
pub(super) async fn ways(client: &Client, desired: &Desired) -> Result<BTreeMap<String, ObservedIngress>, CallError> {
    let all = desired.services.iter().filter_map(|service| Some((&service.service, service.ingress.as_ref()?)));
    let (given, ours): (Vec<_>, Vec<_>) = all.partition(|(_, spec)| is_given(spec));
    let named = ours.iter().filter(|(_, spec)| spec.listener_arn.is_none());
    let named: BTreeSet<&str> = named.map(|(_, spec)| spec.load_balancer.as_str()).collect();
    let fronts = async {
        let asked = named.into_iter().map(async |name| Ok::<_, CallError>((name, front(client, name).await?)));
        Ok(try_join_all(asked).await?.into_iter().collect::<BTreeMap<_, _>>())
    };
    let groups = try_join_all(ours.iter().map(|(_, spec)| group(client, spec)));
    let (fronts, groups) = try_join!(fronts, groups)?;

    let none = Front::default();
    let mut ways: Vec<(&String, Option<String>, ObservedIngress)> = Vec::with_capacity(ours.len());
    for ((service, spec), (group, delay)) in ours.into_iter().zip(groups) {
        let front = match &spec.listener_arn {
            Some(_) => &none,
            None => fronts.get(spec.load_balancer.as_str()).unwrap_or(&none),
        };
        let listener = front.listener(&spec.listener_port.to_string()).cloned();
        let arn = listener.as_ref().map(|listener| text(listener, "ListenerArn").to_owned());
        let way = ObservedIngress { balancer: front.balancer.clone(), group, delay, listener, rules: Vec::new() };
        ways.push((service, spec.listener_arn.clone().or(arn), way));
    }
    let listeners: BTreeSet<&str> = ways.iter().filter_map(|(_, arn, _)| arn.as_deref()).collect();
    let asked = listeners.into_iter().map(async |arn| Ok((arn.to_owned(), observe::rules(client, arn).await?)));
    let rules: BTreeMap<String, Vec<Document>> = try_join_all(asked).await?.into_iter().collect::<BTreeMap<_, _>>();
    let with_rules = ways.into_iter().map(|(service, arn, mut way)| {
        way.rules = arn.and_then(|arn| rules.get(&arn)).cloned().unwrap_or_default();
        (service.clone(), way)
    });
    // What the owner of a given group routes to it is no way of ours.
    let given = given.into_iter().map(|(service, _)| (service.clone(), ObservedIngress::default()));
    Ok(with_rules.chain(given).collect())
}

async fn front(client: &Client, name: &str) -> Result<Front, CallError> {
    let Some(balancer) = observe::load_balancer(client, name).await? else { return Ok(Front::default()) };
    let listeners = observe::listeners(client, text(&balancer, "LoadBalancerArn")).await?;
    Ok(Front { balancer: Some(balancer), listeners })
}

/// Returns the target group that the manifest names, and its [`DELAY`]. One that is given by its ARN is not ours.
async fn group(client: &Client, spec: &IngressSpec) -> Result<(Option<Document>, Option<String>), CallError> {
    if spec.target_group_arn.is_some() {
        return Ok((None, None));
    }
    let Some(group) = observe::target_group(client, &spec.target_group).await? else { return Ok((None, None)) };
    let delay = observe::target_group_attribute(client, text(&group, "TargetGroupArn"), DELAY).await?;
    Ok((Some(group), delay))
}
