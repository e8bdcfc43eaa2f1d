//! What services stand on and requests go through, as the requests that would make it.
//!
//! Members that are not written have the provider's defaults, because that is what is there.

use aws_model::Document;
use serde_json::{Value as Json, json};

use super::book::Book;
use super::defaults::default;
use super::table::{Made, Row, To, Unknown, made};
use super::{Estate, tables};
use crate::found::referred;
use crate::ledger::{Account, Claim};
use crate::{FoundObject, Kind};

/// Types of resources that are objects: which call makes them, and what their attributes become.
const KINDS: [(&str, Kind, &[Row]); 12] = [
    ("aws_ecs_cluster", Kind::Cluster, tables::CLUSTER),
    ("aws_lb", Kind::LoadBalancer, tables::BALANCER),
    ("aws_alb", Kind::LoadBalancer, tables::BALANCER),
    ("aws_lb_target_group", Kind::TargetGroup, tables::TARGET_GROUP),
    ("aws_alb_target_group", Kind::TargetGroup, tables::TARGET_GROUP),
    ("aws_lb_listener", Kind::Listener, tables::LISTENER),
    ("aws_alb_listener", Kind::Listener, tables::LISTENER),
    ("aws_lb_listener_rule", Kind::Rule, tables::RULE),
    ("aws_alb_listener_rule", Kind::Rule, tables::RULE),
    ("aws_cloudwatch_log_group", Kind::LogGroup, tables::LOG_GROUP),
    ("aws_appautoscaling_target", Kind::ScalableTarget, tables::SCALABLE_TARGET),
    ("aws_appautoscaling_scheduled_action", Kind::ScheduledAction, tables::SCHEDULED_ACTION),
];

/// Resources that are kept, attribute by attribute.
const KEPT: [(&str, &[Row]); 7] = [
    ("aws_lb_target_group_attachment", tables::TARGET_ATTACHMENT),
    ("aws_alb_target_group_attachment", tables::TARGET_ATTACHMENT),
    ("aws_ecs_capacity_provider", tables::CAPACITY_PROVIDER),
    ("aws_ecr_repository_policy", tables::REPOSITORY_POLICY),
    ("aws_ecr_lifecycle_policy", tables::REPOSITORY_POLICY),
    ("aws_secretsmanager_secret_version", tables::SECRET_VERSION),
    ("aws_secretsmanager_secret", tables::SECRET),
];

const COMMON: [&[Row]; 2] = [tables::ANY, tables::TAGS];

/// Returns the objects of a stage and claims what they are made of.
pub(super) fn objects(estate: &Estate<'_>, book: &mut Book) -> Vec<FoundObject> {
    let mut found = Vec::new();
    for instance in &estate.instances {
        let address = instance.address();
        let leaves = book.leaves(instance);
        let kind = instance.kind();
        let policy = ("aws_appautoscaling_policy", Kind::ScalingPolicy, tables::SCALING_POLICY);
        if let Some((_, made_by, rows)) = KINDS.iter().chain([&policy]).find(|(name, ..)| *name == kind) {
            let rows = [*rows, COMMON[0], COMMON[1]];
            let Made { mut document, unknown, .. } = made(estate, instance, &leaves, &rows, &address, &mut book.ledger);
            if *made_by == Kind::TargetGroup {
                grpc(&mut document);
            }
            fill(kind, rows[0], &mut document);
            finish(*made_by, &mut document);
            let told = |unknown: Unknown| (unknown.member, unknown.why);
            let mut unknown: Vec<(String, String)> = unknown.into_iter().map(told).collect();
            let name = NAMED.iter().find(|(kind, _)| kind == made_by).map(|(_, name)| *name);
            if let Some(name) = name
                && !document.contains_key(name)
                && !unknown.iter().any(|(member, _)| member == name)
            {
                unknown.push((name.to_owned(), nameless(&address)));
            }
            let place = instance.item.place.clone();
            found.push(FoundObject { kind: *made_by, id: address, document, unknown, place });
        } else if let Some((_, rows)) = KEPT.iter().find(|(name, _)| *name == kind) {
            made(estate, instance, &leaves, &[rows, COMMON[0], COMMON[1]], &address, &mut book.ledger);
        } else if let Some(why) = super::kept::why(instance) {
            book.keep(&address, "", why);
        }
    }
    capacity(estate, book, &mut found);
    certificates(estate, book, &mut found);
    found
}

/// Names by which a deploy finds objects.
const NAMED: [(Kind, &str); 4] = [
    (Kind::Cluster, "clusterName"),
    (Kind::LoadBalancer, "Name"),
    (Kind::TargetGroup, "Name"),
    (Kind::LogGroup, "logGroupName"),
];

fn nameless(address: &str) -> String {
    format!(
        "Terraform makes its name up, and managr makes none: give --state or --plan-json, or say --name '{address}=NAME'"
    )
}

/// Puts the provider's defaults where nothing is written: at the top, and in the health check that every target group has.
fn fill(kind: &str, rows: &[Row], document: &mut Document) {
    for Row(path, to) in rows {
        let is_there = !path.contains('.') || path.starts_with("health_check.");
        let Some(value) = is_there.then(|| default(kind, path)).flatten() else { continue };
        match to {
            To::Member(member) if !member.contains("[]") => {
                let (first, rest) = member.split_once('.').unwrap_or((member, ""));
                let place =
                    document.entry(first).or_insert_with(|| if rest.is_empty() { value.clone() } else { json!({}) });
                if !rest.is_empty() && place.get(rest).is_none() {
                    place[rest] = value;
                }
            }
            To::Scheme => {
                let scheme = if value == Json::Bool(true) { "internal" } else { "internet-facing" };
                document.entry("Scheme").or_insert_with(|| scheme.into());
            }
            // Load balancers of HTTP refuse what only others have.
            To::Attribute("proxy_protocol_v2.enabled" | "lambda.multi_value_headers.enabled") => {}
            To::Attribute(key) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let list = document.entry("Attributes").or_insert_with(|| json!([]));
                if let Some(list) = list.as_array_mut().filter(|list| !list.iter().any(|one| one["Key"] == *key)) {
                    list.push(json!({ "Key": key, "Value": text }));
                }
            }
            _ => {}
        }
    }
}

/// What a request says that Terraform leaves to the block's name.
fn finish(kind: Kind, document: &mut Document) {
    match kind {
        Kind::Rule => {
            for condition in document.get_mut("Conditions").and_then(Json::as_array_mut).into_iter().flatten() {
                let field = FIELDS.iter().find(|(config, _)| condition.get(*config).is_some());
                if let Some((_, field)) = field {
                    condition["Field"] = (*field).into();
                }
            }
            redirects(document, "Actions");
            ordered(document, "Actions");
        }
        Kind::Listener => {
            let is_sealed = document.get("Protocol").is_some_and(|one| one == "HTTPS" || one == "TLS");
            if !is_sealed {
                document.shift_remove("SslPolicy");
            }
            redirects(document, "DefaultActions");
            ordered(document, "DefaultActions");
        }
        Kind::TargetGroup => {
            // The table's default is HTTP's.
            if let Some(Json::Object(matcher)) = document.get_mut("Matcher").filter(|one| one.get("GrpcCode").is_some())
            {
                matcher.shift_remove("HttpCode");
            }
            cookies(document);
        }
        Kind::ScheduledAction => {
            // The provider has them as texts, so that 0 can be told from nothing.
            let bounds = document.get_mut("ScalableTargetAction").and_then(Json::as_object_mut);
            for bound in bounds.into_iter().flat_map(|bounds| bounds.values_mut()) {
                if let Some(number) = bound.as_str().and_then(|text| text.parse::<u32>().ok()) {
                    *bound = number.into();
                }
            }
        }
        _ => {}
    }
}

/// Configurations of conditions and their fields.
const FIELDS: [(&str, &str); 6] = [
    ("HostHeaderConfig", "host-header"),
    ("PathPatternConfig", "path-pattern"),
    ("HttpHeaderConfig", "http-header"),
    ("HttpRequestMethodConfig", "http-request-method"),
    ("SourceIpConfig", "source-ip"),
    ("QueryStringConfig", "query-string"),
];

/// A redirect says in full where it leads.
fn redirects(document: &mut Document, member: &str) {
    const PARTS: [(&str, &str); 5] =
        [("Host", "host"), ("Path", "path"), ("Port", "port"), ("Protocol", "protocol"), ("Query", "query")];
    for action in document.get_mut(member).and_then(Json::as_array_mut).into_iter().flatten() {
        let Some(redirect) = action.get_mut("RedirectConfig").and_then(Json::as_object_mut) else { continue };
        for (part, name) in PARTS {
            let value = default("aws_lb_listener", &format!("default_action.redirect.{name}"));
            if let Some(value) = value.filter(|_| !redirect.contains_key(part)) {
                redirect.insert(part.to_owned(), value);
            }
        }
    }
}

/// Several actions have an order each, and the provider numbers them if the folder does not (aws_lb_listener_rule,
/// `expandLbListenerActions` of hashicorp/terraform-provider-aws); ELBv2 refuses several without one.
fn ordered(document: &mut Document, member: &str) {
    let Some(actions) = document.get_mut(member).and_then(Json::as_array_mut).filter(|all| all.len() > 1) else {
        return;
    };
    for (number, action) in actions.iter_mut().enumerate() {
        if let Some(action) = action.as_object_mut() {
            action.entry("Order").or_insert_with(|| (number + 1).into());
        }
    }
}

/// One matcher in Terraform is one of two members, by the version of the protocol; without one gRPC's is 12 (provider's
/// documentation, aws_lb_target_group, `health_check.matcher`), and its path another (API reference, CreateTargetGroup).
fn grpc(document: &mut Document) {
    if document.get("ProtocolVersion").is_some_and(|version| version == "GRPC") {
        let written = document.get("Matcher").and_then(|matcher| matcher.get("HttpCode")).cloned();
        document.insert("Matcher".to_owned(), json!({ "GrpcCode": written.unwrap_or_else(|| "12".into()) }));
        document.entry("HealthCheckPath").or_insert_with(|| "/AWS.ALB/healthcheck".into());
    }
}

/// One duration in Terraform is one of two attributes, by what makes the cookie.
fn cookies(document: &mut Document) {
    let Some(list) = document.get_mut("Attributes").and_then(Json::as_array_mut) else { return };
    if list.iter().any(|one| one["Key"] == "stickiness.type" && one["Value"] == "app_cookie") {
        for one in list.iter_mut().filter(|one| one["Key"] == "stickiness.lb_cookie.duration_seconds") {
            one["Key"] = "stickiness.app_cookie.duration_seconds".into();
        }
    }
}

/// Capacity providers are a part of their cluster.
fn capacity(estate: &Estate<'_>, book: &mut Book, found: &mut [FoundObject]) {
    for instance in estate.of(&["aws_ecs_cluster_capacity_providers"]) {
        let cluster = estate.referred(&instance.attribute("cluster_name"), &["aws_ecs_cluster"]);
        let cluster = cluster.and_then(|cluster| found.iter_mut().find(|one| one.id == cluster.address()));
        let leaves = book.leaves(instance);
        let rows = [tables::CAPACITY_PROVIDERS, tables::ANY];
        let object = cluster.as_ref().map_or_else(|| instance.address(), |cluster| cluster.id.clone());
        let Made { mut document, .. } = made(estate, instance, &leaves, &rows, &object, &mut book.ledger);
        document.shift_remove("clusterName");
        match cluster {
            Some(cluster) => cluster.document.extend(document),
            None => book.keep(&instance.address(), "", "capacity of a cluster that is not in the folder"),
        }
    }
}

/// Further certificates are a part of their listener.
fn certificates(estate: &Estate<'_>, book: &mut Book, found: &mut [FoundObject]) {
    for instance in estate.of(&["aws_lb_listener_certificate", "aws_alb_listener_certificate"]) {
        let address = instance.address();
        let leaves = book.leaves(instance);
        let rows = [tables::LISTENER_CERTIFICATE, tables::ANY];
        let Made { document, .. } = made(estate, instance, &leaves, &rows, &address, &mut book.ledger);
        let listener = document.get("ListenerArn").and_then(Json::as_str).and_then(referred);
        let listener = listener.and_then(|id| found.iter_mut().find(|one| one.id == id));
        let Some(listener) = listener else {
            book.keep(&address, "", "a certificate of a listener that is not in the folder");
            continue;
        };
        let member = |member: &str| Claim::Became { object: listener.id.clone(), member: member.to_owned() };
        book.ledger.claim(&address, "listener_arn", member("Certificates"));
        book.ledger.claim(&address, "certificate_arn", member("Certificates"));
        if let Some(arn) = document.get("Certificates").and_then(|one| one.get("CertificateArn")).cloned() {
            let list = listener.document.entry("Certificates").or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(json!({ "CertificateArn": arn }));
            }
        }
    }
}

/// Claims the repositories of images: a deploy pushes to those that the manifest names.
pub(super) fn repositories(estate: &Estate<'_>, book: &mut Book) -> Vec<String> {
    let mut names = Vec::new();
    for instance in estate.of(&["aws_ecr_repository"]) {
        let (address, leaves) = (instance.address(), book.leaves(instance));
        let rows = [tables::REPOSITORY, COMMON[0], COMMON[1]];
        made(estate, instance, &leaves, &rows, crate::ledger::REPOSITORIES, &mut book.ledger);
        match instance.attribute("name").shown() {
            Some(name) => {
                book.became(&address, "name", crate::ledger::REPOSITORIES, name.clone());
                names.push(name);
            }
            None => book.ledger.claim(
                &address,
                "name",
                Claim::Is(Account::Listed("its name cannot be told: write it as `repository` of the image".to_owned())),
            ),
        }
    }
    names
}
