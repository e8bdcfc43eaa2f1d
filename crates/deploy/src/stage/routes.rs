//! What there is of the load balancers that a stage has to do with, as a whole, no matter who made the rules and
//! groups.
//!
//! Without the right to read all of it a plan is still made, with a message that not everything was read.

use std::collections::{BTreeMap, BTreeSet};

use aws::{CallError, Client};
use aws_model::Document;
use deploy_core::desired::{Desired, IngressSpec};
use deploy_core::plan::groups;
use deploy_core::plan::ingress::ObservedIngress;
use deploy_core::routes::{Group, Listener, RouteMap};
use futures_util::future::try_join_all;
use serde_json::Value;

use super::gather::{service_names, services as describe_services};
use crate::observe::{self, text};

/// What else was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    /// The stage's services, by their names in ECS.
    pub(crate) services: &'a BTreeMap<String, Document>,
    /// Its ways, as far as the manifest names them.
    pub(crate) ways: &'a BTreeMap<String, ObservedIngress>,
}

/// Looks at the load balancers that a stage's ingresses name, and at those that its services are behind now.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn routes(
    client: &Client,
    desired: &Desired,
    around: Around<'_>,
    plans: bool,
) -> Result<RouteMap, CallError> {
    match look(client, desired, around, plans).await {
        Err(error) if error.is_denied() || error.is_unserved() => {
            let why = format!(
                "the load balancers could not be looked at as a whole, so risks of routes are not known: {error}"
            );
            Ok(RouteMap { unseen: vec![why], ..RouteMap::default() })
        }
        found => found,
    }
}

async fn look(client: &Client, desired: &Desired, around: Around<'_>, plans: bool) -> Result<RouteMap, CallError> {
    let Around { services, ways } = around;
    let specs: Vec<&IngressSpec> = desired.services.iter().filter_map(|service| service.ingress.as_ref()).collect();
    // A service is in groups now, and will be in those that the manifest names.
    let now: BTreeSet<String> = services.values().flat_map(groups).map(str::to_owned).collect();
    let given = specs.iter().filter_map(|spec| spec.target_group_arn.clone());
    let made = ways.values().filter_map(|way| way.group_arn().map(str::to_owned));
    let ours: BTreeSet<String> = given.chain(made).chain(now.iter().cloned()).collect();
    let found = try_join_all(ours.iter().map(|arn| observe::target_group_by_arn(client, arn))).await?;
    let found: Vec<Document> = found.into_iter().flatten().collect();

    let mut balancers: BTreeSet<String> = found.iter().flat_map(balancers_of).collect();
    balancers.extend(ways.values().filter_map(|way| Some(text(way.balancer.as_ref()?, "LoadBalancerArn").to_owned())));
    balancers.extend(specs.iter().filter_map(|spec| balancer_of(spec.listener_arn.as_deref()?)));
    balancers.retain(|arn| !arn.is_empty());

    let looked = try_join_all(balancers.iter().map(|arn| balancer(client, arn))).await?;
    let mut map = RouteMap::default();
    let (listeners, lists): (Vec<_>, Vec<_>) = looked.into_iter().unzip();
    map.listeners = listeners.into_iter().flatten().collect();
    for group in found.iter().chain(lists.iter().flatten()) {
        let name = text(group, "TargetGroupName").to_owned();
        map.groups.entry(text(group, "TargetGroupArn").to_owned()).or_insert(Group { name, ..Group::default() });
    }
    register(&mut map, services.iter().map(|(name, service)| (name.as_str(), service)));
    // Others of the cluster matter where requests go to other services, or where one of ours leaves a group.
    let defaults = map.listeners.iter().flat_map(|listener| listener.rules.last()).flat_map(|rule| rule.what.groups());
    let asked: BTreeSet<String> = defaults.map(str::to_owned).chain(now).collect();
    if plans && (asked.iter().any(|arn| !ours.contains(arn)) || leaves(desired, around)) {
        let names = service_names(client, &desired.cluster).await?;
        let others: Vec<String> = names.into_iter().filter(|name| !services.contains_key(name)).collect();
        let others = describe_services(client, &desired.cluster, &others).await?;
        register(&mut map, others.iter().map(|(name, service)| (name.as_str(), service)));
    }
    let counts = try_join_all(asked.iter().map(async |arn| {
        let targets = observe::targets(client, arn).await?;
        let state = |target: &Document| target.get("TargetHealth")?["State"].as_str().map(str::to_owned);
        let stay = targets.iter().filter(|target| state(target).as_deref() != Some("draining"));
        Ok::<_, CallError>((arn, stay.count()))
    }));
    for (arn, count) in counts.await? {
        map.groups.entry(arn.clone()).or_default().targets = Some(count);
    }
    Ok(map)
}

/// Whether a service may leave a group: what it is in now is not what the manifest is known to name.
fn leaves(desired: &Desired, around: Around<'_>) -> bool {
    desired.services.iter().any(|service| {
        let now = around.services.get(&service.name).map(groups).unwrap_or_default();
        let mut wanted = groups(&service.document);
        wanted.extend(around.ways.get(&service.service).and_then(|way| way.group_arn()));
        now.iter().any(|group| !wanted.contains(group))
    })
}

fn register<'a>(map: &mut RouteMap, services: impl Iterator<Item = (&'a str, &'a Document)>) {
    for (name, service) in services {
        for group in groups(service) {
            map.groups.entry(group.to_owned()).or_default().services.insert(name.to_owned());
        }
    }
}

fn balancers_of(group: &Document) -> impl Iterator<Item = String> + '_ {
    aws::items(group, "LoadBalancerArns").iter().filter_map(Value::as_str).map(str::to_owned)
}

/// Returns the load balancer of a listener: `...:listener/app/NAME/ID/LISTENER` is of `...:loadbalancer/app/NAME/ID`.
fn balancer_of(listener: &str) -> Option<String> {
    let (head, rest) = listener.split_once(":listener/")?;
    let (balancer, _) = rest.rsplit_once('/')?;
    Some(format!("{head}:loadbalancer/{balancer}"))
}

/// Returns a load balancer's listeners, and the groups that it routes to.
async fn balancer(client: &Client, arn: &str) -> Result<(Vec<Listener>, Vec<Document>), CallError> {
    // arn:...:loadbalancer/app/NAME/ID; a network load balancer's listeners have no rules to describe.
    let mut parts = arn.split_once(":loadbalancer/").map_or("", |(_, rest)| rest).split('/');
    let has_rules = parts.next() == Some("app");
    let name = parts.next().unwrap_or_default();
    let listeners = async {
        let found = observe::listeners(client, arn).await?;
        try_join_all(found.into_iter().map(async |listener| {
            let rules = match has_rules {
                true => observe::rules(client, text(&listener, "ListenerArn")).await?,
                false => Vec::new(),
            };
            Ok::<_, CallError>(Listener::read(name, &listener, &rules))
        }))
        .await
    };
    futures_util::try_join!(listeners, observe::target_groups_of(client, arn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_names_its_load_balancer() {
        let listener = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/shop/50dc6c495c0c9188/f2f7";
        let balancer = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188";
        assert_eq!(balancer_of(listener).as_deref(), Some(balancer));
        assert_eq!(balancer_of("nonsense"), None);
    }
}
