//! Listeners: a port, a default rule, and the check that what they forward to exists.

use std::collections::BTreeSet;

use aws_model::{AwsError, Document};
use serde_json::{Value, json};

use super::input::{self, invalid, list, port, required, text, texts};
use super::load_balancers::done;
use super::{attributes, certificates, describe as write, guards, page, policies, usage};
use crate::routing::{Action, read_actions};
use crate::world::{Change, Listener, Rule};
use crate::{Cx, Input, Outcome, World};

/// "Listeners per Application Load Balancer": ALB quotas.
const MOST: usize = 50;

pub(super) fn create(world: &World, cx: &mut Cx<'_>, mut input: Input) -> Result<Outcome, AwsError> {
    let lb_arn = required(&input, "LoadBalancerArn")?;
    input::load_balancer(world, &lb_arn)?;
    let tags = input::take_tags(&mut input)?;
    input::drop_empty(&mut input);
    let protocol = text(&input, "Protocol").ok_or_else(|| invalid("A listener protocol must be specified"))?;
    check_protocol(&protocol, &input)?;
    certificates::check(world, cx, &protocol, list(&input, "Certificates"))?;
    let port = port(&input, "Port")?.ok_or_else(|| invalid("A listener port must be specified"))?;
    let used = Use { protocol: &protocol, is_modified: false };
    let actions = actions_of(world, list(&input, "DefaultActions"), used)?;
    if input.contains_key("DefaultActions") {
        input.insert("DefaultActions".into(), guards::kept(list(&input, "DefaultActions")).into());
    }
    let siblings = || world.listeners.values().filter(|l| l.load_balancer_arn == lb_arn);
    if let Some(known) = siblings().find(|l| l.port == port) {
        let same =
            known.protocol == protocol && list(&known.document, "DefaultActions") == list(&input, "DefaultActions");
        if !same {
            return Err(duplicate(&lb_arn));
        }
        return Ok(Outcome { reply: one(known), changes: Vec::new() });
    }
    if siblings().count() >= MOST {
        return Err(AwsError::new(
            "TooManyListeners",
            format!("Load balancer '{lb_arn}' has {MOST} listeners already"),
        ));
    }
    let arn = format!("{}/{}", lb_arn.replacen(":loadbalancer/", ":listener/", 1), cx.ids.hex16());
    let rule = Rule {
        arn: super::rules::new_arn(&arn, cx),
        listener_arn: arn.clone(),
        priority: None,
        conditions: Vec::new(),
        document: rule_document(list(&input, "DefaultActions")),
        actions,
        tags: Default::default(),
    };
    let listener = Listener {
        arn,
        load_balancer_arn: lb_arn,
        port,
        protocol,
        document: input,
        attributes: attributes::of_listener(),
        tags,
        fault: None,
    };
    let reply = one(&listener);
    Ok(Outcome { reply, changes: usage::settle(world, vec![Change::Listener(listener), Change::Rule(rule)]) })
}

fn one(listener: &Listener) -> Value {
    json!({"Listeners": [write::listener(listener)]})
}

fn duplicate(lb_arn: &str) -> AwsError {
    AwsError::new(
        "DuplicateListener",
        format!("A listener already exists on this port for this load balancer '{lb_arn}'"),
    )
}

fn rule_document(actions: &[Value]) -> Document {
    let mut document = Document::new();
    document.insert("Actions".into(), actions.into());
    document
}

fn check_protocol(protocol: &str, input: &Document) -> Result<(), AwsError> {
    match protocol {
        "HTTP" => {}
        "HTTPS" => {
            return match text(input, "SslPolicy").filter(|policy| policies::find(policy).is_none()) {
                Some(unknown) => Err(AwsError::new("SSLPolicyNotFound", format!("SSL policy '{unknown}' not found"))),
                None => Ok(()),
            };
        }
        // ELB's own words: hashicorp/terraform#18126.
        other => return Err(invalid(format!("Listener protocol '{other}' must be one of 'HTTPS, HTTP'"))),
    }
    for member in ["Certificates", "SslPolicy", "AlpnPolicy"] {
        if input.contains_key(member) {
            return Err(invalid(format!("{member} cannot be specified for HTTP listeners")));
        }
    }
    match input.get("MutualAuthentication").and_then(|m| m.get("Mode")).and_then(Value::as_str) {
        None | Some("off") => Ok(()),
        Some(_) => Err(invalid("MutualAuthentication cannot be specified for HTTP listeners")),
    }
}

/// What actions are read for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use<'a> {
    /// Protocol of their listener.
    pub(super) protocol: &'a str,
    /// Whether there are such actions already, which are changed.
    pub(super) is_modified: bool,
}

/// Reads actions and makes sure that the groups they name exist. Those that ask first are checked and left out.
pub(super) fn actions_of(world: &World, given: &[Value], used: Use<'_>) -> Result<Vec<Action>, AwsError> {
    let actions = read_actions(&guards::routing(given, used)?)?;
    for (group, _) in actions.iter().flat_map(|a| a.groups()) {
        input::target_group(world, group)?;
    }
    Ok(actions)
}

pub(super) fn describe(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arns = texts(input, "ListenerArns");
    let found: Vec<_> = match text(input, "LoadBalancerArn") {
        Some(lb) => {
            input::load_balancer(world, &lb)?;
            world.listeners.values().filter(|l| l.load_balancer_arn == lb).collect()
        }
        None if arns.is_empty() => {
            return Err(invalid("A load balancer ARN or at least one listener ARN must be specified"));
        }
        None => {
            // In the order of their names, whatever the caller's: pages rely on it.
            let arns: BTreeSet<String> = arns.into_iter().collect();
            let found = arns.iter().map(|arn| input::listener(world, arn));
            found.collect::<Result<_, _>>().map_err(|e| match e.code.as_ref() {
                "ListenerNotFound" => AwsError::new("ListenerNotFound", "One or more listeners not found"),
                _ => e,
            })?
        }
    };
    page::answer(input, "Listeners", found.into_iter().map(|l| (l.arn.clone(), write::listener(l))))
}

pub(super) fn modify(world: &World, cx: &mut Cx<'_>, mut input: Input) -> Result<Outcome, AwsError> {
    input::drop_empty(&mut input);
    let mut listener = Listener::clone(input::listener(world, &required(&input, "ListenerArn")?)?);
    let protocol = text(&input, "Protocol").unwrap_or_else(|| listener.protocol.clone());
    check_protocol(&protocol, &input)?;
    let named = if input.contains_key("Certificates") {
        list(&input, "Certificates")
    } else {
        list(&listener.document, "Certificates")
    };
    certificates::check(world, cx, &protocol, if protocol == "HTTPS" { named } else { list(&input, "Certificates") })?;
    if protocol != "HTTPS" {
        let asks =
            |rule: &Rule| rule.listener_arn == listener.arn && guards::asks_first(list(&rule.document, "Actions"));
        if world.rules.values().any(|rule| asks(rule)) && !input.contains_key("DefaultActions") {
            return Err(AwsError::new(
                "InvalidConfigurationRequest",
                format!("Listener '{}' has actions that are only supported on HTTPS listeners", listener.arn),
            ));
        }
        for member in ["Certificates", "SslPolicy", certificates::EXTRA] {
            listener.document.shift_remove(member);
        }
    }
    listener.protocol = protocol;
    if let Some(port) = port(&input, "Port")? {
        let taken = |l: &&std::sync::Arc<Listener>| {
            l.load_balancer_arn == listener.load_balancer_arn && l.port == port && l.arn != listener.arn
        };
        if world.listeners.values().find(taken).is_some() {
            return Err(duplicate(&listener.load_balancer_arn));
        }
        listener.port = port;
    }
    let mut changes = Vec::new();
    if input.contains_key("DefaultActions") {
        let used = Use { protocol: &listener.protocol, is_modified: true };
        let actions = actions_of(world, list(&input, "DefaultActions"), used)?;
        input.insert("DefaultActions".into(), guards::kept(list(&input, "DefaultActions")).into());
        let given = list(&input, "DefaultActions");
        let default = world.rules.values().find(|r| r.listener_arn == listener.arn && r.priority.is_none());
        changes.extend(
            default.map(|rule| Change::Rule(Rule { actions, document: rule_document(given), ..Rule::clone(rule) })),
        );
    }
    for (member, value) in &input {
        if member != "ListenerArn" {
            listener.document.insert(member.clone(), value.clone());
        }
    }
    let reply = one(&listener);
    changes.push(Change::Listener(listener));
    Ok(Outcome { reply, changes: usage::settle(world, changes) })
}

pub(super) fn delete(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let arn = required(&input, "ListenerArn")?;
    input::listener(world, &arn)?;
    let rules = world.rules.values().filter(|r| r.listener_arn == arn);
    let mut changes: Vec<_> = rules.map(|r| Change::DeleteRule(r.arn.clone())).collect();
    changes.push(Change::DeleteListener(arn));
    Ok(done(usage::settle(world, changes)))
}
