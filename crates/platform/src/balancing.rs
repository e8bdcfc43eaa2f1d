//! The load balancer behind the orchestrator's port: the world's listeners, groups and targets as
//! the balancer's configuration, and what the balancer learns as facts.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use balancer::{
    Algorithm, Attributes, Certificate, Config, Event, ForwardedFor, Group, Health, Launch, Listener, PrivateKey,
    Remote, Rule, Target, Tls,
};
use certificates::Keys;
use orchestrator::{Fact, Routes};
use platform_core::measure::traffic::Count;
use platform_core::world::{TargetKey, TargetState};
use platform_core::{World, elb};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// Who hears what the balancer learns.
pub(crate) struct Told {
    pub(crate) facts: UnboundedSender<Fact>,
    pub(crate) counts: UnboundedSender<Count>,
}

/// The balancer's process, told by the world.
pub(crate) struct Balancing {
    balancer: Remote,
    /// Address that listeners bind.
    address: IpAddr,
    /// Opens the keys of certificates.
    keys: Keys,
}

impl Balancing {
    pub(crate) fn new(address: IpAddr, launch: Launch, keys: Keys, told: Told) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        tokio::spawn(pass_on(events, told));
        Self { balancer: Remote::new(launch, sender), address, keys }
    }

    /// Resolves once the balancer has acknowledged the routes applied before this call.
    pub(crate) fn settled(&self) -> impl Future<Output = ()> + Send + 'static {
        self.balancer.settled()
    }
}

impl Routes for Balancing {
    fn apply(&self, world: &World) {
        self.balancer.apply(config(world, self.address, &self.keys));
    }
}

fn config(world: &World, address: IpAddr, keys: &Keys) -> Config {
    let routes = elb::routes(world);
    Config {
        listeners: routes.listeners.into_iter().map(|l| listener(l, address, keys)).collect(),
        groups: routes.groups.into_iter().map(group).collect(),
    }
}

fn listener(from: elb::ListenerRoutes, address: IpAddr, keys: &Keys) -> Listener {
    let attributes = Attributes {
        idle_timeout: Duration::from_secs(from.idle_timeout_seconds.into()),
        client_keep_alive: Duration::from_secs(from.client_keep_alive_seconds.into()),
        forwarded_for: match from.forwarded_for.as_str() {
            "preserve" => ForwardedFor::Preserve,
            "remove" => ForwardedFor::Remove,
            _ => ForwardedFor::Append,
        },
        drop_invalid_headers: from.drop_invalid_headers,
        http2: from.http2,
    };
    let rules = from.rules.into_iter().map(|(conditions, action)| Rule { conditions, action }).collect();
    let tls = from.tls.map(|tls| Tls {
        certificates: tls.certificates.into_iter().filter_map(|c| certificate(c, keys)).collect(),
        ciphers: tls.policy.ciphers().map(str::to_owned).collect(),
    });
    Listener { arn: from.arn, address: SocketAddr::new(address, from.port), rules, attributes, tls }
}

/// A certificate whose key does not open is left out; a listener that is left without one closes its connections.
fn certificate(from: elb::CertificateRoutes, keys: &Keys) -> Option<Certificate> {
    match keys.open(&from.key) {
        Ok(key) => {
            let key = PrivateKey::new(key.expose().to_owned());
            Some(Certificate { names: from.names, chain: from.chain, key })
        }
        Err(error) => {
            tracing::error!(certificate = from.arn, %error, "a certificate cannot be served");
            None
        }
    }
}

fn group(from: elb::GroupRoutes) -> Group {
    let target = |t: &Arc<platform_core::world::Target>| {
        // Only addresses can be served; an instance's id means nothing here.
        let ip: IpAddr = t.key.id.parse().ok()?;
        let draining = t.state == TargetState::Draining;
        let health = match t.state {
            TargetState::Healthy => Health::Healthy,
            TargetState::Unhealthy => Health::Unhealthy,
            _ => Health::Initial,
        };
        Some(Target { id: t.key.id.clone(), address: SocketAddr::new(ip, t.key.port), draining, health })
    };
    Group {
        arn: from.arn,
        name: from.name,
        health_check: from.health_check,
        stickiness: from.sticky_seconds.map(|s| Duration::from_secs(s.into())),
        algorithm: if from.least_outstanding { Algorithm::LeastOutstanding } else { Algorithm::RoundRobin },
        targets: from.targets.iter().filter_map(target).collect(),
    }
}

/// Tells the orchestrator what the balancer learns; words for the operator go to the log.
async fn pass_on(mut events: UnboundedReceiver<Event>, told: Told) {
    let Told { facts, counts } = told;
    while let Some(event) = events.recv().await {
        let fact = match event {
            Event::TargetHealth { group, target, port, state, reason, description } => Fact::TargetHealth {
                key: TargetKey { group_arn: group, id: target, port },
                state: match state {
                    Health::Initial => TargetState::Initial,
                    Health::Healthy => TargetState::Healthy,
                    Health::Unhealthy => TargetState::Unhealthy,
                },
                reason,
                description,
            },
            Event::Counted(count) => {
                drop(counts.send(count)); // fails while the platform goes down
                continue;
            }
            Event::TargetDrained { group, target, port } => {
                Fact::TargetDrained(TargetKey { group_arn: group, id: target, port })
            }
            Event::ListenerReady { arn, address } => {
                tracing::info!(arn, %address, "a listener is open");
                Fact::Listener { arn, fault: None }
            }
            Event::ListenerFailed { arn, address, error } => {
                tracing::error!(arn, %address, error, "a listener's address could not be had, trying again");
                Fact::Listener { arn, fault: Some(format!("could not listen on {address}: {error}")) }
            }
        };
        if facts.send(fact).is_err() {
            return; // the driver has gone
        }
    }
}
