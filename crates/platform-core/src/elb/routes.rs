//! What should the balancer serve? The world's listeners and groups as plain values.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::certificates;
use super::policies::{self, Policy};
use crate::World;
use crate::acm::SealedKey;
use crate::routing::{Action, Condition, HealthCheck};
use crate::world::{Listener, LoadBalancer, Target, TargetGroup};

/// Everything to serve.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routes {
    /// Listeners, in ARN order.
    pub listeners: Vec<ListenerRoutes>,
    /// Groups that some rule forwards to, in ARN order.
    pub groups: Vec<GroupRoutes>,
}

/// A listener to serve.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerRoutes {
    /// Listener's ARN.
    pub arn: String,
    /// Port to listen on.
    pub port: u16,
    /// Conditions and action of each rule by priority, the default rule last.
    pub rules: Vec<(Vec<Condition>, Action)>,
    /// `idle_timeout.timeout_seconds`.
    pub idle_timeout_seconds: u32,
    /// `client_keep_alive.seconds`.
    pub client_keep_alive_seconds: u32,
    /// `routing.http.xff_header_processing.mode`: `append`, `preserve` or `remove`.
    pub forwarded_for: String,
    /// `routing.http.drop_invalid_header_fields.enabled`.
    pub drop_invalid_headers: bool,
    /// `routing.http2.enabled`.
    pub http2: bool,
    /// What it speaks TLS with; none for HTTP, and where its certificate is not this platform's.
    pub tls: Option<TlsRoutes>,
}

/// What a listener of HTTPS speaks TLS with.
#[derive(Debug, Clone, PartialEq)]
pub struct TlsRoutes {
    /// The default one first.
    pub certificates: Vec<CertificateRoutes>,
    /// Its security policy.
    pub policy: Policy,
}

/// A certificate to serve.
#[derive(Debug, Clone, PartialEq)]
pub struct CertificateRoutes {
    /// Its ARN.
    pub arn: String,
    /// Names that it is for.
    pub names: Vec<String>,
    /// It and those that vouch for it, PEM.
    pub chain: String,
    /// Its key.
    pub key: SealedKey,
}

/// A group to serve.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRoutes {
    /// Group's ARN.
    pub arn: String,
    /// Group's name.
    pub name: String,
    /// How targets are probed.
    pub health_check: HealthCheck,
    /// Seconds that a client stays with its target; none when it does not.
    pub sticky_seconds: Option<u32>,
    /// Whether the target with the fewest requests is chosen, instead of the next in turn.
    pub least_outstanding: bool,
    /// Targets, draining ones included.
    pub targets: Vec<Arc<Target>>,
}

/// Returns what the balancer should serve. The same world gives the same value.
pub fn routes(world: &World) -> Routes {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut listeners = Vec::new();
    for listener in world.listeners.values() {
        let mut rules: Vec<_> = world.rules.values().filter(|r| r.listener_arn == listener.arn).collect();
        rules.sort_by_key(|r| crate::routing::rank(r.priority));
        used.extend(rules.iter().flat_map(|r| &r.actions).flat_map(|a| a.groups()).map(|(arn, _)| arn.as_str()));
        let lb = world.load_balancers.get(&listener.load_balancer_arn);
        let attribute = |key: &str| lb.and_then(|lb: &Arc<LoadBalancer>| lb.attributes.get(key)).map(String::as_str);
        let seconds = |key: &str, default| attribute(key).and_then(|s| s.parse().ok()).unwrap_or(default);
        let tls = (listener.protocol == "HTTPS").then(|| tls_of(world, listener)).flatten();
        listeners.push(ListenerRoutes {
            arn: listener.arn.clone(),
            port: listener.port,
            rules: match listener.protocol.as_str() {
                "HTTPS" if tls.is_none() => vec![(Vec::new(), refusal(400, NO_TLS))],
                _ => rules.into_iter().filter_map(|r| Some((r.conditions.clone(), action_of(r)?))).collect(),
            },
            idle_timeout_seconds: seconds("idle_timeout.timeout_seconds", 60),
            client_keep_alive_seconds: seconds("client_keep_alive.seconds", 3600),
            forwarded_for: attribute("routing.http.xff_header_processing.mode").unwrap_or("append").to_owned(),
            drop_invalid_headers: attribute("routing.http.drop_invalid_header_fields.enabled") == Some("true"),
            http2: attribute("routing.http2.enabled") != Some("false"),
            tls,
        });
    }
    let groups = used.into_iter().filter_map(|arn| world.target_groups.get(arn)).map(|g| group_routes(world, g));
    Routes { listeners, groups: groups.collect() }
}

/// Returns what a listener speaks TLS with; none if its default certificate is not this platform's.
fn tls_of(world: &World, listener: &Listener) -> Option<TlsRoutes> {
    let arns = certificates::of_listener(listener);
    certificates::of_acm(world, arns.first()?)?;
    let one = |arn: String| {
        let certificate = certificates::of_acm(world, &arn)?;
        let chain = format!("{}{}", certificate.body, certificate.chain.unwrap_or_default());
        Some(CertificateRoutes { arn, names: certificate.facts.names, chain, key: certificate.key })
    };
    let named = super::input::text(&listener.document, "SslPolicy");
    let policy = policies::find(named.as_deref().unwrap_or(policies::DEFAULT))?;
    Some(TlsRoutes { certificates: arns.into_iter().filter_map(one).collect(), policy })
}

/// The answer on the port of a listener that cannot be served: a TLS client gets no TLS, and any other client gets
/// the answer that AWS gives to plain HTTP (ALB guide, HTTP 400), and the reason.
const NO_TLS: &str =
    "HTTPS is not served here: the certificate is not one of this platform's ACM. Nothing is forwarded.";
/// What is answered instead of authenticating a user.
const NO_SIGN_IN: &str = "Authentication is not carried out by this platform: the request is not forwarded.";

fn refusal(status: u16, words: &str) -> Action {
    Action::FixedResponse { status, content_type: Some("text/plain".to_owned()), body: Some(words.to_owned()) }
}

/// Returns what a rule does. One that must authenticate a user forwards nothing.
fn action_of(rule: &crate::world::Rule) -> Option<Action> {
    let actions = super::input::list(&rule.document, "Actions");
    match super::guards::asks_first(actions) {
        true => Some(refusal(501, NO_SIGN_IN)),
        false => rule.actions.last().cloned(),
    }
}

fn group_routes(world: &World, group: &TargetGroup) -> GroupRoutes {
    let attribute = |key: &str| group.attributes.get(key).map(String::as_str);
    let sticky = attribute("stickiness.enabled") == Some("true");
    GroupRoutes {
        arn: group.arn.clone(),
        name: group.name.clone(),
        health_check: group.health_check.clone(),
        sticky_seconds: attribute("stickiness.lb_cookie.duration_seconds")
            .and_then(|s| s.parse().ok())
            .filter(|_| sticky),
        least_outstanding: attribute("load_balancing.algorithm.type") == Some("least_outstanding_requests"),
        targets: world.group_targets(&group.arn).cloned().collect(),
    }
}
