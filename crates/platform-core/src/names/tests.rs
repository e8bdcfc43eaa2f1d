//! What names mean, told as zones, sets and instances.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use serde_json::{Value, json};

use super::{Answer, Data, RecordKind, Resolution, resolve};
use crate::route53::{Owner, RecordSet, Vpc, Zone};
use crate::servicediscovery::{Discovery, Dns, Instance, Namespace, Service};
use crate::{Change, World};

const REGION: &str = "eu-west-1";

fn object(value: Value) -> Document {
    value.as_object().unwrap().clone()
}

/// A world of zones: each with its sets.
fn world(zones: &[(&str, bool, &[Value])]) -> World {
    let mut world = World::default();
    for (at, (name, is_private, sets)) in zones.iter().enumerate() {
        let id = format!("Z{at}");
        let vpcs = vec![Vpc { region: REGION.into(), id: "vpc-1".into() }];
        let zone = Zone {
            id: id.clone(),
            name: (*name).into(),
            caller_reference: id.clone(),
            comment: None,
            is_private: *is_private,
            vpcs: if *is_private { vpcs } else { Vec::new() },
            servers: Vec::new(),
            delegation_set: None,
            owner: None,
            tags: Vec::new(),
        };
        world.apply(Change::put(&zone));
        for set in *sets {
            world.apply(Change::put(&RecordSet::new(&id, object(set.clone()))));
        }
    }
    world
}

fn plain(name: &str, kind: &str, values: &[&str]) -> Value {
    let records: Value = values.iter().map(|value| json!({"Value": value})).collect();
    json!({"Name": name, "Type": kind, "TTL": 30, "ResourceRecords": records})
}

/// Says an answer in a line: `NAME TTL DATA; ...`.
fn told(world: &World, region: &str, name: &str, kind: RecordKind, draw: u64) -> String {
    let line = |answer: &Answer| {
        let data = match &answer.data {
            Data::A(address) => address.to_string(),
            Data::Aaaa(address) => address.to_string(),
            Data::Balancer => "balancer".into(),
            Data::Cname(name) => format!("-> {name}"),
            Data::Srv { priority, weight, port, target } => format!("{priority} {weight} {port} {target}"),
            Data::Txt(texts) => {
                texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect::<Vec<_>>().join("|")
            }
        };
        format!("{} {} {data}", answer.name, answer.ttl)
    };
    match resolve(world, region, name, kind, draw) {
        Resolution::NotOurs => "not ours".into(),
        Resolution::NoSuchName => "no such name".into(),
        Resolution::Records(answers) => answers.iter().map(line).collect::<Vec<_>>().join("; "),
    }
}

fn check(world: &World, name: &str, kind: RecordKind, expected: &str) {
    assert_eq!(told(world, REGION, name, kind, 0), expected, "{name} {kind:?}");
}

#[test]
fn a_name_is_answered_by_the_longest_zone_and_a_private_one_hides_a_public_one() {
    use RecordKind::{A, Aaaa, Txt};
    let world = world(&[
        (
            "example.com.",
            false,
            &[plain("www.example.com", "A", &["1.1.1.1"]), plain("b.a.example.com", "TXT", &["\"x\" \"y\\\"\\101\""])],
        ),
        ("in.example.com.", true, &[plain("db.in.example.com", "A", &["10.0.0.1"])]),
        ("in.example.com.", false, &[plain("www.in.example.com", "A", &["1.1.1.2"])]),
    ]);
    check(&world, "WWW.example.com", A, "www.example.com. 30 1.1.1.1");
    check(&world, "www.example.com.", Aaaa, "");
    check(&world, "example.com", A, "");
    check(&world, "a.example.com", A, ""); // nothing is there but something below it
    check(&world, "b.a.example.com", Txt, "b.a.example.com. 30 x|y\"A");
    check(&world, "nothing.example.com", A, "no such name");
    check(&world, "example.org", A, "not ours");
    check(&world, "com", A, "not ours");
    check(&world, "db.in.example.com", A, "db.in.example.com. 30 10.0.0.1");
    check(&world, "www.in.example.com", A, "no such name");
    assert_eq!(told(&world, "us-east-1", "www.in.example.com", A, 0), "www.in.example.com. 30 1.1.1.2");
}

#[test]
fn chains_are_followed_wildcards_answer_and_delegations_are_left_to_others() {
    use RecordKind::{A, Cname};
    let world = world(&[(
        "a.test.",
        false,
        &[
            plain("one.a.test", "CNAME", &["two.a.test"]),
            plain("two.a.test", "CNAME", &["three.a.test."]),
            plain("three.a.test", "A", &["1.1.1.1", "1.1.1.2"]),
            plain("out.a.test", "CNAME", &["www.example.org"]),
            plain("lost.a.test", "CNAME", &["nowhere.a.test"]),
            plain("loop.a.test", "CNAME", &["loop.a.test"]),
            plain("*.a.test", "A", &["2.2.2.2"]),
            plain("x.y.a.test", "A", &["3.3.3.3"]),
            plain("away.a.test", "NS", &["ns.example.org"]),
        ],
    )]);
    let two = "one.a.test. 30 -> two.a.test.; two.a.test. 30 -> three.a.test.";
    check(&world, "one.a.test", A, &format!("{two}; three.a.test. 30 1.1.1.1; three.a.test. 30 1.1.1.2"));
    check(&world, "one.a.test", Cname, "one.a.test. 30 -> two.a.test.");
    check(&world, "out.a.test", A, "out.a.test. 30 -> www.example.org.");
    check(&world, "lost.a.test", A, "lost.a.test. 30 -> nowhere.a.test.; nowhere.a.test. 30 2.2.2.2");
    assert_eq!(told(&world, REGION, "loop.a.test", A, 0).matches("->").count(), super::LONGEST_CHAIN);
    check(&world, "any.thing.a.test", A, "any.thing.a.test. 30 2.2.2.2");
    check(&world, "z.y.a.test", A, "no such name"); // y.a.test is there, so *.a.test is not below it
    check(&world, "www.away.a.test", A, "not ours");
}

#[test]
fn aliases_have_their_targets_records() {
    use RecordKind::{A, Aaaa};
    let alias = |name: &str, to: &str| json!({"Name": name, "Type": "A", "AliasTarget": {"HostedZoneId": "Z0", "DNSName": to, "EvaluateTargetHealth": false}});
    let mut world = world(&[(
        "a.test.",
        false,
        &[
            alias("a.test", "www.a.test"),
            plain("www.a.test", "A", &["1.1.1.1"]),
            alias("lb.a.test", "dualstack.web-1.eu-west-1.elb.localhost"),
            alias("gone.a.test", "d1.cloudfront.net"),
            alias("here.a.test", "there.a.test"),
            alias("there.a.test", "here.a.test"),
        ],
    )]);
    world.apply(Change::LoadBalancer(crate::world::LoadBalancer {
        arn: "arn".into(),
        name: "web".into(),
        dns_name: "web-1.eu-west-1.elb.localhost".into(),
        document: Document::new(),
        attributes: BTreeMap::new(),
        tags: BTreeMap::new(),
        created_at: 0,
    }));
    check(&world, "a.test", A, "a.test. 30 1.1.1.1");
    check(&world, "lb.a.test", A, "lb.a.test. 60 balancer");
    check(&world, "lb.a.test", Aaaa, "");
    check(&world, "Web-1.eu-west-1.elb.localhost", A, "web-1.eu-west-1.elb.localhost. 60 balancer");
    check(&world, "other-1.eu-west-1.elb.localhost", A, "not ours");
    check(&world, "gone.a.test", A, "gone.a.test. 60 -> d1.cloudfront.net.");
    check(&world, "here.a.test", A, "");
}

#[test]
fn weights_decide_how_often_a_set_is_answered() {
    let weighted = |id: &str, weight: u32, value: &str| {
        let mut set = plain("w.a.test", "A", &[value]);
        (set["SetIdentifier"], set["Weight"]) = (json!(id), json!(weight));
        set
    };
    let count = |sets: &[Value]| {
        let world = world(&[("a.test.", false, sets)]);
        let mut seen = BTreeMap::new();
        (0..100).for_each(|draw| *seen.entry(told(&world, REGION, "w.a.test", RecordKind::A, draw)).or_insert(0) += 1);
        seen.into_values().collect::<Vec<_>>()
    };
    assert_eq!(count(&[weighted("a", 3, "1.1.1.1"), weighted("b", 1, "1.1.1.2")]), [75, 25]);
    assert_eq!(count(&[weighted("a", 0, "1.1.1.1"), weighted("b", 7, "1.1.1.2")]), [100]);
    assert_eq!(count(&[weighted("a", 0, "1.1.1.1"), weighted("b", 0, "1.1.1.2")]), [50, 50]);
}

/// A namespace `shop.local` with a service `api`, and instances: id, address, health.
fn shop(dns: Dns, instances: &[(&str, &str, bool)]) -> World {
    let mut world = world(&[("shop.local.", true, &[])]);
    let mut zone: Zone = world.records.get("", "Z0").unwrap();
    zone.owner = Some(Owner { region: REGION.into(), namespace: "ns-1".into(), arn: "arn".into() });
    world.apply(Change::put(&zone));
    let namespace = Namespace {
        region: REGION.into(),
        id: "ns-1".into(),
        arn: "arn".into(),
        name: "shop.local".into(),
        discovery: Discovery::Private,
        description: None,
        zone: Some("Z0".into()),
        soa_ttl: None,
        creator_request: None,
        created_at: 0,
        tags: Vec::new(),
    };
    let service = Service {
        region: REGION.into(),
        id: "srv-1".into(),
        arn: "arn".into(),
        name: "Api".into(),
        namespace: "ns-1".into(),
        description: None,
        dns: Some(dns),
        told_health: Some(1),
        creator_request: None,
        created_at: 0,
        tags: Vec::new(),
        attributes: BTreeMap::new(),
    };
    world.apply(Change::put(&namespace));
    world.apply(Change::put(&service));
    for (id, address, is_healthy) in instances {
        let attributes =
            [("AWS_INSTANCE_IPV4", *address), ("AWS_INSTANCE_PORT", "80")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let mut instance = Instance::new(&service, id, attributes.into());
        instance.is_healthy = Some(*is_healthy);
        world.apply(Change::put(&instance));
    }
    world
}

#[test]
fn instances_are_found_by_name_the_healthy_ones_first() {
    use RecordKind::{A, Srv};
    let dns = || Dns { is_weighted: false, records: vec![("A".into(), 10)] };
    let world = shop(dns(), &[("a", "10.0.0.1", true), ("b", "10.0.0.2", false), ("c", "10.0.0.3", true)]);
    check(&world, "api.shop.local", A, "api.shop.local. 10 10.0.0.1; api.shop.local. 10 10.0.0.3");
    check(&world, "api.shop.local", Srv, "");
    check(&world, "web.shop.local", A, "no such name");
    assert_eq!(told(&world, "us-east-1", "api.shop.local", A, 0), "not ours");
    let sick = shop(dns(), &[("a", "10.0.0.1", false)]);
    check(&sick, "api.shop.local", A, "api.shop.local. 10 10.0.0.1");
    check(&shop(dns(), &[]), "api.shop.local", A, "no such name");
    let weighted = shop(Dns { is_weighted: true, ..dns() }, &[("a", "10.0.0.1", true), ("b", "10.0.0.2", true)]);
    let seen: BTreeSet<String> = (0..2).map(|draw| told(&weighted, REGION, "api.shop.local", A, draw)).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["api.shop.local. 10 10.0.0.1", "api.shop.local. 10 10.0.0.2"]);
}

#[test]
fn no_more_than_eight_instances_are_answered_and_all_of_them_in_turn() {
    let instances: Vec<(String, String)> = (0..20).map(|n| (format!("i{n:02}"), format!("10.0.0.{n}"))).collect();
    let instances: Vec<(&str, &str, bool)> =
        instances.iter().map(|(id, at)| (id.as_str(), at.as_str(), true)).collect();
    let world = shop(Dns { is_weighted: false, records: vec![("A".into(), 10)] }, &instances);
    let mut seen = BTreeSet::new();
    for draw in 0..20 {
        let told = told(&world, REGION, "api.shop.local", RecordKind::A, draw);
        assert_eq!(told.split("; ").count(), 8);
        seen.extend(told.split("; ").map(str::to_owned));
    }
    assert_eq!(seen.len(), 20);
}

#[test]
fn a_port_is_found_by_srv_and_its_host_by_its_own_name() {
    use RecordKind::{A, Srv};
    let dns = Dns { is_weighted: false, records: vec![("SRV".into(), 10)] };
    let world = shop(dns, &[("a", "10.0.0.1", true)]);
    check(&world, "api.shop.local", Srv, "api.shop.local. 10 1 1 80 a.api.shop.local.");
    check(&world, "a.api.shop.local", A, "a.api.shop.local. 10 10.0.0.1");
    check(&world, "api.shop.local", A, "");
}
