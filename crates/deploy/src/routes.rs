//! Do requests reach the services of a stage, and would a plan keep it so? Looks, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use aws::{CallError, Client};
use aws_model::Document;
use deploy_core::desired::{Desired, IngressSpec, ServiceDoc};
use deploy_core::plan::ingress::{self, ObservedIngress};
use deploy_core::plan::{Observed, Plan, Risk, RiskKind, live_findings};
use futures_util::future::try_join_all;

use crate::error::StageError;
use crate::event::{Event, Events};
use crate::observe;
use crate::stage::routes::Around;
use crate::stage::{self, Wanted};

/// Refuses a plan with risks that lose traffic or protection, unless they were named.
///
/// # Errors
/// [`StageError::Risks`].
pub fn refuse_risks(plan: &Plan, named: &BTreeSet<RiskKind>) -> Result<(), StageError> {
    let risks: Vec<Risk> = plan.unnamed(named).map(|(_, risk)| risk.clone()).collect();
    if risks.is_empty() { Ok(()) } else { Err(StageError::Risks { risks }) }
}

/// Refuses what [`refuse_risks`] would refuse before an image is built for it; what cannot be planned yet is for the
/// plan to say.
///
/// # Errors
/// [`StageError::Risks`].
pub async fn foresee(client: &Client, wanted: &Wanted, named: &BTreeSet<RiskKind>) -> Result<(), StageError> {
    let Ok(images) = stage::look(client, wanted).await else { return Ok(()) };
    // Nothing is built, and so nothing is lost by waiting for the plan.
    if !images.images.iter().any(|image| image.missing) {
        return Ok(());
    }
    match stage::draft(client, wanted, &images).await {
        Ok(draft) => refuse_risks(&draft.plan, named),
        Err(_) => Ok(()),
    }
}

/// Returns what is wrong with the ways to a stage's services as they are.
///
/// # Errors
/// See [`CallError`].
pub async fn findings(client: &Client, desired: &Desired) -> Result<Vec<Risk>, CallError> {
    if desired.services.iter().all(|service| service.ingress.is_none()) {
        return Ok(Vec::new());
    }
    let names: Vec<String> = desired.services.iter().map(|service| service.name.clone()).collect();
    let services = stage::services(client, &desired.cluster, &names).await?;
    let specs = desired.services.iter().filter_map(|service| Some((service, service.ingress.as_ref()?)));
    let named = |spec: &IngressSpec| spec.listener_arn.is_none() && !ingress::is_given(spec);
    let names: BTreeSet<&str> =
        specs.clone().filter(|(_, spec)| named(spec)).map(|(_, spec)| spec.load_balancer.as_str()).collect();
    // Services share load balancers: each is asked for once.
    let asked = names
        .into_iter()
        .map(async |name| Ok::<_, CallError>((name, absent_unless_told(observe::load_balancer(client, name).await)?)));
    let balancers: BTreeMap<&str, Option<Document>> = try_join_all(asked).await?.into_iter().collect();
    let way = |(service, spec): (&ServiceDoc, &IngressSpec)| {
        let balancer = balancers.get(spec.load_balancer.as_str()).filter(|_| named(spec)).cloned().flatten();
        (service.service.clone(), ObservedIngress { balancer, ..ObservedIngress::default() })
    };
    let ways: BTreeMap<String, ObservedIngress> = specs.map(way).collect();
    let routes = stage::routes::routes(client, desired, Around { services: &services, ways: &ways }, false).await?;
    Ok(live_findings(desired, &Observed { services, routes, ..Observed::default() }))
}

/// The look at all load balancers reports a missing permission.
fn absent_unless_told<T>(found: Result<Option<T>, CallError>) -> Result<Option<T>, CallError> {
    match found {
        Err(error) if error.is_denied() || error.is_unserved() => Ok(None),
        found => found,
    }
}

/// Follows requests to the services after a release: healthy targets that nothing leads to are not "up".
///
/// # Errors
/// [`StageError::Unreached`] for a service whose way is the manifest's, unless such a risk was named.
pub(crate) async fn follow(
    client: &Client,
    desired: &Desired,
    named: &BTreeSet<RiskKind>,
    events: &Events,
) -> Result<(), StageError> {
    let found = findings(client, desired).await?;
    let is_ours = |risk: &Risk| {
        let mut routed =
            desired.services.iter().filter(|s| s.ingress.as_ref().is_some_and(|spec| !ingress::is_given(spec)));
        risk.kind == RiskKind::Unreached && routed.any(|service| risk.place == format!("service {}", service.name))
    };
    for risk in &found {
        if is_ours(risk) && !named.contains(&RiskKind::RuleShadowed) {
            return Err(StageError::Unreached { risk: risk.clone() });
        }
        events.emit(Event::Warning { message: format!("{}: {}; {}", risk.place, risk.words, risk.remedy) });
    }
    Ok(())
}
