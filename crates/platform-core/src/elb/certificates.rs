//! Certificates of HTTPS listeners: which there are, and who has them.
//!
//! One of ACM's of this account and region must be there. One of another account, region or service is kept as a name,
//! so that what was made for AWS applies; a listener serves nothing in its name.

use std::collections::BTreeSet;

use aws_model::AwsError;
use aws_model::arn::Arn;
use serde_json::{Value, json};

use super::input::{self, invalid, leaf, list, required};
use super::load_balancers::done;
use super::page;
use crate::world::{Change, Listener};
use crate::{Cx, Input, Outcome, World};

/// Where a listener's document keeps what AddListenerCertificates added; no answer of its own shows it.
pub(super) const EXTRA: &str = "ExtraCertificates";

fn arns(certificates: &[Value]) -> Vec<String> {
    certificates.iter().filter_map(|one| leaf(one.get("CertificateArn")?)).collect()
}

/// Makes sure that a listener has the one certificate that its protocol needs.
pub(super) fn check(world: &World, cx: &Cx<'_>, protocol: &str, certificates: &[Value]) -> Result<(), AwsError> {
    let arns = arns(certificates);
    match (protocol, arns.len()) {
        ("HTTPS", 1) => sound(world, cx, &arns),
        ("HTTPS", 0) => Err(invalid("A certificate must be specified for HTTPS listeners")),
        ("HTTPS", _) => {
            Err(AwsError::new("TooManyCertificates", "Up to '1' certificate can be specified, but more were"))
        }
        _ => Ok(()),
    }
}

fn sound(world: &World, cx: &Cx<'_>, arns: &[String]) -> Result<(), AwsError> {
    let known =
        |arn: &str| arn.starts_with("arn:") && (arn.contains(":certificate/") || arn.contains(":server-certificate/"));
    if let Some(arn) = arns.iter().find(|arn| !known(arn)) {
        return Err(AwsError::new("CertificateNotFound", format!("Certificate ARN '{arn}' is not valid")));
    }
    let home = cx.arn("acm", "certificate/");
    let is_missing = |arn: &&String| arn.starts_with(&home) && of_acm(world, arn).is_none();
    match arns.iter().find(is_missing) {
        Some(arn) => Err(AwsError::new("CertificateNotFound", format!("Certificate '{arn}' not found"))),
        None => Ok(()),
    }
}

/// Returns a certificate that a listener names, if it is this platform's.
pub(super) fn of_acm(world: &World, arn: &str) -> Option<crate::acm::Certificate> {
    world.records.get(Arn::parse(arn)?.region, arn)
}

/// Returns the certificates that a listener serves, the default one first.
pub(super) fn of_listener(listener: &Listener) -> Vec<String> {
    let own = arns(list(&listener.document, "Certificates"));
    own.into_iter().chain(arns(list(&listener.document, EXTRA))).collect()
}

/// Returns the listeners that have a certificate.
pub fn certificate_listeners<'w>(world: &'w World, arn: &str) -> impl Iterator<Item = &'w Listener> + use<'w> {
    let arn = arn.to_owned();
    let has = move |listener: &&Listener| listener.protocol == "HTTPS" && of_listener(listener).contains(&arn);
    world.listeners.values().map(|listener| &**listener).filter(has)
}

/// Returns the load balancers whose listeners have a certificate.
pub fn certificate_users(world: &World, arn: &str) -> BTreeSet<String> {
    certificate_listeners(world, arn).map(|listener| listener.load_balancer_arn.clone()).collect()
}

fn https<'w>(world: &'w World, input: &Input) -> Result<&'w Listener, AwsError> {
    let listener = input::listener(world, &required(input, "ListenerArn")?)?;
    match listener.protocol.as_str() {
        "HTTPS" => Ok(listener),
        other => Err(invalid(format!("Certificates cannot be specified for {other} listeners"))),
    }
}

/// Answers a listener's certificates, the default one first.
pub(super) fn describe(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let listener = input::listener(world, &required(input, "ListenerArn")?)?;
    let own = arns(list(&listener.document, "Certificates")).into_iter().map(|arn| (format!("0{arn}"), arn, true));
    let extra = arns(list(&listener.document, EXTRA)).into_iter().map(|arn| (format!("1{arn}"), arn, false));
    let mut items: Vec<_> = own.chain(extra).collect();
    items.sort();
    page::answer(
        input,
        "Certificates",
        items.into_iter().map(|(key, arn, is_default)| (key, json!({"CertificateArn": arn, "IsDefault": is_default}))),
    )
}

fn keep(listener: &Listener, extra: BTreeSet<String>) -> Listener {
    let mut listener = listener.clone();
    let extra: Vec<Value> = extra.into_iter().map(|arn| json!({"CertificateArn": arn})).collect();
    listener.document.insert(EXTRA.into(), extra.into());
    listener
}

pub(super) fn add(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let listener = https(world, &input)?;
    let given = arns(list(&input, "Certificates"));
    sound(world, cx, &given)?;
    if given.is_empty() {
        return Err(invalid("A certificate must be specified"));
    }
    let extra: BTreeSet<String> = arns(list(&listener.document, EXTRA)).into_iter().chain(given.clone()).collect();
    // The default certificate is not counted (ALB quotas).
    if extra.len() > 25 {
        return Err(AwsError::new("TooManyCertificates", "A load balancer can have at most 25 certificates"));
    }
    let reply = json!({"Certificates": given.iter().map(|arn| json!({"CertificateArn": arn, "IsDefault": false})).collect::<Vec<_>>()});
    Ok(Outcome { reply, changes: vec![Change::Listener(keep(listener, extra))] })
}

/// Removes certificates; one that is not there is no error.
pub(super) fn remove(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let listener = input::listener(world, &required(&input, "ListenerArn")?)?;
    let gone = arns(list(&input, "Certificates"));
    let mut extra: BTreeSet<String> = arns(list(&listener.document, EXTRA)).into_iter().collect();
    let before = extra.len();
    extra.retain(|arn| !gone.contains(arn));
    let changes = if extra.len() == before { Vec::new() } else { vec![Change::Listener(keep(listener, extra))] };
    Ok(done(changes))
}
