//! Which load balancers does a service keep for which the manifest has no word?
//!
//! A manifest knows one way in to a service. One that runs may have more (a listener for its own pages, an internal load
//! balancer): UpdateService takes the whole list, so that a list of one would take the others away.

use std::borrow::Cow;

use aws_model::Document;
use serde_json::Value;

use super::Observed;
use crate::desired::{Desired, ServiceDoc};

const MEMBER: &str = "loadBalancers";

/// Returns what is wanted, with the further load balancers of the services that run.
pub(super) fn with_further<'a>(desired: &'a Desired, observed: &Observed) -> Cow<'a, Desired> {
    let mut wanted = Cow::Borrowed(desired);
    for (at, service) in desired.services.iter().enumerate() {
        let Some(live) = observed.services.get(&service.name) else { continue };
        let further = further(service, live);
        if !further.is_empty()
            && let Some(Value::Array(list)) = wanted.to_mut().services[at].document.get_mut(MEMBER)
        {
            list.extend(further);
        }
    }
    wanted
}

/// Returns the bindings of a live service beside the one that its ingress is: of the group that it is in already every
/// other, of one that it moves to those of other containers and ports.
fn further(service: &ServiceDoc, live: &Document) -> Vec<Value> {
    // A list that the manifest writes itself (`aws-service`) is the whole of it.
    let (Some(spec), [own]) = (&service.ingress, bindings(&service.document)) else { return Vec::new() };
    if own["containerName"] != spec.container.as_str() || own["containerPort"] != spec.port {
        return Vec::new();
    }
    let group = |binding: &Value| binding["targetGroupArn"].clone();
    let there = bindings(live);
    let is_there = there.iter().any(|binding| group(binding) == group(own));
    let is_other = |binding: &&Value| {
        let is_same_way = ["containerName", "containerPort"].iter().all(|member| binding[member] == own[member]);
        group(binding) != group(own) && (is_there || !is_same_way)
    };
    there.iter().filter(is_other).cloned().collect()
}

fn bindings(document: &Document) -> &[Value] {
    document.get(MEMBER).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Facts, desired, parse};

    /// What is wanted of a service whose ingress is `web:80` of group `a`, when it has these: `GROUP CONTAINER:PORT`.
    fn check(live: &[&str], extra: &str, expected: &[&str]) {
        let text = format!(
            "app = \"shop\"\n[services.web]\n{extra}\n[services.web.ingress]\ncontainer = \"web\"\nport = 80\n[services.web.containers.web]\nimage = \"nginx:1\"\n[stages.prod]\n"
        );
        let manifest = parse("managr.toml", &text).unwrap();
        let mut facts = Facts::local("x");
        facts.target_groups.insert("web".to_owned(), "a".to_owned());
        let desired = desired(&manifest, "prod", &facts).unwrap();
        let binding = |words: &&str| {
            let (group, way) = words.split_once(' ').unwrap();
            let (container, port) = way.split_once(':').unwrap();
            json!({ "targetGroupArn": group, "containerName": container, "containerPort": port.parse::<u16>().unwrap() })
        };
        let mut observed = Observed::default();
        let service = json!({ "loadBalancers": live.iter().map(binding).collect::<Vec<_>>() });
        observed.services.insert(desired.services[0].name.clone(), service.as_object().unwrap().clone());
        let wanted = with_further(&desired, &observed);
        let expected: Vec<Value> = expected.iter().map(binding).collect();
        assert_eq!(bindings(&wanted.services[0].document), expected, "{live:?}");
    }

    #[test]
    fn a_way_that_the_manifest_has_no_word_for_stays() {
        check(&["a web:80"], "", &["a web:80"]);
        check(&["a web:80", "b web:8080"], "", &["a web:80", "b web:8080"]);
        check(&["a web:80", "b admin:80"], "", &["a web:80", "b admin:80"]);
        // A public and an internal one.
        check(&["b web:80", "a web:80"], "", &["a web:80", "b web:80"]);
        // It moves from one group to another: the old one is what moves.
        check(&["old web:80", "b web:8080"], "", &["a web:80", "b web:8080"]);
        check(&[], "", &["a web:80"]);
        // A manifest that writes the list says all of it.
        let own = "aws-service = { loadBalancers = [{ targetGroupArn = \"c\", containerName = \"web\", containerPort = 81 }] }";
        check(&["a web:80", "b web:8080"], own, &["c web:81"]);
    }
}
